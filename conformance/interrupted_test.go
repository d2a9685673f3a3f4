package conformance

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// gate is a way to the server that can be closed, and that can delay what browsers send.
type gate struct {
	server string

	mu    sync.Mutex
	open  *sync.Cond
	state string // passing, delaying or closed
	holds bool   // something waits in it
	conns map[net.Conn]bool
}

const (
	passing  = "passing"
	delaying = "delaying"
	closed   = "closed"
)

// newGate opens a gate before the world's server, and returns it with its address.
func newGate(t *testing.T, w *world) (*gate, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{server: strings.TrimPrefix(w.URL, "http://"), state: passing, conns: map[net.Conn]bool{}}
	g.open = sync.NewCond(&g.mu)
	t.Cleanup(func() {
		_ = listener.Close()
		g.set(closed)
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go g.pass(conn)
		}
	}()
	return g, "http://" + listener.Addr().String()
}

// set changes the state; closing it ends the connections that are open.
func (g *gate) set(state string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state = state; state == closed {
		for conn := range g.conns {
			_ = conn.Close()
		}
		clear(g.conns)
	}
	g.open.Broadcast()
}

// keep notes a connection, and reports whether the gate is open for it.
func (g *gate) keep(conn net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != closed {
		g.conns[conn] = true
	}
	return g.state != closed
}

// held waits until the gate delays something.
func (g *gate) held() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.holds {
		g.open.Wait()
	}
}

func (g *gate) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	if !g.keep(client) {
		return
	}
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !g.keep(server) {
		return
	}
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		g.mu.Lock()
		for g.state == delaying {
			g.holds = true
			g.open.Broadcast()
			g.open.Wait()
		}
		g.holds = false
		g.mu.Unlock()
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// signInAs opens a page at an address of the server and signs the owner in.
func (p person) signInAs(address string) {
	p.t.Helper()
	p.open(address)
	p.fill("Email address", ownerEmail)
	p.fill("Password", ownerPassword)
	p.press("Sign in")
}

// Guards typed text against the end of the session: it is there again after the next sign-in, with what happened to it,
// but never a PIN, and not for another person who uses the same tab.
func TestBrowserDraftOutlivesSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	const other, password = "mary@example.org", "a fourth horse battery"
	w.command(t, password, "user", "add", "--email", other, "--password-stdin")
	w.command(t, "", "workspace", "add-member", "--workspace", w.Harbour.WorkspaceID, "--user", other)
	codes := w.URL + "/console/workspaces/" + w.Harbour.WorkspaceID + "/devices/" + w.Harbour.Devices[0].DeviceID + "/codes"
	p, elsewhere := person{t, browser(t)}, person{t, browser(t)}
	elsewhere.signInAs(w.URL + "/console/settings/sessions")
	endOthers := func() {
		t.Helper()
		elsewhere.open(w.URL + "/console/settings/sessions")
		elsewhere.press("End all others")
		elsewhere.press("End all others")
		p.sees("Email address")
	}
	begin := func() {
		t.Helper()
		p.press("Add access code")
		p.fill("Name", "Half a guest")
		p.fillAt("#add-code-code", "482913")
		endOthers()
	}
	const form = `document.querySelector("dialog[open] [name=name]")?.value ?? ""`

	p.signInAs(codes)
	begin()
	p.signInAs(codes)
	p.sees("You were signed out before this was saved.")
	until(p, "the name that was typed", form, func(name string) bool { return name == "Half a guest" })
	if pin := until(p, "the PIN", `document.querySelector("#add-code-code").value`, func(string) bool { return true }); pin != "" {
		t.Errorf("the PIN %q was kept in the browser", pin)
	}
	p.press("Create access code")
	p.sees("Half a guest")

	begin()
	p.open(codes)
	p.fill("Email address", other)
	p.fill("Password", password)
	p.press("Sign in")
	p.sees("Half a guest") // the code that was made
	if dialogs := until(p, "the page", `document.querySelectorAll("dialog[open]").length`, func(int) bool { return true }); dialogs > 0 {
		t.Error("a draft was shown to another person")
	}
}

