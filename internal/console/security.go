package console

import (
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/trust/identity"
)

func securityPath(elem ...string) string {
	return settingsPath(append([]string{"security"}, elem...)...)
}

// passkeyOffer tells whether this browser is where passkeys work, or where else the page works with them.
func (q *request) passkeyOffer(page string) PasskeyOffer {
	if q.People.Relying == nil {
		return PasskeyOffer{}
	}
	origin, err := url.Parse(q.People.Relying.Config.RPOrigins[0])
	if err != nil || strings.EqualFold(origin.Host, q.r.Host) {
		return PasskeyOffer{Works: err == nil}
	}
	origin.Path = page
	return PasskeyOffer{Elsewhere: origin.String()}
}

func (q *request) securityView() (*SecurityView, error) {
	f, err := q.People.Factors(q.r.Context(), q.user.ID)
	if err != nil {
		return nil, err
	}
	v := &SecurityView{Page: q.base(AreaSettings, NavSecurity, "Security"), HasPassword: f.Password, Offer: q.passkeyOffer(securityPath()), Since: f.AuthenticatorSince, CodesLeft: f.RecoveryCodes, Nonce: newNonce()}
	for _, k := range f.Passkeys {
		v.Passkeys = append(v.Passkeys, PasskeyRow{ID: k.ID, Name: k.Name, CreatedAt: k.CreatedAt, LastUsedAt: k.LastUsedAt})
	}
	if q.People.OpenID != nil {
		v.Provider = q.People.OpenID.Label
	}
	for _, a := range f.OpenID {
		v.Accounts = append(v.Accounts, ProviderAccount{a.Issuer, a.Subject, a.Email, a.CreatedAt})
	}
	return v, nil
}

func (q *request) security() error {
	v, err := q.securityView()
	if err != nil {
		return err
	}
	return q.show(v)
}

// beginPasskey answers the page's script with the question for the device.
func (q *request) beginPasskey() error {
	c, err := q.People.BeginPasskey(q.r.Context(), *q.user)
	return q.ceremony(c, err)
}

// beginPasskeySignIn does the same for whoever wants to sign in, or to confirm who they are.
func (q *request) beginPasskeySignIn() error {
	c, err := q.People.BeginPasskeySignIn()
	return q.ceremony(c, err)
}

func (q *request) ceremony(c identity.Ceremony, err error) error {
	f := new(fault.Error)
	if errors.As(err, &f) {
		return q.json(f.Status(), map[string]string{"message": sentence(f.Message)})
	} else if err != nil {
		return err
	}
	return q.json(http.StatusOK, c)
}

func (q *request) addPasskey() error {
	err := q.People.AddPasskey(q.r.Context(), *q.user, q.form("sealed"), q.form("answer"), q.form("name"), q.principal().Actor())
	if errs, ok := formErrors(err); ok {
		v, err := q.securityView()
		if err != nil {
			return err
		}
		v.Location, v.PasskeyErrors = securityPath(), errs.onlyFields("name")
		return q.show(v)
	} else if err != nil {
		return err
	}
	return q.done(securityPath(), "The passkey was added.")
}

func (q *request) removePasskey() error {
	if err := q.People.RemovePasskey(q.r.Context(), q.user.ID, q.r.PathValue("passkey"), q.principal().Actor()); err != nil {
		return q.refused(securityPath(), err)
	}
	return q.done(securityPath(), "The passkey was removed.")
}

func (q *request) setUpAuthenticator() error {
	set, err := q.People.BeginAuthenticator(*q.user)
	if err != nil {
		return err
	}
	return q.showAuthenticator(set, nil)
}

func (q *request) showAuthenticator(set identity.AuthenticatorSetUp, errs FormErrors) error {
	v, err := q.securityView()
	if err != nil {
		return err
	}
	v.Location = securityPath()
	v.SetUp = &SetUpAuthenticator{Secret: set.Secret, Sealed: set.Sealed, Errors: errs,
		QR: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(set.QR))} //nolint:gosec // an image made here
	return q.show(v)
}

func (q *request) confirmAuthenticator() error {
	sealed := q.form("sealed")
	codes, err := q.People.ConfirmAuthenticator(q.r.Context(), *q.user, sealed, q.form("code"), q.principal().Actor())
	if errs, ok := formErrors(err); ok && !fault.Is(err, fault.InvalidRequest) {
		set, err := q.People.ResumeAuthenticator(*q.user, sealed)
		if err != nil {
			return q.refused(securityPath(), err)
		}
		return q.showAuthenticator(set, errs.onlyFields("code"))
	} else if err != nil {
		return q.refused(securityPath(), err)
	}
	return q.showCodes(codes)
}

func (q *request) showCodes(codes []string) error {
	v, err := q.securityView()
	if err != nil {
		return err
	}
	v.Location, v.Codes = securityPath(), codes
	return q.show(v)
}

