// What peers of Mayfly need beside them to follow the same environments in etcd: Envoy a control
// plane, consul-template somebody who speaks as Consul does.
//
//	plane envoy|consul ETCD PREFIX LISTEN
package main

import (
	"fmt"
	"log"
	"os"
)

func main() {
	kinds := map[string]func(etcd, prefix, listen string) error{
		"envoy": serveEnvoy, "consul": serveConsul,
	}
	if len(os.Args) != 5 || kinds[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: plane envoy|consul ETCD PREFIX LISTEN")
		os.Exit(64)
	}
	log.Fatal(kinds[os.Args[1]](os.Args[2], os.Args[3], os.Args[4]))
}
