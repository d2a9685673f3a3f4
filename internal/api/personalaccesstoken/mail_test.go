package personalaccesstoken_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/mail"
	"keyway/internal/trust/audit"
	"keyway/internal/wiring/apitest"
)

// Every notice about a token is mailed too, so there is a mail for each such event.
func TestEveryNoticeHasAMail(t *testing.T) {
	t.Parallel()
	for _, what := range event.Type("").Enum() {
		if strings.HasPrefix(what, "keyway.personal_access_token.") && !slices.Contains(mail.Kinds(), what) {
			t.Errorf("there is no mail for %s", what)
		}
	}
}

// The owner of a token, and no one else, gets one mail for each notice: with what is needed to identify the
// token and what to do, and with no secret.
func TestNoticesAreMailed(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		w.Person("stranger")
		w.Workspace(s.jane, "Barn", true)
		from := func(n int) audit.Actor { return audit.Actor{Address: fmt.Sprintf("198.51.100.%d", n)} }

		w.Must(w.Tokens.DecoyUsed(w.Context(), s.id, from(1)))
		if n := len(w.Mails()); n != 0 {
			t.Fatalf("%d mails without a server", n)
		}
		w.Mail.Server = &mail.Server{}
		w.Pass(time.Hour - time.Duration(w.Now().UnixNano())%time.Hour) // to the beginning of the next
		s.session = w.Session(s.jane)

		w.Must(w.Tokens.DecoyUsed(w.Context(), s.id, from(1)))
		for n := range 5 { // a client with many addresses fills no mailbox
			w.Must(w.Tokens.DecoyUsed(w.Context(), s.id, from(n)))
		}
		next := call(w, s.session, "rotate", id(s.id)).Token
		w.Must(w.Tokens.Reused(w.Context(), s.id, from(7)))

		w.Tokens.Used(next.ID, s.id, s.ws.ID, "/devices/list", "192.0.2.1", w.Now())
		w.Must(w.Tokens.FlushUse(w.Context()))
		w.Pass(personalaccesstoken.Silence + time.Hour)
		w.Tokens.Used(next.ID, s.id, s.ws.ID, "/devices/list", "203.0.113.9", w.Now())
		w.Must(w.Tokens.FlushUse(w.Context()))

		_, _, err := w.Tokens.Create(w.Context(), s.jane.ID, personalaccesstoken.New{Name: "Nightly", ExpiresAt: w.Now().AddDate(0, 0, 40)},
			from(8))
		w.Must(err)
		for _, hours := range []int{0, 480, 360, 100, 30} { // to 960, 480, 120, 20 and -10 hours before its end
			w.Pass(time.Duration(hours) * time.Hour)
			w.Must(w.Tokens.TellExpiring(w.Context()))
			w.Must(w.Tokens.TellExpiring(w.Context()))
		}
		want := []struct{ subject, text string }{
			{"Someone used your decoy “test”", "From:       198.51.100.1\n"},
			{"Personal access token “test” was used after it was replaced", "From:       198.51.100.7\n"},
			{"Personal access token “test” is used from a new network", "Network:    203.0.113.0/24\n"},
			{"Personal access token “Nightly” expires in 30 days", "`keyway pat rotate "},
			{"Personal access token “Nightly” expires in 7 days", "Expires:    20"},
			{"Personal access token “Nightly” expires within a day", "Anything using it will stop working then."},
			{"Personal access token “Nightly” has expired", "Expired:    20"},
		}
		got := w.Mails()
		for i, m := range got {
			if i >= len(want) || m.To != s.jane.Email || m.Subject != want[i].subject || !strings.Contains(m.Text, want[i].text) {
				t.Errorf("mail %d to %s: %s\n%s", i, m.To, m.Subject, m.Text)
			}
			for _, part := range []string{"Workspaces: Flat, Barn\n", "…)\n", apitest.PublicURL + "/console/settings/personal-access-tokens/"} {
				if !strings.Contains(m.Text, part) {
					t.Errorf("%q is not in:\n%s", part, m.Text)
				}
			}
			for _, secret := range []string{s.pat, next.Secret, s.session, "<no value>", "\n\n\n"} {
				if strings.Contains(m.Subject+m.Text, secret) {
					t.Errorf("%q is in:\n%s", secret, m.Text)
				}
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d mails, want %d", len(got), len(want))
		}
		if testing.Verbose() {
			for _, m := range got {
				t.Logf("%s\n%s", m.Subject, m.Text)
			}
		}
	})
}

// A disabled person gets no mail.
func TestNoMailToADisabledPerson(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		w.Mail.Server = &mail.Server{}
		_, err := w.People.SetDisabled(w.Context(), s.jane.ID, true, apitest.By)
		w.Must(err)
		w.Must(w.Tokens.DecoyUsed(w.Context(), s.id, audit.Actor{Address: "192.0.2.1"}))
		if n := len(w.Mails()); n != 0 {
			t.Errorf("%d mails", n)
		}
	})
}
