package audit_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/wiring/apitest"
)

// setup returns a world whose log has a few entries, and whose head is kept.
func setup(t *testing.T, w *apitest.World) {
	t.Helper()
	anna := w.Person("anna")
	ws := w.Workspace(anna, "Harbour", true)
	w.PAT(anna)
	w.Key(ws, anna)
	_, err := w.Audit.Keep(t.Context())
	w.Must(err)
	if v := verify(t, w); !v.Intact || v.Entries < 4 || v.FirstBad != nil {
		t.Fatalf("the log is not intact to begin with: %+v", v)
	}
}

func verify(t *testing.T, w *apitest.World) audit.Verification {
	t.Helper()
	v, err := w.Audit.Verify(t.Context())
	w.Must(err)
	return v
}

func exec(t *testing.T, w *apitest.World, query string, args ...any) {
	t.Helper()
	w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), query, args...)
		return err
	}))
}

// Anyone who can write to the database, but does not have the key, leaves a trace.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	const removeLast = `DELETE FROM audit_entries WHERE seq >= 4`
	for name, c := range map[string]struct {
		queries  []string
		firstBad int64
	}{
		"one byte of a detail": {[]string{`UPDATE audit_entries SET detail = replace(detail, 'anna', 'Anna') WHERE seq = 1`}, 1},
		"an action":            {[]string{`UPDATE audit_entries SET action = 'user.updated' WHERE seq = 3`}, 3},
		"an actor":             {[]string{`UPDATE audit_entries SET actor = '{"kind":"server"}' WHERE seq = 2`}, 2},
		"whom it is found by":  {[]string{`UPDATE audit_entries SET user_id = 'somebody' WHERE seq = 3`}, 3},
		"a workspace left out": {[]string{`UPDATE audit_entries SET workspace_id = NULL WHERE seq = 2`}, 2},
		"a time":               {[]string{`UPDATE audit_entries SET occurred_at = occurred_at + 1 WHERE seq = 2`}, 2},
		"a gap":                {[]string{`DELETE FROM audit_entries WHERE seq = 2`}, 2},
		"a gap closed": {[]string{`DELETE FROM audit_entries WHERE seq = 2`, `UPDATE audit_entries SET seq = 2 WHERE seq = 3`,
			`UPDATE audit_entries SET seq = 3 WHERE seq = 4`,
			`UPDATE audit_head SET seq = 3`}, 2},
		"the beginning": {[]string{`DELETE FROM audit_entries WHERE seq = 1`}, 1},
		"two swapped": {[]string{`UPDATE audit_entries SET seq = 99 WHERE seq = 2`, `UPDATE audit_entries SET seq = 2 WHERE seq = 3`,
			`UPDATE audit_entries SET seq = 3 WHERE seq = 99`}, 2},
		"one put in": {[]string{`INSERT INTO audit_entries (entry_id, occurred_at, actor, action, detail, seq, key_id, mac)
			SELECT 'forged', occurred_at, actor, action, detail, seq + 1, key_id, mac FROM audit_entries WHERE seq = 4`}, 5},
		"one before numbers": {[]string{`INSERT INTO audit_entries (entry_id, occurred_at, actor, action, detail) VALUES ('forged', 1,
			'{"kind":"server"}', 'user.created', '{}')`}, 0},
		"one without number": {[]string{`UPDATE audit_entries SET seq = NULL WHERE seq = 4`}, 0},
		"an unknown key":     {[]string{`UPDATE audit_entries SET key_id = 'kother' WHERE seq = 3`}, 3},
		"the end":            {[]string{removeLast}, 4},
		"the end, with the head turned back": {[]string{removeLast,
			`UPDATE audit_head SET seq = 3, mac = (SELECT mac FROM audit_entries WHERE seq = 3)`}, 4},
		"all of it": {[]string{`DELETE FROM audit_entries`, `UPDATE audit_head SET seq = 0, mac = NULL`}, 1},
		"the head":  {[]string{`DELETE FROM audit_head`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apitest.Each(t, func(t *testing.T, w *apitest.World) {
				setup(t, w)
				for _, q := range c.queries {
					exec(t, w, q)
				}
				v := verify(t, w)
				if v.Intact || v.FirstBad == nil || *v.FirstBad != c.firstBad || v.Problem == nil {
					t.Errorf("found %+v (first bad %v, %v), want entry %d", v, v.FirstBad, v.Problem, c.firstBad)
				}
			})
		})
	}
}

// An older database under a newer head file, and entries written on top of it, do not pass; nor
// does the head file take them for good.
func TestOlderDatabaseIsFound(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		setup(t, w)
		exec(t, w, `DELETE FROM audit_entries WHERE seq >= 3`)
		exec(t, w, `UPDATE audit_head SET seq = 2, mac = (SELECT mac FROM audit_entries WHERE seq = 2)`)
		before, err := os.ReadFile(w.Audit.HeadFile())
		w.Must(err)
		for range 5 {
			w.Person("p" + store.NewID())
			if _, err := w.Audit.Keep(t.Context()); err == nil || !strings.Contains(err.Error(), "audit verify") {
				t.Fatalf("an older log is kept: %v", err)
			}
			if v := verify(t, w); v.Intact {
				t.Fatalf("an older log passes: %+v", v)
			}
		}
		if after, err := os.ReadFile(w.Audit.HeadFile()); err != nil || string(after) != string(before) {
			t.Errorf("the head file was written over: %s, %v", after, err)
		}
	})
}

