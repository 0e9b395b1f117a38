#!/bin/bash
# A configuration that HAProxy's check refuses, and a reload that fails on a taken port: what runs
# goes on, the last good files stay, the words are in the log, and a good one is taken again.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

mkdir "$T/templates"
export MAYFLY_TEMPLATES=$T/templates
own_template() { # LINE
	# shellcheck disable=SC1083
	printf '{{<haproxy.cfg}}{{$global}}\n    %s\n{{/global}}{{/haproxy.cfg}}\n' "$1" \
		>"$T/templates/haproxy.cfg.mustache"
}
start_mayfly
start_instance web web 1
write_environment dev web=1@/
within 'it works' 10 serves www-dev.example.com '^web 1 '
within '  and is in the files' 10 all_is_one
worker=$(haproxy_worker)
cp -r "$T/haproxy" "$T/before"

own_template 'frobnicate 7'
mark kvwatch
send_signal HUP kvwatch
within 'a template that HAProxy refuses is told in its words' 10 log_has kvwatch "frobnicate"
like "$(tail -n 3 "$T/log/kvwatch")" 'error kvwatch' 'as an error'
is "$(haproxy_worker)" "$worker" 'the worker is the same'
ok 'the files are as they were' diff -r -x '.mayfly-stage.*' "$T/before" "$T/haproxy"
ok 'it serves on' serves www-dev.example.com '^web 1 '

printf '{{#never}}' >"$T/templates/haproxy.cfg.mustache"
mark kvwatch
send_signal HUP kvwatch
within 'a template that is no template is named with its place' 10 log_has kvwatch 'haproxy.cfg:1:1'
ok 'it serves on' serves www-dev.example.com '^web 1 '

own_template 'maxconn 999'
send_signal HUP kvwatch
within 'a good one is taken' 10 grep -q 'maxconn 999' "$T/haproxy/haproxy.cfg"
within 'and loaded' 10 is_loaded
rm "$T/templates/haproxy.cfg.mustache"
send_signal HUP kvwatch
within 'and the shipped one again' 10 not grep -q 'maxconn 999' "$T/haproxy/haproxy.cfg"
within 'and loaded' 10 is_loaded
cp -r "$T/haproxy" "$T/before2"

# An address that is taken: HAProxy's check passes, and its reload would stop the traffic for a while.
start_app squatter squatter 1
write_settings "haproxy.bind=[\"127.0.0.1:$HTTP_PORT\", \"${ADDRESS[squatter]}\"]"
worker=$(haproxy_worker)
start_load --url "$HTTP/" -H 'Host: www-dev.example.com' --connections 4 --rate 200
mark kvwatch
send_signal HUP kvwatch
within 'an address that is taken is named before HAProxy tries it' 30 \
	log_has kvwatch "error kvwatch.*bind ${ADDRESS[squatter]}: Address already in use"
ok 'the files are as they were' diff -r -x '.mayfly-stage.*' "$T/before2" "$T/haproxy"
is "$(haproxy_worker)" "$worker" 'the worker is the same'
stop_load
is "$(load_says failed)" 0 "and no request of $(load_says requests) was lost"
stop squatter
within 'when the address is free, it is tried again by itself' 40 \
	grep -q "${ADDRESS[squatter]}" "$T/haproxy/haproxy.cfg"
within 'and serves there' 40 says '^web 1 ' fetch www-dev.example.com "http://${ADDRESS[squatter]}/"

# What only HAProxy can find out: the reload fails, and the files are put back.
within 'it is loaded' 10 is_loaded
rm -rf "$T/before2" && cp -r "$T/haproxy" "$T/before2"
printf '{{<haproxy.cfg}}{{$external}}\n    bind unix@%s\n{{/external}}{{/haproxy.cfg}}\n' \
	"$T/nowhere/socket" >"$T/templates/haproxy.cfg.mustache"
mark kvwatch
send_signal HUP kvwatch
within 'a reload that fails is noticed' 30 log_has kvwatch 'error kvwatch.*could not load it'
within 'the files are put back' 10 diff -r -x '.mayfly-stage.*' "$T/before2" "$T/haproxy"
within 'it serves on' 10 serves www-dev.example.com '^web 1 '
rm "$T/templates/haproxy.cfg.mustache"
send_signal HUP kvwatch

write_settings "haproxy.bind=[not valid]"
mark kvwatch
send_signal HUP kvwatch
within 'settings that are wrong are refused with their place' 10 log_has kvwatch 'mayfly.yaml.*line [0-9]+'
ok 'it serves on' serves www-dev.example.com '^web 1 '

done_testing
