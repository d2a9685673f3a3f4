package accesscode

import "keyway/internal/platform/rpc"

// What the forms of a problem have beside its message and its time.
type (
	ofCode struct {
		IsCode bool `json:"is_access_code_error" enum:"true"`
	}
	ofDevice struct {
		IsDevice bool `json:"is_device_error" enum:"true"`
	}
	ofAccount struct {
		IsDevice  bool `json:"is_device_error" enum:"false"`
		IsAccount bool `json:"is_connected_account_error" enum:"true"`
	}
	ofBridge struct {
		IsAccount bool `json:"is_connected_account_error,omitempty"`
		IsBridge  bool `json:"is_bridge_error,omitempty" doc:"Whether the hub or service through which the account is reached does not answer."`
	}
	duplicate struct {
		ofCode
		ManagedID   string `json:"managed_access_code_id,omitempty" doc:"The managed code with the same PIN, where it is one."`
		UnmanagedID string `json:"unmanaged_access_code_id,omitempty" doc:"The unmanaged code with the same PIN, where it is one."`
	}
	modified struct {
		ChangeType string   `json:"change_type,omitempty" enum:"modified removed"`
		Fields     []change `json:"modified_fields,omitempty" doc:"What was changed."`
	}
	modifiedError struct {
		ofCode
		modified
	}
)

// Variants are the errors and the warnings that a code can have.
func (Problem) Variants() []rpc.Variant {
	errs := []rpc.Variant{
		{Is: "provider_issue", Fields: ofCode{}, Says: "Something is wrong at the device's brand."},
		{Is: "failed_to_set_on_device", Fields: ofCode{}, Says: "The code could not be set on the device."},
		{Is: "failed_to_remove_from_device", Fields: ofCode{}, Says: "The code could not be removed from the device."},
		{Is: "duplicate_code_on_device", Fields: duplicate{}, Says: "Another code on the device has the same PIN."},
		{Is: "no_space_for_access_code_on_device", Fields: ofCode{}, Says: "There is no room for the code on the device."},
		{Is: "conflicting_external_modification", Fields: modifiedError{},
			Says: "Someone changed the code at the device; it is being put back."},
		{Is: "access_code_inactive", Fields: ofCode{}, Says: "The code is switched off at the device."},
		{Is: "code_constraints_violated", Fields: ofCode{}, Says: "The device takes no such code."},
		{Is: "failed_to_issue", Fields: ofCode{}, Says: "The code could not be issued."},
		{Is: "failed_to_update", Fields: ofCode{}, Says: "The code could not be updated."},
		{Is: "failed_to_delete", Fields: ofCode{}, Says: "The code could not be deleted."},
		{Is: "account_disconnected", Of: "connected_account", Fields: ofAccount{}, Says: "The account of the device is disconnected."},
		{Is: "salto_ks_subscription_limit_exceeded", Of: "connected_account", Fields: ofAccount{},
			Says: "The subscription of the Salto site takes no more users."},
		{Is: "insufficient_permissions", Of: "connected_account", Fields: ofAccount{}, Says: "The account may not manage codes on the device."},
		{Is: "dormakaba_sites_disconnected", Of: "connected_account", Fields: ofAccount{},
			Says: "Some sites of the dormakaba account are disconnected."},
		{Is: "device_offline", Of: "device", Fields: ofDevice{}, Says: "The device is offline."},
		{Is: "device_removed", Of: "device", Fields: ofDevice{}, Says: "The device was removed from its account."},
		{Is: "hub_disconnected", Of: "device", Fields: ofDevice{}, Says: "The hub of the device is disconnected."},
		{Is: "device_disconnected", Of: "device", Fields: ofDevice{}, Says: "The device is disconnected."},
		{Is: "empty_backup_access_code_pool", Of: "device", Fields: ofDevice{}, Says: "There are no backup access codes on the device."},
		{Is: "august_lock_not_authorized", Of: "device", Fields: ofDevice{}, Says: "The August account may not use the lock."},
		{Is: "missing_device_credentials", Of: "device", Fields: ofDevice{}, Says: "The device's own user name and password are missing."},
		{Is: "auxiliary_heat_running", Of: "device", Fields: ofDevice{}, Says: "The thermostat heats with its auxiliary heat."},
		{Is: "subscription_required", Of: "device", Fields: ofDevice{}, Says: "The device needs a subscription of its brand."},
		{Is: "bridge_disconnected", Of: "connected_account", Fields: ofBridge{},
			Says: "The hub or service through which the account is reached does not answer."},
	}
	for i := range errs {
		errs[i].By = "error_code"
		if errs[i].Of == "" {
			errs[i].Of = "access_code"
		}
	}
	warnings := []rpc.Variant{
		{Is: "code_rotates_periodically", Says: "The device changes the PIN on its own from time to time."},
		{Is: "time_frame_adjusted_for_unknown_time_zone", Says: "The code holds an hour longer, because the device's time zone is unknown."},
		{Is: "external_modification_in_effect", Fields: modified{}, Says: "Someone changed the code at the device, which is allowed."},
		{Is: "delay_in_setting_on_device", Says: "The code is not on the device yet, although it should be."},
		{Is: "delay_in_removing_from_device", Says: "The code is still on the device, although it should not be."},
		{Is: "delay_in_issuing", Says: "The code is not issued yet, although it should be."},
		{Is: "third_party_integration_detected", Says: "Another service manages codes on the device, too."},
		{Is: "igloo_algopin_must_be_used_within_24_hours", Says: "The code must be used within 24 hours of its start."},
		{Is: "management_transferred", Says: "Another workspace manages the code now."},
		{Is: "using_backup_access_code", Says: "A backup access code stands in for the code."},
		{Is: "being_deleted", Says: "The code is being removed."},
		{Is: "unknown_issue_with_access_code", Says: "Something is wrong with the code."},
	}
	for i := range warnings {
		warnings[i].By = "warning_code"
	}
	return append(errs, warnings...)
}

// What the forms of a mutation have beside its message and its time.
type (
	pinOf struct {
		PIN *string `json:"code"`
	}
	nameOf struct {
		Name *string `json:"name"`
	}
	timesOf struct {
		StartsAt rpc.Time `json:"starts_at" rule:"nullable"`
		EndsAt   rpc.Time `json:"ends_at" rule:"nullable"`
	}
	deferred struct {
		ScheduledAt rpc.Time `json:"scheduled_at" doc:"When the code will be put on the device."`
	}
	newPIN struct {
		From pinOf `json:"from"`
		To   pinOf `json:"to"`
	}
	newName struct {
		From nameOf `json:"from"`
		To   nameOf `json:"to"`
	}
	newTimes struct {
		From timesOf `json:"from"`
		To   timesOf `json:"to"`
	}
)

// Variants are the changes that a device can still have to make.
func (Mutation) Variants() []rpc.Variant {
	out := []rpc.Variant{
		{Is: "creating", Says: "The code is being put on the device."},
		{Is: "deferring_creation", Fields: deferred{}, Says: "The code will be put on the device shortly before it starts."},
		{Is: "deleting", Says: "The code is being removed from the device."},
		{Is: "updating_code", Fields: newPIN{}, Says: "The PIN is being changed on the device."},
		{Is: "updating_name", Fields: newName{}, Says: "The name is being changed on the device."},
		{Is: "updating_time_frame", Fields: newTimes{}, Says: "The times are being changed on the device."},
	}
	for i := range out {
		out[i].By = "mutation_code"
	}
	return out
}
