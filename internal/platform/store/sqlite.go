package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/pressly/goose/v3/database"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// FileName is the name of SQLite's file in the data folder.
const FileName = "keyway.db"

// groupSize bounds how many updates share one commit: larger groups save no more fsyncs worth
// having and make the first of the group wait.
const groupSize = 128

// sqliteDB has a pool of read connections and one writer goroutine that commits many updates with
// one fsync.
type sqliteDB struct {
	reads   *sql.DB
	stmts   sync.Map // query -> *sql.Stmt on reads
	writes  *sql.DB
	conn    *writeConn
	queue   chan *updateRequest
	done    chan struct{}
	closing sync.RWMutex
	closed  bool
	gen     *generations
	watch   *watchers
}

type updateRequest struct {
	ctx    context.Context
	scopes []Scope
	fn     func(*Tx) error
	tx     *Tx
	result chan error
}

func openSQLite(ctx context.Context, folder string, gen *generations, watch *watchers) (*sqliteDB, error) {
	path := filepath.Join(folder, FileName)
	dsn := func(params ...string) string {
		q := url.Values{"_pragma": append([]string{"busy_timeout(10000)", "synchronous(FULL)", "temp_store(MEMORY)"}, params...)}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	}
	// The write connection comes first: it creates the file and turns on the write-ahead log.
	writes, err := sql.Open("sqlite", dsn("journal_mode(WAL)", "cache_size(-8000)"))
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(1)
	if err := writes.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, Explain(err)), writes.Close())
	}
	if err := os.Chmod(path, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, writes.Close())
	}
	if err := migrate(ctx, writes, database.DialectSQLite3); err != nil {
		return nil, errors.Join(fmt.Errorf("bringing %s up to date: %w", path, Explain(err)), writes.Close())
	}
	conn, err := writes.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	reads, err := sql.Open("sqlite", dsn("query_only(1)", "cache_size(-4000)"))
	if err != nil {
		return nil, errors.Join(err, conn.Close(), writes.Close())
	}
	n := max(4, 2*runtime.GOMAXPROCS(0))
	reads.SetMaxOpenConns(n)
	reads.SetMaxIdleConns(n)
	s := &sqliteDB{
		reads: reads, writes: writes, gen: gen, watch: watch,
		conn:  &writeConn{conn: conn, stmts: map[string]*writeStmt{}},
		queue: make(chan *updateRequest, groupSize),
		done:  make(chan struct{}),
	}
	go s.write()
	return s, nil
}

func (s *sqliteDB) close() error {
	s.closing.Lock()
	s.closed = true
	s.closing.Unlock()
	close(s.queue)
	<-s.done
	err := s.reads.Close()
	// A statement of a sql.Conn outlives it unless it is closed, and then SQLite never sees the last
	// connection go, which moves the write-ahead log into the database file.
	for _, st := range s.conn.stmts {
		err = errors.Join(err, st.Close())
	}
	return errors.Join(err, s.conn.conn.Close(), s.writes.Close())
}

func (s *sqliteDB) lockClause() string { return "" } // one writer: nothing is ever locked

func (s *sqliteDB) listClause() string { return "SELECT value FROM json_each(?)" }

