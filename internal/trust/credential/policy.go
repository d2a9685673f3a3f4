package credential

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
)

// Policy is what tokens must satisfy: in the instance everywhere, in a workspace to be taken there.
// A rule that is null or empty asks nothing.
type Policy struct {
	MaximumAgeDays *int64   `json:"maximum_age_days" doc:"Maximum age of a token in days, from creation to expiry; one that never expires is too old."`
	DefaultAgeDays *int64   `json:"default_age_days" doc:"How many days a new token lives when its maker does not say; only of the instance."`
	NeverForbidden bool     `json:"never_forbidden" doc:"Whether a token must have an expiry."`
	AllowedScopes  []string `json:"allowed_scopes" doc:"A token may have no scope but these; empty: any."`
	AllowedCIDRs   []string `json:"allowed_cidrs" doc:"From which networks tokens may be used; empty: from everywhere."`
	InactiveDays   *int64   `json:"inactive_days" doc:"After how many days without use a token is refused."`
}

// The rules of a policy, as error.data.rule names them.
const (
	ruleMaximumAge = "maximum_age_days"
	ruleNever      = "never_forbidden"
	ruleScopes     = "allowed_scopes"
	ruleCIDRs      = "allowed_cidrs"
	ruleInactive   = "inactive_days"
)

const oneDay = 24 * time.Hour

// ReadPolicy reads the policy of a workspace, or of the instance (empty id).
func ReadPolicy(ctx context.Context, q store.Querier, workspaceID string) (p Policy, err error) {
	var doc sql.NullString
	err = q.QueryRow(ctx, `SELECT doc FROM policies WHERE workspace_id = $1`, workspaceID).Scan(&doc)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, err
	}
	found, err := parsePolicy(doc)
	if found != nil {
		p = *found
	}
	return p, err
}

func parsePolicy(doc sql.NullString) (*Policy, error) {
	if !doc.Valid {
		return nil, nil
	}
	p := new(Policy)
	return p, json.Unmarshal([]byte(doc.String), p)
}

// Expiry is when a new token expires if its maker did not say: the policy's default, or the given
// number of days, and never later than the policy allows.
func (p Policy) Expiry(now time.Time, days int) time.Time {
	if p.DefaultAgeDays != nil {
		days = int(*p.DefaultAgeDays)
	}
	if p.MaximumAgeDays != nil {
		days = min(days, int(*p.MaximumAgeDays))
	}
	return now.AddDate(0, 0, days)
}

// Admit refuses a token that is being made or changed and would not satisfy the policy. It returns
// invalid_input naming expires_at or scopes.
func (p Policy) Admit(createdAt, expiresAt time.Time, scopes []string) error {
	switch {
	case p.tooOld(createdAt, expiresAt):
		return fault.Invalid("expires_at", "The policy of this server lets tokens live for %d days at the most, until %s", *p.MaximumAgeDays,
			p.latest(createdAt).Format(time.DateOnly))
	case p.NeverForbidden && expiresAt.IsZero():
		return fault.Invalid("expires_at", "The policy of this server asks for an expiry")
	}
	if s := p.excess(scopes); s != "" {
		return fault.Invalid("scopes", "The policy of this server does not allow the scope %s", s)
	}
	return nil
}

func (p Policy) latest(createdAt time.Time) time.Time {
	return createdAt.AddDate(0, 0, int(*p.MaximumAgeDays))
}

func (p Policy) tooOld(createdAt, expiresAt time.Time) bool {
	return p.MaximumAgeDays != nil && (expiresAt.IsZero() || expiresAt.After(p.latest(createdAt)))
}

// excess is the first scope that the policy does not allow; empty: all are.
func (p Policy) excess(scopes []string) string {
	if len(p.AllowedScopes) == 0 {
		return ""
	}
	for _, s := range scopes {
		if !slices.ContainsFunc(p.AllowedScopes, func(allowed string) bool { return grants(allowed, s) }) {
			return s
		}
	}
	return ""
}

// policyFacts are the policies that a request must satisfy; nil: none.
type policyFacts struct{ instance, workspace *Policy }

