package conformance

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// signInAt opens a page of the Console as the owner of the world's workspaces.
func (w *world) signInAt(t *testing.T, path string) person {
	t.Helper()
	p := person{t, browser(t)}
	p.open(w.URL + path)
	p.fill("E-mail address", ownerEmail)
	p.fill("Password", ownerPassword)
	p.press("Sign in")
	return p
}

// What others change appears by itself, and leaves focus, typed text and open dialogs alone.
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
}
