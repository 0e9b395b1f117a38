#!/bin/bash
# What an environment was before a change is kept, whoever makes it: shown, compared, and put back.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
mayfly() { run_tool mayfly "$@" || :; }
revision_of() { # KEY
	etcdctl get -w json "/mayfly/$1" | sed -n 's/.*"mod_revision":\([0-9]*\).*/\1/p'
}
leased() { # ENV: how many entries of its history have a lease
	etcdctl get --prefix -w json "/mayfly/history/$1/" | grep -o '"lease":' | wc -l
}
entries() { etcd_keys "history/$1/" | wc -l; } # ENV

# --- by people
mayfly env set prod web=1@/ tasks=1@/tasks
said 66 '' 'one that was only created has no history' env undo prod
like "$ERR" 'environment prod: nothing is known of what it was before' '  which is said'
first=$(revision_of environments/prod)
mayfly env set prod web=2
second=$(revision_of environments/prod)
mayfly env set prod --force --owner ci web=3 mail=1
is "$(etcd_keys history/)" "$(printf '/mayfly/history/prod/%020d\n' "$first" "$second")" 'what it was is kept, by its revision'
like "$(etcd_get "history/prod/$(printf %020d "$first")")" \
	"^\\{\"who\":\"$(id -un)@[^\"]*\",\"with\":\"mayfly env set prod web=2\",\"at\":\"20[^\"]*Z\",\"value\":\"\\{" \
	'  with who changed it, with what, and when'
mayfly env history prod
like "$OUT" "^Environment prod is at revision $(revision_of environments/prod)\\.\$" 'its history begins with what it is'
like "$OUT" "^$second +20[^ ]*Z +$(id -un)@[^ ]* +mayfly env set prod web=3 mail=1 +web 2 -> 3,mail 1 added" '  then comes the last change'
like "$OUT" "$first +20.* +web 1 -> 2" '  down to the first'
said 0 "$second"$'\n'"$first" '  as names' env history prod -o name
mayfly env history prod -o json
like "$OUT" "\"revision\":$first,\"at\":\"[^\"]*\",\"who\":\"[^\"]*\",\"with\":\"mayfly env set prod web=2\",\"changes\":\\[\"web 1 -> 2\"\\]" \
	'  and as JSON'
said 2 $'web 2 -> 3\nmail 1 added' 'the last change' env diff prod
said 2 $'web 1 -> 3\nmail 1 added' 'all since a revision' env diff "prod@$first" prod
said 2 'web 2 -> 1' 'between two revisions' env diff "prod@$second" "prod@$first"
said 0 'There is no difference.' 'of nothing' env diff prod "prod@$(revision_of environments/prod)"
said 66 '' 'a revision that it was not at' env diff prod@1 prod
like "$ERR" 'was at no revision 1 that is known: see mayfly env history prod' '  is named'
said 64 '' 'a revision that is none' env diff prod@x
said 66 '' 'one that is not there' env diff prop
like "$ERR" 'did you mean "prod"' '  is named, too'

