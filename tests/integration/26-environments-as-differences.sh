#!/bin/bash
# Environments that say how they differ from others: a parent's change is theirs in the same moment,
# and a parent that is not there is said, and harms nobody else.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

use_ports
start_mayfly
for name in 'web web 1' 'tasks-1 tasks 1' 'tasks-2 tasks 2' 'tasks-pr tasks pr'; do
	# shellcheck disable=SC2086
	start_app $name
done
for choice in web=web/1 tasks-1=tasks/1 tasks-2=tasks/2 tasks-pr=tasks/pr; do
	etcd_put "backends/${choice#*=}/i" "${ADDRESS[${choice%=*}]}"
done

# extend NAME PARENTS [LINE...]: a file of that, without services unless a line says more
extend() {
	local name=$1 parents=$2

	shift 2
	{
		printf 'name: %s\nextends: %s\n' "$name" "$parents"
		[[ $* == *services:* ]] || printf 'services: []\n'
		(($# == 0)) || printf '%s\n' "$@"
	} >"$T/environments/.$name.new"
	mv "$T/environments/.$name.new" "$T/environments/$name.yaml"
}
tasks_of() { says "$2" fetch "www-$1.example.com" "$HTTP/tasks"; } # ENVIRONMENT REGEX
page_of() { says "$2" fetch "www-$1.example.com" "$HTTP/" -i; }
check_says() { # REGEX
	run_tool mayfly check
	grep -qE -- "$1" <<<"$OUT"
}
is_logged() { grep -qE "$1" "$T/log/kvwatch"; }

note 'a child has what its parent has, but for what it says'
extend pr-42 prod 'services:' '  - {name: tasks, version: pr}'
within 'the parent is not there: the page says so' 10 page_of pr-42 'pr-42 is set aside: it extends prod, which is not there'
ok '  as an error of its own' page_of pr-42 '^x-mayfly-error: set-aside'
within '  and the log' 10 is_logged 'environment pr-42.*extends prod, which is not there'
write_environment prod web=1@/ tasks=1@/tasks
within 'the parent comes: the child has its service' 10 serves www-pr-42.example.com '^web 1 .* environment pr-42'
ok '  and its own version at the route of the parent' tasks_of pr-42 '^tasks pr '
ok '  which has its own' tasks_of prod '^tasks 1 '
extend anna pr-42
within 'a child of the child' 10 tasks_of anna '^tasks pr .* environment anna'
within '  and all is one' 10 all_is_one

note 'a change of the parent is theirs'
extend other prod
within 'another child' 10 tasks_of other '^tasks 1 '
write_environment prod web=1@/ tasks=2@/tasks
within 'the parent changes, and so does the child' 10 tasks_of other '^tasks 2 '
ok '  and the one with a version of its own does not' tasks_of pr-42 '^tasks pr '
extend other '[pr-42, prod]'
within 'another parent to the left' 10 tasks_of other '^tasks pr '
extend pr-42 prod 'services:' '  - {name: tasks, version: null}'
within 'null drops what the parent says' 10 says 'version latest of service tasks' fetch www-other.example.com "$HTTP/tasks"

note 'a text that breaks leaves the one of before in force'
etcd_put environments/deep '{"name":"deep","extends":"pr-42","services":[]}'
etcd_put environments/lower '{"name":"lower","extends":"deep","services":[]}'
within 'a child of a child' 10 serves www-lower.example.com '^web 1 '
etcd_put environments/deep '{"name":"deep","extends":"pr-24","services":[{"name":"web","version":"7"}]}'
within 'one of the middle names nobody: the log says so' 10 \
	log_has kvwatch 'environment deep.*extends pr-24, which is not there; what it was before stays'
ok '  it is served as before' serves www-deep.example.com '^web 1 .* environment deep'
ok '  and so is its child' serves www-lower.example.com '^web 1 .* environment lower'
within '  and mayfly check names the node' 10 \
	check_says '^  node [^ ]+: environment deep: served as it was before, until its kvwatch ends: extends pr-24, '
run_tool mayfly explain http://www-deep.example.com/
like "$OUT" '^Answer: +none: environment deep is set aside: it extends pr-24' '  explain says what a new kvwatch would do'
like "$OUT" '^ +\(a kvwatch that has had it in use goes on with what it was before\)$' '  and one that runs'
run_tool mayfly explain --live http://www-deep.example.com/
is "$STATUS" 75 '  which this HAProxy shows'
etcd_put environments/deep '{"name":"deep","extends":"pr-42","services":[{"name":"tasks","version":"2","route":["/tasks"]}]}'
within '  until its text is right' 10 tasks_of lower '^tasks 2 '
etcd_del environments/lower
etcd_del environments/deep
extend pr-42 prod 'without: [tasks]'
within 'a service that the child has not' 10 tasks_of pr-42 '^web 1 '
within '  and all is one' 10 all_is_one

note 'a version that is not there is answered by the parent'"'"'s'
extend base prod 'missing: baseline' 'services:' '  - {name: tasks, version: 1}' '  - {name: web, version: none}'
extend top base 'services:' '  - {name: tasks, version: new}'
within 'the version of the parent' 10 tasks_of top '^tasks 1 .* environment top'
within '  and the log says so' 10 is_logged 'baseline of environment top.*no live instance of version new: 1 of base answers'
ok '  between services, too' says '^tasks 1 ' fetch tasks.service "$INTERNAL/" -H 'x-mayfly: top'
ok '  as of a child that says nothing itself' serves www-top.example.com '^web 1 '
etcd_put backends/tasks/new/i "${ADDRESS[tasks-pr]}"
within 'its own version comes' 10 tasks_of top '^tasks pr '
etcd_del backends/tasks/new/i
within '  and goes' 10 tasks_of top '^tasks 1 '
etcd_del backends/tasks/1/i
within 'the version of the parent'"'"'s parent' 10 tasks_of top '^tasks 2 '
ok '  which the parent takes as well' tasks_of base '^tasks 2 '
etcd_del backends/tasks/2/i
within 'nobody is left' 10 says 'No instance of version new of service tasks' fetch www-top.example.com "$HTTP/tasks"
etcd_put backends/tasks/1/i "${ADDRESS[tasks-1]}"
etcd_put backends/tasks/2/i "${ADDRESS[tasks-2]}"
within '  and back' 10 tasks_of top '^tasks 1 '
extend base prod 'missing: fail' 'services:' '  - {name: tasks, version: 1}'
within 'missing: fail' 10 says 'No instance of version new of service tasks' fetch www-top.example.com "$HTTP/tasks"
within '  and all is one' 20 all_is_one
rm "$T/environments/top.yaml" "$T/environments/base.yaml"

note 'what makes no sense is refused, and harms nobody else'
for name in 2 3; do
	etcd_put "environments/prod-$name" "{\"name\":\"prod-$name\",\"extends\":\"prod-$((5 - name))\",\"services\":[]}"
done
within 'a cycle' 10 page_of prod-2 'set aside: it extends itself: prod-2, prod-3, prod-2'
ok '  beside which others are served' tasks_of prod '^tasks 2 '
extend prod-3 prod
extend prod-2 prod-3
within '  which ends' 10 tasks_of prod-2 '^tasks 2 '
extend prod-3 prod-2
within 'a cycle of files is not put' 10 log_has envwatch \
	'environment prod-3: extends itself: prod-3, prod-2, prod-3; what it was before stays'
extend newer prod-2
within '  nor what extends it' 10 log_has envwatch 'environment newer: extends prod-2, which is set aside'
ok '  what was there before is served' tasks_of prod-2 '^tasks 2 '
is "$(etcd_get environments/newer)" '' '  and nothing else is there'
extend prod-3 prod
within '  until the file is right' 10 tasks_of newer '^tasks 2 '
rm "$T/environments/prod.yaml"
within 'the parent goes: as so many extend it, that is held back' 30 \
	log_has kvwatch 'held back.* environments would go.*environment prod'
ok '  and all are served' tasks_of prod-2 '^tasks 2 '
etcd_put config/mayfly/allow-removal "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)"
within 'it is allowed: the child of the child says the way' 30 page_of anna \
	'anna is set aside: it extends pr-42, which is set aside: extends prod, which is not there'
within '  and all is one' 10 all_is_one

note 'files say most of it before they are merged'
mkdir "$T/check"
check_file() { printf '%s\n' "${@:2}" >"$T/check/$1.yaml"; } # NAME LINE...
check_file prod 'name: prod' 'services: [web]'
check_file pr '- {name: pr, extends: prod, services: [{name: web, version: 2}]}' \
	'- {name: pr-2, extends: prod, services: [{name: web, version: 3}]}' \
	'- {name: both, extends: [pr, pr-2, prod], services: []}' \
	'- {name: far, extends: elsewhere, without: [mail], services: []}'
run_tool envwatch --check "$T/check"
is "$STATUS" 0 'a parent that is in none of the files is no error'
like "$ERR" "^$T/check/pr.yaml: warning: environment far: extends elsewhere, which is in none of these files$" '  but said'
like "$ERR" "pr.yaml: warning: environment both: service web: pr has version 2 and pr-2 has version 3: that of pr counts" \
	'of two that choose the same service the left one counts, and that is said'
check_file loop 'name: prod-2' 'extends: [prod-2-old]' 'services: []'
check_file loop-2 'name: prod-2-old' 'extends: [prod-2]' 'services: []'
run_tool envwatch --check "$T/check"
is "$STATUS" 65 'a cycle is one'
like "$ERR" "^$T/check/loop.yaml: environment prod-2: extends itself: prod-2, prod-2-old, prod-2$" '  with its way'
done_testing
