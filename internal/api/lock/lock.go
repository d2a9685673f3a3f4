// Package lock turns the bolts of locks.
package lock

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"keyway/internal/api/accesscode"
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

// Locks implements the rules for locks.
type Locks struct {
	DB       *store.DB
	Devices  *device.Devices
	Attempts *action.Attempts
	Jobs     *job.Runner
	Events   *event.Log
	Clock    clock.Clock
	Codes    *accesscode.Codes
	Log      *slog.Logger

	sent sync.Map // the ids of the pending attempts that devices have accepted from this process
}

// The kinds of jobs that Locks has.
const turnJob = "lock.turn"

// RegisterJobs registers the handlers of this package's jobs.
func (l *Locks) RegisterJobs() { l.Jobs.Handle(turnJob, l.runTurn, job.In(job.Bolts)) }

// timeout is how long a device may take to answer.
const timeout = 25 * time.Second

// stale is how long after it was asked a bolt may still be turned: the person at the door has left.
const stale = time.Minute

// The actions, as attempts name them.
const (
	lockDoor      = "LOCK_DOOR"
	unlockDoor    = "UNLOCK_DOOR"
	configureAuto = "CONFIGURE_AUTO_LOCK"
)

// The actions of someone at a lock, for Record.
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

// Start has a lock do something soon, and returns the attempt. With wait it returns when the attempt is
// settled, or after 25 seconds, or at once when too many requests wait: then it may still be pending. It returns device_not_found,
// device_unmanaged, too_many_requests, or not_supported for a device that has no such ability.
func (l *Locks) Start(ctx context.Context, workspaceID string, t turn, wait bool) (doc rpc.Doc[action.Attempt], err error) {
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
		return l.Jobs.EnqueueAs(ctx, tx, t.Attempt, turnJob, workspaceID, t, now)
	}, store.Workspace(workspaceID))
	if err != nil || !wait {
		return doc, err
	}
	err = l.Jobs.Wait(ctx, workspaceID, t.Attempt, func(ctx context.Context) (settled bool, err error) {
		doc, settled, err = l.Attempts.Settled(ctx, l.DB, workspaceID, t.Attempt)
		return settled, err
	})
	return doc, err
}

// Turn locks or unlocks a lock soon, and returns the attempt. It returns what Start returns.
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

// flag reports whether a device can do something now; nil: it never can.
func flag(r device.Reached, action string) *bool {
	return map[string]*bool{lockDoor: r.CanRemotelyLock, unlockDoor: r.CanRemotelyUnlock, configureAuto: r.CanConfigureAutoLock}[action]
}

// Reasons for attempts that were not, or perhaps not, done.
var (
	interrupted = action.Failure{Type: "action_attempt_interrupted",
		Message: "The server stopped while the device was being asked; look at the device to see whether it was done"}
	tooLate = action.Failure{Type: "action_attempt_interrupted",
		Message: "The server was stopped, or too busy, and came to it too late; the device was not asked"}
	unconfirmed = action.Failure{Type: "device_timeout",
		Message: "The device did not confirm in time; what was asked may have happened all the same."}
)

// runTurn asks the device once, and waits for the outcome. Before it asks, the attempt says so: after that
// it is not asked again, because it is not known whether the bolt moved. Neither is a bolt moved long after it was
// asked for.
func (l *Locks) runTurn(ctx context.Context, j job.Job) error {
	var t turn
	if err := json.Unmarshal(j.Payload, &t); err != nil {
		return err
	}
	p, err := l.Attempts.Progress(ctx, l.DB, j.WorkspaceID, t.Attempt)
	switch {
	case fault.Is(err, fault.ActionAttemptNotFound), err == nil && p.Settled:
		return nil // it went with its workspace, or evidence came in time
	case err != nil:
		return err
	case !p.SentAt.IsZero():
		return l.await(ctx, j, t, p.Deadline)
	case l.Clock.Real().Sub(store.Time(t.Asked)) > stale:
		return l.settle(ctx, j, t, &tooLate)
	}
	r, failure, err := l.reach(ctx, j.WorkspaceID, t)
	if err != nil {
		return err
	} else if failure != nil {
		return l.settle(ctx, j, t, failure)
	}
	return l.send(ctx, j, t, r)
}

// reach reads the device that is to be asked; failure is why it cannot be.
func (l *Locks) reach(ctx context.Context, workspaceID string, t turn) (r device.Reached, failure *action.Failure, err error) {
	r, err = l.Devices.Reach(ctx, l.DB, workspaceID, t.Device)
	if fault.Is(err, fault.DeviceNotFound) {
		return r, &action.Failure{Type: "device_not_found", Message: "The device is gone"}, nil
	} else if err != nil {
		return r, nil, err
	}
	if !r.IsManaged {
		return r, &action.Failure{Type: "device_unmanaged", Message: "The device is no longer managed"}, nil
	}
	if e, blocked := r.Blocking(); blocked {
		return r, &action.Failure{Type: e.Code, Message: e.Message}, nil
	}
	if works := flag(r, t.Action); works == nil || !*works {
		kind, message := device.Failure(provider.ErrUnsupported)
		if len(r.Warnings) > 0 { // one of them says why
			message = "The device cannot do this now; its warnings say why."
		}
		return r, &action.Failure{Type: kind, Message: message}, nil
	}
	return r, nil, nil
}

