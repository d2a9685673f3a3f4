package credential

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/platform/rpc"
)

// GuessesPerMinute is how many unknown tokens an address may try in a minute unless the server's
// options say otherwise: many more than anybody mistypes, and far too few to find one.
const GuessesPerMinute = 60

// NewUnproved makes the counter of requests that proved possession of nothing. They are counted and
// not stored, so that no one can fill the disk with them.
func NewUnproved() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_unproved_credentials_total",
		Help: "Requests whose credential proved nothing: none, malformed, unknown, or of an address that has to wait."}, []string{"why"})
}

// unproved follows a request that proved possession of nothing. It returns too_many_requests for an
// address that has tried too many tokens that look right and are not: garbage is no guess, and
// a caller with a token that was good once has proved possession.
func (v *Verifier) unproved(ctx context.Context, s sent) error {
	why := "unknown"
	var err error
	if _, e := Parse(s.token); e != nil {
		why = "malformed"
	} else if wait := v.Guesses.take(Network(rpc.ClientOf(ctx).Address)); wait > 0 {
		why, err = "waiting", tooMany(wait, "Too many unknown credentials from this address; try again later")
	}
	if v.Unproved != nil {
		v.Unproved.WithLabelValues(why).Inc()
	}
	return err
}

// pace returns too_many_requests for a credential that is used more often than each may be.
func (v *Verifier) pace(f Facts, kind rpc.Allow) error {
	if kind&(rpc.PersonalAccessToken|rpc.WorkspaceKey|rpc.APIKey) == 0 {
		return nil
	}
	key := f.TokenID // a workspace key counts as its token
	if key == "" {
		key = f.ID
	}
	return v.Rate.Admit(key, "This credential is used too often; try again later")
}
