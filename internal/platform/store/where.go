package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"
)

// Where builds a WHERE clause of conditions that must all be true. Values are only ever parameters, and lists are one parameter
// each, so that the text does not depend on how many items a request names.
type Where struct {
	conditions []condition
	dialect    dialect
	Args       []any

	NewestFirst bool // turns the order of a page around
}

// dialect is what the databases write differently.
type dialect struct {
	values string // the table of the texts of a JSON list; the column is value
	pairs  string // the table of the pairs of a JSON list; their items are value ->> 0 and value ->> 1
	// unindexed in front of a column keeps the database from reading by an index of it. PostgreSQL decides that well on its own.
	unindexed string
}

// condition is one of those that must be true.
type condition struct {
	column  string // what text is about where an index of it exists: text goes on behind it; otherwise empty
	text    string // each ? stands for the next value
	args    []any
	keys    int       // how many values of the column it names; 0: unknown
	finders []*finder // queries of other tables that find the rows, or more of them
	filters bool      // no index finds its rows
}

// finder is a query that finds rows.
type finder struct {
	query     string // selects found_id, and found_at if isOrdered; each ? stands for the next value
	args      []any
	isOrdered bool // an index gives its rows in the order of a page
	isExact   bool // it finds only rows for which its condition is true
}

// Where begins a clause.
func (db *DB) Where() *Where { return &Where{dialect: db.dialect()} }

// New begins another clause, for a subquery.
func (w *Where) New() *Where { return &Where{dialect: w.dialect} }

func (w *Where) add(c condition) {
	w.conditions = append(w.conditions, c)
	w.Args = append(w.Args, c.args...)
}

// Add adds a condition in which each ? stands for the next value. ReadPage assumes it to be true of most rows of a list, or to be
// a part of the index in whose order the list is read: conditions that leave rows out are added by the other methods.
func (w *Where) Add(text string, values ...any) { w.add(condition{text: text, args: values}) }

// AddFilter adds a condition that no index finds rows for: a page reads maxRead rows at most and may be short.
func (w *Where) AddFilter(text string, values ...any) {
	w.add(condition{text: text, args: values, filters: true})
}

// AddEqual adds that a column has a value. An index of the column gives its rows in the order of the list.
func (w *Where) AddEqual(column string, v any) {
	w.add(condition{column: column, text: " = ?", args: []any{v}, keys: 1})
}

// AddIn adds that a column, of which there is an index, has one of the values; with no values nothing matches.
func (w *Where) AddIn(column string, values []string) {
	switch len(values) {
	case 0:
		w.add(condition{text: "1 = 0"})
	case 1:
		w.AddEqual(column, values[0])
	default:
		text := " IN (SELECT value FROM " + w.dialect.values + ")"
		w.add(condition{column: column, text: text, args: []any{jsonList(values)}, keys: len(values)})
	}
}

// AddNotIn adds that a column has none of the values.
func (w *Where) AddNotIn(column string, values []string) {
	if len(values) > 0 {
		w.AddFilter(column+" NOT IN (SELECT value FROM "+w.dialect.values+")", jsonList(values))
	}
}

// jsonList is a list of texts as a parameter.
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

// jsonPairs is a list of pairs of texts as a parameter.
func jsonPairs(pairs [][2]string) string {
	clean := make([][2]string, len(pairs))
	for i, p := range pairs {
		clean[i] = [2]string{text(p[0]), text(p[1])}
	}
	list, err := json.Marshal(clean)
	if err != nil {
		panic(err) // strings
	}
	return string(list)
}

// AddEach adds that a query finds a row for each of the pairs, which must differ: from is what stands behind FROM, with the
// pair's items as pair.value ->> 0 and pair.value ->> 1. Each ? in it stands for the next value.
func (w *Where) AddEach(from string, pairs [][2]string, values ...any) {
	if len(pairs) > 0 {
		w.AddFilter(w.each(from), append([]any{jsonPairs(pairs)}, values...)...)
	}
}

func (w *Where) each(from string) string {
	return "NOT EXISTS (SELECT 1 FROM " + w.dialect.pairs + " AS pair WHERE NOT EXISTS (SELECT 1 FROM " + from + "))"
}

// AddSubquery adds that a column, of which there is an index, has one of the values that a SELECT finds with the conditions of in.
func (w *Where) AddSubquery(column, selection string, in *Where) {
	texts := make([]string, len(in.conditions))
	for i, c := range in.conditions {
		texts[i] = c.column + c.text
	}
	w.AddFound(column, selection+" WHERE "+strings.Join(texts, " AND "), in.Args...)
}

// AddFound adds that a column, of which there is an index, has one of the values that a query finds.
func (w *Where) AddFound(column, query string, values ...any) {
	w.add(condition{column: column, text: " IN (" + query + ")", args: values})
}

// AddReferences adds that rows of another table, which the conditions of in find, name a row in idColumn. isOrdered says that an
// index returns them in the order of the list, by atColumn.
func (w *Where) AddReferences(column, table, idColumn, atColumn string, in *Where, isOrdered bool) {
	where := query{}
	where.where(in.conditions, "")
	from := " FROM " + table + where.text.String()
	w.add(condition{text: column + " IN (SELECT " + idColumn + from + ")", args: in.Args, filters: true, finders: []*finder{{
		query: "SELECT " + idColumn + " AS found_id, " + atColumn + " AS found_at" + from, args: in.Args, isOrdered: isOrdered, isExact: true}}})
}

// AddContains adds that a lower-case column contains a text, whatever its case.
func (w *Where) AddContains(column, text string) {
	w.AddFilter(column+` LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(strings.ToLower(text))+"%")
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// String is the clause, with WHERE.
func (w *Where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	q := query{}
	q.where(w.conditions, "")
	return numbered(q.text.String())
}

// query is a text with ? for its values.
type query struct {
	text strings.Builder
	args []any
}

func (q *query) add(text string, args ...any) {
	q.text.WriteString(text)
	q.args = append(q.args, args...)
}

// where adds a clause behind which more can be added with AND.
func (q *query) where(conditions []condition, unindexed string) {
	if len(conditions) == 0 {
		q.add(" WHERE 1 = 1")
	}
	word := " WHERE "
	for _, c := range conditions {
		if c.column != "" {
			c.column = unindexed + c.column
		}
		q.add(word+c.column+c.text, c.args...)
		word = " AND "
	}
}

func (q *query) rows(ctx context.Context, db Querier) (*sql.Rows, error) {
	return db.Query(ctx, numbered(q.text.String()), q.args...)
}

func (q *query) row(ctx context.Context, db Querier) *sql.Row {
	return db.QueryRow(ctx, numbered(q.text.String()), q.args...)
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

// Names returns what a field of a table's documents says, by their ids.
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

// Strings returns values of a string type as plain strings, for AddIn.
func Strings[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
