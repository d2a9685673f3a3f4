package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/label"
)

// The cost of a hash: 19 MiB, two passes, one thread (OWASP's smallest). The hash carries its
// cost, so that it can be raised later.
const (
	hashMemory = 19 * 1024
	hashPasses = 2
)

// normalize is the form in which passwords are hashed: one text has one form, whatever device it was typed on
// (Unicode NFC), and a byte order mark, which editors put in front of a file, is not part of it.
func normalize(password string) string {
	return norm.NFC.String(strings.TrimPrefix(password, "\ufeff"))
}

// CheckPassword refuses a password that is too easy to guess, naming the parameter.
func CheckPassword(password string) error {
	if !utf8.ValidString(password) {
		return fault.Invalid("password", "Not UTF-8")
	}
	password = normalize(password)
	if label.Clean(password) == "" {
		return fault.Invalid("password", "It has no visible character")
	}
	if n := utf8.RuneCountInString(password); n < 12 {
		return fault.Invalid("password", "String must contain at least 12 character(s)")
	} else if n > 1000 {
		return fault.Invalid("password", "String must contain at most 1000 character(s)")
	}
	return nil
}

// hashPassword returns an argon2id hash in PHC form.
func (p *People) hashPassword(ctx context.Context, password string) (string, error) {
	return p.hash(ctx, normalize(password))
}

func (p *People) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	sum, err := p.argon(ctx, trusted, password, salt, hashPasses, hashMemory)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, hashMemory, hashPasses, enc(salt), enc(sum)), nil
}

// verifyPassword compares in constant time. An empty hash (a person without a password, or an unknown one) takes as
// long as any other and never matches. It returns too_many_requests when too many hashes are asked for.
func (p *People) verifyPassword(ctx context.Context, who queued, hash, password string) (bool, error) {
	release, err := p.hashing.acquire(ctx, who)
	if err != nil {
		return false, err
	}
	defer release()
	normal := normalize(password)
	ok, err := compare(hash, normal)
	if err == nil && !ok && normal != password { // hashed by a version that took passwords as they came
		ok, err = compare(hash, password)
	}
	return ok, err
}

func compare(hash, password string) (bool, error) {
	if hash == "" {
		argon2.IDKey([]byte(password), make([]byte, 16), hashPasses, hashMemory, 1, 32)
		return false, nil
	}
	parts := strings.Split(hash, "$")
	var version int
	var memory, passes uint32
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, fmt.Errorf("stored password hash is not argon2id")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=1", &version, &memory, &passes); err != nil || version != argon2.Version {
		return false, fmt.Errorf("stored password hash has an unknown form")
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("stored password hash: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("stored password hash: %w", err)
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, 1, 32)
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (p *People) argon(ctx context.Context, who queued, password string, salt []byte, passes, memory uint32) ([]byte, error) {
	release, err := p.hashing.acquire(ctx, who)
	if err != nil {
		return nil, err
	}
	defer release()
	return argon2.IDKey([]byte(password), salt, passes, memory, 1, 32), nil
}
