package conformance

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// providerPassword is everyone's at the provider.
const providerPassword = "a password at the provider"

// startWithProvider makes a world whose people may also sign in at zitadel/oidc's example provider,
// which lives in a module of its own. Everyone there is named after their subject.
func startWithProvider(t *testing.T) (w *world, issuer string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-o", program, "github.com/zitadel/oidc/v3/example/server")
	build.Dir = "openid"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build of the provider: %v\n%s", err, out)
	}
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	accounts := map[string]fields{}
	for _, name := range []string{"owner", "mallory", "mary", "unsure"} {
		accounts[name+"-subject"] = fields{"ID": name + "-subject", "Username": name, "Password": providerPassword,
			"FirstName": strings.ToUpper(name[:1]) + name[1:],
			"LastName":  "Doe", "Email": name + "@example.com", "EmailVerified": name != "unsure", "PreferredLanguage": "en"}
	}
	text, err := json.Marshal(accounts)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "users.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}

	port := freePort(t)
	issuer = "http://localhost:" + port + "/"
	w = &world{folder: []string{"--data", t.TempDir()},
		flags: []string{"--oidc-issuer", issuer, "--oidc-client-id", "web", "--oidc-client-secret-file", secret, "--oidc-label", "Example"}}
	w.begin(t)

	log, err := os.Create(filepath.Join(dir, "provider.log"))
	if err != nil {
		t.Fatal(err)
	}
	provider := exec.Command(program)
	provider.Env = append(environment(), "PORT="+port, "USERS_FILE="+filepath.Join(dir, "users.json"),
		"REDIRECT_URI="+w.URL+"/console/sign-in/openid/back")
	provider.Stdout, provider.Stderr = log, log
	if err := provider.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = provider.Process.Kill()
		_ = provider.Wait()
		_ = log.Close()
		if t.Failed() {
			t.Logf("end of the provider's log:\n%s", lastLines(log.Name()))
		}
	})
	deadline := time.Now().Add(time.Minute)
	for {
		res, err := http.Get(issuer + ".well-known/openid-configuration")
		if err == nil {
			_ = res.Body.Close()
			return w, issuer
		}
		if time.Now().After(deadline) {
			t.Fatalf("the provider does not answer: %v\n%s", err, lastLines(log.Name()))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// atProvider signs in there, on the page that is open.
func (p person) atProvider(username string) {
	p.t.Helper()
	p.fill("Username:", username)
	p.fill("Password:", providerPassword)
	p.press("Login")
}

func (p person) signIn(w *world) {
	p.t.Helper()
	p.open(w.URL + "/console/sign-in")
	p.fill("Email address", ownerEmail)
	p.fill("Password", ownerPassword)
	p.press("Sign in")
	p.sees("Devices")
}

// invite makes an open invitation to the first workspace.
func (w *world) invite(t *testing.T, email string) {
	t.Helper()
	w.ok(t, w.signIn(t), w.Harbour.WorkspaceID, "/keyway/v1/members/invite",
		fields{"workspace_id": w.Harbour.WorkspaceID, "email": email, "role": "admin"})
}

// stale takes a member's freshness away, as any change of their rights does, and gives a session of
// the owner's that is as fresh as theirs.
func (w *world) stale(t *testing.T, userID, role string) (session string) {
	t.Helper()
	session = w.signIn(t)
	w.ok(t, session, w.Harbour.WorkspaceID, "/keyway/v1/members/update",
		fields{"workspace_id": w.Harbour.WorkspaceID, "user_id": userID, "role": role})
	return session
}

// Sign in at an independent provider: link, sign in, confirm with what was typed kept, and be refused.
func TestOpenIDConnect(t *testing.T) {
	t.Parallel()
	w, provider := startWithProvider(t)
	p := person{t, browser(t, provider)}
	p.signIn(w)
	p.open(w.URL + "/console/settings/security")
	p.press("Link an account")
	p.atProvider("owner")
	p.sees("The account is linked")
	p.sees("owner@example.com")
	screenshot(t, p.ctx, "security-provider")
	p.open(w.URL + "/console/settings/sessions")
	p.press("O owner")
	p.press("Sign out")
	p.sees("signed out")

	p.open(w.URL + "/console/sign-in?next=%2Fconsole%2Fsettings%2Fsessions")
	screenshot(t, p.ctx, "sign-in-provider")
	opens := p.plant(w)
	if !opens() {
		t.Fatal("the planted session is dead from the start")
	}
	p.press("Continue with Example")
	p.atProvider("owner")
	p.sees("Provider") // the Sessions page says how
	if opens() {
		t.Error("the session that was in the browser lives on after signing in at the provider")
	}

	stranger := person{t, browser(t, provider)}
	for _, c := range []struct{ who, says string }{
		{"mallory", "Nobody here has invited mallory@example.com"},
		{"unsure", "has not verified that unsure@example.com is your address"},
	} {
		if c.who == "unsure" {
			w.invite(t, "unsure@example.com")
		}
		stranger.open(w.URL + "/console/sign-in")
		stranger.press("Continue with Example")
		stranger.atProvider(c.who)
		stranger.sees(c.says)
	}
	screenshot(t, stranger.ctx, "sign-in-refused")

	// Invited by an address that the provider has verified.
	w.invite(t, "mary@example.com")
	stranger.press("Continue with Example")
	stranger.atProvider("mary")
	stranger.sees("Harbour")
	tokens := w.URL + "/console/settings/personal-access-tokens"
	stranger.open(w.URL + "/console/settings/security")
	stranger.sees("mary@example.com")
	var mary string
	for _, m := range w.ok(t, w.signIn(t), w.Harbour.WorkspaceID, "/keyway/v1/members/list",
		fields{"workspace_id": w.Harbour.WorkspaceID}).objects(t, "members") {
		if m["email"] == "mary@example.com" {
			mary = text(t, m, "user_id")
		}
	}

	// She has nothing but the provider to confirm with, and what she typed is there afterwards.
	w.stale(t, mary, "member")
	stranger.open(tokens)
	stranger.press("+ Add Personal Access Token")
	stranger.fill("Name", "Made after the provider")
	stranger.press("Create Personal Access Token")
	stranger.sees("Confirm it’s you")
	screenshot(t, stranger.ctx, "confirm-provider")
	stranger.press("Confirm at Example")
	stranger.atProvider("mary")
	stranger.sees("It’s shown only once")
	stranger.sees("Made after the provider")

	// Another person's account proves nothing.
	w.stale(t, mary, "admin")
	stranger.open(tokens)
	stranger.press("+ Add Personal Access Token")
	stranger.fill("Name", "Never made")
	stranger.press("Create Personal Access Token")
	stranger.press("Confirm at Example")
	stranger.atProvider("owner")
	stranger.sees("isn’t linked to yours; nothing was changed")
	stranger.reload()
	stranger.sees("Made after the provider")
	if strings.Contains(stranger.page(), "Never made") {
		t.Error("the token was made all the same")
	}
}

// visitor goes to the provider and back as a browser would, but can be diverted between any two steps.
type visitor struct {
	t *testing.T
	w *world
	*http.Client
}

func (w *world) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, w, &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/login/") { // within the provider
			return nil
		}
		return http.ErrUseLastResponse
	}}}
}

