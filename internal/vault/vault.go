// Package vault keeps the server key, which is never in the database, and what is made with it:
// the digests that credentials are looked up by, and sealing of secrets at rest.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrNoKeyFile is returned by Open when the file does not exist.
var ErrNoKeyFile = errors.New("the key file does not exist")

// Vault holds the server's keys. The zero value is of no use; call Open or Create.
type Vault struct {
	active string
	keys   map[string]*key
	file   string
}

// A key is one root secret and the keys derived from it, one per purpose, so that a digest can
// never be mistaken for a seal.
type key struct {
	digest sync.Pool // of hash.Hash: setting up HMAC costs more than the hash of a token
	seal   cipher.AEAD
	proof  []byte
	derive func(purpose string) []byte
}

// keyFile is the form on disk.
type keyFile struct {
	Active string `json:"active"`
	Keys   []struct {
		ID        string    `json:"id"`
		Secret    []byte    `json:"secret"`
		CreatedAt time.Time `json:"created_at"`
	} `json:"keys"`
}

// Create makes a key file with one new random key, mode 0600, and opens it. It fails when the
// file exists.
func Create(path string) (*Vault, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	id := make([]byte, 6)
	rand.Read(id)
	var f keyFile
	f.Active = "k" + base64.RawURLEncoding.EncodeToString(id)
	f.Keys = append(f.Keys, struct {
		ID        string    `json:"id"`
		Secret    []byte    `json:"secret"`
		CreatedAt time.Time `json:"created_at"`
	}{f.Active, secret, time.Now().UTC()})
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if err := writeNew(path, append(text, '\n')); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return Open(path)
}

// writeNew puts a whole file on disk under its name or not at all, so that a crash between the
// two leaves no empty key file behind.
func writeNew(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".keys-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if err := errors.Join(tmp.Chmod(0o600), write(tmp, text), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil { // unlike a rename, a link never replaces a file
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func write(f *os.File, text []byte) error {
	_, err := f.Write(text)
	return err
}

// Open reads a key file. It returns ErrNoKeyFile when there is none, and refuses one that other
// users of the machine can read.
func Open(path string) (*Vault, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoKeyFile, path)
	} else if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s can be read by other users of this machine (mode %04o): run chmod 600 on it", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	var f keyFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("key file %s is not in the form that Keyway writes", path)
	}
	v := &Vault{active: f.Active, keys: map[string]*key{}, file: path}
	for _, k := range f.Keys {
		if v.keys[k.ID], err = newKey(k.Secret); err != nil {
			return nil, fmt.Errorf("key file %s: key %s: %w", path, k.ID, err)
		}
	}
	if v.keys[f.Active] == nil {
		return nil, fmt.Errorf("key file %s names an active key that it does not hold", path)
	}
	return v, nil
}

func newKey(secret []byte) (*key, error) {
	if len(secret) != 32 {
		return nil, errors.New("a key has 32 bytes")
	}
	derive := func(purpose string) []byte {
		k, err := hkdf.Key(sha256.New, secret, nil, "keyway "+purpose, 32)
		if err != nil {
			panic(err) // only for lengths that SHA-256 cannot give
		}
		return k
	}
	block, err := aes.NewCipher(derive("seal"))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	digest := derive("digest")
	k := &key{seal: aead, proof: derive("proof"), derive: derive}
	k.digest.New = func() any { return hmac.New(sha256.New, digest) }
	return k, nil
}

// File is the path the keys came from.
func (v *Vault) File() string { return v.file }

// KeyID names the key that new digests and seals are made with.
func (v *Vault) KeyID() string { return v.active }

// Proof tells whether this vault holds the key with the id, by a value that gives nothing of the
// key away: the database remembers it to recognise its own key file. It is nil for an unknown id.
func (v *Vault) Proof(keyID string) []byte {
	if k := v.keys[keyID]; k != nil {
		return k.proof
	}
	return nil
}

// Digest is HMAC-SHA-256 of a secret under the key with the id, what a stored credential is
// compared with; ok is false for an unknown id.
func (v *Vault) Digest(keyID, secret string) (sum [32]byte, ok bool) {
	k := v.keys[keyID]
	if k == nil {
		return sum, false
	}
	h := k.digest.Get().(interface {
		Write([]byte) (int, error)
		Sum([]byte) []byte
		Reset()
	})
	h.Reset()
	_, _ = h.Write([]byte(secret)) // a hash takes everything
	h.Sum(sum[:0])
	k.digest.Put(h)
	return sum, true
}

// Digests are those of a secret under every key: a credential is found by one of them.
func (v *Vault) Digests(secret string) (sums [][]byte) {
	for id := range v.keys {
		sum, _ := v.Digest(id, secret)
		sums = append(sums, sum[:])
	}
	return sums
}

// Matches compares a secret with a stored digest in constant time.
func (v *Vault) Matches(keyID, secret string, digest []byte) bool {
	sum, ok := v.Digest(keyID, secret)
	return ok && subtle.ConstantTimeCompare(sum[:], digest) == 1
}

// Derive gives a key of 32 bytes for a purpose of its own (signing sessions, chaining the audit
// log) from the key with the id; nil for an unknown id.
func (v *Vault) Derive(keyID, purpose string) []byte {
	if k := v.keys[keyID]; k != nil {
		return k.derive(purpose)
	}
	return nil
}

// Seal encrypts a secret for one place (table, row and column): opened anywhere else it fails.
// The active key's id stands in front of the result.
func (v *Vault) Seal(place string, secret []byte) []byte {
	out := append([]byte{byte(len(v.active))}, v.active...)
	return v.keys[v.active].seal.Seal(out, nil, secret, []byte(place))
}

// Open decrypts what Seal made for the same place.
func (v *Vault) Open(place string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1 || len(sealed) < 1+int(sealed[0]) {
		return nil, errors.New("not a sealed value")
	}
	n := 1 + int(sealed[0])
	k := v.keys[string(sealed[1:n])]
	if k == nil {
		return nil, errors.New("sealed with a key that the key file does not hold")
	}
	secret, err := k.seal.Open(nil, nil, sealed[n:], []byte(place))
	if err != nil {
		return nil, errors.New("sealed value was changed or belongs to another place")
	}
	return secret, nil
}
