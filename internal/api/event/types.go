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
	TokenLeaked     Type = "keyway.personal_access_token.leaked"      // somebody found it, or a workspace key of it
	KeyLeaked       Type = "keyway.credential.leaked"                 // an API key or a client session
)

// types are all that an event can be (API contract, appendix B), and Keyway's own.
var types = []string{
	"access_code.created", "access_code.changed", "access_code.name_changed", "access_code.code_changed",
	"access_code.time_frame_changed", "access_code.mutations_requested", "access_code.scheduled_on_device",
	"access_code.set_on_device", "access_code.removed_from_device", "access_code.delay_in_setting_on_device",
	"access_code.failed_to_set_on_device", "access_code.issued", "access_code.delay_in_issuing",
	"access_code.failed_to_issue", "access_code.failed_to_update", "access_code.failed_to_expire", "access_code.deleted",
	"access_code.delay_in_removing_from_device", "access_code.failed_to_remove_from_device",
	"access_code.modified_external_to_seam", "access_code.deleted_external_to_seam",
	"access_code.backup_access_code_pulled", "access_code.unmanaged.converted_to_managed",
	"access_code.unmanaged.failed_to_convert_to_managed", "access_code.unmanaged.created",
	"access_code.unmanaged.removed",
	"access_grant.created", "access_grant.deleted", "access_grant.access_granted_to_all_doors",
	"access_grant.access_granted_to_door", "access_grant.access_to_door_lost", "access_grant.access_times_changed",
	"access_grant.could_not_create_requested_access_methods",
	"access_method.issued", "access_method.revoked", "access_method.card_encoding_required", "access_method.deleted",
	"access_method.reissued", "access_method.created", "access_method.delay_in_issuing", "access_method.failed_to_issue",
	"acs_system.connected", "acs_system.added", "acs_system.disconnected",
	"acs_credential.deleted", "acs_credential.issued", "acs_credential.reissued", "acs_credential.invalidated",
	"acs_user.created", "acs_user.deleted",
	"acs_encoder.added", "acs_encoder.removed",
	"acs_access_group.deleted",
	"acs_entrance.added", "acs_entrance.removed",
	"client_session.deleted",
	"connected_account.connected", "connected_account.created", "connected_account.successful_login",
	"connected_account.disconnected", "connected_account.completed_first_sync", "connected_account.deleted",
	"connected_account.completed_first_sync_after_reconnection", "connected_account.reauthorization_requested",
	"action_attempt.lock_door.succeeded", "action_attempt.lock_door.failed", "action_attempt.unlock_door.succeeded",
	"action_attempt.unlock_door.failed", "action_attempt.simulate_keypad_code_entry.succeeded",
	"action_attempt.simulate_keypad_code_entry.failed", "action_attempt.simulate_manual_lock_via_keypad.succeeded",
	"action_attempt.simulate_manual_lock_via_keypad.failed",
	"connect_webview.login_succeeded", "connect_webview.login_failed",
	"device.connected", "device.added", "device.converted_to_unmanaged", "device.unmanaged.converted_to_managed",
	"device.unmanaged.connected", "device.disconnected", "device.unmanaged.disconnected", "device.tampered",
	"device.low_battery", "device.battery_status_changed", "device.removed", "device.deleted",
	"device.third_party_integration_detected", "device.third_party_integration_no_longer_detected",
	"device.salto.privacy_mode_activated", "device.salto.privacy_mode_deactivated", "device.connection_became_flaky",
	"device.connection_stabilized", "device.error.subscription_required", "device.error.subscription_required.resolved",
	"device.accessory_keypad_connected", "device.accessory_keypad_disconnected", "device.name_changed",
	"device.doorbell_rang",
	"noise_sensor.noise_threshold_triggered",
	"lock.locked", "lock.unlocked", "lock.access_denied",
	"thermostat.climate_preset_activated", "thermostat.manually_adjusted", "thermostat.temperature_threshold_exceeded",
	"thermostat.temperature_threshold_no_longer_exceeded", "thermostat.temperature_reached_set_point",
	"thermostat.temperature_changed",
	"camera.activated",
	"enrollment_automation.deleted",
	"phone.deactivated",
	"space.device_membership_changed", "space.created", "space.deleted",
	string(WebhookDisabled), string(WebhookTest),
	string(TokenExpiring), string(TokenReused), string(TokenDecoyUsed), string(TokenNewNetwork), string(TokenLeaked), string(KeyLeaked),
}

// Enum lists the types.
func (Type) Enum() []string { return types }
