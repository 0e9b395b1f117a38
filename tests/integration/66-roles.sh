#!/bin/bash
# Who may do what: the roles that mayfly-security(7) gives, by the very lines of that page.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy socat curl

start_etcd
write_settings dnsmasq.hosts= dnsmasq.reload=
start_app one team-a-web 1
write_environment prod team-a-web=1@/
cd "$T" || exit 1
for user in kvwatch envwatch svcregister team-a developer reader operator root; do
	printf 'pw-%s' "$user" >"$user.password"
done
# Flags of etcdctl beside its variable are a mistake to it, so the variable stays.
grep '^etcdctl ' "$TOP/man/mayfly-security.7" >"$T/lines"
if bash -e "$T/lines" >"$T/log/lines" 2>&1; then
	pass 'the lines of the page can be run as they are'
else
	die "the lines of the page: $(tail -n 3 "$T/log/lines")"
fi
as() { # USER COMMAND...: with that user's name and password
	local user=$1

	shift
	ETCDCTL_USER=$user ETCDCTL_PASSWORD=pw-$user "$@"
}
run_as() { # USER TOOL ARG...
	as "$1" run_tool "${@:2}"
}
is_denied() { # NAME USER [PERMISSION]
	is "$STATUS" 77 "$1: 77"
	like "$ERR" "permission denied: user $2 lacks a role to ${3:-.*}, see mayfly-security\(7\)" \
		'  with who lacks what'
}

run_tool envwatch --once "$T/environments"
is "$STATUS" 77 'without a user nobody gets in'
run_as envwatch envwatch --once "$T/environments"
is "$STATUS" 0 'envwatch writes environments'
run_as team-a envwatch --once "$T/environments"
is_denied 'a registrar does not' team-a 'read /mayfly/environments/\*'
run_as developer envwatch --once "$T/environments"
is "$STATUS" 0 'a developer may read them'
write_environment late team-a-web=1
run_as developer envwatch --once "$T/environments"
is_denied 'but not make one of any name' developer 'read and write /mayfly/environments/late'
is "$(as developer etcdctl put /mayfly/environments/dev-a '{"name":"dev-a","services":[]}')" OK 'but of a name for developers'
like "$(as developer etcdctl put /mayfly/backends/team-a-web/1/x 10.0.0.1:1 2>&1)" 'permission denied' \
	'nor an instance'

write_environment prod team-a-web=1@/ team-a-web-x=1
run_as envwatch envwatch --once "$T/environments"
is "$STATUS" 0 'envwatch changes one'
like "$(as reader etcdctl get --prefix --keys-only /mayfly/history/prod/)" '^/mayfly/history/prod/[0-9]{20}$' \
	'  and keeps what it was'
write_environment prod team-a-web=1@/
run_as envwatch envwatch --once "$T/environments"
run_as developer mayfly env set dev-a team-a-web=1
is "$STATUS $OUT" '0 environment dev-a changed' "a developer changes one, too"
run_as developer mayfly env undo dev-a
like "$STATUS $OUT" '^0 environment dev-a put back' '  and puts it back'
run_as developer mayfly env set prod team-a-web=2 --force
is_denied '  but not one of any name' developer

lacks_history() { # NAME USER TOOL ARG...: it is done, and the history lacks it
	run_as "${@:2}"
	is "$STATUS" 0 "$1"
	like "$ERR" 'warn.*the history lacks this change: to write there is not permitted' '  which is said'
}
as root etcdctl role revoke-permission developer --prefix /mayfly/history/dev- >/dev/null
lacks_history 'who may not write the history changes an environment all the same' developer mayfly env set dev-a team-a-web=3
as root etcdctl role revoke-permission envwatch --prefix /mayfly/history/ >/dev/null
write_environment prod team-a-web=1@/ team-a-web-x=1
lacks_history '  so does envwatch' envwatch envwatch --once "$T/environments"
as root etcdctl role grant-permission developer --prefix readwrite /mayfly/history/dev- >/dev/null
as root etcdctl role grant-permission envwatch --prefix readwrite /mayfly/history/ >/dev/null
write_environment prod team-a-web=1@/
run_as envwatch envwatch --once "$T/environments"

