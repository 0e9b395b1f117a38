#!/bin/bash
# The Debian package in booted root file systems of Debian releases: installed, used as README says,
# upgraded, removed and purged:
#
#	tests/package.sh [SUITE...]      bookworm trixie
#
# Root only.  The root file systems are made once by debootstrap and kept in MATRIX_DIR (default
# ~/.cache/mayfly-matrix) from MATRIX_MIRROR (default: the host's own); each run boots a copy of them by
# systemd-nspawn, which goes with the run.
set -u
cd "$(dirname "$0")/.." || exit 1
cache=${MATRIX_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mayfly-matrix}
mirror=${MATRIX_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | head -n 1)}
suites=("$@")
((${#suites[@]} > 0)) || suites=(bookworm trixie)
# What README tells to have, and what the package depends on, as there is no network in there.
packages=systemd-sysv,dbus,libpam-systemd,curl,haproxy,etcd-server,etcd-client,dnsmasq-base,procps,libjansson4,libyaml-0-2
work='' pid='' leader='' passed=0 failed=0

((EUID == 0)) || { echo 'package: only root can boot a root file system' >&2 && exit 77; }

on_exit() {
	# With the first process of the booted system all of it goes, and then systemd-nspawn.
	[[ -z $leader ]] || kill -KILL "$leader" 2>/dev/null
	[[ -z $pid ]] || { kill -TERM "$pid" && wait "$pid"; } 2>/dev/null
	[[ -z $work ]] || rm -rf "$work"
}
trap on_exit EXIT

check() { # WORDS COMMAND...
	local words=$1

	shift
	if "$@" >"$work/out" 2>&1; then
		((++passed))
		echo "ok      $words"
	else
		((++failed))
		echo "not ok  $words"
		sed 's/^/        /' "$work/out"
	fi
}

make_root() { # SUITE
	[[ ! -e $cache/booted-$1/ready ]] || return 0
	echo "package: making $1 in $cache/booted-$1"
	rm -rf "$cache/booted-$1"
	mkdir -p "$cache"
	debootstrap --variant=minbase "--include=$packages" "$1" "$cache/booted-$1" "$mirror" \
		>"$cache/booted-$1.log" 2>&1 || { tail -n 20 "$cache/booted-$1.log" >&2 && return 1; }
	chroot "$cache/booted-$1" systemctl disable -q haproxy etcd
	echo '127.0.0.1 localhost' >"$cache/booted-$1/etc/hosts"
	touch "$cache/booted-$1/ready"
}

# A command in the booted system, with all of its namespaces.
inside() { timeout 60 nsenter -t "$leader" -a -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }
shell() { inside sh -euc "$1"; }
until_true() { # COMMAND...
	local deadline=$((SECONDS + 60))

	while ! "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || { "$@" && return 1; }
		sleep 0.2
	done
}

boot() { # SUITE
	work=$(mktemp -d /var/tmp/mayfly-package.XXXXXX) || return 1
	cp -a --reflink=auto "$cache/booted-$1" "$work/root" || return 1
	# A loopback of its own, so that no port is anybody else's.
	systemd-nspawn -q -D "$work/root" --register=no --keep-unit --private-network -b \
		</dev/null >"$work/boot" 2>&1 &
	pid=$!
	until_true has_leader || return 1
	until_true inside systemctl is-active -q multi-user.target
}
has_leader() { leader=$(pgrep -P "$pid" | head -n 1) && [[ -n $leader ]]; }

# As the one before, so that an upgrade is one.
older_package() {
	dpkg-deb -R "$package" "$work/older" && sed -i 's/^Version: .*/Version: 0.0.1/' "$work/older/DEBIAN/control" &&
		dpkg-deb --root-owner-group -b "$work/older" "$work/root/root/older.deb"
}

is_off() { # UNIT: it is there, not enabled, and does not run
	[[ $(inside systemctl is-enabled "$1" 2>/dev/null) == disabled && $(inside systemctl is-active "$1") == inactive ]]
}
pid_of() { inside systemctl show -P MainPID "$1"; }
runs_anew() { # UNIT PID
	[[ $(inside systemctl is-active "$1") == active && $(pid_of "$1") != "$2" ]]
}
answers() { [[ $(inside curl -s -o /dev/null -w '%{http_code}' -H 'Host: www-dev.example.com' http://127.0.0.1/) == "$1" ]]; }

install_it() {
	local unit

	check 'the package before it is installed' inside dpkg -i /root/older.deb
	for unit in kvwatch envwatch svcregister-dir svcregister-docker; do
		check "$unit is not enabled" is_off "$unit"
	done
	check 'there is a user for kvwatch' inside id mayfly
	check 'directories belong to root' shell '[ "$(stat -c %U:%a /etc/mayfly /etc/mayfly/environments | sort -u)" = root:755 ]'
	check 'settings to begin with are valid' \
		shell 'cfgrender --dry-run --environments /usr/share/mayfly/examples/environments || [ $? = 2 ]'
}

# README's lines, and an environment of two files.
use_it() {
	check 'etcd is started' inside systemctl enable -q --now etcd
	check 'HAProxy is opened for kvwatch, as README says' shell "$(sed -n '/^systemd-sysusers /,/^systemctl restart/p' README.md)"
	check 'the tools are enabled' inside systemctl enable -q --now kvwatch envwatch svcregister-dir
	# shellcheck disable=SC2016 # perl's
	check 'a service listens' inside systemd-run -q --unit=app perl -MIO::Socket::INET -e '
		$listener = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1:8000", ReuseAddr => 1) or die $!;
		while ($client = $listener->accept) {
			while (<$client>) { last if /^\r?$/ }
			print $client "HTTP/1.0 200 OK\r\n\r\nhello\n";
			close $client;
		}'
	inside sh -c 'echo "{name: web, version: 1, port: 8000, address: 127.0.0.1}" >/etc/mayfly/services.d/web.yaml
		echo "{name: dev, services: [{name: web, version: 1, route: /}]}" >/etc/mayfly/environments/dev.yaml'
	check 'a file for the service and one for the environment: 200' until_true answers 200
	check 'kvwatch is not root' shell '[ "$(ps -o user= -p "$(systemctl show -P MainPID kvwatch)")" = mayfly ]'
}

upgrade_it() {
	local kvwatch envwatch dir

	kvwatch=$(pid_of kvwatch) envwatch=$(pid_of envwatch) dir=$(pid_of svcregister-dir)
	check 'it is upgraded' inside dpkg -i /root/mayfly.deb
	check 'kvwatch is started anew' until_true runs_anew kvwatch "$kvwatch"
	check 'envwatch is started anew' until_true runs_anew envwatch "$envwatch"
	check 'svcregister-dir is started anew' until_true runs_anew svcregister-dir "$dir"
	check 'what did not run does not run now' is_off svcregister-docker
	check 'settings stay as they were edited' shell 'grep -q ^haproxy: /etc/mayfly/mayfly.yaml'
	check 'the answer is the same' until_true answers 200
}

remove_it() {
	check 'it is removed' inside dpkg -r mayfly
	check 'what ran is stopped' shell '! systemctl is-active -q kvwatch envwatch svcregister-dir'
	check "HAProxy goes on with what it has" answers 200
	check 'it is purged' inside dpkg -P mayfly
	check 'what people wrote is there still' shell 'ls /etc/mayfly/environments/dev.yaml'
	check 'nothing else is' shell '[ ! -e /var/lib/mayfly ] && [ ! -e /etc/mayfly/mayfly.yaml ] && [ ! -e /etc/mayfly/templates ]'
}

run_suite() { # SUITE
	make_root "$1" || return 1
	printf '\n== %s\n' "$1"
	boot "$1" || return 1
	cp "$package" "$work/root/root/mayfly.deb"
	older_package >/dev/null || return 1
	install_it
	use_it
	upgrade_it
	remove_it
	on_exit
	pid='' leader='' work=''
}

contrib/deps.sh -q build package matrix || exit 69
package=$(make --no-print-directory deb | tail -n 1)
[[ -e $package ]] || exit 1
check_lint() { lintian --allow-root --fail-on error "$package"; }
work=$(mktemp -d) && check 'lintian finds no error' check_lint && rm -rf "$work"
for suite in "${suites[@]}"; do
	run_suite "$suite" || { echo "package: $suite was not booted" && ((++failed)); }
done
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
