package tokens

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/console/frame"
	"keyway/internal/console/frame/frametest"
	"keyway/internal/trust/credential"
)

func TestSecretIsNowhereElse(t *testing.T) {
	t.Parallel()
	r := frametest.Renderer(t, Section())
	const secret = "seam_at1Kq7mT2xw_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"
	got := frametest.Render(t, r, &ListView{Page: frametest.Page(frame.AreaSettings, frame.NavTokens, "Tokens"), Base: "/console/t",
		Created: &frame.Secret{ID: "t", Name: "x", Value: secret}, Snippets: sampleSnippets(secret, "")})
	for _, tag := range regexp.MustCompile(`(?:href|action|src|value)="[^"]*`).FindAllString(got, -1) {
		if strings.Contains(tag, secret) {
			t.Errorf("the secret stands in %s", tag)
		}
	}
}

func TestSnippets(t *testing.T) {
	t.Parallel()
	tabs := Snippets{Endpoint: "https://keys.example.com", WorkspaceID: "w1", Token: "seam_at1x"}.Tabs()
	var names []string
	for _, tab := range tabs {
		names = append(names, tab.Label)
		for _, block := range tab.Blocks {
			var code strings.Builder
			slots := map[Slot]bool{}
			for _, part := range block.Parts {
				code.WriteString(part.Text)
				slots[part.Slot] = true
			}
			if strings.Contains(code.String(), "§") {
				t.Errorf("%s: a mark is left in %q", tab.Label, code.String())
			}
			if !strings.Contains(code.String(), "https://keys.example.com") {
				t.Errorf("%s: the server's address is missing in %q", tab.Label, code.String())
			}
			if withKey := slots[SlotWorkspaceKey]; withKey == (slots[SlotToken] && slots[SlotWorkspace]) {
				t.Errorf("%s: wants either a workspace key or a token with a workspace: %q", tab.Label, code.String())
			}
			if block.NeedsKey != slots[SlotWorkspaceKey] {
				t.Errorf("%s: NeedsKey is %v", tab.Label, block.NeedsKey)
			}
		}
	}
	want := []string{"curl", "JavaScript", "Python", "Ruby", "PHP", "C#", "Java", "Go", "Environment"}
	if !slices.Equal(names, want) {
		t.Errorf("tabs %v, want %v", names, want)
	}
}

var (
	sampleExpiry = []ExpiryOption{
		{Value: "7", Label: "7 days", Expires: frametest.Days(7)},
		{Value: "30", Label: "30 days", Expires: frametest.Days(30)},
		{Value: "90", Label: "90 days", Expires: frametest.Days(90)},
		{Value: "365", Label: "365 days", Expires: frametest.Days(365), Selected: true},
		{Value: ExpiryDate, Label: "On a date…"},
		{Value: ExpiryNever, Label: "Never"},
	}
	sampleAddToken = AddTokenForm{Expiry: ExpiryForm{ID: "token", Options: sampleExpiry, MinDate: "2026-11-24", MaxDate: "2036-11-23"},
		Limits: sampleLimits(), Nonce: "n1"}
)

func sampleTokens() []Token {
	return []Token{
		{ID: "t1", URL: "/console/t/t1", Name: "Laptop", Hint: "seam_at1Kq7mT2xw_…", Status: TokenActive, Scopes: "Everything",
			Workspaces: "All workspaces", CreatedAt: frametest.Days(-40), ExpiresAt: frametest.Days(325), WorkspaceKeys: 2, Children: 1,
			LastUsed: LastUsed{At: frametest.MinutesAgo(2), Address: "10.0.0.7", Endpoint: "/devices/list", Workspace: "Jane’s Sandbox"}},
		{ID: "t2", URL: "/console/t/t2", Name: "Nightly sync of all customers, run from the warehouse", Hint: "seam_at1Zb4nQ9rd_…",
			Status: TokenExpiring, Scopes: "Devices: read, Locks: write + 2", Workspaces: "Harbour Hotels", CreatedAt: frametest.Days(-88),
			ExpiresAt: frametest.Days(2), Owner: "frodo@example.com",
			LastUsed: LastUsed{At: frametest.MinutesAgo(60 * 16), Address: "2001:db8::8a2e:370:7334", Endpoint: "/workspaces/list"}},
		{ID: "t3", URL: "/console/t/t3", Name: "Build server", Hint: "seam_at1Hc2pV8ke_…", Status: TokenReplaced,
			Reason: "works until 24 Nov, 18:30 UTC", Scopes: "Read only", Workspaces: "All sandbox workspaces", CreatedAt: frametest.Days(-3)},
		{ID: "t6", URL: "/console/t/t6", Name: "Bait", Hint: "seam_at1Bt6sL3yu_…", Status: TokenDisabled, Decoy: true, Scopes: "Everything",
			Workspaces: "All workspaces", CreatedAt: frametest.Days(-9)},
		{ID: "t4", URL: "/console/t/t4", Name: "Trial", Hint: "seam_at1Wd6sL3yu_…", Status: TokenExpired, Reason: "on 19 Oct 2026",
			Scopes: "Everything", Workspaces: "All workspaces", CreatedAt: frametest.Days(-400), ExpiresAt: frametest.Days(-35),
			LastUsed: LastUsed{At: frametest.Days(-36)}},
		{ID: "t5", URL: "/console/t/t5", Name: "Old laptop", Hint: "seam_at1Nm5jR7ta_…", Status: TokenRevoked, Reason: "by you, on 22 Nov 2026",
			Scopes: "Everything", Workspaces: "All workspaces", CreatedAt: frametest.Days(-700), ExpiresAt: frametest.Days(-1),
			LastUsed: LastUsed{At: frametest.Days(-120)}},
	}
}

