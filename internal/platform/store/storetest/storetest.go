// Package storetest provides tests with a fresh database of each kind. SQLite is the test double for fast
// tests; whatever touches SQL runs on both.
package storetest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver that makes and drops schemas

	"keyway/internal/platform/store"
)

// PostgresVariable names the environment variable with the URL of a PostgreSQL that tests may
// fill. `make test` starts one and sets it.
const PostgresVariable = "KEYWAY_TEST_POSTGRES"

// SQLiteOnlyVariable names the environment variable that has Each and EachEmpty leave PostgreSQL out, for a quick look at a
// change that is being worked on (`make verify`).
const SQLiteOnlyVariable = "KEYWAY_TEST_SQLITE_ONLY"

// Each runs a test on SQLite and on PostgreSQL.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	if os.Getenv(SQLiteOnlyVariable) != "" {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// EachEmpty runs a test on a place for a new database of each kind, with how to reach it without a store.
func EachEmpty(t *testing.T, test func(t *testing.T, driver, source string, o store.Options)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		test(t, "sqlite", filepath.Join(folder, store.FileName), store.Options{Folder: folder})
	})
	if os.Getenv(SQLiteOnlyVariable) != "" {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := PostgresURL(t)
		test(t, "pgx", url, store.Options{DatabaseURL: url})
	})
}

// SQLite opens a new database in a folder of its own.
func SQLite(t testing.TB) *store.DB { return open(t, store.Options{Folder: Folder(t)}) }

// Postgres opens a new database on the test server.
func Postgres(t testing.TB) *store.DB { return open(t, store.Options{DatabaseURL: MigratedURL(t)}) }

// PostgresURL returns the URL of a new, empty schema that is dropped when the test ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	u, admin := testServer(t)
	schema := "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.ExecContext(context.Background(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// testServer returns the URL of the test server and a connection to it.
func testServer(t testing.TB) (*url.URL, *sql.DB) {
	t.Helper()
	base := os.Getenv(PostgresVariable)
	if base == "" {
		t.Fatalf("%s is not set: run `make test`, or point it at a PostgreSQL that tests may fill", PostgresVariable)
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	return u, admin
}

func open(t testing.TB, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	db.SetSigner(NewSigner())
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Signer signs rows with a random key of its own, for tests without a server key.
type Signer struct{ key []byte }

var _ store.Signer = (*Signer)(nil)

// NewSigner makes a Signer.
func NewSigner() *Signer { return &Signer{[]byte(uuid.NewString())} }

// MAC implements store.Signer.
func (s *Signer) MAC(message []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write(message)
	return h.Sum(nil)
}

// VerifyMAC implements store.Signer.
func (s *Signer) VerifyMAC(message, mac []byte) bool { return hmac.Equal(s.MAC(message), mac) }

// Refused implements store.Signer.
func (s *Signer) Refused(string, string) {}
