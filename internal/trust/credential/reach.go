package credential

import "keyway/internal/platform/store"

// Reach is what a client session, or a token limited to devices, may touch in its workspace. Nil
// means everything. A client session that a token limited to devices made is narrowed by both.
type Reach struct {
	DeviceIDs         []string // these devices and nothing else; nil: no token limits the devices
	IsSession         bool     // of a client session: what follows narrows it too
	AccountIDs        []string // connected accounts, with all that is in them
	WebviewIDs        []string
	UserIdentityIDs   []string
	CustomerKey       string // with a customer session: whatever is this customer's, and nothing else
	UserIdentifierKey string
	view              string // equal for who sees the same, see rpc.Caller
}

// LimitAccounts narrows a query to the accounts that the principal reaches: column contains a
// connected_account_id, customerColumn a customer_key (empty: the table has none).
func (p Principal) LimitAccounts(w *store.Where, column, customerColumn string) {
	if p.Reach == nil {
		return
	}
	if p.Reach.DeviceIDs != nil {
		in := w.New()
		in.Add("workspace_id = ?", p.WorkspaceID)
		in.AddIn("device_id", p.Reach.DeviceIDs)
		w.AddSubquery(column, `SELECT connected_account_id FROM devices`, in)
	}
	p.limitSession(w, column, customerColumn)
}

// limitSession narrows a query to the accounts that a client session was given.
func (p Principal) limitSession(w *store.Where, column, customerColumn string) {
	switch {
	case p.Reach.DeviceIDs != nil && !p.Reach.IsSession: // a token, which reaches its devices whatever account they have
	case p.Reach.CustomerKey != "" && customerColumn != "":
		w.AddEqual(customerColumn, p.Reach.CustomerKey)
	case p.Reach.CustomerKey != "":
		w.AddFound(column, `SELECT connected_account_id FROM connected_accounts WHERE workspace_id = ? AND customer_key = ?`, p.WorkspaceID,
			p.Reach.CustomerKey)
	default:
		w.AddIn(column, p.Reach.AccountIDs)
	}
}

// Limit narrows a query on a table whose rows are each about a device and its account. Rows that are
// about an account alone do not exist for a token limited to devices.
func (p Principal) Limit(w *store.Where, deviceColumn, accountColumn, customerColumn string) {
	if p.Reach == nil {
		return
	}
	if p.Reach.DeviceIDs != nil {
		w.AddIn(deviceColumn, p.Reach.DeviceIDs)
	}
	p.limitSession(w, accountColumn, customerColumn)
}

// LimitDevices narrows a query on a table with a device_id in column to the devices that the
// principal reaches.
func (p Principal) LimitDevices(w *store.Where, column string) {
	if p.Reach == nil {
		return
	}
	in := w.New()
	in.Add("workspace_id = ?", p.WorkspaceID)
	p.Limit(in, "device_id", "connected_account_id", "customer_key")
	w.AddSubquery(column, `SELECT device_id FROM devices`, in)
}

// LimitWebviews narrows a query to the Connect Webviews that the principal reaches: column contains a
// connect_webview_id, customerColumn a customer_key.
func (p Principal) LimitWebviews(w *store.Where, column, customerColumn string) {
	switch {
	case p.Reach == nil:
	case p.Reach.DeviceIDs != nil:
		w.AddIn(column, nil) // a webview is about more than devices
	case p.Reach.CustomerKey != "":
		w.AddEqual(customerColumn, p.Reach.CustomerKey)
	default:
		w.AddIn(column, p.Reach.WebviewIDs)
	}
}

// AccountsOfUser narrows a query to the accounts of a user: those that webviews of the user's client
// sessions connected, and those that these sessions were given. column contains a
// connected_account_id.
func AccountsOfUser(w *store.Where, column, workspaceID, userIdentifierKey string) {
	w.AddFound(column, `SELECT connected_account_id FROM connected_accounts WHERE workspace_id = ? AND user_identifier_key = ?
		UNION SELECT a.connected_account_id FROM client_sessions s JOIN connected_accounts a ON a.workspace_id = s.workspace_id
		AND a.connected_account_id IN (`+SessionAccounts+`) WHERE s.workspace_id = ? AND s.user_identifier_key = ?`,
		workspaceID, userIdentifierKey, workspaceID, userIdentifierKey)
}

// AccountsOfWebview narrows a query to the account that a Connect Webview connected; a webview that the
// principal does not reach has none for it. column contains a connected_account_id.
func (p Principal) AccountsOfWebview(w *store.Where, column, webviewID string) {
	in := w.New()
	in.Add("workspace_id = ?", p.WorkspaceID)
	in.Add("connect_webview_id = ?", webviewID)
	p.LimitWebviews(in, "connect_webview_id", "customer_key")
	w.AddSubquery(column, `SELECT connected_account_id FROM connect_webviews`, in)
}
