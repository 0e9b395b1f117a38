#!/bin/bash
# What runs on a host is said by files, one a service: a file that comes, changes or goes is followed
# in etcd, a broken one keeps its last good state, and the host's addresses are followed, too.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl ip socat unshare

# A network of this story's own, whose addresses it may change.
if [[ -z ${OWN_NETWORK:-} ]]; then
	start_anew() { # HOW: with a folder of its own, as exec runs no trap
		rm -rf "$T"
		OWN_NETWORK=1 exec unshare "$1" "$BASH" "$0"
	}
	for how in -n -rn; do
		! unshare "$how" ip link set lo up 2>/dev/null || start_anew "$how"
	done
	[[ ${REQUIRE_ALL:-0} == 1 ]] || skip_all 'no network of its own'
	fail 'a network of its own'
	done_testing
fi
ip link set lo up

D=$T/services.d
mkdir "$D"
start_etcd
write_settings
key_of() { etcd_keys "backends/$1/" | head -n 1; }
value() { etcd_get "backends/$1"; }
lease_of() { etcdctl get --write-out=json "/mayfly/backends/$1" | sed -n 's/.*"lease":\([0-9]*\).*/\1/p'; }
put() { # FILE TEXT: as careful people write it
	printf '%s\n' "$2" >"$D/.$1.new"
	mv "$D/.$1.new" "$D/$1"
}

put search.yaml '{service: search, version: 1.10, address: 10.0.0.5:8080, ttl: 5s}'
put shop.yaml '
- service: frontend
  version: 1
  address: 10.0.0.5
  port: 8081
  weight: 50
  tags: [blue, "with space"]
  attributes: {zone: eu}
- {service: tasks, address: "[fd00::5]:8082", id: one, state: drain}
- {service: broken, address: 10.0.0.5:0}'
put other.yaml '{service: other, adress: 10.0.0.5:8083}'
put syntax.yml 'service: [syntax'
for name in .hidden.yaml old.yaml~ .old.yaml.swp '#old.yaml#' old.txt; do
	printf '{service: temporary, address: 10.0.0.5:9}\n' >"$D/$name"
done

run_tool svcregister dir --validate "$D"
is "$STATUS" 65 'bad files do not pass the check, which needs no etcd'
like "$ERR" "shop.yaml: service broken: address \"10.0.0.5:0\": .* \(line 10, column 30\)" 'a service is named with its place'
like "$ERR" 'other.yaml: service other: unknown key "adress": did you mean "address"\?.*line 1, column 18' 'a key with what is near'
like "$ERR" 'syntax.yml: .*line 2, column 1' 'a syntax error with its place'
run_tool svcregister dir --validate "$D/search.yaml"
is "$STATUS $OUT" "0 $D/search.yaml: ok (1 service)" 'a good file does'
run_tool svcregister dir --validate "$TOP/contrib/examples/services"
is "$STATUS" 0 'so do the examples'

start manager socat -u "UNIX-RECV:$T/notify" "OPEN:$T/told,creat,append"
within 'a service manager listens' 5 test -S "$T/notify"
export NOTIFY_SOCKET=$T/notify
start_tool svcregister dir "$D"
unset NOTIFY_SOCKET
within 'and is told when all is registered' 10 grep -q READY=1 "$T/told"
is "$(etcd_keys backends/ | wc -l)" 3 'for it is'
within 'a file with one service' 10 etcd_has backends/search/1.10/test-10.0.0.5-8080
is "$(value search/1.10/test-10.0.0.5-8080)" 10.0.0.5:8080 'is registered plainly'
within 'a file with several' 10 etcd_has backends/tasks/latest/one
is "$(value frontend/1/test-10.0.0.5-8081)" \
	'{"address":"10.0.0.5","port":8081,"weight":50,"state":"up","tags":["blue","with space"],"zone":"eu"}' \
	'with all that others may read'
