#!/bin/bash
# A policy: what it refuses is not written by envwatch, set aside by kvwatch, and said offline; a bad
# policy leaves the last good one in force.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

P=$T/policy.yaml
write_policy() { cat >"$P.new" && mv "$P.new" "$P"; }
write_policy <<'END'
environments:
  - owners: [team-a]
    names: ["a-*"]
    hosts: ["*.a.example.com"]
    services: [web]
  - owners: ["envwatch@test"]
    named_after_file: true
services:
  - names: ["web*"]
    networks: [127.0.0.0/8]
protected:
  environments: [prod]
  owners: ["envwatch@*", ops]
END
start_mayfly "policy=$P"
start_instance web web 1
value() { # NAME OWNER MORE
	printf '{"name":"%s",%s"services":[{"name":"web","version":"1","route":"/"}],"origin":{"owner":"%s"}}' \
		"$1" "$3" "$2"
}
set_aside() { # OBJECT REASON
	within "$1 is set aside" 10 log_has kvwatch "set aside: $1: $2"
}

etcd_put environments/a-1 "$(value a-1 team-a '"hosts":["x.a.example.com"],')"
within 'what a rule allows is served' 15 serves x.a.example.com '^web 1 '
etcd_put environments/b-1 "$(value b-1 team-a '')"
set_aside 'environment b-1' "name b-1: allowed: a-\* .$P, line 2.$"
etcd_put environments/a-2 "$(value a-2 team-a '"hosts":["shop.example.com"],')"
set_aside 'environment a-2' 'host shop.example.com: allowed: \*.a.example.com .*line 2'
etcd_put environments/prod "$(value prod team-b '')"
set_aside 'environment prod' 'owner team-b: allowed: envwatch@\*, ops .*line 1[0-9]'
is "$(fetch_status www-b-1.example.com "$HTTP/")$(fetch_status www-prod.example.com "$HTTP/")" 503503 \
	'  and none of them is served'
etcd_put backends/web/2/far 10.0.0.5:80
set_aside 'instance web/2/far' 'address 10.0.0.5:80: allowed: 127.0.0.0/8'
etcd_put overrides/prod/web '{"version":"2"}'
set_aside 'override prod/web' 'environment prod is protected'
etcd_put environments/a-1 "$(value a-1 team-a '"hosts":["x.a.example.com","other.example.com"],')"
set_aside 'environment a-1' 'host other.example.com'
ok 'what was good stays' serves x.a.example.com '^web 1 '

# envwatch does not write it.
write_environment mine web=1@/
within 'an environment named after its file' 10 serves www-mine.example.com '^web 1 '
printf '%s\n' '{name: prod, services: [{name: web, version: "1", route: /}]}' >"$T/environments/mine.yaml"
within 'another in its place is refused' 10 log_has envwatch \
	'environment prod: name prod: not named after its file .*/mine.yaml .*line 6'
ok '  and not written' says '"owner":"team-b"' etcd_get environments/prod
run_tool envwatch --once "$T/environments"
is "$STATUS" 65 'once, the status says so'
printf '%s\n' '{name: a-3, services: [web, db]}' >"$T/a.yaml"
run_tool envwatch --check --owner team-a --policy "$P" "$T/a.yaml"
is "$STATUS" 65 'nor does it pass the check'
is "$ERR" "$T/a.yaml: environment a-3: service db: allowed: web ($P, line 2)" '  with the reason'
is "$OUT" '' '  and without ok'
write_settings
run_tool envwatch --check --owner team-a "$T/a.yaml"
is "$STATUS" 0 'without a policy it is good'
write_settings "policy=$P"

# A mistake in the policy changes nothing.
write_policy <<<'environments: [{name: [x]}]'
send_signal HUP kvwatch
within 'a bad policy is said' 10 log_has kvwatch 'the old ones stay.*policy.yaml: environments: unknown key'
send_signal HUP envwatch
within '  by envwatch, too' 10 log_has envwatch 'policy not reloaded, the old one stays.*unknown key'
ok '  and the old one holds' serves x.a.example.com '^web 1 '
run_tool kvwatch --once
is "$STATUS" 78 'at the start it is an error'
run_tool cfgrender --dry-run
is "$STATUS" 78 'for a dry run as well'

