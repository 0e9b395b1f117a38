# shellcheck shell=bash
# shellcheck disable=SC2034 # variables are for those who source this
# A Docker engine of a story's own, beside whatever else runs on this machine: its folders, socket
# and process are the story's, it touches no firewall, and nothing of it is left.  Sourced behind
# lib.sh.
#
#	need_docker; start_docker; make_image web 1.2; run_container one --network net web:1.2 ...
#
# Its images hold the test service, /app, and a shell.

# WITHOUT_DOCKER=1 is for where an engine cannot be, such as inside another root file system.
need_docker() {
	[[ ${WITHOUT_DOCKER:-} != 1 ]] || skip_all 'WITHOUT_DOCKER=1'
	need dockerd docker containerd runc busybox ip
	if [[ $(id -u) != 0 ]]; then
		[[ ${REQUIRE_ALL:-0} == 1 ]] || skip_all 'a Docker engine of our own needs root'
		fail 'we are root, for a Docker engine of our own'
		done_testing
	fi
}

docker_is_ready() { docker version; }

# A small network of its own: NETWORK_RANGE is free for as long as this story lives, as its port is.
use_range() {
	ports 1
	NETWORK_RANGE=172.$((16 + (PORTS[0] >> 12))).$((PORTS[0] >> 4 & 255)).$(((PORTS[0] & 15) << 4))/28
}

start_docker() {
	mkdir "$T/docker"
	export DOCKER_HOST=unix://$T/docker/socket
	start dockerd dockerd --data-root "$T/docker/data" --exec-root "$T/docker/exec" \
		--pidfile "$T/docker/pid" --host "$DOCKER_HOST" --bridge none --iptables=false \
		--ip6tables=false --live-restore "$@"
	if ! wait_for 30 docker_is_ready; then
		[[ ${REQUIRE_ALL:-0} == 1 ]] || skip_all 'no Docker engine comes up here'
		die 'the Docker engine does not come up'
	fi
}

# Its containers live on; its containerd dies with it, a moment later.
crash_docker() {
	local containerd

	containerd=$(<"$T/docker/exec/containerd/containerd.pid")
	stop dockerd KILL
	wait_for 10 not is_alive "$containerd"
}

# The program with its libraries, so that no registry and no distribution is needed.
make_image() { # NAME TAG [IMPORT-OPTION...]
	local root=$T/docker/image library image=$1:$2

	shift 2
	if [[ ! -d $root ]]; then
		mkdir -p "$root/tmp" "$root/bin"
		cp "$TEST_BIN/app" "$root/"
		cp "$(command -v busybox)" "$root/bin/sh" # which it is by that name
		while read -r library; do
			cp -L --parents "$library" "$root/"
		done < <(ldd "$root/app" | grep -o '/[^ ]*')
	fi
	tar -C "$root" -c . | docker import "$@" - "$image" >/dev/null
}

make_network() { # NAME
	use_range
	docker network create --subnet "$NETWORK_RANGE" "$1" >/dev/null
}

# A test service on port 8080 of a container.  What it says it is, is the container's name.
run_container() { # NAME IMAGE [DOCKER-OPTION...]
	local name=$1 image=$2

	shift 2
	docker run -d --name "$name" --entrypoint /app "$@" "$image" \
		--listen 0.0.0.0:8080 --service "$name" --version 1 >/dev/null
}

# Everything in the engine, then the engine; containers outlive it, so that it is there for this.
stop_docker() {
	local ids

	[[ -d $T/docker ]] || return 0
	if ! is_running dockerd; then
		unset 'PID[dockerd]'
		start_again dockerd
	fi
	wait_for 30 docker_is_ready
	mapfile -t ids < <(docker ps -aq)
	((${#ids[@]} == 0)) || docker rm -f "${ids[@]}" >/dev/null
	mapfile -t ids < <(docker network ls -q --filter type=custom)
	((${#ids[@]} == 0)) || docker network rm "${ids[@]}" >/dev/null
	stop dockerd
	awk -v "top=$T/docker/" 'index($2, top) == 1 { print $2 }' /proc/mounts | xargs -r umount -l
}

stop_first() { stop_docker; }
