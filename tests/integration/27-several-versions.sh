#!/bin/bash
# A service with several versions: requests are shared out by percents, which change without a reload,
# in one step with all else that an environment says, and a version without an instance loses nobody.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

use_ports
start_mayfly routing.default_environment=prod haproxy.consolidate_after=1h
for name in 'web web 1' 'tasks-1 tasks 1.4' 'tasks-2 tasks 1.5-rc1' 'tasks-3 tasks 1.6'; do
	# shellcheck disable=SC2086
	start_app $name
done
register() { etcd_put "backends/tasks/$1/i" "${ADDRESS[$2]}"; } # VERSION APP
etcd_put backends/web/1/i "${ADDRESS[web]}"
register 1.4 tasks-1
register 1.5-rc1 tasks-2
register 1.6 tasks-3

# environment NAME LINE...: its file
environment() {
	printf '%s\n' "name: $1" "${@:2}" >"$T/environments/.$1.new"
	mv "$T/environments/.$1.new" "$T/environments/$1.yaml"
}
prod() { environment prod services: '  - {name: web, version: 1, route: /}' "  - {name: tasks, route: /tasks, $1}"; }
# counts DOOR HOST N PATH [OPTION...]: "VERSION COUNT" of N requests, in one line, sorted
counts() {
	curl -s "$1$4?[1-$3]" -H "Host: $2" "${@:5}" | awk '/^tasks/ { n[$2]++ } END { for (v in n) print v, n[v] }' |
		sort | tr '\n' ' '
}
# fits "VERSION COUNT ..." VERSION PERCENT...: by chi-square, wrong once in a million times at most
fits() {
	awk -v got="$1" -v want="${*:2}" 'BEGIN {
		split("23.93 27.63 30.66 33.38 35.89 38.26 40.52", bound, " ")
		n = split(got, g, " "); m = split(want, w, " ")
		for (i = 1; i < n; i += 2) { count[g[i]] = g[i + 1]; sum += g[i + 1] }
		for (i = 1; i < m; i += 2) {
			expected = sum * w[i + 1] / 100; seen += count[w[i]]
			if (expected > 0) { x += (count[w[i]] - expected) ^ 2 / expected; df++ }
		}
		exit !(sum > 0 && seen == sum && (df < 2 ? x == 0 : x < bound[df - 1]))
	}'
}
shares() { fits "$(counts "$HTTP" www-prod.example.com 200 /tasks)" "$@"; }
is_logged() { grep -qE "$1" "$T/log/kvwatch"; }
rendered() { within "${1:-  and all is one}" 20 all_is_one; }

note 'requests are shared out by percents'
prod 'versions: {"1.4": 90, 1.5-rc1: 10}'
within 'both versions answer' 10 shares 1.4 90 1.5-rc1 10
rendered
reloads=$(haproxy_reloads)
got=$(counts "$HTTP" www-prod.example.com 20000 /tasks)
ok "20,000 requests: $got" fits "$got" 1.4 90 1.5-rc1 10
got=$(counts "$INTERNAL" tasks.service 2000 / -H 'x-mayfly: prod')
ok "between services: $got" fits "$got" 1.4 90 1.5-rc1 10
got=$(counts "$LOCAL" localhost 2000 /tasks/)
ok "from a process of this host: $got" fits "$got" 1.4 90 1.5-rc1 10
ok 'other services have one version' serves www-prod.example.com '^web 1 '

note 'a change of the percents is in force without a reload'
prod 'versions: {"1.4": 50, 1.5-rc1: 20, "1.6": 30}'
within 'three of them' 10 shares 1.4 50 1.5-rc1 20 1.6 30
got=$(counts "$HTTP" www-prod.example.com 2000 /tasks)
ok "2,000 requests: $got" fits "$got" 1.4 50 1.5-rc1 20 1.6 30
prod 'versions: {"1.4": 0, 1.5-rc1: 100}'
within 'all to one' 10 shares 1.5-rc1 100
prod 'versions: {"1.4": 7, "1.6": 93}'
within 'seven of a hundred' 10 shares 1.4 7 1.6 93
got=$(counts "$HTTP" www-prod.example.com 2000 /tasks)
ok "2,000 requests: $got" fits "$got" 1.4 7 1.6 93

