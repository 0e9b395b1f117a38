#!/bin/bash
# What a person changes with Mayfly's command, on a real etcd: environments are made, changed and
# deleted, only where they are the person's to change, and never over somebody else's write.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
stored() { etcd_revision; }

etcd_put environments/prod '{"name":"prod","prefix":"www","services":[{"name":"tasks","version":"1","route":"/tasks"},{"name":"web","version":"1","route":"/"}],"origin":{"owner":"ci","source":"/envs/prod.yaml"}}'

# --- made, and changed
said 2 'environment pr-42 would be created' 'what would be done' env set pr-42 --extends prod web=2 --dry-run
is "$(etcd_get environments/pr-42)" '' '  is not'
said 0 'environment pr-42 created' 'one that differs by a version' env set pr-42 --extends prod web=2
is "$(etcd_get environments/pr-42)" '{"name":"pr-42","prefix":"www-pr-42","header":"pr-42","hosts":[],"extends":["prod"],"services":[{"name":"web","version":"2"}],"origin":{"owner":"mayfly","source":""}}' \
	'  says what differs, and whose it is'
run_tool mayfly route list pr-42
like "$OUT" '^pr-42 +/tasks/ +tasks +1 ' '  and has the rest of the one that it extends'
before=$(etcd_revision)
said 0 'environment pr-42 unchanged' 'the same again' env set pr-42 --extends prod web=2
said 0 'environment pr-42 unchanged' '  also in part, also dry' env set pr-42 web=2 -n
is "$(etcd_revision)" "$before" '  is not written'
said 0 'environment pr-42 changed' 'a version with a route' env set pr-42 mail=1@/mail web=3
like "$(etcd_get environments/pr-42)" '"extends":\["prod"\],"services":\[\{"name":"mail","version":"1","route":\["/mail/"\]\},\{"name":"web","version":"3"\}\]' \
	'  is added, and the rest stays'
said 0 'environment alone created' 'one that extends nobody' env set alone web=1@/
said 0 'environment alone changed' '  keeps its route' env set alone web=2
like "$(etcd_get environments/alone)" '"name":"web","version":"2","route":\["/"\]' '  with another version'
said 0 'environment alone changed' '  until it extends one' env set alone --extends prod
like "$(etcd_get environments/alone)" '"extends":\["prod"\],"services":\[\{"name":"web","version":"2","route":\["/"\]\}\]' \
	'  beside what it says itself'

# --- said for programs
mayfly_says() { run_tool mayfly "$@" && printf '%s' "$OUT"; }
like "$(mayfly_says env set json web=1 -o json)" '^\{"changes":\[\{"kind":"environment","name":"json","change":"created","is_changed":true\}\],"is_dry_run":false,"revision":[0-9]+\}$' 'what was done, as JSON'
like "$(mayfly_says env set json web=1 -o json)" '"change":"unchanged","is_changed":false\}' '  also when it was nothing'
said 2 '{"changes":[{"kind":"environment","name":"json","change":"deleted","is_changed":true}],"is_dry_run":true}' '  or would be' env delete json -n -o json
said 0 'environment/json' '  as names' env delete json -o name

# --- shares
services() { etcd_get environments/alone | sed 's/.*"services":\(.*\),"origin.*/\1/'; }
said 0 'environment alone changed' 'requests are shared out' route set alone web 2=90 3=10
is "$(services)" '[{"name":"web","versions":{"2":90,"3":10},"route":["/"]}]' '  and the route stays'
said 0 'environment alone unchanged' '  the same again' route set alone web 2=90 3=10
etcd_put environments/alone "$(etcd_get environments/alone | sed 's/"10}/&/; s/},"route"/},"sticky":"cookie","route"/')"
said 0 'environment alone changed' '  other shares' route set alone web 2=50 3=50
is "$(services)" '[{"name":"web","versions":{"2":50,"3":50},"sticky":"cookie","route":["/"]}]' \
	'  keep who stays where'
