package conformance

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// received is what a webhook's receiver got, for verifiers in other languages.
type received struct {
	Secrets  []string   `json:"secrets"` // the first one, and the one after a rotation
	Messages []*message `json:"messages"`
	mu       sync.Mutex
}

type message struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Secret  int               `json:"newest_secret"` // index of the newest that had been made when it was sent
}

// receiver starts a receiver that answers an event with what answer says.
func receiver(t *testing.T, answer func(event string) int) (*received, string) {
	t.Helper()
	r := &received{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return // a server that was killed while it sent
		}
		status := answer(q.Header.Get("svix-id"))
		if status < 300 {
			headers := map[string]string{}
			for name := range q.Header {
				headers[strings.ToLower(name)] = q.Header.Get(name)
			}
			r.mu.Lock()
			r.Messages = append(r.Messages, &message{headers, string(body), len(r.Secrets) - 1})
			r.mu.Unlock()
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return r, s.URL
}

// failsSeldom answers with a failure now and then, but never to an event and to its retry, however late
// that is: the one after it comes minutes later.
func failsSeldom() func(event string) int {
	var mu sync.Mutex
	var last time.Time
	failed := map[string]bool{}
	return func(event string) int {
		mu.Lock()
		defer mu.Unlock()
		if failed[event] || time.Since(last) < 10*time.Second {
			return http.StatusOK
		}
		failed[event], last = true, time.Now()
		return http.StatusServiceUnavailable
	}
}

func (r *received) ids() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]int{}
	for _, m := range r.Messages {
		out[m.Headers["svix-id"]]++
	}
	return out
}

func (r *received) wait(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); len(r.ids()) < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d events arrived", len(r.ids()), n)
		}
	}
}

// What a webhook gets is verified by the verifiers that its receivers use.
func TestWebhookVerifiers(t *testing.T) {
	t.Parallel()
	w := start(t)
	r, url := receiver(t, func(string) int { return http.StatusOK })
	hook := w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/webhooks/create", fields{"url": url}).object(t, "webhook")
	id := text(t, hook, "webhook_id")
	r.mu.Lock()
	r.Secrets = []string{text(t, hook, "secret")}
	r.mu.Unlock()
	device := fields{"device_id": w.Harbour.Devices[0].DeviceID}
	w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/devices/simulate/disconnect", device)
	w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/devices/simulate/connect", device)
	r.wait(t, 2)
	rotated := w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/keyway/v1/webhooks/rotate_secret", fields{"webhook_id": id}).object(t, "webhook")
	r.mu.Lock()
	r.Secrets = append(r.Secrets, text(t, rotated, "secret"))
	r.mu.Unlock()
	test := w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/keyway/v1/webhooks/send_test", fields{"webhook_id": id}).object(t, "webhook_delivery")
	sent := text(t, test, "event_id") // not the third to come: locks that were just connected are still being read
	for deadline := time.Now().Add(time.Minute); r.ids()[sent] == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the test event did not arrive")
		}
	}
	w.Received = r
	t.Run("npm @seamapi/webhook", func(t *testing.T) { javaScript(t, w, "webhook.js") })
	t.Run("PyPI svix", func(t *testing.T) {
		w.client(t, "python", filepath.Join(peer(t, "KEYWAY_TEST_PYTHON"), "bin", "python"), "-B", "webhook.py")
	})
}

// A server that is killed at random moments, with deliveries and retries in flight, delivers every
// event of its log in the end.
func TestWebhooksSurviveKilling(t *testing.T) {
	t.Parallel()
	w := mortal(t, "--data", t.TempDir())
	answer := failsSeldom()
	r, url := receiver(t, func(event string) int {
		time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
		return answer(event)
	})
	kill := w.run(t)
	w.Harbour.Devices = w.devices(t, w.Harbour.WorkspaceID)
	w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/webhooks/create", fields{"url": url})
	// Devices that were just connected are still being read, and what happened before there was a webhook is not delivered.
	since := time.Now().UTC().Format(time.RFC3339Nano)
	var written atomic.Int32
	for range 5 {
		var writers sync.WaitGroup
		stop := make(chan struct{})
		for _, d := range w.Harbour.Devices[:2] {
			writers.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					body := fmt.Sprintf(`{"device_id":%q}`, d.DeviceID)
					path := []string{"/devices/simulate/disconnect", "/devices/simulate/connect"}[n%2]
					req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+path, strings.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					req.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + w.PAT},
						"Seam-Workspace": {w.Harbour.WorkspaceID}}
					res, err := w.http.Do(req)
					if err != nil {
						time.Sleep(time.Millisecond) // killed, or a connection to one that was
						continue
					}
					_ = res.Body.Close()
					written.Add(1)
				}
			})
		}
		// However slow the machine, each round does its part.
		for n := written.Load() + 15; written.Load() < n && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		kill()
		close(stop)
		writers.Wait()
		kill = w.run(t)
	}
	var ids []string
	happened := map[string]string{}
	for offset := 0; ; offset += 500 {
		page := w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/events/list", fields{"since": since, "unstable_offset": offset}).objects(t, "events")
		for _, e := range page {
			id := text(t, e, "event_id")
			ids = append(ids, id)
			happened[id] = text(t, e, "event_type") + " at " + text(t, e, "created_at")
		}
		if len(page) < 500 {
			break
		}
	}
	if len(ids) < 50 {
		t.Fatalf("only %d events happened", len(ids))
	}
	missing := func() (list []string) {
		got := r.ids()
		for _, id := range ids {
			if got[id] == 0 {
				list = append(list, happened[id])
			}
		}
		return list
	}
	for deadline := time.Now().Add(90 * time.Second); len(missing()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("of %d events since %s these were never delivered: %q", len(ids), since, missing())
		}
	}
	t.Logf("%d events, %d deliveries", len(ids), len(r.Messages))
}
