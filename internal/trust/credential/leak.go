package credential

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/grant"
)

// Leaks ends credentials for anyone who has found them, given only the secrets themselves.
type Leaks struct {
	DB    *store.DB
	Vault *vault.Vault
	Audit *audit.Log
	Limit *Limiter // of requests from an address
	Now   func() time.Time
	// Subscribers are notified of leaked credentials, in order.
	Subscribers []LeakSubscriber
}

// LeakSubscriber is notified of a leaked credential in the transaction that revokes it.
type LeakSubscriber interface {
	LeakFound(ctx context.Context, tx *store.Tx, l Leaked) error
}

// Leaked is a credential that someone has found.
type Leaked struct {
	Kind        Kind
	ID          string
	Hint        string
	WorkspaceID string // empty: a personal access token
	Address     string // from where it was reported
}

// LeaksPerMinute is how often an address may report leaked credentials.
const LeaksPerMinute = 20

// ReasonLeaked is the revoke_reason of a credential that someone had found.
const ReasonLeaked = "leaked"

// MaxLeaked is how many credentials one request may report.
const MaxLeaked = 1000

// Endpoints are the rows of /keyway/v1/credentials.
func (l *Leaks) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/keyway/v1/credentials/revoke", Summary: "Ends exposed credentials. Needs no sign-in, only the whole secrets, and never " +
			"reports which of them were valid.", Allow: rpc.Public, Pace: l.pace, Handle: rpc.Func(l.revoke)},
	}
}

type leakedInput struct {
	Credentials []string `json:"credentials" rule:"required,empty,max=1000" doc:"The whole credentials: personal access tokens, workspace keys, API keys and client sessions."`
}

// answerEvery is the grid on which reports are answered. Ending a credential takes a little longer
// than not finding it, and no one must be able to measure the difference.
const answerEvery = 100 * time.Millisecond

// pace bounds the reports of an address before their texts are read.
func (l *Leaks) pace(address string) error {
	return l.Limit.Admit(Network(address), "Too many reports from this address; try again later")
}

func (l *Leaks) revoke(ctx context.Context, in leakedInput) (rpc.Accepted, error) {
	began := time.Now()
	address := rpc.ClientOf(ctx).Address
	_, err := l.Revoke(ctx, in.Credentials, audit.Actor{Kind: "finder", Address: address})
	took := time.Since(began)
	select {
	case <-time.After(answerEvery - took%answerEvery):
	case <-ctx.Done():
	}
	return rpc.Accepted{}, err
}

// Revoke ends those of the credentials whose whole secret is right, and what was made with them. It
// returns how many were active until then. What they were made with, and what took their place, stays.
func (l *Leaks) Revoke(ctx context.Context, secrets []string, by audit.Actor) (ended int, err error) {
	byShort := map[string][]vault.Secret{} // a wrong secret beside the right one changes nothing
	for _, text := range secrets {
		if p, err := Parse(text); err == nil {
			byShort[p.Short] = append(byShort[p.Short], p.Secret)
		}
	}
	shorts := slices.Collect(maps.Keys(byShort))
	return ended, l.DB.Update(ctx, func(tx *store.Tx) error {
		found, err := l.find(ctx, tx, shorts)
		if err != nil {
			return err
		}
		ended = 0
		for _, c := range found {
			if !slices.ContainsFunc(byShort[c.short], func(s vault.Secret) bool { return l.Vault.Matches(c.keyID, s.Reveal(), c.digest) }) {
				continue
			}
			if err := l.end(ctx, tx, c, by); err != nil {
				return err
			}
			ended++
		}
		return nil
	}, store.Instance) // always, whether any was found or not
}

// leaked is what is needed of a stored credential to end it.
type leaked struct {
	id, short, keyID string
	kind             Kind
	digest           []byte
	userID           sql.NullString
	workspaceID      sql.NullString
}

// find reads the active credentials with these visible parts.
func (l *Leaks) find(ctx context.Context, tx *store.Tx, shorts []string) ([]leaked, error) {
	w := l.DB.Where()
	w.Add("revoked_at IS NULL")
	w.AddIn("short_token", shorts)
	rows, err := tx.Query(ctx, `SELECT credential_id, short_token, key_id, kind, digest, user_id, workspace_id FROM credentials`+w.String()+
		` UNION ALL SELECT client_session_id, short_token, key_id, 'client_session', digest, NULL, workspace_id FROM client_sessions`+w.String(),
		w.Args...)
	return store.All(rows, err, func(r *sql.Rows) (c leaked, err error) {
		err = r.Scan(&c.id, &c.short, &c.keyID, &c.kind, &c.digest, &c.userID, &c.workspaceID)
		return c, err
	})
}

func (l *Leaks) end(ctx context.Context, tx *store.Tx, c leaked, by audit.Actor) (err error) {
	if c.kind == ClientSession {
		w := &store.Where{}
		w.Add(`workspace_id = ? AND client_session_id = ?`, c.workspaceID.String, c.id)
		_, err = grant.ClientSessions.Update(ctx, tx, signed.Set{"revoked_at": store.Micros(l.Now())}, w)
	} else {
		err = Revoke(ctx, tx, l.Now(), c.id, "", ReasonLeaked)
	}
	if err != nil {
		return err
	}
	detail := map[string]any{"reason": ReasonLeaked, "hint": "seam_" + c.short}
	if c.userID.Valid {
		detail["user_id"] = c.userID.String
	}
	for _, s := range l.Subscribers {
		if err := s.LeakFound(ctx, tx, Leaked{c.kind, c.id, "seam_" + c.short, c.workspaceID.String, by.Address}); err != nil {
			return err
		}
	}
	return l.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: string(c.kind) + ".revoked", WorkspaceID: c.workspaceID.String, SubjectID: c.id,
		Detail: detail})
}

// LeakedSince lists what was found since a time of a person's tokens and workspace keys and, unless it
// is empty, of a workspace's API keys, newest first: without what only ended with something else.
func LeakedSince(ctx context.Context, q store.Querier, userID, workspaceID string, since time.Time) ([]Credential, error) {
	return selectAll(ctx, q, ` WHERE revoke_reason = $1 AND revoked_at >= $2
		AND (user_id = $3 AND kind = 'personal_access_token' OR kind = 'workspace_key' AND parent_id IN (SELECT p.credential_id FROM credentials p
		WHERE p.user_id = $3)
			OR kind = 'api_key' AND workspace_id = $4)
		AND NOT EXISTS (SELECT 1 FROM credentials p WHERE p.credential_id = credentials.parent_id AND p.revoked_at = credentials.revoked_at)
		ORDER BY revoked_at DESC`, ReasonLeaked, store.Micros(since), userID, workspaceID)
}
