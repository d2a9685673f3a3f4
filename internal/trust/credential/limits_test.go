package credential

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestHours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hours Hours
		at    string // UTC
		want  bool
	}{
		// Oslo is an hour ahead of UTC in winter and two in summer.
		{Hours{[]string{"mon"}, "08:00", "18:00", "Europe/Oslo"}, "2026-11-23T07:00:00Z", true},
		{Hours{[]string{"mon"}, "08:00", "18:00", "Europe/Oslo"}, "2026-11-23T06:59:59Z", false},
		{Hours{[]string{"mon"}, "08:00", "18:00", "Europe/Oslo"}, "2026-11-23T17:00:00Z", false},
		{Hours{[]string{"mon"}, "08:00", "18:00", "Europe/Oslo"}, "2026-07-20T06:00:00Z", true},
		{Hours{[]string{"mon"}, "08:00", "18:00", "Europe/Oslo"}, "2026-07-20T16:00:00Z", false},
		{Hours{[]string{"mon"}, "08:00", "18:00", "Europe/Oslo"}, "2026-11-24T09:00:00Z", false},
		// Past midnight belongs to the day it began.
		{Hours{[]string{"fri"}, "22:00", "06:00", "UTC"}, "2026-11-27T22:00:00Z", true},
		{Hours{[]string{"fri"}, "22:00", "06:00", "UTC"}, "2026-11-28T05:59:00Z", true},
		{Hours{[]string{"fri"}, "22:00", "06:00", "UTC"}, "2026-11-28T06:00:00Z", false},
		{Hours{[]string{"fri"}, "22:00", "06:00", "UTC"}, "2026-11-27T05:00:00Z", false},
		{Hours{[]string{"sat"}, "22:00", "06:00", "UTC"}, "2026-11-29T05:00:00Z", true},
		// Through the night in which the clocks are put back (01:00Z) and forward, on the clock of the wall.
		{Hours{[]string{"sat"}, "22:00", "02:30", "Europe/Oslo"}, "2026-10-25T00:15:00Z", true},
		{Hours{[]string{"sat"}, "22:00", "02:30", "Europe/Oslo"}, "2026-10-25T00:45:00Z", false},
		{Hours{[]string{"sat"}, "22:00", "02:30", "Europe/Oslo"}, "2026-10-25T01:15:00Z", true},
		{Hours{[]string{"sun"}, "02:00", "03:00", "Europe/Oslo"}, "2026-03-29T01:30:00Z", false},
		{Hours{[]string{"sun"}, "00:00", "24:00", "UTC"}, "2026-11-29T23:59:59Z", true},
		{Hours{[]string{"sun"}, "00:00", "24:00", "UTC"}, "2026-11-30T00:00:00Z", false},
		// What cannot be read never comes.
		{Hours{[]string{"sunday"}, "00:00", "24:00", "UTC"}, "2026-11-29T12:00:00Z", false},
		{Hours{[]string{"sun"}, "0:00", "24:00", "UTC"}, "2026-11-29T12:00:00Z", false},
		{Hours{[]string{"sun"}, "00:00", "24:00", "Local"}, "2026-11-29T12:00:00Z", false},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.hours.compile().hold(at); got != c.want {
			t.Errorf("%+v at %s: %t", c.hours, c.at, got)
		}
	}
}

// Whatever limits are said to be within others allow nothing that those do not.
func TestWithin(t *testing.T) {
	t.Parallel()
	scopes := []string{"*", "*:read", "devices:read", "devices:write", "locks:write", "members:write", "personal_access_tokens:write"}
	cidrs := []string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "::/0", "2001:db8::/32", "::ffff:10.1.0.0/112"}
	addresses := []string{"10.1.2.3", "10.2.0.1", "192.0.2.1", "2001:db8::1", "::1"}
	limits := func(rt *rapid.T, name string) (l Limits) {
		l.Scopes = rapid.SliceOfN(rapid.SampledFrom(scopes), 0, 3).Draw(rt, name+" scopes")
		l.AllowedCIDRs = rapid.SliceOfN(rapid.SampledFrom(cidrs), 0, 2).Draw(rt, name+" networks")
		l.SandboxOnly = rapid.Bool().Draw(rt, name+" sandbox only")
		if rapid.Bool().Draw(rt, name+" workspaces") {
			l.WorkspaceIDs = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 2).Draw(rt, name+" workspace ids")
		}
		if rapid.Bool().Draw(rt, name+" hours") {
			time := rapid.SampledFrom([]string{"00:00", "06:00", "12:00", "22:00", "24:00"})
			l.AllowedHours = &Hours{rapid.SliceOfN(rapid.SampledFrom(Weekdays), 1, 3).Draw(rt, name+" days"), time.Draw(rt, name+" from"),
				time.Draw(rt, name+" to"),
				rapid.SampledFrom([]string{"UTC", "Europe/Oslo"}).Draw(rt, name+" zone")}
		}
		return l
	}
	rapid.Check(t, func(rt *rapid.T) {
		part, whole := limits(rt, "part"), limits(rt, "whole")
		if part.Within(part) != nil && (part.AllowedHours == nil || part.AllowedHours.check() == nil) {
			rt.Fatal("limits are not within themselves")
		}
		if part.Within(whole) != nil {
			return
		}
		p, w := Chain{{rule: part.compile()}}, Chain{{rule: whole.compile()}}
		at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, week).Draw(rt, "minute")) * time.Minute)
		address := rapid.SampledFrom(addresses).Draw(rt, "address")
		if p.allowNow(address, at) == nil && w.allowNow(address, at) != nil {
			rt.Fatalf("%s at %s", address, at)
		}
		for _, s := range scopes[2:] {
			if part.Allows(s) && !whole.Allows(s) {
				rt.Fatal(s)
			}
		}
		for _, ws := range []string{"a", "b", "c"} {
			for _, sandbox := range []bool{true, false} {
				if part.Opens(ws, sandbox) && !whole.Opens(ws, sandbox) {
					rt.Fatal(ws)
				}
			}
		}
	})
}
