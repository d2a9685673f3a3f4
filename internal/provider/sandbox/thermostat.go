package sandbox

import (
	"math"
	"slices"
	"strings"

	"keyway/internal/provider"
)

// thermostat is the template of thermostats.
type thermostat struct {
	deviceType string
	maker      provider.Manufacturer
	models     []string
	modes      []string // hvac_mode_setting of the API
	fans       []string // fan_mode_setting of the API; none: it drives no fan
	presets    []string // climate_preset_key of the API; the first one is active
	presetMode bool     // presets say their mode: home, away, …
	celsius    bool     // set points are in half degrees Celsius, else in whole degrees Fahrenheit
	battery    bool
	delta      float64 // least distance of the set points, in °F or °C as above
	programs   []string
	periods    int     // of a daily program; 0: it runs no programs
	precision  float64 // of a period's start, in minutes
	metadata   string
	detail     func(u *unit) props
	ownPreset  func(key string) props // what the brand adds to a preset
}

func (t thermostat) has(mode string) bool { return slices.Contains(t.modes, mode) }

func (t thermostat) rooms() [4]string {
	return [...]string{"Living Room", "Bedroom", "Hallway", "Kitchen"}
}

func (t thermostat) device(u *unit) provider.Device {
	u.model = t.models[u.draw("model", len(t.models))]
	p := props{
		"manufacturer":   t.maker.Name,
		"serial_number":  u.code("serial", 12),
		"image_url":      thermostatDrawing,
		"image_alt_text": t.maker.DisplayName + " thermostat",
		"model": props{
			"display_name":              u.model,
			"manufacturer_display_name": t.maker.DisplayName,
		},
		"has_direct_power":                    true,
		"relative_humidity":                   u.between("humidity", 0.3, 0.6, 0.01),
		"available_hvac_mode_settings":        texts(t.modes),
		"active_thermostat_schedule":          nil,
		"active_thermostat_schedule_id":       nil,
		"fallback_climate_preset_key":         nil,
		"thermostat_daily_programs":           []any{},
		"thermostat_weekly_program":           nil,
		"is_temporary_manual_override_active": false,
		"temperature_threshold": props{
			"lower_limit_celsius": nil, "lower_limit_fahrenheit": nil,
			"upper_limit_celsius": nil, "upper_limit_fahrenheit": nil,
		},
	}
	d := provider.Device{Type: t.deviceType, Manufacturer: t.maker, Properties: p, Capabilities: []string{"thermostat"}, Flags: t.flags()}
	if t.battery {
		d.Capabilities = append(d.Capabilities, "battery")
		battery(p, u.batteryLevel())
	}
	if t.periods > 0 {
		p["max_thermostat_daily_program_periods_per_day"] = float64(t.periods)
		p["max_unique_climate_presets_per_thermostat_weekly_program"] = float64(max(t.periods, len(t.presets)))
		p["thermostat_daily_program_period_precision_minutes"] = t.precision
	}
	t.limits(p)

	mode := t.mode(u)
	presets, presetModes := make([]any, len(t.presets)), []any{}
	for i, key := range t.presets {
		presets[i] = t.preset(key, mode)
		if t.presetMode {
			presetModes = append(presetModes, key)
		}
	}
	p["available_climate_presets"] = presets
	p["available_climate_preset_modes"] = presetModes
	// Each is an object of its own: one who changes the current setting must not change the preset.
	p["current_climate_setting"], p["default_climate_setting"] = t.preset(t.presets[0], mode), t.preset(t.presets[0], mode)

	warmest, coldest := t.setPoints(t.presets[0])
	now := t.quantity(u.between("temperature", coldest-3, warmest+3, 0.5))
	if u.trouble == thresholdExceeded {
		threshold := p["temperature_threshold"].(props)
		t.quantity(coldest).put(threshold, "lower_limit")
		t.quantity(warmest).put(threshold, "upper_limit")
		now = t.quantity(warmest + 2.5)
	}
	now.put(p, "temperature")
	offline, _ := provider.Impact(u.trouble.effect().code)
	works := !offline
	heats := works && (mode == "heat" || mode == "heat_cool") && now.degrees < coldest
	cools := works && (mode == "cool" || mode == "heat_cool") && now.degrees > warmest
	if works && u.trouble == auxiliaryHeat {
		heats, cools = true, false
	}
	p["is_heating"], p["is_cooling"], p["is_fan_running"] = heats, cools, len(t.fans) > 0 && (heats || cools)
	if len(t.fans) > 0 {
		p["available_fan_mode_settings"], p["fan_mode_setting"] = texts(t.fans), t.fans[0]
	}
	if t.metadata != "" {
		p[t.metadata] = t.detail(u)
	}
	return d
}

