// Package reference serves /docs: the endpoint table for people to read.
package reference

import (
	"bytes"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"keyway/internal/rpc"
)

//go:embed reference.html
var page string

// group is the endpoints of one API group.
type group struct {
	Name      string
	Endpoints []*rpc.Endpoint
}

// New renders the reference once: the table does not change while the server runs.
func New(endpoints []*rpc.Endpoint, publicURL string, log *slog.Logger) (http.Handler, error) {
	t, err := template.New("reference").Funcs(template.FuncMap{
		"anchor": func(path string) string { return strings.ReplaceAll(strings.Trim(path, "/"), "/", "-") },
		"join":   strings.Join,
		"credentials": func(e *rpc.Endpoint) string {
			if e.Allow == rpc.Public {
				return "none"
			}
			return strings.ReplaceAll(strings.ReplaceAll(e.Allow.String(), " ", ", "), "_", " ")
		},
	}).Parse(page)
	if err != nil {
		return nil, err
	}
	body := sync.OnceValues(func() ([]byte, error) { // most servers are never asked
		var b bytes.Buffer
		err := t.Execute(&b, map[string]any{"Groups": groups(endpoints), "PublicURL": publicURL})
		return b.Bytes(), err
	})
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, err := body()
		if err != nil {
			log.Error("making the reference failed", "error", err)
			http.Error(w, "The reference could not be made", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		w.Write(text)
	}), nil
}

// groups keeps the contract's groups in front and Keyway's own behind them.
func groups(endpoints []*rpc.Endpoint) []group {
	var contract, own []group
	for _, e := range endpoints {
		list := &contract
		name := "/" + e.Group()
		if strings.HasPrefix(e.Path, "/keyway/") {
			list, name = &own, "/keyway/v1/"+e.Group()
		}
		if n := len(*list); n == 0 || (*list)[n-1].Name != name {
			*list = append(*list, group{Name: name})
		}
		g := &(*list)[len(*list)-1]
		g.Endpoints = append(g.Endpoints, e)
	}
	return append(contract, own...)
}
