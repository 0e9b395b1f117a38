#!/bin/bash
# mayfly console in a real browser: each page, the filter, what changes while one looks, etcd and the
# console that go away and come back, the keyboard, a phone, and what hostile names become.
# PICTURES=DIR keeps a picture of each page.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/browser.sh
. "$(dirname "$0")/browser.sh"

need etcd etcdctl curl chromium chromedriver

start_etcd
ports 1
OURS=127.0.0.1:${PORTS[0]} C=http://127.0.0.1:${PORTS[0]}
write_settings "console.listen=\"$OURS\"" console.allow_writes=true
for ((i = 100; i < 220; i++)); do
	printf -- '- {name: pr-%d, extends: prod, services: [{name: tasks, version: 2}]}\n' $i
done >"$T/many.yaml"
etcd_put environments/prod '{"name":"prod","hosts":["shop.example.com"],"services":[{"name":"web","version":"1","route":"/"},{"name":"tasks","version":"1","route":"/tasks"}]}'
etcd_put environments/pr-42 '{"name":"pr-42","description":"<img src=x onerror=document.title=1><b>bold</b>","extends":"prod","services":[{"name":"tasks","version":"2"},"mail"]}'
etcd_put environments/share '{"name":"share","extends":"prod","services":[{"name":"tasks","versions":{"1":90,"2":10}}]}'
etcd_put backends/web/1/a 10.0.0.5:80
etcd_put backends/tasks/1/a 10.0.0.6:80
etcd_put backends/tasks/2/b 10.0.0.7:80
etcd_put overrides/pr-42/web '{"version":"1","holder":"<i>anna</i>"}'
etcd_put 'nodes/edge' '{"node":"edge","revision":3,"haproxy":{"version":"<u>3.2</u>","workers":1}}'
start_tool_as console mayfly console --config "$T/mayfly.yaml"
start_browser

text='document.body.innerText' ready="document.querySelector('main').dataset.ready == 'true'"
shows() { [[ $(js "$text.includes('$1')") == true ]]; } # TEXT
go() { # PAGE: another one than it is
	js "(delete document.querySelector('main').dataset.ready, location.hash = '#/$1')" >/dev/null
	wait_for 20 js_is "$ready" true
}
row() { # ENVIRONMENT: what its row says, a line each
	js "[...document.querySelectorAll('tbody tr')].filter(tr => tr.dataset.key == '$1').map(tr => tr.innerText.replace(/\\\\s+/g, ' ').trim()).join()"
}
row_is() { [[ $(row "$1") == "$2" ]]; }

# --- each page
tags="document.querySelectorAll('main b b, main img, main i:not(.bar i), main u').length"
unnamed="[...document.querySelectorAll('input, select, textarea, button')].filter(e => !e.labels.length && !e.ariaLabel && !e.innerText.trim()).length"
open_page "$C/"
ok 'the page is there' wait_for 20 js_is "$ready" true
for page in environments environment/pr-42 services instances instances/tasks fleet explain problems ''; do
	ok "the page /$page" go "$page"
	picture "${page//\//-}"
	is "$(js "[$tags, $unnamed]")" '[0,0]' '  has no tags from etcd, and each field has a name'
	look 390 844 dark
	is "$(js 'document.documentElement.scrollWidth <= innerWidth')" true '  and it fits a phone'
	picture "${page//\//-}-phone"
	look 1280 860 light
done
is "$(complaints)" '[]' 'none of them has done what its policy forbids'
ok 'the overview has problems' shows 'no instance of version latest is registered'
is "$(js "document.querySelector('main').innerText.search('Problems') < document.querySelector('main').innerText.search('pr-42')")" true \
	'  before all else'
is "$(row pr-42)" 'pr-42 ← prod ! missing latest ! 2 ×1 1 ×1 ^' 'the matrix says what an environment has'
is "$(row share)" 'share ← prod ✓ ready 1 90% · 2 10% ×2 1 ×1' '  and shares'
is "$(js "[...document.querySelectorAll('.own')].map(e => e.title).filter(t => t.startsWith('tasks 2')).join()")" \
	'tasks 2, its own, 1 live' '  what differs from the parent is marked'
