package store

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Search finds a part of a word, in any case. Texts stand in a narrow table of their own, search_texts, since LIKE over the
// rows of resources would read their documents. Each resource is in one of searchBuckets, chosen by its id, and
// search_grams says which three letters in sequence occur in a bucket: a text is looked for in the buckets only that have
// all its grams. Full-text extensions are not used, since not every database that Keyway may run on has them.
const (
	searchBuckets = 1024
	gramLength    = 3
	// A gram more excludes few further buckets.
	maxTermGrams = 6
	// Less of an id would find by chance.
	minIDPrefix = 4
	// What may be in more buckets is frequent: reading the list in its order fills a page sooner.
	maxBuckets = searchBuckets / 8
)

// SearchKind is a kind of resources that are searched together.
type SearchKind string

// The kinds of resources that can be searched.
const (
	SearchDevices  SearchKind = "device"
	SearchAccounts SearchKind = "connected_account"
	SearchWebviews SearchKind = "connect_webview"
	SearchCodes    SearchKind = "access_code"
)

func (k SearchKind) table() string { return string(k) + "s" }

// Fold returns a text as it is compared in searches: in lower case, and composed, since é may be one character or two.
func Fold(text string) string { return strings.ToLower(norm.NFC.String(text)) }

// SetSearchText makes a resource findable by parts of a text, in place of the text that it had.
func (t *Tx) SetSearchText(ctx context.Context, kind SearchKind, workspaceID, resourceID, searchable string) error {
	folded, bucket := text(Fold(searchable)), bucketOf(resourceID)
	var old string
	err := t.QueryRow(ctx, `SELECT text FROM search_texts WHERE workspace_id = $1 AND kind = $2 AND resource_id = $3 AND bucket >= 0`,
		workspaceID, kind, resourceID).Scan(&old)
	if err == nil && old == folded {
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if _, err := t.Exec(ctx, `INSERT INTO search_texts (workspace_id, kind, resource_id, bucket, text) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (workspace_id, kind, resource_id) DO UPDATE SET bucket = excluded.bucket, text = excluded.text`,
		workspaceID, kind, resourceID, bucket, folded); err != nil {
		return err
	}
	grams := gramsOf(folded)
	if old != "" {
		had := gramsOf(old)
		grams = slices.DeleteFunc(grams, func(g string) bool { _, found := slices.BinarySearch(had, g); return found })
	}
	// Grams that no text of a bucket has now stay: they cost a look into a bucket, and removing them a look at each other text.
	return t.addGrams(ctx, kind, workspaceID, bucket, grams)
}

// addGrams notes that grams occur in a bucket.
func (t *Tx) addGrams(ctx context.Context, kind SearchKind, workspaceID string, bucket int64, grams []string) error {
	for _, g := range grams {
		if _, err := t.Exec(ctx, `INSERT INTO search_grams (workspace_id, kind, gram, bucket) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			workspaceID, kind, []byte(g), bucket); err != nil {
			return err
		}
	}
	return nil
}

// RemoveSearchText makes a resource unfindable.
func (t *Tx) RemoveSearchText(ctx context.Context, kind SearchKind, workspaceID, resourceID string) error {
	_, err := t.Exec(ctx, `DELETE FROM search_texts WHERE workspace_id = $1 AND kind = $2 AND resource_id = $3`, workspaceID, kind, resourceID)
	return err
}

func bucketOf(resourceID string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(resourceID)) // cannot fail
	return int64(h.Sum32() % searchBuckets)
}

// gramsOf returns the grams of a folded text, sorted. The end is padded, so that a gram begins with each of its characters and
// shorter texts are found as beginnings of grams.
func gramsOf(folded string) []string {
	runes := []rune(folded + "\n\n")
	grams := make([]string, 0, len(runes))
	for i := range len(runes) - gramLength + 1 {
		grams = append(grams, string(runes[i:i+gramLength]))
	}
	slices.Sort(grams)
	return slices.Compact(grams)
}

// termGrams returns some of the grams of what is looked for, spread over it: the rarer ones are not known.
func termGrams(folded string) []string {
	runes := []rune(folded)
	last := len(runes) - gramLength
	if last < 0 {
		return nil
	}
	n := min(last+1, maxTermGrams)
	grams := make([]string, 0, n)
	for i := range n {
		from := last * i / max(n-1, 1)
		grams = append(grams, string(runes[from:from+gramLength]))
	}
	return grams
}

// AddSearch adds that a resource's text contains what is looked for, or that one of its ids begins with it, which needs
// minIDPrefix characters. The resource's id is the first of the id columns.
func (db *DB) AddSearch(ctx context.Context, w *Where, kind SearchKind, workspaceID, search string, idColumns ...string) error {
	folded := text(Fold(search))
	like := "%" + likeEscaper.Replace(folded) + "%"
	buckets := db.bucketsWith(kind, workspaceID, folded)
	count, err := db.count(ctx, buckets)
	if err != nil {
		return err
	}
	c := condition{filters: true, args: []any{workspaceID, kind, like}}
	c.text = `EXISTS (SELECT 1 FROM search_texts s WHERE s.workspace_id = ? AND s.kind = ? AND s.resource_id = ` + idColumns[0] +
		` AND s.text LIKE ? ESCAPE '\')`
	finds := query{}
	finds.add(`SELECT resource_id AS found_id FROM search_texts WHERE workspace_id = ? AND kind = ? AND bucket IN (`+buckets.query+
		`) AND text LIKE ? ESCAPE '\'`, slices.Concat([]any{workspaceID, kind}, buckets.args, []any{like})...)
	if len(folded) >= minIDPrefix && strings.Trim(folded, "0123456789abcdef-") == "" {
		c.text = "(" + c.text
		for _, id := range idColumns {
			begins := id + ` >= ? AND ` + id + ` < ?` // no digit of an id comes behind f
			c.text += " OR " + begins
			c.args = append(c.args, folded, folded+"g")
			finds.add(` UNION SELECT `+idColumns[0]+` FROM `+kind.table()+` WHERE workspace_id = ? AND `+begins, workspaceID, folded, folded+"g")
		}
		c.text += ")"
	}
	if count <= maxBuckets {
		c.finders = []*finder{{query: finds.text.String(), args: finds.args, isExact: true}}
	}
	w.add(c)
	return nil
}

type subquery struct {
	query string // each ? stands for the next value
	args  []any
}

// count is how many rows a subquery gives.
func (db *DB) count(ctx context.Context, s subquery) (n int, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FROM (`+numbered(s.query)+`) AS found`, s.args...).Scan(&n)
	return n, err
}

// bucketsWith selects the buckets in which a text may occur.
func (db *DB) bucketsWith(kind SearchKind, workspaceID, folded string) subquery {
	grams := termGrams(folded)
	if len(grams) == 0 {
		// 0xFF comes behind every byte of UTF-8.
		return subquery{`SELECT DISTINCT bucket FROM search_grams WHERE workspace_id = ? AND kind = ? AND gram >= ? AND gram < ?`,
			[]any{workspaceID, kind, []byte(folded), append([]byte(folded), 0xFF)}}
	}
	var s subquery
	for i, g := range grams {
		if i > 0 {
			s.query += ` INTERSECT `
		}
		s.query += `SELECT bucket FROM search_grams WHERE workspace_id = ? AND kind = ? AND gram = ?`
		s.args = append(s.args, workspaceID, kind, []byte(g))
	}
	return s
}

// How many texts indexSearchTexts reads at a time, and how many grams it remembers to have written.
const (
	indexedTexts  = 2000
	rememberGrams = 1 << 20
)

// indexSearchTexts finds the grams of texts that stand in search_texts without: a migration or a bulk load put them there.
func (db *DB) indexSearchTexts(ctx context.Context) error {
	type copied struct{ workspaceID, kind, id, text string }
	type gramIn struct {
		workspaceID, kind, gram string
		bucket                  int64
	}
	written := map[gramIn]struct{}{}
	for {
		rows, err := db.Query(ctx, `SELECT workspace_id, kind, resource_id, text FROM search_texts WHERE bucket < 0 LIMIT $1`, indexedTexts)
		some, err := All(rows, err, func(rows *sql.Rows) (c copied, err error) {
			err = rows.Scan(&c.workspaceID, &c.kind, &c.id, &c.text)
			return c, err
		})
		if err != nil || len(some) == 0 {
			return err
		}
		if len(written) > rememberGrams {
			clear(written)
		}
		var now map[gramIn]struct{}
		err = db.Update(ctx, func(tx *Tx) error {
			now = map[gramIn]struct{}{} // it may run again
			for _, c := range some {
				folded, bucket := text(Fold(c.text)), bucketOf(c.id)
				if _, err := tx.Exec(ctx, `UPDATE search_texts SET bucket = $4, text = $5 WHERE workspace_id = $1 AND kind = $2 AND resource_id = $3`,
					c.workspaceID, c.kind, c.id, bucket, folded); err != nil {
					return err
				}
				fresh := slices.DeleteFunc(gramsOf(folded), func(g string) bool {
					in := gramIn{c.workspaceID, c.kind, g, bucket}
					_, done := written[in]
					_, doneNow := now[in]
					now[in] = struct{}{}
					return done || doneNow
				})
				if err := tx.addGrams(ctx, SearchKind(c.kind), c.workspaceID, bucket, fresh); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		maps.Copy(written, now)
	}
}
