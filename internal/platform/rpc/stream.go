package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"keyway/internal/platform/fault"
)

const (
	maxStreams          = 2000             // open at once
	maxWorkspaceStreams = 100              // of one workspace, and as many by those who see a part of it
	maxPartStreams      = 10               // by one who sees a part
	beat                = 15 * time.Second // a quiet stream says that it lives, so that proxies leave it open
	look                = time.Second      // how long a credential that ends by time alone is believed
	patience            = 10 * time.Second // for a reader that does not take what it is sent
)

// Stream is a running answer, that of a streaming endpoint or of a page: server-sent events, for as long as the
// reader stays, its credential lives and the server runs. An error of the handler ends it; before
// the first Send or Wait it is answered as by any endpoint.
type Stream struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	check  func() (context.Context, error)
	beat   *time.Timer
	opened bool

	// LastEventID is what the reader says it has seen, empty for a new reader.
	LastEventID string
}

// StreamFunc makes a Handler of a function that sends events until it has to end.
func StreamFunc[In any](f func(context.Context, In, *Stream) error) Handler {
	return Handler{
		in:  schemaOf(reflect.TypeFor[In]()),
		out: reflect.TypeFor[OK](),
		stream: func(ctx context.Context, in reflect.Value, s *Stream) error {
			return f(ctx, in.Interface().(In), s)
		},
	}
}

// Check finds out anew who an endpoint's request acts for. Asked after reading and before sending, nothing is
// sent that was written after the credential's end.
func (s *Stream) Check() (context.Context, error) { return s.check() }

// Send sends one event; data is JSON on one line. A reader with this id in Last-Event-ID has it.
func (s *Stream) Send(id string, data []byte) error {
	return s.write(fmt.Sprintf("id: %s\ndata: %s\n\n", id, data))
}

// Wait returns when there may be something new: after changed got a value, and from time to time.
// Its error ends the stream.
func (s *Stream) Wait(ctx context.Context, changed <-chan struct{}) error {
	if !s.opened {
		if err := s.write("retry: 1000\n\n"); err != nil {
			return err
		}
	}
	t := time.NewTimer(look)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
		return nil
	case <-t.C:
		return nil
	case <-s.beat.C:
		return s.write(": alive\n\n")
	}
}

func (s *Stream) write(text string) error {
	if !s.opened {
		s.opened = true
		h := s.w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no")
		s.beat = time.NewTimer(beat)
	}
	s.beat.Reset(beat)
	if err := s.rc.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.rc.Flush()
}

// Streams counts the open streams of a server, bounds their number and can end them all.
type Streams struct {
	mu    sync.Mutex
	total int
	of    map[string]int
	ended chan struct{}
}

// NewStreams makes an empty count.
func NewStreams() *Streams {
	return &Streams{of: map[string]int{}, ended: make(chan struct{})}
}

// End ends all open streams, and every later one at once: without it a server that stops would wait
// for readers who stay for days.
func (o *Streams) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-o.ended:
	default:
		close(o.ended)
	}
}

// Streams are the open streams of the endpoints, for those of pages to be counted with them.
func (s *Server) Streams() *Streams { return s.open }

// Serve answers a request that is for no endpoint with a stream about a workspace, which lasts until
// f returns, the reader leaves or the server stops. It returns too_many_requests, or what f returns.
func (o *Streams) Serve(w http.ResponseWriter, r *http.Request, workspaceID string, f func(context.Context, *Stream) error) error {
	st := &Stream{w: w, rc: http.NewResponseController(w), LastEventID: r.Header.Get("Last-Event-ID")}
	return o.run(r.Context(), st, Caller{WorkspaceID: workspaceID}, func(ctx context.Context) error { return f(ctx, st) })
}

// run counts a stream while f serves it.
func (o *Streams) run(ctx context.Context, st *Stream, by Caller, f func(context.Context) error) error {
	if err := o.enter(by); err != nil {
		return err
	}
	defer o.leave(by)
	// The deadlines of the listener are for requests that end.
	if err := st.rc.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-o.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	return f(ctx)
}

// quotas are what a caller's stream counts for. Who sees a part of the workspace, like a frontend, which
// anybody may hold, takes nothing from those who see it whole.
func quotas(by Caller) map[string]int {
	if by.View == "" {
		return map[string]int{by.WorkspaceID: maxWorkspaceStreams}
	}
	return map[string]int{"parts of " + by.WorkspaceID: maxWorkspaceStreams, by.CredentialID: maxPartStreams}
}

func (o *Streams) enter(by Caller) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	full := o.total >= maxStreams
	for name, most := range quotas(by) {
		full = full || o.of[name] >= most
	}
	if full {
		e := fault.New(fault.TooManyRequests, "Too many streams are open")
		e.Data = map[string]any{"retry_after": 30}
		return e
	}
	o.total++
	for name := range quotas(by) {
		o.of[name]++
	}
	return nil
}

func (o *Streams) leave(by Caller) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.total--
	for name := range quotas(by) {
		if o.of[name]--; o.of[name] == 0 {
			delete(o.of, name)
		}
	}
}

// stream runs a streaming endpoint and gives the status it was answered with.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, rt *route, c *callState) (status, size int) {
	st := &Stream{w: w, rc: http.NewResponseController(w), LastEventID: r.Header.Get("Last-Event-ID")}
	err := s.runStream(st, r, rt, c)
	switch {
	case !st.opened && errors.Is(err, context.Canceled):
		return s.writeError(w, c, fault.New(fault.Unavailable, "The server is stopping"))
	case !st.opened:
		return s.writeError(w, c, err)
	}
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		// The last word, so that the reader knows not to come back with the same credential.
		text, err := json.Marshal(map[string]any{"type": f.Code, "message": f.Message})
		if err == nil {
			err = st.write("event: end\ndata: " + string(text) + "\n\n")
		}
		if err != nil {
			s.Log.Debug("a stream's reader left before its end", "request_id", c.id)
		}
	case err != nil && r.Context().Err() == nil && !errors.Is(err, context.Canceled):
		s.Log.Warn("a stream was cut off", "request_id", c.id, "error", err)
	}
	return http.StatusOK, 0
}

func (s *Server) runStream(st *Stream, r *http.Request, rt *route, c *callState) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.panics.Inc()
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	ctx, err := s.admit(st.w, r, rt, c)
	if err != nil {
		return err
	}
	in, err := s.decode(rt, c)
	if err != nil {
		return err
	}
	return s.open.run(ctx, st, c.caller, func(ctx context.Context) error {
		st.check = func() (context.Context, error) {
			again, _, err := s.Authenticator.Authenticate(ctx, r, rt.Endpoint)
			return again, err
		}
		return rt.Handle.stream(ctx, in, st)
	})
}
