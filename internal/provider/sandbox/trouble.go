package sandbox

import (
	"maps"
	"slices"
	"time"

	"keyway/internal/provider"
)

// trouble is what is wrong with a device.
type trouble int

// The troubles. Those that end in Battery have no error: the battery's status shows them.
const (
	healthy trouble = iota
	deviceOffline
	deviceDisconnected
	hubDisconnected
	lowBattery
	criticalBattery
	keypadMissing
	subscriptionRequired
	lockNotAuthorized
	credentialsMissing
	auxiliaryHeat
	flakyConnection
	degradedConnection
	weakGatewaySignal
	gatewayUnlockOff
	officeMode
	saltoPrivacyMode
	privacyMode
	subscriptionNearlyFull
	hubRequired
	powerSaving
	keypadNotLinked
	permissionsMissing
	unsupportedLocker
	thirdPartyIntegration
	onlineStatusUnreliable
	zoneUnknown
	ultraloqZoneUnknown
	locklyZoneMissing
	twoNZoneMissing
	thresholdExceeded
)

// effect is what a trouble does to a device.
type effect struct {
	code    string // error_code or warning_code
	message string
	warning bool
	noZone  bool    // the device's time zone is not known
	battery float64 // level, where it is the battery
}

func (t trouble) effect() effect {
	switch t {
	case deviceOffline:
		return effect{code: "device_offline", message: "The device does not answer. Check its power and its network."}
	case deviceDisconnected:
		return effect{code: "device_disconnected", message: "The device lost its connection. Check its power and its network."}
	case hubDisconnected:
		return effect{code: "hub_disconnected", message: "The hub that the device is reached through does not answer."}
	case lowBattery:
		return effect{battery: 0.18}
	case criticalBattery:
		return effect{battery: 0.04}
	case keypadMissing:
		return effect{}
	case subscriptionRequired:
		return effect{code: "subscription_required", message: "The account's subscription has ended. Renew it to reach the device."}
	case lockNotAuthorized:
		return effect{code: "august_lock_not_authorized", message: "This account is only a guest of the lock. Its owner must make it an owner."}
	case credentialsMissing:
		return effect{code: "missing_device_credentials", message: "The device wants its own user name and password."}
	case auxiliaryHeat:
		return effect{code: "auxiliary_heat_running", message: "The auxiliary heat is running; the main system may not heat enough."}
	case flakyConnection:
		return effect{code: "device_has_flaky_connection", message: "The device's connection comes and goes.", warning: true}
	case degradedConnection:
		return effect{code: "device_communication_degraded", message: "The device answers late or not at all.", warning: true}
	case weakGatewaySignal:
		return effect{code: "ttlock_weak_gateway_signal", message: "The lock is at the edge of its gateway's reach. Move them closer together.",
			warning: true}
	case gatewayUnlockOff:
		return effect{code: "ttlock_lock_gateway_unlocking_not_enabled", message: "Remote unlocking is switched off in the lock's settings.",
			warning: true}
	case officeMode:
		return effect{code: "salto_ks_office_mode", message: "The lock is in office mode: it stays open and takes no codes.", warning: true}
	case saltoPrivacyMode:
		return effect{code: "salto_ks_privacy_mode", message: "Someone inside switched on privacy mode: no code opens the door.", warning: true}
	case privacyMode:
		return effect{code: "privacy_mode", message: "Someone inside switched on privacy mode: no code opens the door.", warning: true}
	case subscriptionNearlyFull:
		return effect{code: "salto_ks_subscription_limit_almost_reached",
			message: "The site has nearly as many users as its subscription allows.", warning: true}
	case hubRequired:
		return effect{code: "hub_required_for_additional_capabilities", message: "The device needs a hub before it can be reached from afar.",
			warning: true}
	case powerSaving:
		return effect{code: "power_saving_mode", message: "The device saves power and may answer late.", warning: true}
	case keypadNotLinked:
		return effect{code: "accessory_keypad_setup_required", message: "The keypad is not linked to the bridge yet. Link it in the brand's app.",
			warning: true}
	case permissionsMissing:
		return effect{code: "insufficient_permissions",
			message: "This account is only a member of the lock's home. It must be an admin to manage codes."}
	case unsupportedLocker:
		return effect{code: "keynest_unsupported_locker", message: "The key is in a locker whose codes cannot be managed from here.",
			warning: true}
	case thirdPartyIntegration:
		return effect{code: "third_party_integration_detected", message: "Another service manages codes on this device too.", warning: true}
	case onlineStatusUnreliable:
		return effect{code: "unreliable_online_status", message: "The brand does not say for certain whether the device is online.",
			warning: true}
	case zoneUnknown:
		return effect{code: "time_zone_unknown", message: "The device's time zone is not known. Set it before you use codes with times.",
			warning: true, noZone: true}
	case ultraloqZoneUnknown:
		return effect{code: "ultraloq_time_zone_unknown", message: "The lock's time zone is not known. Set it before you use codes with times.",
			warning: true, noZone: true}
	case locklyZoneMissing:
		return effect{code: "lockly_time_zone_not_configured", message: "No time zone is set on the lock. Codes with times may be off.",
			warning: true, noZone: true}
	case twoNZoneMissing:
		return effect{code: "two_n_device_missing_timezone", message: "No time zone is set on the device. Set it before you use codes.",
			warning: true, noZone: true}
	case thresholdExceeded:
		return effect{code: "temperature_threshold_exceeded", message: "The temperature is outside the limits that were set.", warning: true}
	}
	return effect{}
}

// apply lays the trouble over a device that is otherwise well.
func (t trouble) apply(u *unit, d *provider.Device) {
	if t == healthy {
		return
	}
	e := t.effect()
	if e.noZone {
		d.TimeZone = ""
	}
	if e.battery > 0 {
		battery(d.Properties, e.battery)
	}
	var problems []string
	if e.code != "" {
		problems = []string{e.code}
		problem := provider.Problem{Code: e.code, Message: e.message,
			Since: u.now.Add(-time.Duration(1+u.draw("since", 72)) * time.Hour)}
		if e.warning {
			d.Warnings = append(d.Warnings, problem)
		} else {
			d.Errors = append(d.Errors, problem)
		}
	}
	d.Flags, d.Online = provider.Works(slices.Collect(maps.Keys(d.Flags)), problems, t == keypadMissing)
	if _, has := d.Properties["online_access_codes_enabled"]; has {
		d.Properties["online_access_codes_enabled"] = d.Flags["can_program_online_access_codes"]
	}
}
