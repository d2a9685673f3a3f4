package connectwebview

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

//go:embed templates/page.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

const (
	pagePath   = "/connect_webviews/view"
	staticPath = "/connect_webviews/static/"
)

// Page serves the page of every webview. A person steps through it with forms; what they have
// answered so far travels in the page itself, sealed, so that no server has to remember it and no
// password is ever stored. The page's address works once: loading it changes nothing, and the first
// form that is sent uses it up. A cookie lets the same browser load the page again.
type Page struct {
	*Webviews
	// Client is the address that a request came from; nil: that of its connection.
	Client   func(*http.Request) string
	template *template.Template
	mux      *http.ServeMux
	files    http.Handler
}

// NewPage makes the page.
func NewPage(v *Webviews) (*Page, error) {
	static, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	assets := map[string]string{}
	for _, name := range []string{"webview.css", "webview.js"} {
		text, err := fs.ReadFile(static, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		assets[name] = staticPath + name + "?v=" + base64.RawURLEncoding.EncodeToString(sum[:6])
	}
	t, err := template.New("page.html").Funcs(template.FuncMap{
		"asset": func(name string) string { return assets[name] },
		"image": image,
	}).ParseFS(templateFiles, "templates/page.html")
	if err != nil {
		return nil, err
	}
	p := &Page{Webviews: v, template: t, mux: http.NewServeMux(), files: http.StripPrefix(staticPath, http.FileServerFS(static))}
	p.mux.HandleFunc("GET "+pagePath, p.load)
	p.mux.HandleFunc("POST "+pagePath, p.step)
	p.mux.HandleFunc("GET "+staticPath+"theme.css", theme)
	p.mux.HandleFunc("GET "+workspace.LogoPath, p.logo)
	p.mux.Handle("GET "+staticPath, http.HandlerFunc(p.file))
	return p, nil
}

// image lets through what a picture may be: html/template accepts no data address by default.
func image(address string) template.URL {
	if strings.HasPrefix(address, "data:image/svg+xml,") || strings.HasPrefix(address, workspace.LogoPath+"?") ||
		strings.HasPrefix(address, "https://") {
		return template.URL(address) //nolint:gosec // of these kinds only, and as an image
	}
	return ""
}

// Paths are the patterns that the page serves.
func (p *Page) Paths() []string {
	return []string{"GET " + pagePath, "POST " + pagePath, "GET " + staticPath, "GET " + workspace.LogoPath}
}

func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// file serves what is named by its content, so it never changes under its name.
func (p *Page) file(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	p.files.ServeHTTP(w, r)
}

// logo serves a workspace's logo, which is public. Its address changes with the picture.
func (p *Page) logo(w http.ResponseWriter, r *http.Request) {
	l, err := p.Workspaces.Logo(r.Context(), r.URL.Query().Get("workspace_id"))
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		if !fault.Is(err, fault.WorkspaceNotFound) {
			p.Log.Error("a logo could not be read", "error", err)
		}
		http.NotFound(w, r)
		return
	}
	h.Set("Content-Type", l.Type)
	h.Set("Content-Length", strconv.Itoa(len(l.Data)))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write(l.Data) // a client that has gone misses nothing
}

