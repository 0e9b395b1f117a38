#!/bin/bash
# Mayfly's command for people, on a real etcd: what there is, in each format, and what is missing.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl script

start_etcd
write_settings
table() { sed 's/  */ /g; s/ $//' <<<"$OUT"; } # with single spaces

run_tool mayfly env list
is "$STATUS $OUT" '0 There is no environment.' 'at first there is nothing'
run_tool mayfly node list
like "$OUT" 'no kvwatch' '  and nobody'
run_tool mayfly status
is "$(tail -n 1 <<<"$OUT")" 'There are no problems.' '  nor any problem'

etcd_put environments/prod '{"name":"prod","prefix":"www","hosts":["shop.example.com"],"services":[{"name":"web","version":"1","route":"/"}],"origin":{"owner":"ci","source":"/envs/prod.yaml"}}'
etcd_put environments/pr-42 '{"name":"pr-42","services":[{"name":"web","version":"2","route":"/"},"mail"]}'
etcd_put environments/broken '{"name":"broken","services":7}'
etcd_put backends/web/1/a 10.0.0.5:80
etcd_put backends/web/2/a '{"address":"10.0.0.6","port":80,"state":"drain"}'

# --- environments
run_tool mayfly env list
is "$STATUS" 0 'env list'
is "$(table | head -n 4)" 'NAME EXTENDS SERVICES PREFIX HOSTS STATE OWNER
pr-42 - 2 www-pr-42 - missing -
prod - 1 www shop.example.com ready ci
broken - - - - set aside -' '  says what is ready, what is not, and whose it is'
like "$OUT" '^0 incomplete, 1 with something missing, 1 set aside; why: mayfly check$' '  and what to do next'
run_tool mayfly env ls -o wide
like "$(table)" '^pr-42 .* mail:latest,web:2 -$' '  -o wide names the versions without an instance'
like "$(table)" '^broken .* services: must be a list' '  and the reason'
run_tool mayfly -o name env list
is "$OUT" $'pr-42\nprod\nbroken' '  -o name'
etcd_put 'environments/a prod' '{"name":"a prod","services":[]}'
etcd_put 'nodes/a edge' '{}'
run_tool mayfly env list -o name
is "$OUT" $'pr-42\nprod\nbroken' '  which has no words that are no names'
run_tool mayfly node list -o name
is "$OUT" '' '  nor have the nodes'
etcd_del 'environments/a prod'
etcd_del 'nodes/a edge'
run_tool mayfly env list -o json
like "$OUT" '^\{"environments":\[\{"name":"pr-42","extends":\[\],"prefix":"www-pr-42",' '  -o json'
is "$(wc -l <<<"$OUT")" 1 '  is one line'
run_tool mayfly env list -o yaml
like "$OUT" '^  - name: "pr-42"$' '  -o yaml'

# --- one environment
etcd_put overrides/prod/web '{"version":"1","holder":"anna@laptop"}'
run_tool mayfly env show prod
is "$(table | grep -A 1 '^SERVICE')" 'SERVICE VERSION FROM LIVE STATE ROUTES HOLDER
web 1 override 1 ready / anna@laptop' 'env show: the versions, and who holds one'
like "$OUT" '^Source: *''/envs/prod.yaml$' '  and where it comes from'
unlike "$OUT" 'Problems' '  there are no problems'
etcd_put environments/thief '{"name":"thief","prefix":"www","hosts":["shop.example.com","www.x.org"],"services":["mail"]}'
run_tool mayfly env show thief
is "$(sed -n '/^Problems/,$p' <<<"$OUT")" 'Problems:
  prefix www: environment prod has it
      -> mayfly env show prod
  host shop.example.com: environment prod has it
      -> mayfly env show prod
  host www.x.org: environment prod has it, by its prefix
      -> mayfly env show prod
  environment thief: service mail: no instance of version latest is registered
      -> svcregister register mail latest ADDRESS:PORT' \
	'what others have, and what does not answer, are problems, with what to do'
etcd_put environments/pr-7 '{"name":"pr-7","description":"new web","extends":"prod","services":[{"name":"web","version":"2"},"mail"]}'
run_tool mayfly env show pr-7
is "$(table | sed '/^$/,$d')" 'Environment: pr-7
Description: new web
Extends: prod
Prefix: www-pr-7
Header: pr-7
State: missing' 'an environment that extends another'
etcd_put environments/base '{"name":"base","services":["mail","web"]}'
etcd_put environments/pr-8 '{"name":"pr-8","extends":"base","services":[{"name":"web","version":"1"}]}'
run_tool mayfly env show pr-8
is "$(table | grep -A 2 '^SERVICE' | cut -d ' ' -f 1-3)" 'SERVICE VERSION FROM
mail latest base
web 1 own' '  who says each version'
etcd_del environments/base
run_tool mayfly env show pr-8
like "$OUT" '^  environment pr-8: extends base, which is not there$' '  and why it is set aside'
etcd_del environments/pr-8
run_tool mayfly env show thief -o json
like "$OUT" '^\{"name":"thief",.*"services":\[\{"name":"mail","version":"latest","from":"own","state":"missing","live":0,' '  -o json'

