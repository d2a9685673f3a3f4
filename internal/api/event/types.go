package event

// Type is the type of an event.
type Type string

// The types that are Keyway's own.
const (
	WebhookDisabled Type = "webhook.disabled"
	WebhookTest     Type = "webhook.test" // only ever sent to a webhook, never in the log

	TokenExpiring   Type = "keyway.personal_access_token.expiring"
	TokenReused     Type = "keyway.personal_access_token.reused" // after its successor took its place
	TokenDecoyUsed  Type = "keyway.personal_access_token.decoy_used"
	TokenNewNetwork Type = "keyway.personal_access_token.new_network" // after a long silence
	TokenLeaked     Type = "keyway.personal_access_token.leaked"      // it, or one of its workspace keys, was found
	KeyLeaked       Type = "keyway.credential.leaked"                 // an API key or a client session
)
