package personalaccesstoken

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// Silence is the time without use after which the first use from a new network causes a notice.
const Silence = 30 * 24 * time.Hour

// memory is what is known of the use of tokens and not written down yet.
type memory struct {
	mu       sync.Mutex
	alarms   map[string]*alarms // by token and kind
	uses     map[use]int64
	places   map[place]sighting
	written  map[string]time.Time // family and network: when it was last written
	habits   map[habit]time.Time
	refusals []refusal
	held     map[string]int // refusals by credential
	denials  map[denial]*denied
	deniedTo map[denial]int // by credential and hour alone: how many kinds of denials there are
}

// use is one thing that a token does, on one day.
type use struct{ tokenID, day, workspaceID, endpoint string }

// place is where a family of tokens is used from.
type place struct{ familyID, address string }

type sighting struct {
	tokenID     string
	first, last time.Time
}

// mostNetworks is how many networks of a family the audit log records, unless after a silence: one that
// has more is used from everywhere.
const mostNetworks = 100

// mostHeld bounds what is kept in memory of each kind until it is written.
const mostHeld = 50_000

// alarms are the networks that raised one kind of alarm about a token within an hour.
type alarms struct {
	hour     string
	networks map[string]bool
}

// maxAlarms is how many networks raise an alarm about a token within an hour. A person who was alarmed that often knows, and
// a network has as many addresses as its owner likes.
const maxAlarms = 20

// firstAlarm reports whether an alarm is the first of its network within an hour.
func (m *memory) firstAlarm(about, network string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	hour := now.UTC().Format("2006-01-02T15")
	a := m.alarms[about]
	if a == nil && len(m.alarms) >= mostHeld {
		clear(m.alarms) // the database still knows the alarms of this hour: an alarm is never lost
	}
	if a == nil || a.hour != hour {
		a = &alarms{hour: hour, networks: map[string]bool{}}
		if m.alarms == nil {
			m.alarms = map[string]*alarms{}
		}
		m.alarms[about] = a
	}
	if a.networks[network] || len(a.networks) >= maxAlarms {
		return false
	}
	a.networks[network] = true
	return true
}

// Used counts a request that was let through.
func (t *Tokens) Used(id, familyID, workspaceID, endpoint, address string, now time.Time) {
	m := &t.watch
	u, p := use{id, now.UTC().Format(time.DateOnly), workspaceID, endpoint}, place{familyID, address}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.uses == nil {
		m.uses, m.places = map[use]int64{}, map[place]sighting{}
	}
	m.note(habit{familyID, hourHabit, hourOf(now)}, now)
	if _, ok := m.uses[u]; ok || len(m.uses) < mostHeld {
		m.uses[u]++
	}
	s, ok := m.places[p]
	if !ok {
		s.first = now
	}
	if ok || len(m.places) < mostHeld {
		s.tokenID, s.last = id, now
		m.places[p] = s
	}
}

// FlushUse writes how tokens were used since the last time, and reports new networks.
func (t *Tokens) FlushUse(ctx context.Context) error {
	m := &t.watch
	m.mu.Lock()
	uses, places := m.uses, m.places
	m.uses, m.places = nil, nil
	m.mu.Unlock()
	failed := t.flushHabits(ctx)
	for some := range slices.Chunk(slices.Collect(maps.Keys(uses)), flushBatch) {
		if err := t.countUses(ctx, uses, some); err != nil {
			m.putBack(uses, places)
			return errors.Join(failed, err)
		}
		for _, u := range some {
			delete(uses, u)
		}
	}
	for p, s := range places {
		if err := t.sighted(ctx, p, s); err != nil {
			m.putBack(nil, places)
			return errors.Join(failed, err)
		}
		delete(places, p)
	}
	return failed
}

// flushBatch is how many counts are written in one transaction, so that other writers need not wait long.
const flushBatch = 500

