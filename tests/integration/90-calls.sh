#!/bin/bash
# Every tool: help, version, wrong calls, settings from flags, variables and file, log formats.
. "$(dirname "$0")/lib.sh"

for tool in cfgrender envwatch kvwatch mayfly svcregister; do
	run_tool $tool --help
	is "$STATUS" 0 "$tool --help"
	like "$OUT" '^usage:' 'shows how to call it'
	like "$OUT" '-e, --endpoints' 'with the common options'
	is "$ERR" '' 'on standard output alone'
	run_tool $tool -V
	like "$OUT" "^$tool [0-9]" "$tool -V"
	run_tool $tool --no-such-option
	is "$STATUS $(wc -l <<<"$ERR")" '64 1' "$tool: an unknown option is one line and 64"
	for option in --help --version; do
		"$MAYFLY_BIN/$tool" $option >/dev/full 2>"$T/out/stderr"
		is "$?" 73 "$tool $option: what cannot be printed is 73"
	done
	exec {closed}> >(:)
	wait $!
	"$MAYFLY_BIN/$tool" --help 1>&"$closed" 2>"$T/out/stderr"
	is "$? $(<"$T/out/stderr")" '141 ' "$tool --help: ends without a word when nobody reads any more"
	run_tool $tool --log-level loud
	is "$STATUS" 64 "$tool: a log level that is none"
	run_tool $tool --config "$T/nowhere.yaml" --once
	like "$STATUS" '^6[46]$' "$tool: a settings file that is not there"
	printf 'nodes: x\n' >"$T/mayfly.yaml"
	run_tool $tool
	like "$STATUS" '^(64|78)$' "$tool: settings that are wrong"
done
for call in 'mayfly env list --environments' 'cfgrender --dry-run --environments'; do
	: >"$T/mayfly.yaml"
	# shellcheck disable=SC2086
	"$MAYFLY_BIN"/$call "$T/environments" 1>&"$closed" 2>"$T/out/stderr"
	is "$? $(<"$T/out/stderr")" '141 ' "${call% *}: the same"
done
exec {closed}>&-
mkfifo "$T/fifo"
ln -s loop "$T/loop"
for case in "78 $T" "78 $T/fifo" '78 /dev/zero' "66 $T/loop" "66 $T/$(printf '%0256d' 0)"; do
	run_tool cfgrender --dry-run --config "${case#* }" --environments "$T/environments"
	is "$STATUS" "${case%% *}" "settings from ${case:3:40}"
done
for case in "66 $T/loop" "66 $T/$(printf '%0256d' 0)"; do
	: >"$T/mayfly.yaml"
	run_tool cfgrender --dry-run --environments "${case#* }"
	is "$STATUS" "${case%% *}" "environments from ${case:3:40}"
	run_tool cfgrender --dry-run --backends "${case#* }"
	is "$STATUS" "${case%% *}" 'or instances'
done
for settings in 'etcd: {endpoint: x}' 'haproxy: {bind: ["a b"]}' 'dnsmasq: {reload: sometimes}' \
	'haproxy: {bind: []}' 'haproxy: {config: relative.cfg}' $'node: a\nnode: b' 'node: &a b' '[' $'node: "\\0"' \
	'haproxy: {admin_socket: "/run/x mode 666"}' 'targets: [{template: x}]'; do
	printf '%s\n' "$settings" >"$T/mayfly.yaml"
	run_tool cfgrender --dry-run --environments "$T/environments"
	is "$STATUS" 78 "refused: ${settings//$'\n'/ }"
	like "$ERR" 'mayfly.yaml.*line [0-9]+' 'with its place'
done

write_settings 'etcd.endpoints=["http://127.0.0.1:9"]' etcd.prefix=/file
run_tool svcregister list
like "$ERR" '127.0.0.1:9' 'the file says where etcd is'
ETCDCTL_ENDPOINTS=http://127.0.0.1:10 run_tool svcregister list
like "$ERR" '127.0.0.1:10' 'a variable overrules it'
ETCDCTL_ENDPOINTS=http://127.0.0.1:10 run_tool svcregister list -e http://127.0.0.1:11
like "$ERR" '127.0.0.1:11' 'and a flag that'
is "$STATUS" 69 'out of reach is 69'
run_tool svcregister list --log-format json
like "$(tail -n 1 <<<"$ERR")" '^\{"time":"[^"]+","level":"error","tool":"svcregister","msg":".*\}$' 'the log as JSON'

