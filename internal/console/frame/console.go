// Package frame is what all pages of the Console share: the request with the person who sent it, layout and
// rendering, forms, navigation, and the stream that keeps open pages current. Areas of pages stand on it.
package frame

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/account"
	"keyway/internal/api/action"
	"keyway/internal/api/apikey"
	"keyway/internal/api/clientsession"
	"keyway/internal/api/connectwebview"
	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/api/lock"
	"keyway/internal/api/member"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/webhook"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/simulate"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/identity"
	"keyway/internal/trust/policy"
)

// Rules are what the pages work with: the same as the endpoints.
type Rules struct {
	DB         *store.DB
	People     *identity.People
	Workspaces *workspace.Workspaces
	Members    *member.Members
	Keys       *apikey.Keys
	Tokens     *personalaccesstoken.Tokens
	Policies   *policy.Policies
	Audit      *audit.Log
	Devices    *device.Devices
	Accounts   *account.Accounts
	Webviews   *connectwebview.Webviews
	Sessions   *clientsession.Sessions
	Webhooks   *webhook.Webhooks
	Providers  *provider.Registry
	Events     *event.Log
	Attempts   *action.Attempts
	Locks      *lock.Locks
	Simulate   *simulate.Simulator
	Codes      *accesscode.Codes
	Log        *slog.Logger
	Now        func() time.Time
}

// Config is what the Console needs.
type Config struct {
	Rules
	// Endpoints is the API's table: a page asks the same role as the endpoint that does the same.
	Endpoints []*rpc.Endpoint
	// PublicURL is where people reach the server, without a slash at the end. Links are made of it,
	// and pages answer only there and under names of this machine.
	PublicURL string
	// Client is the address that a request came from.
	Client func(*http.Request) string
	// Unavailable reports whether an error means that the database cannot be written now.
	Unavailable func(error) bool
	Streams     *rpc.Streams
}

// MaxForm bounds the body of a form.
const MaxForm = 64 << 10

// Console serves the pages.
type Console struct {
	Config
	public *url.URL
	pages  *Renderer
	rows   map[string]*rpc.Endpoint
	spent  nonces
	mux    *http.ServeMux
	run    string // names this run of the server
}

// New makes the handler of everything below Root.
func New(c Config, sections ...Section) (http.Handler, error) {
	public, err := url.Parse(c.PublicURL)
	if err != nil || public.Host == "" {
		return nil, errors.Join(err, errors.New("console: the public URL needs a scheme and a host"))
	}
	pages, err := NewRenderer(c.Now, sections...)
	if err != nil {
		return nil, err
	}
	s := &Console{Config: c, public: public, pages: pages, rows: map[string]*rpc.Endpoint{}, mux: http.NewServeMux(), run: rand.Text()}
	for _, e := range c.Endpoints {
		s.rows[e.Path] = e
	}
	s.mux.Handle("GET "+Root+"/static/", staticHandler())
	s.mux.Handle(Root+"/", s.handler(func(*Request) error { return fault.New(fault.NotFound, "There is no such page") }))
	for _, section := range append(sections, Own()) {
		if err := s.mount(section.Rows); err != nil {
			return nil, err
		}
	}
	crossOrigin := http.NewCrossOriginProtection()
	if err := crossOrigin.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
		return nil, err
	}
	crossOrigin.SetDenyHandler(s.handler(func(q *Request) error {
		return q.fail(http.StatusForbidden, "This form came from another site",
			"For your safety, nothing was changed. Open the Console and try again.")
	}))
	return rpc.Compress(s.guard(crossOrigin.Handler(s.mux))), nil
}

// guard is around every answer: the Console answers only under its own names, so that no other
// name that leads to this machine can be used to act for the person in front of the browser.
func (s *Console) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", ContentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Referrer-Policy", "no-referrer")
		if !s.Secure(r) {
			// Browsers send no Sec-Fetch-Site here, and with no-referrer they send no Origin that
			// a form could be judged by.
			h.Set("Referrer-Policy", "same-origin")
		}
		h.Set("Cache-Control", "no-store")
		if !s.known(r.Host) {
			http.Error(w, fmt.Sprintf("This server isn't known as %.100q. Its Console is at %s.\n\n"+
				"If you run it: set --public-url to the address that people type. Behind a proxy, have the proxy pass on the Host header,\n"+
				"or send X-Forwarded-Host and name the proxy with --trusted-proxy.", r.Host, s.PublicURL+Root), http.StatusMisdirectedRequest)
			return
		}
		most := int64(MaxForm)
		if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
			most += workspace.MostLogo
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// known reports whether a Host header names this server: by its public address, or by a name that
// only this machine has.
func (s *Console) known(host string) bool {
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[s.public.Scheme])
	return strings.EqualFold(host, s.public.Host) || loopback(host)
}

func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

// Secure reports whether the browser takes this for a secure place: https, or this machine.
func (s *Console) Secure(r *http.Request) bool {
	return r.TLS != nil || loopback(r.Host) || s.public.Scheme == "https" && strings.EqualFold(r.Host, s.public.Host)
}