// Guards typed text against what others do meanwhile: the dialog of a code that is deleted stays, says so, and sends nothing.
func TestBrowserDialogOutlivesItsRow(t *testing.T) {
	t.Parallel()
	w := start(t)
	lock := w.Harbour.Devices[0].DeviceID
	made := w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/access_codes/create", fields{"device_id": lock, "name": "Guest", "code": "4829"})
	p := w.signInAt(t, "/console/workspaces/"+w.Harbour.WorkspaceID+"/devices/"+lock+"/codes")
	p.pressAt(`[aria-label="Actions for Guest"]`)
	p.press("Edit")
	p.fill("Name", "Guest of honor")
	w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/access_codes/delete",
		fields{"access_code_id": text(t, made.object(t, "access_code"), "access_code_id")})
	p.sees("This was changed or deleted in the meantime.")
	until(p, "what was typed", `document.querySelector("dialog[open] [name=name]").value`, func(name string) bool {
		return name == "Guest of honor"
	})
	until(p, "a form that cannot be sent", `[...document.querySelectorAll("dialog[open] [type=submit]")].every(b => b.disabled)`, isTrue)
	p.press("Cancel")
	until(p, "the dialog closed", `document.querySelector("dialog[open]") === null`, isTrue)
}

// Guards typed text, and what a person believes to have stopped, against a server that is slow or away.
func TestBrowserLostConnection(t *testing.T) {
	t.Parallel()
	w := start(t)
	g, at := newGate(t, w)
	p := person{t, browser(t, at)} // a browser complains of what it cannot reach
	p.signInAs(at + "/console/workspaces/" + w.Harbour.WorkspaceID + "/devices/" + w.Harbour.Devices[0].DeviceID + "/codes")
	p.press("Add access code")
	p.fill("Name", "Night guest")

	g.set(closed)
	p.sees("Connection lost.")
	p.pressAt(`dialog[open] .dialog-foot [type="submit"]`)
	p.sees("nothing was sent")
	until(p, "what was typed", `document.querySelector("dialog[open] [name=name]").value`, func(name string) bool {
		return name == "Night guest"
	})
	screenshot(t, p.ctx, "connection-lost")
	g.set(passing)
	until(p, "the bar gone", `document.querySelector(".offline") === null`, isTrue)

	// While it is being sent, nothing pretends that it could still be stopped. DevTools are not answered until the next
	// page is there, so the page itself notes what it shows.
	p.do(chromedp.Evaluate[chromedp.Void](`setInterval(() => {
		if (!document.querySelector("form[data-busy]")) return;
		sessionStorage.setItem("sending", "yes");
		if (!document.querySelector("dialog[open]")) sessionStorage.setItem("wrong", "the dialog was closed");
		if (document.querySelector("dialog[open] [data-close]:not(:disabled)")) sessionStorage.setItem("wrong", "it can be canceled");
	}, 5)`), "watch the dialog")
	g.set(delaying)
	p.do(chromedp.Evaluate[chromedp.Void](`setTimeout(() => document.querySelector('dialog[open] .dialog-foot [type="submit"]').click(), 50)`),
		"send the form")
	g.held()
	p.do(chromedp.KeyEvent(kb.Escape), "press Escape")
	p.do(chromedp.KeyEvent(kb.Escape), "press Escape again")
	p.do(chromedp.MouseClickXY(5, 5), "click beside the dialog")
	g.set(passing)
	until(p, "the code in the list",
		`document.querySelector("dialog[open]") === null && document.querySelector("#codes").innerText.includes("Night guest")`, isTrue)
	until(p, "that it saw the form being sent", `sessionStorage.getItem("sending")`, func(seen string) bool { return seen == "yes" })
	if wrong := until(p, "what it noted", `sessionStorage.getItem("wrong") ?? ""`, func(string) bool { return true }); wrong != "" {
		t.Errorf("while the form was being sent, %s", wrong)
	}
	codes := w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/access_codes/list", fields{"device_id": w.Harbour.Devices[0].DeviceID}).objects(t,
		"access_codes")
	made := 0
	for _, code := range codes {
		if code["name"] == "Night guest" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d codes were made", made)
	}
}

// Guards people without JavaScript: a page says what does not work, and a row's action leads to a page instead of nowhere.
func TestBrowserWithoutScript(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/access_codes/create", fields{"device_id": w.Harbour.Devices[0].DeviceID, "name": "Guest"})
	p := w.signInAt(t, "/console/settings/profile")
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	lock := w.URL + "/console/workspaces/" + w.Harbour.WorkspaceID + "/devices/" + w.Harbour.Devices[0].DeviceID
	p.open(lock + "/codes")
	p.sees("JavaScript is off.")
	link := until(p, "the row's action", `document.querySelector("a[data-dialog-from]").href`, func(string) bool { return true })
	if !strings.HasPrefix(link, lock+"/codes/") {
		t.Fatalf("the row's action leads to %q", link)
	}
	p.open(link)
	p.sees("Timeline")
}
