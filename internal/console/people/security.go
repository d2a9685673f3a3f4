package people

import (
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/trust/identity"
)

func securityPath(elem ...string) string {
	return frame.SettingsPath(append([]string{"security"}, elem...)...)
}

func (q *request) securityView() (*SecurityView, error) {
	f, err := q.People.Factors(q.R.Context(), q.User.ID)
	if err != nil {
		return nil, err
	}
	v := &SecurityView{Page: q.Base(frame.AreaSettings, frame.NavSecurity, "Security"), HasPassword: f.Password,
		Offer: q.PasskeyOffer(securityPath()), Since: f.AuthenticatorSince, CodesLeft: f.RecoveryCodes, Nonce: frame.NewNonce()}
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
	return q.Show(v)
}

// beginPasskey answers the page's script with the question for the device.
func (q *request) beginPasskey() error {
	c, err := q.People.BeginPasskey(q.R.Context(), *q.User)
	return q.ceremony(c, err)
}

// beginPasskeySignIn does the same for a person who wants to sign in, or to confirm who they are.
func (q *request) beginPasskeySignIn() error {
	c, err := q.People.BeginPasskeySignIn()
	return q.ceremony(c, err)
}

func (q *request) ceremony(c identity.Ceremony, err error) error {
	f := new(fault.Error)
	if errors.As(err, &f) {
		return q.JSON(f.Status(), map[string]string{"message": frame.Sentence(f.Message)})
	} else if err != nil {
		return err
	}
	return q.JSON(http.StatusOK, c)
}

func (q *request) addPasskey() error {
	err := q.People.AddPasskey(q.R.Context(), *q.User, q.Form("sealed"), q.Form("answer"), q.Form("name"), q.Principal().Actor())
	if errs, ok := frame.FieldErrors(err); ok {
		v, err := q.securityView()
		if err != nil {
			return err
		}
		v.Location, v.PasskeyErrors = securityPath(), errs.OnlyFields("name")
		return q.Show(v)
	} else if err != nil {
		return err
	}
	return q.Done(securityPath(), "The passkey was added.")
}

func (q *request) removePasskey() error {
	if err := q.People.RemovePasskey(q.R.Context(), q.User.ID, q.R.PathValue("passkey"), q.Principal().Actor()); err != nil {
		return q.Refused(securityPath(), err)
	}
	return q.Done(securityPath(), "The passkey was removed.")
}

func (q *request) setUpAuthenticator() error {
	set, err := q.People.BeginAuthenticator(*q.User)
	if err != nil {
		return err
	}
	return q.showAuthenticator(set, nil)
}

func (q *request) showAuthenticator(set identity.AuthenticatorSetUp, errs frame.FormErrors) error {
	v, err := q.securityView()
	if err != nil {
		return err
	}
	v.Location = securityPath()
	v.SetUp = &SetUpAuthenticator{Secret: set.Secret, Sealed: set.Sealed, Errors: errs,
		QR: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(set.QR))} //nolint:gosec // an image made here
	return q.Show(v)
}

func (q *request) confirmAuthenticator() error {
	sealed := q.Form("sealed")
	codes, err := q.People.ConfirmAuthenticator(q.R.Context(), *q.User, sealed, q.Form("code"), q.Principal().Actor())
	if errs, ok := frame.FieldErrors(err); ok && !fault.Is(err, fault.InvalidRequest) {
		set, err := q.People.ResumeAuthenticator(*q.User, sealed)
		if err != nil {
			return q.Refused(securityPath(), err)
		}
		return q.showAuthenticator(set, errs.OnlyFields("code"))
	} else if err != nil {
		return q.Refused(securityPath(), err)
	}
	return q.showCodes(codes)
}

func (q *request) showCodes(codes []string) error {
	v, err := q.securityView()
	if err != nil {
		return err
	}
	v.Location, v.Codes = securityPath(), codes
	return q.Show(v)
}

func (q *request) renewRecoveryCodes() error {
	if !q.FirstSent() {
		return q.SentAgain(securityPath())
	}
	codes, err := q.People.RenewRecoveryCodes(q.R.Context(), q.User.ID, q.Principal().Actor())
	if err != nil {
		return q.Refused(securityPath(), err)
	}
	return q.showCodes(codes)
}

func (q *request) removeAuthenticator() error {
	if err := q.People.RemoveAuthenticator(q.R.Context(), q.User.ID, q.Principal().Actor()); err != nil {
		return q.Refused(securityPath(), err)
	}
	return q.Done(securityPath(), "The authenticator app was removed. Your password alone signs you in now.")
}

// The cookie that a browser keeps while its person is at the provider. It is sealed.
const openIDCookie = "keyway-openid"

func (q *request) keepOpenID(kept string, maxAge int) {
	http.SetCookie(q.W, &http.Cookie{Name: openIDCookie, Value: kept, Path: frame.Root, MaxAge: maxAge, HttpOnly: true,
		Secure: q.Secure(q.R), SameSite: http.SameSiteLaxMode})
}

