package action

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "action_attempts", Key: []string{"workspace_id", "action_attempt_id"}, Workspace: "workspace_id", Rules: []store.Rule{
			{What: "action attempts that have ended", Age: "action_attempt_id", As: store.AsID, Keep: 90 * store.Day, Where: "status <> 'pending'"},
		}},
	}
}
