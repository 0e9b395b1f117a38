#!/bin/bash
# What HAProxy counts by environment, service and version, at kvwatch's metrics; and Debian's Prometheus
# with the rules and targets of contrib: an alert fires when an environment answers nothing, and ends when it does.
. "$(dirname "$0")/lib.sh"

need haproxy curl python3 prometheus promtool

ports 1
METRICS=http://127.0.0.1:${PORTS[0]} BIND=127.0.0.1:${PORTS[0]}
start_app web-1 web 1
start_app web-2 web 2
cat >"$T/environments/all.yaml" <<'E'
- name: prod
  services: [{name: web, version: 1, route: /}]
- name: pr-42
  extends: prod
  services: [{name: web, version: 2}]
E
backends() { # VERSION...
	local version

	printf 'web:\n'
	for version in "$@"; do
		printf '  %s: ["%s"]\n' "$version" "${ADDRESS[web-$version]}"
	done
}
backends 1 >"$T/backends.yaml"
write_settings "metrics_bind=\"$BIND\"" haproxy.metrics=true 'haproxy.log={to: stdout}' dnsmasq.hosts= dnsmasq.reload= \
	"targets=[{template: $TOP/contrib/prometheus/targets.json.mustache, output: $T/targets.json}]"
start_tool kvwatch --environments "$T/environments" --backends "$T/backends.yaml"
start_haproxy

ask() { # ENVIRONMENT [CURL-OPTION...]
	fetch "www-$1.example.com" "$HTTP/${2:-}" >"$T/out/reply"
}
# counts ENVIRONMENT SERVICE VERSION CODE NUMBER: what is counted is so much
counts() {
	curl -s --max-time 5 "$METRICS/metrics" >"$T/out/metrics" &&
		grep -qxF "mayfly_requests_total{environment=\"$1\",service=\"$2\",version=\"$3\",code=\"$4\"} $5" "$T/out/metrics"
}

note 'counted'
for _ in {1..5}; do ask prod; done
ask prod 'status?code=404'
ask prod 'status?code=500'
ask prod 'slow?ms=60'
ask pr-42
fetch web.service "$INTERNAL/" -H 'x-mayfly: prod' >"$T/out/reply"
within 'answers of a version' 20 counts prod web 1 2xx 7
ok '  that were errors of the client' counts prod web 1 4xx 1
ok '  and of the service' counts prod web 1 5xx 1
ok 'what nobody answered' counts pr-42 web 2 5xx 1
ok 'the rest is none' counts '' '' '' 2xx 0
labels='{environment="prod",service="web",version="1"'
like "$(grep -F "_bucket$labels,le=\"0.05\"}" "$T/out/metrics")" ' [1-8]$' 'a histogram: one took longer'
like "$(grep -F "_bucket$labels,le=\"+Inf\"}" "$T/out/metrics")" ' 9$' '  and none is missing'
like "$(<"$T/out/metrics")" 'mayfly_environment_last_request_seconds.environment="prod",service="web",version="1". 1[0-9]{9}' \
	'when the last one came'
promtool check metrics <"$T/out/metrics" >"$T/out/promtool" 2>&1
unlike "$(grep -v -e 'counter metrics should have' -e 'non-histogram and non-summary' "$T/out/promtool")" 'mayfly_request|error' 'promtool has nothing against them'
before=$(haproxy_worker)
echo reload | socat -t 10 - "UNIX-CONNECT:$T/run/master.sock" >"$T/out/reply"
is_another() { [[ -n $(haproxy_worker) && $(haproxy_worker) != "$before" ]]; }
within 'HAProxy is reloaded' 20 is_another
ask prod
within '  and no counter goes back' 20 counts prod web 1 2xx 8

