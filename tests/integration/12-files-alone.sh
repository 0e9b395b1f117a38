#!/bin/bash
# One host, no etcd: kvwatch follows a directory and a file.
. "$(dirname "$0")/lib.sh"

need haproxy dnsmasq dig curl socat

write_backends() { # a file saved as an editor does
	cat >"$T/.backends.new"
	mv "$T/.backends.new" "$T/backends.yaml"
}

start_app one web 1
start_app two web 2
write_settings
write_environment prod web=1@/
printf 'web: {1: ["%s"]}\n' "${ADDRESS[one]}" | write_backends
start_tool kvwatch --environments "$T/environments" --backends "$T/backends.yaml"
start_haproxy
start_dnsmasq
within 'the environment is served' 10 serves www-prod.example.com '^web 1 '
is "$(dns web.service)" 127.0.0.1 'and dnsmasq has the name'

write_environment prod web=2@/
within 'a version with no instance is 503' 10 says '^503$' fetch_status www-prod.example.com "$HTTP/"
printf 'web: {1: ["%s"], 2: ["%s"]}\n' "${ADDRESS[one]}" "${ADDRESS[two]}" | write_backends
within 'until it has one' 10 serves www-prod.example.com '^web 2 '

mark kvwatch
printf 'web: {1: [not-an-address]}\n' | write_backends
within 'a backends file that breaks is named with its place' 10 \
	log_has kvwatch 'backends.yaml.*line 1, column'
ok 'and its last good state stays' serves www-prod.example.com '^web 2 '

stop kvwatch
is "$STATUS" 0 'kvwatch stops in order'
ok 'and the traffic goes on without it' serves www-prod.example.com '^web 2 '

run_tool kvwatch --once --environments "$T/environments" --backends "$T/backends.yaml"
is "$STATUS" 65 'once, with a file that is bad, says so by its status'
printf 'web: {1: ["%s"], 2: ["%s"]}\n' "${ADDRESS[one]}" "${ADDRESS[two]}" | write_backends
write_environment prod web=1@/
run_tool kvwatch --once --environments "$T/environments" --backends "$T/backends.yaml"
is "$STATUS" 0 'once, with good ones, applies'
ok 'and it is in force when it returns' serves www-prod.example.com '^web 1 '

done_testing
