package conformance

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// console opens a page of a workspace in the Console as the owner.
func (w *world) console(t *testing.T, page string) person {
	t.Helper()
	return w.signInAt(t, "/console/workspaces/"+page)
}

// framed acts on an element in the page that the open dialog frames, once it is there.
func (p person) framed(selector, act string) {
	p.t.Helper()
	until(p, selector+" in the frame", `(() => {
		const page = document.querySelector("dialog[open] iframe")?.contentDocument;
		if (page?.readyState !== "complete") return false;
		const e = page.querySelector(`+quoted(selector)+`);
		if (!e?.checkVisibility()) return false;
		`+act+`;
		return true;
	})()`, isTrue)
}

// A person adds devices without leaving the Console: the Connect Webview opens in a dialog, and the
// list shows what it found. Later the account breaks, and is connected again in the same way.
func TestBrowserAddDevices(t *testing.T) {
	t.Parallel()
	w := start(t)
	p := w.console(t, w.Hill.WorkspaceID+"/devices")
	p.press("Add Devices")
	p.framed(`main[data-screen="intro"] .button`, "e.click()")
	// Escape empties the search, then closes the dialog: the page in the frame passes it on.
	p.framed("#search", `e.focus(); e.value = "nuki"`)
	p.do(chromedp.KeyEvent(kb.Escape), "press Escape")
	p.framed("#search", `if (e.value) return false`)
	p.do(chromedp.KeyEvent(kb.Escape), "press Escape")
	until(p, "the dialog closed and the focus back",
		`!document.querySelector("dialog[open]") && document.activeElement.innerText === "Add Devices"`, isTrue)
	p.press("Add Devices")
	p.framed(`main[data-screen="intro"] .button`, "e.click()")
	p.framed(`button[value="nuki"]`, "e.click()")
	p.framed("#f-email", `e.value = "jane@example.com"`)
	p.framed("#f-password", `e.value = "1234"`)
	screenshot(t, p.ctx, "console-add-devices")
	p.framed(`main[data-screen="credentials"] .button`, "e.click()")
	p.framed(`main[data-screen="success"]`, "")
	screenshot(t, p.ctx, "console-add-devices-success")
	p.framed("[data-close]", "window.before = true; e.click()")
	until(p, "the page loaded anew", anotherPage, isTrue)
	p.sees("Nuki")

	p.press("Connected Accounts")
	p.sees("Schlage")
	screenshot(t, p.ctx, "console-accounts")
	p.pressAt(`tbody tr:first-child .row-link`)
	p.press("Disconnect")
	p.sees("Keyway can no longer sign in")
	screenshot(t, p.ctx, "console-account")
	p.press("Reconnect")
	p.framed(`main[data-screen="intro"] .button`, "e.click()")
	p.framed("#f-email", `e.value = "jane@example.com"`)
	p.framed("#f-password", `e.value = "1234"`)
	p.framed(`main[data-screen="credentials"] .button`, "e.click()")
	p.framed("[data-close]", "e.click()")
	until(p, "a connected account", `document.body.innerText.includes("Disconnected")`, func(broken bool) bool { return !broken })
	p.sees("Connected")
}

// A webhook is made in the Console, a test event reaches its receiver, fails, is seen, and is sent
// again.
func TestBrowserWebhooks(t *testing.T) {
	t.Parallel()
	w := start(t)
	var refuse atomic.Bool
	refuse.Store(true)
	r, url := receiver(t, func(string) int {
		if refuse.Load() {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	p := w.console(t, w.Harbour.WorkspaceID+"/developer/webhooks")
	p.press("Add Webhook")
	p.fill("Address", url)
	screenshot(t, p.ctx, "console-webhook-add")
	// The dialog is in front: its button is the one that is pressed.
	p.press("Add Webhook")
	p.sees("Nothing was sent yet")
	p.press("Reveal secret")
	p.sees("Signing secret")
	if shown := p.page(); !strings.Contains(shown, "whsec_") {
		t.Error("the secret is not shown")
	}
	p.reload()
	p.sees("Nothing was sent yet")
	if shown := p.page(); strings.Contains(shown, "whsec_") {
		t.Error("the secret is shown after a reload")
	}
	p.press("Send test event")
	p.press("Send")
	p.sees("503")
	p.sees("Attempt 1, next")
	refuse.Store(false)
	screenshot(t, p.ctx, "console-webhook-failed")
	p.press("Send again")
	p.sees("Delivered")
	r.wait(t, 1)
	if m := r.Messages[0]; !strings.Contains(m.Body, "webhook.test") || m.Headers["svix-signature"] == "" {
		t.Errorf("received %v %s", m.Headers, m.Body)
	}

	// The event log is live: what happens meanwhile appears automatically.
	p.press("Events")
	p.sees("device.added")
	w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/devices/simulate/disconnect", fields{"device_id": w.Harbour.Devices[0].DeviceID})
	p.sees("device.disconnected")
	until(p, "which device it was", `document.querySelector(".event-device[href$='/devices/`+w.Harbour.Devices[0].DeviceID+
		`']")?.innerText ?? ""`, func(name string) bool {
		return name == w.Harbour.Devices[0].Name
	})
	screenshot(t, p.ctx, "console-events")
}
