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
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3/database"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// FileName is the name of SQLite's file in the data folder.
const FileName = "keyway.db"

// groupSize bounds how many updates share one commit: larger groups save no more fsyncs worth
// having and make the first of the group wait.
const groupSize = 128

const (
	// maxLog is how large the write-ahead log stays, in bytes. It grows beyond that while one reader reads for long, or in
	// one large commit.
	maxLog = 4 << 20
	// trimEvery is how often a log that is larger is looked for when nothing is written.
	trimEvery = 15 * time.Second
)

// sqliteDB has a pool of read connections and one writer goroutine that commits many updates with
// one fsync.
type sqliteDB struct {
	reads     *sql.DB
	stmts     *statements // on reads
	writes    *sql.DB
	conn      *writeConn
	queue     chan *updateRequest
	done      chan struct{}
	closing   sync.RWMutex
	closed    bool
	log       string // the file of the write-ahead log
	trim      *time.Ticker
	gen       *generations
	watch     *watchers
	deadlines deadlines
}

type updateRequest struct {
	ctx    context.Context
	scopes []Scope
	fn     func(*Tx) error
	tx     *Tx
	result chan error
	state  atomic.Int32 // waiting, then begun or withdrawn
}

const (
	waiting int32 = iota
	begun
	withdrawn
)

// begin takes the request out of the queue; false when its caller no longer waits.
func (r *updateRequest) begin() bool {
	return r.state.CompareAndSwap(waiting, begun) || r.state.Load() == begun
}

func openSQLite(ctx context.Context, folder string, gen *generations, watch *watchers) (*sqliteDB, error) {
	path := filepath.Join(folder, FileName)
	dsn := func(params ...string) string {
		q := url.Values{"_pragma": append([]string{"busy_timeout(5000)", "synchronous(FULL)", "temp_store(MEMORY)"}, params...)}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	}
	// The write connection comes first: it creates the file and turns on the write-ahead log.
	writes, err := sql.Open("sqlite", dsn("journal_mode(WAL)", "cache_size(-8000)", fmt.Sprintf("journal_size_limit(%d)", maxLog)))
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
		conn:  newWriteConn(conn),
		log:   path + "-wal",
		trim:  time.NewTicker(trimEvery),
		queue: make(chan *updateRequest, groupSize),
		done:  make(chan struct{}),
	}
	s.stmts = newStatements(func(query string) (*sql.Stmt, error) {
		return reads.PrepareContext(s.deadlines.bound(context.Background()), query)
	})
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
	return errors.Join(err, s.conn.stmts.close(), s.conn.conn.Close(), s.writes.Close())
}

func (s *sqliteDB) lockClause() string { return "" } // one writer: nothing is ever locked

func (s *sqliteDB) dialect() dialect {
	return dialect{values: "json_each(?)", pairs: "json_each(?)", unindexed: "+"}
}

func (s *sqliteDB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := s.stmts.use(query)
	if err != nil {
		return nil, err
	}
	defer s.stmts.release(st)
	rows, err := st.QueryContext(s.deadlines.bound(ctx), args...)
	s.deadlines.note(err)
	return rows, err
}

func (s *sqliteDB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	ctx = s.deadlines.bound(ctx)
	st, err := s.stmts.use(query)
	if err != nil {
		return s.reads.QueryRowContext(ctx, query, args...) // a Row that contains the same error
	}
	defer s.stmts.release(st)
	row := st.QueryRowContext(ctx, args...)
	s.deadlines.note(row.Err())
	return row
}

func (s *sqliteDB) view(ctx context.Context, fn func(Querier) error) (err error) {
	w := s.deadlines.watch(ctx)
	defer w.stop()
	defer func() {
		err = w.explain(err)
		s.deadlines.note(err)
	}()
	tx, err := s.reads.BeginTx(w.ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(sqliteView{tx, w})
}

func (s *sqliteDB) update(ctx context.Context, scopes []Scope, fn func(*Tx) error) error {
	r := &updateRequest{ctx: ctx, scopes: scopes, fn: fn, result: make(chan error, 1)}
	err := s.submit(r)
	s.deadlines.note(err)
	var p *panicked
	if errors.As(err, &p) {
		panic(p)
	}
	return err
}

// submit hands a request to the writer and waits for its result, but not for longer than the writer takes
// for anything at all.
func (s *sqliteDB) submit(r *updateRequest) error {
	limit := time.NewTimer(s.deadlines.limit())
	defer limit.Stop()
	s.closing.RLock()
	if s.closed {
		s.closing.RUnlock()
		return ErrClosed
	}
	select {
	case s.queue <- r:
		s.closing.RUnlock()
	case <-r.ctx.Done():
		s.closing.RUnlock()
		return r.ctx.Err()
	case <-limit.C:
		s.closing.RUnlock()
		return errNoAnswer
	}
	select {
	case err := <-r.result:
		return err
	case <-r.ctx.Done():
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return r.ctx.Err()
		}
	case <-limit.C:
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return errNoAnswer
		}
	}
	for {
		select {
		case err := <-r.result:
			return err
		case <-time.After(maxWaitSilent):
			if s.conn.idle() > maxWait { // it hangs in one statement or in the commit
				s.deadlines.silent.Store(true)
				return ErrOutcomeUnknown
			}
		}
	}
}

