package console_test

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"keyway/internal/api/device"
	"keyway/internal/api/workspace"
	"keyway/internal/console"
	"keyway/internal/console/frame"
	"keyway/internal/console/frame/frametest"
	"keyway/internal/platform/outbound"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring"
	"keyway/internal/wiring/apitest"
)

const testPassword = "correct horse battery"

// cheapHash is of testPassword, at a cost that each of a hundred tests can pay under the race detector:
// a hash says itself what it cost.
func cheapHash() string {
	salt := []byte("salt of the test")
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version, enc(salt),
		enc(argon2.IDKey([]byte(testPassword), salt, 1, 8, 1, 32)))
}

// server is a Console over a fresh database.
type server struct {
	*httptest.Server
	config console.Config
	log    *apitest.Log
	ahead  atomic.Int64 // nanoseconds that the server's clock is ahead
}

func serve(t *testing.T) *server {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	db, err := store.Open(ctx, store.Options{Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Create(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{log: &apitest.Log{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	now := func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
	var handler atomic.Pointer[http.Handler]
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load()).ServeHTTP(w, r) }))
	r := wiring.Wire(wiring.Outside{DB: db, Vault: v, Log: log, Now: now, PublicURL: s.URL, Guard: &outbound.Guard{Local: true}})
	s.config = console.Config{
		Rules: r.Console(), Endpoints: r.Table(), PublicURL: s.URL, Streams: rpc.NewStreams(),
		Client: func(*http.Request) string { return "192.0.2.1" }, Unavailable: func(error) bool { return false },
	}
	h, err := console.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	handler.Store(&h)
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	var working sync.WaitGroup
	working.Go(func() { r.Jobs.Run(work) })
	t.Cleanup(func() {
		s.config.Streams.End()
		s.Close()
		stopWork()
		working.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// person makes a person with an own sandbox workspace.
func (s *server) person(t *testing.T, name string) (identity.User, workspace.Workspace) {
	t.Helper()
	ctx := t.Context()
	var u identity.User
	var w workspace.Workspace
	err := s.config.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if u, err = s.config.People.Create(ctx, tx, identity.WithoutPassword(name+"@example.com", name), audit.Server); err != nil {
			return err
		}
		where := &store.Where{}
		where.Add(`user_id = ?`, u.ID)
		if _, err = grant.Users.Update(ctx, tx, signed.Set{"password_hash": cheapHash()}, where); err != nil {
			return err
		}
		w, err = s.config.Workspaces.Create(ctx, tx, workspace.New{Name: name + "'s Sandbox", IsSandbox: true}, u.ID, audit.Server)
		return err
	}, store.Instance)
	if err != nil {
		t.Fatal(err)
	}
	return u, w
}

// browser is a browser without scripts.
type browser struct {
	t *testing.T
	*http.Client
	s *server
	// page is the last one, at address.
	page    string
	address *url.URL
	status  int
	header  http.Header
}

func (s *server) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := *s.Client()
	c.Jar = jar
	return &browser{t: t, Client: &c, s: s}
}

func (b *browser) do(r *http.Request) *browser {
	b.t.Helper()
	resp, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.page, b.address, b.status, b.header = string(body), resp.Request.URL, resp.StatusCode, resp.Header
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		frametest.CheckPage(b.t, b.page)
		if got := resp.Header.Get("Cache-Control"); got != "no-store" {
			b.t.Errorf("%s: Cache-Control %q", b.address, got)
		}
		if got := resp.Header.Get("Content-Security-Policy"); got != frame.ContentSecurityPolicy {
			b.t.Errorf("%s: Content-Security-Policy %q", b.address, got)
		}
	}
	return b
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.s.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "none")
	return b.do(r)
}

func (b *browser) request(path string, form url.Values) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// post sends a form that the last page has, with the fields given and the nonce of the page.
func (b *browser) post(path string, fields ...string) *browser {
	b.t.Helper()
	// A dialog that stands on the page of what the row is about is fetched from there.
	for _, m := range regexp.MustCompile(`href="([^"]*)" data-dialog-from=`).FindAllStringSubmatch(b.page, -1) {
		if !strings.Contains(b.page, `action="`+path+`"`) && strings.HasPrefix(path, m[1]+"/") {
			b.get(m[1])
		}
	}
	if !strings.Contains(b.page, `action="`+path+`"`) {
		b.t.Fatalf("%s has no form to %s", b.address, path)
	}
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	at := strings.Index(b.page, `action="`+path+`"`)
	if m := noncePattern.FindStringSubmatch(b.page[at:]); m != nil {
		form.Set("nonce", m[1])
	}
	return b.do(b.request(path, form))
}

var noncePattern = regexp.MustCompile(`name="nonce" value="([^"]*)"`)

func (b *browser) has(texts ...string) *browser {
	b.t.Helper()
	for _, text := range texts {
		if !strings.Contains(b.page, text) {
			b.t.Errorf("%s (%d) does not say %q:\n%s", b.address, b.status, text, plainText(b.page))
		}
	}
	return b
}

