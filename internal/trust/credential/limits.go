package credential

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"keyway/internal/platform/fault"
)

// Limits narrow what a personal access token may do. They are stored, served and compared as they
// are here; what a request needs of them is prepared once, when a token's facts are read.
type Limits struct {
	Scopes           []string `json:"scopes" doc:"What it may call, per group and read or write: devices:read, access_codes:write, *:read, or * for everything but writing tokens, API keys, members and policies."`
	WorkspaceIDs     []string `json:"workspace_ids" rule:"nullable" doc:"The workspaces that it opens; null: all of its person's, now and in future."`
	SandboxOnly      bool     `json:"sandbox_only" doc:"Whether it opens sandbox workspaces only."`
	AllowedCIDRs     []string `json:"allowed_cidrs" doc:"From which networks it may be used; empty: from everywhere."`
	DeviceIDs        []string `json:"device_ids" rule:"nullable" doc:"The devices that exist for it; null: all."`
	DailyActionLimit *int64   `json:"daily_action_limit" doc:"How many physical actions a day it may cause (a day of UTC, or of the hours' time zone); null: any number."`
	AllowedHours     *Hours   `json:"allowed_hours" doc:"When it may be used; null: at any time."`
	MaxUses          *int64   `json:"max_uses" doc:"How many requests it is good for; null: any number."`
}

// Hours are the times of the week at which a token may be used.
type Hours struct {
	Weekdays []string `json:"weekdays" rule:"required,min=1,max=7" enum:"mon tue wed thu fri sat sun" doc:"mon, tue, wed, thu, fri, sat, sun."`
	From     string   `json:"from" rule:"required" doc:"08:00, on the clock of the time zone."`
	To       string   `json:"to" rule:"required" doc:"18:00, not included; before from, it is the next day's and belongs to the day it began."`
	TimeZone string   `json:"time_zone" rule:"required" doc:"An IANA name: Europe/Oslo."`
}

// All is the scope of everything that need not be named.
const All = "*"

// AllReads is the scope of everything that changes nothing.
const AllReads = "*:read"

// named are the scopes that no other scope includes: what they open could give a narrow token
// wider credentials.
var named = []string{"personal_access_tokens:write", "api_keys:write", "members:write", "policies:write"}

// Unlimited is what a token may do unless its maker narrows it.
func Unlimited() Limits { return Limits{Scopes: []string{All}} }

// IsUnlimited reports whether the limits take nothing away from what a token without limits may do.
func (l Limits) IsUnlimited() bool { return Unlimited().Within(l) == nil }

// parseLimits reads stored limits. What cannot be read grants nothing.
func parseLimits(text []byte) Limits {
	var l Limits
	if err := json.Unmarshal(text, &l); err != nil {
		return Limits{Scopes: []string{}, WorkspaceIDs: []string{}, DeviceIDs: []string{}, AllowedCIDRs: []string{}}
	}
	return l
}

// marshal is how limits are stored.
func (l Limits) marshal() (string, error) {
	text, err := json.Marshal(l)
	return string(text), err
}

// grants reports whether one scope includes another.
func grants(scope, wanted string) bool {
	switch scope {
	case wanted:
		return true
	case All:
		return !slices.Contains(named, wanted)
	case AllReads:
		return strings.HasSuffix(wanted, ":read")
	}
	return false
}

// Allows reports whether the limits' scopes include what an endpoint needs.
func (l Limits) Allows(scope string) bool {
	return slices.ContainsFunc(l.Scopes, func(s string) bool { return grants(s, scope) })
}

// Within returns invalid_input naming a parameter in which the limits are wider than the parent's.
// Hours in another time zone than the parent's are not comparable, and so refused.
func (l Limits) Within(parent Limits) error {
	for _, s := range l.Scopes {
		if !parent.Allows(s) {
			return fault.Invalid("scopes", "%s is more than the parent token may do", s)
		}
	}
	switch {
	case !subset(l.WorkspaceIDs, parent.WorkspaceIDs):
		return fault.Invalid("workspace_ids", "They are more than the parent token opens")
	case parent.SandboxOnly && !l.SandboxOnly:
		return fault.Invalid("sandbox_only", "The parent token opens sandbox workspaces only")
	case !cidrsWithin(l.AllowedCIDRs, parent.AllowedCIDRs):
		return fault.Invalid("allowed_cidrs", "They are more than the parent token may be used from")
	case !subset(l.DeviceIDs, parent.DeviceIDs):
		return fault.Invalid("device_ids", "They are more than exist for the parent token")
	case !atMost(l.DailyActionLimit, parent.DailyActionLimit):
		return fault.Invalid("daily_action_limit", "It is more than the parent token's")
	case !l.AllowedHours.within(parent.AllowedHours):
		return fault.Invalid("allowed_hours", "They are more than the parent token's, or in another time zone")
	case !atMost(l.MaxUses, parent.MaxUses):
		return fault.Invalid("max_uses", "It is more than the parent token's")
	}
	return nil
}

