package action

import "keyway/internal/platform/rpc"

// What comes of an action, by its type. None is ever filled: they say what is in an attempt's document.
type (
	done  struct{}
	moved struct {
		Confirmed bool `json:"was_confirmed_by_device,omitempty" doc:"Whether the device said that it did it."`
	}
	ofCode struct {
		Code map[string]any `json:"access_code,omitempty" resource:"access_code" doc:"The access code; only for who may read access codes."`
	}
	ofThreshold struct {
		Threshold map[string]any `json:"noise_threshold,omitempty"`
	}
	resultOf[T any] struct {
		Result *T `json:"result" doc:"What came of it; null until it succeeded."`
	}
)

// Variants are the types of action attempts of the API contract; some are only for parts of it that Keyway does not have yet.
func (Attempt) Variants() []rpc.Variant {
	nothing, opaque := resultOf[done]{}, resultOf[map[string]any]{}
	return rpc.VariantsBy("action_type", "", []rpc.Variant{
		{Is: "LOCK_DOOR", Fields: resultOf[moved]{}, Says: "Locks a door."},
		{Is: "UNLOCK_DOOR", Fields: resultOf[moved]{}, Says: "Unlocks a door."},
		{Is: "CONFIGURE_AUTO_LOCK", Fields: nothing, Says: "Sets whether a lock locks automatically."},
		{Is: "SIMULATE_KEYPAD_CODE_ENTRY", Fields: nothing, Says: "Enters a code at a virtual lock."},
		{Is: "SIMULATE_MANUAL_LOCK_VIA_KEYPAD", Fields: nothing, Says: "Locks a virtual lock at its keypad."},
		{Is: "CREATE_ACCESS_CODE", Fields: resultOf[ofCode]{}, Says: "Puts an access code on a device."},
		{Is: "UPDATE_ACCESS_CODE", Fields: resultOf[ofCode]{}, Says: "Changes an access code on a device."},
		{Is: "DELETE_ACCESS_CODE", Fields: nothing, Says: "Removes an access code from a device."},
		{Is: "SYNC_ACCESS_CODES", Fields: nothing, Says: "Brings the access codes of a device to what is wanted."},
		{Is: "RESET_SANDBOX_WORKSPACE", Fields: nothing, Says: "Puts the devices of a sandbox workspace back to how they were found."},
		{Is: "SET_FAN_MODE", Fields: nothing, Says: "Sets the fan of a thermostat."},
		{Is: "SET_HVAC_MODE", Fields: nothing, Says: "Sets a thermostat to heat or to cool."},
		{Is: "ACTIVATE_CLIMATE_PRESET", Fields: nothing, Says: "Activates a climate preset of a thermostat."},
		{Is: "PUSH_THERMOSTAT_PROGRAMS", Fields: nothing, Says: "Puts programs on a thermostat."},
		{Is: "CREATE_NOISE_THRESHOLD", Fields: resultOf[ofThreshold]{}, Says: "Puts a threshold on a noise sensor."},
		{Is: "UPDATE_NOISE_THRESHOLD", Fields: resultOf[ofThreshold]{}, Says: "Changes a threshold of a noise sensor."},
		{Is: "DELETE_NOISE_THRESHOLD", Fields: nothing, Says: "Removes a threshold from a noise sensor."},
		{Is: "SCAN_CREDENTIAL", Fields: opaque, Says: "Reads a card at an encoder."},
		{Is: "ENCODE_CREDENTIAL", Fields: opaque, Says: "Writes a card at an encoder."},
		{Is: "SCAN_TO_ASSIGN_CREDENTIAL", Fields: opaque, Says: "Reads a card at an encoder for someone."},
		{Is: "ASSIGN_CREDENTIAL", Fields: opaque, Says: "Gives a credential to someone."},
	}...)
}
