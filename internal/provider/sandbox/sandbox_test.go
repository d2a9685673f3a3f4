package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/provider"
)

func setup(t testing.TB) *Driver {
	t.Helper()
	return New(nil, func() time.Time { return time.Date(2026, 3, 4, 15, 6, 7, 0, time.UTC) })
}

func connect(t testing.TB, p *Driver, brand, login string) provider.Account {
	t.Helper()
	answers, err := p.StandardAnswers(brand, login)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Connect(t.Context(), "", brand, answers)
	if err != nil {
		t.Fatalf("%s as %s: %v", brand, login, err)
	}
	return a
}

// each runs a test for every device of several logins of every brand.
func each(t *testing.T, check func(t *testing.T, brand provider.Brand, d provider.Device)) {
	p := setup(t)
	for _, b := range p.Brands() {
		for _, login := range []string{"jane", "john", "sam", "frodo", "andrew"} {
			t.Run(b.Name+"/"+login, func(t *testing.T) {
				t.Parallel()
				for i, d := range connect(t, p, b.Name, login).Devices {
					t.Run(fmt.Sprint(i), func(t *testing.T) { check(t, b, d) })
				}
			})
		}
	}
}

func TestBrands(t *testing.T) {
	t.Parallel()
	p := setup(t)
	seen := map[string]bool{}
	for _, b := range p.Brands() {
		if seen[b.Name] || b.DisplayName == "" || len(b.SignIn.Fields) == 0 {
			t.Errorf("%s: seen before, or without a name or a field", b.Name)
		}
		seen[b.Name] = true
		if !b.Capabilities["can_simulate_connection"] || len(b.Capabilities) < 2 {
			t.Errorf("%s: capabilities %v", b.Name, b.Capabilities)
		}
		checkImage(t, b.ImageURL)
	}
	for _, name := range []string{"august", "yale", "schlage", "kwikset", "nuki", "ttlock", "igloohome", "salto", "salto_ks", "lockly", "wyze",
		"genie", "smartthings", "tedee", "akiles", "linear", "brivo", "my_2n", "controlbyweb", "four_suites", "ultraloq", "dormakaba_oracode",
		"keyincode", "omnitec", "avigilon_alta", "kisi", "igloo", "ecobee", "nest", "honeywell_resideo", "sensi", "tado", "minut", "noiseaware",
		"keynest"} {
		if !seen[name] {
			t.Errorf("no brand %s", name)
		}
	}
}

