package conformance

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// withPasskeys gives the browser an authenticator that Chromium itself simulates.
func (p person) withPasskeys() {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		p.t.Fatal(err)
	}
	if _, err := chromedp.Call(p.ctx, webauthn.AddVirtualAuthenticator,
		webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification:         true,
			AutomaticPresenceSimulation: true, IsUserVerified: true,
		}}); err != nil {
		p.t.Fatal(err)
	}
}

// addPasskey makes one on the Security page, as the owner, who is signed in afterwards.
func (p person) addPasskey(w *world) {
	p.t.Helper()
	p.signIn(w)
	p.open(w.URL + "/console/settings/security")
	p.press("Add a passkey")
	p.fill("Name", "Laptop")
	p.press("Continue")
	p.sees("The passkey was added.")
	p.sees("Laptop")
}

// startNamed makes a world whose address is a name, where browsers take passkeys.
func startNamed(t *testing.T) *world {
	t.Helper()
	w := start(t)
	w.URL = strings.Replace(w.URL, "127.0.0.1", "localhost", 1)
	return w
}

// A passkey is made and used; at a bare address the pages say where passkeys work.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	w := startNamed(t)
	p := person{t, browser(t)}
	p.withPasskeys()
	p.open(strings.Replace(w.URL, "localhost", "127.0.0.1", 1) + "/console/sign-in")
	p.sees("They work at")
	screenshot(t, p.ctx, "sign-in-elsewhere")
	p.addPasskey(w)
	screenshot(t, p.ctx, "security")
	p.press("O owner")
	p.press("Sign out")
	p.sees("signed out")
	p.open(w.URL + "/console/sign-in")
	opens := p.plant(w)
	if !opens() {
		t.Fatal("the planted session is dead from the start")
	}
	p.press("Sign in with a passkey")
	p.sees("Devices")
	if opens() {
		t.Error("the session that was in the browser lives on after signing in with a passkey")
	}
	p.open(w.URL + "/console/settings/sessions")
	p.sees("Passkey")
	screenshot(t, p.ctx, "sessions")

	// The same key proves again who the person is, and what they typed is done.
	session := w.stale(t, w.UserID, "owner")
	p.open(w.URL + "/console/settings/personal-access-tokens")
	p.press("+ Add Personal Access Token")
	p.fill("Name", "Made after the passkey")
	p.press("Create Personal Access Token")
	p.sees("Confirm it’s you")
	screenshot(t, p.ctx, "confirm")
	p.press("Confirm with a passkey")
	p.sees("It’s shown only once")
	p.sees("Made after the passkey")
	a := w.call(t, session, "", "/keyway/v1/personal_access_tokens/create", fields{"name": "x"})
	if a.status != http.StatusForbidden || a.reason() != "fresh_authentication" {
		t.Errorf("one session's proof counts for another: %v", a)
	}
}

// passkeyAnswers lets the browser answer one question of the server's twice, and gives the forms to send.
func (p person) passkeyAnswers() (first, second url.Values) {
	p.t.Helper()
	answers, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]string](`(async () => {
		const begun = await (await fetch("/console/sign-in/passkey/begin", {method: "POST"})).json();
		const answer = async () => JSON.stringify((await navigator.credentials.get({
			publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(begun.options)})).toJSON());
		return [begun.sealed, await answer(), await answer()];
	})()`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatal(err)
	}
	return url.Values{"sealed": {answers[0]}, "answer": {answers[1]}}, url.Values{"sealed": {answers[0]}, "answer": {answers[2]}}
}

func (p person) passkeyAnswer() url.Values {
	p.t.Helper()
	form, _ := p.passkeyAnswers()
	return form
}

// What a passkey must not open.
func TestPasskeyRefusals(t *testing.T) {
	t.Parallel()
	w := startNamed(t)
	p := person{t, browser(t)}
	p.withPasskeys()
	p.addPasskey(w)
	// send answers from a browser of its own, and returns whether a person is signed in there and what the page says.
	send := func(form url.Values) (signedIn bool, page string) {
		t.Helper()
		v := w.visitor(t)
		_, page = v.read(v.PostForm(w.URL+"/console/sign-in/passkey", form))
		return v.signedIn(), page
	}
	refused := func(name string, form url.Values, says string) {
		t.Helper()
		if in, page := send(form); in || !strings.Contains(page, says) {
			t.Errorf("%s: signed in: %t; the page does not say %q: %s", name, in, says, short(page))
		}
	}
	form, twice := p.passkeyAnswers()
	other := p.passkeyAnswer()
	if in, page := send(form); !in {
		t.Fatalf("the answer opens nothing: %s", short(page))
	}
	refused("the same answer again", form, "does not open anything here") // the key's counter stands still
	refused("another answer to the same question", twice, "begin anew")
	refused("an answer to another question", url.Values{"sealed": form["sealed"], "answer": other["answer"]}, "does not open anything here")
	refused("a question that the server did not seal", url.Values{"sealed": {other.Get("sealed")[1:]}, "answer": other["answer"]},
		"begin anew")
	refused("no answer", url.Values{"sealed": other["sealed"]}, "does not fit the question")

	w.command(t, "a third horse battery", "user", "add", "--email", "operator@example.org", "--operator", "--password-stdin")
	w.command(t, "", "user", "disable", ownerEmail)
	p.sees("Sign in with a passkey") // the page that was open noticed, and went there automatically
	refused("a disabled person", p.passkeyAnswer(), "does not open anything here")
	p.press("Sign in with a passkey")
	p.sees("does not open anything here")
	w.command(t, "", "user", "enable", ownerEmail)
	if in, page := send(p.passkeyAnswer()); !in {
		t.Errorf("after enabling: %s", short(page))
	}

	p.signIn(w)
	p.open(w.URL + "/console/settings/security")
	p.press("Remove")
	p.sees("The passkey was removed.")
	refused("a removed passkey", p.passkeyAnswer(), "does not open anything here")
}

// plant puts the cookie of a session that a stranger knows into the browser, and returns a function that
// reports whether it opens anything.
func (p person) plant(w *world) (opens func() bool) {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	eve := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	res, err := eve.PostForm(w.URL+"/console/sign-in", url.Values{"email": {"stranger@example.org"}, "password": {"another horse battery"}})
	if err != nil {
		p.t.Fatal(err)
	}
	_ = res.Body.Close()
	here, err := url.Parse(w.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range jar.Cookies(here) {
		if c.Name == "keyway" || c.Name == "__Host-keyway" {
			secure := strings.HasPrefix(c.Name, "__Host-")
			if _, err := chromedp.Call(p.ctx, network.SetCookie,
				network.SetCookieParams{Name: c.Name, Value: c.Value, URL: w.URL, Path: "/", Secure: &secure}); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	return func() bool {
		res, err := eve.Get(w.URL + "/console/settings/profile")
		if err != nil {
			p.t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.Request.URL.Path == "/console/settings/profile"
	}
}
