package console

import (
	"errors"

	"keyway/internal/api/member"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/identity"
)

// minPassword is told beside the fields; identity.CheckPassword decides.
const minPassword = 12

// dead tells whether a one-time link does not open anything any more.
func dead(err error) bool { return fault.Is(err, fault.Unauthorized) }

func (q *request) setUp() error {
	empty, err := q.People.Empty(q.r.Context())
	if err != nil {
		return err
	}
	return q.show(&SetUpView{Page: q.alone("Set up"), MinPassword: minPassword, Done: !empty})
}

// alone is the Page of a view outside the layout, whoever is signed in.
func (q *request) alone(title string) Page { return Page{Title: title, Flash: q.flash} }

func (q *request) postSetUp() error {
	v := &SetUpView{Page: q.alone("Set up"), Token: q.form("token"), Name: q.form("name"), Email: q.form("email"), MinPassword: minPassword}
	ctx := q.r.Context()
	empty, err := q.People.Empty(ctx)
	if err != nil {
		return err
	}
	if !empty {
		v.Done = true
		return q.show(v)
	}
	n, err := q.People.Prepare(ctx, v.Email, v.Name, q.r.PostForm.Get("password"))
	if errs, ok := formErrors(err); ok {
		v.Errors = errs.onlyFields("name", "email", "password")
		return q.show(v)
	} else if err != nil {
		return err
	}
	var u identity.User
	actor := audit.Actor{Kind: "setup", Address: q.Client(q.r)}
	err = q.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := q.People.UseLink(ctx, tx, identity.SetupLink, vault.Hide(v.Token)); err != nil {
			return err
		}
		if u, err = q.People.Create(ctx, tx, n, actor); err != nil {
			return err
		}
		by := actor
		by.UserID = u.ID
		_, err := q.Workspaces.Create(ctx, tx, workspace.New{Name: u.Name + "'s Sandbox", IsSandbox: true}, u.ID, by)
		return err
	}, store.Instance)
	if dead(err) {
		v.Done = true
		return q.show(v)
	} else if err != nil {
		return err
	}
	if err := q.startSession(u, identity.ByLink); err != nil {
		return err
	}
	return q.done(Root, "Welcome to Keyway.")
}

func (q *request) signIn() error {
	next := localPath(q.r.URL.Query().Get("next"))
	if q.user != nil {
		return q.redirect(next)
	}
	return q.show(q.signInView(next))
}

func (q *request) signInView(next string) *SignInView {
	v := &SignInView{Page: q.alone("Sign in"), Next: next, Offer: q.passkeyOffer(consolePath("sign-in"))}
	if q.People.OpenID != nil {
		v.Provider = q.People.OpenID.Label
	}
	return v
}

// postSecondStep takes the second factor of somebody who gave the right password.
func (q *request) postSecondStep() error {
	v := q.signInView(localPath(q.form("next")))
	v.Step, v.Location = q.form("step"), consolePath("sign-in")
	second := identity.SecondFactor{Code: q.form("code"), RecoveryCode: q.form("recovery_code")}
	u, err := q.People.FinishSecondStep(q.r.Context(), v.Step, second)
	if f := new(fault.Error); errors.As(err, &f) && f.Status() < 500 {
		if f.Code == fault.InvalidRequest {
			v.Step = "" // begin anew, with the password
		}
		v.Recovery = second.RecoveryCode != ""
		v.Errors = FormErrors{"": sentence(f.Message)}
		if identity.NeedsSecondFactor(err) {
			v.Errors = FormErrors{"code": "This is needed."}
		}
		return q.show(v)
	} else if err != nil {
		return err
	}
	if err := q.startSession(u, identity.BySecondFactor); err != nil {
		return err
	}
	return q.redirect(v.Next)
}

func (q *request) postPasskeySignIn() error {
	u, err := q.People.SignInWithPasskey(q.r.Context(), q.form("sealed"), q.form("answer"), q.Client(q.r))
	if f := new(fault.Error); errors.As(err, &f) && f.Status() < 500 {
		return q.backToSignIn(err)
	} else if err != nil {
		return err
	}
	if err := q.startSession(u, identity.ByPasskey); err != nil {
		return err
	}
	return q.redirect(localPath(q.form("next")))
}

