package console

import (
	"net/http"
	"slices"

	"keyway/internal/platform/fault"
)

// route is a page within a workspace, with the endpoint that does the same.
type route struct {
	pattern  string
	endpoint string
	page     page
}

// routes lists every page. A page within a workspace names the endpoint that does the same, whose
// role it asks for.
func (s *console) routes(mux *http.ServeMux) error {
	mux.Handle("GET "+Root+"/static/", staticHandler())
	mux.Handle(Root+"/", s.handler(func(*request) error { return fault.New(fault.NotFound, "There is no such page") }))

	open := func(pattern string, p page) { mux.Handle(pattern, s.handler(p)) }
	open("GET "+setUpPath, (*request).setUp)
	open("POST "+setUpPath, (*request).postSetUp)
	open("GET "+invitationPath, (*request).invitation)
	open("POST "+invitationPath, (*request).postInvitation)
	open("GET "+Root+"/sign-in", (*request).signIn)
	open("POST "+Root+"/sign-in", (*request).postSignIn)
	open("POST "+Root+"/sign-in/code", (*request).postSecondStep)
	open("POST "+Root+"/sign-in/passkey", (*request).postPasskeySignIn)
	open("POST "+Root+"/sign-in/passkey/begin", (*request).beginPasskeySignIn)
	open("GET "+Root+"/sign-in/openid", (*request).openIDSignIn)
	open("GET "+OpenIDPath, (*request).openIDBack)
	open("POST "+Root+"/sign-out", (*request).postSignOut)
	open("GET "+Root+"/signed-out", (*request).signedOut)

	open("GET "+Root+changesPath, (*request).changes)

	signedIn := func(pattern string, p page) { mux.Handle(pattern, s.signedIn(p)) }
	signedIn("GET "+Root+"/sign-in/openid/confirm", (*request).confirmWithOpenID)
	signedIn("GET "+Root, (*request).home)
	signedIn("GET "+Root+"/{$}", (*request).home)
	signedIn("GET "+Root+"/workspaces", (*request).home)
	signedIn("POST "+Root+"/workspaces", (*request).createWorkspace)

	const settings = Root + "/settings"
	signedIn("GET "+settings, (*request).settings)
	signedIn("GET "+settings+"/profile", (*request).profile)
	signedIn("POST "+settings+"/profile", (*request).saveProfile)
	signedIn("POST "+settings+"/password", (*request).savePassword)
	signedIn("GET "+settings+"/sessions", (*request).signIns)
	signedIn("POST "+settings+"/sessions/{session}/end", (*request).endSessionOf)
	signedIn("POST "+settings+"/sessions/end-others", (*request).endOtherSessions)
	const security = settings + "/security"
	signedIn("GET "+security, (*request).security)
	signedIn("POST "+security+"/passkeys/begin", (*request).beginPasskey)
	signedIn("POST "+security+"/authenticator/confirm", (*request).confirmAuthenticator)
	for pattern, p := range map[string]page{ // what changes how somebody signs in
		"/passkeys":                  (*request).addPasskey,
		"/passkeys/{passkey}/remove": (*request).removePasskey,
		"/authenticator":             (*request).setUpAuthenticator,
		"/authenticator/remove":      (*request).removeAuthenticator,
		"/recovery-codes":            (*request).renewRecoveryCodes,
		"/openid":                    (*request).linkOpenID,
		"/openid/unlink":             (*request).unlinkOpenID,
	} {
		signedIn("POST "+security+pattern, s.fresh(p))
	}
	signedIn("GET "+settings+"/access-tokens", (*request).settingsTokens) // where Seam's CLI sends people
	s.tokenRoutes(settings+"/personal-access-tokens", signedIn)

	operators := func(pattern string, p page) { mux.Handle(pattern, s.operators(p)) }
	const people = Root + "/instance/people"
	operators("GET "+people, (*request).people)
	operators("POST "+people+"/{user}/disable", s.fresh((*request).disablePerson))
	operators("POST "+people+"/{user}/enable", s.fresh((*request).enablePerson))
	const everybodys = Root + "/instance/personal-access-tokens"
	operators("GET "+everybodys, (*request).allTokens)
	operators("POST "+everybodys+"/revoke", (*request).revokeTokens)
	operators("GET "+everybodys+"/{token}", (*request).token)
	operators("GET "+everybodys+"/refusal", (*request).refusalPage)
	operators("POST "+everybodys+"/{token}/revoke", (*request).revokeToken)
	operators("POST "+everybodys+"/{token}/disable", (*request).disableToken)
	operators("POST "+everybodys+"/{token}/enable", s.fresh((*request).enableToken))
	operators("GET "+Root+"/instance/policy", (*request).policyPage)
	operators("POST "+Root+"/instance/policy", s.freshUnlessPreview((*request).savePolicy))

	const ws = Root + "/workspaces/{workspace}"
	open("GET "+ws+changesPath, (*request).changes)
	const v1 = "/keyway/v1/"
	for _, row := range slices.Concat(thingRoutes(ws), []route{
		{"GET " + ws, "/workspaces/get", (*request).openWorkspace},
		{"GET " + ws + "/devices", "/devices/list", (*request).devices},
		{"GET " + ws + "/devices/{device}", "/devices/get", (*request).device},
		{"POST " + ws + "/devices/{device}/rename", "/devices/update", (*request).renameDevice},
		{"POST " + ws + "/devices/{device}/manage", "/devices/unmanaged/update", (*request).manageDevice},
		{"POST " + ws + "/devices/{device}/lock", "/locks/lock_door", (*request).lockDoor},
		{"POST " + ws + "/devices/{device}/unlock", "/locks/unlock_door", (*request).unlockDoor},
		{"POST " + ws + "/devices/{device}/simulate", "/devices/simulate/connect", (*request).simulate},
		{"GET " + ws + "/devices/{device}/events", "/events/list", (*request).deviceEvents},
		{"GET " + ws + "/devices/{device}/codes", "/access_codes/list", (*request).codes},
		{"POST " + ws + "/devices/{device}/codes", "/access_codes/create", (*request).createCode},
		{"POST " + ws + "/devices/{device}/codes/generate", "/access_codes/generate_code", (*request).generateCode},
		{"GET " + ws + "/devices/{device}/codes/{code}", "/access_codes/get_timeline", (*request).codePage},
		{"POST " + ws + "/devices/{device}/codes/{code}/edit", "/access_codes/update", (*request).editCode},
		{"POST " + ws + "/devices/{device}/codes/{code}/generate", "/access_codes/generate_code", (*request).generateCode},
		{"POST " + ws + "/devices/{device}/codes/{code}/delete", "/access_codes/delete", (*request).deleteCode},
		{"POST " + ws + "/devices/{device}/codes/{code}/convert", "/access_codes/unmanaged/convert_to_managed", (*request).convertCode},
		{"POST " + ws + "/devices/{device}/codes/{code}/backup", "/access_codes/pull_backup_access_code", (*request).pullBackup},
		{"POST " + ws + "/sandbox-devices", "/devices/update", (*request).addSandboxDevices},
		{"GET " + ws + "/team", v1 + "members/list", (*request).team},
		{"POST " + ws + "/team/invite", v1 + "members/invite", (*request).invite},
		{"POST " + ws + "/team/invitations/{invitation}/revoke", v1 + "members/withdraw_invitation", (*request).withdrawInvitation},
		{"POST " + ws + "/team/members/{user}/role", v1 + "members/update", (*request).changeRole},
		{"POST " + ws + "/team/members/{user}/remove", v1 + "members/remove", (*request).removeMember},
		{"GET " + ws + "/developer/api-keys", v1 + "api_keys/list", (*request).apiKeys},
		{"POST " + ws + "/developer/api-keys", v1 + "api_keys/create", (*request).createAPIKey},
		{"POST " + ws + "/developer/api-keys/{key}/revoke", v1 + "api_keys/revoke", (*request).revokeAPIKey},
		{"GET " + ws + "/token-access", v1 + "policies/get", (*request).policyPage},
		{"POST " + ws + "/token-access", v1 + "policies/get", s.freshUnlessPreview((*request).savePolicy)},
		{"POST " + ws + "/token-access/{token}/refuse", v1 + "personal_access_tokens/refuse", (*request).refuseToken},
		{"POST " + ws + "/token-access/{token}/admit", v1 + "personal_access_tokens/admit", (*request).admitToken},
		{"GET " + ws + "/settings", "/workspaces/get", (*request).workspaceSettings},
		{"POST " + ws + "/settings", "/workspaces/update", (*request).saveWorkspace},
		{"POST " + ws + "/settings/suspend", "/workspaces/update", (*request).suspendWorkspace},
		{"POST " + ws + "/settings/resume", "/workspaces/update", (*request).resumeWorkspace},
		{"POST " + ws + "/settings/reset-sandbox", "/workspaces/reset_sandbox", (*request).resetSandbox},
		{"POST " + ws + "/settings/delete", v1 + "workspaces/delete", (*request).deleteWorkspace},
	}) {
		h, err := s.within(row.endpoint, row.page)
		if err != nil {
			return err
		}
		mux.Handle(row.pattern, h)
	}
	var failed error
	s.tokenRoutes(ws+"/developer/personal-access-tokens", func(pattern string, p page) {
		h, err := s.within("/workspaces/get", p)
		if err != nil {
			failed = err
			return
		}
		mux.Handle(pattern, h)
	})
	return failed
}

