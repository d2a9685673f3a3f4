package console

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"

	"keyway/internal/platform/fault"
	"keyway/internal/trust/identity"
)

// sealedForm is the field that keeps what was typed while the person proves who they are. It is
// sealed, so that no secret of the form stands in a page.
const sealedForm = "sealed_form"

// openIDProof is the field that says that the person has been at the provider meanwhile.
const openIDProof = "proof"

func notFresh(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Data["reason"] == "fresh_authentication"
}

// sealPlace binds a sealed form to the session and to the address that it was sent to.
func (q *request) sealPlace() string { return "console form " + q.session.ID + " " + q.r.URL.Path }

// askAgain shows the question, keeping the form that was sent.
func (q *request) askAgain() error {
	if q.r.PostForm.Has("nonce") {
		q.r.PostForm.Set("nonce", newNonce()) // the one sent may be spent
	}
	text, err := json.Marshal(q.r.PostForm)
	if err != nil {
		return err
	}
	if q.r.Header.Get("Accept") == "application/json" {
		return q.json(http.StatusForbidden, map[string]string{"reason": "fresh_authentication"}) // its script sends the form without itself
	}
	return q.showQuestion(base64.RawURLEncoding.EncodeToString(q.People.Vault.Seal(q.sealPlace(), text)), nil)
}

func (q *request) showQuestion(sealed string, errs FormErrors) error {
	area := AreaSettings
	switch {
	case q.onInstance():
		area = AreaInstance
	case q.r.PathValue("workspace") != "":
		area = AreaWorkspace
	}
	v := &ConfirmView{Page: q.base(area, "", "Confirm that it is you"), Action: q.r.URL.Path, Sealed: sealed, Back: q.pageBehind(q.r.URL.Path), Errors: errs}
	v.Location, v.Offer = v.Back, q.passkeyOffer(v.Back)
	f, err := q.People.Factors(q.r.Context(), q.user.ID)
	if err != nil {
		return err
	}
	v.Password, v.Authenticator, v.Passkey = f.Password, f.Password && !f.AuthenticatorSince.IsZero(), len(f.Passkeys) > 0
	if len(f.OpenID) > 0 && q.People.OpenID != nil {
		v.Provider = q.People.OpenID.Label
	}
	return q.show(v)
}

// pageBehind is the page whose form is sent to an address: the nearest above it that can be looked at.
func (q *request) pageBehind(action string) string {
	for at := action; len(at) > len(Root); at = path.Dir(at) {
		if _, pattern := q.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: at}, Host: q.r.Host}); pattern != Root+"/" {
			return at
		}
	}
	return Root
}

// prove checks the answer to the question. If it is right, the session is renewed and the request
// holds the form that was kept; if not, the question is asked again.
func (q *request) prove(sealed string) (proved bool, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return false, fault.New(fault.InvalidRequest, "The form could not be read")
	}
	text, err := q.People.Vault.Open(q.sealPlace(), raw)
	var kept url.Values
	if err != nil || json.Unmarshal(text, &kept) != nil {
		return false, fault.New(fault.InvalidRequest, "The form was sent already, or for somebody else; nothing was done")
	}
	if proof := q.form(openIDProof); proof != "" {
		if err := q.People.CheckOpenIDProof(q.session.ID, proof); err != nil {
			return false, q.showQuestion(sealed, FormErrors{"": "That took too long. Confirm once more."})
		}
	} else if answer := q.form("answer"); answer != "" {
		var u identity.User
		if u, err = q.People.SignInWithPasskey(q.r.Context(), q.form("sealed"), answer, q.Client(q.r)); err == nil && u.ID != q.user.ID {
			err = fault.New(fault.Unauthorized, "This passkey is somebody else's")
		}
	} else {
		err = q.People.Authenticate(q.r.Context(), q.user.ID, q.r.PostForm.Get("confirm_password"), identity.SecondFactor{Code: q.form("confirm_code"), RecoveryCode: q.form("confirm_recovery_code")}, q.Client(q.r))
	}
	if identity.NeedsSecondFactor(err) {
		return false, q.showQuestion(sealed, FormErrors{"confirm_code": "The code is needed as well; give the password again, too."})
	}
	if f := new(fault.Error); errors.As(err, &f) && f.Status() < 500 {
		field := "confirm_password"
		if q.form("answer") != "" {
			field = "" // the message is about the passkey
		}
		return false, q.showQuestion(sealed, FormErrors{field: sentence(f.Message)})
	} else if err != nil {
		return false, err
	}
	s, secret, err := q.People.RenewBrowser(q.r.Context(), q.session, true)
	if err != nil {
		return false, err
	}
	q.keepSession(s, secret)
	q.r.PostForm = kept
	return true, nil
}
