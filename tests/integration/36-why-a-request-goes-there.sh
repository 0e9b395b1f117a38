#!/bin/bash
# mayfly explain says beforehand, of every way to ask, what HAProxy then does.
. "$(dirname "$0")/lib.sh"

need haproxy curl socat

for name in 'prod-web web 1' 'pr-web web 2' 'prod-tasks tasks 1' 'deep deep 1'; do
	# shellcheck disable=SC2086
	start_app $name
done
cat >"$T/environments/all.yaml" <<'EOF'
- name: prod
  services: [{name: web, version: 1, route: /}, {name: tasks, version: 1}]
- name: pr-42
  extends: prod
  header: PR.42
  hosts: [shop.example.com]
  services:
    - {name: web, version: 2}
    - {name: tasks, route: [/tasks, /jobs/]}
    - {name: deep, version: 1, route: /tasks/deep}
    - {name: gone, version: 7, route: /gone}
- name: thief
  prefix: www-prod
  hosts: [shop.example.com]
  services: [{name: tasks, version: 1, route: /only}]
- name: light
  extends: prod
  services: [{name: tasks, version: none}]
- name: lighter
  extends: pr-42
  services: [{name: web, version: 1}]
- name: base
  extends: pr-42
  missing: baseline
  services: [{name: web, version: none}]
- name: top
  extends: base
  services: [{name: deep, version: none}]
- name: below
  hosts: ["*.below.example.com", "*.net"]
  services: [{name: web, version: 1, route: /}]
- name: deeper
  prefix: asked
  hosts: ["*.x.below.example.com", whole.below.example.com]
  services: [{name: web, version: 2, route: /}]
- name: orphan
  extends: nobody
  services: []
EOF
cat >"$T/backends.yaml" <<EOF
web: {1: ["${ADDRESS[prod-web]}"], 2: ["${ADDRESS[pr-web]}"]}
tasks: {1: ["${ADDRESS[prod-tasks]}"]}
deep: {1: ["${ADDRESS[deep]}"]}
EOF
files=(--environments "$T/environments" --backends "$T/backends.yaml")
serve() { # [KEY=YAML...]
	write_settings "$@"
	run_tool kvwatch --once "${files[@]}"
}
serve routing='{default_environment: prod}'
start_haproxy

explain() { run_tool mayfly explain "${files[@]}" "$@"; }
says_of() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" <<<"$OUT"; } # MEMBER

