#!/bin/bash
# kvwatch on files, told to look again (SIGHUP) or started anew while they are broken, empty or
# away: what was good last stays in force, and it is said why.
. "$(dirname "$0")/lib.sh"

need haproxy curl socat

E=$T/environments
B=$T/backends.yaml
good_backends() { printf 'web: {1: ["%s"], 2: ["%s"]}\n' "${ADDRESS[one]}" "${ADDRESS[two]}" >"$B"; }
hang_up() {
	mark kvwatch
	send_signal HUP kvwatch
	within 'it looks again' 10 log_has kvwatch 'settings and templates reloaded'
}
# What it decided is on disk once a change that came after it is.
both_serve() { serves www-dev.example.com '^web 1 ' && serves www-prod.example.com '^web 2 '; }
recorded() { grep -q "\"environments\": $1," "$T/state/applied.json"; }

start_app one web 1
start_app two web 2
write_settings dnsmasq.hosts= dnsmasq.reload=
write_environment dev web=1@/
write_environment prod web=2@/
good_backends
start_tool kvwatch --environments "$E" --backends "$B"
start_haproxy
within 'both environments are served' 20 both_serve
within 'and that is recorded' 10 recorded 2

note 'SIGHUP'
printf 'name: dev [broken\n' >"$E/dev.yaml"
within 'a file breaks' 10 log_has kvwatch 'set aside: file dev.yaml'
hang_up
write_environment third web=1@/
within 'a later change is applied' 10 serves www-third.example.com '^web 1 '
ok 'what has broken keeps its last good state' both_serve
rm "$E/third.yaml"
write_environment dev web=1@/
within 'a file that goes takes its environment along' 10 says '^503$' \
	fetch_status www-third.example.com "$HTTP/"

printf 'web: {1: [nowhere]}\n' >"$B"
within 'the backends file breaks' 10 log_has kvwatch 'set aside: backends file'
hang_up
write_environment third web=1@/
within 'a later change is applied' 10 serves www-third.example.com '^web 1 '
ok 'the instances stay' both_serve
rm "$E/third.yaml"
good_backends
within 'the file is good again' 10 log_has kvwatch 'no longer set aside.*backends file'
within 'and the third is gone' 10 says '^503$' fetch_status www-third.example.com "$HTTP/"

mv "$E" "$T/aside"
mkdir "$E"
within 'the directory is replaced by an empty one' 10 log_has kvwatch 'no environment file is left'
hang_up
printf 'web: {1: ["%s"], 2: ["%s", "127.0.0.9:19"]}\n' "${ADDRESS[one]}" "${ADDRESS[two]}" >"$B"
within 'a later change is applied' 10 says '127.0.0.9:19' cat "$T/haproxy/haproxy.cfg"
ok 'nothing was deleted' both_serve
rmdir "$E"
mv "$T/aside" "$E"
good_backends
within 'files are back' 10 log_has kvwatch 'no longer set aside.*directory'

ports 1
write_settings dnsmasq.hosts= dnsmasq.reload= "haproxy.stats_bind=\"127.0.0.1:${PORTS[0]}\""
hang_up
within 'other settings are heeded' 20 says "bind 127.0.0.1:${PORTS[0]}" cat "$T/haproxy/haproxy.cfg"
ok 'and both are served' both_serve

note 'a start'
cp "$T/haproxy/haproxy.cfg" "$T/out/good.cfg"
cp -r "$T/haproxy/maps" "$T/out/good.maps"
untouched() { cmp "$T/out/good.cfg" "$T/haproxy/haproxy.cfg" && diff -r "$T/out/good.maps" "$T/haproxy/maps"; }
once() { run_tool kvwatch --once --environments "$E" --backends "$B" "$@"; }

stop kvwatch
printf 'web: {1: [nowhere]}\n' >"$B"
once
is "$STATUS" 65 'once, with a bad backends file'
mark kvwatch
start_again kvwatch
within 'for ever: what is on disk stays in force' 10 \
	log_has kvwatch 'source is broken: what is on disk stays in force.*backends.yaml.*line 1, column'
write_environment third web=1@/
ok 'also after a change' not wait_for 1 not untouched
good_backends
within 'until it is good' 10 serves www-third.example.com '^web 1 '
ok 'then all is served' both_serve
within 'and recorded' 10 recorded 3
rm "$E/third.yaml"
within 'and what is gone, gone' 10 recorded 2
is_in_no_map() { ! grep -rq third "$T/haproxy/maps"; }
within '  also from the files' 10 is_in_no_map
cp "$T/haproxy/haproxy.cfg" "$T/out/good.cfg"
rm -r "$T/out/good.maps" && cp -r "$T/haproxy/maps" "$T/out/good.maps"

stop kvwatch
mv "$E" "$T/aside"
run_tool kvwatch --once --environments "$E" --backends "$B"
is "$STATUS" 66 'once, with no directory'
mkdir "$E"
once
is "$STATUS" 65 'once, with an empty directory where there were environments'
like "$ERR" 'held back.*2 of 2 environments would go' 'which is said'
mark kvwatch
start_again kvwatch
within 'for ever: it is held back' 10 log_has kvwatch 'error kvwatch: held back.*2 of 2'
printf 'name: dev [broken\n' >"$E/dev.yaml"
within 'also with files of which none is good' 10 log_has kvwatch 'set aside: file dev.yaml'
ok 'what is on disk stays' untouched
ok 'and is served' both_serve
mv "$T/aside"/*.yaml "$E/"
within 'until environments are there' 10 log_has kvwatch 'no longer held back'
write_environment third web=1@/
within 'later changes are applied' 10 serves www-third.example.com '^web 1 '
ok 'with all others' both_serve

stop kvwatch
rm "$E"/*.yaml
once --max-removal 100%
is "$STATUS" 0 'unless all may go'
within 'then nothing is there any more' 10 says '^503$' fetch_status www-dev.example.com "$HTTP/"

done_testing
