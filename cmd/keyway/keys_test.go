package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
)

// keyed is a world with everything in it that hangs on the server key.
type keyed struct {
	*world
	anna              identity.User
	pat               string
	bearers           map[string]string // that open the workspace here, or the person's own things
	cookie            vault.Secret
	session           identity.Session
	invitation, later vault.Secret
	app               string // the authenticator's secret
	recovery          []string
	secondStep        string
	own               part
	locked            string // what is served of the sealed things
}

func setupKeyed(t *testing.T, db *store.DB) *keyed {
	t.Helper()
	w := setup(t, db)
	if _, err := openVault(t.Context(), db, appOptions{globals: globals{keyFile: w.Vault.File()}}); err != nil {
		t.Fatal(err)
	}
	k := &keyed{world: w, anna: w.person(t, "anna"), bearers: map[string]string{}}
	w.join(t, w.here, k.anna, rpc.Owner)
	k.own = w.part(t, w.here, "sam", "mine")
	var id string
	k.pat, id = w.pat(t, k.anna.ID, credential.Credential{})
	_, key, err := w.Tokens.CreateWorkspaceKey(t.Context(), k.anna.ID, id, w.here.id, audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	_, client := w.session(t, w.here, fields{"customer_key": "mine"})
	k.bearers = map[string]string{"token": k.pat, "workspace key": key.Reveal(), "API key": w.here.key, "client session": client,
		"console session": w.consoleSession(t, k.anna)}
	if k.session, k.cookie, err = w.People.StartBrowser(t.Context(), k.anna, identity.ByPassword, "192.0.2.1", "test"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*vault.Secret{&k.invitation, &k.later} {
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, *s, err = w.People.CreateLink(t.Context(), tx,
				identity.Link{Kind: identity.InvitationLink, WorkspaceID: w.here.id, Email: "eve@example.com", Role: "member"}, time.Hour)
			return err
		}, store.Instance); err != nil {
			t.Fatal(err)
		}
	}
	set, err := w.People.BeginAuthenticator(k.anna)
	if err != nil {
		t.Fatal(err)
	}
	k.app = set.Secret
	if k.recovery, err = w.People.ConfirmAuthenticator(t.Context(), k.anna, set.Sealed, k.code(t, 0), audit.Server); err != nil {
		t.Fatal(err)
	}
	if k.secondStep, err = w.People.BeginSecondStep(t.Context(), k.anna); err != nil {
		t.Fatal(err)
	}
	k.locked = k.sealed(t)
	return k
}

