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
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrNoKeyFile is returned by Open when the file does not exist.
var ErrNoKeyFile = errors.New("the key file does not exist")

// Vault keeps the server's keys. The zero value is of no use; call Open or Create. Its methods may be
// called from any goroutine, also while another one changes the keys.
type Vault struct {
	file   string
	ring   atomic.Pointer[ring]
	mu     sync.Mutex   // held while the file is read or written
	looked atomic.Int64 // when the file was last checked, since opened
	opened time.Time
	stat   func(path string) (fs.FileInfo, error)
}

// A ring is what the key file contained when it was read.
type ring struct {
	keyFile
	keys  map[string]*key   // those in use
	audit map[string][]byte // what the retired ones have left
	read  fs.FileInfo
}

// A key is one root secret and the keys derived from it, one per purpose, so that a digest can
// never be mistaken for a seal.
type key struct {
	digest sync.Pool // of hash.Hash: setting up HMAC costs more than the hash of a token
	rows   sync.Pool // of hash.Hash
	seal   cipher.AEAD
	proof  []byte
	derive func(purpose string) []byte
}

// keyFile is the form on disk. The newest key stands last.
type keyFile struct {
	Active string   `json:"active"`
	Keys   []stored `json:"keys"`
	// RowsSigned: rows of the database that have no MAC were not written by an earlier version, see package signed.
	RowsSigned bool `json:"rows_signed,omitempty"`
	// SignedVersion is the version of the set of signed tables that this is true of; absent: 1.
	SignedVersion int `json:"signed_version,omitempty"`
}

