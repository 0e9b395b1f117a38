#!/bin/bash
# client-native: reading a haproxy.cfg and writing it again, with no change, changes what HAProxy does.
#
# One would expect: the configuration parser of client-native (the Go library under HAProxy's Data Plane
# API) may lay a file out anew, but what it writes means what it read; and what it cannot keep it refuses.
#
# Seen with client-native v6.2.5 and HAProxy 2.6.12 (Debian 12): the parser returns no error, `haproxy -c`
# takes the written file, and it does something else, for each keyword has a place of its own in a section.
# - `default-server` is for the servers below it.  All of them are moved above all servers, so a canary
#   of weight 1 that stands before `default-server weight 50` has weight 50 after.
# - `.if`, `.else` and `.endif` are moved to the end of the section, with nothing between them: the lines
#   of both branches are in force.
#
# Needs Debian 12, apt-get, curl and Go 1.24 or later.  Exits 0 while this is so.
set -eu

tmp=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || :; wait; rm -rf "$tmp"' EXIT

unpack() { # PACKAGE=VERSION...: it and what of its libraries is missing, into $tmp
	mkdir -p "$tmp/debs/partial"
	apt-get -qq -y --download-only --no-install-recommends --reinstall --allow-downgrades \
		-o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dir::Cache::archives="$tmp/debs/" \
		install "$@" >&2
	for deb in "$tmp"/debs/*.deb; do dpkg-deb -x "$deb" "$tmp"; done
	LD_LIBRARY_PATH=$(echo "$tmp"/usr/lib/*-linux-gnu)
	export LD_LIBRARY_PATH
}

free_port() {
	local port
	while port=$((20000 + RANDOM % 12000)) && (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
	echo "$port"
}

cli() { # COMMANDS: to HAProxy's admin socket
	exec 3<>"/dev/tcp/127.0.0.1/$admin"
	echo "$1" >&3
	cat <&3
	exec 3>&-
}

build_rewrite() { # a program that reads a configuration and writes it
	export GOPATH="$tmp/go" GOCACHE="$tmp/cache" GOFLAGS='-mod=mod -modcacherw'
	mkdir "$tmp/rewrite"
	cat >"$tmp/rewrite/main.go" <<-'END'
		package main

		import (
			"fmt"
			"log"
			"os"

			parser "github.com/haproxytech/client-native/v6/config-parser"
			"github.com/haproxytech/client-native/v6/config-parser/options"
		)

		func main() {
			config, err := parser.New(options.Path(os.Args[1]))
			if err != nil {
				log.Fatal(err)
			}
			fmt.Print(config.String())
		}
	END
	cd "$tmp/rewrite"
	go mod init rewrite 2>"$tmp/out"
	go mod edit -require github.com/haproxytech/client-native/v6@v6.2.5
	go build -o "$tmp/rewriter" . 2>"$tmp/out" || cat "$tmp/out"
	cd "$OLDPWD"
}

try() { # FILE: what HAProxy does with it
	"$tmp/usr/sbin/haproxy" -c -q -f "$1" 2>"$tmp/log"
	"$tmp/usr/sbin/haproxy" -db -f "$1" 2>"$tmp/log" &
	pids+=($!)
	until curl -s -o "$tmp/out" "127.0.0.1:$http/"; do
		kill -0 "${pids[@]}"
		sleep 0.1
	done
	curl -s "127.0.0.1:$http/"
	cli 'show stat app 4 -1' | awk -F, '/^app/ { print $2, "weight", $19 }'
	kill "${pids[@]}"
	wait
	pids=()
}

unpack haproxy=2.6.12-1+deb12u3
build_rewrite
http=$(free_port) admin=$(free_port)
cat >"$tmp/read.cfg" <<-END
	global
	  stats socket ipv4@127.0.0.1:$admin level admin
	defaults
	  mode http
	  timeout connect 2s
	  timeout client 5s
	  timeout server 5s
	frontend http
	  bind 127.0.0.1:$http
	  .if version_atleast(99.0)
	  http-request return status 200 content-type text/plain lf-string "of the future\n"
	  .else
	  http-request return status 200 content-type text/plain lf-string "of today\n"
	  .endif
	  default_backend app
	backend app
	  server canary 127.0.0.1:1
	  default-server weight 50
	  server stable 127.0.0.1:2
END
"$tmp/rewriter" "$tmp/read.cfg" >"$tmp/written.cfg"
try "$tmp/read.cfg" >"$tmp/before"
try "$tmp/written.cfg" >"$tmp/after"
head "$tmp/before" "$tmp/after"

[[ $(<"$tmp/before") = 'of today
canary weight 1
stable weight 50' ]]
[[ $(<"$tmp/after") = 'of the future
canary weight 50
stable weight 50' ]]
