package credential

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
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

const columns = `credential_id, kind, short_token, user_id, workspace_id, parent_id, name, description,
	created_at, created_from, expires_at, revoked_at, revoked_by, revoke_reason, last_used,
	limits, not_before, disabled_at, is_decoy, is_strict, predecessor_id, successor_id, grace_ends_at, ends_predecessor,
	recent_addresses, use_count, family_id,
	(SELECT value FROM token_counters t WHERE t.credential_id = credentials.family_id AND t.counter = 'uses')`

func scan(row interface{ Scan(...any) error }) (c Credential, err error) {
	var user, workspace, parent, revokedBy, reason, lastUsed sql.NullString
	var created int64
	var expires, revoked, notBefore, disabled, graceEnds, uses sql.NullInt64
	var predecessor, successor sql.NullString
	var limits, addresses string
	err = row.Scan(&c.ID, &c.Kind, &c.ShortToken, &user, &workspace, &parent, &c.Name, &c.Description,
		&created, &c.CreatedFrom, &expires, &revoked, &revokedBy, &reason, &lastUsed,
		&limits, &notBefore, &disabled, &c.IsDecoy, &c.IsStrict, &predecessor, &successor, &graceEnds, &c.EndsPredecessor,
		&addresses, &c.UseCount, &c.FamilyID, &uses)
	if err != nil {
		return c, err
	}
	c.UserID, c.WorkspaceID, c.ParentID = user.String, workspace.String, parent.String
	c.CreatedAt, c.ExpiresAt, c.RevokedAt = store.Time(created), store.TimeOrZero(expires), store.TimeOrZero(revoked)
	c.RevokedBy, c.RevokeReason = revokedBy.String, reason.String
	c.NotBefore, c.DisabledAt, c.GraceEndsAt = store.TimeOrZero(notBefore), store.TimeOrZero(disabled), store.TimeOrZero(graceEnds)
	c.PredecessorID, c.SuccessorID = predecessor.String, successor.String
	if lastUsed.Valid {
		c.LastUsed = new(Use)
		if err := json.Unmarshal([]byte(lastUsed.String), c.LastUsed); err != nil {
			return c, err
		}
	}
	if err := json.Unmarshal([]byte(addresses), &c.RecentAddresses); err != nil {
		return c, err
	}
	c.Limits, c.Uses = parseLimits([]byte(limits)), uses.Int64
	return c, nil
}

// Insert stores a new credential and gives its token, which nobody can read again. The update's
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
	_, err = tx.Exec(ctx, `INSERT INTO credentials (credential_id, kind, short_token, key_id, digest, user_id, workspace_id,
		parent_id, name, description, created_at, created_from, expires_at, limits, not_before, disabled_at, is_decoy, is_strict,
		predecessor_id, grace_ends_at, ends_predecessor, family_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`,
		c.ID, string(c.Kind), c.ShortToken, keyID, digest[:], store.TextOrNull(c.UserID), store.TextOrNull(c.WorkspaceID),
		store.TextOrNull(c.ParentID), c.Name, c.Description, store.Micros(c.CreatedAt), c.CreatedFrom, store.MicrosOrNull(c.ExpiresAt),
		limits, store.MicrosOrNull(c.NotBefore), store.MicrosOrNull(c.DisabledAt), c.IsDecoy, c.IsStrict,
		store.TextOrNull(c.PredecessorID), store.MicrosOrNull(c.GraceEndsAt), c.EndsPredecessor, c.FamilyID)
	return secret, err
}

// ErrNotFound is returned by Get.
var ErrNotFound = errors.New("no such credential")

// Get reads the credential of a kind with the id; ErrNotFound when there is none.
func Get(ctx context.Context, q store.Querier, k Kind, id string) (Credential, error) {
	c, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM credentials WHERE credential_id = $1 AND kind = $2`, id, string(k)))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return c, err
}

// Select lists the credentials that conditions choose, newest first.
func Select(ctx context.Context, q store.Querier, w *store.Where) ([]Credential, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM credentials`+w.String()+` ORDER BY credential_id DESC`, w.Args...)
	return store.All(rows, err, scanRow)
}

// OfUser lists a person's personal access tokens, newest first.
func OfUser(ctx context.Context, q store.Querier, userID string) ([]Credential, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM credentials WHERE user_id = $1 AND kind = $2 ORDER BY credential_id DESC`, userID, string(PersonalAccessToken))
	return store.All(rows, err, scanRow)
}

// OfWorkspace lists a workspace's credentials of a kind, newest first.
func OfWorkspace(ctx context.Context, q store.Querier, workspaceID string, k Kind) ([]Credential, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM credentials WHERE workspace_id = $1 AND kind = $2 ORDER BY credential_id DESC`, workspaceID, string(k))
	return store.All(rows, err, scanRow)
}

