package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

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

// Unavailable reports whether err says that the database cannot be asked at the moment, to read or to
// write, whatever is asked of it: so that trying again later may help.
func Unavailable(err error) bool {
	if errors.Is(err, ErrCannotWrite) || errors.Is(Explain(err), ErrCannotWrite) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	var p *pgconn.PgError
	if errors.As(err, &p) {
		// Connection exceptions, shutting down or starting up, and too many connections.
		return strings.HasPrefix(p.Code, "08") || strings.HasPrefix(p.Code, "57P0") || p.Code == "53300"
	}
	var n *net.OpError
	return errors.As(err, &n)
}

// Explain puts what an operator should do beside an error of the database itself.
func Explain(err error) error {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		switch p.Code {
		case "53100":
			return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errDiskFull, err)
		case "25006":
			return fmt.Errorf("%w: %w: %w", ErrCannotWrite, errReadOnly, err)
		}
	}
	var c *pgconn.ConnectError
	if errors.As(err, &c) {
		return fmt.Errorf("%w: PostgreSQL cannot be reached: %w", ErrCannotWrite, err)
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
