// Package frametest renders the pages of an area, and checks what every page must be.
package frametest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/console/frame"
)

// Now is when the pages are rendered.
var Now = time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC)

// Renderer makes the renderer of an area's pages.
func Renderer(t *testing.T, section frame.Section) *frame.Renderer {
	t.Helper()
	r, err := frame.NewRenderer(func() time.Time { return Now }, section)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Render is the page of a view.
func Render(t *testing.T, r *frame.Renderer, v frame.View) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Pages renders and checks the pages of an area, empty and filled; each page of a row needs a sample. With
// KEYWAY_CONSOLE_PREVIEW they are written to that folder, to be looked at in a
// browser.
func Pages(t *testing.T, section frame.Section, samples []Sample) {
	t.Helper()
	r := Renderer(t, section)
	seen := map[reflect.Type]bool{}
	for _, s := range samples {
		t.Run(s.Name, func(t *testing.T) {
			page := Render(t, r, s.View)
			CheckPage(t, page)
			preview(t, s.Name, page)
		})
		seen[reflect.TypeOf(s.View)] = true
	}
	for _, row := range section.Rows {
		if row.View != nil && !seen[reflect.TypeOf(row.View)] {
			t.Errorf("no sample of the page %s", row.Template)
		}
	}
	icons(t, section.Templates)
}

// preview writes a page and the static files.
func preview(t *testing.T, name, page string) {
	t.Helper()
	dir := os.Getenv("KEYWAY_CONSOLE_PREVIEW")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, data := range frame.StaticFiles() {
		to := filepath.Join(dir, "console", "static", name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// icons finds icons that a template names and that do not exist, also in branches no sample takes.
func icons(t *testing.T, templates fs.FS) {
	t.Helper()
	named := regexp.MustCompile(`\bicon "([^"]*)"`)
	err := fs.WalkDir(templates, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(templates, path)
		for _, m := range named.FindAllSubmatch(data, -1) {
			if !frame.HasIcon(string(m[1])) {
				t.Errorf("%s: no icon %q", path, m[1])
			}
		}
		return err
	})
	if err != nil {
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
	text  bool // contains text that a screen reader reads
}

// CheckPage checks a page against the rules of the house: well-formed, nothing inline that the content
// security policy would block, forms that say where they go, a label for every input, and no
// reference to an id that is not there.
func CheckPage(t *testing.T, page string) {
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
		for _, name := range []string{"for", "aria-labelledby", "aria-describedby", "aria-controls", "popovertarget", "data-dialog",
			"data-copy-from", "data-filter"} {
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
			if !strings.HasPrefix(action, frame.Root) {
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