registered() { as reader etcdctl get --prefix --keys-only /mayfly/ | grep -q "^/mayfly/$1"; }
as team-a start_tool_as team-a svcregister register team-a-web 1 "${ADDRESS[one]}" --ttl 2s
within 'a team registers its service' 10 registered backends/team-a-web/1/
as team-a start_tool_as stranger svcregister register other 1 "${ADDRESS[one]}" --ttl 2s
within 'but no other one' 10 log_has stranger 'backends/other/1/.*user team-a lacks a role to read and write /mayfly/backends/other/1/'
ok 'and reads its own keys back' not log_has team-a 'permission denied'
stop team-a
as root etcdctl role grant-permission team-a --prefix readwrite /mayfly/backends/other/ >/dev/null
within '  until its role allows that' 20 registered backends/other/1/
as root etcdctl role revoke-permission team-a --prefix /mayfly/backends/other/ >/dev/null
stop stranger
as svcregister start_tool_as laptop svcregister register team-a-web 2 "${ADDRESS[one]}" --ttl 2s --env prod
within 'svcregister registers any' 10 registered backends/team-a-web/2/
within 'and says which environment is to use it' 10 registered overrides/prod/team-a-web

run_as envwatch kvwatch --once --timeout 10m
is_denied 'kvwatch needs to read more than environments' envwatch 'read /mayfly/\*'
as operator etcdctl put /mayfly/states/gone/1/x drain >/dev/null
as kvwatch start_tool kvwatch --state-grace 1s
start_haproxy
within 'kvwatch with its own role applies them' 10 serves www-prod.example.com '^team-a-web 1 '
within 'and reports that' 10 registered nodes/test
within 'and ends what is said of an instance that has gone' 20 not registered states/
run_as reader mayfly wait prod
is "$STATUS" 0 'whoever reads can wait for it'
run_as reader mayfly node forget test --force
is_denied '  and not forget a node' reader
stop kvwatch
stop laptop
for tool in 'cfgrender --dry-run' 'mayfly env list'; do
	# shellcheck disable=SC2086
	run_as reader $tool
	unlike "$STATUS $ERR" '^77|denied' "$tool: to read is enough"
	# shellcheck disable=SC2086
	run_as team-a $tool
	is_denied "$tool without that" team-a 'read /mayfly/.*\*'
done
run_as reader mayfly env set dev-b --extends prod team-a-web=1
is_denied 'who only reads sets no version' reader 'read and write /mayfly/environments/dev-b'
run_as developer mayfly env set dev-b --extends prod team-a-web=1
is "$STATUS $OUT" '0 environment dev-b created' 'a developer does'
run_as developer mayfly env delete prod --force
is_denied 'but deletes no other environment' developer 'read and write /mayfly/environments/prod'
run_as developer mayfly env delete dev-b
is "$STATUS $OUT" '0 environment dev-b deleted' 'than those for developers'
run_as envwatch svcregister list
is_denied 'who writes environments lists no instances' envwatch 'read /mayfly/backends/\*'
there=team-a-web/2/test-${ADDRESS[one]/:/-}
as svcregister etcdctl put "/mayfly/backends/$there" "${ADDRESS[one]}" >/dev/null
run_as developer svcregister deregister team-a-web 2 "${ADDRESS[one]}"
is_denied 'a developer withdraws none' developer "read and write /mayfly/backends/$there"
ok '  and it is there' registered "backends/$there"
like "$(as reader etcdctl put /mayfly/environments/x '{}' 2>&1)" 'permission denied' 'a reader changes nothing'
is "$(as operator etcdctl put /mayfly/services/x '{}')" OK 'an operator changes anything'

done_testing
