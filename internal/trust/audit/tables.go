package audit

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "audit_entries", Key: []string{"entry_id"}, Workspace: "workspace_id", Survives: true,
			Kept: "for good: each entry proves the ones before it"},
		{Name: "audit_head", Key: []string{"name"}, Kept: "one row"},
	}
}
