package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

// presented is a token as a request presents it, by what decides about the answer.
type presented struct {
	name  string
	token func(e *rpc.Endpoint) string
	kind  rpc.Allow

	unproved bool       // nothing is proved
	dead     string     // why it is dead
	stranger bool       // its person is not in the workspace
	member   bool       // its person is a plain member; the others are owners and operators
	scopes   [][]string // of the token and of each that it was made with
	abroad   bool       // it opens another workspace
	away     string     // the reason of a limit that holds whatever is asked: address, hours
	devices  bool       // it is limited to another device
	spent    bool       // its daily limit is reached
	used     bool       // its last use is spent
	refused  bool       // an owner of the workspace refuses it there
}

// The answers that are no refusals.
const (
	passes = "pass"   // let through to the endpoint
	hidden = "hidden" // let through, and what is not the token's is as if it were nowhere
	public = "public" // no credential is looked at
)

// answer is the rule that TestIncidentForgottenRoutes holds the server to: what an endpoint answers
// follows from its row and the token alone.
func (p *presented) answer(e *rpc.Endpoint) string {
	inWorkspace := e.Workspace == rpc.Required || e.Workspace == rpc.Optional
	switch {
	case e.Allow == rpc.Public:
		return public
	case p.unproved:
		return "401"
	case p.dead != "":
		return "401 " + p.dead
	case e.Allow&p.kind == 0, p.stranger && inWorkspace:
		return "401"
	case p.member && (e.Role == rpc.Operator || inWorkspace && e.Role > rpc.Member):
		return "403 role"
	}
	for _, scopes := range p.scopes {
		if !e.Self && !covers(scopes, e) {
			return "403 scope"
		}
	}
	switch {
	case p.abroad && !e.Self && e.Workspace != rpc.Ignored:
		return "403 workspace_not_allowed"
	case p.refused && !e.Self && inWorkspace:
		return "403 workspace_not_allowed"
	case p.away != "":
		return "403 " + p.away
	case p.used:
		return "401 uses"
	case p.devices && !e.Self && !e.ByDevice:
		return "403 scope"
	case p.devices && e.Path == "/webhooks/create": // what it makes is its own
	case p.devices && !e.Self:
		return hidden
	case p.spent && e.Physical:
		return "403 daily_limit"
	}
	return passes
}

// never are the scopes that must be named.
var never = []string{"personal_access_tokens:write", "api_keys:write", "members:write", "policies:write"}

func covers(scopes []string, e *rpc.Endpoint) bool {
	return slices.ContainsFunc(scopes, func(s string) bool {
		return s == e.Scope() || s == "*:read" && e.Read || s == "*" && !slices.Contains(never, e.Scope())
	})
}

// everything are the scopes of a token that may do what any token may.
func everything() []string { return []string{"*", "personal_access_tokens:write"} }

// example is a body with which an endpoint does something to the things of a part.
func example(t *testing.T, e *rpc.Endpoint, of part) fields {
	t.Helper()
	d, body := declaredOf(t, e.Path), fields{}
	maps.Copy(body, d.Input)
	maps.Copy(body, filled(d.Example, of.of).(fields))
	for _, p := range e.Parameters() {
		if _, given := body[p.Name]; !p.Required || given && p.Name != "common_code_key" || strings.Contains(p.Name, ".") {
			continue
		}
		from, plural := p.Name, false
		if before, ok := strings.CutSuffix(from, "_ids"); ok {
			from, plural = before+"_id", true
		}
		if strings.Contains(e.Path, "/unmanaged/") && of["unmanaged_"+from] != "" && e.Path != "/access_codes/unmanaged/list" {
			from = "unmanaged_" + from
		}
		id, ok := of[from]
		if !ok && e.Allow != rpc.Public {
			t.Errorf("%s requires %s, of which the matrix has no example", e.Path, p.Name)
		}
		if body[p.Name] = id; plural {
			body[p.Name] = []string{id}
		}
	}
	return body
}

// matrix is a world with a token for each state.
type matrix struct {
	*world
	owner   identity.User
	states  []presented
	own     part
	file    *sql.DB // one connection to the database's file, which hears of each write of another
	version int
}

// written reports whether anything at all was written since it was asked before.
func (m *matrix) written(t *testing.T) bool {
	t.Helper()
	was := m.version
	if err := m.file.QueryRowContext(t.Context(), "PRAGMA data_version").Scan(&m.version); err != nil {
		t.Fatal(err)
	}
	return m.version != was
}

