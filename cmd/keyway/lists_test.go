package main

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store/storetest"
)

// Guards against SQL that grows with what a client sends: however many items a request's lists and objects have, the database
// gets the same few texts, so that a client cannot fill the memory with prepared statements, nor can an endpoint that is new.
func TestListsShareStatements(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	w := setup(t, db)
	w.document = nil
	w.planner = newPlanner(t, db)
	own := w.part(t, w.here, "jane", "mine")
	tried := 0
	for _, e := range w.rpc.Endpoints() {
		if e.Allow&rpc.APIKey == 0 || e.Streams() || !e.Read && e.Path != "/client_sessions/get_or_create" {
			continue
		}
		for _, p := range e.Parameters() {
			list := strings.HasPrefix(p.Type, "array")
			if strings.Contains(p.Name, ".") || !list && !strings.Contains(p.Name, "metadata") {
				continue
			}
			ask := func(n int) bool {
				body := maps.Clone(example(t, e, own))
				items, object := []string{}, fields{}
				for i := range n {
					if object[fmt.Sprint("k", i)] = "v"; len(p.Enum) > 0 {
						items = append(items, p.Enum[i%len(p.Enum)])
					} else {
						items = append(items, fmt.Sprintf("01a22b78-8a02-7d8f-a4fc-%012d", i))
					}
				}
				if body[p.Name] = items; !list {
					body[p.Name] = object
				}
				return w.call(t, w.here.key, e.Path, body).status == http.StatusOK
			}
			if !ask(2) || !ask(3) {
				continue // not a list of ids, names or flags
			}
			tried++
			_ = w.planner.taken()
			texts := map[string]bool{}
			for n := range 101 {
				if n > 4 && n%16 != 0 && n != 50 && n != 51 && n != 99 && n != 100 {
					continue
				}
				ask(n)
				for _, q := range w.planner.taken() {
					texts[q.text] = true
				}
			}
			// None, one and several differ, each may be read in a few steps, and some queries are about who asks.
			if len(texts) > 16 {
				t.Errorf("%s with 0 to 100 items in %s asks %d different queries:\n%s", e.Path, p.Name, len(texts),
					strings.Join(slicesOf(texts), "\n"))
			}
		}
	}
	if tried < 15 {
		t.Errorf("only %d lists were tried", tried)
	}
}

func slicesOf(set map[string]bool) (out []string) {
	for text := range set {
		out = append(out, text)
	}
	return out
}