func (q *request) renewRecoveryCodes() error {
	if !q.spent.spend(q.user.ID, q.form("nonce"), q.Now()) {
		return q.sentAgain(securityPath())
	}
	codes, err := q.People.RenewRecoveryCodes(q.r.Context(), q.user.ID, q.principal().Actor())
	if err != nil {
		return q.refused(securityPath(), err)
	}
	return q.showCodes(codes)
}

func (q *request) removeAuthenticator() error {
	if err := q.People.RemoveAuthenticator(q.r.Context(), q.user.ID, q.principal().Actor()); err != nil {
		return q.refused(securityPath(), err)
	}
	return q.done(securityPath(), "The authenticator app was removed. Your password alone signs you in now.")
}

// The cookie that a browser keeps while its person is at the provider. It is sealed.
const openIDCookie = "keyway-openid"

func (q *request) keepOpenID(kept string, maxAge int) {
	http.SetCookie(q.w, &http.Cookie{Name: openIDCookie, Value: kept, Path: Root, MaxAge: maxAge, HttpOnly: true, Secure: q.secure(q.r), SameSite: http.SameSiteLaxMode})
}

func (q *request) openIDSignIn() error {
	if q.People.OpenID == nil {
		return fault.New(fault.NotFound, "There is no provider to sign in at")
	}
	at, kept, err := q.People.BeginOpenID(q.r.Context(), identity.OpenIDAim{Next: localPath(q.r.URL.Query().Get("next"))})
	if err != nil {
		return q.backToSignIn(err)
	}
	q.keepOpenID(kept, 600)
	return q.redirect(at)
}

// confirmWithOpenID leads to the provider whoever is asked again who they are. The page keeps their form.
func (q *request) confirmWithOpenID() error {
	if q.People.OpenID == nil {
		return fault.New(fault.NotFound, "There is no provider to sign in at")
	}
	action := localPath(q.r.URL.Query().Get("action"))
	back := q.pageBehind(action)
	at, kept, err := q.People.BeginOpenID(q.r.Context(), identity.OpenIDAim{Next: back, Confirm: q.session.ID, Action: action})
	if err != nil {
		return q.notFromProvider(back, err)
	}
	q.keepOpenID(kept, 600)
	return q.redirect(at)
}

// notFromProvider says on a page why nothing came of going to the provider, and in the log what the
// provider said.
func (q *request) notFromProvider(to string, err error) error {
	f := new(fault.Error)
	if !errors.As(err, &f) {
		return err
	}
	q.Log.Warn("openid", "request_id", q.id, "err", err)
	q.setFlash(Flash{Kind: FlashError, Text: sentence(f.Message)})
	return q.redirect(to)
}

// linkOpenID shows a page that leads to the provider: a form may not lead to another site.
func (q *request) linkOpenID() error {
	if q.People.OpenID == nil {
		return fault.New(fault.NotFound, "There is no provider to link with")
	}
	at, kept, err := q.People.BeginOpenID(q.r.Context(), identity.OpenIDAim{Next: securityPath(), LinkTo: q.user.ID})
	if err != nil {
		return q.notFromProvider(securityPath(), err)
	}
	q.keepOpenID(kept, 600)
	v := &LeaveView{Page: q.base(AreaSettings, NavSecurity, "Link an account"), To: at, Label: q.People.OpenID.Label}
	v.Location = securityPath()
	return q.show(v)
}

func (q *request) unlinkOpenID() error {
	if err := q.People.UnlinkOpenID(q.r.Context(), q.user.ID, q.form("issuer"), q.form("subject"), q.principal().Actor()); err != nil {
		return q.refused(securityPath(), err)
	}
	return q.done(securityPath(), "The account is not linked any more.")
}

// openIDBack is where the provider sends people back to.
func (q *request) openIDBack() error {
	c, err := q.r.Cookie(openIDCookie)
	if err != nil || q.People.OpenID == nil {
		return fault.New(fault.Unauthorized, "This sign-in was not begun in this browser; begin at the sign-in page")
	}
	q.keepOpenID("", -1)
	query := q.r.URL.Query()
	claims, aim, err := q.People.FinishOpenID(q.r.Context(), c.Value, query.Get("state"), query.Get("code"))
	if err != nil && q.user != nil && aim.LinkTo+aim.Confirm != "" {
		return q.notFromProvider(aim.Next, err)
	} else if err != nil {
		return q.backToSignIn(err)
	}
	if aim.Confirm != "" {
		return q.confirmedByOpenID(claims, aim)
	}
	if aim.LinkTo != "" {
		if q.user == nil || q.user.ID != aim.LinkTo {
			return fault.New(fault.Forbidden, "Somebody else is signed in now; nothing was linked")
		}
		err := q.DB.Update(q.r.Context(), func(tx *store.Tx) error {
			return q.People.LinkOpenID(q.r.Context(), tx, q.user.ID, claims, q.principal().Actor())
		}, store.Instance)
		if err != nil {
			return q.refused(securityPath(), err)
		}
		return q.done(securityPath(), "The account is linked: you can sign in with it.")
	}
	u, err := q.People.ByOpenID(q.r.Context(), claims)
	if fault.Is(err, fault.UserNotFound) {
		u, err = q.Members.AcceptOpenID(q.r.Context(), claims, q.Client(q.r))
	}
	if err != nil {
		return q.backToSignIn(err)
	}
	if err := q.startSession(u, identity.ByOpenID); err != nil {
		return err
	}
	return q.redirect(localPath(aim.Next))
}

