package policy

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "policies", Key: []string{"workspace_id"}, Workspace: "workspace_id", Kept: "one for each workspace"},
	}
}
