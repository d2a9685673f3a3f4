package accesscode

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// TimelineEvent is something that happened to a code, as its timeline shows it.
type TimelineEvent struct {
	ID          string                     `json:"timeline_event_id"`
	Type        string                     `json:"event_type"`
	OccurredAt  json.RawMessage            `json:"occurred_at"`
	Description string                     `json:"description"`
	Actor       json.RawMessage            `json:"actor"`
	Details     struct{}                   `json:"details"` // the contract has only whole access codes in it; the event has the rest
	Related     map[string]json.RawMessage `json:"related_resource_ids"`
}

type timeline struct {
	rpc.Fields
	Events     []TimelineEvent `json:"timeline_events"`
	Pagination struct {
		HasMore bool    `json:"has_more"`
		Next    *string `json:"next_cursor"`
		Prev    *string `json:"prev_cursor"`
	} `json:"pagination"`
}

// timelineType is a type of event that timelines are about.
type timelineType string

// Enum lists the types of the contract. Those of programming are left out: what came of it is in it.
func (timelineType) Enum() []string {
	out := []string{"internal.access_code.programming_started", "internal.access_code.programming_finished"}
	for _, t := range event.Type("").Enum() {
		if strings.HasPrefix(t, "access_code.") {
			out = append(out, t)
		}
	}
	return out
}

type timelineInput struct {
	ID     string                  `json:"access_code_id" rule:"required" doc:"ID of the access code."`
	After  rpc.Opt[time.Time]      `json:"after" doc:"Only what happened after this time; next_cursor of the page before, for the next page."`
	Before rpc.Opt[time.Time]      `json:"before" doc:"Only what happened before this time."`
	Types  rpc.Opt[[]timelineType] `json:"event_types" rule:"max=100" doc:"Only events of these types."`
	Limit  rpc.Opt[int]            `json:"limit" rule:"min=1,max=200" doc:"How many events; 50 unless given. Those of one moment are not parted, so there may be a few more."`
}

// mostAtOnce bounds how many events of one code occur at the same moment.
const mostAtOnce = 200

// maxTimeline is how many events of a timeline are on one page.
const maxTimeline = 200

// getTimeline lists what happened to a code, also to one that is gone. It returns
// access_code_not_found.
func (c *Codes) getTimeline(ctx context.Context, in timelineInput) (out timeline, err error) {
	p := credential.From(ctx)
	const from = ` FROM event_refs r JOIN events e ON e.workspace_id = r.workspace_id AND e.event_id = r.event_id`
	w := c.DB.Where()
	w.Add("r.workspace_id = ?", p.WorkspaceID)
	w.Add("r.name = ?", event.AccessCode)
	w.Add("r.resource_id = ?", in.ID)
	w.Add("r.actor IS NOT NULL")
	p.LimitDevices(w, "e.device_id")
	var there bool
	if err := c.DB.QueryRow(ctx, `SELECT EXISTS (SELECT 1`+from+w.String()+`)`, w.Args...).Scan(&there); err != nil {
		return out, err
	} else if !there {
		return out, fault.Missing(fault.AccessCodeNotFound)
	}
	if in.After.Set {
		w.Add("r.occurred_at > ?", store.Micros(in.After.Value))
	}
	if in.Before.Set {
		w.Add("r.occurred_at < ?", store.Micros(in.Before.Value))
	}
	if in.Types.Set {
		w.AddIn("e.event_type", store.Strings(in.Types.Value))
	}
	limit := in.Limit.Or(50)
	w.Args = append(w.Args, limit+mostAtOnce)
	var times []int64
	rows, err := c.DB.Query(ctx, `SELECT r.event_id, r.occurred_at, r.actor, e.doc, e.secret`+from+w.String()+
		` ORDER BY r.occurred_at, r.event_id LIMIT `+store.Mark(len(w.Args)), w.Args...)
	out.Events, err = store.All(rows, err, func(rows *sql.Rows) (e TimelineEvent, err error) {
		var actor, doc, secret []byte
		var at int64
		if err := rows.Scan(&e.ID, &at, &actor, &doc, &secret); err != nil {
			return e, err
		}
		times, e.Actor = append(times, at), actor
		full, err := c.Events.Serve(p.WorkspaceID, e.ID, doc, secret)
		if err != nil {
			return e, err
		}
		return e, e.fill(full)
	})
	if err != nil {
		return out, err
	}
	end := limit
	for end < len(times) && times[end] == times[limit-1] {
		end++
	}
	if end < len(times) {
		out.Events = out.Events[:end]
		last := store.Time(times[end-1]).Format(time.RFC3339Nano)
		out.Pagination.HasMore, out.Pagination.Next = true, &last
	}
	if out.Events == nil {
		out.Events = []TimelineEvent{}
	}
	return out, nil
}

// fill takes over what an event says.
func (e *TimelineEvent) fill(doc []byte) error {
	var event map[string]json.RawMessage
	if err := json.Unmarshal(doc, &event); err != nil {
		return err
	}
	if err := json.Unmarshal(event["event_type"], &e.Type); err != nil {
		return err
	}
	e.OccurredAt = event["occurred_at"]
	e.Description = "Access code: " + strings.NewReplacer("access_code.", "", "_", " ", ".", " ").Replace(e.Type)
	e.Related = map[string]json.RawMessage{}
	for _, name := range []string{"event_id", "device_id", "connected_account_id"} {
		if v := event[name]; v != nil {
			e.Related[name] = v
		}
	}
	return nil
}
