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
	"os"
	"os/signal"
	"slices"
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
	"keyway/internal/platform/mail"
	"keyway/internal/platform/outbound"
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
		Long: `Run the server. Until the first user exists, each start prints a one-time link to create them.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			outliveReaders()
			s, err := startServer(cmd.Context(), *g, o)
			if err != nil {
				return err
			}
			return s.wait(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", env("KEYWAY_LISTEN", "localhost:8420"),
		"address to listen on; localhost means both loopback families [KEYWAY_LISTEN]")
	f.StringVar(&o.publicURL, "public-url", os.Getenv("KEYWAY_PUBLIC_URL"),
		"address by which people reach this server; made from --listen unless given [KEYWAY_PUBLIC_URL]")
	f.StringVar(&o.tlsCert, "tls-cert", os.Getenv("KEYWAY_TLS_CERT"), "certificate file, to serve https [KEYWAY_TLS_CERT]")
	f.StringVar(&o.tlsKey, "tls-key", os.Getenv("KEYWAY_TLS_KEY"), "key file of the certificate [KEYWAY_TLS_KEY]")
	f.StringSliceVar(&o.trustedProxies, "trusted-proxy", nil,
		"network (CIDR) of proxies whose X-Forwarded-For and X-Forwarded-Host are trusted; may be repeated")
	f.BoolVar(&o.insecureHTTP, "insecure-http", false, "allow plain http from other machines, where anyone in between can read tokens")
	f.StringVar(&o.metricsListen, "metrics-listen", os.Getenv("KEYWAY_METRICS_LISTEN"),
		"address of a listener of its own for /metrics [KEYWAY_METRICS_LISTEN]; on the main one it needs KEYWAY_METRICS_TOKEN as bearer")
	o.outbound.flags(f)
	f.StringVar(&o.guesses, "guesses-per-minute", env("KEYWAY_GUESSES_PER_MINUTE", strconv.Itoa(credential.GuessesPerMinute)),
		"how many unknown credentials an address may try in a minute; 0: any number [KEYWAY_GUESSES_PER_MINUTE]")
	f.StringVar(&o.rate, "requests-per-minute", env("KEYWAY_REQUESTS_PER_MINUTE", "0"),
		"how many requests may be made with each token or API key in a minute; 0: any number [KEYWAY_REQUESTS_PER_MINUTE]")
	f.BoolVar(&o.limitDevices, "limit-devices", false,
		"let each device take only as many requests a minute as with Seam, to try an app against 429")
	f.StringVar(&g.tokens, "tokens-per-person", env("KEYWAY_TOKENS_PER_PERSON", strconv.Itoa(personalaccesstoken.DefaultMaxLive)),
		"how many live personal access tokens a person may have [KEYWAY_TOKENS_PER_PERSON]")
	f.StringVar(&o.reading, "lock-read-interval", env("KEYWAY_LOCK_READ_INTERVAL", "15m"),
		"how often to read locks that do not report changes, like 15m; 0: never [KEYWAY_LOCK_READ_INTERVAL]")
	o.openID.flags(f)
	o.mail.flags(f)
	f.BoolVar(&o.browserInSandbox, "allow-browser-in-sandbox", false,
		"let web pages of other origins use tokens and API keys in sandbox workspaces")
	return cmd
}

// server is a running server.
type server struct {
	app      *app
	url      string
	rpc      *rpc.Server
	http     []*http.Server
	failed   chan error
	sink     *logSink
	cert     *certificate // nil: plain http
	stopWork context.CancelFunc
	work     sync.WaitGroup
}

// startServer opens everything and begins to listen. When it returns, requests are answered. Flags are checked
// first, then files, then ports are taken: what is wrong with one is reported before the next is touched.
func startServer(ctx context.Context, g globals, o serveOptions) (_ *server, err error) {
	p, err := o.plan(ctx, g)
	if err != nil {
		return nil, err
	}
	var undo []func() error
	defer func() {
		if err != nil {
			for _, f := range slices.Backward(undo) {
				err = errors.Join(err, f())
			}
		}
	}()
	var cert *certificate
	if o.tlsCert != "" {
		if cert, err = loadCertificate(o.tlsCert, o.tlsKey); err != nil {
			return nil, err
		}
	}
	sink := newLogSink(os.Stderr)
	undo = append(undo, func() error { sink.close(); return nil })
	log := sink.logger(isTerminal(os.Stderr))
	if o.quiet {
		log = slog.New(slog.DiscardHandler)
	}
	ao := appOptions{globals: g, server: o.publicURL, log: log, retention: p.retention, readEvery: o.readEvery, smtp: p.smtp}
	data, err := openData(ctx, ao)
	if err != nil {
		return nil, err
	}
	undo = append(undo, data.db.Close)
	ports, err := p.listen(ctx)
	if err != nil {
		return nil, err
	}
	undo = append(undo, ports.close)
	if p.port == "0" {
		o.publicURL = strings.Replace(o.publicURL, ":0", ":"+ports.number(), 1)
		if err := data.db.SetServer(o.publicURL); err != nil {
			return nil, err
		}
	}
	relying, err := identity.RelyingParty(o.publicURL)
	if err != nil {
		return nil, err
	}
	ao.publicURL, ao.guard = o.publicURL, &outbound.Guard{Allow: p.allow, Local: len(p.proxies) == 0 && ports.loopback() &&
		hasLoopbackHost(o.publicURL)}
	a, err := data.app(ao)
	if err != nil {
		return nil, err
	}
	if a.People.OpenID, a.People.Relying = p.openID, relying; p.openID != nil {
		p.openID.RedirectURL = o.publicURL + console.OpenIDPath
	}
	if o.limitDevices {
		a.Devices.Limits = device.NewLimits(a.Now)
	}
	s := &server{app: a, url: o.publicURL, failed: make(chan error, 8), sink: sink, cert: cert}
	if err := s.start(ctx, o, p.proxies, ports, g); err != nil {
		return nil, err
	}
	if !o.quiet {
		if err := s.offerSetup(context.WithoutCancel(ctx)); err != nil {
			undo = nil
			return nil, errors.Join(err, s.stop())
		}
	}
	o.warn(log, cert != nil)
	log.Info("serving", "url", s.url, "version", version)
	return s, nil
}

// plan is what the flags of serve say, once they are known to be right.
type plan struct {
	proxies   proxies
	allow     outbound.Allow
	retention time.Duration
	openID    *identity.OpenID
	smtp      *mail.Server

	hosts                    []string // to listen on
	port                     string
	metricsHost, metricsPort string
}

// plan reads all flags, and completes and corrects o.
func (o *serveOptions) plan(ctx context.Context, g globals) (p plan, err error) {
	if p.hosts, p.port, err = parseListen(ctx, "--listen", o.listen); err != nil {
		return p, err
	}
	if o.metricsListen != "" {
		hosts, port, err := parseListen(ctx, "--metrics-listen", o.metricsListen)
		if err != nil {
			return p, err
		}
		p.metricsHost, p.metricsPort = hosts[0], port
	}
	if err := o.check(); err != nil {
		return p, err
	}
	if _, err := maxTokens(g.tokens); err != nil {
		return p, err
	}
	if p.proxies, err = parseProxies(o.trustedProxies); err != nil {
		return p, err
	}
	if p.allow, err = outbound.ParseAllow(o.outbound.allow); err != nil {
		return p, badUsage("--allow-outbound: %v", err)
	}
	if p.retention, err = o.outbound.keep(); err != nil {
		return p, err
	}
	if o.publicURL == "" {
		o.publicURL = o.defaultPublicURL(p.port)
	} else if o.publicURL, err = cleanPublicURL(o.publicURL); err != nil {
		return p, err
	}
	if err := o.refusePlainHTTP(); err != nil {
		return p, err
	}
	if p.openID, err = o.openID.provider(); err != nil {
		return p, err
	}
	p.smtp, err = o.mail.server()
	return p, err
}

// check reads the flags that can be wrong by themselves.
func (o *serveOptions) check() (err error) {
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return badUsage("--tls-cert and --tls-key go together")
	}
	for _, limit := range []struct {
		name, text string
		n          *int
	}{{"--guesses-per-minute", o.guesses, &o.guessesPerMinute}, {"--requests-per-minute", o.rate, &o.requestsPerMinute}} {
		if limit.text == "" {
			continue // not a command's options: no limit
		}
		if *limit.n, err = strconv.Atoi(limit.text); err != nil || *limit.n < 0 {
			return badUsage("%s %q is not a number from 0 up", limit.name, limit.text)
		}
	}
	if o.reading != "" { // a command's options have none
		if o.readEvery, err = time.ParseDuration(o.reading); err != nil || o.readEvery != 0 && o.readEvery < time.Minute {
			return badUsage("--lock-read-interval %q is not a time of at least a minute, like 15m or 2h, or 0 for never", o.reading)
		}
	}
	return nil
}

// warn logs what is allowed and yet rarely meant.
func (o *serveOptions) warn(log *slog.Logger, tls bool) {
	host, _, err := net.SplitHostPort(o.listen)
	if err == nil && !tls && !o.insecureHTTP && !isLoopback(host) && strings.HasPrefix(o.publicURL, "https:") {
		log.Warn("plain http is served to other machines, although the public URL is https: anyone on the way between the proxy and this "+
			"server can read tokens; "+
			"listen on loopback, give --tls-cert and --tls-key, or let only the proxy reach this port", "listen", o.listen, "public_url",
			o.publicURL)
	}
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
			DB: a.DB, Vault: a.Vault, Sessions: a.People, Usage: a.Usage, Now: a.Now, PublicURL: a.PublicURL, BrowserInSandbox: o.browserInSandbox,
			Watcher: a.Tokens,
			Guesses: credential.NewLimiter(o.guessesPerMinute, a.Now), Rate: credential.NewLimiter(o.requestsPerMinute, a.Now), Unproved: unproved,
		}),
		Log: a.Log, Metrics: metrics, PublicURL: a.PublicURL, CacheBytes: cacheBytes, Client: client,
		// An outcome that is unknown before a handler ran is not about what the request asked for; after that Track decides.
		Unavailable: func(err error) bool { return store.Unavailable(err) || errors.Is(err, store.ErrOutcomeUnknown) }, Track: store.Track,
		Refused: a.Tokens.Refused,
	}, a.Endpoints()...)
}

func (s *server) start(ctx context.Context, o serveOptions, proxies proxies, ports *ports, g globals) (err error) {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(s.app.Jobs.Collectors()...)
	metrics.MustRegister(s.sink.dropped, s.app.Mail.Count, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.rpc, err = s.app.newRPC(metrics, o, proxies.client); err != nil {
		return err
	}
	handler, err := s.handler(o, metrics, proxies.client)
	if err != nil {
		return err
	}
	handler = proxies.restoreHost(handler)
	if err := errors.Join(s.app.Jobs.TakeOver(context.Background()), s.app.Retention.Start(context.Background()),
		s.app.Tokens.StartJobs(context.Background()), s.app.Keyring.StartJobs(context.Background())); err != nil {
		return err
	}
	if g.databaseURL == "" {
		control, err := listenControl(ctx, g.data)
		if err != nil {
			return err
		}
		s.serve(control, &http.Server{Handler: s.app.controlHandler(), ReadHeaderTimeout: 10 * time.Second,
			ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }})
	}
	if ports.metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
		s.serve(ports.metrics, &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second})
	}
	for _, l := range ports.main {
		h := &http.Server{
			Handler: handler,
			// Bounds how long a client that sends slowly, or never ends, keeps a connection.
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       30 * time.Second,
			WriteTimeout:      60 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(s.app.Log.Handler(), slog.LevelDebug),
		}
		if s.cert != nil {
			h.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.cert.get}
		}
		s.serve(l, h)
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stopWork = cancel
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	s.work.Go(func() {
		defer signal.Stop(hangups)
		s.cert.watch(work, hangups)
	})
	s.work.Go(func() { s.app.Webhooks.Run(work) })
	s.work.Go(func() { s.app.Jobs.Run(work) })
	s.work.Go(func() { s.openSessions(work) })
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

func (s *server) serve(l net.Listener, h *http.Server) {
	s.http = append(s.http, h)
	go func() {
		var err error
		if h.TLSConfig != nil {
			err = h.ServeTLS(l, "", "")
		} else {
			err = h.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
}

// openSessions connects to the accounts that are stored.
func (s *server) openSessions(ctx context.Context) {
	orphans, err := s.app.Accounts.OpenAll(ctx)
	if err != nil && ctx.Err() == nil {
		s.app.Log.Error("connected accounts could not be opened; each is tried again when a device of it is asked", "error", err)
	}
	if orphans > 0 {
		s.app.Log.Warn("there are connected accounts that this version has no driver for; their devices are listed and cannot be reached",
			"accounts", orphans)
	}
}

// handler puts the endpoints, the Console and what stands beside them under one roof.
func (s *server) handler(o serveOptions, metrics *prometheus.Registry, client func(*http.Request) string) (http.Handler, error) {
	pages, err := console.New(console.Config{
		Rules: s.app.Console(), Endpoints: s.rpc.Endpoints(), PublicURL: s.url, Client: client, Unavailable: store.Unavailable,
		Streams: s.rpc.Streams(),
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
	webview.Client = client
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
	mux.Handle("GET /openapi.json", rpc.Made(s.app.Log,
		http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Access-Control-Allow-Origin": {"*"}},
		func() ([]byte, error) { return json.Marshal(s.rpc.OpenAPI(version)) }))
	mux.Handle("GET /metrics", guardMetrics(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{})))
	return mux, nil
}

// guardMetrics requires KEYWAY_METRICS_TOKEN as bearer: on the main listener metrics would show
// strangers how much is going on.
func guardMetrics(next http.Handler) http.Handler {
	token := os.Getenv("KEYWAY_METRICS_TOKEN")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token == "" || !ok || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			w.Header().Set("Seam-Request-Id", rpc.NewRequestID())
			rpc.WriteError(w, fault.New(fault.Unauthorized,
				"Metrics are served to the bearer of KEYWAY_METRICS_TOKEN, or on a listener of their own with --metrics-listen"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// offerSetup prints the one-time link until the first user exists.
func (s *server) offerSetup(ctx context.Context) error {
	empty, err := s.app.People.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	secret, err := s.app.People.StartSetup(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.sink,
		"\nNo one is set up yet. Open this link within an hour to create the first user:\n\n  %s/console/setup#%s\n\n", s.url, secret.Reveal())
	return err
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
	defer s.sink.close()
	s.app.Log.Info("stopping: finishing what is in flight")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s.rpc.Streams().End()
	s.app.Jobs.Stop() // requests that wait for a job answer with what there is
	var err error
	for _, h := range s.http {
		if e := h.Shutdown(ctx); errors.Is(e, context.DeadlineExceeded) {
			// Clients that are still sending had time enough: this is not an error.
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
