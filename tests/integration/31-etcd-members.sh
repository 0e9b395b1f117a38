#!/bin/bash
# One of three members is killed, then another one only stops answering: changes go on by the rest.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_etcd_cluster 3
write_settings dnsmasq.hosts= dnsmasq.reload=
start_tool kvwatch
start_tool envwatch "$T/environments"
start_haproxy
write_environment dev web=1@/
start_instance web-1 web 1
start_instance web-2 web 2
within 'all three are there' 20 serves www-dev.example.com '^web 1 '

stop etcd1 KILL
write_environment dev web=2@/
within 'with the first member killed, a change arrives' 30 serves www-dev.example.com '^web 2 '
start_again etcd1
within 'it comes back' 20 etcd_is_ready "${ETCD_URLS[0]}"

send_signal STOP etcd2
write_environment dev web=1@/
within 'with the second one stopped, a change arrives' 60 serves www-dev.example.com '^web 1 '
send_signal CONT etcd2
within 'it goes on' 30 etcd_is_ready "${ETCD_URLS[1]}"

send_signal STOP etcd3
write_environment dev web=2@/
within 'and with the third' 60 serves www-dev.example.com '^web 2 '
send_signal CONT etcd3
# A lease of 2 s may run out while its etcd is frozen: then it is granted and put again.
within 'the one registration is there' 10 etcd_keys backends/web/1/
within 'and the other' 10 etcd_keys backends/web/2/

done_testing
