package accesscode

import (
	"context"
	"encoding/json"

	"keyway/internal/api/action"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
)

// Why an attempt ends when its code does.
var (
	codeDeleted = action.Failure{Type: "access_code_deleted", Message: "The access code was deleted before the lock had done it"}
	codeLeft    = action.Failure{Type: "access_code_unmanaged", Message: "The access code is no longer managed"}
	takenOver   = action.Failure{Type: "access_code_managed_by_another_workspace", Message: "Another workspace manages the access code now"}
	deviceLeft  = action.Failure{Type: "device_unmanaged", Message: "The device is no longer managed"}
	deviceGone  = action.Failure{Type: "device_not_found", Message: "The device is gone"}
	wasReset    = action.Failure{Type: "workspace_reset", Message: "The sandbox was reset"}
)

// settle ends the attempts of a code: with t, which is needed where there is no failure, those that made or
// changed it result in the code as it is now.
func (c *Codes) settle(ctx context.Context, tx *store.Tx, r *row, failure *action.Failure, t *changeset) error {
	for _, id := range r.Attempts {
		if failure == nil && !r.Deleting {
			if err := c.sealResult(ctx, tx, r, id, t); err != nil {
				return err
			}
		}
		if _, err := c.Attempts.Settle(ctx, tx, r.workspaceID, id, struct{}{}, failure); err != nil &&
			!fault.Is(err, fault.ActionAttemptNotFound) {
			return err
		}
	}
	r.Attempts = nil
	return nil
}

// sealResult has an attempt result in a code as it is now.
func (c *Codes) sealResult(ctx context.Context, tx *store.Tx, r *row, attemptID string, t *changeset) error {
	doc, fields, err := r.serve(t.now, t.environment)
	if err != nil {
		return err
	}
	return c.Attempts.SealResult(ctx, tx, r.workspaceID, attemptID,
		map[string]json.RawMessage{"access_code": json.RawMessage(rpc.Splice[Code](doc, fields))})
}

// cutShort ends the attempts of a code: the pending ones report that the lock will no longer do them; those that the
// lock has done have succeeded.
func (c *Codes) cutShort(ctx context.Context, tx *store.Tx, t *changeset, r *row, why *action.Failure) error {
	if r.next(t.now, t.traits) == nothing {
		why = nil
	}
	return c.settle(ctx, tx, r, why, t)
}
