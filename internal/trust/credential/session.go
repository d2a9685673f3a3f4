package credential

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/grant"
)

// The kinds of things that a client session can be given.
const (
	AccountResource      = "connected_account"
	WebviewResource      = "connect_webview"
	UserIdentityResource = "user_identity"
)

// MintSession makes a client session's token with what is stored of it: how it is found, how it is
// verified, and itself sealed for the place, because the contract shows it again.
func MintSession(v *vault.Vault, place string) (token vault.Secret, short, keyID string, digest [32]byte, sealed []byte) {
	text := "seam_cst1" + random(shortLength) + "_" + random(secretLength)
	token = vault.Hide(text + checksum(text))
	keyID, digest = v.NewDigest(token.Reveal())
	return token, strings.TrimPrefix(token.Hint(), "seam_"), keyID, digest, v.Seal(place, []byte(token.Reveal()))
}

// session finds out what is known of a client session. It depends on what is in the workspace (a
// webview that connects an account widens it), so it is cached for the workspace's generation too.
// The facts' Generation is never newer than their reach: an answer made with an old reach is not
// kept for a new one.
func (v *Verifier) session(ctx context.Context, short string) (Facts, bool, error) {
	instance, single := v.DB.Generation(store.Instance)
	if !single {
		return readSession(ctx, v.DB, short)
	}
	if c, ok := v.known.GetIfPresent(short); ok && c.generation == instance {
		if n, _ := v.DB.Generation(store.Workspace(c.facts.WorkspaceID)); n == c.facts.Generation {
			return c.facts, true, nil
		}
	}
	var workspaceID string
	err := v.DB.QueryRow(ctx, `SELECT workspace_id FROM client_sessions WHERE short_token = $1`, short).Scan(&workspaceID)
	if errors.Is(err, sql.ErrNoRows) {
		return Facts{}, false, nil
	} else if err != nil {
		return Facts{}, false, err
	}
	generation, _ := v.DB.Generation(store.Workspace(workspaceID))
	f, ok, err := readSession(ctx, v.DB, short)
	f.Generation = generation
	if ok && err == nil {
		v.known.Set(short, cached{f, instance})
	}
	return f, ok, err
}

var sessionQuery = `SELECT ` + grant.ClientSessions.Columns("s") + `, ` + grant.Users.Columns("u") + `,
	` + grant.Memberships.Columns("m") + `, ` + grant.Workspaces.Columns("w") + `, ip.doc, wp.doc, g.value,
	EXISTS (SELECT 1 FROM client_session_resources r WHERE r.workspace_id = s.workspace_id AND r.client_session_id = s.client_session_id)
	FROM client_sessions s
	JOIN workspaces w ON w.workspace_id = s.workspace_id AND w.deleted_at IS NULL
	LEFT JOIN generations g ON g.scope = 'workspace:' || w.workspace_id
	LEFT JOIN users u ON u.user_id = s.user_id
	LEFT JOIN memberships m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
	` + policyJoins + `
	WHERE s.short_token = $1`

// resourcesQuery reads what a client session was given, each with the account that it leads to.
var resourcesQuery = `SELECT ` + grant.ClientSessionResources.Columns("r") + `, ` + grant.ConnectWebviews.Columns("c") + `,
	a.connected_account_id
	FROM client_session_resources r
	LEFT JOIN connect_webviews c ON c.workspace_id = r.workspace_id AND c.connect_webview_id = r.resource_id AND r.kind = 'connect_webview'
	LEFT JOIN connected_accounts a ON a.workspace_id = r.workspace_id AND a.connected_account_id =
		CASE r.kind WHEN 'connected_account' THEN r.resource_id ELSE c.connected_account_id END
	WHERE r.workspace_id = $1 AND r.client_session_id = $2 ORDER BY r.kind, r.resource_id`

// SessionAccounts is a subquery for the accounts that client session s was given: by id, and by way
// of the webviews that connected them.
const SessionAccounts = `SELECT r.resource_id FROM client_session_resources r
	WHERE r.workspace_id = s.workspace_id AND r.client_session_id = s.client_session_id AND r.kind = 'connected_account'
	UNION SELECT c.connected_account_id FROM client_session_resources r
	JOIN connect_webviews c ON c.workspace_id = r.workspace_id AND c.connect_webview_id = r.resource_id
	WHERE r.workspace_id = s.workspace_id AND r.client_session_id = s.client_session_id AND r.kind = 'connect_webview'
	AND c.connected_account_id IS NOT NULL`

// readSession reads a client session with what it was given. Rows that were not written with the server key count as missing.
func readSession(ctx context.Context, q store.Querier, short string) (f Facts, ok bool, err error) {
	session, user, membership, workspace := grant.ClientSessions.Row(), grant.Users.Row(), grant.Memberships.Row(), grant.Workspaces.Row()
	var policy, workspacePolicy sql.NullString
	var generation sql.NullInt64
	var hasResources bool
	err = q.QueryRow(ctx, sessionQuery, short).Scan(slices.Concat(session.Into(), user.Into(), membership.Into(), workspace.Into(),
		[]any{&policy, &workspacePolicy, &generation, &hasResources})...)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	} else if err != nil {
		return f, false, err
	}
	s, ok := session.Open(q)
	if f.In(q, workspace); !ok || f.WorkspaceID == "" {
		return Facts{}, false, nil
	}
	f.ID, f.KeyID, f.Digest = s.Text("client_session_id"), s.Text("key_id"), s.Bytes("digest")
	f.Kind, f.Role, f.Generation = ClientSession, rpc.Member, uint64(generation.Int64)
	f.ExpiresAt, f.RevokedAt = s.Time("expires_at"), s.Time("revoked_at")
	f.Reach = &Reach{IsSession: true, CustomerKey: s.Text("customer_key"), UserIdentifierKey: s.Text("user_identifier_key"), view: f.ID}
	if hasResources {
		if err := f.Reach.readResources(ctx, q, f.WorkspaceID, f.ID); err != nil {
			return f, false, err
		}
	}
	f.maker = Maker{FamilyID: s.Text("family_id"), UserID: s.Text("user_id")}
	if f.maker.UserID != "" {
		person, known := user.Open(q)
		_, isMember := membership.Open(q)
		f.isMakerGone = !known || person.Has("disabled_at") || !isMember
	}
	if f.maker.FamilyID == "" {
		return f, true, nil
	}
	return f, true, f.inheritLimits(ctx, q, policy, workspacePolicy)
}