// OfParent lists the workspace keys of a personal access token, newest first.
func OfParent(ctx context.Context, q store.Querier, parentID string) ([]Credential, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM credentials WHERE parent_id = $1 AND kind = $2 ORDER BY credential_id DESC`, parentID, string(WorkspaceKey))
	return store.All(rows, err, scanRow)
}

func scanRow(r *sql.Rows) (Credential, error) { return scan(r) }

// tree selects the ids of credential $1 and of all that were made with it.
const tree = `WITH RECURSIVE tree (credential_id) AS (SELECT CAST($1 AS TEXT)
	UNION SELECT c.credential_id FROM credentials c JOIN tree ON c.parent_id = tree.credential_id) SELECT credential_id FROM tree`

// Descendants lists the personal access tokens that were made with the token, directly or not,
// newest first.
func Descendants(ctx context.Context, q store.Querier, id string) ([]Credential, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM credentials WHERE credential_id IN (`+tree+`) AND credential_id <> $1 AND kind = $2
		ORDER BY credential_id DESC`, id, string(PersonalAccessToken))
	return store.All(rows, err, scanRow)
}

// Change writes what can be changed of a token: name, description, limits, and when it is good.
func Change(ctx context.Context, tx *store.Tx, c *Credential) error {
	limits, err := c.Limits.marshal()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE credentials SET name = $2, description = $3, limits = $4, expires_at = $5, not_before = $6, disabled_at = $7, is_strict = $8
		WHERE credential_id = $1`, c.ID, c.Name, c.Description, limits, store.MicrosOrNull(c.ExpiresAt), store.MicrosOrNull(c.NotBefore),
		store.MicrosOrNull(c.DisabledAt), c.IsStrict)
	return err
}

// Adopt makes another person the one who made an API key, so that it outlives the first.
func Adopt(ctx context.Context, tx *store.Tx, id, userID string) error {
	_, err := tx.Exec(ctx, `UPDATE credentials SET user_id = $2 WHERE credential_id = $1`, id, userID)
	return err
}

// Revoke ends a credential for ever, and with a personal access token its workspace keys and all
// tokens that were made with it. What is revoked already stays as it was.
func Revoke(ctx context.Context, tx *store.Tx, now time.Time, id, by, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE credentials SET revoked_at = $2, revoked_by = $3, revoke_reason = $4
		WHERE credential_id IN (`+tree+`) AND revoked_at IS NULL`, id, store.Micros(now), store.TextOrNull(by), reason)
	return err
}

// RevokeWorkspace ends all keys of a workspace.
func RevokeWorkspace(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, by, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE credentials SET revoked_at = $2, revoked_by = $3, revoke_reason = $4
		WHERE workspace_id = $1 AND revoked_at IS NULL`, workspaceID, store.Micros(now), by, reason)
	return err
}

// RevokeKeysOf ends the workspace keys that a person's tokens have in a workspace.
func RevokeKeysOf(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, userID, by, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE credentials SET revoked_at = $3, revoked_by = $4, revoke_reason = $5
		WHERE workspace_id = $1 AND kind = 'workspace_key' AND revoked_at IS NULL
		AND parent_id IN (SELECT credential_id FROM credentials WHERE user_id = $2)`, workspaceID, userID, store.Micros(now), by, reason)
	return err
}

// RevokeUser ends all personal access tokens of a person, and the workspace keys made from them.
func RevokeUser(ctx context.Context, tx *store.Tx, now time.Time, userID, by, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE credentials SET revoked_at = $2, revoked_by = $3, revoke_reason = $4
		WHERE revoked_at IS NULL AND (user_id = $1 AND kind = 'personal_access_token'
		OR kind = 'workspace_key' AND parent_id IN (SELECT credential_id FROM credentials WHERE user_id = $1 AND kind = 'personal_access_token'))`,
		userID, store.Micros(now), by, reason)
	return err
}

// CheckName refuses a credential's name that is empty or too long.
func CheckName(name string) error {
	if n := len([]rune(name)); n == 0 {
		return fault.Invalid("name", "String must contain at least 1 character(s)")
	} else if n > 100 {
		return fault.Invalid("name", "String must contain at most 100 character(s)")
	}
	return nil
}
