package credential

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"keyway/internal/platform/label"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/grant"
)

// Credential is a stored token, without its secret.
type Credential struct {
	ID           string
	Kind         Kind
	ShortToken   string
	UserID       string // whose it is; for an API key, who made it
	WorkspaceID  string // of an API key or a workspace key
	ParentID     string // of a workspace key: its personal access token; of a child token: the one it was made with
	Name         string
	Description  string
	CreatedAt    time.Time
	CreatedFrom  string // console, command, token
	ExpiresAt    time.Time
	RevokedAt    time.Time
	RevokedBy    string
	RevokeReason string
	LastUsed     *Use

	// Of personal access tokens.
	Limits          Limits
	NotBefore       time.Time
	DisabledAt      time.Time
	IsDecoy         bool      // grants nothing, and alarms when it is used
	IsStrict        bool      // late use of a superseded token ends its successors
	FamilyID        string    // the first of the tokens that this one follows; itself unless given
	PredecessorID   string    // the token that this one replaces
	SuccessorID     string    // the token that replaces this one
	GraceEndsAt     time.Time // with a successor: when this one stops
	EndsPredecessor bool      // the first use of this one stops its predecessor
	RecentAddresses []string  // newest first, at most five
	UseCount        int64
	Uses            int64 // with MaxUses: how many of them are spent
}

// Hint is the visible part of the token.
func (c Credential) Hint() string { return "seam_" + c.ShortToken }

// Use is what is remembered of a credential's latest use.
type Use struct {
	At          rpc.Time `json:"at"`
	Address     string   `json:"address"`
	UserAgent   string   `json:"user_agent"`
	WorkspaceID *string  `json:"workspace_id"`
	Endpoint    string   `json:"endpoint"`
}

// columns are those that scan takes.
var columns = grant.Credentials.Columns("credentials") + `, credentials.name, credentials.description, credentials.created_from,
	credentials.revoked_by, credentials.revoke_reason, credentials.last_used, credentials.recent_addresses, credentials.use_count,
	(SELECT value FROM token_counters t WHERE t.credential_id = credentials.family_id AND t.counter = 'uses')`

// scan reads a row of columns. It returns signed.ErrNotSigned for one that was not written with the server key.
func scan(q store.Querier, from interface{ Scan(...any) error }) (c Credential, err error) {
	row := grant.Credentials.Row()
	var revokedBy, reason, lastUsed sql.NullString
	var uses sql.NullInt64
	var addresses string
	if err = from.Scan(append(row.Into(), &c.Name, &c.Description, &c.CreatedFrom, &revokedBy, &reason, &lastUsed, &addresses, &c.UseCount,
		&uses)...); err != nil {
		return c, err
	}
	v, ok := row.Open(q)
	if !ok {
		return c, signed.ErrNotSigned
	}
	c.ID, c.Kind, c.ShortToken = v.Text("credential_id"), Kind(v.Text("kind")), v.Text("short_token")
	c.UserID, c.WorkspaceID, c.ParentID = v.Text("user_id"), v.Text("workspace_id"), v.Text("parent_id")
	c.CreatedAt, c.ExpiresAt, c.RevokedAt = v.Time("created_at"), v.Time("expires_at"), v.Time("revoked_at")
	c.RevokedBy, c.RevokeReason = revokedBy.String, reason.String
	c.NotBefore, c.DisabledAt, c.GraceEndsAt = v.Time("not_before"), v.Time("disabled_at"), v.Time("grace_ends_at")
	c.IsDecoy, c.IsStrict, c.EndsPredecessor = v.Bool("is_decoy"), v.Bool("is_strict"), v.Bool("ends_predecessor")
	c.FamilyID, c.PredecessorID, c.SuccessorID = v.Text("family_id"), v.Text("predecessor_id"), v.Text("successor_id")
	if lastUsed.Valid {
		c.LastUsed = new(Use)
		if err := json.Unmarshal([]byte(lastUsed.String), c.LastUsed); err != nil {
			return c, err
		}
	}
	if err := json.Unmarshal([]byte(addresses), &c.RecentAddresses); err != nil {
		return c, err
	}
	c.Limits, c.Uses = parseLimits([]byte(v.Text("limits"))), uses.Int64
	return c, nil
}

