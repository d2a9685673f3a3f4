package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Load is what one kind of request costs one server.
type Load struct {
	Name      string  `json:"name"`
	Server    string  `json:"server"`
	Micros    float64 `json:"cpu_us_per_request"`
	Least     float64 `json:"cpu_us_least"`
	Most      float64 `json:"cpu_us_most"`
	PerSecond float64 `json:"requests_per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Requests  int     `json:"requests"`
	Bytes     int     `json:"answer_bytes"`
}

// work is a kind of request.
type work struct {
	name    string
	path    string
	differ  bool // no two requests are alike, so that no answer can be a remembered one
	alone   bool // over one connection, whatever the number of the others
	beside  bool // others keep the server busy meanwhile
	request func(r *rand.Rand) []byte
	follow  func(answer []byte) (next []byte) // what to ask after an answer before the request counts as done; nil: nothing
	sent    atomic.Uint64
	limit   int // of requests; 0: none
}

const (
	nameGet    = "/devices/get"
	nameUpdate = "/devices/update name, durable"
)

func (f *folder) request(path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nSeam-Workspace: %s\r\nUser-Agent: "+
		"keyway-bench\r\n"+
		"Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, f.token, f.workspace, len(body), body)
}

func (f *folder) get() *work {
	w := &work{name: nameGet, path: "/devices/get"}
	w.request = func(r *rand.Rand) []byte {
		return f.request(w.path, `{"device_id":"`+f.ids[r.IntN(len(f.ids))]+`"}`+w.unlike())
	}
	return w
}

func (f *folder) list(limit int) *work {
	w := &work{name: fmt.Sprintf("/devices/list limit %d", limit), path: "/devices/list"}
	w.request = func(*rand.Rand) []byte { return f.request(w.path, fmt.Sprintf(`{"limit":%d}`, limit)+w.unlike()) }
	return w
}

// all asks for every device once.
func (f *folder) all() *work {
	w := &work{path: "/devices/get", limit: len(f.ids)}
	w.request = func(*rand.Rand) []byte {
		return f.request(w.path, `{"device_id":"`+f.ids[int(w.sent.Add(1)-1)%len(f.ids)]+`"}`)
	}
	return w
}

// update gives a random device a name that none had before.
func (f *folder) update() *work {
	w := &work{name: nameUpdate, path: "/devices/update"}
	w.request = func(r *rand.Rand) []byte {
		return f.request(w.path, fmt.Sprintf(`{"device_id":"%s","name":"Door %d"}`, f.ids[r.IntN(len(f.ids))], w.sent.Add(1)))
	}
	return w
}

// fromDatabase makes all requests differ.
func (w *work) fromDatabase(devices int) *work {
	w.differ, w.name = true, fmt.Sprintf("%s, from the database, of %d", w.name, devices)
	return w
}

// unlike makes a body differ from all others by white space, which means nothing to the server.
func (w *work) unlike() string {
	if !w.differ {
		return ""
	}
	b := make([]byte, 24)
	n := w.sent.Add(1)
	for i := range b {
		b[i] = " \t"[n>>i&1]
	}
	return string(b)
}

// answerSize is the usual size of the answer.
func (w *work) answerSize(ctx context.Context, address string) (int, error) {
	r := rand.New(rand.NewPCG(1, 1))
	var sizes []int
	for range 101 {
		status, body, err := ask(ctx, address, w.request(r))
		if err != nil || status != http.StatusOK {
			return 0, errors.Join(fmt.Errorf("%s: status %d: %.300s", w.path, status, body), err)
		}
		sizes = append(sizes, len(body))
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2], nil
}

// measure measures one server alone, in half the time.
func (b *bench) measure(ctx context.Context, w *work, s *process) (Load, error) {
	loads, err := b.inTurns(ctx, b.round/2, turn{w, s})
	if err != nil {
		return Load{}, err
	}
	return loads[0], nil
}

// turn is a kind of request to a server.
type turn struct {
	*work
	server *process
}

func (b *bench) inTurns(ctx context.Context, length time.Duration, turns ...turn) (loads []Load, err error) {
	rounds := make([][]round, len(turns))
	for _, t := range turns {
		progress("%s on %s", t.name, t.server.name)
	}
	for i := range b.rounds + 1 { // the first to warm up
		for k, t := range turns {
			r, err := b.oneRound(ctx, t.work, t.server, length)
			if err != nil {
				return nil, fmt.Errorf("%s on %s: %w", t.name, t.server.name, err)
			}
			if i > 0 {
				rounds[k] = append(rounds[k], r)
			}
		}
	}
	for k, t := range turns {
		loads = append(loads, summary(t.name, t.server.name, rounds[k]))
	}
	b.report.Loads = append(b.report.Loads, loads...)
	return loads, nil
}

// round is what one server did in one round.
type round struct {
	cpu    time.Duration
	took   time.Duration
	each   []time.Duration
	answer int
}

func summary(name, server string, rounds []round) Load {
	var micros, perSecond []float64
	var each []time.Duration
	l := Load{Name: name, Server: server}
	for _, r := range rounds {
		micros = append(micros, float64(r.cpu.Microseconds())/float64(len(r.each)))
		perSecond = append(perSecond, float64(len(r.each))/r.took.Seconds())
		each = append(each, r.each...)
		l.Bytes = r.answer
	}
	slices.Sort(each)
	at := func(part float64) float64 {
		return float64(each[int(part*float64(len(each)-1))].Microseconds()) / 1000
	}
	l.Micros, l.PerSecond, l.Requests = median(micros), median(perSecond), len(each)
	l.Least, l.Most = slices.Min(micros), slices.Max(micros)
	l.P50, l.P99 = at(0.5), at(0.99)
	return l
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// oneRound loads a server for a while over connections that stay open.
func (b *bench) oneRound(ctx context.Context, w *work, s *process, length time.Duration) (r round, err error) {
	if s.log != nil {
		defer func() { err = errors.Join(err, s.log.Truncate(0)) }()
	}
	n := b.connections
	if w.alone {
		n = 1
	}
	clients, err := connect(ctx, s.address, n)
	if err != nil {
		return r, err
	}
	before, err := s.cpu()
	if err != nil {
		return r, err
	}
	began := time.Now()
	err = each(clients, func(c *client) error { return c.load(w, began.Add(length)) })
	r.took = time.Since(began)
	if !w.beside {
		err = errors.Join(err, s.settle(ctx)) // what it still has to do for these requests is part of their cost
	}
	after, cpuErr := s.cpu()
	for _, c := range clients {
		r.each = append(r.each, c.took...)
		r.answer = c.size
	}
	r.cpu = after - before
	return r, errors.Join(err, cpuErr, ctx.Err())
}

// once sends as many requests as the work has, with nothing measured.
func (w *work) once(ctx context.Context, address string, connections int) error {
	clients, err := connect(ctx, address, connections)
	if err != nil {
		return err
	}
	return each(clients, func(c *client) error {
		for int(w.sent.Load()) < w.limit {
			if err := c.one(w); err != nil {
				return err
			}
		}
		return nil
	})
}

// pace sends one request after another at a steady pace until ctx ends.
func (w *work) pace(ctx context.Context, address string, every time.Duration) error {
	clients, err := connect(ctx, address, 1)
	if err != nil {
		return err
	}
	defer func() { _ = clients[0].Close() }() // every answer was read
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if err := clients[0].one(w); err != nil {
				return err
			}
		}
	}
}

func connect(ctx context.Context, address string, n int) ([]*client, error) {
	clients := make([]*client, n)
	for i := range clients {
		c, err := dial(ctx, address)
		if err != nil {
			return nil, err
		}
		clients[i] = c
	}
	return clients, nil
}

// each runs f for all clients at once, and closes them.
func each(clients []*client, f func(*client) error) error {
	var all sync.WaitGroup
	errs := make([]error, len(clients))
	for i, c := range clients {
		all.Go(func() { errs[i] = errors.Join(f(c), c.Close()) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// client is one connection. It is a client of its own and not net/http's, which would take more
// of the shared cores than the servers do.
type client struct {
	net.Conn
	in   *bufio.Reader
	rand *rand.Rand
	took []time.Duration
	size int
	body []byte
}

func dial(ctx context.Context, address string) (*client, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{Conn: c, in: bufio.NewReaderSize(c, 64<<10), rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}, nil
}

func (c *client) load(w *work, until time.Time) error {
	for {
		began := time.Now()
		if began.After(until) {
			return nil
		}
		if err := c.one(w); err != nil {
			return err
		}
		c.took = append(c.took, time.Since(began))
	}
}

func (c *client) one(w *work) error {
	body, err := c.ask(w.request(c.rand))
	if err != nil {
		return err
	}
	c.size = len(body)
	if w.follow != nil {
		for next := w.follow(body); next != nil; next = w.follow(body) {
			time.Sleep(pollEvery)
			if body, err = c.ask(next); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask sends a request and gives the answer to it, which is good until the next.
func (c *client) ask(request []byte) ([]byte, error) {
	if err := c.send(request); err != nil {
		return nil, err
	}
	status, body, err := c.receive()
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %.300s", status, body)
	}
	return body, err
}

func (c *client) send(request []byte) error {
	_, err := c.Write(request)
	return err
}

var contentLength = []byte("Content-Length: ")

// receive reads one answer; body is good until the next.
func (c *client) receive() (status int, body []byte, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first && len(line) >= 12:
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, nil, err
			}
		case len(line) == 0:
			if length < 0 {
				return status, nil, errors.New("an answer without a length")
			}
			c.body = slices.Grow(c.body[:0], length)[:length]
			_, err := io.ReadFull(c.in, c.body)
			return status, c.body, err
		case bytes.HasPrefix(line, contentLength):
			if length, err = strconv.Atoi(string(line[len(contentLength):])); err != nil {
				return status, nil, err
			}
		}
	}
}
