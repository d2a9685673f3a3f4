package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var anyID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// axe is axe-core, which runs within a page.
var axe = sync.OnceValues(func() (string, error) {
	script, err := os.ReadFile(filepath.Join(os.Getenv("KEYWAY_TEST_JS"), "node_modules", "axe-core", "axe.min.js"))
	return string(script), err
})

// accessible checks a part of the page against axe's rules, and returns what is wrong with it. Nothing of a page
// may be wider than the screen either: anyone who reads it magnified would scroll both ways.
func accessible(t *testing.T, ctx context.Context, part string) []string {
	t.Helper()
	peer(t, "KEYWAY_TEST_JS")
	script, err := axe()
	if err != nil {
		t.Fatal(err)
	}
	p := person{t, ctx}
	if until(p, "whether axe is there", `typeof axe`, func(string) bool { return true }) == "undefined" {
		p.do(chromedp.Evaluate[chromedp.Void](script+"; undefined"), "load axe")
	}
	wrong, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`(async () => {
		const found = await axe.run(`+part+`, {iframes: false, resultTypes: ["violations"],
			runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
		const wrong = found.violations.flatMap(v =>
			v.nodes.map(n => v.id + " at " + n.target.join(" ") + ": " + n.html + " " + n.failureSummary.replace(/\s+/g, " ")));
		const {scrollWidth, clientWidth} = document.scrollingElement;
		if (scrollWidth > clientWidth) wrong.push("the page is " + scrollWidth + " wide on a screen of " + clientWidth);
		return wrong;
	})()`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("axe: %v", err)
	}
	return wrong
}

// tabbable are the elements that the Tab key must reach, in this order: those in a part of the page that
// can be seen and used. Of radio buttons it reaches the chosen one.
const tabbable = `[...part.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter(e =>
	!e.disabled && e.tabIndex >= 0 && e.type !== "hidden" && e.checkVisibility({visibilityProperty: true}) &&
	(e.type !== "radio" || e.checked || !document.querySelector("input[name=" + CSS.escape(e.name) + "]:checked")))`

// tabs presses Tab as often as it takes to go through a part of the page once, and returns what is not
// reached, or not in the order of the page, and where the focus is not visible.
func (p person) tabs(part string) []string {
	p.t.Helper()
	n := until(p, part, `(() => {
		const part = `+part+`;
		window.wanted = `+tabbable+`;
		window.reached = [];
		window.unseen = [];
		window.tabbing?.abort();
		window.tabbing = new AbortController();
		addEventListener("focusin", ({target}) => {
			reached.push(target);
			const marked = e => { const s = getComputedStyle(e);
				return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none" };
			if (!marked(target) && !marked(target.parentElement)) unseen.push(target);
		}, {signal: tabbing.signal});
		if (part === document) {
			document.body.tabIndex = -1;
			document.body.focus();
		}
		// A field of a time has a stop for each of its parts, and what scrolls may be one.
		return wanted.length + 8 * wanted.filter(e => /date|time/.test(e.type)).length + 20;
	})()`, func(int) bool { return true })
	p.do(chromedp.KeyEvent(strings.Repeat(kb.Tab, n)), "press Tab")
	return until(p, part, `(() => {
		tabbing.abort();
		document.body.removeAttribute("tabindex");
		const show = e => e.outerHTML.slice(0, 160);
		const first = [...new Set(reached)].filter(e => wanted.includes(e));
		const missing = wanted.filter(e => !first.includes(e));
		const wrong = missing.map(e => "Tab does not reach " + show(e));
		// In a dialog one does not begin with the first.
		const from = wanted.indexOf(first[0]);
		const order = [...wanted.slice(from), ...wanted.slice(0, from)].filter(e => first.includes(e));
		const at = order.findIndex((e, i) => e !== first[i]);
		if (at >= 0) wrong.push("Tab reaches " + show(first[at]) + " before " + show(order[at]));
		const part = `+part+`;
		for (const e of reached) if (!part.contains(e)) wrong.push("Tab leaves it for " + show(e));
		for (const e of unseen) wrong.push("one does not see the focus on " + show(e));
		return wrong;
	})()`, func([]string) bool { return true })
}

