package frame

import (
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"keyway/internal/platform/rpc"
)

// maxTrail is how many pages back Previous leads in a list without page numbers of its own.
const maxTrail = 40

// Trail is where a reader of a list in order of time is: the positions behind which this page and those before it began.
// An address carries it, because such a list can only be read forward.
type Trail struct {
	positions []rpc.Position // empty on the first page; the oldest are left out after maxTrail
	number    int            // of the page, from 1
}

// ReadTrail reads the trail from an address; what is not a trail is the first page.
func ReadTrail(query url.Values) (t Trail) {
	if after := query.Get("after"); after != "" {
		for _, text := range strings.Split(after, ".") {
			p := readPosition(text)
			if p.ID == "" || len(t.positions) == maxTrail {
				return Trail{number: 1}
			}
			t.positions = append(t.positions, p)
		}
	}
	t.number = len(t.positions) + 1
	if n, err := strconv.Atoi(query.Get("page")); err == nil && n > t.number && !t.IsFirst() {
		t.number = n // the oldest positions are left out
	}
	return t
}

// From is the position behind which the page begins.
func (t Trail) From() (p rpc.Position) {
	if n := len(t.positions); n > 0 {
		p = t.positions[n-1]
	}
	return p
}

// IsFirst reports whether this is the first page.
func (t Trail) IsFirst() bool { return len(t.positions) == 0 }

// Pagination makes the addresses of the neighboring pages, which keep the filters given as pairs of a name and a value.
func (t Trail) Pagination(here string, hasNext bool, next rpc.Position, filters ...string) (p Pagination) {
	values := url.Values{}
	for pair := range slices.Chunk(filters, 2) {
		if pair[1] != "" {
			values.Set(pair[0], pair[1])
		}
	}
	address := func(positions []rpc.Position, number int) string {
		values.Del("after")
		values.Del("page")
		if len(positions) > maxTrail {
			positions = positions[len(positions)-maxTrail:]
		}
		texts := make([]string, len(positions))
		for i, position := range positions {
			texts[i] = writePosition(position)
		}
		if len(texts) > 0 {
			values.Set("after", strings.Join(texts, "."))
		}
		if number > len(texts)+1 {
			values.Set("page", strconv.Itoa(number))
		}
		return strings.TrimSuffix(here+"?"+values.Encode(), "?")
	}
	if n := len(t.positions); n > 0 {
		p.First = address(nil, 1)
		if n > 1 || t.number == 2 { // behind the oldest position that is known, only the first page is
			p.Previous = address(t.positions[:n-1], t.number-1)
		}
	}
	if hasNext {
		p.Next = address(append(slices.Clone(t.positions), next), t.number+1)
	}
	if p.First != "" || hasNext {
		p.Number = t.number
	}
	return p
}

// writePosition writes the row that a page begins behind, as the address of the page has it: short for the ids that Keyway
// makes, which are UUIDs.
func writePosition(p rpc.Position) string {
	if id, err := uuid.Parse(p.ID); err == nil && id.String() == p.ID {
		return "~" + base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, uint64(p.CreatedAt)), id[:]...))
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.CreatedAt, 36) + " " + p.ID))
}

// readPosition reads what writePosition wrote; anything else is the beginning.
func readPosition(text string) (p rpc.Position) {
	short, isShort := strings.CutPrefix(text, "~")
	raw, err := base64.RawURLEncoding.DecodeString(short)
	if err != nil {
		return p
	}
	if isShort {
		if len(raw) == 8+len(uuid.UUID{}) {
			p = rpc.Position{CreatedAt: int64(binary.BigEndian.Uint64(raw)), ID: uuid.UUID(raw[8:]).String()}
		}
		return p
	}
	at, id, ok := strings.Cut(string(raw), " ")
	if n, err := strconv.ParseInt(at, 36, 64); err == nil && ok {
		p = rpc.Position{CreatedAt: n, ID: id}
	}
	return p
}

// Numbered is a list whose pages have numbers: its address, and the filters that its pages keep. Absent and empty filters
// are the same.
type Numbered struct {
	At      string
	Filters url.Values
}

// Page is the address of a page by its number.
func (n Numbered) Page(number int) string {
	values := url.Values{}
	for name := range n.Filters {
		if value := n.Filters.Get(name); value != "" {
			values.Set(name, value)
		}
	}
	if number > 1 {
		values.Set("page", strconv.Itoa(number))
	}
	return strings.TrimSuffix(n.At+"?"+values.Encode(), "?")
}

// Number is the number of the page that an address asks for; the nearest page where it has none or one that is not there.
func (n Numbered) Number(query url.Values, perPage, rows int) int {
	number, _ := strconv.Atoi(query.Get("page")) // what is no number is the first page
	return min(max(number, 1), max(1, (rows+perPage-1)/perPage))
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

// To adds the id of the part of the page where the list is to the addresses.
func (p Pagination) To(id string) Pagination {
	for _, address := range []*string{&p.First, &p.Previous, &p.Next} {
		if *address != "" {
			*address += "#" + id
		}
	}
	return p
}

// Pagination contains the addresses of the neighbouring pages; empty ones are not there.
type Pagination struct {
	First    string
	Previous string
	Next     string
	Number   int // of this page; 0 where there is only one
	Pages    int // 0: not counted
}
