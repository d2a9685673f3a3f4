package personalaccesstoken

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "refused_tokens", Key: []string{"workspace_id", "credential_id"}, Workspace: "workspace_id", Kept: "removed with its token"},
		{Name: "refusals", Key: []string{"request_id"}, Rules: []store.Rule{
			{What: "refused requests of tokens", Age: "occurred_at", Keep: keepRefusals},
		}},
		{Name: "token_uses", Key: []string{"credential_id", "day", "workspace_id", "endpoint"}, Workspace: "workspace_id", Mixed: true,
			Rules: []store.Rule{
				{What: "uses of tokens, counted by day", Age: "day", As: store.AsDate, Keep: keepUses},
			}},
		{Name: "token_networks", Key: []string{"family_id", "network"}, Rules: []store.Rule{
			{What: "networks that tokens were used from", Age: "last_used_at", Keep: keepNetworks},
		}},
		{Name: "token_habits", Key: []string{"family_id", "kind", "value"}, Rules: []store.Rule{
			{What: "hours and devices of tokens", Age: "last_used_at", Keep: keepUses},
		}},
	}
}
