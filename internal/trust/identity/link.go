package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
)

// LinkKind is what a one-time link is for.
type LinkKind string

// The kinds of links.
const (
	SetupLink      LinkKind = "setup"
	InvitationLink LinkKind = "invitation"
)

// Life of the links.
const (
	SetupLife      = time.Hour
	InvitationLife = 7 * 24 * time.Hour
)

// Link is a one-time link, without its secret.
type Link struct {
	ID          string
	Kind        LinkKind
	WorkspaceID string
	Email       string
	Role        string
	CreatedBy   string
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// errLink is the one answer for a link that is wrong, used, withdrawn or too old.
var errLink = fault.New(fault.Unauthorized, "This link is not valid any more: it may have been used already, or be too old. Ask for a new one")

// CreateLink stores a link and gives the secret that stands behind the # of its address, where no
// server, proxy or log sees it.
func (p *People) CreateLink(ctx context.Context, tx *store.Tx, l Link, life time.Duration) (Link, vault.Secret, error) {
	l.ID, l.CreatedAt = store.NewID(), p.Now()
	l.ExpiresAt = l.CreatedAt.Add(life)
	// The id in front makes the link findable; the random part is what proves.
	secret := vault.Hide(l.ID + "_" + credential.RandomText(32))
	keyID, digest := p.Vault.NewDigest(secret.Reveal())
	_, err := tx.Exec(ctx, `INSERT INTO links (link_id, kind, key_id, digest, workspace_id, email, role, created_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, l.ID, string(l.Kind), keyID, digest[:], store.TextOrNull(l.WorkspaceID),
		store.TextOrNull(l.Email), store.TextOrNull(l.Role), store.TextOrNull(l.CreatedBy), store.Micros(l.CreatedAt), store.Micros(l.ExpiresAt))
	return l, secret, err
}

// FindLink reads the link that a secret opens. It returns unauthorized when there is none.
func (p *People) FindLink(ctx context.Context, q store.Querier, kind LinkKind, secret vault.Secret) (Link, error) {
	var l Link
	id := secret.Hint()
	var keyID string
	var digest []byte
	var used sql.NullInt64
	var created, expires int64
	var workspace, email, role, by sql.NullString
	err := q.QueryRow(ctx, `SELECT link_id, kind, key_id, digest, workspace_id, email, role, created_by, created_at, expires_at, used_at
		FROM links WHERE link_id = $1`, id).Scan(&l.ID, &l.Kind, &keyID, &digest, &workspace, &email, &role, &by, &created, &expires, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return Link{}, errLink
	} else if err != nil {
		return Link{}, err
	}
	l.WorkspaceID, l.Email, l.Role, l.CreatedBy = workspace.String, email.String, role.String, by.String
	l.CreatedAt, l.ExpiresAt = store.Time(created), store.Time(expires)
	if l.Kind != kind || used.Valid || !p.Now().Before(l.ExpiresAt) || !p.Vault.Matches(keyID, secret.Reveal(), digest) {
		return Link{}, errLink
	}
	return l, nil
}

// UseLink finds a link and makes sure that it never opens anything again.
func (p *People) UseLink(ctx context.Context, tx *store.Tx, kind LinkKind, secret vault.Secret) (Link, error) {
	l, err := p.FindLink(ctx, tx, kind, secret)
	if err != nil {
		return l, err
	}
	r, err := tx.Exec(ctx, `UPDATE links SET used_at = $2 WHERE link_id = $1 AND used_at IS NULL`, l.ID, store.Micros(p.Now()))
	if err != nil {
		return l, err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return l, errors.Join(err, errLink)
	}
	return l, nil
}

// Invitations lists a workspace's open invitations, newest first.
func (p *People) Invitations(ctx context.Context, workspaceID string) ([]Link, error) {
	rows, err := p.DB.Query(ctx, `SELECT link_id, workspace_id, email, role, created_by, created_at, expires_at FROM links
		WHERE workspace_id = $1 AND kind = $2 AND used_at IS NULL AND expires_at > $3 ORDER BY link_id DESC`,
		workspaceID, string(InvitationLink), store.Micros(p.Now()))
	return store.All(rows, err, func(r *sql.Rows) (Link, error) {
		l := Link{Kind: InvitationLink}
		var by sql.NullString
		var created, expires int64
		err := r.Scan(&l.ID, &l.WorkspaceID, &l.Email, &l.Role, &by, &created, &expires)
		l.CreatedBy, l.CreatedAt, l.ExpiresAt = by.String, store.Time(created), store.Time(expires)
		return l, err
	})
}

// UseInvitationsFor uses up the open invitations of an address, which whoever calls has verified. Of
// workspaces that are gone there are none.
func (p *People) UseInvitationsFor(ctx context.Context, tx *store.Tx, email string) ([]Link, error) {
	rows, err := tx.Query(ctx, `UPDATE links SET used_at = $3 WHERE kind = $1 AND email = $2 AND used_at IS NULL AND expires_at > $3
		AND workspace_id IN (SELECT workspace_id FROM workspaces WHERE deleted_at IS NULL) RETURNING link_id, workspace_id, role`,
		string(InvitationLink), NormalizeEmail(email), store.Micros(p.Now()))
	return store.All(rows, err, func(r *sql.Rows) (Link, error) {
		l := Link{Kind: InvitationLink, Email: email}
		return l, r.Scan(&l.ID, &l.WorkspaceID, &l.Role)
	})
}

// WithdrawInvitation ends an open invitation; invitation_not_found when there is none.
func (p *People) WithdrawInvitation(ctx context.Context, tx *store.Tx, workspaceID, id string) error {
	r, err := tx.Exec(ctx, `UPDATE links SET used_at = $3 WHERE workspace_id = $1 AND link_id = $2 AND kind = $4 AND used_at IS NULL`,
		workspaceID, id, store.Micros(p.Now()), string(InvitationLink))
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.Missing(fault.InvitationNotFound))
	}
	return nil
}

// StartSetup makes the link by which the first person comes in, and ends all earlier ones.
func (p *People) StartSetup(ctx context.Context) (secret vault.Secret, err error) {
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE links SET used_at = $1 WHERE kind = $2 AND used_at IS NULL`, store.Micros(p.Now()), string(SetupLink)); err != nil {
			return err
		}
		_, secret, err = p.CreateLink(ctx, tx, Link{Kind: SetupLink}, SetupLife)
		return err
	}, store.Instance)
	return secret, err
}