func (s *sqliteDB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := s.stmt(query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (s *sqliteDB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	st, err := s.stmt(query)
	if err != nil {
		return s.reads.QueryRowContext(ctx, query, args...) // a Row that holds the same error
	}
	return st.QueryRowContext(ctx, args...)
}

// stmt keeps statements prepared: preparing costs more than most of the queries themselves.
func (s *sqliteDB) stmt(query string) (*sql.Stmt, error) {
	if st, ok := s.stmts.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := s.reads.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	if old, loaded := s.stmts.LoadOrStore(query, st); loaded {
		return old.(*sql.Stmt), st.Close()
	}
	return st, nil
}

func (s *sqliteDB) view(ctx context.Context, fn func(Querier) error) error {
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(sqliteView{tx})
}

func (s *sqliteDB) update(ctx context.Context, scopes []Scope, fn func(*Tx) error) error {
	r := &updateRequest{ctx: ctx, scopes: scopes, fn: fn, result: make(chan error, 1)}
	s.closing.RLock()
	if s.closed {
		s.closing.RUnlock()
		return ErrClosed
	}
	s.queue <- r
	s.closing.RUnlock()
	err := <-r.result
	var p *panicked
	if errors.As(err, &p) {
		panic(p)
	}
	return err
}

// ErrClosed is returned by Update after Close.
var ErrClosed = errors.New("the database is closed")

// write is the writer: it takes whatever waits, runs each request so that a failing one rolls back
// alone, commits once, raises the generations and only then answers.
func (s *sqliteDB) write() {
	defer close(s.done)
	ctx := context.Background()
	for first := range s.queue {
		group := []*updateRequest{first}
	fill:
		for len(group) < groupSize {
			select {
			case r, ok := <-s.queue:
				if !ok {
					break fill
				}
				group = append(group, r)
			default:
				break fill
			}
		}
		s.commit(ctx, group)
	}
}

func (s *sqliteDB) commit(ctx context.Context, group []*updateRequest) {
	errs := make([]error, len(group))
	answer := func(err error) {
		for i, r := range group {
			if errs[i] == nil {
				errs[i] = err
			}
			r.result <- errs[i]
		}
	}
	// Savepoints cost a copy of each page that is written behind them, and nearly no request fails
	// once it has written: so the group runs without any first.
	err := s.runAll(ctx, group, errs, false)
	if errors.Is(err, errAgain) {
		_, _ = s.conn.Exec(ctx, "ROLLBACK") // if it fails, so does the next BEGIN
		err = s.runAll(ctx, group, errs, true)
	}
	if err != nil {
		_, _ = s.conn.Exec(ctx, "ROLLBACK") // fails when SQLite has ended the transaction already
		answer(Explain(err))
		return
	}
	if _, err := s.conn.Exec(ctx, "COMMIT"); err != nil {
		_, _ = s.conn.Exec(ctx, "ROLLBACK")
		answer(Explain(err))
		return
	}
	for i, r := range group {
		if errs[i] == nil {
			if !r.tx.quiet {
				for _, sc := range r.scopes {
					s.gen.of(sc).Add(1)
				}
			}
			for _, f := range r.tx.committed {
				f()
			}
			if !r.tx.quiet {
				s.watch.tell(r.scopes...)
			}
		}
	}
	answer(nil)
}

// errAgain is returned by runAll when what a failing request wrote could only be undone together with
// what all others wrote.
var errAgain = errors.New("the group has to run again")

// runAll begins a transaction and runs the requests of a group in it. It returns an error where nobody
// in the group may believe that anything was stored: errAgain, or that of a database that gave up (a
// full disk ends the whole transaction).
func (s *sqliteDB) runAll(ctx context.Context, group []*updateRequest, errs []error, savepoints bool) error {
	clear(errs)
	if _, err := s.conn.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	run := s.run
	if savepoints {
		run = s.runAlone
	}
	for i, r := range group {
		s.conn.wrote = false
		switch errs[i] = run(ctx, r); {
		case errs[i] == nil:
		case s.conn.broken(errs[i]):
			return errs[i]
		case s.conn.wrote && !savepoints:
			return errAgain
		}
	}
	return nil
}

func (s *sqliteDB) run(_ context.Context, r *updateRequest) (err error) {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
	}()
	r.tx = &Tx{Querier: s.conn, Execer: s.conn}
	return r.tx.run(r.fn)
}

// runAlone is run behind a savepoint, to which a failing request goes back.
func (s *sqliteDB) runAlone(ctx context.Context, r *updateRequest) error {
	if _, err := s.conn.Exec(ctx, "SAVEPOINT request"); err != nil {
		return err
	}
	err := s.run(ctx, r)
	if err != nil {
		if _, e := s.conn.Exec(ctx, "ROLLBACK TO request"); e != nil {
			return errors.Join(err, e)
		}
	}
	if _, e := s.conn.Exec(ctx, "RELEASE request"); e != nil {
		err = errors.Join(err, e)
	}
	return err
}

// writeConn is the one connection that writes, with its prepared statements. Only the writer
// goroutine uses it. Contexts are set aside: interrupting a statement would end the transaction
// of everybody in the group.
type writeConn struct {
	conn  *sql.Conn
	stmts map[string]*writeStmt
	wrote bool // since it was last set to false
}

type writeStmt struct {
	*sql.Stmt
	writes bool
}

func (c *writeConn) stmt(query string) (*sql.Stmt, error) {
	st := c.stmts[query]
	if st == nil {
		prepared, err := c.conn.PrepareContext(context.Background(), query)
		if err != nil {
			return nil, err
		}
		st = &writeStmt{prepared, !strings.HasPrefix(query, "SELECT")}
		c.stmts[query] = st
	}
	c.wrote = c.wrote || st.writes
	return st.Stmt, nil
}

func (c *writeConn) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(context.WithoutCancel(ctx), args...)
}

func (c *writeConn) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	ctx = context.WithoutCancel(ctx)
	st, err := c.stmt(query)
	if err != nil {
		return c.conn.QueryRowContext(ctx, query, args...)
	}
	return st.QueryRowContext(ctx, args...)
}

func (c *writeConn) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(context.WithoutCancel(ctx), args...)
}

// broken tells whether SQLite has ended the whole transaction because of the error.
func (c *writeConn) broken(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_READONLY:
		return true
	}
	return false
}

type sqliteView struct{ tx *sql.Tx }

func (v sqliteView) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return v.tx.QueryContext(ctx, query, args...)
}

func (v sqliteView) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return v.tx.QueryRowContext(ctx, query, args...)
}
