#!/bin/bash
# mayfly tap shows the requests of every node whose kvwatch gives them away for the token, and says who
# is left out.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

ports 2
METRICS=127.0.0.1:${PORTS[0]} FAR_PORT=${PORTS[1]}
FAR=http://127.0.0.1:$FAR_PORT
# Two nodes; the other one has a folder of its own.
common=(haproxy.tap=true dnsmasq.hosts= dnsmasq.reload= haproxy.local_bind= haproxy.stats_bind= haproxy.internal_bind=)
start_etcd
mkdir "$T"/far "$T"/far/{run,haproxy,state}
write_settings "${common[@]}" node=far "metrics_bind=$METRICS" status_token=sesame state_dir="$T/far/state" \
	"haproxy.bind=[\"127.0.0.1:$FAR_PORT\"]" haproxy.config="$T/far/haproxy/haproxy.cfg" \
	haproxy.admin_socket="$T/far/run/admin.sock" haproxy.master_socket="$T/far/run/master.sock"
mv "$T/mayfly.yaml" "$T/far/mayfly.yaml"
write_settings "${common[@]}" node=near
start_tool_as far kvwatch --config "$T/far/mayfly.yaml"
start_tool_as near kvwatch
wait_for 10 test -s "$T/far/haproxy/haproxy.cfg" || die 'no haproxy.cfg was written'
start far-haproxy haproxy -W -S "$T/far/run/master.sock" -f "$T/far/haproxy/haproxy.cfg"
start_haproxy
start_instance web-1 web 1
write_environment prod web=1@/
start_tool envwatch "$T/environments"
far_serves() { says 'web 1' fetch www-prod.example.com "$FAR/"; }
within 'a node serves' 10 far_serves
within 'the other one, too' 10 serves www-prod.example.com 'web 1'
knows() { says "$1" etcd_get nodes/far; }
within 'it is known where it is reached' 10 knows "\"metrics\":\"$METRICS\""

note 'whom it asks'
ask() { curl -s --max-time 5 -w '%{http_code}' "$@" "http://$METRICS/requests/0"; }
like "$(ask)" '403$' 'without the token nobody gets requests'
like "$(ask -H 'authorization: Bearer sesam')" '403$' '  nor with another one'
seen() { # NAME URL PATH
	fetch www-prod.example.com "$2$3" >"$T/out/reply"
	log_has "$1" "\"path\":\"$3\""
}
start_tool_as alone mayfly tap -o json
within 'without the token, this host is shown' 10 seen alone "$HTTP" /near
like "$(<"$T/log/alone")" 'this host alone.*no status_token' '  and it is said that it is alone'
stop alone
write_settings "${common[@]}" node=near status_token=open
start_tool_as other mayfly tap -o json
within 'who has another token is left out' 10 log_has other 'not read node=far reason="it has another status_token"'
within '  and this host is shown' 10 seen other "$HTTP" /near
stop other

note 'the fleet'
write_settings "${common[@]}" node=near status_token=sesame
start_tool_as both mayfly tap -o json
within 'this host is shown' 10 seen both "$HTTP" /near
within 'and the other one' 10 seen both "$FAR" /far
like "$(grep /far "$T/log/both")" '"node":"far","environment":"prod","method":"GET","path":"/far","service":"web","version":"1"' \
	'  with its name'
like "$(grep /near "$T/log/both")" '"node":"near","environment":"prod"' '  and this host with its own'
like "$(grep /near "$T/log/both")" '"caller":"127.0.0.1","caller_names":\["web:1/near-[^"]+"\]' \
	'  and who has called, by the registry'
start_tool_as page mayfly tap prod
paged() {
	fetch www-prod.example.com "$FAR/paged" >"$T/out/reply"
	log_has page '^far +[0-9:.]+Z +prod +GET +/paged +web:1'
}
within 'people see which node it was' 10 paged
start_tool_as sums mayfly top -o json --watch
summed() {
	fetch www-prod.example.com "$FAR/" >"$T/out/reply"
	log_has sums '"environment":"prod","service":"web","version":"1","requests":[1-9]'
}
within 'they are summed up, too' 15 summed

note 'a node that goes, and one without a HAProxy'
mark both
stop far
within 'it is said that it is left out' 15 log_has both 'not read node=far'
start_tool_as far kvwatch --config "$T/far/mayfly.yaml"
within 'it is shown again' 20 seen both "$FAR" /again
stop both
stop page
stop sums
stop near
stop haproxy
start_tool_as rest mayfly tap -o json
within 'without a HAProxy here the others are shown' 10 seen rest "$FAR" /rest
like "$(<"$T/log/rest")" 'not read node=near' '  and it is said that this one is not'
stop rest

done_testing
