#!/bin/bash
# Visitors of one host name are shared out among environments: decided once, at the door, and followed
# by all that they call.  A change of the shares moves no more of them than it must.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

use_ports
start_mayfly routing.default_environment=prod haproxy.consolidate_after=1h
for name in 'web-1 web 1' 'web-2 web 2'; do
	# shellcheck disable=SC2086
	start_app $name
done
etcd_put backends/web/1/i "${ADDRESS[web-1]}"
etcd_put backends/web/2/i "${ADDRESS[web-2]}"

# environment NAME LINE...: its file
environment() {
	printf '%s\n' "name: $1" "${@:2}" >"$T/environments/.$1.new"
	mv "$T/environments/.$1.new" "$T/environments/$1.yaml"
}
door() { environment door 'prefix: www' "$@" 'services: [{name: web, version: 2, route: /own}]'; }
# visit NUMBER [OPTION...]: version, environment, and the cookie that a visitor gets
visit() {
	curl -s -D - "$HTTP/" -H 'Host: www.example.com' -b "mayfly-visitor=$1" "${@:2}" |
		sed -n 's/\r$//; s/^web \([^ ]*\) .* environment \([^ ]*\).*/\1 \2/p; s/^set-cookie: //p' | tr '\n' ' '
}
# visitors [OPTION...]: how many of a hundred numbers go where
visitors() {
	for i in {0..99}; do visit "$i" "$@"; done | tr ' ' '\n' | grep '^[a-z]' | sort | uniq -c |
		awk '{ printf "%s %s ", $2, $1 }'
}
by_chance() { # HOST N [OPTION...]
	curl -s "$HTTP/?[1-$2]" -H "Host: $1" "${@:3}" | sed -n 's/.* environment \([^ ]*\).*/\1/p' | sort | uniq -c |
		awk '{ printf "%s %s ", $2, $1 }'
}
is_logged() { grep -qE "$1" "$T/log/kvwatch"; }

note 'visitors stay where they are'
environment prod 'header: live' 'services: [{name: web, version: 1, route: /}]'
environment next 'extends: prod' 'services: [{name: web, version: 2}]'
door 'split: {prod: 95, next: 5}'
within 'a visitor' 10 says '^2 next $' visit 95
reloads=$(haproxy_reloads)
is "$(visit 94)" '1 live ' '  and another: the service gets the environment that was chosen'
is "$(visitors)" 'live 95 next 5 ' 'of all numbers 95 to 5'
like "$(visit '')" 'mayfly-visitor=[0-9]{1,2}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax' \
	'who is new gets a number'
like "$(visit '100')" 'mayfly-visitor=[0-9]' '  also in the place of one that there is not'
unlike "$(visit 7)" 'mayfly-visitor' '  and keeps it'
like "$(curl -s "$HTTP/" -H 'Host: www.example.com' -b 'mayfly-visitor=99' -H 'baggage: a=b' -H 'x-mayfly: live')" \
	'environment next' '  whatever the visitor says of environments'
is "$(by_chance www.example.com 2000 | awk '{ print ($2 > 1800 && $4 > 40) }')" 1 'new ones are shared out'
door 'split: {prod: 80, next: 20}'
within 'a change of 15 percent' 10 says next visit 80
is "$(visitors)" 'live 80 next 20 ' '  moves no more visitors than it must'
ok 'who calls its services has its own' says '^web 2 .* environment door' fetch web.service "$INTERNAL/" -H 'x-mayfly: door'
ok '  also by its own host' says '^web 1 .* environment live' fetch www-prod.example.com "$HTTP/"

note 'by the address, or by chance'
door 'split: {prod: 50, next: 50}' 'split_by: source'
one_place() { [[ $(by_chance www.example.com 50) =~ ^[a-z]+' 50 '$ ]]; }
within 'one address, one environment' 10 one_place
is "$(for i in {1..100}; do curl -s --interface 127.0.1."$i" "$HTTP/" -H 'Host: www.example.com'; done |
	grep -c 'environment next' | awk '{ print ($1 > 20 && $1 < 80) }')" 1 '  others have others'
door 'split: {prod: 50, next: 50}' 'split_by: none'
both() { [[ $(by_chance www.example.com 50) =~ ^live\ [0-9]+\ next\ [0-9]+\ $ ]]; }
within 'each request anew' 10 both
unlike "$(visit '')" 'mayfly-visitor' '  without a cookie'

