// Package lock turns the bolts of locks.
package lock

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"keyway/internal/api/action"
	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/platform/clock"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// Codes knows which access code opens a lock.
type Codes interface {
	// Enter finds the code of a device that a PIN belongs to, and uses it up when it is for one use;
	// ok is false when none with it is valid at the time.
	Enter(ctx context.Context, d device.Reached, pin string, at time.Time) (id string, managed, ok bool, err error)
}

// Hand is what a provider of virtual locks lets someone at the lock do.
type Hand interface {
	SetLocked(ctx context.Context, r provider.Ref, locked bool) error
}

// Locks holds the rules about locks.
type Locks struct {
	DB       *store.DB
	Devices  *device.Devices
	Attempts *action.Attempts
	Jobs     *job.Runner
	Events   *event.Log
	Clock    clock.Clock
	Codes    Codes
	Log      *slog.Logger
}

// The kinds of jobs that Locks has.
const turnJob = "lock.turn"

// RegisterJobs tells the runner how to do this package's jobs.
func (l *Locks) RegisterJobs() { l.Jobs.Handle(turnJob, l.runTurn) }

// patience is how long a device may take to answer.
const patience = 25 * time.Second

// stale is how long after it was asked a bolt may still be turned: nobody stands at the door any more.
const stale = time.Minute

// The actions, as attempts name them.
const (
	lockDoor      = "LOCK_DOOR"
	unlockDoor    = "UNLOCK_DOOR"
	configureAuto = "CONFIGURE_AUTO_LOCK"
)

// The actions of somebody at a virtual lock, for Simulate.
const (
	EnterCode  = "SIMULATE_KEYPAD_CODE_ENTRY"
	ManualLock = "SIMULATE_MANUAL_LOCK_VIA_KEYPAD"
)

// turn is what is asked of a lock.
type turn struct {
	Attempt string  `json:"action_attempt_id"`
	Action  string  `json:"action_type"`
	Device  string  `json:"device_id"`
	Asked   int64   `json:"asked_at"` // in microseconds
	Auto    bool    `json:"auto_lock_enabled,omitempty"`
	Delay   float64 `json:"auto_lock_delay_seconds,omitempty"`
}

// Start has a lock do something soon, and tells of the attempt. With wait it returns when the
// attempt is settled. It returns device_not_found, device_unmanaged, too_many_requests, or not_supported
// for a device that has no such ability.
func (l *Locks) Start(ctx context.Context, workspaceID string, t turn, wait bool) (doc rpc.Doc[action.Attempt], err error) {
	var jobID string
	count := l.Devices.Limits.Count(map[string]device.Ask{lockDoor: device.LockDoor, unlockDoor: device.UnlockDoor}[t.Action])
	err = l.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := l.Devices.Reach(ctx, tx, workspaceID, t.Device)
		if err != nil {
			return err
		}
		if err := able(r, t.Action); err != nil {
			return err
		}
		if err := count(t.Device); err != nil {
			return err
		}
		if t.Action != configureAuto {
			if err := credential.SpendAction(ctx, tx, l.Clock.Real(), 1); err != nil {
				return err
			}
		}
		var at action.Attempt
		if at, doc, err = l.Attempts.Start(ctx, tx, workspaceID, t.Action, t.Device); err != nil {
			return err
		}
		now := l.Clock.Real()
		t.Attempt, t.Asked = at.ID, store.Micros(now)
		jobID, err = l.Jobs.Enqueue(ctx, tx, turnJob, workspaceID, t, now)
		return err
	}, store.Workspace(workspaceID))
	if err != nil || !wait {
		return doc, err
	}
	if err := l.Jobs.RunNow(ctx, jobID); err != nil {
		return doc, err
	}
	return l.Attempts.Get(ctx, l.DB, workspaceID, t.Attempt)
}

// Turn locks or unlocks a lock soon, and tells of the attempt. It returns what Start returns.
func (l *Locks) Turn(ctx context.Context, deviceID string, locked bool) (rpc.Doc[action.Attempt], error) {
	t := turn{Action: unlockDoor, Device: deviceID}
	if locked {
		t.Action = lockDoor
	}
	return l.Start(ctx, credential.From(ctx).WorkspaceID, t, false)
}

func able(r device.Reached, action string) error {
	if !r.IsManaged {
		return fault.New(fault.DeviceUnmanaged, "The device is not managed")
	}
	if flag(r, action) == nil {
		return fault.New(fault.NotSupported, "This device does not support that")
	}
	return nil
}

// flag tells whether a device can do something now; nil: it never can.
func flag(r device.Reached, action string) *bool {
	return map[string]*bool{lockDoor: r.CanRemotelyLock, unlockDoor: r.CanRemotelyUnlock, configureAuto: r.CanConfigureAutoLock}[action]
}

