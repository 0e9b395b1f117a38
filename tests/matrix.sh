#!/bin/bash
# The suite inside root file systems of later Debian releases, against their HAProxy and etcd:
#
#	tests/matrix.sh [SUITE...]      trixie sid experimental; experimental is sid with its HAProxy
#
# Root only.  The root file systems are made once by debootstrap and kept in MATRIX_DIR (default
# ~/.cache/mayfly-matrix) from MATRIX_MIRROR (default: the host's own), MATRIX_FRESH=1 makes them anew.
# STORIES='81 82' runs these alone.  The story that brings one version after the other is longer here.
# Mounts and processes are in namespaces of their own and go with them.  No Docker engine comes up in
# there.  Ends with a line per suite, which names the stories that were skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
cache=${MATRIX_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mayfly-matrix}
mirror=${MATRIX_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | head -n 1)}
suites=("$@")
((${#suites[@]} > 0)) || suites=(trixie sid experimental)
lines=()

((EUID == 0)) || { echo 'matrix: only root can make a root file system' >&2 && exit 77; }

# In a root file system, with /proc and /dev, which go when the command does.
enter() { # ROOT COMMAND...
	local root=$1

	shift
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --pid --fork --kill-child bash -c '
		root=$1
		shift
		mount --make-rprivate / && mount -t proc proc "$root/proc" &&
			mount --rbind /dev "$root/dev" || exit 1
		exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
			LANG=C.UTF-8 "$@"' enter "$root" "$@"
}

# The same with a loopback of its own, so that no port is anybody else's.
enter_alone() { # ROOT COMMAND...
	local root=$1

	shift
	unshare --net bash -c "$(declare -f enter); "'
		enter "$1" ip link set lo up && enter "$@"' enter_alone "$root" "$@"
}

# What contrib/deps.sh would install, so that nothing has to be fetched from inside.
packages() {
	sed -n '/^table=/,/^'\''$/p' contrib/deps.sh |
		awk '$1 ~ /^(build|servers|test)$/ { print $2 }'
}

prepare() { # SUITE ROOT
	local suite=$1 root=$2

	[[ -z ${MATRIX_FRESH:-} ]] || rm -rf "$root"
	[[ $(cat "$root/ready" 2>/dev/null) != "$(packages)" ]] || return 0
	[[ -e $root/ready ]] || make_root "$suite" "$root" || return 1
	# shellcheck disable=SC2046 # a list of words
	enter "$root" DEBIAN_FRONTEND=noninteractive sh -ec '
		apt-get update -q
		apt-get install -q -y --no-install-recommends iproute2 procps "$@"
		[ "$0" != experimental ] || apt-get install -q -y -t experimental haproxy
		apt-get clean' "$suite" $(packages) >>"$root.log" 2>&1 || return 1
	packages >"$root/ready"
}

make_root() { # SUITE ROOT
	local suite=$1 root=$2 base=$1

	rm -rf "$root"
	[[ $suite != experimental ]] || base=sid
	echo "matrix: making $suite in $root"
	debootstrap --variant=minbase "$base" "$root" "$mirror" >"$root.log" 2>&1 || return 1
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	# A mirror may be of some day before.
	echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90mirror"
	if [[ $suite == experimental ]]; then
		printf 'deb %s %s main\n' "$mirror" experimental >"$root/etc/apt/sources.list.d/experimental.list"
	fi
}

# The sources as they are here, committed or not; objects of an earlier run stay.
copy_sources() { # ROOT
	find "$1/mayfly" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} + 2>/dev/null
	mkdir -p "$1/mayfly"
	git ls-files -z --cached --others --exclude-standard | tar --null -T - -c | tar -x -C "$1/mayfly"
}

run_suite() { # SUITE
	local suite=$1 root=$cache/$1 results=$cache/$1/mayfly/build/tap versions skipped story=()

	prepare "$suite" "$root" || { tail -n 20 "$root.log" >&2 && return 1; }
	copy_sources "$root" || return 1
	rm -rf "$results"
	mkdir -p "$results"
	for number in ${STORIES:-}; do
		story+=("tests/integration/$number"-*.sh)
	done
	printf '\n== %s\n' "$suite"
	versions=$(enter "$root" sh -c 'haproxy -v | sed -n "s/^HAProxy version \([^ ]*\).*/HAProxy \1/p"
		etcd --version | sed -n "s/etcd Version: /etcd /p"' | paste -sd ' ')
	echo "$versions"
	enter "$root" make -C /mayfly -j"$(nproc)" --no-print-directory programs || return 1
	enter_alone "$root" REQUIRE_ALL=1 WITHOUT_DOCKER=1 TAP_DIR=/mayfly/build/tap SLOW="${SLOW:-1}" \
		ROUNDS=400 VERSIONS=2000 make -C /mayfly --no-print-directory run-tests \
		JOBS="${JOBS:-2}" ${STORIES:+unit= replay= story="${story[*]}"}
	skipped=$(cd "$results" && grep -l '^1\.\.0 # SKIP' -- *.tap | sed 's/\.tap$//' | paste -sd ' ')
	lines+=("$suite ($versions${skipped:+; skipped: $skipped}): $(tests/count.sh 0 "$results" | tail -n 1)")
}

contrib/deps.sh -q build servers test matrix || exit 69
mkdir -p "$cache" || exit 73
failed=0
for suite in "${suites[@]}"; do
	run_suite "$suite" || { lines+=("$suite: not run") && failed=1; }
done
printf '\n'
printf '%s\n' "${lines[@]}"
! printf '%s\n' "${lines[@]}" | grep -qv ' 0 failed$' && ((failed == 0))
