package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

// powers are what a token's limits let it do: a set of single things, so that "no more than" is one
// comparison in whatever words the limits say it, two numbers and an end.
type powers struct {
	can           map[string]bool
	actions, uses float64
	until         time.Time
}

// excess says in what p is more than q; nothing if it is not.
func (p powers) excess(q powers) string {
	for thing := range p.can {
		if !q.can[thing] {
			return thing
		}
	}
	switch {
	case p.until.After(q.until):
		return fmt.Sprintf("until %v, not %v", p.until, q.until)
	case p.actions > q.actions:
		return "actions a day"
	case p.uses > q.uses:
		return "uses"
	}
	return ""
}

// What the property is tried with: of each kind also something that only a token without that limit
// may.
var (
	someScopes    = []string{"devices:read", "events:read", "webhooks:read", "locks:write", "personal_access_tokens:write"}
	someAddresses = []string{"192.0.2.1", "192.0.2.77", "203.0.113.9"}
	someHours     = []any{nil,
		fields{"weekdays": []string{"mon", "tue", "wed", "thu", "fri"}, "from": "08:00", "to": "18:00", "time_zone": "UTC"},
		fields{"weekdays": []string{"tue", "wed"}, "from": "09:00", "to": "12:00", "time_zone": "UTC"},
		fields{"weekdays": []string{"sat"}, "from": "22:00", "to": "06:00", "time_zone": "UTC"}}
)

// asJSON is a value as its JSON is read.
func asJSON[T any](t *rapid.T, v any) (out T) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// hourOf names the hour of the week.
func hourOf(t time.Time) string {
	return strings.ToLower(t.UTC().Weekday().String()[:3]) + t.UTC().Format(" 15")
}

// launderer does to one person's tokens everything that may be done to tokens, and checks the result
// against a model.
type launderer struct {
	*rapid.T
	w                *world
	clock            *time.Time
	jane, root       identity.User // who has the tokens, and who rules over policies
	mine, other      string        // devices
	secrets          map[string]string
	served           map[string]fields // the tokens as they are listed, by id
	begun            map[string]string // a token whose first use ends another
	asleep, ended    map[string]bool
	spent            map[string]float64 // uses by family, actions by family and day
	policy           fields
	answered, denied map[string]int // for the whole test, not to prove nothing
}

// ask sends a request from an address and counts what it spends.
func (l *launderer) ask(token, workspaceID, address, path string, body fields) answer {
	text, err := json.Marshal(body)
	if err != nil {
		l.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(text)))
	r.Header = http.Header{"Authorization": {"Bearer " + token}, "Seam-Workspace": {workspaceID}, "X-Address": {address}}
	rec := httptest.NewRecorder()
	l.w.rpc.ServeHTTP(rec, r)
	a := answer{status: rec.Code, raw: rec.Body.String()}
	if err := json.Unmarshal(rec.Body.Bytes(), &a.body); err != nil || a.status >= 500 {
		l.Fatalf("%s: %d %s", path, a.status, a.raw)
	}
	id := l.idOf(token)
	if id == "" || a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
		return a
	}
	for _, link := range l.chain(id) {
		s := l.served[link]
		if most, ok := s["max_uses"].(float64); ok {
			if l.spent["uses "+l.familyOf(link)]++; l.spent["uses "+l.familyOf(link)] > most {
				l.Fatalf("%s was used %v times, of %v", s["name"], l.spent["uses "+l.familyOf(link)], most)
			}
		}
		if most, ok := s["daily_action_limit"].(float64); ok && path == "/locks/lock_door" && a.status == http.StatusOK {
			day := "actions " + l.familyOf(link) + l.clock.UTC().Format(time.DateOnly)
			if l.spent[day]++; l.spent[day] > most {
				l.Fatalf("%s acted %v times in a day, of %v", s["name"], l.spent[day], most)
			}
		}
	}
	if old := l.begun[id]; old != "" {
		l.ended[old] = true
		delete(l.begun, id)
	}
	return a
}

