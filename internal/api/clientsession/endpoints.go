package clientsession

import (
	"context"
	"net/http"
	"strings"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of /client_sessions.
func (s *Sessions) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/client_sessions/create", Summary: "Makes a client session. With PUT, a user who has one gets it.",
			Allow: rpc.Backend | rpc.PublishableKey, Role: rpc.Member, Fresh: true, Verbs: "PUT", Returns: "client_session", Secret: true,
			Handle: rpc.Func(s.createOne)},
		{Path: "/client_sessions/delete", Summary: "Ends a client session and forgets it.", Allow: rpc.Backend, Role: rpc.Member, Verbs: "DELETE",
			Handle: rpc.Func(s.delete)},
		{Path: "/client_sessions/get", Summary: "Gets a client session; without a parameter, the one that asks.", Allow: rpc.Frontend,
			Role: rpc.Member, Read: true, Returns: "client_session", Secret: true, Handle: rpc.Func(s.getOne)},
		{Path: "/client_sessions/get_or_create", Summary: "Gets the client session of a user, or makes it.",
			Allow: rpc.Backend | rpc.PublishableKey, Role: rpc.Member, Fresh: true, Verbs: "PUT", Returns: "client_session", Secret: true,
			Handle: rpc.Func(s.getOrCreate)},
		{Path: "/client_sessions/grant_access", Summary: "Gives a client session access to more.", Allow: rpc.Backend, Role: rpc.Member,
			Fresh: true, Verbs: "PATCH", Returns: "client_session", Secret: true, Handle: rpc.Func(s.grantAccess)},
		{Path: "/client_sessions/list", Summary: "Lists client sessions.", Allow: rpc.Backend, Role: rpc.Member, Read: true,
			Returns: "client_sessions", Secret: true, Handle: rpc.Func(s.list)},
		{Path: "/client_sessions/revoke", Summary: "Ends a client session; it stays in the list.", Allow: rpc.Backend, Role: rpc.Member,
			Handle: rpc.Func(s.revoke)},
	}
}

type grantsInput struct {
	AccountIDs      []string          `json:"connected_account_ids" rule:"default=[]" doc:"Connected accounts that it reaches."`
	WebviewIDs      []string          `json:"connect_webview_ids" rule:"default=[]" doc:"Connect Webviews that it reaches, with the accounts that they connect."`
	UserIdentityID  string            `json:"user_identity_id" doc:"The user identity that it acts for. Keyway has no user identities yet: no id is known."`
	UserIdentityIDs rpc.Opt[[]string] `json:"user_identity_ids" rule:"min=1,max=1" doc:"The older form of user_identity_id."`
}

func (in grantsInput) grants() Grants {
	g := Grants{AccountIDs: in.AccountIDs, WebviewIDs: in.WebviewIDs, UserIdentityIDs: in.UserIdentityIDs.Value}
	if in.UserIdentityID != "" {
		g.UserIdentityIDs = append(g.UserIdentityIDs, in.UserIdentityID)
	}
	return g
}

type getOrCreateInput struct {
	grantsInput
	UserIdentifierKey rpc.Opt[string]    `json:"user_identifier_key" rule:"min=1,max=500" doc:"Your own id of the user; with a publishable key it must be given."`
	ExpiresAt         rpc.Opt[time.Time] `json:"expires_at" doc:"When it expires; after one year unless given."`
}

type createInput struct {
	getOrCreateInput
	CustomerKey rpc.Opt[string] `json:"customer_key" rule:"min=1,max=500" doc:"The customer whose things it reaches, and no others."`
	CustomerID  string          `json:"customer_id" doc:"Not used: Keyway knows customers by customer_key."`
}

// wanted is what a session shall be made of. A publishable key may make a session for a user and
// nothing else, since everyone can read it: the errors are publishable_key_requires_user_identifier_key,
// publishable_keys_must_create_empty_client_sessions, and too_many_requests.
func (s *Sessions) wanted(ctx context.Context, in createInput) (New, error) {
	n := New{UserIdentifierKey: in.UserIdentifierKey.Value, CustomerKey: in.CustomerKey.Value, ExpiresAt: in.ExpiresAt.Value,
		Grants: in.grants()}
	if in.CustomerID != "" {
		return n, fault.Invalid("customer_id", "Keyway knows customers by customer_key")
	}
	p := credential.From(ctx)
	if p.Kind != rpc.PublishableKey {
		return n, nil
	}
	if err := s.Limit.Admit(p.WorkspaceID+"\x00"+credential.Network(rpc.ClientOf(ctx).Address),
		"Too many client sessions were asked for from this address; try again later"); err != nil {
		return n, err
	}
	n.KeepEnd = true
	if n.UserIdentifierKey == "" {
		n.UserIdentifierKey = p.Reach.UserIdentifierKey
	}
	switch {
	case strings.TrimSpace(n.UserIdentifierKey) == "": // blank, it would be one user's session for all
		return n, fault.New(fault.UserIdentifierKeyMissing, "With a publishable key, user_identifier_key must be given")
	case !n.empty() || n.CustomerKey != "":
		return n, fault.New(fault.SessionMustBeEmpty,
			"With a publishable key, a client session is made without accounts, webviews, user identities and customer; grant access to it from "+
				"your server")
	}
	return n, nil
}

