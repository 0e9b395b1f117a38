#!/bin/bash
# What a change of one tenant waits for while another does its worst: in turn with this tree and with
# another revision, if one is given.  Prints Markdown tables.  Nothing here passes or fails.
#
#	make bench BENCH_ONLY=tenant                about three minutes
#	make bench BENCH_ONLY=tenant BASE=v0.1.0    twice that
#
# BENCH_SIZES and BENCH_DEEDS="versions junk mass names label huge" leave parts out.

base=${1:-}
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

seconds=15
[[ -z ${BENCH_QUICK:-} ]] || seconds=5
read -r -a sizes <<<"${BENCH_SIZES:-1000x50x4}"
read -r -a deeds <<<"${BENCH_DEEDS:-versions junk mass names label huge}"
THIS_BIN=$MAYFLY_BIN

deed_words() {
	case $1 in
	versions) echo 'versions that were never there, with an environment for each' ;;
	junk) echo '60,000 broken instances' ;;
	mass) echo 'environments put and deleted by the hundred' ;;
	names) echo 'hosts that begin as those of all others' ;;
	label) echo '64,000 hosts of one first label' ;;
	huge) echo 'environments of 500 services' ;;
	esac
}

has_begun() { # SIZE: the tenant has a key
	[[ -n $(etcdctl get --prefix --keys-only --limit 1 "$(prefix_of "$1")/environments/tenant-") ||
		-n $(etcdctl get --prefix --keys-only --limit 1 "$(prefix_of "$1")/backends/tenant/") ]]
}

measure() { # WHICH SIZE DEED
	local which=$1 size=$2 deed=$3 line

	MAYFLY_BIN=$(bin_of "$which")
	start_router "$size"
	start tenant "$BENCH_BIN/tenant" "${ETCD_URLS[0]}" "$(prefix_of "$size")" "$size" "$APP_PORT" "$deed" \
		"$((seconds + 1))s"
	wait_for 10 has_begun "$size" || die 'the tenant does nothing'
	line=$(change "$size" weight --trials 1000 --budget "${seconds}s" --pause 20ms) || exit 1
	wait_exit tenant 120 || die 'the tenant does not end'
	RESULT[$which,$size,$deed]=$line
	RESULT[$which,$size,$deed,tenant]=$(tail -n 1 "$T/log/tenant")
	say "$which $size $deed (${RESULT[$which,$size,$deed,tenant]}): $line"
	stop kvwatch
	stop haproxy
	MAYFLY_BIN=$THIS_BIN
}

row() { # WHICH SIZE DEED WORDS
	local line=${RESULT[$1,$2,$3]:-} tenant=${RESULT[$1,$2,$3,tenant]:-}

	[[ -n $line ]] || return 0
	printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' "$2" "$(deed_words "$3")" "$4" \
		"$(calc "$(value "$tenant" keys) / ($seconds + 1)" 0)" "$(ms "$(value "$line" p50_us)")" \
		"$(ms "$(value "$line" p99_us)")" "$(ms "$(value "$line" max_us)")" "$(value "$line" trials)"
}

print_tenants() {
	local size deed

	cat <<-END

		## A tenant who does its worst

		Milliseconds from etcd's acknowledgement of a change of weights to the first answer that only the
		new state can give, while another tenant writes as fast as etcd takes it.

		| model | the other one puts | Mayfly | keys a second | p50 | p99 | max | n |
		|---|---|---|--:|--:|--:|--:|--:|
	END
	for size in "${sizes[@]}"; do
		for deed in "${deeds[@]}"; do
			row this "$size" "$deed" this
			row base "$size" "$deed" "$base"
		done
	done
}

[[ -z $base ]] || build_base "$base"
start_bench_servers
for size in "${sizes[@]}"; do
	fill "$size"
	for deed in "${deeds[@]}"; do
		[[ -z $base ]] || measure base "$size" "$deed"
		measure this "$size" "$deed"
	done
done
print_machine ${base:+base "$base ($BASE_COMMIT)"}
print_tenants
