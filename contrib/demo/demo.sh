#!/bin/bash
# Mayfly at work, in a minute: real etcd, HAProxy and dnsmasq, and a few small services, all on
# loopback and in a temporary folder.  Each step looks at what it shows, and the demo fails if
# anything is not as it should be.  STEP=1 waits for Enter before each step.
#
# shellcheck source=tests/integration/servers.sh
. "$(dirname "$0")/../../tests/integration/servers.sh"

bold='' dim='' good='' bad='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
	bold=$'\e[1m' dim=$'\e[2m' good=$'\e[32m' bad=$'\e[31m' plain=$'\e[0m'
fi
STEPS=0 WRONG=0 FINISHED=

# --- how it talks ------------------------------------------------------------------------------

step() { # TITLE, WORDS...
	if [[ ${STEP:-} == 1 && -t 0 ]]; then
		read -r -p $'\n'"${dim}Enter goes on${plain} " _ || exit 130
	fi
	printf '\n%s%d. %s%s\n' "$bold" $((++STEPS)) "$1" "$plain"
	shift
	printf '   %s\n' "$@"
}

# What a person would type, and what they would see.
typed() { printf '   %s$ %s%s\n' "$dim" "$*" "$plain"; }
seen() { sed 's/^/     /'; }

right() { printf '   %s✓%s %s\n' "$good" "$plain" "$*"; }
wrong() {
	printf '   %s✗ %s%s\n' "$bad" "$*" "$plain"
	((++WRONG))
}
check() { # WORDS COMMAND...
	local words=$1

	shift
	if "$@" >/dev/null 2>&1; then right "$words"; else wrong "$words"; fi
}

on_exit() { # STATUS
	[[ -n $FINISHED || $1 == 130 ]] && return 0
	printf '\n%sThe demo broke off; what the programs said is in %s/log.%s\n' "$bad" "$T" "$plain"
	return 1
}

since_ms() { printf '%d' $(((${EPOCHREALTIME/./} - $1) / 1000)); } # START

# Ask like a browser, and show the answer.
visit() { # HOST
	typed "curl -H 'Host: $1' $HTTP/"
	fetch "$1" "$HTTP/" -H 'Accept: application/json' >"$T/out/page"
	sed '$d' "$T/out/page" | cut -c 1-400 | seen
}
page_says() { grep -qE -- "$1" "$T/out/page"; }

# Wait for an answer, and say how long it took.
soon() { # HOST REGEX
	local start=${EPOCHREALTIME/./}

	if wait_for 10 serves "$1" "$2"; then
		right "in force after $(since_ms "$start") ms"
	else
		wrong "$1 does not answer as it should within 10 s"
	fi
}

# Show a file and put it into the directory that envwatch watches.
save() { # NAME, text on standard input
	cat >"$T/out/$1"
	typed "cat >environments/$1"
	seen <"$T/out/$1"
	cp "$T/out/$1" "$T/environments/$1"
}

for program in etcd etcdctl haproxy dnsmasq curl socat; do
	command -v "$program" >/dev/null || die "$program is not installed: make deps"
done
[[ -x $MAYFLY_BIN/kvwatch && -x $TEST_BIN/app ]] || die 'not built yet: make demo'

# --- 1 -----------------------------------------------------------------------------------------

printf '%sMayfly%s: many versions of each service run side by side, each once. An environment is only\n' \
	"$bold" "$plain"
printf 'a choice of versions; a host name picks it. HAProxy, dnsmasq and etcd are real, on loopback.\n'

step 'Nothing yet' \
	'etcd, HAProxy and dnsmasq are up; envwatch follows a directory of environment files,' \
	'kvwatch keeps HAProxy and dnsmasq equal to etcd. There is no environment: HAProxy says so.'
start_mayfly "haproxy.local_bind=" "haproxy.stats_bind="
visit www.example.com
check '503: no such environment' page_says '^503$'

# --- 2 -----------------------------------------------------------------------------------------

step 'An environment: prod' \
	'Three small services start, and svcregister announces each in etcd under a lease. The' \
	"frontend finds its backend by dnsmasq's name, backend.service, and passes x-mayfly on." \
	'Then prod is a file: a name, and one version of each service.'
