#!/bin/bash
# What came to etcd otherwise gets a file, and what is deleted is kept in one; a file that somebody
# has changed is that person's.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
E=$T/environments B=$T/back A=$T/archive
text() { printf 'name: %s\nservices: [{name: web, version: "%s"}]\n' "$1" "$2"; }
put() { etcd_put "environments/$1" "{\"name\":\"$1\",\"services\":[\"db\",{\"name\":\"web\",\"version\":\"$2\"}]$3}"; }
version_is() { [[ $(etcd_get "environments/$1") == *"\"version\":\"$2\""* ]]; }
has_version() { grep -q "version: \"$2\"" "$1" 2>/dev/null; } # FILE VERSION
files() { (cd "$1" && ls) | tr '\n' ' '; }
revision() { etcdctl get --write-out=json "/mayfly/environments/$1" | sed -n 's/.*"mod_revision":\([0-9]*\).*/\1/p'; }
begin() { start_tool envwatch --write-back "$B" --archive "$A" "$E"; }

text ours 1 >"$E/ours.yaml"
put hand 1 ''
put theirs 1 ',"origin":{"owner":"them","source":"x"}'
etcd_put environments/bad '{"name":7}'
begin
within 'what came otherwise has a file' 10 has_version "$B/hand.yaml" 1
within '  whoever owns it' 10 has_version "$B/theirs.yaml" 1
within 'the directory is put' 10 etcd_has environments/ours
is "$(files "$B")" 'hand.yaml theirs.yaml ' '  and has no file there, nor has what is not valid'
like "$(head -1 "$B/hand.yaml")" "^# $B/hand.yaml: kept by envwatch.*revision $(revision hand)," \
	'a file says what it is, and which revision'
is "$(tail -n +2 "$B/theirs.yaml")" 'name: "theirs"
services:
  - "db"
  - name: "web"
    version: "1"' '  and has no origin'
run_tool envwatch --check "$B"
is "$STATUS" 0 'the files are environment files'

# --- changes
put hand 2 ''
within 'a change is in the file' 10 has_version "$B/hand.yaml" 2
last=$(revision hand)
etcd_del environments/hand
within 'a key that goes takes its file along' 10 test ! -e "$B/hand.yaml"
within '  and is kept in the archive' 10 has_version "$A/hand@$last.yaml" 2
last=$(revision ours)
text more 1 >"$E/more.yaml"
within 'another' 10 etcd_has environments/more
rm "$E/ours.yaml"
within 'so is what had a file of ours' 10 has_version "$A/ours@$last.yaml" 1
sed -i 's/"1"/"7"/' "$B/theirs.yaml"
put theirs 2 ',"origin":{"owner":"them","source":"x"}'
put next 1 ''
within 'a file that somebody has changed' 10 has_version "$B/next.yaml" 1
ok '  stays as it is' has_version "$B/theirs.yaml" 7
rm "$B/next.yaml"
send_signal HUP envwatch
within 'one that somebody has removed is back after SIGHUP' 10 has_version "$B/next.yaml" 1
ok '  and a changed one is not touched by that' has_version "$B/theirs.yaml" 7
etcd_del environments/theirs
etcd_del environments/next
within '  also when its key' 10 test ! -e "$B/next.yaml"
ok '  goes' has_version "$B/theirs.yaml" 7
rm "$B/theirs.yaml"

# --- what happens while nobody looks
put gone 1 ''
put back 1 ''
within 'two more' 10 test -e "$B/gone.yaml" -a -e "$B/back.yaml"
last=$(revision gone)
stop envwatch
etcd_del environments/gone
put back 2 ''
begin
within 'what changed meanwhile is in its file' 10 has_version "$B/back.yaml" 2
within 'and what went meanwhile' 10 test ! -e "$B/gone.yaml"
within '  is in the archive, as it was last seen' 10 has_version "$A/gone@$last.yaml" 1
text back 3 >"$E/back.yaml"
within 'who writes a file takes over what nobody owns' 10 version_is back 3
within '  and there is one file of it then' 10 test ! -e "$B/back.yaml"
put keep 1 ''
within 'one more' 10 test -e "$B/keep.yaml"
mark envwatch
stop etcd
rm -r "$T/data-etcd"
start_again etcd
within 'an etcd that was wiped is filled again' 20 version_is back 3
ok '  and takes no files along' has_version "$B/keep.yaml" 1
stop envwatch

# --- one directory for both
B=$E
rm -f "$E"/*
text ours 1 >"$E/ours.yaml"
put hand 1 ''
put theirs 1 ',"origin":{"owner":"them","source":"x"}'
begin
within 'where the directory is the one that is followed' 10 has_version "$E/theirs.yaml" 1
within '  the files are beside' 10 has_version "$E/hand.yaml" 1
within '  those of people' 10 version_is ours 1
put hand 2 ''
within 'they follow etcd' 10 has_version "$E/hand.yaml" 2
ok '  are no claims' not log_has envwatch 'environments/(hand|theirs): belongs to'
unlike "$(etcd_get environments/hand)" 'origin' '  and claim nothing'
sed -i 's/version: "2"/version: "3"/' "$E/hand.yaml"
within 'who changes one says what etcd shall have' 10 version_is hand 3
like "$(etcd_get environments/hand)" "\"source\":\"$E/hand.yaml\"" '  from then on'
mark envwatch
sed -i 's/version: "1"/version: "3"/' "$E/theirs.yaml"
within "but not of another's" 10 log_has envwatch 'environments/theirs: belongs to "them"'
ok '  which stays' version_is theirs 1
rm "$E/theirs.yaml"
put theirs 2 ',"origin":{"owner":"them","source":"x"}'
within '  until the file is gone, and is kept again' 10 has_version "$E/theirs.yaml" 2
stop envwatch
run_tool envwatch --once --write-back "$T/copy" "$E"
is "$STATUS:$(files "$T/copy")" '0:theirs.yaml ' 'once'
mkdir "$T/elsewhere"
cp "$T/copy/theirs.yaml" "$T/elsewhere"
etcd_del environments/theirs
run_tool envwatch --once "$T/elsewhere"
is "$STATUS" 0 'a copy elsewhere'
ok '  is a file like any other' version_is theirs 2
chmod a-w "$T/copy"
[[ $(id -u) = 0 ]] || {
	put other 1 ''
	run_tool envwatch --once --write-back "$T/copy" "$E"
	is "$STATUS" 65 'a file that cannot be written is a problem'
}
run_tool envwatch --once --write-back "$T/mayfly.yaml" "$E"
is "$STATUS" 73 'the directory must be one'

done_testing
