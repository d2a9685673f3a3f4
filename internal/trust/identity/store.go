package identity

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
)

// matching is a clause of one condition.
func matching(condition string, args ...any) *store.Where {
	w := &store.Where{}
	w.Add(condition, args...)
	return w
}

// changed reports whether a statement changed a row.
func changed(r sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// Users.

func selectUsers(ctx context.Context, q store.Querier, clause string, args ...any) ([]User, error) {
	rows, err := q.Query(ctx, `SELECT `+grant.Users.Columns("users")+`, name, created_at FROM users `+clause, args...)
	users, err := store.All(rows, err, func(r *sql.Rows) (u User, err error) {
		row := grant.Users.Row()
		var created int64
		if err := r.Scan(append(row.Into(), &u.Name, &created)...); err != nil {
			return u, err
		}
		if v, ok := row.Open(q); ok {
			u.ID, u.Email, u.IsOperator, u.DisabledAt = v.Text("user_id"), v.Text("email"), v.Bool("is_operator"), v.Time("disabled_at")
			u.hasSecondFactor, u.CreatedAt = v.Bool("has_second_factor"), store.Time(created)
		}
		return u, nil
	})
	return slices.DeleteFunc(users, func(u User) bool { return u.ID == "" }), err
}

// oneUser returns user_not_found where there is none.
func oneUser(ctx context.Context, q store.Querier, clause string, args ...any) (User, error) {
	users, err := selectUsers(ctx, q, clause, args...)
	if err == nil && len(users) == 0 {
		err = fault.Missing(fault.UserNotFound)
	}
	if err != nil {
		return User{}, err
	}
	return users[0], nil
}

func countUsers(ctx context.Context, q store.Querier) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT count(*) FROM users`).Scan(&n)
	return n, err
}

func insertUser(ctx context.Context, tx *store.Tx, u User, passwordHash string) error {
	return grant.Users.Insert(ctx, tx, signed.Set{"user_id": u.ID, "email": u.Email, "name": u.Name, "password_hash": passwordHash,
		"is_operator": u.IsOperator, "created_at": store.Micros(u.CreatedAt)})
}

func updateUser(ctx context.Context, tx *store.Tx, id string, set signed.Set) error {
	_, err := grant.Users.Update(ctx, tx, set, matching("user_id = ?", id))
	return err
}

// lastOperator reports whether this person is the only enabled operator.
func lastOperator(ctx context.Context, q store.Querier, userID string) (bool, error) {
	others, err := grant.Users.Select(ctx, q, `is_operator AND disabled_at IS NULL AND user_id <> $1`, userID)
	return len(others) == 0, err
}

// passwordHash is that of the person whom a condition on users chooses, empty where there is none.
func passwordHash(ctx context.Context, q store.Querier, condition string, arg any) (string, error) {
	v, err := grant.Users.One(ctx, q, condition, arg)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return v.Text("password_hash"), nil
}

// Sessions.

func insertSession(ctx context.Context, tx *store.Tx, s Session, kind, keyID string, digest []byte) error {
	now := store.Micros(s.CreatedAt)
	if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2`, s.UserID, now); err != nil {
		return err // what has expired is cleared away as people come back
	}
	return grant.Sessions.Insert(ctx, tx, signed.Set{"session_id": s.ID, "user_id": s.UserID, "kind": kind, "key_id": keyID, "digest": digest,
		"created_at": now, "seen_at": now, "expires_at": store.Micros(s.ExpiresAt), "address": s.Address, "user_agent": s.UserAgent,
		"authenticated_at": now, "method": string(s.Method), "must_renew": false})
}

// storedSession is a session with what proves possession of it.
type storedSession struct {
	Session
	keyID  string
	digest []byte
}

func selectSessions(ctx context.Context, q store.Querier, condition string, args ...any) ([]storedSession, error) {
	rows, err := q.Query(ctx, `SELECT `+grant.Sessions.Columns("sessions")+`, address, user_agent FROM sessions WHERE `+condition, args...)
	all, err := store.All(rows, err, func(r *sql.Rows) (s storedSession, err error) {
		row := grant.Sessions.Row()
		if err := r.Scan(append(row.Into(), &s.Address, &s.UserAgent)...); err != nil {
			return s, err
		}
		if v, ok := row.Open(q); ok {
			s.Session = sessionOf(v, s.Session)
			s.keyID, s.digest = v.Text("key_id"), v.Bytes("digest")
		}
		return s, nil
	})
	return slices.DeleteFunc(all, func(s storedSession) bool { return s.ID == "" }), err
}

