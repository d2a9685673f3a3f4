package console

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var testNow = time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC)

func setup(t *testing.T) *renderer {
	t.Helper()
	r, err := newRenderer(func() time.Time { return testNow })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t *testing.T, r *renderer, v view) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.write(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPages(t *testing.T) {
	t.Parallel()
	r := setup(t)
	seen := map[string]bool{}
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			checkPage(t, render(t, r, s.view))
		})
		seen[s.view.template()] = true
	}
	for _, name := range pageTemplates {
		if !seen[name] {
			t.Errorf("no sample of page %q", name)
		}
	}
}

// TestEscaping renders pages whose every name was chosen by an attacker.
func TestEscaping(t *testing.T) {
	t.Parallel()
	r := setup(t)
	const evil = `"><script>alert(1)</script><img src=x onerror='alert(1)'>`
	w := Workspace{ID: "../" + evil, Name: evil, Role: RoleOwner, Sandbox: true}
	page := Page{Title: evil, Area: AreaWorkspace, User: &User{Name: evil, Email: evil}, Workspace: &w, Workspaces: []Workspace{w}}
	device, err := newDevice([]byte(`{"device_id":"d","display_name":"</pre><script>","properties":{"</dd>":"<script>"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []view{
		&DevicesView{Page: page, Connect: sampleConnect, Query: evil, Rows: []DeviceRow{{ID: evil, URL: "javascript:alert(1)", Name: evil, Icon: "lock", Brand: evil, Account: Link{evil, "javascript:alert(1)"}}}},
		&DeviceView{Page: page, DeviceHead: DeviceHead{Device: device, Rename: RenameForm{Action: "/console/x", Name: evil}, BackURL: "/console"}},
		&TokensView{Page: page, Base: "/console/t", All: 1, Tokens: []Token{{ID: evil, Name: evil, Reason: evil, Scopes: evil, Workspaces: evil}}, Created: &Secret{ID: "t", Name: evil, Value: evil}, Snippets: &Snippets{Endpoint: evil, Workspaces: []Workspace{w}, WorkspaceID: w.ID, Token: evil}},
		&TeamView{Page: page, Members: []Member{{UserID: "u", Name: evil, APIKeys: []string{evil}, CanChange: true}}, CanManage: true},
		&WorkspaceSettingsView{Page: page, Name: evil, CanManage: true, CanDelete: true},
		&InvitationView{Page: Page{Title: evil}, Token: evil, Workspaces: []string{evil}},
	} {
		got := render(t, r, v)
		if strings.Contains(got, "<script>") || strings.Contains(got, "<img") || strings.Contains(got, "javascript:") {
			t.Errorf("%T: a name got out of its place", v)
		}
	}
}

func TestSecretIsNowhereElse(t *testing.T) {
	t.Parallel()
	r := setup(t)
	const secret = "seam_at1Kq7mT2xw_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"
	got := render(t, r, &TokensView{Page: samplePage(AreaSettings, NavTokens, "Tokens"), Base: "/console/t", Created: &Secret{ID: "t", Name: "x", Value: secret}, Snippets: sampleSnippets(secret, "")})
	for _, tag := range regexp.MustCompile(`(?:href|action|src|value)="[^"]*`).FindAllString(got, -1) {
		if strings.Contains(tag, secret) {
			t.Errorf("the secret stands in %s", tag)
		}
	}
}

func TestSnippets(t *testing.T) {
	t.Parallel()
	tabs := Snippets{Endpoint: "https://keys.example.com", WorkspaceID: "w1", Token: "seam_at1x"}.Tabs()
	var names []string
	for _, tab := range tabs {
		names = append(names, tab.Label)
		for _, block := range tab.Blocks {
			var code strings.Builder
			slots := map[Slot]bool{}
			for _, part := range block.Parts {
				code.WriteString(part.Text)
				slots[part.Slot] = true
			}
			if strings.Contains(code.String(), "§") {
				t.Errorf("%s: a mark is left in %q", tab.Label, code.String())
			}
			if !strings.Contains(code.String(), "https://keys.example.com") {
				t.Errorf("%s: the server's address is missing in %q", tab.Label, code.String())
			}
			if withKey := slots[SlotWorkspaceKey]; withKey == (slots[SlotToken] && slots[SlotWorkspace]) {
				t.Errorf("%s: wants either a workspace key or a token with a workspace: %q", tab.Label, code.String())
			}
			if block.NeedsKey != slots[SlotWorkspaceKey] {
				t.Errorf("%s: NeedsKey is %v", tab.Label, block.NeedsKey)
			}
		}
	}
	want := []string{"curl", "JavaScript", "Python", "Ruby", "PHP", "C#", "Java", "Go", "Environment"}
	if !slices.Equal(names, want) {
		t.Errorf("tabs %v, want %v", names, want)
	}
}

// Where a clock was moved, what has happened by it is told exactly, and what will happen is told by it.
func TestTimesByAMovedClock(t *testing.T) {
	t.Parallel()
	r := setup(t)
	at := testNow.Add(3 * 24 * time.Hour)
	still, moved := &ClockView{}, &ClockView{By: 2 * 24 * time.Hour}
	for _, c := range []struct{ got, want string }{
		{string(r.happened(nil, testNow.Add(-time.Hour))), ">60 minutes ago<"},
		{string(r.happened(still, testNow.Add(-time.Hour))), ">60 minutes ago<"},
		{string(r.happened(moved, at)), ">" + at.UTC().Format("2 Jan 2006, 15:04 UTC") + "<"},
		{string(r.due(nil, at)), ">in 3 days<"},
		{string(r.due(still, at)), ">in 3 days<"},
		{string(r.due(moved, at)), ` data-ago data-ahead="172800000">in 24 hours<`},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
	if got := r.happened(moved, time.Time{}) + r.due(moved, time.Time{}); got != "" {
		t.Errorf("no time is %s", got)
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{0, "just now"}, {-44 * time.Second, "just now"}, {-45 * time.Second, "1 minute ago"}, {-3 * time.Minute, "3 minutes ago"},
		{-89 * time.Minute, "89 minutes ago"}, {-90 * time.Minute, "2 hours ago"}, {-35 * time.Hour, "35 hours ago"},
		{-36 * time.Hour, "2 days ago"}, {-59 * 24 * time.Hour, "59 days ago"}, {-61 * 24 * time.Hour, "2 months ago"},
		{-729 * 24 * time.Hour, "24 months ago"}, {-1096 * 24 * time.Hour, "3 years ago"},
		{10 * time.Second, "in a moment"}, {12 * 24 * time.Hour, "in 12 days"}, {365 * 24 * time.Hour, "in 12 months"},
	} {
		if got := relative(testNow, testNow.Add(test.d)); got != test.want {
			t.Errorf("%v: %q, want %q", test.d, got, test.want)
		}
	}
}

func TestDevice(t *testing.T) {
	t.Parallel()
	d, err := newDevice([]byte(sampleLockJSON))
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "Garage" || d.Brand != "Yale" || d.Type != "Lock" || d.Model != "Assure Lock 2" || d.TimeZone != "Europe/Berlin" {
		t.Errorf("read as %q, %q, %q, %q, %q", d.Name, d.Brand, d.Type, d.Model, d.TimeZone)
	}
	if d.Battery == nil || d.Battery.Percent != 8 || !d.Battery.Low {
		t.Errorf("battery %+v", d.Battery)
	}
	if len(d.Errors) != 1 || d.Errors[0].Code != "device_offline" || len(d.Warnings) != 1 {
		t.Errorf("errors %+v, warnings %+v", d.Errors, d.Warnings)
	}
	var titles []string
	for _, g := range d.Groups {
		titles = append(titles, g.Title)
	}
	if want := []string{"State", "Access codes", "Model", "August details", "Custom metadata"}; !slices.Equal(titles, want) {
		t.Errorf("groups %v, want %v", titles, want)
	}
	if i := slices.IndexFunc(d.Capabilities, func(c Capability) bool { return c.Flag == "can_program_online_access_codes" }); i < 0 || d.Capabilities[i].Works {
		t.Errorf("capabilities %+v", d.Capabilities)
	}
	if _, err := newDevice([]byte(`[]`)); err == nil {
		t.Error("no error for what is not a device")
	}
}

// TestIcons finds icons that a template names and nobody drew, also in branches no sample takes.
func TestIcons(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`\bicon "([^"]*)"`)
	err := fs.WalkDir(templateFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(templateFiles, path)
		for _, m := range named.FindAllSubmatch(data, -1) {
			if _, ok := icons[string(m[1])]; !ok {
				t.Errorf("%s: no icon %q", path, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPreview writes every page and the static files below $KEYWAY_CONSOLE_PREVIEW, or into the
// void, to be looked at in a browser.
func TestPreview(t *testing.T) {
	dir := os.Getenv("KEYWAY_CONSOLE_PREVIEW")
	if dir == "" {
		dir = t.TempDir()
	}
	r := setup(t)
	for _, s := range samples() {
		if err := os.WriteFile(filepath.Join(dir, s.name+".html"), []byte(render(t, r, s.view)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	static := filepath.Join(dir, "console")
	if err := os.RemoveAll(static); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(static, staticFiles); err != nil {
		t.Fatal(err)
	}
}

var (
	tagPattern  = regexp.MustCompile(`(?s)<!doctype html>|<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[^\s=>"'/]+(?:="[^"]*")?)*)\s*(/?)>`)
	attrPattern = regexp.MustCompile(`(?s)([^\s=>"'/]+)(?:="([^"]*)")?`)
	void        = []string{"meta", "link", "input", "br", "wbr", "img", "path", "rect", "circle"}
)

type element struct {
	tag   string
	attrs map[string]string
	text  bool // holds text that a screen reader reads
}

// checkPage holds a page to the rules of the house: well-formed, nothing inline that the content
// security policy would block, forms that say where they go, a label for every input, and no
// reference to an id that is not there.
func checkPage(t *testing.T, page string) {
	t.Helper()
	for _, bad := range []string{"<no value>", "ZgotmplZ", "%!", "<nil>", "map[", "{{"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	var stack []element
	ids := map[string]bool{}
	labelled := map[string]bool{}
	type reference struct{ from, id string }
	var references []reference
	var inputs []element
	last := 0
	for _, m := range tagPattern.FindAllStringSubmatchIndex(page, -1) {
		between := page[last:m[0]]
		last = m[1]
		if strings.ContainsAny(between, "<>") {
			t.Fatalf("not a tag: %q", between)
		}
		if strings.TrimSpace(between) != "" {
			for i := range stack {
				stack[i].text = true
			}
		}
		if m[4] < 0 {
			continue // doctype
		}
		closing, tag := m[2] < m[3], strings.ToLower(page[m[4]:m[5]])
		if closing {
			if len(stack) == 0 || stack[len(stack)-1].tag != tag {
				t.Fatalf("</%s> closes %v before %q", tag, stack, page[m[1]:min(len(page), m[1]+80)])
			}
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if _, named := e.attrs["aria-label"]; (tag == "button" || tag == "a") && !e.text && !named {
				t.Errorf("<%s> without words: %v", tag, e.attrs)
			}
			continue
		}
		e := element{tag: tag, attrs: map[string]string{}}
		for _, a := range attrPattern.FindAllStringSubmatch(page[m[6]:m[7]], -1) {
			if _, twice := e.attrs[a[1]]; twice {
				t.Errorf("<%s> has %s twice", tag, a[1])
			}
			e.attrs[a[1]] = a[2]
			if a[1] == "style" || strings.HasPrefix(a[1], "on") {
				t.Errorf("<%s> has the attribute %s", tag, a[1])
			}
		}
		if id, ok := e.attrs["id"]; ok {
			if id == "" || ids[id] {
				t.Errorf("<%s>: the id %q is empty or not the only one", tag, id)
			}
			ids[id] = true
		}
		for _, name := range []string{"for", "aria-labelledby", "aria-describedby", "aria-controls", "popovertarget", "data-dialog", "data-copy-from", "data-filter"} {
			if id, ok := e.attrs[name]; ok {
				references = append(references, reference{name, id})
			}
		}
		switch tag {
		case "style":
			t.Error("a <style> element")
		case "script":
			if e.attrs["src"] == "" {
				t.Error("a <script> without src")
			}
		case "form":
			method, action := e.attrs["method"], e.attrs["action"]
			if !strings.HasPrefix(action, Root) {
				t.Errorf("a form goes to %q", action)
			}
			if method != "post" && (method != "get" || e.attrs["role"] != "search") {
				t.Errorf("the form to %s has the method %q", action, method)
			}
		case "button":
			if e.attrs["type"] != "button" && e.attrs["type"] != "submit" {
				t.Errorf("a button of type %q: %v", e.attrs["type"], e.attrs)
			}
		case "label":
			labelled[e.attrs["for"]] = true
		case "input", "select", "textarea":
			inside := slices.ContainsFunc(stack, func(up element) bool { return up.tag == "label" })
			if e.attrs["type"] != "hidden" && e.attrs["aria-label"] == "" && !inside {
				inputs = append(inputs, e)
			}
		case "td":
			if e.attrs["data-label"] == "" && e.attrs["class"] != "cell-main" && e.attrs["class"] != "cell-actions" {
				t.Errorf("a cell without data-label, which phones show: %v", e.attrs)
			}
		}
		if !slices.Contains(void, tag) {
			stack = append(stack, e)
		}
	}
	if len(stack) > 0 {
		t.Errorf("not closed: %v", stack)
	}
	for _, r := range references {
		if !ids[r.id] {
			t.Errorf("%s names %q, which is not there", r.from, r.id)
		}
	}
	for _, e := range inputs {
		if !labelled[e.attrs["id"]] {
			t.Errorf("no label for %v", e.attrs)
		}
	}
	if n := strings.Count(page, "<h1"); n != 1 {
		t.Errorf("%d h1", n)
	}
}