func sampleLimits() LimitsForm {
	row := func(group string, chosen int) ScopeRow {
		r := ScopeRow{Group: group, Title: groupTitle(group),
			Choices: []Choice{{Label: "None"}, {Value: "read", Label: "Read"}, {Value: "read write", Label: "Read and write"}}}
		r.Choices[chosen].Chosen = true
		return r
	}
	return LimitsForm{New: true, AllWorkspaces: true, AnyTime: true, From: "08:00", To: "18:00", TimeZone: "UTC", Address: "10.0.0.7",
		FindDevices: "/console/t/devices", Weekdays: weekdayNames,
		Workspaces: []Choice{{Value: frametest.Sandbox.ID, Label: frametest.Sandbox.Name, Note: "Sandbox"},
			{Value: frametest.Production.ID, Label: frametest.Production.Name, Note: "Production"}},
		Scopes: ScopeForm{Legend: "What it may do", Mode: ScopesAll, Every: "Everything",
			Rows:   []ScopeRow{row("access_codes", 2), row("connected_accounts", 0), row("devices", 1), row("locks", 2)},
			Extras: []Choice{{Value: "personal_access_tokens:write", Label: "Write Personal access tokens"}}}}
}

// sampleToken is a page on which everything that can be there is.
func sampleToken(p frame.Page) *TokenView {
	tokens := sampleTokens()
	edit := sampleLimits()
	edit.New, edit.Open = false, true
	byDay := map[string]int{}
	for i := range 30 {
		byDay[frametest.Days(-i).Format(time.DateOnly)] = i * 7 % 40
	}
	return &TokenView{Page: p, Base: "/console/t", Token: tokens[0], Mine: true, Undo: true, Snippets: sampleSnippets("", ""),
		Limits: []Fact{{Label: "Permissions", Text: "Access codes: read and write, Devices: read"},
			{Label: "Workspaces", Text: "3 workspaces", Lines: []string{"Jane’s Sandbox", "Harbour Hotels", "Dune Hotel"}},
			{Label: "Hours", Text: "Mon to Fri, 08:00 to 18:00, Europe/Oslo"}},
		Family: []Relative{{Relation: "Replaces", Token: tokens[5]}, {Relation: "This token", Token: tokens[0], This: true},
			{Relation: "Made with this token", Token: tokens[2]}},
		Keys: []WorkspaceKey{
			{ID: "wk1", Hint: "seam_test7Kp2_…", Workspace: frametest.Sandbox, CreatedAt: frametest.Days(-4), LastUsed: frametest.MinutesAgo(31)},
			{ID: "wk2", Hint: "seam_9dQx41Lm_…", Workspace: frametest.Production, CreatedAt: frametest.Days(-1)},
		},
		Chart: newChart(byDay, frametest.Now),
		Uses: []UseRow{{Endpoint: "/devices/list", Workspace: "Jane’s Sandbox", Count: 412, LastDay: "2026-11-23"},
			{Endpoint: "/workspaces/list", Count: 9, LastDay: "2026-11-20"}},
		Refusals: []Refusal{{RequestID: "0199b2f6-42d1-7c55-b0aa-1f6a09c3e401", At: frametest.MinutesAgo(9), Endpoint: "/locks/unlock_door",
			Address: "10.0.0.7", Workspace: "Harbour Hotels", Status: 403, Reason: "scope",
			Remedy: "Add the scope locks:write to the token on its page if it should be able to do this, or use another token."}},
		Audit: []AuditLine{{At: frametest.MinutesAgo(60), What: "Rotated", Who: "You", Address: "10.0.0.7"},
			{At: frametest.Days(-40), What: "Created", Who: "Command by jane"}},
		Notices: []TokenNotice{{Tone: frame.ToneBad, Text: "This token was used from 203.0.113.9 after it was replaced. If you don’t recognize " +
			"this, someone has the old secret.", At: frametest.MinutesAgo(90)},
			{Tone: frame.ToneWarn, Text: "First used from the network 203.0.113.0/24, after a long silence.", At: frametest.MinutesAgo(95)}},
		Advice: &AdviceView{Days: 30, Permissions: 41, Used: 2, Requests: 421, Scopes: []string{"devices:read", "workspaces:read"},
			ScopeWords: []string{"Devices: read", "Workspaces: read"}, WorkspaceIDs: []string{frametest.Sandbox.ID}, Workspaces: "Jane’s Sandbox",
			Networks: []string{"10.0.0.0/24"}, DeviceIDs: []string{"d1", "d2"},
			Hours:      &credential.Hours{Weekdays: []string{"mon", "fri"}, From: "06:00", To: "16:00", TimeZone: "UTC"},
			HoursWords: "Mondays and Fridays, 06:00 to 16:00 (UTC)"},
		Rotate: &RotateForm{Overlaps: overlaps(overlapBegin), Expiry: ExpiryForm{ID: "rotate", Options: sampleExpiry}, Nonce: "n8"},
		Edit:   &EditTokenForm{Name: "Laptop", Expiry: ExpiryForm{ID: "edit", Options: sampleExpiry}, Limits: edit},
	}
}

