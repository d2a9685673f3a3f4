// Package user serves the people of an instance, and console sessions for scripts.
package user

import (
	"context"

	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

// User is a person, as served.
type User struct {
	ID         string   `json:"user_id"`
	Email      string   `json:"email"`
	Name       string   `json:"name"`
	IsOperator bool     `json:"is_operator"`
	DisabledAt rpc.Time `json:"disabled_at" rule:"nullable"`
	CreatedAt  rpc.Time `json:"created_at"`
}

// ConsoleSession is a script's session, as served.
type ConsoleSession struct {
	Token     string   `json:"token"`
	ExpiresAt rpc.Time `json:"expires_at"`
}

// OpenSession is one of a person's sessions, as listed.
type OpenSession struct {
	ID              string          `json:"console_session_id"`
	Kind            string          `json:"kind" enum:"browser script"`
	Method          identity.Method `json:"method" doc:"How the person signed in."`
	Address         string          `json:"address"`
	UserAgent       string          `json:"user_agent"`
	CreatedAt       rpc.Time        `json:"created_at"`
	AuthenticatedAt rpc.Time        `json:"authenticated_at" doc:"When the person last proved who they are."`
	LastSeenAt      rpc.Time        `json:"last_seen_at" doc:"To the minute."`
	ExpiresAt       rpc.Time        `json:"expires_at"`
	IsCurrent       bool            `json:"is_current"`
}

// Users serves identity.People.
type Users struct{ People *identity.People }

// Endpoints are the rows of /keyway/v1/users and /keyway/v1/console_sessions.
func (u *Users) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/keyway/v1/console_sessions/authenticate",
			Summary: "Proves again who one is, as some endpoints ask; the session goes on with the token of the answer, and the one sent ends.",
			Allow:   rpc.ConsoleSession, Workspace: rpc.Ignored, Returns: "console_session", Secret: true, Handle: rpc.Func(u.authenticate)},
		{Path: "/keyway/v1/console_sessions/create", Summary: "Signs a script in for an hour, by email address and password.", Allow: rpc.Public,
			Returns: "console_session", Secret: true, Handle: rpc.Func(u.createSession)},
		{Path: "/keyway/v1/console_sessions/list", Summary: "Lists one's own open sessions, of browsers and scripts.", Allow: rpc.ConsoleSession,
			Workspace: rpc.Ignored, Read: true, Returns: "console_sessions", Handle: rpc.Func(u.listSessions)},
		{Path: "/keyway/v1/console_sessions/revoke", Summary: "Ends one of one's own sessions; without an id, the one that the request is made " +
			"with.", Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Handle: rpc.Func(u.revokeSession)},
		{Path: "/keyway/v1/console_sessions/revoke_others", Summary: "Ends all of one's own sessions but the one that the request is made with.",
			Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Handle: rpc.Func(u.revokeOtherSessions)},
		{Path: "/keyway/v1/users/disable", Summary: "Shuts a person out, with all their tokens and sessions.", Allow: rpc.ConsoleSession,
			Workspace: rpc.Ignored, Role: rpc.Operator, Fresh: true, Handle: rpc.Func(u.disable)},
		{Path: "/keyway/v1/users/enable", Summary: "Lets a disabled person sign in again.", Allow: rpc.ConsoleSession, Workspace: rpc.Ignored,
			Role: rpc.Operator, Fresh: true, Handle: rpc.Func(u.enable)},
		{Path: "/keyway/v1/users/set_password", Summary: "Changes one's own password and ends one's other sessions.", Allow: rpc.ConsoleSession,
			Workspace: rpc.Ignored, Fresh: true, Handle: rpc.Func(u.setPassword)},
		{Path: "/keyway/v1/users/get_current", Summary: "Gets the person that the request acts for.", Allow: rpc.Person, Workspace: rpc.Ignored,
			Self: true, Read: true, Returns: "user", Handle: rpc.Func(u.getCurrent)},
	}
}

type createSessionInput struct {
	Email    string `json:"email" rule:"required" doc:"Who signs in."`
	Password string `json:"password" rule:"required" doc:"Their password."`
	secondInput
}

// secondInput is the second factor of a person who has one.
type secondInput struct {
	Code         string `json:"totp_code" doc:"The code that an authenticator app shows, of a person who set one up; each code is taken once."`
	RecoveryCode string `json:"recovery_code" doc:"Or one of their recovery codes; each is taken once."`
}