func (l *launderer) idOf(secret string) string {
	for id, s := range l.secrets {
		if s == secret {
			return id
		}
	}
	return ""
}

// familyOf is the first of the tokens that one follows.
func (l *launderer) familyOf(id string) string {
	for l.served[id]["predecessor_id"] != nil {
		id = l.served[id]["predecessor_id"].(string)
	}
	return id
}

// chain are a token and those that it was made with.
func (l *launderer) chain(id string) (out []string) {
	for {
		out = append(out, id)
		up, ok := l.served[id]["parent_id"].(string)
		if !ok {
			return out
		}
		id = up
	}
}

func at(v any) time.Time {
	switch v := v.(type) {
	case time.Time:
		return v
	case string:
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			panic(err)
		}
		return t
	}
	return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) // never
}

// powersOf reads the limits that a token is listed with.
func (l *launderer) powersOf(tok fields) powers {
	p := powers{can: map[string]bool{}, actions: 1e9, uses: 1e9, until: at(tok["expires_at"])}
	list := func(name string) (out []string, given bool) {
		all, given := tok[name].([]any)
		for _, v := range all {
			out = append(out, v.(string))
		}
		return out, given
	}
	scopes, _ := list("scopes")
	for _, s := range someScopes {
		p.can[s] = slices.Contains(scopes, s) || slices.Contains(scopes, "*") && s != "personal_access_tokens:write" ||
			slices.Contains(scopes, "*:read") && strings.HasSuffix(s, ":read")
	}
	for name, some := range map[string][]string{"workspace_ids": {l.w.here.id, l.w.abroad.id, "any other workspace"},
		"device_ids": {l.mine, l.other, "any other device"}} {
		ids, given := list(name)
		for _, id := range some {
			p.can[id] = !given || slices.Contains(ids, id)
		}
	}
	cidrs, _ := list("allowed_cidrs")
	for _, address := range someAddresses {
		p.can[address] = len(cidrs) == 0 || slices.ContainsFunc(cidrs, func(c string) bool {
			n, err := netip.ParsePrefix(c)
			return c == address || err == nil && n.Contains(netip.MustParseAddr(address))
		})
	}
	hours, given := tok["allowed_hours"].(fields)
	for h := range 7 * 24 {
		t := time.Date(2030, 1, 6, h, 0, 0, 0, time.UTC) // from a Sunday on
		p.can[hourOf(t)] = !given || within(hours, t)
	}
	if n, ok := tok["daily_action_limit"].(float64); ok {
		p.actions = n
	}
	if n, ok := tok["max_uses"].(float64); ok {
		p.uses = n
	}
	maps.DeleteFunc(p.can, func(_ string, can bool) bool { return !can })
	return p
}

// within reports whether hours, in UTC, contain a time.
func within(hours fields, t time.Time) bool {
	from, to, now := hours["from"].(string), hours["to"].(string), t.UTC().Format("15:04")
	on := func(t time.Time) bool {
		return slices.Contains(hours["weekdays"].([]any), any(strings.ToLower(t.UTC().Weekday().String()[:3])))
	}
	if from < to {
		return on(t) && now >= from && now < to
	}
	return on(t) && now >= from || on(t.AddDate(0, 0, -1)) && now < to
}

// dead reports whether a token is ended, superseded or asleep by itself.
func (l *launderer) dead(id string) bool {
	s := l.served[id]
	return l.ended[id] || l.asleep[id] || s["revoked_at"] != nil || !l.clock.Before(at(s["expires_at"])) || s["successor_id"] != nil &&
		!l.clock.Before(at(s["grace_ends_at"]))
}

// permits reports whether the limits of a token and of all that it was made with, and the policy, let it
// do all of these things now.
func (l *launderer) permits(id, address string, things ...string) bool {
	for _, link := range l.chain(id) {
		p := l.powersOf(l.served[link])
		for _, thing := range append(things, address, hourOf(*l.clock)) {
			if !p.can[thing] {
				return false
			}
		}
		if l.dead(link) || l.policyRefuses(l.served[link], p, address) {
			return false
		}
	}
	return true
}

