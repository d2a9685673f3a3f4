package things

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
)

// EventsView is the event log of a workspace, the latest first.
type EventsView struct {
	frame.Page
	Rows       []EventRow
	Types      []string // all that there are, to choose from
	Type       string   // chosen; empty: all
	DeviceID   string
	Since      string // yyyy-mm-ddThh:mm, UTC; empty: any time
	Until      string
	Filtered   bool
	Errors     frame.FormErrors
	Pagination frame.Pagination
}

// EventRow is one event in the log.
type EventRow struct {
	ID      string
	URL     string
	Type    string
	At      time.Time
	Device  frame.Link   // no text: it is about none; no address: the device is gone
	About   []frame.Link // what else it is about
	Details string       // what the event says in words; may be empty
	JSON    string       // indented
}

// EventView is the page of one event.
type EventView struct {
	frame.Page
	Event   EventRow
	BackURL string
}

const eventsPerPage = 50

// eventRows shows events, with the names that their devices have now.
func (q *request) eventRows(docs []rpc.Doc[event.Record]) ([]EventRow, error) {
	rows, ids := make([]EventRow, len(docs)), make([]string, len(docs))
	for i, doc := range docs {
		var e struct {
			event.Record
			Description string `json:"event_description"`
		}
		if err := json.Unmarshal(doc, &e); err != nil {
			return nil, err
		}
		rows[i] = EventRow{ID: e.EventID, URL: frame.WorkspacePath(q.Current.ID, "events", e.EventID), Type: e.EventType, At: e.OccurredAt.Time,
			Details: e.Description, JSON: indented(doc)}
		if ids[i] = e.DeviceID; e.ConnectedAccountID != "" {
			rows[i].About = append(rows[i].About, frame.Link{Text: "Account", URL: q.accountsAt(e.ConnectedAccountID)})
		}
	}
	names, err := q.Devices.Names(q.Context(), q.Current.ID, ids)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if name, ok := names[id]; ok {
			rows[i].Device = frame.Link{Text: name, URL: frame.WorkspacePath(q.Current.ID, "devices", id)}
		} else if id != "" {
			rows[i].Device = frame.Link{Text: "Deleted device"}
		}
	}
	return rows, nil
}

func indented(doc []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, doc, "", "  "); err != nil {
		return string(doc)
	}
	return b.String()
}

func (q *request) events() error {
	query := q.R.URL.Query()
	v := &EventsView{Page: q.Base(frame.AreaWorkspace, frame.NavEvents, "Events"), Types: event.Type("").Enum(),
		Type: query.Get("event_type"), DeviceID: strings.TrimSpace(query.Get("device_id")),
		Since: query.Get("since"), Until: query.Get("until"), Errors: frame.FormErrors{}}
	v.Filtered = v.Type != "" || v.DeviceID != "" || v.Since != "" || v.Until != ""
	trail := frame.ReadTrail(query)
	f := event.Filter{Type: event.Type(v.Type), DeviceID: v.DeviceID, From: trail.From(), Limit: eventsPerPage}
	for _, at := range []struct {
		name, text string
		to         *time.Time
	}{{"since", v.Since, &f.Since}, {"until", v.Until, &f.Until}} {
		if at.text == "" {
			continue
		}
		var err error
		if *at.to, err = time.Parse(frame.InputTime, at.text); err != nil {
			v.Errors[at.name] = "Enter a date and time."
		}
	}
	var page rpc.Page[event.Record]
	if len(v.Errors) == 0 {
		var err error
		if page, err = q.Events.Find(q.Context(), q.Current.ID, f); err != nil {
			return err
		}
		if v.Rows, err = q.eventRows(page.Items); err != nil {
			return err
		}
	}
	v.Pagination = trail.Pagination(frame.WorkspacePath(q.Current.ID, "events"), page.HasNext, page.Next, "event_type", v.Type,
		"device_id", v.DeviceID, "since", v.Since, "until", v.Until)
	return q.Show(v)
}

func (q *request) event() error {
	page, err := q.Events.Find(q.Context(), q.Current.ID, event.Filter{ID: q.R.PathValue("event"), Limit: 1})
	if err != nil {
		return err
	}
	if len(page.Items) == 0 {
		return fault.Missing(fault.EventNotFound)
	}
	rows, err := q.eventRows(page.Items)
	if err != nil {
		return err
	}
	return q.Show(&EventView{Page: q.Base(frame.AreaWorkspace, frame.NavEvents, rows[0].Type), Event: rows[0],
		BackURL: frame.WorkspacePath(q.Current.ID, "events")})
}
