package identity

import (
	"testing"

	"keyway/internal/platform/fault"
)

// A kind of fault: one password has several forms in bytes, and a person whose other device types another one is
// locked out.
func TestPasswordsHaveOneForm(t *testing.T) {
	t.Parallel()
	const composed, decomposed = "caf\u00e9 au lait, bien s\u00fbr", "cafe\u0301 au lait, bien su\u0302r"
	var p People
	for _, typed := range []string{composed, decomposed, "\ufeff" + composed} {
		hash, err := p.hashPassword(t.Context(), typed)
		if err != nil {
			t.Fatal(err)
		}
		for _, again := range []string{composed, decomposed, "\ufeff" + decomposed} {
			if ok, err := p.verifyPassword(t.Context(), trusted, hash, again); err != nil || !ok {
				t.Errorf("set as %+q, and %+q is wrong: %v", typed, again, err)
			}
		}
		if ok, err := p.verifyPassword(t.Context(), trusted, hash, "cafe au lait, bien sur"); err != nil || ok {
			t.Errorf("another password is right: %v", err)
		}
	}
	// A hash of a version that took passwords as they came.
	hash, err := p.hash(t.Context(), decomposed)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := p.verifyPassword(t.Context(), trusted, hash, decomposed); err != nil || !ok {
		t.Errorf("an earlier hash is wrong: %v", err)
	}
	for _, password := range []string{"\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b\u200b", "            ",
		"\xff\xfe password in Latin-1", "\ufeffelevenchars"} {
		if err := CheckPassword(password); !fault.Is(err, fault.InvalidInput) {
			t.Errorf("%+q: %v", password, err)
		}
	}
}