func (s secondInput) second() identity.SecondFactor {
	return identity.SecondFactor{Code: s.Code, RecoveryCode: s.RecoveryCode}
}

func (u *Users) createSession(ctx context.Context, in createSessionInput) (ConsoleSession, error) {
	c := rpc.ClientOf(ctx)
	who, err := u.People.SignIn(ctx, in.Email, in.Password, in.second(), c.Address)
	if err != nil {
		return ConsoleSession{}, err
	}
	how := identity.ByPassword
	if in.Code != "" || in.RecoveryCode != "" {
		how = identity.BySecondFactor
	}
	s, token, err := u.People.StartToken(ctx, who, how, c.Address, c.UserAgent)
	return ConsoleSession{Token: token, ExpiresAt: rpc.Time{Time: s.ExpiresAt}}, err
}

type authenticateInput struct {
	Password string `json:"password" rule:"required" doc:"One's own password."`
	secondInput
}

func (u *Users) authenticate(ctx context.Context, in authenticateInput) (ConsoleSession, error) {
	p := credential.From(ctx)
	if err := u.People.Authenticate(ctx, p.UserID, in.Password, in.second(), p.Address); err != nil {
		return ConsoleSession{}, err
	}
	s, token, err := u.People.RenewToken(ctx, p.CredentialID)
	return ConsoleSession{Token: token, ExpiresAt: rpc.Time{Time: s.ExpiresAt}}, err
}

func (u *Users) listSessions(ctx context.Context, _ rpc.None) ([]OpenSession, error) {
	p := credential.From(ctx)
	all, err := u.People.Sessions(ctx, p.UserID)
	out := make([]OpenSession, len(all))
	for i, s := range all {
		out[i] = OpenSession{ID: s.ID, Kind: "browser", Method: s.Method, Address: s.Address, UserAgent: s.UserAgent,
			CreatedAt:       rpc.Time{Time: s.CreatedAt},
			AuthenticatedAt: rpc.Time{Time: s.AuthenticatedAt}, LastSeenAt: rpc.Time{Time: s.SeenAt}, ExpiresAt: rpc.Time{Time: s.ExpiresAt},
			IsCurrent: s.ID == p.CredentialID}
		if s.IsScript {
			out[i].Kind = "script"
		}
	}
	return out, err
}

type sessionInput struct {
	ID string `json:"console_session_id" doc:"ID of the session; itself unless given."`
}

func (u *Users) revokeSession(ctx context.Context, in sessionInput) (rpc.OK, error) {
	p := credential.From(ctx)
	if in.ID == "" {
		in.ID = p.CredentialID
	}
	return rpc.OK{}, u.People.EndSessionOf(ctx, p.UserID, in.ID, p.Actor())
}

func (u *Users) revokeOtherSessions(ctx context.Context, _ rpc.None) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, u.People.EndOtherSessions(ctx, p.UserID, p.CredentialID, p.Actor())
}

func (u *Users) getCurrent(ctx context.Context, _ rpc.None) (User, error) {
	who, err := u.People.Get(ctx, u.People.DB, credential.From(ctx).UserID)
	return User{who.ID, who.Email, who.Name, who.IsOperator, rpc.Time{Time: who.DisabledAt}, rpc.Time{Time: who.CreatedAt}}, err
}

type setPasswordInput struct {
	Password     string `json:"password" rule:"required" doc:"The new one: at least 12 characters."`
	RevokeTokens bool   `json:"revoke_personal_access_tokens" rule:"default=false" doc:"Whether all of one's personal access tokens end as well, with the workspace keys made from them."`
}

func (u *Users) setPassword(ctx context.Context, in setPasswordInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, u.People.SetPassword(ctx, p.UserID, in.Password, p.CredentialID, in.RevokeTokens, p.Actor())
}

type idInput struct {
	ID string `json:"user_id" rule:"required" doc:"ID of the person."`
}

func (u *Users) disable(ctx context.Context, in idInput) (rpc.OK, error) {
	_, err := u.People.SetDisabled(ctx, in.ID, true, credential.From(ctx).Actor())
	return rpc.OK{}, err
}

func (u *Users) enable(ctx context.Context, in idInput) (rpc.OK, error) {
	_, err := u.People.SetDisabled(ctx, in.ID, false, credential.From(ctx).Actor())
	return rpc.OK{}, err
}
