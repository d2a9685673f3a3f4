package conformance

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// An authenticator app is set up, asked for at sign-in and in the dialog that confirms, and lost.
func TestAuthenticatorApp(t *testing.T) {
	t.Parallel()
	w := start(t)
	session := w.signIn(t)
	p := person{t, browser(t)}
	p.signIn(w)
	p.open(w.URL + "/console/settings/security")
	p.press("Set up")
	p.sees("Set up an authenticator app")
	screenshot(t, p.ctx, "authenticator-set-up")
	secret := until(p, "the key", `document.querySelector("#set-up-authenticator code").textContent`, func(s string) bool { return s != "" })
	used := time.Now()
	// code is one that was not used yet; the server takes that of the next half minute already.
	code := func() string {
		t.Helper()
		text, err := totp.GenerateCode(secret, used)
		if err != nil {
			t.Fatal(err)
		}
		used = used.Add(30 * time.Second)
		return text
	}
	p.fill("Code", code())
	p.press("Turn on")
	p.sees("They’re shown only once")
	screenshot(t, p.ctx, "recovery-codes")
	recovery := strings.Fields(until(p, "recovery codes", `document.querySelector("#recovery-codes").textContent`, func(s string) bool {
		return s != ""
	}))
	if len(recovery) != 10 {
		t.Fatalf("%d recovery codes", len(recovery))
	}
	p.reload()
	p.sees("10 codes left")
	if strings.Contains(p.page(), recovery[0]) {
		t.Error("a reload shows the recovery codes again")
	}
	screenshot(t, p.ctx, "security-authenticator")
	password := func() {
		t.Helper()
		p.press("O owner")
		p.press("Sign out")
		p.sees("signed out")
		p.open(w.URL + "/console/sign-in")
		p.fill("Email address", ownerEmail)
		p.fill("Password", ownerPassword)
		p.press("Sign in")
		p.sees("Two-step verification")
	}
	password()
	p.fill("Code", "123")
	p.press("Sign in")
	p.sees("The code is wrong")
	screenshot(t, p.ctx, "second-step")
	p.fill("Code", code())
	p.press("Sign in")
	p.sees("Devices")

	password()
	p.pressAt("summary")
	p.fill("Recovery code", recovery[3])
	screenshot(t, p.ctx, "second-step-recovery")
	p.press("Sign in")
	p.sees("Devices")

	// Whatever changes a person's rights makes them prove again who they are: with both factors.
	w.ok(t, session, w.Harbour.WorkspaceID, "/keyway/v1/members/update",
		fields{"workspace_id": w.Harbour.WorkspaceID, "user_id": w.UserID, "role": "owner"})
	p.open(w.URL + "/console/settings/personal-access-tokens")
	p.press("+ Add Personal Access Token")
	p.fill("Name", "Made with both factors")
	p.press("Create Personal Access Token")
	p.fill("Your password", ownerPassword)
	p.press("Confirm")
	p.sees("The code is needed as well")
	for _, try := range []struct{ recovery, says string }{{recovery[3], "or the code was used already"},
		{recovery[4], "It’s shown only once"}} {
		p.fill("Your password", ownerPassword)
		p.pressAt("dialog summary")
		p.fill("Recovery code", try.recovery)
		p.press("Confirm")
		p.sees(try.says)
		if try.recovery == recovery[3] {
			screenshot(t, p.ctx, "confirm-wrong")
		}
	}
	p.sees("Made with both factors")
}

// An invited person joins by the link in their browser.
func TestInvitationPage(t *testing.T) {
	t.Parallel()
	w := start(t)
	invited := w.ok(t, w.signIn(t), w.Harbour.WorkspaceID, "/keyway/v1/members/invite",
		fields{"workspace_id": w.Harbour.WorkspaceID, "email": "mary@example.com", "role": "member"}).object(t, "invitation")
	p := person{t, browser(t)}
	p.open(text(t, invited, "url"))
	p.sees("You were invited to Harbour")
	p.fill("Your name", "Mary Doe")
	p.fill("Password", "short")
	p.press("Join")
	p.sees("Use at least 12 characters.")
	screenshot(t, p.ctx, "invitation")
	p.fill("Password", "a fourth horse battery")
	p.press("Join")
	p.sees("You are a member of Harbour now.")
	p.open(text(t, invited, "url"))
	p.sees("no longer works")
	screenshot(t, p.ctx, "invitation-gone")
}
