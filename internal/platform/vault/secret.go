package vault

import (
	"fmt"
	"log/slog"
	"strings"
)

// Secret is a whole token. It prints as its visible part; Reveal returns the rest, once, to the person
// it was made for. It cannot be compared or be the key of a map, which would take longer the more of
// it is right: the compiler refuses that.
type Secret struct {
	_    [0]func()
	text string
}

// Hide makes a Secret of a text.
func Hide(text string) Secret { return Secret{text: text} }

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s.text == "" }

// Hint is the visible part: what distinguishes tokens without opening anything.
func (s Secret) Hint() string {
	if i := strings.LastIndexByte(s.text, '_'); i > 0 {
		return s.text[:i]
	}
	return "(secret)"
}

// Reveal is the token itself.
func (s Secret) Reveal() string { return s.text }

// String is the visible part of a token, and nothing of any other secret: a password may contain the
// character that ends a visible part.
func (s Secret) String() string {
	if !strings.HasPrefix(s.text, "seam_") {
		return "(secret)"
	}
	return s.Hint() + "_…"
}

// Format keeps the secret out of everything that package fmt writes, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText keeps the secret out of JSON; code that hands a token over calls Reveal.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue keeps the secret out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
