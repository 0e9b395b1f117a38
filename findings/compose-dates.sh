#!/bin/bash
# compose-go: a date in a compose file reaches the container as "2026-11-29 00:00:00 +0000 UTC".
#
# One would expect: values under `environment` and `labels` are texts; `RELEASED: 2026-11-29` is that text,
# and a label with a short commit hash is that hash.
#
# Seen with compose-go v2.16.2 (the library with which Docker Compose reads its files): YAML's reading of
# the bare value comes first, and the container is given what Go prints of it.  A date gets a time and
# a zone; a time loses its T and Z, so that nothing that wrote it reads it back.  A commit is right until
# one is made of digits and an e: 4650719e2 becomes 4.650719e+08.  No error, no warning.  The same values
# in the list form (`- RELEASED=2026-11-29`) or by $RELEASED from the shell stay as they are.
#
# Needs Go 1.24 or later.  Exits 0 while this is so.
set -eu

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

export GOPATH="$tmp/go" GOCACHE="$tmp/cache" GOFLAGS='-mod=mod -modcacherw'
cd "$tmp"
cat >main.go <<-'END'
	package main

	import (
		"context"
		"fmt"
		"log"
		"os"

		"github.com/compose-spec/compose-go/v2/cli"
	)

	func main() {
		options, err := cli.NewProjectOptions(os.Args[1:], cli.WithName("demo"), cli.WithOsEnv)
		if err != nil {
			log.Fatal(err)
		}
		project, err := options.LoadProject(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		for _, name := range []string{"map", "list", "shell"} {
			service := project.Services[name]
			fmt.Printf("%s: %s, %s, %s\n", name, *service.Environment["RELEASED"],
				*service.Environment["BUILT"], service.Labels["commit"])
		}
	}
END
cat >compose.yaml <<-'END'
	services:
	  map:
	    image: app
	    environment: {RELEASED: 2026-11-29, BUILT: 2026-11-29T10:30:00Z}
	    labels: {commit: 4650719e2}
	  list:
	    image: app
	    environment: [RELEASED=2026-11-29, "BUILT=2026-11-29T10:30:00Z"]
	    labels: [commit=4650719e2]
	  shell:
	    image: app
	    environment: {RELEASED: $RELEASED, BUILT: $BUILT}
	    labels: {commit: $COMMIT}
END
go mod init dates 2>log
go mod edit -require github.com/compose-spec/compose-go/v2@v2.16.2
go build -o dates . 2>log || cat log
RELEASED=2026-11-29 BUILT=2026-11-29T10:30:00Z COMMIT=4650719e2 ./dates compose.yaml >seen
cat seen

as_written='2026-11-29, 2026-11-29T10:30:00Z, 4650719e2'
[[ $(<seen) = "map: 2026-11-29 00:00:00 +0000 UTC, 2026-11-29 10:30:00 +0000 UTC, 4.650719e+08
list: $as_written
shell: $as_written" ]]