# agrees EXPECTED DOOR-URL HOST PATH [CURL-AND-EXPLAIN-OPTION...]: who answers, "web 1" or "503", is the
# same for HAProxy and for explain, which must be right; and --live finds no difference
agrees() {
	local expected=$1 door=$2 host=$3 path=$4 reply explained version

	shift 4
	reply=$(fetch "$host" "$door$path" --path-as-is "$@")
	[[ $reply == *$'\n'200 ]] && reply=$(cut -d ' ' -f 1,2 <<<"$reply" | head -n 1) || reply=${reply##*$'\n'}
	[[ $door == "$LOCAL" ]] && set -- --local "$@"
	explain "http://$host$path" -o json --live "$@"
	version=$(says_of answering_version)
	explained="$(says_of service) ${version:-$(says_of version)}"
	[[ $STATUS == 0 ]] || explained=503
	[[ $OUT != *'answered 400'* ]] || explained=400
	[[ $OUT == *'"is_live_equal":true'* ]] || explained="other than HAProxy: $STATUS $OUT $ERR"
	is "HAProxy $reply, explain $explained" "HAProxy $expected, explain $expected" \
		"$host$path${*:+ with ${*//$'\n'/ }}"
}

note 'from outside'
agrees 'web 1' "$HTTP" www-prod.example.com /
agrees 'web 2' "$HTTP" www-pr-42.anything.org /
agrees 'web 2' "$HTTP" Shop.EXAMPLE.com.:8080 /
agrees 'tasks 1' "$HTTP" shop.example.com '/tasks?x=/'
agrees 'tasks 1' "$HTTP" shop.example.com '/tasks?x=http://www-prod.example.com/'
agrees 'tasks 1' "$HTTP" shop.example.com /jobs/7
agrees 'deep 1' "$HTTP" shop.example.com /tasks/deep/er
agrees 'web 2' "$HTTP" shop.example.com /tasksx
agrees 503 "$HTTP" shop.example.com /gone
agrees 503 "$HTTP" www-nobody.example.com /
agrees 503 "$HTTP" www-orphan.example.com /
agrees 503 "$HTTP" www-thief.example.com /
agrees 'web 1' "$HTTP" www-prod.example.com / -H 'x-mayfly: PR.42' -H 'baggage: mayfly=PR.42'
agrees 'web 2' "$HTTP" www-top.example.com / # as pr-42 has it
agrees 'deep 1' "$HTTP" www-top.example.com /tasks/deep
agrees 503 "$HTTP" www-top.example.com /gone
agrees 'web 1' "$HTTP" www-light.example.com /
agrees 'web 1' "$HTTP" www-lighter.example.com /
agrees 400 "$HTTP" www-lighter.example.com '/tasks;x/deep' # by the routes of its base
agrees 'deep 1' "$HTTP" www-lighter.example.com /tasks/deep
for path in //tasks ///tasks/ /./tasks /x/../tasks /x/y/../../tasks/. /../tasks /%74asks /t%61sks/%2e/deep \
	/x/%2E%2e/tasks /tasks/deep/.. /tasks/deep/../; do
	agrees "$(case $path in */deep) echo deep ;; *) echo tasks ;; esac) 1" "$HTTP" shop.example.com "$path"
done
for path in /tasks/.. /x%2ftasks /x%5ctasks '/x;y' '/%zz' '/a%2e.b'; do
	agrees 'web 2' "$HTTP" shop.example.com "$path"
done
for path in /tasks/..%2f '/tasks/..;/x' /a%2f../b /a%5c.. '/a/..\b' /%2ftasks /tasks%2fdeep '/tasks;x' \
	/tasks%3bx '/\tasks/deep'; do
	agrees 400 "$HTTP" shop.example.com "$path"
done

note 'by a wildcard'
agrees 'web 1' "$HTTP" a.below.example.com /
agrees 'web 1' "$HTTP" a.b.c.d.e.f.g.h.i.j.k.BELOW.example.com.:80 /
agrees 503 "$HTTP" below.example.com /
agrees 503 "$HTTP" xbelow.example.com /
agrees 503 "$HTTP" a.below.example.com.org /
agrees 503 "$HTTP" net /
agrees 'web 1' "$HTTP" a.b.net /
agrees 'web 2' "$HTTP" a.x.below.example.com / # the longest
agrees 'web 1' "$HTTP" x.below.example.com /
agrees 'web 2' "$HTTP" whole.below.example.com /
agrees 'web 1' "$HTTP" asked.below.example.com / # before a first label that was asked for
agrees 'web 2' "$HTTP" asked.example.com /
agrees 'web 2' "$HTTP" www-pr-42.below.example.com / # but not before one by default
agrees 'web 1' "$HTTP" www-nobody.below.example.com /
explain a.x.below.example.com
like "$OUT" '\*\.x\.below\.example\.com' 'it says which'
like "$OUT" 'below' '  and who has a shorter one'

note 'between services'
agrees 'web 1' "$INTERNAL" web.service /
agrees 'web 2' "$INTERNAL" web.service / -H 'x-mayfly: PR.42'
agrees 503 "$INTERNAL" web.service / -H 'x-mayfly: pr-42'
agrees 'web 2' "$INTERNAL" Web.Service. / -H 'x-mayfly: prod' -H 'x-mayfly: PR.42'
agrees 'web 2' "$INTERNAL" web.service / -H 'baggage: a=b, MayFly = PR.42 ;x=1,c=d'
agrees 'web 2' "$INTERNAL" web.service / -H 'baggage: mayfly=PR.42' -H 'baggage: a=b'
agrees 'web 1' "$INTERNAL" web.service / -H 'baggage: mayfly=PR.42,mayfly=prod'
agrees 'web 2' "$INTERNAL" web.service / -H 'x-mayfly: PR.42' -H 'baggage: mayfly=prod'
agrees 503 "$INTERNAL" web.service / -H 'x-mayfly: PR.42 a;b\ c'
agrees 503 "$INTERNAL" nothing.service /
agrees 'web 2' "$INTERNAL" web.pr-42.service / -H 'x-mayfly: prod'
agrees 503 "$INTERNAL" nothing.pr-42.service /
agrees 503 "$INTERNAL" tasks.service / -H 'x-mayfly: light'
agrees 'web 1' "$INTERNAL" web.service / -H 'x-mayfly: light'

note 'from a process of this host'
agrees 'web 1' "$LOCAL" localhost /web/x
agrees 'tasks 1' "$LOCAL" localhost /Tasks -H 'x-mayfly: PR.42'
agrees 503 "$LOCAL" localhost /nothing/

note 'what it says'
explain shop.example.com/jobs
is "$STATUS $(sed '/^INSTANCE/,$d' <<<"$OUT")" "0 Door:         external
Environment:  pr-42, by host shop.example.com
              before thief, which has it as host, too
              from all.yaml, owner files
Route:        /jobs/
Service:      tasks, version 1 (prod)
Passed on:    x-mayfly: PR.42
Answer:       by 1 of 1 instances" 'the environment, what it beat, and who says the version'
like "$OUT" "^${ADDRESS[prod-tasks]} .* up +100$" '  and the instances'
explain www-top.example.com
like "$OUT" '^Service:      web, version none \(base\)$' 'a version without an instance'
like "$OUT" '^Baseline:     no instance of it; version 2 of pr-42 answers$' '  for which another answers'
run_tool mayfly check top "${files[@]}" -o name
is "$OUT" 'environment top: service gone' '  is no problem'
run_tool mayfly env show top "${files[@]}" -o wide
like "$OUT" '^web +none +base +1 +incomplete +2 of pr-42 ' '  and is shown'
run_tool mayfly status "${files[@]}"
like "$OUT" '^  baseline of environment top: ' '  with a remark'
explain www-prod.example.com
like "$OUT" '^Environment:  prod, by prefix www-prod$' 'a prefix'
like "$OUT" '^ *before thief, which has it as prefix, too$' '  that another wants'
explain web.service -H 'x-mayfly: nobody'
is "$STATUS" 65 'nobody answers: 65'
like "$OUT" '^Answer:       none: no environment has the x-mayfly value nobody$' '  and why'
explain www-nobody.example.com -o json
is "$STATUS" 66 'nobody has the host: 66'
like "$OUT" '"is_answered":false,"reason":"no environment has the host name www-nobody.example.com"' '  and why'
explain prod
is "$STATUS" 66 'the name of an environment is no host name'
like "$OUT" 'no environment has the host name prod; the first label of environment prod is www-prod' \
	'  and what is one of it is said'
explain shop.example.com/gone
like "$OUT" '^Answer:       none: no instance of gone:7 is up with a weight$' 'no instance'
like "$OUT" '^-> mayfly check pr-42$' '  and what to do next'
explain www-orphan.example.com
like "$OUT" 'none: environment orphan is set aside: it extends nobody, which is not there$' 'set aside'
explain shop.example.com -H 'x-mayfly: prod'
like "$OUT" 'from outside, x-mayfly and baggage do not name an environment' 'a header that says nothing'
explain shop.example.com -X CONNECT
like "$OUT" 'CONNECT is answered 405' 'a method that is not taken'
explain shop.example.com -X 'GE T'
is "$STATUS" 64 'what is no method is refused'
for call in 'ftp://x/' 'http://x:99999/' '/only/a/path' 'http:///x' 'x.org -H nonsense' 'x.org --local y.org'; do
	# shellcheck disable=SC2086
	explain $call
	is "$STATUS" 64 "refused: $call"
done

note 'what the running HAProxy does'
live() { explain "$1" --live -o table "${@:2}"; }
differs() { # URL REGEX NAME
	live "$1"
	is "$STATUS" 75 "$3"
	like "$OUT" "$2" '  and what is different'
}
live shop.example.com/jobs
is "$STATUS" 0 'the same'
like "$OUT" '^HAProxy:      does the same \([0-9.]+.* of this host\)$' '  which is said'
like "$OUT" '^claim +pr-42, by host shop.example.com +equal$' '  of the claim'
like "$OUT" '^route +/jobs/ +equal$' '  of the route'
like "$OUT" '^version +tasks:1 +equal$' '  of the version'
like "$OUT" '^live instances of tasks:1 +1 +equal$' '  of the instances'
haproxy_cmd "set server tasks:1/${ADDRESS[prod-tasks]} state maint" >/dev/null
differs shop.example.com/jobs "^instance ${ADDRESS[prod-tasks]} +up, weight 100 +maint, weight 100\$" 'an instance is taken out'
like "$OUT" '^HAProxy:      does not do the same' '  above all'
like "$OUT" '^live instances of tasks:1 +1 +0$' '  and none is left'
haproxy_cmd "set server tasks:1/${ADDRESS[prod-tasks]} state ready" >/dev/null
haproxy_cmd 'set map maps/environments.map pr-42 pr-42@old' >/dev/null
differs shop.example.com/jobs '^state of the environment +pr-42@[^ ]+ +pr-42@old$' 'an environment in an older state'
like "$OUT" '^route +/jobs/ +none$' '  which has no such route'
haproxy_cmd 'set map maps/hosts.map shop.example.com./ elsewhere' >/dev/null
differs shop.example.com/jobs '^claim +pr-42, by host shop.example.com +elsewhere$' 'a host that leads elsewhere'
haproxy_cmd 'set map maps/hosts.map shop.example.com./ prod' >/dev/null
differs shop.example.com/jobs '^claim +pr-42, by host shop.example.com +prod, by host shop.example.com$' \
	'  to an environment that there is'
haproxy_cmd 'del map maps/hosts.map shop.example.com./' >/dev/null
differs shop.example.com/jobs '^claim +pr-42, by host shop.example.com +none$' '  or nowhere'
live www-prod.example.com/ -o json
is "$STATUS $(says_of haproxy_version | grep -c '^[0-9]')" '0 1' 'what is not touched is the same'
live www-prod.example.com --watch
is "$STATUS" 64 'it is asked once'
stop haproxy
live www-prod.example.com
is "$STATUS" 69 'no HAProxy: 69'
like "$ERR" "HAProxy of this host: $T/run/admin.sock: cannot connect" '  which is said'

note 'without a default environment, and on a single port'
serve haproxy.internal_bind= haproxy.local_bind=
explain web.service
like "$OUT" '^Door:         internal$' 'a single port that is bound to loopback takes calls between services'
like "$OUT" 'names no environment by x-mayfly or baggage' '  which must name an environment'

done_testing
