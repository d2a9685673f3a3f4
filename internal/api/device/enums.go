package device

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
)

// Type is a device_type.
type Type string

// Enum lists the device types of the contract.
func (Type) Enum() []string { return deviceTypes }

var deviceTypes = strings.Fields(`
	akuvox_lock august_lock brivo_access_point butterflymx_panel avigilon_alta_entry doorking_lock genie_door
	igloo_lock linear_lock lockly_lock kwikset_lock nuki_lock salto_lock schlage_lock smartthings_lock wyze_lock
	yale_lock two_n_intercom controlbyweb_device ttlock_lock igloohome_lock four_suites_door
	dormakaba_oracode_door tedee_lock akiles_lock ultraloq_lock keyincode_lock omnitec_lock kisi_lock keynest_key
	noiseaware_activity_zone minut_sensor ecobee_thermostat nest_thermostat honeywell_resideo_thermostat
	tado_thermostat sensi_thermostat smartthings_thermostat ios_phone android_phone ring_camera yacan_lock
	aqara_lock seam_relay hubitat_lock korelock_lock
	tapo_camera arlo_camera reolink_camera sonos_speaker`)

// Manufacturer is who made a device.
type Manufacturer string

// Enum lists the manufacturers of the contract.
func (Manufacturer) Enum() []string { return manufacturers }

var manufacturers = strings.Fields(`
	akuvox august avigilon_alta brivo butterflymx doorking four_suites genie igloo keywe kwikset linear lockly
	nuki philia salto samsung schlage seam unknown wyze yale two_n ttlock igloohome controlbyweb
	dormakaba_oracode tedee keyincode akiles ecobee honeywell_resideo keynest korelock minut nest noiseaware
	sensi smartthings tado ultraloq ring ical lodgify hostaway guesty acuity_scheduling omnitec kisi slack
	aqara yacan arlo reolink sonos tapo dormakaba_oracode_iho eufy`)

// Flag is the name of a capability flag.
type Flag string

// Enum lists the flags of the contract.
func (Flag) Enum() []string { return flagNames }

// flagNames are in the order of their bits in the database, so new ones come last, as they do in Flags.
var flagNames = strings.Fields(`
	can_activate_weekly_program can_configure_auto_lock can_hvac_cool can_hvac_heat can_hvac_heat_cool can_program_offline_access_codes
	can_program_online_access_codes can_program_thermostat_programs_as_different_each_day
	can_program_thermostat_programs_as_same_each_day can_program_thermostat_programs_as_weekday_weekend
	can_remotely_lock can_remotely_unlock can_run_thermostat_programs can_simulate_connection
	can_simulate_disconnection can_simulate_hub_connection can_simulate_hub_disconnection
	can_simulate_paid_subscription can_simulate_removal can_stream_live_video can_turn_off_hvac can_unlock_with_code`)

// Flags are the capability flags of a device: true works now, false is there but does not work at
// the moment (errors and warnings say why), absent is not there.
type Flags struct {
	CanActivateWeeklyProgram                       *bool `json:"can_activate_weekly_program,omitempty"`
	CanConfigureAutoLock                           *bool `json:"can_configure_auto_lock,omitempty"`
	CanHVACCool                                    *bool `json:"can_hvac_cool,omitempty"`
	CanHVACHeat                                    *bool `json:"can_hvac_heat,omitempty"`
	CanHVACHeatCool                                *bool `json:"can_hvac_heat_cool,omitempty"`
	CanProgramOfflineAccessCodes                   *bool `json:"can_program_offline_access_codes,omitempty"`
	CanProgramOnlineAccessCodes                    *bool `json:"can_program_online_access_codes,omitempty"`
	CanProgramThermostatProgramsAsDifferentEachDay *bool `json:"can_program_thermostat_programs_as_different_each_day,omitempty"`
	CanProgramThermostatProgramsAsSameEachDay      *bool `json:"can_program_thermostat_programs_as_same_each_day,omitempty"`
	CanProgramThermostatProgramsAsWeekdayWeekend   *bool `json:"can_program_thermostat_programs_as_weekday_weekend,omitempty"`
	CanRemotelyLock                                *bool `json:"can_remotely_lock,omitempty"`
	CanRemotelyUnlock                              *bool `json:"can_remotely_unlock,omitempty"`
	CanRunThermostatPrograms                       *bool `json:"can_run_thermostat_programs,omitempty"`
	CanSimulateConnection                          *bool `json:"can_simulate_connection,omitempty"`
	CanSimulateDisconnection                       *bool `json:"can_simulate_disconnection,omitempty"`
	CanSimulateHubConnection                       *bool `json:"can_simulate_hub_connection,omitempty"`
	CanSimulateHubDisconnection                    *bool `json:"can_simulate_hub_disconnection,omitempty"`
	CanSimulatePaidSubscription                    *bool `json:"can_simulate_paid_subscription,omitempty"`
	CanSimulateRemoval                             *bool `json:"can_simulate_removal,omitempty"`
	CanStreamLiveVideo                             *bool `json:"can_stream_live_video,omitempty"`
	CanTurnOffHVAC                                 *bool `json:"can_turn_off_hvac,omitempty"`
	CanUnlockWithCode                              *bool `json:"can_unlock_with_code,omitempty"`
}

// fields gives each flag with its name.
func (f *Flags) fields() iter.Seq2[string, **bool] {
	return func(yield func(string, **bool) bool) {
		v := reflect.ValueOf(f).Elem()
		for i, name := range flagNames { // in the order of the fields
			if !yield(name, v.Field(i).Addr().Interface().(**bool)) {
				return
			}
		}
	}
}

// set takes over the flags that a driver reports. An unknown name is a mistake in the provider.
func (f *Flags) set(flags map[string]bool) error {
	for name := range flags {
		if !slices.Contains(flagNames, name) {
			return fmt.Errorf("capability flags: unknown flag %q", name)
		}
	}
	for name, field := range f.fields() {
		if works, reported := flags[name]; reported {
			*field = &works
		}
	}
	return nil
}

// Names lists the flags that are there, whether they work or not.
func (f Flags) Names() (out []Flag) {
	for name, works := range f.fields() {
		if *works != nil {
			out = append(out, Flag(name))
		}
	}
	return out
}

// working are the flags that are true, as the bits of a number.
func (f Flags) working() int64 {
	var names []Flag
	for name, works := range f.fields() {
		if *works != nil && **works {
			names = append(names, Flag(name))
		}
	}
	return bitsOf(names)
}

// bitsOf gives flags as they stand in the column working of devices: the bit of each is its place in flagNames.
func bitsOf(flags []Flag) (bits int64) {
	for _, f := range flags {
		bits |= 1 << slices.Index(flagNames, string(f))
	}
	return bits
}
