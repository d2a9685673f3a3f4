package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/label"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
)

// Passkey is a key with which a person signs in, without its secret half, which never leaves their
// device.
type Passkey struct {
	ID         string
	Name       string
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
	credential webauthn.Credential
}

const (
	ceremonyLife = 5 * time.Minute
	maxPasskeys  = 20
)

// RelyingParty says for which address passkeys are made: that of the server's public URL. Browsers
// know no passkeys for bare addresses, so a public URL on this machine counts as localhost. It returns
// nil where there can be none: plain http, or an address without a name.
func RelyingParty(publicURL string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, err
	}
	host, origin := u.Hostname(), u.Scheme+"://"+u.Host
	if ip, err := netip.ParseAddr(host); err == nil {
		if !ip.IsLoopback() {
			return nil, nil
		}
		host, origin = "localhost", u.Scheme+"://localhost"
		if port := u.Port(); port != "" {
			origin = u.Scheme + "://" + net.JoinHostPort("localhost", port)
		}
	}
	if u.Scheme != "https" && host != "localhost" {
		return nil, nil
	}
	return webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "Keyway", RPOrigins: []string{origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired},
	})
}

// holder is a person as the WebAuthn library sees them.
type holder struct {
	User
	passkeys []Passkey
}

var _ webauthn.User = holder{}

func (h holder) WebAuthnID() []byte   { return []byte(h.ID) }
func (h holder) WebAuthnName() string { return h.Email }
func (h holder) WebAuthnDisplayName() string {
	if h.Name != "" {
		return h.Name
	}
	return h.Email
}

func (h holder) WebAuthnCredentials() []webauthn.Credential {
	out := make([]webauthn.Credential, len(h.passkeys))
	for i, k := range h.passkeys {
		out[i] = k.credential
	}
	return out
}

// Passkeys lists a person's passkeys, oldest first.
func (p *People) Passkeys(ctx context.Context, q store.Querier, userID string) ([]Passkey, error) {
	return selectPasskeys(ctx, q, userID)
}

// Ceremony is a question to an authenticator.
type Ceremony struct {
	Options json.RawMessage `json:"options"` // for navigator.credentials
	Sealed  string          `json:"sealed"`  // comes back with the answer
}

var errNoPasskeys = fault.New(fault.InvalidRequest, "There can be no passkeys at the address of this server")

// BeginPasskey asks a device to make a passkey for a person. It returns invalid_request where there
// can be none.
func (p *People) BeginPasskey(ctx context.Context, u User) (Ceremony, error) {
	if p.Relying == nil {
		return Ceremony{}, errNoPasskeys
	}
	h, err := p.holder(ctx, u)
	if err != nil {
		return Ceremony{}, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range h.WebAuthnCredentials() {
		known = append(known, c.Descriptor())
	}
	options, session, err := p.Relying.BeginRegistration(h, webauthn.WithExclusions(known))
	if err != nil {
		return Ceremony{}, err
	}
	return p.ceremony("passkey of "+u.ID, options.Response, session)
}

func (p *People) holder(ctx context.Context, u User) (holder, error) {
	keys, err := p.Passkeys(ctx, p.DB, u.ID)
	return holder{u, keys}, err
}

func (p *People) ceremony(place string, options any, session *webauthn.SessionData) (c Ceremony, err error) {
	if c.Options, err = json.Marshal(options); err != nil {
		return c, err
	}
	c.Sealed, err = p.seal(place, session, ceremonyLife)
	return c, err
}

// AddPasskey keeps the passkey that a device made. It returns invalid_input for a name that is not
// acceptable, and invalid_request for an answer that does not fit the question.
func (p *People) AddPasskey(ctx context.Context, u User, sealed, answer, name string, by audit.Actor) error {
	if name = label.Clean(name); name == "" {
		name = "Passkey"
	} else if err := label.Check("name", name, 100); err != nil {
		return err
	}
	if p.Relying == nil {
		return errNoPasskeys
	}
	var session webauthn.SessionData
	if err := p.unseal("passkey of "+u.ID, sealed, &session); err != nil {
		return err
	}
	h, err := p.holder(ctx, u)
	if err != nil {
		return err
	}
	if len(h.passkeys) >= maxPasskeys {
		return fault.New(fault.InvalidRequest, "%d passkeys are enough: remove one first", maxPasskeys)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return errAnswer
	}
	made, err := p.Relying.CreateCredential(h, session, parsed)
	if err != nil {
		return errAnswer
	}
	doc, err := json.Marshal(made)
	if err != nil {
		return err
	}
	id := store.NewID()
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := p.spendChallenge(ctx, tx, session.Challenge); err != nil {
			return err
		}
		if fresh, err := insertPasskey(ctx, tx, id, u.ID, base64.RawURLEncoding.EncodeToString(made.ID), name, string(doc),
			store.Micros(p.Now())); err != nil {
			return err
		} else if !fresh {
			return fault.New(fault.InvalidRequest, "This passkey is registered already")
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.passkey_added", SubjectID: u.ID,
			Detail: map[string]any{"passkey_id": id, "name": name}})
	}, store.Instance)
}

