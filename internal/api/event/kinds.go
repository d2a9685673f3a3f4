package event

import "keyway/internal/platform/rpc"

// kind is what there is to know of a type of events.
type kind struct {
	name   Type
	route  string // the route of the API that it is about
	says   string // what happened, in a sentence: event_description, unless the event has a better one
	fields any    // a struct: what such an event has beside what all have
}

// kinds are all that an event can be: those of the API contract, of which some are only for parts of it that Keyway does not
// have yet, and Keyway's own.
var kinds = []kind{
	{"access_code.created", "/access_codes", "An access code was created.", ofCode{}},
	{"access_code.changed", "/access_codes", "Something about an access code changed.", codeChanged{}},
	{"access_code.name_changed", "/access_codes", "An access code's name changed.", nameChanged{}},
	{"access_code.code_changed", "/access_codes", "An access code's PIN changed.", pinChanged{}},
	{"access_code.time_frame_changed", "/access_codes", "An access code's times changed.", timesChanged{}},
	{"access_code.mutations_requested", "/access_codes", "Changes of an access code were requested of its device.", mutationsRequested{}},
	{"access_code.scheduled_on_device", "/access_codes", "An access code is on its device and opens from its start.", ofCodeWithPIN{}},
	{"access_code.set_on_device", "/access_codes", "An access code is on its device and opens.", ofCodeWithPIN{}},
	{"access_code.removed_from_device", "/access_codes", "An access code was removed from its device.", ofCode{}},
	{"access_code.delay_in_setting_on_device", "/access_codes",
		"An access code is not on its device yet, although it should be.", codeTrouble{}},
	{"access_code.failed_to_set_on_device", "/access_codes", "An access code could not be set on its device.", codeTrouble{}},
	{"access_code.issued", "/access_codes", "An access code was issued.", ofCode{}},
	{"access_code.delay_in_issuing", "/access_codes", "An access code is not issued yet, although it should be.", codeTrouble{}},
	{"access_code.failed_to_issue", "/access_codes", "An access code could not be issued.", codeTrouble{}},
	{"access_code.failed_to_update", "/access_codes", "An access code could not be updated.", codeTrouble{}},
	{"access_code.failed_to_expire", "/access_codes", "An access code could not be removed at its end.", codeTrouble{}},
	{"access_code.failed_to_delete", "/access_codes", "An access code could not be deleted from its device.", codeTrouble{}},
	{"access_code.failed_to_remove", "/access_codes", "An access code could not be removed from its device.", codeTrouble{}},
	{"access_code.deleted", "/access_codes", "An access code was deleted.", codeDeleted{}},
	{"access_code.delay_in_removing_from_device", "/access_codes",
		"An access code is still on its device, although it should not be.", codeTrouble{}},
	{"access_code.failed_to_remove_from_device", "/access_codes", "An access code could not be removed from its device.", codeTrouble{}},
	{"access_code.modified_external_to_seam", "/access_codes",
		"An access code was changed at its device or in the app of its brand.", ofCode{}},
	{"access_code.deleted_external_to_seam", "/access_codes",
		"An access code was deleted at its device or in the app of its brand.", ofCode{}},
	{"access_code.backup_access_code_pulled", "/access_codes", "A backup access code took the place of an access code.", backupPulled{}},
	{"access_code.unmanaged.converted_to_managed", "/access_codes/unmanaged", "An unmanaged access code became a managed one.", ofCode{}},
	{"access_code.unmanaged.failed_to_convert_to_managed", "/access_codes/unmanaged",
		"An unmanaged access code could not become a managed one.", codeTrouble{}},
	{"access_code.unmanaged.created", "/access_codes/unmanaged", "An access code was found that others put on its device.", ofCode{}},
	{"access_code.unmanaged.removed", "/access_codes/unmanaged", "An access code that others put on a device is gone.", ofCode{}},
	{"access_grant.created", "/access_grants", "An access grant was created.", ofGrant{}},
	{"access_grant.deleted", "/access_grants", "An access grant was deleted.", ofGrant{}},
	{"access_grant.access_granted_to_all_doors", "/access_grants", "All doors of an access grant can be opened.", ofGrant{}},
	{"access_grant.access_granted_to_door", "/access_grants", "A door of an access grant can be opened.", grantOfDoor{}},
	{"access_grant.access_to_door_lost", "/access_grants", "A door of an access grant can no longer be opened.", grantOfDoor{}},
	{"access_grant.access_times_changed", "/access_grants", "The times of an access grant changed.", grantTimes{}},
	{"access_grant.could_not_create_requested_access_methods", "/access_grants",
		"Some access methods of an access grant could not be created.", grantFailed{}},
	{"access_method.issued", "/access_methods", "An access method was issued.", methodIssued{}},
	{"access_method.revoked", "/access_methods", "An access method was revoked.", ofMethod{}},
	{"access_method.card_encoding_required", "/access_methods", "The card of an access method must be encoded.", ofMethod{}},
	{"access_method.deleted", "/access_methods", "An access method was deleted.", ofMethod{}},
	{"access_method.reissued", "/access_methods", "An access method was issued again.", methodIssued{}},
	{"access_method.created", "/access_methods", "An access method was created.", ofMethod{}},
	{"access_method.delay_in_issuing", "/access_methods", "An access method is not issued yet, although it should be.", ofMethod{}},
	{"access_method.failed_to_issue", "/access_methods", "An access method could not be issued.", ofMethod{}},
	{"acs_system.connected", "/acs/systems", "An access system was connected.", ofSystem{}},
	{"acs_system.added", "/acs/systems", "An access system was added.", ofSystem{}},
	{"acs_system.disconnected", "/acs/systems", "An access system was disconnected.", systemTrouble{}},
	{"acs_credential.deleted", "/acs/credentials", "A credential of an access system was deleted.", ofCredential{}},
	{"acs_credential.issued", "/acs/credentials", "A credential of an access system was issued.", ofCredential{}},
	{"acs_credential.reissued", "/acs/credentials", "A credential of an access system was issued again.", ofCredential{}},
	{"acs_credential.invalidated", "/acs/credentials", "A credential of an access system became invalid.", ofCredential{}},
	{"acs_user.created", "/acs/users", "A user of an access system was created.", ofUser{}},
	{"acs_user.deleted", "/acs/users", "A user of an access system was deleted.", ofUser{}},
	{"acs_encoder.added", "/acs/encoders", "An encoder of an access system was added.", ofEncoder{}},
	{"acs_encoder.removed", "/acs/encoders", "An encoder of an access system was removed.", ofEncoder{}},
	{"acs_access_group.deleted", "/acs/access_groups", "An access group of an access system was deleted.", ofGroup{}},
	{"acs_entrance.added", "/acs/entrances", "An entrance of an access system was added.", ofEntrance{}},
	{"acs_entrance.removed", "/acs/entrances", "An entrance of an access system was removed.", ofEntrance{}},
	{"client_session.deleted", "/client_sessions", "A client session was deleted.", ofSession{}},
	{"connected_account.connected", "/connected_accounts", "A connected account was connected.", ofAccount{}},
	{"connected_account.created", "/connected_accounts", "A connected account was created.", ofAccount{}},
	{"connected_account.successful_login", "/connected_accounts", "Someone signed in to a connected account.", ofAccount{}},
	{"connected_account.disconnected", "/connected_accounts", "A connected account was disconnected.", accountTrouble{}},
	{"connected_account.completed_first_sync", "/connected_accounts", "The devices of a connected account are known.", ofAccount{}},
	{"connected_account.deleted", "/connected_accounts", "A connected account was deleted.", ofAccount{}},
	{"connected_account.completed_first_sync_after_reconnection", "/connected_accounts",
		"The devices of a connected account are known again after it was reconnected.", ofAccount{}},
	{"connected_account.reauthorization_requested", "/connected_accounts",
		"A connected account has to be connected again.", accountTrouble{}},
	{"action_attempt.lock_door.succeeded", "/action_attempts", "A lock was locked.", ofAttempt{}},
	{"action_attempt.lock_door.failed", "/action_attempts", "A lock could not be locked.", ofAttempt{}},
	{"action_attempt.unlock_door.succeeded", "/action_attempts", "A lock was unlocked.", ofAttempt{}},
	{"action_attempt.unlock_door.failed", "/action_attempts", "A lock could not be unlocked.", ofAttempt{}},
	{"action_attempt.simulate_keypad_code_entry.succeeded", "/action_attempts", "A code was entered at a virtual lock.", ofAttempt{}},
	{"action_attempt.simulate_keypad_code_entry.failed", "/action_attempts",
		"A code that was entered at a virtual lock did not open it.", ofAttempt{}},
	{"action_attempt.simulate_manual_lock_via_keypad.succeeded", "/action_attempts",
		"A virtual lock was locked at its keypad.", ofAttempt{}},
	{"action_attempt.simulate_manual_lock_via_keypad.failed", "/action_attempts",
		"A virtual lock could not be locked at its keypad.", ofAttempt{}},
	{"connect_webview.login_succeeded", "/connect_webviews", "Someone connected an account in a Connect Webview.", webviewSucceeded{}},
	{"connect_webview.login_failed", "/connect_webviews", "Someone could not connect an account in a Connect Webview.", webviewFailed{}},
	{"device.connected", "/devices", "A device is connected.", ofDevice{}},
	{"device.added", "/devices", "A device was added.", ofDevice{}},
	{"device.converted_to_unmanaged", "/devices", "A device became an unmanaged one.", ofDevice{}},
	{"device.unmanaged.converted_to_managed", "/devices/unmanaged", "An unmanaged device became a managed one.", ofDevice{}},
	{"device.unmanaged.connected", "/devices/unmanaged", "An unmanaged device is connected.", ofDevice{}},
	{"device.disconnected", "/devices", "A device is disconnected.", deviceDisconnected{}},
	{"device.unmanaged.disconnected", "/devices/unmanaged", "An unmanaged device is disconnected.", deviceDisconnected{}},
	{"device.tampered", "/devices", "Someone tampered with a device.", ofDevice{}},
	{"device.low_battery", "/devices", "A battery of a device is low.", lowBattery{}},
	{"device.battery_status_changed", "/devices", "The state of a device's battery changed.", batteryChanged{}},
	{"device.removed", "/devices", "A device was removed from its account.", ofDevice{}},
	{"device.deleted", "/devices", "A device was deleted.", deviceNamed{}},
	{"device.third_party_integration_detected", "/devices", "Another service manages codes on a device, too.", ofDevice{}},
	{"device.third_party_integration_no_longer_detected", "/devices", "No other service manages codes on a device anymore.", ofDevice{}},
	{"device.salto.privacy_mode_activated", "/devices", "The privacy mode of a device was activated.", ofDevice{}},
	{"device.salto.privacy_mode_deactivated", "/devices", "The privacy mode of a device was deactivated.", ofDevice{}},
	{"device.connection_became_flaky", "/devices", "The connection of a device became unreliable.", deviceTrouble{}},
	{"device.connection_stabilized", "/devices", "The connection of a device became reliable.", ofDevice{}},
	{"device.error.subscription_required", "/devices", "A device needs a subscription of its brand.", deviceTrouble{}},
	{"device.error.subscription_required.resolved", "/devices", "A device has the subscription of its brand that it needs.", ofDevice{}},
	{"device.accessory_keypad_connected", "/devices", "The keypad of a device was connected.", ofDevice{}},
	{"device.accessory_keypad_disconnected", "/devices", "The keypad of a device was disconnected.", deviceTrouble{}},
	{"device.name_changed", "/devices", "The name of a device changed.", deviceNamed{}},
	{"device.doorbell_rang", "/devices", "Someone rang the doorbell of a device.", recorded{}},
	{"noise_sensor.noise_threshold_triggered", "/noise_sensors/noise_thresholds",
		"A noise sensor heard more than a threshold allows.", noiseHeard{}},
	{"lock.locked", "/locks", "A lock was locked.", boltMoved{}},
	{"lock.unlocked", "/locks", "A lock was unlocked.", boltMoved{}},
	{"lock.access_denied", "/locks", "A lock did not open for someone.", accessDenied{}},
	{"thermostat.climate_preset_activated", "/thermostats", "A climate preset of a thermostat was activated.", presetActivated{}},
	{"thermostat.manually_adjusted", "/thermostats", "Someone changed a thermostat.", thermostatAdjusted{}},
	{"thermostat.temperature_threshold_exceeded", "/thermostats",
		"The temperature at a thermostat left the range that is set for it.", temperatureLimits{}},
	{"thermostat.temperature_threshold_no_longer_exceeded", "/thermostats",
		"The temperature at a thermostat is in the range that is set for it again.", temperatureLimits{}},
	{"thermostat.temperature_reached_set_point", "/thermostats",
		"The temperature at a thermostat reached its set point.", temperatureReached{}},
	{"thermostat.temperature_changed", "/thermostats", "The temperature at a thermostat changed.", temperature{}},
	{"camera.activated", "/devices", "A camera recorded something.", cameraActivated{}},
	{"enrollment_automation.deleted", "/user_identities/enrollment_automations", "An enrollment automation was deleted.", ofAutomation{}},
	{"phone.deactivated", "/phones", "A phone was deactivated.", ofPhone{}},
	{"space.device_membership_changed", "/spaces", "The devices of a space changed.", ofSpace{}},
	{"space.created", "/spaces", "A space was created.", ofSpace{}},
	{"space.deleted", "/spaces", "A space was deleted.", ofSpace{}},
	{WebhookDisabled, "/webhooks", "Nothing could be delivered to a webhook, so it was disabled.", webhookDisabled{}},
	{WebhookTest, "/webhooks", "A requested test; nothing has happened.", described{}},
	{TokenExpiring, "/keyway/v1/personal_access_tokens", "A personal access token expires soon.", tokenExpiring{}},
	{TokenReused, "/keyway/v1/personal_access_tokens", "A personal access token was used after its successor took its place.", tokenReused{}},
	{TokenDecoyUsed, "/keyway/v1/personal_access_tokens", "A decoy token was used.", tokenUsed{}},
	{TokenNewNetwork, "/keyway/v1/personal_access_tokens", "A personal access token was used from a new network after a long silence.",
		tokenUsed{}},
	{TokenLeaked, "/keyway/v1/personal_access_tokens", "A personal access token, or a workspace key of it, was reported as leaked.",
		tokenUsed{}},
	{KeyLeaked, "/events", "An API key or a client session was reported as leaked.", keyLeaked{}},
}