// get gives where an address leads, and what its page says.
func (v *visitor) get(at string) (to *url.URL, page string) {
	v.t.Helper()
	res, err := v.Get(at)
	return v.read(res, err)
}

func (v *visitor) read(res *http.Response, err error) (*url.URL, string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	to, err := res.Location()
	if err != nil {
		to = res.Request.URL
	}
	return to, html.UnescapeString(string(page))
}

// begin presses the button and gives the address at the provider.
func (v *visitor) begin() *url.URL {
	v.t.Helper()
	to, page := v.get(v.w.URL + "/console/sign-in/openid")
	if to.Host == strings.TrimPrefix(v.w.URL, "http://") {
		v.t.Fatalf("the button leads to %s: %s", to, short(page))
	}
	return to
}

// signInAt signs in at the provider and gives the address it sends people back to.
func (v *visitor) signInAt(provider *url.URL, username string) *url.URL {
	v.t.Helper()
	_, page := v.get(provider.String())
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page)
	if id == nil {
		v.t.Fatalf("the provider shows no form at %s: %s", provider, short(page))
	}
	form := provider.ResolveReference(&url.URL{Path: "/login/username"})
	to, page := v.read(v.PostForm(form.String(), url.Values{"id": {id[1]}, "username": {username}, "password": {providerPassword}}))
	for range 3 {
		if strings.HasPrefix(to.String(), v.w.URL) {
			return to
		}
		to, page = v.get(to.String())
	}
	v.t.Fatalf("the provider leads to %s: %s", to, short(page))
	return nil
}

