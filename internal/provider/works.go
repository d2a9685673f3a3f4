package provider

import (
	"slices"
	"strings"
)

// Impact says what a device with the error or warning cannot do while it lasts: nothing at all when it is
// offline, or what these can_* flags stand for.
func Impact(code string) (offline bool, disables []string) {
	const (
		codes  = "can_program_online_access_codes"
		entry  = "can_unlock_with_code"
		lock   = "can_remotely_lock"
		unlock = "can_remotely_unlock"
	)
	switch code {
	case "device_offline", "device_disconnected", "hub_disconnected", "device_removed", "account_disconnected":
		return true, nil
	case "subscription_required", "august_lock_not_authorized":
		return false, []string{codes, entry, lock, unlock}
	case "missing_device_credentials":
		return false, []string{codes, entry, unlock}
	case "hub_required_for_additional_capabilities":
		return false, []string{lock, unlock, codes}
	case "salto_ks_privacy_mode", "privacy_mode":
		return false, []string{entry, unlock}
	case "salto_ks_office_mode":
		return false, []string{entry}
	case "ttlock_lock_gateway_unlocking_not_enabled":
		return false, []string{unlock}
	case "accessory_keypad_setup_required", "insufficient_permissions":
		return false, []string{codes}
	case "keynest_unsupported_locker", "two_n_device_missing_timezone":
		return false, []string{codes, entry}
	}
	return false, nil
}

// Works reports which of a device's can_* flags work, and whether it is online, while it has errors and
// warnings with these codes.
func Works(flags, problems []string, keypadMissing bool) (works map[string]bool, online bool) {
	var disabled []string
	online = true
	for _, code := range problems {
		offline, disables := Impact(code)
		disabled = append(disabled, disables...)
		online = online && !offline
	}
	if keypadMissing {
		disabled = append(disabled, "can_program_online_access_codes", "can_unlock_with_code")
	}
	works = map[string]bool{}
	for _, f := range flags {
		// Offline codes are computed, so they still work; simulations do not act on the device.
		works[f] = strings.HasPrefix(f, "can_simulate_") || !slices.Contains(disabled, f) && (online || f == "can_program_offline_access_codes")
	}
	return works, online
}