// byName finds a kind by its name.
var byName = func() map[Type]*kind {
	out := make(map[Type]*kind, len(kinds))
	for i := range kinds {
		out[kinds[i].name] = &kinds[i]
	}
	return out
}()

// types are the names of the kinds.
var types = func() []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = string(k.name)
	}
	return out
}()

// Enum lists the types.
func (Type) Enum() []string { return types }

// Says is what happened in an event of this type, in a sentence for people.
func (t Type) Says() string {
	if k := byName[t]; k != nil {
		return k.says
	}
	return ""
}

// Variants are the forms of an event: one for each type.
func (Record) Variants() []rpc.Variant {
	out := make([]rpc.Variant, len(kinds))
	for i, k := range kinds {
		out[i] = rpc.Variant{By: "event_type", Is: string(k.name), Says: k.says, Route: k.route, Fields: k.fields}
	}
	return out
}

// The fields of events, by what these are about. None is ever filled: they say what is in an event's document.
type (
	described struct {
		Description string `json:"event_description,omitempty" doc:"What happened, in a sentence for people."`
	}
	problem struct {
		Code      string   `json:"error_code"`
		Message   string   `json:"message"`
		CreatedAt rpc.Time `json:"created_at"`
	}
	caution struct {
		Code      string   `json:"warning_code"`
		Message   string   `json:"message"`
		CreatedAt rpc.Time `json:"created_at"`
	}
	accountProblems struct {
		AccountErrors   []problem `json:"connected_account_errors"`
		AccountWarnings []caution `json:"connected_account_warnings"`
	}
	deviceProblems struct {
		DeviceErrors   []problem `json:"device_errors"`
		DeviceWarnings []caution `json:"device_warnings"`
		accountProblems
	}
)