// send asks the device, after the attempt says so.
func (l *Locks) send(ctx context.Context, j job.Job, t turn, r device.Reached) error {
	first := false
	err := l.DB.Update(ctx, func(tx *store.Tx) (err error) {
		first, err = l.Attempts.Send(ctx, tx, j.WorkspaceID, t.Attempt, l.Clock.Real().Add(timeout))
		return err
	})
	if err != nil || !first {
		return err // it is sent already, or settled, if the job runs again
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	until, err := ask(within, r, t)
	if err == nil && l.Clock.Real().Before(until) {
		return l.accepted(ctx, j, t, until)
	} else if err == nil {
		return l.settle(ctx, j, t, nil)
	}
	if ctx.Err() != nil {
		return err // the server stops, and what became of it is not known
	}
	kind, message := device.Failure(err)
	if kind == "provider_issue" {
		l.Log.Error("a device's provider failed", "action_attempt_id", t.Attempt, "device_id", t.Device, "error", err)
	}
	if errors.Is(err, provider.ErrOffline) {
		if err := l.unreachable(ctx, j.WorkspaceID, t.Device); err != nil {
			return err
		}
	}
	return l.settle(ctx, j, t, &action.Failure{Type: kind, Message: message})
}

// unreachable records that a lock did not answer.
func (l *Locks) unreachable(ctx context.Context, workspaceID, deviceID string) error {
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := l.Devices.Reach(ctx, tx, workspaceID, deviceID)
		if fault.Is(err, fault.DeviceNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		return l.Devices.Unreachable(ctx, tx, &r)
	}, store.Workspace(workspaceID))
}

// accepted notes that the device, or its hub, has taken the request, and until when it is expected to report the outcome.
func (l *Locks) accepted(ctx context.Context, j job.Job, t turn, until time.Time) error {
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		tx.AfterCommit(func() { l.sent.Store(t.Attempt, true) })
		if err := l.Attempts.Expect(ctx, tx, j.WorkspaceID, t.Attempt, until); err != nil {
			return err
		}
		return j.Later(ctx, tx, until)
	})
}

// await waits for evidence of what was sent until the deadline. Without any the attempt ends as unconfirmed,
// or as interrupted where it is not known whether the device took it.
func (l *Locks) await(ctx context.Context, j job.Job, t turn, deadline time.Time) error {
	if l.Clock.Real().Before(deadline) {
		return l.DB.Update(ctx, func(tx *store.Tx) error { return j.Later(ctx, tx, deadline) })
	}
	if _, here := l.sent.Load(t.Attempt); here {
		return l.settle(ctx, j, t, &unconfirmed)
	}
	return l.settle(ctx, j, t, &interrupted)
}

var _ device.Observer = (*Locks)(nil)

// DeviceReported ends the attempt of the command that a report is the outcome of. Only what the device itself
// says confirms one.
func (l *Locks) DeviceReported(ctx context.Context, tx *store.Tx, r *device.Reached, is provider.Report) error {
	if is.For == "" || is.Failed == nil && !is.Evidence.FromDevice() {
		return nil
	}
	var failure *action.Failure
	if is.Failed != nil {
		kind, message := device.Failure(is.Failed)
		failure = &action.Failure{Type: kind, Message: message}
	}
	if errors.Is(is.Failed, provider.ErrOffline) {
		if err := l.Devices.Unreachable(ctx, tx, r); err != nil {
			return err
		}
	}
	return l.Confirm(ctx, tx, r.WorkspaceID, is.For, failure)
}

// DeviceOccurred records that a bolt moved, or that the lock refused someone, with the access code that was used
// where that is known.
func (l *Locks) DeviceOccurred(ctx context.Context, tx *store.Tx, r *device.Reached, what provider.Occurrence, eventID string) error {
	if !r.IsManaged {
		return nil
	}
	var kind string
	fields := map[string]any{}
	switch what.Kind {
	case provider.Locked, provider.Unlocked:
		kind = "lock." + string(what.Kind)
		method := what.Method
		if method == "" {
			method = provider.ByUnknown
		}
		fields["method"], fields["is_via_bluetooth"], fields["is_via_nfc"] = method, false, false
	case provider.Denied:
		kind = "lock.access_denied"
		if message, ok := reasons[what.Reason]; ok {
			fields["reason"] = map[string]string{"reason_code": string(what.Reason), "message": message}
		}
	default:
		return nil
	}
	used, known, err := l.Codes.InSlot(ctx, tx, r, what.Slot, what.At.Add(r.Ahead))
	if err != nil {
		return err
	}
	var secret map[string]any
	if known {
		fields["access_code_id"] = used.ID
		if what.Kind != provider.Denied {
			fields["access_code_is_managed"] = used.IsManaged
			secret = map[string]any{"code": used.PIN}
		}
	}
	e := r.Event(kind, what.At, fields)
	e.ID, e.Secret = eventID, secret
	return l.Events.Append(ctx, tx, r.WorkspaceID, e)
}