go environment/pr-42
ok 'a description is text' shows '<img src=x onerror=document.title=1><b>bold</b>'
ok '  as is who holds an override' shows 'override by <i>anna</i>'
is "$(js 'document.title')" 'pr-42 · Mayfly' '  and nothing of it was run'
go environment/prod
is "$(js "document.querySelector('dd a').href")" 'http://shop.example.com/' 'a host is a link'
go environment/none
ok 'an environment that is not there' shows 'there is none'
complaints >/dev/null # the 404 is one

# --- what changes
go ''
etcd_put backends/mail/latest/m 10.0.0.9:80
within 'an instance comes: its environment is ready' 10 row_is pr-42 'pr-42 ← prod ✓ ready latest ×1 2 ×1 1 ×1 ^'
ok '  and no longer a problem' wait_for 10 not shows 'no instance of version latest'
etcd_put environments/share '{"name":"share","extends":"prod","services":[{"name":"tasks","version":"2"}]}'
within 'a version changes' 10 row_is share 'share ← prod ✓ ready 2 ×1 1 ×1'
etcd_put environments/new '{"name":"new","extends":"prod","services":[]}'
within 'an environment is new' 10 row_is new 'new ← prod ✓ ready 1 ×1 1 ×1'
etcd_del environments/share
within '  another is gone' 10 row_is share ''
run_tool mayfly env apply -f "$T/many.yaml"
within 'many environments come at once' 20 js_is "document.querySelector('.count').innerText" 123
is "$(js "document.querySelectorAll('tbody tr').length < 60")" true '  of which only those are elements that are seen'

# --- the filter and the keyboard
type_keys /
type_keys 'pr-1 tasks:2'
within 'a filter, as one types' 10 js_is "document.querySelector('.count').innerText" '100 of 123'
js "document.querySelector('tbody a').focus()" >/dev/null
type_keys $'\ue015'
is "$(js 'document.activeElement.innerText')" pr-101 'the arrows go from row to row'
printf -v downs '\ue015%.0s' {1..40}
type_keys "$downs"
is "$(js 'document.activeElement.innerText')" pr-141 '  through all of them'
is "$(js "['header', 'nav', 'main', 'h2', 'table[aria-label]', 'a.skip'].every(s => document.querySelector(s))")" true \
	'there are landmarks'

# --- explain
go explain
js "document.querySelector('#url').focus()" >/dev/null
type_keys $'http://shop.example.com/tasks/7\ue007'
within 'explain says who answers' 10 shows 'tasks 1 answers'
picture explained

# --- changes
go environment/pr-42
is "$(js "document.querySelectorAll('.change').length")" 0 'who has not logged in changes nothing'
js "document.querySelector('#login').click()" >/dev/null
field="[...document.querySelectorAll('.change input')].find(i => i.ariaLabel == 'Version of tasks')"
within '  who has can' 10 js_is "$field.value" 2
js "($field.value = '1', $field.form.requestSubmit())" >/dev/null
within 'the plan is shown first' 10 shows 'environment pr-42 would be changed'
picture plan
like "$(etcd_get environments/pr-42)" '"tasks","version":"2"' '  when nothing is done yet'
js "document.querySelector('dialog .main').click()" >/dev/null
within '  then it is done' 10 says '"tasks","version":"1"' etcd_get environments/pr-42
within '  and seen' 10 js_is "$field.defaultValue" 1
within '  with its history' 10 shows 'mayfly env set pr-42 tasks=1'
js "[...document.querySelectorAll('.top button')].find(b => b.innerText == 'Undo').click()" >/dev/null
within 'undo has a plan, too' 10 shows 'mayfly env undo pr-42'
js "document.querySelector('dialog .main').click()" >/dev/null
within '  and puts back what it was' 10 js_is "$field.defaultValue" 2
js "document.querySelector('#login').click()" >/dev/null
within 'who logs out changes nothing' 10 js_is "document.querySelectorAll('.change').length" 0

# --- who goes away and comes back
go ''
stop etcd
within 'etcd is gone: the page says so' 30 shows 'etcd is out of reach'
like "$(row pr-100)" '^pr-100 ← prod ✓ ready ' '  and shows what it was'
start_again etcd
within '  until it is back' 30 js_is "document.querySelector('#state').innerText" live
etcd_put backends/web/1/b 10.0.0.15:80
within '  and goes on' 20 row_is new 'new ← prod ✓ ready 1 ×1 1 ×2'
stop console
within 'the console is gone: the page says so' 20 shows reconnecting
etcd_del environments/new
start_again console
within '  until it is back, and shows what was missed' 30 row_is new ''
complaints >/dev/null

stop_browser
done_testing
