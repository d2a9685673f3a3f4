package job

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "jobs", Key: []string{"job_id"}, Workspace: "workspace_id", Mixed: true, Kept: "until it is done"},
	}
}
