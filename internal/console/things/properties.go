package things

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"keyway/internal/console/frame"
)

// servedDevice is the JSON that the API serves for a device, as far as the Console looks at it. The
// rest is shown as it is, so that a property that is new needs no change here.
type servedDevice struct {
	ID           string         `json:"device_id"`
	Type         string         `json:"device_type"`
	DisplayName  string         `json:"display_name"`
	Capabilities []string       `json:"capabilities_supported"`
	AccountID    string         `json:"connected_account_id"`
	CreatedAt    time.Time      `json:"created_at"`
	Location     map[string]any `json:"location"`
	Metadata     map[string]any `json:"custom_metadata"`
	Properties   map[string]any `json:"properties"`
	Manufacturer struct {
		DisplayName string `json:"display_name"`
	} `json:"device_manufacturer"`
	Provider struct {
		DisplayName string `json:"display_name"`
	} `json:"device_provider"`
	Errors   []deviceError `json:"errors"`
	Warnings []deviceError `json:"warnings"`
}

func readDevice(raw []byte) (d servedDevice, err error) {
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("device: %w", err)
	}
	return d, nil
}

// row is the device as a line of the list.
func (d servedDevice) row() DeviceRow {
	brand := d.Manufacturer.DisplayName
	for _, name := range []string{text(d.Properties, "model", "manufacturer_display_name"), words(text(d.Properties, "manufacturer")),
		d.Provider.DisplayName} {
		if brand == "" {
			brand = name
		}
	}
	return DeviceRow{
		ID:      d.ID,
		Name:    d.DisplayName,
		Icon:    deviceIcon(d.Type, d.Capabilities),
		Brand:   brand,
		Type:    typeName(d.Type),
		Badges:  deviceBadges(d.Properties, len(d.Errors), len(d.Warnings)),
		Battery: deviceBattery(d.Properties),
	}
}

