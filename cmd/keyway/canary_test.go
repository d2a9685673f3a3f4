package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/identity"
)

// written is a writer that remembers everything.
type written struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

// canaries are secrets that must be nowhere but where they were made, and the places searched for
// them.
type canaries struct {
	*world
	secrets  map[string]string
	refusals bytes.Buffer
	refused  int
}

func (c *canaries) keep(t *testing.T, name string, a answer, of, field string) string {
	t.Helper()
	if a.status != 200 {
		t.Fatalf("%s: %d %s", name, a.status, a.raw)
	}
	c.secrets[name], _ = a.object(t, of)[field].(string)
	return c.secrets[name]
}

// send puts a request on the wire whatever it contains, and keeps what it is answered unless it is let
// through.
func (c *canaries) send(t *testing.T, method, path string, h http.Header, body any) int {
	t.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, c.URL+path, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h
	client := *c.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode >= 500 {
		t.Errorf("%s %s: %d %s", method, path, res.StatusCode, raw)
	}
	if res.StatusCode >= 300 && !strings.HasPrefix(path, "/console/") { // a form shows what was typed into it
		c.refused++
		fmt.Fprintf(&c.refusals, "%d %s %v\n", res.StatusCode, raw, res.Header)
	}
	return res.StatusCode
}

// refuse is send for what must not be let through.
func (c *canaries) refuse(t *testing.T, method, path string, h http.Header, body any) {
	t.Helper()
	if status := c.send(t, method, path, h, body); status < 300 {
		t.Errorf("%s %s is not refused: %d", method, path, status)
	}
}

// misplace puts a secret everywhere a client could by mistake.
func (c *canaries) misplace(t *testing.T, name, secret, good string) {
	t.Helper()
	bearer := http.Header{"Authorization": {"Bearer " + secret}, "Seam-Workspace": {c.here.id}}
	mistaken := func() http.Header {
		return http.Header{"Authorization": {"Bearer " + good}, "Seam-Workspace": {c.here.id}}
	}
	c.refuse(t, http.MethodPost, "/"+url.PathEscape(secret), bearer, nil)
	c.refuse(t, http.MethodPost, "/devices/list/"+url.PathEscape(secret), bearer, nil)
	c.refuse(t, http.MethodPut, "/devices/list", bearer, nil)
	c.refuse(t, http.MethodPost, "/devices/list", http.Header{"Authorization": {"Bearer " + secret + "x"}}, nil)
	c.refuse(t, http.MethodPost, "/devices/list", http.Header{"Authorization": {"Basic " + secret}}, nil)
	c.refuse(t, http.MethodPost, "/devices/list", http.Header{"Authorization": {"Bearer " + secret, "Bearer " + secret}}, nil)
	c.refuse(t, http.MethodPost, "/devices/list", http.Header{"Client-Session-Token": {secret + "x"}}, nil)
	c.refuse(t, http.MethodPost, "/client_sessions/create", http.Header{"Seam-Publishable-Key": {secret}}, nil)
	c.refuse(t, http.MethodPost, "/devices/list", http.Header{"Authorization": {"Bearer " + good}, "Seam-Workspace": {secret}}, nil)
	c.refuse(t, http.MethodPost, "/devices/list", mistaken(), secret)
	c.refuse(t, http.MethodPost, "/devices/list", mistaken(), `{"`+secret)
	c.send(t, http.MethodGet, "/console/invitation?token="+url.QueryEscape(secret), http.Header{}, nil)
	c.send(t, http.MethodGet, "/console/"+url.PathEscape(secret),
		http.Header{"Cookie": {"__Host-keyway=" + url.PathEscape(secret)}, "Referer": {c.URL + "/?" + url.QueryEscape(secret)}}, nil)
	// Only its position shows that what a person chose is a secret.
	chosen := slices.Contains([]string{"PIN", "password"}, name)
	if !chosen && !slices.Contains([]string{"token", "session", "invitation", "webhook secret"}, name) {
		return // like one of these
	}
	for _, e := range c.rpc.Endpoints() {
		if e.Streams() {
			continue
		}
		c.send(t, http.MethodGet, e.Path+"?token="+url.QueryEscape(secret)+"&limit="+url.QueryEscape(secret), http.Header{}, nil)
		ids, wrong := fields{"nothing": secret}, fields{}
		for _, p := range e.Parameters() {
			if strings.Contains(p.Name, ".") || p.Name == "user_identity_id" || p.Name == "user_identity_ids" { // kept as they are given
				continue
			}
			switch {
			case strings.HasSuffix(p.Name, "_id"):
				ids[p.Name] = secret
			case !chosen && p.Required || strings.Contains(p.Name, "code") || strings.Contains(p.Name, "password"):
				ids[p.Name] = []string{secret}
			}
			if wrong[p.Name] = []any{fields{"nothing": secret}}; !chosen && strings.HasSuffix(p.Name, "s") {
				wrong[p.Name] = secret
			}
		}
		for _, body := range []any{ids, wrong, []string{secret}} {
			c.send(t, http.MethodPost, e.Path, mistaken(), body)
		}
	}
	page := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {c.URL}, "Sec-Fetch-Site": {"same-origin"}}
	for _, form := range []url.Values{
		{"email": {secret}, "password": {"another horse battery"}}, {"email": {"jane@example.com"}, "password": {secret + "x"}},
		{"step": {secret}, "code": {secret}},
	} {
		c.send(t, http.MethodPost, "/console/sign-in", page, form.Encode())
	}
	c.send(t, http.MethodPost, "/console/invitation", page, url.Values{"token": {secret + "x"}, "join": {"true"}}.Encode())
	c.refuse(t, http.MethodPost, "/keyway/v1/console_sessions/create", http.Header{}, fields{"email": secret, "password": secret + "x"})
	c.refuse(t, http.MethodPost, "/keyway/v1/console_sessions/create", http.Header{},
		fields{"email": "jane@example.com", "password": secret + "x"})
	if chosen {
		return
	}
	c.send(t, http.MethodPost, "/keyway/v1/credentials/revoke", http.Header{}, fields{"credentials": []string{secret + "x"}})
	for param, path := range map[string]string{
		"scopes": tokensPath + "create", "allowed_cidrs": tokensPath + "create", "allowed_hours": tokensPath + "create",
		"expires_at":  tokensPath + "create",
		"event_types": "/webhooks/create", "url": "/webhooks/create", "accepted_providers": "/connect_webviews/create",
		"code":      "/access_codes/create",
		"starts_at": "/access_codes/create", "since": "/events/list", "role": "/keyway/v1/members/invite", "page_cursor": "/devices/list",
		"device_type": "/devices/list", "custom_redirect_url": "/connect_webviews/create",
	} {
		for _, v := range []any{secret, []string{secret},
			fields{"weekdays": []string{secret}, "from": secret, "to": secret, "time_zone": secret}} {
			c.send(t, http.MethodPost, path, mistaken(), fields{"name": "canary", "device_id": store.NewID(), "email": "canary@example.com",
				param: v})
		}
	}
}

