package conformance

import (
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The published flow, word for word, from the link that the first start prints to a token that
// curl uses, and its end.
func TestPublishedFlowInTheConsole(t *testing.T) {
	t.Parallel()
	w := &world{folder: []string{"--data", t.TempDir()}}
	w.serve(t)
	p := person{t, browser(t)}

	setup := regexp.MustCompile(`http://\S+/console/setup#\S+`).FindString(w.log(t))
	if setup == "" {
		t.Fatalf("the first start prints no link:\n%s", w.log(t))
	}
	p.open(setup)
	p.sees("Set up Keyway")
	if at := p.address(); strings.Contains(at, "#") {
		t.Errorf("the link's secret stays in the address bar: %s", at)
	}
	p.fill("Your name", "Jane Doe")
	p.fill("Email address", ownerEmail)
	p.fill("Password", ownerPassword)
	screenshot(t, p.ctx, "set-up")
	p.press("Create account")
	p.sees("Devices")

	// Sign out and in again: the link is used up, the password stays.
	p.press("JD Jane Doe")
	p.press("Sign out")
	p.sees("signed out")
	p.open(setup)
	p.sees("has expired or was already used")
	p.press("Sign in")
	p.fill("Email address", ownerEmail)
	p.fill("Password", ownerPassword)
	p.press("Sign in")
	p.sees("No devices")
	screenshot(t, p.ctx, "devices-empty")
	workspaceID := regexp.MustCompile(`/console/workspaces/([^/]+)/`).FindStringSubmatch(p.address())[1]
	w.connect(t, workspaceID, "august")

	// 1. Click your username in the upper-right corner, then Settings.
	p.press("JD Jane Doe")
	p.press("Settings")
	// 2. In the left navigation, Personal Access Tokens.
	p.press("Personal Access Tokens")
	// 3. In the upper-right of the page, + Add Personal Access Token.
	p.press("+ Add Personal Access Token")
	// 4. In the dialog, a name, then Create Personal Access Token.
	p.fill("Name", "Laptop")
	screenshot(t, p.ctx, "add-personal-access-token")
	p.press("Create Personal Access Token")
	// 5. Copy it: it is shown only now.
	p.sees("It’s shown only once")
	screenshot(t, p.ctx, "personal-access-token")
	token, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.querySelector(".secret-value").textContent`))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^seam_at1[1-9A-HJ-NP-Za-km-z]{8}_[1-9A-HJ-NP-Za-km-z]{36}$`).MatchString(token) {
		t.Fatalf("the page shows %q", short(token))
	}
	if at := p.address(); strings.Contains(at, token[12:]) {
		t.Errorf("the address holds the token: %s", at)
	}

	curl := func() (status string, body string) {
		t.Helper()
		out, err := exec.Command("curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", "--request", "POST", w.URL+"/devices/list",
			"--header", "Authorization: Bearer "+token, "--header", "seam-workspace: "+workspaceID,
			"--header", "Content-Type: application/json", "--data", "{}").CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v\n%s", err, out)
		}
		at := strings.LastIndexByte(string(out), '\n')
		return string(out[at+1:]), string(out[:at])
	}
	if status, body := curl(); status != fmt.Sprint(http.StatusOK) || !strings.Contains(body, `"device_type":"august_lock"`) {
		t.Errorf("curl with the copied token: %s %s", status, short(body))
	}

	p.reload()
	p.sees("Laptop")
	if strings.Contains(p.page(), token[18:]) {
		t.Error("a reload shows the secret again")
	}
	screenshot(t, p.ctx, "personal-access-tokens")
	p.press("Revoke")
	screenshot(t, p.ctx, "revoke")
	p.press("Revoke token")
	p.sees("Revoked")
	if status, body := curl(); status != fmt.Sprint(http.StatusUnauthorized) {
		t.Errorf("curl with the revoked token: %s %s", status, short(body))
	}

	// The same page at the newer place, in the workspace's own navigation.
	p.open(w.URL + "/console")
	p.sees("Devices")
	screenshot(t, p.ctx, "devices")
	p.press("Personal Access Tokens")
	p.sees("One token for all your workspaces")
}
