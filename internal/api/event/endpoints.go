package event

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of /events.
func (l *Log) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/events/get", Summary: "Gets one event, by its id or as the latest of a type at a device.", Allow: rpc.Anyone, Role: rpc.Member,
			ByDevice: true, Read: true, Returns: "event", Secret: true, Handle: rpc.Func(l.get)},
		{Path: "/events/list", Summary: "Lists what happened, oldest first, since a time or between two.", Allow: rpc.Anyone, Role: rpc.Member,
			ByDevice: true, Read: true, Returns: "events", Secret: true, Handle: rpc.Func(l.list)},
		{Path: "/keyway/v1/events/stream", Summary: "Sends events as they happen, as server-sent events; Last-Event-ID resumes behind an event.",
			Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Read: true, Handle: rpc.StreamFunc(l.stream)},
	}
}

type getInput struct {
	EventID   string `json:"event_id" doc:"ID of the event."`
	EventType string `json:"event_type" doc:"Without event_id: the latest event of this type."`
	DeviceID  string `json:"device_id" doc:"Without event_id: the latest event of this device."`
}

func (l *Log) get(ctx context.Context, in getInput) (rpc.Doc[Record], error) {
	w := l.DB.Where()
	caller := credential.From(ctx)
	w.Add("workspace_id = ?", caller.WorkspaceID)
	caller.Limit(w, "device_id", "connected_account_id", "customer_key")
	switch {
	case in.EventID != "":
		w.Add("event_id = ?", in.EventID)
	case in.EventType == "" && in.DeviceID == "":
		return nil, fault.Invalid("event_id", "Required")
	}
	if in.EventType != "" {
		w.Add("event_type = ?", in.EventType)
	}
	if in.DeviceID != "" {
		w.Add("device_id = ?", in.DeviceID)
	}
	var id string
	var doc, secret []byte
	err := l.DB.QueryRow(ctx, `SELECT event_id, doc, secret FROM events`+w.String()+` ORDER BY occurred_at DESC, event_id DESC LIMIT 1`,
		w.Args...).Scan(&id, &doc, &secret)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.Missing(fault.EventNotFound)
	} else if err != nil {
		return nil, err
	}
	return l.Serve(caller.WorkspaceID, id, doc, secret)
}

// filter is which events a list or a stream has.
type filter struct {
	EventType          Type              `json:"event_type" doc:"Only events of this type."`
	EventTypes         rpc.Opt[[]Type]   `json:"event_types" doc:"Only events of these types."`
	EventIDs           rpc.Opt[[]string] `json:"event_ids" rule:"max=10000" doc:"Only these events."`
	DeviceID           string            `json:"device_id" doc:"Only events of this device."`
	DeviceIDs          rpc.Opt[[]string] `json:"device_ids" rule:"max=10000" doc:"Only events of these devices."`
	ConnectedAccountID string            `json:"connected_account_id" doc:"Only events of this connected account."`
	CustomerKey        string            `json:"customer_key" doc:"Only events of this customer."`
	AccessCodeID       string            `json:"access_code_id" doc:"Only events of this access code."`
	AccessCodeIDs      rpc.Opt[[]string] `json:"access_code_ids" rule:"max=10000" doc:"Only events of these access codes."`
	AccessGrantID      string            `json:"access_grant_id" doc:"Only events of this access grant."`
	AccessGrantIDs     rpc.Opt[[]string] `json:"access_grant_ids" rule:"max=10000" doc:"Only events of these access grants."`
	AccessMethodID     string            `json:"access_method_id" doc:"Only events of this access method."`
	AccessMethodIDs    rpc.Opt[[]string] `json:"access_method_ids" rule:"max=10000" doc:"Only events of these access methods."`
	ACSAccessGroupID   string            `json:"acs_access_group_id" doc:"Only events of this access group."`
	ACSCredentialID    string            `json:"acs_credential_id" doc:"Only events of this credential of an access system."`
	ACSEncoderID       string            `json:"acs_encoder_id" doc:"Only events of this encoder."`
	ACSEntranceID      string            `json:"acs_entrance_id" doc:"Only events of this entrance."`
	ACSSystemID        string            `json:"acs_system_id" doc:"Only events of this access system."`
	ACSSystemIDs       rpc.Opt[[]string] `json:"acs_system_ids" rule:"max=10000" doc:"Only events of these access systems."`
	ACSUserID          string            `json:"acs_user_id" doc:"Only events of this user of an access system."`
	ConnectWebviewID   string            `json:"connect_webview_id" doc:"Only events of this Connect Webview."`
	SpaceID            string            `json:"space_id" doc:"Only events of this space."`
	SpaceIDs           rpc.Opt[[]string] `json:"space_ids" rule:"max=100" doc:"Only events of these spaces."`
	UserIdentityID     string            `json:"user_identity_id" doc:"Only events of this user identity."`
}

