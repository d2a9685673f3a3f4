// Package policy keeps what personal access tokens must satisfy: in the instance, and to be taken
// in a workspace.
package policy

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// Policies contains the rules about policies.
type Policies struct {
	DB    *store.DB
	Audit *audit.Log
	Now   func() time.Time
	// Table returns the endpoints of all rooms, whose scopes a policy can name.
	Table func() []*rpc.Endpoint
}

// mostDays bounds rules about days: a century.
const mostDays = 36_500

// Change is what an update gives: nothing is left as it is.
type Change struct {
	MaximumAgeDays rpc.Opt[int64]    `json:"maximum_age_days" rule:"nullable,min=1,max=36500" doc:"Maximum age of a token in days; null: any."`
	DefaultAgeDays rpc.Opt[int64]    `json:"default_age_days" rule:"nullable,min=1,max=36500" doc:"How many days a new token lives when its maker does not say; only of the instance."`
	NeverForbidden rpc.Opt[bool]     `json:"never_forbidden" doc:"Whether a token must have an expiry."`
	AllowedScopes  rpc.Opt[[]string] `json:"allowed_scopes" rule:"nullable" doc:"A token may have no scope but these; empty or null: any."`
	AllowedCIDRs   rpc.Opt[[]string] `json:"allowed_cidrs" rule:"nullable" doc:"From which networks tokens may be used; empty or null: from everywhere."`
	InactiveDays   rpc.Opt[int64]    `json:"inactive_days" rule:"nullable,min=1,max=36500" doc:"After how many days without use a token is refused; null: never."`
}

func (c Change) apply(p *credential.Policy) {
	number := func(to **int64, o rpc.Opt[int64]) {
		if o.Set {
			if *to = nil; !o.Null {
				*to = &o.Value
			}
		}
	}
	number(&p.MaximumAgeDays, c.MaximumAgeDays)
	number(&p.DefaultAgeDays, c.DefaultAgeDays)
	number(&p.InactiveDays, c.InactiveDays)
	if c.NeverForbidden.Set {
		p.NeverForbidden = c.NeverForbidden.Value
	}
	if c.AllowedScopes.Set {
		p.AllowedScopes = c.AllowedScopes.Value
	}
	if c.AllowedCIDRs.Set {
		p.AllowedCIDRs = c.AllowedCIDRs.Value
	}
}

// Served is a policy as it is served.
type Served struct {
	WorkspaceID *string `json:"workspace_id" doc:"null: the instance's."`
	credential.Policy
}

func served(workspaceID string, p credential.Policy) Served {
	s := Served{Policy: p}
	if workspaceID != "" {
		s.WorkspaceID = &workspaceID
	}
	if s.AllowedScopes == nil {
		s.AllowedScopes = []string{}
	}
	if s.AllowedCIDRs == nil {
		s.AllowedCIDRs = []string{}
	}
	return s
}

// Get reads a workspace's policy, or the instance's (empty id). It returns workspace_not_found.
func (s *Policies) Get(ctx context.Context, workspaceID string) (Served, error) {
	if err := s.exists(ctx, s.DB, workspaceID); err != nil {
		return Served{}, err
	}
	p, err := credential.ReadPolicy(ctx, s.DB, workspaceID)
	return served(workspaceID, p), err
}

func (s *Policies) exists(ctx context.Context, q store.Querier, workspaceID string) error {
	if workspaceID == "" {
		return nil
	}
	ok, err := workspaceExists(ctx, q, workspaceID)
	if err == nil && !ok {
		return fault.Missing(fault.WorkspaceNotFound)
	}
	return err
}

// Update changes a workspace's policy, or the instance's (empty id). When it returns, tokens that do
// not satisfy it are refused. It returns workspace_not_found, or invalid_input naming a rule.
func (s *Policies) Update(ctx context.Context, workspaceID string, c Change, by audit.Actor) (out Served, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := s.exists(ctx, tx, workspaceID); err != nil {
			return err
		}
		p, err := credential.ReadPolicy(ctx, tx, workspaceID)
		if err != nil {
			return err
		}
		c.apply(&p)
		if err := s.check(workspaceID, p); err != nil {
			return err
		}
		doc, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := put(ctx, tx, workspaceID, string(doc), store.Micros(s.Now()), by.UserID); err != nil {
			return err
		}
		out = served(workspaceID, p)
		return s.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "policy.updated", WorkspaceID: workspaceID,
			Detail: map[string]any{"policy": p}})
	}, store.Instance)
	return out, err
}

// check refuses a policy that no token could be made under, or that means nothing.
func (s *Policies) check(workspaceID string, p credential.Policy) error {
	for name, n := range map[string]*int64{"maximum_age_days": p.MaximumAgeDays, "default_age_days": p.DefaultAgeDays,
		"inactive_days": p.InactiveDays} {
		if n != nil && (*n < 1 || *n > mostDays) {
			return fault.Invalid(name, "Number must be between 1 and %d", mostDays)
		}
	}
	if p.DefaultAgeDays != nil && workspaceID != "" {
		return fault.Invalid("default_age_days", "Only the instance has one: a token belongs to no workspace")
	}
	if p.DefaultAgeDays != nil && p.MaximumAgeDays != nil && *p.DefaultAgeDays > *p.MaximumAgeDays {
		return fault.Invalid("default_age_days", "It is more than maximum_age_days")
	}
	known := []string{"*", "*:read"}
	for _, e := range s.Table() {
		known = append(known, e.Scope())
	}
	for _, scope := range p.AllowedScopes {
		if !slices.Contains(known, scope) {
			return fault.Invalid("allowed_scopes", "There is no such scope: %q; one is a group with read or write, like devices:read, or *:read, "+
				"or *", scope)
		}
	}
	for _, text := range p.AllowedCIDRs {
		if _, err := credential.ParseCIDR(text); err != nil {
			return fault.Invalid("allowed_cidrs", "%q is not a network like 10.0.0.0/8", text)
		}
	}
	return nil
}

// ParseChange reads rules that a command was given. It returns invalid_input for one that does not
// exist, or has another type.
func ParseChange(rules map[string]json.RawMessage) (c Change, err error) {
	for name, text := range rules {
		var to any
		switch name {
		case "maximum_age_days":
			to = &c.MaximumAgeDays
		case "default_age_days":
			to = &c.DefaultAgeDays
		case "inactive_days":
			to = &c.InactiveDays
		case "never_forbidden":
			to = &c.NeverForbidden
		case "allowed_scopes":
			to = &c.AllowedScopes
		case "allowed_cidrs":
			to = &c.AllowedCIDRs
		default:
			return c, fault.Invalid(name, "There is no such rule")
		}
		switch o := to.(type) {
		case *rpc.Opt[int64]:
			*o, err = opt[int64](text)
		case *rpc.Opt[bool]:
			*o, err = opt[bool](text)
		case *rpc.Opt[[]string]:
			*o, err = opt[[]string](text)
		}
		if err != nil {
			return c, fault.Invalid(name, "It is of the wrong type: %s", text)
		}
	}
	return c, nil
}

func opt[T any](text json.RawMessage) (o rpc.Opt[T], err error) {
	o.Set, o.Null = true, string(text) == "null"
	return o, json.Unmarshal(text, &o.Value)
}
