package label_test

import (
	"strings"
	"testing"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/label"
)

// A kind of fault: a name that shows nothing is taken for a name, and things cannot be distinguished.
func TestNamesThatShowNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", " ", "\t\n", "\u00a0", "\u200b\u200d", "\ufeff", "\u2060", "\u3164", "\u202e \u202c", "\u00ad",
		"\u2800\u2800", "\u0301", "\ufe0f", "\U000e0020"} {
		if label.Clean(name) != "" || !fault.Is(label.Check("name", name, 10), fault.InvalidInput) {
			t.Errorf("%+q counts as a name", name)
		}
	}
	for name, want := range map[string]string{
		" Anna ": "Anna", "\ufeffAnna": "Anna", "A\u030a": "\u00c5", "Zo\u00eb": "Zo\u00eb", "\u2764\ufe0f": "\u2764\ufe0f",
		"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "1": "1",
	} {
		if got := label.Clean(name); got != want {
			t.Errorf("%+q: %+q", name, got)
		}
		if err := label.Check("name", name, 10); err != nil {
			t.Errorf("%+q: %v", name, err)
		}
	}
	if err := label.Check("name", strings.Repeat("é", 11), 10); !fault.Is(err, fault.InvalidInput) {
		t.Errorf("too long: %v", err)
	}
}
