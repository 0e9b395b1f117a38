#!/bin/bash
# HAProxy: json_query() of a number keeps six digits of it, so customers share a route.
#
# One would expect: `req.body,json_query('$.customer')` of {"customer":12345678} is the text 12345678, as
# it stands in the request, to look up in a map, to hash or to put into a header.
#
# Seen with HAProxy 2.6.12 (Debian 12): it is 1.23457e+07, and so it is for 12345699; up to 999999 all is
# well, which is what tests use.  Prices such as 1.50 come as 1.5.  A map entry for 12345678 is never
# found, without a word; and two customers are one key.  With the second argument 'int' it is
# exact up to 9007199254740991, and nothing at all from 9007199254740992 on.
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

customer() { # PATH JSON: the customer that HAProxy sees
	curl -s -d "{\"customer\": $2}" -H 'content-type: application/json' "127.0.0.1:$http$1"
}

is() { # EXPECTED PATH JSON
	local got
	got=$(customer "$2" "$3")
	echo "$2 $3: $got"
	[[ $got = "$1" ]]
}

unpack haproxy=2.6.12-1+deb12u3
http=$(free_port)
echo '12345678 gold' >"$tmp/customers.map"
cat >"$tmp/haproxy.cfg" <<-END
	defaults
	  mode http
	  timeout client 5s
	frontend http
	  bind 127.0.0.1:$http
	  option http-buffer-request
	  http-request set-var(txn.customer) req.body,json_query('\$.customer') if { path /any }
	  http-request set-var(txn.customer) req.body,json_query('\$.customer','int') if { path /int }
	  http-request set-var(txn.customer) req.body,json_query('\$.customer'),map_str($tmp/customers.map,none) if { path /map }
	  http-request return status 200 content-type text/plain lf-string "%[var(txn.customer)]"
END
"$tmp/usr/sbin/haproxy" -db -f "$tmp/haproxy.cfg" 2>"$tmp/log" &
pids+=($!)
until curl -s -o "$tmp/out" "127.0.0.1:$http/"; do
	kill -0 "${pids[@]}"
	sleep 0.1
done

is 999999 /any 999999
is 1.23457e+07 /any 12345678
is 1.23457e+07 /any 12345699
is 1.5 /any 1.50
is none /map 12345678
is gold /map '"12345678"'
is 12345678 /int 12345678
is 9007199254740991 /int 9007199254740991
is '' /int 9007199254740992
