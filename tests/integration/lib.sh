# shellcheck shell=bash
# TAP for stories: each checks what it claims, ends with done_testing, and shows the logs of what it
# started only if something failed.  The servers come from servers.sh.
#
#	. "$(dirname "$0")/lib.sh"
#	need etcd etcdctl
#	is "$(cat file)" expected 'the file says what is expected'
#	done_testing

# shellcheck source=tests/integration/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

TESTS=0 FAILED=0 DONE=

diag() { printf '%s\n' "$*" | sed 's/^/# /' >&2; }

pass() { printf 'ok %d - %s\n' $((++TESTS)) "$1"; }
fail() { # NAME [WORDS...]
	printf 'not ok %d - %s\n' $((++TESTS)) "$1"
	((++FAILED))
	shift
	(($# == 0)) || diag "$@"
}

# ok NAME COMMAND...
ok() {
	local name=$1 words

	shift
	if words=$("$@" 2>&1); then
		pass "$name"
	else
		fail "$name" "failed: $*"$'\n'"$words"
	fi
}

# within NAME SECONDS COMMAND...: the command succeeds in time
within() {
	local name=$1 seconds=$2

	shift 2
	if wait_for "$seconds" "$@"; then
		pass "$name"
	else
		fail "$name" "not within $seconds s: $*"$'\n'"$("$@" 2>&1)"
	fi
}

is() { # GOT EXPECTED NAME
	if [[ $1 == "$2" ]]; then
		pass "$3"
	else
		fail "$3" "got:      $1"$'\n'"expected: $2"
	fi
}

like() { # GOT REGEX NAME
	if grep -qE -- "$2" <<<"$1"; then
		pass "$3"
	else
		fail "$3" "got:             $1"$'\n'"does not match:  $2"
	fi
}

unlike() { # GOT REGEX NAME
	if grep -qE -- "$2" <<<"$1"; then
		fail "$3" "got:      $1"$'\n'"matches:  $2"
	else
		pass "$3"
	fi
}

# said STATUS OUTPUT NAME WORD...: the command ends with that status, and prints that
said() {
	local status=$1 output=$2 name=$3

	shift 3
	run_tool mayfly "$@"
	is "$STATUS $OUT" "$status $output" "$name"
}

# is_refused STATUS REGEX WORD...: the command fails and says why.  Where the story has a function
# `stored`, what that prints stays the same.
is_refused() {
	local status=$1 regex=$2 before=

	shift 2
	! declare -F stored >/dev/null || before=$(stored)
	run_tool mayfly "$@"
	is "$STATUS" "$status" "mayfly $*"
	like "$ERR" "$regex" '  says why'
	! declare -F stored >/dev/null || is "$(stored)" "$before" '  and writes nothing'
}

note() { printf '# %s\n' "$*"; }

# A test that this machine cannot do, beside others that it can.
skip() { printf 'ok %d # SKIP %s\n' $((++TESTS)) "$*"; }
skip_all() {
	printf '1..0 # SKIP %s\n' "$*"
	DONE=1
	exit 0
}

# A missing program skips the story on a person's machine, and fails it where REQUIRE_ALL=1 is set.
need() { # PROGRAM...
	local program missing=()

	for program in "$@"; do
		command -v "$program" >/dev/null || missing+=("$program")
	done
	((${#missing[@]} > 0)) || return 0
	[[ ${REQUIRE_ALL:-0} == 1 ]] || skip_all "not installed: ${missing[*]}"
	fail "installed: ${missing[*]}"
	done_testing
}

# What valgrind and the sanitizers had to say about anything that ran.  Lines with -- are valgrind's
# own troubles: an old one does not know pidfd_open.
findings() {
	find "$T/valgrind" -type f -exec grep -h '^==' {} +
	find "$T/sanitizer" -type f -size +0 -exec cat {} +
}

done_testing() {
	stop_everything
	[[ -z $(findings) ]] || fail 'no finding of valgrind or a sanitizer' "$(findings | head -n 200)"
	[[ -z $UNCLEAN ]] || fail 'everything ends in time and in order' "$UNCLEAN"
	printf '1..%d\n' "$TESTS"
	DONE=1
	exit $((FAILED > 0))
}

show_logs() {
	local log

	for log in "$T"/log/*; do
		[[ ! -s $log ]] || diag "--- ${log##*/}"$'\n'"$(tail -n 40 "$log")"
	done
	diag "everything is in $T"
}

on_exit() { # STATUS
	[[ -z $DONE && $1 == 130 ]] && return 0 # Ctrl-C
	if [[ -z $DONE ]]; then
		diag "the story broke off with status $1"
		[[ -z $(findings) ]] || diag "$(findings | head -n 200)"
		EXIT_STATUS=1
	fi
	[[ -n $DONE && $FAILED == 0 ]] && return 0
	show_logs
	return 1
}
