package console

import (
	"time"

	"keyway/internal/trust/credential"
)

// sample is a page that the tests render; its name is the preview's file.
type sample struct {
	name string
	view view
}

func minutesAgo(n int) time.Time { return testNow.Add(-time.Duration(n) * time.Minute) }

func days(n int) time.Time { return testNow.AddDate(0, 0, n) }

var (
	sampleUser    = &User{ID: "u1", Name: "Jane Doe", Email: "jane@example.com", Operator: true}
	sampleSandbox = Workspace{ID: "0199b2f4-7c1e-7d04-9a51-0e6a3f0c5d11", Name: "Jane’s Sandbox", Sandbox: true, Role: RoleOwner}
	sampleProd    = Workspace{ID: "0199b2f4-7c1e-7d04-9a51-0e6a3f0c5d22", Name: "Harbour Hotels", Role: RoleAdmin}
	sampleRoles   = []RoleOption{
		{RoleOwner, "Everything, also deleting the workspace and naming owners."},
		{RoleAdmin, "Manages people, keys and settings."},
		{RoleMember, "Sees everything and works with devices."},
	}
	sampleNewWorkspace = NewWorkspaceForm{Sandbox: true}
	sampleExpiry       = []ExpiryOption{
		{Value: "7", Label: "7 days", Expires: days(7)},
		{Value: "30", Label: "30 days", Expires: days(30)},
		{Value: "90", Label: "90 days", Expires: days(90)},
		{Value: "365", Label: "365 days", Expires: days(365), Selected: true},
		{Value: ExpiryDate, Label: "On a date…"},
		{Value: ExpiryNever, Label: "Never"},
	}
	sampleAddToken = AddTokenForm{Expiry: ExpiryForm{ID: "token", Options: sampleExpiry, MinDate: "2026-11-24", MaxDate: "2036-11-23"}, Limits: sampleLimits(), Nonce: "n1"}
)

func samplePage(area Area, current, title string) Page {
	w := sampleSandbox
	return Page{
		Title: title, Area: area, Current: current, User: sampleUser, Workspace: &w,
		Workspaces:   []Workspace{sampleSandbox, sampleProd},
		NewWorkspace: sampleNewWorkspace,
	}
}

func sampleTokens() []Token {
	return []Token{
		{ID: "t1", URL: "/console/t/t1", Name: "Laptop", Hint: "seam_at1Kq7mT2xw_…", Status: TokenActive, Scopes: "Everything", Workspaces: "All workspaces", CreatedAt: days(-40), ExpiresAt: days(325), WorkspaceKeys: 2, Children: 1,
			LastUsed: LastUsed{At: minutesAgo(2), Address: "10.0.0.7", Endpoint: "/devices/list", Workspace: "Jane’s Sandbox"}},
		{ID: "t2", URL: "/console/t/t2", Name: "Nightly sync of all customers, run from the warehouse", Hint: "seam_at1Zb4nQ9rd_…", Status: TokenExpiring, Scopes: "Devices: read, Locks: write + 2", Workspaces: "Harbour Hotels", CreatedAt: days(-88), ExpiresAt: days(2), Owner: "frodo@example.com",
			LastUsed: LastUsed{At: minutesAgo(60 * 16), Address: "2001:db8::8a2e:370:7334", Endpoint: "/workspaces/list"}},
		{ID: "t3", URL: "/console/t/t3", Name: "Build server", Hint: "seam_at1Hc2pV8ke_…", Status: TokenReplaced, Reason: "works until 24 Nov, 18:30 UTC", Scopes: "Read only", Workspaces: "All sandbox workspaces", CreatedAt: days(-3)},
		{ID: "t6", URL: "/console/t/t6", Name: "Bait", Hint: "seam_at1Bt6sL3yu_…", Status: TokenDisabled, Decoy: true, Scopes: "Everything", Workspaces: "All workspaces", CreatedAt: days(-9)},
		{ID: "t4", URL: "/console/t/t4", Name: "Trial", Hint: "seam_at1Wd6sL3yu_…", Status: TokenExpired, Reason: "on 19 Oct 2026", Scopes: "Everything", Workspaces: "All workspaces", CreatedAt: days(-400), ExpiresAt: days(-35), LastUsed: LastUsed{At: days(-36)}},
		{ID: "t5", URL: "/console/t/t5", Name: "Old laptop", Hint: "seam_at1Nm5jR7ta_…", Status: TokenRevoked, Reason: "by you, on 22 Nov 2026", Scopes: "Everything", Workspaces: "All workspaces", CreatedAt: days(-700), ExpiresAt: days(-1), LastUsed: LastUsed{At: days(-120)}},
	}
}

func sampleLimits() LimitsForm {
	row := func(group string, chosen int) ScopeRow {
		r := ScopeRow{Group: group, Title: groupTitle(group), Choices: []Choice{{Label: "None"}, {Value: "read", Label: "Read"}, {Value: "read write", Label: "Read and write"}}}
		r.Choices[chosen].Chosen = true
		return r
	}
	return LimitsForm{New: true, AllWorkspaces: true, AnyTime: true, From: "08:00", To: "18:00", TimeZone: "UTC", Address: "10.0.0.7", FindDevices: "/console/t/devices", Weekdays: weekdayNames,
		Workspaces: []Choice{{Value: sampleSandbox.ID, Label: sampleSandbox.Name, Note: "Sandbox"}, {Value: sampleProd.ID, Label: sampleProd.Name, Note: "Production"}},
		Scopes:     ScopeForm{Legend: "What it may do", Mode: ScopesAll, Every: "Everything", Rows: []ScopeRow{row("access_codes", 2), row("connected_accounts", 0), row("devices", 1), row("locks", 2)}, Extras: []Choice{{Value: "personal_access_tokens:write", Label: "Write Personal access tokens"}}}}
}

