package accesscode

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1" // encoding/json as Go 1.27 has it: the same, and much faster

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

const columns = `access_code_id, workspace_id, device_id, connected_account_id, is_managed, is_spare, common_code_key, doc, secret, state,
	created_at, prints, asleep_until, asleep_in`

// Sealed are the columns of this room that contain secrets.
func Sealed() []vault.Column {
	column := func(what, name, clears string) vault.Column {
		return vault.Column{What: what, Table: "access_codes", Name: name, Key: []string{"workspace_id", "access_code_id"},
			Place: func(key []string) string { return place(key[0], key[1], name) }, Clears: clears}
	}
	return []vault.Column{column("access codes", "secret", ""), column("states of access codes", "state", "prints")}
}

func place(workspaceID, id, column string) string {
	return strings.Join([]string{"access_codes", workspaceID, id, column}, "/")
}

func (c *Codes) scan(rows *sql.Rows) (*row, error) {
	r := &row{}
	var common sql.NullString
	var doc, secret, sealed, prints []byte
	var created int64
	var idle idleSpan
	if err := rows.Scan(&r.id, &r.workspaceID, &r.deviceID, &r.accountID, &r.managed, &r.spare, &common, &doc, &secret, &sealed, &created,
		&prints,
		&idle.until, &idle.in); err != nil {
		return nil, err
	}
	r.common, r.createdAt = common.String, store.Time(created)
	r.indexed = r.toIndex(prints, idle)
	plain, err := c.Vault.Open(place(r.workspaceID, r.id, "state"), sealed)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(plain, &r.state); err != nil {
		return nil, err
	}
	fields, err := c.Vault.Open(place(r.workspaceID, r.id, "secret"), secret)
	r.stored = bytes.Join([][]byte{doc, fields, plain}, nil)
	return r, err
}

// ofDevice reads all codes of a device, oldest first.
func (c *Codes) ofDevice(ctx context.Context, q store.Querier, workspaceID, deviceID string) ([]*row, error) {
	return c.those(ctx, q, "", workspaceID, deviceID)
}

// those reads the codes of a device for which a condition holds as well, oldest first.
func (c *Codes) those(ctx context.Context, q store.Querier, and string, args ...any) ([]*row, error) {
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM access_codes WHERE workspace_id = $1 AND device_id = $2`+and+
		` ORDER BY created_at, access_code_id`, args...)
	return store.All(rows, err, c.scan)
}

// find reads one code that the caller reaches; access_code_not_found when there is none.
func (c *Codes) find(ctx context.Context, q store.Querier, id string, managed bool) (*row, error) {
	p := credential.From(ctx)
	w := c.DB.Where()
	w.Add("workspace_id = ?", p.WorkspaceID)
	w.Add("access_code_id = ?", id)
	w.Add("is_managed = ?", managed)
	w.Add("is_spare = ?", false) // a spare does not belong to a caller yet
	p.Limit(w, "device_id", "connected_account_id", "")
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM access_codes`+w.String(), w.Args...)
	found, err := store.All(rows, err, c.scan)
	if err == nil && len(found) == 0 {
		err = fault.Missing(fault.AccessCodeNotFound)
	}
	if err != nil {
		return nil, err
	}
	credential.NoteDevice(ctx, found[0].deviceID)
	return found[0], nil
}

