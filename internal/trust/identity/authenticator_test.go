package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring/apitest"
)

// withPassword adds a person who can sign in.
func withPassword(w *apitest.World, t *testing.T) identity.User {
	t.Helper()
	n, err := w.People.Prepare(t.Context(), "jane@example.com", "Jane", password)
	w.Must(err)
	var u identity.User
	w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) (err error) {
		u, err = w.People.Create(t.Context(), tx, n, apitest.By)
		return err
	}, store.Instance))
	return u
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		jane := withPassword(w, t)
		code := func(secret string, ahead time.Duration) string {
			t.Helper()
			text, err := totp.GenerateCode(secret, w.Now().Add(ahead))
			w.Must(err)
			return text
		}
		signIn := func(second identity.SecondFactor) error {
			_, err := w.People.SignIn(ctx, jane.Email, password, second, "192.0.2.1")
			return err
		}
		set, err := w.People.BeginAuthenticator(jane)
		w.Must(err)
		if _, err := w.People.ConfirmAuthenticator(ctx, jane, set.Sealed, "000000x", apitest.By); !fault.Is(err, fault.InvalidInput) {
			t.Errorf("a wrong first code: %v", err)
		}
		w.Must(signIn(identity.SecondFactor{})) // not in force yet
		john := w.Person("john")
		if _, err := w.People.ConfirmAuthenticator(ctx, john, set.Sealed, code(set.Secret, 0), apitest.By); !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("somebody else's set-up: %v", err)
		}
		first := code(set.Secret, 0)
		codes, err := w.People.ConfirmAuthenticator(ctx, jane, set.Sealed, first, apitest.By)
		w.Must(err)
		if len(codes) != identity.RecoveryCodes {
			t.Errorf("%d recovery codes", len(codes))
		}
		var stored []byte
		w.Must(w.DB.QueryRow(ctx, `SELECT secret FROM authenticators WHERE user_id = $1`, jane.ID).Scan(&stored))
		if strings.Contains(string(stored), set.Secret) {
			t.Error("the secret is stored as it is")
		}

		if err := signIn(identity.SecondFactor{}); !identity.NeedsSecondFactor(err) {
			t.Errorf("without the code: %v", err)
		}
		if _, err := w.People.SignIn(ctx, jane.Email, "wrong password", identity.SecondFactor{}, "192.0.2.1"); identity.NeedsSecondFactor(err) {
			t.Error("who does not know the password learns of the second factor")
		}
		if err := signIn(identity.SecondFactor{Code: first}); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("the code of the set-up, again: %v", err)
		}
		w.Pass(time.Minute)
		next := code(set.Secret, 0)
		w.Must(signIn(identity.SecondFactor{Code: next}))
		if err := signIn(identity.SecondFactor{Code: next}); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("a code twice: %v", err)
		}
		if err := signIn(identity.SecondFactor{Code: code(set.Secret, -30*time.Second)}); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("a code from before one that was taken: %v", err)
		}
		w.Must(signIn(identity.SecondFactor{Code: code(set.Secret, 30*time.Second)})) // a clock that is ahead
		if err := signIn(identity.SecondFactor{Code: code(set.Secret, time.Hour)}); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("an hour ahead: %v", err)
		}

		w.Must(signIn(identity.SecondFactor{RecoveryCode: strings.ToUpper(strings.ReplaceAll(codes[3], "-", " "))}))
		if err := signIn(identity.SecondFactor{RecoveryCode: codes[3]}); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("a recovery code twice: %v", err)
		}
		f, err := w.People.Factors(ctx, jane.ID)
		w.Must(err)
		if f.RecoveryCodes != identity.RecoveryCodes-1 || f.AuthenticatorSince.IsZero() || !f.Password {
			t.Errorf("%+v", f)
		}
		_, err = w.People.RenewRecoveryCodes(ctx, jane.ID, apitest.By)
		w.Must(err)
		if err := signIn(identity.SecondFactor{RecoveryCode: codes[4]}); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("a code of the old ones: %v", err)
		}
		// Guessing the second step is slowed wherever it comes from.
		w.Pass(10 * time.Minute)
		for i := 0; ; i++ {
			err := signIn(identity.SecondFactor{Code: "123"})
			if fault.Is(err, fault.TooManyRequests) {
				break
			}
			if i > 15 {
				t.Fatal("nothing slows guessing down")
			}
		}
		if err := signIn(identity.SecondFactor{Code: code(set.Secret, 0)}); !fault.Is(err, fault.TooManyRequests) {
			t.Errorf("after much guessing: %v", err)
		}
		w.Pass(10 * time.Minute)
		w.Must(w.People.ResetFactors(ctx, jane.ID, apitest.By))
		w.Must(signIn(identity.SecondFactor{}))
	})
}

// The step between password and code opens nothing on its own, and ends with the password.
func TestSecondStep(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		jane := withPassword(w, t)
		set, err := w.People.BeginAuthenticator(jane)
		w.Must(err)
		text, err := totp.GenerateCode(set.Secret, w.Now())
		w.Must(err)
		codes, err := w.People.ConfirmAuthenticator(ctx, jane, set.Sealed, text, apitest.By)
		w.Must(err)
		begin := func() string {
			t.Helper()
			step, err := w.People.BeginSecondStep(ctx, jane)
			w.Must(err)
			return step
		}
		old, late := begin(), begin()
		if _, err := w.People.FinishSecondStep(ctx, old, identity.SecondFactor{}); !identity.NeedsSecondFactor(err) {
			t.Error(err)
		}
		u, err := w.People.FinishSecondStep(ctx, old, identity.SecondFactor{RecoveryCode: codes[0]})
		w.Must(err)
		if u.ID != jane.ID {
			t.Errorf("%+v", u)
		}
		w.Pass(6 * time.Minute)
		if _, err := w.People.FinishSecondStep(ctx, late, identity.SecondFactor{RecoveryCode: codes[1]}); !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("too late: %v", err)
		}
		changed := begin()
		w.Must(w.People.SetPassword(ctx, jane.ID, password+"!", "", false, apitest.By))
		if _, err := w.People.FinishSecondStep(ctx, changed, identity.SecondFactor{RecoveryCode: codes[1]}); !fault.Is(err,
			fault.InvalidRequest) {
			t.Errorf("after a change of password: %v", err)
		}
		if _, err := w.People.FinishSecondStep(ctx, "nonsense", identity.SecondFactor{RecoveryCode: codes[1]}); !fault.Is(err,
			fault.InvalidRequest) {
			t.Errorf("nonsense: %v", err)
		}
	})
}