func TestTableNames(t *testing.T) {
	t.Parallel()
	for _, b := range table() {
		most := max(b.count, 4, 1+len(b.troubles))
		if b.count > 0 {
			most = b.count
		}
		if most > len(b.names) || most > 6 || most < 2 {
			t.Errorf("%s: %d devices for %d names", b.name, most, len(b.names))
		}
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	with := func(name, value string) func(map[string]string) {
		return func(a map[string]string) { a[name] = value }
	}
	for _, c := range []struct {
		name, brand, login string
		change             func(map[string]string)
		kind               provider.SignInErrorKind
		field              string
	}{
		{"right", "august", "jane", with("password", "1234"), "", ""},
		{"any address", "schlage", "Some.One+1@Example.com", with("password", " 1234 "), "", ""},
		{"wrong password", "august", "jane", with("password", "12345"), provider.WrongCredentials, "password"},
		{"other domain", "schlage", "jane", with("email", "jane@example.org"), provider.WrongCredentials, "email"},
		{"no local part", "schlage", "jane", with("email", "@example.com"), provider.WrongCredentials, "email"},
		{"two addresses", "schlage", "jane", with("email", "a@b@example.com"), provider.WrongCredentials, "email"},
		{"no password", "schlage", "jane", with("password", ""), provider.MissingAnswer, "password"},
		{"no address", "schlage", "jane", with("email", " "), provider.MissingAnswer, "email"},
		{"locked", "schlage", "locked", with("password", "wrong"), provider.AccountLocked, ""},
		{"no region", "yale", "jane", with("region", ""), provider.RegionRequired, "region"},
		{"unknown region", "yale", "jane", with("region", "Moon"), provider.RegionRequired, "region"},
		{"other region", "yale", "jane", with("region", "Others"), "", ""},
		{"no code", "august", "jane", with("two_factor_code", ""), provider.TwoFactorRequired, "two_factor_code"},
		{"wrong code", "august", "jane", with("two_factor_code", "654321"), provider.WrongTwoFactor, "two_factor_code"},
		{"wrong password before code", "august", "jane", func(a map[string]string) {
			a["password"], a["two_factor_code"] = "x", ""
		}, provider.WrongCredentials, "password"},
		{"wrong key", "wyze", "jane", with("api_key", "x"), provider.WrongCredentials, "api_key"},
		{"wrong site", "dormakaba_oracode", "jane", with("site_name", "Elsewhere"), provider.WrongCredentials, "site_name"},
		{"no such zone", "omnitec", "jane", with("time_zone", "Mars/Olympus"), provider.WrongCredentials, "time_zone"},
		{"machine's zone", "omnitec", "jane", with("time_zone", "Local"), provider.WrongCredentials, "time_zone"},
		{"two words", "controlbyweb", "jane", with("username", "jane doe"), provider.WrongCredentials, "username"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := setup(t)
			answers, err := p.StandardAnswers(c.brand, c.login)
			if err != nil {
				t.Fatal(err)
			}
			c.change(answers)
			_, err = p.Connect(t.Context(), "", c.brand, answers)
			var signIn *provider.SignInError
			if c.kind == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.As(err, &signIn) || signIn.Kind != c.kind || signIn.Field != c.field {
				t.Fatalf("got %#v", err)
			}
			for name, answer := range answers {
				if name != "region" && len(answer) > 3 && strings.Contains(signIn.Message, answer) {
					t.Errorf("the message %q holds the answer to %s", signIn.Message, name)
				}
			}
		})
	}
}

func TestEveryBrandSignsIn(t *testing.T) {
	t.Parallel()
	p := setup(t)
	for _, b := range p.Brands() {
		if n := len(connect(t, p, b.Name, LoginEmpty).Devices); n != 0 {
			t.Errorf("%s: the empty account has %d devices", b.Name, n)
		}
		answers, _ := p.StandardAnswers(b.Name, LoginLocked)
		var signIn *provider.SignInError
		if _, err := p.Connect(t.Context(), "", b.Name, answers); !errors.As(err, &signIn) || signIn.Kind != provider.AccountLocked {
			t.Errorf("%s: locked account: %v", b.Name, err)
		}
		if _, err := p.Connect(t.Context(), "", b.Name, nil); !errors.As(err, &signIn) {
			t.Errorf("%s: no answers: %v", b.Name, err)
		}
		a := connect(t, p, b.Name, "jane")
		if a.Brand != b.Name || len(a.UserIdentifier) != 1 || a.ExternalID == "" ||
			!slices.Contains([]string{a.UserIdentifier["email"], a.UserIdentifier["username"]}, a.ExternalID) {
			t.Errorf("%s: account %+v", b.Name, a)
		}
	}
}