// sampleToken is a page on which everything that can be there is.
func sampleToken(p Page) *TokenView {
	tokens := sampleTokens()
	edit := sampleLimits()
	edit.New, edit.Open = false, true
	byDay := map[string]int{}
	for i := range 30 {
		byDay[days(-i).Format(time.DateOnly)] = i * 7 % 40
	}
	return &TokenView{Page: p, Base: "/console/t", Token: tokens[0], Mine: true, Undo: true, Snippets: sampleSnippets("", ""),
		Limits: []Fact{{Label: "May do", Text: "Access codes: read and write, Devices: read"}, {Label: "Workspaces", Text: "3 workspaces", Lines: []string{"Jane’s Sandbox", "Harbour Hotels", "Dune Hotel"}}, {Label: "Hours", Text: "Mon to Fri, 08:00 to 18:00, Europe/Oslo"}},
		Family: []Relative{{Relation: "Replaces", Token: tokens[5]}, {Relation: "This token", Token: tokens[0], This: true}, {Relation: "Made with this token", Token: tokens[2]}},
		Keys: []WorkspaceKey{
			{ID: "wk1", Hint: "seam_test7Kp2_…", Workspace: sampleSandbox, CreatedAt: days(-4), LastUsed: minutesAgo(31)},
			{ID: "wk2", Hint: "seam_9dQx41Lm_…", Workspace: sampleProd, CreatedAt: days(-1)},
		},
		Chart:    newChart(byDay, testNow),
		Uses:     []UseRow{{Endpoint: "/devices/list", Workspace: "Jane’s Sandbox", Count: 412, LastDay: "2026-11-23"}, {Endpoint: "/workspaces/list", Count: 9, LastDay: "2026-11-20"}},
		Refusals: []Refusal{{RequestID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e401", At: minutesAgo(9), Endpoint: "/locks/unlock_door", Address: "10.0.0.7", Workspace: "Harbour Hotels", Status: 403, Reason: "scope", Remedy: "Add the scope locks:write to the token on its page if it should be able to do this, or use another token."}},
		Audit:    []AuditLine{{At: minutesAgo(60), What: "Rotated", Who: "You", Address: "10.0.0.7"}, {At: days(-40), What: "Created", Who: "Command by jane"}},
		Notices:  []TokenNotice{{Tone: ToneBad, Text: "This token was used from 203.0.113.9 after it was replaced. If you do not know who that was, somebody holds the old secret.", At: minutesAgo(90)}, {Tone: ToneWarn, Text: "First used from the network 203.0.113.0/24, after a long silence.", At: minutesAgo(95)}},
		Advice: &AdviceView{Days: 30, Permissions: 41, Used: 2, Requests: 421, Scopes: []string{"devices:read", "workspaces:read"}, ScopeWords: []string{"Devices: read", "Workspaces: read"}, WorkspaceIDs: []string{sampleSandbox.ID}, Workspaces: "Jane’s Sandbox", Networks: []string{"10.0.0.0/24"}, DeviceIDs: []string{"d1", "d2"},
			Hours: &credential.Hours{Weekdays: []string{"mon", "fri"}, From: "06:00", To: "16:00", TimeZone: "UTC"}, HoursWords: "Mondays and Fridays, 06:00 to 16:00 (UTC)"},
		Rotate: &RotateForm{Overlaps: overlaps(overlapBegin), Expiry: ExpiryForm{ID: "rotate", Options: sampleExpiry}, Nonce: "n8"},
		Edit:   &EditTokenForm{Name: "Laptop", Expiry: ExpiryForm{ID: "edit", Options: sampleExpiry}, Limits: edit},
	}
}

func sampleSnippets(token, key string) *Snippets {
	return &Snippets{
		Endpoint: "http://localhost:8420", Workspaces: []Workspace{sampleSandbox, sampleProd}, WorkspaceID: sampleSandbox.ID,
		Token: token, WorkspaceKey: key, KeyAction: "/console/settings/personal-access-tokens/t1/workspace-keys", Nonce: "n2",
	}
}

func sampleDeviceRows() []DeviceRow {
	row := func(id, name, icon, brand, kind, account string, battery *Battery, badges ...Badge) DeviceRow {
		id = "0199b2f6-42d1-7c55-b0aa-" + id
		return DeviceRow{ID: id, URL: workspacePath(sampleSandbox.ID, "devices", id), Name: name, Icon: icon, Brand: brand, Type: kind, Account: Link{account, "/console/a"}, Battery: battery, Badges: badges}
	}
	online := Badge{Tone: ToneGood, Text: "Online"}
	offline := Badge{Tone: ToneBad, Text: "Offline"}
	locked := Badge{Tone: ToneNeutral, Text: "Locked", Icon: "lock"}
	unlocked := Badge{Tone: ToneWarn, Text: "Unlocked", Icon: "unlock"}
	return []DeviceRow{
		row("1f6a09c3e401", "FRONT DOOR", "lock", "August", "Lock", "jane@example.com", &Battery{Percent: 94}, online, locked),
		row("1f6a09c3e402", "BACK DOOR", "lock", "August", "Lock", "jane@example.com", &Battery{Percent: 57}, online, unlocked, Badge{Tone: ToneWarn, Text: "Door open"}),
		row("1f6a09c3e403", "Garage", "lock", "Yale", "Lock", "jane@example.com", &Battery{Percent: 8, Low: true}, online, locked),
		row("1f6a09c3e404", "Suite 12, Harbour Wing, third floor, the door beside the lift", "lock", "Salto KS", "Lock", "jane@example.com", &Battery{Percent: 71}, offline, locked),
		row("1f6a09c3e405", "Living Room", "thermostat", "ecobee", "Thermostat", "jane@example.com", nil, online, Badge{Tone: ToneNeutral, Text: "70.5 °F", Icon: "thermostat"}),
		row("1f6a09c3e406", "Hallway sensor", "noise", "Minut", "Sensor", "jane@example.com", &Battery{Percent: 33}, online, Badge{Tone: ToneNeutral, Text: "41 dB", Icon: "noise"}),
	}
}

func sampleSandboxForm() *AddSandboxForm {
	return &AddSandboxForm{
		Action: workspacePath(sampleSandbox.ID, "sandbox-devices"),
		Groups: []BrandGroup{
			{Title: "Locks", Icon: "lock", Brands: []BrandOption{
				{Name: "august", DisplayName: "August", Chosen: true}, {Name: "yale", DisplayName: "Yale", Connected: true}, {Name: "schlage", DisplayName: "Schlage"},
				{Name: "kwikset", DisplayName: "Kwikset"}, {Name: "nuki", DisplayName: "Nuki"}, {Name: "ttlock", DisplayName: "TTLock"},
				{Name: "igloohome", DisplayName: "igloohome"}, {Name: "salto_ks", DisplayName: "Salto KS"},
			}},
			{Title: "Thermostats", Icon: "thermostat", Brands: []BrandOption{
				{Name: "ecobee", DisplayName: "ecobee"}, {Name: "nest", DisplayName: "Google Nest", Image: "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0,0,24,24'%3E%3Crect%20width='24'%20height='24'%20rx='5'%20fill='%231f4e79'/%3E%3C/svg%3E"}, {Name: "honeywell_resideo", DisplayName: "Honeywell Home (Resideo)"},
			}},
			{Title: "Noise sensors", Icon: "noise", Brands: []BrandOption{{Name: "minut", DisplayName: "Minut"}, {Name: "noiseaware", DisplayName: "NoiseAware"}}},
		},
	}
}

const sampleLockJSON = `{"device_id":"0199b2f6-42d1-7c55-b0aa-1f6a09c3e403","device_type":"yale_lock","nickname":null,"display_name":"Garage",
"capabilities_supported":["access_code","lock","battery"],"connected_account_id":"0199b2f6-11aa-7a10-8c3e-77d2c90be001","workspace_id":"0199b2f4-7c1e-7d04-9a51-0e6a3f0c5d11",
"created_at":"2026-11-20T09:12:00.000Z","is_managed":true,"custom_metadata":{"booking_area":"north","floor":3},
"can_remotely_lock":true,"can_remotely_unlock":true,"can_program_online_access_codes":false,"can_simulate_removal":true,"can_simulate_connection":true,
"device_manufacturer":{"manufacturer":"yale","display_name":"Yale"},
"location":{"location_name":"Harbour Wing","time_zone":"Europe/Berlin"},
"errors":[{"error_code":"device_offline","is_device_error":true,"message":"The device is offline and does not answer.","created_at":"2026-11-23T17:55:00.000Z"}],
"warnings":[{"warning_code":"low_battery","message":"The battery is almost empty. Replace it soon.","created_at":"2026-11-22T08:00:00.000Z"}],
"properties":{"online":false,"locked":true,"door_open":false,"battery_level":0.08,"battery":{"level":0.08,"status":"critical"},"manufacturer":"yale","name":"Garage",
"serial_number":"YRD-2260-884133","supported_code_lengths":[4,5,6],"max_active_codes_supported":250,"supports_backup_access_code_pool":true,"code_constraints":[{"constraint_type":"no_zeros"}],
"has_native_entry_events":true,"online_access_codes_enabled":true,"image_url":"https://example.com/lock.png","keypad_battery":{"level":0.6},
"model":{"display_name":"Assure Lock 2","manufacturer_display_name":"Yale","can_connect_accessory_keypad":true,"accessory_keypad_supported":true},
"august_metadata":{"lock_id":"lock-1","lock_name":"Garage","house_name":"Harbour","has_keypad":true,"keypad_battery_level":"Medium"},"appearance":{"name":"Garage"}}}`

func sampleCodeForm(id string) *CodeForm {
	return &CodeForm{
		ID: id, New: id == "add-code", Action: "/console/x", Generate: "/console/x", NameHint: "The lock itself shows up to 14 characters.", PINMin: 4, PINMax: 8,
		PINHint: "From 4 to 8 digits.", Rules: []string{"The code must not contain zeros"}, Kind: "ongoing", Online: true, Offline: true, CanPool: true, Zone: time.UTC,
	}
}

func sampleCodes() []Code {
	return []Code{
		{ID: "c1", URL: "/console/x", Name: "Cleaner", PIN: "4711", Managed: true, Kind: "Ongoing", Status: Badge{Tone: ToneGood, Text: "Set"}, Opens: "Always", Edit: sampleCodeForm("edit-c1"), CanDelete: true, CreatedAt: days(-3)},
		{ID: "c2", URL: "/console/x", Name: "Guest of the suite", PIN: "82736455", Managed: true, Kind: "Time-bound", Status: Badge{Tone: ToneWarn, Text: "Setting"}, Opens: "Starts", Next: days(2),
			Starts: "25 Nov 2026, 15:00 CET", Ends: "29 Nov 2026, 11:00 CET", Edit: sampleCodeForm("edit-c2"), CanDelete: true, CanPull: true, PulledURL: "/console/x", CreatedAt: minutesAgo(4),
			Pending:  []string{"The code is being put on the lock."},
			Problems: []Problem{{Bad: true, Code: "failed_to_set_on_device", Message: "The lock did not take the code.", Since: minutesAgo(2)}, {Code: "delay_in_setting_on_device", Message: "It takes longer than usual.", Since: minutesAgo(1)}}},
		{ID: "c3", URL: "/console/x", Managed: true, Backup: true, WaitsForPIN: true, Kind: "Ongoing", Status: Badge{Tone: ToneNeutral, Text: "Not set yet"}, Opens: "Always", CreatedAt: days(-1)},
		{ID: "c4", URL: "/console/x", Name: "Neighbor", PIN: "1928", Kind: "Ongoing", Opens: "Always", CanDelete: true, CreatedAt: days(-9)},
		{ID: "c5", URL: "/console/x", Name: "Owner", Kind: "Ongoing", Opens: "Always", Fixed: true, CreatedAt: days(-9)},
	}
}

// samples are all pages, empty and filled, and with the errors that a person can make.
func samples() []sample {
	plain := func(title string) Page { return Page{Title: title} }
	ws := func(current, title string) Page { return samplePage(AreaWorkspace, current, title) }
	me := func(current, title string) Page { return samplePage(AreaSettings, current, title) }

	production := ws(NavDevices, "Devices")
	production.Workspace = &sampleProd
	suspended := ws(NavWorkspace, "Settings")
	suspendedWorkspace := Workspace{ID: sampleSandbox.ID, Name: sampleSandbox.Name, Sandbox: true, Suspended: true, Role: RoleOwner}
	suspended.Workspace = &suspendedWorkspace
	many := ws(NavDevices, "Devices")
	for _, name := range []string{"Alder Apartments", "Birch Bungalows", "Cedar Chalets", "Dune Hotel", "Elm Estates", "Fir Flats", "Grove Guesthouse", "Heath Hostel of the Harbour Foundation"} {
		many.Workspaces = append(many.Workspaces, Workspace{ID: name, Name: name, Role: RoleAdmin})
	}
	many.Flash = &Flash{Kind: FlashSuccess, Text: "August connected: 2 devices added."}
	nobody := Page{Title: "No workspace", Area: AreaWorkspace, User: &User{Email: "new@example.com"}, NewWorkspace: sampleNewWorkspace}
	dialog := ws(NavDevices, "Devices")
	dialog.NewWorkspace = NewWorkspaceForm{Open: true, Errors: FormErrors{"name": "A name is needed."}}
	sandboxForm := sampleSandboxForm()
	sandboxForm.Open = true
	sandboxForm.Errors = FormErrors{"brand": "Choose at least one brand."}
	failed := ws(NavDevices, "Not found")
	created := me(NavTokens, "Personal Access Tokens")
	created.Location = "/console/settings/personal-access-tokens"

	lock, err := newDevice([]byte(sampleLockJSON))
	if err != nil {
		panic(err)
	}
	lock.Account = Link{"jane@example.com", "/console/a"}
	tabs := []Tab{{"Overview", "/console/a", true}, {"Access codes", "/console/b", false}, {"Events", "/console/c", false}}
	head := DeviceHead{
		Device: lock, Zone: time.UTC, BackURL: sampleSandbox.Path(), Rename: RenameForm{Action: "/console/x", Name: "Garage"}, Tabs: tabs,
		Turns:    []Turn{{"Lock", "lock", "/console/x", true}, {"Unlock", "unlock", "/console/x", false}},
		Simulate: SimulateMenu{Action: "/console/x", Items: simulations, Keypad: true},
		Attempt:  &AttemptNote{ID: "a1", Tone: ToneBad, Text: "The device cannot be reached.", Code: "device_offline", CloseURL: "/console/x"},
	}
	bare := DeviceHead{Device: Device{DeviceRow: DeviceRow{ID: "d", Name: "x", Icon: "lock"}, JSON: "{}"}, Zone: time.UTC, BackURL: "/console", Rename: RenameForm{Action: "/console/x"}}
	unmanaged := bare
	unmanaged.Manage = "/console/x"
	addCode := sampleCodeForm("add-code")
	addCode.Open, addCode.Blocked, addCode.Kind = true, "The device is offline.", "time_bound"
	addCode.Errors = FormErrors{"": "The device is full.", "name": "Use at most 14 characters.", "code": "The code must not contain zeros", "ends_at": "Choose when the code ends."}

	secret := &Secret{ID: "t1", Name: "Laptop", Value: "seam_at1Kq7mT2xw_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"}
	openToken := sampleAddToken
	openToken.Open = true
	wrongToken := openToken
	wrongToken.Expiry.Options = []ExpiryOption{{Value: "365", Label: "365 days", Expires: days(365)}, {Value: ExpiryDate, Label: "On a date…", Selected: true}, {Value: ExpiryNever, Label: "Never"}}
	wrongToken.Expiry.Date = "2020-01-01"
	wrongToken.Errors, wrongToken.Expiry.Errors = FormErrors{"name": "A name is needed."}, FormErrors{"expires_on": "Choose a day from tomorrow on."}
	limitedToken := openToken
	limitedToken.Expiry.Policy = "This server lets tokens live for 90 days at the most."
	limitedToken.Limits = sampleLimits()
	limitedToken.Limits.Open, limitedToken.Limits.Scopes.Mode, limitedToken.Limits.AllWorkspaces, limitedToken.Limits.AnyTime = true, ScopesChosen, false, false
	limitedToken.Limits.Devices = []Choice{{Value: "d1", Label: "FRONT DOOR", Chosen: true}, {Value: "d2", Label: "BACK DOOR", Chosen: true}}
	limitedToken.Limits.Networks, limitedToken.Limits.Scopes.Policy = "10.0.0.0/8\nhouse", "This server allows only: Devices: read."
	limitedToken.Limits.Scopes.Error = "Choose at least one."
	limitedToken.Limits.Errors = FormErrors{"workspace_ids": "Choose at least one.", "allowed_cidrs": "“house” is not a network like 10.0.0.0/8.", "allowed_hours": "Must differ from the beginning.", "max_uses": "That is not a number.", "device_ids": "One of them is not there."}
	neverToken := openToken
	neverToken.Name = "Laptop"
	neverToken.Expiry.Options = []ExpiryOption{{Value: "365", Label: "365 days", Expires: days(365)}, {Value: ExpiryDate, Label: "On a date…"}, {Value: ExpiryNever, Label: "Never", Selected: true}}

	members := []Member{
		{UserID: "u1", Name: "Jane Doe", Email: "jane@example.com", Role: RoleOwner, You: true, JoinedAt: days(-90), CanChange: true, LastOwner: true},
		{UserID: "u2", Name: "Frodo Baggins", Email: "frodo@example.com", Role: RoleAdmin, JoinedAt: days(-30), CanChange: true, CanAdopt: true, APIKeys: []string{"Booking server", "CI"}, Roles: sampleRoles},
		{UserID: "u3", Email: "a.very.long.address.of.somebody@subsidiary.example.com", Role: RoleMember, JoinedAt: minutesAgo(14), CanChange: true, Disabled: true, Roles: sampleRoles},
	}
	invite := InviteForm{Role: RoleMember, Roles: sampleRoles, Nonce: "n3"}
	openInvite := invite
	openInvite.Open = true
	openInvite.Email = "not an address"
	openInvite.Errors = FormErrors{"email": "That is not an e-mail address."}
	keys := []APIKey{
		{ID: "k1", Name: "Booking server", Hint: "seam_test3fK9_…", CreatedAt: days(-60), CreatedBy: "Jane Doe", LastUsed: minutesAgo(0), CanRevoke: true},
		{ID: "k2", Name: "CI", Hint: "seam_testQ8rt_…", CreatedAt: days(-12), CreatedBy: "Frodo Baggins", CanRevoke: true},
	}

	statuses := []Choice{{Label: "All"}, {Value: "live", Label: "All live (4)"}, {Value: "revoked", Label: "Revoked (1)"}}
	expiring := ws(NavTokens, "Personal Access Tokens")
	expiring.Expiring = []ExpiringToken{{Name: "Build server", URL: "/console/t/t3", ExpiresAt: testNow.Add(20 * time.Hour), Urgent: true}, {Name: "Nightly sync", URL: "/console/t/t2", ExpiresAt: days(2)}, {Name: "Laptop", URL: "/console/t/t1", ExpiresAt: days(-1), Urgent: true, Expired: true}}
	expiring.Leaked = []LeakedCredential{{What: "Your token", Name: "Laptop", URL: "/console/t/t1", At: minutesAgo(50)}, {What: "The API key", Name: "CI", URL: "/console/k", At: days(-2)}}
	rotating := sampleToken(me(NavTokens, "Laptop"))
	rotating.Rotate.Open, rotating.Rotate.Errors = true, FormErrors{"overlap": "Choose how long the old token works."}
	editing := sampleToken(me(NavTokens, "Laptop"))
	editing.Edit.Open, editing.Edit.Errors = true, FormErrors{"name": "A name is needed."}
	policyForm := PolicyForm{Action: "/console/x", MaximumAge: "90", NeverForbidden: true, Scopes: sampleLimits().Scopes, Networks: "10.0.0.0/8", Address: "10.0.0.7", Inactive: "x", Errors: FormErrors{"inactive_days": "Use a number of days."}}
	refusedHere := sampleTokens()[:4]
	refusedHere[2].Refused = true

	return append(thingSamples(), []sample{
		{"setup", &SetUpView{Page: plain("Set up"), MinPassword: 12}},
		{"setup-wrong", &SetUpView{Page: plain("Set up"), Token: "x", Email: "jane", Errors: FormErrors{"email": "That is not an e-mail address.", "password": "Use at least 12 characters."}}},
		{"setup-done", &SetUpView{Page: plain("Set up"), Done: true}},
		{"signin", &SignInView{Page: plain("Sign in")}},
		{"signin-wrong", &SignInView{Page: plain("Sign in"), Email: "jane@example.com", Next: "/console/settings/profile", Errors: FormErrors{"": "The e-mail address or the password is wrong."}}},
		{"invitation", &InvitationView{Page: plain("Invitation"), MinPassword: 12}},
		{"invitation-known", &InvitationView{Page: plain("Invitation"), MinPassword: 12, Token: "x", Email: "frodo@example.com", Known: true, Workspaces: []string{"Harbour Hotels"}, Errors: FormErrors{"password": "The password is wrong."}}},
		{"invitation-new", &InvitationView{Page: plain("Invitation"), MinPassword: 12, Token: "x", Email: "frodo@example.com", Workspaces: []string{"Harbour Hotels"}}},
		{"invitation-gone", &InvitationView{Page: plain("Invitation"), MinPassword: 12, Gone: true}},
		{"signedout", &SignedOutView{Page: plain("Signed out")}},
		{"noworkspace", &NoWorkspaceView{Page: nobody}},
		{"error-plain", &ErrorView{Page: plain("Not found"), Status: 404, Heading: "Page not found", Message: "There is nothing at this address.", BackURL: "/console", BackLabel: "Go to the Console"}},
		{"error-app", &ErrorView{Page: failed, Status: 500, Heading: "Something went wrong", Message: "The server could not answer. Nothing was changed. If it happens again, look in the server’s log for this request.", RequestID: "request_0199b2f6", BackURL: sampleSandbox.Path(), BackLabel: "Back to Devices"}},
		{"devices", &DevicesView{Page: many, Connect: sampleConnect, Rows: sampleDeviceRows(), Total: 118, Pagination: Pagination{First: "?", Next: "?n"}, AddSandbox: sampleSandboxForm()}},
		{"devices-one-page", &DevicesView{Connect: sampleConnect, Page: ws(NavDevices, "Devices"), Rows: sampleDeviceRows()[:1], Total: 1, AddSandbox: sampleSandboxForm()}},
		{"devices-search", &DevicesView{Connect: sampleConnect, Page: ws(NavDevices, "Devices"), Query: "cellar", AddSandbox: sampleSandboxForm()}},
		{"devices-empty", &DevicesView{Connect: sampleConnect, Page: ws(NavDevices, "Devices"), AddSandbox: sampleSandboxForm()}},
		{"devices-empty-production", &DevicesView{Connect: sampleConnect, Page: production}},
		{"devices-add", &DevicesView{Connect: sampleConnect, Page: ws(NavDevices, "Devices"), AddSandbox: sandboxForm}},
		{"devices-new-workspace", &DevicesView{Connect: sampleConnect, Page: dialog, Rows: sampleDeviceRows(), Total: 6, AddSandbox: sampleSandboxForm()}},
		{"device", &DeviceView{Page: ws(NavDevices, "Garage"), DeviceHead: head}},
		{"device-rename", &DeviceView{Page: ws(NavDevices, "Garage"), DeviceHead: DeviceHead{Device: lock, BackURL: sampleSandbox.Path(), Rename: RenameForm{Open: true, Action: "/console/x", Errors: FormErrors{"name": "A name is needed."}}}}},
		{"device-unmanaged", &DeviceView{Page: ws(NavDevices, "x"), DeviceHead: unmanaged}},
		{"device-bare", &DeviceView{Page: ws(NavDevices, "x"), DeviceHead: bare}},
		{"device-events", &DeviceEventsView{Page: ws(NavDevices, "Garage"), DeviceHead: head, More: true, Events: []DeviceEvent{
			{ID: "e2", Type: "lock.unlocked", Text: "Lock unlocked", Detail: "By keycode", Code: Link{"Cleaner", "/console/x"}, At: minutesAgo(1)},
			{ID: "e1", Type: "device.connected", Text: "Device connected", At: minutesAgo(90)}}}},
		{"device-events-empty", &DeviceEventsView{Page: ws(NavDevices, "x"), DeviceHead: bare}},
		{"codes", &CodesView{Page: ws(NavDevices, "Garage"), DeviceHead: head, CodesURL: "/console/x", Codes: sampleCodes()[:3], Others: sampleCodes()[3:], Add: sampleCodeForm("add-code"), Pool: true, PoolOn: true, Simulated: true}},
		{"codes-add", &CodesView{Page: ws(NavDevices, "Garage"), DeviceHead: head, CodesURL: "/console/x", Codes: sampleCodes()[:1], Add: addCode, Pool: true}},
		{"codes-none", &CodesView{Page: ws(NavDevices, "x"), DeviceHead: bare, CodesURL: "/console/x", Query: "cleaner"}},
		{"codes-page", &CodesView{Page: ws(NavDevices, "x"), DeviceHead: bare, CodesURL: "/console/x", Codes: sampleCodes()[:1], Total: 51, Pagination: Pagination{First: "?"}}},
		{"codes-empty", &CodesView{Page: ws(NavDevices, "x"), DeviceHead: bare}},
		{"codes-empty-add", &CodesView{Page: ws(NavDevices, "x"), DeviceHead: bare, Add: sampleCodeForm("add-code"), Simulated: true}},
		{"code", &CodeView{Page: ws(NavDevices, "Guest"), DeviceHead: head, Code: sampleCodes()[1], CodesURL: "/console/x", Timeline: []TimelineRow{
			{ID: "t2", Type: "access_code.set_on_device", Text: "Set on device", At: minutesAgo(2)}, {ID: "t1", Type: "access_code.created", Text: "Created", By: "by a person", At: minutesAgo(3)}}}},
		{"code-gone", &CodeView{Page: ws(NavDevices, "x"), DeviceHead: bare, Code: Code{ID: "c"}, Gone: true, CodesURL: "/console/x"}},
		{"team", &TeamView{Page: ws(NavTeam, "Team"), Members: members, CanManage: true, Invite: invite, Invitations: []Invitation{{ID: "i1", Email: "sam@example.com", Role: RoleMember, InvitedBy: "Jane Doe", CreatedAt: minutesAgo(200), ExpiresAt: days(7)}}}},
		{"team-invite", &TeamView{Page: ws(NavTeam, "Team"), Members: members, CanManage: true, Invite: openInvite}},
		{"team-link", &TeamView{Page: ws(NavTeam, "Team"), Members: members, CanManage: true, Invite: invite, Link: &InvitationLink{Email: "sam@example.com", URL: "http://localhost:8420/console/invitation#token=8h2kQm4vXz7cRt9wLp3nYb6sDf5gJa1e", ExpiresAt: days(7)}}},
		{"team-link-mailed", &TeamView{Page: ws(NavTeam, "Team"), Members: members, CanManage: true, Invite: invite, Link: &InvitationLink{Email: "sam@example.com", URL: "http://localhost:8420/console/invitation#token=8h2kQm4vXz7cRt9wLp3nYb6sDf5gJa1e", ExpiresAt: days(7), Mailed: true}}},
		{"team-member", &TeamView{Page: ws(NavTeam, "Team"), Members: members[:1]}},
		{"apikeys", &APIKeysView{Page: ws(NavAPIKeys, "API Keys"), Keys: keys, CanManage: true, Add: AddAPIKeyForm{Nonce: "n4"}}},
		{"apikeys-empty", &APIKeysView{Page: ws(NavAPIKeys, "API Keys"), CanManage: true}},
		{"apikeys-member", &APIKeysView{Page: ws(NavAPIKeys, "API Keys")}},
		{"apikeys-add", &APIKeysView{Page: ws(NavAPIKeys, "API Keys"), Keys: keys, CanManage: true, Add: AddAPIKeyForm{Open: true, Errors: FormErrors{"name": "A name is needed."}}}},
		{"apikeys-created", &APIKeysView{Page: ws(NavAPIKeys, "API Keys"), Keys: keys, CanManage: true, Created: &Secret{ID: "k1", Name: "Booking server", Value: "seam_test3fK9_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"}}},
		{"tokens", &TokensView{Page: expiring, Base: "/console/t", Tokens: sampleTokens(), All: 6, Statuses: statuses, Add: sampleAddToken}},
		{"tokens-empty", &TokensView{Page: me(NavTokens, "Personal Access Tokens"), Base: "/console/t", Add: sampleAddToken}},
		{"tokens-none", &TokensView{Page: me(NavTokens, "Personal Access Tokens"), Base: "/console/t", Query: "gollum", All: 6, Statuses: statuses, Add: sampleAddToken}},
		{"tokens-add", &TokensView{Page: me(NavTokens, "Personal Access Tokens"), Base: "/console/t", Tokens: sampleTokens(), All: 6, Add: openToken}},
		{"tokens-add-wrong", &TokensView{Page: me(NavTokens, "Personal Access Tokens"), Base: "/console/t", Tokens: sampleTokens(), All: 6, Add: wrongToken}},
		{"tokens-add-limits", &TokensView{Page: me(NavTokens, "Personal Access Tokens"), Base: "/console/t", Tokens: sampleTokens(), All: 6, Add: limitedToken}},
		{"tokens-add-never", &TokensView{Page: me(NavTokens, "Personal Access Tokens"), Base: "/console/t", Tokens: sampleTokens(), All: 6, Add: neverToken}},
		{"tokens-created", &TokensView{Page: created, Base: "/console/t", Tokens: sampleTokens(), All: 6, Add: sampleAddToken, Created: secret, Snippets: sampleSnippets(secret.Value, "")}},
		{"token", sampleToken(me(NavTokens, "Laptop"))},
		{"token-rotate", rotating},
		{"token-edit", editing},
		{"token-rotated", &TokenView{Page: me(NavTokens, "Laptop"), Base: "/console/t", Token: sampleTokens()[0], Mine: true, Created: secret, Snippets: sampleSnippets(secret.Value, "")}},
		{"token-key", &TokenView{Page: me(NavTokens, "Laptop"), Base: "/console/t", Token: sampleTokens()[0], Mine: true, Snippets: sampleSnippets("", "seam_test7Kp2_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"), CreatedKey: &Secret{ID: "wk1", Name: "Jane’s Sandbox", Value: "seam_test7Kp2_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"}}},
		{"token-revoked", &TokenView{Page: me(NavTokens, "Old laptop"), Base: "/console/t", Token: sampleTokens()[5], Mine: true}},
		{"token-of-another", &TokenView{Page: samplePage(AreaInstance, NavTokens, "Nightly sync"), Base: "/console/instance/personal-access-tokens", Token: sampleTokens()[1]}},
		{"refusal", &RefusalView{Page: me(NavTokens, "Why a request was refused"), Base: "/console/t", RequestID: "x", Token: sampleTokens()[0], Refusal: &sampleToken(Page{}).Refusals[0]}},
		{"refusal-none", &RefusalView{Page: me(NavTokens, "Why a request was refused"), Base: "/console/t", RequestID: "x"}},
		{"alltokens", &AllTokensView{Page: samplePage(AreaInstance, NavTokens, "Personal Access Tokens"), Base: "/console/instance/personal-access-tokens", Unused: "30", Statuses: statuses, Tokens: sampleTokens()[:4], Found: 4, Chosen: 4, Bulk: true, Examples: sampleTokens()[:3]}},
		{"alltokens-empty", &AllTokensView{Page: samplePage(AreaInstance, NavTokens, "Personal Access Tokens"), Base: "/console/instance/personal-access-tokens"}},
		{"alltokens-wrong", &AllTokensView{Page: samplePage(AreaInstance, NavTokens, "Personal Access Tokens"), Base: "/console/instance/personal-access-tokens", Unused: "x", Errors: FormErrors{"unused_days": "Use a number from 1 to 3650."}}},
		{"policy-instance", &PolicyView{Page: samplePage(AreaInstance, NavPolicy, "Token policy"), Instance: true, CanEdit: true, Count: 12, Form: policyForm}},
		{"policy-preview", &PolicyView{Page: samplePage(AreaInstance, NavPolicy, "Token policy"), Instance: true, CanEdit: true, Preview: true, Count: 12, Refused: sampleTokens()[1:2], Form: policyForm}},
		{"policy-workspace", &PolicyView{Page: ws(NavAccess, "Token access"), CanEdit: true, Owner: true, Count: 3, Tokens: refusedHere, Form: policyForm}},
		{"policy-member", &PolicyView{Page: ws(NavAccess, "Token access"), Form: PolicyForm{Action: "/console/x", Scopes: sampleLimits().Scopes}}},
		{"workspace", &WorkspaceSettingsView{Look: WebviewLook{Logo: "/connect_webviews/logo?workspace_id=x", Square: true, ButtonColor: "#1d5b45", TextColor: "#ffffff", Success: "Welcome.", LogoError: "Choose a PNG or a JPEG picture."}, Page: ws(NavWorkspace, "Settings"), Name: sampleSandbox.Name, CompanyName: "Harbour Ltd", CanManage: true, CanDelete: true, Devices: 6}},
		{"workspace-delete", &WorkspaceSettingsView{Page: ws(NavWorkspace, "Settings"), Name: sampleSandbox.Name, CanManage: true, CanDelete: true, Devices: 6, Delete: DeleteForm{Open: true, Errors: FormErrors{"confirm_name": "That is not the name."}}}},
		{"workspace-suspended", &WorkspaceSettingsView{Page: suspended, Name: sampleSandbox.Name, CanManage: true, CanDelete: true, Errors: FormErrors{"name": "A name is needed."}}},
		{"workspace-member", &WorkspaceSettingsView{Page: ws(NavWorkspace, "Settings"), Name: sampleSandbox.Name}},
		{"confirm", &ConfirmView{Page: me("", "Confirm that it is you"), Action: "/console/t", Sealed: "x", Back: "/console/t"}},
		{"confirm-wrong", &ConfirmView{Page: me("", "Confirm that it is you"), Action: "/console/t", Sealed: "x", Back: "/console/t", Errors: FormErrors{"confirm_password": "The password is wrong."}}},
		{"confirm-all", &ConfirmView{Page: me("", "Confirm that it is you"), Action: "/console/t", Sealed: "x", Back: "/console/t", Offer: PasskeyOffer{Works: true}, Password: true, Authenticator: true, Passkey: true}},
		{"confirm-provider", &ConfirmView{Page: me("", "Confirm that it is you"), Action: "/console/t", Sealed: "x", Back: "/console/t", Provider: "Example"}},
		{"signin-all", &SignInView{Page: Page{Title: "Sign in"}, Offer: PasskeyOffer{Works: true}, Provider: "Example", Next: "/console/x"}},
		{"signin-elsewhere", &SignInView{Page: Page{Title: "Sign in"}, Offer: PasskeyOffer{Elsewhere: "http://localhost:8420/console/sign-in"}}},
		{"signin-code", &SignInView{Page: Page{Title: "Sign in"}, Step: "x", Errors: FormErrors{"": "The code is wrong."}}},
		{"signin-recovery", &SignInView{Page: Page{Title: "Sign in"}, Step: "x", Recovery: true}},
		{"security", &SecurityView{Page: me(NavSecurity, "Security"), HasPassword: true, Offer: PasskeyOffer{Works: true}, Provider: "Example", Since: days(-3), CodesLeft: 8, PasskeyErrors: FormErrors{"name": "Use at most 100 characters."},
			Passkeys: []PasskeyRow{{ID: "p1", Name: "Phone", CreatedAt: days(-20), LastUsedAt: minutesAgo(5)}, {ID: "p2", Name: "Laptop", CreatedAt: days(-1)}},
			Accounts: []ProviderAccount{{Issuer: "https://id.example.com", Subject: "s", Email: "jane@example.com", CreatedAt: days(-1)}}}},
		{"security-empty", &SecurityView{Page: me(NavSecurity, "Security"), HasPassword: true, Offer: PasskeyOffer{Elsewhere: "http://localhost:8420/console/settings/security"}}},
		{"security-setup", &SecurityView{Page: me(NavSecurity, "Security"), HasPassword: true, SetUp: &SetUpAuthenticator{Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", QR: "data:image/png;base64,AAAA", Sealed: "x", Errors: FormErrors{"code": "The code is wrong."}}}},
		{"security-codes", &SecurityView{Page: me(NavSecurity, "Security"), HasPassword: true, Since: days(0), CodesLeft: 10, Codes: []string{"abcde-fghij", "klmno-pqrst"}}},
		{"signed-in", &SignInsView{Page: me(NavSignIns, "Sessions"), Sessions: []SignInRow{{ID: "s1", What: "Firefox on Linux", How: "Passkey", Address: "192.0.2.1", CreatedAt: days(-1), SeenAt: minutesAgo(1), Current: true}, {ID: "s2", What: "A script (curl)", How: "Password", Address: "192.0.2.7", CreatedAt: minutesAgo(40), SeenAt: minutesAgo(40)}}}},
		{"signed-in-one", &SignInsView{Page: me(NavSignIns, "Sessions"), Sessions: []SignInRow{{ID: "s1", What: "Firefox on Linux", How: "Password", Address: "192.0.2.1", CreatedAt: days(-1), SeenAt: minutesAgo(1), Current: true}}}},
		{"resume", &ResumeView{Page: me("", "You are confirmed"), Action: "/console/t", Proof: "x", Back: "/console/t"}},
		{"leave", &LeaveView{Page: me(NavSecurity, "Link an account"), To: "https://id.example.com/authorize?x=1", Label: "Example"}},
		{"profile-all", &ProfileView{Page: me(NavProfile, "Profile"), Name: "Jane Doe", MinPassword: 12, HasPassword: true, Authenticator: true}},
		{"invitation-signed-in", &InvitationView{Page: Page{Title: "Invitation"}, Token: "x", Email: "jane@example.com", Known: true, SignedIn: true, Workspaces: []string{"Harbour"}}},
		{"invitation-code", &InvitationView{Page: Page{Title: "Invitation"}, Token: "x", Email: "jane@example.com", Known: true, AsksCode: true, Workspaces: []string{"Harbour"}}},
		{"profile", &ProfileView{Page: me(NavProfile, "Profile"), Name: "Jane Doe", MinPassword: 12}},
		{"profile-wrong", &ProfileView{Page: me(NavProfile, "Profile"), MinPassword: 12, PasswordErrors: FormErrors{"current_password": "The password is wrong.", "new_password": "Use at least 12 characters."}}},
		{"people", &PeopleView{Page: samplePage(AreaInstance, NavPeople, "People"), People: []Person{
			{ID: "u1", Name: "Jane Doe", Email: "jane@example.com", Operator: true, You: true, Workspaces: 21, Tokens: 3, CreatedAt: days(-400)},
			{ID: "u2", Name: "Frodo Baggins", Email: "frodo@example.com", Workspaces: 1, Tokens: 1, CreatedAt: days(-30)},
			{ID: "u3", Email: "sam@example.com", Disabled: true, CreatedAt: days(-2)},
		}}},
		{"people-none", &PeopleView{Page: samplePage(AreaInstance, NavPeople, "People"), Query: "gollum"}},
	}...)
}