// code is what the authenticator app shows so far ahead. What is ahead no more than one step is good also
// when the next step begins before the server looks at it.
func (k *keyed) code(t *testing.T, ahead time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(k.app, time.Now().Add(ahead))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// sealed is all that is served out of sealed columns.
func (k *keyed) sealed(t *testing.T) string {
	t.Helper()
	var out []string
	for path, id := range map[string]string{"/access_codes/get": "access_code_id", "/access_codes/unmanaged/get": "unmanaged_access_code_id",
		"/webhooks/get":        "webhook_id",
		"/client_sessions/get": "client_session_id", "/connect_webviews/get": "connect_webview_id"} {
		out = append(out, k.ok(t, k.here.key, path, fields{strings.TrimPrefix(id, "unmanaged_"): k.own[id]}).raw)
	}
	out = append(out, k.ok(t, k.here.key, "/events/list",
		fields{"since": "2020-01-01T00:00:00Z", "access_code_id": k.own["access_code_id"]}).raw)
	text := regexp.MustCompile(`"(last_seen_at|pulled_backup_access_code_id)":[^,}]*`).ReplaceAllString(strings.Join(slices.Sorted(slices.Values(out)), "\n"), "")
	for _, secret := range []string{`"4821"`, `"whsec_`, `"seam_cst1`, "auth_token="} {
		if !strings.Contains(text, secret) {
			t.Fatalf("nothing with %s is served: %s", secret, text)
		}
	}
	return text
}

// good tries all that does not get used up.
func (k *keyed) good(t *testing.T, when string) {
	t.Helper()
	for name, token := range k.bearers {
		if a := k.in(t, token, k.here.id, "/devices/list", fields{}); a.status != http.StatusOK {
			t.Errorf("%s: the %s: %d %s", when, name, a.status, a.raw)
		}
	}
	if _, _, ok, err := k.People.Browser(t.Context(), k.session.ID, k.cookie); err != nil || !ok {
		t.Errorf("%s: the browser's session is gone: %v", when, err)
	}
	if _, err := k.People.FindLink(t.Context(), k.DB, identity.InvitationLink, k.invitation); err != nil {
		t.Errorf("%s: the invitation: %v", when, err)
	}
	if now := k.sealed(t); now != k.locked {
		t.Errorf("%s: other secrets are served:\n%s\nwere\n%s", when, now, k.locked)
	}
	if v, err := k.Audit.Verify(t.Context()); err != nil || !v.Intact {
		t.Errorf("%s: the audit log is not intact: %+v %v", when, v, err)
	}
}

// under counts what is under a key, by kind.
func (k *keyed) under(t *testing.T, id string) map[string]int {
	t.Helper()
	keys, err := k.Keyring.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, key := range keys {
		for _, h := range key.Holds {
			if key.ID == id {
				out[h.What] = h.Count
			}
		}
	}
	return out
}

func (k *keyed) rotate(t *testing.T) string {
	t.Helper()
	id, err := k.Keyring.Rotate(t.Context(), audit.Server, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// With another server key everything from before is good: bearers of each kind, sessions, links, codes,
// what is sealed, and the audit log. As it is used it moves under the new key, and when nothing is
// under the old one, that can be retired.
func TestRotateServerKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := setupKeyed(t, db)
		old := k.Vault.KeyID()
		before := k.under(t, old)
		for _, what := range []string{"tokens and API keys", "client sessions", "console sessions", "one-time links", "recovery codes",
			"access codes", "states of access codes",
			"webhook secrets", "events with codes in them", "memories of virtual devices", "authenticator apps", "tokens of client sessions",
			"addresses of Connect Webviews"} {
			if before[what] == 0 {
				t.Errorf("the test has no %s", what)
			}
		}
		k.good(t, "before")
		id := k.rotate(t)
		if id == old || k.Vault.KeyID() != id {
			t.Fatalf("new things are made with %s, not %s", k.Vault.KeyID(), id)
		}
		k.good(t, "after")
		for what, n := range k.under(t, old) {
			if digested := []string{"tokens and API keys", "console sessions", "one-time links",
				"recovery codes"}; !slices.Contains(digested, what) {
				t.Errorf("%d %s are still under the old key", n, what)
			}
		}
		if u, err := k.People.FinishSecondStep(t.Context(), k.secondStep, identity.SecondFactor{Code: k.code(t, 30*time.Second)}); err != nil ||
			u.ID != k.anna.ID {
			t.Errorf("the authenticator app: %v", err)
		}
		if _, err := k.People.FinishSecondStep(t.Context(), k.secondStep, identity.SecondFactor{RecoveryCode: k.recovery[0]}); err != nil {
			t.Errorf("a recovery code: %v", err)
		}
		// What is made now is under the new key, and is found as well.
		fresh, freshID := k.world.pat(t, k.anna.ID, credential.Credential{})
		var under string
		if err := k.DB.QueryRow(t.Context(), `SELECT key_id FROM credentials WHERE credential_id = $1`, freshID).Scan(&under); err != nil ||
			under != id {
			t.Errorf("a new token is under %q: %v", under, err)
		}
		k.bearers["new token"] = fresh
		var f *fault.Error
		if err := k.Keyring.Retire(t.Context(), old, audit.Server); !errors.As(err, &f) || !strings.Contains(f.Message, "tokens and API keys") {
			t.Errorf("a key that is needed: %v", err)
		}
		if err := k.Keyring.Retire(t.Context(), id, audit.Server); err == nil {
			t.Error("the key in use was retired")
		}

		// Use moves the rest, but for what is used up by it.
		k.in(t, k.abroad.key, "", "/devices/list", fields{})
		if err := k.Usage.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		left := k.under(t, old)
		if left["tokens and API keys"] != 0 || k.under(t, id)["tokens and API keys"] != before["tokens and API keys"]+1 {
			t.Errorf("tokens that were used are still under the old key: %v", left)
		}
		k.good(t, "moved")
		if err := k.DB.Update(t.Context(), func(tx *store.Tx) error {
			for _, secret := range []vault.Secret{k.invitation, k.later} {
				if _, err := k.People.UseLink(t.Context(), tx, identity.InvitationLink, secret); err != nil {
					return err
				}
			}
			return nil
		}, store.Instance); err != nil {
			t.Errorf("the invitations: %v", err)
		}
		if _, err := k.People.RenewRecoveryCodes(t.Context(), k.anna.ID, audit.Server); err != nil {
			t.Fatal(err)
		}
		if k.session, k.cookie, _ = k.People.RenewBrowser(t.Context(), k.session, false); k.session.ID == "" {
			t.Fatal("the browser's session cannot be renewed")
		}
		if err := k.People.EndOtherSessions(t.Context(), k.anna.ID, k.session.ID, audit.Server); err != nil {
			t.Fatal(err)
		}
		delete(k.bearers, "console session")
		// A server that had not heard of the rotation made these with the old key.
		if err := k.DB.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE access_codes SET prints = $1`, []byte("old"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := k.Keyring.Retire(t.Context(), old, audit.Server); err != nil {
			t.Fatal(err)
		}
		var all, outdated int
		if err := k.DB.QueryRow(t.Context(), `SELECT count(*), count(prints) FROM access_codes`).Scan(&all, &outdated); err != nil || all == 0 ||
			outdated > 0 {
			t.Errorf("%d of %d codes have digests under a retired key: %v", outdated, all, err)
		}
		k.invitation = k.link(t)
		k.good(t, "retired")
		if text, err := os.ReadFile(k.Vault.File()); err != nil || strings.Count(string(text), `"secret"`) != 1 {
			t.Errorf("the key file still holds a retired key: %v", err)
		}
		again, err := openVault(t.Context(), k.DB, appOptions{globals: globals{keyFile: k.Vault.File()}})
		if err != nil || again.KeyID() != id {
			t.Errorf("the key file is not taken any more: %v", err)
		}
		// No audit entries are written with it any longer.
		if err := k.DB.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE audit_entries SET key_id = $1 WHERE seq = (SELECT max(seq) FROM audit_entries)`, old)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if v, err := k.Audit.Verify(t.Context()); err != nil || v.Intact || !strings.Contains(*v.Problem, "retired") {
			t.Errorf("an entry under a retired key passes: %+v %v", v, err)
		}
	})
}

