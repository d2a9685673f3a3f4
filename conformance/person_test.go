package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// person is a person in front of a browser: they see texts and press what they see. They look only at
// pages that are loaded, and after they have pressed what leads to another page they wait for that one:
// so that nothing depends on how fast the machine is.
type person struct {
	t   *testing.T
	ctx context.Context
}

// patience is how long people wait for what must come.
const patience = 45 * time.Second

func (p person) do(a chromedp.Action[chromedp.Void], what string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, a); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// open goes to an address.
func (p person) open(address string) {
	p.t.Helper()
	p.do(chromedp.Navigate(address), "open "+address)
}

// reload asks for the page again, and waits until it is there.
func (p person) reload() {
	p.t.Helper()
	until(p, "a loaded page", `(() => { window.before = true; return document.readyState === "complete" })()`, isTrue)
	p.do(chromedp.Reload(), "reload")
	until(p, "the page loaded anew", anotherPage, isTrue)
}

// anotherPage reports that the page on which window.before was set is gone and the next one loaded.
const anotherPage = `!window.before && document.readyState === "complete"`

func isTrue(b bool) bool { return b }

// press clicks, with the mouse, the visible link or button with the text.
func (p person) press(text string) {
	p.t.Helper()
	p.click(fmt.Sprintf("something to press with the text %q", text), byText(text))
}

// pressAt does the same with what a selector finds.
func (p person) pressAt(selector string) {
	p.t.Helper()
	p.click(selector, bySelector(selector))
}

// byText is a script that finds the link or button with a text. An open menu goes before what it lies over,
// and what the page is about before the navigation beside it.
func byText(text string) string {
	return `[":popover-open ", "main ", ""].flatMap(place =>
		[...(document.querySelector("dialog[open]") ?? document).querySelectorAll(place + ":is(a, button)")])
		.find(e => e.innerText.replace(/\s+/g, " ").trim() === ` + quoted(text) + ` && seen(e))`
}

func bySelector(selector string) string {
	return `[...(document.querySelector("dialog[open]") ?? document).querySelectorAll(` + quoted(selector) + `)].find(seen)`
}

// click moves the mouse over what a script finds, and clicks. A live page may put something else there
// meanwhile: that is not clicked, and what is wanted is looked for again.
func (p person) click(what, find string) {
	p.t.Helper()
	aim := `(() => {
		if (document.readyState !== "complete") return []; // its script may not be listening yet
		const seen = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0;
		const e = ` + find + `;
		if (!e) return [];
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getClientRects()[0];
		const at = [r.x + r.width / 2, r.y + r.height / 2];
		if (!e.contains(document.elementFromPoint(...at))) return []; // something lies over it
		` + watch + `
		const over = event => e.contains(event.target);
		for (const type of ["pointerdown", "click"]) {
			addEventListener(type, event => {
				if (!over(event)) { event.preventDefault(); event.stopImmediatePropagation() }
			}, {capture: true, signal});
		}
		return at;
	})()`
	deadline := time.Now().Add(patience)
	for {
		at := until(p, what, aim, func(at []float64) bool { return len(at) == 2 })
		p.do(chromedp.MouseClickXY(at[0], at[1]), "click "+what)
		if p.clicked(what) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s is there but cannot be clicked", what)
		}
	}
}

// watch sees what comes of the next click or key: whether it leads to another page.
const watch = `
		window.aim?.abort();
		const {signal} = window.aim = new AbortController();
		window.before = true;
		window.clicked = "missed";
		addEventListener("click", event => {
			const link = event.target.closest("a[href]");
			const leaves = link && !event.defaultPrevented && !link.target && !link.getAttribute("href").startsWith("#");
			if (window.clicked === "missed") window.clicked = leaves ? "leaves" : "stays";
		}, {signal});
		addEventListener("submit", event => {
			if (!event.defaultPrevented && event.target.method !== "dialog" && !event.target.target) window.clicked = "leaves";
		}, {signal});`

// clicked waits for the page that what was clicked leads to, if it does; it reports whether anything was clicked.
func (p person) clicked(what string) bool {
	p.t.Helper()
	came := until(p, "what came of "+what, `window.aim?.abort(), window.clicked ?? "leaves"`, func(string) bool { return true })
	if came == "leaves" {
		until(p, "the page that "+what+" leads to", anotherPage, isTrue)
	}
	return came != "missed"
}

// fill types into the field with the label.
func (p person) fill(label, value string) {
	p.t.Helper()
	p.enter(fmt.Sprintf("a field with the label %q", label),
		`[...(document.querySelector("dialog[open]") ?? document).querySelectorAll("label")].find(l => l.textContent.trim() === `+quoted(label)+
			` && l.control?.checkVisibility())?.control`, value)
}

// fillAt does the same with the field that a selector finds.
func (p person) fillAt(selector, value string) {
	p.t.Helper()
	p.enter(selector, `[document.querySelector(`+quoted(selector)+`)].find(e => e?.checkVisibility())`, value)
}

func (p person) enter(what, find, value string) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		until(p, what, `(() => {
			if (document.readyState !== "complete") return false;
			window.field = `+find+`;
			window.field?.focus();
			window.field?.select?.();
			return !!window.field && document.activeElement === window.field;
		})()`, isTrue)
		p.do(chromedp.KeyEvent(value), "type into "+what)
		if typed := until(p, what, `window.field?.value ?? ""`, func(string) bool { return true }); typed == value {
			return
		} else if time.Now().After(deadline) {
			p.t.Fatalf("%s holds %q, not %q", what, typed, value)
		}
	}
}

// choose takes an option of the select that a selector finds in the open dialog.
func (p person) choose(selector, value string) {
	p.t.Helper()
	until(p, selector, `(() => {
		const e = (document.querySelector("dialog[open]") ?? document).querySelector(`+quoted(selector)+`);
		if (document.readyState !== "complete" || !e?.checkVisibility()) return "";
		e.value = `+quoted(value)+`;
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return e.value;
	})()`, func(got string) bool { return got == value })
}

// tick clicks what a selector finds in the open dialog.
func (p person) tick(selector string) {
	p.t.Helper()
	until(p, selector, `(() => {
		const e = (document.querySelector("dialog[open]") ?? document).querySelector(`+quoted(selector)+`);
		if (document.readyState !== "complete" || !e?.checkVisibility()) return false;
		e.click();
		return true;
	})()`, isTrue)
}

// sees waits until the page shows a text.
func (p person) sees(text string) {
	p.t.Helper()
	until(p, fmt.Sprintf("%q on the page", text), `document.body.innerText.includes(`+quoted(text)+`)`, isTrue)
}

// until evaluates a script until its value is good. Between two pages there is nothing to
// evaluate it on, which is no failure yet.
func until[T any](p person, what, script string, good func(T) bool) T {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script))
		if err == nil && good(value) {
			return value
		}
		if time.Now().After(deadline) || p.ctx.Err() != nil {
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
