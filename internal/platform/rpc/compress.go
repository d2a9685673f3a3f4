package rpc

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/maypok86/otter/v2"
)

// minCompressed is the size below which compressing costs more than it saves: such an answer is one packet.
const minCompressed = 1 << 10

var gzipEncoding = []string{"gzip"}

// gzipWriters are kept, since each has about 800 KB of tables.
var gzipWriters = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is one of the package's own
	}
	return z
}}

// gzipped compresses an answer.
func gzipped(body []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(body)/4 + 64)
	z := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(z)
	z.Reset(&b)
	_, _ = z.Write(body) // a Buffer takes everything
	_ = z.Close()
	z.Reset(nil)
	return b.Bytes()
}

// answerBody is the body of a success, and the key under which it is kept; the key is empty where it is not.
type answerBody struct {
	plain []byte
	key   string
}

// compressed is the body as gzip, which is kept like the body itself.
func (a answerBody) compressed(cache *otter.Cache[string, []byte]) []byte {
	if a.key == "" || cache == nil {
		return gzipped(a.plain)
	}
	key := a.key + "\x00gzip"
	if body, ok := cache.GetIfPresent(key); ok {
		return body
	}
	body := gzipped(a.plain)
	cache.Set(key, body)
	return body
}

// acceptsGzip reports whether a client accepts an answer that is compressed with gzip.
func acceptsGzip(h http.Header) bool {
	best, others := -1.0, -1.0
	for part := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q="); ok {
			var err error
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			best = max(best, weight)
		case "*":
			others = weight
		}
	}
	if best >= 0 {
		return best > 0
	}
	return others > 0
}

// KeepPlain marks an answer that Compress must leave as it is: a page that shows a secret, or a form's nonce beside
// text that came with the request. It is called before the answer is begun.
func KeepPlain(h http.Header) { h.Set("Content-Encoding", "identity") }

// compressible are the types of answers that shrink.
var compressible = []string{"text/html", "text/css", "text/plain", "text/javascript", "application/javascript", "application/json",
	"image/svg+xml"}

// Compress compresses what next answers with, where the client accepts that and next did not mark it with KeepPlain.
// Streams, parts of files and answers that are compressed already pass through as they are written. Each form of an
// answer has an ETag of its own.
func Compress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &compressor{ResponseWriter: w, accepted: acceptsGzip(r.Header) && r.Method != http.MethodHead}
		if c.accepted {
			r = withPlainETags(r)
		}
		defer c.close()
		next.ServeHTTP(c, r)
		c.complete = true
	})
}

// etagSuffix distinguishes the compressed form of an answer from the other.
const etagSuffix = `-gzip"`

// withPlainETags passes next the ETags that it knows.
func withPlainETags(r *http.Request) *http.Request {
	tags := r.Header.Get("If-None-Match")
	if !strings.Contains(tags, etagSuffix) {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Set("If-None-Match", strings.ReplaceAll(tags, etagSuffix, `"`))
	return r
}

// compressor buffers the beginning of an answer until it is known whether it is worth compressing.
type compressor struct {
	http.ResponseWriter
	accepted bool
	complete bool // next returned, and did not panic
	status   int
	held     []byte
	decided  bool
	z        *gzip.Writer
}

// Unwrap is for http.ResponseController, which finds Flush here.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *compressor) WriteHeader(status int) {
	if status < 200 {
		c.ResponseWriter.WriteHeader(status)
	} else if c.status == 0 {
		c.status = status
	}
}

func (c *compressor) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	if !c.decided {
		c.held = append(c.held, b...)
		if len(c.held) < minCompressed && c.may() {
			return len(b), nil
		}
		return len(b), c.begin()
	}
	if c.z != nil {
		return c.z.Write(b)
	}
	return c.ResponseWriter.Write(b)
}

// may reports whether the answer could be compressed, as far as its headers say.
func (c *compressor) may() bool {
	h := c.Header()
	if !c.accepted || c.status != http.StatusOK || h.Get("Content-Encoding") != "" || h.Get("Content-Range") != "" {
		return false
	}
	return c.shrinks()
}

func (c *compressor) shrinks() bool {
	kind, _, _ := strings.Cut(c.Header().Get("Content-Type"), ";")
	for _, t := range compressible {
		if strings.EqualFold(strings.TrimSpace(kind), t) {
			return true
		}
	}
	return false
}

// begin sends the headers and what was buffered.
func (c *compressor) begin() error {
	c.decided = true
	h := c.Header()
	if h.Get("Content-Type") == "" && len(c.held) > 0 {
		h.Set("Content-Type", http.DetectContentType(c.held))
	}
	compress := len(c.held) >= minCompressed && c.may()
	if h.Get("Content-Encoding") == "identity" {
		h.Del("Content-Encoding")
	} else if c.shrinks() || c.status == http.StatusNotModified {
		h.Add("Vary", "Accept-Encoding")
	}
	if tag := h.Get("ETag"); tag != "" && (compress || c.accepted && c.status == http.StatusNotModified) {
		h.Set("ETag", strings.TrimSuffix(tag, `"`)+etagSuffix)
	}
	if compress {
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
		h.Del("Accept-Ranges")
		c.z = gzipWriters.Get().(*gzip.Writer)
		c.z.Reset(c.ResponseWriter)
	}
	c.ResponseWriter.WriteHeader(c.status)
	if len(c.held) == 0 {
		return nil
	}
	var err error
	if c.z != nil {
		_, err = c.z.Write(c.held)
	} else {
		_, err = c.ResponseWriter.Write(c.held)
	}
	c.held = nil
	return err
}

// FlushError sends what there is: a stream is never buffered.
func (c *compressor) FlushError() error {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	if !c.decided {
		if err := c.begin(); err != nil {
			return err
		}
	}
	if c.z != nil {
		if err := c.z.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// Flush is FlushError for an http.Flusher.
func (c *compressor) Flush() { _ = c.FlushError() }

func (c *compressor) close() {
	if c.complete && !c.decided && c.status != 0 {
		_ = c.begin() // a reader that is gone
	}
	if c.z != nil {
		if c.complete { // otherwise the reader must see that the end is missing
			_ = c.z.Close()
		}
		c.z.Reset(nil)
		gzipWriters.Put(c.z)
	}
}
