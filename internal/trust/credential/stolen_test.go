package credential_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"testing"

	"keyway/internal/platform/signed"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/wiring/apitest"
)

// Forgejo's long-term cookies (2023-10) could be made from a copy of the database. Here nothing that
// is stored opens anything, and neither does a row that someone without the server key puts in.
func TestIncidentStolenDatabase(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		anna := w.Person("anna")
		ws := w.Workspace(anna, "Harbour", true)
		pat, patID := w.PAT(anna)
		w.Key(ws, anna)
		w.WorkspaceKey(anna, patID, ws)
		w.Session(anna)
		session(t, w, ws.ID)
		if !works(w, pat, ws.ID) {
			t.Fatal("the token does not work to begin with")
		}
		tried := 0
		for _, table := range []string{"credentials", "sessions", "client_sessions", "links", "users", "server_keys", "audit_entries"} {
			rows, err := w.DB.Query(t.Context(), `SELECT * FROM `+table)
			w.Must(err)
			columns, err := rows.Columns()
			w.Must(err)
			for rows.Next() {
				values, into := make([]any, len(columns)), make([]any, len(columns))
				for i := range values {
					into[i] = &values[i]
				}
				w.Must(rows.Scan(into...))
				for i, v := range values {
					var forms []string
					switch v := v.(type) {
					case string:
						forms = []string{v, "seam_" + v}
					case []byte:
						forms = []string{hex.EncodeToString(v), base64.StdEncoding.EncodeToString(v), base64.RawURLEncoding.EncodeToString(v)}
					}
					for _, form := range forms {
						req := apitest.Request{Path: "/devices/list", Workspace: ws.ID, Header: http.Header{"Authorization": {"Bearer " + form}}}
						if a, err := w.Send(req); err == nil { // some cannot even stand in a header
							tried++
							if a.Status != http.StatusUnauthorized && a.Status != http.StatusBadRequest {
								t.Errorf("%s.%s is a credential: %d", table, columns[i], a.Status)
							}
						}
					}
				}
			}
			w.Must(rows.Err())
			w.Must(rows.Close())
		}
		if tried < 50 {
			t.Errorf("only %d values were tried", tried)
		}

		// With the digest that one can make without the key, and with one of another row.
		forged := credential.Mint(credential.PersonalAccessToken, false)
		p, err := credential.Parse(forged.Reveal())
		w.Must(err)
		plain := sha256.Sum256([]byte(forged.Reveal()))
		for name, set := range map[string]signed.Set{"its plain hash": {"short_token": p.Short, "digest": plain[:]},
			"another's digest": {"short_token": p.Short}} {
			w.Rewrite(grant.Credentials, set, `credential_id = ?`, patID)
			if works(w, forged.Reveal(), ws.ID) {
				t.Errorf("a forged row with %s opens a workspace", name)
			}
		}
	})
}
