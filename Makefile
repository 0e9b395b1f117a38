# Mayfly: `make help` lists the targets.  Not recursive; objects go below $(BUILD).

VERSION = 0.1.0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share/mayfly
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system

BUILD ?= build
CFLAGS ?= -O2 -g
V ?= 0
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-6s %s\n' '$(1)' '$(2)';)

.DEFAULT_GOAL = all
.DELETE_ON_ERROR:
.SUFFIXES:

# --- flags -------------------------------------------------------------------------------------

warnings = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -Wvla \
	-Wimplicit-fallthrough -Wnull-dereference
# Those flags that this compiler has for this machine.
supported = $(foreach flag,$(1),$(shell $(CC) -Werror $(flag) -c -x c -o /dev/null /dev/null 2>/dev/null && echo $(flag)))
harden_c := -fstack-protector-strong -fPIE \
	$(call supported,-fstack-clash-protection -fcf-protection=full)
harden_ld = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
# _FORTIFY_SOURCE needs optimisation, and gets in the way of the sanitizers.  Where the compiler does
# not support level 3, the C library's headers warn of it: then 2.
fortify := $(shell printf '\043include <stdio.h>\n' | \
	$(CC) -Werror -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -c -x c -o /dev/null - 2>/dev/null && echo 3 || echo 2)
HARDEN_CPP ?= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(fortify)
SANITIZE ?=

pkgs = yaml-0.1 jansson libcurl openssl
pkg_cflags := $(shell pkg-config --cflags $(pkgs) 2>/dev/null)
pkg_libs := $(shell pkg-config --libs $(pkgs) 2>/dev/null)
check_libs = $(shell pkg-config --libs check 2>/dev/null)

# Quoted includes only: <sys/file.h> is the system's, "sys/file.h" is ours.
all_cppflags = -iquote src -D_GNU_SOURCE -DMAYFLY_VERSION='"$(VERSION)"' -DMAYFLY_DATADIR='"$(DATADIR)"' \
	-DMAYFLY_SYSCONFDIR='"$(SYSCONFDIR)"' $(HARDEN_CPP) $(pkg_cflags) $(CPPFLAGS)
all_cflags = -std=c11 $(warnings) $(harden_c) $(SANITIZE) $(CFLAGS)
all_ldflags = $(harden_ld) $(SANITIZE) $(LDFLAGS)

# --- what there is -----------------------------------------------------------------------------

# A file is built because it is there.  In src/cmd, what has a manual page of its name in section 1 is a
# tool; the rest are parts that tools share.
tools = $(patsubst man/%.1,%,$(wildcard man/*.1))
tool_src = $(patsubst %,src/cmd/%.c,$(tools))
lib_src = $(filter-out $(tool_src),$(wildcard src/*/*.c))
lib = $(BUILD)/libmayfly.a
bins = $(patsubst %,$(BUILD)/bin/%,$(tools))

