// Package credential makes, reads and verifies the tokens that are sent as bearers, and says who
// a request acts for.
package credential

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/grant"
)

// Principal is who a request acts for.
type Principal struct {
	Kind         rpc.Allow // one kind
	CredentialID string    // of the token, key or session
	TokenID      string    // the personal access token: itself, or a workspace key's parent
	UserID       string    // empty for an API key, which acts for its workspace
	WorkspaceID  string    // empty where the request is about no workspace
	Role         rpc.Role  // in the workspace
	IsOperator   bool
	IsSandbox    bool // of the workspace
	Address      string
	Reach        *Reach // of a client session, or a token limited to devices; nil: the whole workspace
	Chain        Chain  // of a personal access token or workspace key
	// AuthenticatedAt is when the person of a console session last proved who they are.
	AuthenticatedAt time.Time
	maker           Maker           // of a client session
	device          func(id string) // is notified of devices that are named; nil: nothing asks
}

// NoteDevice notes that the running request named a device that the caller reaches, for advice about
// the caller's token.
func NoteDevice(ctx context.Context, id string) {
	if p := From(ctx); p.device != nil && id != "" {
		p.device(id)
	}
}

// Actor is the principal as the audit log names it.
func (p Principal) Actor() audit.Actor {
	return audit.Actor{Kind: p.Kind.String(), UserID: p.UserID, CredentialID: p.CredentialID, Address: p.Address}
}

// FreshFor is how long a proof of a person's identity counts as fresh.
const FreshFor = 10 * time.Minute

// RequireFresh requires of a console session that its person proved who they are within FreshFor: for
// endpoints and pages that need it only sometimes (the others say so in their row). It returns
// forbidden with error.data.reason fresh_authentication.
func RequireFresh(ctx context.Context, now time.Time) error { return From(ctx).requireFresh(now) }

func (p Principal) requireFresh(now time.Time) error {
	if p.Kind != rpc.ConsoleSession || now.Sub(p.AuthenticatedAt) <= FreshFor {
		return nil
	}
	return fault.Reason(fault.Forbidden, "fresh_authentication", "Prove again who you are: this needs a sign-in within the last %d minutes",
		int(FreshFor.Minutes()))
}

type principalKey struct{}