func (k *keyed) link(t *testing.T) (secret vault.Secret) {
	t.Helper()
	if err := k.DB.Update(t.Context(), func(tx *store.Tx) (err error) {
		_, secret, err = k.People.CreateLink(t.Context(), tx,
			identity.Link{Kind: identity.InvitationLink, WorkspaceID: k.here.id, Role: "member"}, time.Hour)
		return err
	}, store.Instance); err != nil {
		t.Fatal(err)
	}
	return secret
}

// Wherever a rotation is cut off, everything is good, and the next start or rotation goes on with it.
func TestRotationCutOff(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := setupKeyed(t, db)
		old := k.Vault.KeyID()
		// Between the file and the database.
		id, err := k.Vault.Rotate()
		if err != nil {
			t.Fatal(err)
		}
		k.good(t, "only the file")
		if _, err := openVault(t.Context(), k.DB, appOptions{globals: globals{keyFile: k.Vault.File()}}); err != nil {
			t.Fatalf("the next start: %v", err)
		}
		if keys, err := serverKeys(t.Context(), k.DB); err != nil || !bytes.Equal(keys[id], k.Vault.Proof(id)) || len(keys) != 2 {
			t.Errorf("the database does not know of the new key: %v", err)
		}
		// While values are resealed, one by one.
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := k.Keyring.Reseal(ctx, func(done, _ int) {
			if done >= 3 {
				cancel()
			}
		}); err == nil {
			t.Fatal("nothing was cut off")
		}
		if n := k.under(t, old)["memories of virtual devices"]; n == 0 {
			t.Error("everything was sealed anew before it was cut off")
		}
		k.good(t, "half sealed")
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		defer func() { stop(); work.Wait() }()
		if err := k.Keyring.StartJobs(ctx); err != nil {
			t.Fatal(err)
		}
		work.Go(func() { k.Jobs.Run(ctx) })
		for deadline := time.Now().Add(time.Minute); k.under(t, old)["memories of virtual devices"] > 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the next start does not go on: %v", k.under(t, old))
			}
		}
		k.good(t, "gone on")
	})
}

// Another process takes a new key into use as soon as it meets it, by the file, without a restart.
func TestRotationReachesOtherServers(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	k := setupKeyed(t, db)
	other, err := vault.Open(k.Vault.File())
	if err != nil {
		t.Fatal(err)
	}
	b := &keyed{world: serveWorld(t, db, other), bearers: k.bearers}
	k.rotate(t)
	k.bearers["new token"], _ = k.world.pat(t, k.anna.ID, credential.Credential{})
	k.bearers["new console session"] = k.consoleSession(t, k.anna)
	for name, token := range b.bearers {
		if a := b.in(t, token, k.here.id, "/devices/list", fields{}); a.status != http.StatusOK {
			t.Errorf("the other server: the %s: %d %s", name, a.status, a.raw)
		}
	}
	b.here, b.own = k.here, k.own
	if got := b.sealed(t); got != k.locked {
		t.Errorf("the other server serves other secrets: %s", got)
	}
}

