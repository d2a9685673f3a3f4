package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/jackc/pgx/v5"
)

// postgresDB is a pool. Writers in one scope queue for the row of the scope's generation, which
// they raise first: so each sees all that came before it, as on SQLite, while other scopes continue.
type postgresDB struct {
	pool      *sql.DB
	watch     *watchers
	deadlines deadlines
	stop      context.CancelFunc // of the purge of commits
}

// silence is how long TCP may get no acknowledgement from the database's machine before the connection
// counts as lost, and the longest wait for a new one.
const silence = maxWait

func openPostgres(ctx context.Context, url string, watch *watchers) (*postgresDB, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		// The parser's own text can contain the URL, and the URL a password.
		return nil, errors.New("the database URL is not a valid postgres:// URL")
	}
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > silence { // the URL may say a shorter one
		cfg.ConnectTimeout = silence
	}
	cfg.DialFunc = (&net.Dialer{Control: endInSilence}).DialContext
	p := &postgresDB{pool: sql.OpenDB(connector{stdlib.GetConnector(*cfg)}), watch: watch}
	p.pool.SetMaxOpenConns(32)
	p.pool.SetMaxIdleConns(16)
	p.pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := p.pool.PingContext(p.deadlines.bound(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to PostgreSQL at %s:%d, database %q: %w", cfg.Host, cfg.Port, cfg.Database, err),
			p.pool.Close())
	}
	if err := migrateShared(ctx, p.pool); err != nil {
		return nil, errors.Join(fmt.Errorf("bringing the database up to date: %w", err), p.pool.Close())
	}
	purging, stop := context.WithCancel(context.Background())
	p.stop = stop
	go p.purgeCommits(purging)
	return p, nil
}

func (p *postgresDB) close() error {
	p.stop()
	return p.pool.Close()
}

func (p *postgresDB) lockClause() string { return "FOR UPDATE SKIP LOCKED" }

func (p *postgresDB) dialect() dialect {
	return dialect{values: "jsonb_array_elements_text(CAST(? AS jsonb))", pairs: "jsonb_array_elements(CAST(? AS jsonb))"}
}

func (p *postgresDB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := p.pool.QueryContext(p.deadlines.bound(ctx), query, storable(args)...)
	p.deadlines.note(err)
	return rows, err
}

func (p *postgresDB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	row := p.pool.QueryRowContext(p.deadlines.bound(ctx), query, storable(args)...)
	p.deadlines.note(row.Err())
	return row
}

// storable replaces what PostgreSQL refuses in a text (NUL and anything that is not UTF-8) with U+FFFD.
// Clients can send both anywhere, and an id or name with either is unknown, not a failure.
func storable(args []any) []any {
	for i, a := range args {
		switch s := a.(type) {
		case string:
			args[i] = text(s)
		case sql.NullString:
			s.String = text(s.String)
			args[i] = s
		}
	}
	return args
}

func text(s string) string {
	const unknown = "\uFFFD"
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", unknown)
	}
	return strings.ToValidUTF8(s, unknown)
}

func (p *postgresDB) view(ctx context.Context, fn func(Querier) error) (err error) {
	w := p.deadlines.watch(ctx)
	defer w.stop()
	defer func() {
		err = w.explain(err)
		p.deadlines.note(err)
	}()
	tx, err := p.pool.BeginTx(w.ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(postgresTx{tx, w})
}

// maxRetries bounds how often an update that lost a race runs again, maxLost how often one whose connection
// was lost before the commit does.
const (
	maxRetries = 20
	maxLost    = 2
)

func (p *postgresDB) update(ctx context.Context, scopes []Scope, fn func(*Tx) error) error {
	began, lost := time.Now(), 0
	for try := 0; ; try++ {
		err := p.try(ctx, scopes, fn)
		p.deadlines.note(err)
		if errors.Is(err, errLost) {
			lost++
		}
		if err == nil || ctx.Err() != nil || try == maxRetries || lost > maxLost || time.Since(began) > maxWait || !retryable(err) {
			return Explain(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(rand.IntN(1+min(try, 6)*10)) * time.Millisecond):
		}
	}
}

func (p *postgresDB) try(ctx context.Context, scopes []Scope, fn func(*Tx) error) (err error) {
	w := p.deadlines.watch(ctx)
	defer w.stop()
	defer func() { err = w.explain(err) }()
	tx, err := p.pool.BeginTx(w.ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	id := NewID()
	if err := begin(w, tx, id, scopes); err != nil {
		return err
	}
	t := &Tx{Querier: postgresTx{tx, w}, Execer: postgresTx{tx, w}}
	if err := t.run(fn); err != nil {
		return err
	}
	if t.quiet { // the raised numbers were visible to no one else
		for _, s := range scopes {
			w.touch()
			if _, err := tx.ExecContext(w.ctx, `UPDATE generations SET value = value - 1 WHERE scope = $1`, string(s)); err != nil {
				return err
			}
		}
	}
	if !w.commit() {
		return w.ctx.Err()
	}
	if err := tx.Commit(); err != nil {
		if err := p.outcome(ctx, id, w.explain(err)); err != nil {
			return err
		}
	}
	for _, f := range t.committed {
		f()
	}
	if !t.quiet {
		p.watch.notify(scopes...)
	}
	return nil
}

// begin writes the transaction's id and raises the generations of its scopes.
func begin(w *watchdog, tx *sql.Tx, id string, scopes []Scope) error {
	const commit = `INSERT INTO commits (commit_id, is_stored) VALUES ($1, TRUE)`
	const raise = `INSERT INTO generations (scope, value) VALUES ($1, 1) ON CONFLICT (scope) DO UPDATE SET value = generations.value + 1`
	if len(scopes) == 0 {
		_, err := tx.ExecContext(w.ctx, commit, id)
		return err
	}
	for i, s := range scopes {
		w.touch()
		query, args := raise, []any{string(s)}
		if i == 0 { // one round trip for both
			query, args = `WITH c AS (INSERT INTO commits (commit_id, is_stored) VALUES ($2, TRUE)) `+raise, append(args, id)
		}
		if _, err := tx.ExecContext(w.ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

type postgresTx struct {
	tx    *sql.Tx
	watch *watchdog
}

func (p postgresTx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.watch.touch()
	return p.tx.QueryContext(ctx, query, storable(args)...)
}

func (p postgresTx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	p.watch.touch()
	return p.tx.QueryRowContext(ctx, query, storable(args)...)
}

func (p postgresTx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.watch.touch()
	return p.tx.ExecContext(ctx, query, storable(args)...)
}

// retryable reports whether the transaction had no effect and may succeed when it runs again: it lost a
// race, or its connection.
func retryable(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, errNoAnswer) {
		return false
	}
	var e *pgconn.PgError
	return errors.Is(err, errLost) || errors.Is(err, driver.ErrBadConn) || errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}
