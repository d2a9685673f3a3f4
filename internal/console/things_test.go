package console

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"keyway/internal/account"
)

// connected is the standard account of a brand in a workspace.
func (s *server) connected(t *testing.T, workspaceID, brand string) account.Account {
	t.Helper()
	a, err := s.config.Webviews.ConnectStandard(t.Context(), workspaceID, true, brand, standardLogin)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// notFound asks for each of these as somebody who is a member of another workspace, under that
// workspace's address and under the own one: what is there answers as what is not.
func (b *browser) notFound(method string, paths ...string) {
	b.t.Helper()
	for _, path := range paths {
		r := b.request(path, nil)
		r.Method = method
		if b.do(r); b.status != http.StatusNotFound {
			b.t.Errorf("%s %s answers %d:\n%s", method, path, b.status, plainText(b.page))
		}
	}
}

func TestAddDevices(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	b := s.browser(t)
	b.signIn("jane").has("Add Devices", `data-connect="`+workspacePath(w.ID, "connect")+`"`)
	r := b.request(workspacePath(w.ID, "connect"), nil)
	r.Header.Set("Accept", "application/json")
	b.do(r)
	var made struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal([]byte(b.page), &made); err != nil || !strings.HasPrefix(made.URL, "/connect_webviews/view?") || !strings.Contains(made.URL, "auth_token=") {
		t.Errorf("%d %s", b.status, b.page)
	}
	_, other := s.person(t, "eve")
	b.notFound(http.MethodPost, workspacePath(other.ID, "connect"))
	cross := b.request(workspacePath(w.ID, "connect"), nil)
	cross.Header.Set("Sec-Fetch-Site", "cross-site")
	if b.do(cross); b.status != http.StatusForbidden {
		t.Errorf("another site opens a webview: %d", b.status)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	_, abroad := s.person(t, "eve")
	b := s.browser(t)
	list := workspacePath(w.ID, "connected-accounts")
	b.signIn("jane")
	b.get(list).has("No connected accounts", "Connect account")
	a := s.connected(t, w.ID, "august")
	at := list + "/" + a.ID
	b.get(list).has("jane@example.com", "August", "Connected", at)
	b.get(list + "?q=schlage").has("No account matches").get(list + "?q=augu").has(at)
	b.get(at).has("Become managed by themselves", "can no longer be reached")
	b.post(at+"/update", "display_name", "", "automatically_manage_new_devices", "true").has("This is needed.")
	b.post(at+"/update", "display_name", "Guesthouse", "customer_key", "guest-1").at(at).has("Saved.", "Guesthouse", "guest-1", "Stay unmanaged")
	b.post(at + "/sync").at(at).has("no new devices")
	b.post(at+"/disconnect").at(at).has("Disconnected", "account_disconnected", "Reconnect it with the sign-in")
	b.get(list).has("The account was disconnected.")
	r := b.request(at+"/reconnect", nil)
	r.Header.Set("Accept", "application/json")
	if b.do(r).has("/connect_webviews/view?"); b.status != http.StatusOK {
		t.Errorf("reconnect: %d", b.status)
	}

	foreign := s.connected(t, abroad.ID, "yale")
	for _, id := range []string{foreign.ID, "0199b2f6-11aa-7a10-8c3e-77d2c90be001", "x"} {
		b.notFound(http.MethodGet, list+"/"+id, workspacePath(abroad.ID, "connected-accounts", id))
		b.notFound(http.MethodPost, list+"/"+id+"/update", list+"/"+id+"/sync", list+"/"+id+"/disconnect", list+"/"+id+"/delete", list+"/"+id+"/reconnect")
	}
	if _, err := s.config.Accounts.Get(t.Context(), s.config.DB, abroad.ID, foreign.ID); err != nil {
		t.Errorf("the foreign account: %v", err)
	}
	b.get(at).post(at + "/delete").at(list).has("No connected accounts")
}
