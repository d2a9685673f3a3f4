package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/outbound"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

// robot is a token that is limited to a device, with a webhook of its own.
type robot struct {
	*world
	owner         identity.User
	token, id     string
	parent        string // what it was made with
	device, other string
	hook, theirs  string // its webhook, and the workspace's
	mu            sync.Mutex
	got           []fields // what its webhook was sent
}

func setupRobot(t *testing.T, db *store.DB) *robot {
	t.Helper()
	r := &robot{world: setup(t, db)}
	r.Webhooks.Guard = &outbound.Guard{Local: true}
	r.owner = r.person(t, "owner")
	r.join(t, r.here, r.owner, rpc.Owner)
	own, foreign := r.part(t, r.here, "sam", "mine"), r.part(t, r.here, "john", "theirs")
	r.device, r.other, r.theirs = own["device_id"], foreign["device_id"], own["webhook_id"]
	for _, p := range []part{own, foreign} { // to nowhere
		r.ok(t, r.here.key, "/webhooks/delete", fields{"webhook_id": p["webhook_id"]})
	}
	r.theirs = r.ok(t, r.here.key, "/webhooks/create",
		fields{"url": "https://example.com/all", "event_types": []string{"client_session.deleted"}}).object(t, "webhook")["webhook_id"].(string)
	_, r.parent = r.pat(t, r.owner.ID, credential.Credential{})
	r.token, r.id = r.pat(t, r.owner.ID, credential.Credential{ParentID: r.parent,
		Limits: credential.Limits{Scopes: []string{"*"}, DeviceIDs: []string{r.device}}})
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		var e fields
		_ = json.Unmarshal(body, &e)
		r.mu.Lock()
		r.got = append(r.got, e)
		r.mu.Unlock()
	}))
	t.Cleanup(receiver.Close)
	r.hook = r.mine(t, "/webhooks/create", fields{"url": receiver.URL}, http.StatusOK).object(t, "webhook")["webhook_id"].(string)
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { r.Webhooks.Run(ctx) })
	t.Cleanup(func() { stop(); work.Wait() })
	return r
}

// mine asks with the robot's token.
func (r *robot) mine(t *testing.T, path string, body fields, status int) answer {
	t.Helper()
	a := r.in(t, r.token, r.here.id, path, body)
	if a.status != status {
		t.Fatalf("%s: %d %s, want %d", path, a.status, a.raw, status)
	}
	return a
}

// happen renames both devices, which makes an event about each, and one of the workspace.
func (r *robot) happen(t *testing.T) {
	t.Helper()
	for _, id := range []string{r.other, r.device} {
		r.ok(t, r.here.key, "/devices/update", fields{"device_id": id, "name": store.NewID()})
	}
	id, _ := r.session(t, r.here, fields{"customer_key": "mine"})
	r.ok(t, r.here.key, "/client_sessions/delete", fields{"client_session_id": id})
}

// sent waits until no delivery is pending and returns the devices that its webhook was notified of.
func (r *robot) sent(t *testing.T) (devices []string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var n int
		if err := r.DB.QueryRow(t.Context(),
			`SELECT count(*) FROM webhook_deliveries d JOIN webhooks w ON w.webhook_id = d.webhook_id WHERE d.webhook_id = $1`,
			r.hook).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d deliveries wait", n)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.got {
		id, _ := e["device_id"].(string)
		devices = append(devices, id)
	}
	r.got = nil
	return devices
}

// delivers asserts whether the webhook is sent what happens to the token's device, and nothing else.
func (r *robot) delivers(t *testing.T, when string, want bool) {
	t.Helper()
	r.happen(t)
	var expected []string
	if want {
		expected = []string{r.device}
	}
	if got := r.sent(t); !slices.Equal(got, expected) {
		t.Errorf("%s: sent what happened to %v, want %v", when, got, expected)
	}
}

func (r *robot) limits(t *testing.T, id string, change func(c *credential.Credential)) {
	t.Helper()
	if err := r.DB.Update(t.Context(), func(tx *store.Tx) error {
		c, err := credential.Get(t.Context(), tx, credential.PersonalAccessToken, id)
		if err != nil {
			return err
		}
		change(&c)
		return credential.Change(t.Context(), tx, &c)
	}, store.Instance); err != nil {
		t.Fatal(err)
	}
}

func (r *robot) become(t *testing.T, role rpc.Role) {
	t.Helper()
	if err := r.Members.SetRole(t.Context(), r.here.id, r.owner.ID, role, rpc.Owner, "", audit.Server); err != nil {
		t.Fatal(err)
	}
}

func (r *robot) exists(t *testing.T) bool {
	t.Helper()
	return r.call(t, r.here.key, "/webhooks/get", fields{"webhook_id": r.hook}).status == http.StatusOK
}