# --- everything at once
run_tool mayfly matrix
is "$(table)" 'ENVIRONMENT mail web
pr-42 latest! 2!
pr-7 latest*! 2*!
prod - 1^
thief latest! -

* not the parent'"'s ^ somebody's override ! no instance answers ~ others answer for it" 'matrix'
run_tool mayfly matrix -o json
like "$OUT" '"pr-7","versions":\{"mail":\{"version":"latest","differs":true,"is_override":false,"is_missing":true,"is_incomplete":false,"live":0\}' \
	'  -o json'
run_tool mayfly matrix prod
is "$(table | head -n 2)" 'ENVIRONMENT mail web
prod - 1^' '  of one environment'
etcd_del environments/pr-7
etcd_put nodes/edge '{"node":"edge","revision":7,"haproxy":{"version":"3.0.1","workers":2},"error":"config: refused","quarantined":[{"object":"service web","reason":"unknown keyword"}]}'
run_tool mayfly check
is "$STATUS" 65 'check'
like "$OUT" '^  environment broken: services: must be a list' '  what is set aside'
like "$OUT" '^  environment pr-42: service web: no instance of version 2 is up with a weight \(registered: 1\); these answer: 1$' \
	'  what does not answer, and what would'
like "$OUT" '^      -> mayfly instance list web 2$' '  and where to look'
like "$OUT" '^  node edge: config: refused$' '  what a node cannot apply'
like "$OUT" '^  node edge: service web: in quarantine: unknown keyword$' '  and has refused'
run_tool mayfly check prod
is "$STATUS $OUT" '0 All is well: an instance answers for each version that is to get requests.' '  of one environment'
run_tool mayfly check pr-42 -o name
is "$STATUS $OUT" $'65 environment pr-42: service mail\nenvironment pr-42: service web' '  by name'
run_tool mayfly status
is "$STATUS" 0 'status'
is "$(table | head -n 3)" 'Environments: 1 ready, 0 incomplete, 2 with something missing, 1 set aside
Services: 2 in 3 versions
Instances: 2, of which 1 answer' '  counts'
like "$(table)" '^edge error 7 3.0.1 2 ' '  shows the fleet'
like "$OUT" '^  node edge: config: refused$' '  and all problems'
run_tool mayfly status -o json
like "$OUT" '"environments":\{"ready":1,"incomplete":0,"missing":2,"set_aside":1\}' '  -o json'

# --- for whom others answer
etcd_put environments/kid '{"name":"kid","extends":"prod","missing":"baseline","services":[{"name":"web","version":"77"}]}'
etcd_put environments/shared '{"name":"shared","services":[{"name":"web","versions":{"1":0,"no1":50,"2":50}}]}'
etcd_put environments/door '{"name":"door","split":{"gone":40,"broken":10,"nobody":0,"prod":50},"services":[]}'
run_tool mayfly env list -o wide
like "$(table)" '^kid .* incomplete .* web:77 -$' 'a version for which another answers'
like "$(table)" '^shared .* incomplete .* web:no1,web:2 -$' '  or others of the same service'
like "$(table)" '^door .* incomplete ' '  and environments that visitors cannot go to'
run_tool mayfly check kid
is "$STATUS $OUT" '0 Answered by others:
  environment kid: service web: no instance of version 77 is registered: 1 of prod answers
      -> svcregister register web 77 ADDRESS:PORT' 'check says that others answer'
run_tool mayfly check shared
is "$STATUS $OUT" '0 Answered by others:
  environment shared: service web: no instance of version no1 is registered: its 50 percent go to the others
      -> svcregister register web no1 ADDRESS:PORT
  environment shared: service web: no instance of version 2 is up with a weight (registered: 1): its 50 percent go to the others
      -> mayfly instance list web 2' '  for each share'
run_tool mayfly check door
is "$STATUS $OUT" '0 Answered by others:
  environment door: split: environment gone is not there: its 40 percent go to the others
  environment door: split: environment broken is not there: its 10 percent go to the others' '  of visitors, too'
