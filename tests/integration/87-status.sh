#!/bin/bash
# Each node tells how it does: as a key in etcd under a lease, and to Prometheus.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

ports 1
ADDRESS[metrics]=127.0.0.1:${PORTS[0]} METRICS=http://127.0.0.1:${PORTS[0]}
status_of() { curl -s -o "$T/out/body" -w '%{http_code}' --max-time 5 "$METRICS/$1"; }
body_of() { curl -s --max-time 5 "$METRICS/$1"; }
metric() { body_of metrics | sed -n "s/^$1 //p"; }      # NAME-REGEX
metric_is() { [[ $(metric "$1") == "$2" ]]; }           # NAME-REGEX VALUE
is_at_least() { (($(metric "$1") >= $2)); }             # NAME-REGEX VALUE
node() { etcd_get nodes/test; }
node_says() { node | grep -qE -- "$1"; }

write_settings
start_tool_as waiting kvwatch --metrics "${ADDRESS[metrics]}"
within 'without etcd it is healthy' 10 says '^ok$' body_of health
is "$(status_of ready)" 503 'but not ready'
within 'and says why' 10 says 'not ready: nothing is applied yet: .*127.0.0.1:9' body_of ready
is "$(metric mayfly_source_up)" 0 'there is no source'
stop waiting

rm "$T/haproxy/haproxy.cfg"
export MAYFLY_LOG_LEVEL=debug # each try is logged
start_mayfly "metrics_bind=\"${ADDRESS[metrics]}\""
start_app web web 1
etcd_put backends/web/1/a "${ADDRESS[web]}"
within 'it is ready' 20 says '^ready$' body_of ready
is "$(status_of ready)" 200 'with status 200'
is "$(metric mayfly_source_up)" 1 'the source is there'
is "$(status_of nothing)" 404 'there is nothing else'
like "$(curl -sI --max-time 5 "$METRICS/metrics")" '^Content-Type: text/plain; version=0.0.4' \
	'metrics have the type that Prometheus expects'

etcd_put environments/dev '{"name":"dev","services":[{"name":"web","version":"1","route":"/"}]}'
within 'an environment is served' 20 serves www-dev.example.com '^web 1 '
within 'it is counted' 10 metric_is mayfly_environments 1
is "$(metric mayfly_instances)" 1 'and the instance too'
within 'the revision in force is told' 10 metric_is mayfly_applied_revision "$(metric mayfly_wanted_revision)"
within 'changes by the runtime API are counted' 10 is_at_least 'mayfly_applies_total{kind="runtime"}' 1
etcd_put services/other '{"balance":"leastconn"}' # which no HAProxy adds without a reload
etcd_put backends/other/1/a "${ADDRESS[web]}"
within 'reloads are counted' 10 is_at_least mayfly_haproxy_reloads_total 1
ok 'and how long changes took' is_at_least mayfly_apply_latency_seconds_count 1
is "$(metric 'mayfly_apply_latency_seconds_bucket{le="+Inf"}')" \
	"$(metric mayfly_apply_latency_seconds_count)" 'the histogram adds up'
like "$(body_of metrics)" '^mayfly_info\{node="test",version="[^"]+",haproxy_version="[0-9.]+[^"]*"\} 1$' \
	'the versions are told'
unlike "$(body_of metrics | grep -v '^#')" '[^0-9+]$' 'every sample ends with a number'

within 'the node has its key' 10 node_says '^\{"node":"test"'
within "with the revision, HAProxy's version and its workers" 10 \
	node_says '"revision":[0-9]+,"time":"20[^"]+Z",.*"haproxy":\{"version":"[0-9.]+[^"]*","workers":[1-9]'
lease=$(etcdctl get -w json /mayfly/nodes/test | sed -n 's/.*"lease":\([0-9]*\).*/\1/p')
ok 'under a lease' test "${lease:-0}" -gt 0
etcd_put environments/broken '{"name":"broken"}'
within 'what is set aside is named' 10 \
	node_says '"set_aside_count":1,"set_aside":\[\{"object":"environment broken","reason":"'
