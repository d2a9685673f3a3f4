package personalaccesstoken_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/wiring/apitest"
)

// denials reads the audit entries about denials of a credential, oldest first.
func (s *shop) denials(id string) (out []audit.Record) {
	page, err := s.Audit.List(s.Context(), audit.Filter{CredentialID: id}, rpc.Position{}, 1000)
	s.Must(err)
	for _, doc := range page.Items {
		var r audit.Record
		s.Must(json.Unmarshal(doc, &r))
		if strings.HasSuffix(r.Action, ".denied") {
			out = append([]audit.Record{r}, out...)
		}
	}
	return out
}

// Each refusal of a credential that proved itself is in the audit log, with why, where and from where;
// one that proved nothing, or got the answer that everyone gets, is not.
func TestDenialsAreAudited(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		h := home{World: w, jane: s.jane, session: s.session, sandbox: s.ws}
		other := w.Workspace(s.jane, "Other", true)
		now := w.Now()
		for reason, tok := range map[string]struct {
			limits in
			what   string // done to it
		}{
			"scope":                 {limits: in{"scopes": []string{"events:read"}}},
			"workspace_not_allowed": {limits: in{"workspace_ids": []string{other.ID}}},
			"address":               {limits: in{"allowed_cidrs": []string{"10.0.0.0/8"}}},
			"not_yet_valid":         {limits: in{"not_before": now.AddDate(0, 0, 3)}},
			"revoked":               {what: "revoke"},
			"disabled":              {what: "disable"},
			"superseded":            {what: "rotate"},
		} {
			made := h.make(s.session, tok.limits)
			if tok.what != "" {
				call(w, s.session, tok.what, id(made.ID))
			}
			for range 3 {
				s.lives(t, made.Secret, reason)
			}
			w.Must(w.Tokens.FlushDenials(w.Context(), false))
			got := s.denials(made.ID)
			if len(got) == 0 || got[0].Action != "personal_access_token.denied" || got[0].Actor.CredentialID != made.ID ||
				got[0].Actor.UserID != s.jane.ID || got[0].Actor.Address == "" ||
				got[0].WorkspaceID == nil || *got[0].WorkspaceID != s.ws.ID || *got[0].SubjectID != made.ID {
				t.Errorf("%s: %+v", reason, got)
				continue
			}
			for _, want := range []string{`"reason":"` + reason + `"`, `"endpoint":"/devices/list"`, `"count":3`} {
				if !strings.Contains(string(got[0].Detail), want) {
					t.Errorf("%s: the entry says %s, not %s", reason, got[0].Detail, want)
				}
			}
			if strings.Contains(string(got[0].Detail), made.Secret[20:]) {
				t.Error("the entry holds the secret")
			}
		}
		key, keyID := w.WorkspaceKey(s.jane, s.id, s.ws)
		page := http.Header{"Origin": {"https://elsewhere.test"}, "Authorization": {"Bearer " + key}}
		w.Do(apitest.Request{Path: "/devices/list", Header: page})
		apiKey, apiKeyID := w.Key(s.ws, s.jane)
		page["Authorization"] = []string{"Bearer " + apiKey}
		w.Do(apitest.Request{Path: "/devices/list", Header: page})
		// These say nothing about any credential.
		w.Do(apitest.Request{Path: "/devices/list", Token: credential.Mint(credential.PersonalAccessToken, false).Reveal(), Workspace: s.ws.ID})
		w.Do(apitest.Request{Path: "/devices/list", Token: s.pat, Workspace: "nowhere"})
		w.Must(w.Tokens.FlushDenials(w.Context(), false))
		for id, want := range map[string]int{keyID: 1, apiKeyID: 1, s.id: 1} { // the workspace key's is about the token too
			if got := s.denials(id); len(got) != want || !strings.Contains(string(got[0].Detail), `"browser"`) {
				t.Errorf("%+v", got)
			}
		}
		if v, err := w.Audit.Verify(w.Context()); err != nil || !v.Intact {
			t.Errorf("%+v %v", v, err)
		}
	})
}

// A stale client in a loop, from many addresses and for a whole day, does not fill the audit log, and
// none of its requests goes uncounted or waits for a write.
func TestDenialsAreBounded(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		refuse := func(n, address int) {
			for range n {
				w.Tokens.Refused(rpc.Refusal{CredentialID: s.id, WorkspaceID: s.ws.ID, Endpoint: "/devices/list",
					Address: fmt.Sprint("10.0.0.", address),
					Error:   fault.Reason(fault.Unauthorized, "revoked", "The token was revoked")})
			}
		}
		flush := func(ends bool) { t.Helper(); w.Must(w.Tokens.FlushDenials(w.Context(), ends)) }
		const loops = 500
		for range 3 { // hours
			for range loops {
				refuse(10, 1)
				flush(false)
			}
			w.Pass(time.Hour)
		}
		flush(false)
		counted := func() (n int) {
			for _, r := range s.denials(s.id) {
				var count int
				_, rest, _ := strings.Cut(string(r.Detail), `"count":`)
				fmt.Sscan(rest, &count)
				n += count
			}
			return n
		}
		if got := len(s.denials(s.id)); got > 8 { // two for each hour, of which there may be four
			t.Errorf("%d entries of one client", got)
		}
		if n := counted(); n != 3*loops*10 {
			t.Errorf("%d refusals are told of", n)
		}
		before := len(s.denials(s.id))
		for address := range 1000 {
			refuse(1, address)
		}
		flush(false)
		refuse(1, 1)
		flush(true)
		if got := len(s.denials(s.id)) - before; got > 2*22 {
			t.Errorf("%d entries of a thousand addresses", got)
		}
		if n := counted(); n != 3*loops*10+1001 {
			t.Errorf("%d refusals are told of", n)
		}
	})
}
