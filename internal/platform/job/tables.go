package job

import (
	"time"

	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "jobs", Key: []string{"job_id"}, Workspace: "workspace_id", Mixed: true, Kept: "until it is done"},
		{Name: "failed_jobs", Key: []string{"workspace_id", "job_id"}, Workspace: "workspace_id", Mixed: true, Rules: []store.Rule{
			{What: "jobs that failed too often", Age: "failed_at", Keep: 30 * 24 * time.Hour},
		}},
	}
}
