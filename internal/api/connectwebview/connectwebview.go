// Package connectwebview makes Connect Webviews, and serves the page where a person connects a
// brand's account to a workspace.
package connectwebview

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/account"
	"keyway/internal/api/clientsession"
	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// Webview is a Connect Webview as it is served. The address is not stored with it: its token is
// sealed in a column of its own.
type Webview struct {
	URL string `json:"url"`
	stored
}

type stored struct {
	ID                    string          `json:"connect_webview_id"`
	WorkspaceID           string          `json:"workspace_id"`
	CreatedAt             rpc.Time        `json:"created_at"`
	Status                string          `json:"status" enum:"pending failed authorized"`
	LoginSuccessful       bool            `json:"login_successful"`
	ConnectedAccountID    *string         `json:"connected_account_id"`
	AuthorizedAt          rpc.Time        `json:"authorized_at" rule:"nullable"`
	SelectedProvider      *string         `json:"selected_provider"`
	DeviceSelectionMode   string          `json:"device_selection_mode" enum:"none single multiple"`
	AcceptedProviders     []string        `json:"accepted_providers"`
	AnyProviderAllowed    bool            `json:"any_provider_allowed"`
	AcceptedDevices       []string        `json:"accepted_devices" doc:"Always empty: the older way to limit devices."`
	AnyDeviceAllowed      bool            `json:"any_device_allowed"`
	AcceptedCapabilities  []string        `json:"accepted_capabilities"`
	CustomRedirectURL     *string         `json:"custom_redirect_url"`
	CustomRedirectFailure *string         `json:"custom_redirect_failure_url"`
	CustomMetadata        device.Metadata `json:"custom_metadata"`
	CustomerKey           string          `json:"customer_key,omitempty"`
	ManageNewDevices      bool            `json:"automatically_manage_new_devices"`
	WaitForDeviceCreation bool            `json:"wait_for_device_creation"`
}

// The states of a webview.
const (
	pending    = "pending"
	failed     = "failed"
	authorized = "authorized"
)

// Webviews implements the rules for Connect Webviews.
type Webviews struct {
	DB         *store.DB
	Vault      *vault.Vault
	Events     *event.Log
	Accounts   *account.Accounts
	Devices    *device.Devices
	Workspaces *workspace.Workspaces
	Providers  *provider.Registry
	PublicURL  string // without a slash at the end
	Log        *slog.Logger
	Now        func() time.Time
}

// AddressLifetime is how long after a webview was made its page's address may be used.
const AddressLifetime = 24 * time.Hour

const (
	pageLifetime = 30 * time.Minute // in which a person must be done with each screen
	maxFailures  = 10               // wrong answers, against guessing
)

// New is what a webview is made of.
type New struct {
	AcceptedProviders     []string // empty: as the category says, or all
	ExcludedProviders     []string
	Category              string
	AcceptedCapabilities  []string
	ManageNewDevices      bool
	WaitForDeviceCreation bool
	DeviceSelectionMode   string
	RedirectURL           string
	RedirectFailureURL    string
	CustomMetadata        map[string]any
	CustomerKey           string
	UserIdentifierKey     string
}

// Create makes a webview. A client session that makes one will reach it. It returns invalid_input for
// metadata or an address that will not do.
func (v *Webviews) Create(ctx context.Context, workspaceID string, sandbox bool, n New) (rpc.Doc[Webview], error) {
	w, err := v.draft(workspaceID, sandbox, n)
	if err != nil {
		return nil, err
	}
	var doc rpc.Doc[Webview]
	err = v.DB.Update(ctx, func(tx *store.Tx) error {
		maker := credential.From(ctx).Maker()
		if doc, err = v.insert(ctx, tx, w, n.UserIdentifierKey, maker); err != nil || maker.SessionID == "" {
			return err
		}
		return clientsession.Grant(ctx, tx, workspaceID, maker.SessionID, credential.WebviewResource, w.ID)
	}, store.Workspace(workspaceID))
	return doc, err
}

