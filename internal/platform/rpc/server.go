package rpc

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/platform/fault"
)

// maxBody bounds a request's body.
const maxBody = 1 << 20

// Caller is what the machine itself knows about the caller; the full identity is in the context
// that Authenticate returns.
type Caller struct {
	WorkspaceID  string    // empty where the request is about no workspace
	CredentialID string    // for the log; known as soon as possession of the secret is proved
	PersonID     string    // whose credential it is; empty: the workspace's
	ExpiresAt    time.Time // of the credential; zero: never, or not known

	// Generation is the workspace's, read at or after the request's arrival. Known says that it
	// is; without it nothing is served from the cache.
	Generation uint64
	Known      bool
	// View distinguishes callers who see different things in the same workspace.
	View string
}

// Authenticator finds out who calls. It returns a *fault.Error to refuse, with as much of the
// Caller as has been proved.
type Authenticator interface {
	Authenticate(ctx context.Context, r *http.Request, e *Endpoint) (context.Context, Caller, error)
}

// Config is what a Server needs.
type Config struct {
	Authenticator Authenticator
	Log           *slog.Logger
	Metrics       prometheus.Registerer
	PublicURL     string // without a slash at the end
	CacheBytes    uint64 // 0: no cache
	// Unavailable reports whether an error means that the database cannot be read or written now, which
	// is answered with 503 and not taken for a bug.
	Unavailable func(error) bool
	// Refused is notified of each 401 and 403 to a credential that had proved possession of its secret;
	// nil: no notifications.
	Refused func(Refusal)
	// Client is the address a request came from, with trusted proxies taken into account.
	Client func(*http.Request) string
	// Track returns a context for a handler, and afterwards reports whether anything was stored with it or may
	// have been. A handler that fails then is answered with outcome_unknown, which clients do not repeat.
	Track func(context.Context) (tracked context.Context, changed func() bool)
}

// Refusal is a request that was refused although its credential had proved possession of its secret.
type Refusal struct {
	RequestID, CredentialID, WorkspaceID, Endpoint, Address string
	Error                                                   *fault.Error
}

// Server serves the endpoints of a table.
type Server struct {
	Config
	routes  map[string]*route
	open    *Streams
	cache   *otter.Cache[string, []byte]
	panics  prometheus.Counter
	seconds *prometheus.HistogramVec
	total   *prometheus.CounterVec
	unknown *prometheus.CounterVec
	refused *prometheus.CounterVec
}

type route struct {
	*Endpoint
	verbs   []string
	allow   string // value of the Allow header
	seconds prometheus.Observer
	totals  sync.Map // status -> prometheus.Counter
}

// New checks the rows and makes a server of them. Equal paths, an empty policy, a row without a
// role or scope, or an input that a GET cannot carry are errors of the table.
func New(c Config, tables ...[]Endpoint) (*Server, error) {
	s := &Server{Config: c, routes: map[string]*route{}, open: NewStreams()}
	s.panics = prometheus.NewCounter(prometheus.CounterOpts{Name: "keyway_panics_total", Help: "Requests that ended in a bug."})
	s.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "keyway_request_duration_seconds",
		Help:    "Time from a request's arrival to its answer.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"path"})
	s.total = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_requests_total", Help: "Answered requests."},
		[]string{"path", "status"})
	s.unknown = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_unknown_parameters_total",
		Help: "Parameters that were sent and that the endpoint does not have."}, []string{"path"})
	s.refused = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_refused_total",
		Help: "Requests refused before any endpoint saw them."}, []string{"why"})
	for _, m := range []prometheus.Collector{s.panics, s.seconds, s.total, s.unknown, s.refused} {
		if err := c.Metrics.Register(m); err != nil {
			return nil, err
		}
	}
	for _, table := range tables {
		for i := range table {
			e := &table[i]
			if e.Allow&APIKey != 0 {
				e.Allow |= WorkspaceKey // it stands in for an API key in programs that take nothing else
			}
			if err := e.check(); err != nil {
				return nil, err
			}
			if s.routes[e.Path] != nil {
				return nil, fmt.Errorf("%s: two rows", e.Path)
			}
			s.routes[e.Path] = &route{Endpoint: e, verbs: e.methods(), allow: strings.Join(e.methods(), ", "),
				seconds: s.seconds.WithLabelValues(e.Path)}
		}
	}
	if c.CacheBytes > 0 {
		cache, err := otter.New(&otter.Options[string, []byte]{
			MaximumWeight: c.CacheBytes,
			Weigher:       func(k string, v []byte) uint32 { return uint32(len(k) + len(v) + 128) },
		})
		if err != nil {
			return nil, err
		}
		s.cache = cache
	}
	return s, nil
}

