package store

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate runs the migrations that the database has not seen. A database written by a newer
// Keyway is refused by goose, never changed back.
func migrate(ctx context.Context, db *sql.DB, dialect string) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(database.Dialect(dialect), db, dir)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}
