#!/bin/bash
# HAProxy: a reload with another mode for the stats socket leaves the socket as it was, in silence.
#
# One would expect: `stats socket PATH mode 600` becomes `mode 666` (or gets another `group`) in the
# file, HAProxy is reloaded, the new worker runs the new file: the socket has the new mode, as it has after a
# restart.
#
# Seen with HAProxy 2.6.12 (Debian 12): the new worker takes the listening socket over from the old one, as
# the address is the same, and leaves its mode, owner and group; there is no warning.  The program for which
# the socket was to be opened goes on being refused, until HAProxy is restarted or the socket gets
# another name.
#
#	before:            600
#	after the reload:  600   (the new configuration is in force)
#	after a restart:   666
#
# Needs Debian 12 and apt-get.  Exits 0 while this is so.
set -eu

tmp=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || :; wait; rm -rf "$tmp"' EXIT

mkdir -p "$tmp/debs/partial"
apt-get -qq -y --download-only --no-install-recommends --reinstall --allow-downgrades \
	-o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dir::Cache::archives="$tmp/debs/" \
	install haproxy=2.6.12-1+deb12u4 >&2
for deb in "$tmp"/debs/*.deb; do dpkg-deb -x "$deb" "$tmp"; done
LD_LIBRARY_PATH=$(echo "$tmp"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH

await() { # COMMAND...
	local deadline=$((SECONDS + 20))
	until "$@"; do
		((SECONDS < deadline)) || exit 1
		sleep 0.1
	done
}
write() { # MODE
	cat >"$tmp/haproxy.cfg" <<-END
		global
		    stats socket $tmp/admin.sock mode $1 level admin expose-fd listeners
		    description mode-$1
		defaults
		    timeout connect 1s
		    timeout client 1s
		    timeout server 1s
		listen l
		    bind unix@$tmp/l.sock
	END
}
ask() { # SOCKET COMMAND
	perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 1;
		print $s "$ARGV[1]\n"; print while <$s>' "$1" "$2"
}
runs() { ask "$tmp/admin.sock" 'show info' 2>/dev/null | grep -q "^description: mode-$1\$"; }
start() { "$tmp"/usr/sbin/haproxy -W -S "$tmp/master.sock" -f "$tmp/haproxy.cfg" >"$tmp/log" 2>&1 & pid=$!; }
mode() { stat -c %a "$tmp/admin.sock"; }

write 600
start
await runs 600
before=$(mode)
write 666
ask "$tmp/master.sock" reload >/dev/null
await runs 666
reloaded=$(mode)
kill "$pid"
wait "$pid" || :
start
await runs 666
restarted=$(mode)

echo "before: $before, after the reload: $reloaded, after a restart: $restarted"
[ "$before $reloaded $restarted" = '600 600 666' ]
