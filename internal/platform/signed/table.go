// Package signed binds rows to the server key. A row that grants something (a credential, a membership, a
// session) carries a MAC over everything that decides what it grants, so that a row that was written or
// changed without the key grants nothing. Rows are inserted, changed and read here and nowhere else: values of
// a row are only to be had once its MAC was checked, and no change signs a row whose MAC was wrong before.
//
// A row that is deleted, or replaced by an earlier state of itself, is not found by its MAC.
package signed

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyway/internal/platform/store"
)

// Kind is the type of a column's values.
type Kind byte

// The kinds of columns.
const (
	text  Kind = 't'
	whole Kind = 'i'
	truth Kind = 'b'
	blob  Kind = 'x'
)

// Column is a column that the MAC covers.
type Column struct {
	Name string
	kind Kind
}

// Text returns columns of type TEXT.
func Text(names ...string) []Column { return columns(text, names) }

// Int returns columns of type BIGINT.
func Int(names ...string) []Column { return columns(whole, names) }

// Bool returns columns of type BOOLEAN.
func Bool(names ...string) []Column { return columns(truth, names) }

// Bytes returns columns of type BYTEA.
func Bytes(names ...string) []Column { return columns(blob, names) }

func columns(k Kind, names []string) (out []Column) {
	for _, name := range names {
		out = append(out, Column{name, k})
	}
	return out
}

// MACColumn is the column that stores a row's MAC.
const MACColumn = "mac"

// Table is a table whose rows are signed. The MAC covers the table's name, the key and the signed columns; a
// NULL counts as if the column did not exist, so that a nullable column can be added later.
type Table struct {
	Name     string
	Key      []Column // the primary key
	Signed   []Column // what else decides what the row grants
	Unsigned []string // what decides nothing

	all   []Column       // key and signed columns
	order []int          // of all, by name: the order in the MAC
	index map[string]int // into all
	list  string         // of all, for RETURNING
}

// New completes a table.
func New(t Table) *Table {
	t.all = slices.Concat(t.Key, t.Signed)
	t.index = map[string]int{}
	for i, c := range t.all {
		t.index[c.Name] = i
		t.order = append(t.order, i)
	}
	slices.SortFunc(t.order, func(a, b int) int { return strings.Compare(t.all[a].Name, t.all[b].Name) })
	t.list = t.Columns("")
	return &t
}

// Columns lists, for a SELECT, what Row.Into takes; alias is that of the table in the query, or empty.
func (t *Table) Columns(alias string) string {
	if alias != "" {
		alias += "."
	}
	var b strings.Builder
	for _, c := range t.all {
		b.WriteString(alias + c.Name + ", ")
	}
	return b.String() + alias + MACColumn
}

// value is one value of a row as it is stored.
type value struct {
	kind  Kind
	valid bool // not NULL
	odd   bool // of another type than its column: no MAC covers it
	text  string
	whole int64
	truth bool
}

// Scan implements sql.Scanner. It never fails: a value of a wrong type makes the row's MAC wrong.
func (v *value) Scan(from any) error {
	*v = value{kind: v.kind, valid: from != nil}
	switch from := from.(type) {
	case nil:
	case string:
		v.text, v.odd = from, v.kind != text && v.kind != blob
	case []byte:
		v.text, v.odd = string(from), v.kind != text && v.kind != blob
	case bool:
		v.truth, v.odd = from, v.kind != truth
	case int64:
		v.whole, v.truth = from, from == 1
		v.odd = v.kind != whole && (v.kind != truth || from != 0 && from != 1)
	default:
		v.odd = true
	}
	return nil
}

// set takes a value that a caller wants to store.
func (v *value) set(to any) error {
	switch x := to.(type) {
	case int:
		to = int64(x)
	case sql.NullString:
		if to = x.String; !x.Valid {
			to = nil
		}
	case sql.NullInt64:
		if to = x.Int64; !x.Valid {
			to = nil
		}
	}
	_ = v.Scan(to)
	if v.odd {
		return fmt.Errorf("signed: a value of type %T for a column of kind %c", to, v.kind)
	}
	return nil
}

func (v *value) append(to []byte) []byte {
	switch v.kind {
	case whole:
		return binary.BigEndian.AppendUint64(to, uint64(v.whole))
	case truth:
		if v.truth {
			return append(to, 1)
		}
		return append(to, 0)
	default:
		to = binary.BigEndian.AppendUint32(to, uint32(len(v.text)))
		return append(to, v.text...)
	}
}