said 2 'environment alone would be changed' '  one version alone, dry' route set alone web 3 -n
said 0 'environment alone changed' '  one version alone' route set alone web 3
is "$(services)" '[{"name":"web","version":"3","route":["/"]}]' '  has no shares'
said 0 'environment alone changed' '  shares again' route set alone web 2=20 3=80
said 0 'environment alone changed' '  end by env set, too' env set alone web=2
is "$(services)" '[{"name":"web","version":"2","route":["/"]}]' '  which sets one version'
is_refused 65 'service web: .*100' route set alone web 2=90 3=9
is_refused 64 '"3": must be NAME=PERCENT' route set alone web 2=90 3
is_refused 64 '"3=x": must be NAME=PERCENT' route set alone web 2=90 3=x
is_refused 65 'service web: version: "a b": not allowed' route set alone web 'a b'
is_refused 66 'environment "alnoe": there is none: did you mean "alone"' route set alnoe web 2
said 0 'environment alone changed' 'visitors are shared out' split alone prod=95 alone=5
like "$(etcd_get environments/alone)" '"split":\{"prod":95,"alone":5\},"split_by":"cookie"' '  by a cookie'
run_tool mayfly env show alone
like "$OUT" '^Split: +prod=95%,alone=5%' '  which is shown'
is_refused 66 'environment "prop": there is none: did you mean "prod"' split alone prop=95 alone=5
is_refused 65 'environment alone: split: .*100' split alone prod=95 alone=4
said 0 'environment alone changed' '  all to itself' split alone alone=100
unlike "$(etcd_get environments/alone)" 'split' '  is no split'

# --- what is not in it, and what is not there
etcd_put environments/less '{"name":"less","extends":"prod","without":["tasks","web"],"services":[]}'
said 0 'environment less changed' 'what nobody owns is everybody'"'"'s' env set less tasks=2 --owner anna
like "$(etcd_get environments/less)" '"without":\["web"\],"services":\[\{"name":"tasks","version":"2"\}\],"origin":\{"owner":"anna"' \
	'  and a service that is set is in it again'
is_refused 66 'environment "prop": there is none: did you mean "prod"\?' env set pr-43 --extends prop web=2
is_refused 66 'environment "pr-24": there is none' env delete pr-24
is_refused 66 'environment "pr-24": there is none' env delete pr-42 pr-24
is_refused 65 'environment alone: ' env set alone --extends alone
etcd_put environments/broken '{"name":"broken","services":7,"origin":{"owner":"ci"}}'
is_refused 65 'environment broken: services: must be a list' env set broken web=1 --force
is_refused 64 '"web": must be SERVICE=VERSION' env set alone web
is_refused 64 'service web: is there twice' env set alone web=1 web=2
is_refused 64 'say what to set' env set alone
is_refused 65 'service web: version: "a b": not allowed' env set alone 'web=a b'
is_refused 65 'environment: "No": not allowed' env set No web=1

# --- another's
is_refused 77 'environment prod: belongs to "ci", from /envs/prod.yaml: --force ' env set prod web=2
is_refused 77 'environment prod: belongs to "ci", from /envs/prod.yaml' env delete alone prod
is_refused 77 'environment broken: belongs to "ci": ' env delete broken
is_refused 64 '--owner: must have 1 to 255 bytes' env set alone web=3 --owner ''
said 0 'environment prod changed' 'its owner may' env set prod web=2 --owner ci
said 0 'environment prod changed' '  and whoever insists' env set prod web=3 --force
like "$(etcd_get environments/prod)" '"origin":\{"owner":"mayfly"' '  and has it then'
said 0 'environment broken deleted' 'also what nobody can read' env delete broken --force

# --- as a file has them
printf -- '- {name: f1, services: [{name: web, version: "1", route: /}]}\n- {name: f2, extends: f1, services: []}\n' >"$T/envs.yaml"
said 2 $'environment f1 would be created\nenvironment f2 would be created' 'a file of two' env apply -n -f "$T/envs.yaml"
said 0 $'environment f1 created\nenvironment f2 created' '  is applied' env apply -f "$T/envs.yaml"
unlike "$ERR" warn '  in one: each finds the other'
printf -- '- {name: f1, services: [{name: web, version: "1", route: /}]}\n- {name: f2, extends: nobody, services: []}\n' >"$T/envs.yaml"
said 0 $'environment f1 unchanged\nenvironment f2 changed' '  and only what differs is written' env apply --file "$T/envs.yaml"
like "$ERR" 'warn mayfly: environment is not in force environment=f2 reason="?extends nobody' '  with a word about a parent that is not there'
printf '{"name":"f3","services":["web"]}' | "$MAYFLY_BIN/mayfly" env apply -f - >"$T/out/piped"
is "$(<"$T/out/piped")" 'environment f3 created' '  also from standard input, in JSON'
printf -- '- {name: f1, services: []}\n- {name: f4, services: 7}\n' >"$T/envs.yaml"
is_refused 65 'envs.yaml: environment f4: services: must be a list' env apply -f "$T/envs.yaml"
printf -- '- {name: f1, services: []}\n- {name: less, services: []}\n' >"$T/envs.yaml"
is_refused 77 'environment less: belongs to "anna"' env apply -f "$T/envs.yaml"
printf -- '- {name: m%d, services: []}\n' {1..128} >"$T/envs.yaml"
said 0 "$(printf 'environment m%d created\n' {1..128})" 'up to 128 are one transaction' env apply -f "$T/envs.yaml"
said 0 "$(printf 'environment m%d deleted\n' {1..128})" '  and go in one' env delete m{1..128}
printf -- '- {name: m129, services: []}\n' >>"$T/envs.yaml"
is_refused 65 'envs.yaml: more than 128 environments' env apply -f "$T/envs.yaml"
is_refused 66 'nowhere' env apply -f "$T/nowhere"
is_refused 64 '--file: say which' env apply
said 0 $'environment f1 deleted\nenvironment f2 deleted\nenvironment f3 deleted' '  and they go' env delete f1 f2 f3