write_settings
for option in environments backends; do
	run_tool kvwatch "--$option" "$T/environments"
	is "$STATUS" 64 "kvwatch --$option alone"
	like "$ERR" "--$option: only with --(environments|backends): from files, nothing comes from etcd" '  says why'
done

# Nothing that is opened may become one of the standard descriptors.
echo '{}' >"$T/no-backends.yaml"
"$MAYFLY_BIN/kvwatch" --environments "$T/environments" --backends "$T/no-backends.yaml" 0<&- 1>&- 2>&- &
pid=$!
within 'with all descriptors closed it works' 20 test -s "$T/haproxy/haproxy.cfg"
for fd in 0 1 2; do
	is "$(readlink "/proc/$pid/fd/$fd")" /dev/null "its descriptor $fd leads nowhere"
done
kill "$pid"
wait "$pid"
is "$?" 0 'and it stops in order'

# What bash, zsh and fish offer comes from --help.
completed() { # WORD...: what bash offers for the last of them
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_mayfly "$MAYFLY_BIN/$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[*]}"
}
# shellcheck source=contrib/completions/mayfly
. "$TOP/contrib/completions/mayfly"
is "$(completed kvwatch --max)" '--max-removal' 'options are completed'
is "$(completed svcregister register --net)" '--network' '  also one whose help names another'
is "$(completed kvwatch --log-level '')" 'error warn info debug' 'and words that an option takes'
is "$(completed cfgrender -p "$TOP/contr")" "$TOP/contrib" 'and directories'
is "$(completed kvwatch --timeout '')" '' 'but no file where a time is expected'
is "$(completed svcregister dereg)" deregister 'and commands'
is "$(completed mayfly en)" env "  mayfly's"
is "$(completed mayfly -o json env li)" list '  and what it can do with them'
is "$(completed mayfly env list --outp)" --output '  and the options of that'
is "$(completed mayfly env list -o '')" 'table wide json yaml name' '  and their words'

# Names that come from etcd are anybody's words: they are offered, and nothing in them is run.
mkdir "$T/fake"
cat >"$T/fake/mayfly" <<-'END'
	#!/bin/sh
	[ "$1" != __complete ] || printf '%s\n' 'dev-$(touch pwned)' dev-2 other
END
chmod +x "$T/fake/mayfly"
COMP_WORDS=(mayfly env show dev) COMP_CWORD=3
cd "$T/fake" || exit
_mayfly "$T/fake/mayfly" dev show
# shellcheck disable=SC2016 # as it stands
is "${COMPREPLY[*]}" 'dev-$(touch pwned) dev-2' 'names are offered as they are'
if command -v zsh >/dev/null; then
	cat >"$T/fake/type" <<-END
		zmodload zsh/zpty
		zpty z zsh -f -i
		zpty -w z "PATH=$T/fake:\$PATH; fpath=('$TOP/contrib/completions' \$fpath)"
		zpty -w z "autoload -U compinit; compinit -u -D; print ready\$((1 + 1))"
		zpty -r -m z line '*ready2*'
		zpty -w -n z \$'mayfly env show d\t'
		zpty -r -m z line '*dev-*'
		print -r -- "\$line"
		zpty -d z
	END
	like "$(timeout 30 zsh -f "$T/fake/type" 2>&1)" 'show .*dev-' '  also by zsh'
fi
ok '  and nothing in them is run' not test -e "$T/fake/pwned"
cd "$TOP" || exit
PATH=$MAYFLY_BIN:$PATH
if command -v fish >/dev/null; then
	is "$(fish -c "source '$TOP/contrib/completions/mayfly.fish'; complete -C 'kvwatch --log-level d'" |
		cut -f 1)" debug 'fish completes words'
	is "$(fish -c "source '$TOP/contrib/completions/mayfly.fish'; complete -C 'mayfly env li'" |
		cut -f 1)" list '  and commands'
	is "$(fish -c "source '$TOP/contrib/completions/mayfly.fish'; complete -C 'mayfly env list --outp'" |
		cut -f 1)" --output '  and their options'
fi

done_testing
