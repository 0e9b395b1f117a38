#!/bin/bash
# Under a steady load an environment's version is switched 50 times, with and without keep-alive, and
# instances come and go: no request is lost.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

start_mayfly
for version in 1 2; do
	start_instance "web-$version-a" web $version
	start_instance "web-$version-b" web $version
done
dev() {
	etcd_put environments/dev \
		"{\"name\":\"dev\",\"services\":[{\"name\":\"web\",\"version\":\"$1\",\"route\":\"/\"}]}"
}
dev 1
within 'the environment is there' 10 serves www-dev.example.com '^web 1 '
all_four() { (($(haproxy_stat | grep -cE '^web:[12],127\..*,(UP|no check),') == 4)); }
within 'with two instances of each version' 10 all_four

for keep in '' --keepalive; do
	# shellcheck disable=SC2086 # one word or none
	start_load --url "$HTTP/" -H 'Host: www-dev.example.com' --connections 8 --rate 500 $keep
	late=0
	for i in {1..50}; do
		dev $((i % 2 + 1))
		wait_for 10 serves www-dev.example.com "^web $((i % 2 + 1)) " || ((++late))
	done
	stop_load
	is "$late" 0 "50 switches arrive (${keep:-without keep-alive})"
	is "$(load_says failed)" 0 "and lose no request of $(load_says requests)"
	like "$(<"$T/log/load")" '^ok [0-9]+ web 1 ' 'some were answered by the one version'
	like "$(<"$T/log/load")" '^ok [0-9]+ web 2 ' 'some by the other'
done

start_load --url "$HTTP/" -H 'Host: www-dev.example.com' --connections 8 --rate 500 --keepalive
for i in {1..5}; do
	start_instance "extra-$i" web 1
	within "instance $i comes" 10 grep -q "${ADDRESS[extra-$i]}" "$T/haproxy/haproxy.cfg"
done
for i in {1..5}; do
	stop "register-extra-$i"
	within "and goes" 10 not grep -q "${ADDRESS[extra-$i]}" "$T/haproxy/haproxy.cfg"
	loaded() { says "mayfly-$(sed -n 's/^ *description mayfly-//p' "$T/haproxy/haproxy.cfg")" haproxy_cmd 'show info'; }
	wait_for 10 loaded
	stop "extra-$i"
done
stop_load
is "$(load_says failed)" 0 "no request of $(load_says requests) is lost by instances that come and go"

done_testing
