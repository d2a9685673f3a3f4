package frame

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/trust/identity"
)

// SealedForm is the field that keeps what was typed while the person proves who they are. It is
// sealed, so that no secret of the form stands in a page.
const SealedForm = "sealed_form"

// openIDProof is the field that says that the person has been at the provider meanwhile.
const openIDProof = "proof"

func notFresh(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Data["reason"] == "fresh_authentication"
}

// sealPlace binds a sealed form to the session and to the address that it was sent to.
func (q *Request) sealPlace() string { return "console form " + q.Session.ID + " " + q.R.URL.Path }

// askAgain shows the question, keeping the form that was sent.
func (q *Request) askAgain() error {
	if q.R.PostForm.Has("nonce") {
		q.R.PostForm.Set("nonce", NewNonce()) // the one sent may be spent
	}
	text, err := json.Marshal(q.R.PostForm)
	if err != nil {
		return err
	}
	if q.R.Header.Get("Accept") == "application/json" {
		return q.JSON(http.StatusForbidden, map[string]string{"reason": "fresh_authentication"}) // its script sends the form without itself
	}
	return q.showQuestion(base64.RawURLEncoding.EncodeToString(q.People.Vault.Seal(q.sealPlace(), text)), nil)
}

func (q *Request) showQuestion(sealed string, errs FormErrors) error {
	area := AreaSettings
	switch {
	case q.OnInstance():
		area = AreaInstance
	case q.R.PathValue("workspace") != "":
		area = AreaWorkspace
	}
	v := &ConfirmView{Page: q.Base(area, "", "Confirm it’s you"), Action: q.R.URL.Path, Sealed: sealed, Back: q.PageBehind(q.R.URL.Path),
		Errors: errs}
	v.Location, v.Offer = v.Back, q.PasskeyOffer(v.Back)
	f, err := q.People.Factors(q.R.Context(), q.User.ID)
	if err != nil {
		return err
	}
	v.Password, v.Authenticator, v.Passkey = f.Password, f.Password && !f.AuthenticatorSince.IsZero(), len(f.Passkeys) > 0
	if len(f.OpenID) > 0 && q.People.OpenID != nil {
		v.Provider = q.People.OpenID.Label
	}
	return q.Show(v)
}

// PageBehind is the page whose form is sent to an address: the nearest above it that can be looked at.
func (q *Request) PageBehind(action string) string {
	for at := action; len(at) > len(Root); at = path.Dir(at) {
		if _, pattern := q.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: at}, Host: q.R.Host}); pattern != Root+"/" {
			return at
		}
	}
	return Root
}

// prove checks the answer to the question. If it is right, the session is renewed and the request
// contains the form that was kept; if not, the question is asked again.
func (q *Request) prove(sealed string) (proved bool, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return false, fault.New(fault.InvalidRequest, "The form could not be read")
	}
	text, err := q.People.Vault.Open(q.sealPlace(), raw)
	var kept url.Values
	if err != nil || json.Unmarshal(text, &kept) != nil {
		return false, fault.New(fault.InvalidRequest, "This form was already submitted, or belongs to someone else; nothing was changed")
	}
	if proof := q.Form(openIDProof); proof != "" {
		if err := q.People.CheckOpenIDProof(q.Session.ID, proof); err != nil {
			return false, q.showQuestion(sealed, FormErrors{"": "That took too long. Confirm once more."})
		}
	} else if answer := q.Form("answer"); answer != "" {
		var u identity.User
		if u, err = q.People.SignInWithPasskey(q.R.Context(), q.Form("sealed"), answer, q.Client(q.R)); err == nil && u.ID != q.User.ID {
			err = fault.New(fault.Unauthorized, "This passkey belongs to someone else")
		}
	} else {
		err = q.People.Authenticate(q.R.Context(), q.User.ID, q.R.PostForm.Get("confirm_password"),
			identity.SecondFactor{Code: q.Form("confirm_code"), RecoveryCode: q.Form("confirm_recovery_code")}, q.Client(q.R))
	}
	if identity.NeedsSecondFactor(err) {
		return false, q.showQuestion(sealed, FormErrors{"confirm_code": "The code is needed as well; give the password again, too."})
	}
	if f := new(fault.Error); errors.As(err, &f) && f.Status() < 500 {
		field := "confirm_password"
		if q.Form("answer") != "" {
			field = "" // the message is about the passkey
		}
		return false, q.showQuestion(sealed, FormErrors{field: Sentence(f.Message)})
	} else if err != nil {
		return false, err
	}
	s, secret, err := q.People.RenewBrowser(q.R.Context(), q.Session, true)
	if err != nil {
		return false, err
	}
	q.keepSession(s, secret)
	q.R.PostForm = kept
	return true, nil
}

// PasskeyOffer reports whether this browser is where passkeys work, or where else the page works with them.
func (q *Request) PasskeyOffer(page string) PasskeyOffer {
	if q.People.Relying == nil {
		return PasskeyOffer{}
	}
	origin, err := url.Parse(q.People.Relying.Config.RPOrigins[0])
	if err != nil || strings.EqualFold(origin.Host, q.R.Host) {
		return PasskeyOffer{Works: err == nil}
	}
	origin.Path = page
	return PasskeyOffer{Elsewhere: origin.String()}
}

// PasskeyOffer says whether the browser can use passkeys at this address.
type PasskeyOffer struct {
	Works     bool
	Elsewhere string // the same page where they work; empty: nowhere
}

// ConfirmView asks a person to confirm their identity again before their request is carried out.
type ConfirmView struct {
	Page
	Action string // where the form was sent, and is sent again
	Sealed string // what it contained
	Back   string // the page behind
	Offer  PasskeyOffer
	// What the person has to prove it with.
	Password, Authenticator, Passkey bool
	Provider                         string // the label of the provider, where they have an account
	Errors                           FormErrors
}
