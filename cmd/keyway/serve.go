package main

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"keyway/internal/api/connectwebview"
	"keyway/internal/api/device"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/reference"
	"keyway/internal/console"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	listen            string
	publicURL         string
	openID            openIDOptions
	tlsCert, tlsKey   string
	trustedProxies    []string
	insecureHTTP      bool
	metricsListen     string
	browserInSandbox  bool
	limitDevices      bool
	guesses, rate     string // as given
	reading           string // as given
	readEvery         time.Duration
	guessesPerMinute  int
	requestsPerMinute int
	outbound          outboundOptions
	mail              mailOptions
	quiet             bool // a demo's world is printed instead of set-up links and log lines
}

func serveCommand(g *globals) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server",
		Long: `Run the server. The first start with no person prints a one-time link to set one up.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := startServer(cmd.Context(), *g, o)
			if err != nil {
				return err
			}
			return s.wait(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", env("KEYWAY_LISTEN", "localhost:8420"), "address to listen on; localhost means both loopback families [KEYWAY_LISTEN]")
	f.StringVar(&o.publicURL, "public-url", os.Getenv("KEYWAY_PUBLIC_URL"), "address by which people reach this server; made from --listen unless given [KEYWAY_PUBLIC_URL]")
	f.StringVar(&o.tlsCert, "tls-cert", os.Getenv("KEYWAY_TLS_CERT"), "certificate file, to serve https [KEYWAY_TLS_CERT]")
	f.StringVar(&o.tlsKey, "tls-key", os.Getenv("KEYWAY_TLS_KEY"), "key file of the certificate [KEYWAY_TLS_KEY]")
	f.StringSliceVar(&o.trustedProxies, "trusted-proxy", nil, "network (CIDR) of proxies whose X-Forwarded-For is believed; may be repeated")
	f.BoolVar(&o.insecureHTTP, "insecure-http", false, "serve people on another machine over plain http, where everyone in between can read tokens")
	f.StringVar(&o.metricsListen, "metrics-listen", os.Getenv("KEYWAY_METRICS_LISTEN"), "address of a listener of its own for /metrics [KEYWAY_METRICS_LISTEN]; on the main one it needs KEYWAY_METRICS_TOKEN as bearer")
	o.outbound.flags(f)
	f.StringVar(&o.guesses, "guesses-per-minute", env("KEYWAY_GUESSES_PER_MINUTE", strconv.Itoa(credential.GuessesPerMinute)), "how many unknown credentials an address may try in a minute; 0: any number [KEYWAY_GUESSES_PER_MINUTE]")
	f.StringVar(&o.rate, "requests-per-minute", env("KEYWAY_REQUESTS_PER_MINUTE", "0"), "how many requests may be made with each token or API key in a minute; 0: any number [KEYWAY_REQUESTS_PER_MINUTE]")
	f.BoolVar(&o.limitDevices, "limit-devices", false, "let each device take only as many requests a minute as with Seam, to try an app against 429")
	f.StringVar(&g.tokens, "tokens-per-person", env("KEYWAY_TOKENS_PER_PERSON", strconv.Itoa(personalaccesstoken.DefaultMaxLive)), "how many live personal access tokens a person may have [KEYWAY_TOKENS_PER_PERSON]")
	f.StringVar(&o.reading, "lock-read-interval", env("KEYWAY_LOCK_READ_INTERVAL", "15m"), "how often locks are read whose provider does not tell of what is done at them, like 15m; 0: never [KEYWAY_LOCK_READ_INTERVAL]")
	o.openID.flags(f)
	o.mail.flags(f)
	f.BoolVar(&o.browserInSandbox, "allow-browser-in-sandbox", false, "let web pages of other origins use tokens and API keys in sandbox workspaces")
	return cmd
}

// server is a running server.
type server struct {
	app      *app
	url      string
	rpc      *rpc.Server
	http     []*http.Server
	failed   chan error
	stopWork context.CancelFunc
	work     sync.WaitGroup
}

// startServer opens everything and begins to listen. When it returns, requests are answered.
func startServer(ctx context.Context, g globals, o serveOptions) (*server, error) {
	proxies, err := o.check()
	if err != nil {
		return nil, err
	}
	listeners, err := listen(ctx, o.listen)
	if err != nil {
		return nil, err
	}
	closeAll := func(err error) error {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	if o.publicURL == "" {
		o.publicURL = defaultPublicURL(o, listeners[0])
	}
	if err := o.checkPublicURL(); err != nil {
		return nil, closeAll(err)
	}
	guard, err := o.outbound.guard(listeners, o.publicURL, len(proxies) > 0)
	if err != nil {
		return nil, closeAll(err)
	}
	retention, err := o.outbound.keep()
	if err != nil {
		return nil, closeAll(err)
	}
	log := newLogger()
	if o.quiet {
		log = slog.New(slog.DiscardHandler)
	}
	provider, err := o.openID.provider(o.publicURL)
	if err != nil {
		return nil, closeAll(err)
	}
	smtp, err := o.mail.server()
	if err != nil {
		return nil, closeAll(err)
	}
	relying, err := identity.RelyingParty(o.publicURL)
	if err != nil {
		return nil, closeAll(err)
	}
	a, err := openApp(ctx, appOptions{globals: g, server: o.publicURL, publicURL: o.publicURL, log: log, guard: guard, retention: retention, readEvery: o.readEvery, smtp: smtp})
	if err != nil {
		return nil, closeAll(err)
	}
	a.People.OpenID, a.People.Relying = provider, relying
	if o.limitDevices {
		a.Devices.Limits = device.NewLimits(a.Now)
	}
	s := &server{app: a, url: o.publicURL, failed: make(chan error, 8)}
	if err := s.start(ctx, o, proxies, listeners, g); err != nil {
		return nil, closeAll(errors.Join(err, a.close()))
	}
	if !o.quiet {
		if err := s.offerSetup(context.WithoutCancel(ctx)); err != nil {
			return nil, errors.Join(err, s.stop())
		}
	}
	log.Info("serving", "url", s.url, "version", version)
	return s, nil
}

// check reads the flags that can be wrong by themselves.
func (o *serveOptions) check() (proxies []netip.Prefix, err error) {
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return nil, badUsage("--tls-cert and --tls-key go together")
	}
	if o.tlsCert != "" { // before anything is made or printed
		if _, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey); err != nil {
			return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
	}
	for _, limit := range []struct {
		name, text string
		n          *int
	}{{"--guesses-per-minute", o.guesses, &o.guessesPerMinute}, {"--requests-per-minute", o.rate, &o.requestsPerMinute}} {
		if limit.text == "" {
			continue // not a command's options: no limit
		}
		if *limit.n, err = strconv.Atoi(limit.text); err != nil || *limit.n < 0 {
			return nil, badUsage("%s %q is not a number from 0 up", limit.name, limit.text)
		}
	}
	if o.reading != "" { // a command's options have none
		if o.readEvery, err = time.ParseDuration(o.reading); err != nil || o.readEvery != 0 && o.readEvery < time.Minute {
			return nil, badUsage("--lock-read-interval %q is no time of at least a minute, like 15m or 2h; 0 is never", o.reading)
		}
	}
	for _, text := range o.trustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return nil, badUsage("--trusted-proxy %q is not a network like 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		proxies = append(proxies, p.Masked())
	}
	o.publicURL = strings.TrimRight(o.publicURL, "/")
	return proxies, nil
}

// checkPublicURL refuses to hand tokens to people over plain http, unless it is asked for.
func (o *serveOptions) checkPublicURL() error {
	u, err := url.Parse(o.publicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" {
		return badUsage("--public-url %q is not an address like https://keyway.example.com", o.publicURL)
	}
	// A public URL of loopback does not help who can be reached from elsewhere all the same.
	host, _, err := net.SplitHostPort(o.listen)
	elsewhere := !isLoopback(u.Hostname()) || err == nil && !isLoopback(host)
	if u.Scheme == "http" && elsewhere && !o.insecureHTTP {
		return badUsage("people on other machines would reach this server over plain http, where everyone in between can read tokens: give --tls-cert and --tls-key, or put an https proxy in front and name it with --public-url, or insist with --insecure-http")
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func defaultPublicURL(o serveOptions, l net.Listener) string {
	scheme := "http"
	if o.tlsCert != "" {
		scheme = "https"
	}
	host, _, _ := net.SplitHostPort(o.listen)
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
		if o.insecureHTTP || o.tlsCert != "" {
			if name, err := os.Hostname(); err == nil {
				host = name
			}
		}
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return scheme + "://" + net.JoinHostPort(host, port)
}

// listen opens the address; localhost means 127.0.0.1 and, where there is IPv6, [::1].
func listen(ctx context.Context, address string) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}
	if err != nil {
		return nil, badUsage("--listen %q is not an address like localhost:8420", address)
	}
	if host != "localhost" {
		return listenOn(ctx, []string{host}, port)
	}
	out, err := listenOn(ctx, []string{"127.0.0.1", "::1"}, port)
	// A port that was free in one family may be taken in the other: another one will do.
	for range 5 {
		if port != "0" || err == nil {
			break
		}
		out, err = listenOn(ctx, []string{"127.0.0.1", "::1"}, port)
	}
	return out, err
}

func listenOn(ctx context.Context, hosts []string, port string) ([]net.Listener, error) {
	var out []net.Listener
	for _, h := range hosts {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(h, port))
		switch {
		case err == nil:
			out = append(out, l)
			_, port, _ = net.SplitHostPort(l.Addr().String()) // port 0: the same for both families
		case h == "::1" && !errors.Is(err, syscall.EADDRINUSE):
			// This machine has no IPv6 loopback.
		default:
			for _, l := range out {
				err = errors.Join(err, l.Close())
			}
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, fmt.Errorf("port %s is taken at %s: another program listens there; choose another with --listen", port, h)
			}
			return nil, fmt.Errorf("cannot listen: %w", err)
		}
	}
	return out, nil
}

// newLogger logs as text on a terminal and as JSON elsewhere.
func newLogger() *slog.Logger {
	if isTerminal(os.Stderr) {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, nil))
}

// cacheBytes bounds the answers kept for repeated reads.
const cacheBytes = 48 << 20

// newRPC makes the endpoint machine.
func (a *app) newRPC(metrics prometheus.Registerer, o serveOptions, client func(*http.Request) string) (*rpc.Server, error) {
	unproved := credential.NewUnproved()
	if err := metrics.Register(unproved); err != nil {
		return nil, err
	}
	return rpc.New(rpc.Config{
		Authenticator: credential.NewVerifier(credential.Verifier{
			DB: a.DB, Vault: a.Vault, Sessions: a.People, Usage: a.Usage, Now: a.Now, PublicURL: a.PublicURL, BrowserInSandbox: o.browserInSandbox, Watcher: a.Tokens,
			Guesses: credential.NewLimiter(o.guessesPerMinute, a.Now), Rate: credential.NewLimiter(o.requestsPerMinute, a.Now), Unproved: unproved,
		}),
		Log: a.Log, Metrics: metrics, PublicURL: a.PublicURL, CacheBytes: cacheBytes, Client: client,
		Unavailable: store.Unavailable, Refused: a.Tokens.Refused,
	}, a.Endpoints()...)
}

func (s *server) start(ctx context.Context, o serveOptions, proxies []netip.Prefix, listeners []net.Listener, g globals) (err error) {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(s.app.Mail.Count, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	client := func(r *http.Request) string { return clientAddress(r, proxies) }
	if s.rpc, err = s.app.newRPC(metrics, o, client); err != nil {
		return err
	}
	handler, err := s.handler(o, metrics, client)
	if err != nil {
		return err
	}
	if err := errors.Join(s.app.Jobs.TakeOver(context.Background()), s.app.Events.StartRetention(context.Background()), s.app.Tokens.StartJobs(context.Background()), s.app.Keyring.StartJobs(context.Background())); err != nil {
		return err
	}
	if g.databaseURL == "" {
		control, err := listenControl(ctx, g.data)
		if err != nil {
			return err
		}
		s.serve(control, &http.Server{Handler: s.app.controlHandler(), ReadHeaderTimeout: 10 * time.Second,
			ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }}, "", "")
	}
	if o.metricsListen != "" {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.metricsListen)
		if err != nil {
			return fmt.Errorf("--metrics-listen: %w", err)
		}
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
		s.serve(l, &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, "", "")
	}
	for _, l := range listeners {
		s.serve(l, &http.Server{
			Handler: handler,
			// A client that sends slowly, or never ends, holds a connection for so long at the most.
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       30 * time.Second,
			WriteTimeout:      60 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(s.app.Log.Handler(), slog.LevelDebug),
		}, o.tlsCert, o.tlsKey)
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stopWork = cancel
	s.work.Go(func() { s.app.Webhooks.Run(work) })
	s.work.Go(func() { s.app.Jobs.Run(work) })
	s.work.Go(func() {
		s.app.Tokens.Run(work, func(err error) { s.app.Log.Error("writing down how tokens were used failed", "error", err) })
	})
	s.work.Go(func() { s.app.Audit.Run(work, s.app.Log) })
	s.work.Go(func() {
		s.app.Usage.Run(work, func(err error) { s.app.Log.Error("writing down when credentials were used failed", "error", err) })
	})
	return nil
}

type connKey struct{}

func (s *server) serve(l net.Listener, h *http.Server, cert, key string) {
	s.http = append(s.http, h)
	go func() {
		var err error
		if cert != "" {
			err = h.ServeTLS(l, cert, key)
		} else {
			err = h.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
}

// handler puts the endpoints, the Console and what stands beside them under one roof.
func (s *server) handler(o serveOptions, metrics *prometheus.Registry, client func(*http.Request) string) (http.Handler, error) {
	pages, err := console.New(console.Config{
		DB: s.app.DB, People: s.app.People, Workspaces: s.app.Workspaces, Members: s.app.Members, Keys: s.app.Keys, Tokens: s.app.Tokens, Policies: s.app.Policies, Audit: s.app.Audit,
		Devices: s.app.Devices, Accounts: s.app.Accounts, Webviews: s.app.Webviews, Sessions: s.app.Sessions, Webhooks: s.app.Webhooks, Providers: s.app.Providers,
		Events: s.app.Events, Streams: s.rpc.Streams(), Attempts: s.app.Attempts, Locks: s.app.Locks, Codes: s.app.Codes,
		Endpoints: s.rpc.Endpoints(),
		PublicURL: s.url, Client: client, Unavailable: store.Unavailable, Log: s.app.Log, Now: s.app.Now,
	})
	if err != nil {
		return nil, err
	}
	docs, err := reference.New(s.rpc.Endpoints(), s.url, s.app.Log)
	if err != nil {
		return nil, err
	}
	webview, err := connectwebview.NewPage(s.app.Webviews)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, path := range webview.Paths() {
		mux.Handle(path, webview)
	}
	mux.Handle("/", s.rpc) // it knows every other path, and answers unknown ones in the envelope
	mux.Handle("GET /{$}", http.RedirectHandler("/console", http.StatusFound))
	mux.Handle("/console", pages)
	mux.Handle("/console/", pages)
	mux.Handle("GET /docs", docs)
	mux.Handle("GET /favicon.ico", http.RedirectHandler("/console/static/favicon.svg", http.StatusMovedPermanently))
	mux.Handle("GET /openapi.json", rpc.Made(s.app.Log, http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Access-Control-Allow-Origin": {"*"}},
		func() ([]byte, error) { return json.Marshal(s.rpc.OpenAPI(version)) }))
	mux.Handle("GET /metrics", guardMetrics(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{})))
	return mux, nil
}

// guardMetrics asks for KEYWAY_METRICS_TOKEN as bearer: on the main listener metrics would tell
// strangers how much is going on.
func guardMetrics(next http.Handler) http.Handler {
	token := os.Getenv("KEYWAY_METRICS_TOKEN")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token == "" || !ok || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			w.Header().Set("Seam-Request-Id", rpc.NewRequestID())
			rpc.WriteError(w, fault.New(fault.Unauthorized, "Metrics are served to the bearer of KEYWAY_METRICS_TOKEN, or on a listener of their own with --metrics-listen"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// clientAddress is where a request came from. X-Forwarded-For counts only as far as trusted
// proxies wrote it: from the right, the first address that is not one of theirs.
func clientAddress(r *http.Request, proxies []netip.Prefix) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := from.Addr().Unmap()
	trusted := func(a netip.Addr) bool {
		for _, p := range proxies {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	if len(proxies) == 0 || !trusted(address) {
		return address.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if address = a.Unmap(); !trusted(address) {
			break
		}
	}
	return address.String()
}

// offerSetup prints the one-time link while there is nobody yet.
func (s *server) offerSetup(ctx context.Context) error {
	empty, err := s.app.People.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	secret, err := s.app.People.StartSetup(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "\nNobody is set up yet. Open this link within an hour to make the first person:\n\n  %s/console/setup#%s\n\n", s.url, secret.Reveal())
	return nil
}

// wait runs until ctx ends, then stops in good order.
func (s *server) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return s.stop()
	case err := <-s.failed:
		return errors.Join(err, s.stop())
	}
}

// stop finishes the requests in flight and running jobs, writes down what is only in memory, and
// closes the database.
func (s *server) stop() error {
	s.app.Log.Info("stopping: finishing what is in flight")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s.rpc.Streams().End()
	var err error
	for _, h := range s.http {
		if e := h.Shutdown(ctx); errors.Is(e, context.DeadlineExceeded) {
			// Whoever is still sending has had their time: that is no failure of ours.
			s.app.Log.Warn("ending connections whose requests did not end")
			err = errors.Join(err, h.Close())
		} else {
			err = errors.Join(err, e)
		}
	}
	s.stopWork()
	closed := make(chan error, 1)
	go func() {
		s.work.Wait()
		closed <- s.app.close()
	}()
	select {
	case e := <-closed:
		return errors.Join(err, e)
	case <-time.After(lastWait):
		return errors.Join(err, errors.New("jobs or the database do not come to an end: what they were doing is taken up at the next start"))
	}
}

// lastWait is how long a stop waits for jobs and the database: a process that is gone does less harm
// than one that does not go.
const lastWait = 30 * time.Second

func openAPICommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "openapi", Short: "Print the OpenAPI document",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := detachedRPC()
			if err != nil {
				return err
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetEscapeHTML(false)
			if !g.json {
				enc.SetIndent("", "  ")
			}
			return enc.Encode(s.OpenAPI(version))
		},
	}
}

func accessTableCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "access-table", Short: "Print who may call what, one line an endpoint",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := detachedRPC()
			if err != nil {
				return err
			}
			if !g.json {
				fmt.Fprint(cmd.OutOrStdout(), s.AccessTable())
				return nil
			}
			type row struct {
				Path        string   `json:"path"`
				Scope       string   `json:"scope"`
				Workspace   string   `json:"workspace"`
				Role        string   `json:"role"`
				Fresh       bool     `json:"fresh"`
				Credentials []string `json:"credentials"`
			}
			var rows []row
			for _, e := range s.Endpoints() {
				rows = append(rows, row{e.Path, e.Scope(), e.Workspace.String(), e.Role.String(), e.Fresh, strings.Fields(e.Allow.String())})
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"endpoints": rows})
		},
	}
}

// detachedRPC is the endpoint machine without a database, to print what its table says.
func detachedRPC() (*rpc.Server, error) {
	a := wire(&store.DB{}, nil, appOptions{log: slog.New(slog.DiscardHandler), publicURL: "http://localhost:8420"})
	return a.newRPC(prometheus.NewRegistry(), serveOptions{}, func(*http.Request) string { return "" })
}
