package signed

import (
	"log/slog"
	"sync"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
)

// Signer signs rows with the server key, and logs the ones that it refuses: once an hour for each.
type Signer struct {
	Vault *vault.Vault
	Log   *slog.Logger
	Now   func() time.Time

	mu     sync.Mutex
	logged map[string]time.Time
}

var _ store.Signer = (*Signer)(nil)

// MAC implements store.Signer.
func (s *Signer) MAC(message []byte) []byte { return s.Vault.MAC(message) }

// VerifyMAC implements store.Signer.
func (s *Signer) VerifyMAC(message, mac []byte) bool { return s.Vault.VerifyMAC(message, mac) }

// How often a refused row is logged, and how many rows are remembered for that.
const (
	logEvery  = time.Hour
	maxLogged = 10_000
)

// Refused implements store.Signer.
func (s *Signer) Refused(table, id string) {
	now, key := s.Now(), table+" "+id
	s.mu.Lock()
	at, known := s.logged[key]
	silent := known && now.Sub(at) < logEvery
	if !silent {
		if len(s.logged) >= maxLogged || s.logged == nil {
			s.logged = map[string]time.Time{}
		}
		s.logged[key] = now
	}
	s.mu.Unlock()
	if !silent {
		s.Log.Error("a row was written without the server key and is refused: see `keyway audit verify`", "table", table, "id", id)
	}
}
