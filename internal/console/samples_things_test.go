package console

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
	return []sample{
		{"accounts", &AccountsView{Page: ws(NavAccounts, "Connected Accounts"), Rows: sampleAccountRows(), Pagination: Pagination{Next: "?n"}, Connect: sampleConnect}},
		{"accounts-empty", &AccountsView{Page: ws(NavAccounts, "Connected Accounts"), Connect: sampleConnect}},
		{"accounts-search", &AccountsView{Page: ws(NavAccounts, "Connected Accounts"), Query: "cellar", Connect: sampleConnect}},
		{"account", &account},
		{"account-broken", &broken},
		{"account-edit", &wrong},
	}
}
