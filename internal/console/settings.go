package console

import (
	"errors"

	"keyway/internal/platform/fault"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

func (q *request) settings() error { return q.forward(settingsPath("profile")) }

func (q *request) profileView() (*ProfileView, error) {
	f, err := q.People.Factors(q.r.Context(), q.user.ID)
	return &ProfileView{Page: q.base(AreaSettings, NavProfile, "Profile"), Name: q.user.Name, MinPassword: minPassword, HasPassword: f.Password, Authenticator: f.Password && !f.AuthenticatorSince.IsZero()}, err
}

func (q *request) profile() error {
	v, err := q.profileView()
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) saveProfile() error {
	name := q.form("name")
	err := q.People.Rename(q.context(), q.user.ID, name)
	if errs, ok := formErrors(err); ok {
		v, err := q.profileView()
		if err != nil {
			return err
		}
		v.Name, v.NameErrors = name, errs.onlyFields("name")
		return q.show(v)
	} else if err != nil {
		return err
	}
	return q.done(settingsPath("profile"), "Saved.")
}

func (q *request) savePassword() error {
	v, err := q.profileView()
	if err != nil {
		return err
	}
	v.Location = settingsPath("profile")
	password := q.r.PostForm.Get("new_password")
	if errs, ok := formErrors(identity.CheckPassword(password)); ok {
		v.PasswordErrors = FormErrors{"new_password": errs["password"] + errs.Form()}
		return q.show(v)
	}
	if v.HasPassword { // as at sign-in, so that guessing is slowed down here too
		err = q.People.Authenticate(q.context(), q.user.ID, q.r.PostForm.Get("current_password"), identity.SecondFactor{Code: q.form("code")}, q.Client(q.r))
	} else {
		err = credential.RequireFresh(q.context(), q.Now())
	}
	if identity.NeedsSecondFactor(err) {
		v.PasswordErrors = FormErrors{"code": "This is needed."}
		return q.show(v)
	}
	var f *fault.Error
	if errors.As(err, &f) && (f.Code == fault.Unauthorized || f.Code == fault.TooManyRequests) {
		v.PasswordErrors = FormErrors{"current_password": sentence(f.Message)}
		return q.show(v)
	} else if err != nil {
		return err
	}
	if err := q.People.SetPassword(q.context(), q.user.ID, password, q.session.ID, q.form("revoke_tokens") != "", q.principal().Actor()); err != nil {
		return err
	}
	if q.form("revoke_tokens") != "" {
		return q.done(settingsPath("profile"), "The password was changed. You are signed out everywhere else, and your tokens are revoked.")
	}
	return q.done(settingsPath("profile"), "The password was changed. You are signed out everywhere else.")
}
