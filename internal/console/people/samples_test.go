package people

import (
	"testing"

	"keyway/internal/console/frame"
	"keyway/internal/console/frame/frametest"
)

// peopleSamples are the pages of this area, empty and filled, and with the errors that a person can make.
func peopleSamples() []frametest.Sample {
	plain := func(title string) frame.Page { return frame.Page{Title: title} }
	ws := func(current, title string) frame.Page {
		return frametest.Page(frame.AreaWorkspace, current, title)
	}
	me := func(current, title string) frame.Page {
		return frametest.Page(frame.AreaSettings, current, title)
	}
	members := []Member{
		{UserID: "u1", Name: "Jane Doe", Email: "jane@example.com", Role: frame.RoleOwner, You: true, JoinedAt: frametest.Days(-90),
			CanChange: true, LastOwner: true},
		{UserID: "u2", Name: "Frodo Baggins", Email: "frodo@example.com", Role: frame.RoleAdmin, JoinedAt: frametest.Days(-30), CanChange: true,
			CanAdopt: true, APIKeys: []string{"Booking server", "CI"}, Roles: sampleRoles},
		{UserID: "u3", Email: "a.very.long.address.of.somebody@subsidiary.example.com", Role: frame.RoleMember,
			JoinedAt: frametest.MinutesAgo(14), CanChange: true, Disabled: true, Roles: sampleRoles},
	}
	invite := InviteForm{Role: frame.RoleMember, Roles: sampleRoles, Nonce: "n3"}
	openInvite := invite
	openInvite.Open = true
	openInvite.Email = "not an address"
	openInvite.Errors = frame.FormErrors{"email": "Enter a valid email address."}
	return []frametest.Sample{
		{Name: "setup", View: &SetUpView{Page: plain("Set up"), MinPassword: 12}},
		{Name: "setup-wrong", View: &SetUpView{Page: plain("Set up"), Token: "x", Email: "jane",
			Errors: frame.FormErrors{"email": "Enter a valid email address.", "password": "Use at least 12 characters."}}},
		{Name: "setup-done", View: &SetUpView{Page: plain("Set up"), Done: true}},
		{Name: "setup-wrong-link", View: &SetUpView{Page: plain("Set up"), Wrong: true}},
		{Name: "signin", View: &SignInView{Page: plain("Sign in")}},
		{Name: "signin-fresh", View: &SignInView{Page: plain("Sign in"), Fresh: true}},
		{Name: "signin-wrong", View: &SignInView{Page: plain("Sign in"), Email: "jane@example.com", Next: "/console/settings/profile",
			Errors: frame.FormErrors{"": "The email address or the password is wrong."}}},
		{Name: "invitation", View: &InvitationView{Page: plain("Invitation"), MinPassword: 12}},
		{Name: "invitation-known", View: &InvitationView{Page: plain("Invitation"), MinPassword: 12, Token: "x", Email: "frodo@example.com",
			Known: true, Workspaces: []string{"Harbour Hotels"}, Errors: frame.FormErrors{"password": "The password is wrong."}}},
		{Name: "invitation-new", View: &InvitationView{Page: plain("Invitation"), MinPassword: 12, Token: "x", Email: "frodo@example.com",
			Workspaces: []string{"Harbour Hotels"}}},
		{Name: "invitation-gone", View: &InvitationView{Page: plain("Invitation"), MinPassword: 12, Gone: true}},
		{Name: "signedout", View: &SignedOutView{Page: plain("Signed out")}},
		{Name: "team", View: &TeamView{Page: ws(frame.NavTeam, "Team"), Members: members, CanManage: true, Invite: invite,
			Invitations: []Invitation{{ID: "i1", Email: "sam@example.com", Role: frame.RoleMember, InvitedBy: "Jane Doe",
				CreatedAt: frametest.MinutesAgo(200), ExpiresAt: frametest.Days(7)}}}},
		{Name: "team-invite", View: &TeamView{Page: ws(frame.NavTeam, "Team"), Members: members, CanManage: true, Invite: openInvite}},
		{Name: "team-link", View: &TeamView{Page: ws(frame.NavTeam, "Team"), Members: members, CanManage: true, Invite: invite,
			Link: &InvitationLink{Email: "sam@example.com", URL: "http://localhost:8420/console/invitation#token=8h2kQm4vXz7cRt9wLp3nYb6sDf5gJa1e",
				ExpiresAt: frametest.Days(7)}}},
		{Name: "team-link-mailed", View: &TeamView{Page: ws(frame.NavTeam, "Team"), Members: members, CanManage: true, Invite: invite,
			Link: &InvitationLink{Email: "sam@example.com", URL: "http://localhost:8420/console/invitation#token=8h2kQm4vXz7cRt9wLp3nYb6sDf5gJa1e",
				ExpiresAt: frametest.Days(7), Mailed: true}}},
		{Name: "team-member", View: &TeamView{Page: ws(frame.NavTeam, "Team"), Members: members[:1]}},
		{Name: "signin-all", View: &SignInView{Page: frame.Page{Title: "Sign in"}, Offer: frame.PasskeyOffer{Works: true}, Provider: "Example",
			Next: "/console/x"}},
		{Name: "signin-elsewhere", View: &SignInView{Page: frame.Page{Title: "Sign in"},
			Offer: frame.PasskeyOffer{Elsewhere: "http://localhost:8420/console/sign-in"}}},
		{Name: "signin-code", View: &SignInView{Page: frame.Page{Title: "Sign in"}, Step: "x",
			Errors: frame.FormErrors{"": "The code is wrong."}}},
		{Name: "signin-recovery", View: &SignInView{Page: frame.Page{Title: "Sign in"}, Step: "x", Recovery: true}},
		{Name: "security", View: &SecurityView{Page: me(frame.NavSecurity, "Security"), HasPassword: true, Offer: frame.PasskeyOffer{Works: true},
			Provider: "Example", Since: frametest.Days(-3), CodesLeft: 8, PasskeyErrors: frame.FormErrors{"name": "Use at most 100 characters."},
			Passkeys: []PasskeyRow{{ID: "p1", Name: "Phone", CreatedAt: frametest.Days(-20), LastUsedAt: frametest.MinutesAgo(5)},
				{ID: "p2", Name: "Laptop", CreatedAt: frametest.Days(-1)}},
			Accounts: []ProviderAccount{{Issuer: "https://id.example.com", Subject: "s", Email: "jane@example.com",
				CreatedAt: frametest.Days(-1)}}}},
		{Name: "security-empty", View: &SecurityView{Page: me(frame.NavSecurity, "Security"), HasPassword: true,
			Offer: frame.PasskeyOffer{Elsewhere: "http://localhost:8420/console/settings/security"}}},
		{Name: "security-setup", View: &SecurityView{Page: me(frame.NavSecurity, "Security"), HasPassword: true,
			SetUp: &SetUpAuthenticator{Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", QR: "data:image/png;base64,AAAA", Sealed: "x",
				Errors: frame.FormErrors{"code": "The code is wrong."}}}},
		{Name: "security-codes", View: &SecurityView{Page: me(frame.NavSecurity, "Security"), HasPassword: true, Since: frametest.Days(0),
			CodesLeft: 10, Codes: []string{"abcde-fghij", "klmno-pqrst"}}},
		{Name: "signed-in", View: &SignInsView{Page: me(frame.NavSignIns, "Sessions"),
			Sessions: []SignInRow{{ID: "s1", What: "Firefox on Linux", How: "Passkey", Address: "192.0.2.1", CreatedAt: frametest.Days(-1),
				SeenAt: frametest.MinutesAgo(1), Current: true},
				{ID: "s2", What: "A script (curl)", How: "Password", Address: "192.0.2.7", CreatedAt: frametest.MinutesAgo(40),
					SeenAt: frametest.MinutesAgo(40)}}}},
		{Name: "signed-in-one", View: &SignInsView{Page: me(frame.NavSignIns, "Sessions"),
			Sessions: []SignInRow{{ID: "s1", What: "Firefox on Linux", How: "Password", Address: "192.0.2.1", CreatedAt: frametest.Days(-1),
				SeenAt: frametest.MinutesAgo(1), Current: true}}}},
		{Name: "resume", View: &ResumeView{Page: me("", "Identity confirmed"), Action: "/console/t", Proof: "x", Back: "/console/t"}},
		{Name: "leave", View: &LeaveView{Page: me(frame.NavSecurity, "Link an account"), To: "https://id.example.com/authorize?x=1",
			Label: "Example"}},
		{Name: "profile-all", View: &ProfileView{Page: me(frame.NavProfile, "Profile"), Name: "Jane Doe", MinPassword: 12, HasPassword: true,
			Authenticator: true}},
		{Name: "invitation-signed-in", View: &InvitationView{Page: frame.Page{Title: "Invitation"}, Token: "x", Email: "jane@example.com",
			Known: true, SignedIn: true, Workspaces: []string{"Harbour"}}},
		{Name: "invitation-code", View: &InvitationView{Page: frame.Page{Title: "Invitation"}, Token: "x", Email: "jane@example.com", Known: true,
			AsksCode: true, Workspaces: []string{"Harbour"}}},
		{Name: "profile", View: &ProfileView{Page: me(frame.NavProfile, "Profile"), Name: "Jane Doe", MinPassword: 12}},
		{Name: "profile-wrong", View: &ProfileView{Page: me(frame.NavProfile, "Profile"), MinPassword: 12,
			PasswordErrors: frame.FormErrors{"current_password": "The password is wrong.", "new_password": "Use at least 12 characters."}}},
		{Name: "people", View: &ListView{Page: frametest.Page(frame.AreaInstance, frame.NavPeople, "People"), People: []Person{
			{ID: "u1", Name: "Jane Doe", Email: "jane@example.com", Operator: true, You: true, Workspaces: 21, Tokens: 3,
				CreatedAt: frametest.Days(-400)},
			{ID: "u2", Name: "Frodo Baggins", Email: "frodo@example.com", Workspaces: 1, Tokens: 1, CreatedAt: frametest.Days(-30)},
			{ID: "u3", Email: "sam@example.com", Disabled: true, CreatedAt: frametest.Days(-2)},
		}}},
		{Name: "people-none", View: &ListView{Page: frametest.Page(frame.AreaInstance, frame.NavPeople, "People"), Query: "gollum"}},
	}
}

var sampleRoles = []RoleOption{
	{frame.RoleOwner, "Everything, also deleting the workspace and naming owners."},
	{frame.RoleAdmin, "Manages people, keys and settings."},
	{frame.RoleMember, "Sees everything and works with devices."},
}

func TestPages(t *testing.T) {
	t.Parallel()
	frametest.Pages(t, Section(), peopleSamples())
}
