// Package personalaccesstoken keeps personal access tokens, which belong to a person and open
// every workspace that person is a member of, and the workspace keys minted from them.
package personalaccesstoken

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/label"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
)

// Token is a personal access token as it is served.
type Token struct {
	ID          string   `json:"personal_access_token_id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Hint        string   `json:"hint" doc:"The visible part."`
	UserID      string   `json:"user_id"`
	Status      Status   `json:"status" doc:"Its own, or that of the dead token that it was made with."`
	CreatedAt   rpc.Time `json:"created_at"`
	CreatedFrom string   `json:"created_from" enum:"console command token"`
	ExpiresAt   rpc.Time `json:"expires_at" rule:"nullable" doc:"null: never."`
	NotBefore   rpc.Time `json:"not_before" rule:"nullable" doc:"When it begins to be good; null: it is already."`
	credential.Limits
	IsDecoy         bool            `json:"is_decoy" doc:"Whether it grants nothing and only raises an alarm when it is used."`
	IsStrict        bool            `json:"is_strict" doc:"Whether late use of a token that it replaced ends it too."`
	PredecessorID   *string         `json:"predecessor_id" doc:"The token that it replaces."`
	SuccessorID     *string         `json:"successor_id" doc:"The token that replaces it."`
	GraceEndsAt     rpc.Time        `json:"grace_ends_at" rule:"nullable" doc:"When it stops, because another replaces it."`
	ParentID        *string         `json:"parent_id" doc:"The token that it was made with."`
	LastUsed        *credential.Use `json:"last_used"`
	RecentAddresses []string        `json:"recent_addresses" doc:"Addresses it was used from, newest first; at most five."`
	UseCount        int64           `json:"use_count"`
	RevokedAt       rpc.Time        `json:"revoked_at" rule:"nullable"`
	RevokedBy       *string         `json:"revoked_by"`
	RevokeReason    *string         `json:"revoke_reason"`
	Secret          string          `json:"token,omitempty" doc:"The token itself, only in the answer that made it."`
}

// Status is the state a token is in.
type Status string

// The states. A token that has no uses left is Expired.
const (
	Active       Status = "active"
	NotYetValid  Status = "not_yet_valid"
	Expired      Status = "expired"
	Superseded   Status = "superseded"
	Revoked      Status = "revoked"
	Disabled     Status = "disabled"
	UserDisabled Status = "user_disabled"
)

// Enum lists the states.
func (Status) Enum() []string {
	return []string{string(Active), string(NotYetValid), string(Expired), string(Superseded), string(Revoked), string(Disabled),
		string(UserDisabled)}
}

// WorkspaceKey is a key in the shape of an API key that acts as a personal access token in one
// workspace.
type WorkspaceKey struct {
	ID          string          `json:"workspace_key_id"`
	TokenID     string          `json:"personal_access_token_id"`
	WorkspaceID string          `json:"workspace_id"`
	Hint        string          `json:"hint" doc:"The visible part."`
	CreatedAt   rpc.Time        `json:"created_at"`
	RevokedAt   rpc.Time        `json:"revoked_at" rule:"nullable"`
	LastUsed    *credential.Use `json:"last_used"`
	Secret      string          `json:"token,omitempty" doc:"The key itself, only in the answer that made it."`
}

// Tokens implements the rules for personal access tokens.
type Tokens struct {
	DB     *store.DB
	Vault  *vault.Vault
	Usage  *credential.Usage
	Audit  *audit.Log
	Now    func() time.Time
	Events *event.Log
	Jobs   *job.Runner
	Mail   *mail.Outbox // nil: none
	// Table gives the endpoints of all rooms, with their scopes.
	Table func() []*rpc.Endpoint
	// Scopes are those that tokens can be given, from the table of endpoints.
	Scopes []string
	// MaxLive is how many live tokens a person may have; 0: DefaultMaxLive.
	MaxLive int
	watch   memory
}

// DefaultMaxLive is how many live tokens a person may have unless the server's options say otherwise.
const DefaultMaxLive = 100

// DefaultDays is how long a token lives unless its maker or the instance says otherwise.
const DefaultDays = 365

// New is what a new token is made of.
type New struct {
	Name        string
	Description string
	From        string // console, command, token
	// ExpiresAt is when it dies; the zero time with Never set is never, without it the default.
	ExpiresAt time.Time
	Never     bool
	NotBefore time.Time
	IsDecoy   bool
	IsStrict  bool
	ParentID  string // the token that it is made with
	// Narrow are its limits; what is not set is as the parent's, or unlimited.
	Narrow Narrow
}

// Narrow are limits that are given. null lifts a limit that has no other word for that.
type Narrow struct {
	Scopes           rpc.Opt[[]string]         `json:"scopes" rule:"min=1,max=200" doc:"What it may call, per group and read or write: devices:read, access_codes:write, *:read; * (the default) for everything but writing tokens, API keys, members and policies."`
	WorkspaceIDs     rpc.Opt[[]string]         `json:"workspace_ids" rule:"nullable,min=1,max=1000" doc:"The workspaces that it opens; null: all of its person's, now and in future."`
	SandboxOnly      rpc.Opt[bool]             `json:"sandbox_only" doc:"Whether it opens sandbox workspaces only."`
	AllowedCIDRs     rpc.Opt[[]string]         `json:"allowed_cidrs" rule:"max=100" doc:"From which networks it may be used; empty: from everywhere."`
	DeviceIDs        rpc.Opt[[]string]         `json:"device_ids" rule:"nullable,min=1,max=1000" doc:"The devices that exist for it; null: all."`
	DailyActionLimit rpc.Opt[int64]            `json:"daily_action_limit" rule:"nullable,min=0" doc:"How many physical actions a day it may cause; null: any number."`
	AllowedHours     rpc.Opt[credential.Hours] `json:"allowed_hours" rule:"nullable" doc:"When it may be used; null: at any time."`
	MaxUses          rpc.Opt[int64]            `json:"max_uses" rule:"nullable,min=1" doc:"How many requests it is good for; null: any number."`
}

// of are the limits with the given ones put into them.
func (n Narrow) of(l credential.Limits) credential.Limits {
	put(&l.Scopes, n.Scopes)
	put(&l.WorkspaceIDs, n.WorkspaceIDs)
	put(&l.SandboxOnly, n.SandboxOnly)
	put(&l.AllowedCIDRs, n.AllowedCIDRs)
	put(&l.DeviceIDs, n.DeviceIDs)
	point(&l.DailyActionLimit, n.DailyActionLimit)
	point(&l.AllowedHours, n.AllowedHours)
	point(&l.MaxUses, n.MaxUses)
	return l
}

func put[T any](to *T, given rpc.Opt[T]) {
	if given.Set {
		*to = given.Value // null: the zero value
	}
}

func point[T any](to **T, given rpc.Opt[T]) {
	if given.Set {
		*to = nil
		if !given.Null {
			*to = &given.Value
		}
	}
}

// maxDescription bounds a description in characters.
const maxDescription = 500

// Create makes a token of a person. It returns invalid_input for what will not do, or is wider than
// the parent's; invalid_request with the reason too_many_tokens.
func (t *Tokens) Create(ctx context.Context, userID string, n New, by audit.Actor) (tok Token, secret vault.Secret, err error) {
	n.Name = label.Clean(n.Name)
	if err := checkTexts(n.Name, n.Description); err != nil {
		return tok, vault.Secret{}, err
	}
	var c credential.Credential
	err = t.DB.Update(ctx, func(tx *store.Tx) error {
		now := t.Now()
		c = credential.Credential{Kind: credential.PersonalAccessToken, UserID: userID, ParentID: n.ParentID, Name: n.Name,
			Description: n.Description,
			CreatedAt:   now, CreatedFrom: n.From, ExpiresAt: n.ExpiresAt, NotBefore: n.NotBefore, IsDecoy: n.IsDecoy, IsStrict: n.IsStrict}
		policy, err := credential.ReadPolicy(ctx, tx, "")
		if err != nil {
			return err
		}
		if c.ExpiresAt.IsZero() && !n.Never {
			c.ExpiresAt = policy.Expiry(now, DefaultDays)
		}
		if n.ParentID == "" {
			c.Limits = n.Narrow.of(credential.Unlimited())
		} else if err := t.inherit(ctx, tx, &c, n); err != nil {
			return err
		}
		if err := t.check(ctx, tx, c, credential.Limits{}); err != nil {
			return err
		}
		if !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(now) {
			return fault.Invalid("expires_at", "Must be in the future")
		}
		if err := policy.Admit(now, c.ExpiresAt, c.Limits.Scopes); err != nil {
			return err
		}
		if err := t.checkRoom(ctx, tx, userID, now); err != nil {
			return err
		}
		if secret, err = credential.Insert(ctx, tx, t.Vault, &c, false); err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.created", SubjectID: c.ID, Detail: map[string]any{
			"name": c.Name, "hint": c.Hint(), "user_id": userID, "parent_id": c.ParentID, "expires_at": rpc.Time{Time: c.ExpiresAt},
			"limits": c.Limits}})
	}, store.Instance)
	return t.served(c, false), secret, err
}

// inherit gives a token what its parent has, with what is given for it. It returns invalid_input
// for what is wider.
func (t *Tokens) inherit(ctx context.Context, tx *store.Tx, c *credential.Credential, n New) error {
	maker, err := t.find(ctx, tx, c.UserID, n.ParentID)
	if err != nil {
		return err
	}
	if tok := t.served(maker, false); tok.Status != Active || maker.IsDecoy {
		return fault.Invalid("parent_id", "The token that it would be made with is %s", tok.Status)
	}
	parent, err := heir(ctx, tx, maker)
	if err != nil {
		return err
	}
	c.ParentID = parent.ID
	for _, p := range []credential.Credential{maker, parent} {
		if n.ExpiresAt.IsZero() && !n.Never && !p.ExpiresAt.IsZero() && p.ExpiresAt.Before(c.ExpiresAt) {
			c.ExpiresAt = p.ExpiresAt
		}
	}
	if c.Limits = maker.Limits; maker.Limits.Within(parent.Limits) != nil {
		c.Limits = parent.Limits
	}
	c.Limits = n.Narrow.of(c.Limits)
	depth := 1
	for up := parent; up.ParentID != ""; depth++ {
		if up, err = credential.Get(ctx, tx, credential.PersonalAccessToken, up.ParentID); err != nil {
			return err
		}
	}
	if depth >= credential.MaxDepth {
		return fault.New(fault.InvalidRequest, "Tokens can be made with tokens over %d generations at the most", credential.MaxDepth)
	}
	if err := within(*c, maker); err != nil { // its successor may do more
		return err
	}
	return within(*c, parent)
}

// heir is what keys and tokens that are made with c belong to: its successor, which goes on when c
// stops, or c itself.
func heir(ctx context.Context, q store.Querier, c credential.Credential) (credential.Credential, error) {
	if c.SuccessorID == "" {
		return c, nil
	}
	return credential.Get(ctx, q, credential.PersonalAccessToken, c.SuccessorID)
}

// within returns invalid_input where a token would be wider than its parent.
func within(c, parent credential.Credential) error {
	if !parent.ExpiresAt.IsZero() && (c.ExpiresAt.IsZero() || c.ExpiresAt.After(parent.ExpiresAt)) {
		return fault.Invalid("expires_at", "It is later than the parent token's")
	}
	return c.Limits.Within(parent.Limits)
}

// check returns invalid_input for limits that make no sense, and for workspaces and devices that are
// new in them and that the person does not see.
func (t *Tokens) check(ctx context.Context, q store.Querier, c credential.Credential, before credential.Limits) error {
	if err := c.Limits.Check(t.Scopes); err != nil {
		return err
	}
	for _, l := range []struct{ param, query string }{
		{"workspace_ids",
			`SELECT w.workspace_id FROM memberships m JOIN workspaces w ON w.workspace_id = m.workspace_id AND w.deleted_at IS NULL
				WHERE m.user_id = $1 AND w.workspace_id = $2`},
		{"device_ids",
			`SELECT d.device_id FROM memberships m JOIN devices d ON d.workspace_id = m.workspace_id WHERE m.user_id = $1 AND d.device_id = $2`},
	} {
		wanted, had := c.Limits.WorkspaceIDs, before.WorkspaceIDs
		if l.param == "device_ids" {
			wanted, had = c.Limits.DeviceIDs, before.DeviceIDs
		}
		for _, id := range wanted {
			if slices.Contains(had, id) {
				continue
			}
			there, err := exists(ctx, q, l.query, c.UserID, id)
			if err != nil {
				return err
			}
			if !there {
				return fault.Invalid(l.param, "One of them is not there for the token's person")
			}
		}
	}
	return nil
}

func exists(ctx context.Context, q store.Querier, query string, args ...any) (there bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (`+query+`)`, args...).Scan(&there)
	return there, err
}