func (l *launderer) policyRefuses(tok fields, p powers, address string) bool {
	if days, ok := l.policy["maximum_age_days"].(int); ok && p.until.After(at(tok["created_at"]).AddDate(0, 0, days)) {
		return true
	}
	if scopes, ok := l.policy["allowed_scopes"].([]string); ok {
		for _, s := range tok["scopes"].([]any) {
			if !slices.Contains(scopes, s.(string)) {
				return true
			}
		}
	}
	cidr, ok := l.policy["allowed_cidrs"].([]string)
	return ok && !netip.MustParsePrefix(cidr[0]).Contains(netip.MustParseAddr(address))
}

// session is a console session of a person's, fresh or not.
func (l *launderer) session(u identity.User, fresh bool) string {
	_, token, err := l.w.People.StartToken(context.Background(), u, identity.ByPassword, "192.0.2.1", "test")
	if err != nil {
		l.Fatal(err)
	}
	if !fresh {
		*l.clock = l.clock.Add(credential.FreshFor + time.Minute)
	}
	return token
}

func (l *launderer) list() {
	all, err := l.w.Tokens.List(context.Background(), l.jane.ID)
	if err != nil {
		l.Fatal(err)
	}
	l.served = map[string]fields{}
	for _, tok := range all {
		l.served[tok.ID] = asJSON[fields](l.T, tok)
	}
}

// limits draws some, and sometimes an expiry.
func (l *launderer) limits() fields {
	body := fields{}
	for _, c := range []struct {
		name   string
		values []any
	}{
		{"scopes", []any{[]string{"*"}, []string{"*:read"}, []string{"devices:read"},
			[]string{"devices:read", "locks:write", "personal_access_tokens:write"}, someScopes}},
		{"workspace_ids", []any{nil, []string{l.w.here.id}, []string{l.w.here.id, l.w.abroad.id}}},
		{"device_ids", []any{nil, []string{l.mine}, []string{l.mine, l.other}}},
		{"allowed_cidrs", []any{[]string{}, []string{"192.0.2.1"}, []string{"192.0.2.0/24"}, []string{"0.0.0.0/0"}}},
		{"allowed_hours", someHours},
		{"daily_action_limit", []any{nil, 1, 3}},
		{"max_uses", []any{nil, 5, 30}},
		{"expires_at", []any{nil, l.clock.AddDate(2, 0, 0), l.clock.AddDate(0, 0, 20), l.clock.AddDate(0, 0, 2)}},
	} {
		if rapid.IntRange(0, 4).Draw(l.T, c.name+" given") == 0 {
			body[c.name] = rapid.SampledFrom(c.values).Draw(l.T, c.name)
		}
	}
	return body
}

