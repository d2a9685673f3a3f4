package conformance

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// complaints collects what a page's console would show in red.
type complaints struct {
	foreign []string // sites that are not under test

	mu   sync.Mutex
	list []string
}

func (c *complaints) note(complaint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, complaint)
}

func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.list, "\n")
}

// hear takes the events of exceptions, console.error, and refused or missing resources.
func (c *complaints) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complaint := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			complaint += " " + thrown.Description
		}
		c.note(complaint)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			var words []string
			for _, argument := range e.Args {
				words = append(words, string(argument.Value)+argument.Description)
			}
			c.note("console.error: " + strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !slices.ContainsFunc(c.foreign, func(site string) bool {
			return strings.HasPrefix(e.Entry.URL, site)
		}) {
			c.note(e.Entry.Text + " " + e.Entry.URL)
		}
	}
}

// browser starts Chromium with a fresh profile and returns a chromedp context on an empty page.
// Whatever the pages complain of in the console fails the test, but for missing resources of foreign sites.
func browser(t *testing.T, foreign ...string) context.Context {
	t.Helper()
	heard := &complaints{foreign: foreign}
	ctx := openBrowser(t, heard)
	t.Cleanup(func() {
		if s := heard.String(); s != "" {
			t.Errorf("the browser complains:\n%s", s)
		}
	})
	return ctx
}

func openBrowser(t *testing.T, heard *complaints) context.Context {
	t.Helper()
	path := chromium(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(time.Minute),
		// A test machine may have no way out, and the browser's own errands then fill its log.
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1440, 900))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Listen(ctx, heard.hear); err != nil {
		t.Fatalf("%s does not start: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	// Every page is looked at, also beside that of another browser.
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// visit opens an address and runs an action on its page.
func visit[T any](t *testing.T, ctx context.Context, address string, a chromedp.Action[T]) T {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatalf("open %s: %v", address, err)
	}
	value, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatalf("on %s: %v", address, err)
	}
	return value
}

// chromium finds the browser under the names that distributions give it.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium: run the tests by `make test`, or by scripts/with-peers go test ./conformance")
	return ""
}

// screenshot checks what the page shows against the rules of accessibility, and writes the whole page into the
// folder named in KEYWAY_SCREENSHOTS, at the width of a desk and of a phone, light and dark, for a person
// to look at.
func screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	each(t, ctx, func(suffix string) {
		if suffix == "" || suffix == "-phone-dark" {
			for _, wrong := range accessible(t, ctx, "document") {
				t.Errorf("%s%s: %s", name, suffix, wrong)
			}
		}
		picture(t, ctx, name+suffix)
	})
}

// each shows the page in each of the ways that it can be looked at.
func each(t *testing.T, ctx context.Context, f func(suffix string)) {
	t.Helper()
	look := func(width int64, scheme string) {
		err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900))
		if err == nil {
			_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}, // nothing half faded
			}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for suffix, width := range map[string]int64{"": 1440, "-phone": 390} {
		for scheme, suffix := range map[string]string{"light": suffix, "dark": suffix + "-dark"} {
			look(width, scheme)
			f(suffix)
		}
	}
	look(1440, "light")
}

// picture writes the whole page into the folder named in KEYWAY_SCREENSHOTS, if one is.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("KEYWAY_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		t.Errorf("picture %s: %v", name, err)
	}
}

// A collector that hears nothing would let every page of the Console complain unheard.
func TestBrowserHearsComplaints(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, `<!doctype html><title>Bad</title><link rel="icon" href="data:,"><h1>Bad</h1>
			<img src="/missing.png"><script>console.error("first"); undefinedFunction()</script>`)
	}))
	t.Cleanup(site.Close)
	heard := &complaints{}
	ctx := openBrowser(t, heard)
	if got := visit(t, ctx, site.URL, chromedp.Title()); got != "Bad" {
		t.Errorf("the page is titled %q", got)
	}
	deadline := time.Now().Add(time.Minute)
	for _, want := range []string{`console.error: "first"`, "undefinedFunction", "/missing.png"} {
		for !strings.Contains(heard.String(), want) {
			if time.Now().After(deadline) {
				t.Fatalf("not heard: %s in %s", want, heard)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// The door of the Console and the reference open without a complaint of the browser's.
func TestBrowserOpensTheConsole(t *testing.T) {
	t.Parallel()
	w := start(t)
	ctx := browser(t)
	at := visit(t, ctx, w.URL, chromedp.Location())
	if !strings.HasPrefix(at, w.URL+"/console") {
		t.Errorf("/ leads to %s", at)
	}
	inputs, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("input")].map(i => i.type)`))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(inputs, "password") {
		t.Errorf("the first page of the Console asks for %v, not for a password", inputs)
	}
	screenshot(t, ctx, "sign-in")
	reference := visit(t, ctx, w.URL+"/docs", chromedp.Text(chromedp.CSS("body")))
	if !strings.Contains(reference, "/devices/list") {
		t.Error("/docs does not name /devices/list")
	}
	screenshot(t, ctx, "docs")
}