like "$(value tasks/latest/one)" '"address":"fd00::5","port":8082.*"state":"drain"' 'IPv6, an id, a state'
is "$(etcd_keys backends/ | wc -l)" 3 'and nothing else: no broken ones, no temporary files'
ok 'a broken service is named' log_has svcregister 'shop.yaml: service broken.*line 10, column 30'
ok 'a misspelt key is' log_has svcregister 'other.yaml: service other.*adress'
ok 'a broken file is' log_has svcregister 'file syntax.yml.*line 2'
is "$(lease_of search/1.10/test-10.0.0.5-8080)" "$(lease_of tasks/latest/one)" 'all are under one lease'
like "$(etcdctl lease timetolive "$(printf '%x' "$(lease_of tasks/latest/one)")")" 'granted with TTL\(5s\)' \
	'with the shortest time that one asks for'

put late.yaml '{service: late, address: 10.0.0.5:8084}'
within 'a new file' 5 etcd_has backends/late/latest/test-10.0.0.5-8084
put late.yaml '{service: late, address: 10.0.0.5:8084, weight: 7, ttl: 2s}'
within 'a changed one' 5 says '"weight":7' value late/latest/test-10.0.0.5-8084
within 'who wants to be gone sooner than the lease is told' 5 \
	log_has svcregister 'service late/latest/10.0.0.5:8084.*ttl of 2000 ms'
mark svcregister
put late.yaml '{service: late, address: 10.0.0.5:8084, weight: 700}'
within 'one that breaks is named' 5 log_has svcregister 'file late.yaml: service late.*weight: .*700.*column 49'
like "$(value late/latest/test-10.0.0.5-8084)" '"weight":7,' 'and keeps its last good state'
put late.yaml '{service: late, address: 10.0.0.5:8084}'
within 'it is mended' 5 says '^10.0.0.5:8084$' value late/latest/test-10.0.0.5-8084

start watch etcdctl watch --prefix /mayfly/backends/late/
watches() { etcd_put backends/late/latest/mark 10.0.0.9:1 && log_has watch late/latest/mark; }
within 'the key is watched' 10 watches
put moved.yaml '{service: late, address: 10.0.0.5:8084, weight: 8}'
rm "$D/late.yaml"
within 'the other file counts' 5 says '"weight":8' value late/latest/test-10.0.0.5-8084
mark svcregister
put last.yaml '{service: last, address: 10.0.0.5:8085}'
within 'later' 5 etcd_has backends/last/latest/test-10.0.0.5-8085
within 'all was seen' 5 log_has watch '"weight":8'
ok 'it was never gone' not grep -q DELETE "$T/log/watch"
etcd_del backends/late/latest/mark

rm "$D/last.yaml"
within 'a file that goes takes its service with it' 5 not etcd_has backends/last/latest/test-10.0.0.5-8085
put twice.yaml '{service: search, version: 1.10, address: 10.0.0.5:8080, weight: 1}'
within 'what stands in two files is named' 5 \
	log_has svcregister 'service search/1.10/10.0.0.5:8080.*also in twice.yaml; the one in search.yaml counts'
is "$(value search/1.10/test-10.0.0.5-8080)" 10.0.0.5:8080 'and the first by name counts'
rm "$D/twice.yaml"

# Checks, as files say them.
start_app app checked 1
put checked.yaml "
- {service: checked, address: '${ADDRESS[app]}', id: one, check: {http: /, interval: 100ms, fall: 2}}
- {service: checked, address: '${ADDRESS[app]}', id: two, checks: [{tcp: , interval: 100ms, fall: 2}], on_fail: drain}
- {service: checked, address: '10.0.0.5:9', id: three, check: {exec: /bin/false, interval: 100ms}}
- {service: checked, address: '10.0.0.5:9', id: four, check: {exec: /bin/false, interval: 1h}, initial: up}"
within 'one whose check passes' 10 etcd_has backends/checked/latest/one
within 'or all of them' 10 etcd_has backends/checked/latest/two
within 'or who is up at first' 10 etcd_has backends/checked/latest/four
ok 'but no other' not etcd_has backends/checked/latest/three
stop app
within 'one whose check fails is withdrawn' 10 not etcd_has backends/checked/latest/one
within 'or drained' 10 says '"state":"drain"' value checked/latest/two
rm "$D/checked.yaml"
within 'and goes with its file' 10 not etcd_has backends/checked/latest/two

