#!/bin/bash
# Environments as differences against tests/reference, a slow resolver of the rules: thousands of
# random families.  FAMILIES=20000 asks for more of them, SEED=n for those of an earlier run.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl python3

SEED=${SEED:-$RANDOM}
reference() { python3 -B "$TOP/tests/reference/$1.py" "${@:2}"; }

start_etcd
write_settings
rounds=$(((${FAMILIES:-200} + 99) / 100))
reference compare "$MAYFLY_BIN/cfgrender" "$T/out" "${ETCD_URLS[0]}" "$SEED" "$rounds" >"$T/out/compared"
is "$?" 0 "random families are what the rules say (SEED=$SEED): $(tail -n 1 "$T/out/compared")"
head -n 20 "$T/out/compared" | grep -v ^families= >&2

done_testing