// save writes a code as it is now, if anything about it has changed.
func (c *Codes) save(ctx context.Context, tx *store.Tx, r *row, now time.Time, a environment) error {
	if r.vanished {
		r.wrote = true
		_, err := tx.Exec(ctx, `DELETE FROM access_codes WHERE workspace_id = $1 AND access_code_id = $2`, r.workspaceID, r.id)
		return err
	}
	doc, fields, err := r.serve(now, a)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(r.state)
	if err != nil {
		return err
	}
	idle, err := r.idle(now, a)
	if err != nil {
		return err
	}
	prints := c.printColumn(r)
	stored, was := r.stored, r.indexed
	r.stored, r.indexed = bytes.Join([][]byte{doc, fields, plain}, nil), r.toIndex(prints, idle)
	if bytes.Equal(stored, r.stored) && was == r.indexed {
		return nil
	}
	r.wrote = true
	r.doc = rpc.Splice[Code](doc, fields)
	secret := c.Vault.Seal(place(r.workspaceID, r.id, "secret"), fields)
	sealed := c.Vault.Seal(place(r.workspaceID, r.id, "state"), plain)
	search := searchText(r.Name, r.id)
	if !r.isNew && was == r.indexed { // a column that is set is written to its indexes, whether it changes or not
		_, err = tx.Exec(ctx,
			`UPDATE access_codes SET search = $3, doc = $4, secret = $5, state = $6 WHERE workspace_id = $1 AND access_code_id = $2`,
			r.workspaceID, r.id, search, string(doc), secret, sealed)
		return err
	}
	if !r.isNew {
		_, err = tx.Exec(ctx,
			`UPDATE access_codes SET is_managed = $3, is_spare = $4, common_code_key = $5, search = $6, doc = $7, secret = $8, state = $9,
				prints = $10,
			asleep_until = $11, asleep_in = $12 WHERE workspace_id = $1 AND access_code_id = $2`,
			r.workspaceID, r.id, r.managed, r.spare, store.TextOrNull(r.common), search, string(doc), secret, sealed, prints, idle.until,
			idle.in)
		return err
	}
	r.isNew = false
	_, err = tx.Exec(ctx, `INSERT INTO access_codes (access_code_id, workspace_id, device_id, connected_account_id, is_managed, is_spare,
		common_code_key, doc, secret, state, created_at, search, prints, asleep_until, asleep_in)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		r.id, r.workspaceID, r.deviceID, r.accountID, r.managed, r.spare,
		store.TextOrNull(r.common), string(doc), secret, sealed, store.Micros(r.createdAt), search, prints, idle.until, idle.in)
	return err
}

// indexed is what stands in the indexes of a code and may change.
type indexed struct {
	managed, spare bool
	common, prints string
	idleSpan
}

func (r *row) toIndex(prints []byte, idle idleSpan) indexed {
	return indexed{r.managed, r.spare, r.common, string(prints), idle}
}

// searchText is what ?search= looks in.
func searchText(name, id string) string { return strings.ToLower(name + "\n" + id) }

// newRow begins a code on a device.
func newRow(d device.Reached, now time.Time, managed bool) *row {
	return &row{id: store.NewID(), workspaceID: d.WorkspaceID, deviceID: d.ID, accountID: d.ConnectedAccountID,
		managed: managed, createdAt: now.Truncate(time.Millisecond), isNew: true, state: state{ChangedAt: now}}
}

const servedColumns = `workspace_id, access_code_id, doc, secret, created_at`

// served gives codes as they are served.
func (c *Codes) served(ctx context.Context, q store.Querier, w *store.Where) ([]servedRow, error) {
	rows, err := q.Query(ctx, `SELECT `+servedColumns+` FROM access_codes`+w.String(), w.Args...)
	return store.All(rows, err, c.scanServed)
}

func (c *Codes) scanServed(rows *sql.Rows) (s servedRow, err error) {
	var workspaceID string
	var doc, secret []byte
	if err := rows.Scan(&workspaceID, &s.ID, &doc, &secret, &s.CreatedAt); err != nil {
		return s, err
	}
	fields, err := c.Vault.Open(place(workspaceID, s.ID, "secret"), secret)
	if err == nil {
		s.Doc = rpc.Splice[Code](doc, fields)
	}
	return s, err
}

type servedRow struct{ store.Row }

// withDigits finds the codes whose name, id or PIN contains some digits. PINs are sealed, so each code
// is looked at.
func (c *Codes) withDigits(ctx context.Context, w *store.Where, digits string) ([]string, error) {
	rows, err := c.DB.Query(ctx, `SELECT workspace_id, access_code_id, search, secret FROM access_codes`+w.String(), w.Args...)
	ids, err := store.All(rows, err, func(rows *sql.Rows) (string, error) {
		var workspaceID, id, text string
		var secret []byte
		if err := rows.Scan(&workspaceID, &id, &text, &secret); err != nil {
			return "", err
		}
		fields, err := c.Vault.Open(place(workspaceID, id, "secret"), secret)
		if err != nil {
			return "", err
		}
		var of struct {
			PIN string `json:"code"`
		}
		if err := json.Unmarshal(fields, &of); err != nil {
			return "", err
		}
		if strings.Contains(text, digits) || strings.Contains(of.PIN, digits) {
			return id, nil
		}
		return "", nil
	})
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" }), err
}

// GetUnmanaged reads a code that others have put on a lock, as it is served. It returns access_code_not_found.
func (c *Codes) GetUnmanaged(ctx context.Context, workspaceID, id string) (rpc.Doc[Unmanaged], error) {
	return c.get(ctx, c.DB, workspaceID, id)
}

func (c *Codes) get(ctx context.Context, q store.Querier, workspaceID, id string) ([]byte, error) {
	w := c.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.Add("access_code_id = ?", id)
	rows, err := c.served(ctx, q, w)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fault.Missing(fault.AccessCodeNotFound)
	}
	return rows[0].Doc, nil
}

// environmentOf finds what surrounds the codes of a device.
func environmentOf(d device.Reached, rows []*row) environment {
	a := environment{device: d}
	if p, ok := d.Session.(provider.CodeProgrammer); ok {
		a.traits = p.CodeTraits(d.Ref)
	}
	for _, e := range d.Errors {
		a.accountDown = a.accountDown || e.Code == "account_disconnected"
	}
	for _, r := range rows {
		a.hasSpare = a.hasSpare || r.spare && r.Shown == set
	}
	return a
}

// Enter finds the code of a device that a PIN belongs to, and uses it up when it is for one use, so
// that of two entries at once one opens; ok is false when none with it is valid at the time.
func (c *Codes) Enter(ctx context.Context, d device.Reached, pin string, at time.Time) (id string, managed, ok bool, err error) {
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		id, managed, ok = "", false, false
		rows, err := c.ofDevice(ctx, tx, d.WorkspaceID, d.ID)
		if err != nil {
			return err
		}
		for _, r := range rows {
			h := r.Held
			if h == nil || h.PIN != pin || r.used() || at.Before(h.StartsAt) || !h.EndsAt.IsZero() && !at.Before(h.EndsAt) {
				continue
			}
			id, managed, ok = r.id, r.managed, true
			if !r.OneTime {
				return nil
			}
			r.Errors = append(r.Errors, Problem{ErrorCode: usedUp, Message: "The code was for one use and has been used.",
				CreatedAt: rpc.Time{Time: at}, IsCodeError: true})
			return c.save(ctx, tx, r, at, environmentOf(d, rows))
		}
		return nil
	}, store.Workspace(d.WorkspaceID))
	return id, managed, ok, err
}

// usedUp is the error of a code for one use that has been used.
const usedUp = "access_code_inactive"

func (r *row) used() bool {
	return slices.ContainsFunc(r.Errors, func(p Problem) bool { return p.ErrorCode == usedUp })
}

// Reset lets all codes of a workspace be as they were found with its devices: there are none until
// the locks are read again.
func (c *Codes) Reset(ctx context.Context, tx *store.Tx, workspaceID string) error {
	rows, err := tx.Query(ctx, `SELECT `+columns+` FROM access_codes WHERE workspace_id = $1`, workspaceID)
	codes, err := store.All(rows, err, c.scan)
	if err != nil {
		return err
	}
	for _, r := range codes {
		if err := c.settle(ctx, tx, r, &wasReset, nil); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM access_codes WHERE workspace_id = $1`, workspaceID); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM code_reads WHERE workspace_id = $1`, workspaceID)
	return err
}

// group reads the codes that share a key and that the caller reaches.
func (c *Codes) group(ctx context.Context, q store.Querier, key string) ([]*row, error) {
	p := credential.From(ctx)
	w := c.DB.Where()
	w.Add("workspace_id = ?", p.WorkspaceID)
	w.Add("common_code_key = ?", key)
	p.Limit(w, "device_id", "connected_account_id", "")
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM access_codes`+w.String()+` ORDER BY device_id`, w.Args...)
	return store.All(rows, err, c.scan)
}