// From is who the running request acts for.
func From(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

// With returns a context that acts for p: for commands and pages, which know their person already.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// Facts is everything that verification asks of the database about one credential in one
// workspace, in one query.
type Facts struct {
	ID, TokenID, UserID string
	Kind                Kind
	KeyID               string
	Digest              []byte
	ExpiresAt           time.Time
	RevokedAt           time.Time
	UserDisabled        bool
	IsOperator          bool
	WorkspaceID         string   // empty: unknown or deleted
	Role                rpc.Role // NoRole: not a member
	IsSandbox           bool
	IsSuspended         bool
	Generation          uint64    // of the workspace, where the query reads it
	Reach               *Reach    // of a client session, or a token limited to devices
	Chain               Chain     // of a personal access token or workspace key
	AuthenticatedAt     time.Time // of a console session
	Succession
	policy      policyFacts
	maker       Maker // of a client session
	isMakerGone bool  // a client session's person is disabled, or no longer a member
}

// Sessions knows the console's sessions.
type Sessions interface {
	// SessionID is the session that a token names; ok is false when its signature is wrong.
	SessionID(token string) (id string, ok bool)
	// SessionFacts reads a session and its person's membership of the workspace (empty: none is
	// meant). ok is false for an unknown one.
	SessionFacts(ctx context.Context, id, workspaceID string) (f Facts, ok bool, err error)
}

// Verifier finds out who calls. It is the API's rpc.Authenticator.
type Verifier struct {
	DB       *store.DB
	Vault    *vault.Vault
	Sessions Sessions
	Usage    *Usage
	Now      func() time.Time
	// PublicURL is where the Console is: a page from anywhere else must not use tokens.
	PublicURL string
	// BrowserInSandbox lets pages of other origins use tokens in sandbox workspaces.
	BrowserInSandbox bool
	// Watcher is notified of how personal access tokens are used; nil: no notifications.
	Watcher Watcher
	// Guesses limits the unknown tokens that an address may try, Rate the requests with each token.
	// Nil: no limit.
	Guesses, Rate *Limiter
	Unproved      *prometheus.CounterVec // may be nil: see NewUnproved
	known         *otter.Cache[string, cached]
}

// cached facts are valid for the generation that was current before they were read.
type cached struct {
	facts      Facts
	generation uint64
}

// NewVerifier completes a Verifier.
func NewVerifier(v Verifier) *Verifier {
	v.known = otter.Must(&otter.Options[string, cached]{MaximumSize: 20_000})
	return &v
}

// errUnknown is the one answer to anyone who has not proved possession of a credential, and for a
// workspace that the credential does not open.
var errUnknown = fault.New(fault.Unauthorized,
	"The credential is not valid, or does not open the workspace that the seam-workspace header names")

var errNone = fault.New(fault.Unauthorized, "No credential: send one as `Authorization: Bearer …`")

var errAPIKeyHeader = fault.New(fault.Unauthorized,
	"No credential: the seam-api-key header is not read; send the API key or personal access token as `Authorization: Bearer …`")

var errNoWorkspace = fault.New(fault.Unauthorized,
	"A personal access token or console session needs the seam-workspace header here, with a workspace id")

// Authenticate reads the request's credential and finds out who it stands for. It returns
// unauthorized for anyone who cannot prove possession, the same in every case; with a reason in
// error.data for a good secret that no longer works; forbidden for a good token that may not do this;
// invalid_request for two credentials, or two workspaces, in one request.
func (v *Verifier) Authenticate(ctx context.Context, r *http.Request, e *rpc.Endpoint) (_ context.Context, caller rpc.Caller, err error) {
	sent, err := readHeaders(r.Header)
	if err != nil {
		return ctx, caller, err
	}
	workspaceID := sent.workspaceID
	if e.Workspace == rpc.Ignored {
		workspaceID = ""
	}
	f, kind, err := v.facts(ctx, sent, workspaceID, e)
	if err != nil {
		return ctx, caller, err
	}
	if f.ID == "" || f.Chain.isDecoy() {
		return ctx, caller, v.refuse(ctx, sent, f, kind, workspaceID, e)
	}
	// From here on the caller has proved possession.
	caller.CredentialID, caller.PersonID, caller.ExpiresAt = f.ID, f.UserID, f.ExpiresAt
	defer func() { err = v.watch(ctx, f, kind, caller.WorkspaceID, e, err) }()
	if f.Role > rpc.NoRole {
		caller.WorkspaceID = f.WorkspaceID // for the log, and for the explanation of a refusal
	}
	if kind == rpc.ConsoleSession {
		caller.ExpiresAt = time.Time{}
	}
	if err := v.admit(ctx, r, f, kind, workspaceID, e); err != nil {
		return ctx, caller, err
	}
	p := v.principal(ctx, f, kind, e)
	if err := v.authorize(ctx, f, e, &p); err != nil {
		return ctx, caller, err
	}
	caller.WorkspaceID = p.WorkspaceID
	caller.Generation, caller.Known = f.Generation, p.WorkspaceID != ""
	if p.Reach != nil {
		caller.View = p.Reach.view
	}
	if kind&(sessions|rpc.PublishableKey) != 0 {
		// What a session sees is as it was at f.Generation.
	} else if n, ok := v.DB.Generation(store.Workspace(p.WorkspaceID)); ok {
		caller.Generation = n
	}
	if kind&(rpc.ConsoleSession|sessions|rpc.PublishableKey) == 0 {
		v.Usage.Touch(f.ID, v.Now(), p.Address, r.UserAgent(), p.WorkspaceID, e.Path)
		if f.Kind == WorkspaceKey { // which acts as its token
			v.Usage.Touch(f.TokenID, v.Now(), p.Address, r.UserAgent(), p.WorkspaceID, e.Path)
		}
	}
	return With(ctx, p), caller, nil
}

// refuse is the answer to a caller that has not proved possession of a credential, and also to one that has a decoy, who must
// not notice that it is watched.
func (v *Verifier) refuse(ctx context.Context, sent sent, f Facts, kind rpc.Allow, workspaceID string, e *rpc.Endpoint) error {
	if f.ID != "" && v.Watcher != nil {
		if err := v.Watcher.DecoyUsed(ctx, f.TokenID, usedBy(ctx, f, kind)); err != nil {
			return err
		}
	}
	if err := v.unproved(ctx, sent); err != nil {
		return err
	}
	if kind&sessions != 0 {
		return fault.Unknown(fault.ClientSessionNotFound)
	}
	if kind&rpc.Person != 0 && workspaceID == "" && e.Workspace == rpc.Required {
		return errNoWorkspace // also for an unknown token: it reveals nothing about any
	}
	return errUnknown
}

// admit refuses a credential that has ended or is used too often, and one that the endpoint, the page it comes from or the
// workspace does not accept.
func (v *Verifier) admit(ctx context.Context, r *http.Request, f Facts, kind rpc.Allow, workspaceID string, e *rpc.Endpoint) error {
	if err := alive(f, v.Now()); err != nil {
		return err
	}
	if From(ctx).CredentialID != f.ID { // a stream that asks again is one request
		if err := v.pace(f, kind); err != nil {
			return err
		}
	}
	if e.Allow&kind == 0 {
		return fault.New(fault.Unauthorized, "This endpoint does not take this kind of credential (%s)", kind)
	}
	if kind&(rpc.ConsoleSession|sessions|rpc.PublishableKey) == 0 && v.fromForeignPage(r) &&
		!(v.BrowserInSandbox && f.IsSandbox && f.Role > rpc.NoRole) {
		return fault.Reason(fault.Forbidden, "browser",
			"A secret token arrived from a web page; use a client session in browsers, and keep this token on servers")
	}
	return v.checkWorkspace(f, e, kind, kind&rpc.Person != 0, workspaceID, r.Header)
}

// principal is who a request acts for.
func (v *Verifier) principal(ctx context.Context, f Facts, kind rpc.Allow, e *rpc.Endpoint) Principal {
	p := Principal{
		Kind: kind, CredentialID: f.ID, TokenID: f.TokenID, UserID: f.UserID, WorkspaceID: f.WorkspaceID,
		Role: f.Role, IsOperator: f.IsOperator, IsSandbox: f.IsSandbox, Address: rpc.ClientOf(ctx).Address, Reach: f.Reach, Chain: f.Chain,
		AuthenticatedAt: f.AuthenticatedAt, maker: f.maker,
	}
	if v.Watcher != nil && len(f.Chain) > 0 {
		family := f.Chain[0].FamilyID
		p.device = func(id string) { v.Watcher.UsedDevice(family, id, v.Now()) }
	}
	if e.Workspace == rpc.Forbidden || e.Workspace == rpc.Ignored && kind&rpc.Person != 0 {
		p.WorkspaceID, p.Role = "", rpc.NoRole
	}
	return p
}

// authorize refuses what the role, the tokens' limits or the age of the sign-in do not allow.
func (v *Verifier) authorize(ctx context.Context, f Facts, e *rpc.Endpoint, p *Principal) error {
	if e.Role == rpc.Operator && !f.IsOperator {
		return fault.Reason(fault.Forbidden, "role", "Only an operator of this server may do this")
	}
	if p.WorkspaceID != "" && e.Role < rpc.Operator && p.Role < e.Role {
		return fault.Reason(fault.Forbidden, "role", "This needs the role %s in the workspace", e.Role)
	}
	if err := v.allow(ctx, f, e, p); err != nil {
		if p.Kind&sessions != 0 {
			err = withoutDetails(err)
		}
		return err
	}
	if e.Fresh {
		return p.requireFresh(v.Now())
	}
	return nil
}

// allow judges a request with the limits of the tokens that it is made with, cheapest first, and
// spends a use of those that have only so many.
func (v *Verifier) allow(ctx context.Context, f Facts, e *rpc.Endpoint, p *Principal) error {
	if len(f.Chain) == 0 {
		return nil
	}
	now := v.Now()
	if !e.Self { // whatever its scopes and workspaces, a token may ask about itself, and end itself
		if err := f.Chain.allow(e, p.WorkspaceID, f.IsSandbox); err != nil {
			return err
		}
		if err := v.checkPolicy(ctx, f, p.Address); err != nil {
			return err
		}
	}
	if err := f.Chain.allowNow(p.Address, now); err != nil {
		return err
	}
	if f.Reach != nil && f.Reach.DeviceIDs != nil && !e.ByDevice && !e.Self {
		return fault.Reason(fault.Forbidden, "scope", "The token is limited to devices, and this endpoint is about more than these")
	}
	if From(ctx).CredentialID == f.ID { // asked again, for a stream
		return f.Chain.hasUses(ctx, v.DB)
	}
	return f.Chain.spendUse(ctx, v.DB)
}

// sessions are the two kinds of client sessions.
const sessions = rpc.ClientSession | rpc.CustomerSession

// sent is what a request's headers say of who calls.
type sent struct {
	token             string // empty: a publishable key was sent
	publishableKey    string
	userIdentifierKey string // beside a publishable key, where it is not in the body
	workspaceID       string
}

// readHeaders takes credential and workspace from the headers. Empty values count as absent,
// since some SDKs always send them; two values are never settled by order. It returns
// invalid_client_session_token for a client session header that contains something else.
func readHeaders(h http.Header) (s sent, err error) {
	single := func(name string) string {
		var found []string
		for _, v := range h.Values(name) {
			if v = strings.TrimSpace(v); v != "" {
				found = append(found, v)
			}
		}
		if len(found) > 1 && err == nil {
			err = fault.New(fault.InvalidRequest, "The %s header was sent more than once", name)
		}
		return strings.Join(found, "")
	}
	authorization := single("Authorization")
	s.workspaceID = rpc.CanonicalID(single("Seam-Workspace"))
	scheme, bearer, _ := strings.Cut(authorization, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		s.token = bearer
	case strings.EqualFold(scheme, "Basic"): // a proxy's, and nothing that the API knows
		authorization = ""
	}
	first, none := "Authorization", errNone
	for _, name := range []string{"Client-Session-Token", "Seam-Client-Session-Token", "Seam-Api-Key", "Seam-Publishable-Key"} {
		other := single(name)
		switch {
		case other == "":
		case authorization == "" && s.token == "" && name == "Seam-Publishable-Key":
			s.publishableKey = other
		case authorization == "" && s.token == "" && name != "Seam-Api-Key":
			if !strings.HasPrefix(other, "seam_cst") && err == nil {
				err = fault.New(fault.InvalidClientSession, "The %s header does not hold a client session token", strings.ToLower(name))
			}
			s.token, first = other, name
		case authorization == "" && s.token == "":
			none = errAPIKeyHeader
		case other != s.token && err == nil:
			err = fault.New(fault.InvalidRequest, "Two different credentials were sent, in the %s and %s headers", first, strings.ToLower(name))
		}
	}
	if s.publishableKey != "" {
		if s.userIdentifierKey = single("Seam-User-Identifier-Key"); s.userIdentifierKey == "" {
			s.userIdentifierKey = single("User-Identifier-Key")
		}
	}
	if err == nil && s.token == "" && s.publishableKey == "" {
		err = none
	}
	return s, err
}

// facts reads what is known of a token. Without a right secret the facts have no id, whatever the
// database contains.
func (v *Verifier) facts(ctx context.Context, s sent, workspaceID string, e *rpc.Endpoint) (Facts, rpc.Allow, error) {
	if s.publishableKey != "" {
		f, err := v.publishableFacts(ctx, s, e)
		return f, rpc.PublishableKey, err
	}
	token := s.token
	if strings.HasPrefix(token, "ey") {
		id, ok := v.Sessions.SessionID(token)
		if !ok {
			return Facts{}, rpc.ConsoleSession, nil
		}
		f, ok, err := v.cached(ctx, "session "+id, workspaceID, func() (Facts, bool, error) {
			return v.Sessions.SessionFacts(ctx, id, workspaceID)
		})
		if err != nil || !ok {
			return Facts{}, rpc.ConsoleSession, err
		}
		return f, rpc.ConsoleSession, nil
	}
	p, err := Parse(token)
	if err != nil {
		kind := rpc.APIKey
		switch {
		case strings.HasPrefix(token, "seam_at"):
			kind = rpc.PersonalAccessToken
		case strings.HasPrefix(token, "seam_cst"):
			kind = rpc.ClientSession
		}
		return Facts{}, kind, nil
	}
	if p.IsClientSession {
		f, ok, err := v.session(ctx, p.Short)
		if err != nil || !ok || !v.Vault.Matches(f.KeyID, p.Secret.Reveal(), f.Digest) {
			return Facts{}, rpc.ClientSession, err
		}
		if f.Reach.CustomerKey != "" {
			return f, rpc.CustomerSession, nil
		}
		return f, rpc.ClientSession, nil
	}
	// What is remembered is found by the whole token, and what is stored by its digest: so it takes as
	// long to refuse a wrong secret as a token that does not exist.
	whole := sha256.Sum256([]byte(p.Secret.Reveal()))
	f, ok, err := v.cached(ctx, string(whole[:]), workspaceID, func() (Facts, bool, error) {
		return read(ctx, v.DB, p.Short, workspaceID, v.Vault.Digests(p.Secret.Reveal()))
	})
	kind := rpc.APIKey
	switch {
	case p.IsPAT:
		kind = rpc.PersonalAccessToken
	case f.Kind == WorkspaceKey:
		kind = rpc.WorkspaceKey
	}
	if err != nil || !ok || !v.Vault.Matches(f.KeyID, p.Secret.Reveal(), f.Digest) {
		return Facts{}, kind, err
	}
	if f.KeyID != v.Vault.KeyID() {
		keyID, sum := v.Vault.NewDigest(p.Secret.Reveal())
		v.Usage.Digested(f.ID, keyID, sum)
	}
	return f, kind, nil
}

// publishableFacts are those of a publishable key. It is no secret, so it proves nothing but what its
// workspace lets everyone do. It returns invalid_publishable_key for an unknown one, and with a
// reason where the workspace takes none.
func (v *Verifier) publishableFacts(ctx context.Context, s sent, e *rpc.Endpoint) (Facts, error) {
	if e.Allow&rpc.PublishableKey == 0 {
		return Facts{}, fault.New(fault.Unauthorized, "This endpoint does not take a publishable key")
	}
	f, ok, enabled, err := v.publishable(ctx, s.publishableKey)
	switch {
	case err != nil:
		return Facts{}, err
	case !ok:
		return Facts{}, fault.New(fault.InvalidPublishableKey, "The publishable key is not valid")
	case !enabled:
		return Facts{}, fault.Reason(fault.InvalidPublishableKey, "publishable_key_auth_disabled",
			"The workspace does not let publishable keys make client sessions; /workspaces/update can allow it")
	}
	f.Reach = &Reach{IsSession: true, UserIdentifierKey: s.userIdentifierKey, view: f.ID}
	return f, nil
}

// cached asks the database only when something about people or credentials was written since the
// last time. Where other processes write too, it always asks.
func (v *Verifier) cached(ctx context.Context, name, workspaceID string, read func() (Facts, bool, error)) (Facts, bool, error) {
	generation, single := v.DB.Generation(store.Instance) // before reading: never newer than the facts
	if !single {
		return read()
	}
	key := name + "\x00" + workspaceID
	if c, ok := v.known.GetIfPresent(key); ok && c.generation == generation {
		return c.facts, true, nil
	}
	f, ok, err := read()
	if ok && err == nil {
		v.known.Set(key, cached{f, generation})
	}
	return f, ok, err
}

var factsQuery = `SELECT ` + linkColumns + `, ` + refusedIn + `, ` + grant.Users.Columns("u") + `, ` + grant.Memberships.Columns("m") + `,
	` + grant.Workspaces.Columns("w") + `, g.value, ip.doc, wp.doc
	FROM credentials c
	LEFT JOIN credentials p ON p.credential_id = c.parent_id
	LEFT JOIN users u ON u.user_id = COALESCE(c.user_id, p.user_id)
	LEFT JOIN workspaces w ON w.workspace_id = COALESCE(c.workspace_id, $1) AND w.deleted_at IS NULL
	LEFT JOIN memberships m ON m.workspace_id = w.workspace_id AND m.user_id = u.user_id
	LEFT JOIN generations g ON g.scope = 'workspace:' || w.workspace_id
	` + policyJoins + `
	WHERE c.digest IN `

// read finds a credential by a digest of its secret under any key. Its visible part is only checked
// when that is right. Rows that were not written with the server key count as missing.
func read(ctx context.Context, q store.Querier, short, workspaceID string, digests [][]byte) (f Facts, ok bool, err error) {
	r, user, membership, workspace := newLinkRow(), grant.Users.Row(), grant.Memberships.Row(), grant.Workspaces.Row()
	var generation sql.NullInt64
	var refused sql.NullBool
	var policy, workspacePolicy sql.NullString
	args, marks := []any{workspaceID}, ""
	for _, d := range digests {
		args = append(args, d)
		marks += ", " + store.Mark(len(args))
	}
	err = q.QueryRow(ctx, factsQuery+"("+strings.TrimPrefix(marks, ", ")+")", args...).Scan(slices.Concat(r.into(), []any{&refused},
		user.Into(), membership.Into(), workspace.Into(), []any{&generation, &policy, &workspacePolicy})...)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	} else if err != nil {
		return f, false, err
	}
	own, row, ok := r.read(q)
	if !ok || row.Text("short_token") != short {
		return f, false, nil
	}
	own.IsRefused = refused.Bool
	f.ID, f.Kind, f.KeyID, f.Digest = own.ID, Kind(row.Text("kind")), row.Text("key_id"), row.Bytes("digest")
	f.RevokedAt, f.ExpiresAt = own.RevokedAt, own.ExpiresAt
	f.Generation = uint64(generation.Int64)
	f.In(q, workspace)
	f.Succession = own.Succession
	if f.policy.instance, err = parsePolicy(policy); err != nil {
		return f, false, err
	}
	if f.policy.workspace, err = parsePolicy(workspacePolicy); err != nil {
		return f, false, err
	}
	if f.Kind == APIKey {
		f.actForWorkspace(q, own.userID, user, membership)
		return f, true, nil
	}
	f.TokenID = own.ID
	if f.Kind == WorkspaceKey {
		f.TokenID = own.parentID
	} else {
		f.Chain = Chain{own}
	}
	if own.parentID != "" {
		ancestors, err := readChain(ctx, q, own.parentID, f.WorkspaceID)
		if err != nil {
			return f, false, err
		}
		f.Chain = append(f.Chain, ancestors...)
	}
	if len(f.Chain) == 0 {
		return Facts{}, false, nil // the token of a workspace key was not written with the server key
	}
	f.FamilyID = f.Chain[0].FamilyID
	person, ok := user.Open(q)
	if !ok || person.Text("user_id") != f.Chain[0].userID {
		return Facts{}, false, nil
	}
	f.UserID, f.UserDisabled, f.IsOperator = person.Text("user_id"), person.Has("disabled_at"), person.Bool("is_operator")
	if member, ok := membership.Open(q); ok {
		f.Role, _ = rpc.ParseRole(member.Text("role"))
	}
	f.ExpiresAt, f.Reach = f.Chain.ends(), f.Chain.reach()
	return f, true, nil
}