// Events about devices.
type (
	ofDevice struct {
		described
		DeviceID        string       `json:"device_id"`
		AccountID       string       `json:"connected_account_id"`
		CustomerKey     string       `json:"customer_key,omitempty"`
		DeviceMetadata  rpc.Metadata `json:"device_custom_metadata,omitempty"`
		AccountMetadata rpc.Metadata `json:"connected_account_custom_metadata,omitempty"`
	}
	deviceTrouble struct {
		ofDevice
		deviceProblems
	}
	deviceDisconnected struct {
		deviceTrouble
		Code string `json:"error_code" enum:"account_disconnected hub_disconnected device_disconnected"`
	}
	deviceNamed struct {
		ofDevice
		Name string `json:"device_name"`
	}
	lowBattery struct {
		ofDevice
		Level  float64 `json:"battery_level" doc:"How full the battery is that became low, from 0 to 1."`
		Device float64 `json:"device_battery_level,omitempty" doc:"How full the device's own battery is, where it has one."`
		Keypad float64 `json:"accessory_keypad_battery_level,omitempty" doc:"How full its keypad's battery is, where it has one."`
	}
	batteryChanged struct {
		ofDevice
		Status string  `json:"battery_status" enum:"critical low good full"`
		Level  float64 `json:"battery_level"`
	}
	recorded struct {
		ofDevice
		ImageURL string   `json:"image_url,omitempty"`
		VideoURL string   `json:"video_url,omitempty"`
		MediaIDs []string `json:"media_ids,omitempty"`
	}
	cameraActivated struct {
		recorded
		Reason string `json:"activation_reason" enum:"motion_detected"`
		Motion string `json:"motion_sub_type,omitempty" enum:"human vehicle package other"`
	}
	noiseHeard struct {
		ofDevice
		Decibels      float64        `json:"noise_level_decibels,omitempty"`
		NRS           float64        `json:"noise_level_nrs,omitempty"`
		ThresholdID   string         `json:"noise_threshold_id,omitempty"`
		ThresholdName string         `json:"noise_threshold_name,omitempty"`
		Minut         map[string]any `json:"minut_metadata,omitempty"`
		NoiseAware    map[string]any `json:"noiseaware_metadata,omitempty"`
	}
	ofPhone struct {
		described
		DeviceID       string       `json:"device_id"`
		DeviceMetadata rpc.Metadata `json:"device_custom_metadata,omitempty"`
	}
)

