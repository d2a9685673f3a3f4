package people

import (
	"errors"

	"keyway/internal/api/member"
	"keyway/internal/api/workspace"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/identity"
)

// minPassword is shown beside the fields; identity.CheckPassword decides.
const minPassword = 12

// dead reports whether a one-time link is no longer valid.
func dead(err error) bool { return fault.Is(err, fault.Unauthorized) }

func (q *request) setUp() error {
	empty, err := q.People.Empty(q.R.Context())
	if err != nil {
		return err
	}
	return q.Show(&SetUpView{Page: q.Alone("Set up"), MinPassword: minPassword, Done: !empty})
}

func (q *request) postSetUp() error {
	v := &SetUpView{Page: q.Alone("Set up"), Token: q.Form("token"), Name: q.Form("name"), Email: q.Form("email"), MinPassword: minPassword}
	ctx := q.R.Context()
	empty, err := q.People.Empty(ctx)
	if err != nil {
		return err
	}
	if !empty {
		v.Done = true
		return q.Show(v)
	}
	n, err := q.People.Prepare(ctx, v.Email, v.Name, q.R.PostForm.Get("password"))
	if errs, ok := frame.FieldErrors(err); ok {
		v.Errors = errs.OnlyFields("name", "email", "password")
		if v.Email == "" {
			v.Errors["email"] = "Required."
		}
		password := q.R.PostForm.Get("password")
		if errs, ok := frame.FieldErrors(identity.CheckPassword(password)); ok && v.Errors["password"] == "" {
			v.Errors["password"] = errs["password"] + errs.Form()
		}
		if password == "" {
			v.Errors["password"] = "Required."
		}
		return q.Show(v)
	} else if err != nil {
		return err
	}
	var u identity.User
	actor := audit.Actor{Kind: "setup", Address: q.Client(q.R)}
	err = q.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := q.People.UseLink(ctx, tx, identity.SetupLink, vault.Hide(v.Token)); err != nil {
			return err
		}
		if u, err = q.People.Create(ctx, tx, n, actor); err != nil {
			return err
		}
		by := actor
		by.UserID = u.ID
		_, err := q.Workspaces.Create(ctx, tx, workspace.New{Name: u.Name + "’s Sandbox", IsSandbox: true}, u.ID, by)
		return err
	}, store.Instance)
	if dead(err) {
		v.Wrong = true
		return q.Show(v)
	} else if err != nil {
		return err
	}
	if err := q.StartSession(u, identity.ByLink); err != nil {
		return err
	}
	return q.Done(frame.Root, "Welcome to Keyway.")
}

func (q *request) signIn() error {
	next := frame.LocalPath(q.R.URL.Query().Get("next"))
	if q.User != nil {
		return q.Redirect(next)
	}
	v := q.signInView(next)
	var err error
	if v.Fresh, err = q.People.Empty(q.R.Context()); err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) signInView(next string) *SignInView {
	v := &SignInView{Page: q.Alone("Sign in"), Next: next, Offer: q.PasskeyOffer(frame.ConsolePath("sign-in"))}
	if q.People.OpenID != nil {
		v.Provider = q.People.OpenID.Label
	}
	return v
}

// postSecondStep accepts the second factor of a person who gave the right password.
func (q *request) postSecondStep() error {
	v := q.signInView(frame.LocalPath(q.Form("next")))
	v.Step, v.Location = q.Form("step"), frame.ConsolePath("sign-in")
	second := identity.SecondFactor{Code: q.Form("code"), RecoveryCode: q.Form("recovery_code")}
	u, err := q.People.FinishSecondStep(q.R.Context(), v.Step, second)
	if f := new(fault.Error); errors.As(err, &f) && f.Status() < 500 {
		if f.Code == fault.InvalidRequest {
			v.Step = "" // start over with the password
		}
		v.Recovery = second.RecoveryCode != ""
		v.Errors = frame.FormErrors{"": frame.Sentence(f.Message)}
		if identity.NeedsSecondFactor(err) {
			v.Errors = frame.FormErrors{"code": "Required."}
		}
		return q.Show(v)
	} else if err != nil {
		return err
	}
	if err := q.StartSession(u, identity.BySecondFactor); err != nil {
		return err
	}
	return q.Redirect(v.Next)
}

func (q *request) postPasskeySignIn() error {
	u, err := q.People.SignInWithPasskey(q.R.Context(), q.Form("sealed"), q.Form("answer"), q.Client(q.R))
	if f := new(fault.Error); errors.As(err, &f) && f.Status() < 500 {
		return q.backToSignIn(err)
	} else if err != nil {
		return err
	}
	if err := q.StartSession(u, identity.ByPasskey); err != nil {
		return err
	}
	return q.Redirect(frame.LocalPath(q.Form("next")))
}

