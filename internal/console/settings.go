package console

import (
	"errors"

	"keyway/internal/fault"
	"keyway/internal/identity"
)

func (q *request) settings() error { return q.forward(settingsPath("profile")) }

func (q *request) profileView() *ProfileView {
	return &ProfileView{Page: q.base(AreaSettings, NavProfile, "Profile"), Name: q.user.Name, MinPassword: minPassword}
}

func (q *request) profile() error { return q.show(q.profileView()) }

func (q *request) saveProfile() error {
	name := q.form("name")
	err := q.People.Rename(q.context(), q.user.ID, name)
	if errs, ok := formErrors(err); ok {
		v := q.profileView()
		v.Name, v.NameErrors = name, errs.onlyFields("name")
		return q.show(v)
	} else if err != nil {
		return err
	}
	return q.done(settingsPath("profile"), "Saved.")
}

func (q *request) savePassword() error {
	v := q.profileView()
	v.Location = settingsPath("profile")
	password := q.r.PostForm.Get("new_password")
	if errs, ok := formErrors(identity.CheckPassword(password)); ok {
		v.PasswordErrors = FormErrors{"new_password": errs["password"] + errs.Form()}
		return q.show(v)
	}
	// As at sign-in, so that guessing is slowed down here too.
	_, err := q.People.SignIn(q.context(), q.user.Email, q.r.PostForm.Get("current_password"), q.Client(q.r))
	var f *fault.Error
	if errors.As(err, &f) && (f.Code == fault.Unauthorized || f.Code == fault.TooManyRequests) {
		message := "The password is wrong."
		if f.Code == fault.TooManyRequests {
			message = sentence(f.Message)
		}
		v.PasswordErrors = FormErrors{"current_password": message}
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
