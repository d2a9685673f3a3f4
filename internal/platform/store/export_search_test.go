package store

import "context"

// CountBuckets is in how many buckets a text is looked for.
func (db *DB) CountBuckets(ctx context.Context, kind SearchKind, workspaceID, search string) (int, error) {
	return db.count(ctx, db.bucketsWith(kind, workspaceID, Fold(search)))
}