before=$(etcd_keys backends/)
mark svcregister
mv "$D" "$D.away"
within 'a directory that goes away' 10 log_has svcregister "directory $D.*cannot be read"
mkdir "$D"
within 'or is empty' 10 log_has svcregister "directory $D.*no service file is left: nothing is withdrawn"
is "$(etcd_keys backends/)" "$before" 'withdraws nothing'
rmdir "$D"
mv "$D.away" "$D"
put last.yaml '{service: last, address: 10.0.0.5:8085}'
within 'it is back, and followed again' 10 etcd_has backends/last/latest/test-10.0.0.5-8085

# The host's addresses: everything on lo, the only interface here.
put lo.yaml '
- {service: by-interface, address: lo, port: 8080, id: one}
- {service: by-network, address: 10.99.0.0/16, port: 8080, id: one}
- {service: by-family, address: "lo:inet6", port: 8080, id: one}
- {service: by-nobody, address: nowhere0, port: 8080, id: one}'
within "an interface's address" 5 says '^127.0.0.1:8080$' value by-interface/latest/one
within 'of IPv6' 5 says '^\[::1\]:8080$' value by-family/latest/one
ok 'none yet' not etcd_has backends/by-network/latest/one
within 'is waited for, and named' 5 log_has svcregister 'service by-network/latest/one.*waits.*10.99.0.0/16'
ok 'so is an interface' log_has svcregister 'service by-nobody/latest/one.*waits.*nowhere0'
ip addr add 10.99.0.1/24 dev lo
within 'an address comes' 5 says '^10.99.0.1:8080$' value by-network/latest/one
within 'and is the interface'"'"'s, too: better than a loopback one' 5 says '^10.99.0.1:8080$' value by-interface/latest/one
ip addr add 10.99.0.2/24 dev lo
put lo2.yaml '{service: by-network, address: 10.99.0.0/16, port: 8081, id: two}'
within 'another comes' 5 etcd_has backends/by-network/latest/two
is "$(value by-network/latest/one)" 10.99.0.1:8080 'and the one in use stays'
ip addr del 10.99.0.2/24 dev lo
ip addr add 10.99.1.1/24 dev lo
ip addr del 10.99.0.1/24 dev lo
within 'it changes' 5 says '^10.99.1.1:8080$' value by-network/latest/one
mark svcregister
ip addr del 10.99.1.1/24 dev lo
within 'it goes' 5 not etcd_has backends/by-network/latest/one
within 'and is waited for again' 5 log_has svcregister 'service by-network/latest/one.*waits'
within 'the loopback one is good enough for who wants any' 5 says '^127.0.0.1:8080$' value by-interface/latest/one

mark svcregister
send_signal HUP svcregister
within 'SIGHUP looks again' 5 log_has svcregister 'looking through the directory again'
stop svcregister
is "$STATUS" 0 'SIGTERM ends well'
within 'the service manager is told' 5 grep -q STOPPING=1 "$T/told"
is "$(etcd_keys backends/)" '' 'and deregisters everything'

start_tool_as svcregister svcregister dir "$D" --ttl 20s
within 'a time to live for all' 10 etcd_has backends/search/1.10/test-10.0.0.5-8080
like "$(etcdctl lease timetolive "$(printf '%x' "$(lease_of search/1.10/test-10.0.0.5-8080)")")" \
	'granted with TTL\(20s\)' 'goes before what files say'
run_tool svcregister dir "$T/nowhere"
is "$STATUS" 66 'a directory that is not there at the start is an error'
run_tool svcregister dir "$D" "$D"
is "$STATUS" 64 'two directories are a wrong call'
run_tool svcregister list --validate
is "$STATUS" 64 'so is the check of something else'

done_testing
