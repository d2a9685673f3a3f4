package main

import (
	"bufio"
	"bytes"
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
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// process is a running server: ours or the bare one.
type process struct {
	name        string
	address     string
	cmd         *exec.Cmd
	log         *os.File
	firstAnswer time.Duration // after its start
	startCPU    time.Duration // until then
}

// stop ends the process in good order; a second call does nothing.
func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	cmd := p.cmd
	p.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := cmd.Wait()
	var ended *exec.ExitError
	if p.name == "bare" && errors.As(err, &ended) {
		return nil // it has nothing to put in order
	}
	return err
}

// clockTick is the unit of CPU time in /proc, the same on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpu is the CPU time that the process has used, in user and kernel mode.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The name, in brackets, may contain anything; utime and stime are fields 14 and 15 of the line.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * clockTick, err
}

// settle waits until the process has nothing left to do.
func (p *process) settle(ctx context.Context) error {
	before, err := p.cpu()
	for quiet := 0; quiet < 5 && err == nil && ctx.Err() == nil; quiet++ {
		sleep(ctx, 40*time.Millisecond)
		var now time.Duration
		if now, err = p.cpu(); now > before {
			quiet = -1
		}
		before = now
	}
	return errors.Join(err, ctx.Err())
}

func (p *process) residentKiB() (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return strconv.Atoi(number)
}

// folder is a data folder with one workspace and its devices.
type folder struct {
	b         *bench
	path      string
	devices   int
	workspace string
	token     string
	ids       []string
	codes     atomic.Uint64 // made so far
	locks     []string      // those of them that take access codes and open from afar
}

func (b *bench) newFolder(ctx context.Context, devices int) (*folder, error) {
	progress("making a workspace with %d devices", devices)
	path, err := os.MkdirTemp(b.folder, "data-")
	if err != nil {
		return nil, err
	}
	f := &folder{b: b, path: path, devices: devices}
	var made struct {
		WorkspaceID string `json:"workspace_id"`
		Token       string `json:"personal_access_token"`
	}
	if err := f.command(ctx, &made, "init", "--email", "bench@example.com", "--password-stdin", "--workspace", "Bench", "--sandbox", "--pat",
		"bench"); err != nil {
		return nil, err
	}
	f.workspace, f.token = made.WorkspaceID, made.Token
	return f, f.command(ctx, new(any), "sandbox", "fill", "--workspace", f.workspace, "--devices", strconv.Itoa(devices))
}

func (f *folder) command(ctx context.Context, out any, args ...string) error {
	cmd := exec.CommandContext(ctx, f.b.binary, append(args, "--data", f.path, "--json")...)
	cmd.Env = f.environment()
	cmd.Stdin = strings.NewReader("a password of a benchmark\n")
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("keyway %s: %w", args[0], err)
	}
	return json.Unmarshal(text, out)
}

// environment is ours without what would lead the server to another place.
func (f *folder) environment() (out []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "KEYWAY_") {
			out = append(out, e)
		}
	}
	return out
}

// serve starts the server as an operator would, its log in a file, and waits for the first answer
// to a real request.
func (f *folder) serve(ctx context.Context) (*process, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{name: "keyway", address: l.Addr().String()}
	if err := l.Close(); err != nil {
		return nil, err
	}
	// In append mode, so that the file can be emptied between rounds.
	if p.log, err = os.OpenFile(filepath.Join(f.path, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	p.cmd = exec.CommandContext(ctx, f.b.binary, "serve", "--data", f.path, "--listen", p.address)
	p.cmd.Env = f.environment()
	p.cmd.Stderr = p.log
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	request := f.list(20).request(nil)
	for {
		status, _, err := ask(ctx, p.address, request)
		if err == nil && status == http.StatusOK {
			p.firstAnswer = time.Since(began)
			p.startCPU, err = p.cpu()
			return p, err
		}
		if time.Since(began) > 10*time.Second || ctx.Err() != nil {
			return nil, errors.Join(fmt.Errorf("the server does not answer (status %d): %w", status, err), p.stop())
		}
		time.Sleep(time.Millisecond)
	}
}

// readIDs learns the ids of the devices, as a client would.
func (f *folder) readIDs(ctx context.Context, address string) error {
	cursor := ""
	for {
		body := `{"limit":500}`
		if cursor != "" {
			body = `{"limit":500,"page_cursor":"` + cursor + `"}`
		}
		_, text, err := ask(ctx, address, f.request("/devices/list", body))
		if err != nil {
			return err
		}
		var page struct {
			Devices []struct {
				ID          string `json:"device_id"`
				TakesCodes  bool   `json:"can_program_online_access_codes"`
				OpensRemote bool   `json:"can_remotely_unlock"`
				Errors      []any  `json:"errors"`
				Properties  struct {
					Constraints []struct {
						Type string `json:"constraint_type"`
					} `json:"code_constraints"`
				} `json:"properties"`
			} `json:"devices"`
			Pagination struct {
				Next string `json:"next_page_cursor"`
			} `json:"pagination"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return err
		}
		for _, d := range page.Devices {
			f.ids = append(f.ids, d.ID)
			early := false // it takes only codes that begin later
			for _, c := range d.Properties.Constraints {
				early = early || c.Type == "start_date_in_future"
			}
			if d.TakesCodes && d.OpensRemote && len(d.Errors) == 0 && !early {
				f.locks = append(f.locks, d.ID)
			}
		}
		if cursor = page.Pagination.Next; cursor == "" {
			break
		}
	}
	if len(f.ids) != f.devices {
		return fmt.Errorf("the server lists %d of %d devices", len(f.ids), f.devices)
	}
	return nil
}

// ask sends one request on a connection of its own.
func ask(ctx context.Context, address string, request []byte) (status int, body []byte, err error) {
	c, err := dial(ctx, address)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = c.Close() }()
	if err := c.send(request); err != nil {
		return 0, nil, err
	}
	return c.receive()
}

// bareMode is the first argument that makes this program the bare server.
const bareMode = "bare-handler"

// startBare starts the server to compare with: nothing but net/http, which reads the request and
// answers with as many bytes as ours does.
func (b *bench) startBare(ctx context.Context, path string, size int) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: "bare", cmd: exec.CommandContext(ctx, self, bareMode, path, strconv.Itoa(size))}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	p.address = strings.TrimSpace(address)
	return p, err
}

func serveBare(args []string) error {
	if len(args) != 2 {
		return errors.New("the bare server needs a path and the size of its answers")
	}
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	answer := bytes.Repeat([]byte("x"), size)
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.URL.Path != args[0] {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(size))
		w.Write(answer)
	})}
	return server.Serve(l)
}
