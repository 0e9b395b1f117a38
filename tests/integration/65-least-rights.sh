#!/bin/bash
# Nobody has more rights than needed: HAProxy's worker gives up root's, kvwatch does without, and what
# stood in haproxy.cfg before is kept.
. "$(dirname "$0")/lib.sh"

need haproxy curl socat setpriv
((EUID == 0)) || skip_all 'only root can start HAProxy with rights to give up'
getent passwd haproxy >"$T/out/user" || skip_all 'no user haproxy'
[[ -d /var/lib/haproxy ]] || skip_all 'no directory /var/lib/haproxy'

worker() { pgrep -P "${PID[haproxy]}" -n; }
worker_user() { stat -c %U "/proc/$(worker)"; }
worker_root() { readlink "/proc/$(worker)/root"; }
files=(--environments "$T/environments" --backends "$T/backends.yaml")

start_app one web 1
start_app two web 2
write_environment prod web=1@/
printf 'web: {1: ["%s"]}\n' "${ADDRESS[one]}" >"$T/backends.yaml"
write_settings
mkdir -p "$T/haproxy"
printf 'global\n    # our own work\n' >"$T/haproxy/haproxy.cfg"
chmod 640 "$T/haproxy/haproxy.cfg"
start_tool kvwatch "${files[@]}"
within 'the configuration is written' 10 grep -q 'description mayfly-' "$T/haproxy/haproxy.cfg"
is "$(sed -n 2p "$T/haproxy/haproxy.cfg.before-mayfly")" '    # our own work' \
	'what was there before is kept'
is "$(stat -c %a "$T/haproxy/haproxy.cfg.before-mayfly")" 640 'for nobody else'
ok 'and that is said' log_has kvwatch 'before Mayfly is kept.*haproxy.cfg.before-mayfly'

start_haproxy
within 'the environment is served' 10 serves www-prod.example.com '^web 1 '
is "$(worker_user)" haproxy "by a worker that has the distribution's user"
is "$(worker_root)" /var/lib/haproxy 'and sees nothing of the file system'
is "$(awk '/^CapEff/ { print $2 }' "/proc/$(worker)/status")" 0000000000000000 'without a capability'
printf 'web: {1: ["%s"], 2: ["%s"]}\n' "${ADDRESS[one]}" "${ADDRESS[two]}" >"$T/backends.yaml"
write_environment prod web=2@/
write_settings haproxy.max_old_workers=7
mark kvwatch
send_signal HUP kvwatch
within 'a new version is served' 10 serves www-prod.example.com '^web 2 '
within 'after a reload' 10 log_has kvwatch 'applied.*by=reload'
is "$(worker_user)" haproxy 'by such a worker, too'
is "$(sed -n 2p "$T/haproxy/haproxy.cfg.before-mayfly")" '    # our own work' \
	'what was kept first stays'

# As the unit has it: a user who owns nothing, in a group that the directory and the sockets are for.
stop kvwatch
stop haproxy
write_settings haproxy.socket_group=haproxy 'haproxy.chroot=""'
chmod 755 "$T"
rm -rf "$T/state"
install -d -o nobody "$T/state"
chgrp -R haproxy "$T/haproxy"
chmod 2775 "$T/haproxy" "$T/haproxy/maps"
start kvwatch setpriv --reuid nobody --regid haproxy --clear-groups --inh-caps -all \
	"$MAYFLY_BIN/kvwatch" "${files[@]}"
within 'kvwatch without any right writes the configuration' 10 \
	grep -q 'group haproxy level admin' "$T/haproxy/haproxy.cfg"
start haproxy haproxy -W -S "$T/run/master.sock,mode,660,group,haproxy" -f "$T/haproxy/haproxy.cfg"
within 'the environment is served' 10 serves www-prod.example.com '^web 2 '
is "$(stat -c '%G %a' "$T/run/admin.sock")" 'haproxy 660' 'its socket is for a group of its own'
is "$(worker_root)" / 'no directory was asked for'
write_environment prod web=1@/
within 'a change is applied' 10 serves www-prod.example.com '^web 1 '
write_settings haproxy.socket_group=haproxy 'haproxy.user=""'
mark kvwatch
send_signal HUP kvwatch
within 'so is one that needs a reload' 10 log_has kvwatch 'applied.*by=reload'
is "$(worker_user) $(worker_root)" 'root /' 'the rights stay when the settings say so'

done_testing