var hexColour = regexp.MustCompile(`^([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// The colours of the main button unless the workspace has its own.
const (
	defaultButton = "232426"
	defaultText   = "ffffff"
)

// theme gives a workspace's colours as a stylesheet, because the page allows no inline style.
func theme(w http.ResponseWriter, r *http.Request) {
	button, text := r.URL.Query().Get("button"), r.URL.Query().Get("text")
	if !hexColour.MatchString(button) {
		button = defaultButton
	}
	if !hexColour.MatchString(text) {
		text = defaultText
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write([]byte(":root { --button: #" + button + "; --on-button: #" + text + "; }\n"))
}

// progress is what a person has answered so far.
type progress struct {
	Webview   string            `json:"w"`
	Visit     string            `json:"v,omitempty"` // that loaded the address and has not used it up yet
	ExpiresAt int64             `json:"x"`           // Unix seconds
	Brand     string            `json:"b,omitempty"`
	Answers   map[string]string `json:"a,omitempty"`
}

// What progress is sealed for: what stands in a cookie is no answer in a form.
const (
	formContext   = "connect_webview page"
	cookieContext = "connect_webview cookie"
)

func (p *Page) seal(sealedFor string, s progress) (string, error) {
	s.ExpiresAt = p.Now().Add(pageLifetime).Unix()
	text, err := json.Marshal(s)
	return base64.RawURLEncoding.EncodeToString(p.Vault.Seal(sealedFor, text)), err
}

func (p *Page) unseal(sealedFor, text string) (s progress, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return s, false
	}
	plain, err := p.Vault.Open(sealedFor, sealed)
	if err != nil || json.Unmarshal(plain, &s) != nil {
		return s, false
	}
	return s, p.Now().Unix() < s.ExpiresAt
}

// load shows the page to anyone who has its address, and again to the browser that used it.
func (p *Page) load(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	id := q.Get("connect_webview_id")
	v := &visit{Page: p, w: w, r: r}
	wv, err := p.find(r.Context(), id, q.Get("auth_token"))
	unused := err == nil
	switch {
	case unused:
	case errors.Is(err, errStale) && v.hasCookie(id):
		if wv, err = p.byID(r.Context(), p.DB, id); err == nil {
			err = v.setCookie(id)
		}
	}
	if err != nil {
		v.trouble(err)
		return
	}
	if v.progress = (progress{Webview: id}); unused {
		v.progress.Visit = credential.RandomText(22)
	}
	if v.know(wv) {
		v.first()
	}
}

// hasCookie reports whether this browser used the webview's address.
func (v *visit) hasCookie(id string) bool {
	c, err := v.r.Cookie(cookieName(id))
	if err != nil {
		return false
	}
	s, ok := v.unseal(cookieContext, c.Value)
	return ok && s.Webview == id
}

// begin uses up the address for this visit, unless this browser has done so before. It reports whether
// the page goes on.
func (v *visit) begin() bool {
	if v.progress.Visit == "" {
		return true
	}
	err := v.Webviews.begin(v.r.Context(), v.webview, v.progress.Visit)
	if errors.Is(err, errStale) && v.hasCookie(v.webview.ID) {
		err = nil
	}
	if err == nil {
		err = v.setCookie(v.webview.ID)
	}
	if err != nil {
		v.trouble(err)
		return false
	}
	v.progress.Visit = ""
	return true
}

// cookieName is one for each webview, since several may be open in one browser.
func cookieName(id string) string {
	sum := sha256.Sum256([]byte(id))
	return "keyway_webview_" + base64.RawURLEncoding.EncodeToString(sum[:9])
}

// maxForm bounds a form, the sealed answers included.
const maxForm = 64 << 10

// step takes one form. The sealed answers in it are what opens the page: no cookie counts here, so
// no other site can send the form for a person.
func (p *Page) step(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	v := &visit{Page: p, w: w, r: r}
	if err := r.ParseForm(); err != nil {
		v.stale()
		return
	}
	var ok bool
	if v.progress, ok = p.unseal(formContext, r.PostForm.Get("state")); !ok {
		v.stale()
		return
	}
	wv, err := p.byID(r.Context(), p.DB, v.progress.Webview)
	if err != nil {
		v.trouble(err)
		return
	}
	if !v.know(wv) {
		return
	}
	if !v.begin() {
		return
	}
	if wv.Status == authorized {
		v.succeeded()
		return
	}
	switch r.PostForm.Get("step") {
	case "brands":
		v.progress.Brand, v.progress.Answers = "", nil
		v.brands()
	case "brand":
		v.choose(r.PostForm.Get("brand"))
	case "region":
		v.region(r.PostForm.Get("region"))
	case "credentials":
		v.credentials()
	case "two_factor":
		v.twoFactor()
	default:
		v.intro()
	}
}

// visit is one request for the page.
type visit struct {
	*Page
	w        http.ResponseWriter
	r        *http.Request
	progress progress
	webview  row
	ws       workspace.Workspace
	offered  []provider.Brand
}

// view is what the template shows.
type view struct {
	Screen     string // intro, brands, region, credentials, two_factor, success, failure, stale
	Title      string
	State      string // sealed progress
	Unopened   bool   // the address may still be loaded again
	WebviewID  string
	Inviter    string
	Initial    string // where there is no logo
	LogoURL    string
	LogoSquare bool
	ThemeURL   string
	Sandbox    bool
	Brands     []provider.Brand
	Brand      provider.Brand
	Fields     []field
	Hint       []hint
	Regions    []string
	Error      string // of the screen as a whole, or of its one field
	Message    string
	CanRetry   bool
	Single     bool // there is one brand, so none to go back to
	Redirect   template.URL
	Event      string // the event reported to an embedding page
}

// field is one question of the sign-in form.
type field struct {
	provider.Field
	Value        string // what was answered before; never of a secret
	Error        string
	Type         string
	Autocomplete string
}

// hint is one standard answer of the sandbox.
type hint struct{ Name, Label, Value string }

// know reads the workspace that the webview is of. A page whose workspace is gone is as good as none,
// and so is one whose maker could not make it now.
func (v *visit) know(w row) bool {
	v.webview = w
	var err error
	if w.Status != authorized {
		if err := v.stands(v.r.Context(), w, v.address()); err != nil {
			v.trouble(err)
			return false
		}
	}
	if v.ws, err = v.Workspaces.Get(v.r.Context(), v.DB, w.WorkspaceID); err != nil || v.ws.IsSuspended {
		if err == nil || fault.Is(err, fault.WorkspaceNotFound) {
			err = errStale
		}
		v.trouble(err)
		return false
	}
	for _, b := range v.Providers.Brands(v.ws.IsSandbox) {
		if slices.Contains(w.AcceptedProviders, b.Name) {
			v.offered = append(v.offered, b)
		}
	}
	return true
}

// address is from where the page is used.
func (v *visit) address() string {
	if v.Client != nil {
		return v.Client(v.r)
	}
	host, _, err := net.SplitHostPort(v.r.RemoteAddr)
	if err != nil {
		return v.r.RemoteAddr
	}
	return host
}

// setCookie lets the same browser load the page again. The page may be in another site's frame, so
// the cookie has to go there too, in a jar of that site's own.
func (v *visit) setCookie(id string) error {
	value, err := v.seal(cookieContext, progress{Webview: id})
	if err != nil {
		return err
	}
	c := &http.Cookie{Name: cookieName(id), Value: value, Path: pagePath, MaxAge: int(pageLifetime / time.Second), HttpOnly: true,
		SameSite: http.SameSiteLaxMode}
	if v.secure() {
		c.Secure, c.Partitioned, c.SameSite = true, true, http.SameSiteNoneMode
	}
	http.SetCookie(v.w, c)
	return nil
}

// secure reports whether browsers take a Secure cookie from here: over https, and from this machine.
func (v *visit) secure() bool {
	u, err := url.Parse(v.PublicURL)
	return err == nil && (u.Scheme == "https" || u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
}

func (v *visit) first() {
	if v.webview.Status == authorized {
		v.succeeded()
		return
	}
	v.intro()
}

func (v *visit) intro() {
	v.show(view{Screen: "intro", Title: "Connect your devices"})
}

func (v *visit) brands() {
	if len(v.offered) == 1 {
		v.choose(v.offered[0].Name)
		return
	}
	v.show(view{Screen: "brands", Title: "Select your device brand", Brands: v.offered})
}

func (v *visit) brand() (provider.Brand, bool) {
	i := slices.IndexFunc(v.offered, func(b provider.Brand) bool { return b.Name == v.progress.Brand })
	if i < 0 {
		return provider.Brand{}, false
	}
	return v.offered[i], true
}

func (v *visit) choose(name string) {
	v.progress.Brand, v.progress.Answers = name, map[string]string{}
	b, ok := v.brand()
	switch {
	case !ok:
		v.progress.Brand = ""
		v.show(view{Screen: "brands", Title: "Select your device brand", Brands: v.offered, Error: "Choose one of these brands."})
	case len(b.SignIn.Regions) > 0:
		v.askRegion(b, "")
	default:
		v.askCredentials(b, nil, "")
	}
}

func (v *visit) region(name string) {
	b, ok := v.brand()
	if !ok {
		v.brands()
		return
	}
	if !slices.Contains(b.SignIn.Regions, name) {
		v.askRegion(b, "Choose the region that your account belongs to.")
		return
	}
	v.progress.Answers = map[string]string{"region": name}
	v.askCredentials(b, nil, "")
}

func (v *visit) askRegion(b provider.Brand, problem string) {
	v.show(view{Screen: "region", Title: "Select your device region", Brand: b, Regions: b.SignIn.Regions, Error: problem})
}

// askCredentials shows the sign-in form, with an error beside each field that has one, and with what
// was answered before but for secrets.
func (v *visit) askCredentials(b provider.Brand, problems map[string]string, problem string) {
	out := view{Screen: "credentials", Title: "Sign in to " + b.DisplayName, Brand: b, Error: problem}
	for _, f := range b.SignIn.Fields {
		shown := field{Field: f, Error: problems[f.Name], Type: "text", Autocomplete: "off"}
		switch {
		case f.Secret:
			shown.Type = "password"
		case f.Name == "email":
			shown.Type, shown.Autocomplete = "email", "username"
		case f.Name == "username":
			shown.Autocomplete = "username"
		}
		if f.Name == "password" {
			shown.Autocomplete = "current-password"
		}
		if !f.Secret {
			shown.Value = v.progress.Answers[f.Name]
		}
		out.Fields = append(out.Fields, shown)
	}
	if example := b.SignIn.Example; example != nil {
		for _, f := range b.SignIn.Fields {
			out.Hint = append(out.Hint, hint{f.Name, f.Label, example[f.Name]})
		}
		if code := example["two_factor_code"]; code != "" {
			out.Hint = append(out.Hint, hint{"", "Two factor code", code})
		}
	}
	v.show(out)
}

func (v *visit) credentials() {
	b, ok := v.brand()
	if !ok {
		v.brands()
		return
	}
	answers := map[string]string{"region": v.progress.Answers["region"]}
	for _, f := range b.SignIn.Fields {
		answers[f.Name] = v.r.PostForm.Get("field." + f.Name)
	}
	v.progress.Answers = answers
	v.signIn(b)
}

func (v *visit) twoFactor() {
	b, ok := v.brand()
	if !ok {
		v.brands()
		return
	}
	v.progress.Answers = maps.Clone(v.progress.Answers)
	if v.progress.Answers == nil {
		v.progress.Answers = map[string]string{}
	}
	v.progress.Answers["two_factor_code"] = strings.ReplaceAll(v.r.PostForm.Get("code"), " ", "")
	v.signIn(b)
}

func (v *visit) askTwoFactor(b provider.Brand, problem string) {
	delete(v.progress.Answers, "two_factor_code")
	v.show(view{Screen: "two_factor", Title: "Two factor code", Brand: b, Error: problem})
}

// signIn tries the answers, and goes to the screen where something must be corrected.
func (v *visit) signIn(b provider.Brand) {
	if v.webview.failures >= maxFailures {
		v.tooMany(b)
		return
	}
	ctx := v.r.Context()
	_, err := v.connect(ctx, v.webview, v.ws.IsSandbox, b.Name, v.progress.Answers)
	var refused *provider.SignInError
	switch {
	case err == nil:
		if v.webview, err = v.byID(ctx, v.DB, v.webview.ID); err != nil {
			v.trouble(err)
			return
		}
		v.succeeded()
	case errors.As(err, &refused):
		v.refused(b, refused)
	case fault.Is(err, fault.CustomerConflict):
		v.failed(b, fault.CustomerConflict.String(), "This "+b.DisplayName+" account is already connected for someone else.")
	case errors.Is(err, errTooMany):
		v.tooMany(b)
	case errors.Is(err, errStale):
		v.stale()
	default:
		v.Log.Error("connecting an account failed", "connect_webview_id", v.webview.ID, "provider", b.Name, "error", err)
		v.failed(b, "internal_error", "Something went wrong on our side while connecting to "+b.DisplayName+".")
	}
}

func (v *visit) refused(b provider.Brand, e *provider.SignInError) {
	switch e.Kind {
	case provider.WrongCredentials, provider.WrongTwoFactor:
		tooMany, err := v.countFailure(v.r.Context(), v.webview)
		if err != nil {
			v.trouble(err)
			return
		}
		if tooMany {
			if err := v.fail(v.r.Context(), v.webview, b.Name); err != nil {
				v.trouble(err)
				return
			}
			v.tooMany(b)
			return
		}
	}
	switch e.Kind {
	case provider.AccountLocked:
		v.failed(b, string(e.Kind), e.Message)
	case provider.RegionRequired:
		v.askRegion(b, e.Message)
	case provider.TwoFactorRequired:
		problem := ""
		if v.r.PostForm.Get("step") == "two_factor" {
			problem = e.Message
		}
		v.askTwoFactor(b, problem)
	case provider.WrongTwoFactor:
		v.askTwoFactor(b, e.Message)
	default:
		if e.Field == "" {
			v.askCredentials(b, nil, e.Message)
			return
		}
		problems := map[string]string{e.Field: e.Message}
		for _, name := range e.Missing {
			problems[name] = "Required."
		}
		v.askCredentials(b, problems, "")
	}
}

func (v *visit) succeeded() {
	w := v.webview
	out := view{Screen: "success", Title: "Success", Event: "connect_webview.login_succeeded", Message: v.ws.Customization.SuccessMessage}
	if out.Message == "" {
		out.Message = "Your account has been successfully connected to " + v.inviter() + "."
	}
	if w.SelectedProvider != nil {
		v.progress.Brand = *w.SelectedProvider
	}
	out.Brand, _ = v.brand()
	if w.ConnectedAccountID != nil {
		n, err := v.Devices.CountOfAccount(v.r.Context(), w.WorkspaceID, *w.ConnectedAccountID)
		if err != nil {
			v.trouble(err)
			return
		}
		out.Hint = []hint{{Value: found(n)}}
	}
	if w.CustomRedirectURL != nil {
		out.Redirect = redirectTo(*w.CustomRedirectURL, url.Values{"connect_webview_id": {w.ID}})
	}
	v.show(out)
}

func found(n int) string {
	switch n {
	case 0:
		return "There are no devices in this account yet."
	case 1:
		return "We found 1 device."
	}
	return "We found " + strconv.Itoa(n) + " devices."
}

// failed ends the page without an account. A person may start over.
func (v *visit) failed(b provider.Brand, code, message string) {
	if err := v.fail(v.r.Context(), v.webview, b.Name); err != nil {
		v.trouble(err)
		return
	}
	v.showFailure(b, code, message, true)
}

// tooMany ends the page permanently: a right guess after too many wrong ones does not help.
func (v *visit) tooMany(b provider.Brand) {
	v.showFailure(b, "too_many_attempts", "There were too many wrong answers.", false)
}

func (v *visit) showFailure(b provider.Brand, code, message string, canRetry bool) {
	v.progress.Answers = nil
	out := view{Screen: "failure", Title: "Not connected", Brand: b, Message: message, CanRetry: canRetry,
		Event: "connect_webview.login_failed"}
	to := v.webview.CustomRedirectFailure
	if to == nil {
		to = v.webview.CustomRedirectURL
	}
	if to != nil {
		out.Redirect = redirectTo(*to, url.Values{"connect_webview_id": {v.webview.ID}, "error_code": {code}, "error_message": {message}})
	}
	v.show(out)
}

// redirectTo adds parameters to an address that was checked when the webview was made. What the app put
// into its query stays as it is, byte for byte; ours stand behind it.
func redirectTo(text string, add url.Values) template.URL {
	address, fragment, hasFragment := strings.Cut(text, "#")
	switch {
	case !strings.Contains(address, "?"):
		address += "?"
	case !strings.HasSuffix(address, "?") && !strings.HasSuffix(address, "&"):
		address += "&"
	}
	address += add.Encode()
	if hasFragment {
		address += "#" + fragment
	}
	return template.URL(address) //nolint:gosec // checked when the webview was made: no script, data or file
}

// stale says that the address does not open the page, alike for every reason.
func (v *visit) stale() {
	v.progress = progress{}
	v.showAs(http.StatusGone, view{Screen: "stale", Title: "This link cannot be used",
		Message: "It was used before, or it is too old. Go back to where you came from and start again."})
}

// trouble answers when there is nothing to show but that something went wrong.
func (v *visit) trouble(err error) {
	if errors.Is(err, errStale) {
		v.stale()
		return
	}
	v.Log.Error("a Connect Webview could not be shown", "connect_webview_id", v.webview.ID, "error", err)
	v.showAs(http.StatusInternalServerError, view{Screen: "stale", Title: "Something went wrong", Message: "Please try again in a moment."})
}

func (v *visit) inviter() string {
	if v.ws.CompanyName != "" {
		return v.ws.CompanyName
	}
	return v.ws.Name
}

// show answers with a screen.
func (v *visit) show(out view) { v.showAs(http.StatusOK, out) }

// showAs answers with a screen under another status. Nothing is sent before it is complete.
func (v *visit) showAs(status int, out view) {
	out.Inviter, out.WebviewID, out.Sandbox, out.Single = v.inviter(), v.webview.ID, v.ws.IsSandbox, len(v.offered) == 1
	out.Unopened = v.progress.Visit != ""
	for _, letter := range out.Inviter {
		out.Initial = string(letter)
		break
	}
	c := v.ws.Customization
	out.LogoURL, out.LogoSquare = c.InviterLogoURL, c.LogoShape == "square"
	out.ThemeURL = staticPath + "theme.css?" + url.Values{"button": {colour(c.PrimaryButtonColor, defaultButton)},
		"text": {colour(c.PrimaryButtonTextColor, defaultText)}}.Encode()
	if u, err := url.Parse(out.LogoURL); err == nil && u.Path == workspace.LogoPath {
		out.LogoURL = u.RequestURI() // from here, under whatever name the page was opened
	}
	images := "'self' data:"
	if u, err := url.Parse(out.LogoURL); err == nil && u.Scheme == "https" && u.Host != "" {
		images += " https://" + u.Host
	}
	var err error
	if v.progress.Webview != "" {
		if out.State, err = v.seal(formContext, v.progress); err != nil {
			status, out = http.StatusInternalServerError, view{Screen: "stale", Title: "Something went wrong", ThemeURL: out.ThemeURL}
		}
	}
	var b bytes.Buffer
	if err := v.template.Execute(&b, out); err != nil {
		v.Log.Error("a Connect Webview could not be rendered", "error", err)
		http.Error(v.w, "Something went wrong", http.StatusInternalServerError)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address contains a token
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	// This page, and no other of Keyway's, may be in a frame of any site.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src "+images+
		"; form-action 'self'; base-uri 'none'; frame-ancestors *")
	h.Set("Seam-Request-Id", rpc.NewRequestID())
	v.w.WriteHeader(status)
	_, _ = b.WriteTo(v.w) // a client that has gone misses nothing
}

// colour is a workspace's colour without its #.
func colour(of, otherwise string) string {
	if c := strings.TrimPrefix(of, "#"); hexColour.MatchString(c) {
		return c
	}
	return otherwise
}