func (b *browser) lacks(texts ...string) *browser {
	b.t.Helper()
	for _, text := range texts {
		if strings.Contains(b.page, text) {
			b.t.Errorf("%s says %q", b.address, text)
		}
	}
	return b
}

func (b *browser) at(path string) *browser {
	b.t.Helper()
	if b.address.Path != path {
		b.t.Fatalf("at %s (%d), want %s:\n%s", b.address.Path, b.status, path, plainText(b.page))
	}
	return b
}

// plainText is a page without its tags, for failures.
func plainText(page string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(page, " ")), " ")
}

func (b *browser) signIn(name string) *browser {
	b.t.Helper()
	return b.get("/console/sign-in").post("/console/sign-in", "email", name+"@example.com", "password", testPassword)
}

var secretPattern = regexp.MustCompile(`class="secret-value mono"[^>]*>([^<]*)<`)

func (b *browser) secret() string {
	b.t.Helper()
	m := secretPattern.FindStringSubmatch(b.page)
	if m == nil {
		b.t.Fatalf("%s shows no secret:\n%s", b.address, plainText(b.page))
	}
	return m[1]
}

func TestSetUp(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.browser(t)
	b.get("/console").at("/console/sign-in")
	secret, err := s.config.People.StartSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.get("/console/setup").has("Set up Keyway")
	b.post("/console/setup", "token", secret.Reveal(), "email", "jane", "password", "short").has("Enter a valid email address.",
		"Use at least 12 characters.", secret.Reveal())
	b.post("/console/setup", "token", secret.Reveal()).has("Required.")
	b.post("/console/setup", "token", secret.Reveal(), "email", "jane@example.com", "password", "short").has("Use at least 12 characters.")
	b.post("/console/setup", "token", "wrong", "email", "jane@example.com", "password", testPassword).has("This link doesn’t match")
	b.get("/console/setup").post("/console/setup", "token", secret.Reveal(), "name", "Jane Doe", "email", "jane@example.com", "password",
		testPassword)
	if !strings.HasSuffix(b.address.Path, "/devices") {
		t.Fatalf("at %s", b.address)
	}
	b.has("Welcome to Keyway.", "Jane Doe’s Sandbox", "No devices yet", "Instance").get("/console/instance/people").has("Operator")
	s.browser(t).get("/console/setup").has("has expired or was already used")
	// A second time, the link opens nothing.
	second := s.browser(t)
	second.do(second.request("/console/setup", url.Values{"token": {secret.Reveal()}, "email": {"eve@example.com"},
		"password": {testPassword}})).has("has expired or was already used")
	if strings.Contains(s.log.String(), secret.Reveal()) || strings.Contains(s.log.String(), testPassword) {
		t.Error("a secret is in the log")
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.person(t, "jane")
	b := s.browser(t)
	profile := "/console/settings/profile"
	b.get(profile).at("/console/sign-in")
	b.post("/console/sign-in", "email", "jane@example.com", "password", "wrong", "next", profile).has("is wrong", `value="jane@example.com"`)
	b.post("/console/sign-in", "email", "jane@example.com", "password", testPassword, "next", profile).at(profile)
	u, _ := url.Parse(s.URL)
	cookies := b.Jar.Cookies(u)
	if len(cookies) != 1 || cookies[0].Name != frame.SecureCookie {
		t.Errorf("cookies %v", cookies)
	}
	b.post("/console/sign-out").at("/console/signed-out")
	if got := b.get(profile).address.Path; got != "/console/sign-in" {
		t.Errorf("signed out, the profile is at %s", got)
	}
	// The old cookie is dead on the server too.
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+profile, nil)
	r.AddCookie(cookies[0])
	if s.browser(t).do(r).address.Path != "/console/sign-in" {
		t.Error("the cookie lives after sign-out")
	}
	for _, next := range []string{"https://evil.example.com", "//evil.example.com", "/console/\\evil", "/other", "javascript:alert(1)",
		"/console//../../evil\r\nx: y"} {
		if got := frame.LocalPath(next); got != frame.Root {
			t.Errorf("localPath(%q) = %q", next, got)
		}
	}
}

func TestSignInAlwaysStartsANewSession(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.person(t, "jane")
	b := s.browser(t)
	u, _ := url.Parse(s.URL)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: frame.SecureCookie, Value: "planted.session", Path: "/", Secure: true}})
	b.signIn("jane")
	if c := b.Jar.Cookies(u); len(c) == 0 || strings.HasPrefix(c[0].Value, "planted") {
		t.Errorf("cookies %v", c)
	}
}

