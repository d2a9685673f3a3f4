package accesscode

import (
	"testing"
	"time"

	"keyway/internal/provider"
)

// A code says in words where it is in its life, whatever stage that is; nothing is left without a word.
func TestLife(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	later, sooner := now.Add(24*time.Hour), now.Add(-24*time.Hour)
	on := &held{PIN: "1234", Name: "Guest"}
	for want, s := range map[string]state{
		"Issuing":    {PIN: "1234", Name: "Guest"},
		"Active":     {PIN: "1234", Name: "Guest", Held: on},
		"Upcoming":   {PIN: "1234", Name: "Guest", StartsAt: later, EndsAt: later.Add(time.Hour)},
		"Expired":    {PIN: "1234", Name: "Guest", StartsAt: sooner, EndsAt: sooner.Add(time.Hour), Held: on},
		"Deleting":   {PIN: "1234", Name: "Guest", Held: on, Deleting: true},
		"Not active": {PIN: "1234", Name: "Guest", LetGo: true},
	} {
		r := row{managed: true, state: s}
		if got := r.life(now, provider.CodeTraits{}, false); got != want {
			t.Errorf("%+v is %s, want %s", s, got, want)
		}
		if got := r.life(now, provider.CodeTraits{}, true); got != "Unknown" {
			t.Errorf("of a disconnected account it is %s", got)
		}
		if s.Held == nil {
			continue
		}
		if got := (&row{state: s}).lifeOfOthers(now); got != want {
			t.Errorf("of others it is %s, want %s", got, want)
		}
	}
}