// forms are a secret as it may be written down. Of a token its visible part may be seen, and of a
// session what is signed names it.
func forms(secret string) []string {
	secret = secret[strings.LastIndexAny(secret, "_.")+1:]
	quoted, _ := json.Marshal(secret)
	out := []string{secret, strings.Trim(string(quoted), `"`), url.QueryEscape(secret), url.PathEscape(secret),
		strings.ReplaceAll(secret, "-", ""), hex.EncodeToString([]byte(secret))}
	for at := range 3 { // in base64 a text looks in three ways, by where it begins
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := e.EncodeToString(append(make([]byte, at), secret...))
			out = append(out, text[(at*8+5)/6:(at+len(secret))*8/6])
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return len(s) < 8 })
}

func (c *canaries) search(t *testing.T, places map[string]string) {
	t.Helper()
	for name, secret := range c.secrets {
		if secret == "" {
			t.Errorf("there is no %s", name)
			continue
		}
		for _, form := range forms(secret) {
			for place, text := range places {
				if at := strings.Index(text, form); at >= 0 {
					t.Errorf("%s holds the %s behind %q", place, name, text[max(0, at-200):at])
				}
			}
		}
	}
}

// rows is the database as text, table by table.
func rows(t *testing.T, db *store.DB) map[string]string {
	t.Helper()
	names, err := db.Query(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	tables, err := store.All(names, err, store.One[string])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, table := range tables {
		var text strings.Builder
		all, err := db.Query(t.Context(), "SELECT * FROM "+table)
		_, err = store.All(all, err, func(r *sql.Rows) (none struct{}, err error) {
			columns, err := r.Columns()
			if err != nil {
				return none, err
			}
			values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			err = r.Scan(into...)
			for i, v := range values {
				fmt.Fprintf(&text, "%s: %s\n", columns[i], v)
			}
			return none, err
		})
		if err != nil {
			t.Fatal(err)
		}
		out["table "+table] = text.String()
	}
	return out
}

func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out["file "+e.Name()] = string(text)
	}
	return out
}

