package frame

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
	SecureCookie = "__Host-keyway"
	PlainCookie  = "keyway"
)

func (q *Request) cookie(value string, maxAge int) *http.Cookie {
	c := &http.Cookie{Name: PlainCookie, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if q.Secure(q.R) {
		c.Name, c.Secure = SecureCookie, true
	}
	return c
}

// readSession finds the person whose cookie it is.
func (q *Request) readSession() error {
	for _, c := range q.R.CookiesNamed(q.cookie("", 0).Name) {
		id, secret, ok := strings.Cut(c.Value, ".")
		if !ok {
			continue
		}
		find := q.People.Browser
		if q.byItself() {
			find = q.People.Peek
		}
		s, u, ok, err := find(q.R.Context(), id, vault.Hide(secret))
		if err != nil {
			return err
		}
		// Automatic requests of a page, and a stream that checks again whether it may go on, leave a new cookie to the
		// next request of a person: a browser that goes to another page no longer accepts answers to them.
		if ok && s.MustRenew() && q.W != nil && (!q.byItself() || q.R.Method != http.MethodGet) {
			renewed, fresh, err := q.People.RenewBrowser(q.R.Context(), s, false)
			if fault.Is(err, fault.Unauthorized) {
				continue // another request was first, and its answer brings the new cookie
			} else if err != nil {
				return err
			}
			q.keepSession(renewed, fresh)
			s = renewed
		}
		if ok {
			q.Session, q.User = s, &u
			break
		}
	}
	return nil
}

// StartSession signs a person in: always with a new session, never with one that was there before.
func (q *Request) StartSession(u identity.User, how identity.Method) error {
	if q.User != nil {
		if err := q.People.EndSession(q.R.Context(), q.Session); err != nil {
			return err
		}
	}
	s, secret, err := q.People.StartBrowser(q.R.Context(), u, how, q.Client(q.R), q.R.UserAgent())
	if err != nil {
		return err
	}
	q.User = &u
	q.keepSession(s, secret)
	return nil
}

func (q *Request) keepSession(s identity.Session, secret vault.Secret) {
	http.SetCookie(q.W, q.cookie(s.ID+"."+secret.Reveal(), int(s.ExpiresAt.Sub(q.Now()).Seconds())))
	q.Session = s
}

// EndSession signs out.
func (q *Request) EndSession() error {
	if q.User != nil {
		if err := q.People.EndSession(q.R.Context(), q.Session); err != nil {
			return err
		}
	}
	http.SetCookie(q.W, q.cookie("", -1))
	return nil
}
