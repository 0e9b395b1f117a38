#!/bin/bash
# kvwatch and HAProxy are killed with SIGKILL, one of them or both, at random points of a stream of
# changes, and started again: in the end files, HAProxy and etcd say the same.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

SEED=${SEED:-$RANDOM}
RANDOM=$SEED
note "SEED=$SEED"

start_etcd
write_settings dnsmasq.hosts= dnsmasq.reload=
start_tool kvwatch
start_haproxy
for version in 1 2 3; do
	start_app "web-$version" web $version
	etcd_put "backends/web/$version/a" "${ADDRESS[web-$version]}"
done
env() { # NAME VERSION
	etcd_put "environments/$1" \
		"{\"name\":\"$1\",\"services\":[{\"name\":\"web\",\"version\":\"$2\",\"route\":\"/\"}]}"
}
env still 1
within 'it works' 10 serves www-still.example.com '^web 1 '

# A change of a kind of its own: a flip, a new or a gone environment, an instance, a new version.
change() { # N
	local version=$(($1 % 3 + 1))

	case $(($1 % 5)) in
	0 | 1) env still "$version" ;;
	2) env "more-$(($1 % 7))" "$version" ;;
	3) etcd_del "environments/more-$(($1 % 4))" ;;
	4)
		if (($1 % 2)); then
			etcd_put "backends/web/$version/b$(($1 % 3))" "${ADDRESS[web-$version]%:*}:$((1 + $1 % 9))"
			etcd_del "backends/web/$version/b$(($1 % 3))"
		else
			etcd_put "backends/web/9.$1/a" "${ADDRESS[web-1]}"
		fi
		;;
	esac
}

come_back() { # NAME
	start_again "$1"
	[[ $1 != haproxy ]] || wait_for 10 haproxy_is_ready || fail "HAProxy comes up again"
}
n=0
for round in {1..12}; do
	changes=$((RANDOM % 6 + 1))
	delay=0.$(printf '%03d' $((RANDOM % 250)))
	case $((RANDOM % 3)) in
	0) victims=kvwatch ;;
	1) victims=haproxy ;;
	2) victims='kvwatch haproxy' ;;
	esac
	(
		trap - EXIT
		sleep "$delay"
		for victim in $victims; do kill -KILL "${PID[$victim]}"; done
	) &
	killer=$!
	for ((i = 0; i < changes; i++)); do change $((++n)); done
	wait "$killer"
	for victim in $victims; do wait_exit "$victim" 10; done
	change $((++n))
	for victim in $victims; do come_back "$victim"; done
	change $((++n))
	version=$((round % 3 + 1))
	env last "$version"
	if ! wait_for 20 serves www-last.example.com "^web $version " || ! wait_for 20 all_is_one; then
		fail "round $round: $victims killed $delay s into $changes changes" "$(all_is_one 2>&1)"
		break
	fi
	pass "round $round: $victims killed $delay s into $changes changes"
done
ok 'HAProxy loads the files as they are' haproxy -c -f "$T/haproxy/haproxy.cfg"
ok 'no stage is left' not ls -d "$T"/haproxy/.mayfly-stage.*

done_testing
