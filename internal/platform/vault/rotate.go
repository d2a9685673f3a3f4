package vault

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Key is what may be shown of a key.
type Key struct {
	ID         string
	CreatedAt  time.Time
	RetiredAt  *time.Time // nil: in use
	AuditUntil int64      // of a retired one: the last audit entry that it may have written
	IsActive   bool       // what is new is made with it
}

// Keys lists the keys of the file, oldest first.
func (v *Vault) Keys() (out []Key) {
	r := v.latest()
	for _, k := range r.Keys {
		out = append(out, Key{k.ID, k.CreatedAt, k.RetiredAt, k.AuditUntil, k.ID == r.Active})
	}
	return out
}

// lookEvery is how long a change that another process makes to the file may go unnoticed: looking at it for each secret
// would cost more than sealing most of them. Rotate gives all processes that time.
const lookEvery = 100 * time.Millisecond

// current is the ring as the file had it at most lookEvery ago.
func (v *Vault) current() *ring {
	if time.Since(v.opened)-time.Duration(v.looked.Load()) < lookEvery {
		return v.ring.Load()
	}
	return v.latest()
}

// latest is the ring as the file has it now, which another process may have changed. A file that
// cannot be read, or is not a later state of the same file, changes nothing.
func (v *Vault) latest() *ring {
	now := time.Since(v.opened) // never put back, as the clock may be
	r := v.ring.Load()
	info, err := v.stat(v.file)
	if err == nil && !same(info, r.read) {
		v.mu.Lock()
		r, _ = v.reread()
		v.mu.Unlock()
	}
	v.looked.Store(int64(now))
	return r
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// reread takes the file's state for the vault's, if it is one that follows on it. The caller holds mu.
func (v *Vault) reread() (*ring, error) {
	old := v.ring.Load()
	r, err := readRing(v.file)
	if err != nil {
		return old, err
	}
	for id, k := range old.keys {
		if later := r.keys[id]; later != nil && hmac.Equal(later.proof, k.proof) {
			continue
		}
		if !hmac.Equal(r.audit[id], k.derive(AuditPurpose)) { // it was not retired either
			return old, fmt.Errorf("the key file %s was replaced by one without key %s", v.file, id)
		}
	}
	v.ring.Store(r)
	return r, nil
}

// lock keeps other processes from changing a key file until it is closed: of two that each write what
// they have read, one would lose the other's key.
func lock(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		var mine, now os.FileInfo
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err == nil {
			mine, err = f.Stat()
		}
		if err == nil {
			now, err = os.Stat(path)
		}
		if err == nil && os.SameFile(mine, now) {
			return f, nil
		}
		if e := f.Close(); err != nil || e != nil {
			return nil, errors.Join(err, e)
		} // another file took its place while this waited
	}
}

// change writes the file as fn makes it, whole, and takes it into use once it is on disk.
func (v *Vault) change(fn func(f *keyFile) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	locked, err := lock(v.file)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	defer func() { _ = locked.Close() }()
	r, err := v.reread()
	if err != nil {
		return err
	}
	f := r.keyFile
	f.Keys = slices.Clone(f.Keys)
	if err := fn(&f); err != nil {
		return err
	}
	text, err := f.text()
	if err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(v.file)
	if err == nil {
		err = put(path, text, os.Rename)
	}
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	_, err = v.reread()
	return err
}

// Prepare puts a new key into the file and uses it for nothing yet, so that it can be brought to all
// servers first. It returns the key's id, also when one is prepared already.
func (v *Vault) Prepare() (id string, err error) {
	return id, v.change(func(f *keyFile) error {
		if id = f.prepared(); id == "" {
			next := newStored()
			id, f.Keys = next.ID, append(f.Keys, next)
		}
		return nil
	})
}

// Rotate makes what is new with another key from now on: the prepared one, or a new one. Everything
// made with earlier keys stays valid. Every process knows the key before the first thing is made with it, and when Rotate
// returns, none makes anything with an earlier one.
func (v *Vault) Rotate() (id string, err error) {
	for {
		if id, err = v.Prepare(); err != nil {
			return "", err
		}
		time.Sleep(lookEvery)
		err = v.change(func(f *keyFile) error {
			if id != f.prepared() {
				return errPreparedTaken
			}
			f.Active = id
			return nil
		})
		if !errors.Is(err, errPreparedTaken) {
			break
		}
	}
	if err != nil {
		return "", err
	}
	time.Sleep(lookEvery)
	return id, nil
}

// errPreparedTaken says that another process has taken the prepared key into use meanwhile.
var errPreparedTaken = errors.New("the prepared key is in use")

// prepared is the id of the key that stands behind the active one; empty where there is none.
func (f *keyFile) prepared() string {
	if last := f.Keys[len(f.Keys)-1]; last.ID != f.Active && last.RetiredAt == nil {
		return last.ID
	}
	return ""
}

// Retire takes a key's secret out of the file: anything made with it is invalid in every process when Retire
// returns, but for the audit log up to the entry with the number.
func (v *Vault) Retire(id string, auditUntil int64) error {
	err := v.change(func(f *keyFile) error {
		i := slices.IndexFunc(f.Keys, func(k stored) bool { return k.ID == id && k.RetiredAt == nil })
		switch {
		case i < 0:
			return fmt.Errorf("the key file holds no key %s in use", id)
		case id == f.Active:
			return errors.New("this key is what new things are made with: rotate first")
		}
		now := time.Now().UTC()
		f.Keys[i] = stored{ID: id, CreatedAt: f.Keys[i].CreatedAt, RetiredAt: &now, Audit: v.ring.Load().keys[id].derive(AuditPurpose),
			AuditUntil: auditUntil}
		return nil
	})
	if err == nil {
		time.Sleep(lookEvery)
	}
	return err
}