// selectAll reads the genuine credentials of a query that begins at WHERE.
func selectAll(ctx context.Context, q store.Querier, where string, args ...any) ([]Credential, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM credentials`+where, args...)
	found, err := store.All(rows, err, func(r *sql.Rows) (*Credential, error) {
		c, err := scan(q, r)
		if errors.Is(err, signed.ErrNotSigned) {
			return nil, nil
		}
		return &c, err
	})
	var out []Credential
	for _, c := range found {
		if c != nil {
			out = append(out, *c)
		}
	}
	return out, err
}

// Insert stores a new credential and returns its token, which no one can read again. The update's
// scope is store.Instance.
func Insert(ctx context.Context, tx *store.Tx, v *vault.Vault, c *Credential, sandbox bool) (vault.Secret, error) {
	var secret vault.Secret
	for taken := true; taken; { // a sandbox key's visible part has four free characters only
		secret = Mint(c.Kind, sandbox)
		p, err := Parse(secret.Reveal())
		if err != nil {
			return vault.Secret{}, err
		}
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM credentials WHERE short_token = $1)`, p.Short).Scan(&taken); err != nil {
			return vault.Secret{}, err
		}
		c.ID, c.ShortToken = store.NewID(), p.Short
	}
	if c.FamilyID == "" {
		c.FamilyID = c.ID
	}
	limits, err := c.Limits.marshal()
	if err != nil {
		return vault.Secret{}, err
	}
	keyID, digest := v.NewDigest(secret.Reveal())
	err = grant.Credentials.Insert(ctx, tx, signed.Set{
		"credential_id": c.ID, "kind": string(c.Kind), "short_token": c.ShortToken, "key_id": keyID, "digest": digest[:],
		"user_id": store.TextOrNull(c.UserID), "workspace_id": store.TextOrNull(c.WorkspaceID), "parent_id": store.TextOrNull(c.ParentID),
		"name": c.Name, "description": c.Description, "created_at": store.Micros(c.CreatedAt), "created_from": c.CreatedFrom,
		"expires_at": store.MicrosOrNull(c.ExpiresAt), "limits": limits, "not_before": store.MicrosOrNull(c.NotBefore),
		"disabled_at": store.MicrosOrNull(c.DisabledAt), "is_decoy": c.IsDecoy, "is_strict": c.IsStrict,
		"predecessor_id": store.TextOrNull(c.PredecessorID), "grace_ends_at": store.MicrosOrNull(c.GraceEndsAt),
		"ends_predecessor": c.EndsPredecessor, "family_id": c.FamilyID,
	})
	return secret, err
}

// ErrNotFound is returned by Get.
var ErrNotFound = errors.New("no such credential")

// Get reads the credential of a kind with the id; ErrNotFound when there is none.
func Get(ctx context.Context, q store.Querier, k Kind, id string) (Credential, error) {
	c, err := scan(q, q.QueryRow(ctx, `SELECT `+columns+` FROM credentials WHERE credential_id = $1 AND kind = $2`, id, string(k)))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return c, err
}

// Select lists the credentials that conditions choose, newest first.
func Select(ctx context.Context, q store.Querier, w *store.Where) ([]Credential, error) {
	return selectAll(ctx, q, w.String()+` ORDER BY credential_id DESC`, w.Args...)
}

// OfUser lists a person's personal access tokens, newest first.
func OfUser(ctx context.Context, q store.Querier, userID string) ([]Credential, error) {
	return selectAll(ctx, q, ` WHERE user_id = $1 AND kind = $2 ORDER BY credential_id DESC`, userID, string(PersonalAccessToken))
}

// OfWorkspace lists a workspace's credentials of a kind, newest first.
func OfWorkspace(ctx context.Context, q store.Querier, workspaceID string, k Kind) ([]Credential, error) {
	return selectAll(ctx, q, ` WHERE workspace_id = $1 AND kind = $2 ORDER BY credential_id DESC`, workspaceID, string(k))
}

// OfParent lists the workspace keys of a personal access token, newest first.
func OfParent(ctx context.Context, q store.Querier, parentID string) ([]Credential, error) {
	return selectAll(ctx, q, ` WHERE parent_id = $1 AND kind = $2 ORDER BY credential_id DESC`, parentID, string(WorkspaceKey))
}

