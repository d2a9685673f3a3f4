// Package reference serves /docs: the endpoint table for people to read.
package reference

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"

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
func New(endpoints []*rpc.Endpoint, publicURL string) (http.Handler, error) {
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
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]any{"Groups": groups(endpoints), "PublicURL": publicURL}); err != nil {
		return nil, err
	}
	body := b.Bytes()
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		w.Write(body)
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
