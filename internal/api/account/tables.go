package account

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "connected_accounts", Key: []string{"workspace_id", "connected_account_id"}, Workspace: "workspace_id",
			Kept: "until the account is deleted"},
	}
}
