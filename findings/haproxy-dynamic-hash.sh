#!/bin/bash
# HAProxy: of three servers added at run time to a consistent hash, one never gets a request.
#
# One would expect: a backend with `hash-type consistent` to which servers a, b and c are added over the
# runtime API spreads its keys as a backend does that has the same three lines in the file: `show servers
# state` gives both the ids 1, 2, 3, and says UP and weight 1 of all six.
#
# Seen with HAProxy 2.6.12 (Debian 12): a and c share all keys, b gets none, and half of the keys are
# elsewhere than in the backend from the file, so that a reload with these servers in the file moves them
# again.  The place on the ring seems to be computed before the server is given its id: with `id 1`, `id 2`,
# `id 3` said in `add server` all is as from the file.  `balance random` draws from the same ring, and leaves
# b out in the same way; `balance roundrobin` does not.
#
#	file:               cbcbbaaabacbcbbcbcbcbaabccbaaccacaccccccbcac
#	run time:           cccaccaacaaccaccaccaaccacaacaccaccccccccacc
#	run time, with id:  cbcbbaaabacbcbbcbcbcbaabccbaaccacaccccccbcac
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

cli() { # COMMANDS: to HAProxy's admin socket
	exec 3<>"/dev/tcp/127.0.0.1/$admin"
	echo "$1" >&3
	cat <&3
	exec 3>&-
}

servers_of() { # BACKEND: which server gets each of 60 keys
	for key in {1..60}; do curl -s -H "x-backend: $1" "127.0.0.1:$http/key-$key"; done
}

unpack haproxy=2.6.12-1+deb12u3
http=$(free_port) admin=$(free_port) a=$(free_port) b=$(free_port) c=$(free_port)
{
	cat <<-END
		global
		  stats socket ipv4@127.0.0.1:$admin level admin
		defaults
		  mode http
		  timeout connect 2s
		  timeout client 5s
		  timeout server 5s
		  balance uri
		  hash-type consistent
		frontend http
		  bind 127.0.0.1:$http
		  use_backend %[req.hdr(x-backend)]
		backend file
		  server a 127.0.0.1:$a
		  server b 127.0.0.1:$b
		  server c 127.0.0.1:$c
		backend run
		backend run-with-id
		backend random
		  balance random
	END
	for name in a b c; do
		printf 'frontend %s\n  bind 127.0.0.1:%s\n' "$name" "${!name}"
		printf '  http-request return status 200 content-type text/plain string %s\n' "$name"
	done
} >"$tmp/haproxy.cfg"
"$tmp/usr/sbin/haproxy" -db -f "$tmp/haproxy.cfg" 2>"$tmp/log" &
pids+=($!)
until curl -s -o "$tmp/out" "127.0.0.1:$http/"; do
	kill -0 "${pids[@]}"
	sleep 0.1
done

id=0
for name in a b c; do
	id=$((id + 1))
	for server in "run/$name" "run-with-id/$name" "random/$name"; do
		case $server in *-id/*) say_id="id $id" ;; *) say_id= ;; esac
		cli "add server $server 127.0.0.1:${!name} $say_id; enable server $server"
	done
done >"$tmp/out"
state=$(cli 'show servers state' | awk '$2 ~ /file|run/ { print $2, $3, $4, $6, $7, $8 }')
file=$(servers_of file) run=$(servers_of run) with_id=$(servers_of run-with-id) random=$(servers_of random)
printf '%s\n' "$state" "file:               $file" "run time:           $run" "run time, with id:  $with_id" \
	"run time, random:   $random"

[[ $(sed -n 's/^run //p' <<<"$state") = $'1 a 2 0 1\n2 b 2 0 1\n3 c 2 0 1' ]]
[[ $(sed -n 's/^file //p' <<<"$state") = $'1 a 2 0 1\n2 b 2 0 1\n3 c 2 0 1' ]]
[[ $file = *a* && $file = *b* && $file = *c* ]]
[[ $run = *a* && $run != *b* && $run = *c* ]]
[[ $with_id = "$file" ]]
[[ $random = *a* && $random != *b* && $random = *c* ]]
