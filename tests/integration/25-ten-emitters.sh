#!/bin/bash
# Ten emitters behind http://localhost/emitter/: one is killed, one hangs; both leave the rotation
# within the time that their checks are given, after which no request fails, and come back.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

start_mayfly 'routing.default_environment=prod'
write_environment prod emitter=1@/
mkdir "$T/services.d"
for ((i = 0; i < 10; i++)); do
	start_app "emitter-$i" emitter 1
	cat >"$T/services.d/emitter-$i.yaml" <<-END
		service: emitter
		version: 1
		id: emitter-$i
		address: ${ADDRESS[emitter-$i]}
		check: {http: /health, interval: 200ms, timeout: 500ms, fall: 2}
	END
done
start_tool svcregister dir "$T/services.d"

ask() { fetch localhost "$LOCAL/emitter/"; }
# So many of them answer, and nobody else, when each is asked twice in its turn.
answering() { for ((k = 0; k < 20; k++)); do ask; done | sed -n 's/^emitter 1 at \([^ ]*\) .*/\1/p' | sort -u; }
answer() { [[ $(answering | wc -l) == "$1" ]]; }
is_out() { ! etcd_has "backends/emitter/1/$1" && ! says "^emitter:1,${ADDRESS[$1]},.*,UP|^emitter:1,${ADDRESS[$1]},.*,no check" haproxy_stat; }
within 'ten emitters take turns' 20 answer 10

stop emitter-3 KILL
send_signal STOP emitter-7
within 'the killed one leaves within its time' 5 is_out emitter-3
within 'so does the one that hangs' 5 is_out emitter-7
start_load --url "$LOCAL/emitter/" --connections 8 --rate 400 --timeout 2s
within 'the others go on' 10 answer 8

start emitter-3 "$TEST_BIN/app" --listen "${ADDRESS[emitter-3]}" --service emitter --version 1
send_signal CONT emitter-7
within 'both are back when they recover' 15 answer 10
stop_load
is "$(load_says failed)" 0 "no request of $(load_says requests) failed since they had left"

done_testing
