package credential

import (
	"context"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/grant"
)

// Succession is a token's place among those that it follows and that follow it.
type Succession struct {
	// FamilyID is the id of the first of them. What must outlive a rotation (uses, actions, known
	// networks) is kept under it.
	FamilyID        string
	SuccessorID     string
	GraceEndsAt     time.Time // with a successor: when this one stops
	EndsPredecessor bool      // the first use of this one stops its predecessor
}

// Superseded reports whether a successor has taken the token's place.
func (c Credential) Superseded(now time.Time) bool {
	return Succession{SuccessorID: c.SuccessorID, GraceEndsAt: c.GraceEndsAt}.superseded(now)
}

func (s Succession) superseded(now time.Time) bool {
	return s.SuccessorID != "" && !now.Before(s.GraceEndsAt)
}

// reasonSuperseded is why a token that a successor has replaced is refused.
const reasonSuperseded = "superseded"

// Watcher is notified of what verification finds out about personal access tokens.
type Watcher interface {
	// FirstUse stops the predecessor of a token that was waiting for it. When it returns, that is on
	// disk.
	FirstUse(ctx context.Context, id string, by audit.Actor) error
	// Reused reports a token that was used after a successor had taken its place.
	Reused(ctx context.Context, id string, by audit.Actor) error
	// DecoyUsed reports a decoy that someone tried.
	DecoyUsed(ctx context.Context, id string, by audit.Actor) error
	// Used counts a request that was let through. It must not wait for anything.
	Used(id, familyID, workspaceID, endpoint, address string, now time.Time)
	// UsedDevice notes that such a request named a device. It must not wait for anything.
	UsedDevice(familyID, deviceID string, now time.Time)
}

// watch follows a request whose credential proved possession of its secret, and returns the error
// that it is refused with.
func (v *Verifier) watch(ctx context.Context, f Facts, kind rpc.Allow, workspaceID string, e *rpc.Endpoint, refused error) error {
	if v.Watcher != nil && kind&sessions != 0 && len(f.Chain) > 0 && refused == nil && From(ctx).CredentialID != f.ID {
		// The token's use as well, so that advice to narrow it leaves its sessions what they do. From
		// where they are used is no sign of where the token is.
		v.Watcher.Used(f.Chain[0].ID, f.Chain[0].FamilyID, workspaceID, e.Path, "", v.Now())
	}
	if v.Watcher == nil || kind&(rpc.PersonalAccessToken|rpc.WorkspaceKey) == 0 {
		return refused
	}
	by := usedBy(ctx, f, kind)
	if refused != nil {
		if fault.ReasonOf(refused) == reasonSuperseded {
			if err := v.Watcher.Reused(ctx, f.ID, by); err != nil {
				return err
			}
		}
		return refused
	}
	if f.EndsPredecessor {
		if err := v.Watcher.FirstUse(ctx, f.ID, by); err != nil {
			return err
		}
	}
	if From(ctx).CredentialID == f.ID { // asked again, for a stream
		return nil
	}
	v.Watcher.Used(f.TokenID, f.FamilyID, workspaceID, e.Path, by.Address, v.Now())
	return nil
}

// Overlapped lists the tokens that a token replaces and that still work: at most one.
func Overlapped(ctx context.Context, q store.Querier, id string, now time.Time) ([]Credential, error) {
	return selectAll(ctx, q, ` WHERE successor_id = $1 AND revoked_at IS NULL AND grace_ends_at > $2`, id, store.Micros(now))
}

func usedBy(ctx context.Context, f Facts, kind rpc.Allow) audit.Actor {
	return audit.Actor{Kind: kind.String(), UserID: f.UserID, CredentialID: f.ID, Address: rpc.ClientOf(ctx).Address}
}

// Supersede gives a token a successor, which is stored already: until graceEnds both work. Workspace
// keys and children are the successor's from then on. The update's scope is store.Instance.
func Supersede(ctx context.Context, tx *store.Tx, old Credential, nextID string, now, graceEnds time.Time) error {
	if err := update(ctx, tx, signed.Set{"successor_id": nextID, "grace_ends_at": store.Micros(graceEnds)}, `credential_id = ?`,
		old.ID); err != nil {
		return err
	}
	// At most two secrets of a family are active at once.
	if err := update(ctx, tx, signed.Set{"grace_ends_at": store.Micros(now)}, `successor_id = ? AND grace_ends_at > ?`, old.ID,
		store.Micros(now)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE credentials SET expiry_notice = (SELECT o.expiry_notice FROM credentials o WHERE o.credential_id = $1)
		WHERE credential_id = $2 AND expires_at = (SELECT o.expires_at FROM credentials o
		WHERE o.credential_id = $1)`, old.ID, nextID); err != nil {
		return err
	}
	return inherit(ctx, tx, old.ID, nextID)
}

// inherit gives one token what hangs on another of its family.
func inherit(ctx context.Context, tx *store.Tx, from, to string) error {
	return update(ctx, tx, signed.Set{"parent_id": to}, `parent_id = ?`, from)
}

// EndOverlap stops the predecessor of a token now, and returns its id; empty when it had stopped.
func EndOverlap(ctx context.Context, tx *store.Tx, id string, now time.Time) (predecessorID string, err error) {
	if err := update(ctx, tx, signed.Set{"ends_predecessor": false}, `credential_id = ?`, id); err != nil {
		return "", err
	}
	w := &store.Where{}
	w.Add(`successor_id = ? AND grace_ends_at > ?`, id, store.Micros(now))
	ended, err := grant.Credentials.Update(ctx, tx, signed.Set{"grace_ends_at": store.Micros(now)}, w)
	if err != nil || len(ended) == 0 {
		return "", err
	}
	return ended[0].Text("credential_id"), nil
}

// Reinstate keeps a token active that was being replaced, configured as its successor was: what an
// owner changed meanwhile applies, and neither expiry, nor the narrower of the limits, is exceeded.
func Reinstate(ctx context.Context, tx *store.Tx, old *Credential, next Credential) error {
	old.SuccessorID, old.GraceEndsAt = "", time.Time{}
	old.Name, old.Description, old.NotBefore, old.IsStrict = next.Name, next.Description, next.NotBefore, next.IsStrict
	if old.Limits.Within(next.Limits) != nil {
		old.Limits = next.Limits
	}
	if old.ExpiresAt.IsZero() || !next.ExpiresAt.IsZero() && next.ExpiresAt.Before(old.ExpiresAt) {
		old.ExpiresAt = next.ExpiresAt
	}
	limits, err := old.Limits.marshal()
	if err != nil {
		return err
	}
	if err := update(ctx, tx, signed.Set{
		"successor_id": nil, "grace_ends_at": nil, "name": old.Name, "description": old.Description, "limits": limits,
		"not_before": store.MicrosOrNull(old.NotBefore), "is_strict": old.IsStrict, "expires_at": store.MicrosOrNull(old.ExpiresAt),
	}, `credential_id = ?`, old.ID); err != nil {
		return err
	}
	return inherit(ctx, tx, next.ID, old.ID)
}