// Events about locks.
type (
	boltMoved struct {
		ofDevice
		Method       string `json:"method" enum:"keycode manual automatic unknown remote card"`
		ViaBluetooth bool   `json:"is_via_bluetooth,omitempty"`
		ViaNFC       bool   `json:"is_via_nfc,omitempty"`
		AttemptID    string `json:"action_attempt_id,omitempty" doc:"The action attempt that moved it."`
		CodeID       string `json:"access_code_id,omitempty" doc:"The access code that was entered."`
		CodeManaged  bool   `json:"access_code_is_managed,omitempty"`
		PIN          string `json:"code,omitempty" doc:"The PIN that was entered."`
	}
	accessDenied struct {
		ofDevice
		CodeID string `json:"access_code_id,omitempty"`
		Reason struct {
			Code    string `json:"reason_code"`
			Message string `json:"message"`
		} `json:"reason,omitzero" doc:"Why, where that is known."`
	}
)

// Events about access codes.
type (
	ofCode struct {
		ofDevice
		ID string `json:"access_code_id"`
	}
	ofCodeWithPIN struct {
		ofCode
		PIN string `json:"code"`
	}
	codeDeleted struct {
		ofCode
		PIN *string `json:"code"`
	}
	codeTrouble struct {
		ofCode
		deviceProblems
		Errors   []problem `json:"access_code_errors"`
		Warnings []caution `json:"access_code_warnings"`
	}
	codeChanged struct {
		ofCode
		Reason     string `json:"change_reason,omitempty"`
		Properties []struct {
			Property string  `json:"property"`
			From     *string `json:"from"`
			To       *string `json:"to"`
		} `json:"changed_properties,omitempty"`
	}
	codeName struct {
		Name *string `json:"name"`
	}
	nameChanged struct {
		ofCode
		Description string   `json:"description"`
		From        codeName `json:"from"`
		To          codeName `json:"to"`
	}
	codePIN struct {
		PIN *string `json:"code"`
	}
	pinChanged struct {
		ofCode
		Description string  `json:"description"`
		From        codePIN `json:"from"`
		To          codePIN `json:"to"`
	}
	codeTimes struct {
		StartsAt rpc.Time `json:"starts_at" rule:"nullable"`
		EndsAt   rpc.Time `json:"ends_at" rule:"nullable"`
	}
	timesChanged struct {
		ofCode
		Description string    `json:"description"`
		From        codeTimes `json:"from"`
		To          codeTimes `json:"to"`
	}
	mutationsRequested struct {
		ofCode
		Mutations []struct {
			Code string         `json:"mutation_code"`
			From map[string]any `json:"from,omitempty"`
			To   map[string]any `json:"to,omitempty"`
		} `json:"requested_mutations"`
	}
	backupPulled struct {
		ofCode
		BackupID string `json:"backup_access_code_id"`
	}
)

