package wiring_test

import (
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/wiring/apitest"
)

var update = flag.Bool("update", false, "rewrite the generated part of docs/operating.md")

// column is a column of the schema as a database reports it.
type column struct {
	name, kind string // kind in lower case
	key        int    // its place in the primary key, from 1; 0: not in it
	nullable   bool
}

// schema reads the tables of a database, but for the one of the migrations.
func schema(t *testing.T, db *store.DB) map[string][]column {
	t.Helper()
	const sqlite = `SELECT m.name, c.name, lower(c.type), c.pk, c."notnull" = 0 FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid`
	const postgres = `SELECT c.relname, a.attname, format_type(a.atttypid, NULL),
			coalesce((SELECT array_position(string_to_array(i.indkey::text, ' ')::int[], a.attnum::int)
				FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary), 0), NOT a.attnotnull
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY c.relname, a.attnum`
	query := sqlite
	if db.Shared() {
		query = postgres
	}
	tables := map[string][]column{}
	rows, err := db.Query(t.Context(), query)
	_, err = store.All(rows, err, func(rows *sql.Rows) (table string, err error) {
		var c column
		err = rows.Scan(&table, &c.name, &c.kind, &c.key, &c.nullable)
		tables[table] = append(tables[table], c)
		return table, err
	})
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(tables, func(name string, _ []column) bool { return strings.HasPrefix(name, "goose_") })
	return tables
}

// Guards against tables that only grow and rows that outlive their workspace: a table that is not declared, or declared
// wrongly, is found here and not years later on a full disk.
func TestEveryTableIsDeclared(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		tables := schema(t, w.DB)
		for _, d := range w.Tables() {
			columns, ok := tables[d.Name]
			if !ok {
				t.Errorf("%s is declared twice, or is no table", d.Name)
				continue
			}
			delete(tables, d.Name)
			has := func(name string) bool {
				return slices.ContainsFunc(columns, func(c column) bool { return c.name == name })
			}
			key := make([]string, len(d.Key))
			for _, c := range columns {
				if c.key > len(key) || c.key > 0 && key[c.key-1] != "" {
					t.Errorf("%s has a longer primary key than declared", d.Name)
				} else if c.key > 0 {
					key[c.key-1] = c.name
				}
			}
			if !slices.Equal(key, d.Key) {
				t.Errorf("%s has the primary key %v, declared is %v", d.Name, key, d.Key)
			}
			if has("workspace_id") != (d.Workspace == "workspace_id") {
				t.Errorf("%s: its rows belong to a workspace, or they do not: declared is %q", d.Name, d.Workspace)
			}
			if (len(d.Rules) == 0) == (d.Kept == "") {
				t.Errorf("%s needs either rules or what bounds its rows", d.Name)
			}
			for _, r := range d.Rules {
				if !has(r.Age) || r.What == "" {
					t.Errorf("%s: the rule %q counts from the column %q", d.Name, r.What, r.Age)
				}
			}
		}
		for name := range tables {
			t.Errorf("no package declares the table %s", name)
		}
	})
}

// filler writes rows whose values mean nothing.
type filler struct {
	*apitest.World
	tables map[string][]column
	n      int
}

