package conformance

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func (p person) secret() string {
	p.t.Helper()
	return until(p, "a secret", `document.querySelector(".secret-value")?.textContent || ""`, func(s string) bool {
		return strings.HasPrefix(s, "seam_at1")
	})
}

// lets calls an endpoint, and gives the request's id when the answer is as it should be.
func (w *world) lets(t *testing.T, token, workspaceID, path string, status int, reason string) string {
	t.Helper()
	a := w.call(t, token, workspaceID, path, fields{})
	if a.status != status || a.reason() != reason {
		t.Fatalf("%s: got %v, want %d %s", path, a, status, reason)
	}
	return a.header.Get("seam-request-id")
}

// A token's life in the Console: made with limits, used, looked at, narrowed, rotated and back, put to
// sleep and ended; at each step the API does what the page says.
func TestBrowserTokenLife(t *testing.T) {
	t.Parallel()
	w := start(t)
	hill := w.Hill.WorkspaceID
	p := w.console(t, hill+"/developer/personal-access-tokens")
	p.press("+ Add Personal Access Token")
	p.fill("Name", "Contractor")
	p.choose("#token-expiry", "30")
	p.tick(".limits summary")
	p.choose(`[name="scope_mode"]`, "chosen")
	for _, scope := range []string{"devices", "events", "connected_accounts"} {
		p.tick(`[name="scope_` + scope + `"][value="read"]`)
	}
	p.choose(`[name="workspace_mode"]`, "chosen")
	p.tick(`[name="workspace_id"][value="` + hill + `"]`)
	p.tick(`[data-append="networks"]`)
	p.fill("Daily actions", "5")
	screenshot(t, p.ctx, "token-limits")
	p.press("Create Personal Access Token")
	token := p.secret()
	p.reload()
	p.sees("Connected accounts: read, Devices: read + 1")

	w.lets(t, token, hill, "/devices/list", http.StatusOK, "")
	w.lets(t, token, w.Harbour.WorkspaceID, "/devices/list", http.StatusForbidden, "workspace_not_allowed")
	refused := w.lets(t, token, hill, "/locks/list", http.StatusForbidden, "scope")
	p.reload()
	p.sees("/devices/list")
	p.fill("Why was a request refused?", refused)
	p.press("Find")
	p.sees("Add the scope locks:read to the token")
	screenshot(t, p.ctx, "token-refusal")
	p.press("Contractor")
	p.sees("1 of 3 permissions used")
	p.sees("At most 5 a day")
	screenshot(t, p.ctx, "token-page")

	p.press("Reduce permissions")
	p.sees("none of its 1 request")
	screenshot(t, p.ctx, "token-narrow")
	p.press("Keep these")
	p.sees("only the permissions it uses")
	w.lets(t, token, hill, "/events/list", http.StatusForbidden, "scope")

	p.press("Rotate")
	screenshot(t, p.ctx, "token-rotate")
	p.press("Rotate token")
	next := p.secret()
	p.sees("Rotation in progress")
	w.lets(t, token, hill, "/devices/list", http.StatusOK, "")
	p.press("Undo rotation")
	p.sees("The rotation was undone")
	w.lets(t, token, hill, "/devices/list", http.StatusOK, "")
	w.lets(t, next, hill, "/devices/list", http.StatusUnauthorized, "revoked")

	p.press("Rotate")
	p.press("Rotate token")
	last := p.secret()
	if last == next {
		t.Fatal("the page shows the secret of before")
	}
	// The first use of the new one stops the old one.
	w.lets(t, last, hill, "/devices/list", http.StatusOK, "")
	w.lets(t, token, hill, "/devices/list", http.StatusUnauthorized, "superseded")
	p.reload()
	p.press("Disable")
	p.press("Disable token")
	p.sees("The token is disabled")
	w.lets(t, last, hill, "/devices/list", http.StatusUnauthorized, "disabled")
	p.press("Enable")
	p.sees("The token is enabled")
	w.lets(t, last, hill, "/devices/list", http.StatusOK, "")
	p.press("Revoke")
	p.sees("It was last used")
	p.press("Revoke token")
	p.sees("The token was revoked")
	w.lets(t, last, hill, "/devices/list", http.StatusUnauthorized, "revoked")
	screenshot(t, p.ctx, "tokens-ended")

	// What the owner of the workspace and the operator see beside it.
	p.press("Token Access")
	p.sees("Policy")
	screenshot(t, p.ctx, "token-access")
	p.open(w.URL + "/console/instance/personal-access-tokens")
	p.sees("All unrevoked tokens on this server")
	screenshot(t, p.ctx, "tokens-of-all")
	p.fill("Person", "stranger@example.org")
	p.press("Filter")
	p.sees("1 token matches")
	p.press("Revoke it")
	p.sees("Everything that uses it stops working immediately")
	screenshot(t, p.ctx, "tokens-revoke-bulk")
	p.press("Revoke 1 token")
	p.sees("1 token revoked.")
	w.lets(t, w.StrangerPAT, w.Abroad, "/devices/list", http.StatusUnauthorized, "revoked")
	// By how a token begins, and by when it was made; none has been silent for a day.
	all := w.URL + "/console/instance/personal-access-tokens"
	tomorrow := time.Now().AddDate(0, 0, 1).Format(time.DateOnly)
	for _, choose := range []func(token string){
		func(token string) { p.open(all); p.fill("Begins with", token[:16]); p.press("Filter") },
		func(string) { p.open(all + "?person=stranger@example.org&created_before=" + tomorrow) },
	} {
		token := text(t, w.command(t, "", "pat", "create", "--user", "stranger@example.org", "--name", "Left behind"), "personal_access_token")
		w.lets(t, token, w.Abroad, "/devices/list", http.StatusOK, "")
		choose(token)
		p.sees("1 token matches")
		p.press("Revoke it")
		p.press("Revoke 1 token")
		p.sees("1 token revoked.")
		w.lets(t, token, w.Abroad, "/devices/list", http.StatusUnauthorized, "revoked")
	}
	p.open(all)
	p.fill("Not used for (days)", "1")
	p.press("Filter")
	p.sees("No token matches")
	p.open(all + "?created_before=2020-01-01")
	p.sees("No token matches")
	p.open(w.URL + "/console/instance/policy")
	p.fill("Maximum age (days)", "1")
	p.press("Preview what it would block")
	p.sees("Would be blocked once saved:")
	screenshot(t, p.ctx, "token-policy")
	w.lets(t, w.PAT, hill, "/devices/list", http.StatusOK, "")
	p.press("Save policy")
	p.sees("Blocked now:")
	w.lets(t, w.PAT, hill, "/devices/list", http.StatusForbidden, "policy")
	if at := p.address(); strings.Contains(at, "seam_") {
		t.Errorf("an address holds a token: %s", at)
	}
	if page := p.page(); strings.Contains(page, last[18:]) {
		t.Errorf("%s shows the secret again", p.address())
	}
}
