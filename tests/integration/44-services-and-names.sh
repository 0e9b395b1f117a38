#!/bin/bash
# The settings of services are changed with Mayfly's command, as a file has them, and only where they
# are the person's to change.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat dig

start_mayfly
stored() { etcdctl get --prefix "/mayfly/services/"; etcdctl get --prefix "/mayfly/names/"; }

# --- as a file has them
start_app one shop 1
cat >"$T/services.yaml" <<EOF2
shop: {version: 1, addresses: ["${ADDRESS[one]}"], server_timeout: 20s}
mail: {balance: leastconn, check: /health}
EOF2
said 2 $'service shop would be created\nservice mail would be created' 'what would be done' service apply -f "$T/services.yaml" -n
is "$(stored)" '' '  is not'
said 0 $'service shop created\nservice mail created' 'a file of two' service apply -f "$T/services.yaml"
like "$(etcd_get services/mail)" '"balance":"leastconn","check":"/health",.*"origin":\{"owner":"mayfly","source":""\}' \
	'  says what it needs, and whose it is'
write_environment pr shop=1@/
within '  and the fixed address answers' 10 serves www-pr.example.com '^shop 1 '
before=$(stored)
said 0 $'service shop unchanged\nservice mail unchanged' 'the same again' service apply -f "$T/services.yaml"
is "$(stored)" "$before" '  is not written'
printf '{"mail":{"check":"tcp"}}' | "$MAYFLY_BIN/mayfly" service apply -f - >"$T/out/piped"
is "$(<"$T/out/piped")" 'service mail changed' '  also from standard input, in JSON'
unlike "$(etcd_get services/mail)" leastconn '  and what it does not say is the default'

# --- shown
run_tool mayfly service show shop
like "$OUT" '^Protocol: +http$' 'it is shown: what it speaks'
like "$OUT" '^Timeout: +20s$' '  its timeout'
like "$OUT" "^Addresses: +${ADDRESS[one]}\$" '  its addresses'
like "$OUT" '^Owner: +mayfly$' '  whose it is'
like "$OUT" '^1 +1 +1 +pr$' '  its version, and who names it'
etcd_put environments/shared '{"name":"shared","services":[{"name":"shop","versions":{"1":90,"2":10}}]}'
run_tool mayfly service show shop
like "$OUT" '^1 +1 +1 +pr,shared$' '  also by a share of its requests'
like "$OUT" '^2 +0 +0 +shared$' '  whichever it is'
etcd_del environments/shared
etcd_put services/safe '{"tls":{"verify":false},"slow_start":"9s"}'
run_tool mayfly service show safe
like "$OUT" '^TLS: +not verified$' '  whether it speaks TLS'
like "$OUT" '^Slow start: +9s$' '  and how it starts'
etcd_del services/safe
run_tool mayfly service show mail -o yaml
like "$OUT" '^check: "tcp"' 'also one without a version'
etcd_put services/bad '{"balance":"best"}'
etcd_put backends/bad/1/x 10.0.0.1:1
run_tool mayfly service show bad
like "$OUT" 'service bad: balance: must be one of roundrobin' 'what is wrong with one is there'
like "$OUT" '-> correct the key services/bad' '  with what to do'

# --- refused
is_refused 66 'service "shpo": there is none: did you mean "shop"\?' service show shpo
is_refused 66 'service "shpo": there is none: did you mean "shop"\?' service delete mail shpo
printf 'shop: {}\nmail:\n  chekc: tcp\n' >"$T/bad.yaml"
is_refused 65 'bad.yaml: service mail: unknown key "chekc": did you mean "check"\?.* \(line 3, column 3\)' service apply -f "$T/bad.yaml"
printf 'shop: {}\nmail: {port: 1, listen: x' >"$T/bad.yaml"
is_refused 65 'bad.yaml: not YAML: .*\(line 3, column 1\)' service apply -f "$T/bad.yaml"
printf 's%d: {}\n' {1..129} >"$T/many.yaml"
is_refused 65 'many.yaml: more than 128 services' service apply -f "$T/many.yaml"
is_refused 66 'nowhere' service apply -f "$T/nowhere"
is_refused 64 '--file: say which' service apply
is_refused 69 '127.0.0.1:9: ' service apply -f "$T/services.yaml" --endpoints http://127.0.0.1:9 --timeout 1s
etcd_put services/theirs '{"check":"tcp","origin":{"owner":"ci","source":"/etc/mayfly/services.yaml"}}'
printf 'theirs: {check: /}\n' >"$T/theirs.yaml"
is_refused 77 'service theirs: belongs to "ci", from /etc/mayfly/services.yaml: --force ' service apply -f "$T/theirs.yaml"
is_refused 77 'service theirs: belongs to "ci"' service delete shop theirs
said 0 'service theirs changed' 'whoever insists may' service apply -f "$T/theirs.yaml" --force

# --- deleted
said 0 $'service shop deleted\nservice mail deleted' 'several' service delete shop mail
is "$(etcd_keys services)" $'/mayfly/services/bad\n/mayfly/services/theirs' '  are gone'
within '  and with the one its fixed address' 10 says '^503' fetch_status www-pr.example.com "$HTTP/"
run_tool mayfly __complete service show
is "$OUT" $'bad\nshop' 'shells are told the names'

