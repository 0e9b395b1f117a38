#!/bin/bash
# cfgrender renders any template: data, partials and escaping from the command line.
. "$(dirname "$0")/lib.sh"

write_settings
cat >"$T/hello.mustache" <<'EOF'
Hello {{name}}, {{{name}}}
{{#items}}
- {{.}}
{{/items}}
{{^items}}none{{/items}}
{{>foot}}
EOF
run_tool cfgrender --template "$T/hello.mustache" --data '{"name": "a & b", "items": [1, "two"]}' --escape html
is "$STATUS" 0 'a template is rendered'
is "$OUT" $'Hello a &amp; b, a & b\n- 1\n- two' 'escaped for HTML'
mkdir "$T/partials"
printf 'foot: {{name}}\n' >"$T/partials/foot.mustache"
printf '{"name": "x y"}' >"$T/data.json"
run_tool cfgrender --template "$T/hello.mustache" --data "$T/data.json" \
	--partials "$T/partials" --escape haproxy
is "$OUT" $'Hello x\\ y, x y\nnone\nfoot: x\\ y' 'with data from a file, partials, and for HAProxy'
run_tool cfgrender --template "$T/hello.mustache" --data '{"name": "x y"}' --escape word
is "$STATUS" 65 'a value that cannot be a word is refused'
is "$(printf '{{a}}' | "$MAYFLY_BIN/cfgrender" --template - --data '{"a": 1.5}')" 1.5 'from standard input'

printf 'one\n{{#a}}\n' >"$T/bad.mustache"
run_tool cfgrender --template "$T/bad.mustache" --data '{}'
is "$STATUS" 65 'a template that is wrong exits 65'
like "$ERR" 'bad.mustache:2:1: ' 'and is named with line and column'
run_tool cfgrender --template "$T/hello.mustache" --data '{"a": }'
is "$STATUS" 65 'as does data that is no JSON'
run_tool cfgrender --template "$T/nowhere" --data '{}'
is "$STATUS" 66 'a template that is not there exits 66'
run_tool cfgrender --template "$T/hello.mustache" --escape sql
is "$STATUS" 64 'an escaping that is none exits 64'

done_testing
