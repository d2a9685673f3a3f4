package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
)

func insertKey(ctx context.Context, tx *store.Tx, id string, proof []byte, at int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO server_keys (key_id, proof, created_at) VALUES ($1, $2, $3) ON CONFLICT (key_id) DO NOTHING`, id,
		proof, at)
	return err
}

func forgetKey(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM server_keys WHERE key_id = $1`, id)
	return err
}

// lastAuditEntry is the number of the last audit entry that was written with a key, 0 where there is none.
func lastAuditEntry(ctx context.Context, q store.Querier, keyID string) (seq int64, err error) {
	err = q.QueryRow(ctx, `SELECT COALESCE(max(seq), 0) FROM audit_entries WHERE key_id = $1`, keyID).Scan(&seq)
	return seq, err
}

// clearDigests forgets the digests beside a sealed column.
func clearDigests(ctx context.Context, tx *store.Tx, s vault.Column) error {
	if s.Clears == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE `+s.Table+` SET `+s.Clears+` = NULL`)
	return err
}

// holds counts what needs a key.
func (k *Keyring) holds(ctx context.Context, q store.Querier, id string) ([]Holding, error) {
	out := []Holding{}
	add := func(what string, row *sql.Row) error {
		var n int
		if err := row.Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			out = append(out, Holding{what, n})
		}
		return nil
	}
	for _, d := range digests {
		if err := add(d.what, q.QueryRow(ctx, `SELECT count(*) FROM `+d.table+` WHERE key_id = $1 AND `+d.lives, id,
			store.Micros(k.Now()))); err != nil {
			return nil, err
		}
	}
	mark := vault.Mark(id)
	for _, s := range k.Sealed {
		if err := add(s.What, q.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM %s WHERE substr(%s, 1, %d) = $1`, s.Table, s.Name, len(mark)),
			mark)); err != nil {
			return nil, err
		}
	}
	for _, t := range k.Signed {
		n, err := t.Under(ctx, q, id)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			out = append(out, Holding{"signed rows of " + t.Name, n})
		}
	}
	return out, nil
}

// Words lists holdings.
func Words(holds []Holding) string {
	var out []string
	for _, h := range holds {
		out = append(out, fmt.Sprint(h.Count, " ", h.What))
	}
	return strings.Join(out, ", ")
}

// batch is how many values are resealed in one transaction, so that none delays others for long.
const batch = 200

// Reseal seals and signs everything under the active key that is not. Where it ends before it is done, what it
// did is kept and the rest is as it was. Values that cannot be opened stay, and make it fail at the end; rows that were
// not written with a server key stay as they are.
func (k *Keyring) Reseal(ctx context.Context, progress func(done, of int)) error {
	active := k.Vault.KeyID()
	of := make([]int, len(k.Sealed))
	total, done := 0, 0
	mark := vault.Mark(active)
	for i, s := range k.Sealed {
		if err := k.DB.QueryRow(ctx, `SELECT count(*) FROM `+s.Table+others(s, mark), mark).Scan(&of[i]); err != nil {
			return err
		}
		total += of[i]
	}
	var failed error
	for i, s := range k.Sealed {
		if of[i] == 0 {
			continue
		}
		err := k.reseal(ctx, s, mark, func(n int) {
			done = min(done+n, total)
			progress(done, total)
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed = errors.Join(failed, err)
	}
	for _, t := range k.Signed {
		if _, err := t.SignAnew(ctx, k.DB, active); err != nil {
			return errors.Join(failed, err)
		}
	}
	return failed
}

// others are the rows whose value is sealed under another key than the one whose mark is $1.
func others(s vault.Column, mark []byte) string {
	return fmt.Sprintf(` WHERE substr(%s, 1, %d) <> $1`, s.Name, len(mark))
}

// value is one row of a Sealed.
type value struct {
	key    []string
	sealed []byte
}

func (k *Keyring) reseal(ctx context.Context, s vault.Column, mark []byte, did func(n int)) (failed error) {
	keys := strings.Join(s.Key, ", ")
	where, marks := others(s, mark), make([]string, len(s.Key))
	for i := range s.Key {
		marks[i] = store.Mark(i + 2)
	}
	var after []string
	for {
		query, args := `SELECT `+keys+`, `+s.Name+` FROM `+s.Table+where, []any{mark}
		if after != nil {
			query += ` AND (` + keys + `) > (` + strings.Join(marks, ", ") + `)`
			for _, v := range after {
				args = append(args, v)
			}
		}
		rows, err := k.DB.Query(ctx, fmt.Sprintf(`%s ORDER BY %s LIMIT %d`, query, keys, batch), args...)
		values, err := store.All(rows, err, func(r *sql.Rows) (v value, err error) {
			v.key = make([]string, len(s.Key))
			into := make([]any, 0, len(s.Key)+1)
			for i := range v.key {
				into = append(into, &v.key[i])
			}
			err = r.Scan(append(into, &v.sealed)...)
			return v, err
		})
		if err != nil || len(values) == 0 {
			return errors.Join(failed, err)
		}
		after = values[len(values)-1].key
		var bad error
		if err := k.DB.Update(ctx, func(tx *store.Tx) error {
			bad = nil
			for _, v := range values {
				if err := k.sealAnew(ctx, tx, s, v); errors.Is(err, errUnreadable) {
					bad = errors.Join(bad, err)
				} else if err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return errors.Join(failed, err)
		}
		failed = errors.Join(failed, bad)
		did(len(values))
	}
}

var errUnreadable = errors.New("a sealed value cannot be opened")

// sealAnew writes a value under the active key, unless another was written meanwhile. The value is
// the same, so no cache depends on it.
func (k *Keyring) sealAnew(ctx context.Context, tx *store.Tx, s vault.Column, v value) error {
	sealedFor := s.Place(v.key)
	plain, err := k.Vault.Open(sealedFor, v.sealed)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errUnreadable, sealedFor, err)
	}
	set := signed.Set{s.Name: k.Vault.Seal(sealedFor, plain)}
	if s.Digested {
		keyID, digest := k.Vault.NewDigest(string(plain))
		set["key_id"], set["digest"] = keyID, digest[:]
	}
	if s.Clears != "" {
		set[s.Clears] = nil
	}
	if i := slices.IndexFunc(k.Signed, func(t *signed.Table) bool { return t.Name == s.Table }); i >= 0 {
		where := &store.Where{}
		where.Add(s.Name+" = ?", v.sealed)
		for i, name := range s.Key {
			where.Add(name+" = ?", v.key[i])
		}
		_, err = k.Signed[i].Update(ctx, tx, set, where)
		return err
	}
	var args []any
	list := func(names []string, value func(i int) any) (out []string) {
		for i, name := range names {
			args = append(args, value(i))
			out = append(out, name+" = "+store.Mark(len(args)))
		}
		return out
	}
	names := slices.Sorted(maps.Keys(set))
	assigned := list(names, func(i int) any { return set[names[i]] })
	chosen := list(append(slices.Clone(s.Key), s.Name), func(i int) any {
		if i == len(s.Key) {
			return v.sealed
		}
		return v.key[i]
	})
	_, err = tx.Exec(ctx, `UPDATE `+s.Table+` SET `+strings.Join(assigned, ", ")+` WHERE `+strings.Join(chosen, " AND "), args...)
	return err
}
