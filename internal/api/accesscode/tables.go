package accesscode

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "access_codes", Key: []string{"workspace_id", "access_code_id"}, Workspace: "workspace_id",
			Kept: "until the code is off its lock"},
		{Name: "code_reads", Key: []string{"workspace_id", "device_id"}, Workspace: "workspace_id", Kept: "until the device is removed"},
	}
}