// Endpoints lists the rows by path.
func (s *Server) Endpoints() []*Endpoint {
	var out []*Endpoint
	for _, r := range s.routes {
		out = append(out, r.Endpoint)
	}
	slices.SortFunc(out, func(a, b *Endpoint) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// Has reports whether a path is an endpoint's.
func (s *Server) Has(path string) bool { return s.routes[path] != nil }

// callState is what a running request knows of itself.
type callState struct {
	id       string
	w        responseWriter
	endpoint *Endpoint // nil for an unknown path
	caller   Caller
	method   string
	query    string // raw
	inQuery  bool   // the parameters are in the query; otherwise they are in the body
	body     []byte
	in       reflect.Value // the decoded input
	client   Client
	changed  func() bool // whether anything was stored or may have been; nil before the endpoint is called
}

// responseWriter knows whether an answer was begun.
type responseWriter struct {
	http.ResponseWriter
	begun bool
}

func (w *responseWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Client is where a request came from.
type Client struct{ Address, UserAgent string }

// ClientOf is where the running request came from.
func ClientOf(ctx context.Context) Client { return call(ctx).client }

// Method is the verb of the running request, for the few endpoints whose verbs differ in meaning.
func Method(ctx context.Context) string { return call(ctx).method }

type callKey struct{}

func call(ctx context.Context) *callState { return ctx.Value(callKey{}).(*callState) }

// RequestID is the id that the running request is answered and logged with.
func RequestID(ctx context.Context) string {
	if c, ok := ctx.Value(callKey{}).(*callState); ok {
		return c.id
	}
	return ""
}

// NewRequestID makes an id for a request that is not an endpoint's.
func NewRequestID() string {
	b := make([]byte, 0, 40)
	b = append(b, "request_"...)
	for range 2 {
		h := strconv.FormatUint(rand.Uint64(), 16)
		b = append(append(b, "0000000000000000"[len(h):]...), h...)
	}
	return string(b)
}

// ServeHTTP answers one request: route and verb, credential, decoding and validation, endpoint. If anything panics on the
// way, there is still an answer, a line in the log and a count.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	c := &callState{id: NewRequestID(), w: responseWriter{ResponseWriter: w}, method: r.Method, query: r.URL.RawQuery}
	rt := s.routes[r.URL.Path]
	var status, size int
	defer func() {
		v := recover()
		aborted := v == any(http.ErrAbortHandler)
		if v != nil && !aborted {
			status, size = s.rescue(c, v)
		}
		s.finish(r, rt, c, status, size, time.Since(start))
		if v != nil && (aborted || size < 0) {
			panic(http.ErrAbortHandler) // the client sees that the answer is not whole
		}
	}()
	status, size = s.serve(r, rt, c)
}

// rescue answers a request that panicked. Its size is -1 where an answer was begun already.
func (s *Server) rescue(c *callState, v any) (status, size int) {
	s.panics.Inc()
	err := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	if c.w.begun {
		s.Log.Error("request failed", "request_id", c.id, "error", err)
		return http.StatusInternalServerError, -1
	}
	defer func() {
		if recover() != nil { // in the writer of errors itself
			status, size = http.StatusInternalServerError, -1
			if !c.w.begun {
				size = writeBody(&c.w, http.StatusInternalServerError, jsonType, internalAnswer)
			}
		}
	}()
	return s.writeError(c, err)
}

// internalAnswer is the last resort: nothing has to be made for it.
var internalAnswer = []byte(`{"error":{"type":"internal_error","message":"Something went wrong on the server"},"ok":false}`)

// finish counts and logs a request.
func (s *Server) finish(r *http.Request, rt *route, c *callState, status, size int, took time.Duration) {
	if rt != nil && r.Method != http.MethodOptions {
		if rt.Handle.stream == nil {
			rt.seconds.Observe(took.Seconds())
		}
		rt.count(s.total, status)
	}
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("method", r.Method), slog.String("path", logPath(rt)), slog.Int("status", status),
		slog.Duration("took", took), slog.Int("bytes", max(size, 0)), slog.String("request_id", c.id),
		slog.String("workspace_id", c.caller.WorkspaceID), slog.String("credential_id", c.caller.CredentialID),
		slog.String("address", c.client.Address))
}

// serve answers a request and returns the answer's status and size.
func (s *Server) serve(r *http.Request, rt *route, c *callState) (status, size int) {
	h := c.w.Header()
	h.Set("Seam-Request-Id", c.id)
	h["Cache-Control"] = noStore
	c.client = Client{s.Client(r), r.UserAgent()}
	cors(h, r)
	switch {
	case r.Method == http.MethodOptions: // for unknown paths too, so that a page can read that they are unknown
		c.w.WriteHeader(http.StatusNoContent)
		return http.StatusNoContent, 0
	case rt == nil:
		s.refused.WithLabelValues("unknown_path").Inc()
		return s.writeError(c, fault.New(fault.NotFound, "There is no such endpoint"))
	}
	c.endpoint = rt.Endpoint
	if rt.Handle.stream != nil {
		return s.stream(r, rt, c)
	}
	if r.Method == http.MethodHead && rt.Read {
		c.method = http.MethodGet // net/http leaves out the body
	}
	body, err := s.answer(r, rt, c)
	if err != nil {
		return s.writeError(c, err)
	}
	switch rt.Handle.out {
	case noContentType:
		c.w.WriteHeader(http.StatusNoContent)
		return http.StatusNoContent, 0
	case acceptedType:
		status = http.StatusAccepted
	default:
		status = http.StatusOK
	}
	return status, s.write(r, rt, c, status, body)
}

// write sends the body of a success, compressed where the client accepts that, it is worthwhile and it reveals no secret.
func (s *Server) write(r *http.Request, rt *route, c *callState, status int, body answerBody) int {
	if rt.Secret {
		return writeBody(&c.w, status, jsonType, body.plain)
	}
	h := c.w.Header()
	h.Add("Vary", "Accept-Encoding")
	if len(body.plain) < minCompressed || !acceptsGzip(r.Header) {
		return writeBody(&c.w, status, jsonType, body.plain)
	}
	compressed := body.compressed(s.cache)
	h["Content-Encoding"] = gzipEncoding
	return writeBody(&c.w, status, jsonType, compressed)
}

func writeBody(w http.ResponseWriter, status int, contentType []string, body []byte) int {
	w.Header()["Content-Type"] = contentType
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a reader that is gone has lost nothing else
	return len(body)
}

var (
	noContentType = reflect.TypeFor[NoContent]()
	acceptedType  = reflect.TypeFor[Accepted]()
)

var jsonType = []string{"application/json; charset=utf-8"}

// noStore keeps answers, with the tokens and codes in them, out of caches: one on the way knows that an
// answer to Authorization is not for others, but not that one to a header of the API's own is not.
var noStore = []string{"no-store"}

// logPath keeps whatever a client put into an unknown path (a token, say) out of the log.
func logPath(rt *route) string {
	if rt == nil {
		return "(unknown)"
	}
	return rt.Path
}

func (rt *route) count(total *prometheus.CounterVec, status int) {
	c, ok := rt.totals.Load(status)
	if !ok {
		c, _ = rt.totals.LoadOrStore(status, total.WithLabelValues(rt.Path, strconv.Itoa(status)))
	}
	c.(prometheus.Counter).Inc()
}

// answer returns the body of a success, or the error to answer with.
func (s *Server) answer(r *http.Request, rt *route, c *callState) (body answerBody, err error) {
	ctx, err := s.admit(r, rt, c)
	if err != nil {
		return body, err
	}
	if rt.Cache && s.cache != nil && c.caller.Known && len(c.body)+len(c.query) <= maxCacheKey {
		body.key = c.cacheKey()
		if plain, ok := s.cache.GetIfPresent(body.key); ok {
			body.plain = plain
			return body, nil
		}
	}
	if c.in, err = s.decode(rt, c); err != nil {
		return body, err
	}
	if s.Track != nil && !rt.Read {
		ctx, c.changed = s.Track(ctx)
	}
	out, err := rt.Handle.call(ctx, c.in)
	if err != nil {
		return body, err
	}
	body.plain, err = s.encode(rt.Endpoint, c, out)
	if err == nil && body.key != "" {
		s.cache.Set(body.key, body.plain)
	}
	return body, err
}

// maxCacheKey bounds the parameters of an answer that is kept: unknown ones are part of them.
const maxCacheKey = 4 << 10

// admit checks verb and credential, or the pace of a public endpoint, and reads the body.
func (s *Server) admit(r *http.Request, rt *route, c *callState) (ctx context.Context, err error) {
	if !slices.Contains(rt.verbs, c.method) {
		c.w.Header().Set("Allow", rt.allow)
		return nil, fault.New(fault.MethodNotAllowed, "only %s accepted", strings.ReplaceAll(rt.allow, ", ", ","))
	}
	ctx = context.WithValue(r.Context(), callKey{}, c)
	if rt.Allow != Public {
		ctx, c.caller, err = s.Authenticator.Authenticate(ctx, r, rt.Endpoint)
		if t := c.caller.ExpiresAt; !t.IsZero() {
			c.w.Header().Set("Seam-Token-Expires-At", t.UTC().Format(TimeForm))
		}
	} else if rt.Pace != nil {
		err = rt.Pace(c.client.Address)
	}
	if err != nil {
		return nil, err
	}
	if c.body, err = readBody(&c.w, r); err != nil {
		return nil, err
	}
	c.inQuery = (c.method == http.MethodGet || c.method == http.MethodDelete) && c.query != ""
	return ctx, c.checkQuery()
}

// checkQuery refuses parameters in a place where they would be silently ignored.
func (c *callState) checkQuery() error {
	if c.query == "" {
		return nil
	}
	q, err := url.ParseQuery(c.query)
	if !c.inQuery {
		if q.Has("page_cursor") {
			return fault.Invalid("page_cursor", "In the query of a %s parameters are not read: send it in the body, or send a GET", c.method)
		}
		return nil
	}
	if err != nil {
		return nil //nolint:nilerr // the decoding reports it
	}
	if delete(q, "_strict"); emptyBody(c.body) {
		return nil
	}
	if len(q) > 0 {
		return fault.New(fault.InvalidRequest, "Parameters were sent in the query and in the body: send all in one of the two")
	}
	c.inQuery = false
	return nil
}

// emptyBody reports whether a body contains no parameters.
func emptyBody(body []byte) bool {
	switch string(bytes.TrimSpace(body)) {
	case "", "null", "{}":
		return true
	}
	return false
}

// cacheKey contains everything that an answer depends on. The generation is part of it, so that an
// entry read before the workspace's latest commit is never found again.
func (c *callState) cacheKey() string {
	b := make([]byte, 0, 160+len(c.body)+len(c.query))
	b = append(append(b, c.endpoint.Path...), 0)
	b = append(append(b, c.caller.WorkspaceID...), 0)
	b = append(append(b, c.caller.View...), 0)
	b = append(strconv.AppendUint(b, c.caller.Generation, 36), 0)
	if c.inQuery {
		return string(append(append(b, '?'), c.query...))
	}
	return string(append(b, c.body...))
}

func (s *Server) decode(rt *route, c *callState) (in reflect.Value, err error) {
	d := &decoding{}
	if c.inQuery {
		in, err = rt.Handle.in.fromQuery(c.query, d)
	} else {
		in, err = rt.Handle.in.fromJSON(c.body, d)
	}
	if d.unknown > 0 {
		s.unknown.WithLabelValues(rt.Path).Add(float64(d.unknown))
	}
	if err == nil {
		err = d.refusal()
	}
	return in, err
}

// readBody reads a request's body, which may be compressed. It returns payload_too_large, and invalid_request for
// a body that cannot be read.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	tooLarge := fault.New(fault.PayloadTooLarge, "The body is larger than %d bytes", maxBody)
	if r.ContentLength > maxBody {
		return nil, tooLarge
	}
	from := io.Reader(http.MaxBytesReader(w, r.Body, maxBody))
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(from)
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, fault.New(fault.InvalidRequest, "The body is not gzip, although Content-Encoding says so")
		}
		from = io.LimitReader(z, maxBody+1)
	default:
		return nil, fault.New(fault.InvalidRequest, "A body with this Content-Encoding is not read: send it as it is, or as gzip")
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := b.ReadFrom(from)
	var over *http.MaxBytesError
	if errors.As(err, &over) || b.Len() > maxBody {
		return nil, tooLarge
	}
	if err != nil {
		return nil, fault.New(fault.InvalidRequest, "The body could not be read")
	}
	return b.Bytes(), nil
}

