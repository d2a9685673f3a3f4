package things

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"keyway/internal/api/event"

	"keyway/internal/console/frame"
	"keyway/internal/console/frame/frametest"
)

func TestDevice(t *testing.T) {
	t.Parallel()
	d, err := newDevice([]byte(sampleLockJSON))
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "Garage" || d.Brand != "Yale" || d.Type != "Lock" || d.Model != "Assure Lock 2" || d.TimeZone != "Europe/Berlin" {
		t.Errorf("read as %q, %q, %q, %q, %q", d.Name, d.Brand, d.Type, d.Model, d.TimeZone)
	}
	if d.Battery == nil || d.Battery.Percent != 8 || !d.Battery.Low {
		t.Errorf("battery %+v", d.Battery)
	}
	if len(d.Errors) != 1 || d.Errors[0].Code != "device_offline" || len(d.Warnings) != 1 {
		t.Errorf("errors %+v, warnings %+v", d.Errors, d.Warnings)
	}
	var titles []string
	for _, g := range d.Groups {
		titles = append(titles, g.Title)
	}
	if want := []string{"State", "Access codes", "Model", "August details"}; !slices.Equal(titles, want) {
		t.Errorf("groups %v, want %v", titles, want)
	}
	if i := slices.IndexFunc(d.Capabilities, func(c Capability) bool {
		return c.Flag == "can_program_online_access_codes"
	}); i < 0 || d.Capabilities[i].Works {
		t.Errorf("capabilities %+v", d.Capabilities)
	}
	if _, err := newDevice([]byte(`[]`)); err == nil {
		t.Error("no error for what is not a device")
	}
}