// pat makes a personal access token as it stands in the database.
func (w *world) pat(t *testing.T, userID string, c credential.Credential) (token, id string) {
	t.Helper()
	c.Kind, c.UserID, c.Name, c.CreatedFrom, c.CreatedAt = credential.PersonalAccessToken, userID, "test", "command",
		time.Now().Add(-time.Hour)
	if c.Limits.Scopes == nil {
		c.Limits.Scopes = everything()
	}
	err := w.DB.Update(t.Context(), func(tx *store.Tx) error {
		secret, err := credential.Insert(t.Context(), tx, w.Vault, &c, false)
		token = secret.Reveal()
		return err
	}, store.Instance)
	if err != nil {
		t.Fatal(err)
	}
	return token, c.ID
}

func (w *world) person(t *testing.T, name string) (u identity.User) {
	t.Helper()
	err := w.DB.Update(t.Context(), func(tx *store.Tx) (err error) {
		u, err = w.People.Create(t.Context(), tx, identity.NewUser{Email: name + "@example.com", Name: name}, audit.Server)
		return err
	}, store.Instance)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (w *world) join(t *testing.T, p place, u identity.User, role rpc.Role) {
	t.Helper()
	if err := w.Members.Add(t.Context(), p.id, u.ID, role, audit.Server); err != nil {
		t.Fatal(err)
	}
}

func setupMatrix(t *testing.T) *matrix {
	t.Helper()
	folder := t.TempDir()
	db, err := store.Open(t.Context(), store.Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	m := &matrix{world: setup(t, db)}
	if m.file, err = sql.Open("sqlite", filepath.Join(folder, store.FileName)); err != nil {
		t.Fatal(err)
	}
	m.file.SetMaxOpenConns(1)
	t.Cleanup(func() { m.file.Close() })
	m.Tokens.MaxLive = 1000
	m.Leaks.Limit = nil // each state calls it from one address
	m.owner = m.person(t, "owner")
	if err := m.People.SetOperator(t.Context(), m.owner.ID, true, audit.Server); err != nil {
		t.Fatal(err)
	}
	member, stranger, gone := m.person(t, "member"), m.person(t, "stranger"), m.person(t, "gone")
	for _, p := range []place{m.here, m.abroad} {
		m.join(t, p, m.owner, rpc.Owner)
	}
	m.join(t, m.here, member, rpc.Member)
	m.join(t, m.here, gone, rpc.Owner)
	m.join(t, m.abroad, stranger, rpc.Owner)
	m.own = m.part(t, m.here, "sam", "mine")
	other := m.part(t, m.here, "john", "theirs")

	add := func(p presented, userID string, c credential.Credential) (token, id string) {
		token, id = m.pat(t, userID, c)
		if p.token = func(*rpc.Endpoint) string { return token }; p.scopes == nil {
			p.scopes = [][]string{everything()}
			if c.Limits.Scopes != nil {
				p.scopes = [][]string{c.Limits.Scopes}
			}
		}
		p.kind = rpc.PersonalAccessToken
		m.states = append(m.states, p)
		return token, id
	}
	limited := func(l credential.Limits) credential.Credential { return credential.Credential{Limits: l} }
	now := time.Now()
	m.states = append(m.states, presented{name: "none", unproved: true, token: func(*rpc.Endpoint) string { return "" }})
	_, good := add(presented{name: "good"}, m.owner.ID, credential.Credential{})
	add(presented{name: "default"}, m.owner.ID, limited(credential.Unlimited()))
	_, reads := add(presented{name: "read only"}, m.owner.ID, limited(credential.Limits{Scopes: []string{"*:read"}}))
	devices, _ := m.pat(t, m.owner.ID, limited(credential.Limits{Scopes: []string{"devices:read", "devices:write"}}))
	events, _ := m.pat(t, m.owner.ID, limited(credential.Limits{Scopes: []string{"events:read", "webhooks:write"}}))
	m.states = append(m.states, presented{name: "other group", kind: rpc.PersonalAccessToken, scopes: [][]string{{}},
		token: func(e *rpc.Endpoint) string {
			if e.Group() == "devices" {
				return events
			}
			return devices
		}})
	add(presented{name: "unknown scope"}, m.owner.ID, limited(credential.Limits{Scopes: []string{"everything", "*:write", "**", "devices"}}))
	add(presented{name: "member", member: true}, member.ID, credential.Credential{})
	add(presented{name: "not a member", stranger: true, member: true}, stranger.ID, credential.Credential{})
	add(presented{name: "other workspace", abroad: true}, m.owner.ID,
		limited(credential.Limits{Scopes: everything(), WorkspaceIDs: []string{m.abroad.id}}))
	add(presented{name: "other device", devices: true}, m.owner.ID,
		limited(credential.Limits{Scopes: everything(), DeviceIDs: []string{other["device_id"]}}))
	add(presented{name: "wrong address", away: "address"}, m.owner.ID,
		limited(credential.Limits{Scopes: everything(), AllowedCIDRs: []string{"198.51.100.0/24"}}))
	add(presented{name: "out of hours", away: "hours"}, m.owner.ID, limited(credential.Limits{Scopes: everything(),
		AllowedHours: &credential.Hours{Weekdays: []string{strings.ToLower(now.UTC().AddDate(0, 0, 3).Weekday().String()[:3])}, From: "00:00",
			To: "24:00", TimeZone: "UTC"}}))
	none := int64(0)
	add(presented{name: "daily limit", spent: true}, m.owner.ID, limited(credential.Limits{Scopes: everything(), DailyActionLimit: &none}))
	one := int64(1)
	used, _ := add(presented{name: "no uses left", used: true}, m.owner.ID, limited(credential.Limits{Scopes: everything(), MaxUses: &one}))
	_, unwanted := add(presented{name: "refused here", refused: true}, m.owner.ID, credential.Credential{})
	if err := m.Tokens.SetRefused(t.Context(), m.owner.ID, m.here.id, unwanted, true, audit.Server); err != nil {
		t.Fatal(err)
	}
	add(presented{name: "child of good"}, m.owner.ID, credential.Credential{ParentID: good})
	add(presented{name: "child of reader", scopes: [][]string{everything(), {"*:read"}}}, m.owner.ID, credential.Credential{ParentID: reads})
	key, keySecret, err := m.Tokens.CreateWorkspaceKey(t.Context(), m.owner.ID, good, m.here.id, audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	m.states = append(m.states, presented{name: "workspace key", kind: rpc.WorkspaceKey, scopes: [][]string{everything()},
		token: func(*rpc.Endpoint) string {
			return keySecret.Reveal()
		}})
	add(presented{name: "not yet valid", dead: "not_yet_valid"}, m.owner.ID, credential.Credential{NotBefore: now.Add(time.Hour)})
	add(presented{name: "expired", dead: "expired"}, m.owner.ID, credential.Credential{ExpiresAt: now.Add(-time.Minute)})
	superseded, supersededID := add(presented{name: "superseded", dead: "superseded"}, m.owner.ID, credential.Credential{})
	_, revoked := add(presented{name: "revoked", dead: "revoked"}, m.owner.ID, credential.Credential{})
	_, asleep := add(presented{name: "disabled", dead: "disabled"}, m.owner.ID, credential.Credential{DisabledAt: now.Add(-time.Minute)})
	add(presented{name: "child of disabled", dead: "disabled"}, m.owner.ID, credential.Credential{ParentID: asleep})
	add(presented{name: "user disabled", dead: "user_disabled"}, gone.ID, credential.Credential{})
	decoy, _ := add(presented{name: "decoy", unproved: true}, m.owner.ID, credential.Credential{IsDecoy: true})

	_, next := m.pat(t, m.owner.ID, credential.Credential{FamilyID: supersededID})
	if err := m.DB.Update(t.Context(), func(tx *store.Tx) error {
		old, err := credential.Get(t.Context(), tx, credential.PersonalAccessToken, supersededID)
		if err != nil {
			return err
		}
		return credential.Supersede(t.Context(), tx, old, next, now.Add(-time.Minute), now.Add(-time.Minute))
	}, store.Instance); err != nil {
		t.Fatal(err)
	}
	if err := m.Tokens.Revoke(t.Context(), m.owner.ID, revoked, audit.Server); err != nil {
		t.Fatal(err)
	}
	if _, err := m.People.SetDisabled(t.Context(), gone.ID, true, audit.Server); err != nil {
		t.Fatal(err)
	}
	_, child := m.pat(t, m.owner.ID, credential.Credential{ParentID: good})
	m.common(t, m.here, m.own)
	m.backed(t, m.here, m.own)
	maps.Copy(m.own, part{"personal_access_token_id": child, "workspace_key_id": key.ID, "workspace_id": m.here.id, "user_id": member.ID,
		"invitation_id": store.NewID(), "api_key_id": store.NewID(), "webhook_attempt_id": store.NewID(), "request_id": "request_0"})
	// The first late use of each in an hour is reported, and the last use spent, which are necessary changes.
	for _, token := range []string{superseded, decoy, used} {
		m.call(t, token, "/keyway/v1/users/get_current", fields{})
	}
	return m
}

// common gives a part a group of codes.
func (m *matrix) common(t *testing.T, p place, own part) {
	t.Helper()
	m.ok(t, p.key, "/access_codes/create", fields{"device_id": own["device_id"], "name": "Family", "common_code_key": "family"})
	own["common_code_key"] = "family"
}

// backed gives a part a code with a spare one on the lock. For that, the world works for a while.
func (m *matrix) backed(t *testing.T, p place, own part) {
	t.Helper()
	id := m.ok(t, p.key, "/access_codes/create", fields{"device_id": own["device_id"], "name": "Visitor", "use_backup_access_code_pool": true,
		"starts_at": time.Now().Add(time.Hour), "ends_at": time.Now().Add(2 * time.Hour)}).object(t, "access_code")["access_code_id"].(string)
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { m.Jobs.Run(ctx) })
	defer func() { stop(); work.Wait() }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if m.ok(t, p.key, "/access_codes/get", fields{"access_code_id": id}).object(t, "access_code")["is_backup_access_code_available"] == true {
			own["backed_access_code_id"] = id
			return
		} else if time.Now().After(deadline) {
			t.Fatal("no spare code gets on the lock")
		}
	}
}

// ask sends a request as the state's person would. A nil body is one that no endpoint can read.
func (m *matrix) ask(t *testing.T, e *rpc.Endpoint, token string, kind rpc.Allow, p place, body fields) answer {
	t.Helper()
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	if kind != rpc.WorkspaceKey && (e.Workspace == rpc.Required || e.Workspace == rpc.Optional) {
		h.Set("Seam-Workspace", p.id)
	}
	if body == nil {
		return m.send(t, http.MethodPost, e.Path, h, []string{"no object"})
	}
	return m.send(t, http.MethodPost, e.Path, h, body)
}

// observe tries an endpoint with a token and says what came of it, in the words of the rule.
func (m *matrix) observe(t *testing.T, e *rpc.Endpoint, s *presented, nowhere part) string {
	t.Helper()
	token, want := s.token(e), s.answer(e)
	if want == hidden && e.Streams() { // it has no end to wait for; what it sends is TestStreamDiesWithItsCredential's
		want = passes
	}
	switch want {
	case passes, public:
		a := m.ask(t, e, token, s.kind, m.here, nil)
		if a.status == http.StatusBadRequest && a.kind() == "invalid_input" || e.Allow == rpc.Public && a.status < 300 {
			return s.answer(e)
		}
		return a.refusal()
	case hidden:
		got, want := m.ask(t, e, token, s.kind, m.here, example(t, e, m.own)), m.ask(t, e, token, s.kind, m.here, example(t, e, nowhere))
		if got.status != want.status || got.raw != want.raw || got.status >= 401 && got.status != http.StatusNotFound {
			return fmt.Sprintf("%s, but %s for what is nowhere", got.raw, want.raw)
		}
		for name, id := range m.own {
			if strings.HasSuffix(name, "_id") && id != m.here.id && strings.Contains(got.raw, id) {
				return "shows " + name
			}
		}
		return hidden
	}
	a := m.ask(t, e, token, s.kind, m.here, example(t, e, m.own))
	if s.name == "decoy" { // trying it reveals as little as guessing
		if guess := m.ask(t, e, credential.Mint(credential.PersonalAccessToken, false).Reveal(), s.kind, m.here, fields{}); guess.raw != a.raw {
			return fmt.Sprintf("%s, but %s for an unknown token", a.raw, guess.raw)
		}
	}
	return a.refusal()
}

// refusal is a refused request's status and reason; of any other, all of it.
func (a answer) refusal() string {
	var e struct {
		Error struct {
			Data struct{ Reason string }
		}
	}
	if err := json.Unmarshal([]byte(a.raw), &e); err != nil || a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
		return fmt.Sprint(a.status, " ", a.raw)
	}
	if a.status == http.StatusUnauthorized && a.kind() != "unauthorized" || a.status == http.StatusForbidden && a.kind() != "forbidden" {
		return fmt.Sprint(a.status, " ", a.kind())
	}
	return strings.TrimSpace(fmt.Sprint(a.status, " ", e.Error.Data.Reason))
}

