#!/bin/bash
# An environment moves ten services and all of its routes at once, again and again, under load: each
# request is answered by the old choice or by the new one, never by some of both.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_etcd
write_settings dnsmasq.hosts= dnsmasq.reload=
start_tool kvwatch
start_haproxy
for i in {0..9}; do
	for version in 1 2; do
		start_app "s$i-$version" "s$i" $version
		etcd_put "backends/s$i/$version/a" "${ADDRESS[s$i-$version]}"
	done
done

# With version 1, service i has the route /i/ ; with version 2, service 9 - i has it.  A request that
# saw the routes of the one and the versions of the other would be answered by a third or fourth.
choice() { # VERSION
	local i route list=

	for i in {0..9}; do
		route=$i
		(($1 == 1)) || route=$((9 - i))
		list+="{\"name\":\"s$i\",\"version\":\"$1\",\"route\":\"/$route/\"},"
	done
	printf '{"name":"dev","services":[%s]}' "${list%,}"
}
one=$(choice 1) two=$(choice 2)
etcd_put environments/dev "$one"
at_three() { says "^s$1 $2 " fetch www-dev.example.com "$HTTP/3/"; }
within 'the first choice' 10 at_three 3 1
etcd_put environments/dev "$two"
within 'the second' 10 at_three 6 2
within 'all is one' 10 all_is_one
worker=$(haproxy_worker)

for i in 0 3 5; do
	: >"$T/log/load-$i"
	start "load-$i" "$TEST_BIN/load" --duration 10m --url "$HTTP/$i/" -H 'Host: www-dev.example.com' \
		--connections 4 --rate 800 --keepalive --expect "^(s$i 1|s$((9 - i)) 2) "
	wait_for 10 log_has "load-$i" '^started' || die 'the load gets no answer'
done
late=0
for n in {1..60}; do
	if ((n % 2)); then
		etcd_put environments/dev "$one"
		wait_for 10 at_three 3 1 || ((++late))
	else
		etcd_put environments/dev "$two"
		wait_for 10 at_three 6 2 || ((++late))
	fi
	# Once there, the old choice is gone.
	((n % 2)) || not at_three 3 1 || fail 'an old choice comes back'
done
is "$late" 0 '60 moves of ten services arrive'
for i in 0 3 5; do
	stop "load-$i"
	LOAD=$(tail -n 1 "$T/log/load-$i")
	is "$(load_says failed)" 0 "no request of $(load_says requests) for route $i saw a mixture"
	like "$(<"$T/log/load-$i")" "^ok [0-9]+ s$i 1 " 'some saw the one choice'
	like "$(<"$T/log/load-$i")" "^ok [0-9]+ s$((9 - i)) 2 " 'some the other'
done
is "$(haproxy_worker)" "$worker" 'all without a reload'
within 'and in the end all is one' 10 all_is_one

done_testing