// step does one thing, and checks that nothing that existed may do more than before, unless a person
// who had just signed in wanted it, and nothing new more than what it comes from.
func (l *launderer) step() {
	ids := slices.Sorted(maps.Keys(l.served))
	what := rapid.SampledFrom([]string{"create", "create", "rotate", "rotate", "rotate", "rotate_begin", "rotate_begin", "rotate_complete",
		"rotate_undo", "rotate_undo", "update", "update", "update",
		"disable", "enable", "revoke", "create_workspace_key", "time", "time", "policy"}).Draw(l.T, "what")
	switch what {
	case "time":
		*l.clock = l.clock.Add(rapid.SampledFrom([]time.Duration{20 * time.Minute, 5 * time.Hour, 26 * time.Hour, 9 * 24 * time.Hour}).Draw(l.T,
			"passes"))
		l.list()
		return
	case "policy":
		l.policy = rapid.SampledFrom([]fields{{}, {"maximum_age_days": 30}, {"maximum_age_days": 10},
			{"allowed_scopes": []string{"devices:read", "personal_access_tokens:write"}}, {"allowed_cidrs": []string{"192.0.2.0/28"}}}).Draw(l.T,
			"policy")
		l.setPolicy()
		return
	}
	who := rapid.SampledFrom([]string{"token", "token", "token", "stale", "fresh"}).Draw(l.T, "who")
	var caller, token string
	if who == "token" {
		caller = rapid.SampledFrom(slices.Concat(ids, l.chosen(ids, func(id string) bool { return !l.dead(id) }))).Draw(l.T, "caller")
		token = l.secrets[caller]
	} else {
		token = l.session(l.jane, who == "fresh")
	}
	body, target := fields{}, caller
	if what == "create" && caller == "" {
		return // it comes from nothing that it could be wider than
	}
	if what == "create" || what == "update" {
		body = l.limits()
		body["name"] = fmt.Sprint("token ", len(ids))
	}
	if what != "create" && (caller == "" || what == "update" || rapid.Bool().Draw(l.T, "of another")) {
		target = rapid.SampledFrom(slices.Concat(ids, l.chosen(ids, func(id string) bool {
			switch what {
			case "rotate_undo", "rotate_complete", "create_workspace_key":
				return l.served[id]["successor_id"] != nil && !l.dead(id)
			case "enable":
				return l.asleep[id]
			}
			return !l.dead(id)
		}))).Draw(l.T, "which")
		body["personal_access_token_id"] = target
	}
	if what == "rotate" || what == "rotate_begin" {
		body["overlap_seconds"] = rapid.SampledFrom([]int{0, 3600, 24 * 3600, 7 * 24 * 3600}).Draw(l.T, "overlap")
		if rapid.IntRange(0, 3).Draw(l.T, "another end") == 0 {
			body["expires_at"] = rapid.SampledFrom([]any{nil, l.clock.AddDate(0, 0, 20), l.clock.AddDate(0, 0, 400)}).Draw(l.T, "end")
		}
	}
	if what == "create_workspace_key" {
		body["workspace_id"] = l.w.here.id
	}
	before := l.served
	a := l.ask(token, "", someAddresses[0], tokensPath+what, body)
	if a.status != http.StatusOK {
		l.denied[what]++
	} else {
		l.answered[what]++
	}
	if caller != "" && a.status == http.StatusOK && l.dead(caller) {
		l.Fatalf("%s by a dead token: %s", what, a.raw)
	}
	l.list()
	made, _ := a.body["personal_access_token"].(fields)
	if made["token"] != nil {
		l.secrets[made["personal_access_token_id"].(string)] = made["token"].(string)
	}
	for id, now := range l.served {
		was := before[id]
		if was == nil {
			if was = before[target]; what == "create" {
				was = before[caller]
			}
		}
		may := l.powersOf(was)
		if who == "fresh" && what == "update" && id == target { // to anything, or to what its parent may
			if up, ok := now["parent_id"].(string); !ok {
				may = l.powersOf(now)
			} else if l.powersOf(now).excess(may) != "" {
				may = l.powersOf(before[up])
			}
		}
		if _, given := body["expires_at"]; given && who == "fresh" && before[id] == nil {
			may.until = at(body["expires_at"])
		}
		if more := l.powersOf(now).excess(may); more != "" {
			l.Fatalf("%s by %s %v: %s became wider than %s: %s\n%v\nfrom\n%v", what, who, body, now["name"], was["name"], more, now, was)
		}
		if before[id] == nil && l.policyRefuses(now, l.powersOf(now), someAddresses[0]) {
			l.Fatalf("%s made what the policy %v refuses: %v", what, l.policy, now)
		}
		if before[id] != nil && was["revoked_at"] != nil && now["revoked_at"] == nil {
			l.Fatalf("%s revived %v", what, now)
		}
		l.ended[id] = l.ended[id] || now["revoked_at"] != nil
	}
	if a.status != http.StatusOK {
		if made != nil || !maps.EqualFunc(before, l.served, func(a, b fields) bool { return l.powersOf(a).excess(l.powersOf(b)) == "" }) {
			l.Fatalf("%s was refused and done: %s", what, a.raw)
		}
		return
	}
	l.note(what, target, before[target], a)
}

