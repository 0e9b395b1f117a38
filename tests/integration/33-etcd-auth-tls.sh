#!/bin/bash
# etcd with TLS, a client certificate, users and passwords; wrong ones are named.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl openssl

cd "$T" || exit 1
make_key() { openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -subj "/O=$1" -out "$1.csr"; }
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /O=ca -days 2
	make_key server && make_key client
	openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt \
		-extfile <(printf 'subjectAltName=IP:127.0.0.1\n')
	openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out client.crt
} >"$T/out/openssl" 2>&1 || die 'no certificates'

ports 2
url=https://127.0.0.1:${PORTS[0]}
start etcd etcd --name etcd --data-dir "$T/data-etcd" --logger zap --log-outputs stderr \
	--log-level warn --client-cert-auth --trusted-ca-file ca.crt --cert-file server.crt \
	--key-file server.key --listen-client-urls "$url" --advertise-client-urls "$url" \
	--listen-peer-urls "http://127.0.0.1:${PORTS[1]}" \
	--initial-advertise-peer-urls "http://127.0.0.1:${PORTS[1]}" \
	--initial-cluster "etcd=http://127.0.0.1:${PORTS[1]}" --auth-token simple
ETCD_URLS=("$url")
export ETCDCTL_ENDPOINTS=$url ETCDCTL_CACERT=$T/ca.crt ETCDCTL_CERT=$T/client.crt \
	ETCDCTL_KEY=$T/client.key
wait_for 20 etcdctl endpoint health || die 'etcd does not come up'
write_settings

run_tool svcregister list
is "$STATUS" 0 'the certificates of the environment variables are used'
run_tool svcregister list --log-level debug
like "$ERR" 'listed prefix=[^ ]* revision=[0-9]* by=gRPC' '  and the list comes by gRPC'
run_tool svcregister list --cacert /etc/ssl/certs/nowhere.pem
unlike "$STATUS" '^0$' 'a CA file that is not there is an error'
ETCDCTL_CACERT='' run_tool svcregister list
is "$STATUS" 69 'without the CA etcd is out of reach'
like "$ERR" 'certificate' '  with the reason, not with a time-out'
ETCDCTL_CERT='' ETCDCTL_KEY='' run_tool svcregister list
is "$STATUS" 69 'without a client certificate etcd is out of reach'

etcdctl put /mayfly/backends/web/1/a 10.0.0.1:80 >/dev/null
{
	etcdctl user add root:root-secret
	etcdctl user grant-role root root
	etcdctl role add mayfly
	etcdctl role grant-permission mayfly --prefix=true readwrite /mayfly/
	etcdctl user add mayfly:s3cret
	etcdctl user grant-role mayfly mayfly
	etcdctl user add nobody:s3cret
	etcdctl auth enable
} >"$T/log/auth" 2>&1
run_tool svcregister list
unlike "$STATUS" '^0$' 'without a user etcd refuses'
run_tool svcregister list --user mayfly:s3cret
is "$OUT" 'web 1 10.0.0.1:80' 'a user with a password is let in'
run_tool svcregister list --user mayfly:s3cret --log-level debug
like "$ERR" 'listed prefix=[^ ]* revision=[0-9]* by=gRPC' '  with gRPC, too'
ETCDCTL_PASSWORD=s3cret run_tool svcregister list --user mayfly
is "$STATUS" 0 'the password may come from its variable'
run_tool svcregister list --user mayfly:wrong-secret
is "$STATUS" 77 'a wrong password is no permission'
unlike "$ERR" 'wrong-secret' 'and is not shown'
printf 's3cret\n' >"$T/password"
chmod 644 "$T/password"
write_settings etcd.user=mayfly "etcd.password_file=$T/password"
run_tool svcregister list
is "$STATUS" 77 'a password file that everybody can read is refused'
like "$ERR" "$T/password.*mode 0644" 'with its name and mode'
chmod 600 "$T/password"
run_tool svcregister list
is "$STATUS" 0 'and read when it is private'
write_settings
run_tool svcregister list --user nobody:s3cret
is "$STATUS" 77 'nor is a user without the role'
run_tool mayfly instance list --user mayfly:s3cret -o name
is "$STATUS $OUT" '0 web/1/a' 'the command for people is let in, too'
run_tool mayfly instance list --user nobody:s3cret
is "$STATUS" 77 '  or not'

# Every tool, as `ps` shows it while it runs.
mkdir -p "$T/services.d"
hides() { # PID: it has read its options
	grep -qa -- --prefix "/proc/$1/cmdline" && not grep -qa s3cret "/proc/$1/cmdline"
}
start_tool_as hidden svcregister dir "$T/services.d" --user mayfly:s3cret --prefix /mayfly
start_tool envwatch "$T/environments" --user=mayfly:s3cret --prefix /mayfly
start_tool kvwatch --user mayfly:s3cret --prefix /mayfly
for name in hidden envwatch kvwatch; do
	within "$name shows its password to nobody" 10 hides "${PID[$name]}"
	stop "$name"
done

export ETCDCTL_USER=mayfly ETCDCTL_PASSWORD=s3cret
start_tool svcregister register web 1 127.0.0.1:9999 --ttl 2s
root() { etcdctl --user root:root-secret "$@"; }
unset ETCDCTL_USER ETCDCTL_PASSWORD
within 'an instance is registered' 10 says 127.0.0.1:9999 root get --prefix /mayfly/
mark svcregister
stop etcd
start_again etcd # its simple tokens are forgotten
within 'etcd is restarted' 20 root endpoint health
root del --prefix /mayfly/backends/web/1/ >/dev/null
within 'the token is renewed, and the instance put again' 15 says 127.0.0.1:9999 \
	root get --prefix /mayfly/
stop svcregister
is "$STATUS" 0 'and it takes its leave'
not_there() { not says 127.0.0.1:9999 root get --prefix /mayfly/; }
ok 'with its key' not_there

done_testing
