package frame

import (
	"strings"
	"testing"
	"time"
)

var testNow = time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC)

// Where a clock was moved, what has happened by it is shown exactly, and what will happen is shown by it.
func TestTimesByAMovedClock(t *testing.T) {
	t.Parallel()
	r, err := NewRenderer(func() time.Time { return testNow })
	if err != nil {
		t.Fatal(err)
	}
	at := testNow.Add(3 * 24 * time.Hour)
	still, moved := &ClockView{}, &ClockView{By: 2 * 24 * time.Hour}
	for _, c := range []struct{ got, want string }{
		{string(r.happened(nil, testNow.Add(-time.Hour))), ">60 minutes ago<"},
		{string(r.happened(still, testNow.Add(-time.Hour))), ">60 minutes ago<"},
		{string(r.happened(moved, at)), ">" + at.UTC().Format("2 Jan 2006, 15:04 UTC") + "<"},
		{string(r.due(nil, at)), ">in 3 days<"},
		{string(r.due(still, at)), ">in 3 days<"},
		{string(r.due(moved, at)), ` data-ago data-ahead="172800000">in 24 hours<`},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
	if got := r.happened(moved, time.Time{}) + r.due(moved, time.Time{}); got != "" {
		t.Errorf("no time is %s", got)
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{0, "just now"}, {-44 * time.Second, "just now"}, {-45 * time.Second, "1 minute ago"}, {-3 * time.Minute, "3 minutes ago"},
		{-89 * time.Minute, "89 minutes ago"}, {-90 * time.Minute, "2 hours ago"}, {-35 * time.Hour, "35 hours ago"},
		{-36 * time.Hour, "2 days ago"}, {-59 * 24 * time.Hour, "59 days ago"}, {-61 * 24 * time.Hour, "2 months ago"},
		{-729 * 24 * time.Hour, "24 months ago"}, {-1096 * 24 * time.Hour, "3 years ago"},
		{10 * time.Second, "in a moment"}, {12 * 24 * time.Hour, "in 12 days"}, {365 * 24 * time.Hour, "in 12 months"},
	} {
		if got := relative(testNow, testNow.Add(test.d)); got != test.want {
			t.Errorf("%v: %q, want %q", test.d, got, test.want)
		}
	}
}

// A time that the clocks skip, or that is none, is refused in words instead of being moved.
func TestLocalTime(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"2026-03-29T02:30": "clocks go forward", "2026-03-29T03:30": "", "2026-10-25T02:30": "",
		"tomorrow": "isn’t a date", "": "isn’t a date"} {
		at, problem := LocalTime(text, berlin)
		if want == "" && (problem != "" || at.Format(InputTime) != text) || !strings.Contains(problem, want) {
			t.Errorf("%s: %v %q", text, at, problem)
		}
	}
}