func (q *request) openIDSignIn() error {
	if q.People.OpenID == nil {
		return fault.New(fault.NotFound, "There is no provider to sign in at")
	}
	at, kept, err := q.People.BeginOpenID(q.R.Context(), identity.OpenIDAim{Next: frame.LocalPath(q.R.URL.Query().Get("next"))})
	if err != nil {
		return q.backToSignIn(err)
	}
	q.keepOpenID(kept, 600)
	return q.Redirect(at)
}

// confirmWithOpenID sends a person who must confirm who they are to the provider. The page keeps their form.
func (q *request) confirmWithOpenID() error {
	if q.People.OpenID == nil {
		return fault.New(fault.NotFound, "There is no provider to sign in at")
	}
	action := frame.LocalPath(q.R.URL.Query().Get("action"))
	back := q.PageBehind(action)
	at, kept, err := q.People.BeginOpenID(q.R.Context(), identity.OpenIDAim{Next: back, Confirm: q.Session.ID, Action: action})
	if err != nil {
		return q.notFromProvider(back, err)
	}
	q.keepOpenID(kept, 600)
	return q.Redirect(at)
}

// notFromProvider says on a page why nothing came of going to the provider, and in the log what the
// provider said.
func (q *request) notFromProvider(to string, err error) error {
	f := new(fault.Error)
	if !errors.As(err, &f) {
		return err
	}
	q.Log.Warn("openid", "request_id", q.ID, "err", err)
	q.SetFlash(frame.Flash{Kind: frame.FlashError, Text: frame.Sentence(f.Message)})
	return q.Redirect(to)
}

// linkOpenID shows a page that leads to the provider: a form may not lead to another site.
func (q *request) linkOpenID() error {
	if q.People.OpenID == nil {
		return fault.New(fault.NotFound, "There is no provider to link with")
	}
	at, kept, err := q.People.BeginOpenID(q.R.Context(), identity.OpenIDAim{Next: securityPath(), LinkTo: q.User.ID})
	if err != nil {
		return q.notFromProvider(securityPath(), err)
	}
	q.keepOpenID(kept, 600)
	v := &LeaveView{Page: q.Base(frame.AreaSettings, frame.NavSecurity, "Link an account"), To: at, Label: q.People.OpenID.Label}
	v.Location = securityPath()
	return q.Show(v)
}

func (q *request) unlinkOpenID() error {
	if err := q.People.UnlinkOpenID(q.R.Context(), q.User.ID, q.Form("issuer"), q.Form("subject"), q.Principal().Actor()); err != nil {
		return q.Refused(securityPath(), err)
	}
	return q.Done(securityPath(), "The account is no longer linked.")
}

// openIDBack is where the provider sends people back to.
func (q *request) openIDBack() error {
	c, err := q.R.Cookie(openIDCookie)
	if err != nil || q.People.OpenID == nil {
		return fault.New(fault.Unauthorized, "This sign-in didn’t start in this browser; start at the sign-in page")
	}
	q.keepOpenID("", -1)
	query := q.R.URL.Query()
	claims, aim, err := q.People.FinishOpenID(q.R.Context(), c.Value, query.Get("state"), query.Get("code"))
	if err != nil && q.User != nil && aim.LinkTo+aim.Confirm != "" {
		return q.notFromProvider(aim.Next, err)
	} else if err != nil {
		return q.backToSignIn(err)
	}
	if aim.Confirm != "" {
		return q.confirmedByOpenID(claims, aim)
	}
	if aim.LinkTo != "" {
		if q.User == nil || q.User.ID != aim.LinkTo {
			return fault.New(fault.Forbidden, "Someone else is now signed in; nothing was linked")
		}
		err := q.DB.Update(q.R.Context(), func(tx *store.Tx) error {
			return q.People.LinkOpenID(q.R.Context(), tx, q.User.ID, claims, q.Principal().Actor())
		}, store.Instance)
		if err != nil {
			return q.Refused(securityPath(), err)
		}
		return q.Done(securityPath(), "The account is linked: you can sign in with it.")
	}
	u, err := q.People.ByOpenID(q.R.Context(), claims)
	if fault.Is(err, fault.UserNotFound) {
		u, err = q.Members.AcceptOpenID(q.R.Context(), claims, q.Client(q.R))
	}
	if err != nil {
		return q.backToSignIn(err)
	}
	if err := q.StartSession(u, identity.ByOpenID); err != nil {
		return err
	}
	return q.Redirect(frame.LocalPath(aim.Next))
}