// A copy of the database opens nothing after a rotation either, nor does a row forged under a key that
// was retired.
func TestStolenDatabaseAfterRotation(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		anna := w.person(t, "anna")
		w.join(t, w.here, anna, rpc.Owner)
		_, id := w.pat(t, anna.ID, credential.Credential{})
		leaked, err := vault.Open(w.Vault.File()) // what a thief has of the old key
		if err != nil {
			t.Fatal(err)
		}
		old := leaked.KeyID()
		text, err := os.ReadFile(w.Vault.File())
		if err != nil {
			t.Fatal(err)
		}
		stolen := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(stolen, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if leaked, err = vault.Open(stolen); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Keyring.Rotate(t.Context(), audit.Server, func(int, int) {}); err != nil {
			t.Fatal(err)
		}
		plain := func(secret string) []byte { sum := sha256.Sum256([]byte(secret)); return sum[:] }
		under := func(secret string) []byte { sum, _ := leaked.Digest(old, secret); return sum[:] }
		forge := func(keyID string, digest func(string) []byte) int {
			secret := credential.Mint(credential.PersonalAccessToken, false).Reveal()
			p, err := credential.Parse(secret)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.DB.Update(t.Context(), func(tx *store.Tx) error {
				where := &store.Where{}
				where.Add(`credential_id = ?`, id)
				_, err := grant.Credentials.Update(t.Context(), tx,
					signed.Set{"short_token": p.Short, "key_id": keyID, "digest": digest(secret)}, where)
				return err
			}, store.Instance); err != nil {
				t.Fatal(err)
			}
			return w.in(t, secret, w.here.id, "/devices/list", fields{}).status
		}
		for _, keyID := range []string{old, w.Vault.KeyID(), "", "none"} {
			if status := forge(keyID, plain); status != http.StatusUnauthorized {
				t.Errorf("a row forged without a key, under %q: %d", keyID, status)
			}
		}
		if status := forge(old, under); status != http.StatusOK {
			t.Fatalf("the test's own forgery does not work while the key is in use: %d", status)
		}
		if err := w.Usage.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{w.here.key, w.abroad.key} {
			w.ok(t, token, "/devices/list", fields{})
		}
		if err := w.Usage.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Keyring.Retire(t.Context(), old, audit.Server); err != nil {
			t.Fatal(err)
		}
		for _, keyID := range []string{old, w.Vault.KeyID()} {
			if status := forge(keyID, under); status != http.StatusUnauthorized {
				t.Errorf("a row forged with a retired key, under %q: %d", keyID, status)
			}
		}
	})
}

// Whatever is under a server key is known to the rotation: a new column of bytes without a rule fails.
func TestNothingSealedIsForgotten(t *testing.T) {
	t.Parallel()
	w := setup(t, storetest.SQLite(t))
	known := map[string]bool{
		"server_keys.proof": true, "audit_entries.mac": true, "audit_head.mac": true, // the audit log stays under the key it was written with
		"workspace_logos.data": true, // a picture
		"search_grams.gram":    true, // parts of names, as they are
		"credentials.digest":   true, "client_sessions.digest": true, "sessions.digest": true, "links.digest": true,
		"recovery_codes.digest": true,
	}
	for _, t := range grant.Tables() { // a rotation re-signs them
		known[t.Name+".mac"] = true
	}
	for _, c := range w.Keyring.Sealed {
		known[c.Table+"."+c.Name] = true
		if c.Clears != "" {
			known[c.Table+"."+c.Clears] = true
		}
	}
	rows, err := w.DB.Query(t.Context(),
		`SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type IN ('BYTEA', 'BLOB')`)
	found, err := store.All(rows, err, func(r *sql.Rows) (name string, err error) {
		var table, column string
		err = r.Scan(&table, &column)
		return table + "." + column, err
	})
	if err != nil || len(found) != len(known) {
		t.Errorf("%d columns of bytes, of which %d are known: %v", len(found), len(known), err)
	}
	for _, name := range found {
		if !known[name] {
			t.Errorf("%s: is it sealed or a digest? Then a rotation must know of it", name)
		}
	}
}
