#!/bin/bash
# HAProxy and dnsmasq: the thirtieth address of a name takes all thirty servers down.
#
# One would expect: `server-template s 40 many.example.test:80 resolvers d` follows dnsmasq's answer from
# 29 addresses to 30.  At worst, where a larger answer cannot be had, one address stays unused.
#
# Seen with HAProxy 2.6.12 and dnsmasq 2.90 (Debian 12): 29 servers UP.  One more line in the hosts
# file, and after `hold other` (30 s by default, 1 s here) all are in maintenance for "unspecified DNS
# error", for good, and clients get 503.  The 30 addresses no longer fit into 512 bytes of UDP, dnsmasq
# says so by the TC bit and sends the 29 that fit; HAProxy takes 512 bytes unless told otherwise, does not
# ask again by TCP, counts the answer as an error, and drops even the servers that it names.
# With `accepted_payload_size 8192` in the section all 30 are UP.
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

hosts() { # N: the name has N addresses
	for i in $(seq "$1"); do echo "127.0.1.$i many.example.test"; done >"$tmp/hosts/.new"
	mv "$tmp/hosts/.new" "$tmp/hosts/many"
}

say() { # BACKEND: how many of its servers are up, and what a client gets
	echo "$(cli "show servers state $1" | awk '$6 == 2' | wc -l) up," \
		"$(curl -s -o "$tmp/out" -w '%{http_code}' -H "x-backend: $1" "127.0.0.1:$http/")"
}

within() { # SECONDS TEXT BACKEND: waits until it is said
	for ((i = $1 * 5; i > 0; i--)); do
		[[ $(say "$3") != "$2" ]] || break
		sleep 0.2
	done
	echo "$3: $(say "$3")"
	[[ $(say "$3") = "$2" ]]
}

unpack haproxy=2.6.12-1+deb12u3 dnsmasq-base=2.90-4~deb12u2
http=$(free_port) admin=$(free_port) app=$(free_port) dns=$(free_port)
mkdir "$tmp/hosts"
hosts 29
addresses=$(printf "127.0.1.%d:$app," {1..30})
"$tmp/usr/sbin/dnsmasq" -k -u root -C /dev/null -h -R -p "$dns" --listen-address=127.0.0.1 --bind-interfaces \
	--local=/example.test/ --hostsdir="$tmp/hosts" --pid-file="$tmp/pid" 2>"$tmp/dnsmasq.log" &
pids+=($!)
cat >"$tmp/haproxy.cfg" <<-END
	global
	  stats socket ipv4@127.0.0.1:$admin level admin
	defaults
	  mode http
	  timeout connect 2s
	  timeout client 5s
	  timeout server 5s
	resolvers plain
	  nameserver dnsmasq 127.0.0.1:$dns
	  hold valid 1s
	  hold other 1s
	resolvers large
	  nameserver dnsmasq 127.0.0.1:$dns
	  hold valid 1s
	  hold other 1s
	  accepted_payload_size 8192
	frontend app
	  bind ${addresses%,}
	  http-request return status 200
	frontend http
	  bind 127.0.0.1:$http
	  use_backend %[req.hdr(x-backend)]
	backend plain
	  server-template s 40 many.example.test:$app resolvers plain init-addr none
	backend large
	  server-template s 40 many.example.test:$app resolvers large init-addr none
END
"$tmp/usr/sbin/haproxy" -db -f "$tmp/haproxy.cfg" 2>"$tmp/log" &
pids+=($!)
until curl -s -o "$tmp/out" "127.0.0.1:$http/"; do
	kill -0 "${pids[@]}"
	sleep 0.1
done

within 15 '29 up, 200' plain
within 15 '29 up, 200' large
hosts 30
within 15 '30 up, 200' large
within 30 '0 up, 503' plain
sleep 3
within 0 '0 up, 503' plain
grep -o -m1 'is going DOWN.*DNS error' "$tmp/log"
