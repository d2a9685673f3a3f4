// Package accesscode keeps the desired access codes of locks, and drives the locks to contain them.
// docs/access-codes.md draws the life of a code.
package accesscode

import (
	"slices"
	"time"

	json "github.com/go-json-experiment/json/v1" // encoding/json as Go 1.27 has it: the same, and much faster

	"keyway/internal/api/action"
	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/platform/clock"
	"keyway/internal/platform/job"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/provider"

	"log/slog"
)

// Code is a managed access code as it is served (API contract §4.5).
type Code struct {
	Public
	Private
}

// Public is what is stored as it is served.
type Public struct {
	ID                  string   `json:"access_code_id"`
	WorkspaceID         string   `json:"workspace_id"`
	DeviceID            string   `json:"device_id"`
	Name                *string  `json:"name"`
	Type                string   `json:"type" enum:"time_bound ongoing"`
	Status              string   `json:"status" enum:"setting set unset removing unknown"`
	DisplayStatus       string   `json:"display_status" doc:"Where the code is in its life, in words for people."`
	CreatedAt           rpc.Time `json:"created_at"`
	StartsAt            rpc.Time `json:"starts_at" rule:"nullable"`
	EndsAt              rpc.Time `json:"ends_at" rule:"nullable"`
	CommonCodeKey       *string  `json:"common_code_key"`
	IsManaged           bool     `json:"is_managed"`
	IsBackup            bool     `json:"is_backup"`
	IsBackupAvailable   bool     `json:"is_backup_access_code_available"`
	IsExternalAllowed   bool     `json:"is_external_modification_allowed"`
	IsOffline           bool     `json:"is_offline_access_code"`
	IsOneTime           bool     `json:"is_one_time_use"`
	IsScheduledOnDevice bool     `json:"is_scheduled_on_device"`
	IsWaitingForCode    bool     `json:"is_waiting_for_code_assignment"`
	PulledBackupID      *string  `json:"pulled_backup_access_code_id"`
}

// Private is what may contain a PIN: it is sealed at rest, and put back when the code is served.
type Private struct {
	PIN       *string    `json:"code"`
	Errors    []Problem  `json:"errors" union:"error_code"`
	Warnings  []Problem  `json:"warnings" union:"warning_code"`
	Mutations []Mutation `json:"pending_mutations" union:"mutation_code"`
}

// Unmanaged is a code that others put on a lock, as it is served.
type Unmanaged struct {
	UnmanagedPublic
	UnmanagedPrivate
}

// UnmanagedPublic is what is stored of an unmanaged code as it is served.
type UnmanagedPublic struct {
	ID              string   `json:"access_code_id"`
	WorkspaceID     string   `json:"workspace_id"`
	DeviceID        string   `json:"device_id"`
	Name            *string  `json:"name"`
	Type            string   `json:"type" enum:"time_bound ongoing"`
	Status          string   `json:"status" enum:"set unset"`
	DisplayStatus   string   `json:"display_status" doc:"Where the code is in its life, in words for people."`
	CreatedAt       rpc.Time `json:"created_at"`
	StartsAt        rpc.Time `json:"starts_at" rule:"nullable"`
	EndsAt          rpc.Time `json:"ends_at" rule:"nullable"`
	IsManaged       bool     `json:"is_managed"`
	CannotBeManaged bool     `json:"cannot_be_managed,omitempty"`
}

// UnmanagedPrivate is what is sealed of an unmanaged code.
type UnmanagedPrivate struct {
	PIN      *string   `json:"code"`
	Errors   []Problem `json:"errors" union:"error_code"`
	Warnings []Problem `json:"warnings" union:"warning_code"`
}

// Problem is an error or a warning on a code: its own, its device's or its account's.
type Problem struct {
	ErrorCode      string    `json:"error_code,omitempty"`
	WarningCode    string    `json:"warning_code,omitempty"`
	Message        string    `json:"message"`
	CreatedAt      rpc.Time  `json:"created_at"`
	IsCodeError    bool      `json:"is_access_code_error,omitempty"`
	IsDeviceError  *bool     `json:"is_device_error,omitempty"`
	IsAccountError bool      `json:"is_connected_account_error,omitempty"`
	IsBridgeError  bool      `json:"is_bridge_error,omitempty"`
	ManagedID      string    `json:"managed_access_code_id,omitempty"`
	UnmanagedID    string    `json:"unmanaged_access_code_id,omitempty"`
	ChangeType     string    `json:"change_type,omitempty"`
	Modified       []change  `json:"modified_fields,omitempty"`
	Until          time.Time `json:"until,omitzero"` // when it is past; not served
}

