package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/stdlib"
)

// errLost marks an error that came with the loss of a connection to PostgreSQL.
var errLost = fmt.Errorf("%w: the connection to PostgreSQL is lost", errUnavailable)

// connector makes connections whose errors say whether the connection is lost. The driver reports that in
// many forms and texts; what they have in common is that the connection is closed afterwards.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: PostgreSQL cannot be reached: %w", errUnavailable, err)
	}
	return &conn{made.(*stdlib.Conn)}, nil
}

type conn struct{ *stdlib.Conn }

var (
	_ driver.ExecerContext   = (*conn)(nil)
	_ driver.QueryerContext  = (*conn)(nil)
	_ driver.ConnBeginTx     = (*conn)(nil)
	_ driver.SessionResetter = (*conn)(nil)
)

// explain marks an error after which the connection is closed.
func (c *conn) explain(err error) error {
	if err == nil || !c.Conn.Conn().IsClosed() {
		return err
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	r, err := c.Conn.ExecContext(ctx, query, args)
	return r, c.explain(err)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	r, err := c.Conn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, c.explain(err)
	}
	return &connRows{r.(*stdlib.Rows), c}, nil
}

func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, o)
	if err != nil {
		return nil, c.explain(err)
	}
	return connTx{tx, c}, nil
}

type connRows struct {
	*stdlib.Rows
	conn *conn
}

func (r *connRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if errors.Is(err, io.EOF) { // the usual end
		return err
	}
	return r.conn.explain(err)
}

type connTx struct {
	driver.Tx
	conn *conn
}

func (t connTx) Commit() error { return t.conn.explain(t.Tx.Commit()) }