func sessionOf(v signed.Values, s Session) Session {
	s.ID, s.UserID, s.Method, s.IsScript = v.Text("session_id"), v.Text("user_id"), Method(v.Text("method")), v.Text("kind") == tokenKind
	s.CreatedAt, s.SeenAt, s.ExpiresAt, s.AuthenticatedAt = v.Time("created_at"), v.Time("seen_at"), v.Time("expires_at"),
		v.Time("authenticated_at")
	s.mustRenew = v.Bool("must_renew")
	return s
}

// updateSession changes sessions and returns them as they are then, without address and user agent.
func updateSession(ctx context.Context, tx *store.Tx, set signed.Set, condition string, args ...any) (out []Session, err error) {
	rows, err := grant.Sessions.Update(ctx, tx, set, matching(condition, args...))
	for _, v := range rows {
		out = append(out, sessionOf(v, Session{}))
	}
	return out, err
}

// deleteSessions removes a person's sessions but one; except may be empty.
func deleteSessions(ctx context.Context, tx *store.Tx, userID, except string) error {
	_, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND session_id <> $2`, userID, except)
	return err
}

func deleteSession(ctx context.Context, tx *store.Tx, userID, id string) (bool, error) {
	return changed(tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND session_id = $2`, userID, id))
}

var sessionFactsQuery = `SELECT ` + grant.Sessions.Columns("s") + `, ` + grant.Users.Columns("u") + `,
	` + grant.Memberships.Columns("m") + `, ` + grant.Workspaces.Columns("w") + `, g.value
	FROM sessions s JOIN users u ON u.user_id = s.user_id
	LEFT JOIN workspaces w ON w.workspace_id = $2 AND w.deleted_at IS NULL
	LEFT JOIN memberships m ON m.workspace_id = w.workspace_id AND m.user_id = u.user_id
	LEFT JOIN generations g ON g.scope = 'workspace:' || w.workspace_id
	WHERE s.session_id = $1 AND s.kind = 'token'`

func sessionFacts(ctx context.Context, q store.Querier, id, workspaceID string) (f credential.Facts, ok bool, err error) {
	session, user, membership, workspace := grant.Sessions.Row(), grant.Users.Row(), grant.Memberships.Row(), grant.Workspaces.Row()
	var generation sql.NullInt64
	err = q.QueryRow(ctx, sessionFactsQuery, id, workspaceID).Scan(slices.Concat(session.Into(), user.Into(), membership.Into(),
		workspace.Into(), []any{&generation})...)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	} else if err != nil {
		return f, false, err
	}
	s, ok := session.Open(q)
	if !ok {
		return f, false, nil
	}
	u, ok := user.Open(q)
	if !ok {
		return f, false, nil
	}
	f.ID, f.UserID = s.Text("session_id"), u.Text("user_id")
	f.ExpiresAt, f.AuthenticatedAt = s.Time("expires_at"), s.Time("authenticated_at")
	f.UserDisabled, f.IsOperator = u.Has("disabled_at"), u.Bool("is_operator")
	f.In(q, workspace)
	if m, ok := membership.Open(q); ok {
		f.Role, _ = rpc.ParseRole(m.Text("role"))
	}
	f.Generation = uint64(generation.Int64)
	return f, true, nil
}

// Links.

func insertLink(ctx context.Context, tx *store.Tx, l Link, keyID string, digest []byte) error {
	return grant.Links.Insert(ctx, tx, signed.Set{"link_id": l.ID, "kind": string(l.Kind), "key_id": keyID, "digest": digest,
		"workspace_id": store.TextOrNull(l.WorkspaceID), "email": store.TextOrNull(l.Email), "role": store.TextOrNull(l.Role),
		"created_by": store.TextOrNull(l.CreatedBy), "created_at": store.Micros(l.CreatedAt), "expires_at": store.Micros(l.ExpiresAt)})
}

func linkOf(v signed.Values) Link {
	return Link{ID: v.Text("link_id"), Kind: LinkKind(v.Text("kind")), WorkspaceID: v.Text("workspace_id"), Email: v.Text("email"),
		Role:      v.Text("role"),
		CreatedBy: v.Text("created_by"), CreatedAt: v.Time("created_at"), ExpiresAt: v.Time("expires_at")}
}

