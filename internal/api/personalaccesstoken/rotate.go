package personalaccesstoken

import (
	"context"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// Bounds of how long a token lives on beside its successor.
const (
	MostOverlap  = 7 * 24 * time.Hour
	beginOverlap = 24 * time.Hour // after rotate_begin, unless given
)

// reasonUndone is why a successor was revoked whose rotation was undone.
const reasonUndone = "rotation_undone"

// reasonReused is why the live token of a strict family was revoked.
const reasonReused = "reused"

// Manager is who manages tokens: a person their own, a token itself and, where its scopes name the
// writing of tokens, its descendants, an operator or a command any.
type Manager struct {
	UserID  string
	TokenID string // of a token
	Anyone  bool
}

// manager is the calling principal as a Manager.
func manager(p credential.Principal) Manager {
	m := Manager{UserID: p.UserID, Anyone: p.Kind == rpc.ConsoleSession && p.IsOperator}
	if p.Kind != rpc.ConsoleSession {
		m.TokenID = p.TokenID
	}
	return m
}

// managed reads a token that may be managed; personal_access_token_not_found for any other.
func (t *Tokens) managed(ctx context.Context, q store.Querier, m Manager, id string) (credential.Credential, error) {
	c, err := t.find(ctx, q, "", id)
	if err != nil || m.Anyone || m.TokenID == "" && c.UserID == m.UserID || c.ID == m.TokenID {
		return c, err
	}
	if m.TokenID != "" {
		self, err := t.find(ctx, q, "", m.TokenID)
		if err != nil {
			return c, err
		}
		if ok, err := descends(ctx, q, c, self); ok || err != nil {
			return c, err
		}
	}
	return c, fault.Missing(fault.TokenNotFound)
}

// descends reports whether a token may manage another because it, or one of its predecessors or successors,
// made that token or one of its ancestors.
func descends(ctx context.Context, q store.Querier, c, of credential.Credential) (bool, error) {
	if !of.Limits.Allows(writeTokens) {
		return false, nil
	}
	for c.ParentID != "" {
		var err error
		if c, err = credential.Get(ctx, q, credential.PersonalAccessToken, c.ParentID); err != nil {
			return false, err
		}
		if c.FamilyID == of.FamilyID {
			return true, nil
		}
	}
	return false, nil
}

// Rotation is how a token gets a successor.
type Rotation struct {
	Overlap time.Duration // how long the token lives on beside it
	Begin   bool          // the first use of the successor ends the overlap
	From    string        // console, command, token
	// ExpiresAt replaces the token's expiry; nil keeps it, the zero time is never.
	ExpiresAt *time.Time
}

// Rotate gives a token a successor with a new secret, which takes everything over: limits, expiry,
// workspace keys, children, and what was used up of its limits. An overlap with its own predecessor
// that is still running ends. It returns personal_access_token_not_found, or invalid_input for a
// token that is dead or has a successor, and for an expiry that will not do.
func (t *Tokens) Rotate(ctx context.Context, m Manager, id string, r Rotation, by audit.Actor) (tok Token, secret vault.Secret, err error) {
	var next credential.Credential
	err = t.DB.Update(ctx, func(tx *store.Tx) error {
		now := t.Now()
		old, err := t.managed(ctx, tx, m, id)
		if err != nil {
			return err
		}
		if err := t.rotatable(ctx, tx, old, now); err != nil {
			return err
		}
		next = old
		next.CreatedAt, next.CreatedFrom, next.LastUsed = now, r.From, nil
		next.PredecessorID, next.EndsPredecessor, next.GraceEndsAt = old.ID, r.Begin, time.Time{}
		if r.ExpiresAt != nil {
			next.ExpiresAt = *r.ExpiresAt
		}
		if err := t.admit(ctx, tx, next, r.ExpiresAt != nil, now); err != nil {
			return err
		}
		if secret, err = credential.Insert(ctx, tx, t.Vault, &next, false); err != nil {
			return err
		}
		if err := credential.Supersede(ctx, tx, old, next.ID, now, now.Add(r.Overlap)); err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.rotated", SubjectID: old.ID, Detail: map[string]any{
			"successor_id": next.ID, "hint": next.Hint(), "grace_ends_at": rpc.Time{Time: now.Add(r.Overlap)}, "ends_with_first_use": r.Begin}})
	}, store.Instance)
	return t.served(next, false), secret, err
}

