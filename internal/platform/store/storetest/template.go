package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"keyway/internal/platform/store"
)

// Most of the time of a small test would go into migrating its database. So a database is migrated once for
// each schema, and tests get copies: of a file in the user's cache folder, and of a template database on the
// test server. Both are named by the digest of the migrations.

// Folder makes a data folder with a new SQLite database that is up to date.
func Folder(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	text, err := sqliteTemplate(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, store.FileName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// sqliteTemplate reads the database that tests get copies of, and makes it first where there is none.
func sqliteTemplate(t testing.TB) ([]byte, error) {
	digest, err := store.SchemaDigest()
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	path := filepath.Join(cache, "keyway-test", "schema-"+digest+".db")
	text, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	folder := t.TempDir()
	db, err := store.Open(context.Background(), store.Options{Folder: folder})
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	if text, err = os.ReadFile(filepath.Join(folder, store.FileName)); err != nil {
		return nil, err
	}
	return text, publish(path, text)
}

// publish writes a file that other processes see whole or not at all.
func publish(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "schema-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// MigratedURL returns the URL of a new PostgreSQL database that is up to date. It is dropped when the test ends.
func MigratedURL(t testing.TB) string {
	t.Helper()
	u, admin := testServer(t)
	ctx := context.Background()
	template, err := postgresTemplate(ctx, admin, u)
	if err != nil {
		t.Fatal(err)
	}
	name := "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.ExecContext(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return inDatabase(u, name)
}

func inDatabase(server *url.URL, name string) string {
	u := *server
	u.Path = "/" + name
	return u.String()
}

// postgresTemplate returns the name of the database that tests get copies of, and makes it first where there is
// none. Of several processes one makes it; it gets its name when it is complete.
func postgresTemplate(ctx context.Context, admin *sql.DB, server *url.URL) (name string, err error) {
	digest, err := store.SchemaDigest()
	if err != nil {
		return "", err
	}
	name = "keyway_schema_" + digest
	exists := func(q interface {
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}) (is bool, err error) {
		err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`, name).Scan(&is)
		return is, err
	}
	if is, err := exists(admin); err != nil || is {
		return name, err
	}
	conn, err := admin.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(hashtext($1))`, name); err != nil {
		return "", err
	}
	defer func() {
		_, unlockErr := conn.ExecContext(ctx, `SELECT pg_advisory_unlock(hashtext($1))`, name)
		err = errors.Join(err, unlockErr)
	}()
	if is, err := exists(conn); err != nil || is {
		return name, err
	}
	making := name + "_making"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + making + " WITH (FORCE)", "CREATE DATABASE " + making} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return "", err
		}
	}
	db, err := store.Open(ctx, store.Options{DatabaseURL: inDatabase(server, making)})
	if err != nil {
		return "", err
	}
	if err := db.Close(); err != nil {
		return "", err
	}
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", making, name)); err != nil {
		return "", err
	}
	return name, nil
}
