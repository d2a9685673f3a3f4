package things

import (
	"encoding/json"
	"html/template"
	"strings"
	"time"

	"keyway/internal/api/account"
	"keyway/internal/api/connectwebview"
	"keyway/internal/api/device"
	"keyway/internal/console/frame"
	"keyway/internal/platform/rpc"
)

// AccountsView is the list of a workspace's connected accounts.
type AccountsView struct {
	frame.Page
	Query      string
	Rows       []AccountRow
	Pagination frame.Pagination
	Connect    ConnectDialog
}

// AccountRow is one connected account in the list.
type AccountRow struct {
	ID          string
	URL         string
	Name        string
	Brand       string
	Image       template.URL // of the form data:image/…; empty: none
	Badge       frame.Badge
	Problem     string // what is wrong, in a few words; empty: nothing
	Devices     int
	CustomerKey string
	CreatedAt   time.Time
}

// AccountView is the page of one connected account.
type AccountView struct {
	frame.Page
	Account   AccountRow
	BackURL   string
	Errors    []Problem
	Warnings  []Problem
	SignIn    []Property // how the brand knows the account's person
	Accepted  []string   // kinds of devices; empty: all
	Manages   bool       // new devices become managed
	Devices   []DeviceRow
	Reconnect ConnectDialog
	Edit      AccountForm
	JSON      string // indented
}

// AccountForm is the dialog that changes an account.
type AccountForm struct {
	Open        bool
	Name        string
	Manages     bool
	CustomerKey string
	KeyIsGiven  bool // and so cannot be changed
	Errors      frame.FormErrors
}

const (
	accountsPerPage  = 50
	devicesOnAccount = 50 // on its page
)

func (q *request) accountsAt(elem ...string) string {
	return frame.WorkspacePath(q.Current.ID, append([]string{"connected-accounts"}, elem...)...)
}

func readAccount(doc []byte) (account.Account, error) {
	var a account.Account
	err := json.Unmarshal(doc, &a)
	return a, err
}

func (q *request) accountRow(a account.Account, devices int) AccountRow {
	row := AccountRow{ID: a.ID, URL: q.accountsAt(a.ID), Name: a.DisplayName, Brand: a.AccountTypeDisplayName, Image: dataImage(a.ImageURL),
		Devices:     devices,
		CustomerKey: a.CustomerKey, CreatedAt: a.CreatedAt.Time, Badge: frame.Badge{Tone: frame.ToneGood, Text: "Connected"}}
	switch {
	case len(a.Errors) > 0:
		row.Badge, row.Problem = frame.Badge{Tone: frame.ToneBad, Text: "Needs attention"}, a.Errors[0].Message
		if a.Errors[0].Code == "account_disconnected" {
			row.Badge = frame.Badge{Tone: frame.ToneBad, Text: "Disconnected"}
		}
	case len(a.Warnings) > 0:
		row.Badge, row.Problem = frame.Badge{Tone: frame.ToneWarn, Text: "Warning"}, a.Warnings[0].Message
	}
	return row
}

func (q *request) accounts() error {
	ctx := q.Context()
	query := q.R.URL.Query()
	v := &AccountsView{Page: q.Base(frame.AreaWorkspace, frame.NavAccounts, "Connected Accounts"), Query: strings.TrimSpace(query.Get("q")),
		Connect: q.connectDialog()}
	v.Connect.Title = "Connect an account"
	trail := frame.ReadTrail(query)
	page, err := q.Accounts.Find(ctx, q.Current.ID, v.Query, trail.From(), accountsPerPage)
	if err != nil {
		return err
	}
	all := make([]account.Account, len(page.Items))
	ids := make([]string, len(page.Items))
	for i, doc := range page.Items {
		if all[i], err = readAccount(doc); err != nil {
			return err
		}
		ids[i] = all[i].ID
	}
	counts, err := q.Devices.CountOfAccounts(ctx, q.Current.ID, ids)
	if err != nil {
		return err
	}
	for _, a := range all {
		v.Rows = append(v.Rows, q.accountRow(a, counts[a.ID]))
	}
	v.Pagination = trail.Pagination(q.accountsAt(), page.HasNext, page.Next, "q", v.Query)
	return q.Show(v)
}

// explanations say what an error or a warning of an account means and how to fix it.
var explanations = map[string]string{
	"account_disconnected": "Keyway can no longer sign in to the brand, so none of the account’s devices can be reached and " +
		"no access code is set. The password may have been changed. Reconnect it with the sign-in that is valid now.",
	"bridge_disconnected": "The bridge between Keyway and the account’s devices isn’t responding. Check its power and its " +
		"network.",
	"account_reauthorization_requested":    "The account works on for now. Reconnect it before the brand ends the sign-in that Keyway has.",
	"salto_ks_subscription_limit_exceeded": "The brand’s subscription doesn’t cover more users or doors. Raise it at the brand.",
}