// tokenRoutes puts the pages of personal access tokens at one of their two places.
func (s *console) tokenRoutes(at string, route func(pattern string, p page)) {
	route("GET "+at, (*request).tokens)
	route("POST "+at, s.fresh((*request).createToken))
	route("GET "+at+"/{token}", (*request).token)
	route("GET "+at+"/devices", (*request).findDevices)
	route("GET "+at+"/refusal", (*request).refusalPage)
	route("POST "+at+"/{token}/revoke", (*request).revokeToken)
	route("POST "+at+"/{token}/update", (*request).updateToken)
	route("POST "+at+"/{token}/narrow", (*request).narrowToken)
	route("POST "+at+"/{token}/disable", (*request).disableToken)
	route("POST "+at+"/{token}/enable", s.fresh((*request).enableToken))
	route("POST "+at+"/{token}/rotate", s.fresh((*request).rotateToken))
	route("POST "+at+"/{token}/undo-rotation", (*request).undoRotation)
	route("POST "+at+"/{token}/finish-rotation", (*request).finishRotation)
	route("POST "+at+"/{token}/workspace-keys", s.fresh((*request).createWorkspaceKey))
	route("POST "+at+"/{token}/workspace-keys/{key}/revoke", (*request).revokeWorkspaceKey)
}
