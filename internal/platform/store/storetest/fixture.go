package storetest

import (
	"database/sql"
	"embed"
	"os"
	"path/filepath"
	"testing"

	"keyway/internal/platform/store"
)

// Version01 and Version18 are databases as earlier versions left them: with the first schema, and with the
// last one before migrations were folded. Both contain tokens, whose secrets are in Fixture(t, name, "tokens.json").
const (
	Version01 = "version01"
	Version18 = "version18"
)

//go:embed testdata
var fixtures embed.FS

// Fixture reads one file of an earlier version's database: keys.json is its key file.
func Fixture(t testing.TB, name, file string) []byte {
	t.Helper()
	text, err := fixtures.ReadFile("testdata/" + name + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// FixtureFolder makes a data folder with an earlier version's database and keys.
func FixtureFolder(t testing.TB, name string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "keys"), Fixture(t, name, "keys.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	Run(t, "sqlite", filepath.Join(folder, store.FileName), string(Fixture(t, name, "sqlite.sql")))
	return folder
}

// FixtureURL makes a PostgreSQL schema with an earlier version's database. Its keys are those of FixtureFolder.
func FixtureURL(t testing.TB, name string) string {
	t.Helper()
	url := PostgresURL(t)
	Run(t, "pgx", url, string(Fixture(t, name, "postgres.sql")))
	return url
}

// Run executes statements on a database that no server has open.
func Run(t testing.TB, driver, source, statements string) {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
