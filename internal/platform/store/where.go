package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Where builds a WHERE clause of conditions that all must hold. Values are only ever parameters.
type Where struct {
	conditions []string
	list       string // SELECT of the values of a JSON list
	Args       []any
	driver     *drivingQuery

	NewestFirst bool // turns the order of Page around
}

// Where begins a clause.
func (db *DB) Where() *Where { return &Where{list: db.listClause()} }

// New begins another clause, for a subquery.
func (w *Where) New() *Where { return &Where{list: w.list} }

// Add adds a condition in which each ? stands for the next value.
func (w *Where) Add(condition string, values ...any) {
	w.conditions = append(w.conditions, condition)
	w.Args = append(w.Args, values...)
}

// AddIn adds that a column has one of the values; with no values nothing matches. A list is one
// parameter, so that lists of all lengths share one prepared statement.
func (w *Where) AddIn(column string, values []string) {
	switch len(values) {
	case 0:
		w.conditions = append(w.conditions, "1 = 0")
	case 1:
		w.Add(column+" = ?", values[0])
	default:
		w.Add(column+" IN ("+w.list+")", jsonList(values))
	}
}

// AddNotIn adds that a column has none of the values.
func (w *Where) AddNotIn(column string, values []string) {
	if len(values) > 0 {
		w.Add(column+" NOT IN ("+w.list+")", jsonList(values))
	}
}

func jsonList(values []string) string {
	clean := make([]string, len(values))
	for i, v := range values {
		clean[i] = text(v) // JSON would carry a NUL past storable
	}
	list, err := json.Marshal(clean)
	if err != nil {
		panic(err) // strings
	}
	return string(list)
}

// AddSubquery adds that a column has one of the values that a SELECT finds with the conditions of in.
func (w *Where) AddSubquery(column, selection string, in *Where) {
	w.Add(column+" IN ("+selection+" WHERE "+strings.Join(in.conditions, " AND ")+")", in.Args...)
}

// drivingQuery is a condition that singles out rows: From begins with what it selects instead of reading the table in its order.
type drivingQuery struct {
	idColumn  string
	query     string // selects found_id, and found_at if isOrdered; each ? stands for the next value
	isOrdered bool   // an index gives its rows in the order of a page
	condition int    // its place among the conditions, and that of its values among the arguments
	arg, args int
}

// addDriver adds that a column has one of the ids that a query selects as found_id. The first such condition drives.
func (w *Where) addDriver(d drivingQuery, values ...any) {
	if w.driver == nil {
		d.condition, d.arg, d.args = len(w.conditions), len(w.Args), len(values)
		w.driver = &d
	}
	w.Add(d.idColumn+" IN (SELECT found_id FROM ("+d.query+") AS found)", values...)
}

// From is the clauses FROM and WHERE of a query of a table, with the values of its parameters.
func (w *Where) From(table string) (clauses string, args []any) {
	d := w.driver
	if d == nil {
		return " FROM " + table + w.String(), w.Args
	}
	conditions := slices.Concat([]string{d.idColumn + " = found_id"}, w.conditions[:d.condition], w.conditions[d.condition+1:])
	args = slices.Concat(w.Args[d.arg:d.arg+d.args], w.Args[:d.arg], w.Args[d.arg+d.args:])
	// SQLite takes the tables of a CROSS JOIN in this order.
	return numbered(" FROM (" + d.query + ") AS found CROSS JOIN " + table + " WHERE " + strings.Join(conditions, " AND ")), args
}

// AddContains adds that a lower-case column contains a text, whatever its case. It reads every row: resources that are
// listed without further conditions are searched by DB.AddSearch.
func (w *Where) AddContains(column, text string) {
	w.Add(column+` LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(strings.ToLower(text))+"%")
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// String is the clause, with WHERE.
func (w *Where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return numbered(" WHERE " + strings.Join(w.conditions, " AND "))
}

// numbered gives each ? of a query its number.
func numbered(query string) string {
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString(Mark(n))
	}
	return b.String()
}

// Mark is the placeholder of the nth parameter, counted from one.
func Mark(n int) string { return "$" + strconv.Itoa(n) }

// Row is a row of a paged list: what is served, and where it stands in the order.
type Row struct {
	Doc       []byte
	CreatedAt int64
	ID        string
}

// Page gives the row as a page needs it.
func (r Row) Page() (doc []byte, createdAt int64, id string) { return r.Doc, r.CreatedAt, r.ID }

// Page reads Rows of a table in the order in which they were made, as ReadPage does.
func (w *Where) Page(ctx context.Context, q Querier, table, idColumn string, afterTime int64, afterID string, limit int) ([]Row, error) {
	return ReadPage(ctx, q, w, Paging{Table: table, Columns: "doc, created_at, " + idColumn, ID: idColumn, AfterTime: afterTime,
		AfterID: afterID, Limit: limit},
		func(rows *sql.Rows) (r Row, err error) {
			err = rows.Scan(&r.Doc, &r.CreatedAt, &r.ID)
			return r, err
		})
}

// Paging says how one page of a list is read: in the order of a time and an id, beginning behind a row.
type Paging struct {
	Table   string
	Columns string // what the scan function reads
	Time    string // the column of the order; empty: created_at
	ID      string // the column that decides between equal times

	AfterTime int64
	AfterID   string // empty: from the beginning
	Limit     int
}

// ReadPage reads one page of a list, in the order of its times, or with w.NewestFirst against it, and one row more
// than the limit, so that the caller knows whether there are more.
func ReadPage[T any](ctx context.Context, q Querier, w *Where, p Paging, scan func(*sql.Rows) (T, error)) ([]T, error) {
	behind, direction := ">", ""
	if w.NewestFirst {
		behind, direction = "<", " DESC"
	}
	at, id := cmp.Or(p.Time, "created_at"), p.ID
	if w.driver != nil && w.driver.isOrdered {
		at, id = "found_at", "found_id"
	}
	if p.AfterID != "" {
		w.Add("("+at+", "+id+") "+behind+" (?, ?)", p.AfterTime, p.AfterID)
	}
	from, args := w.From(p.Table)
	args = append(slices.Clip(args), p.Limit+1)
	rows, err := q.Query(ctx, `SELECT `+p.Columns+from+` ORDER BY `+at+direction+`, `+id+direction+` LIMIT `+Mark(len(args)), args...)
	return All(rows, err, scan)
}

// Names gives what a field of a table's documents says, by their ids.
func (w *Where) Names(ctx context.Context, q Querier, table, idColumn, field string) (map[string]string, error) {
	names := map[string]string{}
	rows, err := q.Query(ctx, `SELECT `+idColumn+`, doc FROM `+table+w.String(), w.Args...)
	_, err = All(rows, err, func(rows *sql.Rows) (doc map[string]any, err error) {
		var id string
		var text []byte
		if err := rows.Scan(&id, &text); err != nil {
			return nil, err
		}
		err = json.Unmarshal(text, &doc)
		names[id], _ = doc[field].(string)
		return nil, err
	})
	return names, err
}

// Strings gives values of a string type as plain strings, for AddIn.
func Strings[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
