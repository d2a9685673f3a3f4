// Package account keeps the connected accounts of a workspace: the brands' accounts through which
// its devices are reached.
package account

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/provider"
)

// Account is a connected account as it is served.
type Account struct {
	ID                           string            `json:"connected_account_id"`
	AccountType                  string            `json:"account_type"`
	AccountTypeDisplayName       string            `json:"account_type_display_name"`
	DisplayName                  string            `json:"display_name"`
	ImageURL                     string            `json:"image_url,omitempty"`
	UserIdentifier               map[string]string `json:"user_identifier"`
	CreatedAt                    rpc.Time          `json:"created_at"`
	AutomaticallyManageNewDevice bool              `json:"automatically_manage_new_devices"`
	AcceptedCapabilities         []string          `json:"accepted_capabilities"`
	CustomMetadata               device.Metadata   `json:"custom_metadata"`
	CustomerKey                  string            `json:"customer_key,omitempty"`
	Errors                       []Error           `json:"errors" union:"error_code"`
	Warnings                     []Warning         `json:"warnings" union:"warning_code"`
}

// Error is an error on an account.
type Error struct {
	Code           string   `json:"error_code"`
	Message        string   `json:"message"`
	IsAccountError bool     `json:"is_connected_account_error"`
	IsBridgeError  bool     `json:"is_bridge_error"`
	CreatedAt      rpc.Time `json:"created_at"`
}

// Warning is a warning on an account.
type Warning struct {
	Code      string   `json:"warning_code"`
	Message   string   `json:"message"`
	CreatedAt rpc.Time `json:"created_at"`
}

// Terms are what a Connect Webview lays down for the account that is connected in it. The zero value
// lays down nothing.
type Terms struct {
	WebviewID         string
	CustomerKey       string
	UserIdentifierKey string
	Metadata          device.Metadata // empty: the account keeps its own
	ManageNewDevices  *bool
	Accepted          []string // accepted_capabilities; empty: all
	// Connected is called with the account in the transaction that connects it; nil: nothing is called.
	Connected func(ctx context.Context, tx *store.Tx, acc Account) error
}

// Accounts implements the rules for connected accounts.
type Accounts struct {
	DB        *store.DB
	Events    *event.Log
	Devices   *device.Devices
	Providers *provider.Registry
	Vault     *vault.Vault
	Log       *slog.Logger
	Now       func() time.Time

	sessions  sessions
	overflows atomic.Int64
}

// Connect signs in to a brand's account with a person's answers, takes in its devices and opens a session.
// The same account connected again stays one account, and a disconnected one works again. It returns
// *provider.SignInError for an answer to correct, invalid_input for an unknown brand, and
// customer_key_conflict for an account that is another customer's.
func (a *Accounts) Connect(ctx context.Context, workspaceID string, sandbox bool, brand string, answers map[string]string,
	terms Terms) (acc Account, err error) {
	driver, err := a.Providers.ForBrand(brand, sandbox)
	if err != nil {
		return Account{}, fault.Invalid("provider", "There is no such brand to connect in this workspace")
	}
	found, err := driver.Connect(ctx, workspaceID, brand, answers)
	if err != nil {
		return Account{}, err
	}
	err = a.Within(ctx, workspaceID, func(tx *store.Tx) error {
		acc, err = a.Put(ctx, tx, workspaceID, driver, found, terms)
		return err
	})
	if err != nil {
		return acc, err
	}
	return acc, a.reopen(ctx, workspaceID, acc.ID)
}

// Within changes what is in a workspace that is not deleted: what is added later would outlive it. It
// returns workspace_not_found.
func (a *Accounts) Within(ctx context.Context, workspaceID string, fn func(*store.Tx) error) error {
	return a.DB.Update(ctx, func(tx *store.Tx) error {
		if there, err := workspaceExists(ctx, tx, workspaceID); err != nil {
			return err
		} else if !there {
			return fault.Missing(fault.WorkspaceNotFound)
		}
		return fn(tx)
	}, store.Workspace(workspaceID))
}

// BrandOf is a brand as its driver describes it, or just its name if the driver no longer exists.
func BrandOf(d provider.Driver, name string) provider.Brand {
	if d != nil {
		for _, b := range d.Brands() {
			if b.Name == name {
				return b
			}
		}
	}
	return provider.Brand{Name: name, DisplayName: name}
}