// Events about accounts, webviews, client sessions and action attempts.
type (
	ofAccount struct {
		described
		AccountID       string       `json:"connected_account_id"`
		WebviewID       string       `json:"connect_webview_id,omitempty"`
		CustomerKey     string       `json:"customer_key,omitempty"`
		AccountMetadata rpc.Metadata `json:"connected_account_custom_metadata,omitempty"`
	}
	accountTrouble struct {
		ofAccount
		accountProblems
	}
	webviewSucceeded struct {
		described
		WebviewID       string       `json:"connect_webview_id"`
		AccountID       string       `json:"connected_account_id"`
		CustomerKey     string       `json:"customer_key,omitempty"`
		AccountMetadata rpc.Metadata `json:"connected_account_custom_metadata,omitempty"`
	}
	webviewFailed struct {
		described
		WebviewID string `json:"connect_webview_id"`
	}
	ofSession struct {
		described
		ID string `json:"client_session_id"`
	}
	ofAttempt struct {
		described
		ID          string `json:"action_attempt_id"`
		Action      string `json:"action_type"`
		Status      string `json:"status"`
		DeviceID    string `json:"device_id,omitempty"`
		AccountID   string `json:"connected_account_id,omitempty"`
		CustomerKey string `json:"customer_key,omitempty"`

		AccountMetadata rpc.Metadata `json:"connected_account_custom_metadata,omitempty"`
	}
)

