package seam

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	seamgo "github.com/seamapi/go"
	seam "github.com/seamapi/go/client"
	"github.com/seamapi/go/core"
	svix "github.com/svix/svix-webhooks/go"
)

const nobody = "00000000-0000-4000-8000-000000000000"

// What an app does with locks, from connecting an account to its webhooks, under each kind of
// credential that a server holds.
func TestLocks(t *testing.T) {
	w := setup(t)
	for name, c := range map[string]struct {
		login  string
		client *seam.Client
	}{
		"personal access token": {"sam", w.client(w.Harbour.WorkspaceID)},
		"API key":               {"john", seam.NewClient(seam.WithApiKey(w.APIKey), seam.WithBaseURL(w.URL))},
		"workspace key":         {"frodo", seam.NewClient(seam.WithApiKey(w.WorkspaceKey), seam.WithBaseURL(w.URL))},
	} {
		t.Run(name, func(t *testing.T) {
			w.live(t, c.client, c.login)
			w.errors(t, c.client)
		})
	}
	var unauthorized *seamgo.UnauthorizedError
	wrong := seam.NewClient(seam.WithApiKey(strings.ToUpper(w.APIKey)), seam.WithBaseURL(w.URL))
	if _, err := wrong.AccessCodes.List(t.Context(), &seamgo.AccessCodesListRequest{}); !errors.As(err, &unauthorized) {
		t.Errorf("an unknown key: %v", err)
	}
}

// must gives what a request that has to succeed has answered.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// keyway asks for one of Keyway's own endpoints, which the client has no methods for.
func (w world) keyway(t *testing.T, path, body string, into any) {
	t.Helper()
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/keyway/v1/"+path, strings.NewReader(body)))(t)
	req.Header = http.Header{"Authorization": {"Bearer " + w.PAT}, "Seam-Workspace": {w.Harbour.WorkspaceID},
		"Content-Type": {"application/json"}}
	res := must(http.DefaultClient.Do(req))(t)
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", path, res.StatusCode, err)
	}
}

// pass moves the sandbox's clock and gives where it then stands.
func (w world) pass(t *testing.T, d time.Duration) time.Time {
	t.Helper()
	var out struct{ Clock struct{ Now time.Time } }
	w.keyway(t, "sandbox/advance_time", fmt.Sprintf(`{"seconds":%v}`, int(d.Seconds())), &out)
	return out.Clock.Now
}