// TestIncidentSecretsElsewhere is the canary beside TestIncidentTokenInURL: secrets of every kind are
// made, used, put into every parameter of every endpoint, mistyped, sent to wrong places and ended.
// Then none of them may stand in a log line, a metric, an answer that refuses something, a row of any
// table, or any byte of the database's files.
func TestIncidentSecretsElsewhere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	db, err := store.Open(t.Context(), store.Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	log, metrics := &written{}, prometheus.NewRegistry()
	keys, err := vault.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	c := &canaries{secrets: map[string]string{}, world: &world{app: wire(db, keys,
		appOptions{log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), publicURL: "http://keyway.test"})}}
	client := func(*http.Request) string { return "192.0.2.1" }
	if c.rpc, err = c.newRPC(metrics, serveOptions{guessesPerMinute: 1 << 20}, client); err != nil {
		t.Fatal(err)
	}
	handler, err := (&server{app: c.app, url: "http://keyway.test", rpc: c.rpc}).handler(serveOptions{}, metrics, client)
	if err != nil {
		t.Fatal(err)
	}
	c.Server = httptest.NewServer(handler)
	t.Cleanup(c.Server.Close)
	work, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() { c.Jobs.Run(work) })
	working.Go(func() { c.Webhooks.Run(work) })

	c.Leaks.Limit = nil // misplaced secrets are reported more often than a minute allows
	good := c.make(t)
	for name, secret := range maps.Clone(c.secrets) {
		c.misplace(t, name, secret, good)
	}
	bearer := func(token string) http.Header {
		return http.Header{"Authorization": {"Bearer " + token}, "Seam-Workspace": {c.here.id}}
	}
	wsKey := c.secrets["workspace key"]
	c.call(t, "", "/keyway/v1/credentials/revoke", fields{"credentials": []string{wsKey, "nonsense " + good}})
	c.refuse(t, http.MethodPost, "/devices/list", bearer(wsKey), nil)
	c.call(t, good, tokensPath+"revoke", fields{})
	c.refuse(t, http.MethodPost, "/devices/list", bearer(good), nil)

	stop()
	working.Wait()
	for _, flush := range []func(context.Context) error{c.Usage.Flush, c.Tokens.FlushUse, c.Tokens.FlushRefusals} {
		if err := flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	measured := ""
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		measured += f.String()
	}
	c.search(t, map[string]string{"the log": log.text.String(), "a metric": measured, "a refusal": c.refusals.String()})
	if !strings.Contains(log.text.String(), `"path":"/devices/list"`) || !strings.Contains(measured, "/devices/list") || c.refused < 1000 {
		t.Error("nothing was searched")
	}
	c.search(t, rows(t, db))
	c.search(t, files(t, folder)) // with what is still in the write-ahead log
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	after := files(t, folder)
	c.search(t, after)
	joined := strings.Join(slices.Collect(maps.Values(after)), "")
	for _, mark := range []string{"personal_access_token.rotated", "access_code.created", "user.authenticator_added",
		"https://example.com/canary", "client_session"} {
		if !strings.Contains(joined, mark) {
			t.Errorf("the files do not tell of %s", mark)
		}
	}
	// A search that finds nothing must be able to find.
	for _, text := range []string{"1 secretsecret", "22 secretsecret.", "333 secretsecret", `"secretsecret"`} {
		for _, written := range []string{text, url.QueryEscape(text), hex.EncodeToString([]byte(text)),
			base64.StdEncoding.EncodeToString([]byte(text))} {
			if !slices.ContainsFunc(forms("seam_at1ABCDEFGH_secretsecret"), func(f string) bool { return strings.Contains(written, f) }) {
				t.Errorf("it is not found in %s", written)
			}
		}
	}
}