# --- names for dnsmasq
answers() { [[ $(dns "$1" | sort | paste -sd ' ') == "$2" ]]; } # NAME ADDRESSES
said 2 'name db.example.com would be created' 'what would be done' name set db.example.com 10.0.0.1 -n
said 0 'name db.example.com created' 'a further name' name set db.example.com 10.0.0.1 10.0.0.2
is "$(etcd_get names/db.example.com)" 10.0.0.1,10.0.0.2 '  with its addresses'
within '  is what dnsmasq answers' 10 answers db.example.com '10.0.0.1 10.0.0.2'
said 0 'name db.example.com unchanged' 'the same again is not written' name set db.example.com 10.0.0.1,10.0.0.2
said 0 'name db.example.com changed' 'another address' name set db.example.com 10.0.0.3
within '  takes the place of both' 10 answers db.example.com 10.0.0.3
run_tool mayfly name list
like "$OUT" '^db.example.com +10.0.0.3 +set$' 'it is listed'
is_refused 65 'name: "Db": not allowed: "D": write lower case' name set Db 10.0.0.1
is_refused 65 'name db: "10.0.0.300": must be a numeric address' name set db 10.0.0.300
is_refused 65 "name bad.service: it is a service's own name" name set bad.service 10.0.0.1
is_refused 64 '^mayfly: too few operands: expected NAME ADDRESS.* \(see mayfly name set --help\)' name set db
is_refused 66 'name "db.exmaple.com": there is none: did you mean "db.example.com"\?' name delete db.exmaple.com
etcd_put names/bad.service 10.0.0.9
run_tool mayfly check
like "$OUT" "name bad.service: it is a service's own name" 'one that somebody put all the same is set aside'
within '  while another one comes' 10 answers db.example.com 10.0.0.3
unlike "$(dns bad.service)" 10.0.0.9 '  and the service keeps its own'
said 0 $'name bad.service deleted\nname db.example.com deleted' 'all go' name reset
within '  and nothing answers for them' 10 answers db.example.com ''
is "$(etcd_keys names)" '' '  as nothing is left'
for tens in {1..2}; do
	# shellcheck disable=SC2183 # one line for each number
	{ echo && printf "put /mayfly/names/n$tens-%d 10.0.0.1\n" {1..65} && printf '\n\n'; } | etcdctl txn >/dev/null
done
run_tool mayfly name reset -n
like "$OUT" '^and 2 more$' 'of many, what would go is told in part'
run_tool mayfly name reset
is "$STATUS $(etcd_keys names)" '0 ' '  and all go'

# --- the same in a directory that dnsmasq watches
mkdir "$T/dir"
write_settings dnsmasq.hosts= dnsmasq.reload= "dnsmasq.hostsdir=$T/dir"
send_signal HUP kvwatch
said 0 'name db.example.com created' 'a name' name set db.example.com 10.0.0.4
within '  is in a file of its own' 10 grep -qx '10.0.0.4 db.example.com' "$T/dir/mayfly-:names"
said 0 'name db.example.com changed' 'another address' name set db.example.com 10.0.0.5
within '  is there instead' 10 grep -qx '10.0.0.5 db.example.com' "$T/dir/mayfly-:names"
said 0 'name db.example.com deleted' 'without a name' name delete db.example.com
within '  there is no such file' 10 not test -e "$T/dir/mayfly-:names"

# --- settings of applications in a template
printf 'level={{config.shop.level}} url={{config.shop.db-url}} other={{config.mail.level}}\n' >"$T/app.mustache"
write_settings targets="[{template: $T/app.mustache, output: $T/out/app, reload: [touch, $T/out/reloaded], escape: none}]"
send_signal HUP kvwatch
within 'a template without settings' 10 grep -qx 'level= url= other=' "$T/out/app"
reloads=$(haproxy_reloads)
run_tool mayfly config put shop level tell-nobody
within '  sees one that comes' 10 grep -qx 'level=tell-nobody url= other=' "$T/out/app"
within '  and its program is told' 10 test -e "$T/out/reloaded"
run_tool mayfly config put shop db-url 'pg://db'
run_tool mayfly config put mail level warn
within '  and those of another scope beside it' 10 grep -qx 'level=tell-nobody url=pg://db other=warn' "$T/out/app"
run_tool cfgrender --print-view
like "$(tr -d '\n ' <<<"$OUT")" '"config":\{"mail":\{"level":"warn"\},"shop":\{"db-url":"pg://db","level":"tell-nobody"\}\}' \
	'the view has them all'
run_tool mayfly config delete shop level
within '  and one that goes is seen to' 10 grep -qx 'level= url=pg://db other=warn' "$T/out/app"
etcd_put config/shop/level/deep 1
run_tool mayfly check
like "$OUT" 'config shop/level/deep: the key must be config/SCOPE/NAME' 'a key that is none is said'
is "$(haproxy_reloads)" "$reloads" 'none of it reloads HAProxy'
stop kvwatch
is "$(grep -rl 'pg://db' "$T/state" "$T/haproxy")" '' 'and no value is kept on the disk but by the template'

done_testing
