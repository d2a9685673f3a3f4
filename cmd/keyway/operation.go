package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
)

// An operation is what a command does to the data, by name. It runs in the process that has the database open: the
// command's own, or the server that it reaches by the control socket. Either way it is the same code, so nothing
// is ever stale.
type operation string

// A handler runs one operation. progress may be called with how much of the work is done.
type handler func(ctx context.Context, a *app, args json.RawMessage, by audit.Actor, progress func(done, of int)) (any, error)

// handle makes a handler of a method with typed arguments.
func handle[In any](f func(a *app, ctx context.Context, in In, by audit.Actor, progress func(done, of int)) (any, error)) handler {
	return func(ctx context.Context, a *app, args json.RawMessage, by audit.Actor, progress func(done, of int)) (any, error) {
		var in In
		if err := json.Unmarshal(args, &in); err != nil {
			return nil, err
		}
		return f(a, ctx, in, by, progress)
	}
}

// reply is one line of the control socket's answer.
type reply struct {
	Done, Of int             `json:",omitempty"`
	Result   json.RawMessage `json:",omitempty"`
	Error    *fault.Error    `json:",omitempty"`
	Failure  string          `json:",omitempty"` // an error that is not a fault
}

// socketName is the control socket's name in the data folder.
const socketName = "control.sock"

// perform runs an operation where the database is open and decodes its result into out.
func (g *globals) perform(ctx context.Context, o operation, args, out any, create bool) error {
	text, err := json.Marshal(args)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		a, err := openApp(ctx, appOptions{globals: *g, mustExist: !create,
			log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
		var held *store.HeldError
		switch {
		case err == nil:
			result, err := operations()[o](ctx, a, text, commandActor(), terminalProgress())
			if err := errors.Join(err, a.close()); err != nil {
				return err
			}
			return remarshal(result, out)
		case !errors.As(err, &held):
			return err
		}
		raw, err := g.overSocket(ctx, o, text)
		if err == nil {
			return json.Unmarshal(raw, out)
		}
		// The holder may be another command that ends soon, or a server that is still starting.
		if !errors.Is(err, errNoServer) || time.Now().After(deadline) {
			if errors.Is(err, errNoServer) {
				err = held
			}
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func remarshal(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// commandActor is who runs this command.
func commandActor() audit.Actor {
	name := fmt.Sprint("uid ", os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return audit.Actor{Kind: "command", OSUser: name}
}

var errNoServer = errors.New("no server answers on the control socket")

func (g *globals) overSocket(ctx context.Context, o operation, args []byte) (json.RawMessage, error) {
	path, cleanup, err := shortPath(filepath.Join(g.data, socketName))
	if err != nil {
		return nil, err
	}
	defer cleanup()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://keyway/"+string(o), bytes.NewReader(args))
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, errNoServer
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the running server does not know this command (%s); is it the same version?", o)
	}
	progress := terminalProgress()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r reply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, err
		}
		switch {
		case r.Error != nil:
			return nil, r.Error
		case r.Failure != "":
			return nil, errors.New(r.Failure)
		case r.Result != nil:
			return r.Result, nil
		}
		progress(r.Done, r.Of)
	}
	return nil, errors.Join(lines.Err(), errors.New("the server ended before the command was done"))
}

// terminalProgress shows how far long work has come, where a person is watching.
func terminalProgress() func(done, of int) {
	if !isTerminal(os.Stderr) {
		return func(int, int) {}
	}
	return func(done, of int) {
		fmt.Fprintf(os.Stderr, "\r%d of %d", done, of)
		if done >= of {
			fmt.Fprintln(os.Stderr)
		}
	}
}

// shortPath gives a path by which a socket can be reached although its own is longer than a
// socket's may be (about a hundred bytes): through a link in the temporary folder.
func shortPath(path string) (short string, cleanup func(), err error) {
	if len(path) < 100 {
		return path, func() {}, nil
	}
	dir, err := temporaryFolder("kw")
	if err != nil {
		return "", nil, err
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err == nil {
		err = os.Symlink(folder, filepath.Join(dir, "d"))
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return filepath.Join(dir, "d", filepath.Base(path)), func() { _ = os.RemoveAll(dir) }, nil
}

// listenControl opens the control socket: only this user can reach it, and the kernel says who
// is at the other end.
func listenControl(ctx context.Context, folder string) (net.Listener, error) {
	path := filepath.Join(folder, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err // the folder's lock is ours, so what is there is left over
	}
	short, cleanup, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	l, err := new(net.ListenConfig).Listen(ctx, "unix", short)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // its name may be gone with the link
	return l, os.Chmod(path, 0o600)
}

// controlHandler runs operations for commands beside the server.
func (a *app) controlHandler() http.Handler {
	mux := http.NewServeMux()
	for o, run := range operations() {
		mux.HandleFunc("POST /"+string(o), func(w http.ResponseWriter, r *http.Request) {
			say := func(line reply) {
				// A command that has gone away misses nothing: the operation is done or not.
				_ = errors.Join(json.NewEncoder(w).Encode(line), http.NewResponseController(w).Flush())
			}
			say(a.operate(r, o, run, func(done, of int) { say(reply{Done: done, Of: of}) }))
		})
	}
	return mux
}

// operate runs one operation for a command and gives the last line of its answer. A bug in it, or in what the
// command sent, fails this command only.
func (a *app) operate(r *http.Request, o operation, run handler, progress func(done, of int)) (last reply) {
	defer func() {
		if v := recover(); v != nil {
			a.Log.Error("command failed in a bug", "command", o, "error", fmt.Sprintf("%v\n%s", v, debug.Stack()))
			last = reply{Failure: "something went wrong in the server; its log says more"}
		}
	}()
	var args json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&args); err != nil {
		return reply{Failure: err.Error()}
	}
	result, err := run(r.Context(), a, args, audit.Actor{Kind: "command", OSUser: peerUser(r.Context())}, progress)
	var f *fault.Error
	if errors.As(err, &f) {
		return reply{Error: f}
	}
	var text []byte
	if err == nil {
		text, err = json.Marshal(result)
	}
	if err != nil {
		a.Log.Error("command failed", "command", o, "error", err)
		return reply{Failure: err.Error()}
	}
	return reply{Result: text}
}
