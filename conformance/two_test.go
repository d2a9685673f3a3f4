package conformance

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Two people at once: each sees what the other does where both belong, and nowhere else; and a person who loses
// a workspace, a session or the account loses the page that is open with it, without touching it.
func TestBrowserTwoPeople(t *testing.T) {
	t.Parallel()
	w := start(t)
	const email, password = "mary@example.org", "a fourth horse battery"
	id := text(t, w.command(t, password, "user", "add", "--email", email, "--password-stdin"), "user_id")
	cottage := text(t, w.command(t, "", "workspace", "create", "--name", "Cottage", "--sandbox", "--owner", email), "workspace_id")
	w.connect(t, cottage, "yale")
	harbour := "/console/workspaces/" + w.Harbour.WorkspaceID
	w.command(t, "", "workspace", "add-member", "--workspace", w.Harbour.WorkspaceID, "--user", email)
	first := w.Harbour.Devices[0].Name

	jane := w.signInAt(t, harbour+"/devices")
	mary := person{t, browser(t, w.URL+"/console/workspaces/")} // pages that she may no longer see are 404 to the browser
	enter := func() {
		t.Helper()
		mary.fill("Email address", email)
		mary.fill("Password", password)
		mary.press("Sign in")
	}
	mary.open(w.URL + harbour + "/devices")
	enter()
	mary.sees(first)
	rename := func(name string) {
		t.Helper()
		jane.open(w.URL + harbour + "/devices/" + w.Harbour.Devices[0].DeviceID)
		jane.press("Rename")
		jane.fill("Name", name)
		jane.press("Save")
		jane.sees(name)
	}
	rename("North Gate")
	mary.sees("North Gate")

	// A page of another workspace asks for nothing, and a workspace that one is not in is not there.
	mary.open(w.URL + "/console/workspaces/" + cottage + "/devices")
	mary.sees("Yale")
	mary.do(chromedp.Evaluate[chromedp.Void](`performance.clearResourceTimings()`), "count from here")
	rename("South Gate")
	if asked := until(mary, "what the page asked for", `performance.getEntriesByType("resource").map(e => e.name).join(" ")`,
		func(string) bool {
			return true
		}); strings.Contains(asked, "/devices") || strings.Contains(mary.page(), "Gate") {
		t.Errorf("a page of another workspace asked for %q after a change", asked)
	}
	mary.open(w.URL + "/console/workspaces/" + w.Hill.WorkspaceID + "/devices")
	mary.sees("Page not found")

	// Tokens are everyone's own; keys and people are the workspace's.
	mary.open(w.URL + harbour + "/developer/personal-access-tokens")
	mary.press("+ Add Personal Access Token")
	mary.fill("Name", "Of Mary")
	mary.press("Create Personal Access Token")
	token := mary.secret()
	jane.open(w.URL + harbour + "/developer/personal-access-tokens")
	jane.sees("first")
	if strings.Contains(jane.page(), "Of Mary") || strings.Contains(mary.page(), ">first<") {
		t.Error("the page of one's own tokens shows another's")
	}
	// But the owner sees whose tokens open the workspace, and may refuse them there.
	jane.press("Token Access")
	jane.sees("Of Mary")
	jane.press("Block")
	jane.press("Block token")
	jane.sees("Blocked here")
	screenshot(t, jane.ctx, "token-access-refused")
	w.lets(t, token, w.Harbour.WorkspaceID, "/devices/list", http.StatusForbidden, "workspace_not_allowed")
	jane.press("Allow")
	jane.sees("allowed in this workspace again")
	w.lets(t, token, w.Harbour.WorkspaceID, "/devices/list", http.StatusOK, "")
	mary.open(w.URL + harbour + "/team")
	mary.sees("Team")
	if strings.Contains(mary.page(), "Change role") {
		t.Error("a member may change roles")
	}
	jane.open(w.URL + harbour + "/team")
	jane.press("Change role")
	jane.tick(`dialog[open] [value="admin"]`)
	jane.press("Save")
	jane.sees("Admin")
	until(mary, "her new role and what it lets her do, on the page that was open",
		`document.querySelector("#members").innerText.includes("Admin") && document.querySelector("#members").innerText.includes("Change role")`,
		isTrue)
	if at := mary.address(); !strings.HasSuffix(at, "/team") {
		t.Errorf("after the change of her role she is at %s", at)
	}

	// Removed, she has lost the page and keeps her own workspace.
	jane.press("Remove")
	jane.press("Remove")
	until(jane, "one member", `document.querySelectorAll("#members tbody tr").length`, func(n int) bool { return n == 1 })
	mary.sees("Page not found")
	mary.open(w.URL + "/console/workspaces/" + cottage + "/devices")
	mary.sees("Yale")

	// Her session is ended elsewhere, and another person's is not.
	other := person{t, browser(t)}
	other.open(w.URL + "/console/settings/sessions")
	other.fill("Email address", email)
	other.fill("Password", password)
	other.press("Sign in")
	other.press("End all others")
	other.press("End all others")
	mary.sees("Email address")
	enter()
	mary.sees("Yale")
	other.press("M mary")
	other.press("Sign out")
	other.sees("signed out")
	mary.reload()
	mary.sees("Yale")

	// Disabled, she is out, and Jane goes on.
	jane.open(w.URL + "/console/instance/people")
	jane.pressAt(`[data-dialog="disable-` + id + `"]`)
	jane.press("Disable")
	jane.sees("Disabled")
	mary.sees("Email address")
	enter()
	mary.sees("The email address or the password is wrong")
	jane.open(w.URL + harbour + "/devices")
	jane.sees("South Gate")
}
