package lock

import (
	"context"
	"slices"

	"keyway/internal/api/action"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of /locks.
func (l *Locks) Endpoints() []rpc.Endpoint {
	return slices.Concat(l.Devices.LockEndpoints(), []rpc.Endpoint{
		{Path: "/locks/configure_auto_lock", Summary: "Sets whether, and how soon, a lock locks itself.", Allow: rpc.Frontend, Role: rpc.Member,
			ByDevice: true, Returns: "action_attempt", Attempt: configureAuto, Secret: true, Handle: rpc.Func(l.configureAutoLock)},
		{Path: "/locks/lock_door", Summary: "Locks a lock.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Physical: true,
			Returns: "action_attempt", Attempt: lockDoor, Secret: true, Handle: rpc.Func(l.lockDoor)},
		{Path: "/locks/unlock_door", Summary: "Unlocks a lock.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Physical: true,
			Returns: "action_attempt", Attempt: unlockDoor, Secret: true, Handle: rpc.Func(l.unlockDoor)},
	})
}

type turnInput struct {
	ID   string `json:"device_id" rule:"required" doc:"ID of the lock."`
	Sync bool   `json:"sync" rule:"default=false" doc:"Whether to answer only when the attempt is settled."`
}

func (l *Locks) lockDoor(ctx context.Context, in turnInput) (rpc.Doc[action.Attempt], error) {
	return l.Start(ctx, credential.From(ctx).WorkspaceID, turn{Action: lockDoor, Device: in.ID}, in.Sync)
}

func (l *Locks) unlockDoor(ctx context.Context, in turnInput) (rpc.Doc[action.Attempt], error) {
	return l.Start(ctx, credential.From(ctx).WorkspaceID, turn{Action: unlockDoor, Device: in.ID}, in.Sync)
}

type autoLockInput struct {
	ID      string           `json:"device_id" rule:"required" doc:"ID of the lock."`
	Enabled bool             `json:"auto_lock_enabled" rule:"required" doc:"Whether it locks itself."`
	Delay   rpc.Opt[float64] `json:"auto_lock_delay_seconds" rule:"min=1,max=60" doc:"How long after it was opened."`
}

func (l *Locks) configureAutoLock(ctx context.Context, in autoLockInput) (rpc.Doc[action.Attempt], error) {
	if in.Enabled && !in.Delay.Set {
		return nil, fault.Invalid("auto_lock_delay_seconds", "Required")
	}
	return l.Start(ctx, credential.From(ctx).WorkspaceID,
		turn{Action: configureAuto, Device: in.ID, Auto: in.Enabled, Delay: in.Delay.Or(0)}, false)
}