run_tool mayfly check
is "$STATUS" 65 '  of all'
is "$(grep -c '^Problems:$\|^Answered by others:$\|^  environment kid: service web: ' <<<"$OUT")" 3 '  beside the problems'
run_tool mayfly check kid -o json
like "$OUT" '^\{"problems":\[\],"remarks":\[\{"object":"environment kid: service web","reason":"no instance' '  -o json'
run_tool mayfly env show kid
like "$OUT" '^State: +incomplete$' 'env show'
like "$(table)" '^web 77 own 1 incomplete / ' '  has the service'
like "$OUT" '^  environment kid: service web: no instance of version 77 is registered: 1 of prod answers$' '  and why'
run_tool mayfly matrix
like "$(table)" '^kid - 77\*~$' 'matrix marks it'
like "$(table)" '^shared - 1=0%,no1=50%,2=50%~$' '  and shares'
run_tool mayfly status
like "$OUT" '^Environments: 1 ready, 3 incomplete, 2 with' 'status counts it'
etcd_put environments/door '{"name":"door","split":{"gone":40,"broken":60},"services":[]}'
run_tool mayfly check door
is "$STATUS $OUT" '65 Problems:
  environment door: split: none of its environments is there and in force: visitors get 503' \
	'where no environment is left for visitors, nobody answers'
etcd_del environments/kid
etcd_del environments/shared
etcd_del environments/door

# --- what else there is
etcd_put services/db '{"protocol":"tcp","listen":5432,"addresses":["10.0.0.9:5432"]}'
run_tool mayfly service list
is "$(table)" 'SERVICE PROTOCOL LIVE ENVIRONMENTS VERSIONS
db tcp 1 0 latest
mail http 0 2 latest
web http 1 2 1,2' 'service list'
run_tool mayfly instance list
is "$(table)" 'SERVICE VERSION INSTANCE ADDRESS STATE WEIGHT
db latest 10.0.0.9:5432 10.0.0.9:5432 up 100
web 1 a 10.0.0.5:80 up 100
web 2 a 10.0.0.6:80 drain 100' 'instance list'
run_tool mayfly instance list web 2 -o name
is "$OUT" web/2/a '  of one version, by name'
run_tool mayfly route list
is "$(table)" 'ENVIRONMENT ROUTE SERVICE VERSION LIVE
pr-42 / web 2 0
prod / web 1 1' 'route list'
run_tool mayfly route list prod -o name
is "$OUT" prod/web '  of one environment, by name'
run_tool mayfly name list -o name
is "$OUT" $'db.service\nmail.service\nweb.service' 'name list'
etcd_put nodes/old not-json
run_tool mayfly node list
is "$(table | cut -d ' ' -f 1-5)" 'NODE STATE REVISION HAPROXY WORKERS
edge error 7 3.0.1 2
old unreadable - - -' 'node list: each says how it does'
long=$(printf 'x%.0s' {1..700})
etcd_put fleet/old '{}'
etcd_put nodes/old "{\"set_aside\":[$(for i in {1..100}; do printf '{"object":"o","reason":"%s"},' "$long"; done | sed 's/,$//')]}"
run_tool mayfly node list
like "$(table)" '^old ok ' '  also one that has much to say'
etcd_del fleet/old
etcd_put nodes/old '{"held_back":"6 of 6 environments would go"}'
run_tool mayfly node list
like "$OUT" '^old +held back ' '  also that a removal is not applied'
run_tool mayfly check
like "$OUT" '^  node old: 6 of 6 environments would go$' '  which is a problem'
like "$OUT" '^      -> if it is meant: mayfly allow-removal --for 10m$' '  and has a way out'

# --- at each change
start_tool mayfly instance list web --watch -o json
within '--watch shows it' 10 log_has mayfly '^\{"instances".*"instance":"a","address":"10.0.0.6:80"'
etcd_del backends/web/2/a
within '  and again when it has changed' 10 log_has mayfly '^\{"instances":\[\{[^{]*"version":"1"[^{]*\}\]\}$'
stop mayfly
is "$STATUS $(grep -c . "$T/log/mayfly")" '0 2' '  until it is interrupted'

# --- for a terminal
COLUMNS=14 run_tool mayfly env list
is "$(sed -n 3p <<<"$OUT")" 'prod    -' 'a table is cut to the width'
on_terminal() { script -qec "$MAYFLY_BIN/mayfly env list" /dev/null </dev/null; }
like "$(on_terminal)" $'\e\\[31mmissing\e\\[0m' 'and has colours on a terminal'
unlike "$(NO_COLOR=1 on_terminal)" $'\e' 'unless NO_COLOR says no'