// subset compares lists in which nil means everything.
func subset(part, whole []string) bool {
	if whole == nil {
		return true
	}
	return part != nil && !slices.ContainsFunc(part, func(id string) bool { return !slices.Contains(whole, id) })
}

// atMost compares numbers of which nil means any.
func atMost(n, most *int64) bool { return most == nil || n != nil && *n <= *most }

func cidrsWithin(part, whole []string) bool {
	if len(whole) == 0 {
		return true
	}
	within := prefixes(whole)
	for _, text := range part {
		p, err := ParseCIDR(text)
		if err != nil || !slices.ContainsFunc(within, func(w netip.Prefix) bool { return w.Bits() <= p.Bits() && w.Contains(p.Addr()) }) {
			return false
		}
	}
	return len(part) > 0
}

func (h *Hours) within(parent *Hours) bool {
	if parent == nil {
		return true
	}
	if h == nil || h.TimeZone != parent.TimeZone {
		return false
	}
	part, whole := h.compile(), parent.compile()
	for minute := range week {
		if part.has(minute) && !whole.has(minute) {
			return false
		}
	}
	return true
}

// ParseCIDR reads a network, or one address as a network of its own.
func ParseCIDR(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return p, err
		}
		a = a.WithZone("")
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if a := p.Addr(); a.Is4In6() { // as requests' addresses are compared
		if p.Bits() < 96 {
			return p, errors.New("a network of mapped IPv4 addresses is at least /96")
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// prefixes are the networks that can be read; the others let no one in.
func prefixes(cidrs []string) (out []netip.Prefix) {
	for _, text := range cidrs {
		if p, err := ParseCIDR(text); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// Check returns invalid_input naming the limit that is not acceptable. scopes are those that can be granted.
func (l Limits) Check(scopes []string) error {
	for _, s := range l.Scopes {
		if s != All && s != AllReads && !slices.Contains(scopes, s) {
			return fault.Invalid("scopes", "There is no such scope: %q; one is a group with read or write, like devices:read, or *:read, or *", s)
		}
	}
	for _, c := range l.AllowedCIDRs {
		if _, err := ParseCIDR(c); err != nil {
			return fault.Invalid("allowed_cidrs", "%q is not a network like 10.0.0.0/8 or an address", c)
		}
	}
	switch {
	case len(l.Scopes) == 0:
		return fault.Invalid("scopes", "Name at least one")
	case l.WorkspaceIDs != nil && len(l.WorkspaceIDs) == 0:
		return fault.Invalid("workspace_ids", "Name at least one, or null for all")
	case l.DeviceIDs != nil && len(l.DeviceIDs) == 0:
		return fault.Invalid("device_ids", "Name at least one, or null for all")
	case l.DailyActionLimit != nil && *l.DailyActionLimit < 0:
		return fault.Invalid("daily_action_limit", "Number must be greater than or equal to 0")
	case l.MaxUses != nil && *l.MaxUses < 1:
		return fault.Invalid("max_uses", "Number must be greater than or equal to 1")
	case l.AllowedHours != nil:
		return l.AllowedHours.check()
	}
	return nil
}

func (h *Hours) check() error {
	from, to := clock(h.From), clock(h.To)
	switch {
	case len(h.Weekdays) == 0:
		return fault.Invalid("allowed_hours.weekdays", "Name at least one")
	case slices.ContainsFunc(h.Weekdays, func(d string) bool { return !slices.Contains(Weekdays, d) }):
		return fault.Invalid("allowed_hours.weekdays", "Expected mon, tue, wed, thu, fri, sat or sun")
	case from < 0 || from == day:
		return fault.Invalid("allowed_hours.from", "Expected a time like 08:00")
	case to < 0:
		return fault.Invalid("allowed_hours.to", "Expected a time like 18:00")
	case from == to:
		return fault.Invalid("allowed_hours.to", "Must differ from the beginning; a whole day is from 00:00 to 24:00")
	case location(h.TimeZone) == nil:
		return fault.Invalid("allowed_hours.time_zone", "There is no such time zone; one is like Europe/Oslo, or UTC")
	}
	return nil
}

const (
	day  = 24 * 60 // minutes
	week = 7 * day
)

// Weekdays are the names of the days of a week in Hours, from Monday.
var Weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// clock reads a time of day as minutes; -1 for anything else.
func clock(text string) int {
	if text == "24:00" {
		return day
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

// location finds a time zone by its IANA name; nil for an unknown one, and for Local, which means
// something else on each machine.
func location(name string) *time.Location {
	if name == "" || name == "Local" {
		return nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return loc
}

// hours are Hours ready to be asked. Without a zone they never come.
type hours struct {
	days     [7]bool
	from, to int
	zone     *time.Location
}

func (h *Hours) compile() *hours {
	if h.check() != nil {
		return &hours{}
	}
	c := &hours{from: clock(h.From), to: clock(h.To), zone: location(h.TimeZone)}
	for _, d := range h.Weekdays {
		c.days[(slices.Index(Weekdays, d)+1)%len(Weekdays)] = true // as time.Weekday counts
	}
	return c
}

// has reports whether the hours contain a minute of the week, which begins with Sunday.
func (h *hours) has(minute int) bool {
	weekday, of := minute/day, minute%day
	if h.from < h.to {
		return h.days[weekday] && of >= h.from && of < h.to
	}
	return h.days[weekday] && of >= h.from || h.days[(weekday+6)%7] && of < h.to
}

// Hold reports whether a time is within the hours.
func (h *Hours) Hold(at time.Time) bool { return h.compile().hold(at) }

func (h *hours) hold(now time.Time) bool {
	if h.zone == nil {
		return false
	}
	t := now.In(h.zone)
	return h.has(int(t.Weekday())*day + t.Hour()*60 + t.Minute())
}

// rule is Limits ready to be asked.
type rule struct {
	Limits
	all, allReads bool
	networks      []netip.Prefix
	hours         *hours // nil: at any time
}

func (l Limits) compile() rule {
	r := rule{Limits: l, all: slices.Contains(l.Scopes, All), allReads: slices.Contains(l.Scopes, AllReads),
		networks: prefixes(l.AllowedCIDRs)}
	if l.AllowedHours != nil {
		r.hours = l.AllowedHours.compile()
	}
	return r
}

// isRead reports whether a scope is a read scope.
func isRead(scope string) bool { return strings.HasSuffix(scope, ":read") }

// scope refuses what no scope of the token includes.
func (r *rule) scope(needed string, read bool) error {
	if r.all && (read || !slices.Contains(named, needed)) || r.allReads && read || slices.Contains(r.Scopes, needed) {
		return nil
	}
	err := fault.Reason(fault.Forbidden, "scope", "The token lacks the scope %s", needed)
	err.Data["scope"] = needed
	return err
}

// Opens reports whether the limits allow access to a workspace.
func (l *Limits) Opens(id string, sandbox bool) bool {
	return (!l.SandboxOnly || sandbox) && (l.WorkspaceIDs == nil || slices.Contains(l.WorkspaceIDs, id))
}

// address refuses requests from elsewhere.
func (r *rule) address(from netip.Addr) error {
	if len(r.AllowedCIDRs) == 0 || slices.ContainsFunc(r.networks, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return nil
	}
	err := fault.Reason(fault.Forbidden, "address", "The token may not be used from this address")
	err.Data["allowed_cidrs"] = r.AllowedCIDRs
	return err
}

// reasonHours is why a token is refused at a time of day at which it may not be used.
const reasonHours = "hours"

// IsOutOfHours reports whether an error says that a token is used outside its hours.
func IsOutOfHours(err error) bool { return fault.ReasonOf(err) == reasonHours }

// time refuses other hours.
func (r *rule) time(now time.Time) error {
	if r.hours == nil || r.hours.hold(now) {
		return nil
	}
	err := fault.Reason(fault.Forbidden, reasonHours, "The token may not be used at this time")
	err.Data["allowed_hours"] = r.AllowedHours
	return err
}

// today is the day that actions count for, and when it ends.
func (r *rule) today(now time.Time) (date string, ends time.Time) {
	zone := time.UTC
	if r.hours != nil && r.hours.zone != nil {
		zone = r.hours.zone
	}
	t := now.In(zone)
	return t.Format(time.DateOnly), time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, zone)
}