func (q *request) accountView() (*AccountView, error) {
	ctx := q.Context()
	id := q.R.PathValue("account")
	a, err := q.Accounts.Get(ctx, q.DB, q.Current.ID, id)
	if err != nil {
		return nil, err
	}
	n, err := q.Devices.CountOfAccount(ctx, q.Current.ID, id)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, err
	}
	v := &AccountView{
		Page: q.Base(frame.AreaWorkspace, frame.NavAccounts, a.DisplayName), Account: q.accountRow(a, n), BackURL: q.accountsAt(),
		Accepted: a.AcceptedCapabilities,
		Manages:  a.AutomaticallyManageNewDevice, JSON: string(text),
		Reconnect: ConnectDialog{ID: "reconnect", Title: "Reconnect " + a.AccountTypeDisplayName, Action: q.accountsAt(id, "reconnect")},
		Edit: AccountForm{Name: a.DisplayName, Manages: a.AutomaticallyManageNewDevice, CustomerKey: a.CustomerKey,
			KeyIsGiven: a.CustomerKey != ""},
	}
	for _, e := range a.Errors {
		v.Errors = append(v.Errors, Problem{Code: e.Code, Message: e.Message, Explanation: explanations[e.Code], Since: e.CreatedAt.Time})
	}
	for _, w := range a.Warnings {
		v.Warnings = append(v.Warnings, Problem{Code: w.Code, Message: w.Message, Explanation: explanations[w.Code], Since: w.CreatedAt.Time})
	}
	for _, name := range []string{"email", "username", "phone"} {
		if value := a.UserIdentifier[name]; value != "" {
			v.SignIn = append(v.SignIn, Property{Label: words(name), Value: value})
		}
	}
	for _, unmanaged := range []bool{false, true} {
		page, err := q.Devices.List(ctx, q.Current.ID, device.Filter{AccountIDs: rpc.Opt[[]string]{Set: true, Value: []string{id}},
			Unmanaged: unmanaged, Limit: devicesOnAccount})
		if err != nil {
			return nil, err
		}
		for _, doc := range page.Items {
			served, err := readDevice(doc)
			if err != nil {
				return nil, err
			}
			row := served.row()
			row.URL = frame.WorkspacePath(q.Current.ID, "devices", row.ID)
			if unmanaged {
				row.Badges = append(row.Badges, frame.Badge{Tone: frame.ToneNeutral, Text: "Unmanaged"})
			}
			v.Devices = append(v.Devices, row)
		}
	}
	return v, nil
}

func (q *request) account() error {
	v, err := q.accountView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

// reconnect makes a Connect Webview for the account's brand, which leaves what was laid down for
// the account as it is.
func (q *request) reconnect() error {
	a, err := q.Accounts.Get(q.Context(), q.DB, q.Current.ID, q.R.PathValue("account"))
	if err != nil {
		return err
	}
	return q.openWebview(connectwebview.New{AcceptedProviders: []string{a.AccountType}, ManageNewDevices: a.AutomaticallyManageNewDevice,
		DeviceSelectionMode: "none", CustomerKey: a.CustomerKey})
}

func (q *request) updateAccount() error {
	id := q.R.PathValue("account")
	here := q.accountsAt(id)
	form := AccountForm{Open: true, Name: q.Form("display_name"), Manages: q.Form("automatically_manage_new_devices") == "true",
		CustomerKey: q.Form("customer_key")}
	errs := frame.FormErrors{}
	if form.Name == "" {
		errs["display_name"] = "Required."
	}
	if len(errs) == 0 {
		u := account.Update{DisplayName: &form.Name, ManageNewDevices: &form.Manages}
		if form.CustomerKey != "" {
			u.CustomerKey = &form.CustomerKey
		}
		_, err := q.Accounts.Change(q.Context(), q.Current.ID, id, u)
		refused, wrong := frame.FieldErrors(err)
		if err == nil {
			return q.Done(here, "Saved.")
		} else if !wrong {
			return q.Refused(here, err)
		}
		errs = refused.OnlyFields("display_name", "customer_key")
	}
	v, err := q.accountView()
	if err != nil {
		return err
	}
	form.KeyIsGiven, form.Errors = v.Edit.KeyIsGiven, errs
	v.Edit, v.Location = form, here
	return q.Show(v)
}

func (q *request) syncAccount() error {
	id := q.R.PathValue("account")
	before, err := q.Devices.CountOfAccount(q.Context(), q.Current.ID, id)
	if err != nil {
		return err
	}
	if err := q.Accounts.Sync(q.Context(), q.Current.ID, id); err != nil {
		return err
	}
	after, err := q.Devices.CountOfAccount(q.Context(), q.Current.ID, id)
	if err != nil {
		return err
	}
	if after == before {
		return q.Done(q.accountsAt(id), "Synchronized: no new devices.")
	}
	return q.Done(q.accountsAt(id), "Synchronized: %s added.", frame.Plural(after-before, "device", "devices"))
}

func (q *request) disconnectAccount() error {
	id := q.R.PathValue("account")
	if err := q.Simulate.DisconnectAccount(q.Context(), id); err != nil {
		return q.Refused(q.accountsAt(id), err)
	}
	return q.Done(q.accountsAt(id), "The account is disconnected, as after a change of its password.")
}

func (q *request) reauthorizeAccount() error {
	id := q.R.PathValue("account")
	if err := q.Simulate.RequestReauthorization(q.Context(), id); err != nil {
		return q.Refused(q.accountsAt(id), err)
	}
	return q.Done(q.accountsAt(id), "The brand asks for a new sign-in.")
}

func (q *request) deleteAccount() error {
	if err := q.Accounts.Delete(q.Context(), q.Current.ID, q.R.PathValue("account")); err != nil {
		return err
	}
	return q.Done(q.accountsAt(), "The account and its devices were deleted.")
}