func (s *Sessions) createOne(ctx context.Context, in createInput) (Session, error) {
	n, err := s.wanted(ctx, in)
	if err != nil {
		return Session{}, err
	}
	if rpc.Method(ctx) == http.MethodPut && n.UserIdentifierKey != "" {
		return s.GetOrCreate(ctx, credential.From(ctx).WorkspaceID, n)
	}
	return s.Create(ctx, credential.From(ctx).WorkspaceID, n)
}

func (s *Sessions) getOrCreate(ctx context.Context, in getOrCreateInput) (Session, error) {
	n, err := s.wanted(ctx, createInput{getOrCreateInput: in})
	if err != nil {
		return Session{}, err
	}
	return s.GetOrCreate(ctx, credential.From(ctx).WorkspaceID, n)
}

type getInput struct {
	ID                string `json:"client_session_id" doc:"ID of the client session."`
	UserIdentifierKey string `json:"user_identifier_key" doc:"Or whose: the user's latest that is alive."`
}

func (s *Sessions) getOne(ctx context.Context, in getInput) (Session, error) {
	p := credential.From(ctx)
	switch {
	case p.Reach != nil && p.Reach.IsSession:
		// A session sees itself and no other.
		own, err := s.get(ctx, s.DB, p.WorkspaceID, p.CredentialID)
		if err == nil && (in.ID != "" && in.ID != own.ID || in.UserIdentifierKey != "" && in.UserIdentifierKey != p.Reach.UserIdentifierKey) {
			return Session{}, fault.Missing(fault.ClientSessionNotFound)
		}
		return own, err
	case in.ID != "":
		return s.get(ctx, s.DB, p.WorkspaceID, in.ID)
	case in.UserIdentifierKey != "":
		id, err := s.alike(ctx, s.DB, p.WorkspaceID, New{UserIdentifierKey: in.UserIdentifierKey, AnyMaker: true})
		if err != nil {
			return Session{}, err
		}
		return s.get(ctx, s.DB, p.WorkspaceID, id)
	}
	return Session{}, fault.Invalid("client_session_id", "Required")
}

type grantInput struct {
	grantsInput
	ID                string `json:"client_session_id" doc:"ID of the client session."`
	UserIdentifierKey string `json:"user_identifier_key" doc:"Without client_session_id: whose. With it: the user that a session without one is for."`
}

func (s *Sessions) grantAccess(ctx context.Context, in grantInput) (Session, error) {
	if in.ID == "" && in.UserIdentifierKey == "" {
		return Session{}, fault.Invalid("client_session_id", "Required")
	}
	return s.GrantAccess(ctx, credential.From(ctx).WorkspaceID, in.ID, in.UserIdentifierKey, in.grants())
}

type listInput struct {
	ID                       string          `json:"client_session_id" doc:"Only this one."`
	WebviewID                rpc.Opt[string] `json:"connect_webview_id" rule:"nullable" doc:"Only those that were given this Connect Webview; null: none."`
	UserIdentifierKey        string          `json:"user_identifier_key" doc:"Only those of this user."`
	UserIdentityID           rpc.Opt[string] `json:"user_identity_id" rule:"nullable" doc:"Only those of this user identity; null: of none."`
	WithoutUserIdentifierKey bool            `json:"without_user_identifier_key" rule:"default=false" doc:"Only those that are no user's."`
}

func (s *Sessions) list(ctx context.Context, in listInput) ([]Session, error) {
	return s.List(ctx, credential.From(ctx).WorkspaceID, Filter(in))
}

type idInput struct {
	ID string `json:"client_session_id" rule:"required" doc:"ID of the client session."`
}

func (s *Sessions) revoke(ctx context.Context, in idInput) (rpc.OK, error) {
	return rpc.OK{}, s.Revoke(ctx, credential.From(ctx).WorkspaceID, in.ID)
}

func (s *Sessions) delete(ctx context.Context, in idInput) (rpc.OK, error) {
	return rpc.OK{}, s.Delete(ctx, credential.From(ctx).WorkspaceID, in.ID)
}
