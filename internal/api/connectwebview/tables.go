package connectwebview

import (
	"time"

	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "connect_webviews", Key: []string{"workspace_id", "connect_webview_id"}, Workspace: "workspace_id", Rules: []store.Rule{
			{What: "Connect Webviews that connected no account", Age: "created_at", Keep: 30 * day, Where: "connected_account_id IS NULL"},
			{What: "all other Connect Webviews", Age: "created_at", Keep: 400 * day},
		}},
	}
}

const day = 24 * time.Hour
