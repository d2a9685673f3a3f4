package keyring_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/signed"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/keyring"
	"keyway/internal/wiring/apitest"
)

// keyed is a workspace with things under the server key: digests, sealed values and signed rows.
type keyed struct {
	*apitest.World
	ws             workspace.Workspace
	pat, key, sess string
}

func setup(w *apitest.World) keyed {
	jane := w.Person("jane")
	k := keyed{World: w, ws: w.Workspace(jane, "Hotel", true)}
	k.pat, _ = w.PAT(jane)
	k.key, _ = w.Key(k.ws, jane)
	k.sess = k.session()
	return k
}

func (k keyed) session() string {
	var out struct {
		Session struct{ Token string } `json:"client_session"`
	}
	k.Call(apitest.Request{Path: "/client_sessions/create", Token: k.key, Body: map[string]any{}}, &out)
	return out.Session.Token
}

// good checks that everything opens the workspace, and that the sealed token of the session can be read.
func (k keyed) good(t *testing.T, when string) {
	t.Helper()
	for name, r := range map[string]apitest.Request{
		"token": {Token: k.pat, Workspace: k.ws.ID}, "API key": {Token: k.key}, "client session": {Token: k.sess},
	} {
		if r.Path = "/devices/list"; k.Do(r).Status != http.StatusOK {
			t.Errorf("%s: the %s is refused", when, name)
		}
	}
	if a := k.Do(apitest.Request{Path: "/client_sessions/list", Token: k.key}); !strings.Contains(a.Body, k.sess) {
		t.Errorf("%s: the session's token is not shown: %s", when, a.Body)
	}
}

// holds counts what is under a key, by kind.
func (k keyed) holds(t *testing.T, id string) map[string]int {
	t.Helper()
	keys, err := k.Keyring.List(k.Context())
	k.Must(err)
	i := slices.IndexFunc(keys, func(key keyring.Key) bool { return key.ID == id })
	if i < 0 {
		t.Fatalf("there is no key %s", id)
	}
	out := map[string]int{}
	for _, h := range keys[i].Holds {
		out[h.What] = h.Count
	}
	return out
}

func ignore(int, int) {}

// A rotation seals and signs everything under the new key at once, keeps everything good, and leaves under the old key only the
// digests of secrets that their holders have not shown since; it is retired when nothing needs it.
func TestRotation(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		k := setup(w)
		old := w.Vault.KeyID()
		id, err := w.Keyring.Rotate(w.Context(), apitest.By, ignore)
		w.Must(err)
		if id == old || w.Vault.KeyID() != id {
			t.Errorf("the active key is %s, after %s was made", w.Vault.KeyID(), id)
		}
		k.good(t, "after a rotation")
		holds := k.holds(t, old)
		for what := range holds {
			if strings.HasPrefix(what, "signed rows") || what == "tokens of client sessions" || what == "client sessions" {
				t.Errorf("%d %s are under the old key", holds[what], what)
			}
		}
		if holds["tokens and API keys"] != 2 {
			t.Errorf("under the old key: %v", holds)
		}
		err = w.Keyring.Retire(w.Context(), old, apitest.By)
		if !fault.Is(err, fault.InvalidRequest) || !strings.Contains(err.Error(), "2 tokens and API keys") {
			t.Errorf("a key that is needed is retired: %v", err)
		}
		for _, id := range []string{id, "nonsense"} {
			if err := w.Keyring.Retire(w.Context(), id, apitest.By); !fault.Is(err, fault.InvalidRequest) {
				t.Errorf("%s is retired: %v", id, err)
			}
		}
		// What is used is digested again, within a second of the rotation; then nothing needs the old key.
		for deadline := time.Now().Add(time.Minute); len(k.holds(t, old)) > 0; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("under the old key after a minute: %v", k.holds(t, old))
			}
			k.good(t, "while digests are made anew")
			w.Must(w.Usage.Flush(w.Context()))
		}
		w.Must(w.Keyring.Retire(w.Context(), old, apitest.By))
		if err := w.Keyring.Retire(w.Context(), old, apitest.By); !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("a key is retired twice: %v", err)
		}
		k.good(t, "after the old key was retired")
	})
}

// A value that no key opens does not keep the others from being resealed, and is named; what could not be read stays as it is.
func TestAMissingKeyStopsNothingElse(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		k := setup(w)
		k.session()
		old := w.Vault.KeyID()
		lost := append([]byte("kmissing"), make([]byte, 40)...)
		var id string
		w.Must(w.DB.QueryRow(w.Context(), `SELECT min(client_session_id) FROM client_sessions`).Scan(&id))
		w.Rewrite(grant.ClientSessions, signed.Set{"sealed_token": lost}, "client_session_id = ?", id)
		if _, err := w.Keyring.Rotate(w.Context(), apitest.By, ignore); err == nil || !strings.Contains(err.Error(), "client_sessions/"+id) {
			t.Errorf("the value that cannot be opened is not named: %v", err)
		}
		if n := k.holds(t, old)["tokens of client sessions"]; n != 0 {
			t.Errorf("%d values that can be opened were left under the old key", n)
		}
		var still []byte
		w.Must(w.DB.QueryRow(w.Context(), `SELECT sealed_token FROM client_sessions WHERE client_session_id = $1`, id).Scan(&still))
		if string(still) != string(lost) {
			t.Error("the value that cannot be opened was changed")
		}
		if a := w.Do(apitest.Request{Path: "/devices/list", Token: k.key}); a.Status != http.StatusOK {
			t.Errorf("after a rotation that named one value: %d", a.Status)
		}
	})
}

// A key that cannot be written to its file is not used: everything stays under the one before.
func TestAKeyFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		k := setup(w)
		old, folder := w.Vault.KeyID(), filepath.Dir(w.Vault.File())
		w.Must(os.Rename(folder, folder+"-away")) // permissions would not stop root
		if _, err := w.Keyring.Rotate(w.Context(), apitest.By, ignore); err == nil {
			t.Error("a key was made that is in no file")
		}
		if _, err := w.Keyring.Prepare(w.Context(), apitest.By); err == nil {
			t.Error("a key was prepared that is in no file")
		}
		w.Must(os.Rename(folder+"-away", folder))
		if w.Vault.KeyID() != old {
			t.Errorf("the active key is %s, not %s", w.Vault.KeyID(), old)
		}
		k.good(t, "after a rotation that failed")
		var keys, entries int
		w.Must(w.DB.QueryRow(w.Context(), `SELECT (SELECT count(*) FROM server_keys WHERE key_id <> $1),
			(SELECT count(*) FROM audit_entries WHERE action LIKE 'server_key.%')`, old).Scan(&keys, &entries))
		if keys != 0 || entries != 0 {
			t.Errorf("the database knows of %d other keys, the audit log of %d changes", keys, entries)
		}
	})
}

// A key that is prepared is in the file and not used yet, so that other servers know it before the first value under it.
func TestPrepare(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		k := setup(w)
		old := w.Vault.KeyID()
		id, err := w.Keyring.Prepare(w.Context(), apitest.By)
		w.Must(err)
		k.session()
		if n := k.holds(t, id); w.Vault.KeyID() != old || len(n) != 0 {
			t.Errorf("the active key is %s, and the prepared one has %v", w.Vault.KeyID(), n)
		}
		if next, err := w.Keyring.Rotate(w.Context(), apitest.By, ignore); err != nil || next != id {
			t.Errorf("the rotation takes %s and not the prepared key %s: %v", next, id, err)
		}
		k.good(t, "under the prepared key")
	})
}
