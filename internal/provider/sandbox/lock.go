package sandbox

import "keyway/internal/provider"

// ability is a set of what a lock can do and how it is made.
type ability uint16

const (
	remoteLock      ability = 1 << iota
	remoteUnlock            // opens from afar
	onlineCodes             // codes are programmed over the network
	offlineCodes            // codes are computed, the lock need not be reached
	autoLock                // locks itself after a while, which can be set
	doorSensor              // knows whether the door is open
	entryEvents             // reports who came in
	mains                   // has no battery
	noBolt                  // does not know whether it is locked
	builtInKeypad           // has its own keys
	accessoryKeypad         // has a keypad that is sold apart
	backupPool              // spare codes may be kept on it
	doorbell                // has a button that rings
	remote          = remoteLock | remoteUnlock
)

// codes is what a lock takes for a code.
type codes struct {
	lengths     []int    // digits
	most        int      // codes at the same time
	rules       []string // constraint_type of the API
	longestName int      // 0: any
	uniqueNames bool
}

// lock is the template of locks and of all else that opens with a code or from afar.
type lock struct {
	deviceType string
	maker      provider.Manufacturer
	models     []string // one is drawn
	can        ability
	codes      codes
	image      string // default: a lock, or a keypad where it has one
	noun       string // for the picture's description; default "smart lock"
	metadata   string // name of the brand's metadata property
	detail     func(u *unit, locked bool) props
	online     func(u *unit) []any // online_time_frame_options; none: any time goes
	offline    func(u *unit) []any // offline_time_frame_options
}

func (l lock) has(a ability) bool { return l.can&a == a }

func (l lock) rooms() [4]string {
	return [...]string{"Front Door", "Back Door", "Garage", "Storage"}
}

func (l lock) device(u *unit) provider.Device {
	u.model = l.models[u.draw("model", len(l.models))]
	takesCodes := l.can&(onlineCodes|offlineCodes) != 0
	locked := u.chance("locked", 80)
	p := props{
		"manufacturer":  l.maker.Name,
		"serial_number": u.code("serial", 10),
		"model": props{
			"display_name":                   u.model,
			"manufacturer_display_name":      l.maker.DisplayName,
			"has_built_in_keypad":            l.has(builtInKeypad),
			"can_connect_accessory_keypad":   l.has(accessoryKeypad),
			"accessory_keypad_supported":     l.has(accessoryKeypad),
			"online_access_codes_supported":  l.has(onlineCodes),
			"offline_access_codes_supported": l.has(offlineCodes),
		},
		"has_direct_power":                 l.has(mains),
		"has_native_entry_events":          l.has(entryEvents),
		"supports_accessory_keypad":        l.has(accessoryKeypad),
		"supports_offline_access_codes":    l.has(offlineCodes),
		"offline_access_codes_enabled":     l.has(offlineCodes),
		"online_access_codes_enabled":      l.has(onlineCodes),
		"supports_backup_access_code_pool": l.has(backupPool),
		"backup_access_code_pool_enabled":  false,
	}
	d := provider.Device{Type: l.deviceType, Manufacturer: l.maker, Properties: p, Flags: map[string]bool{}}

	image, noun := l.image, l.noun
	if image == "" {
		image = lockDrawing
		if l.has(builtInKeypad) {
			image = keypadDrawing
		}
	}
	if noun == "" {
		noun = "smart lock"
	}
	p["image_url"], p["image_alt_text"] = image, l.maker.DisplayName+" "+noun
	if takesCodes {
		d.Capabilities = append(d.Capabilities, "access_code")
		d.Flags["can_unlock_with_code"] = true
		l.codes.describe(p)
	}
	if l.has(onlineCodes) {
		d.Flags["can_program_online_access_codes"] = true
	}
	if l.online != nil {
		p["online_time_frame_options"] = l.online(u)
	}
	if l.has(offlineCodes) {
		d.Flags["can_program_offline_access_codes"] = true
		p["offline_time_frame_options"] = l.offline(u)
	}
	if l.can&remote != 0 || !l.has(noBolt) {
		d.Capabilities = append(d.Capabilities, "lock")
	}
	if l.has(remoteLock) {
		d.Flags["can_remotely_lock"] = true
	}
	if l.has(remoteUnlock) {
		d.Flags["can_remotely_unlock"] = true
	}
	if !l.has(noBolt) {
		p["locked"] = locked
	}
	if l.has(doorSensor) {
		p["door_open"] = !locked && u.chance("open", 30)
	}
	if l.has(autoLock) {
		d.Flags["can_configure_auto_lock"] = true
		p["auto_lock_enabled"] = u.chance("auto-lock", 60)
		p["auto_lock_delay_seconds"] = float64(30 * (1 + u.draw("auto-lock delay", 10)))
	}
	if l.has(accessoryKeypad) {
		keypad := props{"is_connected": u.trouble != keypadMissing}
		if u.trouble != keypadMissing {
			level := u.keypadLevel()
			keypad["battery"] = props{"level": level}
			p["keypad_battery"] = props{"level": level}
		}
		p["accessory_keypad"] = keypad
	}
	if !l.has(mains) {
		d.Capabilities = append(d.Capabilities, "battery")
		battery(p, u.batteryLevel())
	}
	if l.metadata != "" {
		p[l.metadata] = l.detail(u, locked)
	}
	return d
}

// describe specifies what an access code must be like.
func (c codes) describe(p props) {
	lengths := make([]any, len(c.lengths))
	for i, n := range c.lengths {
		lengths[i] = float64(n)
	}
	constraints := make([]any, 0, len(c.rules)+2)
	for _, rule := range c.rules {
		constraints = append(constraints, props{"constraint_type": rule})
	}
	if c.longestName > 0 {
		constraints = append(constraints, props{"constraint_type": "name_length", "min_length": 1.0, "max_length": float64(c.longestName)})
	}
	if c.uniqueNames {
		constraints = append(constraints, props{"constraint_type": "name_must_be_unique"})
	}
	p["supported_code_lengths"] = lengths
	p["code_constraints"] = constraints
	p["max_active_codes_supported"] = float64(c.most)
}

func (u *unit) keypadLevel() float64 { return u.between("keypad battery", 0.5, 1, 0.01) }

// span returns the numbers from low to high.
func span(low, high int) []int {
	numbers := make([]int, 0, high-low+1)
	for n := low; n <= high; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

// algorithmic returns the time frames of codes that a lock computes: by the hour for short stays,
// by the day for long ones.
func algorithmic(u *unit) []any {
	return []any{
		props{"display_name": "Hourly", "min_duration": "PT1H", "max_duration": "PT672H"},
		props{"display_name": "Daily", "min_duration": "P29D", "max_duration": "P367D", "matching_start_end_time": true},
	}
}

// checkInTimes returns the time frames of locks whose codes begin and end at fixed hours.
func checkInTimes(u *unit) []any {
	return []any{props{
		"display_name": "Fixed start times",
		"max_duration": "P30D",
		"time_zone":    u.zone.name,
		"time_pairs": []any{
			props{"display_name": "Guest stay", "start_time": "15:00", "end_time": "11:00"},
			props{"display_name": "Day use", "start_time": "09:00", "end_time": "18:00"},
		},
	}}
}
