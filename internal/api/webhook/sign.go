package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
)

const (
	secretPrefix = "whsec_"
	overlap      = 24 * time.Hour // how long an old secret signs beside a new one
	mostSecrets  = 5              // that sign at once, however often one rotates
)

// secret is what receivers know signatures by.
type secret struct {
	Text  string `json:"text"`
	Until int64  `json:"until,omitempty"` // when an old one stops signing
}

func newSecret() secret {
	b := make([]byte, 24)
	rand.Read(b)
	return secret{Text: secretPrefix + base64.StdEncoding.EncodeToString(b)}
}

// rotate puts a new secret in front of those that still sign.
func rotate(secrets []secret, now time.Time) []secret {
	out := []secret{newSecret(), {secrets[0].Text, store.Micros(now.Add(overlap))}}
	for _, old := range secrets[1:] {
		if store.Micros(now) < old.Until && len(out) < mostSecrets {
			out = append(out, old)
		}
	}
	return out
}

// Sealed are the columns of this room that contain secrets.
func Sealed() []vault.Column {
	return []vault.Column{
		{What: "webhook secrets", Table: "webhooks", Name: "secrets", Key: []string{"workspace_id", "webhook_id"},
			Place: func(key []string) string {
				return place(key[0], key[1])
			}},
		{What: "answers to webhooks", Table: "webhook_attempts", Name: "response", Key: []string{"workspace_id", "webhook_attempt_id"},
			Place: func(key []string) string {
				return attemptPlace(key[0], key[1])
			}},
	}
}

func place(workspaceID, id string) string { return "webhooks/" + workspaceID + "/" + id + "/secrets" }

func (w *Webhooks) seal(workspaceID, id string, secrets []secret) ([]byte, error) {
	text, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	return w.Vault.Seal(place(workspaceID, id), text), nil
}

func (w *Webhooks) open(workspaceID, id string, sealed []byte) (secrets []secret, err error) {
	text, err := w.Vault.Open(place(workspaceID, id), sealed)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &secrets); err != nil || len(secrets) == 0 {
		return nil, fmt.Errorf("webhook %s has no secret", id)
	}
	return secrets, nil
}

// sign puts the headers of a message on a request: Svix's scheme, with one signature for each secret
// that is in force.
func sign(h http.Header, secrets []secret, id string, now time.Time, body []byte) error {
	at := strconv.FormatInt(now.Unix(), 10)
	var signatures []string
	for i, s := range secrets {
		if i > 0 && store.Micros(now) >= s.Until {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Text, secretPrefix))
		if err != nil {
			return fmt.Errorf("a webhook's secret is not base64")
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	h.Set("Svix-Id", id)
	h.Set("Svix-Timestamp", at)
	h.Set("Svix-Signature", strings.Join(signatures, " "))
	return nil
}
