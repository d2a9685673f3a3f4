package workspace

import (
	"context"
	"errors"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// furthest is how far ahead the clock of a sandbox workspace may be.
const furthest = 400 * 24 * time.Hour

type advanceInput struct {
	Seconds float64 `json:"seconds" rule:"required,min=0,max=34560000" doc:"How far to move the workspace's clock forward."`
}

// Clock is what the clock of a workspace shows, and how far it is ahead.
type Clock struct {
	Now           rpc.Time `json:"now"`
	OffsetSeconds float64  `json:"offset_seconds"`
}

// AdvanceTime moves the clock of a sandbox workspace forward; when it returns, everything that was
// due by then has happened. It returns workspace_not_sandbox, or invalid_input when the clock would
// be more than 400 days ahead.
func (w *Workspaces) AdvanceTime(ctx context.Context, id string, by time.Duration, who audit.Actor) (Clock, error) {
	ws, err := w.Get(ctx, w.DB, id)
	if err != nil {
		return Clock{}, err
	}
	if !ws.IsSandbox {
		return Clock{}, fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has a clock that can be moved")
	}
	now, err := w.Jobs.Advance(ctx, id, by, furthest)
	if errors.Is(err, job.ErrTooFar) {
		return Clock{}, fault.Invalid("seconds", "The clock can be at most 400 days ahead in all")
	} else if err != nil {
		return Clock{}, err
	}
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		return w.Audit.Add(ctx, tx, audit.Entry{Actor: who, Action: "workspace.time_advanced", WorkspaceID: id, SubjectID: id, Detail: map[string]any{"seconds": by.Seconds()}})
	}, store.Workspace(id))
	return Clock{rpc.Time{Time: now}, now.Sub(w.Now()).Round(time.Second).Seconds()}, err
}

func (w *Workspaces) advanceTime(ctx context.Context, in advanceInput) (Clock, error) {
	p := credential.From(ctx)
	return w.AdvanceTime(ctx, p.WorkspaceID, time.Duration(in.Seconds*float64(time.Second)), p.Actor())
}
