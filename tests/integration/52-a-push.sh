#!/bin/bash
# A push to a bare repository publishes its environments, and one with a bad file publishes nothing.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl git flock

start_etcd
write_settings
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q --bare "$T/team.git"
ln -s "$TOP/contrib/git-hooks/post-receive" "$T/team.git/hooks/post-receive"
git -C "$T/team.git" config mayfly.publish "$T/published"
git init -q -b main "$T/work"
cd "$T/work" || exit 1
git config user.name tester
git config user.email tester@example.com
git remote add origin "$T/team.git"
mkdir environments
text() { printf 'name: %s\nservices: [{name: web, version: "%s"}]\n' "$1" "$2"; }
push() { # [REF]: $OUT is what the person who pushes sees
	git add -A && git commit -q -m change
	OUT=$(PATH=$MAYFLY_BIN:$PATH git push -q origin "HEAD:${1:-main}" 2>&1)
}
version_is() { [[ $(etcd_get "environments/$1") == *"\"version\":\"$2\""* ]]; }

text prod 1 >environments/prod.yaml
text pr-42 2 >environments/pr-42.yaml
push
like "$OUT" 'mayfly: main is published' 'a first push is answered'
start_tool envwatch "$T/published/current"
within 'its environments' 10 version_is prod 1
within '  are in etcd' 10 version_is pr-42 2

text prod 2 >environments/prod.yaml
rm environments/pr-42.yaml
text pr-43 3 >environments/pr-43.yaml
push
within 'a second push: what it changes' 10 version_is prod 2
within '  what it adds' 10 version_is pr-43 3
within '  and what it removes' 10 not etcd_has environments/pr-42

text prod 4 >environments/prod.yaml
printf 'name: bad name\n' >environments/bad.yaml
push
like "$OUT" 'bad.yaml.*"bad name": not allowed: a space' 'a push with a bad file is told why'
like "$OUT" 'mayfly: main is not published' '  and what that means'
is "$(cat "$T/published/current/prod.yaml")" "$(text prod 2)" '  what was published stays'
rm environments/bad.yaml
push
within '  until it is mended' 10 version_is prod 4

text prod 5 >environments/prod.yaml
push topic
is "$OUT" '' 'a push to another branch publishes nothing'
is "$(cat "$T/published/current/prod.yaml")" "$(text prod 4)" '  of it'
git rm -q -r environments && push
like "$OUT" 'fatal:' 'a branch without the directory is an error'
is "$(cat "$T/published/current/prod.yaml")" "$(text prod 4)" '  and what was published stays'
is "$(find "$T/published" -maxdepth 1 -name 'release.*' | wc -l)" 1 'nothing is left of what went'
ok 'and in etcd is what was published last' version_is prod 4

done_testing
