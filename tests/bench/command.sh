# shellcheck shell=bash
# shellcheck disable=SC2004,SC2154 # RESULT has names for keys, and is not made here
# How long a person waits for mayfly, beside etcdctl for the keys alone: in turns, all in one run.
# Sourced by run.sh.

command_rounds=11

# In RESULT[command,NAME]: microseconds, median; in RESULT[command,NAME,kib]: its largest memory.
measure_command() {
	local name round start
	local -A runs=(
		[keys]="etcdctl get --prefix --keys-only -- $(prefix_of "$LARGE")/environments/"
		[list]="$MAYFLY_BIN/mayfly env list"
		[show]="$MAYFLY_BIN/mayfly env show env-00042"
		[explain]="$MAYFLY_BIN/mayfly explain http://www-env-00042.example.com/"
	)

	settings_for "$LARGE"
	: >"$T/out/command"
	for ((round = 0; round < command_rounds; round++)); do
		for name in "${!runs[@]}"; do
			start=${EPOCHREALTIME/./}
			# shellcheck disable=SC2086
			${runs[$name]} >/dev/null 2>&1
			printf '%s %d\n' "$name" $((${EPOCHREALTIME/./} - start)) >>"$T/out/command"
		done
	done
	for name in "${!runs[@]}"; do
		RESULT[command,$name]=$(sed -n "s/^$name //p" "$T/out/command" | median)
		# shellcheck disable=SC2086
		RESULT[command,$name,kib]=$(env time -f %M ${runs[$name]} 2>&1 >/dev/null | tail -n 1)
		say "$name: ${RESULT[command,$name]} us, ${RESULT[command,$name,kib]} KiB"
	done
}

goals_of_command() {
	local keys=${RESULT[command,keys]} name

	goal '`mayfly env list`, large model' '≤ 1.5 × etcdctl for the keys + 50 ms' \
		"$(ms "${RESULT[command,list]}" 0) ms; that is $(ms "$(calc "1.5 * $keys + 50000" 0)" 0) ms"
	goal '`mayfly explain`, large model' '≤ 50 ms' "$(ms "${RESULT[command,explain]}" 0) ms"
	for name in list explain; do
		goal "  memory of \`$name\`" '≤ 32 MiB' "$(calc "${RESULT[command,$name,kib]} / 1024" 1) MiB"
	done
}

print_command() {
	local name

	cat <<-END

		## Commands

		Milliseconds from the call to the exit, and the most memory, with $(count_of "$LARGE" | cut -d ' ' -f 1)
		environments and $(count_of "$LARGE" | cut -d ' ' -f 2) instances in etcd; the median of $command_rounds, in turns.

		| command | ms | MiB |
		|---|--:|--:|
	END
	for name in keys list show explain; do
		printf '| %s | %s | %s |\n' "${name/keys/etcdctl get --keys-only}" "$(ms "${RESULT[command,$name]}" 1)" \
			"$(calc "${RESULT[command,$name,kib]} / 1024" 1)"
	done
}
