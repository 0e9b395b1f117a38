#!/bin/bash
# What somebody new does on the first day, with mayfly alone: no JSON, no etcdctl.  An environment made
# from prod with one other version, waited for and explained; an instance drained; a canary changed; a
# laptop found; what is missing found; undone, and deleted.
. "$(dirname "$0")/lib.sh"

need etcd haproxy dnsmasq dig curl

start_mayfly
for app in 'web-1 web 1' 'web-2 web 2' 'api-1 api 1' 'api-2 api 2'; do
	# shellcheck disable=SC2086
	start_instance $app
done
does() { # NAME WORD...: it succeeds
	run_tool mayfly "${@:2}"
	is "$STATUS" 0 "$1"
	[[ $STATUS == 0 ]] || diag "$OUT" "$ERR"
}
shows() { like "$(tr -s ' ' <<<"$OUT")" "$2" "  $1"; } # NAME REGEX
# The command that the last output says comes next, without the arrow; and does it.
follow_the_hint() { # NAME
	local hint

	hint=$(sed -n 's/^ *-> mayfly //p' <<<"$OUT" | head -n 1)
	# shellcheck disable=SC2086
	does "$1: ${hint:-no hint}" $hint
}

note 'an environment like prod, with one other version'
does 'prod is made' env set prod web=1@/ api=1@/api
does '  and another from it' env set try-it --extends prod web=2
does '  which is waited for' wait try-it --ready
within '  and is there' 10 serves www-try-it.example.com '^web 2 '

note 'why a URL goes there'
does 'a URL is explained' explain www-try-it.example.com/api/x
shows 'which environment, and by what' '^Environment: try-it, by prefix www-try-it$'
shows 'whose version it is' '^Service: api, version 1 \(prod\)$'

note 'an instance is drained'
does 'which there are' instance list web 2
instance=$(awk '$1 == "web" { print $3 }' <<<"$OUT")
run_tool mayfly instance drain web 2
is "$STATUS" 64 'who leaves out which one'
like "$ERR" 'expected SERVICE VERSION INSTANCE.*mayfly instance list web 2' '  is told how to find it'
does 'then it is drained' instance drain web 2 "$instance" --wait
like "$ERR" 'no other instance of its version takes requests' '  with a warning, as it was the last one'
run_tool mayfly explain www-try-it.example.com
is "$STATUS" 65 'the URL has no answer now'
shows 'and why' '^Answer: none: no instance of web:2 is up'
run_tool mayfly check try-it
is "$STATUS" 65 'check says so, too'
shows 'and by whom' "by an operator: $instance is drained"
follow_the_hint 'what it says is to be done helps'
does '  as the URL is answered again' explain www-try-it.example.com

note 'a canary'
does 'one request in ten is for another version' route set prod api 1=90 2=10
run_tool mayfly env diff prod
is "$STATUS $OUT" '2 api 1 -> 1=90%,2=10%' '  which is what has changed'
run_tool mayfly route set prod api 1=50 2=10
is "$STATUS" 65 'shares that are no whole'
like "$ERR" 'the percents must make 100, not 60' '  are said to be none'
does 'it is changed' route set prod api 1=50 2=50 --wait
does '  and seen' route list prod
shows 'in both versions' '^prod /api/ api 1=50%,2=50% 2$'

note 'who holds a laptop'
start_tool_as laptop svcregister register web mine "${ADDRESS[web-1]}" --env try-it --ttl 2s
is_held() { run_tool mayfly env show try-it && [[ $OUT == *' override '* ]]; }
within 'the environment shows it' 10 is_held
shows 'and who' "^web mine override 1 ready / $(id -un)@"
does 'so does the whole' matrix
shows 'beside prod' '^try-it 1=50%,2=50% mine\*\^$'
stop laptop

note 'what is missing'
does 'a version that nobody runs' env set try-it api=7
run_tool mayfly check try-it
is "$STATUS" 65 'is missed'
like "$OUT" 'no instance of version 7 is registered; these answer: 1, 2' '  with those that there are'
like "$OUT" '^ +-> svcregister register api 7 ADDRESS:PORT$' '  and what to start'
does 'it is undone' env undo try-it --wait
does '  and nothing is missing' check try-it

note 'and deleted'
does 'it goes' env delete try-it
does '  everywhere' wait
within '  so that nothing is there' 10 not serves www-try-it.example.com '^web '
run_tool mayfly wait try-it
is "$STATUS" 66 'it cannot be waited for'
like "$ERR" 'environment "try-it": there is none.*mayfly env restore try-it' '  but be had back'
does '  as that says' env restore try-it --wait
within '  and is there again' 10 serves www-try-it.example.com '^web 2 '

done_testing
