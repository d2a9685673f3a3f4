package credential

import (
	"context"
	"time"

	"keyway/internal/audit"
	"keyway/internal/fault"
	"keyway/internal/rpc"
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

// Superseded tells whether a successor has taken the token's place.
func (c Credential) Superseded(now time.Time) bool {
	return Succession{SuccessorID: c.SuccessorID, GraceEndsAt: c.GraceEndsAt}.superseded(now)
}

func (s Succession) superseded(now time.Time) bool {
	return s.SuccessorID != "" && !now.Before(s.GraceEndsAt)
}

// reasonSuperseded is why a token is refused that a successor has taken the place of.
const reasonSuperseded = "superseded"

// Watcher is told what verification finds out about personal access tokens.
type Watcher interface {
	// FirstUse stops the predecessor of a token that was waiting for it. When it returns, that is on
	// disk.
	FirstUse(ctx context.Context, id string, by audit.Actor) error
	// Reused tells of a token that was used after a successor had taken its place.
	Reused(ctx context.Context, id string, by audit.Actor) error
	// Used counts a request that was let through. It must not wait for anything.
	Used(id, familyID, workspaceID, endpoint, address string, now time.Time)
}

// watch follows a request whose credential proved possession of its secret, and gives the error
// that it is refused with.
func (v *Verifier) watch(ctx context.Context, f Facts, kind rpc.Allow, workspaceID string, e *rpc.Endpoint, refused error) error {
	if v.Watcher == nil || kind&(rpc.PersonalAccessToken|rpc.WorkspaceKey) == 0 {
		return refused
	}
	by := audit.Actor{Kind: kind.String(), UserID: f.UserID, CredentialID: f.ID, Address: rpc.ClientOf(ctx).Address}
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
	v.Watcher.Used(f.TokenID, f.FamilyID, workspaceID, e.Path, by.Address, v.Now())
	return nil
}
