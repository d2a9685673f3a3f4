package signed

import (
	"bytes"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"keyway/internal/platform/store"
)

// Set are the values to write, by column. Besides signed columns it may name unsigned ones.
type Set map[string]any

// Insert stores a new row.
func (t *Table) Insert(ctx context.Context, tx *store.Tx, set Set) error {
	_, err := t.insert(ctx, tx, set, "")
	return err
}

// InsertNew stores a new row unless there is one with the same key; inserted is whether it did.
func (t *Table) InsertNew(ctx context.Context, tx *store.Tx, set Set) (inserted bool, err error) {
	return t.insert(ctx, tx, set, " ON CONFLICT DO NOTHING")
}

func (t *Table) insert(ctx context.Context, tx *store.Tx, set Set, conflict string) (inserted bool, err error) {
	s := store.SignerOf(tx)
	if s == nil {
		return false, errNoSigner
	}
	row := t.Row()
	if err := row.apply(set); err != nil {
		return false, err
	}
	message, _ := row.message()
	row.mac = s.MAC(message)
	names := slices.Sorted(maps.Keys(set))
	marks, args := make([]string, len(names)+1), make([]any, 0, len(names)+1)
	for i, name := range names {
		args = append(args, set[name])
		marks[i] = store.Mark(i + 1)
	}
	marks[len(names)] = store.Mark(len(names) + 1)
	return t.store(ctx, tx, s, row, `INSERT INTO `+t.Name+` (`+strings.Join(append(names, MACColumn), ", ")+
		`) VALUES (`+strings.Join(marks, ", ")+`)`+conflict+` RETURNING `+t.list, append(args, row.mac)...)
}

// apply brings the signed columns of a set into the row.
func (r *Row) apply(set Set) error {
	for name, to := range set {
		if i, ok := r.t.index[name]; ok {
			if err := r.values[i].set(to); err != nil {
				return err
			}
		}
	}
	return nil
}

// store runs a statement that writes one row and returns it. Where the database keeps another value than it was
// given (a default, text without NUL), the row is signed as it is kept.
func (t *Table) store(ctx context.Context, tx *store.Tx, s store.Signer, want *Row, query string, args ...any) (bool, error) {
	rows, err := tx.Query(ctx, query, args...)
	kept, err := store.All(rows, err, t.scan)
	if err != nil || len(kept) == 0 {
		return false, err
	}
	wanted, _ := want.message()
	if message, _ := kept[0].message(); !bytes.Equal(message, wanted) {
		return true, t.write(ctx, tx, kept[0], s.MAC(message))
	}
	return true, nil
}

func (t *Table) scan(rows *sql.Rows) (*Row, error) {
	r := t.Row()
	return r, rows.Scan(r.Into()...)
}

// write stores a row's MAC.
func (t *Table) write(ctx context.Context, tx *store.Tx, r *Row, mac []byte) error {
	where, args := r.where([]any{mac})
	_, err := tx.Exec(ctx, `UPDATE `+t.Name+` SET `+MACColumn+` = $1 WHERE `+where, args...)
	return err
}

// where is the condition that chooses the row, whose values follow on args.
func (r *Row) where(args []any) (string, []any) {
	var keys []string
	for i, c := range r.t.Key {
		args = append(args, r.values[i].stored())
		keys = append(keys, c.Name+" = "+store.Mark(len(args)))
	}
	return strings.Join(keys, " AND "), args
}

// Update changes the rows that the conditions choose, and returns those that are genuine, as they are now. Rows
// whose MAC was wrong are changed as well, and their MAC stays wrong.
func (t *Table) Update(ctx context.Context, tx *store.Tx, set Set, w *store.Where) ([]Values, error) {
	s := store.SignerOf(tx)
	if s == nil {
		return nil, errNoSigner
	}
	// The statement changes nothing: it locks the rows on both databases, and returns them as they are.
	rows, err := tx.Query(ctx, `UPDATE `+t.Name+` SET `+MACColumn+` = `+MACColumn+w.String()+` RETURNING `+t.list, w.Args...)
	found, err := store.All(rows, err, t.scan)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(set))
	var out []Values
	for _, old := range found {
		now := old.clone()
		if err := now.apply(set); err != nil {
			return nil, err
		}
		genuine := old.genuine(s)
		if genuine {
			message, _ := now.message()
			now.mac = s.MAC(message)
			out = append(out, Values{now})
		} else {
			s.Refused(t.Name, old.id())
		}
		var sets []string
		args := make([]any, 0, len(names)+1)
		for _, name := range names {
			args = append(args, set[name])
			sets = append(sets, name+" = "+store.Mark(len(args)))
		}
		args = append(args, now.mac)
		sets = append(sets, MACColumn+" = "+store.Mark(len(args)))
		where, args := old.where(args)
		query := `UPDATE ` + t.Name + ` SET ` + strings.Join(sets, ", ") + ` WHERE ` + where
		if !genuine {
			if _, err := tx.Exec(ctx, query, args...); err != nil {
				return nil, err
			}
			continue
		}
		if _, err := t.store(ctx, tx, s, now, query+` RETURNING `+t.list, args...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// One reads one row, which a condition chooses with values for its placeholders. It returns sql.ErrNoRows
// where there is none, and ErrNotSigned, which is one of those, for a row that is not genuine.
func (t *Table) One(ctx context.Context, q store.Querier, condition string, args ...any) (Values, error) {
	r := t.Row()
	if err := q.QueryRow(ctx, `SELECT `+t.list+` FROM `+t.Name+` WHERE `+condition, args...).Scan(r.Into()...); err != nil {
		return Values{}, err
	}
	v, ok := r.Open(q)
	if !ok {
		return v, ErrNotSigned
	}
	return v, nil
}

// Select reads the genuine rows that a condition chooses; condition may go on with ORDER BY.
func (t *Table) Select(ctx context.Context, q store.Querier, condition string, args ...any) ([]Values, error) {
	rows, err := q.Query(ctx, `SELECT `+t.list+` FROM `+t.Name+` WHERE `+condition, args...)
	found, err := store.All(rows, err, t.scan)
	if err != nil {
		return nil, err
	}
	var out []Values
	for _, r := range found {
		if v, ok := r.Open(q); ok {
			out = append(out, v)
		}
	}
	return out, nil
}