# --- wrong calls, and help
is_refused 64 'did you mean "env"' enb list
is_refused 64 'did you mean "list"' env lst
is_refused 64 'env: say what to do: list' env
is_refused 64 'expected none' env list prod
is_refused 66 'environment "prop": there is none: did you mean "prod"' env show prop
is_refused 65 'environment broken: set aside: services: must be a list' env show broken
is_refused 66 'environment "pr-43".*"pr-42"' route list pr-43
is_refused 66 'service "wep".*"web"' instance list wep
is_refused 66 'version of web "3": there is none' instance list web 3
is_refused 64 '--watch: not with files' env list --watch --environments "$T/environments"
is_refused 64 '--backends: not for mayfly node list' node list --backends x
is_refused 66 "$T/nowhere: " env list --environments "$T/nowhere"
is_refused 69 '127.0.0.1:9: ' env list --endpoints http://127.0.0.1:9 --timeout 1s
for words in 'explain ftp://x' 'explain http://x -X a,b' 'env diff prod@x' 'env diff prod pr-42@0'; do
	# shellcheck disable=SC2086
	run_tool mayfly $words --endpoints http://127.0.0.1:9
	is "$STATUS" 64 "  what was typed is judged before etcd is asked: $words"
done
is_refused 66 "$T/none.yaml: No such file" env diff prod -f "$T/none.yaml" --endpoints http://127.0.0.1:9
is_refused 64 '^mayfly: ENV: must not be empty \(see mayfly env show --help\)' env show ''
is_refused 64 '^mayfly: ADDRESS: must not be empty \(see mayfly name set --help\)' name set web.test 10.0.0.5 ''
kill -STOP "${PID[etcd]}"
is_refused 75 '127.0.0.1' env list --timeout 500ms
kill -CONT "${PID[etcd]}"
run_tool mayfly
like "$OUT" '^  env list ' 'without a command it says which there are'
run_tool mayfly help env list
is "$OUT" "$("$MAYFLY_BIN/mayfly" env list --help)" 'help COMMAND is COMMAND --help'
like "$OUT" '^mayfly env list: ' "  which is that command's own"
run_tool mayfly help statsu
is "$STATUS" 64 '  and a wrong call where there is no such command'

completions() { run_tool mayfly __complete "$@"; }
completions env show
is "$OUT" $'pr-42\nprod\nthief\nbroken' 'shells are told the names of environments'
completions instance list
is "$OUT" $'db\nmail\nweb' '  and of services'
completions env show prod
is "$OUT" '' '  where one may stand'

# --- from files, without etcd
stop etcd
write_environment prod web=1@/
write_environment pr-7 web=3
printf 'web: {1: ["10.0.0.5:80"]}\n' >"$T/backends.yaml"
run_tool mayfly env list --environments "$T/environments" --backends "$T/backends.yaml"
is "$(table | head -n 3)" 'NAME EXTENDS SERVICES PREFIX HOSTS STATE OWNER
pr-7 - 1 www-pr-7 - missing files
prod - 1 www-prod - ready files' 'the same from files'
run_tool mayfly check --environments "$T/environments" --backends "$T/backends.yaml"
is "$STATUS" 65 '  and what would not be answered'
like "$OUT" '^  environment pr-7: service web: no instance of version 3 is registered; these answer: 1$' '  and why'
printf 'web: {1: ["10.0.0.1:80"], 2: ["10.0.0.2:80"], 4: ["10.0.0.4:80"], 5: ["10.0.0.5:80"], 6: ["10.0.0.6:80"], 7: ["10.0.0.7:80"], 8: ["10.0.0.8:80"]}\n' >"$T/many.yaml"
run_tool mayfly check --environments "$T/environments" --backends "$T/many.yaml"
like "$OUT" '; these answer: 1, 2, 4, 5, 6 and 2 more$' '  of many versions that would, the first'
printf 'environments: [{owners: ["*"], names: [prod]}]\n' >"$T/policy.yaml"
write_settings policy="$T/policy.yaml"
run_tool mayfly check --environments "$T/environments" --backends "$T/backends.yaml"
like "$OUT" '^  environment pr-7: name pr-7: allowed: prod' 'what the policy forbids is set aside, as it is by kvwatch'
rm "$T/policy.yaml"
run_tool mayfly check --environments "$T/environments" --backends "$T/backends.yaml"
is "$STATUS" 65 'a policy that cannot be read'
like "$OUT" "^  policy: $T/policy.yaml: No such file" '  is a problem'
run_tool mayfly env list --environments "$T/environments" --backends "$T/backends.yaml"
is "$STATUS $(table | cut -d ' ' -f 1 | head -n 3 | xargs)" '0 NAME pr-7 prod' '  and does not hide the rest'
like "$ERR" 'warn.*policy is not applied' '  of which it is said'

done_testing
