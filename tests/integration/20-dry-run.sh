#!/bin/bash
# CI checks an environment with no etcd, no network and no privilege.
. "$(dirname "$0")/lib.sh"

need diff unshare setpriv

dry_run() { # [OPTION...]: as nobody, in a network namespace of its own with nothing in it
	timeout 60 unshare --net setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$MAYFLY_BIN/cfgrender" --dry-run "${from[@]}" "$@" >"$T/out/stdout" 2>"$T/out/stderr"
	STATUS=$?
	OUT=$(<"$T/out/stdout")
	ERR=$(<"$T/out/stderr")
}
from=(--environments "$T/environments" --backends "$T/backends.yaml")
unshare --net true 2>/dev/null || dry_run() { run_tool cfgrender --dry-run "${from[@]}" "$@"; }

cp "$TOP"/contrib/examples/environments/*.yaml "$T/environments/"
cat >"$T/backends.yaml" <<'EOF'
frontend: {0.0.1: ["10.0.0.5:8080"]}
backend:
  0.0.1: ["10.0.0.6:8080", "10.0.0.7:8080"]
  0.0.2: ["[fd00::8]:8080"]
EOF
write_settings
dry_run
is "$STATUS" 2 'a dry run with nothing there exits 2'
is "$ERR" '' 'with nothing to complain of'
like "$OUT" '^environment dev: new \(2 services\)$' 'it says what is new'
like "$OUT" '^version backend:0\.0\.1: new \(reload\), 2 instances$' 'also of the versions'
like "$OUT" '^haproxy: create haproxy.cfg ' 'and what becomes of the files'
like "$OUT" '^haproxy: reload: first configuration$' 'and of HAProxy'
like "$OUT" '^--- /dev/null' 'and a diff in which all is new'
like "$OUT" '^\+\+\+ b/haproxy.cfg' 'of haproxy.cfg'
like "$OUT" '^\+ *server 10.0.0.6:8080 10.0.0.6:8080' 'with its servers'
like "$OUT" '^\+www-dev[.] dev' 'and of the maps'
is "$(ls -A "$T/haproxy")" '' 'and it writes nothing'

ok 'the same, written below a directory' run_tool cfgrender --output-dir "$T/out/below" "${from[@]}"
ok 'there are haproxy.cfg, maps and hosts' test -s "$T/out/below/haproxy.cfg" -a \
	-s "$T/out/below/maps/routes.map" -a -s "$T/out/below/hosts"
dry_run --output-dir "$T/out/below"
is "$STATUS" 0 'compared with that, nothing would change'
is "$OUT" '' 'and nothing is printed'
dry_run --output-dir "$T/out/below" --format json
is "$STATUS" 0 'nor as JSON'
like "$OUT" '^\{"changes":false,' 'which says so'

sed -i 's/0.0.2/0.0.1/' "$T/environments/dev.yaml"
dry_run --output-dir "$T/out/below"
is "$STATUS" 2 'another version would change something'
is "$(grep -E '^(environment|host|version|instance) ' <<<"$OUT")" \
	'environment dev: backend 0.0.2 -> 0.0.1' 'of the traffic only this'
like "$OUT" '^haproxy: by the runtime API, no reload$' 'with no reload'
unlike "$OUT" '^haproxy: check' 'and nothing to check'
like "$OUT" '^-dev@[0-9a-f]+/backend backend:0.0.2' 'namely this'
like "$OUT" '^\+dev@[0-9a-f]+/backend backend:0.0.1' 'into that'
unlike "$OUT" '^[-+]prod@' 'and nothing of prod'

# One that extends another has its changes, too.
printf 'name: pr-42\nextends: dev\nservices: [new]\n' >"$T/environments/pr-42.yaml"
run_tool cfgrender --output-dir "$T/out/below" "${from[@]}"
sed -i 's/0.0.1/0.0.2/' "$T/environments/dev.yaml"
dry_run --output-dir "$T/out/below"
like "$OUT" '^environment dev: backend 0.0.1 -> 0.0.2$' 'a change of a parent'
like "$OUT" '^environment pr-42: backend 0.0.1 -> 0.0.2 \(from dev\)$' '  is said of its child'
dry_run --output-dir "$T/out/below" --format json
like "$OUT" '"environment":"pr-42","service":"backend","from":"0.0.1","to":"0.0.2","base":"dev"' '  and as JSON'
dry_run --output-dir "$T/out/below" --format markdown
is "$STATUS" 2 '  and as the comment of a pull request'
like "$OUT" '^### Mayfly: what changes for the traffic$' '  with a title'
is "$(sed -n '/^Environments:$/,/^Changed/p' <<<"$OUT")" 'Environments:

```text
environment dev: backend 0.0.1 -> 0.0.2
environment dev: frontend 0.0.1 -> 0.0.2
```

Changed by what they extend:' '  what the request changes'
is "$(sed -n '/^Changed by what they extend:$/,/^```$/p' <<<"$OUT")" 'Changed by what they extend:

```text
environment pr-42: backend 0.0.1 -> 0.0.2 (from dev)
environment pr-42: frontend 0.0.1 -> 0.0.2 (from dev)
```' '  apart from what follows from it'
like "$OUT" '^HAProxy takes it without a reload[.]$' '  whether there is a reload'
like "$OUT" '^haproxy: change maps/routes.map ' '  and the files'
unlike "$OUT" '^[-+@]' '  but no diff'
sed -i 's/0.0.2/0.0.1/' "$T/environments/dev.yaml"
dry_run --output-dir "$T/out/below" --format markdown
is "$STATUS $OUT" '0 ### Mayfly: nothing changes' 'where nothing changes, a comment says so'
printf 'name: x\nservices: [{name: a, version: "```"}]\n' >"$T/environments/x.yaml"
dry_run --output-dir "$T/out/below" --format markdown
is "$STATUS" 65 'a bad file is refused in the comment, too'
is "$OUT" '### Mayfly: refused

Nothing of this is in force until it is mended:

```text
file x.yaml: environment x: service a: version "```": not allowed: "`" (line 2, column 31)
```' '  which says why, in a block that nobody can end'
seq -f 'file-%g' 100 | while read -r name; do echo 'x' >"$T/environments/$name.yaml"; done
dry_run --output-dir "$T/out/below" --format markdown
is "$(grep -c '^file ' <<<"$OUT")" 60 'of many problems it shows some'
like "$OUT" '^and 41 more$' '  and counts the rest'
rm "$T/environments/"{x,file-*}.yaml
rm "$T/environments/pr-42.yaml"

run_tool cfgrender --output-dir "$T/out/below" "${from[@]}"
write_settings haproxy.reserve=0
run_tool cfgrender --output-dir "$T/out/no-reserve" "${from[@]}"
write_settings
cat >"$T/other.yaml" <<'EOF'
frontend: {0.0.1: ["10.0.0.5:8080"], 0.0.3: ["10.0.0.9:8080"]}
backend: {0.0.1: ["10.0.0.6:8080"], 0.0.2: ["[fd00::8]:8080", "10.0.0.8:8080"]}
EOF
printf 'name: prod\nprefix: www\nhosts: [shop.example.com]\nservices:\n  - name: frontend\n    version: 0.0.1\n    route: /\n' \
	>"$T/environments/prod.yaml"
from[3]=$T/other.yaml
dry_run --output-dir "$T/out/below"
like "$OUT" '^environment prod: backend 0.0.1 removed$' 'a service that is no longer named is told'
like "$OUT" '^host shop.example.com: new -> prod$' 'a new host name'
like "$OUT" '^instance backend:0.0.1 10.0.0.7:8080: removed$' 'an instance that goes'
like "$OUT" '^instance backend:0.0.2 10.0.0.8:8080: added$' 'one that comes'
like "$OUT" '^version frontend:0.0.3: new, 1 instance$' 'and a new version'
unlike "$OUT" '^haproxy: reload' 'which needs no reload'
dry_run --output-dir "$T/out/below" --format json
is "$STATUS" 2 'for programs the same is JSON'
like "$OUT" '^\{"changes":true,' 'that says that there are changes'
like "$OUT" '\{"kind":"server-add","backend":"backend:0.0.2","server":"10.0.0.8:8080",' 'with typed steps'
like "$OUT" '\{"kind":"map-add","map":"hosts","key":"shop.example.com./","value":"prod"\}' \
	'down to the map entries'
unlike "$OUT" '^[-+@]' 'and no diff'
write_settings haproxy.reserve=0
dry_run --output-dir "$T/out/no-reserve"
like "$OUT" '^version frontend:0.0.3: new \(reload\), 1 instance$' 'without a reserve it needs a reload'
like "$OUT" '^haproxy: reload: new version frontend:0.0.3$' '  and that is the reason'
dry_run --output-dir "$T/out/no-reserve" --format json
like "$OUT" '\{"kind":"reload","reason":"new version frontend:0.0.3"\}' '  also for programs'
write_settings
from[3]=$T/backends.yaml
cp "$TOP/contrib/examples/environments/prod.yaml" "$T/environments/"
run_tool cfgrender --dry-run --format xml
is "$STATUS" 64 'another format is none'

printf 'name: dev\nservices:\n  - name: backend\n    version: "0 .1"\n' >"$T/environments/dev.yaml"
dry_run
is "$STATUS" 65 'a bad file exits 65'
like "$ERR" 'dev.yaml.*environment dev: service backend: version "0 .1": not allowed: a space \(line 4, column 14\)' \
	'and is named with file, line and column'
find "$T/out/below" -printf '%p %i %T@\n' >"$T/out/before"
run_tool cfgrender --output-dir "$T/out/below" "${from[@]}"
is "$STATUS" 65 'one bad file stops all of a written run'
is "$(find "$T/out/below" -printf '%p %i %T@\n')" "$(<"$T/out/before")" 'and nothing there is touched'
run_tool cfgrender --dry-run --environments "$T/nowhere" --backends "$T/backends.yaml"
is "$STATUS" 66 'a directory that is not there exits 66'
run_tool cfgrender --dry-run --environments "$T/environments" --backends "$T/nowhere"
is "$STATUS" 66 'as does a file'
run_tool cfgrender --dry-run --timeout 300ms
is "$STATUS" 69 'from etcd, which is not there: 69'
run_tool cfgrender
is "$STATUS" 64 'with nothing to do it says so'
for call in '--dry-run --template x' '--output-dir x --template x' '--environments x --template x' \
	'--print-view --dry-run' '--print-view --output-dir x' '--dry-run --data {}' \
	'--dry-run --escape html' '--print-view --partials x'; do
	# shellcheck disable=SC2086 # words
	run_tool cfgrender $call
	is "$STATUS" 64 "refused: $call"
done
run_tool cfgrender --frobnicate
is "$STATUS" 64 'an option that is none exits 64'
is "$(wc -l <<<"$ERR")" 1 'with one line'

rm "$T/environments/dev.yaml"
run_tool cfgrender --print-view "${from[@]}"
is "$STATUS" 0 'the view is printed'
like "$OUT" '"name": "prod"' 'with what is in it'

done_testing