// Events about thermostats.
type (
	presetActivated struct {
		ofDevice
		Key        string  `json:"climate_preset_key"`
		IsFallback bool    `json:"is_fallback_climate_preset"`
		ScheduleID *string `json:"thermostat_schedule_id"`
	}
	thermostatAdjusted struct {
		ofDevice
		Method   string  `json:"method" enum:"seam external"`
		Mode     string  `json:"hvac_mode_setting,omitempty" enum:"off heat cool heat_cool eco"`
		Fan      string  `json:"fan_mode_setting,omitempty" enum:"auto on circulate"`
		CoolingC float64 `json:"cooling_set_point_celsius,omitempty"`
		CoolingF float64 `json:"cooling_set_point_fahrenheit,omitempty"`
		HeatingC float64 `json:"heating_set_point_celsius,omitempty"`
		HeatingF float64 `json:"heating_set_point_fahrenheit,omitempty"`
	}
	temperature struct {
		ofDevice
		Celsius    float64 `json:"temperature_celsius"`
		Fahrenheit float64 `json:"temperature_fahrenheit"`
	}
	temperatureLimits struct {
		temperature
		LowerC *float64 `json:"lower_limit_celsius"`
		LowerF *float64 `json:"lower_limit_fahrenheit"`
		UpperC *float64 `json:"upper_limit_celsius"`
		UpperF *float64 `json:"upper_limit_fahrenheit"`
	}
	temperatureReached struct {
		temperature
		WantedC float64 `json:"desired_temperature_celsius,omitempty"`
		WantedF float64 `json:"desired_temperature_fahrenheit,omitempty"`
	}
)

