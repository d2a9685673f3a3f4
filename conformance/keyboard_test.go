package conformance

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// key presses a key, and waits for the page that it leads to.
func (p person) key(key string) {
	p.t.Helper()
	until(p, "a loaded page", `(() => { if (document.readyState !== "complete") return false; `+watch+` return true })()`, isTrue)
	p.do(chromedp.KeyEvent(key), "press a key")
	p.clicked("a key")
}

// tabTo presses Tab until the focus is on what is called so, where one must see it.
func (p person) tabTo(name string) {
	p.t.Helper()
	for range 150 {
		there := until(p, "the focus", `document.readyState !== "complete" ? undefined : (() => {
			const e = document.activeElement;
			const name = e.labels?.[0]?.textContent ?? e.getAttribute("aria-label") ?? e.innerText ?? "";
			if (name.replace(/\s+/g, " ").trim() !== `+quoted(name)+`) return "elsewhere";
			const {outlineStyle, outlineWidth, boxShadow} = getComputedStyle(e);
			return outlineStyle !== "none" && parseFloat(outlineWidth) > 0 || boxShadow !== "none" ? "seen" : "unseen";
		})()`, func(s string) bool { return s != "" })
		switch there {
		case "unseen":
			p.t.Errorf("one does not see the focus on %q", name)
			return
		case "seen":
			return
		}
		p.do(chromedp.KeyEvent(kb.Tab), "press Tab")
	}
	p.t.Fatalf("Tab does not lead to %q at %s", name, p.address())
}

// enters goes to what is called so, and presses Enter there.
func (p person) enters(names ...string) {
	p.t.Helper()
	for _, name := range names {
		p.tabTo(name)
		p.key(kb.Enter)
	}
}

// types goes to a field and types.
func (p person) types(label, text string) {
	p.t.Helper()
	p.tabTo(label)
	until(p, label, `document.activeElement.select?.() ?? true`, isTrue)
	p.do(chromedp.KeyEvent(text), "type")
}

// A day's work in the Console without a mouse.
func TestBrowserKeyboardAlone(t *testing.T) {
	t.Parallel()
	w := start(t)
	_, url := receiver(t, func(string) int { return http.StatusOK })
	p := person{t, browser(t)}
	p.open(w.URL + "/console/workspaces/" + w.Hill.WorkspaceID + "/devices")
	p.types("Email address", ownerEmail)
	p.types("Password", ownerPassword)
	p.key(kb.Enter)

	p.tabTo("Skip to content")
	until(p, "the link in sight", `document.activeElement.getBoundingClientRect().top >= 0`, isTrue)
	p.key(kb.Enter)
	until(p, "the focus in the content", `document.activeElement.id === "content"`, isTrue)
	p.enters("Workspace: Hill Sandbox")
	p.tabTo("Harbour Sandbox")
	p.key(kb.Escape)
	until(p, "the menu closed and the focus back",
		`!document.querySelector("#workspaces").matches(":popover-open") && document.activeElement.matches(".switcher")`, isTrue)
	p.enters("Workspace: Hill Sandbox", "Harbour Sandbox")

	lock := w.Harbour.Devices[0]
	p.open(w.URL + "/console/workspaces/" + w.Harbour.WorkspaceID + "/devices/" + lock.DeviceID)
	p.enters("Lock")
	p.sees("Locked.")
	p.enters("Unlock")
	p.sees("Unlocked.")
	p.enters("Access codes", "Add access code")
	p.types("Name", "Cleaner")
	p.tabTo("Generate")
	p.key(" ")
	until(p, "a generated PIN", `document.querySelector("#add-code-code").value`, func(pin string) bool { return len(pin) >= 4 })
	p.enters("Create access code")
	p.sees("Cleaner")
	p.enters("Actions for Cleaner", "Edit")
	p.types("Name", "Crew")
	p.key(kb.Enter)
	p.sees("Crew")
	p.enters("Sandbox clock")
	p.tabTo("Or until (UTC)")
	p.key(kb.Enter) // it is the time that counts, not the first button
	p.sees("Choose")
	p.enters("Actions for Crew", "Delete…")
	until(p, "the focus in the dialog", `document.activeElement.closest("dialog[open]") !== null`, isTrue)
	p.key(kb.Escape)
	until(p, "the focus back", `document.activeElement.ariaLabel === "Actions for Crew" && !document.querySelector("dialog[open]")`, isTrue)
	p.enters("Actions for Crew", "Delete…", "Delete code")
	until(p, "the code gone", `!document.querySelector("#codes").innerText.includes("Crew")`, isTrue)

	p.enters("Webhooks", "Add Webhook")
	p.types("Address", url)
	p.key(kb.Enter)
	p.sees("Nothing was sent yet")

	p.enters("Personal Access Tokens", "+ Add Personal Access Token")
	p.types("Name", "Robot")
	p.tabTo("Expires")
	p.key(kb.ArrowUp) // 90 days
	p.enters("Create Personal Access Token")
	p.secret()
	p.enters("Copy")
	p.sees("Copied")
	p.enters("Robot", "Rotate", "Rotate token")
	w.lets(t, p.secret(), w.Harbour.WorkspaceID, "/devices/list", http.StatusOK, "")
	p.reload()
	p.enters("Reduce permissions", "Keep these")
	p.sees("only the permissions it uses")
	p.enters("Revoke", "Revoke token")
	p.sees("The token was revoked")
	p.enters("O owner", "Sign out")
	p.sees("signed out")
}
