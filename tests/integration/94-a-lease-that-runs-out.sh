#!/bin/bash
# Leases that run out.  While etcd was frozen nobody could keep them alive: a version's last
# instance is served on for as long as it takes connections.  While all is well they are believed.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_mayfly
start_instance web web 1
start_instance old web 2
write_environment dev web=1@/
write_environment old web=2@/
within 'an instance is served' 20 serves www-dev.example.com '^web 1 '
within 'and another' 20 serves www-old.example.com '^web 2 '

has_server() { grep -qF "$1" "$T/haproxy/haproxy.cfg"; }
etcd_put services/legacy '{"addresses":["127.0.0.1:1","127.0.0.2:1","127.0.0.3:1","127.0.0.4:1","127.0.0.5:1"]}'
within 'most addresses are those of one service' 20 has_server 127.0.0.5:1
etcd_del services/legacy
within 'which takes them with it' 20 not has_server 127.0.0.5:1
stop register-old KILL
within 'a lease that runs out while all is well is believed' 20 says '^503$' fetch_status www-old.example.com "$HTTP/"
ok 'nothing was held back' not log_has kvwatch 'held back'

start_load --url "$HTTP/" -H 'Host: www-dev.example.com' --connections 2 --rate 100 --timeout 2s
send_signal STOP etcd
stop register-web KILL
mark kvwatch
within 'etcd is frozen for longer than a lease' 30 log_has kvwatch 'out of reach'
send_signal CONT etcd
within 'its lease has run out, and is not believed' 20 log_has kvwatch 'error.*held back.*instance web/1/'
ok 'its key is gone' not etcd_keys backends/web/1/
write_environment new web=1@/
within 'a new environment is served by it' 20 serves www-new.example.com '^web 1 '
start_again register-web
within 'until it is there again' 20 log_has kvwatch 'no longer held back.*there again'
stop_load
is "$(load_says failed)" 0 'no request failed'

mark kvwatch
stop register-web KILL
within 'soon after that it is doubted as well' 20 log_has kvwatch 'error.*held back'
stop web KILL
within 'it goes when it takes no connections' 20 log_has kvwatch 'no longer held back.*takes no connections'
within 'and is out' 10 not has_server "${ADDRESS[web]}"

done_testing