// runTurn does what was asked, once: after a server died in the middle nobody knows whether the bolt
// moved, so the attempt ends with an error that says so instead of moving it again. Neither is a bolt
// moved long after it was asked for.
func (l *Locks) runTurn(ctx context.Context, j job.Job) error {
	var t turn
	if err := json.Unmarshal(j.Payload, &t); err != nil {
		return err
	}
	if j.Attempts > 1 {
		return l.settle(ctx, j, t, &action.Failure{Type: "action_attempt_interrupted", Message: "The server stopped while the device was being asked; look at the device to see whether it was done"})
	}
	if l.Clock.Real().Sub(store.Time(t.Asked)) > stale {
		return l.settle(ctx, j, t, &action.Failure{Type: "action_attempt_interrupted", Message: "The server was stopped, or too busy, and came to it too late; the device was not asked"})
	}
	r, err := l.Devices.Reach(ctx, l.DB, j.WorkspaceID, t.Device)
	if fault.Is(err, fault.DeviceNotFound) {
		return l.settle(ctx, j, t, &action.Failure{Type: "device_not_found", Message: "The device is gone"})
	} else if err != nil {
		return err
	}
	if !r.IsManaged {
		return l.settle(ctx, j, t, &action.Failure{Type: "device_unmanaged", Message: "The device is not managed any more"})
	}
	if e, blocked := r.Blocking(); blocked {
		return l.settle(ctx, j, t, &action.Failure{Type: e.Code, Message: e.Message})
	}
	if works := flag(r, t.Action); works == nil || !*works {
		kind, message := device.Failure(provider.ErrUnsupported)
		if len(r.Warnings) > 0 { // one of them says why
			message = "The device cannot do this now; its warnings say why."
		}
		return l.settle(ctx, j, t, &action.Failure{Type: kind, Message: message})
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := ask(within, r, t); err != nil {
		kind, message := device.Failure(err)
		if kind == "provider_issue" {
			l.Log.Error("a device's provider failed", "action_attempt_id", t.Attempt, "device_id", t.Device, "error", err)
		}
		return l.settle(ctx, j, t, &action.Failure{Type: kind, Message: message})
	}
	return l.settle(ctx, j, t, nil)
}

func ask(ctx context.Context, r device.Reached, t turn) error {
	switch t.Action {
	case configureAuto:
		if p, ok := r.Provider.(provider.AutoLocker); ok {
			return p.SetAutoLock(ctx, r.Ref, t.Auto, time.Duration(t.Delay*float64(time.Second)))
		}
	default:
		if p, ok := r.Provider.(provider.Locker); ok {
			if t.Action == lockDoor {
				return p.Lock(ctx, r.Ref)
			}
			return p.Unlock(ctx, r.Ref)
		}
	}
	return provider.ErrUnsupported
}

// settle ends the attempt and the job together, and writes what follows.
func (l *Locks) settle(ctx context.Context, j job.Job, t turn, failure *action.Failure) error {
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		err := l.finish(ctx, tx, j.WorkspaceID, t, failure, moved{method: "remote", attempt: t.Attempt})
		if err != nil && !fault.Is(err, fault.ActionAttemptNotFound) {
			return err // an attempt that is gone went with its workspace
		}
		return j.Finish(ctx, tx)
	}, store.Workspace(j.WorkspaceID))
}

// moved says how a bolt came to move.
type moved struct {
	method  string
	attempt string
	code    string // access_code_id
	managed bool
	pin     string
}

