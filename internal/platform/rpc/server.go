package rpc

import (
	"bytes"
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
	"regexp"
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

// Caller is what the machine itself knows of who calls; who it is in full stands in the context
// that Authenticate gives.
type Caller struct {
	WorkspaceID  string    // empty where the request is about no workspace
	CredentialID string    // for the log; known as soon as possession of the secret is proved
	PersonID     string    // whose credential it is; empty: the workspace's
	ExpiresAt    time.Time // of the credential; zero: never, or not told

	// Generation is the workspace's, read at or after the request's arrival. Known says that it
	// is; without it nothing is served from the cache.
	Generation uint64
	Known      bool
	// View tells apart callers who see different things in the same workspace.
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
	// Unavailable tells whether an error means that the database cannot be read or written now, which
	// is answered with 503 and not taken for a bug.
	Unavailable func(error) bool

	// Track gives a context for a handler, and afterwards tells whether anything was stored with it or may
	// have been. A handler that fails then is answered with outcome_unknown, which clients do not repeat.
	Track func(context.Context) (tracked context.Context, changed func() bool)
	// Refused is told of each 401 and 403 to a credential that had proved possession of its secret;
	// nil: nobody is.
	Refused func(Refusal)
	// Client is the address a request came from, with trusted proxies taken into account.
	Client func(*http.Request) string
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
	s.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "keyway_request_duration_seconds", Help: "Time from a request's arrival to its answer.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"path"})
	s.total = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_requests_total", Help: "Answered requests."}, []string{"path", "status"})
	s.unknown = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_unknown_parameters_total", Help: "Parameters that were sent and that the endpoint does not have."}, []string{"path"})
	s.refused = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_refused_total", Help: "Requests refused before any endpoint saw them."}, []string{"why"})
	for _, m := range []prometheus.Collector{s.panics, s.seconds, s.total, s.unknown, s.refused} {
		if err := c.Metrics.Register(m); err != nil {
			return nil, err
		}
	}
	for _, table := range tables {
		for i := range table {
			e := &table[i]
			if err := e.check(); err != nil {
				return nil, err
			}
			if s.routes[e.Path] != nil {
				return nil, fmt.Errorf("%s: two rows", e.Path)
			}
			s.routes[e.Path] = &route{Endpoint: e, verbs: e.methods(), allow: strings.Join(e.methods(), ", "), seconds: s.seconds.WithLabelValues(e.Path)}
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

// Has tells whether a path is an endpoint's.
func (s *Server) Has(path string) bool { return s.routes[path] != nil }

// callState is what a running request knows of itself.
type callState struct {
	id       string
	endpoint *Endpoint
	caller   Caller
	method   string
	query    string // raw
	inQuery  bool   // the parameters are in the query; otherwise they are in the body, and the query means nothing
	body     []byte
	client   Client
}

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

// ServeHTTP answers one request: route and verb, credential, decoding and validation, endpoint.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	c := &callState{id: NewRequestID(), method: r.Method, query: r.URL.RawQuery, client: Client{s.Client(r), r.UserAgent()}}
	h := w.Header()
	h.Set("Seam-Request-Id", c.id)
	h["Cache-Control"] = noStore
	cors(h, r)
	rt := s.routes[r.URL.Path]
	var status, size int
	if rt == nil {
		status, size = s.writeError(w, c, fault.New(fault.NotFound, "There is no such endpoint"))
		s.refused.WithLabelValues("unknown_path").Inc()
	} else if r.Method == http.MethodOptions {
		status = http.StatusNoContent
		w.WriteHeader(status)
	} else if rt.Handle.stream != nil {
		c.endpoint = rt.Endpoint
		status, size = s.stream(w, r, rt, c)
		rt.count(s.total, status)
	} else {
		c.endpoint = rt.Endpoint
		body, err := s.answer(w, r, rt, c)
		if err != nil {
			status, size = s.writeError(w, c, err)
		} else {
			status, size = http.StatusOK, len(body)
			if rt.Handle.out == noContentType {
				status = http.StatusNoContent
				w.WriteHeader(status)
			} else {
				h["Content-Type"] = jsonType
				h["Content-Length"] = []string{strconv.Itoa(size)}
				if rt.Handle.out == acceptedType {
					status = http.StatusAccepted
					w.WriteHeader(status)
				}
				w.Write(body)
			}
		}
		rt.seconds.Observe(time.Since(start).Seconds())
		rt.count(s.total, status)
	}
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("method", r.Method), slog.String("path", logPath(rt)), slog.Int("status", status),
		slog.Duration("took", time.Since(start)), slog.Int("bytes", size), slog.String("request_id", c.id),
		slog.String("workspace_id", c.caller.WorkspaceID), slog.String("credential_id", c.caller.CredentialID),
		slog.String("address", c.client.Address))
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

// answer gives the body of a 200, or the error to answer with.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, rt *route, c *callState) (body []byte, err error) {
	changed := func() bool { return false }
	defer func() {
		if v := recover(); v != nil {
			s.panics.Inc()
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		if err != nil && changed() {
			err = s.withoutRetry(c, err)
		}
	}()
	ctx, err := s.admit(w, r, rt, c)
	if err != nil {
		return nil, err
	}
	key := ""
	if rt.Cache && s.cache != nil && c.caller.Known {
		key = c.cacheKey()
		if body, ok := s.cache.GetIfPresent(key); ok {
			return body, nil
		}
	}
	in, err := s.decode(rt, c)
	if err != nil {
		return nil, err
	}
	if s.Track != nil && !rt.Read {
		ctx, changed = s.Track(ctx)
	}
	out, err := rt.Handle.call(ctx, in)
	if err != nil {
		return nil, err
	}
	body, err = s.encode(rt.Endpoint, c, out)
	if err == nil && key != "" {
		s.cache.Set(key, body)
	}
	return body, err
}

// withoutRetry replaces an error that clients answer by repeating the request, after the request has changed
// something.
func (s *Server) withoutRetry(c *callState, err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Status() < http.StatusInternalServerError {
		return err
	}
	s.Log.Error("request failed after its change was stored, or may have been", "request_id", c.id, "error", err)
	return fault.New(fault.OutcomeUnknown,
		"The change was stored, or may have been, but the answer could not be made: look before repeating it (request id %s)", c.id)
}

// admit checks verb and credential and reads the body.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, rt *route, c *callState) (ctx context.Context, err error) {
	if !slices.Contains(rt.verbs, r.Method) {
		w.Header().Set("Allow", rt.allow)
		return nil, fault.New(fault.MethodNotAllowed, "only %s accepted", strings.ReplaceAll(rt.allow, ", ", ","))
	}
	ctx = context.WithValue(r.Context(), callKey{}, c)
	if rt.Allow != Public {
		ctx, c.caller, err = s.Authenticator.Authenticate(ctx, r, rt.Endpoint)
		if t := c.caller.ExpiresAt; !t.IsZero() {
			w.Header().Set("Seam-Token-Expires-At", t.UTC().Format(TimeForm))
		}
		if err != nil {
			return nil, err
		}
	}
	c.inQuery = (r.Method == http.MethodGet || r.Method == http.MethodDelete) && c.query != ""
	if !c.inQuery {
		if c.body, err = readBody(w, r); err != nil {
			return nil, err
		}
	}
	return ctx, nil
}

// cacheKey holds everything that an answer depends on. The generation is part of it, so that an
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

func (s *Server) decode(rt *route, c *callState) (reflect.Value, error) {
	d := &decoding{}
	var in reflect.Value
	if c.inQuery {
		q, err := url.ParseQuery(c.query)
		if err != nil {
			return in, fault.New(fault.InvalidRequest, "The query string is not valid")
		}
		in = rt.Handle.in.fromQuery(q, d)
	} else {
		var err error
		if in, err = rt.Handle.in.fromJSON(c.body, d); err != nil {
			return in, err
		}
	}
	if d.unknown > 0 {
		s.unknown.WithLabelValues(rt.Path).Add(float64(d.unknown))
	}
	if len(d.issues) > 0 {
		return in, fault.InvalidAll(d.issues)
	}
	return in, nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, fault.New(fault.PayloadTooLarge, "The body is larger than %d bytes", maxBody)
	}
	if err != nil {
		return nil, fault.New(fault.InvalidRequest, "The body could not be read")
	}
	return body, nil
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

// writeError answers with an error in the envelope. Whatever is not a *fault.Error is a bug or a
// database that is out of order: it is logged here, once, and the caller learns only the request id.
func (s *Server) writeError(w http.ResponseWriter, c *callState, err error) (status, size int) {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
	case errors.Is(err, context.Canceled):
		f = fault.New(fault.Unavailable, "The request was given up")
	case s.Unavailable != nil && s.Unavailable(err):
		s.Log.Error("the database is out of reach", "request_id", c.id, "error", err)
		f = fault.New(fault.Unavailable, "The server cannot read or write its data at the moment; try again (request id %s)", c.id)
	default:
		s.Log.Error("request failed", "request_id", c.id, "error", err)
		f = fault.New(fault.Internal, "Something went wrong on the server (request id %s)", c.id)
	}
	if status := f.Status(); s.Refused != nil && c.caller.CredentialID != "" && (status == http.StatusUnauthorized || status == http.StatusForbidden) {
		s.Refused(Refusal{c.id, c.caller.CredentialID, c.caller.WorkspaceID, c.endpoint.Path, c.client.Address, f})
	}
	return WriteError(w, f)
}

// retryUnavailable is Retry-After of a 503, in seconds.
const retryUnavailable = 2

// WriteError writes the error envelope, for endpoints and for what stands beside them.
func WriteError(w http.ResponseWriter, f *fault.Error) (status, size int) {
	e := map[string]any{"type": f.Code, "message": f.Message}
	if f.Data != nil {
		e["data"] = f.Data
	}
	if f.Issues != nil {
		e["validation_errors"] = validationErrors(f.Issues)
	}
	body, err := marshal(map[string]any{"error": e, "ok": false})
	if err != nil {
		panic(err) // strings and maps of strings
	}
	body = hideCredentials(body)
	if seconds, ok := f.Data["retry_after"].(int); ok {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	} else if f.Status() == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryUnavailable))
	}
	w.Header()["Content-Type"] = jsonType
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(f.Status())
	w.Write(body)
	return f.Status(), len(body)
}

