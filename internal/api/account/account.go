// Package account keeps the connected accounts of a workspace: the brands' accounts through which
// its devices are reached.
package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
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
	Errors                       []Error           `json:"errors"`
	Warnings                     []Warning         `json:"warnings"`
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
	// Connected is called with the account in the transaction that connects it; nil: nobody asks.
	Connected func(ctx context.Context, tx *store.Tx, acc Account) error
}

// Accounts holds the rules about connected accounts.
type Accounts struct {
	DB        *store.DB
	Events    *event.Log
	Devices   *device.Devices
	Providers *provider.Registry
	Sandbox   Sandbox
	Now       func() time.Time
	// Webview gives the terms of a Connect Webview for an account of a brand that is connected without
	// a person, so that it comes from one as all others do; nil: it comes from none.
	Webview func(ctx context.Context, tx *store.Tx, workspaceID, brand string) (Terms, error)
}

// Connect signs in to a brand's account with a person's answers and takes in its devices. The
// same account connected again stays one account, and a disconnected one works again. It returns
// *provider.SignInError for an answer to mend, invalid_input for an unknown brand, and
// customer_key_conflict for an account that is another customer's.
func (a *Accounts) Connect(ctx context.Context, workspaceID string, sandbox bool, brandName string, answers map[string]string, terms Terms) (acc Account, err error) {
	p, err := a.Providers.Find(brandName, sandbox)
	if err != nil {
		return Account{}, fault.Invalid("provider", "There is no such brand to connect in this workspace")
	}
	found, err := p.Connect(ctx, brandName, answers)
	if err != nil {
		return Account{}, err
	}
	brand := brandOf(p, brandName)
	err = a.within(ctx, workspaceID, func(tx *store.Tx) error {
		if acc, err = a.put(ctx, tx, workspaceID, sandbox, brand, found, terms); err != nil {
			return err
		}
		if terms.Connected == nil {
			return nil
		}
		return terms.Connected(ctx, tx, acc)
	})
	if err != nil || !sandbox {
		return acc, err
	}
	return acc, a.Devices.Awaken(ctx, workspaceID, acc.ID)
}

