package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"
)

// Where builds a WHERE clause of conditions that all must hold. Values are only ever parameters.
type Where struct {
	conditions []string
	list       string // SELECT of the values of a JSON list
	Args       []any

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
		clean := make([]string, len(values))
		for i, v := range values {
			clean[i] = text(v) // JSON would carry a NUL past storable
		}
		list, err := json.Marshal(clean)
		if err != nil {
			panic(err) // strings
		}
		w.Add(column+" IN ("+w.list+")", string(list))
	}
}

// AddSubquery adds that a column has one of the values that a SELECT finds with the conditions of in.
func (w *Where) AddSubquery(column, selection string, in *Where) {
	w.Add(column+" IN ("+selection+" WHERE "+strings.Join(in.conditions, " AND ")+")", in.Args...)
}

// minIDPrefix is how much of an id a search must give to find by it: less would find by chance.
const minIDPrefix = 4

// AddSearch adds that a lower-case column contains the text, whatever its case, or that one of the
// ids begins with it.
func (w *Where) AddSearch(column, text string, idColumns ...string) {
	escaped := likeEscaper.Replace(strings.ToLower(text))
	condition, values := column+` LIKE ? ESCAPE '\'`, []any{"%" + escaped + "%"}
	if len([]rune(text)) >= minIDPrefix {
		for _, id := range idColumns {
			condition, values = condition+` OR `+id+` LIKE ? ESCAPE '\'`, append(values, escaped+"%")
		}
	}
	w.Add("("+condition+")", values...)
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// String is the clause, with WHERE.
func (w *Where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	var b strings.Builder
	n := 0
	for _, r := range " WHERE " + strings.Join(w.conditions, " AND ") {
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

// Page reads rows of a table in the order in which they were made, or with NewestFirst against it, beginning
// behind the given row (an empty id: from the beginning), and one more than the limit, so that the caller
// knows whether there are more.
func (w *Where) Page(ctx context.Context, q Querier, table, idColumn string, afterTime int64, afterID string, limit int) ([]Row, error) {
	behind, direction := ">", ""
	if w.NewestFirst {
		behind, direction = "<", " DESC"
	}
	if afterID != "" {
		w.Add("(created_at, "+idColumn+") "+behind+" (?, ?)", afterTime, afterID)
	}
	w.Args = append(w.Args, limit+1)
	rows, err := q.Query(ctx, `SELECT doc, created_at, `+idColumn+` FROM `+table+w.String()+
		` ORDER BY created_at`+direction+`, `+idColumn+direction+` LIMIT `+Mark(len(w.Args)), w.Args...)
	return All(rows, err, func(rows *sql.Rows) (r Row, err error) {
		err = rows.Scan(&r.Doc, &r.CreatedAt, &r.ID)
		return r, err
	})
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