func TestGuards(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	b := s.browser(t).signIn("jane")
	here := frame.WorkspacePath(w.ID, "settings")

	// A form from another site does nothing, whichever header reveals it.
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"} {
		r := b.request(here, url.Values{"name": {"Stolen"}})
		r.Header.Del("Sec-Fetch-Site")
		r.Header.Set(name, value)
		if b.do(r); b.status != http.StatusForbidden {
			t.Errorf("%s %s: %d", name, value, b.status)
		}
	}
	b.get(here).lacks("Stolen")

	// The Console answers under its own names only.
	h, err := console.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"rebound.example.com": http.StatusMisdirectedRequest, "localhost:8420": http.StatusOK, "[::1]:8420": http.StatusOK,
		"127.0.0.1":             http.StatusOK,
		"localhost.example.com": http.StatusMisdirectedRequest, "": http.StatusMisdirectedRequest,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/console/sign-in", nil)
		r.Host = host
		rec := httptest.NewRecorder()
		if h.ServeHTTP(rec, r); rec.Code != want {
			t.Errorf("Host %q: %d, want %d", host, rec.Code, want)
		}
		if got := rec.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("Host %q: X-Content-Type-Options %q", host, got)
		}
	}

	// Nothing changes by GET.
	for _, path := range []string{"/console/sign-out", here + "/suspend", here + "/delete"} {
		if b.get(path); b.status != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, b.status)
		}
	}
	b.get("/console").at(frame.WorkspacePath(w.ID, "devices"))

	if b.get("/console/nowhere"); b.status != http.StatusNotFound {
		t.Errorf("unknown page: %d", b.status)
	}
	b.has("Page not found").lacks("data-live-from")
	if b.do(b.request("/console/settings/profile",
		url.Values{"name": {strings.Repeat("x", frame.MaxForm)}})); b.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form that is too large: %d", b.status)
	}
}

// TestPlainHTTP is a server that other machines reach by http: without Secure no __Host- cookie.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.person(t, "jane")
	c := s.config
	c.PublicURL = "http://keys.example.com:8420"
	h, err := console.New(c)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"email": {"jane@example.com"}, "password": {testPassword}}
	for host, want := range map[string]string{"keys.example.com:8420": frame.PlainCookie, "localhost:8420": frame.SecureCookie} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/sign-in", strings.NewReader(form.Encode()))
		r.Host = host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://"+host)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		set := rec.Header().Get("Set-Cookie")
		if rec.Code != http.StatusSeeOther || !strings.HasPrefix(set, want+"=") ||
			strings.Contains(set, "Secure") != (want == frame.SecureCookie) {
			t.Errorf("%s: %d, cookie %q", host, rec.Code, strings.SplitN(set, "=", 2)[0])
		}
		if !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") || !strings.Contains(set, "Path=/;") {
			t.Errorf("%s: cookie attributes of %s", host, set)
		}
	}
}

func TestStatic(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.browser(t).get("/console/sign-in")
	for _, m := range regexp.MustCompile(`(?:href|src)="(/console/static/[^"]*)"`).FindAllStringSubmatch(b.page, -1) {
		f := s.browser(t).get(m[1])
		if f.status != http.StatusOK || !strings.Contains(f.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %s", m[1], f.status, f.header.Get("Cache-Control"))
		}
	}
	if b.get("/console/static/"); b.status != http.StatusNotFound {
		t.Errorf("the folder is listed: %d", b.status)
	}
}

// How well a page compresses reveals a secret in it to anyone who can choose text beside it: what answers a form or
// repeats what was typed goes out as it is, everything else as gzip.
func TestCompression(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	b := s.browser(t).signIn("jane")
	devices, keys := frame.WorkspacePath(w.ID, "devices"), frame.WorkspacePath(w.ID, "developer", "api-keys")
	ask := func(path string, form url.Values) (encoding, body string) {
		t.Helper()
		r := b.request(path, form)
		if form == nil {
			r.Method = http.MethodGet
		}
		r.Header.Set("Accept-Encoding", "br, gzip")
		resp, err := b.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		from := io.Reader(resp.Body)
		if encoding = resp.Header.Get("Content-Encoding"); encoding == "gzip" {
			if from, err = gzip.NewReader(resp.Body); err != nil {
				t.Fatal(err)
			}
		}
		data, err := io.ReadAll(from)
		if err != nil || encoding == "gzip" && resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v, Vary %q", path, err, resp.Header.Get("Vary"))
		}
		return encoding, string(data)
	}
	for _, path := range []string{devices, keys, "/console/settings/security", "/console/static/app.css"} {
		if encoding, body := ask(path, nil); encoding != "gzip" || len(body) < 1000 {
			t.Errorf("%s: %q, %d bytes", path, encoding, len(body))
		}
	}
	if encoding, body := ask(devices+"?q=ab", nil); encoding != "" || !strings.Contains(body, `value="ab"`) {
		t.Errorf("a search: %q", encoding)
	}
	if encoding, body := ask(keys, url.Values{"name": {"CI"}, "nonce": {frame.NewNonce()}}); encoding != "" ||
		!strings.Contains(body, "seam_test") {
		t.Errorf("a new key: %q", encoding)
	}
}