// readResources adds what a client session was given.
func (r *Reach) readResources(ctx context.Context, q store.Querier, workspaceID, sessionID string) error {
	rows, err := q.Query(ctx, resourcesQuery, workspaceID, sessionID)
	_, err = store.All(rows, err, func(rows *sql.Rows) (struct{}, error) {
		given, webview := grant.ClientSessionResources.Row(), grant.ConnectWebviews.Row()
		var account sql.NullString
		if err := rows.Scan(slices.Concat(given.Into(), webview.Into(), []any{&account})...); err != nil {
			return struct{}{}, err
		}
		g, ok := given.Open(q)
		if !ok {
			return struct{}{}, nil
		}
		switch id := g.Text("resource_id"); g.Text("kind") {
		case AccountResource:
			if account.Valid {
				r.AccountIDs = append(r.AccountIDs, id)
			}
		case UserIdentityResource:
			r.UserIdentityIDs = append(r.UserIdentityIDs, id)
		case WebviewResource:
			r.WebviewIDs = append(r.WebviewIDs, id)
			if v, ok := webview.Open(q); ok && account.Valid {
				r.AccountIDs = append(r.AccountIDs, v.Text("connected_account_id"))
			}
		}
		return struct{}{}, nil
	})
	slices.Sort(r.AccountIDs)
	r.AccountIDs = slices.Compact(r.AccountIDs)
	return err
}

// inheritLimits gives a client session the limits of the tokens that it was made with.
func (f *Facts) inheritLimits(ctx context.Context, q store.Querier, policy, workspacePolicy sql.NullString) (err error) {
	if f.Chain, err = readFamily(ctx, q, f.maker.FamilyID, f.WorkspaceID); err != nil {
		return err
	}
	if f.policy.instance, err = parsePolicy(policy); err != nil {
		return err
	}
	if f.policy.workspace, err = parsePolicy(workspacePolicy); err != nil {
		return err
	}
	if end := f.Chain.ends(); !end.IsZero() && end.Before(f.ExpiresAt) {
		f.ExpiresAt = end
	}
	if devices := f.Chain.reach(); devices != nil {
		f.Reach.DeviceIDs, f.Reach.view = devices.DeviceIDs, f.ID+" "+devices.view
	}
	return nil
}

// sessionAlive refuses a client session that was good once, or whose maker is no longer good.
func sessionAlive(f Facts, now time.Time) error {
	switch {
	case !f.RevokedAt.IsZero():
		return fault.New(fault.ClientSessionRevoked, "The client session was revoked on %s", f.RevokedAt.Format(time.DateOnly))
	case !now.Before(f.ExpiresAt):
		return fault.New(fault.ClientSessionExpired, "The client session expired on %s", f.ExpiresAt.Format(time.RFC3339))
	case f.isMakerGone:
		return fault.New(fault.ClientSessionRevoked, "The client session ended with the membership of the person who made it")
	case f.maker.FamilyID == "":
		return nil
	}
	err := f.Chain.alive(now)
	switch fault.ReasonOf(err) {
	case "":
		return err
	case "expired":
		return fault.New(fault.ClientSessionExpired, "The client session expired with the token that it was made with")
	case "disabled", "not_yet_valid":
		return fault.Reason(fault.Unauthorized, fault.ReasonOf(err), "The token that the client session was made with may not be used now")
	}
	return fault.New(fault.ClientSessionRevoked, "The client session ended with the token that it was made with")
}

// withoutDetails removes the limits of a token from a refusal: the holder of a client session knows
// nothing else of the token that it was made with.
func withoutDetails(err error) error {
	var refused *fault.Error
	reason := fault.ReasonOf(err)
	if reason == "" || !errors.As(err, &refused) {
		return err
	}
	return fault.Reason(refused.Code, reason, "The token that the client session was made with does not allow this (%s)", reason)
}

// publishable finds the workspace of a publishable key; ok is false for an unknown key, enabled for
// one whose workspace takes it.
func (v *Verifier) publishable(ctx context.Context, key string) (f Facts, ok, enabled bool, err error) {
	w, err := grant.Workspaces.One(ctx, v.DB, `publishable_key = $1 AND deleted_at IS NULL`, key)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, false, nil
	} else if err != nil {
		return f, false, false, err
	}
	var settings struct {
		Enabled bool `json:"is_publishable_key_auth_enabled"`
	}
	if err := json.Unmarshal([]byte(w.Text("doc")), &settings); err != nil {
		return f, false, false, err
	}
	f.WorkspaceID, f.IsSandbox, f.IsSuspended = w.Text("workspace_id"), w.Bool("is_sandbox"), w.Bool("is_suspended")
	f.ID, f.Role = vault.Hide(key).Hint(), rpc.Member
	return f, true, settings.Enabled, nil
}