// reasons are why a lock did not open, for people.
var reasons = map[provider.Reason]string{
	provider.UnknownCode:     "The lock knows no such code",
	provider.ExpiredCode:     "The code is not valid at this time",
	provider.BlockedCode:     "The code is blocked",
	provider.TooManyAttempts: "There were too many attempts",
	provider.InPrivacyMode:   "Privacy mode keeps all codes out",
	provider.BadCredential:   "The lock could not read what was presented to it",
}

// CodesChanged is of no concern to bolts.
func (l *Locks) CodesChanged(context.Context, *store.Tx, *device.Reached, []string) error { return nil }

// Confirm ends the attempt whose id is that of a command, because its device itself has said what became of
// the command: nil, that it was done. Commands that are not pending are passed over.
func (l *Locks) Confirm(ctx context.Context, tx *store.Tx, workspaceID, commandID string, failure *action.Failure) error {
	payload, pending, err := l.Jobs.Payload(ctx, tx, commandID)
	if err != nil || !pending {
		return err
	}
	var t turn
	if err := json.Unmarshal(payload, &t); err != nil || t.Attempt != commandID {
		return err
	}
	tx.AfterCommit(func() { l.sent.Delete(commandID) })
	err = l.finish(ctx, tx, workspaceID, t, failure, moved{method: "remote", attempt: t.Attempt})
	if err != nil && !fault.Is(err, fault.ActionAttemptNotFound) {
		return err
	}
	return l.Jobs.Cancel(ctx, tx, commandID)
}

// ask asks a device. until is when its outcome is expected; zero: it is known.
func ask(ctx context.Context, r device.Reached, t turn) (until time.Time, err error) {
	switch t.Action {
	case configureAuto:
		if p, ok := r.Session.(provider.AutoLocker); ok {
			asked, err := p.SetAutoLock(ctx, r.Ref, t.Auto, time.Duration(t.Delay*float64(time.Second)), t.Attempt)
			return asked.Until, err
		}
	default:
		if p, ok := r.Session.(provider.Locker); ok {
			move := p.Unlock
			if t.Action == lockDoor {
				move = p.Lock
			}
			asked, err := move(ctx, r.Ref, t.Attempt)
			return asked.Until, err
		}
	}
	return until, provider.ErrUnsupported
}

// settle ends the attempt and the job together, and writes what follows.
func (l *Locks) settle(ctx context.Context, j job.Job, t turn, failure *action.Failure) error {
	defer l.sent.Delete(t.Attempt)
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

// effect is what a successful action changes on the device, and its events.
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

// ByHand is something that someone does at a lock.
type ByHand struct {
	Action   string // EnterCode or ManualLock
	DeviceID string
	PIN      string // that is entered
	CodeID   string // of the access code with the PIN
	Managed  bool   // whether that code is managed
	// Denied is why the lock did not open, as the event names it, with what it means; empty: it did.
	Denied, Reason string
	Failure        *action.Failure // why the bolt did not move; nil: it did
}

// Record writes down what someone has done at a lock, as a settled attempt with its events. It returns what
// Attempts.Get returns.
func (l *Locks) Record(ctx context.Context, tx *store.Tx, r device.Reached, h ByHand) (doc rpc.Doc[action.Attempt], err error) {
	at, _, err := l.Attempts.Start(ctx, tx, r.WorkspaceID, h.Action, h.DeviceID)
	if err != nil {
		return nil, err
	}
	if h.Denied != "" {
		now, err := l.Clock.Now(ctx, tx, r.WorkspaceID)
		if err != nil {
			return nil, err
		}
		h.Failure = &action.Failure{Type: "access_denied", Message: h.Reason}
		reason := map[string]any{"reason": map[string]string{"reason_code": h.Denied, "message": h.Reason}}
		if err := l.Events.Append(ctx, tx, r.WorkspaceID, r.Event("lock.access_denied", now, reason)); err != nil {
			return nil, err
		}
	}
	m := moved{method: "manual", code: h.CodeID, managed: h.Managed, pin: h.PIN}
	if h.Action == EnterCode {
		m.method = "keycode"
	}
	if err := l.finish(ctx, tx, r.WorkspaceID, turn{Attempt: at.ID, Action: h.Action, Device: h.DeviceID}, h.Failure, m); err != nil {
		return nil, err
	}
	return l.Attempts.Get(ctx, tx, r.WorkspaceID, at.ID)
}