// stored is one key in the file. A retired one has lost its secret, and can only check the entries of
// the audit log that it wrote, up to a number.
type stored struct {
	ID         string     `json:"id"`
	Secret     []byte     `json:"secret,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	RetiredAt  *time.Time `json:"retired_at,omitempty"`
	Audit      []byte     `json:"audit,omitempty"`
	AuditUntil int64      `json:"audit_until,omitempty"`
}

// AuditPurpose is what Derive is asked for to chain the audit log: the one key that outlives a
// retirement.
const AuditPurpose = "audit chain"

func newStored() stored {
	secret, id := make([]byte, 32), make([]byte, 6)
	rand.Read(secret)
	rand.Read(id)
	return stored{ID: "k" + base64.RawURLEncoding.EncodeToString(id), Secret: secret, CreatedAt: time.Now().UTC()}
}

func (f keyFile) text() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	return append(text, '\n'), err
}

// Create makes a key file with one new random key, mode 0600, and opens it. It fails when the
// file exists.
func Create(path string) (*Vault, error) {
	first := newStored()
	text, err := keyFile{Active: first.ID, Keys: []stored{first}, RowsSigned: true}.text()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	// Unlike a rename, a link never replaces a file.
	if err := put(path, text, os.Link); err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return Open(path)
}

// put brings a whole file on disk under its name or not at all, so that a crash between the two leaves
// no half key file behind.
func put(path string, text []byte, under func(from, to string) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".keys-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if err := errors.Join(tmp.Chmod(0o600), keepOwner(tmp, path), write(tmp, text), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := under(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// keepOwner gives a file the owner, the group and the group's right to read of the one that it will replace: a
// command that root runs must not take the keys away from the server's user.
func keepOwner(f *os.File, replaced string) error {
	old, err := os.Stat(replaced)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	is, err := f.Stat()
	if err != nil {
		return err
	}
	if err := f.Chmod(0o600 | old.Mode().Perm()&0o040); err != nil {
		return err
	}
	mine, theirs := is.Sys().(*syscall.Stat_t), old.Sys().(*syscall.Stat_t)
	if mine.Uid == theirs.Uid && mine.Gid == theirs.Gid {
		return nil
	}
	return f.Chown(int(theirs.Uid), int(theirs.Gid))
}

func write(f *os.File, text []byte) error {
	_, err := f.Write(text)
	return err
}

// Open reads a key file. It returns ErrNoKeyFile when there is none, and refuses one that other
// users of the machine can read.
func Open(path string) (*Vault, error) {
	r, err := readRing(path)
	if err != nil {
		return nil, err
	}
	v := &Vault{file: path, opened: time.Now(), stat: os.Stat}
	v.ring.Store(r)
	return v, nil
}

func readRing(path string) (*ring, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoKeyFile, path)
	} else if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if err := private(path, info); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	r := &ring{keys: map[string]*key{}, audit: map[string][]byte{}, read: info}
	if err := json.Unmarshal(text, &r.keyFile); err != nil {
		return nil, fmt.Errorf("key file %s is not in the form that Keyway writes", path)
	}
	for _, k := range r.Keys {
		if k.RetiredAt != nil {
			r.audit[k.ID] = k.Audit
		} else if r.keys[k.ID], err = newKey(k.Secret); err != nil {
			return nil, fmt.Errorf("key file %s: key %s: %w", path, k.ID, err)
		}
	}
	if r.keys[r.Active] == nil {
		return nil, fmt.Errorf("key file %s names an active key that it does not hold", path)
	}
	return r, nil
}

// private refuses a key file that others than this process' user can read or change. Its group may read it if the
// process belongs to that group: this is how secrets are mounted into containers.
func private(path string, info fs.FileInfo) error {
	mode := info.Mode().Perm()
	st, known := info.Sys().(*syscall.Stat_t)
	advice := "run chmod 600 on it"
	if known && int(st.Uid) != os.Geteuid() {
		advice = "it belongs to another user, so have it provided with mode 0400, or 0440 and a group of this process"
	}
	switch {
	case mode&0o007 != 0:
		return fmt.Errorf("key file %s is open to every user of this machine (mode %04o): %s", path, mode, advice)
	case mode&0o030 != 0:
		return fmt.Errorf("key file %s can be changed by its group (mode %04o): %s", path, mode, advice)
	case mode&0o040 != 0 && !(known && inGroup(int(st.Gid))):
		return fmt.Errorf("key file %s can be read by a group that this process is not in (mode %04o): %s", path, mode, advice)
	}
	return nil
}

// inGroup reports whether this process belongs to a group.
func inGroup(gid int) bool {
	if gid == os.Getegid() {
		return true
	}
	groups, err := os.Getgroups()
	return err == nil && slices.Contains(groups, gid)
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
	rows := derive("rows")
	k.rows.New = func() any { return hmac.New(sha256.New, rows) }
	return k, nil
}

// SignedVersion is the version of the set of tables of which the key file says that all rows carry a MAC: 0 for key files of
// versions of Keyway that signed no rows, otherwise at least 1.
func (v *Vault) SignedVersion() int {
	f := v.current()
	if !f.RowsSigned {
		return 0
	}
	return max(f.SignedVersion, 1)
}

// SetSignedVersion has the key file say so of a version.
func (v *Vault) SetSignedVersion(version int) error {
	return v.change(func(f *keyFile) error {
		f.RowsSigned, f.SignedVersion = true, version
		return nil
	})
}

// File is the path the keys came from.
func (v *Vault) File() string { return v.file }

// KeyID names the key that new digests and seals are made with.
func (v *Vault) KeyID() string { return v.current().Active }

// key is the key in use with the id, nil for an unknown one: it may be in the file by now.
func (v *Vault) key(id string) *key {
	if k := v.ring.Load().keys[id]; k != nil {
		return k
	}
	return v.latest().keys[id]
}

// Proof reports whether this vault has the key with the id, by a value that reveals nothing of the
// key: the database remembers it to recognise its own key file. It is nil for an unknown id.
func (v *Vault) Proof(keyID string) []byte {
	if k := v.key(keyID); k != nil {
		return k.proof
	}
	return nil
}

// NewDigest is a secret's HMAC-SHA-256 to be stored, under the key that it is stored with.
func (v *Vault) NewDigest(secret string) (keyID string, sum [32]byte) {
	r := v.current()
	return r.Active, r.keys[r.Active].sum(secret)
}

// Digest is HMAC-SHA-256 of a secret under the key with the id, what a stored credential is
// compared with; ok is false for an unknown id.
func (v *Vault) Digest(keyID, secret string) (sum [32]byte, ok bool) {
	k := v.key(keyID)
	if k == nil {
		return sum, false
	}
	return k.sum(secret), true
}

func (k *key) sum(secret string) [32]byte { return pooled(&k.digest, []byte(secret)) }

// pooled is the sum of a message under one of the pool's keyed hashes.
func pooled(pool *sync.Pool, message []byte) (sum [32]byte) {
	h := pool.Get().(hash.Hash)
	h.Reset()
	_, _ = h.Write(message) // a hash takes everything
	h.Sum(sum[:0])
	pool.Put(h)
	return sum
}

// MAC signs a message with the active key, for the rows that package signed writes. Mark of the key stands in
// front of the HMAC-SHA-256.
func (v *Vault) MAC(message []byte) []byte {
	r := v.current()
	sum := pooled(&r.keys[r.Active].rows, message)
	return append(Mark(r.Active), sum[:]...)
}

// VerifyMAC reports whether MAC gave mac for the message, under any key in use.
func (v *Vault) VerifyMAC(message, mac []byte) bool {
	if len(mac) < 1 || len(mac) != 1+int(mac[0])+sha256.Size {
		return false
	}
	n := 1 + int(mac[0])
	k := v.key(string(mac[1:n]))
	if k == nil {
		return false
	}
	sum := pooled(&k.rows, message)
	return subtle.ConstantTimeCompare(sum[:], mac[n:]) == 1
}

// Digests are those of a secret under every key in use: a credential is found by one of them.
func (v *Vault) Digests(secret string) (sums [][]byte) {
	for _, k := range v.current().keys {
		sum := k.sum(secret)
		sums = append(sums, sum[:])
	}
	return sums
}

// Matches compares a secret with a stored digest in constant time.
func (v *Vault) Matches(keyID, secret string, digest []byte) bool {
	sum, ok := v.Digest(keyID, secret)
	return ok && subtle.ConstantTimeCompare(sum[:], digest) == 1
}

// Derive returns a key of 32 bytes for a purpose of its own (signing sessions, chaining the audit
// log) from the key with the id; nil for an unknown id. A retired key yields that of the audit log only.
func (v *Vault) Derive(keyID, purpose string) []byte {
	if k := v.key(keyID); k != nil {
		return k.derive(purpose)
	}
	if purpose == AuditPurpose {
		return v.ring.Load().audit[keyID]
	}
	return nil
}

// Seal encrypts a secret for one place (table, row and column): opened anywhere else it fails.
// The active key's id stands in front of the result.
func (v *Vault) Seal(place string, secret []byte) []byte {
	r := v.current()
	return r.keys[r.Active].seal.Seal(Mark(r.Active), nil, secret, []byte(place))
}

// Column is a column of the database whose values are sealed.
type Column struct {
	What  string // in words, of several
	Table string
	Name  string
	Key   []string                  // the table's primary key
	Place func(key []string) string // where a row's value is sealed for
	// Digested: the value is a credential, and key_id and digest beside it are of it.
	Digested bool
	// Clears is a column beside it that stores digests of the value, which are made again when they are
	// next asked for; empty: none.
	Clears string
}

// Mark is how everything begins that is sealed under the key with the id.
func Mark(keyID string) []byte { return append([]byte{byte(len(keyID))}, keyID...) }

// Open decrypts what Seal made for the same place.
func (v *Vault) Open(place string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1 || len(sealed) < 1+int(sealed[0]) {
		return nil, errors.New("not a sealed value")
	}
	n := 1 + int(sealed[0])
	k := v.key(string(sealed[1:n]))
	if k == nil {
		return nil, errors.New("sealed with a key that the key file does not hold")
	}
	secret, err := k.seal.Open(nil, nil, sealed[n:], []byte(place))
	if err != nil {
		return nil, errors.New("sealed value was changed or belongs to another place")
	}
	return secret, nil
}
