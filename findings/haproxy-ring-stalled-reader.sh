#!/bin/bash
# HAProxy: one who stops reading `show events RING -w` takes the log from all others.
#
# One would expect: a full ring gives up its oldest messages for new ones, so that each who reads it with
# `show events RING -w` misses at most what it was itself too slow for.  The manual says nothing else of
# `show events`, and of a ring with a `backing-file` that the latest contents are always available.
#
# Seen with HAProxy 2.6.12 (Debian 12): once one of two readers stops reading, as with a stopped terminal,
# and the buffers of its connection are full, the ring keeps what this one has yet to get and drops what is
# new: the other, which waits for it, gets nothing, and whoever comes now sees old messages only.  When the
# stalled one goes (or `stats timeout` is over), the other is told how many events it missed, and gets what
# follows.  The requests themselves are all served.  The manual says so only of the `server` lines of a ring:
# one that does not respond "may block new messages from being inserted into the ring".
#
#	two read:      500 of 500 requests reach the reader
#	one stops:     0 of 500 requests reach the reader, 500 are dropped
#	the ring then: 18 requests, 0 of these 500
#	it is gone:    the reader gets "708 events dropped" and the next request
#	in all:        5002 requests, 4293 reached the reader, 709 were dropped
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

await() { # COMMAND...
	until "$@"; do
		((SECONDS < deadline)) || exit 1
		sleep 0.1
	done
}

cli() { # COMMANDS: to HAProxy's admin socket
	exec 3<>"/dev/tcp/127.0.0.1/$admin"
	echo "$1" >&3
	cat <&3
	exec 3>&-
}

sent=0
ask() { # COUNT: so many requests, which are logged as /NUMBER?xxx...
	local from=$((sent + 1))
	sent=$((sent + $1))
	curl -sf -o "$tmp/out" "127.0.0.1:$http/[$from-$sent]?$pad"
}

count_since() { # NUMBER: how many later requests are in a log
	awk -F '[/?]' -v since="$1" '/^\/[0-9]/ && $2 > since { n++ } END { print n + 0 }'
}

dropped() { # how many events the reader has yet to be told of
	cli 'show events' | sed -n 's/^ *requests .* \([0-9]*\) dropped.*/\1/p'
}

has_read() { # NUMBER: whether the reader has got this request
	grep -qsx "/$1" "$tmp/read"
}

full() { # after more requests: whether the last hundred were dropped
	ask 500
	(($(dropped) >= 100))
}

goes_on() { # after one more request: whether the reader has got it
	ask 1
	has_read "$sent"
}

unpack haproxy=2.6.12-1+deb12u4
http=$(free_port) admin=$(free_port)
pad=$(printf 'x%.0s' {1..900})
cat >"$tmp/haproxy.cfg" <<-END
	global
	  nbthread 1
	  stats socket ipv4@127.0.0.1:$admin level admin
	  stats timeout 1m
	ring requests
	  format raw
	  size 16384
	defaults
	  mode http
	  timeout client 5s
	frontend http
	  bind 127.0.0.1:$http
	  log ring@requests local0
	  log-format %HU
	  http-request return status 200
END
"$tmp/usr/sbin/haproxy" -db -f "$tmp/haproxy.cfg" 2>"$tmp/log" &
pids+=($!)
until curl -s -o "$tmp/out" "127.0.0.1:$http/"; do
	kill -0 "${pids[@]}"
	sleep 0.1
done
deadline=$((SECONDS + 20))
(
	exec 3<>"/dev/tcp/127.0.0.1/$admin"
	echo 'show events requests -w' >&3
	exec grep --line-buffered -o '^[^?]*' <&3 >"$tmp/read"
) &
pids+=($!)
exec 4<>"/dev/tcp/127.0.0.1/$admin"
echo 'show events requests -w' >&4 # and what comes is never read

await goes_on
since=$sent
ask 500
await has_read "$sent"
both=$(count_since "$since" <"$tmp/read")

await full
since=$sent before=$(dropped)
ask 500
lost=$(($(dropped) - before)) one=$(count_since "$since" <"$tmp/read")
ring=$(cli 'show events requests')
in_ring=$(count_since 0 <<<"$ring") new_in_ring=$(count_since "$since" <<<"$ring")

exec 4>&-
await goes_on
got=$(count_since 0 <"$tmp/read")
told=$(sed -n 's/ events\? dropped$//p' "$tmp/read" | awk '{ n += $1 } END { print n + 0 }')
printf '%s\n' "two read:      $both of 500 requests reach the reader" \
	"one stops:     $one of 500 requests reach the reader, $lost are dropped" \
	"the ring then: $in_ring requests, $new_in_ring of these 500" \
	"it is gone:    the reader gets \"$(grep dropped "$tmp/read" | tail -n 1)\" and the next request" \
	"in all:        $sent requests, $got reached the reader, $told were dropped"

[[ $both = 500 ]]
[[ $one = 0 && $lost = 500 ]]
((in_ring > 0 && new_in_ring == 0))
((got + told == sent))
