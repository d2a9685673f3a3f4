package frame

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// minCompressed is the size below which compressing saves nothing.
const minCompressed = 1 << 10

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// compressed is a body as gzip.
func compressed(body []byte) []byte {
	var b bytes.Buffer
	z := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(z)
	z.Reset(&b)
	_, _ = z.Write(body) // a Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// acceptsGzip tells whether the client reads gzip.
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if name == "gzip" && weight != "q=0" && weight != "q=0.0" {
			return true
		}
	}
	return false
}

// unreflected are the parameters of an address that no page repeats as they came.
var unreflected = []string{"after", "attempt", "code", "page"}

// mayCompress tells whether the length of the answer tells nothing: how well a page shrinks betrays a secret in
// it, a PIN or the nonce of a form, to one who chooses text beside it. So what answers a form or repeats a
// search is never compressed.
func (q *Request) mayCompress() bool {
	if q.R.Method != http.MethodGet || !acceptsGzip(q.R) {
		return false
	}
	for name := range q.R.URL.Query() {
		if !slices.Contains(unreflected, name) {
			return false
		}
	}
	return true
}
