package credential

import (
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"keyway/internal/platform/fault"
)

// Limiter lets each key (an address, a token) do something so many times a minute. A nil Limiter
// lets everything through.
type Limiter struct {
	perMinute int
	buckets   *otter.Cache[string, *rate.Limiter]
	now       func() time.Time
}

// maxLimited bounds the keys that a Limiter remembers.
const maxLimited = 50_000

// NewLimiter makes a Limiter; it is nil, and so lets everything through, for 0 a minute.
func NewLimiter(perMinute int, now func() time.Time) *Limiter {
	if perMinute <= 0 {
		return nil
	}
	return &Limiter{perMinute, otter.Must(&otter.Options[string, *rate.Limiter]{MaximumSize: maxLimited,
		ExpiryCalculator: otter.ExpiryAccessing[string, *rate.Limiter](2 * time.Minute)}), now} // by then a bucket is as new
}

// take counts one more for the key, or returns how long it has to wait.
func (l *Limiter) take(key string) time.Duration {
	if l == nil {
		return 0
	}
	bucket, _ := l.buckets.ComputeIfAbsent(key, func() (*rate.Limiter, bool) {
		return rate.NewLimiter(rate.Limit(l.perMinute)/60, l.perMinute), false
	})
	now := l.now()
	r := bucket.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// Admit counts one more for the key; it returns too_many_requests with the text, and in
// error.data.retry_after the seconds to wait, when that is one too many.
func (l *Limiter) Admit(key, text string) error {
	if wait := l.take(key); wait > 0 {
		return tooMany(wait, text)
	}
	return nil
}

// tooMany is the answer to a caller who has to wait.
func tooMany(wait time.Duration, text string) error {
	err := fault.New(fault.TooManyRequests, "%s", text)
	err.Data = map[string]any{"retry_after": int((wait + time.Second - 1) / time.Second)}
	return err
}

// Network is what counts as one address: of IPv6 the first half, since everybody has the second
// half to choose from.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Unmap().Is4() {
		return address
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
