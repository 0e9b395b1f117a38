#!/bin/bash
# A file for each service in a directory that dnsmasq watches.
. "$(dirname "$0")/lib.sh"

need dnsmasq dig

services() { # NAME...: those that there are from now on
	local name

	for name in "$@"; do printf '%s: {1: ["127.0.0.1:1"]}\n' "$name"; done >"$T/backends.yaml.new"
	mv "$T/backends.yaml.new" "$T/backends.yaml"
}
is_known() { says '^127\.0\.0\.1$' dns "$1.service"; }
has_files() { [[ $(ls "$T/dns") == $(printf '%s\n' "$@") ]]; }
is_unknown() { [[ -z $(dns "$1.service") ]]; }

write_settings dnsmasq.hosts= dnsmasq.reload= "dnsmasq.hostsdir=$T/dns" 'haproxy.check=["true"]'
write_environment dev web=1@/
services web mail
sources=(--environments "$T/environments" --backends "$T/backends.yaml")
printf '10.1.1.1 other.service\n' >"$T/dns/other"
printf '127.0.0.1 gone.service\n' >"$T/dns/mayfly-gone"
printf '127.0.0.1 killed.service\n' >"$T/dns/.mayfly-killed"
mkdir "$T/dns/mayfly-folder"
start_dnsmasq hostsdir
ok 'an earlier life has left a name' is_known gone

run_tool cfgrender "${sources[@]}" --dry-run
like "$OUT" 'dnsmasq: create hostsdir/mayfly-web \(\+1\)' 'the dry run says which file is new'
like "$OUT" 'dnsmasq: remove hostsdir/mayfly-gone \(-1\)' 'and which one goes'
like "$OUT" $'\\-\\-\\- a/hostsdir/mayfly-gone\n\\+\\+\\+ /dev/null' 'and shows it'
run_tool cfgrender "${sources[@]}" --dry-run --format json
like "$OUT" '\{"kind":"file-remove","file":"hostsdir/mayfly-gone","added":0,"removed":1\}' \
	'also to programs'
mkdir -p "$T/out/hostsdir"
cp "$T/dns/mayfly-gone" "$T/out/hostsdir"
run_tool cfgrender "${sources[@]}" --output-dir "$T/out"
is "$(cat "$T/out/hostsdir/mayfly-web")" '127.0.0.1 web.service' 'cfgrender writes them'
ok 'and removes what is not of them' test ! -e "$T/out/hostsdir/mayfly-gone"

umask 077
start_tool kvwatch "${sources[@]}"
umask 022
within 'a name is answered' 10 is_known web
within 'one that is no more is not' 10 is_unknown gone
is "$(stat -c %a "$T/dns/mayfly-web")" 644 'dnsmasq may read the file, whatever the umask'
is "$(dns other.service)" 10.1.1.1 "somebody else's file stays"
is "$(ls -A "$T/dns")" $'mayfly-folder\nmayfly-mail\nmayfly-web\nother' 'and nothing else is there'

services web shop
within 'a new service is answered' 10 is_known shop
within 'one that has gone is not' 10 is_unknown mail

printf '127.0.0.9 web.service\n' >"$T/dns/mayfly-web"
within 'somebody changes a file' 10 says '^127\.0\.0\.9$' dns web.service
services web shop mail
within 'while another name comes' 10 is_known mail
is "$(dns web.service)" 127.0.0.9 'for which nothing else is touched'
rm "$T/dns/mayfly-shop"
send_signal HUP kvwatch
within 'it is put right' 10 is_known web
within 'and one that was deleted comes back' 10 is_known shop

cat >"$T/check" <<EOF
#!/bin/sh
touch "$T/checking"
while test ! -e "$T/checked"; do sleep 0.05; done
EOF
chmod +x "$T/check"
settings=(dnsmasq.hosts= dnsmasq.reload= "dnsmasq.hostsdir=$T/dns" "haproxy.check=[\"$T/check\"]")
write_settings "${settings[@]}" haproxy.max_old_workers=7
send_signal HUP kvwatch
within 'while the configuration of HAProxy is checked' 10 test -e "$T/checking"
services web shop slow
within 'a new service is answered' 10 is_known slow
services web shop
within 'and one that has gone is not' 10 is_unknown slow
touch "$T/checked"

mark kvwatch
mkdir "$T/dns/mayfly-bad"
services web shop bad late
within 'a file that cannot be written is named' 10 \
	log_has kvwatch "error kvwatch.*$T/dns/mayfly-bad: Is a directory"
within 'and is no harm to another' 10 is_known late
rmdir "$T/dns/mayfly-bad"
within 'it is tried again' 30 is_known bad

write_settings "${settings[@]}" dnsmasq.address=127.0.0.2
send_signal HUP kvwatch
within 'another address is answered for all' 10 says '^127\.0\.0\.2$' dns shop.service

write_settings "${settings[@]}" dnsmasq.environments=true
send_signal HUP kvwatch
within 'names of services by environment' 10 is_known web.dev
is "$(<"$T/dns/mayfly-:env-dev")" '127.0.0.1 web.dev.service' '  are in a file for each'
write_environment pr-1 web=2@/ mail=1
within 'a new environment has its own' 10 is_known mail.pr-1
write_environment pr-1 web=3@/ shop=1
within 'a service that it takes in' 10 is_known shop.pr-1
within '  or that goes' 10 is_unknown mail.pr-1
rm "$T/environments/pr-1.yaml"
within 'and it takes them along' 10 is_unknown web.pr-1
ok '  but no others' is_known web.dev
run_tool cfgrender "${sources[@]}" --output-dir "$T/out"
is "$(<"$T/out/hostsdir/mayfly-:env-dev")" '127.0.0.1 web.dev.service' 'cfgrender writes the same'
write_settings "${settings[@]}" dnsmasq.environments=true "dnsmasq.hosts=$T/one" dnsmasq.hostsdir=
run_tool cfgrender "${sources[@]}" --output-dir "$T/out"
like "$(<"$T/out/hosts")" '^127.0.0.1 web.dev.service$' '  also in one file for all'
write_settings "${settings[@]}"
send_signal HUP kvwatch
within 'without the setting' 10 is_unknown web.dev
ok '  others stay' is_known web

is "$(<"$T/state/dnsmasq")" "hostsdir $T/dns" 'where the names are is noted'
write_settings "${settings[@]}" "dnsmasq.hosts=$T/dns/hosts" dnsmasq.hostsdir=
send_signal HUP kvwatch
within 'with one file for all there is no other' 10 has_files hosts mayfly-folder other
within 'and names are answered' 10 is_known shop
write_settings "${settings[@]}"
send_signal HUP kvwatch
within 'and the other way round the file is empty' 10 cmp -s "$T/dns/hosts" /dev/null
within 'and names are answered' 10 is_known web

# --- its end, while a check goes on
rm "$T/checking" "$T/checked"
write_settings "${settings[@]}" haproxy.max_old_workers=8
send_signal HUP kvwatch
within 'files are checked' 10 test -e "$T/checking"
mark kvwatch
hurry() {
	send_signal TERM kvwatch 2>/dev/null
	! is_running kvwatch
}
within 'a second signal ends it meanwhile' 10 hurry
wait_exit kvwatch
is "$STATUS" 75 'which is not as it should be'
ok 'and says what is not written' log_has kvwatch 'warn kvwatch: stopped before its files were written.*group=haproxy.*no time left'

done_testing