// draft makes a webview that is not stored yet.
func (v *Webviews) draft(workspaceID string, sandbox bool, n New) (stored, error) {
	w := stored{
		ID: store.NewID(), WorkspaceID: workspaceID, CreatedAt: rpc.Time{Time: v.Now().Truncate(time.Millisecond)}, Status: pending,
		DeviceSelectionMode: n.DeviceSelectionMode, AnyProviderAllowed: len(n.AcceptedProviders) == 0 && n.Category == "" &&
			len(n.ExcludedProviders) == 0,
		AcceptedDevices: []string{}, AnyDeviceAllowed: len(n.AcceptedCapabilities) == 0, AcceptedCapabilities: n.AcceptedCapabilities,
		CustomerKey: n.CustomerKey, ManageNewDevices: n.ManageNewDevices, WaitForDeviceCreation: n.WaitForDeviceCreation,
	}
	var err error
	if w.CustomMetadata, err = (device.Metadata{}).Merge(n.CustomMetadata); err != nil {
		return w, err
	}
	if w.CustomRedirectURL, err = redirect("custom_redirect_url", n.RedirectURL); err != nil {
		return w, err
	}
	if w.CustomRedirectFailure, err = redirect("custom_redirect_failure_url", n.RedirectFailureURL); err != nil {
		return w, err
	}
	w.AcceptedProviders = v.accepted(sandbox, n)
	if len(w.AcceptedCapabilities) == 0 {
		w.AcceptedCapabilities = v.kinds(sandbox, w.AcceptedProviders)
	}
	return w, nil
}

// ForAccount makes a webview for a virtual account that is connected without a person, so that it comes from
// one as all others do. The terms complete it when the account is connected.
func (v *Webviews) ForAccount(ctx context.Context, tx *store.Tx, workspaceID, brand string) (account.Terms, error) {
	w, err := v.draft(workspaceID, true, Standard(brand))
	if err != nil {
		return account.Terms{}, err
	}
	_, err = v.insert(ctx, tx, w, "", credential.Maker{}) // no one receives its address
	return account.Terms{WebviewID: w.ID, Connected: func(ctx context.Context, tx *store.Tx, acc account.Account) error {
		return v.complete(ctx, tx, row{stored: w}, brand, acc)
	}}, err
}

// Standard is the webview for one brand that commands and the Console make.
func Standard(brand string) New {
	return New{AcceptedProviders: []string{brand}, ManageNewDevices: true, DeviceSelectionMode: "none"}
}

// redirect checks where a person is to be sent; an app's own scheme is as good as https.
func redirect(param, text string) (*string, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || slices.Contains([]string{"javascript", "data", "vbscript", "file", "blob", "about"},
		strings.ToLower(u.Scheme)) ||
		strings.HasPrefix(u.Scheme, "http") && u.Host == "" {
		return nil, fault.Invalid(param, "Invalid url")
	}
	return &text, nil
}

// accepted lists the brands that a webview shows, by their names.
func (v *Webviews) accepted(sandbox bool, n New) []string {
	wanted := make([]string, len(n.AcceptedProviders))
	for i, name := range n.AcceptedProviders {
		wanted[i] = brandName(name)
	}
	out := []string{}
	for _, b := range v.Providers.Brands(sandbox) {
		switch {
		case len(wanted) > 0 && !slices.Contains(wanted, b.Name):
		case len(wanted) == 0 && n.Category != "" && !slices.Contains(b.Categories, n.Category):
		case slices.ContainsFunc(n.ExcludedProviders, func(name string) bool { return brandName(name) == b.Name }):
		case len(n.AcceptedCapabilities) > 0 && !slices.Contains(n.AcceptedCapabilities, kindOf(b)) && b.Name != "smartthings":
		default:
			out = append(out, b.Name)
		}
	}
	return out
}

// brandName gives brands that the contract has two names for the one that is used here.
func brandName(name string) string {
	switch name {
	case "google_nest":
		return "nest"
	case "yale_access":
		return "yale"
	}
	return name
}

