package console

import (
	"net/http"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/identity"
)

// The session's cookie. A browser takes the first name only with Secure, for this host alone and
// for all paths, so that no other host can plant it; plain http elsewhere than on this machine has
// no such cookie.
const (
	secureCookie = "__Host-keyway"
	plainCookie  = "keyway"
)

func (q *request) cookie(value string, maxAge int) *http.Cookie {
	c := &http.Cookie{Name: plainCookie, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if q.secure(q.r) {
		c.Name, c.Secure = secureCookie, true
	}
	return c
}

// readSession finds the person whose cookie it is.
func (q *request) readSession() error {
	for _, c := range q.r.CookiesNamed(q.cookie("", 0).Name) {
		id, secret, ok := strings.Cut(c.Value, ".")
		if !ok {
			continue
		}
		find := q.People.Browser
		if q.byItself() {
			find = q.People.Peek
		}
		s, u, ok, err := find(q.r.Context(), id, vault.Hide(secret))
		if err != nil {
			return err
		}
		// What a page asks for by itself, and a stream that looks again whether it may go on, leave a new cookie to the
		// next request of a person: a browser that goes to another page takes no answers to them any more.
		if ok && s.MustRenew() && q.w != nil && (!q.byItself() || q.r.Method != http.MethodGet) {
			renewed, fresh, err := q.People.RenewBrowser(q.r.Context(), s, false)
			if fault.Is(err, fault.Unauthorized) {
				continue // another request was first, and its answer brings the new cookie
			} else if err != nil {
				return err
			}
			q.keepSession(renewed, fresh)
			s = renewed
		}
		if ok {
			q.session, q.user = s, &u
			break
		}
	}
	return nil
}

// startSession signs a person in: always with a new session, never with one that was there before.
func (q *request) startSession(u identity.User, how identity.Method) error {
	if q.user != nil {
		if err := q.People.EndSession(q.r.Context(), q.session); err != nil {
			return err
		}
	}
	s, secret, err := q.People.StartBrowser(q.r.Context(), u, how, q.Client(q.r), q.r.UserAgent())
	if err != nil {
		return err
	}
	q.user = &u
	q.keepSession(s, secret)
	return nil
}

func (q *request) keepSession(s identity.Session, secret vault.Secret) {
	http.SetCookie(q.w, q.cookie(s.ID+"."+secret.Reveal(), int(s.ExpiresAt.Sub(q.Now()).Seconds())))
	q.session = s
}

// endSession signs out.
func (q *request) endSession() error {
	if q.user != nil {
		if err := q.People.EndSession(q.r.Context(), q.session); err != nil {
			return err
		}
	}
	http.SetCookie(q.w, q.cookie("", -1))
	return nil
}
