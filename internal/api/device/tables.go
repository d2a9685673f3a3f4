package device

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "devices", Key: []string{"workspace_id", "device_id"}, Workspace: "workspace_id", Kept: "until the device is removed"},
	}
}
