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
	"golang.org/x/sync/semaphore"

	"keyway/internal/platform/fault"
)

// The cost of a hash: 19 MiB, two passes, one thread (OWASP's smallest). The hash carries its
// cost, so that it can be raised later.
const (
	hashMemory = 19 * 1024
	hashPasses = 2
)

// hashing bounds how many hashes run at once: each takes 19 MiB, and sign-in is open to anybody.
var hashing = semaphore.NewWeighted(2)

// CheckPassword refuses a password that is too easy to guess, naming the parameter.
func CheckPassword(password string) error {
	if n := utf8.RuneCountInString(password); n < 12 {
		return fault.Invalid("password", "String must contain at least 12 character(s)")
	} else if n > 1000 {
		return fault.Invalid("password", "String must contain at most 1000 character(s)")
	}
	return nil
}

// hashPassword gives an argon2id hash in PHC form.
func hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	sum, err := argon(ctx, password, salt, hashPasses, hashMemory)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, hashMemory, hashPasses, enc(salt), enc(sum)), nil
}

// verifyPassword compares in constant time. An empty hash (a person without a password, or nobody
// at all) takes as long as any other and never matches.
func verifyPassword(ctx context.Context, hash, password string) (bool, error) {
	if hash == "" {
		_, err := argon(ctx, password, make([]byte, 16), hashPasses, hashMemory)
		return false, err
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
	got, err := argon(ctx, password, salt, passes, memory)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func argon(ctx context.Context, password string, salt []byte, passes, memory uint32) ([]byte, error) {
	if err := hashing.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer hashing.Release(1)
	return argon2.IDKey([]byte(password), salt, passes, memory, 1, 32), nil
}
