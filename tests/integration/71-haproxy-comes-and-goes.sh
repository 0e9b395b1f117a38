#!/bin/bash
# HAProxy is started late, restarted, killed, and reloaded by somebody else: it always ends up with
# what is wanted.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_etcd
write_settings
start_app web-1 web 1
start_app web-2 web 2
etcd_put backends/web/1/a "${ADDRESS[web-1]}"
etcd_put backends/web/2/a "${ADDRESS[web-2]}"
dev() { etcd_put environments/dev "{\"name\":\"dev\",\"services\":[{\"name\":\"web\",\"version\":\"$1\",\"route\":\"/\"}]}"; }
dev 1
start_tool kvwatch
within 'files are written while HAProxy is not there' 10 grep -q '^backend web:2' "$T/haproxy/haproxy.cfg"
ok 'and they are valid' haproxy -c -f "$T/haproxy/haproxy.cfg"
start_haproxy
within 'HAProxy started later serves' 10 serves www-dev.example.com '^web 1 '

stop haproxy
dev 2
within 'with HAProxy stopped, files follow' 10 grep -q ':2$' "$T/haproxy/maps/versions.map"
start_again haproxy
within 'and it serves the new version at once' 10 serves www-dev.example.com '^web 2 '

stop haproxy KILL
within 'the sockets of a killed one are refused' 10 not haproxy_is_ready
dev 1
start_again haproxy
within 'it is brought up to date' 20 serves www-dev.example.com '^web 1 '

# Somebody starts it with another file: kvwatch cannot change that, and says so.
sed 's/^    description .*/    description foreign/' "$T/haproxy/haproxy.cfg" >"$T/haproxy/foreign.cfg"
stop haproxy
mark kvwatch
start foreign haproxy -W -S "$T/run/master.sock" -f "$T/haproxy/foreign.cfg"
within 'a foreign configuration is noticed and named' 60 log_has kvwatch 'runs .*foreign'
stop foreign
start_again haproxy
within 'until ours is run again' 60 serves www-dev.example.com '^web 1 '

stop kvwatch KILL
dev 2
start_again kvwatch
within 'a killed kvwatch takes up where it was' 20 serves www-dev.example.com '^web 2 '
within 'files and HAProxy say the same' 20 all_is_one
worker=$(haproxy_worker)
stop kvwatch
mark kvwatch
start_again kvwatch
etcd_put config/app/x y
run_tool kvwatch --once
is "$STATUS" 0 'with nothing to change'
is "$(haproxy_worker)" "$worker" 'nothing is reloaded'
ok 'no stage is left' not ls -d "$T"/haproxy/.mayfly-stage.*

# Somebody else's hand, in the files and in what runs: found by the look that comes once a minute.
printf 'www-dev. nobody\n' >"$T/haproxy/maps/hosts.map"
haproxy_cmd 'set map maps/hosts.map www-dev. nobody' >/dev/null
is "$(fetch_status www-dev.example.com "$HTTP/")" 503 'a map changed behind its back misleads'
within 'until it is put right in HAProxy' 80 serves www-dev.example.com '^web 2 '
within 'and on disk' 80 grep -q '^www-dev. dev$' "$T/haproxy/maps/hosts.map"
is "$(haproxy_worker)" "$worker" 'with no reload'

# The configuration itself, and a reload by the same hand: HAProxy says of itself what it did before.
mark kvwatch
sed -i 's/timeout queue 5s/timeout queue 6s/' "$T/haproxy/haproxy.cfg"
printf 'reload\n' | socat -t 5 - "UNIX-CONNECT:$T/run/master.sock" >/dev/null
is_other_worker() { local now; now=$(haproxy_worker) && [[ -n $now && $now != "$worker" ]]; }
within 'a changed configuration is run' 20 is_other_worker
send_signal HUP kvwatch
within 'until ours is loaded again' 30 log_has kvwatch 'by=reload reason="somebody else has changed its files"'
ok '  and on disk' grep -q 'timeout queue 5s' "$T/haproxy/haproxy.cfg"
within '  and all is one' 20 all_is_one

# A new installation: HAProxy runs what the distribution gave it, without any map of ours.
stop kvwatch
stop haproxy
rm -r "$T/haproxy/maps" "$T/state"
cat >"$T/haproxy/haproxy.cfg" <<EOT
global
    stats socket $T/run/admin.sock level admin
defaults
    timeout connect 5s
    timeout client 50s
    timeout server 50s
EOT
start_again haproxy
wait_for 10 haproxy_is_ready || die 'HAProxy does not come up'
start_tool_as installed kvwatch
within 'what the distribution gave HAProxy is replaced' 10 serves www-dev.example.com '^web '
within 'by a reload' 10 log_has installed 'applied .*by=reload'
ok 'and that its worker had none of our maps is no error' not log_has installed '^error'

done_testing
