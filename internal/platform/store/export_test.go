package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pressly/goose/v3/database"
)

// MigrateLegacy brings a file of SQLite with the first schema to a later legacy version.
func MigrateLegacy(ctx context.Context, path string, version int64) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	m, err := newMigrator(db, database.DialectSQLite3, legacyFiles, "legacy")
	if err != nil {
		return errors.Join(err, db.Close())
	}
	_, err = m.UpTo(ctx, version)
	return errors.Join(err, db.Close())
}

// KeptStatements is how many statements are prepared for reading at the moment.
func KeptStatements(db *DB) int {
	c := db.engine.(*sqliteDB).stmts
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}

// MaxLog is how large the write-ahead log stays, in bytes.
const MaxLog = maxLog

// TrimOften has a large write-ahead log noticed at once.
func TrimOften(db *DB) { db.engine.(*sqliteDB).trim.Reset(10 * time.Millisecond) }