// Every page of the Console, empty and filled, and every dialog of each, obeys axe's rules, is reached whole
// with the Tab key, in the order in which it is read, and gives the focus back where a dialog took it.
func TestBrowserEveryPage(t *testing.T) {
	t.Parallel()
	w := start(t)
	empty := text(t, w.command(t, "", "workspace", "create", "--name", "Empty", "--sandbox", "--owner", ownerEmail), "workspace_id")
	harbour := w.Harbour.WorkspaceID
	device := w.Harbour.Devices[0].DeviceID
	w.ok(t, w.PAT, harbour, "/access_codes/create", fields{"device_id": device, "name": "Cleaner", "code": "8421"})
	w.ok(t, w.PAT, harbour, "/client_sessions/create", fields{"customer_key": "guesthouse"})
	w.ok(t, w.PAT, harbour, "/connect_webviews/create", fields{})
	w.ok(t, w.PAT, harbour, "/webhooks/create", fields{"url": "http://127.0.0.1:9999/"})
	session := w.signIn(t)
	w.ok(t, session, harbour, "/keyway/v1/members/invite", fields{"workspace_id": harbour, "email": "mary@example.com", "role": "member"})
	w.ok(t, session, harbour, "/keyway/v1/api_keys/create", fields{"workspace_id": harbour, "name": "Backend"})
	w.call(t, w.PAT, harbour, "/devices/get", fields{"device_id": w.Abroad}) // something that was refused

	p := w.signInAt(t, "/console/workspaces/"+harbour+"/devices")
	seen, met := map[string]bool{}, map[string]bool{}
	// Of many pages of one kind one is enough, in the filled workspace and in the empty one.
	kind := func(path string) string {
		i := 0
		return anyID.ReplaceAllStringFunc(path, func(id string) string {
			if i++; i == 1 && id == empty {
				return "empty"
			}
			return "x"
		})
	}
	for todo := []string{"/console/workspaces/" + harbour + "/devices"}; len(todo) > 0; todo = todo[1:] {
		if seen[kind(todo[0])] {
			continue
		}
		seen[kind(todo[0])] = true
		p.open(w.URL + todo[0])
		p.accessiblePage(todo[0], met)
		todo = append(todo, until(p, "links",
			`[...new Set([...document.querySelectorAll("a[href^='/console']")].map(a => a.getAttribute("href").split("#")[0].split("?")[0]))]`,
			func([]string) bool {
				return true
			})...)
	}
	if len(seen) < 36 || len(met) < 28 {
		t.Errorf("only %d pages and %d dialogs", len(seen), len(met))
	}
}

// accessiblePage goes over a page and those dialogs of it that were not met before.
func (p person) accessiblePage(name string, met map[string]bool) {
	p.t.Helper()
	complain := func(where string, wrong []string) {
		p.t.Helper()
		for _, what := range wrong {
			// What is wrong with the frame is wrong on every page.
			if once := anyID.ReplaceAllString(what, "x"); !met[once] {
				met[once] = true
				p.t.Errorf("%s%s: %s", name, where, what)
			}
		}
	}
	complain("", p.tabs("document"))
	checked := func(part, where string) {
		p.t.Helper()
		each(p.t, p.ctx, func(suffix string) {
			if suffix == "" || suffix == "-phone-dark" {
				complain(where+suffix, accessible(p.t, p.ctx, part))
			}
		})
	}
	// What is folded up is unfolded.
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => d.open = true)`), "unfold")
	checked("document", "")
	// A dialog of a row is on the page once for each.
	for _, id := range until(p, "dialogs", `[...document.querySelectorAll("[data-dialog]")].map(b => b.dataset.dialog)`, func([]string) bool {
		return true
	}) {
		one := "#" + anyID.ReplaceAllString(id, "x")
		if met[one] {
			continue
		}
		met[one] = true
		opener := `document.querySelector(` + quoted(`[data-dialog="`+id+`"]`) + `)`
		dialog := `document.getElementById(` + quoted(id) + `)`
		// The opener in a menu is reached by the button of the menu.
		p.do(chromedp.Evaluate[chromedp.Void](`(() => {
			const menu = `+opener+`.closest("[popover]:not(:popover-open)");
			window.back = menu && !`+opener+`.checkVisibility() ? document.querySelector("[popovertarget=" + menu.id + "]") : `+opener+`;
			back.focus();
			if (back !== `+opener+`) { back.click(); `+opener+`.focus() }
		})()`), "go to what opens "+id)
		p.do(chromedp.KeyEvent(kb.Enter), "open "+id)
		until(p, "the dialog "+id+" with the focus in it", dialog+`.open && `+dialog+`.contains(document.activeElement)`, isTrue)
		complain(" #"+id, p.tabs(dialog))
		checked(dialog, " #"+id)
		p.do(chromedp.KeyEvent(kb.Escape), "close "+id)
		until(p, "the dialog "+id+" closed and the focus back", `!`+dialog+`.open && document.activeElement === back`, isTrue)
	}
}

// A page that breaks every rule is reported, or the tests above prove nothing.
func TestBrowserFindsWhatIsNotAccessible(t *testing.T) {
	t.Parallel()
	p := person{t, browser(t)}
	p.open("data:text/html,<!doctype html><title>Bad</title><link rel=icon href='data:,'><style>:focus{outline:none}</style><img " +
		"src='data:,'><div style='width:3000px'>x</div><button tabindex=2>First</button><button style='order:-1'>No</button><a href='%23' " +
		"onfocus='this.blur()'>Never</a>")
	got := fmt.Sprint(accessible(t, p.ctx, "document"), p.tabs("document"))
	for _, want := range []string{"html-has-lang", "image-alt", "is 30", "does not see the focus"} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing is said of %s: %s", want, got)
		}
	}
}
