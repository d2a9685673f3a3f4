package frame

import (
	"net/http"
	"slices"
)

// unreflected are the parameters of an address that no page repeats as they came.
var unreflected = []string{"after", "attempt", "code", "page"}

// mayCompress reports whether the length of the answer reveals nothing: how well a page compresses reveals a secret in
// it, a PIN or the nonce of a form, to anyone who can choose text beside it. So what answers a form or repeats a
// search is never compressed.
func (q *Request) mayCompress() bool {
	if q.R.Method != http.MethodGet {
		return false
	}
	for name := range q.R.URL.Query() {
		if !slices.Contains(unreflected, name) {
			return false
		}
	}
	return true
}