// checkRoom refuses one more token of a person who has as many live ones as they may have.
func (t *Tokens) checkRoom(ctx context.Context, tx *store.Tx, userID string, now time.Time) error {
	most := t.MaxLive
	if most == 0 {
		most = DefaultMaxLive
	}
	var live int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM credentials WHERE kind = 'personal_access_token' AND user_id = $1 AND revoked_at IS NULL
		AND successor_id IS NULL AND (expires_at IS NULL OR expires_at > $2)`, userID, store.Micros(now)).Scan(&live)
	if err == nil && live >= most {
		e := fault.Reason(fault.InvalidRequest, "too_many_tokens",
			"A person may have %d active tokens; revoke some that are no longer needed", most)
		e.Data["limit"] = most
		return e
	}
	return err
}

func checkTexts(name, description string) error {
	if err := credential.CheckName(name); err != nil {
		return err
	}
	if len([]rune(description)) > maxDescription {
		return fault.Invalid("description", "String must contain at most %d character(s)", maxDescription)
	}
	return nil
}

func (t *Tokens) served(c credential.Credential, userDisabled bool) Token {
	t.Usage.Overlay(&c)
	tok := Token{ID: c.ID, Name: c.Name, Description: c.Description, Hint: c.Hint(), UserID: c.UserID, Status: t.status(c, userDisabled),
		CreatedAt: rpc.Time{Time: c.CreatedAt}, CreatedFrom: c.CreatedFrom, ExpiresAt: rpc.Time{Time: c.ExpiresAt},
		NotBefore: rpc.Time{Time: c.NotBefore},
		Limits:    c.Limits, IsDecoy: c.IsDecoy, IsStrict: c.IsStrict, GraceEndsAt: rpc.Time{Time: c.GraceEndsAt},
		PredecessorID: rpc.OrNull(c.PredecessorID), SuccessorID: rpc.OrNull(c.SuccessorID), ParentID: rpc.OrNull(c.ParentID),
		LastUsed: c.LastUsed, RecentAddresses: c.RecentAddresses, UseCount: c.UseCount,
		RevokedAt: rpc.Time{Time: c.RevokedAt}, RevokedBy: rpc.OrNull(c.RevokedBy), RevokeReason: rpc.OrNull(c.RevokeReason)}
	for _, list := range []*[]string{&tok.Scopes, &tok.AllowedCIDRs, &tok.RecentAddresses} {
		if *list == nil {
			*list = []string{}
		}
	}
	return tok
}

// status is a token's own state.
func (t *Tokens) status(c credential.Credential, userDisabled bool) Status {
	now := t.Now()
	switch {
	case userDisabled && c.RevokeReason == "user_disabled":
		return UserDisabled
	case !c.RevokedAt.IsZero():
		return Revoked
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt), c.Limits.MaxUses != nil && c.Uses >= *c.Limits.MaxUses:
		return Expired
	case c.Superseded(now):
		return Superseded
	case !c.DisabledAt.IsZero():
		return Disabled
	case now.Before(c.NotBefore):
		return NotYetValid
	case userDisabled:
		return UserDisabled
	}
	return Active
}

// inherited is a token's state when those that it was made with are looked at too: it is as dead as
// the nearest of them that is dead.
func (t *Tokens) inherited(ctx context.Context, q store.Querier, tok *Token) error {
	for up := tok.ParentID; up != nil && tok.Status == Active; {
		parent, err := credential.Get(ctx, q, credential.PersonalAccessToken, *up)
		if err != nil {
			return err
		}
		tok.Status = t.status(parent, false)
		up = rpc.OrNull(parent.ParentID)
	}
	return nil
}

// Get reads a token; personal_access_token_not_found when there is none with the id, or it is
// not the person's (userID empty: anyone's).
func (t *Tokens) Get(ctx context.Context, userID, id string) (Token, error) {
	c, err := t.find(ctx, t.DB, userID, id)
	if err != nil {
		return Token{}, err
	}
	disabled, err := t.disabled(ctx, c.UserID)
	if err != nil {
		return Token{}, err
	}
	tok := t.served(c, disabled)
	return tok, t.inherited(ctx, t.DB, &tok)
}

func (t *Tokens) disabled(ctx context.Context, userID string) (bool, error) {
	var at sql.NullInt64
	err := t.DB.QueryRow(ctx, `SELECT disabled_at FROM users WHERE user_id = $1`, userID).Scan(&at)
	return at.Valid, err
}

func (t *Tokens) find(ctx context.Context, q store.Querier, userID, id string) (credential.Credential, error) {
	c, err := credential.Get(ctx, q, credential.PersonalAccessToken, id)
	if errors.Is(err, credential.ErrNotFound) || err == nil && userID != "" && c.UserID != userID {
		return c, fault.Missing(fault.TokenNotFound)
	}
	return c, err
}

// List gives a person's tokens, newest first. Expired and revoked ones stay listed.
func (t *Tokens) List(ctx context.Context, userID string) ([]Token, error) {
	disabled, err := t.disabled(ctx, userID)
	if err != nil {
		return nil, err
	}
	all, err := credential.OfUser(ctx, t.DB, userID)
	if err != nil {
		return nil, err
	}
	return t.servedAll(ctx, all, disabled)
}

func (t *Tokens) servedAll(ctx context.Context, all []credential.Credential, disabled bool) ([]Token, error) {
	out := make([]Token, len(all))
	for i, c := range all {
		out[i] = t.served(c, disabled)
		if err := t.inherited(ctx, t.DB, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Change is an update of a token; what is not set stays.
type Change struct {
	Name        *string            `json:"name" rule:"min=1,max=100" doc:"What the token is for."`
	Description *string            `json:"description" rule:"empty,max=500" doc:"More about it."`
	ExpiresAt   rpc.Opt[time.Time] `json:"expires_at" rule:"nullable" doc:"When it expires; null: never."`
	NotBefore   rpc.Opt[time.Time] `json:"not_before" rule:"nullable" doc:"When it begins to be good; null: it is already."`
	IsStrict    *bool              `json:"is_strict" doc:"Whether late use of a token that it replaced ends it too."`
	Narrow
}

// Update changes a token. mayWiden is asked where it would be wider than before in any way, a later
// expiry included; nil: it may. It returns its error, personal_access_token_not_found, or
// invalid_input.
func (t *Tokens) Update(ctx context.Context, userID, id string, ch Change, mayWiden func() error, by audit.Actor) error {
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		before, err := t.find(ctx, tx, userID, id)
		if err != nil {
			return err
		}
		c, now := before, t.Now()
		if ch.Name != nil {
			c.Name = label.Clean(*ch.Name)
		}
		if ch.Description != nil {
			c.Description = *ch.Description
		}
		if ch.IsStrict != nil {
			c.IsStrict = *ch.IsStrict
		}
		put(&c.ExpiresAt, ch.ExpiresAt)
		put(&c.NotBefore, ch.NotBefore)
		c.Limits = ch.Narrow.of(c.Limits)
		if err := checkTexts(c.Name, c.Description); err != nil {
			return err
		}
		if err := t.admitChange(ctx, tx, c, before, now); err != nil {
			return err
		}
		if mayWiden != nil && wider(c, before, now) {
			if err := mayWiden(); err != nil {
				return err
			}
		}
		if err := credential.Change(ctx, tx, &c); err != nil {
			return err
		}
		if err := t.reachPredecessor(ctx, tx, c, before, now); err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.updated", SubjectID: id, Detail: map[string]any{
			"name": c.Name, "expires_at": rpc.Time{Time: c.ExpiresAt}, "limits": c.Limits}})
	}, store.Instance)
}

// admitChange returns invalid_input for a change that cannot be: of a dead token, to limits that make no
// sense, or to more than the instance's policy or the parent has.
func (t *Tokens) admitChange(ctx context.Context, tx *store.Tx, c, before credential.Credential, now time.Time) error {
	if reflect.DeepEqual(c.Limits, before.Limits) && c.ExpiresAt.Equal(before.ExpiresAt) && c.NotBefore.Equal(before.NotBefore) {
		return nil
	}
	if status := t.status(before, false); status == Revoked || status == Superseded {
		return fault.Invalid("personal_access_token_id", "The token is %s", status)
	}
	if err := t.check(ctx, tx, c, before.Limits); err != nil || !wider(c, before, now) {
		return err
	}
	policy, err := credential.ReadPolicy(ctx, tx, "")
	if err != nil {
		return err
	}
	if err := policy.Admit(c.CreatedAt, c.ExpiresAt, c.Limits.Scopes); err != nil || c.ParentID == "" {
		return err
	}
	parent, err := credential.Get(ctx, tx, credential.PersonalAccessToken, c.ParentID)
	if err != nil {
		return err
	}
	return within(c, parent)
}

// wider reports whether a token may do anything that it could not do before.
func wider(c, before credential.Credential, now time.Time) bool {
	later := !before.ExpiresAt.IsZero() && (c.ExpiresAt.IsZero() || c.ExpiresAt.After(before.ExpiresAt))
	earlier := before.NotBefore.After(now) && c.NotBefore.Before(before.NotBefore)
	return later || earlier || before.IsStrict && !c.IsStrict || c.Limits.Within(before.Limits) != nil
}

// reachPredecessor narrows the token that c replaces, while that still works, as c was narrowed: an
// overlap must keep nothing open that was closed. What cannot be compared ends the overlap.
func (t *Tokens) reachPredecessor(ctx context.Context, tx *store.Tx, c, before credential.Credential, now time.Time) error {
	if reflect.DeepEqual(c.Limits, before.Limits) && c.ExpiresAt.Equal(before.ExpiresAt) {
		return nil
	}
	old, err := credential.Overlapped(ctx, tx, c.ID, now)
	if err != nil {
		return err
	}
	for _, o := range old {
		if c.Limits.Within(o.Limits) != nil && o.Limits.Within(c.Limits) != nil {
			if _, err := credential.EndOverlap(ctx, tx, c.ID, now); err != nil {
				return err
			}
			continue
		}
		if c.Limits.Within(o.Limits) == nil {
			o.Limits = c.Limits
		}
		if !c.ExpiresAt.IsZero() && (o.ExpiresAt.IsZero() || c.ExpiresAt.Before(o.ExpiresAt)) {
			o.ExpiresAt = c.ExpiresAt
		}
		if err := credential.Change(ctx, tx, &o); err != nil {
			return err
		}
	}
	return nil
}

// end revokes a token with the one that it replaces, where that still works: who ends a token means
// both of its secrets.
func (t *Tokens) end(ctx context.Context, tx *store.Tx, id, by string) error {
	now := t.Now()
	old, err := credential.Overlapped(ctx, tx, id, now)
	if err != nil {
		return err
	}
	for _, o := range old {
		if err := credential.Revoke(ctx, tx, now, o.ID, by, "revoked"); err != nil {
			return err
		}
	}
	return credential.Revoke(ctx, tx, now, id, by, "revoked")
}

// SetDisabled puts a token to sleep with all that was made with it, or wakes it up. It returns
// personal_access_token_not_found.
func (t *Tokens) SetDisabled(ctx context.Context, userID, id string, disabled bool, by audit.Actor) error {
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := t.find(ctx, tx, userID, id)
		if err != nil || c.DisabledAt.IsZero() != disabled {
			return err
		}
		action := "personal_access_token.enabled"
		c.DisabledAt = time.Time{}
		if disabled {
			c.DisabledAt, action = t.Now(), "personal_access_token.disabled"
		}
		if err := credential.Change(ctx, tx, &c); err != nil {
			return err
		}
		old, err := credential.Overlapped(ctx, tx, id, t.Now())
		if err != nil {
			return err
		}
		for _, o := range old {
			o.DisabledAt = c.DisabledAt
			if err := credential.Change(ctx, tx, &o); err != nil {
				return err
			}
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: action, SubjectID: id})
	}, store.Instance)
}

// Bulk chooses tokens to revoke together; what is empty chooses all.
type Bulk struct {
	UserID        string
	UnusedDays    int // not used, and not made, within so many days
	CreatedBefore time.Time
	HintPrefix    string
}

// RevokeAll ends all live tokens that are chosen, and gives them. When it returns, no request
// succeeds with any of them.
func (t *Tokens) RevokeAll(ctx context.Context, b Bulk, by audit.Actor) (ended []Token, err error) {
	if err := t.Usage.Flush(ctx); err != nil { // so that the rows contain all uses until now
		return nil, err
	}
	err = t.DB.Update(ctx, func(tx *store.Tx) error {
		chosen, err := t.chosen(ctx, tx, b)
		if err != nil {
			return err
		}
		ended = []Token{}
		for _, c := range chosen {
			if err := t.end(ctx, tx, c.ID, by.UserID); err != nil {
				return err
			}
			if err := t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.revoked", SubjectID: c.ID,
				Detail: map[string]any{"together": true}}); err != nil {
				return err
			}
			if c, err = credential.Get(ctx, tx, credential.PersonalAccessToken, c.ID); err != nil {
				return err
			}
			ended = append(ended, t.served(c, false))
		}
		return nil
	}, store.Instance)
	return ended, err
}

// chosen are the tokens that are meant, newest first.
func (t *Tokens) chosen(ctx context.Context, q store.Querier, b Bulk) ([]credential.Credential, error) {
	w := t.DB.Where()
	w.Add("kind = ?", string(credential.PersonalAccessToken))
	w.Add("revoked_at IS NULL")
	if b.UserID != "" {
		w.Add("user_id = ?", b.UserID)
	}
	if b.UnusedDays > 0 {
		w.Add("COALESCE(last_used_at, created_at) < ?", store.Micros(t.Now().AddDate(0, 0, -b.UnusedDays)))
	}
	if !b.CreatedBefore.IsZero() {
		w.Add("created_at < ?", store.Micros(b.CreatedBefore))
	}
	all, err := credential.Select(ctx, q, w)
	return slices.DeleteFunc(all, func(c credential.Credential) bool { return !strings.HasPrefix(c.Hint(), b.HintPrefix) }), err
}

// checkOwner returns workspace_not_found unless a person is an owner of the workspace.
func checkOwner(ctx context.Context, q store.Querier, workspaceID, userID string) error {
	ok, err := exists(ctx, q, `SELECT 1 FROM workspaces WHERE workspace_id = $1 AND deleted_at IS NULL`, workspaceID)
	if err != nil {
		return err
	}
	role, err := grant.Role(ctx, q, workspaceID, userID)
	if err == nil && (!ok || role < rpc.Owner) {
		err = fault.Missing(fault.WorkspaceNotFound)
	}
	return err
}

// InWorkspace lists the live tokens of all people that open a workspace, for an owner of it, without
// what they may do elsewhere. refused are those that are refused there. It returns
// workspace_not_found.
func (t *Tokens) InWorkspace(ctx context.Context, ownerID, workspaceID string) (tokens []Token, refused map[string]bool, err error) {
	if err := checkOwner(ctx, t.DB, workspaceID, ownerID); err != nil {
		return nil, nil, err
	}
	if tokens, refused, err = t.opening(ctx, workspaceID); err != nil {
		return nil, nil, err
	}
	for i := range tokens {
		if tokens[i].UserID != ownerID {
			tokens[i].hideElsewhere(workspaceID)
		}
	}
	return tokens, refused, nil
}

// opening lists the tokens of all people that open a workspace, and which of them it refuses.
func (t *Tokens) opening(ctx context.Context, workspaceID string) (tokens []Token, refused map[string]bool, err error) {
	var sandbox bool
	if err := t.DB.QueryRow(ctx, `SELECT is_sandbox FROM workspaces WHERE workspace_id = $1`, workspaceID).Scan(&sandbox); err != nil {
		return nil, nil, err
	}
	rows, err := t.DB.Query(ctx, `SELECT credential_id FROM refused_tokens WHERE workspace_id = $1`, workspaceID)
	families, err := store.All(rows, err, store.One[string])
	if err != nil {
		return nil, nil, err
	}
	w := t.DB.Where()
	w.Add("kind = ?", string(credential.PersonalAccessToken))
	w.Add("revoked_at IS NULL")
	w.Add("user_id IN (SELECT user_id FROM memberships WHERE workspace_id = ?)", workspaceID)
	all, err := credential.Select(ctx, t.DB, w)
	if err != nil {
		return nil, nil, err
	}
	tokens, refused = []Token{}, map[string]bool{}
	for _, c := range all {
		if !c.Limits.Opens(workspaceID, sandbox) || c.IsDecoy {
			continue
		}
		tok := t.served(c, false)
		if err := t.inherited(ctx, t.DB, &tok); err != nil {
			return nil, nil, err
		}
		refused[c.ID] = slices.Contains(families, c.FamilyID)
		tokens = append(tokens, tok)
	}
	return tokens, refused, nil
}

// hideElsewhere takes out of a token what concerns other workspaces than one.
func (tok *Token) hideElsewhere(workspaceID string) {
	tok.Description, tok.UseCount, tok.RecentAddresses = "", 0, []string{}
	if tok.WorkspaceIDs != nil {
		tok.WorkspaceIDs = []string{workspaceID}
	}
	if tok.DeviceIDs != nil {
		tok.DeviceIDs = []string{}
	}
	if tok.LastUsed != nil && (tok.LastUsed.WorkspaceID == nil || *tok.LastUsed.WorkspaceID != workspaceID) {
		tok.LastUsed = nil
	}
}

// SetRefused has a workspace refuse a token, with all that follow it and descend from it, or admit it
// again. It returns workspace_not_found unless the person is an owner of the workspace, and
// personal_access_token_not_found for a token of a person who is not a member.
func (t *Tokens) SetRefused(ctx context.Context, ownerID, workspaceID, id string, refused bool, by audit.Actor) error {
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		if err := checkOwner(ctx, tx, workspaceID, ownerID); err != nil {
			return err
		}
		c, err := t.find(ctx, tx, "", id)
		if err != nil {
			return err
		}
		member, err := exists(ctx, tx, `SELECT 1 FROM memberships WHERE workspace_id = $1 AND user_id = $2`, workspaceID, c.UserID)
		if err != nil {
			return err
		} else if !member {
			return fault.Missing(fault.TokenNotFound)
		}
		action := "personal_access_token.admitted"
		if refused {
			action = "personal_access_token.refused"
			_, err = tx.Exec(ctx, `INSERT INTO refused_tokens (workspace_id, credential_id, refused_by, created_at) VALUES ($1, $2, $3, $4)
				ON CONFLICT (workspace_id, credential_id) DO NOTHING`, workspaceID, c.FamilyID, ownerID, store.Micros(t.Now()))
		} else {
			_, err = tx.Exec(ctx, `DELETE FROM refused_tokens WHERE workspace_id = $1 AND credential_id = $2`, workspaceID, c.FamilyID)
		}
		if err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: action, WorkspaceID: workspaceID, SubjectID: id})
	}, store.Instance)
}

// CreateWorkspaceKey mints a key that acts as the token in one workspace. It returns
// personal_access_token_not_found, or workspace_not_found when the person is not a member of it.
func (t *Tokens) CreateWorkspaceKey(ctx context.Context, userID, tokenID, workspaceID string, by audit.Actor) (key WorkspaceKey,
	secret vault.Secret, err error) {
	err = t.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := t.find(ctx, tx, userID, tokenID)
		if err != nil {
			return err
		}
		if tok := t.served(c, false); tok.Status != Active {
			return fault.Invalid("personal_access_token_id", "The token is %s", tok.Status)
		}
		var sandbox bool
		err = tx.QueryRow(ctx, `SELECT w.is_sandbox FROM workspaces w JOIN memberships m ON m.workspace_id = w.workspace_id
			WHERE w.workspace_id = $1 AND m.user_id = $2 AND w.deleted_at IS NULL`, workspaceID, c.UserID).Scan(&sandbox)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing(fault.WorkspaceNotFound)
		} else if err != nil {
			return err
		}
		for up := c; ; {
			if !up.Limits.Opens(workspaceID, sandbox) {
				return fault.Reason(fault.Forbidden, "workspace_not_allowed", "The token does not open this workspace")
			}
			if up.ParentID == "" {
				break
			}
			if up, err = credential.Get(ctx, tx, credential.PersonalAccessToken, up.ParentID); err != nil {
				return err
			}
		}
		asked := c
		if c, err = heir(ctx, tx, c); err != nil {
			return err
		}
		if c.Limits.Within(asked.Limits) != nil {
			return fault.Invalid("personal_access_token_id", "The token that takes this one's place may do more: mint the key with that one")
		}
		k := credential.Credential{Kind: credential.WorkspaceKey, WorkspaceID: workspaceID, ParentID: c.ID, Name: c.Name, CreatedAt: t.Now(),
			CreatedFrom: "token"}
		if secret, err = credential.Insert(ctx, tx, t.Vault, &k, sandbox); err != nil {
			return err
		}
		key = t.servedKey(k)
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "workspace_key.created", WorkspaceID: workspaceID, SubjectID: k.ID,
			Detail: map[string]any{"personal_access_token_id": c.ID, "hint": k.Hint()}})
	}, store.Instance)
	return key, secret, err
}

func (t *Tokens) servedKey(c credential.Credential) WorkspaceKey {
	t.Usage.Overlay(&c)
	return WorkspaceKey{ID: c.ID, TokenID: c.ParentID, WorkspaceID: c.WorkspaceID, Hint: c.Hint(), CreatedAt: rpc.Time{Time: c.CreatedAt},
		RevokedAt: rpc.Time{Time: c.RevokedAt}, LastUsed: c.LastUsed}
}

// WorkspaceKeys lists the keys minted from a token, newest first; personal_access_token_not_found
// when it is not the person's.
func (t *Tokens) WorkspaceKeys(ctx context.Context, userID, tokenID string) ([]WorkspaceKey, error) {
	if _, err := t.find(ctx, t.DB, userID, tokenID); err != nil {
		return nil, err
	}
	all, err := credential.OfParent(ctx, t.DB, tokenID)
	out := make([]WorkspaceKey, len(all))
	for i, c := range all {
		out[i] = t.servedKey(c)
	}
	return out, err
}

// RevokeWorkspaceKey ends a workspace key; workspace_key_not_found when there is none with the id
// minted from a token of the person.
func (t *Tokens) RevokeWorkspaceKey(ctx context.Context, userID, keyID string, by audit.Actor) error {
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := credential.Get(ctx, tx, credential.WorkspaceKey, keyID)
		if err == nil {
			_, err = t.find(ctx, tx, userID, c.ParentID)
		}
		if errors.Is(err, credential.ErrNotFound) || fault.Is(err, fault.TokenNotFound) {
			return fault.Missing(fault.WorkspaceKeyNotFound)
		} else if err != nil {
			return err
		}
		if err := credential.Revoke(ctx, tx, t.Now(), keyID, by.UserID, "revoked"); err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "workspace_key.revoked", WorkspaceID: c.WorkspaceID, SubjectID: keyID})
	}, store.Instance)
}
