package frame

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// ContentSecurityPolicy allows only what this server has: no inline script or style, no other
// origin. The one page of it that lets itself be framed is that of Connect Webviews.
const ContentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// View is one page: a struct that embeds Page, with what its template shows.
type View interface{ page() *Page }

// Renderer turns views into pages.
type Renderer struct {
	now   func() time.Time
	areas map[Area][]NavGroup
	views map[reflect.Type]string // the template of each type of view
	// pages are parsed when they are first asked for: many servers only ever serve the API.
	pages map[string]func() (*template.Template, error)
}

// NewRenderer makes the renderer of the pages that the sections name.
func NewRenderer(now func() time.Time, sections ...Section) (*Renderer, error) {
	assets := assetURLs()
	sections = append([]Section{Own()}, sections...)
	r := &Renderer{now: now, areas: navigation(sections), views: map[reflect.Type]string{},
		pages: map[string]func() (*template.Template, error){}}
	funcs := template.FuncMap{
		"asset": func(name string) (string, error) {
			if u, ok := assets[name]; ok {
				return u, nil
			}
			return "", fmt.Errorf("no static file %q", name)
		},
		"nav":         r.nav,
		"icon":        icon,
		"ago":         r.ago,
		"since":       func(t time.Time) string { return relative(r.now(), t) },
		"happened":    r.happened,
		"happened_at": r.happenedAt,
		"when":        When,
		"took":        took,
		"dotted":      dotted,
		"exact":       Exact,
		"due":         r.due,
		"date":        Date,
		"iso":         iso,
		"field":       field,
		"copyable":    func(what, value string) Copyable { return Copyable{What: what, Value: value} },
		"badge":       func(tone Tone, text string) Badge { return Badge{Tone: tone, Text: text} },
		"console":     ConsolePath,
		"settings":    SettingsPath,
		"instance":    InstancePath,
		"plural":      Plural,
		"secret":      func(id, value string) Secret { return Secret{ID: id, Value: value} },
		"search": func(action, label, query string) any {
			return struct{ Action, Label, Query string }{action, label, query}
		},
		"networks": func(value, address, wrong, hint string) any {
			return struct{ Value, Address, Error, Hint string }{value, address, wrong, hint}
		},
		"revoke": func(base string, token any) any {
			return struct {
				Base  string
				Token any
			}{base, token}
		},
	}
	frame := sync.OnceValues(func() (*template.Template, error) {
		return template.New("").Funcs(funcs).ParseFS(templateFiles, "templates/layout.html", "templates/components.html",
			"templates/notices.html")
	})
	for _, section := range sections {
		if err := r.add(section, frame); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// add adds the pages of a section.
func (r *Renderer) add(section Section, frame func() (*template.Template, error)) error {
	files, err := fs.Glob(section.Templates, "templates/*.html")
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, row := range section.Rows {
		if (row.Template == "") != (row.View == nil) {
			return fmt.Errorf("console: the row %q has a template without a view, or a view without a template", row.Pattern)
		}
		if row.Template == "" {
			continue
		}
		of := reflect.TypeOf(row.View)
		if name, known := r.views[of]; known && name != row.Template {
			return fmt.Errorf("console: %v is shown by %s and by %s", of, name, row.Template)
		}
		r.views[of], own["templates/"+row.Template+".html"] = row.Template, true
	}
	shared := slices.DeleteFunc(files, func(name string) bool { return own[name] })
	for file := range own {
		r.pages[strings.TrimSuffix(path.Base(file), ".html")] = sync.OnceValues(func() (*template.Template, error) {
			t, err := frame()
			if err != nil {
				return nil, err
			}
			if t, err = t.Clone(); err != nil {
				return nil, err
			}
			return t.ParseFS(section.Templates, append(slices.Clone(shared), file)...)
		})
	}
	return nil
}

// render answers with the page. Nothing is sent before the page is complete, so that an error in a
// template becomes an error page and not half a page.
func (r *Renderer) render(w http.ResponseWriter, status int, v View) error {
	var b bytes.Buffer
	if err := r.Write(&b, v); err != nil {
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

// Write renders a page.
func (r *Renderer) Write(b *bytes.Buffer, v View) error {
	name, ok := r.views[reflect.TypeOf(v)]
	if !ok {
		return fmt.Errorf("no row names the view %T", v)
	}
	t, err := r.pages[name]()
	if err != nil {
		return err
	}
	if err := t.ExecuteTemplate(b, "layout", v); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	return nil
}

// assetURLs gives each static file an address that changes with its content, so that browsers may
// cache it permanently.
func assetURLs() map[string]string {
	urls := map[string]string{}
	for name, data := range StaticFiles() {
		sum := sha256.Sum256(data)
		urls[name] = path.Join(Root, "static", name) + "?v=" + base64.RawURLEncoding.EncodeToString(sum[:9])
	}
	return urls
}

// staticHandler serves the static files below Root+"/static/". Addresses that name a version are kept for good,
// others are asked for again and answered only when they have changed.
func staticHandler() http.Handler {
	files, tags := StaticFiles(), map[string]string{}
	for name, data := range files {
		sum := sha256.Sum256(data)
		tags[name] = base64.RawURLEncoding.EncodeToString(sum[:9])
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, Root+"/static/")
		data, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
		h.Set("Cache-Control", "no-cache")
		if r.URL.Query().Has("v") {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		h.Set("ETag", `"`+tags[name]+`"`)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	})
}

// StaticFiles are the static files by their names.
func StaticFiles() map[string][]byte {
	files := map[string][]byte{}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[strings.TrimPrefix(name, "static/")], err = staticFiles.ReadFile(name)
		return err
	})
	if err != nil {
		panic(err) // they are embedded
	}
	return files
}