// chosen are the ids for which something holds, many times over.
func (l *launderer) chosen(ids []string, good func(id string) bool) []string {
	return slices.Repeat(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !good(id) }), 4)
}

// note keeps what the model must know of what was done.
func (l *launderer) note(what, target string, was fields, a answer) {
	// overlapped is the token that another replaces.
	overlapped := func(id string) string {
		old, _ := l.served[id]["predecessor_id"].(string)
		if s := l.served[old]; s == nil || s["successor_id"] != id {
			return ""
		}
		return old
	}
	switch what {
	case "rotate_begin":
		l.begun[a.body["personal_access_token"].(fields)["personal_access_token_id"].(string)] = target
	case "rotate_undo": // made begun again with the next one
		maps.DeleteFunc(l.begun, func(next, old string) bool { return l.ended[next] })
	case "rotate_complete":
		if old := overlapped(target); old != "" {
			target = old
		}
		l.ended[target] = true
	case "update":
		if old := overlapped(target); old != "" && !l.dead(old) && l.powersOf(was).excess(l.powersOf(l.served[target])) != "" {
			if more := l.powersOf(l.served[old]).excess(l.powersOf(l.served[target])); more != "" {
				l.Fatalf("the token that is being replaced keeps %s, which was closed on the one that replaces it", more)
			}
		}
	case "disable", "enable":
		l.asleep[target] = what == "disable"
		if old := overlapped(target); old != "" {
			l.asleep[old] = what == "disable"
		}
	case "revoke":
		for id := range l.served {
			if slices.Contains(l.chain(id), target) {
				l.ended[id] = true
			}
		}
		if old := overlapped(target); old != "" {
			l.ended[old] = true
		}
	case "create_workspace_key":
		key := a.body["workspace_key"].(fields)
		// It acts as whatever token it now hangs on: that must be no more than the one that asked.
		may, asked := l.powersOf(l.served[key["personal_access_token_id"].(string)]), l.powersOf(l.served[target])
		may.until = asked.until // it outlives a rotation by design
		if more := may.excess(asked); more != "" {
			l.Fatalf("a workspace key may %s, which its token may not", more)
		}
	}
}

func (l *launderer) setPolicy() {
	body := fields{"maximum_age_days": nil, "allowed_scopes": nil, "allowed_cidrs": nil}
	maps.Copy(body, l.policy)
	if a := l.ask(l.session(l.root, true), "", "192.0.2.1", "/keyway/v1/policies/update", body); a.status != http.StatusOK {
		l.Fatal(a.raw)
	}
}

// probe uses tokens: what their limits permit is answered, and nothing else.
func (l *launderer) probe() {
	for _, id := range slices.Sorted(maps.Keys(l.secrets)) {
		secret, address := l.secrets[id], rapid.SampledFrom(someAddresses).Draw(l.T, "address")
		p := rapid.SampledFrom([]place{l.w.here, l.w.abroad}).Draw(l.T, "workspace")
		c := rapid.SampledFrom([]struct {
			path, scope string
			body        fields
		}{
			{"/devices/list", "devices:read", fields{}}, {"/events/list", "events:read", fields{"since": "2020-01-01T00:00:00Z"}},
			{"/webhooks/list", "webhooks:read", fields{}}, {"/locks/lock_door", "locks:write", fields{"device_id": l.mine}},
			{"/locks/lock_door", "locks:write", fields{"device_id": l.other}},
		}).Draw(l.T, "endpoint")
		things := []string{c.scope, p.id}
		device, acts := c.body["device_id"].(string)
		if acts {
			things = append(things, device)
		}
		permitted, numbered := l.permits(id, address, things...), false
		for _, link := range l.chain(id) {
			s := l.served[link]
			numbered = numbered || s["max_uses"] != nil || acts && s["daily_action_limit"] != nil
		}
		a := l.ask(secret, p.id, address, c.path, c.body)
		switch {
		case a.status == http.StatusOK && !permitted:
			l.Fatalf("%s in %s from %s is answered at %v to %v", c.path, p.id, address, *l.clock, l.served[id])
		case a.status != http.StatusOK && permitted && !numbered && !(acts && p.id == l.w.abroad.id):
			l.Fatalf("%s in %s from %s is refused at %v to %v: %s", c.path, p.id, address, *l.clock, l.served[id], a.raw)
		case a.status == http.StatusOK:
			l.answered[c.path]++
		default:
			l.denied[c.path]++
		}
		if c.path == "/devices/list" && a.status == http.StatusOK {
			for _, d := range a.ids("devices", "device_id") {
				thing := d
				if d != l.mine && d != l.other {
					thing = "any other device"
				}
				if !l.permits(id, address, thing) {
					l.Fatalf("a device is listed that %v does not reach: %s", l.served[id], d)
				}
			}
		}
	}
	l.list() // a first use may have ended another
}

