#!/bin/bash
# What the kernel gives is used up: directories that cannot be watched are read again and again, and a
# file that may not grow is an error with its name.
. "$(dirname "$0")/lib.sh"

need haproxy curl socat unshare
unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_inotify_instances' 2>"$T/out/unshare" ||
	skip_all 'no user namespace with limits of its own'

start_app one web 1
printf 'web: {1: ["%s"]}\n' "${ADDRESS[one]}" >"$T/backends.yaml"
write_settings haproxy.config="$T/haproxy/haproxy.cfg" dnsmasq.hosts= dnsmasq.reload=
files=(--environments "$T/environments" --backends "$T/backends.yaml")

note 'inotify'
write_environment prod web=1@/
# shellcheck disable=SC2016 # for the shell in there
start kvwatch unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$0" "$@"' \
	"$MAYFLY_BIN/kvwatch" "${files[@]}"
start_haproxy
within 'it starts' 10 serves www-prod.example.com '^web 1 '
within 'and says that it cannot watch' 10 log_has kvwatch 'directory not watched.*max_user_instances'
write_environment late web=1@/
within 'a new file is seen' 15 serves www-late.example.com '^web 1 '
rm "$T/environments/late.yaml"
within 'and one that goes' 15 says '^503$' fetch_status www-late.example.com "$HTTP/"
is "$(grep -c 'not watched' "$T/log/kvwatch")" 2 'it says so once a directory'
stop kvwatch

note 'ulimit -f'
mark kvwatch
write_environment other web=1@/
rm -r "$T/haproxy"
# shellcheck disable=SC2016
start kvwatch bash -c 'trap "" PIPE; exec 2> >(cat >&2); ulimit -f 8; exec "$0" "$@"' \
	"$MAYFLY_BIN/kvwatch" "${files[@]}"
within 'a file that may not grow is named' 10 log_has kvwatch 'haproxy.cfg: File too large'
ok 'and does not end kvwatch' is_running kvwatch

done_testing
