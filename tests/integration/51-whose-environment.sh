#!/bin/bash
# envwatch keeps what it owns equal through an outage and a wiped store, and never takes or deletes
# what is another's, nor what a broken or missing file may still mean.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
E=$T/environments
text() { printf 'name: %s\nservices: [{name: web, version: "%s"}]\n' "$1" "$2"; }
version_is() { [[ $(etcd_get "environments/$1") == *"\"version\":\"$2\""* ]]; }
names() { etcd_keys environments | sed 's|.*/||' | tr '\n' ' '; }
revision() { etcdctl get --write-out=json / | sed -n 's/.*"revision":\([0-9]*\).*/\1/p'; }

text a 1 >"$E/a.yaml"
text b 1 >"$E/b.yaml"
run_tool envwatch --once "$E"
is "$STATUS" 0 'once: done'
is "$(names)" 'a b ' 'both are in etcd'
before=$(revision)
run_tool envwatch --once "$E"
is "$STATUS" 0 'again: nothing to change'
is "$(revision)" "$before" 'and nothing is written'

etcd_put environments/hand '{"name":"hand","services":["web"]}'
etcd_put environments/theirs '{"name":"theirs","services":["web"],"origin":{"owner":"them","source":"x"}}'
etcd_put environments/broken '{"name":7,"origin":{"owner":"them"}}'
rm "$E/b.yaml"
run_tool envwatch --once "$E"
is "$(names)" 'a broken hand theirs ' 'what is in no file any more goes, and nothing of others'
text hand 1 >"$E/hand.yaml"
text theirs 1 >"$E/theirs.yaml"
text broken 1 >"$E/broken.yaml"
run_tool envwatch --once "$E"
is "$STATUS" 65 "another owner's cannot be put"
like "$ERR" 'environments/theirs.*them' 'which is said'
like "$ERR" 'environments/broken.*them' 'also of one that nobody can read'
like "$ERR" 'taken over.*hand' 'what has no owner is taken over'
run_tool envwatch --once --owner them "$E"
is "$STATUS" 65 'their owner may, but not ours'
ok 'and did' version_is theirs 1
run_tool envwatch --once --force "$E"
is "$STATUS" 0 'force takes all'
run_tool envwatch --once "$E"
is "$STATUS" 0 'and owns it then'

