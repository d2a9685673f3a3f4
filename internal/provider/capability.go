package provider

import (
	"context"
	"errors"
	"time"
)

// Asked is what a capability returns once the device, or its hub, was asked: that it was asked, not that it
// is done. The outcome comes through the Sink as a Report whose For is the id of the command.
type Asked struct {
	// Until is how long the driver expects evidence of the outcome. After that nothing more is to be
	// expected of the command; a read shows what became of it.
	Until time.Time
	// Slot is where a code was asked to be written.
	Slot string
}

// Locker turns a lock's bolt. commandID is the Report.For of the outcome. Both return ErrOffline,
// ErrRefused, ErrJammed or ErrUnsupported where that is known at once.
type Locker interface {
	Lock(ctx context.Context, r Ref, commandID string) (Asked, error)
	Unlock(ctx context.Context, r Ref, commandID string) (Asked, error)
}

// AutoLocker sets whether, and how long after being opened, a lock locks itself. It returns what Locker
// returns.
type AutoLocker interface {
	SetAutoLock(ctx context.Context, r Ref, enabled bool, delay time.Duration, commandID string) (Asked, error)
}

// Prober asks a device for a sign of life. It returns nil when the device itself has answered, else
// ErrOffline.
type Prober interface {
	Probe(ctx context.Context, r Ref) error
}

// Code is an access code on a lock.
type Code struct {
	Slot string // the lock's own name for its place; empty for a code that is not on it yet
	// PIN is the digits, leading zeros included. nil: in a code that was read, they cannot be read; in one
	// to be written, the lock chooses.
	PIN      *string
	Name     string
	StartsAt time.Time // zero: from now on; only where the lock keeps schedules
	EndsAt   time.Time // zero: without an end
}

// CodeTraits says how a kind of lock deals with codes, beyond what its properties say.
type CodeTraits struct {
	// Native says that the lock keeps schedules itself, so that a code can be put on it before
	// its time.
	Native bool
	// Lead is how long before its time a code is put on the lock.
	Lead time.Duration
	// Notifies says that CodesChanged follows every change at the lock, so that the lock need not be read
	// from time to time to see it.
	Notifies bool
	// FixedCodes says that codes which others made cannot become managed.
	FixedCodes bool
	// Single says that single slots can be read: otherwise ReadCodes always reads all of them.
	Single bool
	// Nameless says that the lock keeps no names of codes.
	Nameless bool
}

// CodeProgrammer puts codes on a lock. A nil error means that the lock was asked, not that the code is
// there: ReadCodes shows it. All return ErrOffline; PutCode also ErrRefused, ErrFull, ErrDuplicate or
// ErrUnsupported where that is known at once.
type CodeProgrammer interface {
	CodeTraits(r Ref) CodeTraits
	// ReadCodes reads the codes in these slots from the lock, or all when none is named; an empty slot is
	// not in the answer. Where CodeTraits.Single is false the answer may contain more than was asked for.
	ReadCodes(ctx context.Context, r Ref, slots ...string) ([]Code, error)
	// PutCode writes a code: into its slot, or into a free one when Slot is empty. opID is the Report.For
	// of the outcome.
	PutCode(ctx context.Context, r Ref, c Code, opID string) (Asked, error)
	// DeleteCode empties a slot; an empty one is no error.
	DeleteCode(ctx context.Context, r Ref, slot, opID string) (Asked, error)
}

// OfflineCoder computes codes that a lock accepts without having been sent them. It returns
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