func (q *request) postSignIn() error {
	v := q.signInView(frame.LocalPath(q.Form("next")))
	v.Email = q.Form("email")
	u, err := q.People.SignIn(q.R.Context(), v.Email, q.R.PostForm.Get("password"), identity.SecondFactor{}, q.Client(q.R))
	if identity.NeedsSecondFactor(err) {
		v.Location = frame.ConsolePath("sign-in")
		if v.Step, err = q.People.BeginSecondStep(q.R.Context(), u); err != nil {
			return err
		}
		return q.Show(v)
	}
	var f *fault.Error
	if errors.As(err, &f) && (f.Code == fault.Unauthorized || f.Code == fault.TooManyRequests) {
		v.Errors = frame.FormErrors{"": frame.Sentence(f.Message)}
		return q.Show(v)
	} else if err != nil {
		return err
	}
	if err := q.StartSession(u, identity.ByPassword); err != nil {
		return err
	}
	return q.Redirect(v.Next)
}

func (q *request) postSignOut() error {
	if err := q.EndSession(); err != nil {
		return err
	}
	return q.Redirect(frame.ConsolePath("signed-out"))
}

func (q *request) signedOut() error {
	if q.User != nil {
		return q.Redirect(frame.Root)
	}
	return q.Show(&SignedOutView{Page: q.Alone("Signed out")})
}

func (q *request) invitation() error {
	v := &InvitationView{Page: q.Alone("Invitation")}
	return q.Show(v)
}

func (q *request) postInvitation() error {
	v := &InvitationView{Page: q.Alone("Invitation"), Token: q.Form("token"), Name: q.Form("name"), MinPassword: minPassword}
	secret := vault.Hide(v.Token)
	link, name, known, err := q.Members.Preview(q.R.Context(), secret)
	if dead(err) || fault.Is(err, fault.WorkspaceNotFound) {
		v.Gone = true
		return q.Show(v)
	} else if err != nil {
		return err
	}
	v.Email, v.Known, v.Workspaces = link.Email, known, []string{name}
	accept := member.Acceptance{Name: v.Name, Password: q.R.PostForm.Get("password"), Address: q.Client(q.R),
		Second: identity.SecondFactor{Code: q.Form("code")}}
	if q.User != nil {
		accept.SignedIn = q.User.ID
		v.SignedIn = identity.NormalizeEmail(link.Email) == q.User.Email
	}
	if q.Form("join") == "" {
		return q.Show(v)
	}
	u, err := q.Members.Accept(q.R.Context(), secret, accept)
	if errs, ok := frame.FieldErrors(err); ok {
		v.Errors = errs.OnlyFields("name", "password")
		return q.Show(v)
	}
	if identity.NeedsSecondFactor(err) {
		v.AsksCode = true
		v.Errors = frame.FormErrors{"": "Give your password again, and the code of your authenticator app."}
		return q.Show(v)
	}
	var f *fault.Error
	if errors.As(err, &f) && (f.Code == fault.Unauthorized || f.Code == fault.TooManyRequests) {
		v.AsksCode = accept.Second.Code != ""
		v.Errors = frame.FormErrors{"password": frame.Sentence(f.Message)}
		if f.Code == fault.Unauthorized && known && !v.AsksCode {
			v.Errors["password"] = "The password is wrong."
		}
		return q.Show(v)
	} else if err != nil {
		return err
	}
	if err := q.StartSession(u, identity.ByLink); err != nil {
		return err
	}
	return q.Done(frame.WorkspacePath(link.WorkspaceID, "devices"), "You are a member of %s now.", name)
}

// SetUpView is where the first person is made, reached by a one-time link.
type SetUpView struct {
	frame.Page
	Token       string // kept between tries
	Name        string
	Email       string
	MinPassword int
	Errors      frame.FormErrors
	Done        bool // the server has a first person already, or the link was used
	Wrong       bool // the link matches none that is open
}

// SignInView asks for email address and password, or for what comes after them.
type SignInView struct {
	frame.Page
	Fresh    bool // the server has no first person yet
	Email    string
	Next     string // where to go afterwards
	Offer    frame.PasskeyOffer
	Provider string // the label of the OpenID Connect provider; empty: there is none
	Step     string // the password was right, and the second factor is asked for
	Recovery bool   // by a recovery code
	Errors   frame.FormErrors
}

// InvitationView is where an invited person joins, reached by a one-time link.
type InvitationView struct {
	frame.Page
	Token       string
	Email       string // empty until the link has been looked at
	Name        string
	Workspaces  []string
	Known       bool // a person with this address exists and only has to give the password
	SignedIn    bool // that person is the one who looks
	AsksCode    bool // the password was right, and the code of the authenticator app is asked for
	Gone        bool // used, revoked or expired
	MinPassword int
	Errors      frame.FormErrors
}

// SignedOutView says goodbye.
type SignedOutView struct {
	frame.Page
}
