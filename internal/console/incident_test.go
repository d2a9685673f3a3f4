package console_test

import (
	"net/http"
	"net/url"
	"testing"

	"keyway/internal/console/frame"
)

// forms are some of each kind that the Console has, with what they are sent with.
func forms(workspaceID string) map[string]url.Values {
	in := func(rest string) string { return frame.WorkspacePath(workspaceID) + "/" + rest }
	return map[string]url.Values{
		"/console/settings/profile":                {"name": {"Stolen"}},
		"/console/settings/password":               {"password": {"stolen horse battery"}},
		"/console/settings/sessions/end-others":    {},
		"/console/settings/security/passkeys":      {"name": {"stolen"}},
		"/console/settings/personal-access-tokens": {"name": {"stolen"}},
		"/console/workspaces":                      {"name": {"Stolen"}},
		"/console/sign-in":                         {"email": {"jane@example.com"}, "password": {testPassword}},
		"/console/sign-out":                        {},
		in("settings"):                             {"name": {"Stolen"}},
		in("settings/suspend"):                     {},
		in("settings/delete"):                      {"name": {"jane's Sandbox"}},
		in("team/invite"):                          {"email": {"eve@example.com"}, "role": {"owner"}},
		in("developer/api-keys"):                   {"name": {"stolen"}},
		in("sandbox-devices"):                      {},
	}
}

// TestIncidentCSRF: Go's own protection had a pattern that let too much through (CVE-2025-47910). Here
// no page of another site acts in the Console, by any form and whatever headers its browser sends; and
// nothing changes by looking.
func TestIncidentCSRF(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, w := s.person(t, "jane")
	b := s.browser(t).signIn("jane")
	// state is what the forms could have changed.
	state := func() (n int) {
		t.Helper()
		for _, table := range []string{"audit_entries", "sessions", "workspaces", "credentials", "links", "devices"} {
			var rows int
			if err := s.config.DB.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			n = n*1000 + rows
		}
		return n
	}
	none := "" // not sent
	was := state()
	for _, site := range []string{none, "cross-site", "same-site", "same-origin", "none", "nonsense"} {
		for _, origin := range []string{none, "https://evil.example.com", "null", "http://" + b.s.Listener.Addr().String() + ".evil.example.com",
			s.URL} {
			// No browser names an origin that is not the page's. Beside another one, what it says of the
			// site decides; without both it is no browser, and has no cookie that another site could use.
			fromHere := origin == s.URL || site == "same-origin" || site == "none" || site == none && origin == none
			if fromHere {
				continue
			}
			for path, form := range forms(w.ID) {
				r := b.request(path, form)
				r.Header.Del("Sec-Fetch-Site")
				if site != none {
					r.Header.Set("Sec-Fetch-Site", site)
				}
				if origin != none {
					r.Header.Set("Origin", origin)
				}
				if b.do(r); b.status != http.StatusForbidden {
					t.Errorf("%s with Sec-Fetch-Site %q and Origin %q: %d", path, site, origin, b.status)
				}
			}
		}
	}
	for path := range forms(w.ID) {
		r := b.request(path, nil)
		r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		b.do(r)
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
			r := b.request(path, nil)
			r.Method = method
			if b.do(r); b.status < 400 {
				t.Errorf("%s %s: %d", method, path, b.status)
			}
		}
	}
	if state() != was {
		t.Error("something was changed")
	}
	if u, err := s.config.People.Get(t.Context(), s.config.DB, jane.ID); err != nil || u.Name != "jane" {
		t.Errorf("%v %v", u, err)
	}
	// The person's own form does what it says.
	if b.do(b.request("/console/settings/profile", url.Values{"name": {"Jane"}})); b.status != http.StatusOK {
		t.Errorf("%d", b.status)
	}
	if u, err := s.config.People.Get(t.Context(), s.config.DB, jane.ID); err != nil || u.Name != "Jane" {
		t.Errorf("%v %v", u, err)
	}
}
