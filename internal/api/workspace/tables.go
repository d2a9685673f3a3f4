package workspace

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "workspaces", Key: []string{"workspace_id"}, Workspace: "workspace_id", Survives: true,
			Kept: "until the workspace is deleted; the last row to go"},
		{Name: "memberships", Key: []string{"workspace_id", "user_id"}, Workspace: "workspace_id", Kept: "until the member is removed"},
		{Name: "workspace_logos", Key: []string{"workspace_id"}, Workspace: "workspace_id", Kept: "one for each workspace"},
	}
}
