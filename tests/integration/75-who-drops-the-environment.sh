#!/bin/bash
# mayfly audit says which version calls others without passing the environment on.
. "$(dirname "$0")/lib.sh"

need haproxy curl socat

for name in 'tasks-1 tasks 1' 'search-1 search 1' 'search-2 search 2' 'mail-1 mail 1'; do
	# shellcheck disable=SC2086
	start_app $name
done
cat >"$T/environments/all.yaml" <<'EOF'
- name: prod
  services: [{name: web, version: 1, route: /}, {name: tasks, version: 1}, {name: search, version: 1},
    {name: mail, version: 1}, {name: idle, version: 1}]
- name: pr-42
  extends: prod
  services: [{name: search, version: 2}]
EOF
# The callers have addresses of their own, but for the one that web and mail share.
cat >"$T/backends.yaml" <<EOF
web: {1: ["127.0.0.6:80"]}
tasks: {1: ["${ADDRESS[tasks-1]}", "127.0.0.2:80", "127.0.0.3:80"]}
search: {1: ["${ADDRESS[search-1]}", "127.0.0.4:80"], 2: ["${ADDRESS[search-2]}", "127.0.0.5:80"]}
mail: {1: ["${ADDRESS[mail-1]}", "127.0.0.6:80"]}
EOF
files=(--environments "$T/environments" --backends "$T/backends.yaml")
serve() { # [KEY=YAML...]
	write_settings "$@"
	run_tool kvwatch --once "${files[@]}"
}
audit() { run_tool mayfly audit "${files[@]}" "$@"; }

# All are answered, or not: what counts is that they were made.
calls() { # NUMBER ADDRESS SERVICE [CURL-OPTION...]
	local i number=$1 address=$2 service=$3

	shift 3
	for ((i = 0; i < number; i++)); do
		fetch "$service.service" "$INTERNAL/" --interface "$address" "$@" >/dev/null
	done
}

note 'it has to be asked for'
serve routing='{default_environment: prod}'
start_haproxy
audit
is "$STATUS" 69 'nothing is counted'
like "$ERR" 'does not count calls: give its kvwatch the setting `haproxy: .audit: true.`' '  which says what to do'
stop haproxy
serve routing='{default_environment: prod}' haproxy.audit=true
start_haproxy
audit
is "$STATUS" 0 'nobody has called'
like "$OUT" '^No call was seen$' '  which is said'
like "$OUT" '^Counted by 1 HAProxy since it was loaded, [0-9]+ s ago$' '  and since when'
audit prod
is "$STATUS" 0 'whom nobody has seen is not accused'
like "$OUT" '^Not seen to call anybody: .*idle:1.*tasks:1' '  but named'

note 'who calls whom'
calls 3 127.0.0.2 search -H 'x-mayfly: pr-42'
calls 2 127.0.0.2 search
calls 1 127.0.0.2 mail
calls 1 127.0.0.3 mail -H 'baggage: a=b,mayfly=pr-42'
calls 2 127.0.0.5 mail -H 'x-mayfly: pr-42'
calls 1 127.0.0.4 mail
calls 1 127.0.0.6 tasks
calls 1 127.0.0.9 tasks
calls 1 127.0.0.2 nothing
calls 1 127.0.0.2 'no~service'
audit
is "$STATUS" 0 'without an environment it is a list'
like "$OUT" '^tasks 1 \(127.0.0.2\): 3 of 6 calls carried no environment; calls mail, search; last [0-9]+ s ago$' \
	'a version that drops it'
like "$OUT" '^search 1 \(127.0.0.4\): 1 of 1 calls carried no environment; calls mail; last [0-9]+ s ago$' \
	'  and another'
like "$OUT" '^mail 1 or web 1 \(127.0.0.6\): 1 of 1 calls' 'an address that is two versions'
like "$OUT" '^127.0.0.9, which is no instance.s: 1 of 1 calls carried no environment; calls tasks;' \
	'an address that is nobody'
like "$OUT" '^2 callers named an environment in all of 3 calls$' 'and those that pass it on'
unlike "$OUT" 'search 2' '  which are not accused'
audit -o json
like "$OUT" '"address":"127.0.0.2","caller":"tasks:1","calls":6,"without":3,"last_seconds":[0-9]+,"versions":\["tasks:1"\],"called":\[\{"service":"mail","calls":1,"without":1\},\{"service":"search","calls":5,"without":2\}\]' \
	'JSON has all numbers'
audit -o wide
like "$OUT" '^search:2 +127.0.0.5 +0 +2 ' 'the wide table has all callers'
audit -o name
is "$(sort <<<"$OUT")" $'search:1\ntasks:1' 'names are those that drop it'

note 'for CI'
audit prod
is "$STATUS" 2 'a version of the environment drops it'
unlike "$OUT" '127.0.0.9' '  and who is not of it is left out'
audit pr-42
is "$STATUS" 2 'also one that is from a parent'
unlike "$OUT" 'search 1' '  and none that it does not name'
audit pr-43
is "$STATUS" 66 'an unknown environment'
like "$ERR" 'pr-42' '  and the nearest'
later() { audit --since 1s prod && [[ $STATUS == 0 && $OUT == *'No call was seen'* ]]; }
within 'what was not done again for a while counts no more' 10 later
calls 1 127.0.0.5 mail
audit pr-42 --since 1h
like "$OUT" '^search 2 \(127.0.0.5\): 1 of 3 calls' 'a later one counts'
cat >"$T/environments/all.yaml" <<'EOF'
- name: shared
  services: [{name: web, version: 1}]
EOF
audit shared
is "$STATUS" 0 'an address that may be another version accuses nobody'
like "$OUT" 'does not say which of them calls' '  and this is said'

note 'where there is no default environment'
stop haproxy
serve haproxy.audit=true
start_haproxy
calls 2 127.0.0.2 search
calls 1 127.0.0.2 'no~service'
calls 1 127.0.0.3 web.shared
audit
unlike "$OUT" '127.0.0.3' 'a name that says the environment is no call without one'
like "$OUT" '^tasks 1 \(127.0.0.2\): 3 of 3 calls carried no environment; calls names of no service, search;' \
	'calls that nobody answered'
stop haproxy
audit
is "$STATUS" 69 'no HAProxy: 69'

done_testing
