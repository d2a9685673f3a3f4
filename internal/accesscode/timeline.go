package accesscode

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"keyway/internal/credential"
	"keyway/internal/fault"
	"keyway/internal/rpc"
	"keyway/internal/store"
)

// TimelineEvent is something that happened to a code, as its timeline tells.
type TimelineEvent struct {
	ID          string                     `json:"timeline_event_id"`
	Type        string                     `json:"event_type"`
	OccurredAt  json.RawMessage            `json:"occurred_at"`
	Description string                     `json:"description"`
	Actor       json.RawMessage            `json:"actor"`
	Details     struct{}                   `json:"details"` // the contract has only whole access codes in it; the event tells the rest
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

type timelineInput struct {
	ID     string             `json:"access_code_id" rule:"required" doc:"Which access code."`
	After  rpc.Opt[time.Time] `json:"after" doc:"Only what happened after this time."`
	Before rpc.Opt[time.Time] `json:"before" doc:"Only what happened before this time."`
	Types  rpc.Opt[[]string]  `json:"event_types" rule:"max=100" doc:"Only events of these types."`
	Limit  rpc.Opt[int]       `json:"limit" rule:"min=1,max=200" doc:"How many events at the most; 50 unless given."`
}

// mostTimeline is how many events of a timeline are told at once.
const mostTimeline = 200

// getTimeline tells what happened to a code, also to one that is gone. It returns
// access_code_not_found.
func (c *Codes) getTimeline(ctx context.Context, in timelineInput) (out timeline, err error) {
	p := credential.From(ctx)
	reach := c.DB.Where()
	reach.Add("workspace_id = ?", p.WorkspaceID)
	reach.Add("access_code_id = ?", in.ID)
	p.LimitDevices(reach, "device_id")
	var there bool
	if err := c.DB.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM access_code_timeline`+reach.String()+`)`, reach.Args...).Scan(&there); err != nil {
		return out, err
	} else if !there {
		return out, fault.Missing(fault.AccessCodeNotFound)
	}
	w := c.DB.Where()
	w.Add("t.workspace_id = ?", p.WorkspaceID)
	w.Add("t.access_code_id = ?", in.ID)
	if in.After.Set {
		w.Add("t.occurred_at > ?", store.Micros(in.After.Value))
	}
	if in.Before.Set {
		w.Add("t.occurred_at < ?", store.Micros(in.Before.Value))
	}
	if in.Types.Set {
		w.AddIn("e.event_type", in.Types.Value)
	}
	limit := in.Limit.Or(50)
	w.Args = append(w.Args, limit+1)
	rows, err := c.DB.Query(ctx, `SELECT t.event_id, t.actor, e.doc, e.secret FROM access_code_timeline t
		JOIN events e ON e.workspace_id = t.workspace_id AND e.event_id = t.event_id`+w.String()+` ORDER BY t.occurred_at, t.event_id LIMIT `+store.Mark(len(w.Args)), w.Args...)
	out.Events, err = store.All(rows, err, func(rows *sql.Rows) (e TimelineEvent, err error) {
		var actor, doc, secret []byte
		if err := rows.Scan(&e.ID, &actor, &doc, &secret); err != nil {
			return e, err
		}
		e.Actor = actor
		full, err := c.Events.Serve(p.WorkspaceID, e.ID, doc, secret)
		if err != nil {
			return e, err
		}
		return e, e.fill(full)
	})
	if err != nil {
		return out, err
	}
	if len(out.Events) > limit {
		out.Events = out.Events[:limit]
		last := strings.Trim(string(out.Events[limit-1].OccurredAt), `"`)
		out.Pagination.HasMore, out.Pagination.Next = true, &last
	}
	if out.Events == nil {
		out.Events = []TimelineEvent{}
	}
	return out, nil
}

// fill takes over what an event tells.
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
