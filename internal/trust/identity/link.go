package identity

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
)

// LinkKind is what a one-time link is for.
type LinkKind string

// The kinds of links.
const (
	SetupLink      LinkKind = "setup"
	InvitationLink LinkKind = grant.Invitation
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
var errLink = fault.New(fault.Unauthorized, "This link is not valid any more: it may have been used already, or be too old. Ask for a "+
	"new one")

// CreateLink stores a link and returns the secret that stands behind the # of its address, where no
// server, proxy or log sees it.
func (p *People) CreateLink(ctx context.Context, tx *store.Tx, l Link, life time.Duration) (Link, vault.Secret, error) {
	l.ID, l.CreatedAt = store.NewID(), p.Now()
	l.ExpiresAt = l.CreatedAt.Add(life)
	// The id in front makes the link findable; the random part is the proof.
	secret := vault.Hide(l.ID + "_" + credential.RandomText(32))
	keyID, digest := p.Vault.NewDigest(secret.Reveal())
	return l, secret, insertLink(ctx, tx, l, keyID, digest[:])
}

// stands reports whether the person who made a link could make it now. A link that a command made depends on no person's rights.
func (l Link) stands(ctx context.Context, q store.Querier) (bool, error) {
	if l.Kind != InvitationLink || l.CreatedBy == "" {
		return true, nil
	}
	role, _ := rpc.ParseRole(l.Role)
	return grant.MayInvite(ctx, q, l.WorkspaceID, l.CreatedBy, role)
}

// standing leaves out the links whose maker could not make them now.
func standing(ctx context.Context, q store.Querier, links []Link) (out []Link, err error) {
	for _, l := range links {
		ok, err := l.stands(ctx, q)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, l)
		}
	}
	return out, nil
}

// FindLink reads the link that a secret opens. It returns unauthorized when there is none, and for an invitation of
// someone who may no longer invite.
func (p *People) FindLink(ctx context.Context, q store.Querier, kind LinkKind, secret vault.Secret) (Link, error) {
	v, err := grant.Links.One(ctx, q, `link_id = $1`, secret.Hint())
	if errors.Is(err, sql.ErrNoRows) {
		return Link{}, errLink
	} else if err != nil {
		return Link{}, err
	}
	l := linkOf(v)
	if l.Kind != kind || v.Has("used_at") || !p.Now().Before(l.ExpiresAt) ||
		!p.Vault.Matches(v.Text("key_id"), secret.Reveal(), v.Bytes("digest")) {
		return Link{}, errLink
	}
	if ok, err := l.stands(ctx, q); err != nil || !ok {
		return Link{}, cmp.Or(err, error(errLink))
	}
	return l, nil
}

// UseLink finds a link and makes sure that it never opens anything again.
func (p *People) UseLink(ctx context.Context, tx *store.Tx, kind LinkKind, secret vault.Secret) (Link, error) {
	l, err := p.FindLink(ctx, tx, kind, secret)
	if err != nil {
		return l, err
	}
	used, err := useLinks(ctx, tx, store.Micros(p.Now()), `link_id = ?`, l.ID)
	if err == nil && len(used) == 0 {
		err = errLink
	}
	return l, err
}

// Invitations lists a workspace's open invitations, newest first.
func (p *People) Invitations(ctx context.Context, workspaceID string) ([]Link, error) {
	links, err := selectLinks(ctx, p.DB, `workspace_id = $1 AND kind = $2 AND used_at IS NULL AND expires_at > $3 ORDER BY link_id DESC`,
		workspaceID, string(InvitationLink), store.Micros(p.Now()))
	if err != nil {
		return nil, err
	}
	return standing(ctx, p.DB, links)
}

// UseInvitationsFor uses up the open invitations of an address, which the caller has verified.
// Deleted workspaces have none.
func (p *People) UseInvitationsFor(ctx context.Context, tx *store.Tx, email string) ([]Link, error) {
	now := store.Micros(p.Now())
	links, err := useLinks(ctx, tx, now, `kind = ? AND email = ? AND expires_at > ?
		AND workspace_id IN (SELECT workspace_id FROM workspaces WHERE deleted_at IS NULL)`,
		string(InvitationLink), NormalizeEmail(email), now)
	if err != nil {
		return nil, err
	}
	return standing(ctx, tx, links)
}

// WithdrawInvitation ends an open invitation; invitation_not_found when there is none.
func (p *People) WithdrawInvitation(ctx context.Context, tx *store.Tx, workspaceID, id string) error {
	ended, err := useLinks(ctx, tx, store.Micros(p.Now()), `workspace_id = ? AND link_id = ? AND kind = ?`, workspaceID, id,
		string(InvitationLink))
	if err == nil && len(ended) == 0 {
		err = fault.Missing(fault.InvitationNotFound)
	}
	return err
}

// StartSetup makes the link by which the first person joins, and ends all earlier ones.
func (p *People) StartSetup(ctx context.Context) (secret vault.Secret, err error) {
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := useLinks(ctx, tx, store.Micros(p.Now()), `kind = ?`, string(SetupLink)); err != nil {
			return err
		}
		_, secret, err = p.CreateLink(ctx, tx, Link{Kind: SetupLink}, SetupLife)
		return err
	}, store.Instance)
	return secret, err
}
