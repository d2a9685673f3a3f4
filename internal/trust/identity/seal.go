package identity

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"keyway/internal/platform/fault"
)

// handedOut is what a browser keeps for the server between two steps, unread and unchanged.
type handedOut struct {
	Value   json.RawMessage `json:"value"`
	Expires time.Time       `json:"expires"`
}

// errHandedOut is the one answer to a value that is too old, was changed, or was meant for something else.
var errHandedOut = fault.New(fault.InvalidRequest, "This took too long, or was begun for somebody else; begin anew")

// seal hands out a value for a while; place says what for, and for whom.
func (p *People) seal(place string, value any, life time.Duration) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	if text, err = json.Marshal(handedOut{text, p.Now().Add(life)}); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(p.Vault.Seal(place, text)), nil
}

// unseal takes it back; invalid_request for anything other than what was handed out for the place.
func (p *People) unseal(place, text string, value any) error {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return errHandedOut
	}
	opened, err := p.Vault.Open(place, raw)
	if err != nil {
		return errHandedOut
	}
	var h handedOut
	if err := json.Unmarshal(opened, &h); err != nil || !p.Now().Before(h.Expires) {
		return errHandedOut
	}
	return json.Unmarshal(h.Value, value)
}