call=(--call "http://backend.service:$INTERNAL_PORT/" --dns "127.0.0.1:$DNS_PORT")
start_instance backend-1 backend 0.0.1
start_instance backend-2 backend 0.0.2
start_instance frontend-1 frontend 0.0.1 "${call[@]}"
wait_for 10 says '^frontend 0.0.1 ' "$MAYFLY_BIN/svcregister" list || wrong 'no instance is registered'
typed 'svcregister list'
"$MAYFLY_BIN/svcregister" list | seen
wait_for 10 says '^127\.0\.0\.1$' dns backend.service || wrong 'dnsmasq does not know backend.service'
save prod.yaml <"$TOP/contrib/examples/environments/prod.yaml"
soon www.example.com '^backend 0.0.1 .* environment prod$'
visit www.example.com
check 'frontend 0.0.1 answers, and its call reached backend 0.0.1' page_says '^backend 0.0.1 .* prod$'

# --- 3 -----------------------------------------------------------------------------------------

step 'A second environment: dev, with another backend' \
	'The same frontend process, but dev names backend 0.0.2. HAProxy marks the request with' \
	'x-mayfly: dev, the frontend passes it on, and the call is routed by it. Nothing was copied.'
save dev.yaml <"$TOP/contrib/examples/environments/dev.yaml"
soon www-dev.example.com '^backend 0.0.2 .* environment dev$'
visit www-dev.example.com
check "dev's call reached backend 0.0.2" page_says '^backend 0.0.2 .* dev$'
check 'prod is as it was' serves www.example.com '^backend 0.0.1 .* environment prod$'

# --- 4 -----------------------------------------------------------------------------------------

step 'An instance is added, and one is killed' \
	'A second frontend 0.0.1 registers and gets its share of the load. Then the first one and' \
	'its registrar die by SIGKILL, so nobody can say goodbye; the lease of 2 s in etcd does.'
start_instance frontend-2 frontend 0.0.1 "${call[@]}"
start=${EPOCHREALTIME/./}
wait_for 10 serves www.example.com "at ${ADDRESS[frontend-2]} " ||
	wrong 'the new instance gets no request'
right "the new one, ${ADDRESS[frontend-2]}, answers after $(since_ms "$start") ms"
typed "kill -KILL ${PID[frontend-1]} ${PID[register-frontend-1]}    # ${ADDRESS[frontend-1]} and its registrar"
start=${EPOCHREALTIME/./}
stop register-frontend-1 KILL
stop frontend-1 KILL
gone() { not says " ${ADDRESS[frontend-1]}$" "$MAYFLY_BIN/svcregister" list frontend; }
wait_for 5 gone || wrong 'it is still in etcd'
right "gone from etcd after $(since_ms "$start") ms"
not_in_haproxy() { not grep -q "${ADDRESS[frontend-1]}" "$T/haproxy/haproxy.cfg"; }
wait_for 5 not_in_haproxy || wrong 'it is still in HAProxy'
typed 'svcregister list frontend'
"$MAYFLY_BIN/svcregister" list frontend | seen
check 'the other one serves' serves www.example.com "at ${ADDRESS[frontend-2]} environment prod"

# --- 5 -----------------------------------------------------------------------------------------

step 'An environment changes under load' \
	'Eight connections ask www.example.com 2000 times a second while prod.yaml switches the' \
	'frontend between 0.0.1 and 0.0.2, twenty times. Every request must get its complete answer.'
start_instance frontend-3 frontend 0.0.2 "${call[@]}"
wait_for 10 says "^frontend 0.0.2 " "$MAYFLY_BIN/svcregister" list || wrong 'no frontend 0.0.2'
frontend_of_prod() { # VERSION: what an editor does when it saves
	sed "/frontend/{n;s/version:.*/version: $1/}" "$T/out/prod.yaml" >"$T/environments/.prod.yaml.new"
	mv "$T/environments/.prod.yaml.new" "$T/environments/prod.yaml"
}
start_load --url "$HTTP/" -H 'Host: www.example.com' --keepalive --retry --connections 8 --rate 2000
for ((i = 1; i <= 20; i++)); do
	wanted=0.0.$((1 + i % 2))
	frontend_of_prod "$wanted"
	wait_for 10 serves www.example.com "^frontend $wanted " || wrong "switch $i did not happen"
done
stop_load
sed -n 's/^ok \([0-9]*\) \(.*\) at .*/\1\t\2/p' "$T/log/load" |
	awk -F '\t' '{n[$2] += $1} END {for (v in n) printf "%8d answers of %s\n", n[v], v}' | sort -k 4 | seen
