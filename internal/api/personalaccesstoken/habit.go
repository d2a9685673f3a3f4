package personalaccesstoken

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// A habit is what a family of tokens does again and again: the hours of the week at which it is used,
// and the devices that it names. Each is one row however often it is done.
type habit struct {
	familyID string
	kind     habitKind
	value    string
}

type habitKind string

const (
	hourHabit   habitKind = "hour"
	deviceHabit habitKind = "device"
)

// mostDevices is how many devices of a family are remembered: one that has more is no matter of a list.
const mostDevices = 200

// hourOf is an hour of the week in UTC, from Monday.
func hourOf(at time.Time) string {
	at = at.UTC()
	n := byte((int(at.Weekday())+6)%7*24 + at.Hour())
	return string([]byte{'0' + n/100, '0' + n/10%10, '0' + n%10}) // with each request, so without package fmt
}

// note remembers a habit until it is written. The caller holds mu.
func (m *memory) note(h habit, now time.Time) {
	if m.habits == nil {
		m.habits = map[habit]time.Time{}
	}
	if _, ok := m.habits[h]; ok || len(m.habits) < mostHeld {
		m.habits[h] = now
	}
}

// UsedDevice notes that a request with a token named a device that it reaches.
func (t *Tokens) UsedDevice(familyID, deviceID string, now time.Time) {
	t.watch.mu.Lock()
	defer t.watch.mu.Unlock()
	t.watch.note(habit{familyID, deviceHabit, deviceID}, now)
}

// flushHabits writes habits: each at most once an hour.
func (t *Tokens) flushHabits(ctx context.Context) error {
	m := &t.watch
	due := map[habit]time.Time{}
	m.mu.Lock()
	for h, at := range m.habits {
		if last, ok := m.written[h.key()]; !ok || at.Sub(last) >= time.Hour {
			due[h] = at
		}
	}
	m.habits = nil
	m.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	// No scope: no cache depends on it.
	err := t.DB.Update(ctx, func(tx *store.Tx) error {
		type list struct {
			familyID string
			kind     habitKind
		}
		full := map[list]bool{}
		for h, at := range due {
			of := list{h.familyID, h.kind}
			if full[of] {
				continue
			}
			r, err := tx.Exec(ctx, `INSERT INTO token_habits (family_id, kind, value, last_used_at)
				SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT) WHERE (SELECT count(*) FROM token_habits
				WHERE family_id = $1 AND kind = $2) <= $5
				ON CONFLICT (family_id, kind, value) DO UPDATE
				SET last_used_at = excluded.last_used_at`, h.familyID, string(h.kind), h.value, store.Micros(at), mostDevices)
			if err != nil {
				return err
			}
			n, err := r.RowsAffected()
			if err != nil {
				return err
			}
			full[of] = n == 0
		}
		return nil
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		for h, at := range due {
			m.note(h, at)
		}
		return err
	}
	if m.written == nil || len(m.written) > mostHeld {
		m.written = map[string]time.Time{}
	}
	for h, at := range due {
		m.written[h.key()] = at
	}
	return nil
}

func (h habit) key() string { return string(h.kind) + " " + h.familyID + " " + h.value }

// habits reads what is remembered of a kind since a time, in order.
func (t *Tokens) habits(ctx context.Context, familyID string, kind habitKind, since time.Time) ([]string, error) {
	rows, err := t.DB.Query(ctx, `SELECT value FROM token_habits WHERE family_id = $1 AND kind = $2 AND last_used_at >= $3 ORDER BY value`,
		familyID, string(kind), store.Micros(since))
	all, err := store.All(rows, err, store.One[string])
	if all == nil {
		all = []string{}
	}
	return all, err
}

// What it takes to suggest hours: fewer requests, or on fewer days, may be chance.
const (
	fewRequests = 20
	fewDays     = 5
)

// hoursOf are the hours that contain all of these hours of the week, with an hour more at either end,
// because clocks are changed and jobs are late; nil when these are nearly all hours.
func hoursOf(used []string) *credential.Hours {
	var at [24]bool
	weekly := make([]int, 0, len(used))
	for _, text := range used {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n >= 7*24 {
			continue
		}
		weekly, at[n%24] = append(weekly, n), true
	}
	if len(weekly) == 0 {
		return nil
	}
	// The longest time of day without use lies between the last and the first hour.
	from, free := 0, 0
	for h := range 24 {
		if !at[h] {
			continue
		}
		n := 0
		for ; n < 23 && !at[(h+23-n)%24]; n++ {
		}
		if n > free {
			from, free = h, n
		}
	}
	h := &credential.Hours{From: "00:00", To: "24:00", TimeZone: "UTC"}
	begins := 0
	if free >= 4 { // an hour each is added
		begins = (from + 23) % 24
		ends := (from - free + 1 + 24) % 24
		h.From, h.To = fmt.Sprintf("%02d:00", begins), fmt.Sprintf("%02d:00", ends)
		if ends == 0 {
			h.To = "24:00"
		}
	}
	var days [7]bool
	for _, n := range weekly {
		day := n / 24
		if n%24 < begins { // behind midnight: it belongs to the day before
			day = (day + 6) % 7
		}
		days[day] = true
	}
	for i, name := range credential.Weekdays {
		if days[i] {
			h.Weekdays = append(h.Weekdays, name)
		}
	}
	if len(h.Weekdays) == 7 && free < 4 {
		return nil
	}
	return h
}

// outside are those of the hours of the week that lie, wholly or in part, outside of hours, as
// "mon 07:00 UTC".
func outside(used []string, h *credential.Hours, now time.Time) []string {
	out := []string{}
	now = now.UTC()
	monday := time.Date(now.Year(), now.Month(), now.Day()-(int(now.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	for _, text := range used {
		n, err := strconv.Atoi(text)
		if err != nil {
			continue
		}
		begin := monday.Add(time.Duration(n) * time.Hour)
		if begin.After(now) { // the latest one: clocks are changed in between
			begin = begin.AddDate(0, 0, -7)
		}
		if !h.Hold(begin) || !h.Hold(begin.Add(59*time.Minute)) {
			out = append(out, fmt.Sprintf("%s %02d:00 UTC", credential.Weekdays[n/24], n%24))
		}
	}
	return slices.Compact(out)
}
