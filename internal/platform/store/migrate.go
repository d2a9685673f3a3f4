package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// The schema of a new database is migrations/. Before the first release the migrations 1 to 18 were folded
// into 100 to 109, which make the same schema in one step; legacy/ brings older databases to that point.
// Migrations are never folded again: docs/architecture.md says why.
var (
	//go:embed migrations/*.sql
	migrationFiles embed.FS
	//go:embed legacy/*.sql
	legacyFiles embed.FS
)

// lastFolded is the last migration whose effect the legacy migrations have as well.
const lastFolded = 109

// UnknownSchemaError is returned by Open for a database to which a migration was applied that this program
// does not contain: a newer program's, as a rule. Nothing is written to such a database.
type UnknownSchemaError struct {
	Database int64 // the newest migration of the database
	Program  int64 // the newest migration of this program
}

func (e *UnknownSchemaError) Error() string {
	return fmt.Sprintf("the database has schema version %d, but this keyway knows versions up to %d only: "+
		"use the keyway that last wrote to it, or a newer one", e.Database, e.Program)
}

// migrate applies the migrations that the database does not have yet. It returns *UnknownSchemaError.
func migrate(ctx context.Context, db *sql.DB, dialect database.Dialect) error {
	current, err := newMigrator(db, dialect, migrationFiles, "migrations")
	if err != nil {
		return err
	}
	legacy, err := newMigrator(db, dialect, legacyFiles, "legacy")
	if err != nil {
		return err
	}
	// This creates the table of versions in an empty database.
	if _, err := current.GetDBVersion(ctx); err != nil {
		return err
	}
	versions, err := database.NewStore(dialect, goose.DefaultTablename)
	if err != nil {
		return err
	}
	list, err := versions.ListMigrations(ctx, db)
	if err != nil {
		return err
	}
	applied := map[int64]bool{}
	for _, m := range list {
		applied[m.Version] = m.IsApplied
	}
	if err := checkKnown(applied, slices.Concat(legacy.ListSources(), current.ListSources())); err != nil {
		return err
	}
	if first := current.ListSources()[0].Version; applied[1] && !applied[first] {
		if _, err := legacy.Up(ctx); err != nil {
			return err
		}
		if err := markFolded(ctx, db, versions, current.ListSources()); err != nil {
			return err
		}
	}
	_, err = current.Up(ctx)
	return err
}

func newMigrator(db *sql.DB, dialect database.Dialect, files embed.FS, folder string) (*goose.Provider, error) {
	dir, err := fs.Sub(files, folder)
	if err != nil {
		return nil, err
	}
	// Migrations of parallel branches may arrive out of order.
	return goose.NewProvider(dialect, db, dir, goose.WithAllowOutofOrder(true), goose.WithDisableGlobalRegistry(true))
}

// checkKnown returns *UnknownSchemaError if a migration was applied that is not one of the sources.
func checkKnown(applied map[int64]bool, sources []*goose.Source) error {
	known := map[int64]bool{0: true} // goose's own mark of a new table
	var program, unknown int64
	for _, s := range sources {
		known[s.Version] = true
		program = max(program, s.Version)
	}
	for v := range applied {
		if !known[v] {
			unknown = max(unknown, v)
		}
	}
	if unknown != 0 {
		return &UnknownSchemaError{Database: unknown, Program: program}
	}
	return nil
}

// markFolded records in one transaction that the folded migrations are applied.
func markFolded(ctx context.Context, db *sql.DB, versions database.Store, sources []*goose.Source) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, s := range sources {
		if s.Version > lastFolded {
			break
		}
		if err := versions.Insert(ctx, tx, database.InsertRequest{Version: s.Version}); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// migrateShared is migrate on a PostgreSQL at which several servers may start at once: one migrates, the
// others wait for it.
func migrateShared(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the lock is given back below; what is left is the pool's
	// The lock is of the schema, not of the whole database, and the server releases it with the connection.
	const name = `hashtext('keyway migrations ' || current_schema())`
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(`+name+`)`); err != nil {
		return fmt.Errorf("waiting for another server's migrations: %w", err)
	}
	err = migrate(ctx, db, database.DialectPostgres)
	_, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(`+name+`)`)
	return errors.Join(err, unlockErr)
}

// SchemaDigest names the schema that Open makes: it is another as soon as any migration is.
func SchemaDigest() (string, error) {
	h := sha256.New()
	for _, files := range []embed.FS{legacyFiles, migrationFiles} {
		err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := files.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n%s", path, len(text), text)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}
