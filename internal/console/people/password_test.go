package people

import (
	"strings"
	"testing"

	"keyway/internal/trust/identity"
)

// TestMinPassword checks the words beside the fields against the rule.
func TestMinPassword(t *testing.T) {
	t.Parallel()
	if identity.CheckPassword(strings.Repeat("x", minPassword-1)) == nil || identity.CheckPassword(strings.Repeat("x", minPassword)) != nil {
		t.Errorf("a password needs another length than %d", minPassword)
	}
}
