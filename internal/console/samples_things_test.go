package console

import (
	"time"

	"keyway/internal/api/event"
)

var sampleConnect = ConnectDialog{ID: "connect", Title: "Add Devices", Action: "/console/workspaces/w/connect"}

func sampleAccountRows() []AccountRow {
	return []AccountRow{
		{ID: "0199b2f6-11aa-7a10-8c3e-77d2c90be001", URL: "/console/a", Name: "jane@example.com", Brand: "August", Badge: Badge{Tone: ToneGood, Text: "Connected"}, Devices: 4, CustomerKey: "guesthouse", CreatedAt: days(-40)},
		{ID: "0199b2f6-11aa-7a10-8c3e-77d2c90be002", URL: "/console/a", Name: "a.very.long.address.of.somebody@subsidiary.example.com", Brand: "Schlage", Badge: Badge{Tone: ToneBad, Text: "Disconnected"}, Problem: "The account was disconnected. Connect it again.", CreatedAt: days(-3)},
	}
}

// thingSamples are the pages of what a workspace has beside devices and people.
func thingSamples() []sample {
	ws := func(current, title string) Page { return samplePage(AreaWorkspace, current, title) }
	account := AccountView{
		Page: ws(NavAccounts, "jane@example.com"), Account: sampleAccountRows()[0], BackURL: "/console/a", Manages: true, Devices: sampleDeviceRows()[:3], JSON: "{}",
		SignIn: []Property{{Label: "Email", Value: "jane@example.com"}}, Reconnect: ConnectDialog{ID: "reconnect", Title: "Reconnect August", Action: "/console/a/reconnect"}, Edit: AccountForm{Name: "jane@example.com", Manages: true},
	}
	account.Account.URL = "/console/a"
	broken := account
	broken.Account, broken.Devices, broken.Accepted = sampleAccountRows()[1], nil, []string{"lock", "thermostat"}
	broken.Errors = []Problem{{Code: "account_disconnected", Message: "The account was disconnected. Connect it again.", Explanation: explanations["account_disconnected"], Since: days(-1)}}
	broken.Warnings = []Problem{{Code: "scheduled_maintenance_window", Message: "The brand is being maintained.", Since: minutesAgo(3)}}
	wrong := account
	wrong.Edit = AccountForm{Open: true, CustomerKey: "guesthouse", KeyIsGiven: true, Errors: FormErrors{"display_name": "This is needed.", "": "Something else."}}
	hooks := []WebhookRow{
		{ID: "h1", URL: "/console/h", Address: "https://app.example.com/hooks/keyway", Types: []string{"*"}, Badge: Badge{Tone: ToneGood, Text: "Enabled"}, CreatedAt: days(-20)},
		{ID: "h2", URL: "/console/h", Address: "https://a-very-long-name-of-a-host.subsidiary.example.com/incoming/webhooks/0199b2f67c1e7d049a51", Types: []string{"lock.unlocked", "lock.locked"}, Badge: Badge{Tone: ToneWarn, Text: "Failing"}, Since: minutesAgo(190), CreatedAt: days(-9)},
		{ID: "h3", URL: "/console/h", Address: "https://old.example.com/", Types: []string{"*"}, Badge: Badge{Tone: ToneBad, Text: "Disabled"}, Since: days(-2), IsDisabled: true, CreatedAt: days(-90)},
	}
	addHook := webhookForm("/console/h", []string{"*"})
	wrongHook := webhookForm("/console/h", []string{"lock.unlocked"})
	wrongHook.Open, wrongHook.Address, wrongHook.Errors = true, "http://10.0.0.1/", FormErrors{"url": "The address is not on the public internet; the operator of this server can allow it by name with --allow-outbound.", "event_type": "Choose at least one event type, or all."}
	editHook := addHook
	editHook.Address, editHook.Fixed = hooks[0].Address, true
	hook := WebhookView{Page: ws(NavWebhooks, "app.example.com"), Webhook: hooks[0], BackURL: "/console/h", CanManage: true, Edit: editHook, TestTypes: []string{"webhook.test", "lock.unlocked"}}
	tried := hook
	tried.Webhook, tried.Pending, tried.OldUntil, tried.Pagination = hooks[1], 3, testNow.Add(20*time.Hour), Pagination{Next: "?n"}
	tried.Attempts = []AttemptRow{
		{ID: "a1", EventID: "e1", EventType: "webhook.test", Number: 1, Badge: Badge{Tone: ToneGood, Text: "Delivered"}, Code: 200, Took: 84 * time.Millisecond, At: minutesAgo(1), Response: "ok"},
		{ID: "a2", EventID: "e2", EventType: "access_code.unmanaged.failed_to_convert_to_managed", EventURL: "/console/e", Number: 3, Badge: Badge{Tone: ToneBad, Text: "Failed"}, Code: 503, Problem: "The receiver answered 503", Response: "<html><body>Service unavailable</body></html>", Took: 1204 * time.Millisecond, At: minutesAgo(12), Next: testNow.Add(18 * time.Minute)},
		{ID: "a3", EventID: "e2", EventType: "lock.unlocked", EventURL: "/console/e", Number: 2, Badge: Badge{Tone: ToneBad, Text: "Failed"}, Problem: "No answer in time", Took: 15 * time.Second, At: minutesAgo(17)},
	}
	secret := hook
	secret.Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	seen := tried
	seen.CanManage = false
	wrongEdit := hook
	wrongEdit.Edit = webhookForm("/console/h", nil)
	wrongEdit.Edit.Open, wrongEdit.Edit.Fixed, wrongEdit.Edit.Address, wrongEdit.Edit.Errors = true, true, hooks[0].Address, FormErrors{"event_type": "Choose at least one event type, or all."}
	noticed := ws(NavWebhooks, "Webhooks")
	noticed.DisabledWebhooks = []DisabledWebhook{{URL: "/console/h", Host: "old.example.com", At: days(-2), CanEnable: true}, {URL: "/console/h", Host: "older.example.com", At: days(-9)}}
	noticed.Clock = &ClockView{Action: "/console/c", Here: "/console/h", Now: days(12), By: 12 * 24 * time.Hour, Min: "2026-12-05T18:31", Max: "2027-12-28T18:30"}
	still := ws(NavEvents, "Events")
	still.Clock = &ClockView{Action: "/console/c", Here: "/console/e", Now: testNow, Min: "2026-11-23T18:31", Max: "2027-12-28T18:30"}
	events := []EventRow{
		{ID: "e1", URL: "/console/e", Type: "lock.unlocked", At: minutesAgo(2), Device: Link{"Garage", "/console/d"}, About: []Link{{"Account", "/console/a"}}, JSON: "{\n  \"event_id\": \"e1\",\n  \"event_type\": \"lock.unlocked\"\n}"},
		{ID: "e2", URL: "/console/e", Type: "access_code.unmanaged.failed_to_convert_to_managed", At: minutesAgo(130), Device: Link{Text: "Deleted device"}, Details: "The lock is full.", JSON: "{}"},
		{ID: "e3", URL: "/console/e", Type: "client_session.deleted", At: days(-3), JSON: "{}"},
	}
	types := event.Type("").Enum()
	form := WebviewForm{Action: "/console/v", Manages: true, Categories: []CategoryOption{{"", "All brands"}, {"thermostats", "Thermostats"}, {chosenBrands, "Brands that I choose…"}}, Brands: sampleSandboxForm().Groups[0].Brands}
	wrongForm := form
	wrongForm.Open, wrongForm.Category, wrongForm.Redirect, wrongForm.Errors = true, chosenBrands, "javascript:alert(1)", FormErrors{"brand": "Choose at least one brand.", "custom_redirect_url": "That is not an address, such as https://app.example.com/.", "category": "Choose one of these."}
	webviews := []WebviewRow{
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e901", Address: "http://localhost:8420/connect_webviews/view?connect_webview_id=0199b2f6&auth_token=x", Badge: Badge{Tone: ToneNeutral, Text: "Pending"}, Brands: "All brands", CustomerKey: "guesthouse", CreatedAt: minutesAgo(4), Open: true},
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e902", Badge: Badge{Tone: ToneGood, Text: "Authorized"}, Brands: "August", AccountID: "a1", Account: Link{"jane@example.com", "/console/a"}, CreatedAt: days(-1)},
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e903", Badge: Badge{Tone: ToneBad, Text: "Failed"}, Brands: "12 brands", AccountID: "a2", Account: Link{Text: "Deleted account"}, CreatedAt: days(-8)},
	}
	newSession := SessionForm{Nonce: "n9", MinDate: "2026-11-24", Accounts: []SessionOption{{ID: "a1", Label: "jane@example.com", Note: "August", Chosen: true}, {ID: "a2", Label: "jane@example.com", Note: "Schlage"}}, Webviews: []SessionOption{{ID: "v1", Label: "All brands", Note: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e901"}}}
	wrongSession := newSession
	wrongSession.Open, wrongSession.User, wrongSession.Errors = true, "user-7", FormErrors{"user_identifier_key": "This user has a client session already. Show its token, or revoke it first.", "expires_on": "Choose a day that has not passed.", "": "What was chosen is not there any more."}
	sessions := []SessionRow{
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3ea01", User: "user-7", Badge: Badge{Tone: ToneGood, Text: "Active"}, Accounts: 2, Webviews: 1, Devices: 7, CreatedAt: days(-2), ExpiresAt: days(363), Live: true},
		{ID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3ea02", CustomerKey: "guesthouse", Badge: Badge{Tone: ToneNeutral, Text: "Revoked"}, Devices: 1, CreatedAt: days(-20), ExpiresAt: days(345)},
	}
	return []sample{
		{"webhooks", &WebhooksView{Page: noticed, Rows: hooks, Add: addHook, CanManage: true}},
		{"webhooks-empty", &WebhooksView{Page: ws(NavWebhooks, "Webhooks"), Add: addHook, CanManage: true}},
		{"webhooks-member", &WebhooksView{Page: ws(NavWebhooks, "Webhooks")}},
		{"webhooks-add", &WebhooksView{Page: ws(NavWebhooks, "Webhooks"), Add: wrongHook, CanManage: true}},
		{"webhook", &tried},
		{"webhook-empty", &hook},
		{"webhook-secret", &secret},
		{"webhook-member", &seen},
		{"webhook-edit", &wrongEdit},
		{"events", &EventsView{Page: still, Rows: events, Types: types, Pagination: Pagination{Next: "?n"}}},
		{"events-empty", &EventsView{Page: ws(NavEvents, "Events"), Types: types}},
		{"events-filtered", &EventsView{Page: ws(NavEvents, "Events"), Types: types, Type: "lock.locked", DeviceID: "x", Since: "nonsense", Filtered: true, Errors: FormErrors{"since": "That is not a time."}}},
		{"events-moved", &EventsView{Page: noticed, Rows: events, Types: types}},
		{"event", &EventView{Page: ws(NavEvents, "lock.unlocked"), Event: events[0], BackURL: "/console/e"}},
		{"event-bare", &EventView{Page: ws(NavEvents, "x"), Event: events[2], BackURL: "/console/e"}},
		{"webviews", &WebviewsView{Page: ws(NavWebviews, "Connect Webviews"), Rows: webviews, Add: form, Pagination: Pagination{First: "?"}}},
		{"webviews-empty", &WebviewsView{Page: ws(NavWebviews, "Connect Webviews"), Add: form}},
		{"webviews-wrong", &WebviewsView{Page: ws(NavWebviews, "Connect Webviews"), Add: wrongForm}},
		{"webviews-made", &WebviewsView{Page: ws(NavWebviews, "Connect Webviews"), Rows: webviews, Add: form, Made: &webviews[0]}},
		{"sessions", &SessionsView{Page: ws(NavSessions, "Client Sessions"), Rows: sessions, Add: newSession, Pagination: Pagination{Next: "?n"}}},
		{"sessions-empty", &SessionsView{Page: ws(NavSessions, "Client Sessions"), Add: SessionForm{Nonce: "n"}}},
		{"sessions-wrong", &SessionsView{Page: ws(NavSessions, "Client Sessions"), Add: wrongSession}},
		{"sessions-shown", &SessionsView{Page: ws(NavSessions, "Client Sessions"), Rows: sessions, Add: newSession, Shown: &Secret{ID: "s1", Name: "Client session token", Value: "seam_cst1Kq7mT2xw_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"}}},
		{"accounts", &AccountsView{Page: ws(NavAccounts, "Connected Accounts"), Rows: sampleAccountRows(), Pagination: Pagination{Next: "?n"}, Connect: sampleConnect}},
		{"accounts-empty", &AccountsView{Page: ws(NavAccounts, "Connected Accounts"), Connect: sampleConnect}},
		{"accounts-search", &AccountsView{Page: ws(NavAccounts, "Connected Accounts"), Query: "cellar", Connect: sampleConnect}},
		{"account", &account},
		{"account-broken", &broken},
		{"account-edit", &wrong},
	}
}
