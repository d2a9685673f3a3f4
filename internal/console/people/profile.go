package people

import (
	"errors"

	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

func (q *request) settings() error { return q.Forward(frame.SettingsPath("profile")) }

func (q *request) profileView() (*ProfileView, error) {
	f, err := q.People.Factors(q.R.Context(), q.User.ID)
	return &ProfileView{Page: q.Base(frame.AreaSettings, frame.NavProfile, "Profile"), Name: q.User.Name, MinPassword: minPassword,
		HasPassword: f.Password, Authenticator: f.Password && !f.AuthenticatorSince.IsZero()}, err
}

func (q *request) profile() error {
	v, err := q.profileView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) saveProfile() error {
	name := q.Form("name")
	err := q.People.Rename(q.Context(), q.User.ID, name)
	if errs, ok := frame.FieldErrors(err); ok {
		v, err := q.profileView()
		if err != nil {
			return err
		}
		v.Name, v.NameErrors = name, errs.OnlyFields("name")
		return q.Show(v)
	} else if err != nil {
		return err
	}
	return q.Done(frame.SettingsPath("profile"), "Saved.")
}

func (q *request) savePassword() error {
	v, err := q.profileView()
	if err != nil {
		return err
	}
	v.Location = frame.SettingsPath("profile")
	password := q.R.PostForm.Get("new_password")
	if errs, ok := frame.FieldErrors(identity.CheckPassword(password)); ok {
		v.PasswordErrors = frame.FormErrors{"new_password": errs["password"] + errs.Form()}
		return q.Show(v)
	}
	if v.HasPassword { // as at sign-in, so that guessing is slowed down here too
		err = q.People.Authenticate(q.Context(), q.User.ID, q.R.PostForm.Get("current_password"), identity.SecondFactor{Code: q.Form("code")},
			q.Client(q.R))
	} else {
		err = credential.RequireFresh(q.Context(), q.Now())
	}
	if identity.NeedsSecondFactor(err) {
		v.PasswordErrors = frame.FormErrors{"code": "Required."}
		return q.Show(v)
	}
	var f *fault.Error
	if errors.As(err, &f) && (f.Code == fault.Unauthorized || f.Code == fault.TooManyRequests) {
		v.PasswordErrors = frame.FormErrors{"current_password": frame.Sentence(f.Message)}
		return q.Show(v)
	} else if err != nil {
		return err
	}
	if err := q.People.SetPassword(q.Context(), q.User.ID, password, q.Session.ID, q.Form("revoke_tokens") != "",
		q.Principal().Actor()); err != nil {
		return err
	}
	if q.Form("revoke_tokens") != "" {
		return q.Done(frame.SettingsPath("profile"), "The password was changed. You are signed out everywhere else, and your tokens are revoked.")
	}
	return q.Done(frame.SettingsPath("profile"), "The password was changed. You are signed out everywhere else.")
}

// ProfileView is the user's own name and password.
type ProfileView struct {
	frame.Page
	Name           string
	NameErrors     frame.FormErrors
	PasswordErrors frame.FormErrors
	HasPassword    bool
	Authenticator  bool // its code is asked for as well
	MinPassword    int
}
