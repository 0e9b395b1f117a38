#!/bin/bash
# Environments get and lose all host names below a domain while requests come: what of that takes a
# reload, and who has a name that several could have.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

start_mayfly
for version in 1 2 3; do
	start_app "web-$version" web $version
	etcd_put "backends/web/$version/a" "${ADDRESS[web-$version]}"
done
env() { # NAME VERSION [MEMBERS]
	etcd_put "environments/$1" "{\"name\":\"$1\",${3:+$3,}\"services\":[{\"name\":\"web\",\"version\":\"$2\",\"route\":\"/\"}]}"
}
is_reloaded() { # COUNT-OF-BEFORE
	(($(haproxy_reloads) > $1))
}
none_at() { says '^503$' fetch_status "$1" "$HTTP/"; }

env prod 1 '"hosts":["whole.pr.example.com"]'
within 'all is there' 10 serves www-prod.example.com '^web 1 '
before=$(haproxy_reloads)
unlike "$(<"$T/haproxy/haproxy.cfg")" 'txn\.wildcard' 'what nobody has is not looked for'

env pr 2 '"hosts":["*.pr.example.com"]'
within 'the first wildcard' 20 serves a.b.pr.example.com '^web 2 '
within '  and all is one' 10 all_is_one
within '  takes a reload' 20 is_reloaded "$before"
within '  for what has changed' 10 log_has kvwatch 'what has changed needs another configuration'
ok '  and not as HAProxy ran something else' not log_has kvwatch 'ran another configuration'
ok 'a whole name counts before it' serves whole.pr.example.com '^web 1 '

before=$(haproxy_reloads)
env wide 3 '"hosts":["*.x.example.com","*.y.example.com"]'
within 'others of as many labels' 10 serves a.x.example.com '^web 3 '
env wide 3 '"hosts":["*.y.example.com"]'
within '  one of them goes' 10 none_at a.x.example.com
ok '  and the other stays' serves a.y.example.com '^web 3 '
env thief 3 '"hosts":["*.pr.example.com"]'
within 'of two claims on one wildcard' 10 log_has kvwatch 'host \*\.pr\.example\.com'
ok '  the older has it' serves x.pr.example.com '^web 2 '
etcd_del environments/pr
within '  until it goes' 10 serves x.pr.example.com '^web 3 '
within '  and all is one' 10 all_is_one
is "$(haproxy_reloads)" "$before" 'none of it takes a reload'

env wide 3 '"hosts":["*.deep.pr.example.com","*.y.example.com"]'
env thief 1 '"hosts":["*.pr.example.com"]'
within 'the first one of more labels' 20 serves a.deep.pr.example.com '^web 3 '
within '  takes another' 20 is_reloaded "$before"
within '  and the shorter one has the rest' 10 serves deep.pr.example.com '^web 1 '

done_testing