func TestUnknownBrandAndEndedContext(t *testing.T) {
	t.Parallel()
	p := setup(t)
	if _, err := p.Connect(t.Context(), "", "acme", nil); !errors.Is(err, provider.ErrUnknownBrand) {
		t.Error(err)
	}
	if _, err := p.StandardAnswers("acme", "jane"); !errors.Is(err, provider.ErrUnknownBrand) {
		t.Error(err)
	}
	if _, err := p.VariedAccount("acme"); !errors.Is(err, provider.ErrUnknownBrand) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Connect(ctx, "", "august", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestLoginsAreStableAndDiffer(t *testing.T) {
	t.Parallel()
	p, seen := setup(t), map[string]string{}
	for _, b := range p.Brands() {
		for _, login := range []string{"jane", "john", "sam"} {
			a := connect(t, p, b.Name, login)
			if again := connect(t, setup(t), b.Name, strings.ToUpper(login)); !reflect.DeepEqual(a, again) {
				t.Errorf("%s as %s is not stable", b.Name, login)
			}
			if n := len(a.Devices); n < 2 || n > 6 {
				t.Errorf("%s as %s: %d devices", b.Name, login, n)
			}
			names := map[string]bool{}
			for _, d := range a.Devices {
				if who, taken := seen[d.ExternalID]; taken || names[d.Name] {
					t.Errorf("%s as %s: %s %q was seen before: %s", b.Name, login, d.ExternalID, d.Name, who)
				}
				seen[d.ExternalID], names[d.Name] = b.Name+" "+login, true
			}
		}
	}
}

// Devices in existing workspaces are found again by these ids.
func TestIDsNeverChange(t *testing.T) {
	t.Parallel()
	for brand, want := range map[string]string{
		"august": "e5d827e9-2ebd-8e89-8665-1ab0617dea6a Front Door",
		"ecobee": "d768ba6b-2332-8436-8008-89d81c4cd3be Living Room",
		"minut":  "05a33d44-3630-8b89-aad8-ea62e7d4b1b6 Lounge",
	} {
		d := connect(t, setup(t), brand, "jane").Devices[0]
		if got := d.ExternalID + " " + d.Name; got != want {
			t.Errorf("%s: got %q", brand, got)
		}
	}
}

func TestDocumentedNames(t *testing.T) {
	t.Parallel()
	var names []string
	for _, d := range connect(t, setup(t), "keyincode", "jane").Devices {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"Back Door Lock", "Front Door Lock"}) {
		t.Error(names)
	}
}

func TestFirstDeviceIsWellAndOnlyJaneHasTrouble(t *testing.T) {
	t.Parallel()
	p := setup(t)
	for _, b := range p.Brands() {
		for _, login := range []string{"jane", "john", "sam"} {
			for i, d := range connect(t, p, b.Name, login).Devices {
				if i > 0 && login == "jane" {
					continue
				}
				well := d.Online && len(d.Errors) == 0 && len(d.Warnings) == 0 && d.TimeZone != "" &&
					!slices.Contains(slices.Collect(maps.Values(d.Flags)), false)
				if level, ok := d.Properties["battery_level"].(float64); !well || ok && level < 0.25 {
					t.Errorf("%s as %s: device %d is not well: %+v", b.Name, login, i, d)
				}
			}
		}
	}
}

func TestJaneHasTrouble(t *testing.T) {
	t.Parallel()
	p, codes, levels := setup(t), map[string]int{}, map[string]int{}
	for _, b := range p.Brands() {
		for _, d := range connect(t, p, b.Name, "jane").Devices {
			for _, problem := range append(d.Errors, d.Warnings...) {
				codes[problem.Code]++
			}
			if battery, ok := d.Properties["battery"].(props); ok {
				levels[battery["status"].(string)]++
			}
		}
	}
	for _, code := range []string{"device_offline", "device_disconnected", "hub_disconnected", "subscription_required",
		"temperature_threshold_exceeded"} {
		if codes[code] == 0 {
			t.Errorf("nowhere %s", code)
		}
	}
	if levels["low"] == 0 || levels["critical"] == 0 {
		t.Errorf("batteries: %v", levels)
	}
}

// With every brand an app meets a device that is offline, and a low battery where its devices have one.
// Brands whose devices are documented by number have too few, and a key is never offline.
func TestJaneHasTroubleWithEveryBrand(t *testing.T) {
	t.Parallel()
	p := setup(t)
	for _, b := range p.Brands() {
		offline, batteries, low := p.byName[b.Name].count > 0 || b.Name == "keynest", 0, 0
		for _, d := range connect(t, p, b.Name, "jane").Devices {
			offline = offline || !d.Online
			if battery, ok := d.Properties["battery"].(props); ok {
				batteries++
				if battery["status"] == "low" || battery["status"] == "critical" {
					low++
				}
			}
		}
		if !offline || batteries > 0 && low == 0 {
			t.Errorf("%s: offline %t, %d of %d batteries low", b.Name, offline, low, batteries)
		}
	}
}

func TestSimulations(t *testing.T) {
	t.Parallel()
	p := setup(t)
	for flag, want := range map[string][]string{
		"can_simulate_removal":           {"august", "yale"},
		"can_simulate_hub_connection":    {"august", "dusaw", "sifely", "thirty_three_lock", "ttlock"},
		"can_simulate_hub_disconnection": {"august", "dusaw", "igloohome", "sifely", "thirty_three_lock", "ttlock"},
		"can_simulate_paid_subscription": {"nuki"},
		"can_program_offline_access_codes": {"dormakaba_oracode", "dusaw", "igloo", "igloohome", "keyincode", "omnitec", "sifely",
			"thirty_three_lock", "ttlock"},
	} {
		var got []string
		for _, b := range p.Brands() {
			if b.Capabilities[flag] {
				got = append(got, b.Name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v", flag, got)
		}
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b provider.Brand, d provider.Device) {
		text, err := json.Marshal(d.Properties)
		if err != nil {
			t.Fatal(err)
		}
		var stored props
		if err := json.Unmarshal(text, &stored); err != nil || !reflect.DeepEqual(stored, d.Properties) {
			t.Errorf("properties read otherwise after they were stored: %v\n%s", err, text)
		}
		if d.Manufacturer.Name != d.Properties["manufacturer"] || d.Manufacturer.DisplayName == "" {
			t.Errorf("manufacturer %+v", d.Manufacturer)
		}
		checkImage(t, d.Manufacturer.ImageURL)
		checkImage(t, d.Properties["image_url"].(string))
		want(t, d.Properties, "appearance", "model", "manufacturer", "serial_number", "image_url", "image_alt_text", "has_direct_power")
		want(t, d.Properties["model"].(props), "display_name", "manufacturer_display_name")
		if d.Properties["appearance"].(props)["name"] != d.Name {
			t.Errorf("appearance %v", d.Properties["appearance"])
		}
		if d.TimeZone != "" {
			if _, err := time.LoadLocation(d.TimeZone); err != nil {
				t.Error(err)
			}
		}
		for flag, works := range d.Flags {
			if !b.Capabilities[flag] {
				t.Errorf("the brand does not know of %s", flag)
			}
			if works && !d.Online && !strings.HasPrefix(flag, "can_simulate_") && flag != "can_program_offline_access_codes" {
				t.Errorf("offline, yet %s", flag)
			}
		}
		if d.Online != !slices.ContainsFunc(d.Errors, func(p provider.Problem) bool {
			return strings.HasSuffix(p.Code, "_offline") || strings.HasSuffix(p.Code, "_disconnected")
		}) {
			t.Errorf("online %t, errors %v", d.Online, d.Errors)
		}
		for _, problem := range append(slices.Clone(d.Errors), d.Warnings...) {
			if problem.Code == "" || problem.Message == "" || problem.Since.IsZero() {
				t.Errorf("problem %+v", problem)
			}
		}
		checkBattery(t, d)
		checkDegrees(t, d.Properties)
		switch {
		case slices.Contains(d.Capabilities, "thermostat"):
			checkThermostat(t, d)
		case slices.Contains(d.Capabilities, "noise_detection"):
			want(t, d.Properties, "noise_level_decibels", "currently_triggering_noise_threshold_ids",
				strings.TrimSuffix(strings.TrimSuffix(d.Type, "_activity_zone"), "_sensor")+"_metadata")
		default:
			checkLock(t, d)
		}
	})
}

func checkLock(t *testing.T, d provider.Device) {
	t.Helper()
	p := d.Properties
	want(t, p, "has_native_entry_events", "supports_backup_access_code_pool", "supports_offline_access_codes", "online_access_codes_enabled",
		"offline_access_codes_enabled", "supports_accessory_keypad")
	if has(d, "can_unlock_with_code") != slices.Contains(d.Capabilities, "access_code") {
		t.Errorf("capabilities %v, flags %v", d.Capabilities, d.Flags)
	}
	if has(d, "can_unlock_with_code") {
		want(t, p, "supported_code_lengths", "code_constraints", "max_active_codes_supported")
		if len(p["supported_code_lengths"].([]any)) == 0 || p["max_active_codes_supported"].(float64) < 1 {
			t.Error("takes no code")
		}
	}
	if has(d, "can_remotely_lock") || has(d, "can_configure_auto_lock") {
		want(t, p, "locked")
	}
	if has(d, "can_configure_auto_lock") {
		want(t, p, "auto_lock_enabled", "auto_lock_delay_seconds")
	}
	if has(d, "can_program_offline_access_codes") {
		want(t, p, "offline_time_frame_options")
	}
	if p["door_open"] == true && p["locked"] == true {
		t.Error("locked with the door open")
	}
	if p["online_access_codes_enabled"] != d.Flags["can_program_online_access_codes"] {
		t.Errorf("online codes: %v, flags %v", p["online_access_codes_enabled"], d.Flags)
	}
	if p["supports_accessory_keypad"] == true {
		want(t, p, "accessory_keypad")
	}
}

func checkThermostat(t *testing.T, d provider.Device) {
	t.Helper()
	p := d.Properties
	want(t, p, "temperature_celsius", "temperature_fahrenheit", "relative_humidity", "available_hvac_mode_settings",
		"available_climate_presets",
		"available_climate_preset_modes", "current_climate_setting", "default_climate_setting", "fallback_climate_preset_key",
		"temperature_threshold",
		"is_heating", "is_cooling", "is_fan_running", "is_temporary_manual_override_active", "active_thermostat_schedule",
		"active_thermostat_schedule_id",
		"thermostat_daily_programs", "thermostat_weekly_program")
	current := p["current_climate_setting"].(props)
	mode := current["hvac_mode_setting"].(string)
	if !slices.Contains(p["available_hvac_mode_settings"].([]any), any(mode)) {
		t.Errorf("mode %s is not available", mode)
	}
	if p["is_heating"] == true && (p["is_cooling"] == true || !strings.HasPrefix(mode, "heat")) {
		t.Errorf("heats in mode %s", mode)
	}
	if !reflect.DeepEqual(current, p["available_climate_presets"].([]any)[0]) {
		t.Error("the current setting is no preset")
	}
	for _, preset := range p["available_climate_presets"].([]any) {
		preset := preset.(props)
		for side, flag := range map[string]string{"heating": "can_hvac_heat", "cooling": "can_hvac_cool"} {
			low, limited := p["min_"+side+"_set_point_celsius"].(float64)
			high, _ := p["max_"+side+"_set_point_celsius"].(float64)
			if limited != has(d, flag) {
				t.Errorf("%s limits: %t, flags %v", side, limited, d.Flags)
			}
			if point, ok := preset[side+"_set_point_celsius"].(float64); ok && (point < low || point > high) {
				t.Errorf("%s at %v is not within %v to %v", side, point, low, high)
			}
		}
		delta, _ := p["min_heating_cooling_delta_celsius"].(float64)
		heating, heats := preset["heating_set_point_celsius"].(float64)
		cooling, cools := preset["cooling_set_point_celsius"].(float64)
		if heats && cools && cooling-heating < delta-0.01 {
			t.Errorf("heats to %v and cools to %v with a difference of %v", heating, cooling, delta)
		}
	}
	if fans, ok := p["available_fan_mode_settings"]; ok && !slices.Contains(fans.([]any), p["fan_mode_setting"]) {
		t.Errorf("fan %v", p["fan_mode_setting"])
	}
	if has(d, "can_run_thermostat_programs") {
		want(t, p, "max_thermostat_daily_program_periods_per_day", "max_unique_climate_presets_per_thermostat_weekly_program",
			"thermostat_daily_program_period_precision_minutes")
	}
}

// checkDegrees compares each temperature in °C with the same in °F.
func checkDegrees(t *testing.T, p props) {
	t.Helper()
	for name, value := range p {
		switch value := value.(type) {
		case props:
			checkDegrees(t, value)
		case []any:
			for _, item := range value {
				if item, ok := item.(props); ok {
					checkDegrees(t, item)
				}
			}
		case float64:
			base, ok := strings.CutSuffix(name, "_celsius")
			if !ok {
				continue
			}
			want, offset := p[base+"_fahrenheit"].(float64), 32.0
			if strings.Contains(base, "delta") {
				offset = 0
			}
			if math.Abs(value*1.8+offset-want) > 0.011 {
				t.Errorf("%s: %v °C is not %v °F", base, value, want)
			}
		}
	}
}

func checkBattery(t *testing.T, d provider.Device) {
	t.Helper()
	battery, ok := d.Properties["battery"].(props)
	if ok == (d.Properties["has_direct_power"] == true) || ok != slices.Contains(d.Capabilities, "battery") {
		t.Errorf("battery %v, direct power %v, capabilities %v", battery, d.Properties["has_direct_power"], d.Capabilities)
	}
	if !ok {
		return
	}
	level := battery["level"].(float64)
	if level != d.Properties["battery_level"] || level < 0 || level > 1 {
		t.Errorf("level %v and %v", level, d.Properties["battery_level"])
	}
	if low := battery["status"] == "low" || battery["status"] == "critical"; low != (level < 0.25) {
		t.Errorf("%v at %v", battery["status"], level)
	}
}

func checkImage(t *testing.T, image string) {
	t.Helper()
	if len(image) > 300 {
		t.Errorf("%d bytes: %s", len(image), image)
	}
	if u, err := url.Parse(image); err != nil || u.Scheme != "data" {
		t.Errorf("%v: %s", err, image)
	}
	if !regexp.MustCompile(`^data:image/svg\+xml,([A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-F]{2})*$`).MatchString(image) {
		t.Errorf("no URI: %s", image)
	}
}

func TestVaried(t *testing.T) {
	t.Parallel()
	const n = 50_000
	p := setup(t)
	ids, names, brands, troubled := make(map[string]bool, n), make(map[string]bool, n), map[string]int{}, 0
	for brand, d := range p.Varied(0, n) {
		if ids[d.ExternalID] || names[d.Name] {
			t.Fatalf("seen before: %s %q", d.ExternalID, d.Name)
		}
		ids[d.ExternalID], names[d.Name] = true, true
		brands[brand]++
		if len(d.Errors)+len(d.Warnings) > 0 {
			troubled++
		}
	}
	if len(ids) != n || len(brands) != len(p.Brands()) || troubled < n/20 || troubled > n/8 {
		t.Errorf("%d devices of %d brands, %d with trouble", len(ids), len(brands), troubled)
	}
	for brand := range brands {
		if a, err := p.VariedAccount(brand); err != nil || a.Brand != brand || len(a.Devices) != 0 {
			t.Errorf("account %+v: %v", a, err)
		}
	}
}

func TestVariedGoesOn(t *testing.T) {
	t.Parallel()
	p := setup(t)
	var all, parts []provider.Device
	for _, d := range p.Varied(0, 100) {
		all = append(all, d)
	}
	for _, d := range p.Varied(0, 30) {
		parts = append(parts, d)
	}
	for _, d := range p.Varied(30, 70) {
		parts = append(parts, d)
	}
	if !reflect.DeepEqual(all, parts) {
		t.Error("filling in two steps gives other devices than filling in one")
	}
	for range p.Varied(0, 100) {
		break
	}
}

func BenchmarkVaried(b *testing.B) {
	for range setup(b).Varied(0, b.N) {
	}
}

func want(t *testing.T, p props, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, ok := p[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
}

func has(d provider.Device, flag string) bool { _, ok := d.Flags[flag]; return ok }
