#!/bin/bash
# etcd: whoever holds the lock "jobs/nightly" keeps the lock "jobs" from everybody else.
#
# One would expect: the lock service knows locks by their names, so that two different names are two
# independent locks.
#
# Seen with etcd 3.4.23 (Debian 12): while lease 11 holds "jobs/nightly", `/v3/lock/lock` of "jobs" by lease 12
# waits, though nobody holds "jobs", and is granted once "jobs/nightly" is let go.  It is so in this
# direction alone: while "jobs" is held, "jobs/nightly" is granted at once.  A lock is a key NAME/LEASE, and
# a waiter waits for all keys under NAME/ that are older than its own.  "jobs-nightly" is a name of its own.
#
# Needs Debian 12, apt-get and curl.  Exits 0 while this is so.
set -eu

tmp=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || :; wait; rm -rf "$tmp"' EXIT

unpack() { # PACKAGE=VERSION...: it and what of its libraries is missing, into $tmp
	mkdir -p "$tmp/debs/partial"
	apt-get -qq -y --download-only --no-install-recommends --reinstall --allow-downgrades \
		-o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dir::Cache::archives="$tmp/debs/" \
		install "$@" >&2
	for deb in "$tmp"/debs/*.deb; do dpkg-deb -x "$deb" "$tmp"; done
	LD_LIBRARY_PATH=$(echo "$tmp"/usr/lib/*-linux-gnu)
	export LD_LIBRARY_PATH
}

free_port() {
	local port
	while port=$((20000 + RANDOM % 12000)) && (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
	echo "$port"
}

start_etcd() { # on free ports, and waits until it answers
	client=$(free_port)
	local peer
	peer=$(free_port)
	"$tmp/usr/bin/etcd" --data-dir "$tmp/data" --listen-client-urls "http://127.0.0.1:$client" \
		--advertise-client-urls "http://127.0.0.1:$client" --listen-peer-urls "http://127.0.0.1:$peer" \
		--initial-advertise-peer-urls "http://127.0.0.1:$peer" \
		--initial-cluster "default=http://127.0.0.1:$peer" >"$tmp/etcd.log" 2>&1 &
	pids+=($!)
	until curl -s "127.0.0.1:$client/health" | grep -q true; do
		kill -0 "${pids[@]}"
		sleep 0.1
	done
}

call() { # PATH JSON: what etcd answers within 3 s
	curl -s -m 3 "127.0.0.1:$client/v3/$1" -d "$2" || echo 'no answer'
}

lock() { # NAME LEASE: whether it is granted
	case $(call lock/lock "{\"name\": \"$(printf %s "$1" | base64)\", \"lease\": $2}") in
	*'"key"'*) echo "$1 by lease $2: granted" ;;
	*'no answer') echo "$1 by lease $2: waits" ;;
	*) echo "$1 by lease $2: refused" ;;
	esac
}

holding() { # HELD OTHER: what becomes of OTHER while lease 11 holds HELD
	local lease
	for lease in 11 12; do call lease/grant "{\"ID\": $lease, \"TTL\": 60}" >"$tmp/out"; done
	lock "$1" 11
	lock "$2" 12
	call lease/revoke '{"ID": 11}' >"$tmp/out"
	lock "$2" 12
	call lease/revoke '{"ID": 12}' >"$tmp/out"
}

unpack etcd-server=3.4.23-4+b4
start_etcd
seen=$(holding jobs/nightly jobs && holding jobs jobs/nightly && holding jobs-nightly jobs)
echo "$seen"
[[ $seen = 'jobs/nightly by lease 11: granted
jobs by lease 12: waits
jobs by lease 12: granted
jobs by lease 11: granted
jobs/nightly by lease 12: granted
jobs/nightly by lease 12: granted
jobs-nightly by lease 11: granted
jobs by lease 12: granted
jobs by lease 12: granted' ]]