// kinds are the accepted_capabilities of a webview that was given none: what its brands have.
func (v *Webviews) kinds(sandbox bool, names []string) []string {
	out := []string{}
	for _, b := range v.Providers.Brands(sandbox) {
		if k := kindOf(b); slices.Contains(names, b.Name) && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// kindOf is the accepted_capabilities value that a brand falls under by what its devices can do.
func kindOf(b provider.Brand) string {
	for flag := range b.Capabilities {
		if strings.HasPrefix(flag, "can_remotely_") || strings.HasSuffix(flag, "_access_codes") {
			return "lock"
		}
	}
	for flag := range b.Capabilities {
		if strings.HasPrefix(flag, "can_hvac_") {
			return "thermostat"
		}
	}
	return "noise_sensor"
}

// Get reads a webview that the caller reaches, with its address for those who could make it;
// connect_webview_not_found when there is none.
func (v *Webviews) Get(ctx context.Context, workspaceID, id string) (rpc.Doc[Webview], error) {
	return v.get(ctx, v.DB, workspaceID, id)
}

// Delete forgets a webview; the account that it connected stays. It returns
// connect_webview_not_found.
func (v *Webviews) Delete(ctx context.Context, workspaceID, id string) error {
	return v.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := v.get(ctx, tx, workspaceID, id); err != nil {
			return err
		}
		if err := store.SetMetadata(ctx, tx, workspaceID, id, time.Time{}, nil); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM client_session_resources WHERE workspace_id = $1 AND kind = $2 AND resource_id = $3`, workspaceID,
			credential.WebviewResource, id); err != nil {
			return err
		}
		if err := tx.RemoveSearchText(ctx, store.SearchWebviews, workspaceID, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM connect_webviews WHERE workspace_id = $1 AND connect_webview_id = $2`, workspaceID, id)
		return err
	}, store.Workspace(workspaceID))
}

// errTooMany says that a right answer came after too many wrong ones.
var errTooMany = errors.New("there were too many wrong answers")

// errStale is the one answer to an address that does not open a page: unknown, used, or too old.
var errStale = errors.New("the address does not open a page")

// find reads the webview that a page's address opens. It changes nothing: whatever loads the address
// may only be looking ahead. It returns errStale.
func (v *Webviews) find(ctx context.Context, id, token string) (row, error) {
	r, err := v.byID(ctx, v.DB, id)
	if err != nil {
		return r, err
	}
	if right := subtle.ConstantTimeCompare(r.token, []byte(token)) == 1; !right || r.opened || !v.Now().Before(r.expiresAt) {
		return r, errStale
	}
	return r, nil
}

// begin uses up a page's address for one visit, which may say so more than once. It returns errStale
// when another visit has.
func (v *Webviews) begin(ctx context.Context, r row, visit string) error {
	return v.DB.Update(ctx, func(tx *store.Tx) error {
		now := store.Micros(v.Now())
		begun, err := update(ctx, tx, r.WorkspaceID, r.ID, signed.Set{"opened_at": now, "opened_by": visit},
			`(opened_at IS NULL AND expires_at > ? OR opened_by = ?)`, now, visit)
		if err == nil && !begun {
			err = errStale
		}
		return err
	}, store.Workspace(r.WorkspaceID))
}

// writeScope is the scope without which a token makes no webviews, and sees no addresses of any.
const writeScope = "connect_webviews:write"

// stands refuses a webview whose maker could not make it now and from the address. It returns errStale.
func (v *Webviews) stands(ctx context.Context, r row, address string) error {
	reach, err := r.maker.Standing(ctx, v.DB, v.Now(),
		credential.Question{WorkspaceID: r.WorkspaceID, Role: rpc.Member, Scopes: []string{writeScope}, Address: address})
	var refused *fault.Error
	if errors.Is(err, credential.ErrEnded) || errors.As(err, &refused) || err == nil && reach != nil { // a webview is about more than devices
		return errStale
	}
	return err
}

