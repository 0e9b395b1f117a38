#!/bin/bash
# dnsmasq and dnspython: a name that has an IPv4 address cannot be resolved; its alias can.
#
# One would expect: dnsmasq with a host record and no upstream server is the one who knows that name, so
# that the question for its IPv6 address is answered with "no such record" (NOERROR and an empty answer),
# and dnspython's resolve_name(), which asks for both families, returns the IPv4 address.
#
# Seen with dnsmasq 2.90 (Debian 12) and dnspython 2.9.2: A is answered, AAAA of the same name is REFUSED,
# as if the name were strange.  resolve_name('web.example.test') raises NoNameservers over that, and the
# address that it has is lost.  A CNAME that points to the name is answered with NOERROR for AAAA, too, so
# resolve_name('alias.example.test') returns the address of web.example.test.  With --local=/example.test/
# both work.
#
# Needs Debian 12, apt-get and Python 3 with pip.  Exits 0 while this is so.
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

start_dnsmasq() { # OPTION...: sets dns to its port
	dns=$(free_port)
	"$tmp/usr/sbin/dnsmasq" -k -C /dev/null -h -R -p "$dns" --listen-address=127.0.0.1 --bind-interfaces \
		--host-record=web.example.test,192.0.2.7 --cname=alias.example.test,web.example.test \
		--pid-file="$tmp/pid" "$@" 2>"$tmp/log" &
	pids+=($!)
	until (: <>"/dev/tcp/127.0.0.1/$dns") 2>/dev/null; do
		kill -0 "${pids[@]}"
		sleep 0.1
	done
}

resolve() { # what dnspython says of the name and its alias
	PYTHONPATH="$tmp/python" python3 - "$dns" <<-'END'
		import sys
		import dns.message, dns.query, dns.rcode, dns.resolver

		resolver = dns.resolver.Resolver(configure=False)
		resolver.nameservers, resolver.port, resolver.lifetime = ['127.0.0.1'], int(sys.argv[1]), 5
		for name in 'web.example.test', 'alias.example.test':
		    for kind in 'A', 'AAAA':
		        answer = dns.query.udp(dns.message.make_query(name, kind), '127.0.0.1', 5, resolver.port)
		        print(name, kind, dns.rcode.to_text(answer.rcode()))
		    try:
		        print(name, *resolver.resolve_name(name).addresses())
		    except dns.resolver.NoNameservers:
		        print(name, 'NoNameservers')
	END
}

unpack dnsmasq-base=2.90-4~deb12u2
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore \
	--target "$tmp/python" dnspython==2.9.2
start_dnsmasq
plain=$(resolve)
start_dnsmasq --local=/example.test/
local=$(resolve)
printf '%s\n' "$plain" 'With --local=/example.test/:' "$local"

[[ $plain = 'web.example.test A NOERROR
web.example.test AAAA REFUSED
web.example.test NoNameservers
alias.example.test A NOERROR
alias.example.test AAAA NOERROR
alias.example.test 192.0.2.7' ]]
[[ $local = 'web.example.test A NOERROR
web.example.test AAAA NOERROR
web.example.test 192.0.2.7
alias.example.test A NOERROR
alias.example.test AAAA NOERROR
alias.example.test 192.0.2.7' ]]
