// What is in etcd below a prefix, kept up to date by a watch at the JSON gateway.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"
)

type entry struct {
	value    []byte
	revision int64
}

type store struct {
	sync.Mutex
	endpoint, prefix string
	entries          map[string]entry // keys without the prefix
	revision         int64
	changed          chan struct{} // closed by the next change
	onChange         func(key string, value []byte, revision int64)
}

type keyValue struct {
	Key, Value  []byte
	ModRevision int64 `json:"mod_revision,string"`
}

func (s *store) call(path string, body any) (*http.Response, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	response, err := http.Post(s.endpoint+path, "application/json", bytes.NewReader(text))
	if err == nil && response.StatusCode != http.StatusOK {
		response.Body.Close()
		err = fmt.Errorf("%s: %s", path, response.Status)
	}
	return response, err
}

// A range's end: the prefix with one added to its last byte.
func (s *store) scope() map[string]any {
	end := []byte(s.prefix)
	end[len(end)-1]++
	return map[string]any{"key": []byte(s.prefix), "range_end": end}
}

func (s *store) list() (int64, error) {
	var reply struct {
		Header struct {
			Revision int64 `json:",string"`
		}
		Kvs []keyValue
	}
	response, err := s.call("/v3/kv/range", s.scope())
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		return 0, err
	}
	for _, kv := range reply.Kvs {
		s.put(kv)
	}
	s.finish(reply.Header.Revision)
	return reply.Header.Revision, nil
}

func (s *store) put(kv keyValue) {
	key := strings.TrimPrefix(string(kv.Key), s.prefix)
	s.entries[key] = entry{kv.Value, kv.ModRevision}
	s.onChange(key, kv.Value, kv.ModRevision)
}

func (s *store) finish(revision int64) {
	s.revision = revision
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *store) watch(revision int64) error {
	request := s.scope()
	request["start_revision"] = fmt.Sprint(revision)
	response, err := s.call("/v3/watch", map[string]any{"create_request": request})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for decoder := json.NewDecoder(response.Body); ; {
		var reply struct {
			Result struct {
				Header struct {
					Revision int64 `json:",string"`
				}
				Events []struct {
					Type string
					Kv   keyValue
				}
			}
		}
		if err := decoder.Decode(&reply); err != nil {
			return err
		}
		if len(reply.Result.Events) == 0 {
			continue
		}
		s.Lock()
		for _, event := range reply.Result.Events {
			if event.Type == "DELETE" {
				key := strings.TrimPrefix(string(event.Kv.Key), s.prefix)
				delete(s.entries, key)
				s.onChange(key, nil, event.Kv.ModRevision)
				continue
			}
			s.put(event.Kv)
		}
		s.finish(reply.Result.Header.Revision)
		s.Unlock()
	}
}

// Lists, and then follows in the background; who makes the bench's changes outlives no etcd.
func openStore(endpoint, prefix string, onChange func(string, []byte, int64)) *store {
	s := &store{endpoint: endpoint, prefix: prefix + "/", entries: map[string]entry{},
		changed: make(chan struct{}), onChange: onChange}
	revision, err := s.list()
	for err != nil {
		log.Print(err)
		time.Sleep(100 * time.Millisecond)
		revision, err = s.list()
	}
	go func() { log.Fatal(s.watch(revision + 1)) }()
	return s
}
