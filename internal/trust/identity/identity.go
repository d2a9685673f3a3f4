// Package identity manages people: who they are, how they sign in, which sessions they have,
// and the one-time links by which the first of them and all others join.
package identity

import (
	"context"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/label"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
)

// User is a person.
type User struct {
	ID         string
	Email      string
	Name       string
	IsOperator bool
	DisabledAt time.Time
	CreatedAt  time.Time

	hasSecondFactor bool
}

// People contains the rules about people. Its methods may be called from any goroutine.
type People struct {
	DB    *store.DB
	Vault *vault.Vault
	Audit *audit.Log
	Now   func() time.Time
	// Relying is for which address passkeys are made; nil: there are none. See RelyingParty.
	Relying *webauthn.WebAuthn
	OpenID  *OpenID // nil: people do not sign in at a provider

	throttle throttle
	hashing  hashQueue
}

// Get reads a person; user_not_found when there is none.
func (p *People) Get(ctx context.Context, q store.Querier, id string) (User, error) {
	return oneUser(ctx, q, `WHERE user_id = $1`, id)
}

// ByEmail reads the person with the address; user_not_found when there is none.
func (p *People) ByEmail(ctx context.Context, q store.Querier, email string) (User, error) {
	return oneUser(ctx, q, `WHERE email = $1`, NormalizeEmail(email))
}

// List returns everyone, by email address.
func (p *People) List(ctx context.Context) ([]User, error) {
	return selectUsers(ctx, p.DB, `ORDER BY email`)
}

// Empty reports whether there is no person yet.
func (p *People) Empty(ctx context.Context) (bool, error) {
	n, err := countUsers(ctx, p.DB)
	return n == 0, err
}

// NormalizeEmail is the form in which addresses are stored and compared.
func NormalizeEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// CheckEmail refuses what cannot be an email address.
func CheckEmail(email string) error {
	email = NormalizeEmail(email)
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(email, " \t\r\n,;<>\"") || strings.Contains(domain, "@") || len(email) > 254 {
		return fault.Invalid("email", "Invalid email")
	}
	return nil
}

// maxName is the maximum length of a person's name, in characters.
const maxName = 200

// checkName refuses a person's name that is empty or too long.
func checkName(name string) error { return label.Check("name", name, maxName) }

// NewUser is what Create needs. The password is hashed before the transaction, which no slow work
// may delay: see Prepare.
type NewUser struct {
	Email, Name  string
	passwordHash string
}

// Prepare checks and hashes what a new person has typed. It returns invalid_input for an address
// or a password that is not acceptable.
func (p *People) Prepare(ctx context.Context, email, name, password string) (NewUser, error) {
	if err := CheckEmail(email); err != nil {
		return NewUser{}, err
	}
	if err := CheckPassword(password); err != nil {
		return NewUser{}, err
	}
	email = NormalizeEmail(email)
	if name = label.Clean(name); name == "" {
		name, _, _ = strings.Cut(email, "@")
	} else if err := checkName(name); err != nil {
		return NewUser{}, err
	}
	hash, err := p.hashPassword(ctx, password)
	return NewUser{Email: email, Name: name, passwordHash: hash}, err
}

// WithoutPassword is a person who signs in another way.
func WithoutPassword(email, name string) NewUser {
	email = NormalizeEmail(email)
	if name = label.Clean(name); checkName(name) != nil {
		name, _, _ = strings.Cut(email, "@")
	}
	return NewUser{Email: email, Name: name}
}