// signIn signs in on the page that a customer would see.
func (w world) signIn(t *testing.T, address, login string) {
	t.Helper()
	res := must(http.Get(address))(t)
	for _, form := range []url.Values{{"step": {"brands"}},
		{"step": {"credentials"}, "field.email": {login + "@example.com"}, "field.password": {"1234"}}, nil} {
		page := string(must(io.ReadAll(res.Body))(t))
		res.Body.Close()
		if form == nil {
			return
		}
		form.Set("state", regexp.MustCompile(`name="state" value="([^"]*)"`).FindStringSubmatch(page)[1])
		res = must(http.PostForm(w.URL+"/connect_webviews/view", form))(t)
	}
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (w world) live(t *testing.T, client *seam.Client, login string) {
	ctx := t.Context()
	var mu sync.Mutex
	var bodies [][]byte
	var headers []http.Header
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a message that is cut off does not verify
		mu.Lock()
		defer mu.Unlock()
		bodies, headers = append(bodies, body), append(headers, r.Header)
	}))
	defer receiver.Close()
	hook := must(client.Webhooks.Create(ctx, &seamgo.WebhooksCreateRequest{Url: receiver.URL}))(t).Webhook

	webview := must(client.ConnectWebviews.Create(ctx,
		&seamgo.ConnectWebviewsCreateRequest{AcceptedProviders: []seamgo.AcceptedProvider{"schlage"}}))(t)
	w.signIn(t, webview.Url, login)
	webview = must(client.ConnectWebviews.Get(ctx, &seamgo.ConnectWebviewsGetRequest{ConnectWebviewId: webview.ConnectWebviewId}))(t)
	if !webview.LoginSuccessful || webview.ConnectedAccountId == nil {
		t.Fatalf("the webview is %v", webview)
	}
	locks := must(client.Locks.List(ctx, &seamgo.LocksListRequest{ConnectedAccountId: webview.ConnectedAccountId}))(t)
	device := locks[0].DeviceId

	settled := func(a *seamgo.ActionAttempt) *seamgo.ActionAttempt {
		t.Helper()
		until(t, "the attempt is settled", func() bool {
			if a.Pending != nil {
				a = must(client.ActionAttempts.Get(ctx, &seamgo.ActionAttemptsGetRequest{ActionAttemptId: a.Pending.ActionAttemptId}))(t)
			}
			return a.Pending == nil
		})
		return a
	}
	if a := settled(must(client.Locks.UnlockDoor(ctx, &seamgo.LocksUnlockDoorRequest{DeviceId: device}))(t)); a.Success == nil {
		t.Errorf("unlocking ends as %v", a.Status)
	}
	if a := settled(must(client.Locks.LockDoor(ctx, &seamgo.LocksLockDoorRequest{DeviceId: device}))(t)); a.Success == nil {
		t.Errorf("locking ends as %v", a.Status)
	}
	w.keyway(t, "sandbox/fail_requests", `{"device_id":"`+device+`","faults":["jammed"]}`, new(any))
	if a := settled(must(client.Locks.LockDoor(ctx, &seamgo.LocksLockDoorRequest{DeviceId: device}))(t)); a.Error == nil ||
		a.Error.Error.Type != "lock_jammed" {
		t.Errorf("locking a jammed lock ends as %v", a.Status)
	}

	get := func(id string) (*seamgo.AccessCode, error) {
		return client.AccessCodes.Get(ctx, &seamgo.AccessCodesGetRequest{AccessCodeId: &id})
	}
	made := must(client.AccessCodes.Create(ctx, &seamgo.AccessCodesCreateRequest{DeviceId: device, Name: &login}))(t)
	until(t, "the code is set", func() bool { return must(get(made.AccessCodeId))(t).Status == "set" })
	name := login + " 2"
	settled(must(client.AccessCodes.Update(ctx, &seamgo.AccessCodesUpdateRequest{AccessCodeId: made.AccessCodeId, Name: &name}))(t))
	if c := must(get(made.AccessCodeId))(t); c.Status != "set" || *c.Name != name {
		t.Errorf("the changed code is %v", c)
	}
	settled(must(client.AccessCodes.Delete(ctx, &seamgo.AccessCodesDeleteRequest{AccessCodeId: made.AccessCodeId}))(t))
	until(t, "the code is removed", func() bool {
		return len(must(client.AccessCodes.List(ctx, &seamgo.AccessCodesListRequest{DeviceId: device}))(t)) == 0
	})

	const day = 24 * time.Hour
	friday := w.pass(t, 0).Add(5 * day)
	starts, ends := friday.Format(time.RFC3339), friday.Add(2*day).Format(time.RFC3339)
	weekend := must(client.AccessCodes.Create(ctx,
		&seamgo.AccessCodesCreateRequest{DeviceId: device, StartsAt: &starts, EndsAt: &ends}))(t).AccessCodeId
	w.pass(t, 3*day)
	if c := must(get(weekend))(t); c.Status != "unset" || c.IsScheduledOnDevice == nil || !*c.IsScheduledOnDevice {
		t.Errorf("two days before, the code is %v", c)
	}
	w.pass(t, 2*day)
	if c := must(get(weekend))(t); c.Status != "set" {
		t.Errorf("in its time, the code is %v", c)
	}

	session := must(client.ClientSessions.Create(ctx,
		&seamgo.ClientSessionsCreateRequest{UserIdentifierKey: &login, ConnectedAccountIds: []string{*webview.ConnectedAccountId}}))(t)
	frontend := seam.NewClient(seam.WithApiKey(session.Token), seam.WithBaseURL(w.URL))
	ids := func(devices []*seamgo.Device) (out []string) {
		for _, d := range devices {
			out = append(out, d.DeviceId)
		}
		slices.Sort(out)
		return out
	}
	if got, want := ids(must(frontend.Devices.List(ctx, &seamgo.DevicesListRequest{}))(t)), ids(locks); !slices.Equal(got, want) {
		t.Errorf("the client session sees %v, want %v", got, want)
	}
	must(client.ClientSessions.Delete(ctx, &seamgo.ClientSessionsDeleteRequest{ClientSessionId: session.ClientSessionId}))(t)
	var unauthorized *seamgo.UnauthorizedError
	if _, err := frontend.Devices.List(ctx, &seamgo.DevicesListRequest{}); !errors.As(err, &unauthorized) {
		t.Errorf("a deleted client session: %v", err)
	}

	w.pass(t, 2*day)
	var api *core.APIError
	if _, err := get(weekend); !errors.As(err, &api) || api.StatusCode != http.StatusNotFound {
		t.Errorf("after its time, the code answers %v", err)
	}

	verifier := must(svix.NewWebhook(*hook.Secret))(t)
	told := func() (kinds []string) {
		mu.Lock()
		defer mu.Unlock()
		for i, body := range bodies {
			var e struct {
				Type string `json:"event_type"`
				Code string `json:"access_code_id"`
			}
			if err := verifier.Verify(body, headers[i]); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(body, &e); err != nil {
				t.Fatal(err)
			}
			if kind := strings.TrimPrefix(e.Type, "access_code."); e.Code == weekend && kind != "mutations_requested" {
				kinds = append(kinds, kind)
			}
		}
		return kinds
	}
	until(t, "the last webhook", func() bool { return slices.Contains(told(), "deleted") })
	if got := told(); !slices.Equal(got, []string{"created", "scheduled_on_device", "set_on_device", "removed_from_device", "deleted"}) {
		t.Errorf("the webhook told %v", got)
	}
	must(client.Webhooks.Delete(ctx, &seamgo.WebhooksDeleteRequest{WebhookId: hook.WebhookId}))(t)
}

func (w world) errors(t *testing.T, client *seam.Client) {
	ctx, id := t.Context(), nobody
	_, unlock := client.Locks.UnlockDoor(ctx, &seamgo.LocksUnlockDoorRequest{DeviceId: id})
	_, code := client.AccessCodes.Get(ctx, &seamgo.AccessCodesGetRequest{AccessCodeId: &id})
	_, attempt := client.ActionAttempts.Get(ctx, &seamgo.ActionAttemptsGetRequest{ActionAttemptId: id})
	_, hook := client.Webhooks.Get(ctx, &seamgo.WebhooksGetRequest{WebhookId: id})
	for name, err := range map[string]error{"device": unlock, "access code": code, "action attempt": attempt, "webhook": hook} {
		var api *core.APIError
		if !errors.As(err, &api) || api.StatusCode != http.StatusNotFound || !strings.Contains(err.Error(), "_not_found") {
			t.Errorf("an unknown %s: %v", name, err)
		}
	}
	short := "12"
	_, err := client.AccessCodes.Create(ctx, &seamgo.AccessCodesCreateRequest{DeviceId: w.Harbour.Devices[0].DeviceID, Code: &short})
	var bad *seamgo.BadRequestError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "validation_errors") {
		t.Errorf("a PIN of two digits: %v", err)
	}
}
