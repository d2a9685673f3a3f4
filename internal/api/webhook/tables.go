package webhook

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "webhooks", Key: []string{"workspace_id", "webhook_id"}, Workspace: "workspace_id", Kept: "until the webhook is deleted"},
		{Name: "webhook_deliveries", Key: []string{"workspace_id", "webhook_id", "delivery_id"}, Workspace: "workspace_id",
			Kept: "until it is delivered or given up, or its webhook is deleted"},
		{Name: "webhook_attempts", Key: []string{"workspace_id", "webhook_attempt_id"}, Workspace: "workspace_id", Rules: []store.Rule{
			{What: "attempts to deliver to a webhook", Age: "webhook_attempt_id", As: store.AsID, Keep: 30 * store.Day},
		}},
	}
}
