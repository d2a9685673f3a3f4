package connectwebview

import (
	"context"
	"fmt"

	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "connect_webviews", Key: []string{"workspace_id", "connect_webview_id"}, Workspace: "workspace_id", Rules: []store.Rule{
			{What: "Connect Webviews that connected no account", Age: "created_at", Keep: 30 * store.Day, Where: "connected_account_id IS NULL",
				Before: forgetSearch},
			{What: "all other Connect Webviews", Age: "created_at", Keep: 400 * store.Day, Before: forgetSearch},
		}},
	}
}

func forgetSearch(ctx context.Context, tx *store.Tx, key []any) error {
	return tx.RemoveSearchText(ctx, store.SearchWebviews, fmt.Sprint(key[0]), fmt.Sprint(key[1]))
}