// Guards the page of a device against being its raw JSON: what people look for comes first, a temperature is one line in
// both scales, a battery is never said in two ways, and the rest is there when asked for.
func TestThermostatProperties(t *testing.T) {
	t.Parallel()
	d, err := newDevice([]byte(`{"device_id":"d","device_type":"ecobee_thermostat","display_name":"Hall","properties":{"online":true,
		"temperature_fahrenheit":74,"temperature_celsius":23.3333,"relative_humidity":0.481,"is_heating":false,
		"min_heating_set_point_celsius":7.22,"min_heating_set_point_fahrenheit":45,"max_set_point_celsius":30,
		"current_climate_setting":{"hvac_mode_setting":"heat","heating_set_point_celsius":21.11,"heating_set_point_fahrenheit":70,
		"can_edit":true},
		"ecobee_metadata":{"device_name":"Hall"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, g := range d.Groups {
		for _, p := range g.Properties {
			lines = append(lines, fmt.Sprintf("%s/%t: %s = %s", g.Title, g.Extra, p.Label, p.Value))
		}
	}
	want := []string{
		"State/false: Online = Yes",
		"Climate/false: Current setting heating set point = 70 °F (21.1 °C)",
		"Climate/false: Current setting HVAC mode setting = Heat",
		"Climate/false: Is heating = No",
		"Climate/false: Relative humidity = 48%",
		"Climate/false: Temperature = 74 °F (23.3 °C)",
		"Climate settings/true: Current climate setting can edit = Yes",
		"Climate settings/true: Max set point = 30 °C",
		"Climate settings/true: Min heating set point = 45 °F (7.2 °C)",
		"Ecobee details/true: Device name = Hall",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if !d.HasExtra() {
		t.Error("the rest is not there")
	}
}

func sampleDeviceRows() []DeviceRow {
	row := func(id, name, icon, brand, kind, account string, battery *Battery, badges ...frame.Badge) DeviceRow {
		id = "0199b2f6-42d1-7c55-b0aa-" + id
		return DeviceRow{ID: id, URL: frame.WorkspacePath(frametest.Sandbox.ID, "devices", id), Name: name, Icon: icon, Brand: brand, Type: kind,
			Account: frame.Link{Text: account, URL: "/console/a"}, Battery: battery, Badges: badges}
	}
	online := frame.Badge{Tone: frame.ToneGood, Text: "Online"}
	offline := frame.Badge{Tone: frame.ToneBad, Text: "Offline"}
	locked := frame.Badge{Tone: frame.ToneNeutral, Text: "Locked", Icon: "lock"}
	unlocked := frame.Badge{Tone: frame.ToneWarn, Text: "Unlocked", Icon: "unlock"}
	return []DeviceRow{
		row("1f6a09c3e401", "FRONT DOOR", "lock", "August", "Lock", "jane@example.com", &Battery{Percent: 94}, online, locked),
		row("1f6a09c3e402", "BACK DOOR", "lock", "August", "Lock", "jane@example.com", &Battery{Percent: 57}, online, unlocked,
			frame.Badge{Tone: frame.ToneWarn, Text: "Door open"}),
		row("1f6a09c3e403", "Garage", "lock", "Yale", "Lock", "jane@example.com", &Battery{Percent: 8, Low: true}, online, locked),
		row("1f6a09c3e404", "Suite 12, Harbour Wing, third floor, the door beside the lift", "lock", "Salto KS", "Lock", "jane@example.com",
			&Battery{Percent: 71}, offline, locked),
		row("1f6a09c3e405", "Living Room", "thermostat", "ecobee", "Thermostat", "jane@example.com", nil, online,
			frame.Badge{Tone: frame.ToneNeutral, Text: "70.5 °F", Icon: "thermostat"}),
		row("1f6a09c3e406", "Hallway sensor", "noise", "Minut", "Sensor", "jane@example.com", &Battery{Percent: 33}, online,
			frame.Badge{Tone: frame.ToneNeutral, Text: "41 dB", Icon: "noise"}),
	}
}

func sampleSandboxForm() *AddSandboxForm {
	return &AddSandboxForm{
		Action: frame.WorkspacePath(frametest.Sandbox.ID, "sandbox-devices"),
		Groups: []BrandGroup{
			{Title: "Locks", Icon: "lock", Brands: []BrandOption{
				{Name: "august", DisplayName: "August", Chosen: true}, {Name: "yale", DisplayName: "Yale", Connected: true},
				{Name: "schlage", DisplayName: "Schlage"},
				{Name: "kwikset", DisplayName: "Kwikset"}, {Name: "nuki", DisplayName: "Nuki"}, {Name: "ttlock", DisplayName: "TTLock"},
				{Name: "igloohome", DisplayName: "igloohome"}, {Name: "salto_ks", DisplayName: "Salto KS"},
			}},
			{Title: "Thermostats", Icon: "thermostat", Brands: []BrandOption{
				{Name: "ecobee", DisplayName: "ecobee"}, {Name: "nest", DisplayName: "Google Nest",
					Image: "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0,0,24,24'%3E%3Crect%20width='24'%20height='24'%20rx='5'%20fill='%231f4e79'/%3E%3C/svg%3E"}, {Name: "honeywell_resideo", DisplayName: "Honeywell Home (Resideo)"},
			}},
			{Title: "Noise sensors", Icon: "noise", Brands: []BrandOption{{Name: "minut", DisplayName: "Minut"},
				{Name: "noiseaware", DisplayName: "NoiseAware"}}},
		},
	}
}

const sampleLockJSON = `{"device_id":"0199b2f6-42d1-7c55-b0aa-1f6a09c3e403","device_type":"yale_lock","nickname":null,
	"display_name":"Garage",
"capabilities_supported":["access_code","lock","battery"],"connected_account_id":"0199b2f6-11aa-7a10-8c3e-77d2c90be001",
	"workspace_id":"0199b2f4-7c1e-7d04-9a51-0e6a3f0c5d11",
"created_at":"2026-11-20T09:12:00.000Z","is_managed":true,"custom_metadata":{"booking_area":"north","floor":3},
"can_remotely_lock":true,"can_remotely_unlock":true,"can_program_online_access_codes":false,"can_simulate_removal":true,
"can_simulate_connection":true,
"device_manufacturer":{"manufacturer":"yale","display_name":"Yale"},
"location":{"location_name":"Harbour Wing","time_zone":"Europe/Berlin"},
"errors":[{"error_code":"device_offline","is_device_error":true,"message":"The device is offline and does not answer.",
	"created_at":"2026-11-23T17:55:00.000Z"}],
"warnings":[{"warning_code":"low_battery","message":"The battery is almost empty. Replace it soon.",
	"created_at":"2026-11-22T08:00:00.000Z"}],
"properties":{"online":false,"locked":true,"door_open":false,"battery_level":0.08,"battery":{"level":0.08,"status":"critical"},
	"manufacturer":"yale","name":"Garage",
"serial_number":"YRD-2260-884133","supported_code_lengths":[4,5,6],"max_active_codes_supported":250,
	"supports_backup_access_code_pool":true,"code_constraints":[{"constraint_type":"no_zeros"}],
"has_native_entry_events":true,"online_access_codes_enabled":true,"image_url":"https://example.com/lock.png","keypad_battery":{"level":0.6},
"model":{"display_name":"Assure Lock 2","manufacturer_display_name":"Yale","can_connect_accessory_keypad":true,
	"accessory_keypad_supported":true},
"august_metadata":{"lock_id":"lock-1","lock_name":"Garage","house_name":"Harbour","has_keypad":true,"keypad_battery_level":"Medium"},
	"appearance":{"name":"Garage"}}}`

func sampleCodeForm(id string) *CodeForm {
	return &CodeForm{
		ID: id, New: id == "add-code", Action: "/console/x", Generate: "/console/x", NameHint: "The lock itself shows up to 14 characters.",
		PINMin: 4, PINMax: 8,
		PINHint: "From 4 to 8 digits.", Rules: []string{"The code must not contain zeros"}, Kind: "ongoing", Online: true, Offline: true,
		CanPool: true, Zone: time.UTC,
	}
}

func sampleCodes() []Code {
	return []Code{
		{ID: "c1", URL: "/console/x", Name: "Cleaner", PIN: "4711", Managed: true, Kind: "Ongoing",
			Status: frame.Badge{Tone: frame.ToneGood, Text: "Set"}, Opens: "Always", Edit: sampleCodeForm("edit-c1"), CanDelete: true,
			CreatedAt: frametest.Days(-3)},
		{ID: "c2", URL: "/console/x", Name: "Guest of the suite", PIN: "82736455", Managed: true, Kind: "Time-bound",
			Status: frame.Badge{Tone: frame.ToneWarn, Text: "Setting"}, Opens: "Starts", Next: frametest.Days(2),
			Starts: "25 Nov 2026, 15:00 CET", Ends: "29 Nov 2026, 11:00 CET", Edit: sampleCodeForm("edit-c2"), CanDelete: true, CanPull: true,
			PulledURL: "/console/x", CreatedAt: frametest.MinutesAgo(4),
			Pending: []string{"The code is being put on the lock."},
			Problems: []Problem{{Bad: true, Code: "failed_to_set_on_device", Message: "The lock did not take the code.",
				Since: frametest.MinutesAgo(2)}, {Code: "delay_in_setting_on_device", Message: "It takes longer than usual.",
				Since: frametest.MinutesAgo(1)}}},
		{ID: "c3", URL: "/console/x", Managed: true, Backup: true, WaitsForPIN: true, Kind: "Ongoing",
			Status: frame.Badge{Tone: frame.ToneNeutral, Text: "Not set yet"}, Opens: "Always", CreatedAt: frametest.Days(-1)},
		{ID: "c4", URL: "/console/x", Name: "Neighbor", PIN: "1928", Kind: "Ongoing", Opens: "Always", CanDelete: true,
			CreatedAt: frametest.Days(-9)},
		{ID: "c5", URL: "/console/x", Name: "Owner", Kind: "Ongoing", Opens: "Always", Fixed: true, CreatedAt: frametest.Days(-9)},
	}
}

// deviceSamples are the pages of this area, empty and filled, and with the errors that a person can make.
func deviceSamples() []frametest.Sample {
	ws := func(current, title string) frame.Page {
		return frametest.Page(frame.AreaWorkspace, current, title)
	}
	production := ws(frame.NavDevices, "Devices")
	production.Workspace = &frametest.Production
	many := ws(frame.NavDevices, "Devices")
	for _, name := range []string{"Alder Apartments", "Birch Bungalows", "Cedar Chalets", "Dune Hotel", "Elm Estates", "Fir Flats",
		"Grove Guesthouse", "Heath Hostel of the Harbour Foundation"} {
		many.Workspaces = append(many.Workspaces, frame.Workspace{ID: name, Name: name, Role: frame.RoleAdmin})
	}
	many.Flash = &frame.Flash{Kind: frame.FlashSuccess, Text: "August connected: 2 devices added."}
	dialog := ws(frame.NavDevices, "Devices")
	dialog.NewWorkspace = frame.NewWorkspaceForm{Open: true, Errors: frame.FormErrors{"name": "A name is needed."}}
	sandboxForm := sampleSandboxForm()
	sandboxForm.Open = true
	sandboxForm.Errors = frame.FormErrors{"brand": "Choose at least one brand."}
	lock, err := newDevice([]byte(sampleLockJSON))
	if err != nil {
		panic(err)
	}
	lock.Account = frame.Link{Text: "jane@example.com", URL: "/console/a"}
	tabs := []Tab{{"Overview", "/console/a", true}, {"Access codes", "/console/b", false}, {"Events", "/console/c", false}}
	head := DeviceHead{
		Device: lock, Zone: time.UTC, BackURL: frametest.Sandbox.Path(), Rename: RenameForm{Action: "/console/x", Name: "Garage"}, Tabs: tabs,
		Turns:    []Turn{{"Lock", "lock", "/console/x", true, false}, {"Unlock", "unlock", "/console/x", false, true}},
		Simulate: SimulateMenu{Action: "/console/x", Items: simulations, Keypad: true},
		Attempt: &AttemptNote{ID: "a1", Tone: frame.ToneBad, Text: "The device cannot be reached.", Code: "device_offline",
			CloseURL: "/console/x"},
	}
	bare := DeviceHead{Device: Device{DeviceRow: DeviceRow{ID: "d", Name: "x", Icon: "lock"}, JSON: "{}"}, Zone: time.UTC, BackURL: "/console",
		Rename: RenameForm{Action: "/console/x"}}
	unmanaged := bare
	unmanaged.Manage = "/console/x"
	addCode := sampleCodeForm("add-code")
	addCode.Open, addCode.Blocked, addCode.Kind = true, "The device is offline.", "time_bound"
	addCode.Errors = frame.FormErrors{"": "The device is full.", "name": "Use at most 14 characters.",
		"code": "The code must not contain zeros", "ends_at": "Choose when the code ends."}
	wrongMetadata := sampleDevice(ws(frame.NavDevices, "Garage"), head)
	wrongMetadata.Metadata.Open = true
	wrongMetadata.Metadata.Rows[0].Error = "This name is used twice."
	wrongMetadata.Metadata.Errors = frame.FormErrors{"": "At most 50 keys."}
	return []frametest.Sample{
		{Name: "devices", View: &DevicesView{Page: many, Connect: sampleConnect, Rows: sampleDeviceRows(), Total: 118,
			Pagination: frame.Pagination{First: "?", Next: "?n"}, AddSandbox: sampleSandboxForm()}},
		{Name: "devices-one-page", View: &DevicesView{Connect: sampleConnect, Page: ws(frame.NavDevices, "Devices"), Rows: sampleDeviceRows()[:1],
			Total: 1, AddSandbox: sampleSandboxForm()}},
		{Name: "devices-search", View: &DevicesView{Connect: sampleConnect, Page: ws(frame.NavDevices, "Devices"), Query: "cellar",
			AddSandbox: sampleSandboxForm()}},
		{Name: "devices-empty", View: &DevicesView{Connect: sampleConnect, Page: ws(frame.NavDevices, "Devices"),
			AddSandbox: sampleSandboxForm()}},
		{Name: "devices-empty-production", View: &DevicesView{Connect: sampleConnect, Page: production}},
		{Name: "devices-add", View: &DevicesView{Connect: sampleConnect, Page: ws(frame.NavDevices, "Devices"), AddSandbox: sandboxForm}},
		{Name: "devices-new-workspace", View: &DevicesView{Connect: sampleConnect, Page: dialog, Rows: sampleDeviceRows(), Total: 6,
			AddSandbox: sampleSandboxForm()}},
		{Name: "device", View: sampleDevice(ws(frame.NavDevices, "Garage"), head)},
		{Name: "device-rename", View: sampleDevice(ws(frame.NavDevices, "Garage"), DeviceHead{Device: lock, BackURL: frametest.Sandbox.Path(),
			Rename: RenameForm{Open: true, Action: "/console/x", Errors: frame.FormErrors{"name": "A name is needed."}}})},
		{Name: "device-metadata", View: wrongMetadata},
		{Name: "device-unmanaged", View: sampleDevice(ws(frame.NavDevices, "x"), unmanaged)},
		{Name: "device-bare", View: sampleDevice(ws(frame.NavDevices, "x"), bare)},
		{Name: "device-events", View: &DeviceEventsView{Page: ws(frame.NavDevices, "Garage"), DeviceHead: head, More: true, Events: []DeviceEvent{
			{ID: "e2", Type: "lock.unlocked", Text: "Lock unlocked", Detail: "By keycode", Code: frame.Link{Text: "Cleaner", URL: "/console/x"},
				At: frametest.MinutesAgo(1)},
			{ID: "e1", Type: "device.connected", Text: "Device connected", At: frametest.MinutesAgo(90)}}}},
		{Name: "device-events-empty", View: &DeviceEventsView{Page: ws(frame.NavDevices, "x"), DeviceHead: bare}},
		{Name: "codes", View: &CodesView{Page: ws(frame.NavDevices, "Garage"), DeviceHead: head, CodesURL: "/console/x", Codes: sampleCodes()[:3],
			Others: sampleCodes()[3:], Add: sampleCodeForm("add-code"), Pool: true, PoolOn: true, Simulated: true}},
		{Name: "codes-add", View: &CodesView{Page: ws(frame.NavDevices, "Garage"), DeviceHead: head, CodesURL: "/console/x",
			Codes: sampleCodes()[:1], Add: addCode, Pool: true}},
		{Name: "codes-none", View: &CodesView{Page: ws(frame.NavDevices, "x"), DeviceHead: bare, CodesURL: "/console/x", Query: "cleaner"}},
		{Name: "codes-page", View: &CodesView{Page: ws(frame.NavDevices, "x"), DeviceHead: bare, CodesURL: "/console/x", Codes: sampleCodes()[:1],
			Total: 51, Pagination: frame.Pagination{First: "?"}}},
		{Name: "codes-empty", View: &CodesView{Page: ws(frame.NavDevices, "x"), DeviceHead: bare}},
		{Name: "codes-empty-add", View: &CodesView{Page: ws(frame.NavDevices, "x"), DeviceHead: bare, Add: sampleCodeForm("add-code"),
			Simulated: true}},
		{Name: "code", View: &CodeView{Page: ws(frame.NavDevices, "Guest"), DeviceHead: head, Code: sampleCodes()[1], CodesURL: "/console/x",
			Timeline: []TimelineRow{
				{ID: "t2", Type: "access_code.set_on_device", Text: "Set on device", At: frametest.MinutesAgo(2)},
				{ID: "t1", Type: "access_code.created", Text: "Created", By: "by a person", At: frametest.MinutesAgo(3)}}}},
		{Name: "code-gone", View: &CodeView{Page: ws(frame.NavDevices, "x"), DeviceHead: bare, Code: Code{ID: "c"}, Gone: true,
			CodesURL: "/console/x"}},
	}
}

var sampleConnect = ConnectDialog{ID: "connect", Title: "Add Devices", Action: "/console/workspaces/w/connect"}

func sampleAccountRows() []AccountRow {
	return []AccountRow{
		{ID: "0199b2f6-11aa-7a10-8c3e-77d2c90be001", URL: "/console/a", Name: "jane@example.com", Brand: "August",
			Badge: frame.Badge{Tone: frame.ToneGood, Text: "Connected"}, Devices: 4, CustomerKey: "guesthouse", CreatedAt: frametest.Days(-40)},
		{ID: "0199b2f6-11aa-7a10-8c3e-77d2c90be002", URL: "/console/a", Name: "a.very.long.address.of.somebody@subsidiary.example.com",
			Brand: "Schlage", Badge: frame.Badge{Tone: frame.ToneBad, Text: "Disconnected"},
			Problem: "The account was disconnected. Connect it again.", CreatedAt: frametest.Days(-3)},
	}
}

// thingSamples are the pages of what a workspace has beside devices and people.
func thingSamples() []frametest.Sample {
	ws := func(current, title string) frame.Page {
		return frametest.Page(frame.AreaWorkspace, current, title)
	}
	account := AccountView{
		Page: ws(frame.NavAccounts, "jane@example.com"), Account: sampleAccountRows()[0], BackURL: "/console/a", Manages: true,
		Devices: sampleDeviceRows()[:3], JSON: "{}",
		SignIn:    []Property{{Label: "Email", Value: "jane@example.com"}},
		Reconnect: ConnectDialog{ID: "reconnect", Title: "Reconnect August", Action: "/console/a/reconnect"},
		Edit:      AccountForm{Name: "jane@example.com", Manages: true},
	}
	account.Account.URL = "/console/a"
	broken := account
	broken.Account, broken.Devices, broken.Accepted = sampleAccountRows()[1], nil, []string{"lock", "thermostat"}
	broken.Errors = []Problem{{Code: "account_disconnected", Message: "The account was disconnected. Connect it again.",
		Explanation: explanations["account_disconnected"], Since: frametest.Days(-1)}}
	broken.Warnings = []Problem{{Code: "scheduled_maintenance_window", Message: "The brand is being maintained.",
		Since: frametest.MinutesAgo(3)}}
	wrong := account
	wrong.Edit = AccountForm{Open: true, CustomerKey: "guesthouse", KeyIsGiven: true,
		Errors: frame.FormErrors{"display_name": "Required.", "": "Something else."}}
	hooks := []WebhookRow{
		{ID: "h1", URL: "/console/h", Address: "https://app.example.com/hooks/keyway", Types: []string{"*"},
			Badge: frame.Badge{Tone: frame.ToneGood, Text: "Enabled"}, CreatedAt: frametest.Days(-20)},
		{ID: "h2", URL: "/console/h", Address: "https://a-very-long-name-of-a-host.subsidiary.example.com/incoming/webhooks/0199b2f67c1e7d049a51",
			Types: []string{"lock.unlocked", "lock.locked"}, Badge: frame.Badge{Tone: frame.ToneWarn, Text: "Failing"},
			Since: frametest.MinutesAgo(190), CreatedAt: frametest.Days(-9)},
		{ID: "h3", URL: "/console/h", Address: "https://old.example.com/", Types: []string{"*"},
			Badge: frame.Badge{Tone: frame.ToneBad, Text: "Disabled"}, Since: frametest.Days(-2), IsDisabled: true, CreatedAt: frametest.Days(-90)},
	}
	addHook := webhookForm("/console/h", []string{"*"})
	wrongHook := webhookForm("/console/h", []string{"lock.unlocked"})
	wrongHook.Open, wrongHook.Address, wrongHook.Errors = true, "http://10.0.0.1/",
		frame.FormErrors{"url": "The address is not on the public internet; the operator of this server can allow it by name with " +
			"--allow-outbound.", "event_type": "Choose at least one event type, or all."}
	editHook := addHook
	editHook.Address, editHook.Fixed = hooks[0].Address, true
	hook := WebhookView{Page: ws(frame.NavWebhooks, "app.example.com"), Webhook: hooks[0], BackURL: "/console/h", CanManage: true,
		Edit: editHook, TestTypes: []string{"webhook.test", "lock.unlocked"}}
	tried := hook
	tried.Webhook, tried.Pending, tried.OldUntil, tried.Pagination = hooks[1], 3, frametest.Now.Add(20*time.Hour), frame.Pagination{Next: "?n"}
	tried.Attempts = []AttemptRow{
		{ID: "a1", EventID: "e1", EventType: "webhook.test", Number: 1, Badge: frame.Badge{Tone: frame.ToneGood, Text: "Delivered"}, Code: 200,
			Took: 84 * time.Millisecond, At: frametest.MinutesAgo(1), Response: "ok"},
		{ID: "a2", EventID: "e2", EventType: "access_code.unmanaged.failed_to_convert_to_managed", EventURL: "/console/e", Number: 3,
			Badge: frame.Badge{Tone: frame.ToneBad, Text: "Failed"}, Code: 503, Problem: "The receiver answered 503",
			Response: "<html><body>Service unavailable</body></html>", Took: 1204 * time.Millisecond, At: frametest.MinutesAgo(12),
			Next: frametest.Now.Add(18 * time.Minute)},
		{ID: "a3", EventID: "e2", EventType: "lock.unlocked", EventURL: "/console/e", Number: 2,
			Badge: frame.Badge{Tone: frame.ToneBad, Text: "Failed"}, Problem: "No answer in time", Took: 15 * time.Second,
			At: frametest.MinutesAgo(17)},
	}
	secret := hook
	secret.Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	seen := tried
	seen.CanManage = false
	wrongEdit := hook
	wrongEdit.Edit = webhookForm("/console/h", nil)
	wrongEdit.Edit.Open, wrongEdit.Edit.Fixed, wrongEdit.Edit.Address, wrongEdit.Edit.Errors = true, true, hooks[0].Address,
		frame.FormErrors{"event_type": "Choose at least one event type, or all."}
	noticed := ws(frame.NavWebhooks, "Webhooks")
	noticed.DisabledWebhooks = []frame.DisabledWebhook{{URL: "/console/h", Host: "old.example.com", At: frametest.Days(-2), CanEnable: true},
		{URL: "/console/h", Host: "older.example.com", At: frametest.Days(-9)}}
	noticed.Clock = &frame.ClockView{Action: "/console/c", Here: "/console/h", Now: frametest.Days(12), By: 12 * 24 * time.Hour,
		Min: "2026-12-05T18:31", Max: "2027-12-28T18:30"}
	still := ws(frame.NavEvents, "Events")
	still.Clock = &frame.ClockView{Action: "/console/c", Here: "/console/e", Now: frametest.Now, Min: "2026-11-23T18:31",
		Max: "2027-12-28T18:30"}
	events := []EventRow{
		{ID: "e1", URL: "/console/e", Type: "lock.unlocked", At: frametest.MinutesAgo(2), Device: frame.Link{Text: "Garage", URL: "/console/d"},
			About: []frame.Link{{Text: "Account", URL: "/console/a"}}, JSON: "{\n  \"event_id\": \"e1\",\n  \"event_type\": \"lock.unlocked\"\n}"},
		{ID: "e2", URL: "/console/e", Type: "access_code.unmanaged.failed_to_convert_to_managed", At: frametest.MinutesAgo(130),
			Device: frame.Link{Text: "Deleted device"}, Details: "The lock is full.", JSON: "{}"},
		{ID: "e3", URL: "/console/e", Type: "client_session.deleted", At: frametest.Days(-3), JSON: "{}"},
	}
	types := event.Type("").Enum()
	form := WebviewForm{Action: "/console/v", Manages: true,
		Categories: []CategoryOption{{"", "All brands"}, {"thermostats", "Thermostats"}, {chosenBrands, "Brands that I choose…"}},
		Brands:     sampleSandboxForm().Groups[0].Brands}
	wrongForm := form
	wrongForm.Open, wrongForm.Category, wrongForm.Redirect, wrongForm.Errors = true, chosenBrands, "javascript:alert(1)",
		frame.FormErrors{"brand": "Choose at least one brand.", "custom_redirect_url": "Enter a URL like https://app.example.com/.",
			"category": "Choose one of these."}
	webviews := []WebviewRow{
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e901",
			Address: "http://localhost:8420/connect_webviews/view?connect_webview_id=0199b2f6&auth_token=x",
			Badge:   frame.Badge{Tone: frame.ToneNeutral, Text: "Pending"}, Brands: "All brands", CustomerKey: "guesthouse",
			CreatedAt: frametest.MinutesAgo(4), Open: true},
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e902", Badge: frame.Badge{Tone: frame.ToneGood, Text: "Authorized"}, Brands: "August",
			AccountID: "a1", Account: frame.Link{Text: "jane@example.com", URL: "/console/a"}, CreatedAt: frametest.Days(-1)},
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e903", Badge: frame.Badge{Tone: frame.ToneBad, Text: "Failed"}, Brands: "12 brands",
			AccountID: "a2", Account: frame.Link{Text: "Deleted account"}, CreatedAt: frametest.Days(-8)},
	}
	newSession := SessionForm{Nonce: "n9", MinDate: "2026-11-24",
		Accounts: []SessionOption{{ID: "a1", Label: "jane@example.com", Note: "August", Chosen: true},
			{ID: "a2", Label: "jane@example.com", Note: "Schlage"}},
		Webviews: []SessionOption{{ID: "v1", Label: "All brands", Note: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e901"}}}
	wrongSession := newSession
	wrongSession.Open, wrongSession.User, wrongSession.Errors = true, "user-7",
		frame.FormErrors{"user_identifier_key": "This user has a client session already. Show its token, or revoke it first.",
			"expires_on": "Choose a future day.", "": "What you selected no longer exists."}
	sessions := []SessionRow{
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3ea01", User: "user-7", Badge: frame.Badge{Tone: frame.ToneGood, Text: "Active"}, Accounts: 2,
			Webviews: 1, Devices: 7, CreatedAt: frametest.Days(-2), ExpiresAt: frametest.Days(363), Live: true},
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3ea02", CustomerKey: "guesthouse", Badge: frame.Badge{Tone: frame.ToneNeutral, Text: "Revoked"},
			Devices: 1, CreatedAt: frametest.Days(-20), ExpiresAt: frametest.Days(345)},
	}
	return []frametest.Sample{
		{Name: "webhooks", View: &WebhooksView{Page: noticed, Rows: hooks, Add: addHook, CanManage: true}},
		{Name: "webhooks-empty", View: &WebhooksView{Page: ws(frame.NavWebhooks, "Webhooks"), Add: addHook, CanManage: true}},
		{Name: "webhooks-member", View: &WebhooksView{Page: ws(frame.NavWebhooks, "Webhooks")}},
		{Name: "webhooks-add", View: &WebhooksView{Page: ws(frame.NavWebhooks, "Webhooks"), Add: wrongHook, CanManage: true}},
		{Name: "webhook", View: &tried},
		{Name: "webhook-empty", View: &hook},
		{Name: "webhook-secret", View: &secret},
		{Name: "webhook-member", View: &seen},
		{Name: "webhook-edit", View: &wrongEdit},
		{Name: "events", View: &EventsView{Page: still, Rows: events, Types: types, Pagination: frame.Pagination{Next: "?n"}}},
		{Name: "events-empty", View: &EventsView{Page: ws(frame.NavEvents, "Events"), Types: types}},
		{Name: "events-filtered", View: &EventsView{Page: ws(frame.NavEvents, "Events"), Types: types, Type: "lock.locked", DeviceID: "x",
			Since: "nonsense", Filtered: true, Errors: frame.FormErrors{"since": "Enter a date and time."}}},
		{Name: "events-moved", View: &EventsView{Page: noticed, Rows: events, Types: types}},
		{Name: "event", View: &EventView{Page: ws(frame.NavEvents, "lock.unlocked"), Event: events[0], BackURL: "/console/e"}},
		{Name: "event-bare", View: &EventView{Page: ws(frame.NavEvents, "x"), Event: events[2], BackURL: "/console/e"}},
		{Name: "webviews", View: &WebviewsView{Page: ws(frame.NavWebviews, "Connect Webviews"), Rows: webviews, Add: form,
			Pagination: frame.Pagination{First: "?"}}},
		{Name: "webviews-empty", View: &WebviewsView{Page: ws(frame.NavWebviews, "Connect Webviews"), Add: form}},
		{Name: "webviews-wrong", View: &WebviewsView{Page: ws(frame.NavWebviews, "Connect Webviews"), Add: wrongForm}},
		{Name: "webviews-made", View: &WebviewsView{Page: ws(frame.NavWebviews, "Connect Webviews"), Rows: webviews, Add: form,
			Made: &webviews[0]}},
		{Name: "sessions", View: &SessionsView{Page: ws(frame.NavSessions, "Client Sessions"), Rows: sessions, Add: newSession,
			Pagination: frame.Pagination{Next: "?n"}}},
		{Name: "sessions-empty", View: &SessionsView{Page: ws(frame.NavSessions, "Client Sessions"), Add: SessionForm{Nonce: "n"}}},
		{Name: "sessions-wrong", View: &SessionsView{Page: ws(frame.NavSessions, "Client Sessions"), Add: wrongSession}},
		{Name: "sessions-shown", View: &SessionsView{Page: ws(frame.NavSessions, "Client Sessions"), Rows: sessions, Add: newSession,
			Shown: &frame.Secret{ID: "s1", Name: "Client session token", Value: "seam_cst1Kq7mT2xw_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"}}},
		{Name: "accounts", View: &AccountsView{Page: ws(frame.NavAccounts, "Connected Accounts"), Rows: sampleAccountRows(),
			Pagination: frame.Pagination{Next: "?n"}, Connect: sampleConnect}},
		{Name: "accounts-empty", View: &AccountsView{Page: ws(frame.NavAccounts, "Connected Accounts"), Connect: sampleConnect}},
		{Name: "accounts-search", View: &AccountsView{Page: ws(frame.NavAccounts, "Connected Accounts"), Query: "cellar",
			Connect: sampleConnect}},
		{Name: "account", View: &account},
		{Name: "account-broken", View: &broken},
		{Name: "account-edit", View: &wrong},
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	frametest.Pages(t, Section(), slices.Concat(thingSamples(), deviceSamples()))
}

// sampleDevice is a device's page with the forms that belong to it.
func sampleDevice(p frame.Page, h DeviceHead) *DeviceView {
	v := &DeviceView{Page: p, DeviceHead: h, DeleteURL: "/console/t",
		Metadata: MetadataForm{Action: "/console/t", Rows: append(slices.Clone(h.Device.Metadata), MetadataRow{})}}
	return v
}
