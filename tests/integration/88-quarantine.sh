#!/bin/bash
# HAProxy refuses what a template of one's own makes of one environment or service: that one is
# found, left out and named, the rest is applied, and it comes back when it changes.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

mkdir "$T/templates"
export MAYFLY_TEMPLATES=$T/templates
# Names become keywords of HAProxy's global section: some are good ones, most are not.
cat >"$T/templates/haproxy.cfg.mustache" <<'END'
{{<haproxy.cfg}}{{$global}}
{{#environments}}
    {{name}}
{{/environments}}
{{/global}}{{/haproxy.cfg}}
END
env_json() { printf '{"name":"%s","services":[{"name":"web","version":"1","route":"%s"}]}' "$1" "${2:-/}"; }
node_says() { etcd_get nodes/test | grep -qE -- "$1"; }

start_mayfly
start_app web web 1
etcd_put backends/web/1/a "${ADDRESS[web]}"
etcd_put environments/noreuseport "$(env_json noreuseport)"
within 'a good environment is served' 20 serves www-noreuseport.example.com '^web 1 '

mark kvwatch
etcd_put environments/frobnicate "$(env_json frobnicate)"
within 'one that HAProxy refuses is found and named' 30 \
	log_has kvwatch ': in quarantine.*object="environment frobnicate".*frobnicate'
within 'the node names it' 10 node_says '"quarantined":\[\{"object":"environment frobnicate","reason":"[^"]*frobnicate'
etcd_put environments/noepoll "$(env_json noepoll)"
within 'the rest is applied' 30 serves www-noepoll.example.com '^web 1 '
in_config() { grep -qE "^ +$1\$" "$T/haproxy/haproxy.cfg"; }
within 'also in the files' 20 in_config noepoll
ok 'without the other one' not in_config frobnicate
is "$(fetch_status www-frobnicate.example.com "$HTTP/")" 503 'which is not served'

mark kvwatch
etcd_put environments/xyzzy "$(env_json xyzzy)"
etcd_put environments/plugh "$(env_json plugh)"
within 'two more are found' 30 log_has kvwatch ': in quarantine.*environment xyzzy'
within 'both of them' 30 log_has kvwatch ': in quarantine.*environment plugh'
within 'all three are named' 10 node_says '"quarantined_count":3'
ok 'the rest is served' serves www-noreuseport.example.com '^web 1 '

mark kvwatch
etcd_put environments/frobnicate "$(env_json frobnicate /other)"
within 'one that changes is tried again' 20 log_has kvwatch 'no longer in quarantine.*frobnicate'
within 'and found again' 30 log_has kvwatch ': in quarantine.*frobnicate'
mark kvwatch
etcd_del environments/xyzzy
within 'one that goes is forgotten' 20 log_has kvwatch 'no longer in quarantine.*xyzzy'

# What is wrong with the template itself is nobody else's fault.
printf '{{<haproxy.cfg}}{{$global}}\n    gibberish\n{{/global}}{{/haproxy.cfg}}\n' \
	>"$T/templates/haproxy.cfg.mustache"
mark kvwatch
send_signal HUP kvwatch
within 'a template that is wrong is told as before' 20 log_has kvwatch 'cannot apply.*gibberish'
ok 'and nobody is put in quarantine for it' not wait_for 3 log_has kvwatch ': in quarantine'
ok 'the last good state is served' serves www-noreuseport.example.com '^web 1 '

rm "$T/templates/haproxy.cfg.mustache"
send_signal HUP kvwatch
within 'with the shipped template all are served' 30 serves www-plugh.example.com '^web 1 '
within 'and none is in quarantine' 10 node_says '"quarantined_count":0'
within 'and HAProxy has loaded it' 20 is_loaded # one that is stopped meanwhile does not stop

# A check that waits, as for a name server that does not answer, has refused what it waits for.
cat >"$T/check" <<END
grep -q "^backend molasses:" "\$1" && ${IDLE[*]}
exec haproxy -c -f "\$1"
END
write_settings haproxy.check="[sh, \"$T/check\"]" haproxy.check_timeout=2s
send_signal HUP kvwatch
mark kvwatch
etcd_put services/molasses '{"addresses":["127.0.0.1:9"]}'
within 'what keeps the check busy is found and named' 40 \
	log_has kvwatch ': in quarantine.*object="versions of service molasses".*takes too long'
etcd_put services/web '{"balance":"leastconn"}'
in_web() { sed -n '/^backend web:1/,/^$/p' "$T/haproxy/haproxy.cfg" | grep -q leastconn && is_loaded; }
within 'and the rest is applied' 20 in_web
ok 'nobody else is in quarantine' node_says '"quarantined_count":1'

done_testing