type change struct {
	Field string  `json:"field"`
	From  *string `json:"from"`
	To    *string `json:"to"`
}

// Mutation is something that is wanted of a code and that its lock has not done yet.
type Mutation struct {
	Code        string         `json:"mutation_code"`
	Message     string         `json:"message"`
	CreatedAt   rpc.Time       `json:"created_at"`
	ScheduledAt *rpc.Time      `json:"scheduled_at,omitempty"`
	From        map[string]any `json:"from,omitempty"`
	To          map[string]any `json:"to,omitempty"`
}

// row is a code with all that Keyway knows of it.
type row struct {
	id, workspaceID, deviceID, accountID string
	managed, spare                       bool
	common                               string
	createdAt                            time.Time
	state
	wrote    bool          // it was saved, and was not as it was stored
	stored   []byte        // the doc and secret as they were read, to see whether they change
	indexed  indexed       // as it was read or written
	doc      rpc.Doc[Code] // as it is served, once it is saved
	isNew    bool
	vanished bool
}

// state is the desired state of a code and what its lock contains of it.
type state struct {
	PIN      string    `json:"pin"` // empty: the lock chooses
	Name     string    `json:"name"`
	OnLock   string    `json:"name_on_lock,omitempty"` // where the lock has another name for it
	StartsAt time.Time `json:"starts_at,omitzero"`
	EndsAt   time.Time `json:"ends_at,omitzero"`

	AllowExternal bool      `json:"allow_external,omitempty"`
	Unscheduled   bool      `json:"unscheduled,omitempty"` // the lock's own schedules are not to be used
	Offline       bool      `json:"offline,omitempty"`
	OneTime       bool      `json:"one_time,omitempty"`
	Backup        bool      `json:"backup,omitempty"`
	Pulled        string    `json:"pulled,omitempty"` // the backup that stands in for it
	Deleting      bool      `json:"deleting,omitempty"`
	ChangedAt     time.Time `json:"changed_at"` // when something was last asked for

	Held     *held `json:"held,omitempty"` // what the lock contains, as last seen
	Reported *held `json:"told,omitempty"` // what events have reported of the code
	Sent     *held `json:"sent,omitempty"` // the lock was asked to write it into a free slot: what it then contains may be this
	// SentSlot is where the lock said that it would be.
	SentSlot string    `json:"sent_slot,omitempty"`
	SentAt   time.Time `json:"sent_at,omitzero"`  // when that was first asked: an earlier use of the slot was of another code
	Blocked  bool      `json:"blocked,omitempty"` // the lock could not be asked
	LetGo    bool      `json:"let_go,omitempty"`  // someone took it off the lock, and was allowed to
	Shown    string    `json:"shown,omitempty"`   // the last stage that an event reported: scheduled, set
	Tries    int       `json:"tries,omitempty"`
	RetryAt  time.Time `json:"retry_at,omitzero"`
	Waiting  time.Time `json:"waiting,omitzero"` // since when the lock should have done something
	// Asked is what the lock was last asked for while the outcome is expected: meanwhile nothing else is asked
	// of it for the code.
	Asked *asked `json:"asked,omitempty"`
	// HeldBack is until when it stays off the lock because codes that begin first need its PIN or its place.
	HeldBack time.Time `json:"held_back,omitzero"`

	Errors   []Problem `json:"errors,omitempty"`
	Warnings []Problem `json:"warnings,omitempty"`
	Attempts []string  `json:"attempts,omitempty"` // to settle once the lock was asked
	Actor    actor     `json:"actor"`

	Elsewhere bool `json:"elsewhere,omitempty"` // another workspace manages it
}

// held is a code as a lock stores it.
type held struct {
	Slot     string    `json:"slot"`
	PIN      string    `json:"pin"`
	Name     string    `json:"name"`
	StartsAt time.Time `json:"starts_at,omitzero"`
	EndsAt   time.Time `json:"ends_at,omitzero"`
}

// public is a code as a session takes it. Without a PIN the lock chooses one.
func (h held) public() provider.Code {
	c := provider.Code{Slot: h.Slot, Name: h.Name, StartsAt: h.StartsAt, EndsAt: h.EndsAt}
	if h.PIN != "" {
		c.PIN = &h.PIN
	}
	return c
}

// heldOf is a code as a session has read it.
func heldOf(c provider.Code) held {
	h := held{Slot: c.Slot, Name: c.Name, StartsAt: c.StartsAt, EndsAt: c.EndsAt}
	if c.PIN != nil {
		h.PIN = *c.PIN
	}
	return h
}