// useLinks uses up the links that a condition chooses, and returns them.
func useLinks(ctx context.Context, tx *store.Tx, at int64, condition string, args ...any) (out []Link, err error) {
	rows, err := grant.Links.Update(ctx, tx, signed.Set{"used_at": at}, matching("used_at IS NULL AND "+condition, args...))
	for _, v := range rows {
		out = append(out, linkOf(v))
	}
	return out, err
}

func selectLinks(ctx context.Context, q store.Querier, condition string, args ...any) (out []Link, err error) {
	rows, err := grant.Links.Select(ctx, q, condition, args...)
	for _, v := range rows {
		out = append(out, linkOf(v))
	}
	return out, err
}

// Passkeys.

func selectPasskeys(ctx context.Context, q store.Querier, userID string) ([]Passkey, error) {
	rows, err := q.Query(ctx, `SELECT `+grant.Passkeys.Columns("passkeys")+`, name, created_at, last_used_at FROM passkeys WHERE user_id = $1
		ORDER BY passkey_id`, userID)
	keys, err := store.All(rows, err, func(r *sql.Rows) (k Passkey, err error) {
		row := grant.Passkeys.Row()
		var created int64
		var used sql.NullInt64
		if err := r.Scan(append(row.Into(), &k.Name, &created, &used)...); err != nil {
			return k, err
		}
		v, ok := row.Open(q)
		if !ok {
			return k, nil
		}
		k.ID, k.CreatedAt, k.LastUsedAt = v.Text("passkey_id"), store.Time(created), store.TimeOrZero(used)
		return k, json.Unmarshal([]byte(v.Text("doc")), &k.credential)
	})
	return slices.DeleteFunc(keys, func(k Passkey) bool { return k.ID == "" }), err
}

// insertPasskey returns false when one with the handle exists.
func insertPasskey(ctx context.Context, tx *store.Tx, id, userID, handle, name, doc string, at int64) (bool, error) {
	return grant.Passkeys.InsertNew(ctx, tx, signed.Set{"passkey_id": id, "user_id": userID, "handle": handle, "name": name, "doc": doc,
		"created_at": at})
}

// updatePasskey returns false when there is none.
func updatePasskey(ctx context.Context, tx *store.Tx, userID, handle, doc string, usedAt int64) (bool, error) {
	rows, err := grant.Passkeys.Update(ctx, tx, signed.Set{"doc": doc, "last_used_at": usedAt},
		matching("user_id = ? AND handle = ?", userID, handle))
	return len(rows) > 0, err
}

func deletePasskey(ctx context.Context, tx *store.Tx, userID, id string) (bool, error) {
	return changed(tx.Exec(ctx, `DELETE FROM passkeys WHERE user_id = $1 AND passkey_id = $2`, userID, id))
}

func deletePasskeys(ctx context.Context, tx *store.Tx, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM passkeys WHERE user_id = $1`, userID)
	return err
}

// spend notes that a one-time value was used; fresh is false when it was before. expires is when the value would
// be refused anyway, now removes what has expired.
func spend(ctx context.Context, tx *store.Tx, value string, now, expires int64) (fresh bool, err error) {
	if _, err := tx.Exec(ctx, `DELETE FROM spent_challenges WHERE expires_at <= $1`, now); err != nil {
		return false, err
	}
	return changed(tx.Exec(ctx, `INSERT INTO spent_challenges (challenge, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, value, expires))
}

// The second factor.

// setAuthenticator replaces a person's authenticator app. That they have one is written to their own row too, so
// that the second factor does not end with the row that stores it.
func setAuthenticator(ctx context.Context, tx *store.Tx, userID string, secret []byte, step, at int64) error {
	if _, err := tx.Exec(ctx, `DELETE FROM authenticators WHERE user_id = $1`, userID); err != nil {
		return err
	}
	if err := grant.Authenticators.Insert(ctx, tx,
		signed.Set{"user_id": userID, "secret": secret, "last_step": step, "created_at": at}); err != nil {
		return err
	}
	return updateUser(ctx, tx, userID, signed.Set{"has_second_factor": true})
}

func removeAuthenticator(ctx context.Context, tx *store.Tx, userID string) error {
	for _, table := range []string{"authenticators", "recovery_codes"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE user_id = $1`, userID); err != nil {
			return err
		}
	}
	return updateUser(ctx, tx, userID, signed.Set{"has_second_factor": nil})
}

// hasAuthenticator reports whether there is any row: one that is not genuine must not count for less than none.
func hasAuthenticator(ctx context.Context, q store.Querier, userID string) (has bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM authenticators WHERE user_id = $1)`, userID).Scan(&has)
	return has, err
}