// rotatable refuses a token that is dead, or that has a successor.
func (t *Tokens) rotatable(ctx context.Context, q store.Querier, c credential.Credential, now time.Time) error {
	if c.SuccessorID != "" {
		return fault.Invalid("personal_access_token_id",
			"It has been rotated already: rotate the token that took its place, or undo that rotation")
	}
	if !c.DisabledAt.IsZero() || !c.RevokedAt.IsZero() || !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt) {
		return fault.Invalid("personal_access_token_id", "The token is %s", t.served(c, false).Status)
	}
	if !c.EndsPredecessor {
		return nil
	}
	before, err := credential.Get(ctx, q, credential.PersonalAccessToken, c.PredecessorID)
	if err == nil && !before.Superseded(now) {
		return fault.Invalid("personal_access_token_id",
			"It was never used yet, and the token that it replaces lives until then: use it first, or undo the rotation")
	}
	return err
}

// admit refuses a successor that the instance's policy does not take, or that would outlive its
// parent.
func (t *Tokens) admit(ctx context.Context, q store.Querier, c credential.Credential, newExpiry bool, now time.Time) error {
	policy, err := credential.ReadPolicy(ctx, q, "")
	if err != nil {
		return err
	}
	if err := policy.Admit(now, c.ExpiresAt, c.Limits.Scopes); err != nil || !newExpiry {
		return err
	}
	if !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(now) {
		return fault.Invalid("expires_at", "Must be in the future")
	}
	if c.ParentID == "" {
		return nil
	}
	parent, err := credential.Get(ctx, q, credential.PersonalAccessToken, c.ParentID)
	if err == nil && !parent.ExpiresAt.IsZero() && (c.ExpiresAt.IsZero() || c.ExpiresAt.After(parent.ExpiresAt)) {
		return fault.Invalid("expires_at", "It is later than the parent token's")
	}
	return err
}

// overlapping finds the rotation that a token is part of, as the one replaced or the one that
// replaces it. It returns personal_access_token_not_found, or invalid_input when there is none
// whose overlap is running.
func (t *Tokens) overlapping(ctx context.Context, q store.Querier, m Manager, id string) (old, next credential.Credential, err error) {
	const param = "personal_access_token_id"
	if old, err = t.managed(ctx, q, m, id); err != nil {
		return old, next, err
	}
	if old.SuccessorID == "" && old.PredecessorID != "" {
		if old, err = credential.Get(ctx, q, credential.PersonalAccessToken, old.PredecessorID); err != nil {
			return old, next, err
		}
	}
	if old.SuccessorID == "" {
		return old, next, fault.Invalid(param, "It was not rotated")
	}
	if next, err = credential.Get(ctx, q, credential.PersonalAccessToken, old.SuccessorID); err != nil {
		return old, next, err
	}
	switch {
	case old.Superseded(t.Now()):
		err = fault.Invalid(param, "It is too late: the replaced token ended on %s", old.GraceEndsAt.Format(time.RFC3339))
	case !old.RevokedAt.IsZero():
		err = fault.Invalid(param, "The replaced token is revoked")
	case !next.RevokedAt.IsZero() || !next.DisabledAt.IsZero():
		err = fault.Invalid(param, "The token that took its place is %s", t.served(next, false).Status)
	}
	return old, next, err
}

// UndoRotation ends a successor while the token that it replaces still lives; that one lives on as
// it is configured now, with workspace keys and children. What a person rotated, a token cannot undo.
// It returns personal_access_token_not_found, or invalid_input when it is too late.
func (t *Tokens) UndoRotation(ctx context.Context, m Manager, id string, by audit.Actor) (tok Token, err error) {
	var old credential.Credential
	err = t.DB.Update(ctx, func(tx *store.Tx) error {
		var next credential.Credential
		var err error
		if old, next, err = t.overlapping(ctx, tx, m, id); err != nil {
			return err
		}
		if m.TokenID != "" && next.CreatedFrom != fromToken {
			return fault.Reason(fault.Forbidden, "scope", "A person rotated this token, so only a person may undo it")
		}
		if old.Limits.Within(next.Limits) != nil && next.Limits.Within(old.Limits) != nil {
			return fault.Invalid("personal_access_token_id", "Each of the two tokens may do what the other may not: make their limits alike first")
		}
		if err := credential.Reinstate(ctx, tx, &old, next); err != nil {
			return err
		}
		if err := credential.Revoke(ctx, tx, t.Now(), next.ID, by.UserID, reasonUndone); err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.rotation_undone", SubjectID: old.ID,
			Detail: map[string]any{"successor_id": next.ID}})
	}, store.Instance)
	return t.served(old, false), err
}