// asked is something that a lock has taken without doing it at once.
type asked struct {
	Erase bool      `json:"erase,omitempty"`
	Code  held      `json:"code"`  // that was to be written
	Until time.Time `json:"until"` // by the clock of the workspace; after that nothing more is expected of it
	// Done and Refused are what its driver has reported of it.
	Done    bool `json:"done,omitempty"`
	Refused bool `json:"refused,omitempty"`
}

// actor is who caused something, as a timeline shows it.
type actor struct {
	Type string `json:"type"` // api_key, console_user, system, external
	ID   string `json:"id,omitempty"`
}

// Codes implements the rules for access codes.
type Codes struct {
	DB       *store.DB
	Vault    *vault.Vault
	Devices  *device.Devices
	Attempts *action.Attempts
	Jobs     *job.Runner
	Events   *event.Log
	Clock    clock.Clock
	Log      *slog.Logger
	// ReadEvery is how often a lock is read whose driver does not report what is done at it; 0: only
	// when something is due.
	ReadEvery time.Duration
}

// The kinds of jobs that Codes has.
const syncJob = "access_code.sync"

// RegisterJobs registers the handlers of this package's jobs.
func (c *Codes) RegisterJobs() {
	c.Jobs.Handle(syncJob, c.runSync, job.In(job.Visits), job.Recurring(lastRetry))
}

const (
	delayAfter   = 5 * time.Minute // waiting for so long is reported as a delay
	firstRetry   = 2 * time.Second
	lastRetry    = 6 * time.Hour
	maxTries     = 3              // refusals after which a code counts as failed
	keepConflict = 24 * time.Hour // how long an outside change that was undone is shown as an error
	spares       = 3              // backup codes kept on a lock
)

func (s *state) ongoing() bool { return s.EndsAt.IsZero() }

func (s *state) ended(now time.Time) bool {
	return s.Deleting || !s.EndsAt.IsZero() && !now.Before(s.EndsAt)
}

// programAt is when the code goes onto its lock; the zero time: at once.
func (s *state) programAt(t provider.CodeTraits) time.Time {
	if at := s.scheduledAt(t); s.HeldBack.Before(at) {
		return at
	}
	return s.HeldBack
}

// scheduledAt is programAt when no other code needs its place.
func (s *state) scheduledAt(t provider.CodeTraits) time.Time {
	switch {
	case s.StartsAt.IsZero() || s.Offline:
		return time.Time{}
	case t.Native && s.Unscheduled:
		return s.StartsAt
	}
	return s.StartsAt.Add(-t.Lead)
}

// wanted is the code as the lock should store it.
func (r *row) wanted(t provider.CodeTraits) held {
	h := held{PIN: r.PIN}
	if !t.Nameless {
		h.Name = r.lockName()
	}
	if r.Held != nil {
		h.Slot = r.Held.Slot
	}
	if t.Native && !r.Unscheduled {
		h.StartsAt, h.EndsAt = r.StartsAt, r.EndsAt
	}
	return h
}

// lockName is what the lock calls the code: it wants a name even where a person gave none.
func (r *row) lockName() string {
	switch {
	case r.OnLock != "":
		return r.OnLock
	case r.Name != "":
		return r.Name
	}
	return "Code " + idEnd(r.id)
}

// idEnd is enough of a code's id to distinguish it from the others on its lock.
func idEnd(id string) string { return id[len(id)-6:] }

// call gives a code a name, and one that its lock takes.
func (r *row) call(name string, rule rules) {
	r.Name, r.OnLock = name, ""
	if on := rule.nameOnLock(r.lockName(), r.id); on != r.lockName() {
		r.OnLock = on
	}
}

// same reports whether the lock contains the desired code.
func (h *held) same(w held) bool {
	return h != nil && (w.PIN == "" || h.PIN == w.PIN) && h.Name == w.Name && h.StartsAt.Equal(w.StartsAt) && h.EndsAt.Equal(w.EndsAt)
}

// step is what a lock has to do for a code.
type step int

const (
	nothing step = iota
	write
	erase
	await // the outcome of what was asked before
)

// next is what the lock has to do for the code now.
func (r *row) next(now time.Time, t provider.CodeTraits) step {
	switch {
	case r.Offline:
		return nothing
	case !r.managed:
		if r.Deleting && r.Held != nil {
			return erase
		}
		return nothing
	case r.ended(now):
		if r.Held != nil || r.Sent != nil {
			return erase
		}
		return nothing
	case now.Before(r.programAt(t)):
		if r.Held != nil {
			return erase
		}
		return nothing
	case r.LetGo || r.Held.same(r.wanted(t)):
		return nothing
	}
	return write
}