func (t thermostat) flags() map[string]bool {
	flags := map[string]bool{}
	for mode, flag := range map[string]string{"heat": "can_hvac_heat", "cool": "can_hvac_cool", "heat_cool": "can_hvac_heat_cool",
		"off": "can_turn_off_hvac"} {
		if t.has(mode) {
			flags[flag] = true
		}
	}
	if t.periods > 0 {
		flags["can_run_thermostat_programs"] = true
	}
	for _, week := range t.programs {
		flags["can_program_thermostat_programs_as_"+week] = true
	}
	return flags
}

// mode draws the mode of all presets of a thermostat.
func (t thermostat) mode(u *unit) string {
	if u.trouble == auxiliaryHeat {
		return "heat"
	}
	var running []string
	for _, mode := range t.modes {
		if mode != "off" && mode != "eco" {
			running = append(running, mode)
		}
	}
	return running[u.draw("mode", len(running))]
}

// setPoints returns where a preset cools and where it heats, in the thermostat's own degrees.
func (t thermostat) setPoints(preset string) (cooling, heating float64) {
	switch preset {
	case "away", "unoccupied", "eco":
		cooling, heating = 82, 62
	case "sleep":
		cooling, heating = 78, 66
	default:
		cooling, heating = 75, 70
	}
	if t.celsius {
		half := func(f float64) float64 { return math.Round((f-32)/1.8*2) / 2 }
		return half(cooling), half(heating)
	}
	return cooling, heating
}

func (t thermostat) preset(key, mode string) props {
	if key == "eco" && t.has("eco") {
		mode = "eco"
	}
	name := strings.ToUpper(key[:1]) + key[1:]
	p := props{
		"climate_preset_key":                     key,
		"display_name":                           name,
		"name":                                   name,
		"can_edit":                               true,
		"can_delete":                             key != t.presets[0],
		"can_use_with_thermostat_daily_programs": t.periods > 0,
		"manual_override_allowed":                true,
		"hvac_mode_setting":                      mode,
	}
	if t.presetMode {
		p["climate_preset_mode"] = key
	}
	if len(t.fans) > 0 {
		p["fan_mode_setting"] = t.fans[0]
	}
	cooling, heating := t.setPoints(key)
	if mode == "heat" || mode == "heat_cool" || mode == "eco" {
		t.quantity(heating).put(p, "heating_set_point")
	}
	if mode == "cool" || mode == "heat_cool" || mode == "eco" {
		t.quantity(cooling).put(p, "cooling_set_point")
	}
	if t.ownPreset != nil {
		p["ecobee_metadata"] = t.ownPreset(key)
	}
	return p
}

// limits specifies what can be set.
func (t thermostat) limits(p props) {
	heating, cooling := [2]float64{45, 80}, [2]float64{60, 92}
	if t.celsius {
		heating, cooling = [2]float64{5, 28}, [2]float64{16, 32}
	}
	if t.has("heat") {
		t.quantity(heating[0]).put(p, "min_heating_set_point")
		t.quantity(heating[1]).put(p, "max_heating_set_point")
	}
	if t.has("cool") {
		t.quantity(cooling[0]).put(p, "min_cooling_set_point")
		t.quantity(cooling[1]).put(p, "max_cooling_set_point")
	}
	if t.has("heat_cool") {
		// A difference has no zero point to convert.
		fahrenheit, celsius := t.delta, round(t.delta/1.8)
		if t.celsius {
			fahrenheit, celsius = round(t.delta*1.8), t.delta
		}
		p["min_heating_cooling_delta_fahrenheit"], p["min_heating_cooling_delta_celsius"] = fahrenheit, celsius
	}
}

// quantity is a temperature in the thermostat's own degrees.
type quantity struct {
	degrees float64
	celsius bool
}

func (t thermostat) quantity(degrees float64) quantity { return quantity{degrees, t.celsius} }

// put lays the temperature down in both degrees.
func (q quantity) put(p props, name string) {
	celsius, fahrenheit := q.degrees, round(q.degrees*1.8+32)
	if !q.celsius {
		celsius, fahrenheit = round((q.degrees-32)/1.8), q.degrees
	}
	p[name+"_celsius"], p[name+"_fahrenheit"] = celsius, fahrenheit
}

func texts(list []string) []any {
	values := make([]any, len(list))
	for i, text := range list {
		values[i] = text
	}
	return values
}
