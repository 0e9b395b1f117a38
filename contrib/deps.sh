#!/bin/sh
# Installs from Debian's packages what is missing to build, run, test and check Mayfly; says what,
# and does nothing when all is there.
#
#	contrib/deps.sh [-q] [build] [servers] [test] [docker] [browser] [lint] [package] [matrix]
#		no group: all but matrix
#
# Where HAProxy, etcd or Docker is installed only because of this, its service is neither started nor
# enabled: the tests and the demo start their own.  `systemctl enable --now haproxy` turns it on.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# group, package (the first that there is of those between |), how to see that it is there: a command,
# a pkg-config module, a header or a file that the C compiler can find
table='
build	gcc	cmd:cc
build	libc6-dev	header:stdio.h
build	make	cmd:make
build	pkg-config	cmd:pkg-config
build	libyaml-dev	pkg:yaml-0.1
build	libjansson-dev	pkg:jansson
build	libcurl4-openssl-dev	pkg:libcurl
build	libssl-dev	pkg:openssl
servers	etcd-server	cmd:etcd
servers	etcd-client	cmd:etcdctl
servers	haproxy	cmd:haproxy
servers	dnsmasq-base	cmd:dnsmasq
servers	bind9-dnsutils	cmd:dig
servers	curl	cmd:curl
servers	socat	cmd:socat
servers	util-linux	cmd:setsid
servers	diffutils	cmd:diff
test	check	pkg:check
test	perl	cmd:prove
test	openssl	cmd:openssl
test	iproute2	cmd:ip
test	util-linux	cmd:unshare
test	procps	cmd:ps
test	git	cmd:git
test	python3	cmd:python3
test	prometheus	cmd:promtool
test	nghttp2-client	cmd:nghttp
test	nghttp2-server	cmd:nghttpd
docker	docker.io	cmd:dockerd
docker	docker-cli|docker.io	cmd:docker
docker	docker-compose	cmd:docker-compose
docker	busybox-static	cmd:busybox
docker	iproute2	cmd:ip
browser	chromium	cmd:chromium
browser	chromium-driver	cmd:chromedriver
lint	git	cmd:git
lint	clang	cmd:clang
lint	libclang-rt-dev	runtime:
lint	clang-format	cmd:clang-format
lint	clang-tidy	cmd:clang-tidy
lint	cppcheck	cmd:cppcheck
lint	shellcheck	cmd:shellcheck
lint	mandoc	cmd:mandoc
lint	valgrind	cmd:valgrind
lint	lcov	cmd:lcov
package	debhelper	cmd:dh
package	dpkg-dev	cmd:dpkg-buildpackage
package	lintian	cmd:lintian
matrix	debootstrap	cmd:debootstrap
matrix	util-linux	cmd:unshare
matrix	systemd-container	cmd:systemd-nspawn
'

is_there() { # PROBE
	case $1 in
	cmd:*) command -v "${1#*:}" >/dev/null ;;
	pkg:*) command -v pkg-config >/dev/null && pkg-config --exists "${1#*:}" ;;
	header:*) command -v cc >/dev/null && echo "#include <${1#*:}>" | cc -E -x c - >/dev/null 2>&1 ;;
	# clang without its runtime cannot link the sanitizers and the fuzzers
	runtime:) command -v clang >/dev/null && ls "$(clang -print-resource-dir)"/lib/linux/*fuzzer* >/dev/null 2>&1 ;;
	esac
}

# The first of the names between | that this Debian has.
choose_package() {
	for name in $(printf '%s' "$1" | tr '|' ' '); do
		if apt-cache show "$name" >/dev/null 2>&1; then
			break
		fi
	done
	printf '%s\n' "$name"
}

# As root: install packages; keep the services of new ones from being started and enabled.
install_packages() {
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		trap 'exit 130' INT TERM HUP
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q || echo 'deps: apt-get update failed; trying with the lists that are here' >&2
	for package; do
		shift
		set -- "$@" "$(choose_package "$package")"
	done
	apt-get install -q -y --no-install-recommends "$@"
	for package; do
		case $package in
		etcd-server) service=etcd ;;
		haproxy) service=haproxy ;;
		prometheus) service=prometheus ;;
		docker.io) service=docker ;;
		*) continue ;;
		esac
		if command -v systemctl >/dev/null; then
			systemctl disable --quiet "$service" || true
			[ "$service" != docker ] || systemctl disable --quiet docker.socket || true
		elif command -v update-rc.d >/dev/null; then
			update-rc.d "$service" disable || true
		fi
	done
}

if [ "${1:-}" = --install ]; then
	shift
	install_packages "$@"
	exit 0
fi

quiet=
if [ "${1:-}" = -q ]; then
	quiet=1
	shift
fi
groups=" ${*:-build servers test docker browser lint} "
missing=''
there=''
while read -r group package probe; do
	case $groups in
	*" $group "*) ;;
	*) continue ;;
	esac
	if is_there "$probe"; then
		there="$there $package"
	else
		missing="$missing $package"
	fi
done <<EOT
$(printf '%s' "$table" | sed '/^$/d')
EOT

[ -n "$quiet" ] || echo "deps: there:${there:- nothing}"
if [ -z "$missing" ]; then
	[ -n "$quiet" ] || echo 'deps: nothing is missing'
	exit 0
fi
echo "deps: missing:$missing"
if ! command -v apt-get >/dev/null; then
	echo 'deps: no apt-get here: install them (or what they are called here) by hand' >&2
	exit 69
fi
# shellcheck disable=SC2086 # a list of words
if [ "$(id -u)" = 0 ]; then
	sh "$0" --install $missing
elif command -v sudo >/dev/null; then
	echo 'deps: sudo is asked for, to run apt-get'
	sudo sh "$0" --install $missing
else
	echo "deps: neither root nor sudo; as root: apt-get install$missing" >&2
	exit 77
fi
