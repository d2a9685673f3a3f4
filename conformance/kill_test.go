package conformance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// mortal makes a world whose server is started, and may be killed, by run: each time under the same
// address.
func mortal(t *testing.T, folder ...string) *world {
	t.Helper()
	w := &world{folder: folder, http: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 10}}}
	me := w.command(t, ownerPassword, "init", "--email", ownerEmail, "--password-stdin", "--workspace", "Harbour", "--sandbox", "--pat",
		"first")
	w.PAT, w.Harbour.WorkspaceID = text(t, me, "personal_access_token"), text(t, me, "workspace_id")
	w.connect(t, w.Harbour.WorkspaceID, "august")
	w.URL = "http://127.0.0.1:" + freePort(t)
	return w
}

func (w *world) run(t *testing.T) (kill func()) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"serve", "--listen", strings.TrimPrefix(w.URL, "http://"), "--public-url", w.URL},
		slices.Concat(w.folder, w.flags)...)...)
	cmd.Env = environment()
	if w.logPath != "" {
		log, err := os.OpenFile(w.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = log.Close() }()
		cmd.Stderr = log
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		<-exited
	})
	t.Cleanup(kill)
	if !w.healthy(exited) {
		t.Fatal("keyway serve did not start")
	}
	return kill
}

// wish is what one writer wants of one code. The outcome of an operation that was cut off is unknown, so
// until the next one is acknowledged either is accepted.
type wish struct {
	id           string
	names        []string // the last that was acknowledged, and those that were cut off since
	gone, unsure bool     // a deletion was acknowledged; one was cut off
}

// A server that is killed at random moments of five hundred operations on codes keeps all that it
// acknowledged, brings every lock to what is wanted, leaves no attempt pending, and delivers every
// event.
func TestCodesSurviveKilling(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		codesSurviveKilling(t, "--data", t.TempDir())
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		codesSurviveKilling(t, postgresFolder(t)...)
	})
}

