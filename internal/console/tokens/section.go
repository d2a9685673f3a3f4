// Package tokens is the pages of what opens the API: personal access tokens, API keys, and the policies about tokens.
package tokens

import (
	"embed"
	"strings"

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

// Section is what opens the API, and who may use it.
func Section() frame.Section {
	const ws = "/workspaces/{workspace}"
	const own, team, all = "/settings/personal-access-tokens", ws + "/developer/personal-access-tokens", "/instance/personal-access-tokens"
	rows := []frame.Row{
		{Pattern: "GET " + ws + "/developer/api-keys", Endpoint: "/keyway/v1/api_keys/list", Template: "apikeys", View: (*APIKeysView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Group: "Developer", Key: frame.NavAPIKeys, Label: "API Keys", Icon: "key"},
			Handle: page((*request).apiKeys)},
		{Pattern: "POST " + ws + "/developer/api-keys", Endpoint: "/keyway/v1/api_keys/create", Handle: page((*request).createAPIKey)},
		{Pattern: "POST " + ws + "/developer/api-keys/{key}/revoke", Endpoint: "/keyway/v1/api_keys/revoke",
			Handle: page((*request).revokeAPIKey)},
		{Pattern: "GET " + ws + "/token-access", Endpoint: "/keyway/v1/policies/get", Template: "policy", View: (*PolicyView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Group: "Workspace", Key: frame.NavAccess, Label: "Token Access", Icon: "shield"},
			Handle: page((*request).policyPage)},
		{Pattern: "POST " + ws + "/token-access", Endpoint: "/keyway/v1/policies/get",
			Handle: frame.FreshUnlessPreview(page((*request).savePolicy))},
		{Pattern: "POST " + ws + "/token-access/{token}/refuse", Endpoint: "/keyway/v1/personal_access_tokens/refuse",
			Handle: page((*request).refuseToken)},
		{Pattern: "POST " + ws + "/token-access/{token}/admit", Endpoint: "/keyway/v1/personal_access_tokens/admit",
			Handle: page((*request).admitToken)},
		{Pattern: "GET /settings/access-tokens", Access: frame.SignedIn, Handle: page((*request).settingsTokens)},
		// where Seam’s CLI leads people
		{Pattern: "GET " + all, Access: frame.Operators, Template: "alltokens", View: (*AllTokensView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaInstance, Group: "Instance", Key: frame.NavTokens, Label: "Personal Access Tokens", Icon: "token"},
			Handle: page((*request).allTokens)},
		{Pattern: "POST " + all + "/revoke", Access: frame.Operators, Handle: page((*request).revokeTokens)},
		{Pattern: "GET " + all + "/{token}", Access: frame.Operators, Handle: page((*request).token)},
		{Pattern: "GET " + all + "/refusal", Access: frame.Operators, Handle: page((*request).refusalPage)},
		{Pattern: "POST " + all + "/{token}/revoke", Access: frame.Operators, Handle: page((*request).revokeToken)},
		{Pattern: "POST " + all + "/{token}/disable", Access: frame.Operators, Handle: page((*request).disableToken)},
		{Pattern: "POST " + all + "/{token}/enable", Access: frame.Operators, Handle: frame.Fresh(page((*request).enableToken))},
		{Pattern: "GET /instance/policy", Access: frame.Operators, Template: "policy", View: (*PolicyView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaInstance, Group: "Instance", Key: frame.NavPolicy, Label: "Token Policy", Icon: "shield"},
			Handle: page((*request).policyPage)},
		{Pattern: "POST /instance/policy", Access: frame.Operators, Handle: frame.FreshUnlessPreview(page((*request).savePolicy))},
	}
	for _, row := range tokenRows() {
		method, path, _ := strings.Cut(row.Pattern, " ")
		mine, teams := row, row
		mine.Pattern, mine.Access = method+" "+own+path, frame.SignedIn
		teams.Pattern, teams.Endpoint = method+" "+team+path, "/workspaces/get"
		if path == "" && method == "GET" {
			mine.Nav = &frame.Nav{Area: frame.AreaSettings, Group: "Settings", Key: frame.NavTokens, Label: "Personal Access Tokens", Icon: "token"}
			teams.Nav = &frame.Nav{Area: frame.AreaWorkspace, Group: "Developer", Key: frame.NavTokens, Label: "Personal Access Tokens",
				Icon: "token"}
		}
		rows = append(rows, mine, teams)
	}
	return frame.Section{Templates: templates, Rows: rows}
}

// tokenRows are the pages of a person’s own tokens, which stand at two places: in the person’s settings and
// beside a workspace’s API keys.
func tokenRows() []frame.Row {
	return []frame.Row{
		{Pattern: "GET ", Template: "tokens", View: (*ListView)(nil), Handle: page((*request).tokens)},
		{Pattern: "POST ", Handle: frame.Fresh(page((*request).createToken))},
		{Pattern: "GET /{token}", Template: "token", View: (*TokenView)(nil), Handle: page((*request).token)},
		{Pattern: "GET /devices", Handle: page((*request).findDevices)},
		{Pattern: "GET /refusal", Template: "refusal", View: (*RefusalView)(nil), Handle: page((*request).refusalPage)},
		{Pattern: "POST /{token}/revoke", Handle: page((*request).revokeToken)},
		{Pattern: "POST /{token}/update", Handle: page((*request).updateToken)},
		{Pattern: "POST /{token}/narrow", Handle: page((*request).narrowToken)},
		{Pattern: "POST /{token}/disable", Handle: page((*request).disableToken)},
		{Pattern: "POST /{token}/enable", Handle: frame.Fresh(page((*request).enableToken))},
		{Pattern: "POST /{token}/rotate", Handle: frame.Fresh(page((*request).rotateToken))},
		{Pattern: "POST /{token}/undo-rotation", Handle: page((*request).undoRotation)},
		{Pattern: "POST /{token}/finish-rotation", Handle: page((*request).finishRotation)},
		{Pattern: "POST /{token}/workspace-keys", Handle: frame.Fresh(page((*request).createWorkspaceKey))},
		{Pattern: "POST /{token}/workspace-keys/{key}/revoke", Handle: page((*request).revokeWorkspaceKey)},
	}
}
