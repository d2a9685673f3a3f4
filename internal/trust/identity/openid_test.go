package identity_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/identity"
)

// openIDProvider answers as a provider whose ID tokens have the claims given, beside the usual ones.
func openIDProvider(t *testing.T, claims func() jwt.MapClaims) *identity.OpenID {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	answer := func(path string, body func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(body()); err != nil {
				t.Error(err)
			}
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		return map[string]any{"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
			"jwks_uri":                              s.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}}
	})
	answer("/keys", func() any {
		enc := base64.RawURLEncoding.EncodeToString
		return map[string]any{"keys": []any{map[string]any{"kty": "RSA", "kid": "k", "alg": "RS256", "use": "sig", "n": enc(key.N.Bytes()),
			"e": enc(big.NewInt(int64(key.E)).Bytes())}}}
	})
	answer("/token", func() any { // it exchanges a code as often as it is asked to
		c := jwt.MapClaims{"iss": s.URL, "sub": "subject", "aud": "keyway", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
			"email": "a@example.com"}
		for name, v := range claims() {
			c[name] = v
		}
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
		token.Header["kid"] = "k"
		text, err := token.SignedString(key)
		if err != nil {
			t.Error(err)
		}
		return map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": text}
	})
	return &identity.OpenID{Issuer: s.URL, ClientID: "keyway", ClientSecret: vault.Hide("secret"), Label: "Test",
		RedirectURL: "http://localhost/back", Client: s.Client()}
}

// A kind of fault: an answer from elsewhere is taken twice, or one that was made for another client.
func TestOpenIDAnswers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		v, err := vault.Create(filepath.Join(t.TempDir(), "keys"))
		if err != nil {
			t.Fatal(err)
		}
		var more jwt.MapClaims
		provider := openIDProvider(t, func() jwt.MapClaims { return more })
		// Two servers over one database.
		people := [2]*identity.People{}
		for i := range people {
			people[i] = &identity.People{DB: db, Vault: v, OpenID: provider, Now: time.Now}
		}
		begin := func(claims jwt.MapClaims) (kept, state string) {
			at, kept, err := people[0].BeginOpenID(t.Context(), identity.OpenIDAim{})
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			more = claims
			more["nonce"] = u.Query().Get("nonce")
			return kept, u.Query().Get("state")
		}
		for name, claims := range map[string]jwt.MapClaims{
			"azp of another client":       {"azp": "other"},
			"two audiences, azp is other": {"aud": []string{"keyway", "other"}, "azp": "other"},
			"two audiences, no azp":       {"aud": []string{"keyway", "other"}},
			"another audience":            {"aud": "other"},
		} {
			kept, state := begin(claims)
			if _, _, err := people[0].FinishOpenID(t.Context(), kept, state, "code"); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, claims := range map[string]jwt.MapClaims{"plain": {}, "azp": {"azp": "keyway"},
			"two audiences": {"aud": []string{"keyway", "other"}, "azp": "keyway"}} {
			kept, state := begin(claims)
			if c, _, err := people[0].FinishOpenID(t.Context(), kept, state, "code"); err != nil || c.Subject != "subject" {
				t.Errorf("%s: %+v, %v", name, c, err)
			}
			for _, p := range people {
				if _, _, err := p.FinishOpenID(t.Context(), kept, state, "code"); !fault.Is(err, fault.Unauthorized) {
					t.Errorf("%s, a second time: %v", name, err)
				}
			}
		}
	})
}
