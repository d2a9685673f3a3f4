package signed

import (
	"context"
	"fmt"
	"strings"

	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
)

// batch is how many rows are signed in one transaction.
const batch = 500

// SignAll signs the rows that have no MAC, as those that a version without MACs wrote, and returns how many there
// were. It vouches for them: it must be called for rows that are known to be genuine only.
func (t *Table) SignAll(ctx context.Context, db *store.DB) (n int, err error) {
	for {
		signed := 0
		err := db.Update(ctx, func(tx *store.Tx) error {
			signed = 0
			s := store.SignerOf(tx)
			if s == nil {
				return errNoSigner
			}
			rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT %s FROM %s WHERE %s IS NULL LIMIT %d`, t.list, t.Name, MACColumn, batch))
			found, err := store.All(rows, err, t.scan)
			if err != nil {
				return err
			}
			for _, r := range found {
				message, ok := r.message()
				if !ok {
					return fmt.Errorf("%s %s has a value of a wrong type", t.Name, r.id())
				}
				if err := t.write(ctx, tx, r, s.MAC(message)); err != nil {
					return err
				}
			}
			signed = len(found)
			return nil
		}, store.Instance)
		n += signed
		if err != nil || signed < batch {
			return n, err
		}
	}
}

// each calls fn for the rows of the table, in the order of the key, whose MAC begins with mark, or with other: not
// with it; an empty mark: for all. genuine reports whether the row's MAC is right.
func (t *Table) each(ctx context.Context, db store.Querier, mark []byte, other bool, fn func(r *Row, genuine bool) error) error {
	s := store.SignerOf(db)
	if s == nil {
		return errNoSigner
	}
	var keys, last []string
	for _, c := range t.Key {
		keys = append(keys, c.Name)
	}
	key := strings.Join(keys, ", ")
	var after []any
	for {
		w := &store.Where{}
		if len(mark) > 0 {
			is := "="
			if other {
				is = "<>"
			}
			w.Add(fmt.Sprintf("substr(%s, 1, %d) %s ?", MACColumn, len(mark), is), mark)
		}
		if after != nil {
			last = last[:0]
			for range after {
				last = append(last, "?")
			}
			w.Add("("+key+") > ("+strings.Join(last, ", ")+")", after...)
		}
		rows, err := db.Query(ctx, fmt.Sprintf(`SELECT %s FROM %s%s ORDER BY %s LIMIT %d`, t.list, t.Name, w.String(), key, batch), w.Args...)
		found, err := store.All(rows, err, t.scan)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, r := range found {
			if err := fn(r, r.genuine(s)); err != nil {
				return err
			}
		}
		after = after[:0]
		for i := range t.Key {
			after = append(after, found[len(found)-1].values[i].stored())
		}
	}
}

// Forged names rows whose MAC is missing or wrong.
type Forged struct {
	Table string   `json:"table"`
	Count int      `json:"count"`
	IDs   []string `json:"ids" doc:"The keys of the first 20 of them."`
}

const maxForged = 20

// Check looks at all rows of the table. Count is 0 when all are genuine.
func (t *Table) Check(ctx context.Context, db *store.DB) (Forged, error) {
	out := Forged{Table: t.Name, IDs: []string{}}
	err := t.each(ctx, db, nil, false, func(r *Row, genuine bool) error {
		if !genuine {
			if out.Count++; out.Count <= maxForged {
				out.IDs = append(out.IDs, r.id())
			}
		}
		return nil
	})
	return out, err
}

// CheckAll looks at all rows of tables, and returns the tables that have any that is not genuine.
func CheckAll(ctx context.Context, db *store.DB, tables []*Table) ([]Forged, error) {
	out := []Forged{}
	for _, t := range tables {
		f, err := t.Check(ctx, db)
		if err != nil {
			return out, err
		}
		if f.Count > 0 {
			out = append(out, f)
		}
	}
	return out, nil
}

// Under counts the genuine rows whose MAC was made with a key.
func (t *Table) Under(ctx context.Context, db store.Querier, keyID string) (n int, err error) {
	err = t.each(ctx, db, vault.Mark(keyID), false, func(_ *Row, genuine bool) error {
		if genuine {
			n++
		}
		return nil
	})
	return n, err
}

// SignAnew signs the genuine rows under the active key that are signed under another one. Rows that are not
// genuine stay as they are.
func (t *Table) SignAnew(ctx context.Context, db *store.DB, activeKeyID string) (n int, err error) {
	var pending []*Row
	flush := func() error {
		err := db.Update(ctx, func(tx *store.Tx) error {
			s := store.SignerOf(tx)
			for _, r := range pending {
				message, _ := r.message()
				where, args := r.where([]any{s.MAC(message)})
				args = append(args, r.mac) // a row that was written meanwhile is signed already
				if _, err := tx.Exec(ctx, `UPDATE `+t.Name+` SET `+MACColumn+` = $1 WHERE `+where+` AND `+MACColumn+` = `+store.Mark(len(args)),
					args...); err != nil {
					return err
				}
			}
			return nil
		})
		n, pending = n+len(pending), nil
		return err
	}
	err = t.each(ctx, db, vault.Mark(activeKeyID), true, func(r *Row, genuine bool) error {
		if !genuine {
			return nil
		}
		if pending = append(pending, r); len(pending) < batch {
			return nil
		}
		return flush()
	})
	if err != nil || len(pending) == 0 {
		return n, err
	}
	return n, flush()
}
