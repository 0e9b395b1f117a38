#!/bin/bash
# HAProxy and dnsmasq: SRV weights of 10 and 90, and priorities of 10 and 20, make an even split.
#
# One would expect: `server-template` over an SRV record takes its weights over, so that weights of 10 and
# 90 give a tenth and nine tenths of the requests; and leaves a target of a higher priority number alone
# while one of a lower is up (RFC 2782), as it does with `backup` servers.
#
# Seen with HAProxy 2.6.12 and dnsmasq 2.90 (Debian 12): both servers are UP with weight 1, and each gets
# 50 of 100 requests.  A server's weight is the record's divided by 256 and rounded up, so all that people
# write, from 1 to 256, is 1 (257 is 2); 2560 and 23040 do give 10 and 90.  The priority is not looked at.
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

weights() { # BACKEND: the weights of its servers that are up
	cli "show stat $1 4 -1" | awk -F, '$18 == "UP" || $18 == "no check" { print $19 }' | sort -n | xargs
}

share() { # BACKEND: how many of 100 requests each application gets
	for _ in {1..100}; do curl -s -H "x-backend: $1" "127.0.0.1:$http/"; done | sort | uniq -c | xargs
}

unpack haproxy=2.6.12-1+deb12u3 dnsmasq-base=2.90-4~deb12u2
http=$(free_port) admin=$(free_port) one=$(free_port) two=$(free_port) dns=$(free_port)
"$tmp/usr/sbin/dnsmasq" -k -C /dev/null -h -R -p "$dns" --listen-address=127.0.0.1 --bind-interfaces \
	--local=/example.test/ --host-record=a.example.test,127.0.0.1 --host-record=b.example.test,127.0.0.1 \
	--srv-host="_small._tcp.example.test,a.example.test,$one,10,10" \
	--srv-host="_small._tcp.example.test,b.example.test,$two,20,90" \
	--srv-host="_large._tcp.example.test,a.example.test,$one,10,2560" \
	--srv-host="_large._tcp.example.test,b.example.test,$two,20,23040" \
	--srv-host="_edge._tcp.example.test,a.example.test,$one,10,256" \
	--srv-host="_edge._tcp.example.test,b.example.test,$two,20,257" \
	--pid-file="$tmp/pid" 2>"$tmp/dnsmasq.log" &
pids+=($!)
cat >"$tmp/haproxy.cfg" <<-END
	global
	  stats socket ipv4@127.0.0.1:$admin level admin
	defaults
	  mode http
	  timeout connect 2s
	  timeout client 5s
	  timeout server 5s
	resolvers dnsmasq
	  nameserver dnsmasq 127.0.0.1:$dns
	frontend http
	  bind 127.0.0.1:$http
	  use_backend %[req.hdr(x-backend)]
	backend small
	  server-template s 2 _small._tcp.example.test resolvers dnsmasq init-addr none
	backend large
	  server-template s 2 _large._tcp.example.test resolvers dnsmasq init-addr none
	backend edge
	  server-template s 2 _edge._tcp.example.test resolvers dnsmasq init-addr none
	frontend one
	  bind 127.0.0.1:$one
	  http-request return status 200 content-type text/plain lf-string "one\n"
	frontend two
	  bind 127.0.0.1:$two
	  http-request return status 200 content-type text/plain lf-string "two\n"
END
"$tmp/usr/sbin/haproxy" -db -f "$tmp/haproxy.cfg" 2>"$tmp/log" &
pids+=($!)
until curl -s -o "$tmp/out" "127.0.0.1:$http/"; do
	kill -0 "${pids[@]}"
	sleep 0.1
done

up() { # whether each backend has its two servers
	local backend
	for backend in small large edge; do [[ $(weights "$backend") = *\ * ]] || return; done
}
for ((i = 0; i < 50; i++)); do
	! up || break
	sleep 0.2
done
small=$(share small) large=$(share large)
echo "weights 10 and 90: $(weights small) in HAProxy; $small"
echo "weights 2560 and 23040: $(weights large) in HAProxy; $large"
echo "weights 256 and 257: $(weights edge) in HAProxy"

[[ $(weights small) = '1 1' && $small = '50 one 50 two' ]]
[[ $(weights large) = '10 90' ]]
((${large%% *} >= 8 && ${large%% *} <= 12))
[[ $(weights edge) = '1 2' ]]
