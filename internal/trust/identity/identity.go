// Package identity knows the people: who they are, how they sign in, which sessions they have,
// and the one-time links by which the first of them and all others come in.
package identity

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/webauthn"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// User is a person.
type User struct {
	ID         string
	Email      string
	Name       string
	IsOperator bool
	DisabledAt time.Time
	CreatedAt  time.Time
}

// People holds the rules about people. Its methods may be called from any goroutine.
type People struct {
	DB    *store.DB
	Vault *vault.Vault
	Audit *audit.Log
	Now   func() time.Time
	// Relying is for which address passkeys are made; nil: there are none. See RelyingParty.
	Relying *webauthn.WebAuthn
	OpenID  *OpenID // nil: people do not sign in at a provider

	throttle throttle
}

const userColumns = `user_id, email, name, is_operator, disabled_at, created_at`

func scanUser(row interface{ Scan(...any) error }) (u User, err error) {
	var disabled sql.NullInt64
	var created int64
	err = row.Scan(&u.ID, &u.Email, &u.Name, &u.IsOperator, &disabled, &created)
	u.DisabledAt, u.CreatedAt = store.TimeOrZero(disabled), store.Time(created)
	return u, err
}

// Get reads a person; user_not_found when there is none.
func (p *People) Get(ctx context.Context, q store.Querier, id string) (User, error) {
	return found(scanUser(q.QueryRow(ctx, `SELECT `+userColumns+` FROM users WHERE user_id = $1`, id)))
}

// ByEmail reads the person with the address; user_not_found when there is none.
func (p *People) ByEmail(ctx context.Context, q store.Querier, email string) (User, error) {
	return found(scanUser(q.QueryRow(ctx, `SELECT `+userColumns+` FROM users WHERE email = $1`, NormalizeEmail(email))))
}

func found(u User, err error) (User, error) {
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.UserNotFound)
	}
	return u, err
}

// List gives everyone, by e-mail address.
func (p *People) List(ctx context.Context) ([]User, error) {
	rows, err := p.DB.Query(ctx, `SELECT `+userColumns+` FROM users ORDER BY email`)
	return store.All(rows, err, func(r *sql.Rows) (User, error) { return scanUser(r) })
}

// Empty tells whether nobody has been set up yet.
func (p *People) Empty(ctx context.Context) (bool, error) {
	var n int
	err := p.DB.QueryRow(ctx, `SELECT count(*) FROM users`).Scan(&n)
	return n == 0, err
}

// NormalizeEmail is the form in which addresses are stored and compared.
func NormalizeEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// CheckEmail refuses what cannot be an e-mail address.
func CheckEmail(email string) error {
	email = NormalizeEmail(email)
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(email, " \t\r\n,;<>\"") || strings.Contains(domain, "@") || len(email) > 254 {
		return fault.Invalid("email", "Invalid email")
	}
	return nil
}

// checkName refuses a person's name that is empty or too long.
func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n == 0 {
		return fault.Invalid("name", "String must contain at least 1 character(s)")
	} else if n > 200 {
		return fault.Invalid("name", "String must contain at most 200 character(s)")
	}
	return nil
}

// NewUser is what Create needs. The password is hashed before the transaction, which no slow work
// may hold up: see Prepare.
type NewUser struct {
	Email, Name  string
	passwordHash string
}

// Prepare checks and hashes what a new person has typed. It returns invalid_input for an address
// or a password that will not do.
func (p *People) Prepare(ctx context.Context, email, name, password string) (NewUser, error) {
	if err := CheckEmail(email); err != nil {
		return NewUser{}, err
	}
	if err := CheckPassword(password); err != nil {
		return NewUser{}, err
	}
	email = NormalizeEmail(email)
	if name = strings.TrimSpace(name); name == "" {
		name, _, _ = strings.Cut(email, "@")
	} else if err := checkName(name); err != nil {
		return NewUser{}, err
	}
	hash, err := hashPassword(ctx, password)
	return NewUser{Email: email, Name: name, passwordHash: hash}, err
}

// WithoutPassword is somebody who signs in another way.
func WithoutPassword(email, name string) NewUser {
	email = NormalizeEmail(email)
	if name = strings.TrimSpace(name); checkName(name) != nil {
		name, _, _ = strings.Cut(email, "@")
	}
	return NewUser{Email: email, Name: name}
}

