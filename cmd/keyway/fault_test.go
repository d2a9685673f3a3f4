package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keyway/internal/platform/store/storetest"
)

// process is a server as a process of its own, which can be killed.
type process struct {
	t      *testing.T
	args   []string
	url    string
	cmd    *exec.Cmd
	log    string   // path
	stderr *os.File // instead of the log, if set
	token  string
}

// newProcess makes a first person with a token on new data and serves it.
func newProcess(t *testing.T, data ...string) *process {
	t.Helper()
	p := &process{t: t, args: data, log: filepath.Join(t.TempDir(), "server.log")}
	var out initOut
	p.command(&out, "init", "--email", "me@example.org", "--password-stdin", "--workspace", "Harbour", "--sandbox", "--pat", "first")
	p.token = out.PAT
	p.start()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		if t.Failed() {
			log := p.logged()
			t.Logf("the end of the log:\n%s", log[max(0, len(log)-2000):])
		}
	})
	return p
}

// command runs a command on the data and decodes what it prints; out may be nil.
func (p *process) command(out any, args ...string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "keyway", append(append(args, p.args...), "--json")...)
	cmd.Stdin = strings.NewReader("correct horse battery\n")
	text, err := cmd.Output()
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		p.t.Fatalf("keyway %s: %v", strings.Join(args, " "), err)
	}
}

func (p *process) start() {
	p.t.Helper()
	port, err := freePort()
	if err != nil {
		p.t.Fatal(err)
	}
	p.url = "http://127.0.0.1:" + port
	p.cmd = exec.CommandContext(context.WithoutCancel(p.t.Context()), "keyway",
		append([]string{"serve", "--listen", "127.0.0.1:" + port, "--public-url", p.url}, p.args...)...)
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	if p.cmd.Stderr = log; p.stderr != nil {
		p.cmd.Stderr = p.stderr
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if res, err := http.Get(p.url + "/health"); err == nil {
			_ = res.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the server does not start:\n%s", p.logged())
		}
	}
}

// logged is what the server has logged so far.
func (p *process) logged() string {
	p.t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *process) kill() {
	p.t.Helper()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// call posts to an endpoint with the token.
func (p *process) call(path, body string) (status int, answer map[string]any, err error) {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode, answer, json.NewDecoder(res.Body).Decode(&answer)
}

// workspaces are the names of all workspaces that the token opens.
func (p *process) workspaces() map[string]bool {
	p.t.Helper()
	status, answer, err := p.call("/workspaces/list", "{}")
	if err != nil || status != http.StatusOK {
		p.t.Fatalf("/workspaces/list: %d %v", status, err)
	}
	names := map[string]bool{}
	for _, ws := range answer["workspaces"].([]any) {
		names[ws.(map[string]any)["name"].(string)] = true
	}
	return names
}

// What was answered with 200 is there after kill -9, whenever it strikes.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	databases := map[string]func(t *testing.T) []string{
		"sqlite": func(t *testing.T) []string { return []string{"--data", t.TempDir()} },
		"postgres": func(t *testing.T) []string {
			return []string{"--data", t.TempDir(), "--database-url", storetest.PostgresURL(t)}
		},
	}
	for name, data := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t, data(t)...)
			var mu sync.Mutex
			var acknowledged []string
			for _, strike := range []int{311, 677, 1000} {
				var writers sync.WaitGroup
				for w := range 8 {
					writers.Go(func() {
						for i := 0; ; i++ {
							name := fmt.Sprintf("%d-%d-%d", strike, w, i)
							status, _, err := p.call("/workspaces/create", `{"name":"`+name+`","is_sandbox":true}`)
							if err != nil {
								return // killed
							}
							if status != http.StatusOK {
								t.Errorf("create answers %d", status)
								return
							}
							mu.Lock()
							acknowledged = append(acknowledged, name)
							mu.Unlock()
						}
					})
				}
				for n := 0; n < strike && !t.Failed(); time.Sleep(time.Millisecond) {
					mu.Lock()
					n = len(acknowledged)
					mu.Unlock()
				}
				p.kill()
				writers.Wait()
				p.start()
				there := p.workspaces()
				for _, name := range acknowledged {
					if !there[name] {
						t.Errorf("workspace %s was acknowledged and is gone after %d writes", name, len(acknowledged))
					}
				}
			}
		})
	}
}