note 'a version without a live instance gives its share to the others'
prod 'versions: {"1.4": 50, 1.5-rc1: 20, "1.6": 30}'
within 'all three' 10 shares 1.4 50 1.5-rc1 20 1.6 30
etcd_del backends/tasks/1.4/i
within 'one goes' 10 shares 1.5-rc1 40 1.6 60
got=$(counts "$HTTP" www-prod.example.com 2000 /tasks)
ok "2,000 requests: $got" fits "$got" 1.5-rc1 40 1.6 60
within '  the log says so' 10 is_logged 'shares of environment prod.*no live instance of version 1.4: the others get its 50 percent'
run_tool mayfly check prod
is "$STATUS" 0 '  for check all is answered'
like "$OUT" 'service tasks: no instance of version 1.4 is registered: its 50 percent go to the others$' '  by others'
run_tool mayfly status
like "$OUT" 'shares of environment prod.*version 1.4: the others get its 50 percent' '  and status says so'
etcd_del backends/tasks/1.6/i
within 'a second one goes' 10 shares 1.5-rc1 100
etcd_del backends/tasks/1.5-rc1/i
within 'nobody is left: the page says the versions' 10 says 'No instance of version 1.4=50%,1.5-rc1=20%,1.6=30% of service tasks' \
	fetch www-prod.example.com "$HTTP/tasks"
ok '  and JSON' says '"service": "tasks", "version": "1.4=50%,1.5-rc1=20%,1.6=30%"' \
	fetch www-prod.example.com "$HTTP/tasks" -H 'accept: application/json'
register 1.4 tasks-1
within 'the first comes back: it has all' 10 shares 1.4 100
register 1.5-rc1 tasks-2
register 1.6 tasks-3
within '  and the others' 10 shares 1.4 50 1.5-rc1 20 1.6 30
within '  which the log says' 10 is_logged 'no longer set aside object=.shares of environment prod'
prod 'versions: {"1.4": 100, 1.5-rc1: 0}'
within 'a version of 0 percent' 10 shares 1.4 100
etcd_del backends/tasks/1.4/i
within '  gets what nobody else can answer' 10 shares 1.5-rc1 100
register 1.4 tasks-1
within '  as long as it must' 10 shares 1.4 100

note 'a user stays at one version'
visit() { # NUMBER [OPTION...]: the version that a visitor gets, and the cookie
	curl -s -D - "$HTTP/tasks" -H 'Host: www-prod.example.com' -b "mayfly-visitor=$1" "${@:2}" |
		sed -n 's/\r$//; s/^tasks \([^ ]*\).*/\1/p; s/^set-cookie: //p' | tr '\n' ' '
}
visitors() { for i in {0..99}; do visit "$i"; done | tr ' ' '\n' | sort | uniq -c | awk '{ printf "%s %s ", $2, $1 }'; }
prod 'versions: {"1.4": 95, 1.5-rc1: 5}, sticky: cookie'
within 'a visitor without a number' 10 says '^1.[45](-rc1)? mayfly-visitor=[0-9]{1,2}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax $|mayfly-visitor.*1.[45]' visit ''
like "$(visit abc)" 'mayfly-visitor=[0-9]' '  or with none that there is'
is "$(visit 94) $(visit 95)" '1.4  1.5-rc1 ' 'a visitor keeps the number, and so the version'
is "$(visitors)" '1.4 95 1.5-rc1 5 ' 'of all numbers 95 to 5'
prod 'versions: {"1.4": 80, 1.5-rc1: 20}, sticky: cookie'
within 'a change of 15 percent' 10 says '1.5-rc1' visit 80
is "$(visitors)" '1.4 80 1.5-rc1 20 ' '  moves no more visitors than it must'
got=$(counts "$HTTP" www-prod.example.com 1000 /tasks)
ok "new visitors are shared out: $got" fits "$got" 1.4 80 1.5-rc1 20
is "$(curl -s -D - "$INTERNAL" -H 'Host: tasks.service' -H 'x-mayfly: prod' | grep -ci set-cookie)" 0 \
	'a service gets no number'