// Stages of a code that events report.
const (
	scheduled = "scheduled"
	set       = "set"
)

// stage is how far a code on its lock has come.
func (r *row) stage(now time.Time, t provider.CodeTraits) string {
	switch {
	case r.Held == nil || r.ended(now) || !r.Offline && (now.Before(r.programAt(t)) || !r.Held.same(r.wanted(t))):
		return ""
	case now.Before(r.StartsAt) && (r.Offline || t.Native):
		return scheduled
	}
	return set
}

// status is the code's status as it is served.
func (r *row) status(now time.Time, t provider.CodeTraits, accountDown bool) string {
	switch {
	case accountDown:
		return "unknown"
	case r.ended(now):
		return "removing"
	case r.stage(now, t) == set:
		return "set"
	case r.LetGo, now.Before(r.programAt(t)), t.Native && now.Before(r.StartsAt):
		return "unset"
	}
	return "setting"
}

// life is where a managed code is in its life, in words for people.
func (r *row) life(now time.Time, t provider.CodeTraits, accountDown bool) string {
	switch r.status(now, t, accountDown) {
	case "unknown":
		return "Unknown"
	case "removing":
		if r.Deleting {
			return "Deleting"
		}
		return "Expired"
	case "set":
		return "Active"
	case "unset":
		if r.LetGo {
			return "Not active"
		}
		return "Upcoming"
	}
	return "Issuing"
}

// lifeOfOthers is life for a code that others put on the lock.
func (r *row) lifeOfOthers(now time.Time) string {
	switch {
	case r.Deleting:
		return "Deleting"
	case r.ended(now):
		return "Expired"
	case now.Before(r.StartsAt):
		return "Upcoming"
	}
	return "Active"
}

// due is when something is next to be done for the code automatically; zero: nothing.
func (r *row) due(now time.Time, t provider.CodeTraits, blocked bool) time.Time {
	var next time.Time
	at := func(x time.Time) {
		if x.After(now) && (next.IsZero() || x.Before(next)) {
			next = x
		}
	}
	if !r.ended(now) {
		at(r.programAt(t))
		at(r.StartsAt)
		at(r.EndsAt)
	}
	if !blocked {
		at(r.RetryAt)
	}
	if r.Asked != nil {
		at(r.Asked.Until)
	}
	if !r.Waiting.IsZero() {
		at(r.Waiting.Add(delayAfter))
	}
	for _, p := range slices.Concat(r.Errors, r.Warnings) {
		at(p.Until)
	}
	return next
}

// mutations lists what the lock has not done yet.
func (r *row) mutations(now time.Time, t provider.CodeTraits) []Mutation {
	at := rpc.Time{Time: r.ChangedAt}
	m := func(code, message string, from, to map[string]any) Mutation {
		return Mutation{Code: code, Message: message, CreatedAt: at, From: from, To: to}
	}
	out := []Mutation{}
	switch {
	case r.ended(now):
		return append(out, m("deleting", "The code is being removed from the lock.", nil, nil))
	case r.Offline || r.LetGo:
		return out
	case now.Before(r.programAt(t)) && (r.Held == nil || r.Unscheduled):
		d := m("deferring_creation", "Will be added to the lock shortly before it starts.", nil, nil)
		d.ScheduledAt = &rpc.Time{Time: r.programAt(t)}
		return append(out, d)
	case r.Held == nil:
		return append(out, m("creating", "The code is being put on the lock.", nil, nil))
	}
	w := r.wanted(t)
	if w.PIN != "" && w.PIN != r.Held.PIN {
		out = append(out, m("updating_code", "The code's PIN is being changed on the lock.", map[string]any{"code": r.Held.PIN},
			map[string]any{"code": w.PIN}))
	}
	if w.Name != r.Held.Name {
		out = append(out, m("updating_name", "The code's name is being changed on the lock.", map[string]any{"name": r.Held.Name},
			map[string]any{"name": w.Name}))
	}
	if !w.StartsAt.Equal(r.Held.StartsAt) || !w.EndsAt.Equal(r.Held.EndsAt) {
		// Its own times even if the lock is not to keep them: they apply all the same.
		out = append(out, m("updating_time_frame", "The code's times are being changed on the lock.", frame(r.Held.StartsAt, r.Held.EndsAt),
			frame(r.StartsAt, r.EndsAt)))
	}
	return out
}

func frame(starts, ends time.Time) map[string]any {
	return map[string]any{"starts_at": rpc.Time{Time: starts}, "ends_at": rpc.Time{Time: ends}}
}

// environment is what surrounds a code on its device.
type environment struct {
	device      device.Reached
	traits      provider.CodeTraits
	hasSpare    bool
	accountDown bool
}

