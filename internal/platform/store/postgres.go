package store

import (
	"context"
	"database/sql"
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
// they raise first: so each sees all that came before it, as on SQLite, while other scopes go on.
type postgresDB struct {
	pool  *sql.DB
	watch *watchers
}

// silence is how long a machine with the database may say nothing before it counts as gone, so that
// requests are answered and jobs go on with the one that takes its place.
const silence = 10 * time.Second

func openPostgres(ctx context.Context, url string, watch *watchers) (*postgresDB, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		// The parser's own text can hold the URL, and the URL a password.
		return nil, errors.New("the database URL is not a valid postgres:// URL")
	}
	if cfg.ConnectTimeout == 0 { // the URL may say another
		cfg.ConnectTimeout = silence
	}
	cfg.DialFunc = (&net.Dialer{Control: endInSilence}).DialContext
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(32)
	pool.SetMaxIdleConns(16)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to PostgreSQL at %s:%d, database %q: %w", cfg.Host, cfg.Port, cfg.Database, err), pool.Close())
	}
	if err := migrateShared(ctx, pool); err != nil {
		return nil, errors.Join(fmt.Errorf("bringing the database up to date: %w", err), pool.Close())
	}
	return &postgresDB{pool, watch}, nil
}

func (p *postgresDB) close() error { return p.pool.Close() }

func (p *postgresDB) lockClause() string { return "FOR UPDATE SKIP LOCKED" }

func (p *postgresDB) listClause() string {
	return "SELECT jsonb_array_elements_text(CAST(? AS jsonb))"
}

func (p *postgresDB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.pool.QueryContext(ctx, query, storable(args)...)
}

func (p *postgresDB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return p.pool.QueryRowContext(ctx, query, storable(args)...)
}

// storable replaces what PostgreSQL refuses in a text (NUL and whatever is not UTF-8) with U+FFFD.
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

func (p *postgresDB) view(ctx context.Context, fn func(Querier) error) error {
	tx, err := p.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(postgresTx{tx})
}

func (p *postgresDB) update(ctx context.Context, scopes []Scope, fn func(*Tx) error) error {
	for try := 0; ; try++ {
		err := p.try(ctx, scopes, fn)
		if !retryable(err) || try == 20 {
			return Explain(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(rand.IntN(1+min(try, 6)*10)) * time.Millisecond):
		}
	}
}

func (p *postgresDB) try(ctx context.Context, scopes []Scope, fn func(*Tx) error) error {
	tx, err := p.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, s := range scopes {
		if err := raise(ctx, tx, s); err != nil {
			return err
		}
	}
	t := &Tx{Querier: postgresTx{tx}, Execer: postgresTx{tx}}
	if err := t.run(fn); err != nil {
		return err
	}
	if t.quiet { // nobody has seen the numbers as they were raised
		for _, s := range scopes {
			if _, err := tx.ExecContext(ctx, `UPDATE generations SET value = value - 1 WHERE scope = $1`, string(s)); err != nil {
				return err
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for _, f := range t.committed {
		f()
	}
	if !t.quiet {
		p.watch.tell(scopes...)
	}
	return nil
}

func raise(ctx context.Context, tx *sql.Tx, s Scope) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO generations (scope, value) VALUES ($1, 1)
		ON CONFLICT (scope) DO UPDATE SET value = generations.value + 1`, string(s))
	return err
}

type postgresTx struct{ tx *sql.Tx }

func (p postgresTx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.tx.QueryContext(ctx, query, storable(args)...)
}

func (p postgresTx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return p.tx.QueryRowContext(ctx, query, storable(args)...)
}

func (p postgresTx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.tx.ExecContext(ctx, query, storable(args)...)
}

// retryable tells whether the transaction lost a race that it may win next time.
func retryable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}
