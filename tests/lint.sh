#!/bin/bash
# Everything about the sources that a program can check.  Called by `make lint`, which says where
# scripts and pages are and how sources are compiled; `tests/lint.sh CHECK...` runs only those.
set -u
MAKE=${MAKE:-make}
jobs=$(nproc)
shopt -s nullglob
sources=(src/*/*.c tests/*/*.c contrib/*.c)
headers=(src/*/*.h tests/*/*.h)
# Unit tests are left out of the analysis: nobody can see through Check's macros.
analysed=(src/*/*.c tests/tools/*.c tests/fuzz/*.c)
read -r -a scripts <<<"${scripts:-}"
read -r -a pages <<<"${pages:-}"
# As make has it, with the shell's quotes around some values.
cppflags=() warnings_on=()
eval "cppflags=(${all_cppflags:--iquote src -D_GNU_SOURCE})"
read -r -a warnings_on <<<"${warnings:-}"

check_format() { clang-format --dry-run -Werror "${sources[@]}" "${headers[@]}"; }

# Which rooms a room may look into, and which room alone may use a library.
declare -A may=(
	[base]='base'
	[sys]='base sys'
	[model]='base model'
	[render]='base model render'
	[store]='base model store sys'
	[register]='base model store sys register'
	[apply]='base model render apply sys'
	[report]='base sys model store apply report'
	[operator]='base sys model render store apply operator'
	[console]='base sys model store render operator console'
	[cmd]='base sys model render store register apply report operator cmd'
)
libraries=(
	'^yaml\.h$|^src/model/node'
	'^curl/|^src/sys/(loop|http)[a-z_]*\.[ch]$'
	'^jansson\.h$|^src/base/json\.c$'
)

check_layering() {
	local file line room target library pattern allowed bad=0

	while IFS=: read -r file line; do
		room=${file#src/}
		room=${room%%/*}
		target=${line#*[<\"]}
		target=${target%%[>\"]*}
		if [[ $line == *'"'* && " ${may[$room]:-} " != *" ${target%%/*} "* ]]; then
			printf '%s: %s: %s may not look into %s\n' "$file" "$line" "$room" "${target%%/*}"
			bad=1
		fi
		for library in "${libraries[@]}"; do
			pattern=${library%%|*}
			allowed=${library#*|}
			if [[ $line == *'<'* && $target =~ $pattern && ! $file =~ $allowed ]]; then
				printf '%s: %s: not here\n' "$file" "$line"
				bad=1
			fi
		done
	done < <(grep -HE '^ *# *include' src/*/*.[ch])
	return "$bad"
}

check_headers() {
	local header bad=0

	for header in "${headers[@]}"; do
		grep -qE '^#ifndef MF_' "$header" || { echo "$header: no guard" && bad=1; }
		echo "#include \"$header\"" | clang "${cppflags[@]}" "${warnings_on[@]}" -Werror -std=c11 -O2 \
			-iquote . -fsyntax-only -x c - || bad=1
	done
	return "$bad"
}

check_gcc() {
	"$MAKE" --no-print-directory -j"$jobs" BUILD=build/lint-gcc CC=gcc CFLAGS='-O2 -Werror' programs >/dev/null
}
check_clang() {
	"$MAKE" --no-print-directory -j"$jobs" BUILD=build/lint-clang CC=clang CFLAGS='-O2 -Werror' programs \
		>/dev/null
}

# Whatever is left of the output of a checker is a finding.
nothing_but() { ! grep -vE "$1"; }

check_tidy() {
	printf '%s\n' "${analysed[@]}" |
		xargs -P "$jobs" -I '{}' clang-tidy --quiet '{}' -- -std=c11 -O2 "${cppflags[@]}" 2>&1 |
		nothing_but '^[0-9]+ warnings? generated\.$'
}

# It is misled by the structs that the log's macros build, and by not reading libraries' headers.
check_cppcheck() {
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr -j "$jobs" \
		--suppress=missingIncludeSystem --suppress=unknownEvaluationOrder \
		--suppress=literalWithCharPtrCompare --suppress=preprocessorErrorDirective \
		--suppress=unknownMacro:src/base/strmap.c \
		--error-exitcode=1 -I src -D_GNU_SOURCE "${analysed[@]}"
}

check_shell() { shellcheck "${scripts[@]}"; }

# Manuals of other packages need not be installed.  By lines, since two streams become one.
check_pages() {
	"$MAKE" --no-print-directory pages >/dev/null || return
	stdbuf -oL mandoc -T lint -W style "${pages[@]}" 2>&1 |
		nothing_but 'referenced manual not found|mandoc\.db lacks'
}

# What zsh and fish make of their files, where they are installed.
check_completions() {
	! command -v zsh >/dev/null || zsh -n contrib/completions/_mayfly || return
	! command -v fish >/dev/null || fish --no-execute contrib/completions/mayfly.fish
}

# What --help prints, of each command if there are such with a help of their own.
help_of() { # TOOL
	local noun

	"build/bin/$1" --help
	[[ $1 != mayfly ]] || for noun in $(build/bin/mayfly __complete); do
		build/bin/mayfly "$noun" --help
	done
}

# The options that a tool's --help lists under a title, and those that a manual page lists, a line
# each: "-n --dry-run", "--once".
options_of_help() { # TOOL TITLE
	help_of "$1" | sed -n "/^$2:\$/,/^\$/ s/^  \(-.\)*,* *\(--[a-z-]*\).*/\1 \2/p" |
		sed 's/^ //' | sort -u
}
options_of_page() { # PAGE
	awk '/^\.It Fl / {
		letter = ""
		for (i = 2; i < NF; i++) {
			if ($i != "Fl")
				continue
			if ($(i + 1) ~ /^-/) {
				print letter "-" $(i + 1)
				letter = ""
			} else {
				letter = "-" $(i + 1) " "
			}
		}
	}' "$1" | sort -u
}

# Every option is in the manual page, and every option of the page is one.
check_options() {
	local tool bad=0

	"$MAKE" --no-print-directory -j"$jobs" all >/dev/null || return
	for tool in build/bin/*; do
		tool=${tool##*/}
		diff --label "$tool --help" --label "man/$tool.1" -U0 <(options_of_help "$tool" options) \
			<(options_of_page "man/$tool.1") || bad=1
		diff --label "$tool --help" --label man/mayfly.7 -U0 <(options_of_help "$tool" 'common options') \
			<(options_of_page man/mayfly.7) || bad=1
	done
	return "$bad"
}

# No eight lines stand in two places.
check_duplicates() { awk -v least=8 -f tests/duplicates.awk src/*/*.[ch]; }

all=(format layering headers shell pages completions duplicates gcc clang options cppcheck tidy)
(($# > 0)) || set -- "${all[@]}"
failed=()
for check; do
	if output=$("check_$check" 2>&1) && [[ -z $output ]]; then
		printf 'ok      %s\n' "$check"
	else
		printf '%s\nfailed  %s\n' "$output" "$check"
		failed+=("$check")
	fi
done
((${#failed[@]} == 0)) || { printf 'lint: failed: %s\n' "${failed[*]}" && exit 1; }
