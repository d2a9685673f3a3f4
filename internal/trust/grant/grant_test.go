package grant_test

import (
	"database/sql"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/grant"
)

func exec(t *testing.T, db *store.DB, query string, args ...any) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), query, args...)
		return err
	}, store.Instance); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// row is a row of a signed table with a value in every column; the other one differs in every signed column.
func row(table *signed.Table, other bool) signed.Set {
	set := signed.Set{}
	for i, c := range slices.Concat(table.Key, table.Signed) {
		switch {
		case slices.Contains(signed.Int(c.Name), c):
			set[c.Name] = int64(1000 + i)
			if other {
				set[c.Name] = int64(2000 + i)
			}
		case slices.Contains(signed.Bool(c.Name), c):
			set[c.Name] = !other
		case slices.Contains(signed.Bytes(c.Name), c):
			set[c.Name] = []byte("bytes of " + c.Name)
			if other {
				set[c.Name] = []byte("other bytes of " + c.Name)
			}
		default:
			set[c.Name] = "text of " + c.Name
			if other {
				set[c.Name] = "other text of " + c.Name
			}
		}
	}
	for _, name := range table.Unsigned { // those that must have a value
		switch {
		case strings.HasSuffix(name, "_at"), strings.HasSuffix(name, "_count"), strings.HasSuffix(name, "_notice"), name == "failures",
			name == "clock_offset":
			set[name] = 1
		case name == "sealed_token":
			set[name] = []byte("sealed")
		case name == "recent_addresses":
			set[name] = "[]"
		default:
			set[name] = "anything"
		}
	}
	return set
}

func keyOf(table *signed.Table, set signed.Set) (condition string, args []any) {
	var parts []string
	for _, c := range table.Key {
		args = append(args, set[c.Name])
		parts = append(parts, c.Name+" = "+store.Mark(len(args)))
	}
	return strings.Join(parts, " AND "), args
}

// A kind of fault: a row of a table that grants something is believed although someone who can write to the
// database, but has not the server key, changed it. Every signed column of every such table is changed to another
// value and to NULL, and each time the row counts as missing.
func TestTamperedRowsAreRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, table := range grant.Tables() {
			set := row(table, false)
			put := func() {
				if err := db.Update(t.Context(), func(tx *store.Tx) error {
					if _, err := tx.Exec(t.Context(), `DELETE FROM `+table.Name); err != nil {
						return err
					}
					return table.Insert(t.Context(), tx, set)
				}, store.Instance); err != nil {
					t.Fatalf("%s: %v", table.Name, err)
				}
			}
			genuine := func() bool {
				v, err := table.Select(t.Context(), db, `1 = 1`)
				if err != nil {
					t.Fatal(err)
				}
				return len(v) == 1
			}
			put()
			if !genuine() {
				t.Fatalf("%s: a row as it was written is refused", table.Name)
			}
			other := row(table, true)
			for _, c := range slices.Concat(table.Key, table.Signed) {
				for _, to := range []any{other[c.Name], nil} {
					put()
					if err := db.Update(t.Context(), func(tx *store.Tx) error {
						_, err := tx.Exec(t.Context(), `UPDATE `+table.Name+` SET `+c.Name+` = $1`, to)
						return err
					}, store.Instance); err != nil && to == nil {
						continue // the column takes no NULL
					} else if err != nil {
						t.Fatalf("%s.%s: %v", table.Name, c.Name, err)
					}
					if genuine() {
						t.Errorf("%s.%s was changed to %v and the row is believed", table.Name, c.Name, to)
					}
					if len(table.Signed) == 0 {
						continue // nothing is written to it later
					}
					// What Keyway writes to such a row afterwards does not make it genuine.
					if err := db.Update(t.Context(), func(tx *store.Tx) error {
						w := &store.Where{}
						w.Add("1 = 1")
						_, err := table.Update(t.Context(), tx, signed.Set{table.Signed[0].Name: other[table.Signed[0].Name]}, w)
						return err
					}, store.Instance); err != nil {
						t.Fatal(err)
					}
					if genuine() {
						t.Errorf("%s.%s was changed, and a later write signed the row", table.Name, c.Name)
					}
				}
			}
			put()
			exec(t, db, `UPDATE `+table.Name+` SET mac = NULL`)
			if genuine() {
				t.Errorf("%s: a row without MAC is believed", table.Name)
			}
		}
	})
}