// connect signs in to the account that the person chose, and completes the webview with it. It
// returns *provider.SignInError for an answer to correct, customer_key_conflict for an account that is
// another customer's, errTooMany, and errStale for a webview that is gone or has been completed.
func (v *Webviews) connect(ctx context.Context, w row, sandbox bool, brand string, answers map[string]string) (account.Account, error) {
	terms := account.Terms{
		WebviewID: w.ID, CustomerKey: w.CustomerKey, UserIdentifierKey: w.userIdentifierKey, Metadata: w.CustomMetadata,
		ManageNewDevices: &w.ManageNewDevices,
		Connected: func(ctx context.Context, tx *store.Tx, acc account.Account) error {
			return v.complete(ctx, tx, w, brand, acc)
		},
	}
	if !w.AnyDeviceAllowed {
		terms.Accepted = w.AcceptedCapabilities
	}
	return v.Accounts.Connect(ctx, w.WorkspaceID, sandbox, brand, answers, terms)
}

// complete writes into the webview what it led to.
func (v *Webviews) complete(ctx context.Context, tx *store.Tx, w row, brand string, acc account.Account) error {
	now, err := v.byID(ctx, tx, w.ID)
	if err != nil {
		return err
	}
	switch {
	case now.Status == authorized:
		return errStale
	case now.failures >= maxFailures:
		return errTooMany
	}
	if err := now.maker.SpendUse(ctx, tx, now.WorkspaceID); err != nil {
		if _, ok := errors.AsType[*fault.Error](err); ok {
			err = errStale
		}
		return err
	}
	now.Status, now.LoginSuccessful, now.ConnectedAccountID, now.SelectedProvider = authorized, true, &acc.ID, &brand
	now.AuthorizedAt = rpc.Time{Time: v.Now().Truncate(time.Millisecond)}
	if err := v.save(ctx, tx, now); err != nil {
		return err
	}
	fields := map[string]any{"connect_webview_id": w.ID}
	if len(acc.CustomMetadata) > 0 {
		fields["connected_account_custom_metadata"] = acc.CustomMetadata
	}
	return v.Events.Append(ctx, tx, w.WorkspaceID, event.Event{Type: "connect_webview.login_succeeded", OccurredAt: v.Now(),
		ConnectedAccountID: acc.ID, CustomerKey: acc.CustomerKey, Fields: fields})
}

// fail notes that a sign-in did not lead anywhere.
func (v *Webviews) fail(ctx context.Context, w row, brand string) error {
	return v.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := v.byID(ctx, tx, w.ID)
		if err != nil || now.Status == authorized {
			return err
		}
		now.Status, now.SelectedProvider = failed, &brand
		if err := v.save(ctx, tx, now); err != nil {
			return err
		}
		return v.Events.Append(ctx, tx, w.WorkspaceID,
			event.Event{Type: "connect_webview.login_failed", OccurredAt: v.Now(), Fields: map[string]any{"connect_webview_id": w.ID}})
	}, store.Workspace(w.WorkspaceID))
}

// countFailure counts a wrong answer and reports whether there were too many.
func (v *Webviews) countFailure(ctx context.Context, w row) (tooMany bool, err error) {
	err = v.DB.Update(ctx, func(tx *store.Tx) error {
		var n int
		err := tx.QueryRow(ctx,
			`UPDATE connect_webviews SET failures = failures + 1 WHERE workspace_id = $1 AND connect_webview_id = $2 RETURNING failures`,
			w.WorkspaceID, w.ID).Scan(&n)
		tooMany = n >= maxFailures
		return err
	}, store.Workspace(w.WorkspaceID))
	return tooMany, err
}

// Complete signs in to an account for a webview without its page. It returns what a person would be
// shown: *provider.SignInError, customer_key_conflict, and connect_webview_not_found for a webview that
// is gone or has been completed.
func (v *Webviews) Complete(ctx context.Context, id, brand string, answers map[string]string) (account.Account, error) {
	w, err := v.byID(ctx, v.DB, id)
	var ws workspace.Workspace
	if err == nil {
		ws, err = v.Workspaces.Get(ctx, v.DB, w.WorkspaceID)
	}
	var acc account.Account
	if err == nil {
		acc, err = v.connect(ctx, w, ws.IsSandbox, brand, answers)
	}
	if errors.Is(err, errStale) {
		err = fault.Missing(fault.ConnectWebviewNotFound)
	}
	return acc, err
}