// stored is the value as the database takes it.
func (v *value) stored() any {
	switch {
	case !v.valid:
		return nil
	case v.kind == whole:
		return v.whole
	case v.kind == truth:
		return v.truth
	case v.kind == blob:
		return []byte(v.text)
	default:
		return v.text
	}
}

// Row takes a row of a table from a query, beside whatever else the query selects.
type Row struct {
	t      *Table
	values []value
	mac    []byte
}

// Row makes an empty row, which a query's result is scanned into.
func (t *Table) Row() *Row {
	r := &Row{t: t, values: make([]value, len(t.all))}
	for i, c := range t.all {
		r.values[i].kind = c.kind
	}
	return r
}

// Into lists where a query's values go, in the order of Columns.
func (r *Row) Into() []any {
	out := make([]any, 0, len(r.values)+1)
	for i := range r.values {
		out = append(out, &r.values[i])
	}
	return append(out, &r.mac)
}

// absent reports that an outer join found no row.
func (r *Row) absent() bool { return !r.values[0].valid }

// message is what the MAC is made over; ok is false for a row that no MAC can cover.
func (r *Row) message() (m []byte, ok bool) {
	m = make([]byte, 0, 1024)
	m = append(append(m, r.t.Name...), 0)
	for _, i := range r.t.order {
		v := &r.values[i]
		if v.odd {
			return nil, false
		}
		if v.valid {
			m = append(append(append(m, r.t.all[i].Name...), 0, byte(v.kind)), 0)
			m = v.append(m)
		}
	}
	return m, true
}

// genuine reports whether the row's MAC is right.
func (r *Row) genuine(s store.Signer) bool {
	m, ok := r.message()
	return ok && len(r.mac) > 0 && s.VerifyMAC(m, r.mac)
}

// id names the row in messages.
func (r *Row) id() string {
	var out []string
	for i := range r.t.Key {
		if v := &r.values[i]; v.kind == whole {
			out = append(out, fmt.Sprint(v.whole))
		} else {
			out = append(out, v.text)
		}
	}
	return strings.Join(out, "/")
}

func (r *Row) clone() *Row {
	return &Row{t: r.t, values: slices.Clone(r.values), mac: bytes.Clone(r.mac)}
}

// Open checks the row's MAC and returns its values; ok is false for a row that an outer join did not find, and
// for one that was not written with the server key. The latter is reported to the signer.
func (r *Row) Open(q store.Querier) (v Values, ok bool) {
	if r.absent() {
		return v, false
	}
	s := store.SignerOf(q)
	if s == nil {
		return v, false
	}
	if !r.genuine(s) {
		s.Refused(r.t.Name, r.id())
		return v, false
	}
	return Values{r}, true
}

// Unverified returns the values of a row whatever its MAC: to show them, never to decide with them.
func (r *Row) Unverified() Values { return Values{r} }

// ErrNotSigned is returned by One for a row that was not written with the server key, beside sql.ErrNoRows:
// such a row counts as one that does not exist.
var ErrNotSigned = fmt.Errorf("the row was not written with the server key: %w", sql.ErrNoRows)

var errNoSigner = errors.New("signed: the database has no signer")

// Values are those of a row whose MAC is right.
type Values struct{ r *Row }

func (v Values) at(name string) *value {
	i, ok := v.r.t.index[name]
	if !ok {
		panic("signed: " + v.r.t.Name + " has no signed column " + name)
	}
	return &v.r.values[i]
}

// Has reports whether a column is not NULL.
func (v Values) Has(name string) bool { return v.at(name).valid }

// Text is the value of a TEXT column, empty for NULL.
func (v Values) Text(name string) string { return v.at(name).text }

// Bytes is the value of a BYTEA column, nil for NULL.
func (v Values) Bytes(name string) []byte {
	if x := v.at(name); x.valid {
		return []byte(x.text)
	}
	return nil
}

// Int is the value of a BIGINT column, 0 for NULL.
func (v Values) Int(name string) int64 { return v.at(name).whole }

// Bool is the value of a BOOLEAN column, false for NULL.
func (v Values) Bool(name string) bool { return v.at(name).truth }

// Time is the value of a BIGINT column of microseconds, the zero time for NULL.
func (v Values) Time(name string) time.Time {
	x := v.at(name)
	return store.TimeOrZero(sql.NullInt64{Int64: x.whole, Valid: x.valid})
}