printf '[' >"$E/a.yaml"
rm "$E/broken.yaml"
run_tool envwatch --once "$E"
is "$STATUS" 65 'a broken file'
is "$(names)" 'a hand theirs ' 'keeps what an earlier run put from it'
mkdir "$T/none"
run_tool envwatch --once "$T/none"
is "$STATUS:$(names)" '0:a hand theirs ' 'an empty directory deletes nothing'
run_tool envwatch --once --allow-empty "$T/none"
is "$STATUS:$(names)" '0:a hand theirs ' 'nor what is not from it'
rm "$E"/*.yaml
run_tool envwatch --once "$E"
is "$STATUS:$(names)" '0:a hand theirs ' 'also where it comes from'
run_tool envwatch --once --allow-empty "$E"
is "$STATUS:$(names)" '0:' 'unless it is told that it may'

# Two directories on one node, with one owner: neither deletes what is from the other.
mkdir "$T/other"
text a 1 >"$E/a.yaml"
text c 1 >"$T/other/c.yaml"
text d 1 >"$T/other/d.yaml"
run_tool envwatch --once "$E"
run_tool envwatch --once "$T/other"
is "$STATUS:$(names)" '0:a c d ' 'another directory deletes nothing of the first'
run_tool envwatch --once "$E"
is "$STATUS:$(names)" '0:a c d ' 'nor the first of the other'
like "$(etcd_get environments/c)" "\"source\":\"$T/other/c.yaml\"" 'each knows its file'
rm "$T/other/d.yaml"
(cd "$T" && "$MAYFLY_BIN/envwatch" --once other/ 2>/dev/null)
is "$(names)" 'a c ' 'but its own, however it is called'
rm "$T/other/c.yaml"
run_tool envwatch --once --allow-empty "$T/other"
is "$(names)" 'a ' 'also the last one, if it may'

# Below a link that leads to another release each time, the path as given is what counts.
mkdir -p "$T/release-1/environments" "$T/release-2/environments"
text kept 1 >"$T/release-1/environments/kept.yaml"
text dropped 1 >"$T/release-1/environments/dropped.yaml"
text kept 2 >"$T/release-2/environments/kept.yaml"
ln -s release-1 "$T/current"
run_tool envwatch --once "$T/current/environments"
is "$STATUS:$(names)" '0:a dropped kept ' 'a release'
ln -sfn release-2 "$T/current"
run_tool envwatch --once "$T/current/environments"
is "$STATUS:$(names)" '0:a kept ' 'what the next release drops goes'
ok 'and what it changes is there' version_is kept 2
rm "$T/current/environments/kept.yaml"
run_tool envwatch --once --allow-empty "$T/current/environments"
is "$(names)" 'a ' 'also the last one'

rm "$E"/*.yaml
text a 1 >"$E/a.yaml"
text b 1 >"$E/b.yaml"
start_tool envwatch "$E"
within 'following' 10 version_is b 1
stop etcd
text a 2 >"$E/a.yaml"
text c 1 >"$E/c.yaml"
rm "$E/b.yaml"
text a 3 >"$E/.a" && mv "$E/.a" "$E/a.yaml"
start_again etcd
within 'after an outage the last state is there' 20 version_is a 3
within 'with what is new' 10 version_is c 1
within 'and without what is gone' 10 not etcd_has environments/b

before=$(revision)
stop etcd
rm -r "$T/data-etcd"
start_again etcd
within 'a wiped store is filled again' 20 version_is a 3
within 'with all of it' 10 version_is c 1
is "$(names)" 'a c ' 'and no more'
ok 'it was another store' test "$(revision)" -lt "$before"

# A linked file: what it leads to is edited.
text linked 1 >"$T/elsewhere"
ln -s ../elsewhere "$E/linked.yaml"
within 'a linked file counts' 10 version_is linked 1
text linked 2 >"$T/elsewhere"
within 'what it leads to is followed' 10 version_is linked 2
rm "$E/linked.yaml"
within 'and goes with its link' 10 not etcd_has environments/linked

# Two of one owner with different files of one environment: both notice, and wait longer and longer.
text both 1 >"$E/both.yaml"
within 'the first puts it' 10 version_is both 1
mkdir "$T/rival"
text both 2 >"$T/rival/both.yaml"
"$MAYFLY_BIN/envwatch" "$T/rival" 2>"$T/out/rival" &
rival=$!
rival_says() { grep -q "$1" "$T/out/rival"; }
within 'the first warns' 20 log_has envwatch 'environments/both.*keeps changing it'
within 'the other does, too' 20 rival_says 'environments/both.*keeps changing it'
before=$(revision)
for version in {4..13}; do
	text a "$version" >"$E/a.yaml"
	within 'no other environment waits' 5 version_is a "$version"
done
# Two that do not wait make 68 revisions a second.
ok 'few revisions meanwhile but its own ten' test $(($(revision) - before)) -lt 20
kill "$rival" && wait "$rival"
within 'when the other goes, ours is there' 40 version_is both 1
within 'and all is well' 60 log_has envwatch 'no longer set aside.*environments/both'

stop envwatch INT
is "$STATUS" 0 'it stops in order'
is "$(names)" 'a both c ' 'and leaves what is there'
stop etcd
run_tool envwatch --once --timeout 1s "$E"
is "$STATUS" 69 'once, without etcd'
run_tool envwatch --once "$T/nowhere"
is "$STATUS" 66 'no directory'

done_testing