note 'the dashboard'
python3 - "$TOP/contrib/prometheus/grafana-dashboard.json" "$T/out/metrics" >"$T/out/unknown" <<'P'
import json, re, sys
there = set(re.findall(r"^# TYPE (\S+)", open(sys.argv[2]).read(), re.M)) | {"mayfly_certificate_end_timestamp_seconds"}
for panel in json.load(open(sys.argv[1]))["panels"]:
    for target in panel["targets"]:
        for name in re.findall(r"mayfly_\w+", target["expr"]):
            if re.sub("_bucket$", "", name) not in there:
                print(panel["title"], name)
P
is "$?,$(<"$T/out/unknown")" 0, 'it asks only for what there is'

note 'alerts'
promtool check rules "$TOP/contrib/prometheus/mayfly.rules.yml" >"$T/out/promtool" 2>&1
is $? 0 'the rules are good'
promtool test rules "$TOP/contrib/prometheus/mayfly.test.yml" >"$T/out/promtool" 2>&1
is $? 0 '  and each fires when it should'
# The same, as fast as a story.
sed -E 's/for: .*/for: 0s/; s/\[[25]m\]/[8s]/g' "$TOP/contrib/prometheus/mayfly.rules.yml" >"$T/rules.yml"
cat >"$T/prometheus.yml" <<E
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$T/rules.yml]
scrape_configs:
  - job_name: mayfly
    static_configs: [{targets: ["$BIND"]}]
  - job_name: services
    file_sd_configs: [{files: [$T/targets.json], refresh_interval: 1s}]
E
ports 1
PROMETHEUS=http://127.0.0.1:${PORTS[0]}
start prometheus prometheus --config.file="$T/prometheus.yml" --storage.tsdb.path="$T/prometheus" \
	--web.listen-address="${PROMETHEUS#http://}"
series() { curl -s --max-time 5 "$PROMETHEUS/api/v1/query" --data-urlencode "query=$1"; }
wait_for 30 says '"value"' series 'mayfly_requests_total{environment="prod",code="2xx"}' || fail 'Prometheus has the series'
pass 'Prometheus has the series'
is_target() { says "\"version\":\"$1\"" series 'up{job="services",service="web"}'; }
within 'an instance is a target of Prometheus' 30 is_target 1
fires() { # traffic goes on, so that there is a rate
	ask prod
	ask pr-42
	says '"environment":"pr-42"' series 'ALERTS{alertname="MayflyEnvironmentUnanswered",alertstate="firing"}'
}
within 'an alert fires for an environment that answers nothing' 60 fires
unlike "$(series 'ALERTS{environment="prod"}')" '"environment"' '  and for no other'
backends 1 2 >"$T/backends.new" && mv "$T/backends.new" "$T/backends.yaml"
within 'an instance comes' 20 says '^web 2 ' fetch www-pr-42.example.com "$HTTP/"
within '  which is a target, too' 30 is_target 2
ends() {
	ask pr-42
	says '"result":\[\]' series 'ALERTS{alertname="MayflyEnvironmentUnanswered",alertstate="firing"}'
}
within '  and the alert ends' 60 ends

note 'a version that stands in the reserve'
start_app web-3 web 3
cat >"$T/environments/pr-43.yaml" <<'E'
name: pr-43
extends: prod
services: [{name: web, version: 3}]
E
backends 1 2 3 >"$T/backends.new" && mv "$T/backends.new" "$T/backends.yaml"
within 'it answers' 20 says '^web 3 ' fetch www-pr-43.example.com "$HTTP/"
is_counted() {
	curl -s --max-time 5 "$METRICS/metrics" >"$T/out/metrics"
	grep -qE '_total\{environment="pr-43",service="web",version="3",code="2xx"\} [1-9]' "$T/out/metrics"
}
within '  and is counted by its name' 20 is_counted
unlike "$(<"$T/out/metrics")" spare '  and by no other'
ask pr-43 by-another-name
within '  and in the log, too' 10 log_has haproxy '"path":"..by-another-name".*"service":"web","version":"3"'

done_testing
