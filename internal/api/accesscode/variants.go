package accesscode

import (
	"keyway/internal/api/device"
	"keyway/internal/platform/rpc"
	"slices"
)

// What the forms of a problem have beside its message and its time.
type (
	ofCode struct {
		IsCode bool `json:"is_access_code_error" enum:"true"`
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

// Variants are the errors and the warnings that a code can have: its own, and the errors of its device.
func (Problem) Variants() []rpc.Variant {
	errs := rpc.VariantsBy("error_code", "access_code", []rpc.Variant{
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
	}...)
	warnings := rpc.VariantsBy("warning_code", "", []rpc.Variant{
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
	}...)
	return slices.Concat(errs, device.Error{}.Variants(), warnings)
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
	return rpc.VariantsBy("mutation_code", "", []rpc.Variant{
		{Is: "creating", Says: "The code is being put on the device."},
		{Is: "deferring_creation", Fields: deferred{}, Says: "The code will be put on the device shortly before it starts."},
		{Is: "deleting", Says: "The code is being removed from the device."},
		{Is: "updating_code", Fields: newPIN{}, Says: "The PIN is being changed on the device."},
		{Is: "updating_name", Fields: newName{}, Says: "The name is being changed on the device."},
		{Is: "updating_time_frame", Fields: newTimes{}, Says: "The times are being changed on the device."},
	}...)
}
