package rpc

import (
	"log/slog"
	"maps"
	"net/http"
	"sync"
)

// Made serves a text that is made when it is first asked for, since most servers are never asked, and
// that does not change while the server runs.
func Made(log *slog.Logger, header http.Header, text func() ([]byte, error)) http.Handler {
	text = sync.OnceValues(text)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := NewRequestID()
		w.Header().Set("Seam-Request-Id", id)
		body, err := text()
		if err != nil {
			log.Error("request failed", "request_id", id, "path", r.URL.Path, "error", err)
			http.Error(w, "Something went wrong on the server (request id "+id+")", http.StatusInternalServerError)
			return
		}
		maps.Copy(w.Header(), header)
		w.Write(body)
	})
}