func (q *request) postSignIn() error {
	v := q.signInView(localPath(q.form("next")))
	v.Email = q.form("email")
	u, err := q.People.SignIn(q.r.Context(), v.Email, q.r.PostForm.Get("password"), identity.SecondFactor{}, q.Client(q.r))
	if identity.NeedsSecondFactor(err) {
		v.Location = consolePath("sign-in")
		if v.Step, err = q.People.BeginSecondStep(q.r.Context(), u); err != nil {
			return err
		}
		return q.show(v)
	}
	var f *fault.Error
	if errors.As(err, &f) && (f.Code == fault.Unauthorized || f.Code == fault.TooManyRequests) {
		v.Errors = FormErrors{"": sentence(f.Message)}
		return q.show(v)
	} else if err != nil {
		return err
	}
	if err := q.startSession(u, identity.ByPassword); err != nil {
		return err
	}
	return q.redirect(v.Next)
}

func (q *request) postSignOut() error {
	if err := q.endSession(); err != nil {
		return err
	}
	return q.redirect(consolePath("signed-out"))
}

func (q *request) signedOut() error {
	if q.user != nil {
		return q.redirect(Root)
	}
	return q.show(&SignedOutView{Page: q.alone("Signed out")})
}

func (q *request) invitation() error {
	v := &InvitationView{Page: q.alone("Invitation")}
	return q.show(v)
}

func (q *request) postInvitation() error {
	v := &InvitationView{Page: q.alone("Invitation"), Token: q.form("token"), Name: q.form("name"), MinPassword: minPassword}
	secret := vault.Hide(v.Token)
	link, name, known, err := q.Members.Preview(q.r.Context(), secret)
	if dead(err) || fault.Is(err, fault.WorkspaceNotFound) {
		v.Gone = true
		return q.show(v)
	} else if err != nil {
		return err
	}
	v.Email, v.Known, v.Workspaces = link.Email, known, []string{name}
	accept := member.Acceptance{Name: v.Name, Password: q.r.PostForm.Get("password"), Address: q.Client(q.r), Second: identity.SecondFactor{Code: q.form("code")}}
	if q.user != nil {
		accept.SignedIn = q.user.ID
		v.SignedIn = identity.NormalizeEmail(link.Email) == q.user.Email
	}
	if q.form("join") == "" {
		return q.show(v)
	}
	u, err := q.Members.Accept(q.r.Context(), secret, accept)
	if errs, ok := formErrors(err); ok {
		v.Errors = errs.onlyFields("name", "password")
		return q.show(v)
	}
	if identity.NeedsSecondFactor(err) {
		v.AsksCode = true
		v.Errors = FormErrors{"": "Give your password again, and the code of your authenticator app."}
		return q.show(v)
	}
	var f *fault.Error
	if errors.As(err, &f) && (f.Code == fault.Unauthorized || f.Code == fault.TooManyRequests) {
		v.AsksCode = accept.Second.Code != ""
		v.Errors = FormErrors{"password": sentence(f.Message)}
		if f.Code == fault.Unauthorized && known && !v.AsksCode {
			v.Errors["password"] = "The password is wrong."
		}
		return q.show(v)
	} else if err != nil {
		return err
	}
	if err := q.startSession(u, identity.ByLink); err != nil {
		return err
	}
	return q.done(workspacePath(link.WorkspaceID, "devices"), "You are a member of %s now.", name)
}

func (q *request) home() error {
	if q.current == nil {
		return q.show(&NoWorkspaceView{Page: q.base(AreaWorkspace, "", "No workspace")})
	}
	return q.forward(workspacePath(q.current.ID, "devices"))
}

// forward leads on from an address that has no page, with the message that was to be shown there.
func (q *request) forward(to string) error {
	if q.flash != nil {
		q.setFlash(*q.flash)
	}
	return q.redirect(to)
}
