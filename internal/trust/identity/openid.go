package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// OpenID is a provider of OpenID Connect where people may sign in.
type OpenID struct {
	Issuer       string
	ClientID     string
	ClientSecret vault.Secret
	Label        string // what the button says after "Continue with"
	RedirectURL  string // where the provider sends people back to
	Client       *http.Client

	mu       sync.Mutex
	provider *oidc.Provider // discovered at first use, so that a provider that is down affects only its own users
}

// OpenIDAccount is a person's account at a provider.
type OpenIDAccount struct {
	Issuer, Subject, Email string
	CreatedAt              time.Time
	userID                 string
}

// OpenIDAim is why a person goes to the provider: to sign in, unless it says otherwise.
type OpenIDAim struct {
	Next    string // where to go afterwards
	LinkTo  string // the person who links an account
	Confirm string // the session whose person proves again who they are
	Action  string // where the form goes that waits for that proof
}

// openIDStart is what a browser keeps while its person is at the provider.
type openIDStart struct {
	State, Nonce, Verifier string
	OpenIDAim
}

// openIDLife is how long a person may stay at the provider.
const openIDLife = 10 * time.Minute

// OpenIDClaims is what a provider says about a person.
type OpenIDClaims struct {
	Issuer, Subject, Email, Name string
	EmailVerified                bool
}

func (o *OpenID) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider == nil {
		// The provider's keys are fetched later with the same client, so its context must not end with this request.
		found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.Client), o.Issuer)
		if err != nil {
			return nil, nil, err
		}
		o.provider = found
	}
	return o.provider, &oauth2.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Endpoint: o.provider.Endpoint(),
		RedirectURL: o.RedirectURL, Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}, nil
}

// BeginOpenID returns the address at the provider to go to, and what the browser keeps meanwhile. It
// returns service_unavailable when the provider cannot be reached.
func (p *People) BeginOpenID(ctx context.Context, aim OpenIDAim) (at, kept string, err error) {
	_, config, err := p.OpenID.discover(ctx)
	if err != nil {
		return "", "", p.OpenID.unreachable(err)
	}
	s := openIDStart{credential.RandomText(32), credential.RandomText(32), oauth2.GenerateVerifier(), aim}
	if kept, err = p.seal("openid", s, openIDLife); err != nil {
		return "", "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier)}
	if aim.Confirm != "" { // that they are signed in at the provider proves nothing new
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return config.AuthCodeURL(s.State, options...), kept, nil
}

// unreachable and notWorkedOut show the person what happened, and log why.
func (o *OpenID) unreachable(cause error) error {
	return fmt.Errorf("%w: %w", fault.New(fault.Unavailable, "%s cannot be reached now; sign in another way, or try again later",
		o.Label), cause)
}

func notWorkedOut(cause error) error { return fmt.Errorf("%w: %w", errOpenID, cause) }

// errOpenID is the answer to anything that does not come from the provider for this browser.
var errOpenID = fault.New(fault.Unauthorized, "The sign-in at the provider did not work out; try again")

// FinishOpenID checks what a browser brings back from the provider, against what it kept. It returns
// unauthorized for anything that is not an answer to its own question.
func (p *People) FinishOpenID(ctx context.Context, kept, state, code string) (c OpenIDClaims, aim OpenIDAim, err error) {
	var s openIDStart
	if err := p.unseal("openid", kept, &s); err != nil {
		return c, aim, errOpenID
	}
	if state == "" || state != s.State { // the state is no secret of the server: the browser sent both
		return c, aim, errOpenID
	}
	if err := p.spendState(ctx, s.State); err != nil {
		return c, aim, err
	}
	c, err = p.openIDClaims(ctx, s, code)
	return c, s.OpenIDAim, err
}

// spendState makes sure that an answer is taken once, by whichever server gets it: the provider may let a code be
// exchanged again. It returns unauthorized the second time.
func (p *People) spendState(ctx context.Context, state string) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		now := p.Now()
		fresh, err := spend(ctx, tx, "openid "+state, store.Micros(now), store.Micros(now.Add(openIDLife)))
		if err == nil && !fresh {
			return errOpenID
		}
		return err
	})
}

