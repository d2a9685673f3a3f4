package frame

import (
	"crypto/rand"
	"sync"
	"time"
)

// nonces remembers which forms that show a secret were sent already, so that a browser which sends
// one again (by a reload, or by going back) makes no second secret. Each person has room of their own.
type nonces struct {
	mu    sync.Mutex
	spent map[string]map[string]time.Time // by user id and nonce
}

// nonceLife is how long a sent form is remembered, and maxNonces how many of a person are.
const (
	nonceLife = 24 * time.Hour
	maxNonces = 1000
)

// NewNonce makes the mark of one form.
func NewNonce() string { return rand.Text() }

// spend reports whether the form with the nonce is sent for the first time.
func (n *nonces) spend(userID, nonce string, now time.Time) bool {
	if len(nonce) < 20 || len(nonce) > 64 {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	own := n.spent[userID]
	if own == nil {
		if n.spent == nil {
			n.spent = map[string]map[string]time.Time{}
		}
		own = map[string]time.Time{}
		n.spent[userID] = own
	}
	if _, ok := own[nonce]; ok {
		return false
	}
	if len(own) >= maxNonces {
		clearNonces(own, now)
	}
	own[nonce] = now
	return true
}

// clearNonces removes what is old; where all are new, the older half.
func clearNonces(own map[string]time.Time, now time.Time) {
	life := nonceLife
	for len(own) > maxNonces/2 && life > 0 {
		for nonce, at := range own {
			if now.Sub(at) >= life {
				delete(own, nonce)
			}
		}
		life /= 2
	}
	for nonce := range own { // all within a moment: any
		if len(own) <= maxNonces/2 {
			return
		}
		delete(own, nonce)
	}
}

// FirstSent reports whether the form of the request is sent for the first time, by its nonce.
func (q *Request) FirstSent() bool { return q.spent.spend(q.User.ID, q.Form("nonce"), q.Now()) }