func (f *filler) insert(t *testing.T, table string, count int, values map[string]any) {
	t.Helper()
	err := f.DB.Update(t.Context(), func(tx *store.Tx) error {
		for range count {
			var names, marks []string
			var args []any
			for _, c := range f.tables[table] {
				f.n++
				v, ok := values[c.name]
				if fn, isFunc := v.(func() any); isFunc {
					v = fn()
				}
				if !ok {
					switch c.kind {
					case "text":
						v = fmt.Sprint("v", f.n)
					case "bigint":
						v = f.n
					case "boolean":
						v = false
					default:
						v = []byte{1}
					}
				}
				names, marks, args = append(names, c.name), append(marks, store.Mark(len(args)+1)), append(args, v)
			}
			if _, err := tx.Exec(t.Context(), `INSERT INTO `+table+` (`+strings.Join(names, ", ")+`) VALUES (`+strings.Join(marks, ", ")+`)`,
				args...); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f *filler) count(t *testing.T, table, where string, args ...any) (n int) {
	t.Helper()
	if err := f.DB.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE `+where, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Guards against rows that stay behind when their workspace is deleted, in any table, and against removing those of others.
func TestDeletedWorkspaceLeavesNothing(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		f := &filler{World: w, tables: schema(t, w.DB)}
		for _, d := range w.Tables() {
			if d.Workspace == "" || len(d.Key) == 1 && d.Key[0] == d.Workspace {
				continue
			}
			for _, ws := range []string{"gone", "stays"} {
				f.insert(t, d.Name, 30, map[string]any{d.Workspace: ws})
			}
		}
		w.Must(w.Retention.RemoveWorkspace(t.Context(), "gone"))
		for _, d := range w.Tables() {
			if d.Workspace == "" || len(d.Key) == 1 && d.Key[0] == d.Workspace {
				continue
			}
			want := 0
			if d.Survives {
				want = 30
			}
			if n := f.count(t, d.Name, d.Workspace+" = 'gone'"); n != want {
				t.Errorf("%s: %d rows of the deleted workspace are left, want %d", d.Name, n, want)
			}
			if n := f.count(t, d.Name, d.Workspace+" = 'stays'"); n != 30 {
				t.Errorf("%s: %d of 30 rows of another workspace are left", d.Name, n)
			}
		}
	})
}

// Guards against rules that remove too much or nothing: of every rule, rows a day too old go, in batches, and rows a day
// younger stay.
func TestRulesRemoveWhatIsOldEnough(t *testing.T) {
	t.Parallel()
	// What the condition of a rule, or the code beside it, looks at.
	ended := map[string]map[string]any{
		"events":          {"doc": `{"access_code_id":"c"}`, "occurred_at": 5},
		"action_attempts": {"status": "success"},
	}
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		w.Events.Retention = 100 * 24 * time.Hour
		w.Retention.Tables = w.Tables()
		f := &filler{World: w, tables: schema(t, w.DB)}
		for _, d := range w.Tables() {
			for _, r := range d.Rules {
				values := map[string]any{}
				for _, c := range f.tables[d.Name] { // without a time: has not happened
					if strings.HasSuffix(c.name, "_at") && c.nullable {
						values[c.name] = nil
					}
				}
				maps.Copy(values, ended[d.Name])
				if column, ok := strings.CutSuffix(r.Where, " IS NULL"); ok {
					values[column] = nil
				}
				values["expires_at"] = store.Micros(w.Now().Add(10000 * time.Hour))
				if d.Name == "token_counters" {
					values["counter"] = func() any { f.n++; return fmt.Sprint("told ", f.n) }
				}
				if d.Workspace != "" {
					values[d.Workspace] = "w"
				}
				before, step := f.count(t, d.Name, "1 = 1"), min(r.Keep/2, 30*time.Hour) // ages may be counted by day
				for _, age := range []time.Duration{r.Keep + step, r.Keep - step} {
					values[r.Age] = f.aged(r, w.Now().Add(-age))
					f.insert(t, d.Name, 7, values)
				}
				w.Must(w.Retention.Apply(t.Context()))
				if n := f.count(t, d.Name, "1 = 1") - before; n != 7 {
					t.Errorf("%s: of 7 old and 7 younger rows %d are left after the rule for %s", d.Name, n, r.What)
				}
				w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
					_, err := tx.Exec(t.Context(), `DELETE FROM `+d.Name)
					return err
				}))
			}
		}
	})
}

// aged makes values of a rule's column for rows made at a time, each different where it is an id.
func (f *filler) aged(r store.Rule, at time.Time) any {
	if r.As == nil {
		return store.Micros(at)
	}
	if day, ok := r.As(at).(string); ok && len(day) == len(time.DateOnly) {
		return day
	}
	return func() any {
		f.n++
		id := r.As(at).(string)
		return id[:len(id)-12] + fmt.Sprintf("%012d", f.n)
	}
}

// Guards against a job that writes to every workspace each hour, which would empty caches and wake streams for nothing.
func TestNothingOldCostsNoWrite(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, storetest.SQLite(t))
	w.Events.Retention = 24 * time.Hour
	w.Retention.Tables = w.Tables()
	f := &filler{World: w, tables: schema(t, w.DB)}
	f.insert(t, "events", 10, map[string]any{"workspace_id": "w", "created_at": store.Micros(w.Now())})
	f.insert(t, "action_attempts", 10, map[string]any{"workspace_id": "w", "status": "pending"}) // old, and never removed
	scopes := []store.Scope{store.Workspace("w"), store.Instance}
	before := generations(w.DB, scopes)
	w.Must(w.Retention.Apply(t.Context()))
	if after := generations(w.DB, scopes); !slices.Equal(before, after) {
		t.Errorf("generations %v became %v", before, after)
	}
	if n := f.count(t, "action_attempts", "1 = 1"); n != 10 {
		t.Errorf("%d of 10 pending attempts are left", n)
	}
}

func generations(db *store.DB, scopes []store.Scope) (out []uint64) {
	for _, s := range scopes {
		n, _ := db.Generation(s)
		out = append(out, n)
	}
	return out
}

// The page for operators says for how long rows are kept, as the declarations have it.
func TestRetentionIsDocumented(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, storetest.SQLite(t))
	var table strings.Builder
	table.WriteString("| What | Removed after |\n|---|---|\n")
	for _, d := range w.Tables() {
		for _, r := range d.Rules {
			keep := "the time given by `--event-retention`"
			if d.Name != "events" {
				keep = fmt.Sprintf("%d days", r.Keep/(24*time.Hour))
				if r.Keep <= 24*time.Hour {
					keep = fmt.Sprintf("%d hours", r.Keep/time.Hour)
				}
			}
			fmt.Fprintf(&table, "| %s | %s |\n", r.What, keep)
		}
	}
	const file, from, to = "../../docs/operating.md", "<!-- retention: made by go test ./internal/wiring -run Documented -update -->\n\n",
		"\n<!-- end -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), from)
	now, tail, ended := strings.Cut(rest, to)
	if !found || !ended {
		t.Fatalf("%s has no place for the table of what is kept", file)
	}
	if now == table.String() {
		return
	}
	if !*update {
		t.Fatalf("docs/operating.md says something else; run go test ./internal/wiring -run Documented -update")
	}
	if err := os.WriteFile(file, []byte(head+from+table.String()+to+tail), 0o600); err != nil {
		t.Fatal(err)
	}
}
