package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"time"

	"keyway/internal/platform/fault"
)

const (
	maxStreams          = 2000             // open at once
	maxWorkspaceStreams = 100              // of one workspace, and as many by those who see a part of it
	maxPartStreams      = 10               // by one who sees a part
	beat                = 15 * time.Second // a quiet stream says that it is active, so that proxies leave it open
	look                = time.Second      // how long a credential that ends by time alone is believed
	writeTimeout        = 10 * time.Second // for a reader that does not take what it is sent
)

// Stream is a running answer, that of a streaming endpoint or of a page: server-sent events, for as long as the
// reader stays, its credential is active and the server runs. An error of the handler ends it; before
// the first Send or Wait it is answered as by any endpoint.
type Stream struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	check  func() (context.Context, error)
	beat   *time.Timer
	opened bool

	// LastEventID is what the reader says it has seen, empty for a new reader.
	LastEventID string
	// ExpiresAt is when the caller's credential expires; zero: never, or not known.
	ExpiresAt time.Time
}

// StreamFunc makes a Handler from a function that sends events until it has to end.
func StreamFunc[In any](f func(context.Context, In, *Stream) error) Handler {
	return Handler{
		in:  schemaOf(reflect.TypeFor[In]()),
		out: reflect.TypeFor[OK](),
		stream: func(ctx context.Context, in reflect.Value, s *Stream) error {
			return f(ctx, in.Interface().(In), s)
		},
	}
}

// Check determines again who an endpoint's request acts for. Asked after reading and before sending, nothing is
// sent that was written after the credential's end.
func (s *Stream) Check() (context.Context, error) { return s.check() }

// Send sends one event; data is JSON on one line. A reader with this id in Last-Event-ID has it.
func (s *Stream) Send(id string, data []byte) error {
	return s.write(fmt.Sprintf("id: %s\ndata: %s\n\n", id, data))
}

// Wait returns when there may be something new: after changed got a value, and from time to time.
// Its error ends the stream.
func (s *Stream) Wait(ctx context.Context, changed <-chan struct{}) error {
	_, err := s.WaitChanged(ctx, changed)
	return err
}

// WaitChanged is Wait that says whether changed got a value: without one, only time has passed.
func (s *Stream) WaitChanged(ctx context.Context, changed <-chan struct{}) (bool, error) {
	if !s.opened {
		if err := s.write("retry: 1000\n\n"); err != nil {
			return false, err
		}
	}
	t := time.NewTimer(look)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-changed:
		return true, nil
	case <-t.C:
		return false, nil
	case <-s.beat.C:
		return false, s.write(": alive\n\n")
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
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.rc.Flush()
}

// Streams counts the open streams of a server, bounds their number and can end them all. Where a bound is reached,
// the caller with the most gives way to one with fewer, so that no one can keep the others out.
type Streams struct {
	mu    sync.Mutex
	open  map[*openStream]bool
	total map[string]int // by quota
	of    map[share]int
	next  uint64
	ended chan struct{}
}

// openStream is one that is counted.
type openStream struct {
	shares []share
	number uint64 // in the order of their beginning
	end    context.CancelCauseFunc
}

// share is what a stream takes: of which quota, and as whose part of it.
type share struct{ quota, who string }

// NewStreams makes an empty count.
func NewStreams() *Streams {
	return &Streams{open: map[*openStream]bool{}, total: map[string]int{}, of: map[share]int{}, ended: make(chan struct{})}
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

// Serve answers a request that is for no endpoint with a stream about the caller's workspace, which lasts until f
// returns, the reader leaves, another caller needs the place or the server stops. It returns too_many_requests, or
// what f returns.
func (o *Streams) Serve(w http.ResponseWriter, r *http.Request, by Caller, f func(context.Context, *Stream) error) error {
	st := &Stream{w: w, rc: http.NewResponseController(w), LastEventID: CanonicalID(r.Header.Get("Last-Event-ID"))}
	err := o.run(r.Context(), st, by, func(ctx context.Context) error { return f(ctx, st) })
	if st.opened && fault.Is(err, fault.TooManyRequests) {
		return nil // it gave way; its reader reconnects
	}
	return err
}

// run counts a stream while f serves it.
func (o *Streams) run(ctx context.Context, st *Stream, by Caller, f func(context.Context) error) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	entered, err := o.enter(by, end)
	if err != nil {
		return err
	}
	defer o.leave(entered)
	// The deadlines of the listener are for requests that end.
	if err := st.rc.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	go func() {
		select {
		case <-o.ended:
			end(nil)
		case <-ctx.Done():
		}
	}()
	err = f(ctx)
	var gaveWay *fault.Error
	if errors.As(context.Cause(ctx), &gaveWay) {
		return gaveWay
	}
	return err
}

