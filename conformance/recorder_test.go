package conformance

import (
	"net/http"
	"strings"
	"testing"
)

// A recorder that finds nothing would make every other test worthless.
func TestRecorderFindsDepartures(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	const good = `{"ok":true,"workspace":{"workspace_id":"0199d9a0-0000-7000-8000-000000000001","name":"A",
		"company_name":"A","is_sandbox":true,"is_suspended":false,"connect_partner_name":null,
		"is_publishable_key_auth_enabled":false,"organization_id":null,"connect_webview_customization":{}}}`
	const attempt = `{"ok":true,"action_attempt":{"action_attempt_id":"0199d9a0-0000-7000-8000-000000000001",
		"action_type":"RESET_SANDBOX_WORKSPACE","status":"success","result":{},"error":null}}`
	const event = `{"ok":true,"events":[{"event_type":"device.removed","event_id":"0199d9a0-0000-7000-8000-000000000001"}]}`
	for _, c := range []struct{ name, path, body, want string }{
		{"good", "/workspaces/get", good, ""},
		{"good attempt", "/action_attempts/get", attempt, ""},
		{"wrong type", "/workspaces/get", strings.Replace(good, `"is_sandbox":true`, `"is_sandbox":"true"`, 1), "/workspace/is_sandbox"},
		{"null", "/workspaces/get", strings.Replace(good, `"name":"A"`, `"name":null`, 1), "/workspace/name"},
		{"missing", "/workspaces/get", strings.Replace(good, `"is_suspended":false,`, ``, 1), "is_suspended"},
		{"no uuid", "/workspaces/get", strings.Replace(good, "0199d9a0", "nonsense", 1), "/workspace/workspace_id"},
		{"missing in a union", "/action_attempts/get", strings.Replace(attempt, `"error":null`, `"created_at":"2025-01-01"`, 1),
			"/action_attempt/error"},
		{"time", "/action_attempts/get", strings.Replace(attempt, `"error":null`, `"created_at":"2025-01-01"`, 1), "/action_attempt/created_at"},
		{"only the variant meant", "/events/list", event, "/events/0/device_id"},
		{"unknown variant", "/action_attempts/get", strings.Replace(attempt, "RESET_SANDBOX_WORKSPACE", "DANCE", 1), "/action_attempt"},
		{"not ok", "/workspaces/get", strings.Replace(good, `"ok":true`, `"ok":1`, 1), `no "ok": true`},
	} {
		res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{
			"Content-Type": {"application/json"}, "Seam-Request-Id": {"request1"}}}
		got := strings.Join(r.check(http.MethodPost, c.path, res, []byte(c.body)), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if strings.Count(got, "\n") > 10 {
			t.Errorf("%s: nobody reads all of %q", c.name, got)
		}
	}
	bad := &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/json"}}}
	if got := r.check(http.MethodPost, "/x", bad, []byte(`{"ok":false,"error":{"type":"t"}}`)); len(got) != 2 {
		t.Errorf("a poor error with no request id: got %q", got)
	}
}