var errAnswer = fault.New(fault.InvalidRequest, "What the device answered does not fit the question")

// spendChallenge makes sure that a challenge is answered once.
func (p *People) spendChallenge(ctx context.Context, tx *store.Tx, challenge string) error {
	now := p.Now()
	fresh, err := spend(ctx, tx, challenge, store.Micros(now), store.Micros(now.Add(ceremonyLife)))
	if err == nil && !fresh {
		return errHandedOut
	}
	return err
}

// RemovePasskey ends a passkey. It returns not_found, and invalid_request for the last sign-in method.
func (p *People) RemovePasskey(ctx context.Context, userID, id string, by audit.Actor) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if gone, err := deletePasskey(ctx, tx, userID, id); err != nil {
			return err
		} else if !gone {
			return fault.New(fault.NotFound, "There is no such passkey")
		}
		if err := p.keepWayIn(ctx, tx, userID); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.passkey_removed", SubjectID: userID,
			Detail: map[string]any{"passkey_id": id}})
	}, store.Instance)
}

// BeginPasskeySignIn asks a device for any passkey that it has for this server.
func (p *People) BeginPasskeySignIn() (Ceremony, error) {
	if p.Relying == nil {
		return Ceremony{}, errNoPasskeys
	}
	options, session, err := p.Relying.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, err
	}
	return p.ceremony("passkey sign-in", options.Response, session)
}

// errPasskey is the one answer to a passkey that opens nothing.
var errPasskey = fault.New(fault.Unauthorized, "This passkey does not open anything here")

// SignInWithPasskey finds the person whose passkey answered. It returns unauthorized, also for a
// disabled person, and invalid_request for an answer that came too late or twice.
func (p *People) SignInWithPasskey(ctx context.Context, sealed, answer, address string) (u User, err error) {
	if p.Relying == nil {
		return u, errNoPasskeys
	}
	account := "passkey" // known only when the device answered with one
	if _, err := p.throttle.admit(p.Now(), account, address); err != nil {
		return u, err
	}
	defer p.throttle.done(address)
	var session webauthn.SessionData
	if err := p.unseal("passkey sign-in", sealed, &session); err != nil {
		return u, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return u, errAnswer
	}
	var failed error
	find := func(_, handle []byte) (webauthn.User, error) {
		account = "passkey of " + string(handle)
		if u, failed = p.Get(ctx, p.DB, string(handle)); failed != nil {
			return nil, failed
		}
		var h holder
		h, failed = p.holder(ctx, u)
		return h, failed
	}
	_, used, err := p.Relying.ValidatePasskeyLogin(find, session, parsed)
	if failed != nil && !fault.Is(failed, fault.UserNotFound) {
		return u, failed
	}
	// A counter that goes back means that the key was copied.
	if err != nil || !u.DisabledAt.IsZero() || used.Authenticator.CloneWarning {
		p.throttle.failed(p.Now(), account, address)
		return User{}, errPasskey
	}
	doc, err := json.Marshal(used)
	if err != nil {
		return u, err
	}
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := p.spendChallenge(ctx, tx, session.Challenge); err != nil {
			return err
		}
		there, err := updatePasskey(ctx, tx, u.ID, base64.RawURLEncoding.EncodeToString(used.ID), string(doc), store.Micros(p.Now()))
		if err == nil && !there {
			return errPasskey // removed meanwhile
		}
		return err
	})
	if err == nil {
		p.throttle.succeeded(p.Now(), account, address)
	}
	return u, err
}
