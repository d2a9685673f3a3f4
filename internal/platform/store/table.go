package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Table is what a package declares about a table that it owns: whose rows it has, and for how long they are kept.
type Table struct {
	Name      string
	Key       []string // its primary key
	Workspace string   // the column with a row's workspace; empty: rows belong to the instance
	Mixed     bool     // rows may belong to no workspace, so that rules look at all rows at once
	Survives  bool     // its rows stay when their workspace is deleted
	Rules     []Rule   // what is removed with time
	Kept      string   // without rules: what bounds the rows, in words
}

// Rule says which rows of a table are removed with time.
type Rule struct {
	What string        // the rows, in words, for the documentation
	Age  string        // the column that a row's age is counted from
	Keep time.Duration // 0: these rows are never removed
	// Where restricts the rule to some rows. It is SQL, in which $1 is what Age is compared with and $2 the workspace.
	Where string
	// As is the value that Age is compared with; nil: microseconds, as times are stored.
	As func(time.Time) any
	// Before removes what depends on a row, which is given by its primary key and is about to be removed.
	Before func(ctx context.Context, tx *Tx, key []any) error
}

// Day is what the rules count in.
const Day = 24 * time.Hour

// AsDate is for an Age that is a day in UTC, like 2026-11-23.
func AsDate(t time.Time) any { return t.UTC().Format(time.DateOnly) }

// AsID is for an Age that is an id: ids of NewID begin with the time at which they were made.
func AsID(t time.Time) any {
	var id uuid.UUID
	ms := uint64(t.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = 0x70
	return id.String()
}

// Tables are the tables that belong to no other package.
func Tables() []Table {
	return []Table{
		{Name: "generations", Key: []string{"scope"}, Kept: "one number for each workspace"},
		{Name: "search_texts", Key: []string{"workspace_id", "kind", "resource_id"}, Workspace: "workspace_id",
			Kept: "removed with its resource"},
		{Name: "search_grams", Key: []string{"workspace_id", "kind", "gram", "bucket"}, Workspace: "workspace_id",
			Kept: "what the texts of its workspace consist of"},
		{Name: "settings", Key: []string{"name"}, Kept: "one row for each setting"},
		{Name: "commits", Key: []string{"commit_id"}, Kept: "a quarter of an hour, on PostgreSQL only"},
		{Name: "metadata", Key: []string{"workspace_id", "resource_id", "name"}, Workspace: "workspace_id", Kept: "removed with its resource"},
	}
}
