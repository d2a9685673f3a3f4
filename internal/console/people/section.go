// Package people is the pages about people: sign-in, their own settings, teams, and the people of the server.
package people

import (
	"embed"

	"keyway/internal/console/frame"
)

//go:embed templates/*.html
var templates embed.FS

// request is a request for a page of this area.
type request struct{ *frame.Request }

// page makes a handler of the frame from one of this area.
func page(handle func(*request) error) frame.Handler {
	return func(q *frame.Request) error { return handle(&request{q}) }
}

// Section is people: how they come in, what is theirs, and who belongs to a workspace and to the server.
func Section() frame.Section {
	const (
		ws       = "/workspaces/{workspace}"
		settings = "/settings"
		security = settings + "/security"
		people   = "/instance/people"
	)
	return frame.Section{Templates: templates, Rows: []frame.Row{
		{Pattern: "GET /setup", Access: frame.Anyone, Template: "setup", View: (*SetUpView)(nil), Handle: page((*request).setUp)},
		{Pattern: "POST /setup", Access: frame.Anyone, Handle: page((*request).postSetUp)},
		{Pattern: "GET /invitation", Access: frame.Anyone, Template: "invitation", View: (*InvitationView)(nil),
			Handle: page((*request).invitation)},
		{Pattern: "POST /invitation", Access: frame.Anyone, Handle: page((*request).postInvitation)},
		{Pattern: "GET /sign-in", Access: frame.Anyone, Template: "signin", View: (*SignInView)(nil), Handle: page((*request).signIn)},
		{Pattern: "POST /sign-in", Access: frame.Anyone, Handle: page((*request).postSignIn)},
		{Pattern: "POST /sign-in/code", Access: frame.Anyone, Handle: page((*request).postSecondStep)},
		{Pattern: "POST /sign-in/passkey", Access: frame.Anyone, Handle: page((*request).postPasskeySignIn)},
		{Pattern: "POST /sign-in/passkey/begin", Access: frame.Anyone, Handle: page((*request).beginPasskeySignIn)},
		{Pattern: "GET /sign-in/openid", Access: frame.Anyone, Handle: page((*request).openIDSignIn)},
		{Pattern: "GET /sign-in/openid/back", Access: frame.Anyone, Template: "resume", View: (*ResumeView)(nil),
			Handle: page((*request).openIDBack)},
		{Pattern: "GET /sign-in/openid/confirm", Access: frame.SignedIn, Handle: page((*request).confirmWithOpenID)},
		{Pattern: "POST /sign-out", Access: frame.Anyone, Handle: page((*request).postSignOut)},
		{Pattern: "GET /signed-out", Access: frame.Anyone, Template: "signedout", View: (*SignedOutView)(nil),
			Handle: page((*request).signedOut)},
		{Pattern: "GET " + settings, Access: frame.SignedIn, Handle: page((*request).settings)},
		{Pattern: "GET " + settings + "/profile", Access: frame.SignedIn, Template: "profile", View: (*ProfileView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaSettings, Group: "Settings", Key: frame.NavProfile, Label: "Profile", Icon: "user"},
			Handle: page((*request).profile)},
		{Pattern: "POST " + settings + "/profile", Access: frame.SignedIn, Handle: page((*request).saveProfile)},
		{Pattern: "POST " + settings + "/password", Access: frame.SignedIn, Handle: page((*request).savePassword)},
		{Pattern: "GET " + security, Access: frame.SignedIn, Template: "security", View: (*SecurityView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaSettings, Group: "Settings", Key: frame.NavSecurity, Label: "Security", Icon: "shield"},
			Handle: page((*request).security)},
		{Pattern: "POST " + security + "/passkeys/begin", Access: frame.SignedIn, Handle: page((*request).beginPasskey)},
		{Pattern: "POST " + security + "/authenticator/confirm", Access: frame.SignedIn, Handle: page((*request).confirmAuthenticator)},
		// What changes how a person signs in.
		{Pattern: "POST " + security + "/passkeys", Access: frame.SignedIn, Handle: frame.Fresh(page((*request).addPasskey))},
		{Pattern: "POST " + security + "/passkeys/{passkey}/remove", Access: frame.SignedIn, Handle: frame.Fresh(page((*request).removePasskey))},
		{Pattern: "POST " + security + "/authenticator", Access: frame.SignedIn, Handle: frame.Fresh(page((*request).setUpAuthenticator))},
		{Pattern: "POST " + security + "/authenticator/remove", Access: frame.SignedIn,
			Handle: frame.Fresh(page((*request).removeAuthenticator))},
		{Pattern: "POST " + security + "/recovery-codes", Access: frame.SignedIn, Handle: frame.Fresh(page((*request).renewRecoveryCodes))},
		{Pattern: "POST " + security + "/openid/unlink", Access: frame.SignedIn, Handle: frame.Fresh(page((*request).unlinkOpenID))},
		{Pattern: "POST " + security + "/openid", Access: frame.SignedIn, Template: "leave", View: (*LeaveView)(nil),
			Handle: frame.Fresh(page((*request).linkOpenID))},
		{Pattern: "GET " + settings + "/sessions", Access: frame.SignedIn, Template: "signed-in", View: (*SignInsView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaSettings, Group: "Settings", Key: frame.NavSignIns, Label: "Sessions", Icon: "globe"},
			Handle: page((*request).signIns)},
		{Pattern: "POST " + settings + "/sessions/{session}/end", Access: frame.SignedIn, Handle: page((*request).endSessionOf)},
		{Pattern: "POST " + settings + "/sessions/end-others", Access: frame.SignedIn, Handle: page((*request).endOtherSessions)},
		{Pattern: "GET " + people, Access: frame.Operators, Template: "people", View: (*ListView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaInstance, Group: "Instance", Key: frame.NavPeople, Label: "People", Icon: "team"},
			Handle: page((*request).people)},
		{Pattern: "POST " + people + "/{user}/disable", Access: frame.Operators, Handle: frame.Fresh(page((*request).disablePerson))},
		{Pattern: "POST " + people + "/{user}/enable", Access: frame.Operators, Handle: frame.Fresh(page((*request).enablePerson))},
		{Pattern: "GET " + ws + "/team", Endpoint: "/keyway/v1/members/list", Template: "team", View: (*TeamView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Group: "Workspace", Key: frame.NavTeam, Label: "Team", Icon: "team"},
			Handle: page((*request).team)},
		{Pattern: "POST " + ws + "/team/invite", Endpoint: "/keyway/v1/members/invite", Handle: page((*request).invite)},
		{Pattern: "POST " + ws + "/team/invitations/{invitation}/revoke", Endpoint: "/keyway/v1/members/withdraw_invitation",
			Handle: page((*request).withdrawInvitation)},
		{Pattern: "POST " + ws + "/team/members/{user}/role", Endpoint: "/keyway/v1/members/update", Handle: page((*request).changeRole)},
		{Pattern: "POST " + ws + "/team/members/{user}/remove", Endpoint: "/keyway/v1/members/remove", Handle: page((*request).removeMember)},
	}}
}
