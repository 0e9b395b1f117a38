#!/bin/bash
# envwatch survives every editor's way of saving, and a directory that is emptied, unmounted or
# replaced does not delete the world.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
E=$T/environments
version_is() { [[ $(etcd_get "environments/$1") == *"\"version\":\"$2\""* ]]; }
text() { printf 'name: %s\nservices: [{name: web, version: "%s"}]\n' "$1" "$2"; }

text a 1 >"$E/a.yaml"
start_tool envwatch "$E"
within 'a file that is there at the start' 10 version_is a 1

text a 2 >"$E/a.yaml"
within 'written over in place (>, nano)' 5 version_is a 2
text a 3 >"$E/.a.yaml.swp" && cp "$E/.a.yaml.swp" "$E/a.yaml" && rm "$E/.a.yaml.swp"
within 'a swap file beside it, then in place (vim)' 5 version_is a 3
mv "$E/a.yaml" "$E/a.yaml~" && text a 4 >"$E/a.yaml"
within 'the old one moved to a backup, then written anew (emacs, vim)' 5 version_is a 4
text a 5 >"$E/.a.tmp" && mv "$E/.a.tmp" "$E/a.yaml"
within 'a temporary file renamed over it (sed -i, gedit)' 5 version_is a 5
sed -i 's/5/6/' "$E/a.yaml"
within 'sed -i itself' 5 version_is a 6
rm "$E/a.yaml" && text a 7 >"$E/a.yaml"
within 'deleted and written again' 5 version_is a 7
{
	printf 'name: a\nservices: '
	sleep 0.3
	printf '[{name: web, version: "8"}]\n'
} >"$E/a.yaml"
within 'written slowly, in two pieces' 5 version_is a 8
ln "$E/a.yaml" "$T/hard" && text a 9 >"$T/hard"
touch "$E/a.yaml"
within 'through another link to it' 5 version_is a 9

mkdir "$T/..first" && text linked 1 >"$T/..first/linked.yaml"
ln -s "$T/..first" "$E/..data" && ln -s ..data/linked.yaml "$E/linked.yaml"
within 'a link into a folder (a mounted ConfigMap)' 5 version_is linked 1
mkdir "$T/..second" && text linked 2 >"$T/..second/linked.yaml"
ln -s "$T/..second" "$E/..tmp" && mv -T "$E/..tmp" "$E/..data"
within 'swapped for another folder' 5 version_is linked 2

mark envwatch
printf 'name: a\nservices: [{name: "we b"}]\n' >"$E/a.yaml"
within 'a file that breaks is named' 5 log_has envwatch 'a.yaml.*"we b": not allowed: a space'
ok 'and keeps its last good state' version_is a 9
text a 10 >"$E/a.yaml"
within 'until it is mended' 5 version_is a 10

rm "$E/linked.yaml" "$E/..data"
within 'a file that goes takes its environment along' 10 not etcd_has environments/linked
ok 'and no other' etcd_has environments/a

text b 1 >"$E/b.yaml"
text c 1 >"$E/c.yaml"
within 'three of them' 5 etcd_has environments/c
mark envwatch
rm "$E"/*.yaml
within 'a directory that is emptied' 10 log_has envwatch 'warn'
text d 1 >"$T/d.yaml" && cp "$T/d.yaml" "$E/.d" # an event, so that it has looked again
etcd_put environments/hand '{"name":"hand","services":["web"]}'
mark envwatch
mv "$E" "$T/moved"
within 'or moved away' 10 log_has envwatch 'warn|error'
is "$(etcd_keys environments | sort | tr '\n' ' ')" \
	'/mayfly/environments/a /mayfly/environments/b /mayfly/environments/c /mayfly/environments/hand ' \
	'deletes nothing'
mkdir "$E" && text a 11 >"$E/a.yaml" && text b 2 >"$E/b.yaml"
within 'a new directory in its place is followed' 10 version_is a 11
within 'what is not in it goes now' 10 not etcd_has environments/c
ok 'what is not ours stays' etcd_has environments/hand

etcd_del environments/a
within 'what is deleted behind its back is put again' 10 version_is a 11
mark envwatch
etcd_put environments/b '{"name":"b","services":["web"],"origin":{"owner":"somebody","source":"x"}}'
within "another owner's environment is left alone, and said" 10 log_has envwatch 'somebody'
ok 'it is as they put it' says somebody etcd_get environments/b

stop envwatch
is "$STATUS" 0 'it stops in order'
mkdir "$T/empty"
run_tool envwatch --once "$T/empty"
ok 'an empty directory, once, deletes nothing' etcd_has environments/a
printf 'a: [\n' >"$T/bad.yaml"
run_tool envwatch --check "$E/a.yaml"
is "$STATUS" 0 'a good file passes the check'
run_tool envwatch --check "$E/a.yaml" "$T/bad.yaml"
is "$STATUS" 65 'a bad one does not'
like "$ERR$OUT" 'bad.yaml.*line 2' 'and is named with its line'
run_tool envwatch --check "$T/nowhere.yaml"
is "$STATUS" 66 'one that is not there exits 66'
run_tool envwatch --check "$E"
is "$STATUS" 0 'a directory is checked file by file'
like "$OUT" "^$E/a.yaml: ok" 'each named'
run_tool envwatch --check "$T/empty"
is "$STATUS" 66 'one without files exits 66'

# What files say together.
mkdir "$T/together"
cat >"$T/together/a.yaml" <<'END'
- {name: shop, hosts: [shop.example.com], prefix: shop, services: [web]}
- {name: www, services: [web]}
END
cat >"$T/together/b.yaml" <<'END'
- {name: thief, hosts: [shop.example.org, shop.example.com, www-www.example.com], header: www, services: [web]}
- {name: fair, hosts: [www-shop.example.com], services: [web]}
END
run_tool envwatch --check "$T/together"
is "$STATUS" 65 'two files with the same claims are not good together'
b=$T/together/b.yaml says='claims it, too, and comes first'
is "$(sort <<<"$ERR")" "$b: environment thief: header www: environment www $says
$b: environment thief: host shop.example.com: environment shop $says
$b: environment thief: host shop.example.org: environment shop $says
$b: environment thief: host www-www.example.com: environment www $says" 'who loses what to whom is said'
like "$OUT" "^$b: ok .2 environments" 'each is good on its own'
run_tool envwatch --check "$b"
is "$STATUS" 0 'without the other all is good'

done_testing