// TestPublishedFlow is the page's five steps, at both places.
func TestPublishedFlow(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, w := s.person(t, "jane")
	for _, list := range []string{"/console/settings/personal-access-tokens",
		frame.WorkspacePath(w.ID, "developer", "personal-access-tokens")} {
		b := s.browser(t).signIn("jane")
		b.has("jane", `href="/console/settings/profile"`, "Settings")
		b.get("/console/settings/profile").has(`href="/console/settings/personal-access-tokens"`, "Personal Access Tokens")
		b.get(list).has("Add Personal Access Token", "Create Personal Access Token", `<option value="365" data-expires=`)
		form := b.page
		b.post(list, "name", "", "expires_in", "365").has("Required.", "data-open")
		b.post(list, "name", "Laptop", "expires_in", "date", "expires_on", "2001-01-01").has("Choose a day from tomorrow on")
		b.post(list, "name", "Laptop", "expires_in", "365").at(list)
		token := b.secret()
		if parsed, err := credential.Parse(token); err != nil || !parsed.IsPAT {
			t.Fatalf("the page shows no personal access token: %v", err)
		}
		b.has("It’s shown only once", "Never use it in a web browser", `data-location="`+list+`"`, s.URL+"/devices/list", w.ID)
		if strings.Contains(b.address.String(), token) {
			t.Error("the secret is in the address")
		}
		created := b.page
		if b.get(list).has("Laptop").lacks(token); b.status != http.StatusOK {
			t.Errorf("reload: %d", b.status)
		}

		// Sending the same form again, as a browser's reload does, makes nothing and shows nothing.
		nonce := noncePattern.FindStringSubmatch(form)[1]
		again := url.Values{"name": {"Twice"}, "expires_in": {"365"}, "nonce": {nonce}}
		b.do(b.request(list, again)) // the first of these was the empty name above
		b.has("only once").lacks("Twice", "secret-value")

		id := regexp.MustCompile(regexp.QuoteMeta(list) + `/([0-9a-f-]{36})/workspace-keys`).FindStringSubmatch(created)[1]
		b.get(list+"/"+id).has("Laptop", "No workspace keys")

		// A script of the page asks for a workspace key.
		r := b.request(list+"/"+id+"/workspace-keys",
			url.Values{"workspace_id": {w.ID}, "nonce": {noncePattern.FindStringSubmatch(created[strings.Index(created,
				"data-workspace-key"):])[1]}})
		r.Header.Set("Accept", "application/json")
		var key struct {
			Token       string `json:"token"`
			WorkspaceID string `json:"workspace_id"`
			Nonce       string `json:"nonce"`
		}
		if err := json.Unmarshal([]byte(b.do(r).page), &key); err != nil || !strings.HasPrefix(key.Token, "seam_test") ||
			key.WorkspaceID != w.ID || key.Nonce == "" {
			t.Fatalf("workspace key: %v %s", err, b.page)
		}
		// Without a script it is shown on the token's page, once.
		b.get(list+"/"+id).post(list+"/"+id+"/workspace-keys", "workspace_id", w.ID)
		if second := b.secret(); !strings.HasPrefix(second, "seam_test") || strings.Count(b.page, second) < 3 {
			t.Errorf("the workspace key is not in the examples")
		}
		keys, err := s.config.Tokens.WorkspaceKeys(t.Context(), jane.ID, id)
		if err != nil || len(keys) != 2 {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		b.get(list + "/" + id).post(list + "/" + id + "/workspace-keys/" + keys[0].ID +
			"/revoke").has("The workspace key was revoked.").lacks(keys[0].ID)

		b.get(list).has(`data-dialog-from="revoke-`+id).get(list+"/"+id).has("together with 1 workspace key").post(list+"/"+id+
			"/revoke").has("The token was revoked.", "Revoked").lacks("revoke-" + id)
		b.get(list + "/" + id).has("Revoked").lacks("Use it")
		if strings.Contains(s.log.String(), token) || strings.Contains(s.log.String(), key.Token) {
			t.Error("a secret is in the log")
		}
	}
	// No one sees another person's token.
	s.person(t, "eve")
	tokens, err := s.config.Tokens.List(t.Context(), jane.ID)
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser(t).signIn("eve")
	if b.get("/console/settings/personal-access-tokens/" + tokens[0].ID); b.status != http.StatusNotFound {
		t.Errorf("a foreign token: %d", b.status)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, _ := s.person(t, "jane")
	list := "/console/settings/personal-access-tokens"
	b := s.browser(t).signIn("jane")
	day := time.Now().UTC().AddDate(0, 0, 3).Format(time.DateOnly)
	for choice, want := range map[string]string{"7": time.Now().AddDate(0, 0, 7).UTC().Format(time.DateOnly), "never": "", "date": day} {
		b.get(list).post(list, "name", "In "+choice, "expires_in", choice, "expires_on", day).secret()
		tokens, err := s.config.Tokens.List(t.Context(), jane.ID)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if at := tokens[0].ExpiresAt; !at.IsZero() {
			got = at.UTC().Format(time.DateOnly)
		}
		if got != want || tokens[0].Name != "In "+choice {
			t.Errorf("%s: %s ends %q, want %q", choice, tokens[0].Name, got, want)
		}
	}
	b.get(list).post(list, "name", "x", "expires_in", "1000").has("Choose when the token expires.")
}

func TestDevices(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	list := frame.WorkspacePath(w.ID, "devices")
	b := s.browser(t).signIn("jane").at(list).has("No devices yet", "Add sandbox devices")
	add := frame.WorkspacePath(w.ID, "sandbox-devices")
	b.post(add).has("Choose at least one brand.", "data-open")
	b.post(add, "brand", "nowhere").has("There is no such brand")
	b.get(list).post(add, "brand", "august", "brand", "ecobee", "brand", "minut").at(list).has("added.", "Front Door", "August",
		"jane@example.com", "Thermostat", "°F")
	b.post(add, "brand", "august").has("no new devices")
	b.get(list + "?q=front").has("Front Door").lacks("°F")
	b.get(list + "?q=nothing+like+it").has("No device matches")
	b.get(list)
	id := regexp.MustCompile(`href="` + list + `/([^"]*)"`).FindStringSubmatch(b.page)[1]
	b.get(list+"/"+id).has("Capabilities", "&#34;device_id&#34;: &#34;"+id)
	b.post(list+"/"+id+"/rename", "name", strings.Repeat("x", 201)).has("Use at most 200 characters.", "data-open")
	b.post(list+"/"+id+"/rename", "name", "Harbour Gate").at(list+"/"+id).has("Renamed.", "Harbour Gate")
	if b.get(list + "/nothing"); b.status != http.StatusNotFound {
		t.Errorf("unknown device: %d", b.status)
	}
	s.editsMetadata(t, b, list+"/"+id, w.ID, id)

	// An unmanaged device is only shown, until a person has Keyway manage it.
	if err := s.config.Devices.Change(t.Context(), w.ID, id, device.Update{IsManaged: rpc.Opt[bool]{Set: true}}); err != nil {
		t.Fatal(err)
	}
	b.get(list).lacks("Harbour Gate").get(list+"/"+id).has("This device is unmanaged.", "Harbour Gate").lacks("Rename", "/simulate", "/unlock")
	b.get(list + "/" + id + "/codes").lacks("Add access code")
	b.get(list+"/"+id).post(list+"/"+id+"/manage").at(list+"/"+id).has("Keyway manages the device now.", "Rename").lacks("unmanaged.")
	_, abroad := s.person(t, "eve")
	s.browser(t).signIn("eve").notFound(http.MethodPost, list+"/"+id+"/manage", frame.WorkspacePath(abroad.ID, "devices", id, "manage"))

	// A list longer than a page.
	if err := s.config.Simulate.Fill(t.Context(), w.ID, true, 2*50, nil); err != nil {
		t.Fatal(err)
	}
	count, err := s.config.Devices.Count(t.Context(), w.ID)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	pages := 0
	for next := list; next != ""; pages++ {
		b.get(next).has(fmt.Sprintf("Page %d of 3", pages+1), fmt.Sprintf(">%d devices<", count))
		for _, m := range regexp.MustCompile(`class="row-link" href="`+list+`/([^"]*)"`).FindAllStringSubmatch(b.page, -1) {
			if seen[m[1]] {
				t.Errorf("%s stands on two pages", m[1])
			}
			seen[m[1]] = true
		}
		next = b.link("next")
	}
	if pages != 3 || len(seen) != count {
		t.Errorf("%d devices on %d pages, want %d on 3", len(seen), pages, count)
	}
	b.get(b.link("prev")).has("Page 2 of 3").get(b.link("prev")).has("Page 1 of 3").lacks("Previous page")

	// A search says how many it finds, on each of its pages.
	born := id[:6] // ids begin with the time, which is about the same for all
	b.get(list+"?q="+born).has(fmt.Sprintf("%d devices found", count), "Page 1 of 3")
	b.get(b.link("next")).has(fmt.Sprintf("%d devices found", count), "Page 2 of 3")
	if few, err := s.config.Devices.CountUpTo(t.Context(), w.ID, device.Filter{Search: born}, 7); err != nil || few != 7 {
		t.Errorf("counted up to 7: %d (%v)", few, err)
	}
	b.get(list + "?q=minut").has(" devices found").lacks("Page 1")

	// A person who adds devices sees them first.
	b.post(add, "brand", "nuki").at(list).has("Nuki · Lock")
}

// link is where the page leads by rel; empty: nowhere.
func (b *browser) link(rel string) string {
	m := regexp.MustCompile(`href="([^"]*)" rel="` + rel + `"`).FindStringSubmatch(b.page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// editsMetadata guards the metadata that programs write against the form: only what a person changed is written, names that
// cannot be are refused beside their row with everything typed kept, and a value is removed by its blank field.
func (s *server) editsMetadata(t *testing.T, b *browser, at, workspaceID, id string) {
	t.Helper()
	b.get(at).has("Custom metadata", "Edit metadata", "All properties")
	send := func(rows ...[4]string) *browser {
		t.Helper()
		var fields []string
		for _, r := range rows {
			fields = append(fields, "shown_key", r[0], "shown_value", r[1], "key", r[2], "value", r[3])
		}
		return b.post(at+"/metadata", fields...)
	}
	is := func(want string) {
		t.Helper()
		r, err := s.config.Devices.Reach(t.Context(), s.config.DB, workspaceID, id)
		if got, _ := json.Marshal(r.CustomMetadata); err != nil || string(got) != want {
			t.Errorf("the metadata is %s, want %s (%v)", got, want, err)
		}
	}
	send([4]string{"", "", "room", " 12 "}, [4]string{"", "", "vip", "true"}, [4]string{}).at(at).has("Metadata saved.",
		"<dt>room</dt><dd>12</dd>")
	is(`{"room":"12","vip":true}`)
	err := s.config.Devices.Change(t.Context(), workspaceID, id,
		device.Update{CustomMetadataChanges: map[string]any{"room": "14", "floor": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	send([4]string{"room", "12", "room", "12"}, [4]string{"vip", "true", "guest", "true"}).at(at)
	is(`{"floor":"2","guest":true,"room":"14"}`)
	send([4]string{"", "", "a.b", "x"}, [4]string{"", "", "", "y"}).has("data-open", `value="a.b"`, "Enter a name for this value.")
	send([4]string{"", "", "a.b", "x"}, [4]string{"", "", "kept", "z"}).has("data-open", "without a dot", `value="kept"`)
	send([4]string{"", "", "one", "x"}, [4]string{"", "", "one", "y"}).has("This name is used twice.")
	if b.get(at).post(at+"/metadata", "key", "x"); b.status != http.StatusBadRequest {
		t.Errorf("half a form: %d", b.status)
	}
	is(`{"floor":"2","guest":true,"room":"14"}`)
	b.get(at)
	send([4]string{"floor", "2", "floor", ""}, [4]string{"guest", "true", "", ""}).at(at)
	is(`{"room":"14"}`)
}

// Guards deletion of a device: it is gone from the list, and only members of its workspace can do it.
func TestDeleteDevice(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	_, abroad := s.person(t, "eve")
	b := s.browser(t).signIn("jane")
	lock := b.lockOf(w, "schlage")
	id := lock[strings.LastIndexByte(lock, '/')+1:]
	b.get(lock).has("Codes that are on the lock stay")
	e := s.browser(t).signIn("eve")
	for _, what := range []string{"/delete", "/metadata"} {
		e.notFound(http.MethodPost, lock+what, frame.WorkspacePath(abroad.ID, "devices", id)+what)
	}
	b.get(lock).post(lock + "/delete").at(frame.WorkspacePath(w.ID, "devices")).has("was deleted.").lacks(id)
	if b.get(lock); b.status != http.StatusNotFound {
		t.Errorf("the page of a deleted device: %d", b.status)
	}
}

func TestTeam(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, w := s.person(t, "jane")
	team, keys := frame.WorkspacePath(w.ID, "team"), frame.WorkspacePath(w.ID, "developer", "api-keys")
	b := s.browser(t).signIn("jane").get(team).has("Only owner")
	b.post(team+"/invite", "email", "sam", "role", "admin").has("Enter a valid email address.")
	b.post(team+"/invite", "email", "sam@example.com", "role", "admin").at(team + "/invite")
	link := b.secret()
	path, secret, ok := strings.Cut(strings.TrimPrefix(link, s.URL), "#")
	if !ok || path != "/console/invitation" {
		t.Fatalf("link %s", link)
	}
	b.get(team).has("sam@example.com").lacks(secret)

	sam := s.browser(t).get(path)
	sam.post(path, "token", "wrong").has("no longer works")
	sam.get(path).post(path, "token", secret).has("jane&#39;s Sandbox", "sam@example.com", "At least 12")
	sam.post(path, "token", secret, "join", "true", "name", "Sam", "password", "short").has("Use at least 12 characters.")
	sam.post(path, "token", secret, "join", "true", "name", "Sam", "password",
		testPassword).at(frame.WorkspacePath(w.ID, "devices")).has("You are a member of")
	sam.get(path).post(path, "token", secret).has("no longer works")

	sam.get(keys).post(keys, "name", "Booking server")
	if !strings.HasPrefix(sam.secret(), "seam_test") {
		t.Error("no API key is shown")
	}
	sam.get(keys).has("Booking server", "by Sam").lacks(sam.secretless())
	// An admin neither makes nor unmakes owners.
	sam.get(team).lacks("remove-" + jane.ID)
	if sam.do(sam.request(team+"/members/"+jane.ID+"/remove", nil)); sam.status != http.StatusForbidden {
		t.Errorf("an admin removes the owner: %d", sam.status)
	}
	if sam.do(sam.request(frame.WorkspacePath(w.ID, "settings", "delete"),
		url.Values{"confirm_name": {w.Name}})); sam.status != http.StatusForbidden {
		t.Errorf("an admin deletes the workspace: %d", sam.status)
	}

	members, err := s.config.Members.List(t.Context(), w.ID)
	if err != nil {
		t.Fatal(err)
	}
	id := members[1].UserID
	b.get(team).has("1 API key stops", "Booking server", "Keep this key working")
	b.post(team+"/members/"+id+"/role", "role", "member").has("The role was changed.")
	sam.get(keys).lacks("Add API Key", "Revoke")
	if sam.do(sam.request(keys, url.Values{"name": {"Other"}, "nonce": {frame.NewNonce()}})); sam.status != http.StatusForbidden {
		t.Errorf("a member makes an API key: %d", sam.status)
	}
	sam.get(team).lacks("Invite", "Pending")
	b.get(team).post(team+"/members/"+id+"/remove", "adopt_api_keys", "true").has("The person was removed.")
	b.get(keys).has("Booking server", "by jane")
	if sam.get(team); sam.status != http.StatusNotFound {
		t.Errorf("who was removed sees the team: %d", sam.status)
	}
	sam.get("/console").has("No workspace yet")

	// The only owner cannot go.
	b.do(b.request(team+"/members/"+jane.ID+"/remove", nil)).has("needs an owner")
	b.get(keys)
	key := regexp.MustCompile(`action="` + keys + `/([^"/]*)/revoke"`).FindStringSubmatch(b.page)[1]
	b.post(keys+"/"+key+"/revoke").has("The key was revoked.", "No API keys")

	b.get(team).post(team+"/invite", "email", "kim@example.com", "role", "member")
	b.get(team)
	open := regexp.MustCompile(`action="(` + team + `/invitations/[^"]*/revoke)"`).FindStringSubmatch(b.page)[1]
	b.post(open).has("The invitation was revoked.").lacks("kim@example.com")
}

// secretless is what the page of a secret shows of it later: nothing.
func (b *browser) secretless() string { return "secret-value" }

func TestWorkspaces(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	_, foreign := s.person(t, "eve")
	b := s.browser(t).signIn("jane")
	b.post("/console/workspaces", "name", "").has("Required.", "data-open")
	b.post("/console/workspaces", "name", "Harbour Hotels", "company_name", "Harbour Ltd")
	b.has("Workspace Harbour Hotels created.", "Production", "No devices yet").lacks("add-sandbox")
	made := strings.Split(b.address.Path, "/")[3]
	settings := frame.WorkspacePath(made, "settings")
	b.get(settings).has("Harbour Ltd", made).lacks("Reset sandbox")
	b.post(settings, "name", "Harbour", "company_name", "Harbour Inc").has("Saved.", "Harbour Inc")
	b.post(settings, "name", "", "company_name", "x").has("Required.")
	b.get(settings).post(settings+"/suspend").has("The workspace is suspended.", "This workspace is suspended.", "Resume")
	b.post(settings + "/resume").has("The workspace is active again.").lacks("This workspace is suspended.")
	b.post(settings+"/delete", "confirm_name", "harbour").has("Type the workspace", "data-open")
	b.post(settings+"/delete", "confirm_name", "Harbour").at(frame.WorkspacePath(w.ID, "devices")).has("Workspace Harbour deleted.")
	if b.get(settings); b.status != http.StatusNotFound {
		t.Errorf("the deleted workspace: %d", b.status)
	}
	b.get(frame.WorkspacePath(w.ID, "settings")).post(frame.WorkspacePath(w.ID, "settings",
		"reset-sandbox")).has("The sandbox is being reset.")

	// A foreign workspace and one that is not there answer alike.
	for _, path := range []string{"devices", "team", "settings", "developer/api-keys", "developer/personal-access-tokens"} {
		var bodies [2]string
		for i, id := range []string{foreign.ID, "01999999-0000-7000-8000-000000000000"} {
			if b.get(frame.WorkspacePath(id) + "/" + path); b.status != http.StatusNotFound {
				t.Errorf("%s: %d", path, b.status)
			}
			bodies[i] = b.page
		}
		if bodies[0] != bodies[1] {
			t.Errorf("%s tells a foreign workspace from none", path)
		}
	}
	b.get("/console").at(frame.WorkspacePath(w.ID, "devices"))
}

func TestProfile(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.person(t, "jane")
	const profile, password = "/console/settings/profile", "/console/settings/password"
	b, other := s.browser(t).signIn("jane"), s.browser(t).signIn("jane")
	b.get("/console/settings").at(profile).post(profile, "name", "").has("Required.")
	b.get(profile).post(profile, "name", "Jane Doe").at(profile).has("Saved.", "Jane Doe")
	const fresh = "a new pass phrase"
	b.post(password, "current_password", "wrong", "new_password", fresh).has("The password is wrong.")
	b.post(password, "current_password", testPassword, "new_password", "short").has("Use at least 12 characters.")
	b.post(password, "current_password", testPassword, "new_password", fresh).at(profile).has("signed out everywhere else")
	other.get(profile).at("/console/sign-in").post("/console/sign-in", "email", "jane@example.com", "password", fresh)
	other.get(profile).has("Jane Doe")
}

func TestPeople(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.person(t, "jane") // the first is an operator
	eve, _ := s.person(t, "eve")
	const people = "/console/instance/people"
	b, other := s.browser(t).signIn("jane"), s.browser(t).signIn("eve")
	if other.get(people); other.status != http.StatusForbidden {
		t.Errorf("People for everybody: %d", other.status)
	}
	other.lacks("jane@example.com", `href="`+people+`"`)
	b.get(people).has("eve@example.com", "2 people").get(people + "?q=eve").lacks("disable-x").has("1 person")
	b.get(people).post(people+"/"+eve.ID+"/disable").has("The person is disabled.", "Enable")
	other.get("/console").at("/console/sign-in").signIn("eve").has("is wrong")
	b.post(people + "/" + eve.ID + "/enable").has("The person is enabled.")
	other.signIn("eve").has("No devices yet")
	for i := range 50 {
		s.quickPerson(t, fmt.Sprintf("p%03d", i))
	}
	b.get(people).has("50 people on this page")
	b.get(people + "?page=2").has("2 people on this page")
}

// quickPerson makes a person without the cost of a password.
func (s *server) quickPerson(t *testing.T, name string) {
	t.Helper()
	ctx := context.Background()
	err := s.config.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := s.config.People.Create(ctx, tx, identity.NewUser{Email: name + "@example.com", Name: name}, audit.Server)
		return err
	}, store.Instance)
	if err != nil {
		t.Fatal(err)
	}
}

// What lasts needs a fresh proof of who asks; the form that was refused goes on with what it contained.
func TestFreshAuthentication(t *testing.T) {
	t.Parallel()
	s := serve(t)
	u, w := s.person(t, "jane")
	b := s.browser(t)
	b.signIn("jane")
	tokens := "/console/settings/personal-access-tokens"
	team := frame.WorkspacePath(w.ID, "team")
	before := b.sessionID()
	s.ahead.Store(int64(credential.FreshFor + time.Minute))
	b.get(tokens).post(tokens, "name", "Nightly <sync>", "expires_in", "30").at(tokens).has("Confirm it’s you",
		`data-location="`+tokens+`"`).lacks("Nightly")
	if made, err := s.config.Tokens.List(t.Context(), u.ID); err != nil || len(made) != 0 {
		t.Fatal(made, err)
	}
	sealed := b.hidden(frame.SealedForm)
	b.post(tokens, frame.SealedForm, sealed, "confirm_password", "wrong").has("The password is wrong.")
	b.post(tokens, frame.SealedForm, b.hidden(frame.SealedForm), "confirm_password", testPassword)
	if secret := b.secret(); !strings.HasPrefix(secret, "seam_at1") {
		t.Errorf("%q", secret)
	}
	b.has("Nightly &lt;sync&gt;")
	if b.sessionID() == before {
		t.Error("the session kept its id")
	}
	// Neither the kept form nor the cookie from before opens anything now.
	b.get(tokens)
	if b.do(b.request(tokens, url.Values{frame.SealedForm: {sealed}, "confirm_password": {testPassword}})); b.status != 400 {
		t.Errorf("the same again: %d", b.status)
	}
	if made, err := s.config.Tokens.List(t.Context(), u.ID); err != nil || len(made) != 1 {
		t.Error(made, err)
	}
	b.get(team).post(team+"/invite", "email", "x@example.com", "role", "member").has("x@example.com").lacks("Confirm it’s you")
	s.ahead.Add(int64(credential.FreshFor + time.Minute))
	b.get(team).post(team+"/invite", "email", "y@example.com", "role", "member").at(team+"/invite").has("Confirm it’s you",
		`data-location="`+team+`"`)
	// What was kept for one address is not taken at another.
	b.do(b.request(tokens, url.Values{frame.SealedForm: {b.hidden(frame.SealedForm)}, "confirm_password": {testPassword}}))
	if b.status != 400 {
		t.Errorf("elsewhere: %d", b.status)
	}
	if strings.Contains(s.log.String(), testPassword) {
		t.Error("the password is in the log")
	}
}

func (b *browser) hidden(name string) string {
	b.t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(b.page)
	if m == nil {
		b.t.Fatalf("%s has no field %s:\n%s", b.address, name, plainText(b.page))
	}
	return m[1]
}

// sessionID is the id in the browser's cookie.
func (b *browser) sessionID() string {
	b.t.Helper()
	at, err := url.Parse(b.s.URL + frame.Root)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(at) {
		if c.Name == frame.SecureCookie {
			id, _, _ := strings.Cut(c.Value, ".")
			return id
		}
	}
	return ""
}