// Create adds a person; the very first becomes the instance's operator. It returns invalid_input
// when the address is taken.
func (p *People) Create(ctx context.Context, tx *store.Tx, n NewUser, by audit.Actor) (User, error) {
	var others int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM users`).Scan(&others); err != nil {
		return User{}, err
	}
	if _, err := p.ByEmail(ctx, tx, n.Email); err == nil {
		return User{}, fault.Invalid("email", "There is already a person with this address")
	} else if !fault.Is(err, fault.UserNotFound) {
		return User{}, err
	}
	u := User{ID: store.NewID(), Email: n.Email, Name: n.Name, IsOperator: others == 0, CreatedAt: p.Now()}
	if _, err := tx.Exec(ctx, `INSERT INTO users (user_id, email, name, password_hash, is_operator, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, u.ID, u.Email, u.Name, n.passwordHash, u.IsOperator, store.Micros(u.CreatedAt)); err != nil {
		return User{}, err
	}
	if by.UserID == "" && by.OSUser == "" {
		by.UserID = u.ID // who came in by a link acts as the person they become
	}
	return u, p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.created", SubjectID: u.ID, Detail: map[string]any{"email": u.Email, "is_operator": u.IsOperator}})
}

// Rename changes the name that the Console shows. It returns invalid_input for one that will not
// do.
func (p *People) Rename(ctx context.Context, userID, name string) error {
	name = strings.TrimSpace(name)
	if err := checkName(name); err != nil {
		return err
	}
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE users SET name = $2 WHERE user_id = $1`, userID, name)
		return err
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
		if _, err := tx.Exec(ctx, `UPDATE users SET is_operator = $2 WHERE user_id = $1`, userID, operator); err != nil {
			return err
		}
		if err := ChangeRights(ctx, tx, userID); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.updated", SubjectID: userID, Detail: map[string]any{"is_operator": operator}})
	}, store.Instance)
}

func lastOperator(ctx context.Context, q store.Querier, userID string) (bool, error) {
	var others int
	err := q.QueryRow(ctx, `SELECT count(*) FROM users WHERE is_operator AND disabled_at IS NULL AND user_id <> $1`, userID).Scan(&others)
	return others == 0, err
}

// SetDisabled shuts a person out and ends their sessions and tokens, or lets them sign in again.
// Letting in revives nothing. noOperatorLeft warns that nobody can run the instance now. It
// returns user_not_found.
func (p *People) SetDisabled(ctx context.Context, userID string, disabled bool, by audit.Actor) (noOperatorLeft bool, err error) {
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := p.Get(ctx, tx, userID)
		if err != nil {
			return err
		}
		action := "user.enabled"
		at := sql.NullInt64{}
		if disabled {
			action = "user.disabled"
			at = store.MicrosOrNull(p.Now())
			if !u.DisabledAt.IsZero() {
				at = store.MicrosOrNull(u.DisabledAt)
			}
			if noOperatorLeft, err = lastOperator(ctx, tx, userID); err != nil {
				return err
			}
			noOperatorLeft = noOperatorLeft && u.IsOperator
			if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1`, userID); err != nil {
				return err
			}
			if err := credential.RevokeUser(ctx, tx, p.Now(), userID, by.UserID, "user_disabled"); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE users SET disabled_at = $2 WHERE user_id = $1`, userID, at); err != nil {
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
	hash, err := hashPassword(ctx, password)
	if err != nil {
		return err
	}
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE users SET password_hash = $2 WHERE user_id = $1`, userID, hash); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND session_id <> $2`, userID, exceptSession); err != nil {
			return err
		}
		if revokeTokens {
			if err := credential.RevokeUser(ctx, tx, p.Now(), userID, by.UserID, "password_changed"); err != nil {
				return err
			}
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.password_changed", SubjectID: userID, Detail: map[string]any{"revoke_personal_access_tokens": revokeTokens}})
	}, store.Instance)
}

// VerifyPassword tells whether the password is the person's.
func (p *People) VerifyPassword(ctx context.Context, userID, password string) (bool, error) {
	var hash string
	if err := p.DB.QueryRow(ctx, `SELECT password_hash FROM users WHERE user_id = $1`, userID).Scan(&hash); err != nil {
		return false, err
	}
	return verifyPassword(ctx, hash, password)
}
