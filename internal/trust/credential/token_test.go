package credential_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
)

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// sum is the published checksum, worked out another way.
func sum(text string) string {
	n, base, digit := big.NewInt(int64(crc32.ChecksumIEEE([]byte(text)))), big.NewInt(58), new(big.Int)
	var out []byte
	for n.Sign() > 0 {
		n.DivMod(n, base, digit)
		out = append([]byte{alphabet[digit.Int64()]}, out...)
	}
	return strings.Repeat("1", 6-len(out)) + string(out)
}

func TestForms(t *testing.T) {
	t.Parallel()
	const c = `[1-9A-HJ-NP-Za-km-z]`
	for _, tt := range []struct {
		kind    credential.Kind
		sandbox bool
		form    string
	}{
		{credential.PersonalAccessToken, false, `^seam_at1` + c + `{8}_` + c + `{36}$`},
		{credential.APIKey, true, `^seam_test` + c + `{4}_` + c + `{36}$`},
		{credential.APIKey, false, `^seam_` + c + `{8}_` + c + `{36}$`},
		{credential.WorkspaceKey, true, `^seam_test` + c + `{4}_` + c + `{36}$`},
		{credential.WorkspaceKey, false, `^seam_` + c + `{8}_` + c + `{36}$`},
	} {
		form := regexp.MustCompile(tt.form)
		for range 300 {
			text := credential.Mint(tt.kind, tt.sandbox).Reveal()
			if !form.MatchString(text) {
				t.Fatalf("%s does not have the form %s", text, tt.form)
			}
			if body := text[:len(text)-6]; sum(body) != text[len(text)-6:] {
				t.Fatalf("%s has another checksum than %s", text, sum(body))
			}
			if p, err := credential.Parse(text); err != nil || p.IsPAT != (tt.kind == credential.PersonalAccessToken) ||
				!strings.HasPrefix(text, "seam_"+p.Short+"_") || p.Secret.Reveal() != text {
				t.Fatalf("%s: %+v %v", text, p, err)
			}
		}
	}
	if !regexp.MustCompile(`^` + credential.Pattern + `$`).MatchString(credential.Mint(credential.PersonalAccessToken, false).Reveal()) {
		t.Error("the published pattern does not find a token")
	}
	if !regexp.MustCompile(`^seam_pk1` + c + `{8}_` + c + `{30}$`).MatchString(credential.MintPublishable()) {
		t.Error("form of a publishable key")
	}
}

// A production key must not begin like another kind of token: SDKs look at nothing else.
func TestKeysKeepOffReservedBeginnings(t *testing.T) {
	t.Parallel()
	for range 40_000 { // one in 58² would begin with at
		short := strings.TrimPrefix(credential.Mint(credential.APIKey, false).Hint(), "seam_")
		for _, p := range []string{"at", "cst", "pk", "test"} {
			if strings.HasPrefix(short, p) {
				t.Fatalf("a key begins with %s", p)
			}
		}
	}
}

// The chi-squared of 58 characters exceeds 150 once in more than 10⁹ runs when all are equally likely; a
// plain byte%58 gives thousands.
func TestCharactersAreAlike(t *testing.T) {
	t.Parallel()
	const n = 580_000
	var counts [128]float64
	for _, c := range []byte(credential.RandomText(n)) {
		counts[c]++
	}
	var chi float64
	for _, c := range []byte(alphabet) {
		d := counts[c] - n/58
		chi += d * d / (n / 58)
	}
	if chi > 150 {
		t.Errorf("chi-squared %.0f", chi)
	}
}

func TestParseRejectsGarbage(t *testing.T) {
	t.Parallel()
	good := credential.Mint(credential.PersonalAccessToken, false).Reveal()
	key := credential.Mint(credential.APIKey, false).Reveal()
	forged := func(short string) string {
		body := "seam_" + short + "_" + strings.Repeat("x", 30)
		return body + sum(body)
	}
	for name, text := range map[string]string{
		"empty": "", "prefix": "seam_", "space in front": " " + good, "space behind": good + " ", "newline": good + "\n", "NUL": good + "\x00",
		"upper case": strings.ToUpper(good), "truncated": good[:len(good)-1], "longer": good + "1", "twice": good + good, "no prefix": good[5:],
		"digit 0": strings.Replace(forged("at1abcdefgh"), "x", "0", 1), "not a letter": strings.Replace(forged("at1abcdefgh"), "x", "é", 1),
		"short part too short": forged("at1abcdefg"), "short part too long": forged("at1abcdefghi"), "key of nine": forged("abcdefghj"),
		"key like a PAT": forged("at1abcde"), "key like a client session": forged("cstabcde"), "key like a publishable": forged("pkabcdef"),
		"no second underscore": strings.Replace(good, "_", "", 2), "JWT": "eyJhbGciOiJub25lIn0.e30.", "megabyte": strings.Repeat("a", 1<<20),
	} {
		if p, err := credential.Parse(text); err == nil {
			t.Errorf("%s: taken as %+v", name, p)
		} else if strings.Contains(err.Error(), good[20:]) {
			t.Errorf("%s: the error tells the token", name)
		}
	}
	if _, err := credential.Parse(forged("abcdefgh")); err != nil {
		t.Error("the forger forges nothing:", err)
	}
	// One wrong character anywhere is found, and so are two that changed places.
	for _, text := range []string{good, key} {
		for i := strings.LastIndexByte(text, '_') + 1; i < len(text); i++ {
			wrong := []byte(text)
			if wrong[i] = 'a'; text[i] == 'a' {
				wrong[i] = 'b'
			}
			if _, err := credential.Parse(string(wrong)); err == nil {
				t.Errorf("wrong at %d, and taken", i)
			}
			if copy(wrong, text); i+1 < len(text) && wrong[i] != wrong[i+1] {
				wrong[i], wrong[i+1] = wrong[i+1], wrong[i]
				if _, err := credential.Parse(string(wrong)); err == nil {
					t.Errorf("changed places at %d, and taken", i)
				}
			}
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	s := credential.Mint(credential.PersonalAccessToken, false)
	secret := s.Reveal()[strings.LastIndexByte(s.Reveal(), '_')+1:]
	type holder struct{ Secret vault.Secret }
	in := []any{s, &s, []vault.Secret{s}, map[string]any{"k": s}, holder{s}, &holder{s}}
	var out bytes.Buffer
	for _, v := range in {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
			slog.New(h).Info(fmt.Sprint(v), "secret", v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		out.Write(text)
	}
	fmt.Fprintln(&out, fmt.Errorf("failed with %w %v", fmt.Errorf("inner %s", s), s))
	text := out.String()
	if i := strings.Index(strings.ToLower(text), strings.ToLower(secret)); i >= 0 {
		t.Errorf("printed: …%s", text[max(0, i-80):i])
	}
	if strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secret)) {
		t.Error("printed in hexadecimal")
	}
	if !strings.Contains(text, s.Hint()) {
		t.Error("the visible part is to be printed")
	}
	for _, odd := range []string{"", "_", "abc", "_abc"} {
		if got := fmt.Sprint(vault.Hide(odd)); strings.Contains(got, "abc") {
			t.Errorf("%q prints as %s", odd, got)
		}
	}
}

// The compiler refuses == between secrets, and maps with secrets as keys.
func TestSecretsCannotBeCompared(t *testing.T) {
	t.Parallel()
	if reflect.TypeFor[vault.Secret]().Comparable() {
		t.Error("secrets can be compared by ==")
	}
}
