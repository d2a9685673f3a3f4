// Package reference serves /docs: the endpoint table for people to read.
package reference

import (
	"bytes"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"keyway/internal/platform/rpc"
)

//go:embed reference.html
var page string

// group is the endpoints of one API group.
type group struct {
	Name      string
	Endpoints []*rpc.Endpoint
}

// New renders the reference when it is first asked for.
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
	header := http.Header{}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "+
		"frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	return rpc.Made(log, header, func() ([]byte, error) {
		var b bytes.Buffer
		err := t.Execute(&b, map[string]any{"Groups": groups(endpoints), "PublicURL": publicURL})
		return b.Bytes(), err
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
