// Package store opens the database (SQLite in the data folder, or PostgreSQL) and provides
// transactions on it. One SQL text serves both: $1 placeholders, RETURNING, upserts, text ids made
// by Go, times as BIGINT microseconds, JSON as TEXT that is served as it stands.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Scope names what a write changes: one workspace, or the instance as a whole. Every scope has a
// generation, a number that each commit in it raises before the write is answered; whatever was
// read at an older generation may be stale. Writers in one scope never overlap.
type Scope string

// Instance is the scope of people, memberships, credentials and workspaces: whatever decides who
// may do what.
const Instance Scope = "instance"

// Workspace is the scope of everything inside one workspace.
func Workspace(id string) Scope { return Scope("workspace:" + id) }

// Querier reads: from a snapshot of its own for each call on a DB, inside the transaction on a Tx.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
}

// Execer changes rows; only a Tx can.
type Execer interface {
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Tx is a running transaction. It is valid only inside the function that got it.
type Tx struct {
	Querier
	Execer
	signer    Signer
	last      []func() error
	committed []func()
	quiet     bool
}

// Quiet says that the transaction has changed nothing that anyone reads by its scopes, so that what was
// read before stays valid: their generations are not raised.
func (t *Tx) Quiet() { t.quiet = true }

// BeforeCommit has f called in the transaction when everything else in it is done, for what other
// writers wait for: rows that all writers share are locked last and shortest this way.
func (t *Tx) BeforeCommit(f func() error) { t.last = append(t.last, f) }

// run is a transaction's function with what it left for the end.
func (t *Tx) run(fn func(*Tx) error) error {
	if err := fn(t); err != nil {
		return err
	}
	for _, f := range t.last {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// AfterCommit has f called once the transaction is on disk, before Update returns, and not at all
// if it fails. f must not wait for anything.
func (t *Tx) AfterCommit(f func()) { t.committed = append(t.committed, f) }

// engine is what the two databases do differently.
type engine interface {
	Querier
	update(ctx context.Context, scopes []Scope, fn func(*Tx) error) error
	view(ctx context.Context, fn func(Querier) error) error
	lockClause() string
	dialect() dialect
	close() error
}

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	engine
	// generations are kept in memory, which is correct only while this process is the only
	// writer: nil on PostgreSQL.
	generations *generations
	watchers    *watchers
	folder      *folderLock
	signer      Signer
	trace       func(query string, args []any)
}

// SetTrace has f called with every query that the DB itself runs, for tests of how queries are answered. It is called
// before the first query.
func (db *DB) SetTrace(f func(query string, args []any)) { db.trace = f }

// Query reads rows from a snapshot of its own.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if db.trace != nil {
		db.trace(query, args)
	}
	return db.engine.Query(ctx, query, args...)
}

// QueryRow reads one row from a snapshot of its own.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	if db.trace != nil {
		db.trace(query, args)
	}
	return db.engine.QueryRow(ctx, query, args...)
}

// Options say which database to open.
type Options struct {
	Folder      string // data folder; SQLite's file lives in it
	DatabaseURL string // postgres://…; empty means SQLite in Folder
	Server      string // how another process should name the one that has locked the folder, for example its address
}

// Open opens the database and brings its tables up to date. With SQLite it takes the folder's
// lock first and returns *HeldError when another process has it.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.DatabaseURL != "" {
		w := newWatchers()
		e, err := openPostgres(ctx, o.DatabaseURL, w)
		if err != nil {
			return nil, err
		}
		return ready(ctx, &DB{engine: e, watchers: w})
	}
	lock, err := lockFolder(o.Folder, o.Server)
	if err != nil {
		return nil, err
	}
	g, w := &generations{}, newWatchers()
	e, err := openSQLite(ctx, o.Folder, g, w)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return ready(ctx, &DB{engine: e, generations: g, watchers: w, folder: lock})
}