// CompleteRotation ends the overlap now. It gives the token that lives on. It returns
// personal_access_token_not_found, or invalid_input where no overlap is running.
func (t *Tokens) CompleteRotation(ctx context.Context, m Manager, id string, by audit.Actor) (tok Token, err error) {
	var next credential.Credential
	err = t.DB.Update(ctx, func(tx *store.Tx) error {
		var old credential.Credential
		var err error
		if old, next, err = t.overlapping(ctx, tx, m, id); err != nil {
			return err
		}
		if _, err := credential.EndOverlap(ctx, tx, next.ID, t.Now()); err != nil {
			return err
		}
		return t.completed(ctx, tx, old.ID, next.ID, by)
	}, store.Instance)
	return t.served(next, false), err
}

func (t *Tokens) completed(ctx context.Context, tx *store.Tx, oldID, nextID string, by audit.Actor) error {
	return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.rotation_completed", SubjectID: oldID,
		Detail: map[string]any{"successor_id": nextID}})
}

// FirstUse ends the overlap of a token that lives only until its successor is used.
func (t *Tokens) FirstUse(ctx context.Context, id string, by audit.Actor) error {
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		oldID, err := credential.EndOverlap(ctx, tx, id, t.Now())
		if err != nil || oldID == "" {
			return err
		}
		return t.completed(ctx, tx, oldID, id, by)
	}, store.Instance)
}

// Reused notifies people of a token that was used after a successor had taken its place: once for each
// address and hour. In a strict family it revokes the active token.
func (t *Tokens) Reused(ctx context.Context, id string, by audit.Actor) error {
	now := t.Now()
	return t.alarm(ctx, id, reasonReused, by, func(tx *store.Tx, c credential.Credential, tell tell) error {
		if !c.Superseded(now) {
			return nil // a child whose parent was replaced
		}
		live, err := liveOf(ctx, tx, c.FamilyID, now)
		if err != nil {
			return err
		}
		ended := []string{}
		for _, l := range live {
			if l.IsStrict {
				if err := credential.Revoke(ctx, tx, now, l.ID, "", reasonReused); err != nil {
					return err
				}
				ended = append(ended, l.ID)
			}
		}
		if err := t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.reused", SubjectID: c.ID,
			Detail: map[string]any{"address": by.Address, "revoked": ended}}); err != nil {
			return err
		}
		return tell(event.TokenReused, map[string]any{"address": by.Address, "revoked_personal_access_token_ids": ended})
	})
}

// DecoyUsed notifies people of an attempt to use a decoy: once for each address and hour.
func (t *Tokens) DecoyUsed(ctx context.Context, id string, by audit.Actor) error {
	return t.alarm(ctx, id, "decoy", by, func(tx *store.Tx, c credential.Credential, tell tell) error {
		if err := t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.decoy_used", SubjectID: c.ID,
			Detail: map[string]any{"address": by.Address}}); err != nil {
			return err
		}
		return tell(event.TokenDecoyUsed, map[string]any{"address": by.Address})
	})
}

// writeTokens is the scope of managing tokens, which must be named.
const writeTokens = "personal_access_tokens:write"

