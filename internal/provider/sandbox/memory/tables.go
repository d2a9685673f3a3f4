package memory

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "device_memory", Key: []string{"workspace_id", "brand", "account", "device"}, Workspace: "workspace_id",
			Kept: "one row for each virtual device"},
	}
}
