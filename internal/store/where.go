package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// Where builds a WHERE clause of conditions that all must hold. Values are only ever parameters.
type Where struct {
	conditions []string
	Args       []any
}

// Add adds a condition in which each ? stands for the next value.
func (w *Where) Add(condition string, values ...any) {
	var b strings.Builder
	for _, r := range condition {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		w.Args = append(w.Args, values[0])
		values = values[1:]
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(len(w.Args)))
	}
	w.conditions = append(w.conditions, b.String())
}

// AddIn adds that a column has one of the values; with no values nothing matches. The list is
// filled up to a power of two, or a multiple of 1024, so that lists of all lengths share a few
// prepared statements and several long ones stay under SQLite's 32766 parameters.
func (w *Where) AddIn(column string, values []string) {
	if len(values) == 0 {
		w.conditions = append(w.conditions, "1 = 0")
		return
	}
	n := 1
	for n < len(values) {
		n += min(n, 1024)
	}
	marks := strings.Repeat("?, ", n-1) + "?"
	args := make([]any, n)
	for i := range args {
		args[i] = values[min(i, len(values)-1)]
	}
	w.Add(column+" IN ("+marks+")", args...)
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
	return " WHERE " + strings.Join(w.conditions, " AND ")
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

// Page reads rows of a table in the order in which they were made, beginning behind the given
// row (an empty id: from the beginning), and one more than the limit, so that the caller knows
// whether there are more.
func (w *Where) Page(ctx context.Context, q Querier, table, idColumn string, afterTime int64, afterID string, limit int) ([]Row, error) {
	if afterID != "" {
		w.Add("(created_at, "+idColumn+") > (?, ?)", afterTime, afterID)
	}
	w.Args = append(w.Args, limit+1)
	rows, err := q.Query(ctx, `SELECT doc, created_at, `+idColumn+` FROM `+table+w.String()+
		` ORDER BY created_at, `+idColumn+` LIMIT `+Mark(len(w.Args)), w.Args...)
	return All(rows, err, func(rows *sql.Rows) (r Row, err error) {
		err = rows.Scan(&r.Doc, &r.CreatedAt, &r.ID)
		return r, err
	})
}

// Strings gives values of a string type as plain strings, for AddIn.
func Strings[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