// digest is of everything in the database but how credentials were used, and refused.
func (w *world) digest(t *testing.T) string {
	t.Helper()
	rows, err := w.DB.Query(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
		AND name NOT IN ('token_uses', 'token_networks', 'token_habits', 'refusals') ORDER BY name`)
	tables, err := store.All(rows, err, store.One[string])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for _, table := range tables {
		rows, err := w.DB.Query(t.Context(), "SELECT * FROM "+table)
		_, err = store.All(rows, err, func(rows *sql.Rows) (none struct{}, err error) {
			columns, err := rows.Columns()
			if err != nil {
				return none, err
			}
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				return none, err
			}
			for i, c := range columns {
				if table != "credentials" || !slices.Contains([]string{"last_used_at", "last_used", "use_count", "recent_addresses"}, c) {
					fmt.Fprintf(sum, "%s.%s %v\n", table, c, values[i])
				}
			}
			return none, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// TestIncidentForgottenRoutes: in Gitea a limit of tokens was checked route by route, and forgotten
// at some, twice (CVE-2025-68941, CVE-2026-24791). Here every endpoint of the table is tried with
// every token that there can be; the answers must be those of the rule, and nothing in the database
// may have changed. The whole is a readable file.
func TestIncidentForgottenRoutes(t *testing.T) {
	t.Parallel()
	m := setupMatrix(t)
	nowhere := part{}
	for name := range m.own {
		nowhere[name] = store.NewID()
	}
	var file strings.Builder
	table := tabwriter.NewWriter(&file, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "# endpoint")
	for _, s := range m.states {
		fmt.Fprint(table, "\t", s.name)
	}
	fmt.Fprintln(table)
	was := m.digest(t)
	for _, e := range m.rpc.Endpoints() {
		fmt.Fprint(table, e.Path)
		for i := range m.states {
			s := &m.states[i]
			got := m.observe(t, e, s, nowhere)
			if want := s.answer(e); got != want {
				t.Errorf("%s, %s: %s, want %s", e.Path, s.name, got, want)
			}
			fmt.Fprint(table, "\t", got)
			if m.written(t) {
				if now := m.digest(t); now != was {
					t.Errorf("%s, %s: the refused request changed something", e.Path, s.name)
					was = now
				}
			}
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "matrix.golden")
	if *update && !t.Failed() {
		if err := os.WriteFile(golden, []byte(file.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if file.String() != string(want) && !t.Failed() {
		t.Error("the answers have changed; look at the change, then run go test ./cmd/keyway -run ForgottenRoutes -update")
	}
	m.proveExamples(t)
	if !m.written(t) || m.digest(t) == was {
		t.Error("what good tokens changed is not noticed")
	}
}

// proveExamples sends the same bodies with a good token: they must do something, or else it would
// prove nothing that others are refused.
func (m *matrix) proveExamples(t *testing.T) {
	for _, e := range m.rpc.Endpoints() {
		if e.Allow&rpc.PersonalAccessToken == 0 || e.Streams() {
			continue
		}
		p, own := m.here, m.own
		if !e.Read {
			p = m.place(t, "Alone", true)
			m.join(t, p, m.owner, rpc.Owner)
			own = m.part(t, p, "sam", "mine")
			m.common(t, p, own)
		}
		token, id := m.pat(t, m.owner.ID, credential.Credential{})
		_, child := m.pat(t, m.owner.ID, credential.Credential{ParentID: id})
		if e.Path == "/access_codes/pull_backup_access_code" {
			m.backed(t, p, own)
		}
		maps.Copy(own, part{"personal_access_token_id": child, "workspace_id": p.id, "webhook_attempt_id": store.NewID(),
			"request_id": "request_0"})
		a := m.ask(t, e, token, rpc.PersonalAccessToken, p, example(t, e, own))
		if want := declaredOf(t, e.Path).Unready; want != "" && a.kind() != want || want == "" && a.status != http.StatusOK {
			t.Errorf("%s with its example and a good token: %d %s, want %s", e.Path, a.status, a.raw, want)
		}
	}
}
