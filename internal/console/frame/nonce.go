package frame

import (
	"crypto/rand"
	"sync"
	"time"
)

// nonces remembers which forms that show a secret were sent already, so that a browser which sends
// one again (by a reload, or by going back) makes no second secret.
type nonces struct {
	mu    sync.Mutex
	spent map[string]time.Time
}

// nonceLife is how long a sent form is remembered.
const nonceLife = 24 * time.Hour

// NewNonce makes the mark of one form.
func NewNonce() string { return rand.Text() }

// spend tells whether the form with the nonce is sent for the first time.
func (n *nonces) spend(userID, nonce string, now time.Time) bool {
	key := userID + " " + nonce
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.spent == nil || len(n.spent) > 10_000 {
		old := n.spent
		n.spent = map[string]time.Time{}
		for k, at := range old {
			if now.Sub(at) < nonceLife {
				n.spent[k] = at
			}
		}
	}
	if _, ok := n.spent[key]; ok || len(nonce) < 20 || len(nonce) > 64 {
		return false
	}
	n.spent[key] = now
	return true
}

// FirstSent tells whether the form of the request is sent for the first time, by its nonce.
func (q *Request) FirstSent() bool { return q.spent.spend(q.User.ID, q.Form("nonce"), q.Now()) }