ok 'and counted' metric_is mayfly_set_aside_entries 1
etcd_del environments/broken
within 'and no more' 10 node_says '"set_aside_count":0'

# What is told changes nothing, and causes nothing.
all_is_applied() { metric_is mayfly_applied_revision "$(metric mayfly_wanted_revision)"; }
etcd_put config/shop/colour blue
within 'a setting is heard of' 10 is_at_least mayfly_source_events_total 3
within 'all is applied' 10 all_is_applied
applied=$(metric mayfly_applied_revision) events=$(metric mayfly_source_events_total)
etcd_put config/shop/colour blue
within 'the same once more is heard of' 10 is_at_least mayfly_source_events_total $((events + 1))
is "$(metric mayfly_applied_revision)" "$applied" 'and changes nothing'
within 'and is confirmed all the same' 10 node_says "\"revision\":$(etcdctl get -w json /mayfly/config/shop/colour | sed -n 's/.*"mod_revision":\([0-9]*\).*/\1/p'),"
versions() { etcdctl get -w json /mayfly/nodes/test | sed -n 's/.*"version":\([0-9]*\),"value.*/\1/p'; }
before=$(versions)
storm=()
for i in {1..60}; do
	etcd_put backends/web/1/b "127.0.0.1:$((1000 + i))" &
	storm+=($!)
done
wait "${storm[@]}"
within 'a storm of changes is applied' 20 metric_is mayfly_instances 3
((SLOW > 1)) || ok 'and told far less often' test $(($(versions) - before)) -le 40

# A HAProxy that goes, and comes, while nothing changes.
within 'all is applied once more' 10 all_is_applied
within 'HAProxy is loaded' 10 node_says '"not_loaded":""'
revision=$(metric mayfly_applied_revision)
within 'and told with its revision' 10 node_says "\"revision\":$revision,"
stop haproxy
within 'a HAProxy that went is told' 10 node_says '"workers":0,.*"not_loaded":"haproxy: not loaded: [^"]*sock[^"]*"'
like "$(node)" "\"revision\":$revision," 'with the revision that it had'
run_tool mayfly node list -o wide
like "$OUT" '^test +error +.* 0 +.*haproxy: not loaded: .*sock' 'the list of nodes says error, and why'
run_tool mayfly status
like "$OUT" 'node test: haproxy: not loaded: .*sock' 'and it is a problem'
like "$OUT" '^ +-> start HAProxy on test; kvwatch\(1\) says how$' '  with what to do'
within 'the next try fails at the master' 10 node_says '"haproxy: not loaded: [^"]*master.sock'
mark kvwatch
before=$(versions)
within 'and is not the last' 20 log_has kvwatch 'debug kvwatch: tried again, .*group=haproxy .*master.sock'
is "$(versions)" "$before" 'while it stays so, nothing is written'
start_again haproxy
within 'that it is back is told' 10 node_says '"workers":[1-9].*"not_loaded":""'
run_tool mayfly node list
like "$OUT" '^test +ok ' 'and it is well again'

# A listener that cannot listen does not stop the main job.  What has the address is denied as
# kvwatch's own, so another one serves.
start_app other web 2
etcd_put backends/web/2/a "${ADDRESS[other]}"
write_settings "metrics_bind=\"${ADDRESS[web]}\""
mark kvwatch
send_signal HUP kvwatch
within 'an address in use is told' 10 log_has kvwatch 'error kvwatch: no metrics for now.*in use'
etcd_put environments/more '{"name":"more","services":[{"name":"web","version":"2","route":"/"}]}'
within 'and the main job goes on' 20 serves www-more.example.com '^web 2 '
stop web
within 'when it is free it is taken' 20 log_has kvwatch 'metrics are served now'

stop kvwatch
ok 'with kvwatch goes its key' not etcd_has nodes/test

done_testing
