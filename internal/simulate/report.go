package simulate

import (
	"context"
	"strings"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
)

// Reported is what a virtual device is made to report about itself; what is nil stays as it is.
type Reported struct {
	BatteryLevel *float64 `json:"battery_level" rule:"min=0,max=1" doc:"How full its battery is."`
	Keypad       *bool    `json:"accessory_keypad_connected" doc:"Whether its accessory keypad is connected."`
	KeypadLevel  *float64 `json:"accessory_keypad_battery_level" rule:"min=0,max=1" doc:"How full the battery of its accessory keypad is."`
	Flaky        *bool    `json:"connection_flaky" doc:"Whether its connection comes and goes."`
	Privacy      *bool    `json:"privacy_mode" doc:"Whether someone inside keeps all codes out."`
	ThirdParty   *bool    `json:"third_party_integration" doc:"Whether another service manages codes on it too."`
	Tampered     bool     `json:"tampered" rule:"default=false" doc:"It is tampered with."`
	DoorbellRang bool     `json:"doorbell_rang" rule:"default=false" doc:"A visitor rings its doorbell."`
}

// reports are the things that a virtual device can be made to report about itself, by their names.
func reports() map[string]Reported {
	yes, no := true, false
	low, full := 0.15, 1.0
	return map[string]Reported{
		DrainBattery: {BatteryLevel: &low}, ChargeBattery: {BatteryLevel: &full},
		ConnectKeypad: {Keypad: &yes}, DisconnectKeypad: {Keypad: &no},
		LoosenConnection: {Flaky: &yes}, SteadyConnection: {Flaky: &no},
		StartPrivacy: {Privacy: &yes}, EndPrivacy: {Privacy: &no},
		AddIntegration: {ThirdParty: &yes}, RemoveIntegration: {ThirdParty: &no},
		Tamper: {Tampered: true}, RingDoorbell: {DoorbellRang: true},
	}
}

// Report makes a virtual device report something about itself; it is known when this returns. It returns
// workspace_not_sandbox, device_not_found, device_offline, not_supported for what the device cannot have,
// or invalid_input.
func (s *Simulator) Report(ctx context.Context, id string, t Reported) error {
	r, err := s.reach(ctx, id, "devices")
	if err != nil {
		return err
	}
	is, happened, err := s.reportOf(r, t)
	if err != nil {
		return err
	}
	s.Virtual.Report(r.Ref, is, happened...)
	return s.settle(ctx, r)
}

// reportOf is what the device reports when it is made to. It returns device_offline, as a device that does
// not answer reports nothing, not_supported for what it cannot have, or invalid_input.
func (s *Simulator) reportOf(r device.Reached, t Reported) (is provider.Report, happened []provider.Kind, err error) {
	lacks := func(what string) error {
		return fault.New(fault.NotSupported, "This device does not support that: it has no %s", what)
	}
	_, hasBattery := r.Properties["battery"]
	_, hasKeypad := r.Properties["accessory_keypad"]
	switch {
	case t == Reported{}:
		return is, nil, fault.Invalid("battery_level", "Required, or another thing that the device reports about itself")
	case string(r.Properties["online"]) != "true":
		return is, nil, fault.New(fault.DeviceOffline, "The device is offline, so it reports nothing. Bring it online first")
	case t.BatteryLevel != nil && !hasBattery:
		return is, nil, lacks("battery")
	case t.Keypad != nil && !hasKeypad:
		return is, nil, lacks("accessory keypad")
	case t.KeypadLevel != nil && (!hasKeypad || t.Keypad != nil && !*t.Keypad):
		return is, nil, lacks("accessory keypad")
	case t.DoorbellRang && !s.Virtual.HasDoorbell(r.Ref):
		return is, nil, lacks("doorbell")
	}
	full, connected := 1.0, true
	is.Evidence, is.Battery, is.Keypad, is.KeypadBattery = provider.Sent, t.BatteryLevel, t.Keypad, &full
	if t.KeypadLevel != nil {
		is.Keypad, is.KeypadBattery = &connected, t.KeypadLevel
	}
	for _, c := range []struct {
		sandbox.Condition
		on *bool
	}{{sandbox.FlakyConnection, t.Flaky}, {sandbox.PrivacyMode, t.Privacy}, {sandbox.ThirdPartyIntegration, t.ThirdParty}} {
		if c.on == nil {
			continue
		}
		warning, can := s.Virtual.Warning(r.Ref, c.Condition)
		switch {
		case !can:
			return is, nil, lacks(strings.ReplaceAll(string(c.Condition), "_", " "))
		case *c.on:
			is.Warnings = append(is.Warnings, warning)
		default:
			is.Over = append(is.Over, warning.Code)
		}
	}
	if t.Tampered {
		happened = append(happened, provider.Tampered)
	}
	if t.DoorbellRang {
		happened = append(happened, provider.DoorbellRang)
	}
	return is, happened, nil
}