// ready does what a migration leaves to Go.
func ready(ctx context.Context, db *DB) (*DB, error) {
	if err := db.indexSearchTexts(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Close waits for running writes, then closes the database and releases the folder's lock.
func (db *DB) Close() error {
	err := db.close()
	if db.folder != nil {
		err = errors.Join(err, db.folder.release())
	}
	return err
}

// Shared reports whether other processes may write to the same database, so that only what is read
// in this request is certain to be current.
func (db *DB) Shared() bool { return db.generations == nil }

// Generation is the number of the scope's latest commit. It is known without a query only on a
// database that this process alone writes to; elsewhere ok is false.
func (db *DB) Generation(s Scope) (n uint64, ok bool) {
	if db.generations == nil {
		return 0, false
	}
	return db.generations.of(s).Load(), true
}

// Latest is the number of the scope's latest commit, read where other processes write as well.
func (db *DB) Latest(ctx context.Context, s Scope) (n uint64, err error) {
	if n, ok := db.Generation(s); ok {
		return n, nil
	}
	err = db.QueryRow(ctx, `SELECT COALESCE(MAX(value), 0) FROM generations WHERE scope = $1`, string(s)).Scan(&n)
	return n, err
}

// Update runs fn in a transaction that changes the given scopes; without a scope it may only
// change what no cache depends on. When Update returns nil the change is on disk; with
// ErrOutcomeUnknown it may be, and with any other error it is not. fn may run again after a conflict or
// a lost connection, must use only tx for data, and must not wait for anything else: on SQLite all
// writers share one goroutine.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error, scopes ...Scope) error {
	slices.Sort(scopes) // one order for all writers, so that no two wait for each other
	err := db.update(ctx, slices.Compact(scopes), func(tx *Tx) error {
		tx.signer = db.signer
		return fn(tx)
	})
	if changed, ok := ctx.Value(trackKey{}).(*atomic.Bool); ok && (err == nil || errors.Is(err, ErrOutcomeUnknown)) {
		changed.Store(true)
	}
	return err
}

type trackKey struct{}

// Track returns a context with which Update records that something was stored, or may have been. A request that
// fails afterwards must not be answered in a way that clients repeat.
func Track(ctx context.Context) (tracked context.Context, changed func() bool) {
	c := new(atomic.Bool)
	return context.WithValue(ctx, trackKey{}, c), c.Load
}

// View runs fn on one consistent snapshot.
func (db *DB) View(ctx context.Context, fn func(Querier) error) error {
	return db.view(ctx, func(q Querier) error { return fn(view{q, db.signer}) })
}

// view is a snapshot's Querier.
type view struct {
	Querier
	signer Signer
}

// Signer makes and checks the MACs of rows that grant something; see package signed.
type Signer interface {
	// MAC signs a message with the active server key.
	MAC(message []byte) []byte
	// VerifyMAC reports whether MAC gave mac for the message, under any key in use.
	VerifyMAC(message, mac []byte) bool
	// Refused reports a row whose MAC is missing or wrong. It must not wait for anything.
	Refused(table, id string)
}

// SetSigner says what signs rows. It is called before the first use of signed rows: without it none can be
// written, and none is taken for genuine.
func (db *DB) SetSigner(s Signer) { db.signer = s }

// SignerOf is the signer of a DB, or of the one that a Tx or snapshot belongs to; nil where there is none.
func SignerOf(q Querier) Signer {
	switch q := q.(type) {
	case *DB:
		return q.signer
	case *Tx:
		return q.signer
	case view:
		return q.signer
	}
	return nil
}

// SkipLocked is the clause to end a claiming SELECT with, where the database can skip rows that
// another process is claiming at the moment.
func (db *DB) SkipLocked() string { return db.lockClause() }

// generations contains one counter per scope.
type generations struct{ m sync.Map }

func (g *generations) of(s Scope) *atomic.Uint64 {
	if n, ok := g.m.Load(s); ok {
		return n.(*atomic.Uint64)
	}
	n, _ := g.m.LoadOrStore(s, new(atomic.Uint64))
	return n.(*atomic.Uint64)
}

// Micros is how a time is stored.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// MicrosOrNull stores the zero time as NULL.
func MicrosOrNull(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// Time reads what Micros stored.
func Time(us int64) time.Time { return time.UnixMicro(us).UTC() }

// TimeOrZero reads what MicrosOrNull stored.
func TimeOrZero(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return Time(us.Int64)
}

// All reads every row with scan and closes rows.
func All[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// One reads a single column of every row.
func One[T any](rows *sql.Rows) (v T, err error) {
	err = rows.Scan(&v)
	return v, err
}

// panicked carries a panic of an Update's function from the writer to the goroutine that asked.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string {
	return fmt.Sprintf("panic in a transaction: %v\n%s", p.value, p.stack)
}

// TextOrNull stores the empty string as NULL.
func TextOrNull(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// NewID makes an id for a new row: a UUIDv7, so that ids sort by the time they were made.
func NewID() string {
	id, err := uuid.NewV7()
	if err != nil {
		panic(err) // the operating system gives no randomness
	}
	return id.String()
}