// A kind of fault: the MAC of one row is good for another one, or for another table.
func TestMACsCannotBeMoved(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	for _, table := range grant.Tables() {
		a, b := row(table, false), row(table, true)
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			return errors.Join(table.Insert(t.Context(), tx, a), table.Insert(t.Context(), tx, b))
		}, store.Instance); err != nil {
			t.Fatal(err)
		}
		exec(t, db, `UPDATE `+table.Name+` SET mac = (SELECT max(mac) FROM `+table.Name+`)`)
		if v, err := table.Select(t.Context(), db, `1 = 1`); err != nil || len(v) != 1 {
			t.Errorf("%s: %d rows with one MAC are believed, %v", table.Name, len(v), err)
		}
	}
}

// What is written by a change keeps the row genuine, also where the database keeps another text than it was given.
func TestChangedRowsAreGenuine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, table := range grant.Tables() {
			a, b := row(table, false), row(table, true)
			for _, c := range table.Signed {
				if text, ok := b[c.Name].(string); ok && slices.Contains(signed.Text(c.Name), c) {
					b[c.Name] = text + "\x00\xff"
				}
			}
			where, args := keyOf(table, b)
			if err := db.Update(t.Context(), func(tx *store.Tx) error {
				if err := table.Insert(t.Context(), tx, a); err != nil {
					return err
				}
				w := &store.Where{}
				condition, values := keyOf(table, a)
				w.Add(regexp.MustCompile(`\$\d+`).ReplaceAllString(condition, "?"), values...)
				rows, err := table.Update(t.Context(), tx, b, w)
				if len(rows) != 1 {
					t.Errorf("%s: %d rows changed", table.Name, len(rows))
				}
				return err
			}, store.Instance); err != nil {
				t.Fatalf("%s: %v", table.Name, err)
			}
			if _, err := table.One(t.Context(), db, where, args...); err != nil {
				t.Errorf("%s: a changed row is refused: %v", table.Name, err)
			}
		}
	})
}

// A kind of fault: a migration adds a column that decides something, and the MAC does not cover it. Every column
// of a signed table is declared, as signed or as deciding nothing.
func TestEveryColumnIsDeclared(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	for _, table := range grant.Tables() {
		rows, err := db.Query(t.Context(), `SELECT * FROM `+table.Name+` LIMIT 0`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err := errors.Join(err, rows.Err()); err != nil {
			t.Fatal(err)
		}
		declared := slices.Concat(table.Unsigned, []string{signed.MACColumn})
		for _, c := range slices.Concat(table.Key, table.Signed) {
			declared = append(declared, c.Name)
		}
		slices.Sort(names)
		slices.Sort(declared)
		if !slices.Equal(names, declared) {
			t.Errorf("%s has the columns\n%v, and declared are\n%v", table.Name, names, declared)
		}
	}
}

// A kind of fault: a statement somewhere writes a signed table past package signed, so that the row is refused, or
// would be signed unseen. All SQL of the program is checked.
func TestSignedTablesAreWrittenInOnePlace(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	unsigned := map[string][]string{}
	for _, table := range grant.Tables() {
		unsigned[table.Name] = table.Unsigned
	}
	// Where the name of the table is not in the text: these take it from tables that they know of.
	dynamic := []string{"internal/platform/signed", "internal/trust/keyring/store.go"}
	write := regexp.MustCompile(`(?is)\b(INSERT\s+INTO|UPDATE|REPLACE\s+INTO|MERGE\s+INTO)\s+(\w+|\x00)(?:\s+SET\s+(.*?)(?:\bWHERE\b|\bRETURNING\b|$))?`)
	assigned := regexp.MustCompile(`(?:^|,)\s*(\w+)\s*=`)
	texts := 0
	check := func(file, text string) {
		for _, m := range write.FindAllStringSubmatch(text, -1) {
			texts++
			table := strings.ToLower(m[2])
			free, isSigned := unsigned[table]
			switch {
			case table == "\x00":
				if !slices.ContainsFunc(dynamic, func(d string) bool { return strings.HasPrefix(filepath.ToSlash(file), d) }) {
					t.Errorf("%s: a statement writes a table that is not named in it: %q", file, text)
				}
			case !isSigned:
			case !strings.EqualFold(m[1], "UPDATE"):
				t.Errorf("%s: rows of %s are inserted with signed.Table.Insert only: %q", file, table, text)
			default:
				for _, a := range assigned.FindAllStringSubmatch(outside(m[3]), -1) {
					if !slices.Contains(free, a[1]) {
						t.Errorf("%s: %s.%s is changed with signed.Table.Update only: %q", file, table, a[1], text)
					}
				}
			}
		}
	}
	for _, folder := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				e, ok := n.(ast.Expr)
				if !ok {
					return true
				}
				if text, ok := constant(e); ok {
					check(name, text)
					return false
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if texts < 60 {
		t.Errorf("only %d statements were looked at", texts)
	}
}

// constant is the text of a string, or of a sum in which there is one; what is not known in it is \x00.
func constant(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return strings.NewReplacer("%s", "\x00").Replace(text), err == nil
		}
	case *ast.ParenExpr:
		return constant(e.X)
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, isLeft := constant(e.X)
		right, isRight := constant(e.Y)
		if !isLeft && !isRight {
			return "", false
		}
		if !isLeft {
			left = "\x00"
		}
		if !isRight {
			right = "\x00"
		}
		return left + right, true
	}
	return "", false
}

