package conformance

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// signInAt opens a page of the Console as the owner of the world's workspaces.
func (w *world) signInAt(t *testing.T, path string) person {
	t.Helper()
	p := person{t, browser(t)}
	p.open(w.URL + path)
	p.fill("Email address", ownerEmail)
	p.fill("Password", ownerPassword)
	p.press("Sign in")
	return p
}

// What others change appears automatically, and leaves focus, typed text and open dialogs alone.
func TestBrowserLivePages(t *testing.T) {
	t.Parallel()
	w := start(t)
	d := w.Harbour.Devices[0]
	at := "/console/workspaces/" + w.Harbour.WorkspaceID + "/devices"
	p := w.signInAt(t, at)
	rename := func(name string) {
		w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/devices/update", fields{"device_id": d.DeviceID, "name": name})
	}
	p.sees(d.Name)
	p.do(chromedp.Evaluate[chromedp.Void](`window.kept = document.querySelector(".row-link"); kept.focus()`), "focus a row")
	rename("Harbour Gate")
	p.sees("Harbour Gate")
	until(p, "the focus where it was", `document.activeElement === kept && kept.isConnected`, func(kept bool) bool { return kept })

	p.press("Harbour Gate August · Lock")
	p.press("Rename")
	p.fill("Name", "Typed")
	rename("North Gate")
	p.sees("North Gate")
	until(p, "the dialog open with what was typed", `document.querySelector("#rename").open && document.querySelector("#rename-name").value`,
		func(typed string) bool { return typed == "Typed" })

	// What is no single workspace's own: people who join, tokens that are made, sign-ins.
	p.open(w.URL + "/console/workspaces/" + w.Harbour.WorkspaceID + "/team")
	invited := w.ok(t, w.signIn(t), w.Harbour.WorkspaceID, "/keyway/v1/members/invite",
		fields{"workspace_id": w.Harbour.WorkspaceID, "email": "mary@example.com", "role": "member"}).object(t, "invitation")
	p.sees("Pending invitations")
	mary := person{t, browser(t)}
	mary.open(text(t, invited, "url"))
	mary.fill("Your name", "Mary Doe")
	mary.fill("Password", "a fourth horse battery")
	mary.press("Join")
	mary.sees("You are a member of Harbour")
	p.sees("Mary Doe")
	until(p, "no invitation that is pending", `document.body.innerText.includes("Pending invitations")`, func(pending bool) bool {
		return !pending
	})
	suspend := func(suspended bool) {
		w.ok(t, w.signIn(t), w.Harbour.WorkspaceID, "/workspaces/update", fields{"is_suspended": suspended})
	}
	suspend(true)
	p.sees("This workspace is suspended.")
	suspend(false)
	until(p, "a workspace that works again", `document.body.innerText.includes("is suspended")`, func(suspended bool) bool {
		return !suspended
	})
	token := func(email, name string) {
		w.command(t, "", "pat", "create", "--user", email, "--name", name)
	}
	p.open(w.URL + "/console/workspaces/" + w.Harbour.WorkspaceID + "/token-access")
	p.sees("No one else has a token")
	token("mary@example.com", "Of Mary")
	p.sees("Of Mary")
	p.open(w.URL + "/console/settings/personal-access-tokens")
	p.sees("first")
	token(ownerEmail, "Robot")
	p.sees("Robot")
	p.open(w.URL + "/console/settings/sessions")
	p.sees("This one")
	w.signInAt(t, at)
	p.sees("End all others")

	// The clock of the workspace, and with it what pages say of times.
	code := w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/access_codes/create", fields{"device_id": d.DeviceID, "name": "Guest",
		"starts_at": time.Now().Add(4 * 24 * time.Hour).UTC().Format(time.RFC3339),
		"ends_at":   time.Now().Add(5 * 24 * time.Hour).UTC().Format(time.RFC3339)}).object(t, "access_code")
	p.open(w.URL + at + "/" + d.DeviceID + "/codes/" + text(t, code, "access_code_id"))
	p.sees("Starts in 4 days")
	w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/keyway/v1/sandbox/advance_time", fields{"seconds": 2 * 24 * 3600})
	p.sees("Starts in 2 days")
	p.sees("2 days ahead")
	p.sees("Scheduled on device")
	if strings.Contains(until(p, "the timeline", `document.querySelector(".timeline").innerText`, func(string) bool {
		return true
	}), "in 24 hours") {
		t.Error("what has happened is told as if it were to come")
	}
	screenshot(t, p.ctx, "code-moved-clock")
}
