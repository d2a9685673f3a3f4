package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// contentSecurityPolicy allows only what this server has: no inline script or style, no other
// origin. The one page of it that lets itself be framed is that of Connect Webviews.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// view is one page: a struct of views.go with the template that shows it.
type view interface {
	page() *Page
	template() string
}

func (*SetUpView) template() string             { return "setup" }
func (*SignInView) template() string            { return "signin" }
func (*InvitationView) template() string        { return "invitation" }
func (*ConfirmView) template() string           { return "confirm" }
func (*SecurityView) template() string          { return "security" }
func (*SignInsView) template() string           { return "signed-in" }
func (*ResumeView) template() string            { return "resume" }
func (*LeaveView) template() string             { return "leave" }
func (*SignedOutView) template() string         { return "signedout" }
func (*NoWorkspaceView) template() string       { return "noworkspace" }
func (*ErrorView) template() string             { return "error" }
func (*DevicesView) template() string           { return "devices" }
func (*DeviceView) template() string            { return "device" }
func (*DeviceEventsView) template() string      { return "device-events" }
func (*CodesView) template() string             { return "codes" }
func (*CodeView) template() string              { return "code" }
func (*TeamView) template() string              { return "team" }
func (*APIKeysView) template() string           { return "apikeys" }
func (*WorkspaceSettingsView) template() string { return "workspace" }
func (*ProfileView) template() string           { return "profile" }
func (*PeopleView) template() string            { return "people" }

// pageTemplates are the names that template() returns.
var pageTemplates = []string{
	"setup", "signin", "confirm", "security", "signed-in", "leave", "resume", "invitation", "signedout", "noworkspace", "error", "devices", "device", "device-events", "codes", "code", "team",
	"apikeys", "tokens", "token", "workspace", "profile", "people", "accounts", "account",
	"events", "event", "webhooks", "webhook", "webviews", "sessions", "refusal", "alltokens", "policy",
}

// renderer turns views into pages.
type renderer struct {
	now func() time.Time
	// pages are parsed when they are first asked for: many servers only ever serve the API.
	pages map[string]func() (*template.Template, error)
}

func newRenderer(now func() time.Time) (*renderer, error) {
	assets, err := assetURLs()
	if err != nil {
		return nil, err
	}
	r := &renderer{now: now, pages: map[string]func() (*template.Template, error){}}
	funcs := template.FuncMap{
		"asset": func(name string) (string, error) {
			if u, ok := assets[name]; ok {
				return u, nil
			}
			return "", fmt.Errorf("no static file %q", name)
		},
		"icon":        icon,
		"ago":         r.ago,
		"happened":    r.happened,
		"happened_at": r.happenedAt,
		"when":        when,
		"took":        took,
		"dotted":      dotted,
		"exact":       exact,
		"due":         r.due,
		"date":        date,
		"iso":         iso,
		"field":       field,
		"copyable":    func(what, value string) Copyable { return Copyable{What: what, Value: value} },
		"badge":       func(tone Tone, text string) Badge { return Badge{Tone: tone, Text: text} },
		"console":     consolePath,
		"settings":    settingsPath,
		"instance":    instancePath,
		"plural":      plural,
		"secret":      func(id, value string) Secret { return Secret{ID: id, Value: value} },
		"search": func(action, label, query string) any {
			return struct{ Action, Label, Query string }{action, label, query}
		},
		"networks": func(value, address, wrong, hint string) any {
			return struct{ Value, Address, Error, Hint string }{value, address, wrong, hint}
		},
		"revoke": func(base string, t Token) any {
			return struct {
				Base  string
				Token Token
			}{base, t}
		},
	}
	base := sync.OnceValues(func() (*template.Template, error) {
		return template.New("").Funcs(funcs).ParseFS(templateFiles, "templates/layout.html", "templates/components.html", "templates/parts.html", "templates/device-parts.html", "templates/token-parts.html")
	})
	for _, name := range pageTemplates {
		r.pages[name] = sync.OnceValues(func() (*template.Template, error) {
			parts, err := base()
			if err != nil {
				return nil, err
			}
			t, err := parts.Clone()
			if err != nil {
				return nil, err
			}
			return t.ParseFS(templateFiles, "templates/"+name+".html")
		})
	}
	return r, nil
}

// render answers with the page. Nothing is sent before the page is complete, so that an error in a
// template becomes an error page and not half a page.
func (r *renderer) render(w http.ResponseWriter, status int, v view) error {
	var b bytes.Buffer
	if err := r.write(&b, v); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := b.WriteTo(w)
	return err
}

func (r *renderer) write(b *bytes.Buffer, v view) error {
	parse, ok := r.pages[v.template()]
	if !ok {
		return fmt.Errorf("no template %q", v.template())
	}
	t, err := parse()
	if err != nil {
		return err
	}
	if err := t.ExecuteTemplate(b, "layout", v); err != nil {
		return fmt.Errorf("page %s: %w", v.template(), err)
	}
	return nil
}

// assetURLs gives each static file an address that changes with its content, so that browsers may
// keep it for ever.
func assetURLs() (map[string]string, error) {
	urls := map[string]string{}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		base := strings.TrimPrefix(name, "static/")
		urls[base] = path.Join(Root, "static", base) + "?v=" + base64.RawURLEncoding.EncodeToString(sum[:9])
		return nil
	})
	return urls, err
}

// staticHandler serves the static files below Root+"/static/".
func staticHandler() http.Handler {
	sub, err := fs.Sub(staticFiles, "static")
	if err != nil {
		panic(err) // the name is a constant
	}
	files := http.StripPrefix(Root+"/static/", http.FileServerFS(sub))
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/") {
			http.NotFound(w, req)
			return
		}
		if req.URL.Query().Has("v") {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		files.ServeHTTP(w, req)
	})
}

// field reads pairs of a name and a value into a Field, so that a template can name what it sets.
func field(pairs ...any) (Field, error) {
	f := Field{Type: "text"}
	for i := 0; i+1 < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		value := pairs[i+1]
		var ok bool
		switch key {
		case "id":
			f.ID, ok = value.(string)
		case "name":
			f.Name, ok = value.(string)
		case "label":
			f.Label, ok = value.(string)
		case "type":
			f.Type, ok = value.(string)
		case "value":
			f.Value, ok = value.(string)
		case "hint":
			f.Hint, ok = value.(string)
		case "error":
			f.Error, ok = value.(string)
		case "placeholder":
			f.Placeholder, ok = value.(string)
		case "autocomplete":
			f.Autocomplete, ok = value.(string)
		case "required":
			f.Required, ok = value.(bool)
		case "autofocus":
			f.Autofocus, ok = value.(bool)
		case "minlength":
			f.MinLength, ok = value.(int)
		case "maxlength":
			f.MaxLength, ok = value.(int)
		case "min":
			f.Min, ok = value.(string)
		case "max":
			f.Max, ok = value.(string)
		case "match":
			f.Match, ok = value.(string)
		default:
			return f, fmt.Errorf("field: unknown name %q", key)
		}
		if !ok {
			return f, fmt.Errorf("field: %s cannot be %T", key, value)
		}
	}
	if f.ID == "" || f.Name == "" || f.Label == "" || len(pairs)%2 != 0 {
		return f, fmt.Errorf("field: id, name and label are needed, each with a value")
	}
	return f, nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
