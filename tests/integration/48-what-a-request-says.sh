#!/bin/bash
# Headers, query parameters, cookies and methods of a request choose the version that answers, while
# conditions come, change and go; and which of that takes a reload.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

start_mayfly
for version in 1 2 3; do
	start_app "tasks-$version" tasks $version
	etcd_put "backends/tasks/$version/a" "${ADDRESS[tasks-$version]}"
done
# tasks NAME CHOICE: the environment has tasks at /
tasks() { etcd_put "environments/$1" "{\"name\":\"$1\",\"services\":[{\"name\":\"tasks\",\"route\":\"/\",$2}]}"; }
# gets VERSION NAME [CURL-OPTION...]: of prod
gets() {
	local version=$1 name=$2

	shift 2
	like "$(fetch www-prod.example.com "$HTTP${QUERY:-/}" "$@")" "^tasks $version " "$name"
}
soon() { # VERSION NAME [CURL-OPTION...]
	local version=$1 name=$2

	shift 2
	within "$name" 20 says "^tasks $version " fetch www-prod.example.com "$HTTP${QUERY:-/}" "$@"
}

is_reloaded() { # COUNT-OF-BEFORE
	(($(haproxy_reloads) > $1))
}

tasks prod '"version":"1"'
soon 1 'all is there'
unlike "$(<"$T/haproxy/haproxy.cfg")" 'txn\.when|uses\.' 'what nobody asks for costs nothing'

note 'conditions'
before=$(haproxy_reloads)
tasks prod '"version":"1","when":[{"header":{"X-Canary":"yes"},"version":"2"},{"query":{"v":"3 x"},"cookie":{"beta":"on"},"version":"3"},{"header":{"x-canary":"both"},"method":["POST","HEAD"],"version":"2"}]'
soon 2 'a header' -H 'x-canary: yes'
within '  its name took a reload' 10 is_reloaded "$before"
gets 1 'nothing is asked for'
gets 1 'another value' -H 'x-canary: Yes'
gets 1 'one that begins like it' -H 'x-canary: yess'
gets 1 'its beginning' -H 'x-canary: ye'
gets 1 'nothing' -H 'x-canary;'
gets 2 'the last one of two' -H 'x-canary: no' -H 'X-CANARY: yes'
gets 1 '  which is not the first' -H 'x-canary: yes' -H 'x-canary: no'
QUERY='/?a=1&v=3%20x&v=4' gets 3 'a parameter, the first of its name, with a cookie' -b 'a=b; beta=on'
QUERY='/?v=3+x' gets 3 '  however it is written' -b 'beta=on'
QUERY='/?a=/x?v=3+x' gets 3 '  also in an address within another one' -b 'beta=on'
QUERY='/?v=3+x' gets 3 '  the last one of two' -b 'beta=no; beta=on'
QUERY='/?v=3+x' gets 1 '  which is not the first' -b 'beta=on; beta=no'
QUERY='/?v=3+x' gets 1 '  without the cookie' -b 'beta=off'
QUERY='/?v=4&v=3+x' gets 1 '  or as a second one' -b 'beta=on'
QUERY='/?V=3+x' gets 1 '  or under another name' -b 'beta=on'
QUERY='/?v=3+x' gets 2 'of two conditions the first' -b 'beta=on' -H 'x-canary: yes'
gets 2 'a method' -X POST -H 'x-canary: both'
gets 1 '  another one' -H 'x-canary: both'
gets 1 '  it alone' -X POST
reply=$(fetch tasks.service "$INTERNAL/" -H 'x-mayfly: prod' -H 'x-canary: yes')
like "$reply" '^tasks 2 ' 'a call between services, too'
for value in "$(printf 'a%.0s' {1..4000})" '%[env(PATH)]' '"; del map x' 'eWVz' '=.'; do
	gets 1 "a value such as ${value:0:12}" -H "x-canary: $value"
done

run_tool mayfly explain 'http://www-prod.example.com/?v=3+x' -H 'cookie: a=b; beta=on'
like "$OUT" '^Condition: .*query.v=3\?x.*version 3$' 'mayfly explain says which'
run_tool mayfly explain 'http://www-prod.example.com/?a=/x?v=3+x' -H 'cookie: a=b; beta=on'
like "$OUT" '^Condition: .*version 3$' '  also within an address'
for cookie in 'beta=on, a=b' 'a=b,beta=on' 'beta =on' 'beta=no, beta=on' 'a="x; beta=no"; beta=on'; do
	QUERY='/?v=3+x' gets 3 "of the cookies $cookie" -H "cookie: $cookie"
	run_tool mayfly explain 'http://www-prod.example.com/?v=3+x' -H "cookie: $cookie"
	like "$OUT" '^Condition: .*version 3$' '  and explain says so'
