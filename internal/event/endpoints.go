package event

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"time"

	"keyway/internal/credential"
	"keyway/internal/fault"
	"keyway/internal/rpc"
	"keyway/internal/store"
)

// Endpoints are the rows of /events.
func (l *Log) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/events/get", Summary: "Gets one event, by its id or as the latest of a type at a device.", Allow: rpc.Anyone, Role: rpc.Member, Read: true, Returns: "event", Handle: rpc.Func(l.get)},
		{Path: "/events/list", Summary: "Lists what happened, oldest first, since a time or between two.", Allow: rpc.Anyone, Role: rpc.Member, Read: true, Returns: "events", Handle: rpc.Func(l.list)},
	}
}

type getInput struct {
	EventID   string `json:"event_id" doc:"Which event."`
	EventType string `json:"event_type" doc:"Without event_id: the latest event of this type."`
	DeviceID  string `json:"device_id" doc:"Without event_id: the latest event of this device."`
}

func (l *Log) get(ctx context.Context, in getInput) (rpc.Doc[Record], error) {
	w := l.DB.Where()
	caller := credential.From(ctx)
	w.Add("workspace_id = ?", caller.WorkspaceID)
	caller.LimitAccounts(w, "connected_account_id", "customer_key")
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
	err := l.DB.QueryRow(ctx, `SELECT event_id, doc, secret FROM events`+w.String()+` ORDER BY occurred_at DESC, event_id DESC LIMIT 1`, w.Args...).Scan(&id, &doc, &secret)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.Missing(fault.EventNotFound)
	} else if err != nil {
		return nil, err
	}
	return l.Serve(caller.WorkspaceID, id, doc, secret)
}

type listInput struct {
	Since              rpc.Opt[time.Time]   `json:"since" doc:"Only events that occurred after this time."`
	Between            rpc.Opt[[]time.Time] `json:"between" rule:"min=2,max=2" doc:"Only events that occurred between these two times."`
	EventType          string               `json:"event_type" doc:"Only events of this type."`
	EventTypes         rpc.Opt[[]string]    `json:"event_types" doc:"Only events of these types."`
	EventIDs           rpc.Opt[[]string]    `json:"event_ids" rule:"max=10000" doc:"Only these events."`
	DeviceID           string               `json:"device_id" doc:"Only events of this device."`
	DeviceIDs          rpc.Opt[[]string]    `json:"device_ids" rule:"max=10000" doc:"Only events of these devices."`
	ConnectedAccountID string               `json:"connected_account_id" doc:"Only events of this connected account."`
	CustomerKey        string               `json:"customer_key" doc:"Only events of this customer."`
	Limit              rpc.Opt[int]         `json:"limit" rule:"min=1,max=500" doc:"How many events at the most; 500 unless given."`
	UnstableOffset     rpc.Opt[int]         `json:"unstable_offset" rule:"min=0" doc:"How many events to pass over first."`
	unservedFilters
}

// unservedFilters name resources that no event is about yet, so that whoever asks for their events
// gets none, and not everybody else's.
type unservedFilters struct {
	AccessCodeID     rpc.Opt[string]   `json:"access_code_id" doc:"Only events of this access code."`
	AccessCodeIDs    rpc.Opt[[]string] `json:"access_code_ids" doc:"Only events of these access codes."`
	AccessGrantID    rpc.Opt[string]   `json:"access_grant_id" doc:"Only events of this access grant."`
	AccessGrantIDs   rpc.Opt[[]string] `json:"access_grant_ids" doc:"Only events of these access grants."`
	AccessMethodID   rpc.Opt[string]   `json:"access_method_id" doc:"Only events of this access method."`
	AccessMethodIDs  rpc.Opt[[]string] `json:"access_method_ids" doc:"Only events of these access methods."`
	ACSAccessGroupID rpc.Opt[string]   `json:"acs_access_group_id" doc:"Only events of this access group."`
	ACSCredentialID  rpc.Opt[string]   `json:"acs_credential_id" doc:"Only events of this credential."`
	ACSEncoderID     rpc.Opt[string]   `json:"acs_encoder_id" doc:"Only events of this encoder."`
	ACSEntranceID    rpc.Opt[string]   `json:"acs_entrance_id" doc:"Only events of this entrance."`
	ACSSystemID      rpc.Opt[string]   `json:"acs_system_id" doc:"Only events of this access system."`
	ACSSystemIDs     rpc.Opt[[]string] `json:"acs_system_ids" doc:"Only events of these access systems."`
	ACSUserID        rpc.Opt[string]   `json:"acs_user_id" doc:"Only events of this access system user."`
	ConnectWebviewID rpc.Opt[string]   `json:"connect_webview_id" doc:"Only events of this Connect Webview."`
	SpaceID          rpc.Opt[string]   `json:"space_id" doc:"Only events in this space."`
	SpaceIDs         rpc.Opt[[]string] `json:"space_ids" doc:"Only events in these spaces."`
	UserIdentityID   rpc.Opt[string]   `json:"user_identity_id" doc:"Only events of this user identity."`
}

func (l *Log) list(ctx context.Context, in listInput) ([]rpc.Doc[Record], error) {
	w := l.DB.Where()
	caller := credential.From(ctx)
	w.Add("workspace_id = ?", caller.WorkspaceID)
	caller.LimitAccounts(w, "connected_account_id", "customer_key")
	switch {
	case in.Since.Set == in.Between.Set && !in.EventIDs.Set:
		return nil, fault.InvalidAll([]fault.Issue{{Message: "Must specify either since or between"}})
	case in.Since.Set:
		w.Add("occurred_at > ?", store.Micros(in.Since.Value))
	case in.Between.Set:
		w.Add("occurred_at > ?", store.Micros(in.Between.Value[0]))
		w.Add("occurred_at < ?", store.Micros(in.Between.Value[1]))
	}
	for _, eq := range []struct{ column, value string }{
		{"event_type", in.EventType}, {"device_id", in.DeviceID}, {"connected_account_id", in.ConnectedAccountID}, {"customer_key", in.CustomerKey},
	} {
		if eq.value != "" {
			w.Add(eq.column+" = ?", eq.value)
		}
	}
	for _, any := range []struct {
		column string
		values rpc.Opt[[]string]
	}{{"event_type", in.EventTypes}, {"event_id", in.EventIDs}, {"device_id", in.DeviceIDs}} {
		if any.values.Set {
			w.AddIn(any.column, any.values.Value)
		}
	}
	if !reflect.ValueOf(in.unservedFilters).IsZero() {
		w.AddIn("event_id", nil)
	}
	w.Args = append(w.Args, in.Limit.Or(500), in.UnstableOffset.Or(0))
	n := len(w.Args)
	rows, err := l.DB.Query(ctx, `SELECT event_id, doc, secret FROM events`+w.String()+` ORDER BY occurred_at, event_id LIMIT `+store.Mark(n-1)+` OFFSET `+store.Mark(n), w.Args...)
	out, err := store.All(rows, err, func(rows *sql.Rows) (rpc.Doc[Record], error) {
		var id string
		var doc, secret []byte
		if err := rows.Scan(&id, &doc, &secret); err != nil {
			return nil, err
		}
		return l.Serve(caller.WorkspaceID, id, doc, secret)
	})
	if out == nil {
		out = []rpc.Doc[Record]{}
	}
	return out, err
}
