package credential

import (
	"crypto/rand"
	"errors"
	"hash/crc32"
	"keyway/internal/platform/vault"
	"regexp"
	"strings"
)

// Kind is what a credential is.
type Kind string

// The kinds that are stored.
const (
	PersonalAccessToken Kind = "personal_access_token"
	APIKey              Kind = "api_key"
	WorkspaceKey        Kind = "workspace_key"
	ClientSession       Kind = "client_session"
)

// The Bitcoin alphabet: no 0, O, I or l, which people confuse.
const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

const (
	shortLength  = 8
	secretLength = 30
	sumLength    = 6
)

// Pattern is the form of a personal access token, for scanners: docs/tokens.md publishes it.
const Pattern = `seam_at1[1-9A-HJ-NP-Za-km-z]{8}_[1-9A-HJ-NP-Za-km-z]{36}`

// form is any token that Keyway stores: personal access tokens, client sessions, API keys, workspace
// keys.
var form = regexp.MustCompile(`^seam_((?:at1|cst1)?[1-9A-HJ-NP-Za-km-z]{8})_[1-9A-HJ-NP-Za-km-z]{36}$`)

// Mint makes a new token. Keys of sandbox workspaces begin with seam_test.
func Mint(k Kind, sandbox bool) vault.Secret {
	short := "at1" + random(shortLength)
	switch {
	case k == PersonalAccessToken:
	case sandbox:
		short = "test" + random(shortLength-4)
	default:
		// SDKs distinguish kinds of tokens by how they begin, so a key must not begin like another.
		for short = random(shortLength); reserved(short); {
			short = random(shortLength)
		}
	}
	text := "seam_" + short + "_" + random(secretLength)
	return vault.Hide(text + checksum(text))
}

// MintPublishable makes a workspace's publishable key, which is no secret.
func MintPublishable() string { return "seam_pk1" + random(shortLength) + "_" + random(secretLength) }

// RandomText makes an unguessable text of n characters (5.86 bits each), for one-time links.
func RandomText(n int) string { return random(n) }

func reserved(short string) bool {
	for _, p := range []string{"at", "cst", "pk", "test"} {
		if strings.HasPrefix(short, p) {
			return true
		}
	}
	return false
}

// random draws every character with equal probability: bytes that would favour the alphabet's beginning are
// discarded.
func random(n int) string {
	out := make([]byte, 0, n)
	buf := make([]byte, n+16)
	for {
		rand.Read(buf)
		for _, b := range buf {
			if b < 58*4 {
				if out = append(out, base58[b%58]); len(out) == n {
					return string(out)
				}
			}
		}
	}
}

// checksum is CRC-32 (IEEE) in base58, padded on the left to six characters.
func checksum(text string) string {
	v := crc32.ChecksumIEEE([]byte(text))
	out := [sumLength]byte{}
	for i := range out {
		out[sumLength-1-i] = base58[v%58]
		v /= 58
	}
	return string(out[:])
}

// Parsed is a token whose form and checksum are right; whether it exists is another question.
type Parsed struct {
	Secret          vault.Secret
	Short           string // by which it is found
	IsPAT           bool
	IsClientSession bool
}

var errForm = errors.New("it does not have the form of a token")

// Parse checks a token's form and checksum without asking any database.
func Parse(text string) (Parsed, error) {
	m := form.FindStringSubmatch(text)
	if m == nil {
		return Parsed{}, errForm
	}
	body, sum := text[:len(text)-sumLength], text[len(text)-sumLength:]
	if checksum(body) != sum {
		return Parsed{}, errors.New("its checksum is wrong: a character is missing or mistyped")
	}
	p := Parsed{Secret: vault.Hide(text), Short: m[1], IsPAT: len(m[1]) == len("at1")+shortLength,
		IsClientSession: len(m[1]) == len("cst1")+shortLength}
	if !p.IsPAT && !p.IsClientSession && reserved(m[1]) && !strings.HasPrefix(m[1], "test") {
		return Parsed{}, errForm
	}
	return p, nil
}
