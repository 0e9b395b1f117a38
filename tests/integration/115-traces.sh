#!/bin/bash
# traceparent and tracestate before a service that believes whatever it gets, behind HAProxy with
# haproxy.log: what is valid by W3C's Trace Context comes through as it is, and nothing else does.
. "$(dirname "$0")/lib.sh"

need haproxy curl python3

# Says which of the two it was sent, a line each.
cat >"$T/service.py" <<'P'
import http.server, sys

class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        lines = [name + ": " + value for name in ("traceparent", "tracestate")
                 for value in self.headers.get_all(name, [])]
        body = "".join(line + "\n" for line in lines).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
P
ports 1
service=127.0.0.1:${PORTS[0]}
start service python3 "$T/service.py" "${PORTS[0]}"
listens() { curl -s -o "$T/out/reply" "$service"; }
wait_for 10 listens || die 'the service does not come up'
cat >"$T/environments/prod.yaml" <<'E2'
name: prod
hosts: [localhost]
services: [{name: traced, version: 1, route: /}]
E2
echo "traced: {1: [\"$service\"]}" >"$T/backends.yaml"
write_settings 'haproxy.log={to: ring}' dnsmasq.hosts= dnsmasq.reload=
run_tool kvwatch --once --environments "$T/environments" --backends "$T/backends.yaml"
start_haproxy
within 'the service is served' 10 says . fetch localhost "$HTTP/"

trace=4bf92f3577b34da6a3ce929d0e0e4736 span=00f067aa0ba902b7
good=00-$trace-$span-01
valid='00-[0-9a-f]{32}-[0-9a-f]{16}-01'
seen() { # HEADER...
	local headers=() header

	for header; do
		headers+=(-H "$header")
	done
	fetch localhost "$HTTP/" "${headers[@]}" | sed '$d' # without the status
}
is_new() { # TEXT: a traceparent alone, of another trace, whose ids are not zero
	grep -qxE "traceparent: $valid" <<<"$1" && [[ $1 != *$'\n'* && $1 != *$trace* && ! $1 =~ -0{16} ]]
}

while IFS='|' read -r name value; do
	is "$(seen "traceparent:$value")" "traceparent: $(sed 's/^[ \t]*//; s/[ \t]*$//' <<<"$value")" "kept: $name"
done <<E2
what is valid|$good
what is not sampled|00-$trace-$span-00
flags that nobody knows|00-$trace-$span-ff
a later version|cc-$trace-$span-01
a later version that says more|cc-$trace-$span-01-what-will-be
blanks around it| 	$good 	
E2
while IFS='|' read -r name value; do
	text=$(seen "traceparent$value" 'tracestate: a=1')
	ok "made anew: $name" is_new "$text"
done <<E2
an empty one|;
a version that is forbidden|: ff-$trace-$span-01
more than this version has|: $good-what
a dot behind it|: $good.
a later version that ends otherwise|: cc-$trace-$span-01.what
a version of one digit|: 0-$trace-$span-01
a version of no digits|: zz-$trace-$span-01
a trace of zeros|: 00-00000000000000000000000000000000-$span-01
a trace that is short|: 00-${trace%?}-$span-01
a trace that is long|: 00-${trace}0-$span-01
a trace in capitals|: 00-${trace^^}-$span-01
a trace of no digits|: 00-${trace%?}.-$span-01
a parent of zeros|: 00-$trace-0000000000000000-01
a parent that is short|: 00-$trace-${span%?}-01
a parent that is long|: 00-$trace-${span}0-01
a parent in capitals|: 00-$trace-${span^^}-01
flags of one digit|: 00-$trace-$span-1
flags of no digits|: 00-$trace-$span-.0
no flags|: 00-$trace-$span
words|: what is this
E2
ok '  two of them' is_new "$(seen "traceparent: $good" "traceparent: 00-$trace-$span-00")"
ok '  none' is_new "$(seen)"
ok '  without the state of nobody' is_new "$(seen 'tracestate: a=1')"
isnt() { [[ $1 != "$2" ]]; }
ok '  of another trace each time' isnt "$(seen)" "$(seen)"

many() { seq -s, -f "k%g=$2" "$1"; } # COUNT VALUE
while IFS='|' read -r name value; do
	is "$(seen "traceparent: $good" "tracestate: $value" | tail -n +2)" "tracestate: $value" "kept: a state with $name"
done <<E2
one member|a=1
two|a=1,b=2
blanks between them|a=1 , b=2
a tenant|0a@b=1
all that a key may have|a-_*/9=1
all that a value may have|a=!"#%&'()*+-./:;<>?@[\\]^_\`{|}~ x
thirty-two|$(many 32 1)
E2
while IFS='|' read -r name value; do
	is "$(seen "traceparent: $good" "tracestate: $value")" "traceparent: $good" "dropped: a state with $name"
done <<E2
no value|a
an empty key|=1
a key in capitals|A=1
a key with a blank|a b=1
a key that is long|$(printf 'a%.0s' {1..257})=1
a value that is long|a=$(printf '1%.0s' {1..257})
an equals sign in the value|a=1=2
a bad member beside a good one|a=1,B=2
thirty-three|$(many 33 1)
E2
is "$(seen "traceparent: $good" 'tracestate: a=1' 'tracestate: b=2' | tail -n +2)" $'tracestate: a=1\ntracestate: b=2' 'several lines are one state'
is "$(seen "traceparent: $good" 'tracestate: a=1' 'tracestate: B=2')" "traceparent: $good" '  and dropped as one'

done_testing
