package rpc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/rpc"
)

func unzip(t *testing.T, body []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAnswersAreCompressed(t *testing.T) {
	t.Parallel()
	size := 5000
	text := func(context.Context, rpc.None) (string, error) { return strings.Repeat("ab", size/2), nil }
	s := setup(t,
		rpc.Endpoint{Path: "/x/get", Summary: "s", Allow: rpc.APIKey, Read: true, Returns: "x", Handle: rpc.Func(text)},
		rpc.Endpoint{Path: "/x/token", Summary: "s", Allow: rpc.APIKey, Secret: true, Returns: "x", Handle: rpc.Func(text)},
		rpc.Endpoint{Path: "/x/small", Summary: "s", Allow: rpc.APIKey, Returns: "x",
			Handle: rpc.Func(func(context.Context, rpc.None) (string, error) {
				return "ab", nil
			})})
	for accept, want := range map[string]bool{
		"gzip": true, "GZIP": true, "br, gzip;q=0.5": true, "*": true, "deflate, *;q=0.1": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0.0, *": false, "identity": false,
	} {
		for path, may := range map[string]bool{"/x/get": true, "/x/token": false, "/x/small": false} {
			rec := s.do(request{target: path, header: map[string]string{"Accept-Encoding": accept, "Origin": "https://page.example"}})
			zipped := rec.Header().Get("Content-Encoding") == "gzip"
			if zipped != (want && may) || rec.Header().Get("Content-Length") != fmt.Sprint(rec.Body.Len()) {
				t.Errorf("%s %q: %v", path, accept, rec.Header())
			}
			vary := strings.Join(rec.Header().Values("Vary"), ", ")
			if strings.Contains(vary, "Accept-Encoding") != (path != "/x/token") || !strings.Contains(vary, "Origin") {
				t.Errorf("%s: Vary %q", path, vary)
			}
			body := rec.Body.String()
			if zipped {
				body = unzip(t, rec.Body.Bytes())
			}
			if !strings.HasPrefix(body, `{"x":"ab`) || !strings.HasSuffix(body, `"ok":true}`) {
				t.Errorf("%s %q: %.40q", path, accept, body)
			}
		}
	}
}

func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	page := strings.Repeat("<p>Front door</p>", 500)
	for name, tt := range map[string]struct {
		handle http.HandlerFunc
		zipped bool
		etag   string
	}{
		"page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			for line := range strings.SplitAfterSeq(page, "</p>") {
				io.WriteString(w, line)
			}
		}, true, ""},
		"without a type": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>"+page) }, true, ""},
		"a secret": {func(w http.ResponseWriter, _ *http.Request) {
			rpc.KeepPlain(w.Header())
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, page)
		}, false, ""},
		"small": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<p>")
		}, false, ""},
		"an image": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			io.WriteString(w, page)
		}, false, ""},
		"an error": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, http.StatusNotFound) }, false, ""},
		"a file": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"1"`)
			http.ServeContent(w, r, "x.css", time.Time{}, strings.NewReader(page))
		}, true, `"1-gzip"`},
		"nothing": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, false, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		rec := httptest.NewRecorder()
		rpc.Compress(tt.handle).ServeHTTP(rec, r)
		plain := httptest.NewRecorder()
		rpc.Compress(tt.handle).ServeHTTP(plain, httptest.NewRequest(http.MethodGet, "/", nil))
		if zipped := rec.Header().Get("Content-Encoding") == "gzip"; zipped != tt.zipped || rec.Code != plain.Code {
			t.Errorf("%s: %d %v", name, rec.Code, rec.Header())
		} else if zipped && unzip(t, rec.Body.Bytes()) != plain.Body.String() || !zipped && rec.Body.String() != plain.Body.String() {
			t.Errorf("%s: another page", name)
		}
		if rec.Header().Get("ETag") != tt.etag || rec.Header().Get("Content-Encoding") == "identity" ||
			plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %v", name, rec.Header())
		}
		if tt.etag == "" {
			continue
		}
		if strings.Join(plain.Header()["Vary"], "") != "Accept-Encoding" || plain.Header().Get("ETag") == tt.etag {
			t.Errorf("%s: %v", name, plain.Header())
		}
		r.Header.Set("If-None-Match", tt.etag)
		again := httptest.NewRecorder()
		rpc.Compress(tt.handle).ServeHTTP(again, r)
		if again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != tt.etag {
			t.Errorf("%s: %d %v", name, again.Code, again.Header())
		}
	}
}

// A stream arrives as it is sent, also through what compresses pages.
func TestStreamsAreNotHeldBack(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	s := httptest.NewServer(rpc.Compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-next
	})))
	defer s.Close()
	defer close(next)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 9)
	if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != "data: 1\n\n" || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("%q %v", b, err)
	}
}

// A page that is cut off by a bug must not look whole.
func TestACompressedPageThatFails(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(rpc.Compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, strings.Repeat("<p>", 1000))
		panic(http.ErrAbortHandler)
	})))
	defer s.Close()
	res, err := http.Get(s.URL)
	if err == nil {
		defer res.Body.Close()
		if _, err = io.ReadAll(res.Body); err == nil {
			t.Error("it ended well")
		}
	}
}
