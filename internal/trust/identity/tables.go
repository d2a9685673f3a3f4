package identity

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "users", Key: []string{"user_id"}, Kept: "until the person is removed"},
		{Name: "links", Key: []string{"link_id"}, Workspace: "workspace_id", Mixed: true, Rules: []store.Rule{
			{What: "invitations and other one-time links that have expired", Age: "expires_at", Keep: 30 * store.Day},
		}},
		{Name: "sessions", Key: []string{"session_id"}, Rules: []store.Rule{
			{What: "expired sessions of the Console", Age: "expires_at", Keep: store.Day},
		}},
		{Name: "passkeys", Key: []string{"passkey_id"}, Kept: "until the person removes it"},
		{Name: "spent_challenges", Key: []string{"challenge"}, Rules: []store.Rule{
			{What: "used sign-in challenges that have expired", Age: "expires_at", Keep: store.Day},
		}},
		{Name: "authenticators", Key: []string{"user_id"}, Kept: "one for each person"},
		{Name: "recovery_codes", Key: []string{"user_id", "number"}, Kept: "ten for each person"},
		{Name: "openid_accounts", Key: []string{"issuer", "subject"}, Kept: "until the person removes it"},
	}
}