// What an older version wrote is covered by the first entry of the chain, and found like the rest.
func TestEntriesFromBeforeTheChain(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		for _, id := range []string{"b", "a", "c"} {
			exec(t, w,
				`INSERT INTO audit_entries (entry_id, occurred_at, actor, action, detail) VALUES ($1, 1, '{"kind":"command","user_id":"u"}',
					'user.created', '{}')`, id)
		}
		w.Person("anna")
		v := verify(t, w)
		if !v.Intact || v.Entries != 3+1+1 {
			t.Fatalf("%+v: %v", v, v.Problem)
		}
		exec(t, w, `UPDATE audit_entries SET detail = '{"x":1}' WHERE entry_id = 'b'`)
		if v := verify(t, w); v.Intact || *v.FirstBad != 0 {
			t.Errorf("a change of an old entry passes: %+v", v)
		}
	})
}

// Writers of different scopes, many at once and some that fail, leave one unbroken chain.
func TestManyWritersMakeOneChain(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		const writers, each = 16, 20
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				for n := range each {
					err := w.DB.Update(context.Background(), func(tx *store.Tx) error {
						for range 2 {
							if err := w.Audit.Add(context.Background(), tx, audit.Entry{Actor: audit.Server, Action: "test.done"}); err != nil {
								return err
							}
						}
						if n%5 == 4 {
							return context.Canceled
						}
						return nil
					}, store.Workspace(store.NewID()), store.Workspace(string(rune('a'+i%3))))
					if (err != nil) != (n%5 == 4) {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if v := verify(t, w); !v.Intact || v.Entries != writers*each*4/5*2 {
			t.Errorf("%+v: %v", v, v.Problem)
		}
	})
}

// An operator reads everything, a workspace's admin what was done there, and no one else anything.
func TestWhoReadsTheLog(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		anna, ben, eve := w.Person("anna"), w.Person("ben"), w.Person("eve")
		w.Must(w.People.SetOperator(t.Context(), anna.ID, true, apitest.By))
		here, there := w.Workspace(ben, "Here", true), w.Workspace(eve, "There", true)
		w.Join(here, eve, rpc.Member)
		_, key := w.Key(here, ben)
		const list = "/keyway/v1/audit/list"
		type entry struct {
			Sequence    *int64  `json:"sequence"`
			Action      string  `json:"action"`
			WorkspaceID *string `json:"workspace_id"`
			SubjectID   *string `json:"subject_id"`
		}
		type answer struct {
			Entries    []entry `json:"audit_entries"`
			Pagination struct {
				Cursor *string `json:"next_page_cursor"`
			} `json:"pagination"`
		}
		operator, owner, member := w.Session(anna), w.Session(ben), w.Session(eve)

		var all answer
		w.Call(apitest.Request{Path: list, Token: operator}, &all)
		var paged []entry
		for cursor := ""; ; {
			body := map[string]any{"limit": 3}
			if cursor != "" {
				body["page_cursor"] = cursor
			}
			var a answer
			w.Call(apitest.Request{Path: list, Token: operator, Body: body}, &a)
			if paged = append(paged, a.Entries...); a.Pagination.Cursor == nil {
				break
			}
			cursor = *a.Pagination.Cursor
		}
		if len(all.Entries) < 10 || len(paged) != len(all.Entries) || *all.Entries[0].Sequence != int64(len(all.Entries)) ||
			*paged[len(paged)-1].Sequence != 1 {
			t.Errorf("an operator reads %d entries, in pages %d", len(all.Entries), len(paged))
		}
		var mine answer
		w.Call(apitest.Request{Path: list, Token: owner, Workspace: here.ID}, &mine)
		if len(mine.Entries) != 3 { // the workspace, its member, its key
			t.Errorf("an owner reads %+v", mine.Entries)
		}
		for _, e := range mine.Entries {
			if e.WorkspaceID == nil || *e.WorkspaceID != here.ID {
				t.Errorf("an owner reads of elsewhere: %+v", e)
			}
		}
		for body, want := range map[string]int{
			`{"action":"api_key.created"}`: 1, `{"subject_id":"` + key + `"}`: 1, `{"credential_id":"` + key + `"}`: 1,
			`{"user_id":"` + eve.ID + `"}`:     1,
			`{"since":"2020-01-01T00:00:00Z"}`: 3, `{"before":"2020-01-01T00:00:00Z"}`: 0, `{"workspace_id":"` + here.ID + `"}`: 3,
		} {
			var a answer
			if w.Call(apitest.Request{Path: list, Token: owner, Workspace: here.ID, Body: body}, &a); len(a.Entries) != want {
				t.Errorf("%s finds %d, want %d", body, len(a.Entries), want)
			}
		}
		w.Refused(apitest.Request{Path: list, Token: owner}, 403, "forbidden")
		w.Refused(apitest.Request{Path: list, Token: member, Workspace: here.ID}, 403, "forbidden")
		w.Refused(apitest.Request{Path: list, Token: owner, Workspace: there.ID}, 401, "unauthorized")
		w.Refused(apitest.Request{Path: list, Token: owner, Workspace: here.ID, Body: `{"workspace_id":"` + there.ID + `"}`}, 404,
			"workspace_not_found")
		w.Refused(apitest.Request{Path: "/keyway/v1/audit/verify", Token: owner}, 403, "forbidden")
		var v struct {
			Verification audit.Verification `json:"audit_verification"`
		}
		w.Call(apitest.Request{Path: "/keyway/v1/audit/verify", Token: operator}, &v)
		if !v.Verification.Intact || v.Verification.Entries != len(all.Entries) {
			t.Errorf("%+v of %d", v.Verification, len(all.Entries))
		}
	})
}
