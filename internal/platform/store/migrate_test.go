package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// rows reads all rows of a query as text.
func rows(t *testing.T, db *sql.DB, query string, args ...any) (out [][]string) {
	t.Helper()
	r, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	names, err := r.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for r.Next() {
		values, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := r.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(names))
		for i, v := range values {
			if row[i] = v.String; !v.Valid {
				row[i] = "NULL"
			}
		}
		out = append(out, row)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// schema describes every table and index of a database, a line each.
func schema(t *testing.T, driver, source string) (lines []string) {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	add := func(kind string, found [][]string) {
		for _, row := range found {
			lines = append(lines, kind+" "+strings.Join(row, " | "))
		}
	}
	if driver == "pgx" {
		add("column", rows(t, db, `SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'`))
		add("index", rows(t, db, `SELECT tablename, replace(indexdef, current_schema() || '.', '') FROM pg_indexes
			WHERE schemaname = current_schema() AND tablename <> 'goose_db_version'`))
	} else {
		for _, table := range rows(t, db,
			`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'`) {
			add("column "+table[0], rows(t, db, `SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info($1)`, table[0]))
			for _, index := range rows(t, db, `SELECT name, "unique", origin, partial FROM pragma_index_list($1)`, table[0]) {
				key := rows(t, db, `SELECT seqno, name, "desc", coll FROM pragma_index_xinfo($1)`, index[0])
				text := rows(t, db, `SELECT sql FROM sqlite_master WHERE name = $1`, index[0])
				lines = append(lines, fmt.Sprint("index ", table[0], index, key, strings.Join(strings.Fields(text[0][0]), " ")))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// A database of any earlier version, and a new one, end with the same schema after Open: the one that the
// queries are written for.
func TestAllVersionsEndInOneSchema(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, o store.Options) {
		t.Helper()
		for range 2 { // the second time there is nothing left to migrate
			db, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		ends := map[string][]string{}
		for _, from := range []string{"", storetest.Version01, storetest.Version18} {
			folder := t.TempDir()
			if from != "" {
				folder = storetest.FixtureFolder(t, from)
			}
			open(t, store.Options{Folder: folder})
			ends[from] = schema(t, "sqlite", filepath.Join(folder, store.FileName))
		}
		same(t, ends)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		ends := map[string][]string{}
		for _, from := range []string{"", storetest.Version01, storetest.Version18} {
			url := storetest.PostgresURL(t)
			if from != "" {
				url = storetest.FixtureURL(t, from)
			}
			open(t, store.Options{DatabaseURL: url})
			ends[from] = schema(t, "pgx", url)
		}
		same(t, ends)
	})
}

func same(t *testing.T, ends map[string][]string) {
	t.Helper()
	if len(ends[""]) < 300 {
		t.Fatalf("a new database has only %d columns and indexes", len(ends[""]))
	}
	for from, lines := range ends {
		if diff := cmp.Diff(ends[""], lines); diff != "" {
			t.Errorf("schema of a new database (-) and after %q (+):\n%s", from, diff)
		}
	}
}

// A database in the middle of the legacy migrations, as an update that was interrupted leaves it, is
// brought to the same schema and keeps its rows.
func TestEveryLegacyVersionOpens(t *testing.T) {
	t.Parallel()
	fresh := t.TempDir()
	db, err := store.Open(t.Context(), store.Options{Folder: fresh})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	want := schema(t, "sqlite", filepath.Join(fresh, store.FileName))
	for version := int64(1); version <= 18; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			folder := storetest.FixtureFolder(t, storetest.Version01)
			path := filepath.Join(folder, store.FileName)
			if err := store.MigrateLegacy(t.Context(), path, version); err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(t.Context(), store.Options{Folder: folder})
			if err != nil {
				t.Fatal(err)
			}
			var n int
			if err := db.QueryRow(t.Context(), `SELECT count(*) FROM credentials WHERE family_id = credential_id`).Scan(&n); err != nil || n == 0 {
				t.Errorf("%d tokens after the update: %v", n, err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, schema(t, "sqlite", path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Servers that start at once on one new PostgreSQL do not run a migration twice.
func TestServersMigrateInTurn(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresURL(t)
	errs := make(chan error)
	for range 4 {
		go func() {
			db, err := store.Open(t.Context(), store.Options{DatabaseURL: url})
			if err == nil {
				err = db.Close()
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if twice := rows(t, db, `SELECT version_id FROM goose_db_version GROUP BY version_id HAVING count(*) > 1`); twice != nil {
		t.Errorf("applied twice: %v", twice)
	}
}

// A database that a newer program has changed is refused before anything is written to it: this program
// does not know what its tables mean.
func TestUnknownSchemaIsRefused(t *testing.T) {
	t.Parallel()
	storetest.EachEmpty(t, func(t *testing.T, driver, source string, o store.Options) {
		db, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		for _, version := range []int64{19, 98765} { // 19: a legacy database of another branch
			storetest.Run(t, driver, source, fmt.Sprintf(`DELETE FROM goose_db_version WHERE version_id IN (19, 109);
				INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 't')`, version))
			_, err = store.Open(t.Context(), o)
			var unknown *store.UnknownSchemaError
			if !errors.As(err, &unknown) {
				t.Fatalf("version %d opened: %v", version, err)
			}
			if unknown.Database != version || unknown.Program < 109 || !strings.Contains(err.Error(), fmt.Sprint(version)) ||
				!strings.Contains(err.Error(), fmt.Sprint(unknown.Program)) {
				t.Errorf("refusal: %v", err)
			}
			d, err := sql.Open(driver, source)
			if err != nil {
				t.Fatal(err)
			}
			if again := rows(t, d, `SELECT version_id FROM goose_db_version WHERE version_id = 109`); again != nil {
				t.Error("a migration ran on the refused database")
			}
			_ = d.Close()
		}
	})
}
