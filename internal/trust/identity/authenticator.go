package identity

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
)

// SecondFactor is what a person shows besides a password: one of the two.
type SecondFactor struct {
	Code         string // of the authenticator app
	RecoveryCode string
}

const (
	// period is how long a code of an authenticator app is shown, in seconds.
	period = 30
	// RecoveryCodes is how many a person gets at a time.
	RecoveryCodes = 10
	// setUpLife is how long a person may take to set an authenticator app up.
	setUpLife = 30 * time.Minute
)

// AuthenticatorSetUp is an authenticator app that is being set up: not in force until one of its codes
// is entered.
type AuthenticatorSetUp struct {
	Secret string // for typing it into the app
	QR     []byte // the same to be scanned, a PNG image
	Sealed string // comes back with the first code
}

// BeginAuthenticator makes the secret of a new authenticator app.
func (p *People) BeginAuthenticator(u User) (AuthenticatorSetUp, error) {
	raw := make([]byte, 20)
	rand.Read(raw)
	sealed, err := p.seal("authenticator "+u.ID, raw, setUpLife)
	if err != nil {
		return AuthenticatorSetUp{}, err
	}
	return authenticatorSetUp(u, raw, sealed)
}

// ResumeAuthenticator returns a begun set-up again, after a wrong code. It returns invalid_request for
// one that took too long.
func (p *People) ResumeAuthenticator(u User, sealed string) (AuthenticatorSetUp, error) {
	var raw []byte
	if err := p.unseal("authenticator "+u.ID, sealed, &raw); err != nil {
		return AuthenticatorSetUp{}, err
	}
	return authenticatorSetUp(u, raw, sealed)
}

func authenticatorSetUp(u User, raw []byte, sealed string) (AuthenticatorSetUp, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Keyway", AccountName: u.Email, Period: period, Secret: raw})
	if err != nil {
		return AuthenticatorSetUp{}, err
	}
	img, err := key.Image(220, 220)
	if err != nil {
		return AuthenticatorSetUp{}, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return AuthenticatorSetUp{}, err
	}
	return AuthenticatorSetUp{Secret: key.Secret(), QR: b.Bytes(), Sealed: sealed}, nil
}

// ConfirmAuthenticator puts an authenticator app into force, in place of any other, and returns new
// recovery codes. It returns invalid_input for a wrong code, invalid_request for a set-up that took
// too long.
func (p *People) ConfirmAuthenticator(ctx context.Context, u User, sealed, code string, by audit.Actor) (codes []string, err error) {
	set, err := p.ResumeAuthenticator(u, sealed)
	if err != nil {
		return nil, err
	}
	step, ok := p.step(set.Secret, code)
	if !ok {
		return nil, fault.Invalid("code", "The code is wrong")
	}
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := setAuthenticator(ctx, tx, u.ID, p.Vault.Seal(authenticatorPlace(u.ID), []byte(set.Secret)), step,
			store.Micros(p.Now())); err != nil {
			return err
		}
		if codes, err = p.renewCodes(ctx, tx, u.ID); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.authenticator_added", SubjectID: u.ID})
	}, store.Instance)
	return codes, err
}

// RemoveAuthenticator turns the second factor off, recovery codes included.
func (p *People) RemoveAuthenticator(ctx context.Context, userID string, by audit.Actor) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := removeAuthenticator(ctx, tx, userID); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.authenticator_removed", SubjectID: userID})
	}, store.Instance)
}

// RenewRecoveryCodes returns new recovery codes; the old ones stop working. It returns
// invalid_request where there is no authenticator app to recover.
func (p *People) RenewRecoveryCodes(ctx context.Context, userID string, by audit.Actor) (codes []string, err error) {
	err = p.DB.Update(ctx, func(tx *store.Tx) error {
		if has, err := hasAuthenticator(ctx, tx, userID); err != nil {
			return err
		} else if !has {
			return fault.New(fault.InvalidRequest, "Set up an authenticator app first")
		}
		if codes, err = p.renewCodes(ctx, tx, userID); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.recovery_codes_renewed", SubjectID: userID})
	}, store.Instance)
	return codes, err
}

func (p *People) renewCodes(ctx context.Context, tx *store.Tx, userID string) ([]string, error) {
	if err := deleteRecoveryCodes(ctx, tx, userID); err != nil {
		return nil, err
	}
	codes := make([]string, RecoveryCodes)
	for i := range codes {
		text := strings.ToLower(rand.Text()[:10]) // 50 bits each
		codes[i] = text[:5] + "-" + text[5:]
		keyID, digest := p.Vault.NewDigest(recoveryText(userID, codes[i]))
		if err := insertRecoveryCode(ctx, tx, userID, i, keyID, digest[:]); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// Sealed are the columns of this room that contain secrets.
func Sealed() []vault.Column {
	return []vault.Column{{What: "authenticator apps", Table: "authenticators", Name: "secret", Key: []string{"user_id"},
		Place: func(key []string) string {
			return authenticatorPlace(key[0])
		}}}
}

func authenticatorPlace(userID string) string { return "authenticator of " + userID }

// recoveryText is what is digested of a code: whose it is, and the code as it was shown.
func recoveryText(userID, code string) string {
	return "recovery code " + userID + " " + strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))
}