// authenticatorSecret is sealed; nil where there is none.
func authenticatorSecret(ctx context.Context, q store.Querier, userID string) ([]byte, error) {
	v, err := grant.Authenticators.One(ctx, q, `user_id = $1`, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return v.Bytes("secret"), nil
}

// useStep returns false when a code of this time step or a later one was used before.
func useStep(ctx context.Context, tx *store.Tx, userID string, step int64) (bool, error) {
	rows, err := grant.Authenticators.Update(ctx, tx, signed.Set{"last_step": step}, matching("user_id = ? AND last_step < ?", userID, step))
	return len(rows) > 0, err
}

func deleteRecoveryCodes(ctx context.Context, tx *store.Tx, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1`, userID)
	return err
}

func insertRecoveryCode(ctx context.Context, tx *store.Tx, userID string, number int, keyID string, digest []byte) error {
	return grant.RecoveryCodes.Insert(ctx, tx, signed.Set{"user_id": userID, "number": number, "key_id": keyID, "digest": digest})
}

// recoveryCodes are a person's unused ones.
func recoveryCodes(ctx context.Context, q store.Querier, userID string) ([]signed.Values, error) {
	return grant.RecoveryCodes.Select(ctx, q, `user_id = $1 AND used_at IS NULL`, userID)
}

func useRecoveryCode(ctx context.Context, tx *store.Tx, userID string, number, at int64) (bool, error) {
	rows, err := grant.RecoveryCodes.Update(ctx, tx, signed.Set{"used_at": at},
		matching("user_id = ? AND number = ? AND used_at IS NULL", userID, number))
	return len(rows) > 0, err
}

func selectFactors(ctx context.Context, q store.Querier, userID string) (f Factors, err error) {
	hash, err := passwordHash(ctx, q, `user_id = $1`, userID)
	if err != nil {
		return f, err
	}
	f.Password = hash != ""
	var since sql.NullInt64
	if err := q.QueryRow(ctx, `SELECT (SELECT created_at FROM authenticators WHERE user_id = $1),
		(SELECT count(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL)`, userID).Scan(&since, &f.RecoveryCodes); err != nil {
		return f, err
	}
	f.AuthenticatorSince = store.TimeOrZero(since)
	if f.Passkeys, err = selectPasskeys(ctx, q, userID); err != nil {
		return f, err
	}
	f.OpenID, err = selectOpenIDAccounts(ctx, q, `user_id = $1 ORDER BY created_at`, userID)
	return f, err
}

// Accounts at OpenID providers.

func selectOpenIDAccounts(ctx context.Context, q store.Querier, condition string, args ...any) ([]OpenIDAccount, error) {
	rows, err := q.Query(ctx, `SELECT `+grant.OpenIDAccounts.Columns("openid_accounts")+`, email, created_at FROM openid_accounts WHERE `+
		condition, args...)
	all, err := store.All(rows, err, func(r *sql.Rows) (a OpenIDAccount, err error) {
		row := grant.OpenIDAccounts.Row()
		var created int64
		if err := r.Scan(append(row.Into(), &a.Email, &created)...); err != nil {
			return a, err
		}
		if v, ok := row.Open(q); ok {
			a.Issuer, a.Subject, a.userID, a.CreatedAt = v.Text("issuer"), v.Text("subject"), v.Text("user_id"), store.Time(created)
		}
		return a, nil
	})
	return slices.DeleteFunc(all, func(a OpenIDAccount) bool { return a.userID == "" }), err
}

// insertOpenIDAccount returns false when one exists.
func insertOpenIDAccount(ctx context.Context, tx *store.Tx, a OpenIDAccount) (bool, error) {
	return grant.OpenIDAccounts.InsertNew(ctx, tx, signed.Set{"issuer": a.Issuer, "subject": a.Subject, "user_id": a.userID, "email": a.Email,
		"created_at": store.Micros(a.CreatedAt)})
}

func deleteOpenIDAccount(ctx context.Context, tx *store.Tx, userID, issuer, subject string) (bool, error) {
	return changed(tx.Exec(ctx, `DELETE FROM openid_accounts WHERE user_id = $1 AND issuer = $2 AND subject = $3`, userID, issuer, subject))
}