// outside is a text without what stands in parentheses, and without CASE … END.
func outside(text string) string {
	var b strings.Builder
	depth := 0
	for _, r := range regexp.MustCompile(`(?is)\bCASE\b.*?\bEND\b`).ReplaceAllString(text, "") {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// A kind of fault: a database of a version without MACs, or without those of some tables, stands still after the upgrade, or
// rows without MAC are signed more than that once.
func TestRowsOfAnEarlierVersionAreSignedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path := filepath.Join(t.TempDir(), "keys")
		v, err := vault.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		reopen := func(version int) { // with a key file of a version of Keyway that signed fewer tables
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			old := regexp.MustCompile(`,\s*"signed_version": \d+`).ReplaceAll(text, nil)
			if version == 0 {
				old = regexp.MustCompile(`,\s*"rows_signed": true`).ReplaceAll(old, nil)
			}
			if err := os.WriteFile(path, old, 0o600); err != nil {
				t.Fatal(err)
			}
			if v, err = vault.Open(path); err != nil || v.SignedVersion() != version {
				t.Fatal(v.SignedVersion(), err)
			}
			db.SetSigner(&signed.Signer{Vault: v, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		}
		reopen(0)
		log := &audit.Log{DB: db, Vault: v, Now: time.Now}
		insert := func(id string) {
			exec(t, db, `INSERT INTO memberships (workspace_id, user_id, role, created_at) VALUES ('w', $1, 'owner', 0)`, id)
		}
		genuine := func(id string) bool {
			_, err := grant.Memberships.One(t.Context(), db, `user_id = $1`, id)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				t.Fatal(err)
			}
			return err == nil
		}
		sign := func() {
			log.Vault = v
			if err := grant.SignOnce(t.Context(), db, v, log, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 1100 { // more than one batch
			insert(fmt.Sprintf("before %d", i))
		}
		if genuine("before 7") {
			t.Error("a row is believed before it was signed")
		}
		sign()
		if !genuine("before 7") || !genuine("before 1099") {
			t.Error("rows from before the upgrade are refused")
		}
		var detail string
		if err := db.QueryRow(t.Context(), `SELECT detail FROM audit_entries WHERE action = 'server.rows_signed'`).Scan(&detail); err != nil ||
			!strings.Contains(detail, "1100") {
			t.Errorf("the audit log says %q, %v", detail, err)
		}
		insert("later")
		sign()
		reopen(0) // another server's copy of the key file: the database says that its rows are signed
		sign()
		exec(t, db, `DELETE FROM settings WHERE name LIKE 'signed_rows%'`) // without the key, that is no way to a second signing
		sign()
		if genuine("later") {
			t.Error("a row that was written later without the key was signed")
		}
		bad, err := signed.CheckAll(t.Context(), db, grant.Tables())
		if err != nil || len(bad) != 1 || bad[0].Count != 1 || bad[0].IDs[0] != "w/later" {
			t.Errorf("found %+v, %v", bad, err)
		}
		// A table that a later version of Keyway signs too is signed once as well, and the others are not again.
		reopen(1)
		session := func(id string) {
			exec(t, db, `INSERT INTO client_sessions (workspace_id, client_session_id, short_token, key_id, digest, sealed_token, created_at,
				expires_at) VALUES ('w', $1, $1, 'k', $2, $2, 0, 1)`, id, []byte{1})
		}
		isSession := func(id string) bool {
			v, err := grant.ClientSessions.Select(t.Context(), db, `client_session_id = $1`, id)
			if err != nil {
				t.Fatal(err)
			}
			return len(v) == 1
		}
		session("before")
		sign()
		if !isSession("before") || genuine("later") || v.SignedVersion() != grant.Version {
			t.Errorf("the session from before counts: %t, the membership that was written without the key: %t, version %d",
				isSession("before"), genuine("later"), v.SignedVersion())
		}
		session("after")
		sign()
		reopen(1)
		sign()
		if isSession("after") {
			t.Error("a session that was written later without the key was signed")
		}
		exec(t, db, `DELETE FROM client_sessions WHERE client_session_id = 'after'`)
		if bad, err = signed.CheckAll(t.Context(), db, grant.Tables()); err != nil || len(bad) != 1 || bad[0].Table != "memberships" {
			t.Errorf("found %+v, %v", bad, err)
		}
		// Who has the key may vouch for a database that was put back.
		if err := grant.Sign(t.Context(), db, v, log, audit.Server); err != nil || !genuine("later") {
			t.Errorf("rows are refused after they were signed: %v", err)
		}
	})
}

// Rows stay genuine while the key changes, and are signed with the new one, but for those that never were genuine.
func TestRotationSignsAnew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		v, err := vault.Create(filepath.Join(t.TempDir(), "keys"))
		if err != nil {
			t.Fatal(err)
		}
		db.SetSigner(&signed.Signer{Vault: v, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		old := v.KeyID()
		for _, table := range grant.Tables() {
			if err := db.Update(t.Context(), func(tx *store.Tx) error {
				return errors.Join(table.Insert(t.Context(), tx, row(table, false)), table.Insert(t.Context(), tx, row(table, true)))
			}, store.Instance); err != nil {
				t.Fatal(err)
			}
			where, args := keyOf(table, row(table, true))
			exec(t, db, `UPDATE `+table.Name+` SET mac = `+table.Name+`.mac || $`+strconv.Itoa(len(args)+1)+` WHERE `+where,
				append(args, []byte{0})...)
		}
		next, err := v.Rotate()
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range grant.Tables() {
			if n, err := table.Under(t.Context(), db, old); err != nil || n != 1 {
				t.Errorf("%s: %d rows under the old key, %v", table.Name, n, err)
			}
			if n, err := table.SignAnew(t.Context(), db, next); err != nil || n != 1 {
				t.Errorf("%s: %d rows signed anew, %v", table.Name, n, err)
			}
			if n, err := table.Under(t.Context(), db, old); err != nil || n != 0 {
				t.Errorf("%s: %d rows under the old key, %v", table.Name, n, err)
			}
		}
		if err := v.Retire(old, 0); err != nil {
			t.Fatal(err)
		}
		for _, table := range grant.Tables() {
			if v, err := table.Select(t.Context(), db, `1 = 1`); err != nil || len(v) != 1 {
				t.Errorf("%s: %d rows are believed without the old key, %v", table.Name, len(v), err)
			}
		}
	})
}

// A kind of fault: a change of what a person may do past the functions that renew their sessions and end their invitations.
// All of the program's text is checked.
func TestRightsAreChangedInOnePlace(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`grant\.(Memberships|Users)\.(Insert|InsertNew|Update)\(|DELETE FROM memberships|` +
		`updateUser\([^\n]*"(is_operator|disabled_at)"`)
	allowed := map[string]string{"internal/trust/identity/store.go": "grant.Users."} // creates people, and changes names and passwords
	root, files := filepath.Join("..", "..", ".."), 0
	for _, folder := range []string{"internal", "cmd"} {
		if err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil || filepath.ToSlash(filepath.Dir(name)) == "internal/trust/grant" {
				return err
			}
			text, err := os.ReadFile(path)
			files++
			for _, found := range forbidden.FindAllString(string(text), -1) {
				if a := allowed[filepath.ToSlash(name)]; a == "" || !strings.HasPrefix(found, a) {
					t.Errorf("%s: %s", name, found)
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 {
		t.Errorf("only %d files were looked at", files)
	}
}