// serve makes the served form of a code: what is stored as it is, and what is sealed.
func (r *row) serve(now time.Time, a environment) (doc, secret []byte, err error) {
	kind := "time_bound"
	if r.ongoing() {
		kind = "ongoing"
	}
	created := rpc.Time{Time: r.createdAt}
	if !r.managed {
		u := UnmanagedPublic{ID: r.id, WorkspaceID: r.workspaceID, DeviceID: r.deviceID, Name: rpc.OrNull(r.Name), Type: kind,
			Status: "set", DisplayStatus: r.lifeOfOthers(now), CreatedAt: created,
			StartsAt: rpc.Time{Time: r.StartsAt}, EndsAt: rpc.Time{Time: r.EndsAt}, CannotBeManaged: a.traits.FixedCodes}
		errs, warnings := deviceProblems(a.device)
		return split(u, UnmanagedPrivate{rpc.OrNull(r.PIN), append(listOf(r.Errors), errs...), append(listOf(r.Warnings), warnings...)})
	}
	p := Public{ID: r.id, WorkspaceID: r.workspaceID, DeviceID: r.deviceID, Name: rpc.OrNull(r.Name), Type: kind,
		Status: r.status(now, a.traits, a.accountDown), DisplayStatus: r.life(now, a.traits, a.accountDown),
		CreatedAt: created, StartsAt: rpc.Time{Time: r.StartsAt}, EndsAt: rpc.Time{Time: r.EndsAt}, CommonCodeKey: rpc.OrNull(r.common),
		IsManaged: true,
		IsBackup:  r.Backup, IsBackupAvailable: a.hasSpare && !r.ongoing() && !r.Offline && !r.Backup, IsExternalAllowed: r.AllowExternal,
		IsOffline: r.Offline, IsOneTime: r.OneTime, IsScheduledOnDevice: r.stage(now, a.traits) == scheduled, IsWaitingForCode: r.PIN == "",
		PulledBackupID: rpc.OrNull(r.Pulled)}
	errs, warnings := deviceProblems(a.device)
	s := Private{PIN: rpc.OrNull(r.PIN), Errors: append(listOf(r.Errors), errs...), Warnings: append(listOf(r.Warnings), warnings...),
		Mutations: r.mutations(now, a.traits)}
	if r.ended(now) {
		s.Warnings = append(s.Warnings, Problem{WarningCode: "being_deleted", Message: "The code is being removed.",
			CreatedAt: rpc.Time{Time: r.ChangedAt}})
	}
	return split(p, s)
}

// split marshals the two parts of what is served.
func split(public, private any) (doc, secret []byte, err error) {
	if doc, err = json.Marshal(public); err != nil {
		return nil, nil, err
	}
	secret, err = json.Marshal(private)
	return doc, secret, err
}

// deviceProblems are what a code shows of its device's problems.
func deviceProblems(d device.Reached) (errs, warnings []Problem) {
	for _, e := range d.Errors {
		if !slices.Contains(codeRelated, e.Code) {
			continue
		}
		p := Problem{ErrorCode: e.Code, Message: e.Message, CreatedAt: e.CreatedAt, IsDeviceError: &e.IsDeviceError}
		if e.IsAccountError != nil {
			p.IsAccountError = *e.IsAccountError
		}
		p.IsBridgeError = e.IsBridgeError != nil && *e.IsBridgeError
		errs = append(errs, p)
	}
	for _, w := range d.Warnings {
		switch w.Code {
		case "insufficient_permissions": // as devices had it before it was an error of theirs
			errs = append(errs, Problem{ErrorCode: w.Code, Message: w.Message, CreatedAt: w.CreatedAt, IsDeviceError: new(bool),
				IsAccountError: true})
		case "third_party_integration_detected":
			warnings = append(warnings, Problem{WarningCode: w.Code, Message: w.Message, CreatedAt: w.CreatedAt})
		}
	}
	return errs, warnings
}

// codeRelated are the errors of devices and accounts that their codes show as well.
var codeRelated = []string{"account_disconnected", "salto_ks_subscription_limit_exceeded", "dormakaba_sites_disconnected", "device_offline",
	"device_removed",
	"hub_disconnected", "device_disconnected", "empty_backup_access_code_pool", "august_lock_not_authorized", "missing_device_credentials",
	"auxiliary_heat_running", "subscription_required", "bridge_disconnected"}

// listOf is a list that is never null, and without what is not served.
func listOf(in []Problem) []Problem {
	out := make([]Problem, len(in))
	for i, p := range in {
		p.Until = time.Time{}
		out[i] = p
	}
	return out
}