// Create adds a person; the very first becomes the instance's operator. It returns invalid_input
// when the address is taken.
func (p *People) Create(ctx context.Context, tx *store.Tx, n NewUser, by audit.Actor) (User, error) {
	others, err := countUsers(ctx, tx)
	if err != nil {
		return User{}, err
	}
	if _, err := p.ByEmail(ctx, tx, n.Email); err == nil {
		return User{}, fault.Invalid("email", "There is already a person with this address")
	} else if !fault.Is(err, fault.UserNotFound) {
		return User{}, err
	}
	u := User{ID: store.NewID(), Email: n.Email, Name: n.Name, IsOperator: others == 0, CreatedAt: p.Now()}
	if err := insertUser(ctx, tx, u, n.passwordHash); err != nil {
		return User{}, err
	}
	if by.UserID == "" && by.OSUser == "" {
		by.UserID = u.ID // who came in by a link acts as the person they become
	}
	return u, p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.created", SubjectID: u.ID,
		Detail: map[string]any{"email": u.Email, "is_operator": u.IsOperator}})
}

// Rename changes the name that the Console shows. It returns invalid_input for one that will not
// do.
func (p *People) Rename(ctx context.Context, userID, name string) error {
	name = label.Clean(name)
	if err := checkName(name); err != nil {
		return err
	}
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		return updateUser(ctx, tx, userID, signed.Set{"name": name})
	}, store.Instance)
}

// SetOperator makes a person an operator, or ends that. It returns invalid_request for the last
// operator, who stays one.
func (p *People) SetOperator(ctx context.Context, userID string, operator bool, by audit.Actor) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if !operator {
			if last, err := lastOperator(ctx, tx, userID); err != nil {
				return err
			} else if last {
				return fault.New(fault.InvalidRequest, "This is the only operator")
			}
		}
		if err := grant.SetOperator(ctx, tx, userID, operator); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.updated", SubjectID: userID,
			Detail: map[string]any{"is_operator": operator}})
	}, store.Instance)
}

// SetDisabled disables a person and ends their sessions and tokens, or lets them sign in again.
// Enabling revives nothing. noOperatorLeft warns that no one can run the instance now. It
// returns user_not_found.
func (p *People) SetDisabled(ctx context.Context, userID string, disabled bool, by audit.Actor) (noOperatorLeft bool, err error) {
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := p.Get(ctx, tx, userID)
		if err != nil {
			return err
		}
		action := "user.enabled"
		since := time.Time{}
		if disabled {
			action = "user.disabled"
			if since = u.DisabledAt; since.IsZero() {
				since = p.Now()
			}
			if noOperatorLeft, err = lastOperator(ctx, tx, userID); err != nil {
				return err
			}
			noOperatorLeft = noOperatorLeft && u.IsOperator
			if err := credential.RevokeUser(ctx, tx, p.Now(), userID, by.UserID, "user_disabled"); err != nil {
				return err
			}
		}
		if err := grant.SetDisabled(ctx, tx, p.Now(), userID, since); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: action, SubjectID: userID})
	}, store.Instance)
	return noOperatorLeft, err
}

// SetPassword changes a password and ends all of the person's sessions but the one given, and with
// revokeTokens also their personal access tokens. It returns invalid_input for a password that will
// not do.
func (p *People) SetPassword(ctx context.Context, userID, password, exceptSession string, revokeTokens bool, by audit.Actor) error {
	if err := CheckPassword(password); err != nil {
		return err
	}
	hash, err := p.hashPassword(ctx, password)
	if err != nil {
		return err
	}
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := updateUser(ctx, tx, userID, signed.Set{"password_hash": hash}); err != nil {
			return err
		}
		if err := deleteSessions(ctx, tx, userID, exceptSession); err != nil {
			return err
		}
		if revokeTokens {
			if err := credential.RevokeUser(ctx, tx, p.Now(), userID, by.UserID, "password_changed"); err != nil {
				return err
			}
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.password_changed", SubjectID: userID,
			Detail: map[string]any{"revoke_personal_access_tokens": revokeTokens}})
	}, store.Instance)
}

// VerifyPassword reports whether the password is the person's.
func (p *People) VerifyPassword(ctx context.Context, userID, password string) (bool, error) {
	hash, err := passwordHash(ctx, p.DB, `user_id = $1`, userID)
	if err != nil {
		return false, err
	}
	return p.verifyPassword(ctx, trusted, hash, password)
}
