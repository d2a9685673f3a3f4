package simulate

import (
	"context"
	"errors"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/action"
	"keyway/internal/api/device"
	"keyway/internal/api/lock"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// EnterCode has someone enter a PIN at a virtual lock; it has happened when this returns. It returns what
// ManualLock returns.
func (s *Simulator) EnterCode(ctx context.Context, deviceID, pin string) (rpc.Doc[action.Attempt], error) {
	r, err := s.atLock(ctx, deviceID)
	if err != nil {
		return nil, err
	}
	h := lock.ByHand{Action: lock.EnterCode, DeviceID: deviceID}
	if r.InPrivacyMode() {
		h.Denied, h.Reason = "blocked_by_privacy_mode", "Privacy mode keeps all codes out"
		return s.record(ctx, r, h)
	}
	now, err := s.Clock.Now(ctx, s.DB, r.WorkspaceID)
	if err != nil {
		return nil, err
	}
	h.PIN = pin
	var opens bool
	if h.CodeID, h.Managed, opens, err = s.Codes.Enter(ctx, r, pin, now); err != nil {
		return nil, err
	}
	if !opens {
		h.Denied, h.Reason = "unknown_code", "No code with this PIN is valid on the lock now"
		return s.record(ctx, r, h)
	}
	return s.moveByHand(ctx, r, h, false)
}

// ManualLock has someone lock a virtual lock by hand; it has happened when this returns. It returns
// workspace_not_sandbox, device_not_found, device_unmanaged, or not_supported for a device without a keypad
// that is connected.
func (s *Simulator) ManualLock(ctx context.Context, deviceID string) (rpc.Doc[action.Attempt], error) {
	r, err := s.atLock(ctx, deviceID)
	if err != nil {
		return nil, err
	}
	return s.moveByHand(ctx, r, lock.ByHand{Action: lock.ManualLock, DeviceID: deviceID}, true)
}

func (s *Simulator) atLock(ctx context.Context, deviceID string) (device.Reached, error) {
	r, err := s.reach(ctx, deviceID, "locks")
	switch {
	case err != nil:
		return r, err
	case !r.IsManaged:
		return r, fault.New(fault.DeviceUnmanaged, "The device is not managed")
	case r.CanUnlockWithCode == nil || r.KeypadMissing():
		return r, fault.New(fault.NotSupported, "This device does not support that: it has no keypad")
	}
	return r, nil
}

// moveByHand moves the bolt and records how that went.
func (s *Simulator) moveByHand(ctx context.Context, r device.Reached, h lock.ByHand, locked bool) (rpc.Doc[action.Attempt], error) {
	if err := s.Virtual.SetLocked(ctx, r.Ref, locked); errors.Is(err, provider.ErrJammed) {
		h.Failure = &action.Failure{}
		h.Failure.Type, h.Failure.Message = device.Failure(err)
	} else if err != nil {
		return nil, err
	}
	return s.record(ctx, r, h)
}

func (s *Simulator) record(ctx context.Context, r device.Reached, h lock.ByHand) (doc rpc.Doc[action.Attempt], err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		doc, err = s.Locks.Record(ctx, tx, r, h)
		return err
	}, store.Workspace(r.WorkspaceID))
	return doc, err
}

// PutCode has someone put a code on a virtual lock; it is known when this returns. It returns
// workspace_not_sandbox, device_not_found, not_supported, or invalid_input.
func (s *Simulator) PutCode(ctx context.Context, deviceID, name, pin string) (id string, err error) {
	r, err := s.reach(ctx, deviceID, "locks")
	if err != nil {
		return "", err
	}
	if !takesCodes(r) {
		return "", fault.New(fault.NotSupported, "No code can be put on this device now")
	}
	if err := refusal(s.Virtual.PutByHand(ctx, r.Ref, provider.Code{PIN: &pin, Name: name})); err != nil {
		return "", err
	}
	if err := s.visit(ctx, r); err != nil {
		return "", err
	}
	return s.Codes.UnmanagedByPIN(ctx, r.WorkspaceID, deviceID, pin)
}

// ChangeCode has someone give a code on a virtual lock another PIN, or take it off with an empty one; it is
// known when this returns. It returns workspace_not_sandbox, access_code_not_found, not_supported for a code
// that is not on its lock or a lock that does not answer, or invalid_input.
func (s *Simulator) ChangeCode(ctx context.Context, id, pin string) error {
	if !credential.From(ctx).IsSandbox {
		return notSandbox("locks")
	}
	deviceID, code, err := s.Codes.OnLock(ctx, id)
	if err != nil {
		return err
	}
	r, err := s.reach(ctx, deviceID, "locks")
	if err != nil {
		return err
	}
	if !takesCodes(r) {
		return fault.New(fault.NotSupported, "The access code is not on a virtual lock that answers")
	}
	if pin == "" {
		err = s.Virtual.DeleteByHand(ctx, r.Ref, code.Slot)
	} else {
		code.PIN = &pin
		err = s.Virtual.PutByHand(ctx, r.Ref, code)
	}
	if err := refusal(err); err != nil {
		return err
	}
	return s.visit(ctx, r)
}

// ManageCodeElsewhere has another workspace take over a code on a virtual lock, as it does with force, or
// let go of it. It returns workspace_not_sandbox, access_code_not_found, device_unmanaged, or not_supported
// for a code that cannot change hands.
func (s *Simulator) ManageCodeElsewhere(ctx context.Context, id string, elsewhere bool) error {
	p := credential.From(ctx)
	if !p.IsSandbox {
		return notSandbox("locks")
	}
	deviceID, err := s.Codes.Transfer(ctx, id, elsewhere)
	if err != nil {
		return err
	}
	return s.Codes.Visit(ctx, p.WorkspaceID, deviceID)
}

// visit returns when what was done to the codes on a lock is known.
func (s *Simulator) visit(ctx context.Context, r device.Reached) error {
	if err := s.Accounts.Flush(ctx, r.WorkspaceID, r.ConnectedAccountID); err != nil {
		return err
	}
	return s.Codes.Visit(ctx, r.WorkspaceID, r.ID)
}

// takesCodes reports whether codes can be put on a lock now.
func takesCodes(r device.Reached) bool { return !accesscode.IsBlocked(r) }

// refusal is an error of a lock as the caller gets it: invalid_input for a code that the lock does not take.
func refusal(err error) error {
	if kind, message := device.Failure(err); err != nil && kind != "provider_issue" {
		return fault.Invalid("code", "%s", message)
	}
	return err
}
