package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// IsDuplicate reports whether err says that a row with the same unique value exists already.
func IsDuplicate(err error) bool {
	var s *sqlite.Error
	if errors.As(err, &s) {
		return s.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || s.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	var p *pgconn.PgError
	return errors.As(err, &p) && p.Code == "23505"
}

// ErrCannotWrite is wrapped by errors that mean: the database cannot store anything at the moment
// (disk full, read-only, locked, damaged), whatever is asked of it.
var ErrCannotWrite = errors.New("the database cannot be written")

// errUnavailable is wrapped by errors of operations that had no effect because the database cannot be
// reached or does not answer.
var errUnavailable = errors.New("the database is not available")

// unavailable are the error codes and classes of PostgreSQL that are about its state, not about the
// request: connections, resources, shutting down and starting up, cancelled by an administrator, lost
// races that were tried often enough, trouble with its files.
var unavailable = []string{"08", "53", "57", "58", "40", "55P03", "25P03", "25006", "XX001", "XX002"}

// Unavailable reports whether err says that the database cannot be read or written at the moment,
// whatever is asked of it: so that trying again later may help. It is never true after a change was
// stored, or may have been.
func Unavailable(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) {
		return false
	}
	if errors.Is(err, errUnavailable) || errors.Is(err, ErrClosed) || errors.Is(err, ErrCannotWrite) ||
		errors.Is(Explain(err), ErrCannotWrite) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return true
	}
	var p *pgconn.PgError
	return errors.As(err, &p) && slices.ContainsFunc(unavailable, func(class string) bool { return strings.HasPrefix(p.Code, class) })
}

// Explain adds what an operator should do to an error of the database itself.
func Explain(err error) error {
	if errors.Is(err, ErrCannotWrite) {
		return err
	}
	var p *pgconn.PgError
	switch {
	case errors.As(err, &p) && p.Code == "53100":
		return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errDiskFull, err)
	case errors.As(err, &p) && p.Code == "25006":
		return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errReadOnly, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errDiskFull, err)
	}
	var s *sqlite.Error
	if !errors.As(err, &s) {
		return err
	}
	switch s.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errDiskFull, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errReadOnly, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errLocked, err)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errDisk, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errDamaged, err)
	}
	return err
}