// In notes which workspace a request is about: none where its row is missing, or was not written with the server key.
func (f *Facts) In(q store.Querier, workspace *signed.Row) {
	if w, ok := workspace.Open(q); ok {
		f.WorkspaceID, f.IsSandbox, f.IsSuspended = w.Text("workspace_id"), w.Bool("is_sandbox"), w.Bool("is_suspended")
	}
}

// actForWorkspace gives an API key its role. It acts for its workspace, and may do no more than the person whose key
// it is; one that a command created for no person has the role of an admin.
func (f *Facts) actForWorkspace(q store.Querier, ownerID string, user, membership *signed.Row) {
	switch {
	case f.WorkspaceID == "":
		return
	case ownerID == "":
		f.Role = rpc.Admin
		return
	}
	person, ok := user.Open(q)
	if !ok || person.Text("user_id") != ownerID {
		return
	}
	f.UserDisabled = person.Has("disabled_at")
	if member, ok := membership.Open(q); ok {
		role, _ := rpc.ParseRole(member.Text("role"))
		f.Role = min(role, rpc.Admin)
	}
}

// alive refuses a credential that was good once, and says why: its owner may know.
func alive(f Facts, now time.Time) error {
	switch {
	case f.Kind == ClientSession:
		return sessionAlive(f, now)
	case f.UserDisabled: // which also revoked it: this is the more informative reason
		return fault.Reason(fault.Unauthorized, "user_disabled", "The credential's user is disabled")
	case !f.RevokedAt.IsZero():
		return dead("revoked", "revoked_at", f.RevokedAt, "The credential was revoked on %s")
	case f.Kind == PersonalAccessToken || f.Kind == WorkspaceKey:
		return f.Chain.alive(now)
	case !f.ExpiresAt.IsZero() && !now.Before(f.ExpiresAt):
		return dead("expired", "expired_at", f.ExpiresAt, "The credential expired on %s")
	}
	return nil
}