write_policy <<<'environments: [{names: [prod, "b-*"]}]'
run_tool cfgrender --dry-run
like "$ERR" 'environment a-1: name a-1: allowed: prod, b-' 'a dry run says what another would refuse'
send_signal HUP kvwatch
within 'what it allows comes into force' 15 serves www-b-1.example.com '^web 1 '
set_aside 'environment a-1' 'name a-1: allowed: prod, b-'
within '  and what it refuses goes' 15 says '^503$' fetch_status x.a.example.com "$HTTP/"
send_signal HUP envwatch
within 'envwatch writes what it kept back' 10 log_has envwatch 'environments/prod: belongs to "team-b"'

# How many there may be.
write_policy <<'EOF'
environments: [{owners: [many], max_environments: 2}]
services: [{names: [web], max_versions: 1}]
EOF
send_signal HUP kvwatch
within 'what nobody refuses any more is served' 15 serves x.a.example.com '^web 1 '
for i in 3 2 1; do etcd_put "environments/m-$i" "$(value "m-$i" many '')"; done
set_aside 'environment m-1' "owner many has 2 environments, and may have no more .$P, line 1.$"
within 'the first two are served' 10 serves www-m-3.example.com '^web 1 '
within '  both' 10 serves www-m-2.example.com '^web 1 '
is "$(fetch_status www-m-1.example.com "$HTTP/")" 503 '  and not the third'
etcd_del environments/m-3
within '  until another goes' 10 serves www-m-1.example.com '^web 1 '
etcd_put backends/web/2/x '{"address":"10.0.0.5","port":80}'
put_junk() { # FIRST LAST: in one transaction
	{
		printf '\n'
		seq -f 'put /mayfly/backends/junk/1/i%03g junk' "$1" "$2"
		printf '\n\n'
	} | etcdctl txn >/dev/null
}
put_junk 0 99
put_junk 100 149
set_aside 'instance web/2/x' "service web has 1 version, and may have no more .$P, line 2.$"
within 'of many that are broken a hundred are named' 10 log_has kvwatch 'set aside: instance .others.: and 5[0-9] more'
lines=$(grep -c 'set aside: instance junk' "$T/log/kvwatch")
is "$lines" 100 '  and no more'
run_tool mayfly env list
run_tool mayfly check
like "$ERR$OUT" 'instance junk/1/i149' 'a person is told all of them'
write_policy <<<'environments: [{max_environments: 1}]'
printf '%s\n' '- {name: a-3, services: [web]}' '- {name: a-4, services: [web]}' >"$T/a.yaml"
run_tool envwatch --check --owner team-a --policy "$P" "$T/a.yaml"
like "$ERR" "environment a-4: owner team-a has 1 environment, and may have no more" 'a check counts'
lines=$(grep -c . <<<"$ERR")
is "$lines" 1 '  and the first is good'
send_signal HUP envwatch
printf '%s\n' '{name: most, services: [web]}' >"$T/environments/most.yaml"
within 'envwatch does not put more than there may be' 10 log_has envwatch \
	'environment most: owner envwatch@test has 1 environment, and may have no more'
is "$(etcd_get environments/most)" '' '  nothing of it'
rm "$T/environments/mine.yaml"
within '  until another is gone' 10 says '"name":"most"' etcd_get environments/most

write_policy <<<'environments: [{names: [prod, "b-*"]}]'
mkdir "$T/files"
printf '%s\n' '{name: c-1, services: [web]}' >"$T/files/c.yaml"
printf '%s\n' '{web: {"1": ["10.0.0.5:80"]}}' >"$T/backends.yaml"
run_tool cfgrender --dry-run --environments "$T/files" --backends "$T/backends.yaml"
is "$STATUS" 65 'offline, that is bad data'
like "$ERR" 'environment c-1: name c-1: allowed: prod, b-' '  with the reason'

done_testing