// active reads the codes of a device that a visit has to look at, oldest first.
func (c *Codes) active(ctx context.Context, q store.Querier, d device.Reached, now time.Time) ([]*row, error) {
	return c.those(ctx, q, ` AND (asleep_until IS NULL OR asleep_until <= $3)`, d.WorkspaceID, d.ID, store.Micros(now))
}

// affected reads the codes that are idle although what surrounds them has changed.
func (c *Codes) affected(ctx context.Context, q store.Querier, a environment, now time.Time) ([]*row, error) {
	mark, err := a.mark()
	if err != nil {
		return nil, err
	}
	return c.those(ctx, q, ` AND asleep_until > $3 AND asleep_in <> $4`, a.device.WorkspaceID, a.device.ID, store.Micros(now), mark)
}

// nextDue is when the first code of a device that is idle has to be looked at; zero: none ever.
func (c *Codes) nextDue(ctx context.Context, q store.Querier, d device.Reached, now time.Time) (at time.Time, err error) {
	var first sql.NullInt64
	err = q.QueryRow(ctx,
		`SELECT MIN(asleep_until) FROM access_codes WHERE workspace_id = $1 AND device_id = $2 AND asleep_until > $3 AND asleep_until < $4`,
		d.WorkspaceID, d.ID, store.Micros(now), int64(math.MaxInt64)).Scan(&first)
	return store.TimeOrZero(first), err
}

