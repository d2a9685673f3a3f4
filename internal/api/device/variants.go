package device

import "keyway/internal/platform/rpc"

// Schema says that each value is a text or a boolean.
func (Metadata) Schema() map[string]any { return rpc.Metadata{}.Schema() }

// Whose an error is, as each form of it says.
type (
	ofAccount struct {
		IsDevice  bool `json:"is_device_error" enum:"false"`
		IsAccount bool `json:"is_connected_account_error" enum:"true"`
	}
	ofDevice struct {
		IsDevice bool `json:"is_device_error" enum:"true"`
	}
	ofBridge struct {
		IsAccount bool `json:"is_connected_account_error,omitempty"`
		IsBridge  bool `json:"is_bridge_error,omitempty" doc:"Whether the hub or service through which the account is reached does not answer."`
	}
	fullDevice struct {
		Active int `json:"active_access_code_count" doc:"How many codes are on the device."`
		Max    int `json:"max_active_access_code_count" doc:"How many it has room for."`
	}
)

// Variants are the errors that a device can have.
func (Error) Variants() []rpc.Variant {
	return rpc.VariantsBy("error_code", "device", []rpc.Variant{
		{Is: "account_disconnected", Of: "connected_account", Fields: ofAccount{}, Says: "The account of the device is disconnected."},
		{Is: "salto_ks_subscription_limit_exceeded", Of: "connected_account", Fields: ofAccount{},
			Says: "The subscription of the Salto site takes no more users."},
		{Is: "insufficient_permissions", Of: "connected_account", Fields: ofAccount{}, Says: "The account may not manage the device."},
		{Is: "dormakaba_sites_disconnected", Of: "connected_account", Fields: ofAccount{},
			Says: "Some sites of the dormakaba account are disconnected."},
		{Is: "device_offline", Fields: ofDevice{}, Says: "The device is offline."},
		{Is: "device_removed", Fields: ofDevice{}, Says: "The device was removed from its account."},
		{Is: "hub_disconnected", Fields: ofDevice{}, Says: "The hub of the device is disconnected."},
		{Is: "device_disconnected", Fields: ofDevice{}, Says: "The device is disconnected."},
		{Is: "empty_backup_access_code_pool", Fields: ofDevice{}, Says: "There are no backup access codes on the device."},
		{Is: "august_lock_not_authorized", Fields: ofDevice{}, Says: "The August account may not use the lock."},
		{Is: "missing_device_credentials", Fields: ofDevice{}, Says: "The device's own user name and password are missing."},
		{Is: "auxiliary_heat_running", Fields: ofDevice{}, Says: "The thermostat heats with its auxiliary heat."},
		{Is: "subscription_required", Fields: ofDevice{}, Says: "The device needs a subscription of its brand."},
		{Is: "bridge_disconnected", Of: "connected_account", Fields: ofBridge{},
			Says: "The hub or service through which the account is reached does not answer."},
	}...)
}

// Variants are the warnings that a device can have.
func (Warning) Variants() []rpc.Variant {
	return rpc.VariantsBy("warning_code", "", []rpc.Variant{
		{Is: "partial_backup_access_code_pool", Says: "There are fewer backup access codes on the device than there should be."},
		{Is: "many_active_backup_codes", Says: "Many backup access codes of the device are in use."},
		{Is: "third_party_integration_detected", Says: "Another service manages codes on the device, too."},
		{Is: "ttlock_lock_gateway_unlocking_not_enabled", Says: "Unlocking from afar is switched off in the TTLock app."},
		{Is: "ttlock_weak_gateway_signal", Says: "The signal between the lock and its gateway is weak."},
		{Is: "power_saving_mode", Says: "The device saves power and may answer late."},
		{Is: "temperature_threshold_exceeded", Says: "The temperature is outside of the range that is set."},
		{Is: "device_communication_degraded", Says: "The device answers only now and then."},
		{Is: "scheduled_maintenance_window", Says: "Its brand has announced maintenance."},
		{Is: "device_has_flaky_connection", Says: "The connection of the device is unreliable."},
		{Is: "salto_ks_office_mode", Says: "The lock is in office mode: codes do not open it."},
		{Is: "salto_ks_privacy_mode", Says: "The lock is in privacy mode: codes do not open it."},
		{Is: "privacy_mode", Says: "The lock is in privacy mode: neither codes nor commands open it."},
		{Is: "salto_ks_subscription_limit_almost_reached", Says: "The subscription of the Salto site takes few more users."},
		{Is: "salto_ks_lock_access_code_support_removed", Says: "The lock reports a model that takes no codes."},
		{Is: "unknown_issue_with_phone", Says: "Something is wrong with the phone."},
		{Is: "lockly_time_zone_not_configured", Says: "The lock has no time zone, so codes may begin and end at other times."},
		{Is: "ultraloq_time_zone_unknown", Says: "The time zone of the lock is unknown, which codes with times need."},
		{Is: "time_zone_unknown", Says: "The time zone of the device is unknown, which codes with times need."},
		{Is: "time_zone_mismatch", Says: "The clock of the device does not fit its time zone."},
		{Is: "two_n_device_missing_timezone", Says: "The device has no time zone, which codes need."},
		{Is: "hub_required_for_additional_capabilities", Says: "With a hub the device could do more."},
		{Is: "provider_issue", Says: "Something is wrong at its brand."},
		{Is: "keynest_unsupported_locker", Says: "The key is in a locker whose codes cannot be managed."},
		{Is: "accessory_keypad_setup_required", Says: "The keypad is not linked to the bridge yet."},
		{Is: "accessory_keypad_low_battery", Says: "The battery of the keypad is low."},
		{Is: "unreliable_online_status", Says: "The device may be offline although it is said to be online."},
		{Is: "max_access_codes_reached", Fields: fullDevice{}, Says: "There is no room for more codes on the device."},
	}...)
}
