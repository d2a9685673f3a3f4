package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// person is somebody in front of a browser: they see texts and press what they see.
type person struct {
	t   *testing.T
	ctx context.Context
}

func (p person) do(a chromedp.Action[chromedp.Void], what string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, a); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// press clicks, with the mouse, the visible link or button with the text.
func (p person) press(text string) {
	p.t.Helper()
	script := fmt.Sprintf(`(() => {
		if (document.readyState !== "complete") return []; // its script may not be listening yet
		const seen = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0;
		// What the page is about goes before the navigation beside it.
		const places = document.querySelector("dialog[open]") ? ["dialog[open]"] : ["main", "body"];
		for (const e of places.flatMap(p => [...document.querySelectorAll(p + " :is(a, button)")])) {
			if (e.innerText.replace(/\s+/g, " ").trim() !== %s || !seen(e)) continue;
			e.scrollIntoView({block: "center"});
			const r = e.getBoundingClientRect();
			return [r.x + r.width / 2, r.y + r.height / 2];
		}
		return [];
	})()`, quoted(text))
	at := until(p, fmt.Sprintf("something to press with the text %q", text), script, func(at []float64) bool { return len(at) == 2 })
	p.do(chromedp.MouseClickXY(at[0], at[1]), "press "+text)
}

// fill types into the field with the label.
func (p person) fill(label, value string) {
	p.t.Helper()
	script := fmt.Sprintf(`(() => {
		for (const l of (document.querySelector("dialog[open]") ?? document).querySelectorAll("label")) {
			if (l.textContent.trim() === %s && l.control?.checkVisibility()) { l.control.focus(); l.control.select?.(); return l.control.id }
		}
		return "";
	})()`, quoted(label))
	id := until(p, fmt.Sprintf("a field with the label %q", label), script, func(id string) bool { return id != "" })
	p.do(chromedp.SendKeys(chromedp.CSS("#"+id), value), "fill "+label)
}

// sees waits until the page shows a text.
func (p person) sees(text string) {
	p.t.Helper()
	until(p, fmt.Sprintf("%q on the page", text), `document.body.innerText.includes(`+quoted(text)+`)`, func(seen bool) bool { return seen })
}

// until evaluates a script until its value is good. Between two pages there is nothing to
// evaluate it on, which is no failure yet.
func until[T any](p person, what, script string, good func(T) bool) T {
	p.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script))
		if err == nil && good(value) {
			return value
		}
		if time.Now().After(deadline) {
			shown, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
			p.t.Fatalf("there is not %s (%v) but:\n%s", what, err, shown)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p person) page() string {
	p.t.Helper()
	html, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.documentElement.outerHTML`))
	if err != nil {
		p.t.Fatal(err)
	}
	return html
}

func (p person) address() string {
	p.t.Helper()
	at, err := chromedp.Run(p.ctx, chromedp.Location())
	if err != nil {
		p.t.Fatal(err)
	}
	return at
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string
	}
	return string(b)
}

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
	p.do(chromedp.Navigate(setup), "open the link")
	p.sees("Set up Keyway")
	if at := p.address(); strings.Contains(at, "#") {
		t.Errorf("the link's secret stays in the address bar: %s", at)
	}
	p.fill("Your name", "Jane Doe")
	p.fill("E-mail address", ownerEmail)
	p.fill("Password", ownerPassword)
	screenshot(t, p.ctx, "set-up")
	p.press("Create account")
	p.sees("Devices")

	// Sign out and in again: the link is used up, the password stays.
	p.press("JD Jane Doe")
	p.press("Sign out")
	p.sees("signed out")
	p.do(chromedp.Navigate(setup), "open the link again")
	p.sees("does not work any more")
	p.press("Sign in")
	p.fill("E-mail address", ownerEmail)
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
	p.sees("It is shown only now")
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

	p.do(chromedp.Reload(), "reload")
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
	p.do(chromedp.Navigate(w.URL+"/console"), "open the Console")
	p.sees("Devices")
	screenshot(t, p.ctx, "devices")
	p.press("Personal Access Tokens")
	p.sees("One token for all your workspaces")
}