// liveOf lists the members of a family that are neither revoked nor superseded.
func liveOf(ctx context.Context, q store.Querier, familyID string, now time.Time) ([]credential.Credential, error) {
	rows, err := q.Query(ctx,
		`SELECT credential_id FROM credentials WHERE family_id = $1 AND kind = 'personal_access_token' AND revoked_at IS NULL
		AND (successor_id IS NULL OR grace_ends_at > $2)`, familyID, store.Micros(now))
	ids, err := store.All(rows, err, store.One[string])
	out := make([]credential.Credential, 0, len(ids))
	for _, id := range ids {
		c, err := credential.Get(ctx, q, credential.PersonalAccessToken, id)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, err
}

func (t *Tokens) rotateEndpoints() []rpc.Endpoint {
	const path = "/keyway/v1/personal_access_tokens/"
	return []rpc.Endpoint{
		{Path: path + "rotate", Summary: "Gives a token a successor with a new secret and the same limits; the answer is the only place where " +
			"it is shown.", Allow: rpc.Person, Workspace: rpc.Ignored, Self: true, Fresh: true, Returns: "personal_access_token", Secret: true,
			Handle: rpc.Func(t.rotate)},
		{Path: path + "rotate_begin", Summary: "Gives a token a successor; the token itself lives until that is used for the first time, or " +
			"the deadline passes.", Allow: rpc.Person, Workspace: rpc.Ignored, Self: true, Fresh: true, Returns: "personal_access_token",
			Secret: true, Handle: rpc.Func(t.rotateBegin)},
		{Path: path + "rotate_complete", Summary: "Ends the overlap of a rotation now.", Allow: rpc.Person, Workspace: rpc.Ignored, Self: true,
			Returns: "personal_access_token", Secret: true, Handle: rpc.Func(t.rotateComplete)},
		{Path: path + "rotate_undo", Summary: "Ends a token's successor during the overlap; the token itself lives on.", Allow: rpc.Person,
			Workspace: rpc.Ignored, Self: true, Returns: "personal_access_token", Secret: true, Handle: rpc.Func(t.rotateUndo)},
	}
}

type rotateInput struct {
	ID        string             `json:"personal_access_token_id" doc:"ID of the token; with a token, itself unless given."`
	Overlap   *int64             `json:"overlap_seconds" rule:"min=0,max=604800" doc:"How long the token lives on beside its successor: none for rotate and a day for rotate_begin, unless given."`
	ExpiresAt rpc.Opt[time.Time] `json:"expires_at" rule:"nullable" doc:"When the successor expires; null: never; as the token itself unless given. Only a console session may give it."`
}

func (t *Tokens) rotate(ctx context.Context, in rotateInput) (Token, error) {
	return t.rotateBy(ctx, in, Rotation{})
}

func (t *Tokens) rotateBegin(ctx context.Context, in rotateInput) (Token, error) {
	return t.rotateBy(ctx, in, Rotation{Begin: true, Overlap: beginOverlap})
}

// fromToken is what created_from says of tokens that a token made.
const fromToken = "token"

func (t *Tokens) rotateBy(ctx context.Context, in rotateInput, r Rotation) (Token, error) {
	p := credential.From(ctx)
	id, err := subject(p, in.ID)
	if err != nil {
		return Token{}, err
	}
	r.From = "console"
	if p.Kind != rpc.ConsoleSession {
		r.From = fromToken
	}
	if in.ExpiresAt.Set {
		if r.From == fromToken {
			return Token{}, fault.Invalid("expires_at", "Only a console session may give a token another expiry")
		}
		r.ExpiresAt = &in.ExpiresAt.Value
	}
	if in.Overlap != nil {
		r.Overlap = time.Duration(*in.Overlap) * time.Second
	}
	tok, secret, err := t.Rotate(ctx, manager(p), id, r, p.Actor())
	tok.Secret = secret.Reveal()
	return tok, err
}

func (t *Tokens) rotateComplete(ctx context.Context, in idInput) (Token, error) {
	p := credential.From(ctx)
	id, err := subject(p, in.ID)
	if err != nil {
		return Token{}, err
	}
	return t.CompleteRotation(ctx, manager(p), id, p.Actor())
}

func (t *Tokens) rotateUndo(ctx context.Context, in idInput) (Token, error) {
	p := credential.From(ctx)
	id, err := subject(p, in.ID)
	if err != nil {
		return Token{}, err
	}
	return t.UndoRotation(ctx, manager(p), id, p.Actor())
}

// subject is the token that a request is about: with a token and no id, that token.
func subject(p credential.Principal, id string) (string, error) {
	switch {
	case id != "":
		return id, nil
	case p.Kind == rpc.ConsoleSession:
		return "", fault.Invalid("personal_access_token_id", "Required")
	}
	return p.TokenID, nil
}
