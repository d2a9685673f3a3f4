package store

import (
	"errors"
	"path/filepath"
	"syscall"
)

// DiskFull is the text used everywhere when no space is left.
const DiskFull = "the disk is full"

// LowDisk is how many free bytes are too few to write safely: SQLite needs some for its log before it can
// change anything.
const LowDisk = 1 << 20

// FreeDisk is how many bytes this user can still write in a folder.
func FreeDisk(folder string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(folder, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// FreeDisk is how many bytes this process can still write beside the database; known is false on PostgreSQL,
// whose disk is its own.
func (db *DB) FreeDisk() (bytes int64, known bool) {
	if db.folder == nil {
		return 0, false
	}
	n, err := FreeDisk(filepath.Dir(db.folder.f.Name()))
	return n, err == nil
}

// Trouble says in a few words, without paths and statements, why the database cannot be read or written: for
// readers who may not see more. It is empty for any other error.
func Trouble(err error) string {
	if !Unavailable(err) {
		return ""
	}
	err = Explain(err)
	for words, is := range map[string]error{DiskFull: errDiskFull, "it is read-only": errReadOnly,
		"another program keeps it locked": errLocked,
		"the disk reports an error":       errDisk, "its file is damaged": errDamaged} {
		if errors.Is(err, is) {
			return words
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		return DiskFull
	}
	return "it does not answer"
}

// The reasons why a database cannot be written.
var (
	errDiskFull = errors.New(DiskFull)
	errReadOnly = errors.New("the data folder or the file in it is read-only for this user")
	errLocked   = errors.New("another program keeps its file locked")
	errDisk     = errors.New("the disk reports an error")
	errDamaged  = errors.New("the file is damaged or not a Keyway database")
)
