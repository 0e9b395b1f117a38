#!/bin/bash
# The settings of services are kept in a file, as environments are: envwatch puts them, owns them,
# and judges them offline.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

S=$T/services.yaml
write_services() { cat >"$S.new" && mv "$S.new" "$S"; }
names() { etcd_keys services | sed 's|.*/||' | tr '\n' ' '; }

start_app one shop 1
start_app two shop 2
write_services <<END
shop: {version: 1, addresses: ["${ADDRESS[one]}"], check: /}
mail: {balance: leastconn}
END
start_mayfly "services=$S"
write_environment dev shop=1@/
within 'a fixed address of the file answers' 15 serves www-dev.example.com '^shop 1 '
like "$(etcd_get services/shop)" "\"check\":\"/\",.*\"origin\":\{\"owner\":\"envwatch@test\",\"source\":\"$S\"\}" \
	'its key says whose it is, and from where'

# --- followed
write_services <<END
shop: {version: 1, addresses: ["${ADDRESS[two]}"]}
END
within 'the file changes, and another one answers' 15 serves www-dev.example.com '^shop 2 '
within '  a service that it says no more is deleted' 10 not etcd_has services/mail
mark envwatch
write_services <<END
shop: {version: 1, addresses: ["${ADDRESS[two]}"], balanse: source}
mail: {check: tcp}
END
within 'a mistake is named, with its place' 10 \
	log_has envwatch 'services.yaml: service shop: unknown key "balanse": did you mean "balance".*line 1, column'
within '  the others are put' 10 etcd_has services/mail
ok '  and what was good stays' serves www-dev.example.com '^shop 2 '
etcd_put services/mail '{"check":"/other"}'
within 'a change by hand is reverted' 10 says '"check":"tcp"' etcd_get services/mail

# --- whose
etcd_put services/theirs '{"check":"tcp","origin":{"owner":"them","source":"x"}}'
etcd_put services/hand '{"check":"tcp"}'
mark envwatch
printf '%s\n' 'theirs: {}' 'hand: {check: /h}' 'mail: {check: tcp}' | write_services
within "another owner's is left alone, and said" 10 log_has envwatch 'services/theirs: belongs to "them"'
within '  what nobody owns is taken over' 10 says 'envwatch@test' etcd_get services/hand
within '  and what is in no file goes' 10 not etcd_has services/shop
mark envwatch
rm "$S"
within 'when the file goes, so does what came from it' 10 not etcd_has services/mail
is "$(names)" 'theirs ' '  and no more'

# --- once
stop envwatch
printf '%s\n' 'mail: {check: tcp}' 'shop: {}' | write_services
run_tool envwatch --once --services "$S" "$T/environments"
is "$STATUS:$(names)" '0:mail shop theirs ' 'once'
printf '%s\n' 'mail: {check: tcp}' | write_services
etcd_put services/elsewhere '{"origin":{"owner":"envwatch@test","source":"/etc/mayfly/more.yaml"}}'
run_tool envwatch --once --services "$S" "$T/environments"
is "$STATUS:$(names)" '0:elsewhere mail theirs ' "what it said earlier goes, and nothing of another file"
run_tool envwatch --once --services "$T/nowhere.yaml" "$T/environments"
is "$STATUS" 66 'the file must be there'
like "$ERR" 'nowhere.yaml: there is no such file' '  which is said'

# --- offline
printf '%s\n' 'shop: {listen: 80}' 'mail: {protocol: smtp}' 'db: {protocol: tcp}' | write_services
run_tool envwatch --check --services "$S"
is "$STATUS" 65 'the check refuses'
is "$ERR" "$S: service shop: listen: only for protocol tcp (line 1, column 8)
$S: service mail: protocol: must be one of http, tcp, h2c (line 2, column 18)" '  with places, and what is allowed'
printf '%s\n' 'db: {protocol: tcp, listen: 5432, addresses: ["10.0.0.9:5432"]}' | write_services
run_tool envwatch --check --services "$S" "$T/environments"
is "$STATUS:$ERR" '0:' 'what is good passes, beside environments'
like "$OUT" "^$S: ok \(1 service\)" '  and is named'
printf '%s\n' 'services: [{names: [db], networks: [127.0.0.0/8]}]' >"$T/policy.yaml"
run_tool envwatch --check --services "$S" --policy "$T/policy.yaml"
is "$STATUS" 65 'the policy judges fixed addresses'
like "$ERR" 'service db: address 10.0.0.9:5432: allowed: 127.0.0.0/8 .*line 1' '  with its line'

done_testing
