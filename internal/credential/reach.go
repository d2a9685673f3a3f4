package credential

import "keyway/internal/store"

// Reach is what a client session may touch in its workspace. Nil means everything.
type Reach struct {
	AccountIDs        []string // connected accounts, with all that is in them
	WebviewIDs        []string
	UserIdentityIDs   []string
	CustomerKey       string // with a customer session: whatever is this customer's, and nothing else
	UserIdentifierKey string
}

// LimitAccounts narrows a query to the accounts that the principal reaches: column holds a
// connected_account_id, customerColumn a customer_key (empty: the table has none).
func (p Principal) LimitAccounts(w *store.Where, column, customerColumn string) {
	switch {
	case p.Reach == nil:
	case p.Reach.CustomerKey != "" && customerColumn != "":
		w.Add(customerColumn+" = ?", p.Reach.CustomerKey)
	default:
		w.AddIn(column, p.Reach.AccountIDs)
	}
}