unit_src = $(wildcard tests/unit/test_*.c)
unit = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(unit_src))
helper_src = $(wildcard tests/tools/*.c)
helpers = $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(helper_src))
fuzz_src = $(wildcard tests/fuzz/fuzz_*.c)
replay = $(patsubst tests/fuzz/%.c,$(BUILD)/tests/replay/%,$(fuzz_src))
story = $(sort $(wildcard tests/integration/[0-9]*.sh))
scripts = $(wildcard tests/*.sh tests/*/*.sh contrib/*.sh contrib/*/*.sh contrib/git-hooks/* \
	contrib/completions/mayfly findings/*.sh .ci/run)
pages = $(patsubst %,$(BUILD)/%,$(wildcard man/*.[1-9]))
schemas = $(patsubst %,$(BUILD)/schema/%.json,environment service services settings policy etcd-service etcd-instance)
# Of what mayfly prints for programs; the stamp stands for all of them.
shapes = $(BUILD)/schema/output/stamp
# What /etc/mayfly/mayfly.yaml may begin with.
example_settings = $(BUILD)/mayfly.yaml

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
deps_of = $(patsubst %.o,%.d,$(1))

# --- build -------------------------------------------------------------------------------------

.PHONY: all
all: $(bins) $(pages) $(schemas) $(shapes) $(example_settings) ## build the tools into build/bin

$(BUILD)/obj/%.o: %.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cppflags) $(all_cflags) -MMD -MP -c -o $@ $<

# The shipped templates, and the page of the console, are part of the programs, so that they need no data
# folder to work.  embed HEADER,STRUCT,NAME,FILES,SUFFIX: a table of them.
shipped = $(wildcard templates/*.mustache)
page = $(wildcard src/console/page/*)
embed = { echo '\#include "$(1)"'; echo 'const struct $(2) $(3)[] = {'; \
	for f in $(4); do \
		printf '\t{"%s", (const char[]){' "$$(basename "$$f" $(5))"; \
		od -An -v -tx1 "$$f" | sed 's/ \(..\)/(char)0x\1,/g'; \
		printf '0}, %s},\n' "$$(wc -c <"$$f")"; \
	done; \
	echo '	{NULL, NULL, 0},'; echo '};'; }
$(BUILD)/gen/builtin.c: $(shipped) Makefile
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(call embed,render/builtin.h,builtin_template,builtin_templates,$(shipped),.mustache) >$@
$(BUILD)/gen/page.c: $(page) Makefile
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(call embed,console/page.h,page_file,page_files,$(page)) >$@

$(BUILD)/obj/%.o: $(BUILD)/gen/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cppflags) $(all_cflags) -Wno-overlength-strings -c -o $@ $<

# Lists of keys in manual pages, and schemas, come from the tables by which files are read.
docs = $(BUILD)/docs
$(docs): $(BUILD)/obj/contrib/docs.o $(BUILD)/libmayfly.a
	$(call say,LD,$@)
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(pkg_libs) $(LDLIBS)

$(BUILD)/man/%: man/% $(docs)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(docs) page $< >$@

.PHONY: pages
pages: $(pages)

$(BUILD)/schema/%.json: $(docs)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(docs) schema $* >$@

$(shapes): $(docs)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $(@D)/*.json && $(docs) shapes $(@D) && touch $@

$(example_settings): $(docs)
	$(call say,GEN,$@)
	$(Q)$(docs) example settings >$@

# The list is a prerequisite, too: when a source is gone, no object is newer, but the library must change.
lib_obj = $(call obj,$(lib_src)) $(BUILD)/obj/builtin.o $(BUILD)/obj/page.o
# Below BUILD, so that another word for the same directory changes nothing.
lib_names = $(patsubst $(BUILD)/%,%,$(lib_obj))
.PHONY: always
$(BUILD)/lib.list: always
	@mkdir -p $(@D)
	@echo '$(lib_names)' | cmp -s - $@ || echo '$(lib_names)' >$@

$(lib): $(lib_obj) $(BUILD)/lib.list
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) qcs $@ $(lib_obj)

$(BUILD)/bin/%: $(BUILD)/obj/src/cmd/%.o $(lib)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(pkg_libs) $(LDLIBS)

$(BUILD)/tests/test_%: $(BUILD)/obj/tests/unit/test_%.o $(lib)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(pkg_libs) $(check_libs)

$(BUILD)/tests/tools/%: $(BUILD)/obj/tests/tools/%.o $(lib)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -pthread -o $@ $^ $(pkg_libs) -lresolv

$(BUILD)/tests/replay/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o $(lib)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(pkg_libs)

-include $(call deps_of,$(call obj,$(lib_src) $(tool_src) $(unit_src) $(helper_src) \
	$(fuzz_src) tests/fuzz/replay.c contrib/docs.c))

$(BUILD)/fuzzers/%: $(BUILD)/obj/tests/fuzz/%.o $(lib)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -fsanitize=fuzzer -o $@ $^ $(pkg_libs)

.SECONDARY:

# --- what a person asks for --------------------------------------------------------------------

# Tools are found and flags asked for when make starts, so what needs packages first calls make again.
again = +$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
sanitizers = -fsanitize=address,undefined -fno-sanitize-recover=all

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: deps
deps: ## install what is missing from Debian's packages (root or sudo)
	@contrib/deps.sh $(GROUPS)

.PHONY: demo
demo: ## see it work: etcd, HAProxy, dnsmasq and all tools, on loopback (STEP=1 waits for Enter)
	@contrib/deps.sh -q build servers
	@$(again) all helpers
	@BUILD=$(BUILD) contrib/demo/demo.sh

.PHONY: check
check: ## prove it: unit tests, fuzz corpora, and stories with the real servers
	@contrib/deps.sh -q build servers test
	@$(again) programs
	@$(MAKE) --no-print-directory run-tests

.PHONY: check-unit
check-unit: ## the unit tests and the fuzz corpora alone
	@contrib/deps.sh -q build test
	@$(again) programs
	@$(MAKE) --no-print-directory run-tests story=

.PHONY: asan
asan: ## the whole suite under AddressSanitizer and UBSan, in build/asan
	@contrib/deps.sh -q build servers test
	@$(again) run-tests SLOW=3 BUILD=build/asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		HARDEN_CPP=-U_FORTIFY_SOURCE SANITIZE='$(sanitizers)'

.PHONY: valgrind
valgrind: ## the whole suite with unit tests and tools under valgrind
	@contrib/deps.sh -q build servers test lint
	@$(again) programs
	@VALGRIND=1 $(MAKE) --no-print-directory run-tests

.PHONY: coverage
coverage: ## the whole suite with line coverage, in build/coverage
	@contrib/deps.sh -q build servers test lint
	@rm -rf build/coverage
	@$(again) run-tests BUILD=build/coverage CFLAGS='-O0 -g --coverage -fprofile-update=atomic' \
		HARDEN_CPP=-U_FORTIFY_SOURCE || echo 'coverage: what follows is of tests that failed, too' >&2
	lcov -q --capture --directory build/coverage/obj/src --output-file build/coverage/info
	lcov -q --list build/coverage/info
	genhtml -q --output-directory build/coverage/html build/coverage/info

SUITES ?=
.PHONY: matrix
matrix: ## the suite in root file systems of later Debian releases (root; SUITES='trixie sid experimental')
	@tests/matrix.sh $(SUITES)

.PHONY: check-package
check-package: ## install, use, upgrade and remove the package in booted Debian roots (root; SUITES='bookworm trixie')
	@tests/package.sh $(SUITES)

FUZZ_TIME ?= 300
.PHONY: fuzz
fuzz: ## every fuzzer for FUZZ_TIME=300 seconds, in build/fuzz (clang)
	@contrib/deps.sh -q build lint
	@$(again) fuzzers BUILD=build/fuzz CC=clang CFLAGS='-O1 -g' HARDEN_CPP=-U_FORTIFY_SOURCE \
		SANITIZE='$(sanitizers) -fsanitize=fuzzer-no-link'
	FUZZ_TIME=$(FUZZ_TIME) tests/fuzz/run.sh $(patsubst tests/fuzz/%.c,build/fuzz/fuzzers/%,$(fuzz_src))

.PHONY: lint
lint: export all_cppflags := $(all_cppflags)
lint: export warnings := $(warnings)
lint: export scripts := $(scripts)
lint: export pages := $(pages)
lint: ## every checker: formatting, analysers, layering, headers, scripts, manual pages
	@contrib/deps.sh -q build lint
	+@MAKE='$(MAKE)' tests/lint.sh $(CHECKS)

.PHONY: format
format: ## clang-format every source in place
	clang-format -i $(wildcard src/*/*.[ch] tests/*/*.[ch])

.PHONY: golden
golden: $(BUILD)/tests/test_output ## render the golden files in tests/data again
	GOLDEN_WRITE=1 $<

.PHONY: programs helpers fuzzers run-tests
helpers: $(helpers)
programs: all $(unit) $(helpers) $(replay) bench-programs
fuzzers: $(patsubst tests/fuzz/%.c,$(BUILD)/fuzzers/%,$(fuzz_src))

# TAP_DIR=DIR keeps the results; JOBS stories run side by side.  AGAIN=1 gives a few that fail a second
# try, alone, and names those that need it: a machine that is shared has bad moments.
JOBS ?= 2
AGAIN ?=
run-tests: programs
	$(Q)BUILD=$(BUILD) AGAIN=$(AGAIN) tests/run.sh -j$(JOBS) $(PROVE_FLAGS) -- \
		$(unit) $(replay) $(story)

# --- bench -------------------------------------------------------------------------------------

# What has a header is a part that the programs share.
bench_parts = $(patsubst tests/bench/%.h,%,$(wildcard tests/bench/*.h))
bench_tools = $(filter-out $(bench_parts),$(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c)))
bench_bin = $(patsubst %,$(BUILD)/bench/%,$(bench_tools))
bench_obj = $(call obj,$(patsubst %,tests/bench/%.c,$(bench_tools) $(bench_parts)))

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(patsubst %,$(BUILD)/obj/tests/bench/%.o,$(bench_parts)) $(lib)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cflags) $(all_ldflags) -o $@ $^ $(pkg_libs) $(LDLIBS)

-include $(call deps_of,$(bench_obj))

# Those of BENCH_ONLY=tenant, which takes another revision, too, and of family are of their own.
bench_script = $(if $(filter tenant family,$(BENCH_ONLY)),$(BENCH_ONLY).sh,$(if $(BASE),compare.sh,$(if $(PEERS),peers.sh,run.sh)))

.PHONY: bench bench-programs
bench-programs: $(bench_bin)
bench: ## measure it with the real servers (BENCH_QUICK=1: fewer), beside another revision (BASE=REV) or its peers (PEERS=1)
	@contrib/deps.sh -q build servers
	@$(again) all helpers bench-programs
	@CC='$(CC)' BUILD=$(BUILD) BENCH_QUICK=$(BENCH_QUICK) tests/bench/$(bench_script) $(if $(BASE),'$(BASE)')

# --- install -----------------------------------------------------------------------------------

INSTALL ?= install
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
units = $(wildcard contrib/systemd/*.service)
# Whoever installs owns them, and the tools only read there.
conf_dirs = $(addprefix $(DESTDIR)$(SYSCONFDIR)/mayfly/,environments instances services.d templates)
# What pages and units say of where things are.
places = s|/usr/local/share/mayfly|$(DATADIR)|g; s|/usr/local/bin/|$(BINDIR)/|g; s|/etc/mayfly|$(SYSCONFDIR)/mayfly|g; \
	s|@BINDIR@|$(BINDIR)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g
example_dirs = $(patsubst contrib/%/,%,$(wildcard contrib/examples/*/))