# --- deleted
said 2 'environment alone would be deleted' 'what would be deleted' env delete alone --dry-run
ok '  is not' etcd_has environments/alone
run_tool mayfly env delete prod less -n --force
like "$ERR" 'environment is not in force environment=alone reason="?extends prod' '  and what extends it'
unlike "$ERR" 'environment=less' '  unless that goes, too'
said 0 $'environment alone deleted\nenvironment pr-42 deleted' 'several, and each once' env delete alone pr-42 alone
is "$(etcd_keys environments)" $'/mayfly/environments/less\n/mayfly/environments/prod' '  are gone'

# --- names that would do something to a terminal: an escape sequence, and one that turns text around
odd=$(printf 'a\e]0;pwned\a\u202eb')
shown='a\x1b]0;pwned\x07\xe2\x80\xaeb'
run_tool mayfly snapshot save "$T/snapshot.json"
for part in environments services names states; do
	etcd_put "$part/$odd" '["1.2.3.4"]'
done
said 2 "environment $shown would be deleted" 'an odd name' env delete "$odd" -n
said 2 "service $shown would be deleted" '  of a service' service delete "$odd" -n
said 2 "name $shown would be deleted" '  of a name' name reset -n
said 2 "environment $shown would be deleted
name $shown would be deleted
service $shown would be deleted
state $shown would be deleted" '  or of what is in no snapshot' snapshot restore "$T/snapshot.json" --exact -n
run_tool mayfly snapshot save "$T/odd.json"
said 0 "environment $shown deleted" '  goes as any other' env delete "$odd"
said 0 "name $shown deleted" '  also with all of its kind' name reset
said 0 "environment $shown created
name $shown created" '  and is put back' snapshot restore "$T/odd.json"
run_tool mayfly snapshot restore "$T/snapshot.json" --exact
is "$STATUS $(grep -cF "$shown deleted" <<<"$OUT")" '0 4' '  until all are gone'

# --- two at once: each writes what it found, or finds what the other wrote
for i in 1 2 3 4; do
	"$MAYFLY_BIN/mayfly" env set both "s$i=1" >"$T/out/both.$i" 2>&1 &
	pids[i]=$!
done
for i in 1 2 3 4; do
	wait "${pids[i]}"
	is "$?" 0 "writer $i of four at once has written"
done
is "$(etcd_get environments/both | grep -o '"name":"s[1-4]"' | wc -l)" 4 '  and nothing of the others is lost'

is_refused 69 '127.0.0.1:9: ' env set x web=1 --endpoints http://127.0.0.1:9 --timeout 1s
# What was typed is judged before anybody is asked.
is_refused 65 'environment: "No": not allowed' env set No web=1 --endpoints http://127.0.0.1:9
is_refused 64 '"web": must be SERVICE=VERSION' env set x web --endpoints http://127.0.0.1:9
run_tool mayfly env set --help
like "$OUT" '--extends ENV' 'the help has the options'
unlike "$OUT" '--watch' '  and no others'
run_tool mayfly __complete env delete
is "$OUT" $'both\nless\nprod' 'shells are told the names'
run_tool mayfly __complete env delete less
is "$OUT" $'both\nless\nprod' '  again where several may stand'

done_testing