// make makes a secret of each kind, uses them where they belong, and gives a token that is good.
func (c *canaries) make(t *testing.T) (good string) {
	t.Helper()
	ctx := t.Context()
	link, err := c.People.StartSetup(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const password, pin, provider = "canary horse battery staple", "83051746", "canary-at-the-provider"
	c.secrets = map[string]string{"set-up link": link.Reveal(), "password": password, "PIN": pin, "provider's password": provider}
	n, err := c.People.Prepare(ctx, "jane@example.com", "Jane", password)
	if err != nil {
		t.Fatal(err)
	}
	var jane identity.User
	if err := c.DB.Update(ctx, func(tx *store.Tx) (err error) {
		jane, err = c.People.Create(ctx, tx, n, audit.Server)
		return err
	}, store.Instance); err != nil {
		t.Fatal(err)
	}
	c.here = c.place(t, "Here", true)
	c.secrets["API key"] = c.here.key
	c.join(t, c.here, jane, rpc.Owner)
	own := c.part(t, c.here, "sam", "mine")

	session := c.keep(t, "session", c.call(t, "", "/keyway/v1/console_sessions/create",
		fields{"email": "jane@example.com", "password": password}), "console_session", "token")
	pat := c.keep(t, "token", c.call(t, session, tokensPath+"create", fields{"name": "canary", "scopes": everything()}),
		"personal_access_token", "token")
	c.keep(t, "child", c.call(t, pat, tokensPath+"create", fields{"name": "child"}), "personal_access_token", "token")
	c.keep(t, "decoy", c.call(t, session, tokensPath+"create", fields{"name": "decoy", "is_decoy": true}), "personal_access_token", "token")
	wsKey := c.keep(t, "workspace key", c.call(t, pat, tokensPath+"create_workspace_key", fields{"workspace_id": c.here.id}), "workspace_key",
		"token")
	clientSession := c.keep(t, "client session", c.in(t, pat, c.here.id, "/client_sessions/create",
		fields{"connected_account_ids": []string{own["connected_account_id"]}}), "client_session", "token")
	c.keep(t, "webhook secret", c.in(t, pat, c.here.id, "/webhooks/create", fields{"url": "https://example.com/canary"}), "webhook", "secret")
	lock := ""
	for _, brand := range []string{"schlage", "yale", "kwikset"} {
		for _, d := range c.ok(t, c.here.key, "/locks/list",
			fields{"connected_account_id": c.connect(t, c.here, brand, "sam")}).body["devices"].([]any) {
			d := d.(fields)
			lengths, _ := d["properties"].(fields)["supported_code_lengths"].([]any)
			if lock == "" && slices.Contains(lengths, any(float64(len(pin)))) && d["can_program_online_access_codes"] == true {
				lock = d["device_id"].(string)
			}
		}
	}
	code := c.ok(t, c.here.key, "/access_codes/create", fields{"device_id": lock, "name": "Canary", "code": pin}).object(t,
		"access_code")["access_code_id"].(string)
	for deadline := time.Now().Add(time.Minute); c.ok(t, c.here.key, "/access_codes/get", fields{"access_code_id": code}).object(t,
		"access_code")["status"] != "set"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the code is not set")
		}
	}
	c.ok(t, c.here.key, "/locks/simulate/keypad_code_entry", fields{"device_id": lock, "code": pin})
	c.refuse(t, http.MethodPost, "/access_codes/create", http.Header{"Authorization": {"Bearer " + pat}, "Seam-Workspace": {c.here.id}},
		fields{"device_id": lock, "name": "Odd", "code": pin + "x"})

	webview := c.ok(t, c.here.key, "/connect_webviews/create", fields{"accepted_providers": []string{"august"}}).object(t,
		"connect_webview")["connect_webview_id"].(string)
	answers, err := c.Simulate.StandardAnswers(true, "august", "jane")
	if err != nil {
		t.Fatal(err)
	}
	for name := range answers {
		if strings.Contains(name, "password") {
			answers[name] = provider
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(answers)), provider) {
		t.Fatalf("no password is asked for: %v", answers)
	}
	if _, err := c.Webviews.Complete(ctx, webview, "august", answers); err != nil {
		t.Log(err) // refused or not, it must not be written down
	}

	invitation := c.in(t, session, c.here.id, "/keyway/v1/members/invite", fields{"email": "new@example.com"})
	at, _ := invitation.object(t, "invitation")["url"].(string)
	_, c.secrets["invitation"], _ = strings.Cut(at, "#")

	set, err := c.People.BeginAuthenticator(jane)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := totp.GenerateCode(set.Secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	codes, err := c.People.ConfirmAuthenticator(ctx, jane, set.Sealed, shown, audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	begun, err := c.People.BeginSecondStep(ctx, jane)
	if err != nil {
		t.Fatal(err)
	}
	signedIn, cookie, err := c.People.StartBrowser(ctx, jane, identity.ByPassword, "192.0.2.1", "test")
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(c.secrets, map[string]string{"authenticator's secret": set.Secret, "recovery code": codes[0], "used recovery code": codes[1],
		"second step": begun, "cookie": cookie.Reveal()})
	if status := c.send(t, http.MethodGet, "/console/settings/profile",
		http.Header{"Cookie": {"__Host-keyway=" + signedIn.ID + "." + cookie.Reveal()}}, nil); status != http.StatusOK {
		t.Errorf("the cookie opens nothing: %d", status)
	}
	if _, err := c.People.FinishSecondStep(ctx, begun, identity.SecondFactor{RecoveryCode: codes[1]}); err != nil {
		t.Error(err)
	}
	for _, token := range []string{wsKey, clientSession} {
		c.ok(t, token, "/devices/list", fields{})
	}
	c.call(t, c.secrets["decoy"], "/devices/list", fields{})
	return c.keep(t, "successor", c.call(t, pat, tokensPath+"rotate", fields{"overlap_seconds": 3600}), "personal_access_token", "token")
}