prod 'versions: {"1.4": 50, 1.5-rc1: 50}, sticky: source'
one_of() { [[ $(counts "$HTTP" www-prod.example.com 100 /tasks) =~ ^1.[45](-rc1)?' 100 '$ ]]; }
within 'one address, one version' 10 one_of
is "$(for i in {1..200}; do curl -s --interface 127.0.1."$i" "$HTTP/tasks" -H 'Host: www-prod.example.com'; done |
	awk '/^tasks/ { n[$2]++ } END { print (n["1.4"] > 60 && n["1.5-rc1"] > 60) }')" 1 '  others have others'
is "$(haproxy_reloads)" "$reloads" 'all of it without a reload'

note 'those who extend it'
environment pr 'extends: prod' 'services: [{name: web, version: 2}]'
environment canary 'extends: prod' 'missing: baseline' 'services: [{name: tasks, versions: {none: 60, "1.6": 40}}]'
prod 'versions: {"1.4": 50, 1.5-rc1: 50}'
pr() { fits "$(counts "$HTTP" www-pr.example.com 200 /tasks)" "$@"; }
canary() { fits "$(counts "$HTTP" www-canary.example.com 200 /tasks)" "$@"; }
within 'have its versions' 10 pr 1.4 50 1.5-rc1 50
prod 'versions: {"1.4": 20, 1.5-rc1: 80}'
within '  at any moment' 10 pr 1.4 20 1.5-rc1 80
within '  or their own' 10 canary 1.6 100
etcd_del backends/tasks/1.6/i
within 'where none of those is there, the baseline is one version of the parent' 10 canary 1.5-rc1 100
within '  which the log says' 10 is_logged 'no live instance of version none=60%,1.6=40%: 1.5-rc1 of prod answers'
register 1.6 tasks-3
within '  and back' 10 canary 1.6 100
prod 'version: 1.4'
within 'one version again' 10 pr 1.4 100
is "$(haproxy_reloads)" "$reloads" 'all of it without a reload'
rendered

note 'what people see'
prod 'versions: {"1.4": 90, 1.5-rc1: 10}'
within 'two versions' 10 shares 1.4 90 1.5-rc1 10
rendered
prod 'versions: {"1.4": 80, 1.5-rc1: 20}'
within '  and their percents changed' 10 shares 1.4 80 1.5-rc1 20
mkdir "$T/files"
printf '%s\n' 'name: prod' 'services:' '  - {name: web, version: 1, route: /}' \
	'  - {name: tasks, route: /tasks, versions: {"1.4": 70, 1.5-rc1: 30}}' >"$T/files/prod.yaml"
printf 'web:\n  "1": [%s]\ntasks:\n  "1.4": [%s]\n  1.5-rc1: [%s]\n' "${ADDRESS[web]}" "${ADDRESS[tasks-1]}" \
	"${ADDRESS[tasks-2]}" >"$T/backends.yaml"
run_tool mayfly env show prod
like "$OUT" '^tasks +1.4=80%,1.5-rc1=20% +own +2 +ready' 'env show'
run_tool mayfly env show prod -o json
like "$OUT" '"versions":\[\{"version":"1.4","percent":80,"live":1\},\{"version":"1.5-rc1","percent":20,"live":1\}\]' '  for programs'
run_tool mayfly matrix
like "$OUT" '^prod +1.4=80%,1.5-rc1=20%' 'matrix'
run_tool mayfly route list prod
like "$OUT" '/tasks/ +tasks +1.4=80%,1.5-rc1=20% +2' 'route list'
run_tool mayfly explain http://www-prod.example.com/tasks
like "$OUT" '^Service: +tasks, version 1.4=80%,1.5-rc1=20% \(own\)' 'explain'
like "$OUT" '^Answer: +by 2 of 2 instances' '  with the instances of all'
run_tool cfgrender --output-dir "$T/rendered" --environments "$T/files" --backends "$T/backends.yaml"
sed -i 's/70/60/; s/30/40/' "$T/files/prod.yaml"
run_tool cfgrender --dry-run --output-dir "$T/rendered" --environments "$T/files" --backends "$T/backends.yaml"
like "$OUT" 'prod.*tasks.*1.4=70%,1.5-rc1=30%.*1.4=60%,1.5-rc1=40%' 'a dry run says what changes'
like "$OUT" 'by the runtime API, no reload' '  which takes no reload'
done_testing