// loadNeighbours finds what a new code on a device has to respect, without opening a PIN.
func (c *Codes) loadNeighbours(ctx context.Context, tx *store.Tx, t *changeset, rule *rules) error {
	names := rule.has("name_must_be_unique")
	query := `SELECT access_code_id, is_spare, prints, doc, '' FROM access_codes WHERE workspace_id = $1 AND device_id = $2`
	if names {
		query = strings.Replace(query, "''", "search", 1)
	}
	open := false // whether a spare code is set is known only when it is opened
	rows, err := tx.Query(ctx, query, t.device.WorkspaceID, t.device.ID)
	rule.existing, err = store.All(rows, err, func(rows *sql.Rows) (n neighbour, err error) {
		var id, search string
		var spare bool
		var prints []byte
		if err := rows.Scan(&id, &spare, &prints, &n.doc, &search); err != nil {
			return n, err
		}
		n.name = strings.TrimSuffix(search, searchText("", id))
		if open = open || spare || prints == nil; !open {
			for p := range slices.Chunk(prints[1:], printSize) {
				n.prints = append(n.prints, p)
			}
		}
		return n, nil
	})
	if err != nil || !open {
		return err
	}
	opened, err := c.ofDevice(ctx, tx, t.device.WorkspaceID, t.device.ID)
	if err != nil {
		return err
	}
	t.environment, rule.existing = environmentOf(t.device, opened), c.neighbours(opened, "")
	for _, r := range opened { // those from before there were prints, or under another key
		if _, err := tx.Exec(ctx, `UPDATE access_codes SET prints = $3 WHERE workspace_id = $1 AND access_code_id = $2 AND prints IS NULL`,
			r.workspaceID, r.id, c.printColumn(r)); err != nil {
			return err
		}
	}
	return nil
}

