#!/bin/bash
# etcd is down when all else starts: a first configuration is written, HAProxy serves, and everything
# is caught up with when etcd comes.  Later an outage leaves the last state in force.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

ports 2
ETCD_URLS=("http://127.0.0.1:${PORTS[0]}")
export ETCDCTL_ENDPOINTS=${ETCD_URLS[0]}
client=${PORTS[0]} peer=${PORTS[1]}

write_settings dnsmasq.hosts= dnsmasq.reload=
start_tool kvwatch
start_haproxy
is "$(fetch_status www-dev.example.com "$HTTP/")" 503 'a first configuration answers 503'
write_environment dev web=1@/
start_tool envwatch "$T/environments"
start_instance web web 1
within 'kvwatch says that etcd is out of reach' 10 log_has kvwatch "out of reach.*127.0.0.1:$client"

start_etcd_member etcd "$client" "$peer" "etcd=http://127.0.0.1:$peer"
within 'when etcd comes, all is caught up with' 20 serves www-dev.example.com '^web 1 '

mark kvwatch
stop etcd KILL # in good order, newer ones hear nobody for up to 7 s, but end leases
within 'etcd goes' 20 log_has kvwatch 'out of reach'
ok 'the last state is served' serves www-dev.example.com '^web 1 '
stop kvwatch
start_again kvwatch
within 'also after a restart of kvwatch without etcd' 20 log_has kvwatch 'out of reach'
ok 'the files on disk stay in force' serves www-dev.example.com '^web 1 '
stop haproxy
start_again haproxy
within 'also after a restart of HAProxy' 10 serves www-dev.example.com '^web 1 '

write_settings dnsmasq.hosts= dnsmasq.reload= "haproxy.config=$T/haproxy/other.cfg"
send_signal HUP kvwatch
within 'a configuration that settings read anew want is a first one too' 10 \
	test -s "$T/haproxy/other.cfg"
write_settings dnsmasq.hosts= dnsmasq.reload=
send_signal HUP kvwatch

write_environment second web=1@/
start_again etcd
within 'etcd is back, with what changed meanwhile' 20 serves www-second.example.com '^web 1 '

done_testing
