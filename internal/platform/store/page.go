package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
)

const (
	// maxRead is how many rows of a list one page reads at most to find those that a filter lets through.
	maxRead = 20_000
	// A filter that finds so few rows is read whole, and put in order.
	maxSorted = 1000
	// How many rows a page with a filter reads before it reads more at once.
	firstRead = 500
)

// Row is a row of a paged list: what is served, and where it stands in the order.
type Row struct {
	Doc       []byte
	CreatedAt int64
	ID        string
}

// Page returns the row as a page needs it.
func (r Row) Page() (doc []byte, createdAt int64, id string) { return r.Doc, r.CreatedAt, r.ID }

// Position is where a page begins: behind the row with this time and id. The zero Position is the
// beginning.
type Position struct {
	CreatedAt int64  // microseconds; of lists in another order that time
	ID        string // empty at the beginning
}

// Page reads Rows of a table in the order in which they were made, as ReadPage does.
func (w *Where) Page(
	ctx context.Context, q Querier, table, idColumn string, after Position, limit int,
) (page []Row, short Position, err error) {
	p := Paging{Table: table, Columns: "doc, created_at, " + idColumn, ID: idColumn, After: after, Limit: limit}
	return ReadPage(ctx, q, w, p, func(rows *sql.Rows) (r Row, err error) {
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
	After   Position
	Limit   int
	Offset  int  // how many rows to pass over first
	IsWhole bool // the list has no further pages, so that reading does not stop before this one is full
}

// ReadPage reads one page of a list, in the order of its times, or with w.NewestFirst against it, and one row more
// than the limit, so that the caller knows whether there are more.
//
// The first condition is the one that all indexes of the table begin with, the workspace. A page reads few rows whatever the
// list is filtered by: the filter that finds fewest is read whole if it finds few, and otherwise the list is read in its
// order, maxRead rows at most. Where that is not enough to fill the page, short is the position behind the last row that was
// read, with which the next page begins; otherwise it is zero.
func ReadPage[T any](
	ctx context.Context, q Querier, w *Where, p Paging, scan func(*sql.Rows) (T, error),
) (page []T, short Position, err error) {
	p.Time = cmp.Or(p.Time, "created_at")
	r := reader[T]{ctx: ctx, q: q, w: w, p: p, scan: scan}
	found, isNeeded := w.finders(p)
	if !isNeeded {
		page, err = r.read(source{}, p.After, nil, p.Offset, p.Limit+1)
		return page, short, err
	}
	r.unindexed = w.dialect.unindexed
	var best source
	for _, s := range found {
		if s.size < 0 {
			if s.size, err = r.size(s); err != nil {
				return nil, short, err
			}
		}
		if s.isBetter(best) {
			best = s
		}
		if best.isSmall() && best.size <= p.Limit {
			break
		}
	}
	if !best.isSmall() && !best.isOrdered() {
		best = source{}
	}
	if best.isSmall() {
		page, err = r.read(best, p.After, nil, p.Offset, p.Limit+1)
		return page, short, err
	}
	return r.scanned(best)
}

// source is what a page is read from: a finder, or, without, the table itself in its order.
type source struct {
	*finder
	of   int // its condition
	size int // how many rows it finds; -1: not known
}

// isSmall reports whether all rows of a source are read and sorted.
func (s source) isSmall() bool { return s.finder != nil && s.size <= maxSorted }

func (s source) isOrdered() bool { return s.finder == nil || s.finder.isOrdered }

func (s source) isBetter(than source) bool {
	switch {
	case than.finder == nil:
		return true
	case s.isSmall() || than.isSmall():
		return s.size < than.size
	}
	return s.isOrdered() && !than.isOrdered()
}

// finders are the queries that find rows of a page; they are needed unless one index gives exactly its rows in their order.
func (w *Where) finders(p Paging) (all []source, isNeeded bool) {
	indexed := 0
	for i, c := range w.conditions {
		for _, f := range c.finders {
			all = append(all, source{f, i, -1})
		}
		switch {
		case c.filters || len(c.finders) > 0:
			isNeeded = true
		case c.column != "":
			s := source{w.finderOf(c, p), i, -1}
			if c.column == p.ID && c.keys > 0 {
				s.size = min(c.keys, maxSorted) // it is the primary key
			}
			all = append(all, s)
			indexed++
			isNeeded = isNeeded || !s.isOrdered() && s.size < 0
		}
	}
	return all, isNeeded || indexed > 1
}

// finderOf finds the rows of a condition on a column by the index of the column.
func (w *Where) finderOf(c condition, p Paging) *finder {
	q := query{}
	q.add("SELECT " + p.ID + " AS found_id, " + p.Time + " AS found_at FROM " + p.Table)
	q.where(append(slices.DeleteFunc(slices.Clone(w.conditions), func(c condition) bool {
		// what all indexes begin with and end in
		return (c.column != "" || c.text != w.conditions[0].text) && !strings.HasPrefix(c.text, p.Time+" ")
	}), c), "")
	return &finder{query: q.text.String(), args: q.args, isOrdered: c.keys == 1, isExact: true}
}

type reader[T any] struct {
	ctx  context.Context
	q    Querier
	w    *Where
	p    Paging
	scan func(*sql.Rows) (T, error)

	unindexed string // the dialect's, once a source is chosen by what it finds; until then empty
}

// size is how many rows a finder finds, and more than maxSorted if they are more.
func (r reader[T]) size(s source) (n int, err error) {
	q := query{}
	q.add("SELECT count(*) FROM (SELECT 1 FROM ("+s.query+") AS found LIMIT ?) AS few", append(slices.Clone(s.args), maxSorted+1)...)
	err = q.row(r.ctx, r.q).Scan(&n)
	return n, err
}

// scanned reads a page in the order of the list, as far as it has to and may.
func (r reader[T]) scanned(s source) (page []T, short Position, err error) {
	from := r.p.After
	for read, step := 0, firstRead; read < maxRead || r.p.IsWhole; step = min(4*step, maxRead) {
		if !r.p.IsWhole {
			step = min(step, maxRead-read)
		}
		until, err := r.behind(s, from, step)
		if err != nil {
			return nil, short, err
		}
		more, err := r.read(s, from, until, 0, r.p.Offset+r.p.Limit+1-len(page))
		page = append(page, more...)
		if err != nil || until == nil || len(page) > r.p.Offset+r.p.Limit {
			return page[min(r.p.Offset, len(page)):], Position{}, err
		}
		from, short = *until, *until
		read += step
	}
	return page, short, nil
}

// behind is the position of the nth row behind a position; nil: there are fewer.
func (r reader[T]) behind(s source, from Position, n int) (*Position, error) {
	q, at, id := query{}, r.p.Time, r.p.ID
	if s.finder != nil {
		at, id = "found_at", "found_id"
	}
	q.add("SELECT " + at + ", " + id)
	if s.finder != nil {
		q.add(" FROM ("+s.query+") AS found WHERE 1 = 1", s.args...)
	} else {
		q.add(" FROM " + r.p.Table)
		q.where(slices.DeleteFunc(slices.Clone(r.w.conditions), func(c condition) bool { return c.filters || c.column != "" }), "")
	}
	r.between(&q, at, id, from, nil)
	r.order(&q, at, id)
	q.add(" LIMIT 1 OFFSET ?", n-1)
	rows, err := q.rows(r.ctx, r.q)
	found, err := All(rows, err, func(rows *sql.Rows) (p Position, err error) {
		err = rows.Scan(&p.CreatedAt, &p.ID)
		return p, err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// read reads rows of a source behind a position, up to another and with it if there is one.
func (r reader[T]) read(s source, from Position, until *Position, offset, limit int) ([]T, error) {
	q := query{}
	q.add("SELECT " + r.p.Columns)
	r.from(&q, s)
	at, id := r.p.Time, r.p.ID
	if s.finder != nil && s.isOrdered() {
		at, id = "found_at", "found_id"
	}
	r.between(&q, at, id, from, until)
	r.order(&q, at, id)
	q.add(" LIMIT ? OFFSET ?", limit, offset)
	rows, err := q.rows(r.ctx, r.q)
	return All(rows, err, r.scan)
}

// from is the clauses FROM and WHERE of a page that is read from a source.
func (r reader[T]) from(q *query, s source) {
	if s.finder == nil {
		q.add(" FROM " + r.p.Table)
		q.where(r.w.conditions, r.unindexed)
		return
	}
	conditions := slices.Clone(r.w.conditions)
	if s.isExact {
		conditions = slices.Delete(conditions, s.of, s.of+1)
	}
	// SQLite takes the tables of a CROSS JOIN in this order.
	q.add(" FROM ("+s.query+") AS found CROSS JOIN "+r.p.Table, s.args...)
	q.where(append(conditions, condition{text: r.p.ID + " = found_id"}), r.unindexed)
}

func (r reader[T]) between(q *query, at, id string, from Position, until *Position) {
	behind, upTo := " > ", " <= "
	if r.w.NewestFirst {
		behind, upTo = " < ", " >= "
	}
	if from.ID != "" {
		q.add(" AND ("+at+", "+id+")"+behind+"(?, ?)", from.CreatedAt, from.ID)
	}
	if until != nil {
		q.add(" AND ("+at+", "+id+")"+upTo+"(?, ?)", until.CreatedAt, until.ID)
	}
}

func (r reader[T]) order(q *query, at, id string) {
	direction := ""
	if r.w.NewestFirst {
		direction = " DESC"
	}
	q.add(" ORDER BY " + at + direction + ", " + id + direction)
}
