package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"iter"
	"math"

	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
)

// row is an entry as it is stored.
type row struct {
	id           string
	occurredAt   int64
	actor        string
	action       string
	workspaceID  sql.NullString
	subjectID    sql.NullString
	detail       string
	userID       sql.NullString
	credentialID sql.NullString

	seq   sql.NullInt64 // not valid: written before there was a chain
	keyID sql.NullString
	mac   []byte
}

const columns = `entry_id, occurred_at, actor, action, workspace_id, subject_id, detail, user_id, credential_id, seq, key_id, mac`

func scanRow(rows *sql.Rows) (r row, err error) {
	err = rows.Scan(&r.id, &r.occurredAt, &r.actor, &r.action, &r.workspaceID, &r.subjectID, &r.detail, &r.userID, &r.credentialID, &r.seq,
		&r.keyID, &r.mac)
	return r, err
}

// write puts the entry's content into a hash in a form that no two entries share.
func (r *row) write(h hash.Hash) {
	var n [8]byte
	number := func(v int64) {
		binary.BigEndian.PutUint64(n[:], uint64(v))
		h.Write(n[:])
	}
	text := func(s sql.NullString) {
		if !s.Valid {
			number(-1)
			return
		}
		number(int64(len(s.String)))
		h.Write([]byte(s.String))
	}
	number(r.occurredAt)
	for _, s := range []string{r.id, r.actor, r.action, r.detail} {
		text(sql.NullString{String: s, Valid: true})
	}
	for _, s := range []sql.NullString{r.workspaceID, r.subjectID, r.userID, r.credentialID} {
		text(s)
	}
}

// link is the MAC of an entry behind the one with the MAC before; nil for a key that does not exist.
func (l *Log) link(before []byte, r *row) []byte {
	key := l.Vault.Derive(r.keyID.String, vault.AuditPurpose)
	if key == nil {
		return nil
	}
	h := hmac.New(sha256.New, key)
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(r.seq.Int64))
	h.Write(n[:])
	previous := sha256.Sum256(before) // of one length, also for the first entry
	h.Write(previous[:])
	r.write(h)
	return h.Sum(nil)
}

// chainStarted is the action of the first entry where there were entries before the chain. Its
// detail covers them.
const chainStarted = "audit.chain_started"

// seal is the detail of a chainStarted entry.
type seal struct {
	Entries int    `json:"entries"`
	Digest  string `json:"digest"` // of all entries without a number, by their ids
}

// append puts an entry at the chain's end.
func (l *Log) append(ctx context.Context, tx *store.Tx, r row) error {
	var before []byte
	if err := tx.QueryRow(ctx, `UPDATE audit_head SET seq = seq + 1 WHERE name = 'chain' RETURNING seq, mac`).Scan(&r.seq,
		&before); err != nil {
		return err
	}
	if r.seq.Int64 == 1 && r.action != chainStarted {
		older, err := l.sealOlder(ctx, tx)
		if err != nil {
			return err
		}
		if older {
			return l.append(ctx, tx, r)
		}
	}
	r.keyID = sql.NullString{String: l.Vault.KeyID(), Valid: true}
	r.mac = l.link(before, &r)
	if _, err := tx.Exec(ctx, `INSERT INTO audit_entries (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		r.id, r.occurredAt, r.actor, r.action, r.workspaceID, r.subjectID, r.detail, r.userID, r.credentialID, r.seq, r.keyID,
		r.mac); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE audit_head SET mac = $1 WHERE name = 'chain'`, r.mac)
	return err
}

// sealOlder begins the chain with an entry that covers those written before there was one, and
// makes these findable by their actors. It reports whether there were any.
func (l *Log) sealOlder(ctx context.Context, tx *store.Tx) (bool, error) {
	older, err := unchained(ctx, tx)
	if err != nil || len(older) == 0 {
		return false, err
	}
	for i := range older {
		r := &older[i]
		var a Actor
		if err := json.Unmarshal([]byte(r.actor), &a); err != nil {
			return false, fmt.Errorf("audit entry %s: %w", r.id, err)
		}
		r.userID, r.credentialID = store.TextOrNull(a.UserID), store.TextOrNull(a.CredentialID)
		if _, err := tx.Exec(ctx, `UPDATE audit_entries SET user_id = $2, credential_id = $3 WHERE entry_id = $1`, r.id, r.userID,
			r.credentialID); err != nil {
			return false, err
		}
	}
	detail, err := json.Marshal(sealOf(older))
	if err != nil {
		return false, err
	}
	actor, err := json.Marshal(Server)
	if err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `UPDATE audit_head SET seq = 0 WHERE name = 'chain'`); err != nil {
		return false, err
	}
	return true, l.append(ctx, tx, row{id: store.NewID(), occurredAt: store.Micros(l.Now()), actor: string(actor), action: chainStarted,
		detail: string(detail)})
}

