// Package fill makes a large workspace in little time: it copies the rows that the API has written for a few devices, with
// other ids, names, times and customers, and seals again what is sealed for one row.
package fill

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/account"
	"keyway/internal/api/action"
	"keyway/internal/api/connectwebview"
	"keyway/internal/api/event"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
)

const (
	// An account is copied once for so many copies of the devices, so that accounts have more devices than those that are copied.
	copiesPerAccount = 10
	// What each transaction writes.
	devicesPerCommit = 2000
	// Homes in a building of the sandbox's fleet, and doors on a floor of it.
	homesPerBuilding, doorsPerFloor, devicesPerHome = 800, 20, 4
)

// tables are what is copied, owners before what belongs to them. key is the column, or columns, with a row's own id.
var tables = []struct{ name, key string }{
	{"connected_accounts", "connected_account_id"}, {"connect_webviews", "connect_webview_id"}, {"devices", "device_id"},
	{"search_texts", ""}, {"metadata", ""}, {"access_codes", "access_code_id"}, {"action_attempts", "action_attempt_id"},
	{"events", "event_id"}, {"event_refs", ""},
}

// token is what differs between a row and its copies.
var token = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}` +
	`|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|(?:Building \d+ |building \d+ )?[Uu]nit \d+|fleet@|cust-\d+|room-\d+`)

// part is a piece of a text: as it stands, or a token.
type part struct {
	text    string
	isToken bool
}

type value struct {
	plain  any // where it is neither a text nor sealed
	parts  []part
	isText bool
	sealed *vault.Column
}

type row struct {
	values    []value
	ofAccount bool     // copied with the accounts and not with the devices
	key       []string // of a sealed value's place
}

type table struct {
	name    string
	columns []string
	insert  string
	rows    []row
}

// Filler copies the devices of one workspace.
type Filler struct {
	db        *store.DB
	vault     *vault.Vault
	workspace string
	tables    []table
	devices   int // that are copied
	span      time.Duration
	ids       map[string]bool // true: of an account or webview
	seq       int64
}

// Workspace copies the devices of the one workspace with devices in a data folder until it has n of them. n must be a
// multiple of how many it has.
func Workspace(ctx context.Context, folder, workspaceID string, n int, progress func(done int)) (err error) {
	db, err := store.Open(ctx, store.Options{Folder: folder})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	v, err := vault.Open(filepath.Join(folder, "keys"))
	if err != nil {
		return err
	}
	f := &Filler{db: db, vault: v, workspace: workspaceID, ids: map[string]bool{}}
	if err := f.read(ctx); err != nil {
		return err
	}
	if f.devices == 0 || n%f.devices != 0 {
		return fmt.Errorf("%d devices cannot be copied to %d", f.devices, n)
	}
	for c := 1; c < n/f.devices; {
		err := db.Update(ctx, func(tx *store.Tx) error {
			for done := 0; done < devicesPerCommit && c < n/f.devices; done += f.devices {
				if err := f.copy(ctx, tx, c); err != nil {
					return err
				}
				c++
			}
			_, err := tx.Exec(ctx, `UPDATE event_heads SET seq = $2 WHERE workspace_id = $1`, f.workspace, f.seq)
			return err
		})
		if err != nil {
			return err
		}
		progress(c * f.devices)
	}
	return nil
}

// read reads the rows that are copied.
func (f *Filler) read(ctx context.Context) error {
	sealed := slices.Concat(accesscode.Sealed(), account.Sealed(), action.Sealed(), connectwebview.Sealed(), event.Sealed())
	if err := f.db.QueryRow(ctx, `SELECT seq FROM event_heads WHERE workspace_id = $1`, f.workspace).Scan(&f.seq); err != nil {
		return err
	}
	var first, last int64
	err := f.db.QueryRow(ctx, `SELECT count(*), min(created_at), max(created_at) FROM devices WHERE workspace_id = $1`, f.workspace).
		Scan(&f.devices, &first, &last)
	if err != nil {
		return err
	}
	f.span = time.Duration(last-first) * time.Microsecond
	for _, t := range tables {
		if t.key == "" {
			continue
		}
		rows, err := f.db.Query(ctx, `SELECT `+t.key+` FROM `+t.name+` WHERE workspace_id = $1`, f.workspace)
		ids, err := store.All(rows, err, store.One[string])
		if err != nil {
			return err
		}
		for _, id := range ids {
			f.ids[id] = t.name == "connected_accounts" || t.name == "connect_webviews"
		}
	}
	rows, err := f.db.Query(ctx, `SELECT external_id FROM devices WHERE workspace_id = $1`, f.workspace)
	external, err := store.All(rows, err, store.One[string])
	for _, id := range external {
		f.ids[id] = false
	}
	if err != nil {
		return err
	}
	for _, t := range tables {
		read, err := f.readTable(ctx, t.name, sealed)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		f.tables = append(f.tables, read)
	}
	f.span = f.span.Truncate(time.Second) + 2*time.Second // events come a little behind
	return nil
}

func (f *Filler) readTable(ctx context.Context, name string, sealed []vault.Column) (t table, err error) {
	rows, err := f.db.Query(ctx, `SELECT * FROM `+name+` WHERE workspace_id = $1`, f.workspace)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	t.name = name
	if t.columns, err = rows.Columns(); err != nil {
		return t, err
	}
	marks := make([]string, len(t.columns))
	for i := range marks {
		marks[i] = store.Mark(i + 1)
	}
	t.insert = `INSERT INTO ` + name + ` (` + strings.Join(t.columns, ", ") + `) VALUES (` + strings.Join(marks, ", ") + `)`
	for rows.Next() {
		r, err := f.readRow(rows, t, sealed)
		if err != nil {
			return t, err
		}
		t.rows = append(t.rows, r)
	}
	return t, rows.Err()
}

func (f *Filler) readRow(rows *sql.Rows, t table, sealed []vault.Column) (r row, err error) {
	raw, into := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range raw {
		into[i] = &raw[i]
	}
	if err := rows.Scan(into...); err != nil {
		return r, err
	}
	column := func(name string) string {
		text, _ := raw[slices.Index(t.columns, name)].(string)
		return text
	}
	r.values = make([]value, len(raw))
	clears := ""
	for i, v := range raw {
		is := slices.IndexFunc(sealed, func(c vault.Column) bool { return c.Table == t.name && c.Name == t.columns[i] })
		text, isText := v.(string)
		if is >= 0 && v != nil {
			c := &sealed[is]
			r.key, clears = nil, c.Clears
			for _, k := range c.Key {
				r.key = append(r.key, column(k))
			}
			plain, err := f.vault.Open(c.Place(r.key), v.([]byte))
			if err != nil {
				return r, err
			}
			r.values[i].sealed, text, isText = c, string(plain), true
		}
		if !isText {
			r.values[i].plain = v
			continue
		}
		r.values[i].parts, r.values[i].isText = f.split(text), true
	}
	if clears != "" {
		r.values[slices.Index(t.columns, clears)] = value{} // recomputed on demand
	}
	r.ofAccount = f.isOfAccount(t, raw)
	return r, nil
}

// isOfAccount reports whether a row is about an account or webview and no device.
func (f *Filler) isOfAccount(t table, raw []any) bool {
	switch t.name {
	case "connected_accounts", "connect_webviews":
		return true
	case "search_texts", "metadata":
		id, _ := raw[slices.Index(t.columns, "resource_id")].(string)
		return f.ids[id]
	case "events":
		return raw[slices.Index(t.columns, "device_id")] == nil
	case "event_refs":
		return slices.Contains([]string{"connect_webview_id", "customer_key"}, raw[slices.Index(t.columns, "name")].(string))
	}
	return false
}

// split finds the tokens of a text.
func (f *Filler) split(text string) (parts []part) {
	at := 0
	for _, m := range token.FindAllStringIndex(text, -1) {
		found := text[m[0]:m[1]]
		if _, ours := f.ids[found]; len(found) == 36 && found[8] == '-' && !ours {
			continue
		}
		parts = append(parts, part{text[at:m[0]], false}, part{found, true})
		at = m[1]
	}
	return append(parts, part{text[at:], false})
}

// copy writes the cth copy of all rows. Copies are older than what they are made of, so that none is of the future.
func (f *Filler) copy(ctx context.Context, tx *store.Tx, c int) error {
	isFirst := c%copiesPerAccount == 0
	for _, t := range f.tables {
		for _, r := range t.rows {
			if r.ofAccount && !isFirst {
				continue
			}
			args, err := f.copyRow(t, r, c)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, t.insert, args...); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return nil
}

func (f *Filler) copyRow(t table, r row, c int) ([]any, error) {
	args := make([]any, len(r.values))
	key := make([]string, len(r.key))
	for i, k := range r.key {
		key[i] = f.changed(k, c)
	}
	for i, v := range r.values {
		switch {
		case v.isText:
			text := f.join(v.parts, c)
			args[i] = text
			if v.sealed != nil {
				args[i] = f.vault.Seal(v.sealed.Place(key), []byte(text))
			}
			continue
		case v.plain == nil:
			continue
		}
		args[i] = v.plain
		switch n, _ := v.plain.(int64); t.columns[i] {
		case "created_at", "occurred_at", "resource_created_at":
			args[i] = n - f.shift(c).Microseconds()
		case "bucket":
			args[i] = int64(-1) // its grams are found when the database is opened
		case "seq":
			f.seq++
			args[i] = f.seq
		}
	}
	return args, nil
}

func (f *Filler) shift(c int) time.Duration { return time.Duration(c) * f.span }

func (f *Filler) join(parts []part, c int) string {
	var b strings.Builder
	for _, p := range parts {
		if p.isToken {
			b.WriteString(f.changed(p.text, c))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// changed is a token as the cth copy has it.
func (f *Filler) changed(text string, c int) string {
	ofAccount := c - c%copiesPerAccount
	switch {
	case text == "fleet@":
		if ofAccount == 0 {
			return text
		}
		return "fleet-" + strconv.Itoa(ofAccount) + "@"
	case strings.HasPrefix(text, "cust-"):
		return text + "-" + strconv.Itoa(ofAccount)
	case strings.HasPrefix(text, "room-"):
		return text + "-" + strconv.Itoa(c)
	case strings.Contains(text, "nit "):
		return f.unit(text, c)
	case len(text) == 36 && text[8] == '-':
		isOfAccount, ours := f.ids[text]
		if !ours {
			return text
		}
		if isOfAccount {
			c = ofAccount
		}
		return f.id(text, c)
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	_, fraction, _ := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
	layout := "2006-01-02T15:04:05Z"
	if fraction != "" {
		layout = "2006-01-02T15:04:05." + strings.Repeat("0", len(fraction)) + "Z"
	}
	return at.Add(-f.shift(c)).Format(layout)
}

// id is an id of the cth copy: ids begin with the time at which they were made, external ones do not.
func (f *Filler) id(text string, c int) string {
	if text[14] != '7' {
		n, err := strconv.ParseUint(text[24:], 16, 64)
		if err != nil {
			return text
		}
		return fmt.Sprintf("%s%012x", text[:24], n^uint64(c))
	}
	ms, err := strconv.ParseInt(text[:8]+text[9:13], 16, 64)
	if err != nil {
		return text
	}
	made := fmt.Sprintf("%012x", ms-f.shift(c).Milliseconds())
	return made[:8] + "-" + made[8:] + text[13:]
}

// unit is the name of a home of the cth copy, as the fleet names them.
func (f *Filler) unit(text string, c int) string {
	lead, number, _ := strings.Cut(text, "nit ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return text
	}
	unit := lead[len(lead)-1:] + "nit "
	home := (n/100-1)*doorsPerFloor + n%100 - 1
	if before, ok := bytes.CutSuffix([]byte(lead), []byte(" "+lead[len(lead)-1:])); ok {
		building, err := strconv.Atoi(string(before[len("building "):]))
		if err != nil {
			return text
		}
		home += (building - 1) * homesPerBuilding
	}
	home += c * ((f.devices + devicesPerHome - 1) / devicesPerHome)
	out := unit + strconv.Itoa((home%homesPerBuilding/doorsPerFloor+1)*100+home%doorsPerFloor+1)
	if building := home / homesPerBuilding; building > 0 {
		out = map[bool]string{true: "Building ", false: "building "}[unit[0] == 'U'] + strconv.Itoa(building+1) + " " + out
	}
	return out
}
