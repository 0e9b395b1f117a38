// The one call of Consul's KV store that consul-template makes: everything below a key, at once or
// when it has changed (https://developer.hashicorp.com/consul/api-docs/kv, "blocking queries").
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

type pair struct {
	Key                      string
	Value                    []byte
	CreateIndex, ModifyIndex int64
}

type consul struct {
	store *store
	index map[string]int64 // of environments and of backends: the last change below it
}

func top(key string) string { return strings.SplitN(key, "/", 2)[0] }

func (c *consul) below(prefix string) []pair {
	pairs := []pair{}
	for key, entry := range c.store.entries {
		if strings.HasPrefix(key, prefix) {
			pairs = append(pairs, pair{key, entry.value, entry.revision, entry.revision})
		}
	}
	sort.Slice(pairs, func(i, j int) bool { return pairs[i].Key < pairs[j].Key })
	return pairs
}

func (c *consul) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	prefix := strings.TrimPrefix(r.URL.Path, "/v1/kv/")
	known, _ := strconv.ParseInt(r.FormValue("index"), 10, 64)
	wait, err := time.ParseDuration(r.FormValue("wait"))
	if err != nil {
		wait = time.Minute
	}
	deadline := time.After(wait)
	c.store.Lock()
	for over := false; known != 0 && c.index[top(prefix)] <= known && !over; {
		changed := c.store.changed
		c.store.Unlock()
		select {
		case <-changed:
		case <-deadline:
			over = true
		case <-r.Context().Done():
			return
		}
		c.store.Lock()
	}
	index, pairs := c.index[top(prefix)], c.below(prefix)
	c.store.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Consul-Index", strconv.FormatInt(index, 10))
	w.Header().Set("X-Consul-KnownLeader", "true")
	w.Header().Set("X-Consul-LastContact", "0")
	if len(pairs) == 0 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if err := json.NewEncoder(w).Encode(pairs); err != nil {
		log.Print(err)
	}
}

func serveConsul(etcd, prefix, listen string) error {
	c := &consul{index: map[string]int64{}}
	c.store = openStore(etcd, prefix, func(key string, _ []byte, revision int64) {
		c.index[top(key)] = revision
	})
	return http.ListenAndServe(listen, c)
}