func unchained(ctx context.Context, q store.Querier) ([]row, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM audit_entries WHERE seq IS NULL ORDER BY entry_id`)
	return store.All(rows, err, scanRow)
}

func sealOf(older []row) seal {
	h := sha256.New()
	for _, r := range older {
		r.write(h)
	}
	return seal{len(older), hex.EncodeToString(h.Sum(nil))}
}

// Verification is what a walk along the whole chain has found.
type Verification struct {
	Intact   bool    `json:"intact"`
	Entries  int     `json:"entries" doc:"How many entries there are."`
	FirstBad *int64  `json:"first_bad" doc:"The number of the first entry that was changed, is missing or was put in; null where none was. 0 stands for those written before entries were numbered."`
	Problem  *string `json:"problem" doc:"What is wrong there, in words."`
	// RefusedRows is of the database beside the log.
	RefusedRows []signed.Forged `json:"refused_rows" doc:"Rows that grant something (tokens, memberships, sessions, …) and were not written with the server key. They grant nothing."`
}

func (v *Verification) bad(seq int64, format string, args ...any) {
	if v.FirstBad == nil {
		text := fmt.Sprintf(format, args...)
		v.FirstBad, v.Problem = &seq, &text
	}
}

// Verify walks along the chain, from the first entry to the last that the head file knows of, and checks all
// signed rows.
func (l *Log) Verify(ctx context.Context) (v Verification, err error) {
	kept, err := l.readHead()
	if err != nil {
		return v, err
	}
	err = l.DB.View(ctx, func(q store.Querier) error {
		v = Verification{}
		return l.walk(ctx, q, kept, &v)
	})
	v.Intact = err == nil && v.FirstBad == nil
	if err == nil {
		v.RefusedRows, err = signed.CheckAll(ctx, l.DB, l.Signed)
	}
	return v, err
}

func (l *Log) walk(ctx context.Context, q store.Querier, kept Head, v *Verification) (err error) {
	older, err := unchained(ctx, q)
	if err != nil {
		return err
	}
	var end Head
	if err := q.QueryRow(ctx, `SELECT seq, mac FROM audit_head WHERE name = 'chain'`).Scan(&end.Seq, &end.MAC); errors.Is(err, sql.ErrNoRows) {
		v.bad(1, "the end of the log was removed")
	} else if err != nil {
		return err
	}
	retired, until := map[string]bool{}, map[string]int64{}
	for _, k := range l.Vault.Keys() {
		retired[k.ID], until[k.ID] = k.RetiredAt != nil, k.AuditUntil
	}
	var at Head
	var sealed seal
	for r, err := range chained(ctx, q) {
		if err != nil {
			return err
		}
		v.Entries++
		if v.FirstBad != nil {
			continue
		}
		switch n := at.Seq + 1; {
		case r.seq.Int64 > n:
			v.bad(n, "entries %d to %d are missing", n, r.seq.Int64-1)
		case r.seq.Int64 < n:
			v.bad(r.seq.Int64, "an entry has a number that no entry ever had")
		case l.Vault.Derive(r.keyID.String, vault.AuditPurpose) == nil:
			v.bad(n, "it was written with a key that the key file does not hold")
		case retired[r.keyID.String] && n > until[r.keyID.String]:
			v.bad(n, "it was written with a key that had been retired")
		case !hmac.Equal(r.mac, l.link(at.MAC, &r)):
			v.bad(n, "it was changed, put in or moved")
		case n == kept.Seq && !hmac.Equal(r.mac, kept.MAC):
			v.bad(n, "it is another entry than the one that the head file tells of")
		}
		at = Head{r.seq.Int64, r.mac}
		if r.seq.Int64 == 1 && r.action == chainStarted {
			if err := json.Unmarshal([]byte(r.detail), &sealed); err != nil {
				v.bad(1, "its detail cannot be read")
			}
		}
	}
	if at.Seq < max(end.Seq, kept.Seq) {
		v.bad(at.Seq+1, "entries %d to %d are missing at the end", at.Seq+1, max(end.Seq, kept.Seq))
	}
	if at.Seq > end.Seq || !hmac.Equal(at.MAC, end.MAC) {
		v.bad(at.Seq, "the log does not end where its head says")
	}
	v.Entries += len(older)
	if at.Seq > 0 {
		if sealed == (seal{}) {
			sealed = sealOf(nil)
		}
		if sealOf(older) != sealed {
			v.FirstBad = nil // it is before all that was found
			v.bad(0, "the entries from before there were numbers were changed")
		}
	}
	return nil
}

// chained returns all entries that have a number, in its order, read in pages.
func chained(ctx context.Context, q store.Querier) iter.Seq2[row, error] {
	const limit = 1000
	return func(yield func(row, error) bool) {
		for from := int64(math.MinInt64); ; {
			rows, err := q.Query(ctx, `SELECT `+columns+` FROM audit_entries WHERE seq >= $1 ORDER BY seq LIMIT $2`, from, limit)
			page, err := store.All(rows, err, scanRow)
			if err != nil {
				yield(row{}, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if len(page) < limit || page[limit-1].seq.Int64 == math.MaxInt64 {
				return
			}
			from = page[limit-1].seq.Int64 + 1
		}
	}
}