# --- a call that is longer than its line in the history
long=$(printf 'service-%04d=1 ' {1..100})
# shellcheck disable=SC2086
mayfly env set wide $long
# shellcheck disable=SC2086
mayfly env set wide ${long//=1/=2}
mayfly env history wide -o json
like "$OUT" '"with":"mayfly env set wide service-0001=2 [^"]* \.\.\."' 'what a long call began with is kept'
with=${OUT#*\"with\":\"} with=${with%%\"*}
ok '  and no more of it' [ "${#with}" -lt 1100 ]
mayfly env delete wide

# --- what comes from others
mayfly env set pr-42 --extends prod tasks=2
said 2 'tasks 1 -> 2' 'how one differs from the one it extends' env diff prod pr-42
etcd_put environments/twin '{"name":"twin","extends":"prod","services":[]}'
said 2 'tasks 2 -> 1 (from prod)' '  by whom that is said' env diff pr-42 twin
printf 'name: pr-42\nextends: prod\nservices:\n  - name: tasks\n    version: "3"\n' >"$T/pr.yaml"
said 2 'tasks 2 -> 3' 'what a file would change' env diff pr-42 -f "$T/pr.yaml"
mayfly env diff pr-42 -f "$T/pr.yaml" -o json
is "$OUT" '{"before":"pr-42","after":"pr-42","differences":[{"service":"tasks","field":"version","before":"2","after":"3"}]}' '  as JSON'
said 64 '' '  of one' env diff pr-42 prod -f "$T/pr.yaml"

etcd_put environments/rules '{"name":"rules","services":[{"name":"web","version":"1","route":{"path":"/t","timeout":"5s","strip":true}}]}'
printf '%s\n' 'name: rules' 'split: {rules: 60, twin: 40}' 'services:' \
	'  - {name: web, versions: {"1": 90, "2": 10}, sticky: source, route: [/t, /u]}' >"$T/rules.yaml"
said 2 'web 1 -> 1=90%,2=10%,sticky=source
web route: /t/ (strip, timeout 5s) -> /t/, /u/
split: none -> rules=60%,twin=40%,sticky=cookie' 'routes and shares are in words, and each once' env diff rules -f "$T/rules.yaml"
mayfly env apply -f "$T/rules.yaml" --force
mayfly env history rules -o json
like "$OUT" '"changes":\["web 1 -> 1=90%,2=10%,sticky=source","web route: /t/ \(strip, timeout 5s\) -> /t/, /u/","split: none -> ' '  in the history, too'
mayfly route set rules web 1=50 2=50
said 2 'web 1=90%,2=10%,sticky=source -> 1=50%,2=50%,sticky=source' '  a change of shares' env diff rules

# --- put back
said 77 '' 'what has another owner is not put back' env undo prod
said 2 "environment prod would be put back to revision $second" 'a dry run' env undo prod --force -n
said 0 "environment prod put back to revision $second" 'the last change is taken back' env undo prod --force
like "$(etcd_get environments/prod)" '"name":"web","version":"2".*"owner":"mayfly"' '  with its owner'
is "$(entries prod)" 3 '  which is a change itself'
said 0 "environment prod put back to revision $first" 'or all since a revision' env undo prod --to "$first"
like "$(etcd_get environments/prod)" '"name":"web","version":"1"' '  is as it was'
said 64 '' 'one that is there is not restored' env restore prod
said 0 'environment prod deleted' 'one is deleted' env delete prod
mayfly env history prod
like "$OUT" '^Environment prod is deleted\.$' '  which its history says'
like "$OUT" 'mayfly env delete prod +deleted$' '  with who did it'
is "$(leased prod)" "$(entries prod)" '  for a while'
lease=$(etcdctl get --prefix -w json /mayfly/history/prod/ | sed 's/.*"lease":\([0-9]*\).*/\1/')
like "$(etcdctl lease timetolive "$(printf %x "$lease")")" 'granted with TTL\(2592000s\)' '  of thirty days'
mayfly env restore prod
is "$(leased prod)" 0 'one that is there again keeps it'
like "$STATUS $OUT" '^0 environment prod put back to revision [0-9]+$' '  and restored'
like "$(etcd_get environments/prod)" '"name":"web","version":"1"' '  as it was'
said 66 '' 'but not one that never was' env restore never

# --- what was no environment, or would be none that is in force
etcd_put environments/once '{"name":"once","services":7}'
bad=$(revision_of environments/once)
printf 'name: once\nservices: [{name: web, version: "1", route: /}]\n' >"$T/once.yaml"
mayfly env apply -f "$T/once.yaml"
good=$(revision_of environments/once)
is_not_undone() { # REGEX WORD...
	local regex=$1

	shift
	said 65 '' "mayfly $*" "$@"
	like "$ERR" "$regex" '  says which revision, and why'
	is "$(revision_of environments/once)" "$good" '  and writes nothing'
}
is_not_undone "environment once: what it was at revision $bad is not put back: environment once: services: must be a list" env undo once
is_not_undone "environment once: what it was at revision $bad is not put back: environment once: services" env undo once --to "$bad" -n
is_not_undone "environment once: what it was at revision $bad: environment once: services: must be a list" env diff once
is_not_undone "environment once: what it was at revision $bad: environment once: services" env diff once "once@$bad"
etcd_put "history/once/$(printf %020d 3)" '{}'
said 66 '' 'an entry that is none' env undo once --to 3
like "$ERR" 'was at no revision 3 that is known' '  counts for nothing'
etcd_put "history/once/$(printf %020d 4)" '{"who":"x","with":"y","at":"2026-01-01T00:00:00Z","value":"{}"}'
is_not_undone 'environment once: what it was at revision 4 is not put back: environment: name is missing' env undo once --to 4
etcd_put "history/once/$(printf %020d 5)" '{"who":"x","with":"y","at":"2026-01-01T00:00:00Z","value":"{\"name\":\"other\",\"services\":[]}"}'
is_not_undone 'environment once: what it was at revision 5 is not put back: environment once: ' env undo once --to 5
etcd_put environments/once '{"name":"once","services":7}'
mayfly env diff once pr-42
like "$STATUS $ERR" '^65 [^@]*mayfly: environment once: services: must be a list' 'what it is now is not called an old revision'
mayfly env set parent web=1@/
mayfly env set once2 --extends parent web=2
mayfly env set once2 web=3
mayfly env delete parent
said 0 "environment once2 put back to revision $(etcd_keys history/once2/ | tail -n 1 | sed 's,.*/0*,,')" \
	'what is not in force is put back' env undo once2
like "$ERR" 'warn mayfly: environment is not in force environment=once2 reason="?extends parent' '  with a warning'
mayfly env delete once once2 --force
for i in {1..52}; do
	etcd_put "history/many/$(printf %020d "$i")" '{"who":"x","with":"y","at":"2026-01-01T00:00:00Z","value":"{}"}'
done
mayfly env set many web=1
mayfly env set many web=2
is "$(entries many)" 50 'the last fifty are kept'
ok '  and they are the newest' not etcd_has "history/many/$(printf %020d 3)"

# --- by envwatch, of more files than a transaction holds
for i in {1..150}; do
	write_environment "file-$i" "web=1@/"
done
run_tool envwatch --once "$T/environments"
is "$STATUS $(etcd_keys history/file-)" '0 ' 'what files create has no history'
for i in {1..150}; do
	write_environment "file-$i" "web=2@/"
done
run_tool envwatch --once "$T/environments"
is "$STATUS $(etcd_keys history/file- | wc -l)" '0 150' 'what they change has'
mayfly env history file-7 -o json
like "$OUT" '"who":"envwatch@[^"]*","with":"envwatch [^"]*/environments/file-7.yaml","changes":\["web 1 -> 2"\]' \
	'  with the file'
rm "$T/environments/file-7.yaml"
run_tool envwatch --once "$T/environments"
is "$STATUS $(entries file-7)" '0 2' '  and what they delete'
is "$(leased file-7)" 2 '  for a while'
mayfly env restore file-7 --force
like "$(etcd_get environments/file-7)" '"version":"2"' '  which is restored'

# --- all of it, in a file
etcd_put config/shop/text $'a "text"\nof two lines'
etcd_put config/shop/bytes $'\xff\xfe'
etcd_put services/web '{"balance":"leastconn"}'
etcd_put names/db 10.0.0.9
etcd_put states/web/1/a drain
lease=$(etcdctl lease grant 600 | awk '{ print $2 }')
etcdctl put --lease "$lease" /mayfly/backends/web/1/a 10.0.0.1:80 >/dev/null
etcdctl put --lease "$lease" /mayfly/states/web/1/b drain >/dev/null
kept() { # what a snapshot is to have
	local part

	for part in config environments names services states; do
		etcdctl get --prefix "/mayfly/$part/" | grep -av '^/mayfly/states/web/1/b$'
	done
}
kept >"$T/out/before"
run_tool mayfly snapshot save "$T/snapshot.json"
like "$STATUS $OUT" '^0 [0-9]+ keys at revision [0-9]+ saved$' 'a snapshot'
is "$(stat -c %a "$T/snapshot.json")" 600 '  is for nobody else'
unlike "$(<"$T/snapshot.json")" 'backends|history|web/1/b' '  and has no leases, and no history'
said 0 'All is as in the snapshot.' 'nothing has changed' snapshot restore "$T/snapshot.json"
etcd_del environments/file-1
etcd_put environments/file-2 '{"name":"file-2","services":[]}'
etcd_del config/shop/bytes
etcd_del names/db
etcd_put config/shop/new x
for i in {10..149}; do printf 'put /mayfly/environments/file-%d {}\n' "$i"; done | sed 's/{}$/"{}"/' >"$T/puts"
{
	printf '\n'
	head -n 100 "$T/puts"
	printf '\n\n'
} | etcdctl txn >/dev/null
mayfly snapshot restore "$T/snapshot.json" --dry-run --exact
is "$STATUS" 2 'what would be done'
like "$OUT" '^environment file-1 would be created$' '  is said'
like "$OUT" '^config shop/new would be deleted$' '  of all parts'
mayfly snapshot restore "$T/snapshot.json"
is "$STATUS" 0 'it is put back'
like "$OUT" '^environment file-2 changed$' '  which is said'
is "$(etcd_get config/shop/new)" x '  and what is not in it stays'
is "$(entries file-109)" 2 '  and what environments were is in their history'
said 0 'config shop/new deleted' 'all of it, exactly' snapshot restore "$T/snapshot.json" --exact
kept >"$T/out/after"
ok '  is as it was' cmp "$T/out/before" "$T/out/after"
is "$(etcd_get backends/web/1/a) $(etcd_get states/web/1/b)" '10.0.0.1:80 drain' '  and leases are left alone'

# --- what envwatch keeps, and the switch with a time limit
etcd_put config/mayfly/allow-removal 2030-01-01T00:00:00Z
mayfly snapshot restore "$T/snapshot.json" --exact
is "$STATUS $(etcd_get config/mayfly/allow-removal)" '0 2030-01-01T00:00:00Z' 'the switch stays where it is'
unlike "$OUT" allow-removal '  and is not said to go'
mayfly snapshot save "$T/switch.json"
unlike "$(<"$T/switch.json")" allow-removal '  and is in no snapshot'
sed 's/"keys":{/&"config\/mayfly\/allow-removal":"2040-01-01T00:00:00Z",/' "$T/snapshot.json" >"$T/switch.json"
said 0 'All is as in the snapshot.' 'one of an old snapshot' snapshot restore "$T/switch.json"
etcd_del config/mayfly/allow-removal
said 0 'All is as in the snapshot.' '  is not put' snapshot restore "$T/switch.json"
etcd_put environments/file-3 "$(etcd_get environments/file-3 | sed 's/"version":"2"/"version":"1"/')"
etcd_del environments/file-4
etcd_put environments/prod '{"name":"prod","services":[]}'
mayfly env set by-hand web=1@/
etcd_put environments/file-200 "$(etcd_get environments/file-3 | sed 's/file-3/file-200/g')"
for dry in --dry-run ''; do
	mayfly snapshot restore "$T/snapshot.json" --exact $dry
	for name in file-3 file-200; do
		like "$ERR" "warn mayfly: envwatch keeps an environment from its file, and will put that back environment=$name file=[^ ]*/$name.yaml" \
			"$name: its file counts ${dry:+, dry}"
	done
	like "$ERR" 'warn mayfly: envwatch had an environment from a file: it stays only as it is there environment=file-4 file=[^ ]*/file-4.yaml' \
		"  also when it is not there now ${dry:+, dry}"
	unlike "$ERR" 'environment=(prod|by-hand|file-5)' '  and what people have is not warned of'
done
is "$STATUS $(etcd_get environments/file-200)" '0 ' '  but all is restored'
chmod 644 "$T/snapshot.json"
said 77 '' 'a file that others can read' snapshot save "$T/snapshot.json"
printf '{"snapshot":1,"keys":{"nodes/a":"x"}}' >"$T/bad.json"
said 65 '' 'what does not belong into a snapshot' snapshot restore "$T/bad.json"
like "$ERR" 'bad.json: key nodes/a: does not belong' '  is refused'
said 65 '' 'so is what is none' snapshot restore "$T/pr.yaml"
said 66 '' 'and what is not there' snapshot restore "$T/nowhere"

# --- waited for
mayfly env set prod web=7 --wait --timeout 1s
is "$STATUS" 69 'without a fleet there is nobody to wait for'
like "$OUT" '^environment prod changed$' '  but it is written'
etcd_put fleet/edge '{}'
etcd_put nodes/edge '{"revision":1}'
"$MAYFLY_BIN/mayfly" env set prod web=8 --wait --timeout 60s >"$T/out/waiting" 2>&1 &
waiting=$!
within 'it is written' 10 says '"version":"8"' etcd_get environments/prod
etcd_put nodes/edge "{\"revision\":$(revision_of environments/prod)}"
wait "$waiting"
is "$?" 0 '  and waited for'
like "$(<"$T/out/waiting")" '^revision [0-9]+ is applied by 1 node$' '  which is said'
mayfly env set prod web=8 --wait
is "$STATUS" 0 'so is what is there already'
mayfly env delete twin --wait --timeout 1s
is "$STATUS" 75 'a deletion that nobody has applied'
like "$ERR" 'node=edge revision=[0-9]+ reason="it is alive, and behind"' '  is named'
etcd_put nodes/edge '{"revision":9999,"quarantined":[{"object":"environment prod","reason":"refused"}]}'
mayfly env set prod web=9 --wait --timeout 1s
is "$STATUS" 75 'an environment in quarantine is not applied'
like "$ERR" 'reason="in quarantine: refused"' '  which is said'

done_testing
