package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"keyway/internal/console/frame"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/audit"
)

// planted returns a browser with the cookie of a session that another person knows, and that cookie.
func (s *server) planted(t *testing.T, who string) (*browser, *http.Cookie) {
	t.Helper()
	eve := s.browser(t)
	eve.signIn(who)
	at, err := url.Parse(s.URL + frame.Root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range eve.Jar.Cookies(at) {
		if c.Name == frame.SecureCookie {
			known := &http.Cookie{Name: c.Name, Value: c.Value, Path: "/", Secure: true}
			b := s.browser(t)
			b.Jar.SetCookies(at, []*http.Cookie{known})
			return b, known
		}
	}
	t.Fatal("there is no cookie")
	return nil, nil
}

// CWE-384: an attacker who plants a session in a person's browser must not be in it when that person signs
// in, or is allowed more.
func TestIncidentSessionFixation(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, w := s.person(t, "jane")
	s.person(t, "eve")
	ctx := t.Context()
	// dead asks with the planted cookie, and what the browser has must be another session.
	dead := func(how string, b *browser, known *http.Cookie) {
		t.Helper()
		id, _, _ := strings.Cut(known.Value, ".")
		if now := b.sessionID(); now == id || now == "" {
			t.Errorf("%s: the session is %q, and was %q", how, now, id)
		}
		eve := s.browser(t)
		at, _ := url.Parse(s.URL + frame.Root)
		eve.Jar.SetCookies(at, []*http.Cookie{known})
		if eve.get("/console/settings/profile"); eve.address.Path != "/console/sign-in" {
			t.Errorf("%s: the planted cookie opens %s", how, eve.address)
		}
	}
	signInPath := "/console/sign-in"

	b, known := s.planted(t, "eve")
	b.do(b.request(signInPath, url.Values{"email": {"jane@example.com"},
		"password": {testPassword}})).get("/console/settings/profile").has("jane@example.com")
	dead("password", b, known)

	b, known = s.planted(t, "jane")
	tokens := "/console/settings/personal-access-tokens"
	s.ahead.Add(int64(11 * time.Minute))
	b.get(tokens).post(tokens, "name", "x", "expires_in", "30").has("Confirm it’s you")
	b.post(tokens, frame.SealedForm, b.hidden(frame.SealedForm), "confirm_password", testPassword)
	b.secret()
	dead("re-authentication", b, known)

	b, known = s.planted(t, "jane")
	john, _ := s.person(t, "john")
	if err := s.config.Members.Add(ctx, w.ID, john.ID, rpc.Owner, audit.Server); err != nil {
		t.Fatal(err)
	}
	if err := s.config.Members.SetRole(ctx, w.ID, jane.ID, rpc.Admin, rpc.Owner, "", audit.Server); err != nil {
		t.Fatal(err)
	}
	guess, at := s.browser(t), &url.URL{Scheme: "https", Host: s.Listener.Addr().String(), Path: frame.Root}
	guess.Jar.SetCookies(at, []*http.Cookie{{Name: known.Name, Value: b.sessionID() + ".session_guess", Path: "/", Secure: true}})
	for range 2 {
		if guess.get("/console/settings/profile"); guess.address.Path != "/console/sign-in" {
			t.Errorf("who knows only the id of a session that must be renewed opens %s", guess.address)
		}
	}
	alone, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/console/settings/profile", nil)
	alone.Header.Set(frame.LiveHeader, "yes")
	if b.do(alone).has("jane@example.com"); b.sessionID() != strings.Split(known.Value, ".")[0] {
		t.Error("the session was renewed by what a page asked for by itself, whose answer may be lost")
	}
	b.get("/console/settings/profile").has("jane@example.com")
	dead("role change", b, known)
	b.get(tokens).post(tokens, "name", "x", "expires_in", "30").has("Confirm it’s you") // it is no longer fresh

	inv, err := s.config.Members.Invite(ctx, w.ID, "mary@example.com", rpc.Member, rpc.Owner, audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(inv.URL, "#")
	b, known = s.planted(t, "eve")
	b.do(b.request("/console/invitation", url.Values{"token": {secret}, "join": {"true"}, "name": {"Mary"},
		"password": {testPassword}})).has("You are a member of")
	dead("invitation", b, known)

	code := s.authenticator(t, "jane")
	b, known = s.planted(t, "eve")
	b.do(b.request(signInPath, url.Values{"email": {"jane@example.com"}, "password": {testPassword}})).has("Two-step verification")
	step := b.hidden("step")
	if id, _, _ := strings.Cut(known.Value, "."); b.sessionID() != id {
		t.Error("a password alone changed the session")
	}
	b.do(b.request(signInPath+"/code", url.Values{"step": {step}, "code": {"000"}})).has("The code is wrong")
	b.do(b.request(signInPath+"/code", url.Values{"step": {step}, "code": {code()}})).get("/console/settings/profile").has("jane@example.com")
	dead("second factor", b, known)
}

// authenticator sets up an authenticator app for a person, in the pages, and returns a function that gives
// its next code.
func (s *server) authenticator(t *testing.T, name string) func() string {
	t.Helper()
	b := s.browser(t)
	b.signIn(name)
	const at = "/console/settings/security"
	b.get(at).post(at+"/authenticator").has("Set up an authenticator app", "data:image/png;base64,")
	_, rest, _ := strings.Cut(b.page, `<code class="mono">`)
	secret, _, _ := strings.Cut(rest, "<")
	code := func() string {
		t.Helper()
		s.ahead.Add(int64(time.Minute)) // each code is taken once
		text, err := totp.GenerateCode(secret, s.config.Now())
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	b.post(at+"/authenticator/confirm", "sealed", b.hidden("sealed"), "code", "1").has("The code is wrong")
	b.post(at+"/authenticator/confirm", "sealed", b.hidden("sealed"), "code", code()).has("Your recovery codes")
	b.get(at).has("10 codes left").lacks("Your recovery codes")
	// A form that is sent again, as by a reload, does not end the codes that its first answer showed.
	nonce := noncePattern.FindStringSubmatch(b.page)[1]
	b.post(at + "/recovery-codes").has("Your recovery codes")
	b.do(b.request(at+"/recovery-codes", url.Values{"nonce": {nonce}})).at(at).has("Already submitted").lacks("Your recovery codes")
	return code
}

// portainer#2475: the first person to reach a new server owns it. Here only a person who has the link does,
// and of two who have it only one.
func TestIncidentFirstRun(t *testing.T) {
	t.Parallel()
	s := serve(t)
	secret, err := s.config.People.StartSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stranger := s.browser(t)
	for _, token := range []string{"", "nonsense", secret.Reveal()[:len(secret.Reveal())-1]} {
		stranger.do(stranger.request("/console/setup",
			url.Values{"token": {token}, "email": {"eve@example.com"}, "password": {testPassword}})).has("This link doesn’t match")
	}
	names := []string{"jane", "john"}
	browsers := []*browser{s.browser(t), s.browser(t)}
	var running sync.WaitGroup
	for i, b := range browsers {
		r := b.request("/console/setup", url.Values{"token": {secret.Reveal()}, "email": {names[i] + "@example.com"}, "password": {testPassword}})
		running.Go(func() {
			if resp, err := b.Do(r); err != nil {
				t.Error(err)
			} else {
				_ = resp.Body.Close()
			}
		})
	}
	running.Wait()
	people, err := s.config.People.List(t.Context())
	if err != nil || len(people) != 1 || !people[0].IsOperator {
		t.Fatalf("%+v %v", people, err)
	}
	in := 0
	for _, b := range browsers {
		if b.sessionID() != "" {
			in++
		}
	}
	if in != 1 {
		t.Errorf("%d are signed in", in)
	}
}

func TestSessionsPage(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.person(t, "jane")
	john, _ := s.person(t, "john")
	b, other, third := s.browser(t), s.browser(t), s.browser(t)
	for _, x := range []*browser{b, other, third} {
		x.signIn("jane")
	}
	const at = "/console/settings/sessions"
	b.get(at).has("This one", "Go-http-client", "192.0.2.1", "Password", "End all others")
	end := at + "/" + other.sessionID() + "/end"
	b.post(end).has("The session was ended.")
	other.get(at).at("/console/sign-in")
	// Another person's session is not there.
	johns := s.browser(t)
	johns.signIn("john")
	b.do(b.request(at+"/"+johns.sessionID()+"/end", nil))
	johns.get(at).at(at)
	b.get(at).post(at + "/end-others").has("All other sessions were ended.").lacks("End all others")
	third.get(at).at("/console/sign-in")
	johns.get(at).at(at)
	b.get(at).post(at + "/" + b.sessionID() + "/end").at("/console/signed-out")
	if sessions, err := s.config.People.Sessions(t.Context(), john.ID); err != nil || len(sessions) != 1 ||
		sessions[0].Address != "192.0.2.1" {
		t.Errorf("%+v %v", sessions, err)
	}
}