// smallDisk is a folder on a file system of its own, of so many bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		t.Fatalf("mounting a small disk: %v (the test needs root, for this one mount)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 24<<20)
	p := newProcess(t, "--data", dir)
	ballast := filepath.Join(dir, "ballast")
	if err := fillUp(ballast); err != nil {
		t.Fatal(err)
	}
	// A little room may be left inside the files that are there already.
	acknowledged := map[string]bool{"Harbour": true}
	refused := false
	for i := 0; i < 5000 && !refused; i++ {
		name := fmt.Sprint("full ", i)
		status, answer, err := p.call("/workspaces/create", `{"name":"`+name+`","company_name":"`+strings.Repeat("x", 150)+`"}`)
		switch {
		case err != nil:
			t.Fatal(err)
		case status == http.StatusOK:
			acknowledged[name] = true
		default:
			refused = true
			e := answer["error"].(map[string]any)
			if status != http.StatusServiceUnavailable || e["type"] != "service_unavailable" || strings.Contains(fmt.Sprint(e), "SQL") {
				t.Errorf("a write on a full disk answers %d %v", status, answer)
			}
		}
	}
	if !refused {
		t.Fatal("the disk never got full")
	}
	there := p.workspaces() // reads go on
	for name := range acknowledged {
		if !there[name] {
			t.Errorf("%s was acknowledged and is not there", name)
		}
	}
	if len(there) != len(acknowledged) {
		t.Errorf("%d workspaces are there of %d acknowledged", len(there), len(acknowledged))
	}
	out, err := exec.CommandContext(t.Context(), "keyway", "doctor", "--data", dir).Output()
	if err == nil || !strings.Contains(string(out), "failed   disk") || !strings.Contains(string(out), "failed   writing") {
		t.Errorf("doctor does not see the full disk: %v\n%s", err, out)
	}
	if !strings.Contains(p.logged(), "the disk is full") {
		t.Error("the log does not say that the disk is full")
	}
	if status, answer, err := p.call("/health", ""); err != nil || status != http.StatusServiceUnavailable ||
		!strings.Contains(fmt.Sprint(answer), "the disk is full") {
		t.Errorf("health on a full disk: %d %v %v", status, answer, err)
	}
	start := exec.CommandContext(t.Context(), "keyway", "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "second"))
	if text, err := start.CombinedOutput(); err == nil || !strings.Contains(string(text), "the disk is full") {
		t.Errorf("a start on a full disk: %v\n%s", err, text)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if status, answer, err := p.call("/workspaces/create", `{"name":"room again"}`); err != nil || status != http.StatusOK {
		t.Errorf("a write with room again answers %d %v %v", status, answer, err)
	}
}

// fillUp writes a file until the disk is full.
func fillUp(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	_ = f.Close()
	return nil
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 24<<20)
	p := newProcess(t, "--data", dir)
	p.kill()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--listen", "localhost:0"}, {"user", "list"}} {
		out, err := exec.CommandContext(t.Context(), "keyway", append(args, "--data", dir)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "cannot be written by this user") || strings.Contains(string(out), "goroutine") {
			t.Errorf("keyway %s on a read-only folder: %v\n%s", args[0], err, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), "keyway", "doctor", "--data", dir).Output()
	if err == nil || !strings.Contains(string(out), "make it writable") {
		t.Errorf("doctor does not see the read-only folder: %v\n%s", err, out)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	p.start()
	if there := p.workspaces(); !there["Harbour"] {
		t.Errorf("afterwards there are only %v", there)
	}
}

// memory is how many bytes of memory the process has.
func (p *process) memory() int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		p.t.Fatal(err)
	}
	return resident * os.Getpagesize()
}

func (p *process) dial() net.Conn {
	p.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Clients that send too much, too slowly or without end are cut off, and others do not notice.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "--data", t.TempDir())
	before := p.memory()

	// Two hundred clients that never end their headers.
	var slow []net.Conn
	for range 200 {
		c := p.dial()
		if _, err := io.WriteString(c, "POST /devices/list HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}

	t.Run("header of 10 MB", func(t *testing.T) {
		c := p.dial()
		go func() {
			_, _ = io.WriteString(c, "GET /health HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("a", 10<<20)+"\r\n\r\n") // cut off half-way
		}()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%v %v", res, err)
		}
	})
	for name, token := range map[string]string{"endless body": p.token, "endless body of a stranger": "nothing"} {
		t.Run(name, func(t *testing.T) {
			c := p.dial()
			sent := make(chan int, 1)
			go func() {
				_, _ = io.WriteString(c, "POST /workspaces/list HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+
					"\r\nTransfer-Encoding: chunked\r\n\r\n")
				chunk := "10000\r\n" + strings.Repeat(" ", 0x10000) + "\r\n"
				n := 0
				for ; n < 1<<30; n += 0x10000 {
					if _, err := io.WriteString(c, chunk); err != nil {
						break
					}
				}
				sent <- n
			}()
			want := http.StatusRequestEntityTooLarge
			if token == "nothing" {
				want = http.StatusUnauthorized
			}
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || res.StatusCode != want {
				t.Errorf("%v %v", res, err)
			}
			_ = c.Close()
			if n := <-sent; n > 64<<20 {
				t.Errorf("the server has taken %d MiB", n>>20)
			}
		})
	}

	// A good client is served all the while.
	start := time.Now()
	if there := p.workspaces(); !there["Harbour"] {
		t.Error("a good client sees nothing")
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("a good client waits %s", took)
	}
	for _, c := range slow {
		if n, err := io.Copy(io.Discard, c); err != nil {
			t.Fatalf("a slow client still has its connection after half a minute (%d bytes): %v", n, err)
		}
	}
	if after := p.memory(); after > before+128<<20 {
		t.Errorf("memory has grown from %d to %d MiB", before>>20, after>>20)
	}
}