// shares are what a caller's stream takes, with the size of each quota. A caller that sees a part of the workspace, like a
// frontend, which anyone may run, takes nothing from those that see all of it.
func shares(by Caller) (of []share, sizes []int) {
	if by.View != "" {
		return []share{{"all", "parts of " + by.WorkspaceID}, {"parts of " + by.WorkspaceID, by.CredentialID},
				{"session " + by.CredentialID, ""}},
			[]int{maxStreams, maxWorkspaceStreams, maxPartStreams}
	}
	who := by.PersonID // with all their workspaces
	if who == "" {
		who = "workspace " + by.WorkspaceID
	}
	return []share{{"all", who}, {"workspace " + by.WorkspaceID, who}}, []int{maxStreams, maxWorkspaceStreams}
}

// enter counts a stream. It returns too_many_requests where a quota is full and the caller has as much of it as
// others.
func (o *Streams) enter(by Caller, end context.CancelCauseFunc) (*openStream, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	of, sizes := shares(by)
	var yielding []*openStream
	for i, mine := range of {
		if o.total[mine.quota] < sizes[i] {
			continue
		}
		y := o.heaviest(i, mine)
		if y == nil {
			return nil, tooManyStreams("Too many streams are open")
		}
		yielding = append(yielding, y)
	}
	for _, y := range yielding {
		o.forget(y)
		y.end(tooManyStreams("Others need the place of this stream, because you have the most of them"))
	}
	o.next++
	s := &openStream{of, o.next, end}
	o.open[s] = true
	for _, sh := range of {
		o.total[sh.quota]++
		o.of[sh]++
	}
	return s, nil
}

func tooManyStreams(message string) error {
	e := fault.New(fault.TooManyRequests, "%s", message)
	e.Data = map[string]any{"retry_after": 30}
	return e
}

// heaviest is the stream that gives way in a full quota, the i-th of a stream's: the latest of whichever has the most. nil:
// none has more than the caller would have then, and the two would only take each other's place in turn.
func (o *Streams) heaviest(i int, mine share) (yields *openStream) {
	most := o.of[mine] + 2
	for s := range o.open {
		if i >= len(s.shares) || s.shares[i].quota != mine.quota {
			continue
		}
		if n := o.of[s.shares[i]]; n > most || n == most && (yields == nil || s.number > yields.number) {
			most, yields = n, s
		}
	}
	return yields
}

func (o *Streams) leave(s *openStream) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget(s)
}

// forget counts a stream no longer; o.mu is held.
func (o *Streams) forget(s *openStream) {
	if !o.open[s] {
		return // it gave way
	}
	delete(o.open, s)
	for _, sh := range s.shares {
		if o.total[sh.quota]--; o.total[sh.quota] == 0 {
			delete(o.total, sh.quota)
		}
		if o.of[sh]--; o.of[sh] == 0 {
			delete(o.of, sh)
		}
	}
}

// stream runs a streaming endpoint and returns the status it was answered with.
func (s *Server) stream(r *http.Request, rt *route, c *callState) (status, size int) {
	st := &Stream{w: &c.w, rc: http.NewResponseController(&c.w), LastEventID: CanonicalID(r.Header.Get("Last-Event-ID"))}
	err := s.runStream(st, r, rt, c)
	switch {
	case !st.opened && errors.Is(err, context.Canceled):
		return s.writeError(c, fault.New(fault.Unavailable, "The server is stopping"))
	case !st.opened:
		return s.writeError(c, err)
	}
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		// The last word, so that the reader does not reconnect with the same credential.
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

func (s *Server) runStream(st *Stream, r *http.Request, rt *route, c *callState) error {
	ctx, err := s.admit(r, rt, c)
	if err != nil {
		return err
	}
	if c.in, err = s.decode(rt, c); err != nil {
		return err
	}
	st.ExpiresAt = c.caller.ExpiresAt
	return s.open.run(ctx, st, c.caller, func(ctx context.Context) error {
		st.check = func() (context.Context, error) {
			again, _, err := s.Authenticator.Authenticate(ctx, r, rt.Endpoint)
			return again, err
		}
		return rt.Handle.stream(ctx, c.in, st)
	})
}