// A token that is limited to devices has webhooks of its own: it sees these alone, they are sent what
// happens to its devices alone, and nothing when its limits, or those of what it was made with, leave
// nothing. With the token they end; a successor takes them over.
func TestWebhooksOfTokens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := setupRobot(t, db)
		if a := r.mine(t, "/webhooks/list", fields{}, http.StatusOK); strings.Contains(a.raw, r.theirs) || !strings.Contains(a.raw, r.hook) {
			t.Errorf("it sees %s", a.raw)
		}
		for _, path := range []string{"/webhooks/get", "/webhooks/delete", "/keyway/v1/webhooks/get_status", "/keyway/v1/webhooks/list_attempts",
			"/keyway/v1/webhooks/enable",
			"/keyway/v1/webhooks/rotate_secret", "/keyway/v1/webhooks/send_test"} {
			if got, want := r.mine(t, path, fields{"webhook_id": r.theirs}, http.StatusNotFound),
				r.mine(t, path, fields{"webhook_id": store.NewID()}, http.StatusNotFound); got.raw != want.raw {
				t.Errorf("%s tells others' webhooks from none: %s %s", path, got.raw, want.raw)
			}
		}
		r.mine(t, "/webhooks/update", fields{"webhook_id": r.theirs, "event_types": []string{"*"}}, http.StatusNotFound)
		r.mine(t, "/webhooks/update", fields{"webhook_id": r.hook, "event_types": []string{"device.name_changed", "client_session.deleted"}},
			http.StatusOK)
		twin, _ := r.pat(t, r.owner.ID, credential.Credential{Limits: credential.Limits{Scopes: []string{"*"}, DeviceIDs: []string{r.device}}})
		if a := r.in(t, twin, r.here.id, "/webhooks/list", fields{}); a.status != http.StatusOK || strings.Contains(a.raw, r.hook) {
			t.Errorf("another token of the same devices sees %s", a.raw)
		}
		if a := r.ok(t, r.here.key, "/webhooks/list", fields{}); !strings.Contains(a.raw, r.hook) {
			t.Error("the workspace does not see the token's webhook")
		}
		r.delivers(t, "at first", true)
		if a := r.mine(t, "/keyway/v1/webhooks/get_status", fields{"webhook_id": r.hook}, http.StatusOK).object(t,
			"webhook_status"); a["pending_deliveries"] != 0.0 {
			t.Errorf("what happened elsewhere waits: %v", a)
		}

		silent := func(what string, id string, change, back func(c *credential.Credential)) {
			t.Helper()
			r.limits(t, id, change)
			r.delivers(t, what, false)
			r.limits(t, id, back)
			r.delivers(t, what+" no more", true)
		}
		var was credential.Limits
		restore := func(c *credential.Credential) { c.Limits = was }
		narrow := func(fn func(l *credential.Limits)) func(c *credential.Credential) {
			return func(c *credential.Credential) { was = c.Limits; fn(&c.Limits) }
		}
		for _, id := range []string{r.id, r.parent} {
			silent("without its device", id, narrow(func(l *credential.Limits) { l.DeviceIDs = []string{r.other + "x"} }), restore)
			silent("without webhooks", id, narrow(func(l *credential.Limits) { l.Scopes = []string{"*:read"} }), restore)
			silent("without events", id, narrow(func(l *credential.Limits) { l.Scopes = []string{"webhooks:write"} }), restore)
			silent("without the workspace", id, narrow(func(l *credential.Limits) { l.WorkspaceIDs = []string{r.abroad.id} }), restore)
			silent("asleep", id, func(c *credential.Credential) {
				c.DisabledAt = time.Now()
			}, func(c *credential.Credential) { c.DisabledAt = time.Time{} })
			silent("too early", id, func(c *credential.Credential) {
				c.NotBefore = time.Now().Add(time.Hour)
			}, func(c *credential.Credential) { c.NotBefore = time.Time{} })
		}
		r.join(t, r.here, r.person(t, "boss"), rpc.Owner)
		r.become(t, rpc.Member) // who may not make webhooks
		r.delivers(t, "as a member", false)
		r.become(t, rpc.Owner)
		r.delivers(t, "as an owner again", true)

		// Out of its hours it waits.
		away := strings.ToLower(time.Now().UTC().AddDate(0, 0, 3).Weekday().String()[:3])
		r.limits(t, r.id, narrow(func(l *credential.Limits) {
			l.AllowedHours = &credential.Hours{Weekdays: []string{away}, From: "00:00", To: "24:00", TimeZone: "UTC"}
		}))
		r.happen(t)
		time.Sleep(200 * time.Millisecond)
		r.mu.Lock()
		if len(r.got) > 0 {
			t.Errorf("out of hours: sent %v", r.got)
		}
		r.mu.Unlock()
		r.limits(t, r.id, restore)
		r.happen(t)
		if got := r.sent(t); !slices.Equal(got, []string{r.device, r.device}) {
			t.Errorf("after its hours: sent what happened to %v", got)
		}

		// A rotation keeps it going, also while both live; the end of all ends it.
		next, _, err := r.Tokens.Rotate(t.Context(), personalaccesstoken.Manager{UserID: r.owner.ID}, r.id,
			personalaccesstoken.Rotation{Overlap: time.Hour}, audit.Server)
		if err != nil {
			t.Fatal(err)
		}
		r.delivers(t, "in the overlap", true)
		r.limits(t, next.ID, func(c *credential.Credential) { c.Limits.DeviceIDs = []string{r.other} })
		r.happen(t)
		if got := r.sent(t); !slices.Equal(got, []string{r.other}) {
			t.Errorf("with another device: sent %v", got)
		}
		if !r.exists(t) {
			t.Fatal("the webhook is gone before its token")
		}
		if err := r.Tokens.Revoke(t.Context(), r.owner.ID, next.ID, audit.Server); err != nil {
			t.Fatal(err)
		}
		r.delivers(t, "revoked", false)
		if r.exists(t) {
			t.Error("the webhook of a revoked token is there")
		}
	})
}