done
run_tool mayfly explain http://www-prod.example.com/ -H 'X-Canary: both' --method POST -o json
like "$OUT" '"condition_version":"2".*"instances":\[\{"service":"tasks","version":"2"' '  and who answers'
run_tool mayfly explain 'http://www-prod.example.com/?v=3+x' -H 'cookie: beta=on' --live
is "$STATUS" 0 '  as HAProxy has it'
like "$OUT" '^version by a condition +tasks:3 +equal$' '  which is compared'
run_tool mayfly explain http://www-prod.example.com/ -H 'X-Canary: both' --method POST --live
like "$OUT" '^version by a condition +tasks:2 +equal$' '  also by a method'
run_tool mayfly explain http://www-prod.example.com/ -H 'X-Canary: other' --live
is "$STATUS" 0 '  or that none does'
unlike "$OUT" 'ondition' '  for both'
choice=$(haproxy_cmd 'show map maps/choices.map' | sed -n 's/^[^ ]* \([^ ]*prod[^ ]*\.then\.2\.\) .*/\1/p')
haproxy_cmd "set map maps/choices.map $choice tasks:2" >/dev/null
run_tool mayfly explain 'http://www-prod.example.com/?v=3+x' -H 'cookie: beta=on' --live
is "$STATUS" 75 '  or that it has another version'
like "$OUT" '^version by a condition +tasks:3 +tasks:2$' '  which is said'
haproxy_cmd "set map maps/choices.map $choice tasks:3" >/dev/null
run_tool mayfly env show prod -o json
like "$OUT" '"condition":"\[header.x-canary=yes\]","version":"2","live":1' '  as does mayfly env show'

note 'changes of them'
before=$(haproxy_reloads)
within 'all is one' 10 all_is_one
# shellcheck disable=SC2016 # such is the value
tasks prod '"versions":{"1":100,"3":0},"when":[{"header":{"x-canary":"%[env(HOME)] \"$x;\\é"},"version":"2"}]'
soon 2 'any text is a value' -H 'x-canary: %[env(HOME)] "$x;\é'
gets 1 '  and the one before is none' -H 'x-canary: yes'
tasks other '"version":"3","when":[{"cookie":{"beta":"x"},"header":{"x-canary":"x"},"method":"GET","version":"1"}]'
within 'the same names elsewhere' 10 says '^tasks 1 ' fetch www-other.example.com "$HTTP/" -b beta=x -H 'x-canary: x'
tasks other '"version":"3","when":[{"cookie":{"beta":"x"},"version":"gone"},{"cookie":{"beta":"x"},"version":"1"}]'
within 'a version without an instance is passed over' 10 says '^tasks 1 ' fetch www-other.example.com "$HTTP/" -b beta=x
within '  and that is reported' 10 log_has kvwatch 'version gone: the condition \[cookie.beta=x\] is passed over'
within '  and all is one' 10 all_is_one
is "$(haproxy_reloads)" "$before" 'take no reload'

note 'sticky by a header'
sticky() { # HEADER PERCENT-OF-2
	tasks prod "\"versions\":{\"1\":$((100 - $2)),\"2\":$2},\"sticky\":{\"header\":\"$1\"}"
}
of_users() { # what each of 60 users gets
	for user in {1..60}; do
		fetch www-prod.example.com "$HTTP/" -H "x-user: $user" | sed -n 's/^tasks \([0-9]\) .*/\1/p'
	done
}
sticky x-User 30
within 'it takes a reload' 20 is_reloaded "$before"
within '  and all is one' 20 all_is_one
first=$(of_users)
is "$(of_users)" "$first" 'a user keeps the version'
like "$(sort <<<"$first" | uniq -c | tr '\n' ' ')" ' 1 +[0-9]+ 2 ' '  which is not the same for all'
before=$(haproxy_reloads)
sticky x-user 60
within 'more of them' 10 log_has kvwatch 'revision='
within '  and all is one' 10 all_is_one
moved=$(paste -d ' ' <(printf '%s\n' "$first") <(of_users))
unlike "$moved" '^2 1$' '  and none goes back'
like "$moved" '^1 2$' '  but some move'
is "$(haproxy_reloads)" "$before" '  takes no reload'

done_testing
