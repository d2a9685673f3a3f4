package settings

import (
	"time"

	"keyway/internal/console/frame"
	"keyway/internal/platform/clock"
	"keyway/internal/platform/fault"
)

// advanceClock moves the clock of a sandbox workspace: by a number of hours, or until a time.
func (q *request) advanceClock() error {
	here := frame.LocalPath(q.Form("here"))
	ahead, err := clock.Offset(q.Context(), q.DB, q.Current.ID)
	if err != nil {
		return err
	}
	var by time.Duration
	switch q.Form("by") {
	case "hour":
		by = time.Hour
	case "day":
		by = 24 * time.Hour
	default:
		until, err := time.Parse(frame.InputTime, q.Form("until"))
		if err != nil {
			return q.Refused(here, fault.Invalid("until", "Choose a time to move the clock to"))
		}
		if by = until.Sub(q.Now().Add(ahead)); by <= 0 {
			return q.Refused(here, fault.Invalid("until", "The clock can only be moved forward"))
		}
	}
	now, err := q.Simulate.AdvanceTime(q.Context(), q.Current.ID, by, q.Principal().Actor())
	if err != nil {
		return q.Refused(here, err)
	}
	return q.Done(here, "In this workspace it’s now %s. Everything due by then has happened.", now.Now.UTC().Format("2 Jan 2006, 15:04 UTC"))
}
