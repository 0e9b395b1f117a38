#!/bin/bash
# Outputs: folders that may not be written or are missing, dnsmasq's ways of reload, further targets.
. "$(dirname "$0")/lib.sh"

need haproxy dnsmasq dig socat setpriv

write_environment dev web=1@/
once=(--once --timeout 5s --environments "$T/environments" --backends "$T/backends.yaml")
printf 'web: {1: ["127.0.0.1:1"]}\n' >"$T/backends.yaml"

write_settings haproxy.config="$T/nowhere/deeper/haproxy.cfg" dnsmasq.hosts= dnsmasq.reload=
run_tool kvwatch "${once[@]}"
if [[ $STATUS == 0 ]]; then
	ok 'a folder that is missing is made' test -s "$T/nowhere/deeper/haproxy.cfg"
else
	like "$STATUS $ERR" "^(73|77) .*$T/nowhere/deeper" 'a folder that is missing is named'
fi

# As nobody, in folders of root's.
chmod 755 "$T"/{haproxy,dns}
chmod 777 "$T/state" "$T/out"
run_as_nobody() {
	timeout 60 setpriv --reuid=65534 --regid=65534 --clear-groups "$MAYFLY_BIN/kvwatch" "$@" \
		>"$T/out/stdout" 2>"$T/out/stderr"
	STATUS=$?
	ERR=$(<"$T/out/stderr")
}
write_settings
if ((EUID == 0)); then
	chmod 644 "$T/mayfly.yaml"
	run_as_nobody "${once[@]}"
	like "$STATUS" '^7[37]$' 'a folder that may not be written is an error'
	like "$ERR" "$T/haproxy" 'that names it'
	is "$(ls -A "$T/haproxy" "$T/dns")" "$T/dns:

$T/haproxy:" 'and nothing is left there'
	chown 65534 "$T/haproxy" "$T/dns"
	run_as_nobody "${once[@]}"
	is "$STATUS" 0 'once it may, it is written'
	rm -rf "$T"/haproxy/* "$T"/dns/*
	chown 0 "$T/haproxy" "$T/dns"
fi

cat >"$T/list.mustache" <<'EOF'
{{#environments}}
environment {{name}}
{{/environments}}
EOF
write_settings targets="[{template: $T/list.mustache, output: $T/out/list, check: [grep, -q, environment],
  reload: [touch, $T/out/reloaded]}]"
start_tool kvwatch --environments "$T/environments" --backends "$T/backends.yaml"
within 'a further target is written' 10 grep -q '^environment dev$' "$T/out/list"
within 'and its daemon told' 10 test -e "$T/out/reloaded"
start_haproxy
start_dnsmasq
is "$(dns web.service)" 127.0.0.1 'dnsmasq reads the hosts file'
is "$(stat -c %a "$T/dns/hosts")" 644 'which others may read'
printf 'web: {1: ["127.0.0.1:1"]}\nshop: {1: ["127.0.0.1:1"]}\n' >"$T/backends.yaml"
within 'dnsmasq learns a new name by SIGHUP' 10 says '^127\.0\.0\.1$' dns shop.service

mark kvwatch
rm "$T/environments/dev.yaml"
write_environment other web=1@/
within 'the target follows' 10 grep -q '^environment other$' "$T/out/list"
mark kvwatch
printf '{{nothing}}\n' >"$T/list.mustache"
send_signal HUP kvwatch
within 'a target that its check refuses is said' 10 log_has kvwatch "error kvwatch.*$T/out/list"
ok 'and its last good file stays' grep -q '^environment other$' "$T/out/list"
printf 'web: {1: ["127.0.0.1:1"]}\nlast: {1: ["127.0.0.1:1"]}\n' >"$T/backends.yaml"
within 'all others go on' 10 says '^127\.0\.0\.1$' dns last.service

stop dnsmasq
stop kvwatch
write_settings dnsmasq.reload=none
start_dnsmasq hostsdir
start_again kvwatch
printf 'web: {1: ["127.0.0.1:1"]}\nhostsdir: {1: ["127.0.0.1:1"]}\n' >"$T/backends.yaml"
within 'or by its own inotify' 10 says '^127\.0\.0\.1$' dns hostsdir.service

done_testing