func (s *Server) encode(e *Endpoint, c *callState, out any) ([]byte, error) {
	if e.Handle.out == noContentType {
		return nil, nil
	}
	var b bytes.Buffer
	b.WriteByte('{')
	key := func(name string) {
		b.WriteByte('"')
		b.WriteString(name)
		b.WriteString(`":`)
	}
	if e.Returns == "" {
		if isFields(reflect.TypeOf(out)) {
			text, err := marshal(out)
			if err != nil {
				return nil, err
			}
			b.Write(text[1 : len(text)-1])
			b.WriteByte(',')
		}
		b.WriteString(`"ok":true}`)
		return b.Bytes(), nil
	}
	key(e.Returns)
	valueFrom := b.Len()
	p, paged := out.(page)
	switch v := reflect.ValueOf(out); {
	case paged:
		p.encode(&b)
	case v.Kind() == reflect.Slice && v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8: // nothing was found, which is a list all the same
		b.WriteString("[]")
	default:
		text, err := marshal(out)
		if err != nil {
			return nil, err
		}
		b.Write(text)
	}
	if e.Twin != "" {
		value := slices.Clone(b.Bytes()[valueFrom:])
		b.WriteByte(',')
		key(e.Twin)
		b.Write(value)
	}
	if paged {
		text, err := marshal(paginate(p, c, s.PublicURL))
		if err != nil {
			return nil, err
		}
		b.WriteByte(',')
		key("pagination")
		b.Write(text)
	}
	b.WriteString(`,"ok":true}`)
	return b.Bytes(), nil
}

// marshal is json.Marshal without the escapes that are meant for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// corsHeaders are the request headers that the SDKs send from a browser.
var corsHeaders = []string{"Authorization, Content-Type, Seam-Workspace, Seam-Publishable-Key, Client-Session-Token, " +
	"Seam-Client-Session-Token, Seam-Api-Key, Seam-User-Identifier-Key, User-Identifier-Key, Seam-Sdk-Name, Seam-Sdk-Version, " +
	"Seam-Lts-Version, Last-Event-Id"}

// cors lets pages of any origin read the answers: frontends use the API with client sessions. The
// API never authenticates by cookie, so this allows a page nothing that its own token does not.
func cors(h http.Header, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "Seam-Request-Id, Seam-Token-Expires-At, Retry-After")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
		h["Access-Control-Allow-Headers"] = corsHeaders
		h.Set("Access-Control-Max-Age", "600")
	}
}