// looksSecret is what looks like a token, a cookie, a webhook's secret, a JWT or a one-time link.
var looksSecret = regexp.MustCompile(`(?:seam_[0-9A-Za-z]{4,}|session)_[0-9A-Za-z]{20,}|whsec_[0-9A-Za-z+/=]{16,}|ey[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|[0-9a-f]{8}-[0-9a-f-]{27}_[0-9A-Za-z]{32}`)

// hideCredentials leaves of credentials their visible part: what a client sent in a wrong place is told
// back to it, and from there gets into its own logs.
func hideCredentials(body []byte) []byte {
	return looksSecret.ReplaceAllFunc(body, func(found []byte) []byte {
		end := bytes.LastIndexAny(found, "_.")
		if bytes.HasPrefix(found, []byte("ey")) {
			end = 1
		}
		return append(bytes.Clone(found[:end+1]), "…"...)
	})
}

// validationErrors nests issues by parameter, as the contract has it.
func validationErrors(issues []fault.Issue) map[string]any {
	root := map[string]any{"_errors": []string{}}
	for _, is := range issues {
		at := root
		for _, name := range is.Path {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{"_errors": []string{}}
				at[name] = next
			}
			at = next
		}
		at["_errors"] = append(at["_errors"].([]string), is.Message)
	}
	return root
}

// corsHeaders are the request headers that the SDKs send from a browser.
var corsHeaders = []string{"Authorization, Content-Type, Seam-Workspace, Seam-Publishable-Key, Client-Session-Token, " +
	"Seam-Client-Session-Token, Seam-Api-Key, Seam-User-Identifier-Key, User-Identifier-Key, Seam-Sdk-Name, Seam-Sdk-Version, Seam-Lts-Version, Last-Event-Id"}

// cors lets pages of any origin read the answers: frontends use the API with client sessions. The
// API never authenticates by cookie, so this gives no page anything that its own token does not.
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
