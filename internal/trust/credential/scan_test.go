package credential

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func scanAll(t *testing.T, text []byte) (out []string) {
	t.Helper()
	err := Scan(bytes.NewReader(text), func(f Found) { out = append(out, fmt.Sprint(f.Line, " ", f.Secret.Reveal())) })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A token is found wherever it stands, once and with its line: at the edges of a text and of what is
// read at once, inside other text, and in UTF-16.
func TestScan(t *testing.T) {
	t.Parallel()
	pat, key := Mint(PersonalAccessToken, false).Reveal(), Mint(APIKey, true).Reveal()
	session := "seam_cst1" + random(shortLength) + "_" + random(secretLength)
	session += checksum(session)
	for _, token := range []string{pat, key, session} {
		for text, line := range map[string]int{
			token: 1, "\n\n" + token + "\n": 3, "x" + token + "y": 1, `"token":"` + token + `"`: 1, "seam_seam_at1" + token: 1,
			"\x00\xff" + token + "\x00": 1,
		} {
			if got, want := scanAll(t, []byte(text)), []string{fmt.Sprint(line, " ", token)}; !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
		wrong := []byte(token)
		wrong[len(wrong)-10] ^= 1
		for _, text := range []string{token[:len(token)-1], string(wrong), strings.ToLower(token), "seam_pk1" + token[9:]} {
			if got := scanAll(t, []byte(text)); len(got) > 0 {
				t.Errorf("%q: found %q", text, got)
			}
		}
	}
	var broad []byte
	for _, u := range utf16.Encode([]rune("a\nä " + pat + "\n")) {
		broad = append(broad, byte(u), byte(u>>8))
	}
	if got := scanAll(t, broad); len(got) != 1 || !strings.HasSuffix(got[0], pat) {
		t.Errorf("in UTF-16: %q", got)
	}
	for edge := chunk - 5; edge < chunk+2*longest+70; edge++ {
		text := append(bytes.Repeat([]byte("\n"), edge), pat...)
		text = append(append(text, bytes.Repeat([]byte("."), rand.IntN(3)*chunk)...), "\n"+key...)
		if got, want := scanAll(t, text), []string{fmt.Sprint(edge+1, " ", pat), fmt.Sprint(edge+2, " ", key)}; !slices.Equal(got, want) {
			t.Fatalf("at %d: %q, want %q", edge, got, want)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	text := bytes.Repeat([]byte("the same line of some source code, with a seam_ in it\n"), 1<<16)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := Scan(bytes.NewReader(text), func(Found) {}); err != nil {
			b.Fatal(err)
		}
	}
}