// Of is what the devices of an account take over from it.
func (a Account) Of(b provider.Brand) device.Account {
	return device.Account{ID: a.ID, Brand: b, CustomerKey: a.CustomerKey, Metadata: a.CustomMetadata,
		LeaveUnmanaged: !a.AutomaticallyManageNewDevice, Accepted: a.AcceptedCapabilities}
}

// Put stores an account that a driver has signed in to, or finds the one that it already is, and lays the
// terms down for it and its devices. It returns customer_key_conflict.
func (a *Accounts) Put(ctx context.Context, tx *store.Tx, workspaceID string, d provider.Driver, found provider.Account, t Terms) (Account,
	error) {
	b := BrandOf(d, found.Brand)
	acc, err := a.ByExternalID(ctx, tx, workspaceID, d.Name(), b.Name, found.ExternalID)
	isNew := fault.Is(err, fault.ConnectedAccountNotFound)
	if err != nil && !isNew {
		return acc, err
	}
	if isNew {
		acc = Account{
			ID: store.NewID(), AccountType: b.Name, AccountTypeDisplayName: b.DisplayName, DisplayName: found.DisplayName, ImageURL: b.ImageURL,
			UserIdentifier: found.UserIdentifier, CreatedAt: rpc.Time{Time: a.Now().Truncate(time.Millisecond)}, AutomaticallyManageNewDevice: true,
			AcceptedCapabilities: []string{}, CustomMetadata: device.Metadata{}, Errors: []Error{}, Warnings: []Warning{},
		}
		if acc.UserIdentifier == nil {
			acc.UserIdentifier = map[string]string{}
		}
		if err := insert(ctx, tx, workspaceID, acc, d.Name(), found.ExternalID); err != nil {
			return acc, err
		}
	}
	if err := a.setOptions(ctx, tx, workspaceID, acc.ID, found.Options); err != nil {
		return acc, err
	}
	wasDisconnected := acc.has(disconnected)
	acc.clear(disconnected, bridgeDown, reauthorize)
	if err := a.lay(ctx, tx, workspaceID, &acc, t); err != nil {
		return acc, err
	}
	if err := a.save(ctx, tx, workspaceID, acc); err != nil {
		return acc, err
	}
	if wasDisconnected {
		if err := a.Devices.EachOfAccount(ctx, tx, workspaceID, acc.ID, func(r *device.Reached) error {
			return a.Devices.SetAccountState(ctx, tx, r, provider.Connected)
		}); err != nil {
			return acc, err
		}
	}
	if err := a.Events.Append(ctx, tx, workspaceID, acc.connectedEvents(a.Now(), isNew, t.WebviewID)...); err != nil {
		return acc, err
	}
	if wasDisconnected {
		if err := setSynced(ctx, tx, workspaceID, acc.ID, syncedBefore); err != nil {
			return acc, err
		}
	}
	if found.Devices != nil {
		of := acc.Of(b)
		of.UserIdentifierKey = t.UserIdentifierKey
		for _, dev := range found.Devices {
			if err := a.Devices.Add(ctx, tx, workspaceID, of, dev); err != nil {
				return acc, err
			}
		}
		if err := a.synced(ctx, tx, workspaceID, acc); err != nil {
			return acc, err
		}
	}
	if t.Connected == nil {
		return acc, nil
	}
	return acc, t.Connected(ctx, tx, acc)
}

// connectedEvents are the events of an account that was signed in to.
func (a Account) connectedEvents(now time.Time, isNew bool, webviewID string) (events []event.Event) {
	kinds := []string{"connected_account.connected"}
	if isNew {
		kinds = []string{"connected_account.created", "connected_account.connected"}
	}
	if webviewID != "" {
		kinds = append(kinds, "connected_account.successful_login")
	}
	for _, kind := range kinds {
		e := a.event(kind, now)
		if webviewID != "" {
			e.Fields["connect_webview_id"] = webviewID
		}
		events = append(events, e)
	}
	return events
}