// confirmedByOpenID goes on with the form that waited, which the page has kept.
func (q *request) confirmedByOpenID(claims identity.OpenIDClaims, aim identity.OpenIDAim) error {
	if q.User == nil || q.Session.ID != aim.Confirm {
		return fault.New(fault.Forbidden, "You signed in again in the meantime; nothing was changed")
	}
	u, err := q.People.ByOpenID(q.R.Context(), claims)
	if fault.Is(err, fault.UserNotFound) || err == nil && u.ID != q.User.ID {
		return q.notFromProvider(aim.Next, fault.New(fault.Unauthorized, "This account at %s isn’t linked to yours; nothing was changed",
			q.People.OpenID.Label))
	} else if err != nil {
		return err
	}
	proof, err := q.People.OpenIDProof(q.Session.ID)
	if err != nil {
		return err
	}
	v := &ResumeView{Page: q.Base(frame.AreaSettings, "", "Identity confirmed"), Action: aim.Action, Proof: proof, Back: aim.Next}
	v.Location = aim.Next
	return q.Show(v)
}

// backToSignIn says on the sign-in page why no one was signed in.
func (q *request) backToSignIn(err error) error {
	f := new(fault.Error)
	if !errors.As(err, &f) {
		return err
	}
	if err.Error() != f.Error() {
		q.Log.Warn("sign-in", "request_id", q.ID, "err", err) // there is more to it than the page says
	}
	v := q.signInView(frame.Root)
	v.Location = frame.ConsolePath("sign-in")
	v.Errors = frame.FormErrors{"": frame.Sentence(f.Message)}
	return q.Show(v)
}

func (q *request) signIns() error {
	all, err := q.People.Sessions(q.R.Context(), q.User.ID)
	if err != nil {
		return err
	}
	v := &SignInsView{Page: q.Base(frame.AreaSettings, frame.NavSignIns, "Sessions")}
	for _, s := range all {
		row := SignInRow{ID: s.ID, What: agentInWords(s.UserAgent), How: methodInWords[s.Method], Address: s.Address, CreatedAt: s.CreatedAt,
			SeenAt: s.SeenAt, Current: s.ID == q.Session.ID}
		if s.IsScript {
			row.What = "A script (" + row.What + ")"
		}
		v.Sessions = append(v.Sessions, row)
	}
	return q.Show(v)
}

func (q *request) endSessionOf() error {
	id := q.R.PathValue("session")
	if id == q.Session.ID {
		return q.postSignOut()
	}
	if err := q.People.EndSessionOf(q.R.Context(), q.User.ID, id, q.Principal().Actor()); err != nil {
		return q.Refused(frame.SettingsPath("sessions"), err)
	}
	return q.Done(frame.SettingsPath("sessions"), "The session was ended.")
}

func (q *request) endOtherSessions() error {
	if err := q.People.EndOtherSessions(q.R.Context(), q.User.ID, q.Session.ID, q.Principal().Actor()); err != nil {
		return err
	}
	return q.Done(frame.SettingsPath("sessions"), "All other sessions were ended.")
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
	browser := first("Edg", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "FxiOS/", "Firefox", "CriOS/", "Chrome", "Chrome/", "Chrome",
		"Safari/", "Safari")
	system := first("iPhone", "iPhone", "iPad", "iPad", "Android", "Android", "Windows", "Windows", "Macintosh", "macOS", "CrOS", "ChromeOS",
		"Linux", "Linux")
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

// SecurityView is with what a person signs in.
type SecurityView struct {
	frame.Page
	HasPassword   bool
	Offer         frame.PasskeyOffer
	Passkeys      []PasskeyRow
	PasskeyErrors frame.FormErrors
	Since         time.Time // of the authenticator app; zero: there is none
	CodesLeft     int
	SetUp         *SetUpAuthenticator // while an authenticator app is being set up
	Codes         []string            // recovery codes, shown once
	Provider      string              // the label of the OpenID Connect provider; empty: there is none
	Accounts      []ProviderAccount
	Nonce         string // of the form whose answer shows recovery codes
}

// PasskeyRow is a passkey in the list.
type PasskeyRow struct {
	ID         string
	Name       string
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// SetUpAuthenticator is the dialog that sets an authenticator app up.
type SetUpAuthenticator struct {
	Secret string
	QR     template.URL
	Sealed string
	Errors frame.FormErrors
}

// ProviderAccount is an account at the provider.
type ProviderAccount struct {
	Issuer    string
	Subject   string
	Email     string
	CreatedAt time.Time
}

// SignInsView lists where a person is signed in.
type SignInsView struct {
	frame.Page
	Sessions []SignInRow
}

// Others reports whether there is more than the session that looks.
func (v *SignInsView) Others() bool { return len(v.Sessions) > 1 }

// SignInRow is a session in the list.
type SignInRow struct {
	ID        string
	What      string // browser and system, in words
	How       string // how it was begun, in words
	Address   string
	CreatedAt time.Time
	SeenAt    time.Time
	Current   bool
}

// ResumeView goes on with a form that waited while its person was at the provider.
type ResumeView struct {
	frame.Page
	Action string // where the form goes
	Proof  string // that its person is who they are
	Back   string // the page behind
}

// LeaveView leads to another site, where a form cannot lead.
type LeaveView struct {
	frame.Page
	To    string
	Label string
}
