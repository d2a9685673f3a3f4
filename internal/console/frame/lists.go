package frame

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"keyway/internal/platform/rpc"
)

// PagesAfter makes the addresses of a list's neighbouring pages, which keep the filters given as
// pairs of a name and a value.
func PagesAfter(here string, from rpc.Position, hasNext bool, next rpc.Position, filters ...string) (p Pagination) {
	values := url.Values{}
	for pair := range slices.Chunk(filters, 2) {
		if pair[1] != "" {
			values.Set(pair[0], pair[1])
		}
	}
	if from.ID != "" {
		p.First = strings.TrimSuffix(here+"?"+values.Encode(), "?")
	}
	if hasNext {
		values.Set("after", WritePosition(next))
		p.Next = here + "?" + values.Encode()
	}
	return p
}

// WritePosition writes the row that a page begins behind, as the address of the page has it.
func WritePosition(p rpc.Position) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.CreatedAt, 36) + " " + p.ID))
}

// ReadPosition reads what writePosition wrote; anything else is the beginning.
func ReadPosition(text string) (p rpc.Position) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	at, id, ok := strings.Cut(string(raw), " ")
	n, atErr := strconv.ParseInt(at, 36, 64)
	if err != nil || atErr != nil || !ok {
		return p
	}
	return rpc.Position{CreatedAt: n, ID: id}
}

// Numbered is a list whose pages have numbers: its address, and what is looked for in it.
type Numbered struct{ At, Search string }

// Page is the address of a page by its number.
func (n Numbered) Page(number int) string {
	values := url.Values{}
	if n.Search != "" {
		values.Set("q", n.Search)
	}
	if number > 1 {
		values.Set("page", strconv.Itoa(number))
	}
	return strings.TrimSuffix(n.At+"?"+values.Encode(), "?")
}

// Pagination leads from one page of so many rows to the others.
func (n Numbered) Pagination(number, perPage, rows int) (p Pagination) {
	if rows > perPage {
		p.Number, p.Pages = number, (rows+perPage-1)/perPage
	}
	if number > 1 {
		p.First, p.Previous = n.Page(1), n.Page(number-1)
	}
	if number*perPage < rows {
		p.Next = n.Page(number + 1)
	}
	return p
}

// Pagination holds the addresses of the neighbouring pages; empty ones are not there.
type Pagination struct {
	First    string
	Previous string // only of lists whose pages have numbers, as what follows
	Next     string
	Number   int // of this page
	Pages    int
}