// ErrClosed is returned by Update after Close.
var ErrClosed = errors.New("the database is closed")

// write is the writer: it takes all pending requests, runs each request so that a failing one rolls back
// alone, commits once, raises the generations and only then answers.
func (s *sqliteDB) write() {
	defer close(s.done)
	defer s.trim.Stop()
	ctx := context.Background()
	for {
		var first *updateRequest
		var ok bool
		select {
		case first, ok = <-s.queue:
		case <-s.trim.C:
			s.trimLog(ctx)
			continue
		}
		if !ok {
			return
		}
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

// trimLog moves a large write-ahead log into the database and makes it empty, if no reader needs it. SQLite itself makes a
// log small only at the next commit after the last reader of it has ended, which may never come.
func (s *sqliteDB) trimLog(ctx context.Context) {
	if info, err := os.Stat(s.log); err != nil || info.Size() <= maxLog {
		return
	}
	// It waits for neither readers nor writers: there will be another chance. An error is one that the next commit meets, too.
	for _, pragma := range []string{"busy_timeout(0)", "wal_checkpoint(TRUNCATE)", "busy_timeout(5000)"} {
		rows, err := s.conn.conn.QueryContext(ctx, "PRAGMA "+pragma)
		if err != nil {
			continue
		}
		for rows.Next() { // it is done row by row
		}
		_ = errors.Join(rows.Err(), rows.Close())
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
				s.watch.notify(r.scopes...)
			}
		}
	}
	answer(nil)
}

// errAgain is returned by runAll when what a failing request wrote could only be undone together with
// what all others wrote.
var errAgain = errors.New("the group has to run again")

// errWithdrawn is the result of a request that nothing waits for.
var errWithdrawn = errors.New("the request was withdrawn")

// runAll begins a transaction and runs the requests of a group in it. It returns an error where no request
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
		if !r.begin() {
			errs[i] = errWithdrawn
			continue
		}
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
// of everyone in the group.
type writeConn struct {
	conn     *sql.Conn
	stmts    *statements
	wrote    bool         // since it was last set to false
	progress atomic.Int64 // when the latest statement began, in nanoseconds
}

func newWriteConn(conn *sql.Conn) *writeConn {
	return &writeConn{conn: conn, stmts: newStatements(func(query string) (*sql.Stmt, error) {
		return conn.PrepareContext(context.Background(), query)
	})}
}

// idle is for how long no statement has begun.
func (c *writeConn) idle() time.Duration { return time.Since(time.Unix(0, c.progress.Load())) }

func (c *writeConn) stmt(query string) (*statement, error) {
	c.progress.Store(time.Now().UnixNano())
	c.wrote = c.wrote || !strings.HasPrefix(query, "SELECT")
	return c.stmts.use(query)
}

func (c *writeConn) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	defer c.stmts.release(st)
	return st.QueryContext(context.WithoutCancel(ctx), args...)
}

func (c *writeConn) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	ctx = context.WithoutCancel(ctx)
	st, err := c.stmt(query)
	if err != nil {
		return c.conn.QueryRowContext(ctx, query, args...)
	}
	defer c.stmts.release(st)
	return st.QueryRowContext(ctx, args...)
}

func (c *writeConn) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	defer c.stmts.release(st)
	return st.ExecContext(context.WithoutCancel(ctx), args...)
}

// broken reports whether SQLite has ended the whole transaction because of the error.
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

type sqliteView struct {
	tx    *sql.Tx
	watch *watchdog
}

func (v sqliteView) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	v.watch.touch()
	return v.tx.QueryContext(ctx, query, args...)
}

func (v sqliteView) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	v.watch.touch()
	return v.tx.QueryRowContext(ctx, query, args...)
}
