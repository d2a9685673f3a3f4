package device

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
)

// look is what shows of a device; what differs between two looks is told.
type look struct {
	problems []string // codes of its errors and warnings
	online   bool
	battery  string // status; empty: it has none, or nobody knows
	keypad   string // whether an accessory keypad is connected: true, false, or empty
}

func (r *Reached) look() look {
	_, status := r.battery()
	return look{r.problems(), string(r.Properties["online"]) == "true", status, string(r.keypad())}
}

func (d *Device) battery() (level float64, status string) {
	var b struct {
		Level  float64 `json:"level"`
		Status string  `json:"status"`
	}
	_ = json.Unmarshal(d.Properties["battery"], &b) // absent: it has none
	return b.Level, b.Status
}

// Observe writes down what a device tells of itself, lets all that follows from that follow, and writes
// the events.
func (d *Devices) Observe(ctx context.Context, tx *store.Tx, r *Reached, is provider.Report) error {
	was := r.look()
	if err := r.take(is, d.Now()); err != nil {
		return err
	}
	return d.follow(ctx, tx, r, was, is.Moments...)
}

// take changes the device to what it tells of itself.
func (r *Reached) take(is provider.Report, now time.Time) error {
	values := map[string]any{}
	if is.Battery != nil {
		values["battery"] = map[string]any{"level": *is.Battery, "status": provider.BatteryStatus(*is.Battery)}
		values["battery_level"] = *is.Battery
	}
	if is.Keypad != nil {
		keypad := map[string]any{"is_connected": *is.Keypad}
		delete(r.Properties, "keypad_battery")
		if *is.Keypad && is.KeypadBattery != nil {
			level := map[string]any{"level": *is.KeypadBattery}
			keypad["battery"], values["keypad_battery"] = level, level
		}
		values["accessory_keypad"] = keypad
	}
	for name, v := range values {
		if err := r.Properties.set(name, v); err != nil {
			return err
		}
	}
	r.Warnings = slices.DeleteFunc(r.Warnings, func(w Warning) bool { return slices.Contains(is.Over, w.Code) })
	had := r.problems()
	for _, w := range is.Warnings {
		if !slices.Contains(had, w.Code) {
			r.Warnings = append(r.Warnings, Warning{Code: w.Code, Message: w.Message, CreatedAt: rpc.Time{Time: now.Truncate(time.Millisecond)}})
		}
	}
	return nil
}

// follow lets everything follow from what has changed about a device since a look at it: whether it is
// online, what works, the events.
func (d *Devices) follow(ctx context.Context, tx *store.Tx, r *Reached, was look, moments ...provider.Moment) error {
	if sim, ok := r.Provider.(Simulator); ok {
		works, online := sim.Working(store.Strings(r.Flags.names()), r.problems(), r.KeypadMissing())
		if err := r.Flags.set(works); err != nil {
			return err
		}
		if _, has := r.Properties["online_access_codes_enabled"]; has {
			if err := r.Properties.set("online_access_codes_enabled", works["can_program_online_access_codes"]); err != nil {
				return err
			}
		}
		if err := r.Properties.set("online", online); err != nil {
			return err
		}
	}
	if err := d.save(ctx, tx, &r.Device); err != nil {
		return err
	}
	return d.Events.Append(ctx, tx, r.WorkspaceID, append(r.changes(d.Now(), was), r.happened(d.Now(), moments)...)...)
}

// changes are the events of what is different from a look at the device before.
func (r *Reached) changes(now time.Time, was look) (out []event.Event) {
	is := r.look()
	tell := func(kind string, fields map[string]any) { out = append(out, r.Event(kind, now, fields)) }
	came := func(code string) bool {
		return slices.Contains(is.problems, code) && !slices.Contains(was.problems, code)
	}
	went := func(code string) bool {
		return slices.Contains(was.problems, code) && !slices.Contains(is.problems, code)
	}
	connected, disconnected := "device.connected", "device.disconnected"
	if !r.IsManaged {
		connected, disconnected = "device.unmanaged.connected", "device.unmanaged.disconnected"
	}
	switch {
	case came(codeRemoved):
		tell("device.removed", nil)
	case was.online && !is.online:
		code := is.problems[0]
		for _, c := range is.problems {
			if !slices.Contains(was.problems, c) {
				code = c
			}
		}
		tell(disconnected, r.withProblems(map[string]any{"error_code": code}))
	case !was.online && is.online:
		tell(connected, nil)
	}
	for _, c := range []struct {
		code, came, went string
		problems         bool // the first event tells what is wrong besides
	}{
		{codeSubscription, "device.error.subscription_required", "device.error.subscription_required.resolved", true},
		{"device_has_flaky_connection", "device.connection_became_flaky", "device.connection_stabilized", true},
		{"third_party_integration_detected", "device.third_party_integration_detected", "device.third_party_integration_no_longer_detected", false},
		{saltoPrivacyMode, "device.salto.privacy_mode_activated", "device.salto.privacy_mode_deactivated", false},
	} {
		switch {
		case came(c.code) && c.problems:
			tell(c.came, r.withProblems(map[string]any{}))
		case came(c.code):
			tell(c.came, nil)
		case went(c.code):
			tell(c.went, nil)
		}
	}
	switch {
	case is.keypad == was.keypad:
	case is.keypad == "true":
		tell("device.accessory_keypad_connected", nil)
	case is.keypad == "false":
		tell("device.accessory_keypad_disconnected", r.withProblems(map[string]any{}))
	}
	if level, status := r.battery(); status != was.battery && status != "" {
		tell("device.battery_status_changed", map[string]any{"battery_status": status, "battery_level": level})
		if isLow(status) && !isLow(was.battery) {
			tell("device.low_battery", map[string]any{"battery_level": level})
		}
	}
	return out
}

func isLow(status string) bool { return status == "low" || status == "critical" }

// happened are the events of moments.
func (r *Reached) happened(now time.Time, moments []provider.Moment) (out []event.Event) {
	for _, m := range moments {
		out = append(out, r.Event("device."+string(m), now, nil))
	}
	return out
}

const saltoPrivacyMode = "salto_ks_privacy_mode"

// InPrivacyMode tells whether someone inside keeps all codes out.
func (d *Device) InPrivacyMode() bool {
	return slices.ContainsFunc(d.Warnings, func(w Warning) bool { return w.Code == "privacy_mode" || w.Code == saltoPrivacyMode })
}

// KeypadMissing tells whether the device has no keys to enter a code at: its accessory keypad is not
// connected, and it has none of its own.
func (d *Device) KeypadMissing() bool {
	var model struct {
		OwnKeys bool `json:"has_built_in_keypad"`
	}
	_ = json.Unmarshal(d.Properties["model"], &model) // absent: it is no lock
	return string(d.keypad()) == "false" && !model.OwnKeys
}
