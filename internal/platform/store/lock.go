package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// lockName is the file that a process using the data folder holds a lock on. The lock ends with
// the process; the file stays and says who has, or had, the folder.
const lockName = "keyway.lock"

// Holder is the process that uses a data folder.
type Holder struct {
	PID    int    `json:"pid"`
	Server string `json:"server,omitempty"` // the address it serves on; empty for a command
}

// HeldError is returned by Open when another process uses the data folder.
type HeldError struct {
	Folder string
	Holder Holder
}

func (e *HeldError) Error() string {
	who := "a keyway command"
	if e.Holder.Server != "" {
		who = "the keyway server at " + e.Holder.Server
	}
	return fmt.Sprintf("the data folder %s is in use by %s (process %d)", e.Folder, who, e.Holder.PID)
}

type folderLock struct{ f *os.File }

func lockFolder(folder, server string) (*folderLock, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", Explain(err))
	}
	f, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return nil, fmt.Errorf("%w: the data folder %s cannot be written by this user: %w", ErrCannotWrite, folder, err)
	} else if err != nil {
		return nil, fmt.Errorf("data folder: %w", Explain(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		held := &HeldError{Folder: folder}
		_ = json.NewDecoder(f).Decode(&held.Holder) // best effort: the holder may be writing it
		return nil, errors.Join(held, f.Close())
	}
	l := &folderLock{f}
	if err := l.describe(server); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// describe records who has the lock.
func (l *folderLock) describe(server string) error {
	text, err := json.Marshal(Holder{os.Getpid(), server})
	if err == nil {
		err = errors.Join(l.f.Truncate(0), writeAt(l.f, text))
	}
	if err != nil {
		if err = Explain(err); !errors.Is(err, ErrCannotWrite) {
			err = fmt.Errorf("%w: %w", ErrCannotWrite, err)
		}
		return err
	}
	return nil
}

// SetServer changes the address that is shown to others who want the data folder: it may be known only after the
// database is open. On PostgreSQL it does nothing.
func (db *DB) SetServer(address string) error {
	if db.folder == nil {
		return nil
	}
	return db.folder.describe(address)
}

func writeAt(f *os.File, b []byte) error {
	_, err := f.WriteAt(b, 0)
	return err
}

func (l *folderLock) release() error { return l.f.Close() }
