package conformance

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// A passkey is made and used with an authenticator that Chromium itself simulates; at a bare address
// the pages say where passkeys work.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	w := start(t)
	p := person{t, browser(t)}
	if _, err := chromedp.Call(p.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(p.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
		AutomaticPresenceSimulation: true, IsUserVerified: true,
	}}); err != nil {
		t.Fatal(err)
	}
	named := strings.Replace(w.URL, "127.0.0.1", "localhost", 1)
	p.do(chromedp.Navigate(strings.Replace(named, "localhost", "127.0.0.1", 1)+"/console/sign-in"), "open the bare address")
	p.sees("They work at")
	p.do(chromedp.Navigate(named+"/console/sign-in"), "open the sign-in page")
	p.fill("E-mail address", ownerEmail)
	p.fill("Password", ownerPassword)
	p.press("Sign in")
	p.sees("Devices")
	p.do(chromedp.Navigate(named+"/console/settings/security"), "open Security")
	p.press("Add a passkey")
	p.fill("Name", "Laptop")
	p.press("Continue")
	p.sees("The passkey was added.")
	p.sees("Laptop")
	screenshot(t, p.ctx, "security")
	p.press("O owner")
	p.press("Sign out")
	p.sees("signed out")
	p.do(chromedp.Navigate(named+"/console/sign-in"), "open the sign-in page")
	screenshot(t, p.ctx, "sign-in")
	p.press("Sign in with a passkey")
	p.sees("Devices")
	p.do(chromedp.Navigate(named+"/console/settings/sessions"), "open Sessions")
	p.sees("Passkey")
}