func sampleSnippets(token, key string) *Snippets {
	return &Snippets{
		Endpoint: "http://localhost:8420", Workspaces: []frame.Workspace{frametest.Sandbox, frametest.Production},
		WorkspaceID: frametest.Sandbox.ID,
		Token:       token, WorkspaceKey: key, KeyAction: "/console/settings/personal-access-tokens/t1/workspace-keys", Nonce: "n2",
	}
}

// tokenSamples are the pages of this area, empty and filled, and with the errors that a person can make.
func tokenSamples() []frametest.Sample {
	ws := func(current, title string) frame.Page {
		return frametest.Page(frame.AreaWorkspace, current, title)
	}
	me := func(current, title string) frame.Page {
		return frametest.Page(frame.AreaSettings, current, title)
	}
	created := me(frame.NavTokens, "Personal Access Tokens")
	created.Location = "/console/settings/personal-access-tokens"
	secret := &frame.Secret{ID: "t1", Name: "Laptop", Value: "seam_at1Kq7mT2xw_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"}
	openToken := sampleAddToken
	openToken.Open = true
	wrongToken := openToken
	wrongToken.Expiry.Options = []ExpiryOption{{Value: "365", Label: "365 days", Expires: frametest.Days(365)},
		{Value: ExpiryDate, Label: "On a date…", Selected: true}, {Value: ExpiryNever, Label: "Never"}}
	wrongToken.Expiry.Date = "2020-01-01"
	wrongToken.Errors, wrongToken.Expiry.Errors = frame.FormErrors{"name": "A name is needed."},
		frame.FormErrors{"expires_on": "Choose a day from tomorrow on."}
	limitedToken := openToken
	limitedToken.Expiry.Policy = "This server lets tokens live for 90 days at most."
	limitedToken.Limits = sampleLimits()
	limitedToken.Limits.Open, limitedToken.Limits.Scopes.Mode, limitedToken.Limits.AllWorkspaces, limitedToken.Limits.AnyTime = true,
		ScopesChosen, false, false
	limitedToken.Limits.Devices = []Choice{{Value: "d1", Label: "FRONT DOOR", Chosen: true}, {Value: "d2", Label: "BACK DOOR", Chosen: true}}
	limitedToken.Limits.Networks, limitedToken.Limits.Scopes.Policy = "10.0.0.0/8\nhouse", "This server allows only: Devices: read."
	limitedToken.Limits.Scopes.Error = "Choose at least one."
	limitedToken.Limits.Errors = frame.FormErrors{"workspace_ids": "Choose at least one.",
		"allowed_cidrs": "“house” is not a network like 10.0.0.0/8.", "allowed_hours": "Must differ from the beginning.",
		"max_uses": "Enter a number.", "device_ids": "One of them is not there."}
	neverToken := openToken
	neverToken.Name = "Laptop"
	neverToken.Expiry.Options = []ExpiryOption{{Value: "365", Label: "365 days", Expires: frametest.Days(365)},
		{Value: ExpiryDate, Label: "On a date…"}, {Value: ExpiryNever, Label: "Never", Selected: true}}
	keys := []APIKey{
		{ID: "k1", Name: "Booking server", Hint: "seam_test3fK9_…", CreatedAt: frametest.Days(-60), CreatedBy: "Jane Doe",
			LastUsed: frametest.MinutesAgo(0), CanRevoke: true},
		{ID: "k2", Name: "CI", Hint: "seam_testQ8rt_…", CreatedAt: frametest.Days(-12), CreatedBy: "Frodo Baggins", CanRevoke: true},
	}
	statuses := []Choice{{Label: "All"}, {Value: "live", Label: "All live (4)"}, {Value: "revoked", Label: "Revoked (1)"}}
	expiring := ws(frame.NavTokens, "Personal Access Tokens")
	expiring.Expiring = []frame.ExpiringToken{{Name: "Build server", URL: "/console/t/t3", ExpiresAt: frametest.Now.Add(20 * time.Hour),
		Urgent: true}, {Name: "Nightly sync", URL: "/console/t/t2", ExpiresAt: frametest.Days(2)},
		{Name: "Laptop", URL: "/console/t/t1", ExpiresAt: frametest.Days(-1), Urgent: true, Expired: true}}
	expiring.Leaked = []frame.LeakedCredential{{What: "Your token", Name: "Laptop", URL: "/console/t/t1", At: frametest.MinutesAgo(50)},
		{What: "The API key", Name: "CI", URL: "/console/k", At: frametest.Days(-2)}}
	rotating := sampleToken(me(frame.NavTokens, "Laptop"))
	rotating.Rotate.Open, rotating.Rotate.Errors = true, frame.FormErrors{"overlap": "Choose how long the old token works."}
	editing := sampleToken(me(frame.NavTokens, "Laptop"))
	editing.Edit.Open, editing.Edit.Errors = true, frame.FormErrors{"name": "A name is needed."}
	policyForm := PolicyForm{Action: "/console/x", MaximumAge: "90", NeverForbidden: true, Scopes: sampleLimits().Scopes,
		Networks: "10.0.0.0/8", Address: "10.0.0.7", Inactive: "x", Errors: frame.FormErrors{"inactive_days": "Use a number of days."}}
	refusedHere := sampleTokens()[:4]
	refusedHere[2].Refused = true
	return []frametest.Sample{
		{Name: "apikeys", View: &APIKeysView{Page: ws(frame.NavAPIKeys, "API Keys"), Keys: keys, CanManage: true,
			Add: AddAPIKeyForm{Nonce: "n4"}}},
		{Name: "apikeys-empty", View: &APIKeysView{Page: ws(frame.NavAPIKeys, "API Keys"), CanManage: true}},
		{Name: "apikeys-member", View: &APIKeysView{Page: ws(frame.NavAPIKeys, "API Keys")}},
		{Name: "apikeys-add", View: &APIKeysView{Page: ws(frame.NavAPIKeys, "API Keys"), Keys: keys, CanManage: true,
			Add: AddAPIKeyForm{Open: true, Errors: frame.FormErrors{"name": "A name is needed."}}}},
		{Name: "apikeys-created", View: &APIKeysView{Page: ws(frame.NavAPIKeys, "API Keys"), Keys: keys, CanManage: true,
			Created: &frame.Secret{ID: "k1", Name: "Booking server", Value: "seam_test3fK9_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"}}},
		{Name: "tokens", View: &ListView{Page: expiring, Base: "/console/t", Tokens: sampleTokens(), Found: 6, All: 6, Statuses: statuses,
			Add: sampleAddToken}},
		{Name: "tokens-empty", View: &ListView{Page: me(frame.NavTokens, "Personal Access Tokens"), Base: "/console/t", Add: sampleAddToken}},
		{Name: "tokens-none", View: &ListView{Page: me(frame.NavTokens, "Personal Access Tokens"), Base: "/console/t", Query: "gollum", All: 6,
			Statuses: statuses, Add: sampleAddToken}},
		{Name: "tokens-add", View: &ListView{Page: me(frame.NavTokens, "Personal Access Tokens"), Base: "/console/t", Tokens: sampleTokens(),
			All: 6, Add: openToken}},
		{Name: "tokens-add-wrong", View: &ListView{Page: me(frame.NavTokens, "Personal Access Tokens"), Base: "/console/t",
			Tokens: sampleTokens(), Found: 6, All: 6, Add: wrongToken}},
		{Name: "tokens-add-limits", View: &ListView{Page: me(frame.NavTokens, "Personal Access Tokens"), Base: "/console/t",
			Tokens: sampleTokens(), Found: 6, All: 6, Add: limitedToken}},
		{Name: "tokens-add-never", View: &ListView{Page: me(frame.NavTokens, "Personal Access Tokens"), Base: "/console/t",
			Tokens: sampleTokens(), Found: 6, All: 6, Add: neverToken}},
		{Name: "tokens-created", View: &ListView{Page: created, Base: "/console/t", Tokens: sampleTokens(), Found: 6, All: 6, Add: sampleAddToken,
			Created: secret, Snippets: sampleSnippets(secret.Value, "")}},
		{Name: "token", View: sampleToken(me(frame.NavTokens, "Laptop"))},
		{Name: "token-rotate", View: rotating},
		{Name: "token-edit", View: editing},
		{Name: "token-rotated", View: &TokenView{Page: me(frame.NavTokens, "Laptop"), Base: "/console/t", Token: sampleTokens()[0], Mine: true,
			Created: secret, Snippets: sampleSnippets(secret.Value, "")}},
		{Name: "token-key", View: &TokenView{Page: me(frame.NavTokens, "Laptop"), Base: "/console/t", Token: sampleTokens()[0], Mine: true,
			Snippets:   sampleSnippets("", "seam_test7Kp2_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"),
			CreatedKey: &frame.Secret{ID: "wk1", Name: "Jane’s Sandbox", Value: "seam_test7Kp2_4Yh8nZr2VbQ6cWj9Xk3LfTs7PdGm5A"}}},
		{Name: "token-revoked", View: &TokenView{Page: me(frame.NavTokens, "Old laptop"), Base: "/console/t", Token: sampleTokens()[5],
			Mine: true}},
		{Name: "token-of-another", View: &TokenView{Page: frametest.Page(frame.AreaInstance, frame.NavTokens, "Nightly sync"),
			Base: "/console/instance/personal-access-tokens", Token: sampleTokens()[1]}},
		{Name: "refusal", View: &RefusalView{Page: me(frame.NavTokens, "Why a request was refused"), Base: "/console/t", RequestID: "x",
			Token: sampleTokens()[0], Refusal: &sampleToken(frame.Page{}).Refusals[0]}},
		{Name: "refusal-none", View: &RefusalView{Page: me(frame.NavTokens, "Why a request was refused"), Base: "/console/t", RequestID: "x"}},
		{Name: "alltokens", View: &AllTokensView{Page: frametest.Page(frame.AreaInstance, frame.NavTokens, "Personal Access Tokens"),
			Base: "/console/instance/personal-access-tokens", Unused: "30", Statuses: statuses, Tokens: sampleTokens()[:4], Found: 4, Chosen: 4,
			Bulk: true, Examples: sampleTokens()[:3]}},
		{Name: "alltokens-empty", View: &AllTokensView{Page: frametest.Page(frame.AreaInstance, frame.NavTokens, "Personal Access Tokens"),
			Base: "/console/instance/personal-access-tokens"}},
		{Name: "alltokens-wrong", View: &AllTokensView{Page: frametest.Page(frame.AreaInstance, frame.NavTokens, "Personal Access Tokens"),
			Base: "/console/instance/personal-access-tokens", Unused: "x", Errors: frame.FormErrors{"unused_days": "Use a number from 1 to 3650."}}},
		{Name: "policy-instance", View: &PolicyView{Page: frametest.Page(frame.AreaInstance, frame.NavPolicy, "Token policy"), Instance: true,
			CanEdit: true, Count: 12, Form: policyForm}},
		{Name: "policy-preview", View: &PolicyView{Page: frametest.Page(frame.AreaInstance, frame.NavPolicy, "Token policy"), Instance: true,
			CanEdit: true, Preview: true, Count: 12, Refused: sampleTokens()[1:2], Form: policyForm}},
		{Name: "policy-workspace", View: &PolicyView{Page: ws(frame.NavAccess, "Token access"), CanEdit: true, Owner: true, Count: 3,
			Tokens: refusedHere, Form: policyForm}},
		{Name: "policy-member", View: &PolicyView{Page: ws(frame.NavAccess, "Token access"),
			Form: PolicyForm{Action: "/console/x", Scopes: sampleLimits().Scopes}}},
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	frametest.Pages(t, Section(), tokenSamples())
}