// Events about access grants, access systems and spaces.
type (
	ofGrant struct {
		described
		ID string `json:"access_grant_id"`
	}
	grantOfDoor struct {
		ofGrant
		EntranceID string `json:"acs_entrance_id"`
	}
	grantTimes struct {
		ofGrant
		Key      string   `json:"access_grant_key,omitempty"`
		StartsAt rpc.Time `json:"starts_at,omitzero" rule:"nullable"`
		EndsAt   rpc.Time `json:"ends_at,omitzero" rule:"nullable"`
	}
	grantFailed struct {
		ofGrant
		Message   string   `json:"error_message"`
		DeviceIDs []string `json:"missing_device_ids,omitempty"`
	}
	ofMethod struct {
		described
		ID        string   `json:"access_method_id"`
		GrantIDs  []string `json:"access_grant_ids"`
		GrantKeys []string `json:"access_grant_keys,omitempty"`
	}
	methodIssued struct {
		ofMethod
		PIN      *string `json:"code,omitempty"`
		IsBackup bool    `json:"is_backup_code,omitempty"`
	}
	ofSystem struct {
		described
		SystemID  string `json:"acs_system_id"`
		AccountID string `json:"connected_account_id,omitempty"`
	}
	systemTrouble struct {
		ofSystem
		Errors   []problem `json:"acs_system_errors"`
		Warnings []caution `json:"acs_system_warnings"`
		accountProblems
	}
	ofCredential struct {
		ofSystem
		ID string `json:"acs_credential_id"`
	}
	ofUser struct {
		ofSystem
		ID string `json:"acs_user_id"`
	}
	ofEncoder struct {
		ofSystem
		ID string `json:"acs_encoder_id"`
	}
	ofGroup struct {
		ofSystem
		ID string `json:"acs_access_group_id"`
	}
	ofEntrance struct {
		ofSystem
		ID string `json:"acs_entrance_id"`
	}
	ofAutomation struct {
		described
		ID string `json:"enrollment_automation_id"`
	}
	ofSpace struct {
		described
		ID          string   `json:"space_id"`
		Key         string   `json:"space_key,omitempty"`
		DeviceIDs   []string `json:"device_ids"`
		EntranceIDs []string `json:"acs_entrance_ids"`
	}
)

// Keyway's own events.
type (
	webhookDisabled struct {
		described
		WebhookID    string   `json:"webhook_id"`
		FailingSince rpc.Time `json:"failing_since"`
	}
	ofToken struct {
		described
		ID     string `json:"personal_access_token_id"`
		Name   string `json:"personal_access_token_name"`
		Hint   string `json:"hint" doc:"The visible part of the token."`
		UserID string `json:"user_id"`
	}
	tokenExpiring struct {
		ofToken
		ExpiresAt rpc.Time `json:"expires_at"`
		Days      int      `json:"days" doc:"How many days before its expiry this was sent."`
	}
	tokenUsed struct {
		ofToken
		Address string `json:"address"`
		Network string `json:"network,omitempty"`
		KeyID   string `json:"workspace_key_id,omitempty"`
	}
	tokenReused struct {
		tokenUsed
		Revoked []string `json:"revoked_personal_access_token_ids"`
	}
	keyLeaked struct {
		described
		ID      string `json:"credential_id"`
		Kind    string `json:"credential_kind"`
		Hint    string `json:"hint"`
		Address string `json:"address"`
	}
)