// TestIncidentExpiryLaundering: Keystone lost the expiry when a token was scoped anew
// (CVE-2026-44394), OpenBao renewed one for another certificate (CVE-2026-39388). Here tokens are made,
// rotated in every way, changed, put to sleep and ended, by themselves, by those that made them and by
// their person, while time passes and the policy changes. No token ever gets more than it had, and
// none more than what it comes from, but by a person who has just signed in; what is spent stays spent;
// and whatever is declared is what is enforced.
func TestIncidentExpiryLaundering(t *testing.T) {
	t.Parallel()
	keys, err := vault.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Date(2030, 1, 7, 7, 0, 0, 0, time.UTC) // a Monday
	w := &world{app: wire(storetest.SQLite(t), keys,
		appOptions{log: slog.New(slog.DiscardHandler), publicURL: "http://keyway.test", now: func() time.Time {
			return clock
		}})}
	if w.rpc, err = w.newRPC(prometheus.NewRegistry(), serveOptions{}, func(r *http.Request) string {
		return r.Header.Get("X-Address")
	}); err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewServer(w.rpc)
	t.Cleanup(w.Server.Close)
	w.here, w.abroad = w.place(t, "Here", true), w.place(t, "Abroad", true)
	root := w.person(t, "root") // the first is an operator
	locks := w.ok(t, w.here.key, "/locks/list", fields{"connected_account_id": w.connect(t, w.here, "schlage", "sam")}).ids("locks",
		"device_id")
	answered, denied := map[string]int{}, map[string]int{}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		jane := w.person(t, fmt.Sprint("jane", n))
		w.join(t, w.here, jane, rpc.Owner)
		w.join(t, w.abroad, jane, rpc.Owner)
		l := &launderer{T: rt, w: w, clock: &clock, jane: jane, root: root, mine: locks[0], other: locks[1], secrets: map[string]string{},
			served: map[string]fields{},
			begun:  map[string]string{}, asleep: map[string]bool{}, ended: map[string]bool{}, spent: map[string]float64{}, policy: fields{},
			answered: answered, denied: denied}
		l.setPolicy()
		body := l.limits()
		body["name"], body["scopes"] = "first", someScopes
		a := l.ask(l.session(jane, true), "", "192.0.2.1", tokensPath+"create", body)
		if a.status != http.StatusOK {
			rt.Fatal(a.raw)
		}
		first := a.body["personal_access_token"].(fields)
		l.secrets[first["personal_access_token_id"].(string)] = first["token"].(string)
		l.list()
		for range rapid.IntRange(4, 16).Draw(rt, "steps") {
			l.step()
			l.probe()
		}
	})
	for _, some := range [][]string{{"create"}, {"rotate"}, {"rotate_begin"}, {"rotate_complete", "rotate_undo"}, {"update"},
		{"disable", "enable"}, {"revoke", "create_workspace_key"},
		{"/devices/list"}, {"/events/list"}, {"/webhooks/list"}, {"/locks/lock_door"}} {
		yes, no := 0, 0
		for _, what := range some {
			yes, no = yes+answered[what], no+denied[what]
		}
		if yes == 0 || no == 0 {
			t.Errorf("%s was answered %d times and refused %d times", some, yes, no)
		}
	}
}
