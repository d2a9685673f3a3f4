package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"keyway/internal/platform/fault"
)

// SignIn checks an email address and password, with the same timing and answer whether or not the address
// is known, and the second factor of a person who has one. It returns unauthorized (with
// error.data.reason second_factor, and the person, when only that is missing), or too_many_requests
// with error.data.retry_after for an address that guesses.
func (p *People) SignIn(ctx context.Context, email, password string, second SecondFactor, address string) (User, error) {
	u, err := p.checkPassword(ctx, NormalizeEmail(email), password, address)
	if err != nil {
		return User{}, err
	}
	return u, p.checkSecond(ctx, u, second)
}

func (p *People) checkPassword(ctx context.Context, email, password, address string) (User, error) {
	delay, err := p.throttle.admit(p.Now(), email, address)
	if err != nil {
		return User{}, err
	}
	defer p.throttle.done(address)
	select {
	case <-ctx.Done():
		return User{}, ctx.Err()
	case <-time.After(delay):
	}
	hash, err := passwordHash(ctx, p.DB, `email = $1`, email)
	if err != nil {
		return User{}, err
	}
	ok, err := p.verifyPassword(ctx, queued{address, p.throttle.isFamiliar(email, address)}, hash, password)
	if err != nil {
		return User{}, err
	}
	if ok {
		u, err := p.ByEmail(ctx, p.DB, email)
		if err != nil {
			return User{}, err
		}
		if u.DisabledAt.IsZero() {
			p.throttle.succeeded(p.Now(), email, address)
			return u, nil
		}
	}
	p.throttle.failed(p.Now(), email, address)
	return User{}, fault.New(fault.Unauthorized, "The email address or the password is wrong")
}

// Authenticate lets a person who is signed in prove again who they are. It returns what SignIn does.
func (p *People) Authenticate(ctx context.Context, userID, password string, second SecondFactor, address string) error {
	u, err := p.Get(ctx, p.DB, userID)
	if err != nil {
		return err
	}
	if _, err = p.SignIn(ctx, u.Email, password, second, address); fault.Is(err, fault.Unauthorized) && !NeedsSecondFactor(err) {
		if second != (SecondFactor{}) {
			return fault.New(fault.Unauthorized, "The password or the code is wrong, or the code was used already")
		}
		return fault.New(fault.Unauthorized, "The password is wrong")
	}
	return err
}

// secondStep is what a browser keeps between the password and the second factor.
type secondStep struct {
	UserID   string `json:"user_id"`
	Password string `json:"password"` // a digest of the stored hash: changing the password ends the step
}

// secondStepLife is how long a person may look for their device.
const secondStepLife = 5 * time.Minute

func (p *People) passwordMark(ctx context.Context, userID string) (string, error) {
	hash, err := passwordHash(ctx, p.DB, `user_id = $1`, userID)
	sum := sha256.Sum256([]byte(hash))
	return hex.EncodeToString(sum[:]), err
}

// BeginSecondStep hands out that the person gave the right password. It is no session and opens
// nothing without the second factor.
func (p *People) BeginSecondStep(ctx context.Context, u User) (string, error) {
	mark, err := p.passwordMark(ctx, u.ID)
	if err != nil {
		return "", err
	}
	return p.seal("second step", secondStep{u.ID, mark}, secondStepLife)
}

// FinishSecondStep checks the second factor. It returns unauthorized, too_many_requests, or
// invalid_request when the step took too long.
func (p *People) FinishSecondStep(ctx context.Context, begun string, second SecondFactor) (User, error) {
	var s secondStep
	if err := p.unseal("second step", begun, &s); err != nil {
		return User{}, err
	}
	u, err := p.Get(ctx, p.DB, s.UserID)
	if err != nil {
		return u, err
	}
	if mark, err := p.passwordMark(ctx, u.ID); err != nil {
		return u, err
	} else if mark != s.Password || !u.DisabledAt.IsZero() {
		return u, errHandedOut
	}
	return u, p.checkSecond(ctx, u, second)
}
