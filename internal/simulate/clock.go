package simulate

import (
	"context"
	"errors"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
)

// maxAhead is how far ahead the clock of a sandbox workspace may be.
const maxAhead = 400 * 24 * time.Hour

// Clock is what the clock of a workspace shows, and how far it is ahead.
type Clock struct {
	Now           rpc.Time `json:"now"`
	OffsetSeconds float64  `json:"offset_seconds"`
}

// AdvanceTime moves the clock of a sandbox workspace forward; when it returns, everything that was
// due by then has happened. It returns workspace_not_sandbox, or invalid_input when the clock would
// be more than 400 days ahead.
func (s *Simulator) AdvanceTime(ctx context.Context, workspaceID string, by time.Duration, who audit.Actor) (Clock, error) {
	ws, err := s.Workspaces.Get(ctx, s.DB, workspaceID)
	if err != nil {
		return Clock{}, err
	}
	if !ws.IsSandbox {
		return Clock{}, fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has a clock that can be moved")
	}
	now, err := s.Jobs.Advance(ctx, workspaceID, by, maxAhead)
	if errors.Is(err, job.ErrTooFar) {
		return Clock{}, fault.Invalid("seconds", "The clock can be at most 400 days ahead in all")
	} else if err != nil {
		return Clock{}, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.Audit.Add(ctx, tx, audit.Entry{Actor: who, Action: "workspace.time_advanced", WorkspaceID: workspaceID, SubjectID: workspaceID,
			Detail: map[string]any{"seconds": by.Seconds()}})
	}, store.Workspace(workspaceID))
	return Clock{rpc.Time{Time: now}, now.Sub(s.Now()).Round(time.Second).Seconds()}, err
}
