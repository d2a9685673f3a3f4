package provider

import (
	"context"
	"errors"
	"time"
)

// Ref names a device to the provider that has it.
type Ref struct {
	WorkspaceID string
	Brand       string // device_provider_name
	Account     string // external id of the account
	Device      string // external id of the device
	Type        string // device_type
}

// Locker turns a lock's bolt. Both return when the lock has confirmed, or ErrOffline, ErrRefused,
// ErrJammed or ErrUnsupported.
type Locker interface {
	Lock(ctx context.Context, r Ref) error
	Unlock(ctx context.Context, r Ref) error
}

// AutoLocker sets whether, and how long after being opened, a lock locks itself. It returns what
// Locker returns.
type AutoLocker interface {
	SetAutoLock(ctx context.Context, r Ref, enabled bool, delay time.Duration) error
}

// Code is an access code as a lock holds it.
type Code struct {
	Slot     string // the lock's own name for its place; empty for a code that is not on it yet
	PIN      string // digits, leading zeros included; empty: the lock chooses
	Name     string
	StartsAt time.Time // zero: from now on; only where the lock keeps schedules
	EndsAt   time.Time // zero: without an end
}

// CodeTraits says how a kind of lock deals with codes, beyond what its properties tell.
type CodeTraits struct {
	// Native says that the lock keeps schedules itself, so that a code can be put on it before
	// its time.
	Native bool
	// Lead is how long before its time a code is put on the lock.
	Lead time.Duration
	// Notifies says that a code which someone changes at the lock is told at once, so that the lock
	// need not be read from time to time to see it.
	Notifies bool
	// FixedCodes says that codes which others made cannot become managed.
	FixedCodes bool
}

// CodeProgrammer puts codes on a lock. A nil error means that the lock took the request, not that
// the code is there: Codes tells. All return ErrOffline; PutCode returns ErrRefused, ErrFull,
// ErrDuplicate or ErrUnsupported as well.
type CodeProgrammer interface {
	CodeTraits(r Ref) CodeTraits
	// Codes reads all codes that are on the lock, whoever made them.
	Codes(ctx context.Context, r Ref) ([]Code, error)
	// PutCode writes a code: into its slot, or into a free one when Slot is empty.
	PutCode(ctx context.Context, r Ref, c Code) error
	// DeleteCode empties a slot; an empty one is no error.
	DeleteCode(ctx context.Context, r Ref, slot string) error
}

// OfflineCoder computes codes that a lock accepts without having been told of them. It returns
// ErrUnsupported for a time frame that the lock's algorithm does not know.
type OfflineCoder interface {
	OfflineCode(ctx context.Context, r Ref, c Code, oneTime bool) (Code, error)
}

// Why a device did not do what was asked.
var (
	ErrOffline     = errors.New("the device cannot be reached")
	ErrRefused     = errors.New("the device refused")
	ErrJammed      = errors.New("the bolt is jammed")
	ErrFull        = errors.New("the device has no space for another code")
	ErrDuplicate   = errors.New("the device has a code with this PIN already")
	ErrUnsupported = errors.New("the device cannot do this")
)

// Report is what a device tells of itself. Of what is nil or empty it tells nothing.
type Report struct {
	Battery       *float64 // level, from 0 to 1
	Keypad        *bool    // an accessory keypad is connected
	KeypadBattery *float64 // level, from 0 to 1, of the keypad that is
	Warnings      []Problem
	Over          []string // the codes of warnings that it has no more
	Moments       []Moment // what happened to it and leaves no trace
}

// Moment is something that happens to a device.
type Moment string

// The moments.
const (
	Tampered     Moment = "tampered"
	DoorbellRang Moment = "doorbell_rang"
)

// BatteryStatus is the API's word for the level of a battery, from 0 to 1.
func BatteryStatus(level float64) string {
	switch {
	case level < 0.1:
		return "critical"
	case level < 0.25:
		return "low"
	case level < 0.95:
		return "good"
	}
	return "full"
}

// Condition is something that can be the matter with a virtual device for a while.
type Condition string

// The conditions.
const (
	FlakyConnection       Condition = "flaky_connection"
	PrivacyMode           Condition = "privacy_mode"            // someone inside keeps all codes out
	ThirdPartyIntegration Condition = "third_party_integration" // another service manages it too
)

// Fault is how a virtual device can be told to fail.
type Fault string

// The faults.
const (
	FaultOffline Fault = "offline" // it does not answer
	FaultRefused Fault = "refused" // it says no
	FaultJammed  Fault = "jammed"  // the bolt does not move
	FaultSilent  Fault = "silent"  // it says yes and does nothing, as some real locks do
)

// Memory keeps what a device without hardware remembers.
type Memory interface {
	// Load gives what is kept under the device; nil for nothing.
	Load(ctx context.Context, r Ref) ([]byte, error)
	// Change replaces it by what fn makes of it, with no other change in between. fn may run more
	// than once. An error of fn is returned, and nothing changes.
	Change(ctx context.Context, r Ref, fn func(data []byte) ([]byte, error)) error
}