note 'one that is not there gives its share to the rest'
door 'split: {prod: 50, gone: 30, next: 20}'
stays() { for _ in {1..10}; do says '^1 live $' visit 50 || return 1; done; } # and does not come there by chance
within 'who would go there goes elsewhere' 10 stays
is "$(visitors)" 'live 71 next 29 ' '  by their percents'
within '  and the log says so' 10 is_logged 'split of environment door.*gone is not there: the others get its 30 percent'
environment gone 'extends: nobody' 'services: []'
within 'one that is set aside is not there, either' 10 is_logged 'gone is set aside: the others get its 30 percent'
is "$(visitors)" 'live 71 next 29 ' '  for visitors'
environment gone 'services: [{name: web, version: 2, route: /}]'
within 'it comes' 10 says '^2 gone $' visit 50
is "$(visitors)" 'gone 30 live 50 next 20 ' '  and has its share'
rm "$T/environments/gone.yaml"
within 'it goes' 10 says '^1 live $' visit 50
door 'split: {no: 40, nobody: 60}'
within 'nobody is there' 10 says 'None of the environments that visitors of door are shared out among is there' \
	fetch www.example.com "$HTTP/"
run_tool mayfly check door
is "$STATUS" 65 '  which check says'
like "$OUT" '^  environment door: split: none of its environments is there' '  with the reason'
door 'split: {no: 100, prod: 0}'
within 'one of 0 percent is better than nobody' 10 says '^1 live $' visit 50
run_tool mayfly check door
is "$STATUS" 0 '  which check says'
like "$OUT" '^  environment door: split: environment no is not there: its 100 percent go to the others$' '  with the reason'

note 'a split is not followed any further'
environment prod 'header: live' 'prefix: www-prod' 'split: {next: 100}' 'services: [{name: web, version: 1, route: /}]'
within 'of visitors who come to it themselves' 10 says 'environment next' fetch www-prod.example.com "$HTTP/"
door 'split: {prod: 100}'
within 'those who come from elsewhere stay' 10 says '^1 live $' visit 50
ok '  also where its base had the routes' says 'environment next' fetch www-next.example.com "$HTTP/"
environment prod 'header: live' 'split: {prod: 100}' 'services: [{name: web, version: 1, route: /}]'
within 'one may be among its own' 10 says '^web 1 .* environment live' fetch www-prod.example.com "$HTTP/"
is "$(fetch_status www-prod.example.com "$HTTP/x/..;/y" --path-as-is)" 400 '  with paths read as everywhere'
is "$(haproxy_reloads)" "$reloads" 'all of it without a reload'
within '  and all is one' 20 all_is_one

note 'what people see'
environment prod 'header: live' 'services: [{name: web, version: 1, route: /}]'
door 'split: {prod: 95, next: 5}'
within 'the first ones again' 10 says '^2 next $' visit 95
run_tool mayfly env show door
like "$OUT" '^Split: +prod=95%,next=5%,sticky=cookie$' 'env show'
run_tool mayfly explain http://www.example.com/ -H 'cookie: a=b; mayfly-visitor=96'
like "$OUT" '^Environment:  next, by prefix www$' 'explain follows the visitor'
like "$OUT" '^ +of the visitors of door, which go to prod=95%,next=5%,sticky=cookie$' '  and says why'
like "$(visit '96; mayfly-visitor=1')" '^2 next ' 'of two such cookies the first one counts'
run_tool mayfly explain http://www.example.com/ -H 'cookie: mayfly-visitor=96; mayfly-visitor=1'
like "$OUT" '^Environment:  next, by prefix www$' '  and explain says so'
run_tool mayfly explain http://www.example.com/
like "$OUT" '^Environment:  prod, by prefix www$' '  or most of them'
mkdir "$T/files"
printf '%s\n' 'name: door' 'split: {prod: 95, next: 5}' 'services: []' >"$T/files/door.yaml"
printf 'web:\n  "1": [%s]\n' "${ADDRESS[web-1]}" >"$T/backends.yaml"
run_tool cfgrender --output-dir "$T/rendered" --environments "$T/files" --backends "$T/backends.yaml"
sed -i 's/95/90/; s/ 5/ 10/' "$T/files/door.yaml"
run_tool cfgrender --dry-run --output-dir "$T/rendered" --environments "$T/files" --backends "$T/backends.yaml"
like "$OUT" 'environment door: visitors prod=95%,next=5%.*-> prod=90%,next=10%' 'a dry run says what changes'
done_testing