// columns adds the conditions on an event's own columns.
func (f *filter) columns(w *store.Where) {
	for _, eq := range []struct{ column, value string }{
		{"event_type", string(f.EventType)}, {"device_id", f.DeviceID}, {"connected_account_id", f.ConnectedAccountID},
	} {
		if eq.value != "" {
			w.AddEqual(eq.column, eq.value)
		}
	}
	if f.EventTypes.Set {
		w.AddIn("event_type", store.Strings(f.EventTypes.Value))
	}
	if f.EventIDs.Set {
		w.AddIn("event_id", f.EventIDs.Value)
	}
	if f.DeviceIDs.Set {
		w.AddIn("device_id", f.DeviceIDs.Value)
	}
}

// refs are the conditions on what else an event is about.
func (f *filter) refs() []condition {
	var out []condition
	for _, one := range []struct{ name, id string }{
		{"customer_key", f.CustomerKey}, {"access_code_id", f.AccessCodeID}, {"access_grant_id", f.AccessGrantID},
		{"access_method_id", f.AccessMethodID}, {"acs_access_group_id", f.ACSAccessGroupID}, {"acs_credential_id", f.ACSCredentialID},
		{"acs_encoder_id", f.ACSEncoderID}, {"acs_entrance_id", f.ACSEntranceID}, {"acs_system_id", f.ACSSystemID}, {"acs_user_id", f.ACSUserID},
		{"connect_webview_id", f.ConnectWebviewID}, {"space_id", f.SpaceID}, {"user_identity_id", f.UserIdentityID},
	} {
		if one.id != "" {
			out = append(out, condition{one.name, []string{one.id}})
		}
	}
	for _, many := range []struct {
		name string
		ids  rpc.Opt[[]string]
	}{
		{"access_code_id", f.AccessCodeIDs}, {"access_grant_id", f.AccessGrantIDs}, {"access_method_id", f.AccessMethodIDs},
		{"acs_system_id", f.ACSSystemIDs}, {"space_id", f.SpaceIDs},
	} {
		if many.ids.Set {
			out = append(out, condition{many.name, many.ids.Value})
		}
	}
	return out
}

// condition is that one of the ids under a name is one of these.
type condition struct {
	name string
	ids  []string
}

type listInput struct {
	filter
	Since          rpc.Opt[time.Time]   `json:"since" doc:"Only events that occurred after this time."`
	Between        rpc.Opt[[]time.Time] `json:"between" rule:"min=2,max=2" doc:"Only events that occurred between these two times."`
	Limit          rpc.Opt[int]         `json:"limit" rule:"min=1,max=500" doc:"Maximum number of events; 500 unless given."`
	UnstableOffset rpc.Opt[int]         `json:"unstable_offset" rule:"min=0" doc:"How many events to pass over first."`
}

// when adds the condition on the time.
func (in *listInput) when(w *store.Where) {
	switch {
	case in.Since.Set:
		w.Add("occurred_at > ?", store.Micros(in.Since.Value))
	case in.Between.Set:
		w.Add("occurred_at > ?", store.Micros(in.Between.Value[0]))
		w.Add("occurred_at < ?", store.Micros(in.Between.Value[1]))
	}
}

func (l *Log) list(ctx context.Context, in listInput) ([]rpc.Doc[Record], error) {
	if in.Since.Set == in.Between.Set && !in.EventIDs.Set {
		return nil, fault.InvalidAll([]fault.Issue{{Message: "Must specify either since or between"}})
	}
	if b := in.Between.Value; in.Between.Set && b[1].Before(b[0]) {
		return nil, fault.Invalid("between", "The second time must not be before the first")
	}
	w := l.DB.Where()
	caller := credential.From(ctx)
	w.Add("workspace_id = ?", caller.WorkspaceID)
	caller.Limit(w, "device_id", "connected_account_id", "customer_key")
	in.when(w)
	in.columns(w)
	credential.NoteDevice(ctx, in.DeviceID)
	for _, c := range in.refs() {
		// Bounded by the same time, so that a resource with a long history costs no more than others.
		about := l.DB.Where()
		about.Add("workspace_id = ?", caller.WorkspaceID)
		about.Add("name = ?", c.name)
		about.AddIn("resource_id", c.ids)
		in.when(about)
		w.AddReferences("event_id", "event_refs", "event_id", "occurred_at", about, len(c.ids) == 1)
	}
	found, _, err := store.ReadPage(ctx, l.DB, w, store.Paging{Table: "events", Columns: "event_id, doc, secret", Time: "occurred_at",
		ID: "event_id", Limit: in.Limit.Or(500), Offset: in.UnstableOffset.Or(0), IsWhole: true},
		func(rows *sql.Rows) (rpc.Doc[Record], error) {
			var id string
			var doc, secret []byte
			if err := rows.Scan(&id, &doc, &secret); err != nil {
				return nil, err
			}
			return l.Serve(caller.WorkspaceID, id, doc, secret)
		})
	return found[:min(len(found), in.Limit.Or(500))], err
}