.PHONY: install
install: all ## install below DESTDIR and PREFIX
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(DATADIR)/templates $(DESTDIR)$(DATADIR)/schema $(DESTDIR)$(UNITDIR) \
		$(addprefix $(DESTDIR),$(COMPLETIONDIR) $(ZSHDIR) $(FISHDIR)) $(addprefix $(DESTDIR)$(DATADIR)/,prometheus examples $(example_dirs)) \
		$(addprefix $(DESTDIR)$(MANDIR)/man,$(sort $(patsubst .%,%,$(suffix $(pages))))) \
		$(DESTDIR)$(SYSUSERSDIR)
	$(INSTALL) -d -m 755 $(DESTDIR)$(SYSCONFDIR)/mayfly $(conf_dirs)
	$(INSTALL) -m 755 $(bins) $(DESTDIR)$(BINDIR)/
	$(INSTALL) -m 644 $(shipped) $(DESTDIR)$(DATADIR)/templates/
	$(INSTALL) -m 644 $(schemas) $(DESTDIR)$(DATADIR)/
	$(INSTALL) -m 644 $(dir $(shapes))*.json $(DESTDIR)$(DATADIR)/schema/
	$(INSTALL) -m 644 $(example_settings) $(DESTDIR)$(DATADIR)/examples/
	$(foreach dir,$(example_dirs),$(INSTALL) -m 644 $(wildcard contrib/$(dir)/*.yaml) \
		$(DESTDIR)$(DATADIR)/$(dir)/ && ) true
	$(INSTALL) -m 644 $(wildcard contrib/prometheus/*) $(DESTDIR)$(DATADIR)/prometheus/
	$(INSTALL) -m 644 contrib/systemd/mayfly.sysusers $(DESTDIR)$(SYSUSERSDIR)/mayfly.conf
	$(INSTALL) -m 644 contrib/completions/mayfly $(DESTDIR)$(COMPLETIONDIR)/
	$(INSTALL) -m 644 contrib/completions/_mayfly $(DESTDIR)$(ZSHDIR)/
	$(INSTALL) -m 644 contrib/completions/mayfly.fish $(DESTDIR)$(FISHDIR)/
	$(foreach tool,$(filter-out mayfly,$(tools)),ln -sf mayfly $(DESTDIR)$(COMPLETIONDIR)/$(tool) && \
		ln -sf mayfly.fish $(DESTDIR)$(FISHDIR)/$(tool).fish && ) true
	for file in $(pages) $(units); do \
		case $$file in \
		*.service) to=$(DESTDIR)$(UNITDIR)/$${file##*/} ;; \
		*) to=$(DESTDIR)$(MANDIR)/man$${file##*.}/$${file##*/} ;; \
		esac; \
		sed '$(places)' $$file >$$to && chmod 644 $$to || exit; \
	done

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(notdir $(bins))) \
		$(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(units))) $(DESTDIR)$(SYSUSERSDIR)/mayfly.conf \
		$(addprefix $(DESTDIR)$(COMPLETIONDIR)/,mayfly $(tools)) $(DESTDIR)$(ZSHDIR)/_mayfly \
		$(addprefix $(DESTDIR)$(FISHDIR)/,$(addsuffix .fish,mayfly $(tools))) \
		$(foreach page,$(pages),$(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page)))
	rm -rf $(DESTDIR)$(DATADIR)
	rmdir --ignore-fail-on-non-empty $(wildcard $(conf_dirs) $(DESTDIR)$(SYSCONFDIR)/mayfly)

.PHONY: dist
dist: ## pack what is committed as build/mayfly-VERSION.tar.gz
	@mkdir -p $(BUILD)
	git archive --prefix=mayfly-$(VERSION)/ -o $(BUILD)/mayfly-$(VERSION).tar.gz HEAD

.PHONY: deb
deb: ## build the Debian package of what is committed, build/mayfly_*.deb
	@contrib/deps.sh -q build package
	@contrib/debian/build.sh $(VERSION) $(BUILD)

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BUILD)
