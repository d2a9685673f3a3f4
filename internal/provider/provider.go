// Package provider is the way to devices. A driver knows one way: it signs in to accounts of a brand or
// connects to a hub, and opens a session for each. A session reports what it learns to a Sink, in its own
// time, and takes commands through small capability interfaces, which are found by type assertion.
package provider

import (
	"context"
	"errors"
	"time"
)

// Driver is one way to devices. All methods are safe for concurrent use.
type Driver interface {
	// Name is kept in the row of each account and decides which driver opens it. It never changes.
	Name() string
	// Brands lists what can be connected, in the order in which people should see it. Callers do not
	// change it.
	Brands() []Brand
	// Connect signs in to an account with a person's answers (keyed by Field.Name, and "region" and
	// "two_factor_code" where the brand asks for them). It is idempotent: the same account or hub yields
	// the same ExternalID, whatever its address. It returns ErrUnknownBrand, or a *SignInError that says
	// which answer has to change.
	Connect(ctx context.Context, workspaceID, brand string, answers map[string]string) (Account, error)
	// Open begins a session with an account that Connect gave, after Connect and at every start of the
	// server. It does not wait for the peer: the session connects, and reconnects, automatically, and
	// reports its progress to the sink. ctx lasts as long as the session. An error means that the account's
	// options cannot be understood.
	Open(ctx context.Context, a Account, sink Sink) (Session, error)
}

// Session is a connection to one account, safe for concurrent use. What its devices can be asked for are
// the capabilities that it also has: Locker, CodeProgrammer, Prober and so on.
type Session interface {
	// Refresh asks the peer for a complete list of devices. When it returns nil, the list has been given
	// to the sink. It returns ErrOffline when the peer does not answer.
	Refresh(ctx context.Context) error
	// Close ends the session. Nothing is reported after it has returned.
	Close() error
}

// Sink takes what a session learns. All methods are safe from any goroutine, return at once, and keep the
// order of calls about one device. A session may call them before Open has returned.
type Sink interface {
	// Snapshot gives a complete list of the account's devices. Devices that are not in it are removed only
	// if a later list, at least GoneAfter later, lacks them too; an empty list removes nothing.
	Snapshot(devices []Device)
	// Found introduces a device that is new or whose description has changed. Of a device that is known,
	// it changes only the description (name, abilities, maker) and adds properties that it lacked: states
	// come through Report.
	Found(d Device)
	// Gone says that the peer has removed a device.
	Gone(externalID string)
	// Report gives states of a device. Reports that are not written yet are merged; equal states write
	// nothing.
	Report(r Ref, is Report)
	// Occurred gives something that happened at a device. Occurrences are never merged; the same one given
	// twice counts once.
	Occurred(r Ref, what Occurrence)
	// CodesChanged says that codes in these slots of a lock may have changed; no slots: any of them.
	CodesChanged(r Ref, slots ...string)
	// State says how the connection to the peer is.
	State(s AccountState)
}

// GoneAfter is how long a device must be missing from complete lists until it counts as removed.
const GoneAfter = 30 * time.Second

// AccountState is how the connection of a session is.
type AccountState struct {
	Status  Status
	Since   time.Time
	NextTry time.Time // zero: unknown, or none is needed
	Message string    // why it was refused and what to do, for people; no secrets
	// SignInSoon says that the peer asks for a new sign-in before it ends this one.
	SignInSoon bool
}

// Status is how a connection is.
type Status string

// The states of a connection.
const (
	Connected    Status = "connected"
	Reconnecting Status = "reconnecting" // the peer does not answer; the session retries automatically
	Refused      Status = "refused"      // the peer does not accept the sign-in: a person has to connect again
)

// Brand is one row of what can be connected.
type Brand struct {
	Name         string          // device_provider_name of the API, for example "august"
	DisplayName  string          // for people, for example "August"
	Categories   []string        // provider_categories of the API, for example "stable"
	Capabilities map[string]bool // can_* flags that devices of the brand may have
	ImageURL     string
	SignIn       SignIn
}

// SignIn says what a brand requires of a person who connects an account.
type SignIn struct {
	Fields    []Field
	Regions   []string // empty: the brand does not ask
	TwoFactor bool
	// Example are answers that sign in to an account that anyone may try; nil: there is none.
	Example map[string]string
}

// Field is one thing that a brand asks for at sign-in.
type Field struct {
	Name   string // key in the answers
	Label  string
	Secret bool // never shown, logged or stored in the clear
}

// Account is an account of a brand, or a hub. Connect fills in what it learns; Open gets what is stored.
type Account struct {
	ID             string // connected_account_id; only for Open
	WorkspaceID    string // only for Open
	Brand          string
	ExternalID     string // the peer's own identity, for example an e-mail address or a hub's serial number
	DisplayName    string
	UserIdentifier map[string]string // user_identifier of the API: email, username, phone, api_url, exclusive
	Options        Options           // what Open needs; stored sealed
	// Devices is the first complete list, where signing in gives it; nil: the session's first Snapshot.
	Devices []Device
}

// Options are what a driver needs to open an account again, in a form of its own. They contain secrets and
// print as nothing.
type Options []byte

// String hides the options.
func (Options) String() string { return "[options]" }

// GoString hides the options.
func (Options) GoString() string { return "[options]" }

// MarshalJSON hides the options: they are stored sealed, never as JSON.
func (Options) MarshalJSON() ([]byte, error) { return []byte(`"[options]"`), nil }

// Ref names a device to the session that has it.
type Ref struct {
	WorkspaceID string
	Brand       string // device_provider_name
	Account     string // external id of the account
	Device      string // external id of the device
	Type        string // device_type
}

// Device is what a driver knows of one device.
type Device struct {
	ExternalID   string // stable for the device within its account
	Type         string // device_type of the API
	Name         string
	Capabilities []string // capabilities_supported of the API
	// Flags are the can_* flags that the device has. One is false only while a problem says why: what
	// works follows from the problems, see Works.
	Flags        map[string]bool
	Manufacturer Manufacturer
	TimeZone     string         // IANA name
	Properties   map[string]any // the API's properties, complete but for what Keyway itself adds (name, online)
	Online       bool
	Errors       []Problem
	Warnings     []Problem
}

// Manufacturer is who made a device.
type Manufacturer struct {
	Name        string // manufacturer of the API, for example "august"
	DisplayName string
	ImageURL    string
}

// Problem is an error or a warning on a device or an account.
type Problem struct {
	Code    string // error_code or warning_code of the API
	Message string
	Since   time.Time
}

// ErrUnknownBrand is returned for a brand that the driver does not have.
var ErrUnknownBrand = errors.New("unknown brand")

// SignInError says which answer of a person was wrong or is still missing.
type SignInError struct {
	Kind    SignInErrorKind
	Field   string   // name of the field to correct; empty for the account as a whole
	Missing []string // of MissingAnswer: the names of all fields without an answer that is needed
	Message string   // for the person who signs in; never contains an answer
}

func (e *SignInError) Error() string { return e.Message }

// SignInErrorKind distinguishes why a sign-in did not succeed.
type SignInErrorKind string

// The kinds of sign-in errors.
const (
	MissingAnswer     SignInErrorKind = "missing_answer"
	WrongCredentials  SignInErrorKind = "wrong_credentials"
	AccountLocked     SignInErrorKind = "account_locked"
	RegionRequired    SignInErrorKind = "region_required"
	TwoFactorRequired SignInErrorKind = "two_factor_required"
	WrongTwoFactor    SignInErrorKind = "wrong_two_factor_code"
)