func (v *visitor) signedIn() bool {
	v.t.Helper()
	to, _ := v.get(v.w.URL + "/console/settings/profile")
	return to.Path == "/console/settings/profile"
}

// altered gives an address with another value in its query.
func altered(u *url.URL, key, value string) *url.URL {
	other, query := *u, u.Query()
	query.Set(key, value)
	other.RawQuery = query.Encode()
	return &other
}

// Whatever does not answer this browser's own question opens nothing.
func TestOpenIDConnectRefusals(t *testing.T) {
	t.Parallel()
	w, _ := startWithProvider(t)
	w.invite(t, "mary@example.com")
	home, err := url.Parse(w.URL + "/console")
	if err != nil {
		t.Fatal(err)
	}
	const again = "did not work out"
	refused := func(name string, v *visitor, back *url.URL, says string) {
		t.Helper()
		if _, page := v.get(back.String()); !strings.Contains(page, says) {
			t.Errorf("%s: the page does not say %q: %s", name, says, short(page))
		}
		if v.signedIn() {
			t.Errorf("%s: somebody is signed in", name)
		}
	}

	v := w.visitor(t)
	at := v.begin()
	q := at.Query()
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 20 ||
		len(q.Get("nonce")) < 20 || q.Get("response_type") != "code" {
		t.Errorf("the provider is asked with %s", at.RawQuery)
	}
	if q.Get("scope") != "openid profile email" || q.Get("redirect_uri") != w.URL+"/console/sign-in/openid/back" {
		t.Errorf("the provider is asked with %s", at.RawQuery)
	}
	refused("another state", v, altered(v.signInAt(at, "mary"), "state", "another"), again)

	v = w.visitor(t)
	refused("no state", v, altered(v.signInAt(v.begin(), "mary"), "state", ""), again)
	v = w.visitor(t)
	refused("another code", v, altered(v.signInAt(v.begin(), "mary"), "code", "another"), again)
	v = w.visitor(t)
	refused("the provider says no", v, altered(v.signInAt(v.begin(), "mary"), "code", ""), again)
	v = w.visitor(t)
	refused("another nonce", v, v.signInAt(altered(v.begin(), "nonce", "another"), "mary"), again)
	// The provider checks the code against the challenge, so a wrong one shows that the verifier is sent.
	v = w.visitor(t)
	refused("another challenge", v, v.signInAt(altered(v.begin(), "code_challenge", strings.Repeat("A", 43)), "mary"), again)
	v = w.visitor(t)
	refused("another browser", w.visitor(t), v.signInAt(v.begin(), "mary"), "start in this browser")
	// Login CSRF: another person's answer to the request of this browser.
	v, eve := w.visitor(t), w.visitor(t)
	v.begin()
	refused("somebody else's answer", v, eve.signInAt(eve.begin(), "mary"), again)

	v = w.visitor(t)
	back := v.signInAt(v.begin(), "mary")
	kept := v.Jar.Cookies(home)
	if to, page := v.get(back.String()); !v.signedIn() {
		t.Fatalf("mary is not signed in: %s %s", to, short(page))
	}
	replay := w.visitor(t)
	replay.Jar.SetCookies(home, kept)
	refused("a replayed answer", replay, back, again)

	if log := w.log(t); strings.Contains(log, back.Query().Get("code")) || strings.Contains(log, back.Query().Get("state")) {
		t.Error("the log holds a code or a state")
	}
}

// A provider that is down stops no other sign-in, and its button says so.
func TestOpenIDConnectProviderDown(t *testing.T) {
	t.Parallel()
	w := &world{folder: []string{"--data", t.TempDir()},
		flags: []string{"--oidc-issuer", "http://localhost:" + freePort(t), "--oidc-client-id", "web", "--oidc-label", "Example"}}
	w.begin(t)
	p := person{t, browser(t)}
	p.open(w.URL + "/console/sign-in")
	p.press("Continue with Example")
	p.sees("Example cannot be reached now")
	p.fill("Email address", ownerEmail)
	p.fill("Password", ownerPassword)
	p.press("Sign in")
	p.sees("Devices")
	p.open(w.URL + "/console/settings/security")
	p.press("Link an account")
	p.sees("Example cannot be reached now")
}