// tree selects the ids of a credential and of all that were made with it.
const tree = `WITH RECURSIVE tree (credential_id) AS (SELECT CAST(%s AS TEXT)
	UNION SELECT c.credential_id FROM credentials c JOIN tree ON c.parent_id = tree.credential_id) SELECT credential_id FROM tree`

// Descendants lists the personal access tokens that were made with the token, directly or not,
// newest first.
func Descendants(ctx context.Context, q store.Querier, id string) ([]Credential, error) {
	return selectAll(ctx, q, ` WHERE credential_id IN (`+fmt.Sprintf(tree, "$1")+`) AND credential_id <> $1 AND kind = $2
		ORDER BY credential_id DESC`, id, string(PersonalAccessToken))
}

// Change writes what can be changed of a token: name, description, limits, and when it is good.
func Change(ctx context.Context, tx *store.Tx, c *Credential) error {
	limits, err := c.Limits.marshal()
	if err != nil {
		return err
	}
	return update(ctx, tx, signed.Set{
		"name": c.Name, "description": c.Description, "limits": limits, "expires_at": store.MicrosOrNull(c.ExpiresAt),
		"not_before": store.MicrosOrNull(c.NotBefore), "disabled_at": store.MicrosOrNull(c.DisabledAt), "is_strict": c.IsStrict,
	}, `credential_id = ?`, c.ID)
}

// update writes values to the credentials that a condition chooses.
func update(ctx context.Context, tx *store.Tx, set signed.Set, condition string, args ...any) error {
	w := &store.Where{}
	w.Add(condition, args...)
	_, err := grant.Credentials.Update(ctx, tx, set, w)
	return err
}

// Adopt makes another person the one who made an API key, so that it outlives the first.
func Adopt(ctx context.Context, tx *store.Tx, id, userID string) error {
	return update(ctx, tx, signed.Set{"user_id": userID}, `credential_id = ?`, id)
}

// revocation is what is written to a credential that ends.
func revocation(now time.Time, by, reason string) signed.Set {
	return signed.Set{"revoked_at": store.Micros(now), "revoked_by": store.TextOrNull(by), "revoke_reason": reason}
}

// Revoke ends a credential permanently, and with a personal access token its workspace keys and all
// tokens that were made with it. What is revoked already stays as it was.
func Revoke(ctx context.Context, tx *store.Tx, now time.Time, id, by, reason string) error {
	if err := update(ctx, tx, revocation(now, by, reason), `credential_id IN (`+fmt.Sprintf(tree, "?")+`) AND revoked_at IS NULL`,
		id); err != nil {
		return err
	}
	return endOfFamilies(ctx, tx, now, fmt.Sprintf(tree, "?"), id)
}

// RevokeWorkspace ends all keys of a workspace.
func RevokeWorkspace(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, by, reason string) error {
	return update(ctx, tx, revocation(now, by, reason), `workspace_id = ? AND revoked_at IS NULL`, workspaceID)
}

// RevokeKeysOf ends what a person who leaves a workspace could still come in with: the workspace keys
// of their tokens, and the client sessions and pending Connect Webviews that they made there.
func RevokeKeysOf(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, userID, by, reason string) error {
	if err := update(ctx, tx, revocation(now, by, reason), `workspace_id = ? AND kind = 'workspace_key' AND revoked_at IS NULL
		AND parent_id IN (SELECT credential_id FROM credentials WHERE user_id = ?)`, workspaceID, userID); err != nil {
		return err
	}
	return endOfPerson(ctx, tx, now, workspaceID, userID)
}

// RevokeUser ends all personal access tokens of a person, the workspace keys made from them, and the
// client sessions and pending Connect Webviews that the person made.
func RevokeUser(ctx context.Context, tx *store.Tx, now time.Time, userID, by, reason string) error {
	if err := update(ctx, tx, revocation(now, by, reason), `revoked_at IS NULL AND (user_id = ? AND kind = 'personal_access_token'
		OR kind = 'workspace_key' AND parent_id IN (SELECT credential_id FROM credentials WHERE user_id = ? AND kind = 'personal_access_token'))`,
		userID, userID); err != nil {
		return err
	}
	return endOfPerson(ctx, tx, now, "", userID)
}

// CheckName refuses a credential's name that shows nothing or is too long.
func CheckName(name string) error { return label.Check("name", name, 100) }