// withPIN finds the codes of a device for which a PIN is wanted, oldest first, by their prints. Only
// those from before there were prints, or under another key, are opened.
func (c *Codes) withPIN(ctx context.Context, q store.Querier, workspaceID, deviceID, pin string, managed bool) ([]string, error) {
	sums := c.digestsOn(deviceID)(wholePIN, pin)
	unprinted := false
	rows, err := q.Query(ctx, `SELECT access_code_id, prints FROM access_codes WHERE workspace_id = $1 AND device_id = $2 AND is_managed = $3
		ORDER BY created_at, access_code_id`, workspaceID, deviceID, managed)
	ids, err := store.All(rows, err, func(rows *sql.Rows) (id string, err error) {
		var prints []byte
		if err := rows.Scan(&id, &prints); err != nil {
			return "", err
		}
		unprinted = unprinted || prints == nil
		if len(prints) <= printSize || !among(sums, fingerprint(prints[1:]).whole()) {
			return "", nil
		}
		return id, nil
	})
	if err != nil || !unprinted {
		return slices.DeleteFunc(ids, func(id string) bool { return id == "" }), err
	}
	opened, err := c.ofDevice(ctx, q, workspaceID, deviceID)
	ids = nil
	for _, r := range opened {
		if r.managed == managed && r.PIN == pin {
			ids = append(ids, r.id)
		}
	}
	return ids, err
}

// readingOf reads what is known of the codes on a lock.
func readingOf(ctx context.Context, q store.Querier, workspaceID, deviceID string) (r reading, err error) {
	var at int64
	var pending string
	err = q.QueryRow(ctx, `SELECT read_at, pending, changes FROM code_reads WHERE workspace_id = $1 AND device_id = $2`,
		workspaceID, deviceID).Scan(&at, &pending, &r.changes)
	if errors.Is(err, sql.ErrNoRows) {
		return r, nil
	} else if err != nil {
		return r, err
	}
	r.known, r.at = true, store.Time(at)
	err = json.Unmarshal([]byte(pending), &r.slots)
	r.any = r.slots == nil
	return r, err
}

// noteChanged notes that codes in these slots of a lock may have changed; none: any.
func noteChanged(ctx context.Context, tx *store.Tx, workspaceID, deviceID string, slots ...string) error {
	r, err := readingOf(ctx, tx, workspaceID, deviceID)
	if err != nil || !r.known {
		return err // all are read the next time anyway
	}
	r.any = r.any || len(slots) == 0
	r.slots = slices.Concat(r.slots, slots)
	slices.Sort(r.slots)
	r.slots = slices.Compact(r.slots)
	pending, err := r.pending()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE code_reads SET pending = $3, changes = changes + 1 WHERE workspace_id = $1 AND device_id = $2`,
		workspaceID, deviceID, pending)
	return err
}

// noteRead notes that a visit has read what was pending when it was planned: all slots, or those that were named.
func noteRead(ctx context.Context, tx *store.Tx, workspaceID, deviceID string, v *visit) error {
	switch {
	case !v.traits.Single || !v.read || !v.all && len(v.reading.slots) == 0:
		return nil
	case v.all:
		_, err := tx.Exec(ctx, `INSERT INTO code_reads (workspace_id, device_id, read_at, pending, changes) VALUES ($1, $2, $3, '[]', $4)
			ON CONFLICT (workspace_id, device_id) DO UPDATE SET read_at = excluded.read_at,
			pending = CASE WHEN code_reads.changes = excluded.changes THEN excluded.pending ELSE code_reads.pending END`,
			workspaceID, deviceID, store.Micros(v.at), v.reading.changes)
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE code_reads SET pending = '[]' WHERE workspace_id = $1 AND device_id = $2 AND changes = $3`,
		workspaceID, deviceID, v.reading.changes)
	return err
}

// forgetReads has all slots of a lock read the next time.
func forgetReads(ctx context.Context, tx *store.Tx, workspaceID, deviceID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM code_reads WHERE workspace_id = $1 AND device_id = $2`, workspaceID, deviceID)
	return err
}

// deleteOfDevice deletes all codes of a device, and what is known of its lock.
func deleteOfDevice(ctx context.Context, tx *store.Tx, workspaceID, deviceID string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM access_codes WHERE workspace_id = $1 AND device_id = $2`, workspaceID, deviceID); err != nil {
		return err
	}
	return forgetReads(ctx, tx, workspaceID, deviceID)
}
