package frame

import (
	"html/template"
	"strconv"
	"strings"
	"time"
)

// When is a moment in a time zone, as a person reads it.
func When(t time.Time, zone *time.Location) string { return t.In(zone).Format("2 Jan 2006, 15:04 MST") }

// InputTime is how browsers write the value of a datetime-local input.
const InputTime = "2006-01-02T15:04"

// LocalTime reads the value of a datetime-local input in a time zone, or says what is wrong with it: a time that
// the clocks skip does not exist.
func LocalTime(text string, zone *time.Location) (t time.Time, problem string) {
	t, err := time.ParseInLocation(InputTime, text, zone)
	switch {
	case err != nil:
		return time.Time{}, "This isn’t a date with a time."
	case t.Format(InputTime) != text:
		return time.Time{}, "This time doesn’t exist: the clocks go forward that day. Choose another time."
	}
	return t, ""
}

// ago shows a time as "3 minutes ago" or "in 12 days", with the exact time on hover. The page's
// script keeps it true while the page stays open.
func (r *Renderer) ago(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return stamp(t, " data-ago", relative(r.now(), t))
}

// stamp shows a time as a text, with the exact time on hover.
func stamp(t time.Time, attributes, text string) template.HTML {
	html := `<time datetime="` + iso(t) + `" title="` + Exact(t) + `"` + attributes + `>` + text + `</time>`
	return template.HTML(html) //nolint:gosec // all of it is digits and fixed words
}

// happened shows the time of something that went by a workspace's clock: exactly and in UTC, once that was
// moved, since "in 4 days" is no time for what has happened.
func (r *Renderer) happened(c *ClockView, t time.Time) template.HTML {
	return r.happenedAt(c, t, time.UTC)
}

// happenedAt is happened at a device, whose time zone is that of everything beside it.
func (r *Renderer) happenedAt(c *ClockView, t time.Time, zone *time.Location) template.HTML {
	if !c.Moved() || t.IsZero() {
		return r.ago(t)
	}
	return stamp(t, "", When(t, zone))
}

// due is ago by a workspace's clock.
func (r *Renderer) due(c *ClockView, t time.Time) template.HTML {
	if !c.Moved() || t.IsZero() {
		return r.ago(t)
	}
	return stamp(t, ` data-ago data-ahead="`+strconv.FormatInt(c.By.Milliseconds(), 10)+`"`, relative(r.now().Add(c.By), t))
}

// relative says how far t is from now, in the largest unit that fits. The page's script has the
// same steps.
func relative(now, t time.Time) string {
	d := now.Sub(t)
	past := d >= 0
	d = d.Abs()
	var text string
	switch {
	case d < 45*time.Second:
		if past {
			return "just now"
		}
		return "in a moment"
	case d < 90*time.Minute:
		text = Plural(max(1, int(d.Round(time.Minute).Minutes())), "minute", "minutes")
	case d < 36*time.Hour:
		text = Plural(int(d.Round(time.Hour).Hours()), "hour", "hours")
	case d < 60*24*time.Hour:
		text = Plural(int(d.Round(24*time.Hour).Hours()/24), "day", "days")
	case d < 730*24*time.Hour:
		text = Plural(int(d.Hours()/24/30.4375+0.5), "month", "months")
	default:
		text = Plural(int(d.Hours()/24/365.25+0.5), "year", "years")
	}
	if past {
		return text + " ago"
	}
	return "in " + text
}

// Date is a day in UTC, as a person reads it.
func Date(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// Exact is a moment in UTC, to the second.
func Exact(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") }

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// took says how long something took: 3 ms, 1.2 s.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<\u00a01\u00a0ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "\u00a0ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "\u00a0s"
}

// dotted lets a name of several words break behind its dots, and not within a word.
func dotted(name string) template.HTML {
	return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(name), ".", ".<wbr>")) //nolint:gosec // escaped right here
}

// ExactMinute is a moment of this year in UTC, to the minute.
func ExactMinute(t time.Time) string { return t.UTC().Format("2 Jan, 15:04 UTC") }
