package rpc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"reflect"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
)

// PageInput is embedded by the inputs of paged lists.
type PageInput struct {
	Limit      Opt[int]    `json:"limit" rule:"min=1" doc:"Maximum number of results on a page."`
	PageCursor Opt[string] `json:"page_cursor" rule:"nullable" doc:"The next_page_cursor of the page before; all other parameters must stay the same."`
}

// Position is where a page begins.
type Position = store.Position

// Page is one page of a list of T.
type Page[T any] struct {
	Items   []Doc[T] // at most the limit
	HasNext bool
	Next    Position // of the last item
}

// PageOf makes a page of rows that were asked for with one more than the limit, so that it is
// known whether there are more. Where the rows are few because reading stopped early, short is the position at which the
// next page begins; otherwise it is zero.
func PageOf[T any, R interface {
	Page() ([]byte, int64, string)
}](rows []R, limit int, short store.Position) Page[T] {
	p := Page[T]{Items: make([]Doc[T], 0, min(len(rows), limit))}
	if short.ID != "" {
		p.HasNext, p.Next = true, short
	}
	if len(rows) > limit {
		rows, p.HasNext = rows[:limit], true
		_, p.Next.CreatedAt, p.Next.ID = rows[limit-1].Page()
	}
	for _, r := range rows {
		doc, _, _ := r.Page()
		p.Items = append(p.Items, doc)
	}
	return p
}

// page is what the machine needs of a Page, whatever it is of.
type page interface {
	encode(*bytes.Buffer)
	position() (next Position, hasNext bool)
	itemType() reflect.Type
}

func (p Page[T]) encode(b *bytes.Buffer) {
	b.WriteByte('[')
	for i, d := range p.Items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(d)
	}
	b.WriteByte(']')
}

func (p Page[T]) position() (Position, bool) { return p.Next, p.HasNext }

func (p Page[T]) itemType() reflect.Type { return reflect.TypeFor[T]() }

// cursor ties a position to the parameters of the request that it came from.
type cursor struct {
	Params    string `json:"p"`
	CreatedAt int64  `json:"t"`
	ID        string `json:"i"`
}

// Start reads where the page begins and how many rows it may have: as many as the endpoint's row says, unless fewer are asked
// for. It returns mismatched_page_parameters for a cursor that came with other parameters, and
// invalid_input for one that no answer ever contained.
func (p PageInput) Start(ctx context.Context) (from Position, limit int, err error) {
	most := call(ctx).endpoint.PageSize
	limit = min(p.Limit.Or(most), most)
	text := p.PageCursor.Or("")
	if text == "" {
		return from, limit, nil
	}
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &c) != nil || c.ID == "" {
		return from, limit, fault.Invalid("page_cursor", "Invalid page cursor")
	}
	if c.Params != call(ctx).fingerprint() {
		return from, limit, fault.New(fault.MismatchedPageParameters,
			"When using page_cursor, the request must send parameters identical to the initial request")
	}
	return Position{CreatedAt: c.CreatedAt, ID: c.ID}, limit, nil
}

// pagination is the part of the answer beside the list.
type pagination struct {
	NextPageCursor *string `json:"next_page_cursor"`
	HasNextPage    bool    `json:"has_next_page"`
	NextPageURL    *string `json:"next_page_url"`
}

func paginate(p page, c *callState, publicURL string) pagination {
	at, more := p.position()
	if !more {
		return pagination{}
	}
	raw, err := json.Marshal(cursor{c.fingerprint(), at.CreatedAt, at.ID})
	if err != nil {
		panic(err) // two strings and a number
	}
	text := base64.RawURLEncoding.EncodeToString(raw)
	q := c.parameters()
	q.Set("page_cursor", text)
	next := publicURL + c.endpoint.Path + "?" + q.Encode()
	return pagination{&text, true, &next}
}

// fingerprint identifies the parameters of a request apart from its cursor.
func (c *callState) fingerprint() string {
	sum := sha256.Sum256([]byte(c.endpoint.Path + "?" + c.parameters().Encode()))
	return hex.EncodeToString(sum[:12])
}

// parameters are the request's parameters apart from its cursor, in the query grammar however
// they were sent. Parameters that the endpoint does not have are not among them.
func (c *callState) parameters() url.Values {
	q := url.Values{}
	c.endpoint.Handle.in.toQuery(c.in, "", q)
	q.Del("page_cursor")
	return q
}

// Time is a time on the wire: ISO 8601 in UTC with milliseconds.
type Time struct{ time.Time }

// TimeForm is the layout of a Time.
const TimeForm = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes the time; the zero time is null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"` + TimeForm + `"`)), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		t.Time = time.Time{}
		return nil
	}
	u, err := time.Parse(`"`+TimeForm+`"`, string(b))
	t.Time = u
	return err
}