// within changes what is in a workspace that is not deleted: what came later would outlive it. It
// returns workspace_not_found.
func (a *Accounts) within(ctx context.Context, workspaceID string, fn func(*store.Tx) error) error {
	return a.DB.Update(ctx, func(tx *store.Tx) error {
		var there bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM workspaces WHERE workspace_id = $1 AND deleted_at IS NULL)`, workspaceID).Scan(&there)
		if err != nil {
			return err
		} else if !there {
			return fault.Missing(fault.WorkspaceNotFound)
		}
		return fn(tx)
	}, store.Workspace(workspaceID))
}

func brandOf(p provider.Provider, name string) provider.Brand {
	for _, b := range p.Brands() {
		if b.Name == name {
			return b
		}
	}
	return provider.Brand{Name: name, DisplayName: name}
}

func (a *Accounts) of(acc Account, sandbox bool, b provider.Brand) device.Account {
	return device.Account{ID: acc.ID, Provider: providerName(sandbox), Brand: b, CustomerKey: acc.CustomerKey, Metadata: acc.CustomMetadata,
		LeaveUnmanaged: !acc.AutomaticallyManageNewDevice, Accepted: acc.AcceptedCapabilities}
}

// providerName is how a row remembers where its account is reached.
func providerName(sandbox bool) string {
	if sandbox {
		return "sandbox"
	}
	return "production"
}

// put stores an account that has just been signed in to, or finds the one that it already is, and
// lays the terms down for it and its devices.
func (a *Accounts) put(ctx context.Context, tx *store.Tx, workspaceID string, sandbox bool, b provider.Brand, found provider.Account, t Terms) (Account, error) {
	acc, err := one(tx.QueryRow(ctx, `SELECT doc FROM connected_accounts WHERE workspace_id = $1 AND provider = $2 AND brand = $3 AND external_id = $4`,
		workspaceID, providerName(sandbox), b.Name, found.ExternalID))
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
		if _, err := tx.Exec(ctx, `INSERT INTO connected_accounts (workspace_id, connected_account_id, provider, brand, external_id, search, doc, created_at)
			VALUES ($1, $2, $3, $4, $5, '', '', $6)`, workspaceID, acc.ID, providerName(sandbox), b.Name, found.ExternalID, store.Micros(acc.CreatedAt.Time)); err != nil {
			return acc, err
		}
	}
	wasDisconnected := acc.has(disconnected)
	acc.Errors = slices.DeleteFunc(acc.Errors, func(e Error) bool { return e.Code == disconnected })
	acc.Warnings = slices.DeleteFunc(acc.Warnings, func(w Warning) bool { return w.Code == reauthorize })
	if err := a.lay(ctx, tx, workspaceID, &acc, t); err != nil {
		return acc, err
	}
	if err := a.save(ctx, tx, workspaceID, acc); err != nil {
		return acc, err
	}
	if wasDisconnected {
		if err := a.Devices.SetAccountConnected(ctx, tx, workspaceID, acc.ID, true); err != nil {
			return acc, err
		}
	}
	var events []event.Event
	tell := func(kind string) {
		e := acc.event(kind, a.Now())
		if t.WebviewID != "" {
			e.Fields["connect_webview_id"] = t.WebviewID
		}
		events = append(events, e)
	}
	if isNew {
		tell("connected_account.created")
	}
	tell("connected_account.connected")
	if t.WebviewID != "" {
		tell("connected_account.successful_login")
	}
	if err := a.Events.Append(ctx, tx, workspaceID, events...); err != nil {
		return acc, err
	}
	of := a.of(acc, sandbox, b)
	of.UserIdentifierKey = t.UserIdentifierKey
	for _, dev := range found.Devices {
		if err := a.Devices.Add(ctx, tx, workspaceID, of, dev); err != nil {
			return acc, err
		}
	}
	if !isNew && !wasDisconnected {
		return acc, nil
	}
	kind := "connected_account.completed_first_sync"
	if !isNew {
		kind = "connected_account.completed_first_sync_after_reconnection"
	}
	// Last: whoever hears of it has heard of each device.
	return acc, a.Events.Append(ctx, tx, workspaceID, acc.event(kind, a.Now()))
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
		if err := store.SetMetadata(ctx, tx, workspaceID, acc.ID, t.Metadata); err != nil {
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
	_, err := tx.Exec(ctx, `UPDATE connected_accounts SET user_identifier_key = $3 WHERE workspace_id = $1 AND connected_account_id = $2`, workspaceID, acc.ID, t.UserIdentifierKey)
	return err
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

func (a *Accounts) save(ctx context.Context, tx *store.Tx, workspaceID string, acc Account) error {
	doc, err := json.Marshal(acc)
	if err != nil {
		return err
	}
	search := []string{acc.DisplayName, acc.AccountTypeDisplayName, acc.AccountType, acc.CustomerKey}
	search = append(search, acc.CustomMetadata.Texts()...)
	for _, v := range acc.UserIdentifier {
		search = append(search, v)
	}
	_, err = tx.Exec(ctx, `UPDATE connected_accounts SET customer_key = $3, search = $4, doc = $5 WHERE workspace_id = $1 AND connected_account_id = $2`,
		workspaceID, acc.ID, store.TextOrNull(acc.CustomerKey), strings.ToLower(strings.Join(search, "\n")), string(doc))
	return err
}

// disconnected is the code of the error on an account that has to be signed in to again.
const disconnected = "account_disconnected"

func (a Account) has(code string) bool {
	return slices.ContainsFunc(a.Errors, func(e Error) bool { return e.Code == code })
}

// event is something that happened to the account, with what every event of an account tells.
func (a Account) event(kind string, at time.Time) event.Event {
	e := event.Event{Type: kind, OccurredAt: at, ConnectedAccountID: a.ID, CustomerKey: a.CustomerKey, Fields: map[string]any{}}
	if len(a.CustomMetadata) > 0 {
		e.Fields["connected_account_custom_metadata"] = a.CustomMetadata
	}
	return e
}

// Sandbox is the provider of virtual devices, which can also sign itself in and make devices in
// any number.
type Sandbox interface {
	provider.Provider
	StandardAnswers(brand, login string) (map[string]string, error)
	VariedAccount(brand string) (provider.Account, error)
	Varied(from, n int) iter.Seq2[string, provider.Device]
}

// StandardAnswers are the answers that sign a login of the sandbox in to a brand. It returns
// workspace_not_sandbox in a production workspace, and invalid_input for an unknown brand.
func (a *Accounts) StandardAnswers(sandbox bool, brand, login string) (map[string]string, error) {
	if !sandbox {
		return nil, fault.New(fault.WorkspaceNotSandbox, "Virtual devices can be connected in sandbox workspaces only")
	}
	answers, err := a.Sandbox.StandardAnswers(brand, login)
	if errors.Is(err, provider.ErrUnknownBrand) {
		return nil, fault.Invalid("provider", "There is no such brand to connect in this workspace")
	}
	return answers, err
}

// chunk is how many devices are written with one commit where there are many.
const chunk = 500

// fleetDevice is a device of the fleet and the brand it belongs to.
type fleetDevice struct {
	brand string
	provider.Device
}

// eachFleetChunk goes through devices of the fleet in chunks, each written with one commit.
func (a *Accounts) eachFleetChunk(ctx context.Context, workspaceID string, from, n int, progress func(done int),
	put func(context.Context, *store.Tx, string, device.Account, provider.Device) error) error {
	var all []fleetDevice
	done := 0
	flush := func() error {
		err := a.within(ctx, workspaceID, func(tx *store.Tx) error {
			accounts := map[string]device.Account{}
			for _, f := range all {
				acc, ok := accounts[f.brand]
				if !ok {
					var err error
					if acc, err = a.fleetAccount(ctx, tx, workspaceID, f.brand); err != nil {
						return err
					}
					accounts[f.brand] = acc
				}
				if err := put(ctx, tx, workspaceID, acc, f.Device); err != nil {
					return err
				}
			}
			return nil
		})
		done += len(all)
		all = all[:0]
		if err == nil && progress != nil {
			progress(done)
		}
		return err
	}
	for brand, dev := range a.Sandbox.Varied(from, n) {
		if all = append(all, fleetDevice{brand, dev}); len(all) == chunk {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return flush()
}

// Fill adds n varied virtual devices to a sandbox workspace, beside those that earlier fills
// added, and tells how many are done. It returns workspace_not_sandbox elsewhere.
func (a *Accounts) Fill(ctx context.Context, workspaceID string, sandbox bool, n int, progress func(done int)) error {
	if !sandbox {
		return fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace can be filled with virtual devices")
	}
	from, err := a.fleetSize(ctx, workspaceID)
	if err != nil {
		return err
	}
	return a.eachFleetChunk(ctx, workspaceID, from, n, progress, a.Devices.Add)
}

func (a *Accounts) fleetAccount(ctx context.Context, tx *store.Tx, workspaceID, brand string) (device.Account, error) {
	found, err := a.Sandbox.VariedAccount(brand)
	if err != nil {
		return device.Account{}, err
	}
	b := brandOf(a.Sandbox, brand)
	acc, err := one(tx.QueryRow(ctx, `SELECT doc FROM connected_accounts WHERE workspace_id = $1 AND provider = 'sandbox' AND brand = $2 AND external_id = $3`, workspaceID, brand, found.ExternalID))
	if fault.Is(err, fault.ConnectedAccountNotFound) {
		acc, err = a.connectFleet(ctx, tx, workspaceID, b, found)
	}
	return a.of(acc, true, b), err
}

func (a *Accounts) connectFleet(ctx context.Context, tx *store.Tx, workspaceID string, b provider.Brand, found provider.Account) (acc Account, err error) {
	var terms Terms
	if a.Webview != nil {
		if terms, err = a.Webview(ctx, tx, workspaceID, b.Name); err != nil {
			return acc, err
		}
	}
	if acc, err = a.put(ctx, tx, workspaceID, true, b, found, terms); err != nil || terms.Connected == nil {
		return acc, err
	}
	return acc, terms.Connected(ctx, tx, acc)
}

// fleetID is the external id that the fleet's accounts have in every brand.
func (a *Accounts) fleetID() (string, error) {
	found, err := a.Sandbox.VariedAccount(a.Sandbox.Brands()[0].Name)
	return found.ExternalID, err
}

// fleetSize is how many devices earlier fills have added: the next fill goes on behind them.
func (a *Accounts) fleetSize(ctx context.Context, workspaceID string) (n int, err error) {
	fleet, err := a.fleetID()
	if err != nil {
		return 0, err
	}
	err = a.DB.QueryRow(ctx, `SELECT count(*) FROM devices WHERE workspace_id = $1 AND connected_account_id IN
		(SELECT connected_account_id FROM connected_accounts WHERE workspace_id = $1 AND external_id = $2)`, workspaceID, fleet).Scan(&n)
	return n, err
}

// Reset puts the devices of a sandbox workspace back to how they were found. It may be run again
// after it has failed half-way.
func (a *Accounts) Reset(ctx context.Context, workspaceID string) error {
	fleet, err := a.fleetID()
	if err != nil {
		return err
	}
	rows, err := a.DB.Query(ctx, `SELECT doc FROM connected_accounts WHERE workspace_id = $1 AND provider = 'sandbox' AND external_id <> $2`, workspaceID, fleet)
	docs, err := store.All(rows, err, store.One[string])
	if err != nil {
		return err
	}
	for _, doc := range docs {
		var acc Account
		if err := json.Unmarshal([]byte(doc), &acc); err != nil {
			return err
		}
		if err := a.resetAccount(ctx, workspaceID, acc); err != nil {
			return err
		}
	}
	n, err := a.fleetSize(ctx, workspaceID)
	if err != nil {
		return err
	}
	return a.eachFleetChunk(ctx, workspaceID, 0, n, nil, a.Devices.Restore)
}

// findStandard signs in to an account of the sandbox once more, with the answers that every login has.
func (a *Accounts) findStandard(ctx context.Context, acc Account) (provider.Account, error) {
	login := acc.UserIdentifier["email"]
	if login == "" {
		login = acc.UserIdentifier["username"]
	}
	answers, err := a.Sandbox.StandardAnswers(acc.AccountType, login)
	if err != nil {
		return provider.Account{}, err
	}
	return a.Sandbox.Connect(ctx, acc.AccountType, answers)
}

func (a *Accounts) resetAccount(ctx context.Context, workspaceID string, acc Account) error {
	found, err := a.findStandard(ctx, acc)
	if err != nil {
		return err
	}
	return a.within(ctx, workspaceID, func(tx *store.Tx) error {
		acc, err := a.Get(ctx, tx, workspaceID, acc.ID) // it may have been changed meanwhile
		if fault.Is(err, fault.ConnectedAccountNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		for _, dev := range found.Devices {
			if err := a.Devices.Restore(ctx, tx, workspaceID, a.of(acc, true, brandOf(a.Sandbox, acc.AccountType)), dev); err != nil {
				return err
			}
		}
		acc.Errors, acc.Warnings = []Error{}, []Warning{}
		return a.save(ctx, tx, workspaceID, acc)
	})
}

// Get reads an account; connected_account_not_found when the workspace has none with the id, or none
// that the caller reaches.
func (a *Accounts) Get(ctx context.Context, q store.Querier, workspaceID, id string) (Account, error) {
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.Add("connected_account_id = ?", id)
	credential.From(ctx).LimitAccounts(w, "connected_account_id", "customer_key")
	return one(q.QueryRow(ctx, `SELECT doc FROM connected_accounts`+w.String(), w.Args...))
}

func one(row *sql.Row) (acc Account, err error) {
	doc, err := raw(row)
	if err != nil {
		return acc, err
	}
	return acc, json.Unmarshal(doc, &acc)
}

func raw(row *sql.Row) (doc rpc.Doc[Account], err error) {
	err = row.Scan((*[]byte)(&doc))
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.ConnectedAccountNotFound)
	}
	return doc, err
}
