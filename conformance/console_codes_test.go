package conformance

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A lock's day in the Console: it is unlocked, gets a code that becomes set while one looks at it,
// which is changed and taken away again, and none of it needs a reload.
func TestBrowserCodesInTheConsole(t *testing.T) {
	t.Parallel()
	w := start(t)
	lock := w.Hill.Devices[0]
	at := "/console/workspaces/" + w.Hill.WorkspaceID + "/devices/" + lock.DeviceID
	p := w.signInAt(t, at)
	p.sees(lock.Name)
	p.press("Unlock")
	p.sees("Unlocked.")
	screenshot(t, p.ctx, "device")
	p.press("Access codes")
	p.sees("No access codes")
	screenshot(t, p.ctx, "codes-empty")
	p.press("Add access code")
	p.fill("Name", "Cleaner")
	p.press("Generate")
	until(p, "a generated PIN", `document.querySelector("#add-code-code")?.value ?? ""`, func(pin string) bool { return len(pin) >= 4 })
	screenshot(t, p.ctx, "add-code")
	loaded := `window.loaded = window.loaded || Date.now()`
	p.press("Create access code")
	p.sees("Cleaner")
	first := until(p, "the page", loaded, func(float64) bool { return true })
	p.sees("Set")
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".pin summary").click()`), "reveal the PIN")

	// Another person's code appears automatically, and the PIN that was revealed stays so.
	w.ok(t, w.PAT, w.Hill.WorkspaceID, "/access_codes/create", fields{"device_id": lock.DeviceID, "name": "Guest",
		"ends_at": time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)})
	p.sees("Guest")
	until(p, "two codes that are set", `[...document.querySelectorAll("#codes .badge")].filter(b => b.innerText === "Set").length`,
		func(n int) bool {
			return n == 2
		})
	until(p, "the PIN that was revealed", `document.querySelector(".pin").open`, func(open bool) bool { return open })
	if again := until(p, "the page", loaded, func(float64) bool { return true }); again != first {
		t.Error("the page was loaded again")
	}
	screenshot(t, p.ctx, "codes")

	p.pressAt(`[aria-label="Actions for Cleaner"]`)
	p.press("Edit")
	p.fill("Name", "Crew")
	screenshot(t, p.ctx, "edit-code")
	p.press("Save")
	p.sees("Crew")
	p.press("Crew")
	p.sees("Timeline")
	screenshot(t, p.ctx, "code")
	p.press("Delete")
	p.press("Delete code")
	until(p, "the code gone", fmt.Sprintf(`!document.querySelector("#codes")?.innerText.includes(%s) && !!document.querySelector("#codes")`,
		quoted("Crew")), func(gone bool) bool {
		return gone
	})
	p.sees("Guest")
	p.press("Events")
	p.sees("Access code removed from device")
	screenshot(t, p.ctx, "device-events")
	p.press("Simulate")
	screenshot(t, p.ctx, "simulate")
	p.press("Take offline")
	p.sees("Simulated: take offline.")
	p.sees("device_disconnected")
	screenshot(t, p.ctx, "device-offline")
}