// confirmedByOpenID goes on with the form that waited, which the page has kept.
func (q *request) confirmedByOpenID(claims identity.OpenIDClaims, aim identity.OpenIDAim) error {
	if q.user == nil || q.session.ID != aim.Confirm {
		return fault.New(fault.Forbidden, "You signed in anew meanwhile; nothing was done")
	}
	u, err := q.People.ByOpenID(q.r.Context(), claims)
	if fault.Is(err, fault.UserNotFound) || err == nil && u.ID != q.user.ID {
		return q.notFromProvider(aim.Next, fault.New(fault.Unauthorized, "This account at %s is not linked with yours; nothing was done", q.People.OpenID.Label))
	} else if err != nil {
		return err
	}
	proof, err := q.People.OpenIDProof(q.session.ID)
	if err != nil {
		return err
	}
	v := &ResumeView{Page: q.base(AreaSettings, "", "You are confirmed"), Action: aim.Action, Proof: proof, Back: aim.Next}
	v.Location = aim.Next
	return q.show(v)
}

// backToSignIn says on the sign-in page why nobody was signed in.
func (q *request) backToSignIn(err error) error {
	f := new(fault.Error)
	if !errors.As(err, &f) {
		return err
	}
	if err.Error() != f.Error() {
		q.Log.Warn("sign-in", "request_id", q.id, "err", err) // there is more to it than the page says
	}
	v := q.signInView(Root)
	v.Location = consolePath("sign-in")
	v.Errors = FormErrors{"": sentence(f.Message)}
	return q.show(v)
}

func (q *request) signIns() error {
	all, err := q.People.Sessions(q.r.Context(), q.user.ID)
	if err != nil {
		return err
	}
	v := &SignInsView{Page: q.base(AreaSettings, NavSignIns, "Sessions")}
	for _, s := range all {
		row := SignInRow{ID: s.ID, What: agentInWords(s.UserAgent), How: methodInWords[s.Method], Address: s.Address, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, Current: s.ID == q.session.ID}
		if s.IsScript {
			row.What = "A script (" + row.What + ")"
		}
		v.Sessions = append(v.Sessions, row)
	}
	return q.show(v)
}

func (q *request) endSessionOf() error {
	id := q.r.PathValue("session")
	if id == q.session.ID {
		return q.postSignOut()
	}
	if err := q.People.EndSessionOf(q.r.Context(), q.user.ID, id, q.principal().Actor()); err != nil {
		return q.refused(settingsPath("sessions"), err)
	}
	return q.done(settingsPath("sessions"), "The session was ended.")
}

func (q *request) endOtherSessions() error {
	if err := q.People.EndOtherSessions(q.r.Context(), q.user.ID, q.session.ID, q.principal().Actor()); err != nil {
		return err
	}
	return q.done(settingsPath("sessions"), "All other sessions were ended.")
}

var methodInWords = map[identity.Method]string{
	identity.ByPassword: "Password", identity.BySecondFactor: "Password and code", identity.ByPasskey: "Passkey",
	identity.ByOpenID: "Provider", identity.ByLink: "One-time link",
}

// agentInWords names the browser and the system of a User-Agent header. Which name counts depends on
// the order: every browser also names those it descends from.
func agentInWords(agent string) string {
	first := func(names ...string) string {
		for i := 0; i < len(names); i += 2 {
			if strings.Contains(agent, names[i]) {
				return names[i+1]
			}
		}
		return ""
	}
	browser := first("Edg", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "FxiOS/", "Firefox", "CriOS/", "Chrome", "Chrome/", "Chrome", "Safari/", "Safari")
	system := first("iPhone", "iPhone", "iPad", "iPad", "Android", "Android", "Windows", "Windows", "Macintosh", "macOS", "CrOS", "ChromeOS", "Linux", "Linux")
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser+system != "":
		return browser + system
	}
	name, _, _ := strings.Cut(agent, "/")
	if name = strings.TrimSpace(name); name == "" {
		return "Unknown"
	}
	return name
}
