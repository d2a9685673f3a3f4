package people

import (
	"strings"
	"testing"

	"keyway/internal/trust/identity"
)

// TestMinPassword holds the words beside the fields to the rule.
func TestMinPassword(t *testing.T) {
	t.Parallel()
	if identity.CheckPassword(strings.Repeat("x", minPassword-1)) == nil || identity.CheckPassword(strings.Repeat("x", minPassword)) != nil {
		t.Errorf("a password needs another length than %d", minPassword)
	}
}
