#!/bin/bash
# While kvwatch is cut off, etcd changes and is compacted: the watch cannot be resumed, so all is
# listed again, deletions included.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_etcd
write_settings dnsmasq.hosts= dnsmasq.reload=
start_tool kvwatch
start_haproxy
start_app web web 1
etcd_put backends/web/1/a "${ADDRESS[web]}"
etcd_put environments/dev '{"name":"dev","services":[{"name":"web","version":"1","route":"/"}]}'
etcd_put environments/old '{"name":"old","services":[{"name":"web","version":"1","route":"/"}]}'
within 'two environments are there' 10 serves www-old.example.com '^web 1 '

send_signal STOP kvwatch
etcd_del environments/old
etcd_put environments/new '{"name":"new","services":[{"name":"web","version":"1","route":"/"}]}'
for i in {1..20}; do etcd_put "config/app/$i" "$i"; done
revision=$(etcdctl get --write-out=json /mayfly/config/app/20 | sed 's/.*"revision":\([0-9]*\).*/\1/')
stop etcd
start_again etcd
within 'etcd is restarted' 20 etcd_is_ready "${ETCD_URLS[0]}"
ok 'and compacted' etcdctl compact "$revision"
send_signal CONT kvwatch
within 'the new environment is there' 30 serves www-new.example.com '^web 1 '
is "$(fetch_status www-old.example.com "$HTTP/")" 503 'and the old one is gone'
ok 'the third one is as it was' serves www-dev.example.com '^web 1 '

mark kvwatch
stop etcd
rm -r "$T/data-etcd"
start_again etcd
within 'a wiped store is noticed' 40 log_has kvwatch '(rewound|wiped|went back|below)'
etcd_put backends/web/1/a "${ADDRESS[web]}"
etcd_put environments/after '{"name":"after","services":[{"name":"web","version":"1","route":"/"}]}'
within 'and followed from its new beginning' 30 serves www-after.example.com '^web 1 '

done_testing