func (p *People) openIDClaims(ctx context.Context, s openIDStart, code string) (c OpenIDClaims, err error) {
	if code == "" { // the person gave up, or the provider refused them
		return c, errOpenID
	}
	provider, config, err := p.OpenID.discover(ctx)
	if err != nil {
		return c, p.OpenID.unreachable(err)
	}
	token, err := config.Exchange(oidc.ClientContext(ctx, p.OpenID.Client), code, oauth2.VerifierOption(s.Verifier))
	if err != nil {
		return c, notWorkedOut(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.VerifierContext(oidc.ClientContext(context.WithoutCancel(ctx), p.OpenID.Client),
		&oidc.Config{ClientID: p.OpenID.ClientID, Now: p.Now}).Verify(ctx, raw)
	if err != nil {
		return c, notWorkedOut(err)
	}
	if id.Nonce != s.Nonce {
		return c, notWorkedOut(errors.New("another nonce"))
	}
	c = OpenIDClaims{Issuer: id.Issuer, Subject: id.Subject}
	var more struct {
		AuthorizedParty string `json:"azp"`

		Email         string `json:"email"`
		EmailVerified bool   `json:"email_verified"`
		Name          string `json:"name"`
		AuthTime      int64  `json:"auth_time"` // seconds; 0 where the provider does not say
	}
	if err := id.Claims(&more); err != nil {
		return c, notWorkedOut(err)
	}
	// OpenID Connect Core 3.1.3.7: a token for several audiences names who it was made for, and that must be us.
	if more.AuthorizedParty == "" && len(id.Audience) > 1 || more.AuthorizedParty != "" && more.AuthorizedParty != p.OpenID.ClientID {
		return c, notWorkedOut(errors.New("it was made for another client"))
	}
	if s.Confirm != "" && more.AuthTime != 0 && p.Now().Sub(time.Unix(more.AuthTime, 0)) > openIDLife {
		return c, notWorkedOut(errors.New("the provider did not ask the person again"))
	}
	if more.Email == "" { // some providers return it only here
		if info, err := provider.UserInfo(oidc.ClientContext(ctx, p.OpenID.Client),
			config.TokenSource(oidc.ClientContext(ctx, p.OpenID.Client), token)); err == nil && info.Subject == id.Subject {
			more.Email, more.EmailVerified = info.Email, info.EmailVerified
			_ = info.Claims(&more) // the name, where there is one
		}
	}
	c.Email, c.EmailVerified, c.Name = NormalizeEmail(more.Email), more.EmailVerified, strings.TrimSpace(more.Name)
	return c, nil
}

// OpenIDProof hands out, for a session, that its person has just proved at the provider who they are.
// The page that comes back from there sends it along with the pending form.
func (p *People) OpenIDProof(sessionID string) (string, error) {
	return p.seal("openid proof "+sessionID, true, secondStepLife)
}

// CheckOpenIDProof takes it back; invalid_request for anything other than what was handed out for the
// session.
func (p *People) CheckOpenIDProof(sessionID, proof string) error {
	var proved bool
	return p.unseal("openid proof "+sessionID, proof, &proved)
}

// ByOpenID finds the person whose account it is. It returns user_not_found where it is no one's, and
// unauthorized for a disabled person.
func (p *People) ByOpenID(ctx context.Context, c OpenIDClaims) (User, error) {
	found, err := selectOpenIDAccounts(ctx, p.DB, `issuer = $1 AND subject = $2`, c.Issuer, c.Subject)
	if err != nil {
		return User{}, err
	}
	if len(found) == 0 {
		return User{}, fault.Missing(fault.UserNotFound)
	}
	u, err := p.Get(ctx, p.DB, found[0].userID)
	if err == nil && !u.DisabledAt.IsZero() {
		return User{}, errOpenID
	}
	return u, err
}

// LinkOpenID lets a person sign in with an account at the provider. It returns invalid_request when
// it belongs to another person.
func (p *People) LinkOpenID(ctx context.Context, tx *store.Tx, userID string, c OpenIDClaims, by audit.Actor) error {
	if linked, err := insertOpenIDAccount(ctx, tx,
		OpenIDAccount{Issuer: c.Issuer, Subject: c.Subject, Email: c.Email, CreatedAt: p.Now(), userID: userID}); err != nil {
		return err
	} else if !linked {
		return fault.New(fault.InvalidRequest, "This account is linked already")
	}
	return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.openid_linked", SubjectID: userID,
		Detail: map[string]any{"issuer": c.Issuer}})
}

// UnlinkOpenID reverts that. It returns not_found, and invalid_request for the last sign-in method.
func (p *People) UnlinkOpenID(ctx context.Context, userID, issuer, subject string, by audit.Actor) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if gone, err := deleteOpenIDAccount(ctx, tx, userID, issuer, subject); err != nil {
			return err
		} else if !gone {
			return fault.New(fault.NotFound, "There is no such account")
		}
		if err := p.keepWayIn(ctx, tx, userID); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.openid_unlinked", SubjectID: userID,
			Detail: map[string]any{"issuer": issuer}})
	}, store.Instance)
}
