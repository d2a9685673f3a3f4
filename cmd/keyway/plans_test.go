package main

import (
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"keyway/internal/platform/store"
)

// planner explains how the database answers the queries of requests.
type planner struct {
	db     *store.DB
	tables []string

	mu      sync.Mutex
	queries []tracedQuery
}

type tracedQuery struct {
	text string
	args []any
}

// newPlanner begins to note the queries of a database; nil for PostgreSQL, whose plans depend on what is in its tables.
func newPlanner(t *testing.T, db *store.DB) *planner {
	t.Helper()
	if db.Shared() {
		return nil
	}
	p := &planner{db: db}
	rows, err := db.Query(t.Context(), `SELECT name FROM sqlite_schema WHERE type = 'table'`)
	if p.tables, err = store.All(rows, err, store.One[string]); err != nil {
		t.Fatal(err)
	}
	db.SetTrace(func(query string, args []any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.queries = append(p.queries, tracedQuery{query, args})
	})
	return p
}

// taken are the queries since it was last called.
func (p *planner) taken() []tracedQuery {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.queries
	p.queries = nil
	return out
}

func (p *planner) plan(t *testing.T, q tracedQuery) []string {
	t.Helper()
	rows, err := p.db.Query(t.Context(), "EXPLAIN QUERY PLAN "+q.text, q.args...)
	steps, err := store.All(rows, err, func(rows *sql.Rows) (step string, err error) {
		var a, b, c any
		err = rows.Scan(&a, &b, &c, &step)
		return step, err
	})
	if err != nil {
		t.Fatalf("%s: %v", q.text, err)
	}
	return steps
}

var (
	scanned  = regexp.MustCompile(`^SCAN (\w+)`)
	searched = regexp.MustCompile(`^SEARCH (\w+) .*\((.*)\)$`)
	bound    = regexp.MustCompile(`(\w+)[=<>]`)
)

// always are the columns that every index of a list begins with or ends in: to search by these alone is to read the list.
var always = []string{"workspace_id", "is_managed", "is_spare", "created_at", "occurred_at", "seq"}

// check fails for a request whose queries read a whole table, and for one that no index helps: it must find rows by more than
// what every row of the list has, or read a bounded number of rows.
func (p *planner) check(t *testing.T, what string) {
	t.Helper()
	isNarrow := false
	var plans []string
	for _, q := range p.taken() {
		if !strings.Contains(q.text, "FROM") || strings.HasPrefix(q.text, "EXPLAIN") {
			continue
		}
		isNarrow = isNarrow || strings.Contains(q.text, "LIMIT 1 OFFSET") || strings.Contains(q.text, "1 = 0")
		steps := p.plan(t, q)
		for _, step := range steps {
			if m := scanned.FindStringSubmatch(step); m != nil && slices.Contains(p.tables, m[1]) {
				t.Errorf("%s reads all of %s:\n%s\n%s", what, m[1], q.text, strings.Join(steps, "\n"))
			}
			if m := searched.FindStringSubmatch(step); m != nil && strings.Contains(q.text, "ORDER BY") {
				for _, c := range bound.FindAllStringSubmatch(m[2], -1) {
					isNarrow = isNarrow || !slices.Contains(always, c[1])
				}
			}
		}
		plans = append(plans, q.text+"\n  "+strings.Join(steps, "\n  "))
	}
	_ = p.taken() // the questions for plans
	if len(plans) > 0 && !isNarrow {
		t.Errorf("%s: no index finds its rows, and nothing bounds how many are read:\n%s", what, strings.Join(plans, "\n"))
	}
}