func codesSurviveKilling(t *testing.T, folder ...string) {
	const operations, kills, writersPerLock = 500, 5, 2
	w := mortal(t, folder...)
	ws := w.Harbour.WorkspaceID
	r, url := receiver(t, failsSeldom())
	kill := w.run(t)
	secret := text(t, w.ok(t, w.PAT, ws, "/webhooks/create", fields{"url": url}).object(t, "webhook"), "secret")
	var locks []string
	for _, d := range w.ok(t, w.PAT, ws, "/devices/list", fields{}).objects(t, "devices") {
		if d["properties"].(fields)["online"] == true && d["can_program_online_access_codes"] == true {
			locks = append(locks, text(t, d, "device_id"))
		}
	}
	if len(locks) < 2 {
		t.Fatalf("only %d locks", len(locks))
	}

	var mu sync.Mutex
	var done, cut int
	wishes := map[string][]*wish{}
	// ask posts; ok is false when the server died meanwhile.
	ask := func(path string, in fields) (out fields, ok bool) {
		body, _ := json.Marshal(in) // of strings
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+path, strings.NewReader(string(body)))
		if err != nil {
			t.Error(err)
			return nil, false
		}
		req.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + w.PAT}, "Seam-Workspace": {ws}}
		res, err := w.http.Do(req)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			cut++
			return nil, false
		}
		defer func() { _ = res.Body.Close() }()
		raw, err := io.ReadAll(res.Body)
		if err == nil {
			err = json.Unmarshal(raw, &out)
		}
		if err != nil {
			cut++
			return nil, false
		}
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s %v: %d %s", path, in, res.StatusCode, raw)
			return nil, false
		}
		done++
		return out, true
	}
	write := func(lock string, n, until int) {
		var mine []*wish
		defer func() {
			mu.Lock()
			wishes[lock] = append(wishes[lock], mine...)
			mu.Unlock()
		}()
		for i := 0; ; i++ {
			mu.Lock()
			enough := done >= until
			mu.Unlock()
			if enough {
				return
			}
			name := fmt.Sprintf("%d-%d-%d", until, n, i)
			live := slices.DeleteFunc(slices.Clone(mine), func(c *wish) bool { return c.gone })
			var ok bool
			switch kind := rand.IntN(4); {
			case kind < 2 || len(live) == 0:
				out, made := ask("/access_codes/create", fields{"device_id": lock, "name": name})
				if ok = made; ok {
					mine = append(mine, &wish{id: out["access_code"].(fields)["access_code_id"].(string), names: []string{name}})
				}
			case kind == 2:
				c := live[rand.IntN(len(live))]
				c.names = append(c.names, name)
				if _, ok = ask("/access_codes/update", fields{"access_code_id": c.id, "name": name}); ok {
					c.names = []string{name}
				}
			default:
				c := live[rand.IntN(len(live))]
				c.unsure = true
				if _, ok = ask("/access_codes/delete", fields{"access_code_id": c.id}); ok {
					c.gone = true
				}
			}
			if !ok {
				return
			}
		}
	}
	for round := range kills {
		var writers sync.WaitGroup
		goal := operations * (round + 1) / kills
		for _, lock := range locks {
			for n := range writersPerLock {
				writers.Go(func() { write(lock, n, goal) })
			}
		}
		// The moment is a number of operations, so that every round does its part on any machine.
		strike := operations*round/kills + 20 + rand.IntN(operations/kills-20)
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && !t.Failed(); time.Sleep(time.Millisecond) {
			mu.Lock()
			there := done >= strike
			mu.Unlock()
			if there {
				break
			}
		}
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		kill()
		writers.Wait()
		kill = w.run(t)
		for _, lock := range locks {
			writers.Go(func() { write(lock, writersPerLock, goal) })
		}
		writers.Wait()
	}
	t.Logf("%d operations acknowledged, %d cut off", done, cut)

	// Every lock reaches the desired state: each code set under its name, and nothing else.
	list := func(path, key string, in fields) (all []fields) {
		for offset := 0; ; offset += 500 {
			if key == "events" {
				in["unstable_offset"] = offset
			}
			page := w.ok(t, w.PAT, ws, path, in).objects(t, key)
			if all = append(all, page...); key != "events" || len(page) < 500 {
				return all
			}
		}
	}
	wrong := func() (out []string) {
		for _, lock := range locks {
			there := map[string]fields{}
			for _, c := range list("/access_codes/list", "access_codes", fields{"device_id": lock}) {
				there[text(t, c, "access_code_id")] = c
				if c["status"] != "set" || len(c["pending_mutations"].([]any)) > 0 || len(c["errors"].([]any)) > 0 {
					out = append(out, fmt.Sprint(c["access_code_id"], " is ", c["status"], c["pending_mutations"], c["errors"]))
				}
			}
			for _, c := range wishes[lock] {
				found := there[c.id]
				switch {
				case found == nil && !c.unsure:
					out = append(out, c.id+" was acknowledged and is gone")
				case found != nil && c.gone:
					out = append(out, c.id+" was deleted and is there")
				case found != nil && !slices.Contains(c.names, found["name"].(string)):
					out = append(out, fmt.Sprintf("%s is called %v, want one of %v", c.id, found["name"], c.names))
				}
			}
			// What the lock contains beside the managed codes is what was on it before.
			for _, c := range list("/access_codes/unmanaged/list", "access_codes", fields{"device_id": lock}) {
				if name, _ := c["name"].(string); strings.Count(name, "-") == 2 {
					out = append(out, name+" was left behind on the lock")
				}
			}
		}
		return out
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		problems := wrong()
		if len(problems) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the locks do not converge:\n%s", strings.Join(problems[:min(10, len(problems))], "\n"))
		}
	}
	for _, lock := range locks {
		for _, a := range list("/action_attempts/list", "action_attempts", fields{"device_id": lock}) {
			if a["status"] == "pending" {
				t.Errorf("an attempt is still pending: %v", a)
			}
		}
	}

	// Every event since the webhook was made arrives, signed; each code is reported once as created and
	// once as deleted.
	created, deleted := map[any]int{}, map[any]int{}
	var ids []string
	for _, e := range list("/events/list", "events", fields{"since": "2000-01-01T00:00:00Z"}) {
		switch e["event_type"] {
		case "access_code.created":
			created[e["access_code_id"]]++
		case "access_code.deleted":
			deleted[e["access_code_id"]]++
		}
		if _, ofCode := e["access_code_id"]; ofCode && !strings.HasPrefix(e["event_type"].(string), "access_code.unmanaged.") {
			ids = append(ids, text(t, e, "event_id"))
		}
	}
	for _, c := range slices.Concat(slices.Collect(maps.Values(wishes))...) {
		if created[c.id] != 1 || c.gone && deleted[c.id] != 1 {
			t.Errorf("%s is told to be created %d times and deleted %d times", c.id, created[c.id], deleted[c.id])
		}
	}
	missing := func() []string {
		got := r.ids()
		return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return got[id] > 0 })
	}
	for deadline := time.Now().Add(time.Minute); len(missing()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d events were never delivered", len(missing()), len(ids))
		}
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.Messages {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", m.Headers["svix-id"], m.Headers["svix-timestamp"], m.Body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); m.Headers["svix-signature"] != want {
			t.Fatalf("%s is signed %s, want %s", m.Headers["svix-id"], m.Headers["svix-signature"], want)
		}
	}
	t.Logf("%d events of codes, %d deliveries", len(ids), len(r.Messages))
}