func (t *Tokens) countUses(ctx context.Context, uses map[use]int64, some []use) error {
	// No scope: no cache depends on it.
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		for _, u := range some {
			if _, err := tx.Exec(ctx, `INSERT INTO token_uses (credential_id, day, workspace_id, endpoint, count) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (credential_id, day, workspace_id, endpoint) DO UPDATE SET count = token_uses.count + excluded.count`,
				u.tokenID, u.day, u.workspaceID, u.endpoint, uses[u]); err != nil {
				return err
			}
		}
		return nil
	})
}

// putBack keeps what could not be written for the next time.
func (m *memory) putBack(uses map[use]int64, places map[place]sighting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.uses == nil {
		m.uses, m.places = map[use]int64{}, map[place]sighting{}
	}
	for u, n := range uses {
		m.uses[u] += n
	}
	for p, s := range places {
		if now, ok := m.places[p]; ok {
			s.tokenID, s.last = now.tokenID, now.last
		}
		m.places[p] = s
	}
}

// sighted writes down from where a family was used. Within an hour of the last time it is not
// written again.
func (t *Tokens) sighted(ctx context.Context, p place, s sighting) error {
	network := networkOf(p.address)
	key := p.familyID + " " + network
	m := &t.watch
	m.mu.Lock()
	at, ok := m.written[key]
	m.mu.Unlock()
	if network == "" || ok && s.last.Sub(at) < time.Hour {
		return nil
	}
	isNew := false
	err := t.DB.Update(ctx, func(tx *store.Tx) error {
		var last sql.NullInt64
		var known, all int
		if err := tx.QueryRow(ctx,
			`SELECT max(last_used_at), count(CASE WHEN network = $2 THEN 1 END), count(*) FROM token_networks WHERE family_id = $1`,
			p.familyID, network).Scan(&last, &known, &all); err != nil {
			return err
		}
		isNew = known == 0 && last.Valid && s.first.Sub(store.Time(last.Int64)) >= Silence
		if known == 0 && !isNew && all < mostNetworks {
			if err := t.Audit.Add(ctx, tx, audit.Entry{Actor: audit.Server, Action: "personal_access_token.new_address", SubjectID: s.tokenID,
				Detail: map[string]any{"address": p.address, "network": network}}); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO token_networks (family_id, network, first_used_at, last_used_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (family_id, network) DO UPDATE
			SET last_used_at = excluded.last_used_at`, p.familyID, network, store.Micros(s.first), store.Micros(s.last))
		return err
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	if m.written == nil || len(m.written) > mostHeld {
		m.written = map[string]time.Time{}
	}
	m.written[key] = s.last
	m.mu.Unlock()
	if !isNew {
		return nil
	}
	c, err := credential.Get(ctx, t.DB, credential.PersonalAccessToken, s.tokenID)
	if err != nil {
		return err
	}
	return t.notify(ctx, c, func(tx *store.Tx, tell tell) error {
		detail := map[string]any{"address": p.address, "network": network}
		if err := t.Audit.Add(ctx, tx, audit.Entry{Actor: audit.Server, Action: "personal_access_token.new_network", SubjectID: c.ID,
			Detail: detail}); err != nil {
			return err
		}
		return tell(event.TokenNewNetwork, detail)
	})
}

// networkOf is the network of an address: the /24 or /48 that one place is likely to keep.
func networkOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, _ := a.Prefix(bits) // of a length that every address has
	return p.String()
}

// Run writes down what is in memory (refusals each second, use every ten) until ctx ends, and once
// more then.
func (t *Tokens) Run(ctx context.Context, onError func(error)) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	say := func(err error) {
		if err != nil {
			onError(err)
		}
	}
	for n := 1; ; n++ {
		select {
		case <-tick.C:
			say(t.FlushRefusals(ctx))
			if n%10 == 0 {
				say(t.FlushUse(ctx))
				say(t.FlushDenials(ctx, false))
			}
		case <-ctx.Done():
			ctx = context.WithoutCancel(ctx)
			say(t.FlushRefusals(ctx))
			say(t.FlushUse(ctx))
			say(t.FlushDenials(ctx, true))
			return
		}
	}
}
