# shellcheck shell=bash
# shellcheck disable=SC2034 # variables are for those who source this
# Starts and stops real servers and Mayfly's tools, for stories and the demo: all on loopback, all in
# one temporary folder ($T), each with its log, stopped by their own process ids whatever happens.
# Knows nothing of TAP; lib.sh adds that.
#
#	start_etcd; write_settings; start_tool kvwatch; start_haproxy; wait_for 5 COMMAND...
#
# BUILD=DIR (or MAYFLY_BIN=DIR/bin) says which programs; VALGRIND=1 runs the tools under valgrind;
# ROLES=1 has etcd ask for users.

set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
MAYFLY_BIN=$(realpath -m "${MAYFLY_BIN:-$TOP/${BUILD:-build}/bin}")
[[ ${BUILD:-} != /* ]] || MAYFLY_BIN=$BUILD/bin
TEST_BIN=$(dirname "$MAYFLY_BIN")/tests/tools

# Nothing of the caller's may reach the tools.
for variable in "${!MAYFLY_@}" "${!ETCD_@}" "${!ETCDCTL_@}" "${!HAPROXY_@}" NOTIFY_SOCKET DOCKER_HOST; do
	[[ $variable == MAYFLY_BIN ]] || unset "$variable"
done
unset variable http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export LC_ALL=C.UTF-8 ETCDCTL_API=3

T=$(mktemp -d "${TMPDIR:-/tmp}/mayfly.XXXXXX") || exit 1
chmod 755 "$T"
mkdir "$T"/{log,cmd,out,state,run,haproxy,dns,environments,valgrind,sanitizer}
chmod 1777 "$T"/{valgrind,sanitizer} # a story may run a tool as somebody else
export MAYFLY_CONFIG=$T/mayfly.yaml
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$T/sanitizer/report:detect_leaks=1
export UBSAN_OPTIONS=print_stacktrace=1:log_path=$T/sanitizer/report

# Deadlines are for a machine that is not slowed down; this stretches them.
SLOW=${SLOW:-1}
[[ -z ${VALGRIND:-} ]] || SLOW=$((SLOW * 10))

# A program that does nothing until it is stopped, and nothing waits for its end.
IDLE=(tail -f /dev/null)

declare -A PID=() SESSIONS=() MARK=() ADDRESS=()
STATUS=0

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# --- waiting -----------------------------------------------------------------------------------

# wait_for SECONDS COMMAND...: try until it succeeds; 1 when it did not in time.
wait_for() {
	local limit=$(($1 * 1000000 * SLOW)) start=${EPOCHREALTIME/./}

	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} - start < limit)) || return 1
		sleep 0.05
	done
}

not() { ! "$@"; }

# --- processes ---------------------------------------------------------------------------------

# Each program gets a session of its own: what it starts can be found by that, and Ctrl-C in a
# terminal reaches only us.  A shell's background jobs ignore SIGINT; env puts that right.
start() { # NAME COMMAND...
	local name=$1

	shift
	[[ -z ${PID[$name]:-} ]] || die "start $name: is running already"
	printf '%s\0' "$@" >"$T/cmd/$name"
	setsid -- env --default-signal=INT,QUIT,PIPE -- "$@" </dev/null >>"$T/log/$name" 2>&1 &
	PID[$name]=$!
	SESSIONS[$!]=$name
	# Until setsid has run it is a copy of this shell, and no signal may reach it.
	until [[ $(session_of $!) != "$(session_of $$)" ]]; do :; done
}

session_of() { # PID
	local line fields

	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	read -r -a fields <<<"${line##*) }"
	printf '%s\n' "${fields[3]}"
}

# The same command once more, ports and folders included.
start_again() { # NAME
	local argv

	mapfile -d '' -t argv <"$T/cmd/$1"
	start "$1" "${argv[@]}"
}

is_alive() { kill -0 "$1" 2>/dev/null; }
is_running() { [[ -n ${PID[$1]:-} ]] && is_alive "${PID[$1]}"; } # NAME

send_signal() { kill -s "$1" "${PID[$2]}"; } # SIGNAL NAME

# Wait for a process to end by itself; its exit status is in STATUS.
wait_exit() { # NAME [SECONDS]
	local pid=${PID[$1]:-}

	STATUS=127
	[[ -n $pid ]] || return 1
	{
		wait_for "${2:-10}" not is_alive "$pid" || return 1
		wait "$pid"
		STATUS=$?
	} 2>/dev/null
	unset "PID[$1]"
	has_session "$pid" || unset "SESSIONS[$pid]"
}

# Stop a process and wait; 1 when it had to be killed.  Its exit status is in STATUS.
stop() { # NAME [SIGNAL]
	local pid=${PID[$1]:-}

	[[ -n $pid ]] || return 1
	kill -s "${2:-TERM}" "$pid" 2>/dev/null
	wait_exit "$1" 10 && return 0
	kill -KILL "$pid" 2>/dev/null
	wait_exit "$1" 10
	return 1
}

# Processes whose session leader is that one.
session_pids() { # PID...
	local stat line fields wanted=" $* "

	for stat in /proc/[0-9]*/stat; do
		{ read -r line <"$stat"; } 2>/dev/null || continue
		read -r -a fields <<<"${line##*) }"
		[[ $wanted != *" ${fields[3]} "* || ${fields[0]} == Z ]] || printf '%s\n' "${line%% *}"
	done
}
has_session() { [[ -n $(session_pids "$1") ]]; }
all_gone() { [[ -z $(session_pids "$@") ]]; }

is_stopped() { # PID
	local line

	{ read -r line <"/proc/$1/stat"; } 2>/dev/null && [[ ${line##*) } == T* ]]
}

# Who is stopped must go on to hear that it shall end, and nobody else: SIGCONT undoes the stop in
# which the leak checker looks at a process that ends, and both would wait for ever.
stop_sessions() { # PID...
	local signal pid pids stopped

	for signal in TERM KILL; do
		mapfile -t pids < <(session_pids "$@")
		((${#pids[@]} > 0)) || return 0
		stopped=()
		for pid in "${pids[@]}"; do
			! is_stopped "$pid" || stopped+=("$pid")
		done
		kill -s "$signal" "${pids[@]}" 2>/dev/null
		((${#stopped[@]} == 0)) || kill -s CONT "${stopped[@]}" 2>/dev/null
		wait_for 8 all_gone "$@" && return 0
	done
}

# Replaced by who has more to stop than processes.
stop_first() { :; }

# etcd last, so that everybody can take leave of it.  What crashed, or had to be killed, or what
# valgrind complained of is in UNCLEAN.
UNCLEAN=''
stop_everything() {
	local pid name status others=()

	((${#SESSIONS[@]} > 0)) || return 0
	stop_first
	for pid in "${!SESSIONS[@]}"; do
		[[ ${SESSIONS[$pid]} == etcd* ]] || others+=("$pid")
	done
	((${#others[@]} == 0)) || stop_sessions "${others[@]}"
	stop_sessions "${!SESSIONS[@]}"
	for name in "${!PID[@]}"; do
		wait "${PID[$name]}" 2>/dev/null
		status=$?
		case $status in
		99 | 13[0-79]) UNCLEAN+="$name ended with $status"$'\n' ;;
		esac
	done
	SESSIONS=()
	PID=()
}

# Replaced by lib.sh and the demo; gets the exit status, and says whether to remove $T.
on_exit() { return 0; }

leave() {
	local status=$?

	trap - EXIT
	trap '' INT TERM HUP
	stop_everything
	if on_exit "$status"; then
		cd / && rm -rf "$T"
	fi
	exit "${EXIT_STATUS:-$status}"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# --- logs --------------------------------------------------------------------------------------

# Forget what is in the log so far: log_has looks behind this place.
mark() { MARK[$1]=$(wc -l <"$T/log/$1"); } # NAME

log_has() { # NAME REGEX
	tail -n "+$((${MARK[$1]:-0} + 1))" "$T/log/$1" 2>/dev/null | grep -qE -- "$2"
}

# --- ports and settings ------------------------------------------------------------------------

# ports N: reserve that many free ports; they are in PORTS.
ports() {
	mapfile -t PORTS < <("$TEST_BIN/freeport" $$ "$1")
	((${#PORTS[@]} == $1)) || die "no free ports: is $TEST_BIN/freeport there?"
}

use_ports() {
	[[ -z ${HTTP_PORT:-} ]] || return 0
	ports 5
	HTTP_PORT=${PORTS[0]} INTERNAL_PORT=${PORTS[1]} LOCAL_PORT=${PORTS[2]} STATS_PORT=${PORTS[3]}
	DNS_PORT=${PORTS[4]}
	HTTP=http://127.0.0.1:$HTTP_PORT INTERNAL=http://127.0.0.1:$INTERNAL_PORT
	LOCAL=http://127.0.0.1:$LOCAL_PORT STATS=http://127.0.0.1:$STATS_PORT
}

# write_settings [KEY=YAML...]: the settings file, everything in $T.  `haproxy.bind=["*:80"]`
# replaces a value, `haproxy.bind=` leaves it out.
write_settings() {
	local -A value=() sections=()
	local key section item endpoints

	use_ports
	printf -v endpoints '"%s", ' "${ETCD_URLS[@]:-http://127.0.0.1:9}"
	value=(
		[node]=test [state_dir]=$T/state
		[etcd.endpoints]="[${endpoints%, }]"
		[haproxy.config]=$T/haproxy/haproxy.cfg
		[haproxy.admin_socket]=$T/run/admin.sock
		[haproxy.master_socket]=$T/run/master.sock
		[haproxy.bind]="[\"127.0.0.1:$HTTP_PORT\"]"
		[haproxy.internal_bind]="[\"127.0.0.1:$INTERNAL_PORT\"]"
		[haproxy.local_bind]="[\"127.0.0.1:$LOCAL_PORT\"]"
		[haproxy.stats_bind]="\"127.0.0.1:$STATS_PORT\""
		[dnsmasq.hosts]=$T/dns/hosts
		[dnsmasq.reload]=pidfile:$T/run/dnsmasq.pid
	)
	for item in "$@"; do
		value[${item%%=*}]=${item#*=}
	done
	for key in "${!value[@]}"; do
		[[ -n ${value[$key]} ]] || continue
		if [[ $key == *.* ]]; then
			section=${key%%.*}
			sections[$section]+="  ${key#*.}: ${value[$key]}"$'\n'
		else
			printf '%s: %s\n' "$key" "${value[$key]}"
		fi
	done >"$T/mayfly.yaml.new"
	for section in "${!sections[@]}"; do
		printf '%s:\n%s' "$section" "${sections[$section]}"
	done >>"$T/mayfly.yaml.new"
	mv "$T/mayfly.yaml.new" "$T/mayfly.yaml"
}

# --- etcd --------------------------------------------------------------------------------------

# With ROLES=1 etcd asks for users: each tool has the one that mayfly-security(7) gives it, by the very
# lines of that page, and etcdctl is root.
demand_users() {
	local user

	[[ -n ${ROLES:-} ]] || return 0
	mkdir "$T/users"
	for user in kvwatch envwatch svcregister team-a developer reader operator root; do
		printf 'pw-%s' "$user" >"$T/users/$user.password"
	done
	grep '^etcdctl ' "$TOP/man/mayfly-security.7" >"$T/users/lines"
	(cd "$T/users" && bash -e lines) >"$T/log/users" 2>&1 || die "users: $(tail -n 3 "$T/log/users")"
	export ETCDCTL_USER=root ETCDCTL_PASSWORD=pw-root
}

# The words before a tool's path that give it its user, in USER_OF_TOOL.
give_user() { # TOOL
	local user=$1

	USER_OF_TOOL=()
	[[ -n ${ROLES:-} ]] || return 0
	case $1 in
	mayfly) user=operator ;;
	cfgrender) user=reader ;;
	esac
	USER_OF_TOOL=(env "ETCDCTL_USER=$user" "ETCDCTL_PASSWORD=pw-$user")
}

# etcdctl takes a flag beside its variable for a mistake.
etcd_is_ready() { ETCDCTL_ENDPOINTS=$1 etcdctl --command-timeout=1s endpoint health; }

# Passwords are hashed at the lowest cost: each run of a tool with a user logs in.
start_etcd_member() { # NAME CLIENT-PORT PEER-PORT CLUSTER
	start "$1" etcd --name "$1" --data-dir "$T/data-$1" --logger zap --log-outputs stderr \
		--log-level warn --bcrypt-cost 4 --initial-cluster "$4" --initial-cluster-token "${T##*.}" \
		--listen-client-urls "http://127.0.0.1:$2" \
		--advertise-client-urls "http://127.0.0.1:$2" \
		--listen-peer-urls "http://127.0.0.1:$3" \
		--initial-advertise-peer-urls "http://127.0.0.1:$3"
}

# One member; ETCD_URLS holds its address, and etcdctl finds it.
start_etcd() {
	ports 2
	ETCD_URLS=("http://127.0.0.1:${PORTS[0]}")
	export ETCDCTL_ENDPOINTS=${ETCD_URLS[0]}
	start_etcd_member etcd "${PORTS[0]}" "${PORTS[1]}" "etcd=http://127.0.0.1:${PORTS[1]}"
	wait_for 20 etcd_is_ready "${ETCD_URLS[0]}" || die 'etcd does not come up'
	demand_users
}

# N members etcd1, etcd2, ...; ETCD_URLS holds their addresses in that order.
start_etcd_cluster() { # [N]
	local n=${1:-3} cluster='' i

	ports $((2 * n))
	ETCD_URLS=()
	for ((i = 0; i < n; i++)); do
		ETCD_URLS+=("http://127.0.0.1:${PORTS[2 * i]}")
		cluster+=${cluster:+,}etcd$((i + 1))=http://127.0.0.1:${PORTS[2 * i + 1]}
	done
	for ((i = 0; i < n; i++)); do
		start_etcd_member "etcd$((i + 1))" "${PORTS[2 * i]}" "${PORTS[2 * i + 1]}" "$cluster"
	done
	for i in "${ETCD_URLS[@]}"; do
		wait_for 20 etcd_is_ready "$i" || die "etcd at $i does not come up"
	done
	ETCDCTL_ENDPOINTS=$(IFS=,; printf '%s' "${ETCD_URLS[*]}")
	export ETCDCTL_ENDPOINTS
}

# Keys without the prefix; etcd_get prints the value alone.
etcd_put() { etcdctl put -- "/mayfly/$1" "$2" >/dev/null; }
etcd_get() { etcdctl get --print-value-only -- "/mayfly/$1"; }
etcd_del() { etcdctl del -- "/mayfly/$1" >/dev/null; }
etcd_keys() { etcdctl get --prefix --keys-only -- "/mayfly/$1" | grep .; }
etcd_revision() { etcdctl get -w json x | sed -n 's/.*"revision":\([0-9]*\).*/\1/p'; }
# The calls that etcd has had, of that kind or of all but Range, which etcdctl's are.
etcd_calls() { # [METHOD]
	curl -s --max-time 10 "${ETCD_URLS[0]}/metrics" |
		awk -v method="\"${1:-[A-Z][A-Za-z]*}\"" '
			/^grpc_server_started_total/ && !/"Range"/ && $0 ~ "grpc_method=" method {
				sum += $2
			}
			END { print sum + 0 }'
}
etcd_has() { [[ -n $(etcd_get "$1") ]]; }

# --- HAProxy and dnsmasq -----------------------------------------------------------------------

haproxy_cmd() { printf '%s\n' "$1" | socat -t 5 - "UNIX-CONNECT:$T/run/admin.sock"; }
haproxy_master() { printf '%s\n' "$1" | socat -t 5 - "UNIX-CONNECT:$T/run/master.sock"; }
haproxy_is_ready() { haproxy_cmd 'show info' | grep -q '^Pid:'; }

# The worker's process id: another one after a reload.
haproxy_worker() { haproxy_cmd 'show info' | sed -n 's/^Pid: //p'; }

# Whether HAProxy runs the structure that is on disk.
is_loaded() {
	haproxy_cmd 'show info' |
		grep -qiF "$(sed -n 's/^ *\(description mayfly-.*\)/\1/p' "$T/haproxy/haproxy.cfg" | sed 's/ /: /')"
}

# As kvwatch has written it.
start_haproxy() {
	wait_for 10 test -s "$T/haproxy/haproxy.cfg" || die 'no haproxy.cfg was written'
	start haproxy haproxy -W -S "$T/run/master.sock" -f "$T/haproxy/haproxy.cfg"
	wait_for 10 haproxy_is_ready || die 'HAProxy does not come up'
}

# dns NAME: its addresses, one a line.
dns() { dig +short +tries=2 +time=2 -p "$DNS_PORT" @127.0.0.1 "$1" A; }
dnsmasq_is_ready() { dig +tries=1 +time=1 -p "$DNS_PORT" @127.0.0.1 version.bind CH TXT; }

# Reads $T/dns/hosts, or every file in $T/dns by its own inotify with `start_dnsmasq hostsdir`.
start_dnsmasq() {
	local names=--addn-hosts=$T/dns/hosts

	use_ports
	[[ ${1:-} != hostsdir ]] || names=--hostsdir=$T/dns
	start dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --log-facility=- \
		--pid-file="$T/run/dnsmasq.pid" --user="$(id -un)" --port="$DNS_PORT" \
		--listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts --no-poll \
		--local=/service/ "$names"
	wait_for 10 dnsmasq_is_ready || die 'dnsmasq does not come up'
}

# --- services and tools ------------------------------------------------------------------------

# An instance of the test service; ADDRESS[NAME] is where it listens.
start_app() { # NAME SERVICE VERSION [OPTION...]
	local name=$1 service=$2 version=$3

	shift 3
	: >"$T/log/$name"
	start "$name" "$TEST_BIN/app" --listen 127.0.0.1:0 --service "$service" --version "$version" "$@"
	wait_for 10 log_has "$name" '^listening' || die "$name does not come up"
	ADDRESS[$name]=$(sed -n 's/^listening //p' "$T/log/$name" | tail -n 1)
}

# The words before a tool's path that run it under valgrind, if asked for, in WRAP.
wrap() { # NAME
	WRAP=()
	[[ -z ${VALGRIND:-} ]] ||
		WRAP=(valgrind --quiet --error-exitcode=99 --leak-check=full --trace-children=no
			"--log-file=$T/valgrind/$1.%p")
}

start_tool_as() { # NAME TOOL ARG...
	local name=$1 tool=$2

	shift 2
	wrap "$name"
	give_user "$tool"
	start "$name" "${USER_OF_TOOL[@]}" "${WRAP[@]}" "$MAYFLY_BIN/$tool" "$@"
}
start_tool() { start_tool_as "$1" "$@"; } # TOOL ARG...

# Run a tool to its end: OUT, ERR and STATUS.  A deadline, so that nothing hangs.
run_tool() { # TOOL ARG...
	local tool=$1

	shift
	wrap "$tool"
	give_user "$tool"
	timeout $((60 * SLOW)) "${USER_OF_TOOL[@]}" "${WRAP[@]}" "$MAYFLY_BIN/$tool" "$@" \
		>"$T/out/stdout" 2>"$T/out/stderr" </dev/null
	STATUS=$?
	OUT=$(<"$T/out/stdout")
	ERR=$(<"$T/out/stderr")
	return "$STATUS"
}

# A load in the background until stop_load; the result's last line is in LOAD, and `load_says KEY`
# prints one of its numbers.
start_load() { # OPTION...
	: >"$T/log/load"
	start load "$TEST_BIN/load" --duration 10m "$@"
	wait_for 10 log_has load '^started' || die 'the load gets no answer'
}
stop_load() {
	stop load
	LOAD=$(tail -n 1 "$T/log/load")
}
load_says() { sed -n "s/.*\\b$1=\\([0-9.]*\\).*/\\1/p" <<<"$LOAD"; }

# fetch HOST URL [CURL-OPTION...]: the body, and the status in a last line of its own; 000, and curl's
# exit status, when there was no answer.
fetch() {
	local host=$1 url=$2

	shift 2
	curl -s --max-time $((10 * SLOW)) -w '\n%{http_code}\n' -H "Host: $host" "$@" "$url" |
		sed '/^$/d'
	return "${PIPESTATUS[0]}"
}
fetch_status() { fetch "$@" | tail -n 1; }
says() { # REGEX COMMAND...: whether the command's output matches
	local regex=$1

	shift
	"$@" 2>&1 | grep -qE -- "$regex"
}

# --- the whole system --------------------------------------------------------------------------

# An instance of the test service, announced by svcregister: NAME and register-NAME.
start_instance() { # NAME SERVICE VERSION [APP-OPTION...]
	start_app "$@"
	start_tool_as "register-$1" svcregister register "$2" "$3" "${ADDRESS[$1]}" --ttl 2s
}

# etcd, kvwatch, envwatch, HAProxy and dnsmasq on the settings that are given to write_settings.
start_mayfly() { # [KEY=YAML...]
	start_etcd
	write_settings "$@"
	start_tool envwatch "$T/environments"
	start_tool kvwatch
	start_haproxy
	wait_for 10 test -e "$T/dns/hosts" || die 'no hosts file was written'
	start_dnsmasq
}

# write_environment NAME SERVICE=VERSION[@ROUTE]...: its file, saved as an editor does
write_environment() {
	local name=$1 choice route

	shift
	{
		printf 'name: %s\nservices:\n' "$name"
		for choice in "$@"; do
			route=
			[[ $choice != *@* ]] || route=${choice#*@}
			choice=${choice%@*}
			printf '  - name: %s\n    version: %s\n' "${choice%=*}" "${choice#*=}"
			[[ -z $route ]] || printf '    route: %s\n' "$route"
		done
	} >"$T/environments/.$name.new"
	mv "$T/environments/.$name.new" "$T/environments/$name.yaml"
}

# serves HOST REGEX: whether that host's front page matches
serves() { says "$2" fetch "$1" "$HTTP/"; }

# --- one truth ---------------------------------------------------------------------------------

# Whether it makes the backend of a new version without a reload: 3.4 and later.
haproxy_adds_backends() {
	local version

	IFS=.- read -r -a version < <(haproxy_cmd 'show info' | sed -n 's/^Version: //p')
	((version[0] > 3 || (version[0] == 3 && version[1] >= 4)))
}

# How often HAProxy was told to reload.
haproxy_reloads() { # a master has no answer while it reloads
	local count

	for _ in {1..100}; do
		count=$(haproxy_master 'show proc; quit' | awk '$2 == "master" { print $3 }')
		[[ -z $count ]] || break
		sleep 0.05
	done
	echo "$count"
}

# Whether kvwatch's files are what cfgrender would write.
files_are_rendered() {
	rm -rf "$T/rendered"
	"$MAYFLY_BIN/cfgrender" --output-dir "$T/rendered" || return
	diff "$T/rendered/haproxy.cfg" "$T/haproxy/haproxy.cfg" &&
		diff -r "$T/rendered/maps" "$T/haproxy/maps" || return
	[[ ! -e $T/dns/hosts ]] || diff "$T/rendered/hosts" "$T/dns/hosts"
}

# Whether each of HAProxy's maps holds what its file says, but for choices, routes and versions of an
# environment's earlier generations, which nobody reads any more, and for what stands in reserve.
maps_are_files() {
	local file map

	for file in "$T"/haproxy/maps/*.map; do
		map=${file##*/}
		haproxy_cmd "show map maps/$map" | sed '/^$/d; s/^[^ ]* //' | sort >"$T/out/$map.runs"
		case $map in
		choices.map | routes.map | versions.map)
			cut -d' ' -f2 "$T/haproxy/maps/environments.map" >"$T/out/generations"
			awk 'NR == FNR { live[$1]; next } { split($1, part, "/") } part[1] in live' \
				"$T/out/generations" "$T/out/$map.runs" >"$T/out/$map.live"
			;;
		spares.map) : >"$T/out/$map.live" ;; # servers_are_files looks into it
		*) cp "$T/out/$map.runs" "$T/out/$map.live" ;;
		esac
		sort "$file" | diff - "$T/out/$map.live" || return
	done
}

# HAProxy's statistics, where what stands in reserve has its version's name.
haproxy_stat() {
	haproxy_cmd 'show map maps/spares.map' >"$T/out/spares.stat"
	haproxy_cmd 'show stat' | awk -F'[ ,]' 'is_map { stands_in[$3] = $2; next }
		$1 in stands_in { sub(/^[^,]*/, stands_in[$1]) } { print }' is_map=1 "$T/out/spares.stat" is_map= -
}

# Whether HAProxy has the servers that its file names, with their weights and states; those of a
# version that stands in reserve are there.
servers_are_files() {
	haproxy_cmd 'show map maps/spares.map' >"$T/out/spares.runs"
	awk '$1 == "backend" { backend = $2 }
		$1 == "server" && $3 !~ /^abns@/ { print backend, $3, $5, $NF == "disabled" ? "maint" : "up" }' \
		"$T/haproxy/haproxy.cfg" | sort >"$T/out/servers.file"
	haproxy_cmd 'show servers state' |
		awk 'is_map { stands_in[$3] = $2; next }
			NF > 18 && $1 != "#" && $2 != "door-answer" { print ($2 in stands_in ? stands_in[$2] : $2), ($18 == "-" ? $5 : $18) ":" $19, $8, int($7 / 1) % 8 ? "maint" : "up" }' \
			is_map=1 "$T/out/spares.runs" is_map= - |
		sort >"$T/out/servers.runs"
	diff "$T/out/servers.file" "$T/out/servers.runs"
}

all_is_one() { files_are_rendered && maps_are_files && servers_are_files; }