// A server that is killed while it asks locks leaves nothing pending: within thirty seconds the one
// beside it on the database, or the one that is started after it, has ended each attempt, and nothing
// was done or reported twice.
func TestUnlockingSurvivesKilling(t *testing.T) {
	t.Parallel()
	t.Run("sqlite, started again", func(t *testing.T) {
		t.Parallel()
		w := mortal(t, "--data", t.TempDir())
		kill := w.run(t)
		unlockingSurvivesKilling(t, w, func() *world {
			kill()
			w.run(t)
			return w
		})
	})
	t.Run("postgres, one beside it", func(t *testing.T) {
		t.Parallel()
		w := mortal(t, postgresFolder(t)...)
		kill := w.run(t)
		beside := *w
		beside.URL = "http://127.0.0.1:" + freePort(t)
		beside.run(t)
		unlockingSurvivesKilling(t, w, func() *world {
			kill()
			return &beside
		})
	})
}

func unlockingSurvivesKilling(t *testing.T, w *world, kill func() *world) {
	ws := w.Harbour.WorkspaceID
	var locks []string
	for _, d := range w.ok(t, w.PAT, ws, "/devices/list", fields{}).objects(t, "devices") {
		if d["properties"].(fields)["online"] == true && d["can_remotely_unlock"] == true {
			locks = append(locks, text(t, d, "device_id"))
		}
	}
	var mu sync.Mutex
	var acknowledged []string
	var callers sync.WaitGroup
	enough := make(chan struct{})
	for n := range 16 {
		callers.Go(func() {
			for {
				body := strings.NewReader(fmt.Sprintf(`{"device_id":%q}`, locks[n%len(locks)]))
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/locks/unlock_door", body)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + w.PAT}, "Seam-Workspace": {ws}}
				res, err := w.http.Do(req)
				if err != nil {
					return // it was killed
				}
				var out struct {
					Attempt struct {
						ID string `json:"action_attempt_id"`
					} `json:"action_attempt"`
				}
				err = json.NewDecoder(res.Body).Decode(&out)
				_ = res.Body.Close()
				if err != nil {
					return
				}
				mu.Lock()
				if acknowledged = append(acknowledged, out.Attempt.ID); len(acknowledged) == 300 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(time.Minute):
		t.Error("the server is too slow to be killed at work")
	}
	heir, died := kill(), time.Now()
	callers.Wait()
	attempts := func() (all []fields, pending int) {
		for _, lock := range locks {
			body := fields{"device_id": lock, "limit": 10_000}
			for _, a := range heir.ok(t, w.PAT, ws, "/action_attempts/list", body).objects(t, "action_attempts") {
				if all = append(all, a); a["status"] == "pending" {
					pending++
				}
			}
		}
		return all, pending
	}
	all, first := attempts()
	for pending := first; pending > 0; time.Sleep(100 * time.Millisecond) {
		if time.Since(died) > 30*time.Second {
			t.Fatalf("%d attempts are still pending", pending)
		}
		all, pending = attempts()
	}
	status, interrupted := map[any]any{}, 0
	for _, a := range all {
		status[a["action_attempt_id"]] = a["status"]
		if failure, failed := a["error"].(fields); failed {
			if interrupted++; failure["type"] != "action_attempt_interrupted" {
				t.Errorf("ended as %v", failure)
			}
		}
	}
	unlocked, told := map[any]int{}, map[any]int{}
	for offset := 0; ; offset += 500 {
		events := heir.ok(t, w.PAT, ws, "/events/list", fields{"since": "2000-01-01T00:00:00Z", "unstable_offset": offset,
			"event_types": []string{"lock.unlocked", "action_attempt.unlock_door.succeeded", "action_attempt.unlock_door.failed"}}).objects(t,
			"events")
		for _, e := range events {
			if e["event_type"] == "lock.unlocked" {
				unlocked[e["action_attempt_id"]]++
			} else {
				told[e["action_attempt_id"]]++
			}
		}
		if len(events) < 500 {
			break
		}
	}
	for _, id := range acknowledged {
		if status[id] == nil {
			t.Errorf("%s was acknowledged and is gone", id)
		}
	}
	for id, is := range status {
		if want := map[any]int{"success": 1, "error": 0}[is]; unlocked[id] != want || told[id] != 1 {
			t.Errorf("%v ended as %v, unlocked %d times and was told of %d times", id, is, unlocked[id], told[id])
		}
	}
	t.Logf("%d attempts, %d pending after the server's death, %d interrupted, all ended %v after it", len(all), first, interrupted,
		time.Since(died).Round(time.Millisecond))
}