// finish settles an attempt, and when it was pending until now, brings the device up to date and
// writes the events.
func (l *Locks) finish(ctx context.Context, tx *store.Tx, workspaceID string, t turn, failure *action.Failure, m moved) error {
	result := any(struct{}{})
	if t.Action == lockDoor || t.Action == unlockDoor {
		result = map[string]bool{"was_confirmed_by_device": true}
	}
	settled, err := l.Attempts.Settle(ctx, tx, workspaceID, t.Attempt, result, failure)
	if err != nil || !settled {
		return err
	}
	r, err := l.Devices.Reach(ctx, tx, workspaceID, t.Device)
	if fault.Is(err, fault.DeviceNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	now, err := l.Clock.Now(ctx, tx, workspaceID)
	if err != nil {
		return err
	}
	var events []event.Event
	if failure == nil {
		changes, e := effect(r, t, m, now)
		if len(changes) > 0 {
			if err := l.Devices.SetPropertiesOf(ctx, tx, &r.Device, changes); err != nil {
				return err
			}
		}
		events = e
	}
	if t.Action != configureAuto {
		outcome, status := ".succeeded", "success"
		if failure != nil {
			outcome, status = ".failed", "error"
		}
		events = append(events, event.Event{Type: "action_attempt." + strings.ToLower(t.Action) + outcome, OccurredAt: now, DeviceID: r.ID,
			ConnectedAccountID: r.ConnectedAccountID, CustomerKey: r.CustomerKey,
			Fields: map[string]any{"action_attempt_id": t.Attempt, "action_type": t.Action, "status": status}})
	}
	return l.Events.Append(ctx, tx, workspaceID, events...)
}

// effect is what a successful action changes on the device and tells.
func effect(r device.Reached, t turn, m moved, now time.Time) (changes map[string]any, events []event.Event) {
	if t.Action == configureAuto {
		changes = map[string]any{"auto_lock_enabled": t.Auto}
		if t.Delay > 0 {
			changes["auto_lock_delay_seconds"] = t.Delay
		}
		return changes, nil
	}
	locked := t.Action == lockDoor || t.Action == ManualLock
	if _, has := r.Properties["locked"]; has {
		changes = map[string]any{"locked": locked}
	}
	kind := "lock.unlocked"
	if locked {
		kind = "lock.locked"
	}
	fields := map[string]any{"method": m.method, "is_via_bluetooth": false, "is_via_nfc": false}
	if m.attempt != "" {
		fields["action_attempt_id"] = m.attempt
	}
	if m.code != "" {
		fields["access_code_id"], fields["access_code_is_managed"] = m.code, m.managed
	}
	e := r.Event(kind, now, fields)
	if m.pin != "" {
		e.Secret = map[string]any{"code": m.pin}
	}
	return changes, []event.Event{e}
}

// Simulate has someone at a virtual lock enter a PIN, or lock it by hand with an empty one; it has
// happened when this returns. It returns workspace_not_sandbox, device_not_found, device_unmanaged,
// or not_supported for a device without a keypad that is connected.
func (l *Locks) Simulate(ctx context.Context, deviceID, kind, pin string) (doc rpc.Doc[action.Attempt], err error) {
	p := credential.From(ctx)
	if !p.IsSandbox {
		return nil, fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has locks to simulate things with")
	}
	r, err := l.Devices.Reach(ctx, l.DB, p.WorkspaceID, deviceID)
	if err != nil {
		return nil, err
	}
	hand, ok := r.Provider.(Hand)
	if !r.IsManaged {
		return nil, fault.New(fault.DeviceUnmanaged, "The device is not managed")
	} else if !ok || r.CanUnlockWithCode == nil || r.KeypadMissing() {
		return nil, fault.New(fault.NotSupported, "This device does not support that: it has no keypad")
	}
	now, err := l.Clock.Now(ctx, l.DB, p.WorkspaceID)
	if err != nil {
		return nil, err
	}
	m := moved{method: "manual"}
	denied, why := "", "" // reason_code of the event, and what it means; empty: it opens
	var failure *action.Failure
	switch {
	case kind == EnterCode && r.InPrivacyMode():
		denied, why = "blocked_by_privacy_mode", "Privacy mode keeps all codes out"
	case kind == EnterCode:
		m.method, m.pin = "keycode", pin
		var opens bool
		if m.code, m.managed, opens, err = l.Codes.Enter(ctx, r, pin, now); err != nil {
			return nil, err
		} else if !opens {
			denied, why = "unknown_code", "No code with this PIN is valid on the lock now"
		}
	}
	if denied == "" {
		if err := hand.SetLocked(ctx, r.Ref, kind == ManualLock); errors.Is(err, provider.ErrJammed) {
			failure = &action.Failure{}
			failure.Type, failure.Message = device.Failure(err)
		} else if err != nil {
			return nil, err
		}
	}
	err = l.DB.Update(ctx, func(tx *store.Tx) error {
		at, _, err := l.Attempts.Start(ctx, tx, p.WorkspaceID, kind, deviceID)
		if err != nil {
			return err
		}
		t := turn{Attempt: at.ID, Action: kind, Device: deviceID}
		if denied != "" {
			failure = &action.Failure{Type: "access_denied", Message: why}
			reason := map[string]any{"reason": map[string]string{"reason_code": denied, "message": why}}
			if err := l.Events.Append(ctx, tx, p.WorkspaceID, r.Event("lock.access_denied", now, reason)); err != nil {
				return err
			}
		}
		if err := l.finish(ctx, tx, p.WorkspaceID, t, failure, m); err != nil {
			return err
		}
		doc, err = l.Attempts.Get(ctx, tx, p.WorkspaceID, at.ID)
		return err
	}, store.Workspace(p.WorkspaceID))
	return doc, err
}