failed=$(load_says failed)
printf '     %8s requests failed\n' "$failed"
check "20 switches, $(load_says requests) requests, $failed failed" test "$failed" = 0
[[ $failed == 0 ]] || sed -n 's/^failed //p' "$T/log/load" | seen

# --- 6 -----------------------------------------------------------------------------------------

step 'A laptop in the place of a service' \
	'A developer runs backend on a laptop. svcregister starts it on a free port, announces it when' \
	'it answers, and takes backend of dev for as long as it runs; prod goes on as it was.'
typed "svcregister register backend laptop 127.0.0.1:auto --env dev -- sh -c './backend --port \$PORT'"
# shellcheck disable=SC2016 # for the inner shell
start_tool_as laptop svcregister register backend laptop 127.0.0.1:auto --env dev --drain-time 100ms -- \
	sh -c 'exec "$0" --listen "127.0.0.1:$PORT" --service backend --version laptop' "$TEST_BIN/app"
soon www-dev.example.com '^backend laptop .* environment dev$'
visit www-dev.example.com
check "dev's call reached the laptop" page_says '^backend laptop .* dev$'
check 'prod is as it was' serves www.example.com '^backend 0.0.1 .* environment prod$'
typed 'Ctrl-C'
stop laptop INT
soon www-dev.example.com '^backend 0.0.2 .* environment dev$'

# --- 7 -----------------------------------------------------------------------------------------

step 'An environment is deleted' \
	'The file goes, and with it the key in etcd and the routes; no other environment notices.'
typed 'rm environments/dev.yaml'
start=${EPOCHREALTIME/./}
rm "$T/environments/dev.yaml"
dev_is_gone() { [[ $(fetch_status www-dev.example.com "$HTTP/") == 503 ]]; }
wait_for 15 dev_is_gone || wrong 'dev is still there'
visit www-dev.example.com
check "503 again, after $(since_ms "$start") ms" page_says '^503$'
check 'prod is as it was' serves www.example.com '^backend 0.0.1 .* environment prod$'

# --- 8 -----------------------------------------------------------------------------------------

step 'The dry run' \
	'What would a change do? First the truth: etcd, the files and HAProxy say the same. Then a' \
	'directory with one more environment, as CI would check it: no etcd, no root, nothing changed.'
typed 'cfgrender --dry-run'
# What a change takes away stays in the files for a second.
nothing_differs() { run_tool cfgrender --dry-run && [[ $STATUS == 0 ]]; }
wait_for 5 nothing_differs
printf '%s\n' "${OUT:-(no difference)}" | head -n 20 | seen
check 'nothing to change: exit status 0' test "$STATUS" = 0

mkdir "$T/proposed"
cp "$T/environments/prod.yaml" "$T/proposed/"
printf 'name: pr-42\nservices:\n  - name: frontend\n    version: 0.0.2\n    route: /\n  - name: backend\n    version: 0.0.2\n' \
	>"$T/proposed/pr-42.yaml"
"$MAYFLY_BIN/svcregister" list | awk '
	$1 != service {service = $1; version = ""; print service ":"}
	$2 != version {version = $2; print "  " version ":"}
	{print "    - \"" $3 "\""}' >"$T/proposed.backends"
typed 'cfgrender --dry-run --environments proposed --backends backends.yaml'
run_tool cfgrender --dry-run --environments "$T/proposed" --backends "$T/proposed.backends"
printf '%s\n' "$OUT" | sed "s|$T/||g" | cut -c 1-110 | head -n 60 | seen
[[ $STATUS == 2 ]] || printf '%s\n' "$ERR" | seen
check 'it would change: exit status 2' test "$STATUS" = 2
check 'one environment more, and no reload' \
	test "$(grep -cxE 'environment pr-42: new .2 services.|haproxy: by the runtime API, no reload' <<<"$OUT")" = 2
check 'and a unified diff says what' grep -qE '^\+.*pr-42' <<<"$OUT"
check 'and nothing has changed' not serves www-pr-42.example.com '^frontend'

# -----------------------------------------------------------------------------------------------

((WRONG == 0)) || die "$WRONG of the things shown were not as they should be"
stop_everything
FINISHED=1
printf '\n'
printf '%sThat was Mayfly.%s All programs are stopped, nothing is left behind. README.md goes on from here.\n' \
	"$bold" "$plain"