const policyJoins = `LEFT JOIN policies ip ON ip.workspace_id = ''
	LEFT JOIN policies wp ON wp.workspace_id = w.workspace_id`

// checkPolicy refuses a token that does not satisfy the policy of the instance or of the workspace, or
// that was made with one that does not. It returns forbidden with the reason policy, and the rule.
func (v *Verifier) checkPolicy(ctx context.Context, f Facts, address string) error {
	if err := v.satisfies(ctx, f.policy.instance, f, address, "this server"); err != nil {
		return err
	}
	return v.satisfies(ctx, f.policy.workspace, f, address, "the workspace")
}

func (v *Verifier) satisfies(ctx context.Context, p *Policy, f Facts, address, whose string) error {
	if p == nil {
		return nil
	}
	for i := range f.Chain {
		rule, why := p.broken(&f.Chain[i], address)
		if rule == "" && i == 0 {
			var err error
			if rule, why, err = v.inactive(ctx, p, &f.Chain[i]); err != nil {
				return err
			}
		}
		if rule != "" {
			e := fault.Reason(fault.Forbidden, "policy", "The policy of %s refuses this token: %s", whose, why)
			e.Data["rule"] = rule
			return e
		}
	}
	return nil
}

// anywhere is the address of what is done in a token's name without a request.
const anywhere = "anywhere"

// broken is the rule of a policy that a token does not satisfy, and why.
func (p *Policy) broken(t *Link, address string) (rule, why string) {
	switch {
	case p.NeverForbidden && t.ExpiresAt.IsZero():
		return ruleNever, "it never expires"
	case p.tooOld(t.CreatedAt, t.ExpiresAt):
		return ruleMaximumAge, fmt.Sprintf("tokens may live for %d days at the most", *p.MaximumAgeDays)
	case len(p.AllowedCIDRs) > 0 && address != anywhere && !within(p.AllowedCIDRs, address):
		return ruleCIDRs, "it is used from an address that is not allowed"
	}
	if s := p.excess(t.rule.Scopes); s != "" {
		return ruleScopes, fmt.Sprintf("it has the scope %s, which is not allowed", s)
	}
	return "", ""
}

// longAgo reports whether a time is further back than the policy lets a token stay unused.
func (p *Policy) longAgo(at, now time.Time) bool {
	return p.InactiveDays != nil && now.Sub(at) > time.Duration(*p.InactiveDays)*oneDay
}

// idle reports whether a token was unused for longer than a policy allows, as far as its use is recorded.
func (p *Policy) idle(t *Link, now time.Time) bool {
	last := t.LastUsedAt
	if last.IsZero() {
		last = t.CreatedAt
	}
	return p.longAgo(last, now)
}

// inactive reports whether a token was unused for longer than a policy allows.
func (v *Verifier) inactive(ctx context.Context, p *Policy, t *Link) (rule, why string, err error) {
	if p.InactiveDays == nil {
		return "", "", nil
	}
	idle := func(at time.Time) bool { return p.longAgo(at, v.Now()) }
	if !p.idle(t, v.Now()) || !idle(v.Usage.lastUse(t.ID)) {
		return "", "", nil
	}
	// The facts may be from before uses that no generation reflects.
	var at sql.NullInt64
	if err := v.DB.QueryRow(ctx, `SELECT last_used_at FROM credentials WHERE credential_id = $1`, t.ID).Scan(&at); err != nil {
		return "", "", err
	}
	if at.Valid && !idle(store.Time(at.Int64)) {
		return "", "", nil
	}
	return ruleInactive, fmt.Sprintf("it was not used for %d days", *p.InactiveDays), nil
}

// within reports whether an address is in one of the networks.
func within(cidrs []string, address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(prefixes(cidrs), func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// NetworkWithin reports whether a network is in one of the others, each a network or an address.
func NetworkWithin(network string, cidrs []string) bool {
	n, err := ParseCIDR(network)
	return err == nil && slices.ContainsFunc(prefixes(cidrs), func(p netip.Prefix) bool {
		return p.Bits() <= n.Bits() && p.Contains(n.Addr())
	})
}