// fromForeignPage reports whether a browser sent the request for a page of another origin. Origin
// decides: Sec-Fetch-Mode is sent by Node's fetch as well.
func (v *Verifier) fromForeignPage(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	own, err := url.Parse(v.PublicURL)
	return err != nil || !strings.EqualFold(origin, own.Scheme+"://"+own.Host)
}

func (v *Verifier) checkWorkspace(f Facts, e *rpc.Endpoint, kind rpc.Allow, person bool, workspaceID string, h http.Header) error {
	if !person {
		if f.WorkspaceID == "" || kind&(rpc.WorkspaceKey|rpc.APIKey) != 0 && f.Role == rpc.NoRole {
			return errUnknown // its workspace was deleted, or its person is no longer a member
		}
		if kind == rpc.WorkspaceKey && e.Workspace != rpc.Ignored && workspaceID != "" && workspaceID != f.WorkspaceID {
			return errUnknown
		}
	} else {
		switch {
		case e.Workspace == rpc.Required && workspaceID == "":
			return errNoWorkspace
		case e.Workspace == rpc.Forbidden && workspaceID != "":
			return fault.New(fault.InvalidRequest, "Leave out the seam-workspace header here: the request is about no existing workspace")
		case workspaceID != "" && (f.WorkspaceID == "" || f.Role == rpc.NoRole):
			return errUnknown
		}
	}
	if f.IsSuspended && e.Workspace != rpc.Ignored && !strings.HasPrefix(e.Path, "/workspaces/") && !strings.HasPrefix(e.Path, "/keyway/v1/") {
		return fault.Reason(fault.Forbidden, "workspace_suspended", "The workspace is suspended; /workspaces/update can lift that")
	}
	return nil
}
