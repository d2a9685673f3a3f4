package store

import (
	"container/list"
	"database/sql"
	"errors"
	"sync"
)

// maxStatements bounds how many statements stay prepared; SQLite keeps some ten kilobytes for each, on every
// connection. It is more than the requests of a busy hour have.
const maxStatements = 300

// statements keeps the most recently used statements prepared: preparing costs more than most of the queries
// themselves.
type statements struct {
	prepare func(query string) (*sql.Stmt, error)

	mu     sync.Mutex
	recent *list.List // of *statement, the latest first
	of     map[string]*list.Element
}

type statement struct {
	*sql.Stmt
	query   string
	users   int
	evicted bool // to be closed by its last user
}

func newStatements(prepare func(query string) (*sql.Stmt, error)) *statements {
	return &statements{prepare: prepare, recent: list.New(), of: map[string]*list.Element{}}
}

// use returns the query's statement, which release takes back. Rows may outlive that.
func (c *statements) use(query string) (*statement, error) {
	if st := c.find(query); st != nil {
		return st, nil
	}
	prepared, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.of[query]; ok { // another request was faster
		_ = prepared.Close()
		st := e.Value.(*statement)
		st.users++
		return st, nil
	}
	st := &statement{Stmt: prepared, query: query, users: 1}
	c.of[query] = c.recent.PushFront(st)
	if c.recent.Len() > maxStatements {
		oldest := c.recent.Back()
		c.recent.Remove(oldest)
		old := oldest.Value.(*statement)
		delete(c.of, old.query)
		if old.evicted = true; old.users == 0 {
			_ = old.Close()
		}
	}
	return st, nil
}

func (c *statements) find(query string) *statement {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.of[query]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(e)
	st := e.Value.(*statement)
	st.users++
	return st
}

func (c *statements) release(st *statement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.users--; st.users == 0 && st.evicted {
		_ = st.Close()
	}
}

// close closes all statements; none may be in use.
func (c *statements) close() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.of {
		err = errors.Join(err, e.Value.(*statement).Close())
	}
	clear(c.of)
	c.recent.Init()
	return err
}