// newDevice reads all of a device, for its page.
func newDevice(raw []byte) (Device, error) {
	served, err := readDevice(raw)
	if err != nil {
		return Device{}, err
	}
	var flags map[string]any
	if err := json.Unmarshal(raw, &flags); err != nil {
		return Device{}, fmt.Errorf("device: %w", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		return Device{}, fmt.Errorf("device: %w", err)
	}
	d := Device{
		DeviceRow:    served.row(),
		Manufacturer: served.Manufacturer.DisplayName,
		Model:        text(served.Properties, "model", "display_name"),
		TimeZone:     text(served.Location, "time_zone"),
		AccountID:    served.AccountID,
		CreatedAt:    served.CreatedAt,
		Groups:       propertyGroups(served.Properties),
		Metadata:     metadataRows(served.Metadata),
		JSON:         indented.String(),
	}
	for _, e := range served.Errors {
		d.Errors = append(d.Errors, e.problem())
	}
	for _, e := range served.Warnings {
		d.Warnings = append(d.Warnings, e.problem())
	}
	for _, flag := range slices.Sorted(maps.Keys(flags)) {
		works, ok := flags[flag].(bool)
		if name, can := strings.CutPrefix(flag, "can_"); can && ok {
			d.Capabilities = append(d.Capabilities, Capability{Label: words(name), Flag: flag, Works: works})
		}
	}
	return d, nil
}

type deviceError struct {
	ErrorCode   string    `json:"error_code"`
	WarningCode string    `json:"warning_code"`
	Message     string    `json:"message"`
	CreatedAt   time.Time `json:"created_at"`
}

func (e deviceError) problem() Problem {
	return Problem{Code: e.ErrorCode + e.WarningCode, Message: e.Message, Since: e.CreatedAt}
}

func deviceIcon(deviceType string, capabilities []string) string {
	switch {
	case slices.Contains(capabilities, "thermostat"):
		return "thermostat"
	case slices.Contains(capabilities, "noise_detection"):
		return "noise"
	case strings.HasSuffix(deviceType, "_phone"):
		return "phone"
	case strings.HasSuffix(deviceType, "_camera"):
		return "camera"
	case strings.HasSuffix(deviceType, "_key"):
		return "key"
	default:
		return "lock"
	}
}

// typeName makes "Lock" of "august_lock": the brand is said beside it.
func typeName(deviceType string) string {
	for _, kind := range []string{"activity_zone", "access_point", "entry", "panel", "intercom"} {
		if strings.HasSuffix(deviceType, "_"+kind) {
			return words(kind)
		}
	}
	return words(deviceType[strings.LastIndexByte(deviceType, '_')+1:])
}

func deviceBadges(p map[string]any, problems, warnings int) []frame.Badge {
	var list []frame.Badge
	if online, ok := p["online"].(bool); ok && online {
		list = append(list, frame.Badge{Tone: frame.ToneGood, Text: "Online"})
	} else {
		list = append(list, frame.Badge{Tone: frame.ToneBad, Text: "Offline"})
	}
	if locked, ok := p["locked"].(bool); ok {
		if locked {
			list = append(list, frame.Badge{Tone: frame.ToneNeutral, Text: "Locked", Icon: "lock"})
		} else {
			list = append(list, frame.Badge{Tone: frame.ToneWarn, Text: "Unlocked", Icon: "unlock"})
		}
	}
	if open, ok := p["door_open"].(bool); ok && open {
		list = append(list, frame.Badge{Tone: frame.ToneWarn, Text: "Door open"})
	}
	if degrees, ok := p["temperature_fahrenheit"].(float64); ok {
		list = append(list, frame.Badge{Tone: frame.ToneNeutral, Text: number(degrees) + " °F", Icon: "thermostat"})
	}
	if level, ok := p["noise_level_decibels"].(float64); ok {
		list = append(list, frame.Badge{Tone: frame.ToneNeutral, Text: number(level) + " dB", Icon: "noise"})
	}
	if problems > 0 {
		list = append(list, frame.Badge{Tone: frame.ToneBad, Text: frame.Plural(problems, "error", "errors"), Icon: "alert"})
	}
	if warnings > 0 {
		list = append(list, frame.Badge{Tone: frame.ToneWarn, Text: frame.Plural(warnings, "warning", "warnings"), Icon: "alert"})
	}
	return list
}

func deviceBattery(p map[string]any) *Battery {
	level, ok := p["battery_level"].(float64)
	battery, _ := p["battery"].(map[string]any)
	if !ok {
		if level, ok = battery["level"].(float64); !ok {
			return nil
		}
	}
	status, _ := battery["status"].(string)
	return &Battery{Percent: int(math.Round(level * 100)), Low: status == "low" || status == "critical" || level < .2}
}

// groupOf returns the title under which a property is shown: More for those that no group names.
func groupOf(key string) string {
	switch {
	case strings.HasSuffix(key, "_metadata"):
		return words(strings.TrimSuffix(key, "_metadata")) + " details"
	case strings.Contains(key, "code"), strings.HasPrefix(key, "keypad_"), key == "has_native_entry_events":
		return "Access codes"
	case strings.HasPrefix(key, "temperature_") && !strings.Contains(key, "threshold"), key == "relative_humidity",
		strings.HasPrefix(key, "is_heating"), strings.HasPrefix(key, "is_cooling"), strings.HasPrefix(key, "is_fan"):
		return "Climate"
	case strings.Contains(key, "climate"), strings.Contains(key, "set_point"), strings.Contains(key, "temperature"),
		strings.Contains(key, "hvac"), strings.Contains(key, "thermostat"), strings.Contains(key, "fan_"):
		return climateSettings
	case strings.Contains(key, "noise"):
		return "Noise"
	case key == "model", key == "manufacturer", key == "serial_number", key == "appearance", key == "accessory_keypad",
		strings.HasPrefix(key, "image_"), key == "name":
		return "Model"
	case key == "online", key == "locked", key == "door_open", strings.HasPrefix(key, "battery"), strings.Contains(key, "auto_lock"),
		key == "has_direct_power":
		return "State"
	default:
		return "More"
	}
}

// climateSettings is the group of what a thermostat can do and of its presets.
const climateSettings = "Climate settings"

// climateNow are the keys of a thermostat's current setting that its page shows first.
var climateNow = []string{"display_name", "hvac_mode_setting", "fan_mode_setting", "heating_set_point_celsius",
	"heating_set_point_fahrenheit", "cooling_set_point_celsius", "cooling_set_point_fahrenheit"}

// prominence puts first what people look for first.
func prominence(key string) int {
	if i := slices.Index([]string{"online", "locked", "door_open", "battery", "name", "model"}, key); i >= 0 {
		return i
	}
	return 10
}

// groupOrder is how the groups follow each other; others stand between Model and More.
var groupOrder = []string{"State", "Access codes", "Climate", "Noise", "Model", climateSettings}

// extraFrom is where in groupOrder the groups begin that are of use to few.
const extraFrom = 4

func propertyGroups(properties map[string]any) []PropertyGroup {
	byTitle := map[string][]Property{}
	keys := slices.SortedFunc(maps.Keys(properties), func(a, b string) int {
		if d := prominence(a) - prominence(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	_, detailed := properties["battery"].(map[string]any)
	for _, key := range keys {
		title := groupOf(key)
		value := properties[key]
		if key == "battery_level" && detailed || key == "appearance" {
			continue // said again, and better, by battery and name
		}
		if nested, ok := value.(map[string]any); ok && (key == "model" || strings.HasSuffix(key, "_metadata")) {
			byTitle[title] = appendProperties(byTitle[title], key, "", nested)
			continue
		}
		if nested, ok := value.(map[string]any); ok && key == "current_climate_setting" {
			now, rest := map[string]any{}, map[string]any{}
			for name, v := range nested {
				if slices.Contains(climateNow, name) {
					now[name] = v
				} else {
					rest[name] = v
				}
			}
			byTitle["Climate"] = appendProperties(byTitle["Climate"], key, "Current setting", now)
			value = rest
		}
		byTitle[title] = appendMember(byTitle[title], key, words(key), properties, key, value)
	}
	rank := func(title string) int {
		switch i := slices.Index(groupOrder, title); {
		case i >= 0:
			return i
		case title == "More":
			return len(groupOrder) + 1
		default:
			return len(groupOrder)
		}
	}
	titles := slices.SortedFunc(maps.Keys(byTitle), func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var groups []PropertyGroup
	for _, title := range titles {
		if list := byTitle[title]; len(list) > 0 {
			groups = append(groups, PropertyGroup{Title: title, Properties: list, Extra: !slices.Contains(groupOrder[:extraFrom], title)})
		}
	}
	return groups
}

func appendProperties(list []Property, path, prefix string, object map[string]any) []Property {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		label := words(key)
		if prefix != "" && len(label) > 1 {
			if !unicode.IsUpper(rune(label[1])) { // no abbreviation
				label = strings.ToLower(label[:1]) + label[1:]
			}
			label = prefix + " " + label
		}
		list = appendMember(list, path+"."+key, label, object, key, object[key])
	}
	return list
}

// appendMember adds one value of an object. Temperatures that are there in both scales are one line.
func appendMember(list []Property, path, label string, object map[string]any, key string, value any) []Property {
	name, isFahrenheit := strings.CutSuffix(key, "_fahrenheit")
	if degrees, ok := value.(float64); ok && isFahrenheit {
		text := number(degrees) + " °F"
		if celsius, ok := object[name+"_celsius"].(float64); ok {
			text += " (" + number(math.Round(celsius*10)/10) + " °C)"
		}
		return append(list, Property{Label: strings.TrimSuffix(label, " fahrenheit"), Path: path, Value: text})
	}
	if name, isCelsius := strings.CutSuffix(key, "_celsius"); isCelsius {
		if _, both := object[name+"_fahrenheit"]; both {
			return list
		}
		if degrees, ok := value.(float64); ok {
			return append(list, Property{Label: strings.TrimSuffix(label, " celsius"), Path: path, Value: number(degrees) + " °C"})
		}
	}
	return appendProperty(list, path, label, value)
}

// appendProperty adds one value. Objects become a line for each of their values; lists of objects
// are left to the JSON, where they can be read.
func appendProperty(list []Property, path, label string, value any) []Property {
	property := Property{Label: label, Path: path}
	switch v := value.(type) {
	case nil:
		property.Value = "–"
	case bool:
		property.Value = "No"
		if v {
			property.Value = "Yes"
		}
	case float64:
		property.Value = number(v)
		if strings.HasSuffix(path, "battery_level") || strings.HasSuffix(path, "battery.level") || strings.HasSuffix(path, "relative_humidity") {
			property.Value = number(math.Round(v*100)) + "%"
		}
	case string:
		if strings.HasPrefix(v, "http://") || strings.HasPrefix(v, "https://") || strings.HasPrefix(v, "data:") || v == "" {
			return list
		}
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			property.Time = at
			break
		}
		property.Value = v
		if strings.Trim(v, "abcdefghijklmnopqrstuvwxyz_") == "" && (strings.HasSuffix(path, "status") || strings.HasSuffix(path, "mode") ||
			strings.HasSuffix(path, "_setting")) {
			property.Value = words(v)
		}
		property.Mono = strings.HasSuffix(path, "_id") || strings.HasSuffix(path, "serial_number")
	case []any:
		var values []string
		for _, item := range v {
			switch item := item.(type) {
			case map[string]any:
				kind := text(item, "constraint_type")
				if kind == "" {
					return append(list, Property{Label: label, Path: path, Value: frame.Plural(len(v), "entry", "entries")})
				}
				values = append(values, words(kind))
			case []any:
				return append(list, Property{Label: label, Path: path, Value: frame.Plural(len(v), "entry", "entries")})
			case float64:
				values = append(values, number(item))
			default:
				values = append(values, fmt.Sprint(item))
			}
		}
		property.Value = strings.Join(values, ", ")
		if len(v) == 0 {
			property.Value = "None"
		}
	case map[string]any:
		return appendProperties(list, path, label, v)
	}
	return append(list, property)
}

func text(object map[string]any, path ...string) string {
	for i, key := range path {
		if i == len(path)-1 {
			s, _ := object[key].(string)
			return s
		}
		object, _ = object[key].(map[string]any)
	}
	return ""
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// words makes "HVAC heat" of "hvac_heat".
func words(key string) string {
	if key == "" {
		return ""
	}
	parts := strings.Split(key, "_")
	for i, part := range parts {
		switch part {
		case "hvac", "id", "url", "ac", "wifi":
			parts[i] = strings.ToUpper(part)
		default:
			if i == 0 && part != "" {
				parts[i] = strings.ToUpper(part[:1]) + part[1:]
			}
		}
	}
	return strings.Join(parts, " ")
}

// Device is what the device page shows, made from the JSON that the API serves.
type Device struct {
	DeviceRow
	Manufacturer string
	Model        string
	TimeZone     string
	AccountID    string
	CreatedAt    time.Time
	Errors       []Problem
	Warnings     []Problem
	Groups       []PropertyGroup
	Metadata     []MetadataRow
	Capabilities []Capability
	JSON         string // indented
}

// HasExtra reports whether there are groups that are shown when asked for.
func (d Device) HasExtra() bool {
	return slices.ContainsFunc(d.Groups, func(g PropertyGroup) bool { return g.Extra })
}

// Problem is an error or a warning on a device or an access code.
type Problem struct {
	Bad         bool // an error
	Code        string
	Message     string
	Explanation string // what it means and how to fix it; may be empty
	Since       time.Time
}

// PropertyGroup is a titled list of properties.
type PropertyGroup struct {
	Title      string
	Properties []Property
	Extra      bool // shown when asked for
}

// Property is one line of a group.
type Property struct {
	Label string
	Path  string // where it stands in the JSON
	Value string
	Mono  bool
	Time  time.Time // instead of Value
}

// Capability is something that the device can do.
type Capability struct {
	Label string
	Flag  string // name of the can_* flag
	Works bool   // false: it has it, but it does not work now
}
