package frame

import (
	"fmt"
	"net/url"
	"testing"

	"keyway/internal/platform/rpc"
)

// Guards lists that are read forward only: Previous leads back page by page, numbers are right however far one goes, and an
// address that was cut or invented is the first page.
func TestTrail(t *testing.T) {
	t.Parallel()
	at := func(n int) rpc.Position {
		id := fmt.Sprintf("0199b2f6-0000-7000-8000-%012d", n)
		if n%2 == 1 {
			id = fmt.Sprintf("fake id.%d", n) // of a drop-in seed
		}
		return rpc.Position{CreatedAt: int64(1_700_000_000_000_000 + n), ID: id}
	}
	read := func(address string) Trail {
		t.Helper()
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if address != "/list" && u.Query().Get("q") != "a b" && u.RawQuery != "" {
			t.Fatalf("%s lost the filter", address)
		}
		return ReadTrail(u.Query())
	}
	page := func(trail Trail, next int) Pagination {
		return trail.Pagination("/list", true, at(next), "q", "a b", "none", "")
	}
	last := maxTrail + 5
	trail, pages := read("/list"), []Pagination(nil)
	for n := 1; n <= last; n++ {
		p := page(trail, n)
		if p.Number != n || trail.IsFirst() != (n == 1) || (p.First == "") != (n == 1) {
			t.Fatalf("page %d is shown as %+v", n, p)
		}
		if n > 1 && trail.From() != at(n-1) {
			t.Fatalf("page %d begins behind %v", n, trail.From())
		}
		pages = append(pages, p)
		trail = read(p.Next)
	}
	if n := len(pages[last-1].Next); n > 3000 {
		t.Errorf("an address has %d characters", n)
	}
	steps := 0
	for p := pages[last-1]; p.Previous != ""; steps++ {
		trail = read(p.Previous)
		number := p.Number - 1
		if p = page(trail, number); p.Number != number || number > 1 && trail.From() != at(number-1) {
			t.Fatalf("%d pages back is %+v behind %v", steps+1, p, trail.From())
		}
	}
	if steps != maxTrail-1 {
		t.Errorf("Previous led back %d pages", steps)
	}
	first := read(pages[1].Previous)
	if !first.IsFirst() || pages[1].Previous != pages[1].First {
		t.Errorf("before the second page is %q", pages[1].Previous)
	}
	if p := read("/list").Pagination("/list", false, rpc.Position{}); p != (Pagination{}) {
		t.Errorf("a list of one page shows %+v", p)
	}
	for _, bad := range []string{"x", "~AAAA", "~", ".", "AAAA..AAAA", url.QueryEscape("a b")} {
		if trail := ReadTrail(url.Values{"after": {bad}, "page": {"9"}}); !trail.IsFirst() || trail.number != 1 {
			t.Errorf("%q is read as %+v", bad, trail)
		}
	}
}

// Guards lists with numbers against addresses of pages that are no more, and pages against losing a filter.
func TestNumbered(t *testing.T) {
	t.Parallel()
	list := Numbered{At: "/list", Filters: url.Values{"q": {"a b"}, "status": {""}}}
	for text, want := range map[string]int{"": 1, "x": 1, "-1": 1, "0": 1, "2": 2, "3": 3, "9": 3} {
		if n := list.Number(url.Values{"page": {text}}, 10, 21); n != want {
			t.Errorf("page %q is %d, not %d", text, n, want)
		}
	}
	if n := list.Number(nil, 10, 0); n != 1 {
		t.Errorf("the page of an empty list is %d", n)
	}
	want := Pagination{First: "/list?q=a+b", Previous: "/list?q=a+b", Next: "/list?page=3&q=a+b", Number: 2, Pages: 3}
	if p := list.Pagination(2, 10, 21); p != want {
		t.Errorf("got %+v", p)
	}
}