// synced records that the first complete list of an account's devices has been stored since it was
// connected; later ones change nothing. The event comes last: who gets it has the events of all devices.
func (a *Accounts) synced(ctx context.Context, tx *store.Tx, workspaceID string, acc Account) error {
	at, err := syncedAt(ctx, tx, workspaceID, acc.ID)
	if err != nil || at > 0 {
		return err
	}
	kind := "connected_account.completed_first_sync"
	if at < 0 {
		kind = "connected_account.completed_first_sync_after_reconnection"
	}
	if err := setSynced(ctx, tx, workspaceID, acc.ID, store.Micros(a.Now())); err != nil {
		return err
	}
	return a.Events.Append(ctx, tx, workspaceID, acc.event(kind, a.Now()))
}

// lay writes terms into an account.
func (a *Accounts) lay(ctx context.Context, tx *store.Tx, workspaceID string, acc *Account, t Terms) error {
	if t.CustomerKey != "" {
		if err := a.setCustomer(ctx, tx, workspaceID, acc, t.CustomerKey); err != nil {
			return err
		}
	}
	if len(t.Metadata) > 0 {
		acc.CustomMetadata = t.Metadata
		if err := store.SetMetadata(ctx, tx, workspaceID, acc.ID, acc.CreatedAt.Time, t.Metadata); err != nil {
			return err
		}
	}
	if t.ManageNewDevices != nil {
		acc.AutomaticallyManageNewDevice = *t.ManageNewDevices
	}
	if len(t.Accepted) > 0 {
		acc.AcceptedCapabilities = t.Accepted
	}
	if t.UserIdentifierKey == "" {
		return nil
	}
	return setUser(ctx, tx, workspaceID, acc.ID, t.UserIdentifierKey)
}

// setCustomer gives an account and its devices to a customer, once: customer_key_conflict when it is
// another's.
func (a *Accounts) setCustomer(ctx context.Context, tx *store.Tx, workspaceID string, acc *Account, customerKey string) error {
	switch acc.CustomerKey {
	case customerKey:
		return nil
	case "":
		acc.CustomerKey = customerKey
		return a.Devices.SetCustomer(ctx, tx, workspaceID, acc.ID, customerKey)
	}
	return fault.New(fault.CustomerConflict, "This account belongs to another customer already")
}

// Codes of errors and warnings on an account.
const (
	disconnected = "account_disconnected"              // a person has to sign in again
	bridgeDown   = "bridge_disconnected"               // its hub does not answer
	reauthorize  = "account_reauthorization_requested" // a person should sign in again before it is disconnected
)

// clear takes errors and warnings with these codes off the account.
func (a *Account) clear(codes ...string) {
	a.Errors = slices.DeleteFunc(a.Errors, func(e Error) bool { return slices.Contains(codes, e.Code) })
	a.Warnings = slices.DeleteFunc(a.Warnings, func(w Warning) bool { return slices.Contains(codes, w.Code) })
}

// withProblems is something that happened to the account, with all that is wrong with it.
func (a Account) withProblems(kind string, at time.Time) event.Event {
	e := a.event(kind, at)
	e.Fields["connected_account_errors"], e.Fields["connected_account_warnings"] = a.Errors, a.Warnings
	return e
}

// IsDisconnected reports whether a person has to sign in to the account again.
func (a Account) IsDisconnected() bool { return a.has(disconnected) }

// ClearProblems takes all errors and warnings off an account. It returns connected_account_not_found.
func (a *Accounts) ClearProblems(ctx context.Context, tx *store.Tx, workspaceID, id string) (Account, error) {
	acc, err := one(tx.QueryRow(ctx, accountByID, workspaceID, id))
	if err != nil {
		return acc, err
	}
	acc.Errors, acc.Warnings = []Error{}, []Warning{}
	return acc, a.save(ctx, tx, workspaceID, acc)
}

func (a Account) has(code string) bool {
	return slices.ContainsFunc(a.Errors, func(e Error) bool { return e.Code == code })
}

// event is something that happened to the account, with what every event of an account has.
func (a Account) event(kind string, at time.Time) event.Event {
	e := event.Event{Type: kind, OccurredAt: at, ConnectedAccountID: a.ID, CustomerKey: a.CustomerKey, Fields: map[string]any{}}
	if len(a.CustomMetadata) > 0 {
		e.Fields["connected_account_custom_metadata"] = a.CustomMetadata
	}
	return e
}