// step finds the time step that a code belongs to: the present one or a neighbour, for clocks that
// are a little off.
func (p *People) step(secret, code string) (int64, bool) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	now, found := p.Now().Unix()/period, int64(-1)
	for s := now - 1; s <= now+1; s++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = s
		}
	}
	return found, found >= 0
}

// errSecond asks for a second factor, only after the right password.
var errSecond = fault.Reason(fault.Unauthorized, "second_factor",
	"The authenticator app's code is needed as well (totp_code), or a recovery code (recovery_code)")

// NeedsSecondFactor reports whether the password was right and only the second factor is missing.
func NeedsSecondFactor(err error) bool {
	f := new(fault.Error)
	return errors.As(err, &f) && f.Data["reason"] == "second_factor"
}

// checkSecond asks for the second factor of a person who has one, and uses it up: a code opens once,
// and so does a recovery code. Guessing is slowed for each person, whatever addresses it comes from:
// anyone who gets here knows the password.
func (p *People) checkSecond(ctx context.Context, u User, second SecondFactor) error {
	if has, err := hasAuthenticator(ctx, p.DB, u.ID); err != nil || !has && !u.hasSecondFactor {
		return err
	}
	if second.Code == "" && second.RecoveryCode == "" {
		return errSecond
	}
	account := "second factor of " + u.ID
	if _, err := p.throttle.admit(p.Now(), account, account); err != nil {
		return err
	}
	defer p.throttle.done(account)
	var ok bool
	err := p.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if second.Code != "" {
			ok, err = p.useCode(ctx, tx, u.ID, second.Code)
		} else {
			ok, err = p.useRecoveryCode(ctx, tx, u.ID, second.RecoveryCode)
		}
		return err
	}, store.Instance)
	if err != nil {
		return err
	}
	if !ok {
		p.throttle.failed(p.Now(), account, account)
		return fault.New(fault.Unauthorized, "The code is wrong, or was used already")
	}
	p.throttle.succeeded(p.Now(), account, account)
	return nil
}

func (p *People) useCode(ctx context.Context, tx *store.Tx, userID, code string) (bool, error) {
	sealed, err := authenticatorSecret(ctx, tx, userID)
	if err != nil || sealed == nil {
		return false, err
	}
	secret, err := p.Vault.Open(authenticatorPlace(userID), sealed)
	if err != nil {
		return false, err
	}
	step, ok := p.step(string(secret), code)
	if !ok {
		return false, nil
	}
	// Anyone who saw a code being typed must not be able to use it too.
	return useStep(ctx, tx, userID, step)
}

func (p *People) useRecoveryCode(ctx context.Context, tx *store.Tx, userID, code string) (bool, error) {
	codes, err := recoveryCodes(ctx, tx, userID)
	if err != nil {
		return false, err
	}
	for _, c := range codes {
		if p.Vault.Matches(c.Text("key_id"), recoveryText(userID, code), c.Bytes("digest")) {
			return useRecoveryCode(ctx, tx, userID, c.Int("number"), store.Micros(p.Now()))
		}
	}
	return false, nil
}

// Factors is what a person can sign in with.
type Factors struct {
	Password           bool
	Passkeys           []Passkey
	AuthenticatorSince time.Time // zero: no authenticator app
	RecoveryCodes      int       // that were not used yet
	OpenID             []OpenIDAccount
}

// Factors lists what a person can sign in with.
func (p *People) Factors(ctx context.Context, userID string) (f Factors, err error) {
	return selectFactors(ctx, p.DB, userID)
}

// keepWayIn refuses to remove the last thing that a person can sign in with.
func (p *People) keepWayIn(ctx context.Context, tx *store.Tx, userID string) error {
	f, err := selectFactors(ctx, tx, userID)
	if err == nil && !f.Password && len(f.Passkeys)+len(f.OpenID) == 0 {
		return fault.New(fault.InvalidRequest, "This is the only way in that is left: set a password or add another first")
	}
	return err
}

// ResetFactors removes passkeys, authenticator app and recovery codes of a person who lost them.
func (p *People) ResetFactors(ctx context.Context, userID string, by audit.Actor) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := removeAuthenticator(ctx, tx, userID); err != nil {
			return err
		}
		if err := deletePasskeys(ctx, tx, userID); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.factors_reset", SubjectID: userID})
	}, store.Instance)
}
