package webhook

import (
	"context"

	"keyway/internal/api/event"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of /webhooks.
func (w *Webhooks) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/webhooks/create", Summary: "Makes a webhook, which is sent events as they happen.", Allow: rpc.Backend, Role: rpc.Admin,
			Fresh: true, ByDevice: true, Returns: "webhook", Secret: true, Handle: rpc.Func(w.createEndpoint)},
		{Path: "/webhooks/delete", Summary: "Deletes a webhook; pending deliveries are dropped.", Allow: rpc.Backend, Role: rpc.Admin,
			ByDevice: true, Verbs: "DELETE", Handle: rpc.Func(w.deleteEndpoint)},
		{Path: "/webhooks/get", Summary: "Gets one webhook.", Allow: rpc.Backend, Role: rpc.Member, ByDevice: true, Read: true,
			Returns: "webhook", Secret: true, Handle: rpc.Func(w.getEndpoint)},
		{Path: "/webhooks/list", Summary: "Lists the workspace's webhooks.", Allow: rpc.Backend, Role: rpc.Member, ByDevice: true, Read: true,
			Returns: "webhooks", Secret: true, Handle: rpc.Func(w.listEndpoint)},
		{Path: "/webhooks/update", Summary: "Changes which events a webhook is sent.", Allow: rpc.Backend, Role: rpc.Admin, ByDevice: true,
			Verbs: "PUT", Handle: rpc.Func(w.updateEndpoint)},
		{Path: "/keyway/v1/webhooks/enable", Summary: "Lets a webhook that was disabled after days of failure be delivered to again.",
			Allow: rpc.Backend, Role: rpc.Admin, ByDevice: true, Handle: rpc.Func(w.enableEndpoint)},
		{Path: "/keyway/v1/webhooks/get_status", Summary: "Returns the status of a webhook.", Allow: rpc.Backend,
			Role: rpc.Member, ByDevice: true, Read: true, Returns: "webhook_status", Handle: rpc.Func(w.statusEndpoint)},
		{Path: "/keyway/v1/webhooks/list_attempts", Summary: "Lists the attempts to deliver to a webhook, newest first.",
			Allow: rpc.Backend, Role: rpc.Member, ByDevice: true, Read: true, Returns: "webhook_attempts", PageSize: 500,
			Handle: rpc.Func(w.attemptsEndpoint)},
		{Path: "/keyway/v1/webhooks/resend", Summary: "Delivers the event of an attempt once more, under the same id.",
			Allow: rpc.Backend, Role: rpc.Admin, ByDevice: true, Returns: "webhook_delivery",
			Handle: rpc.Func(w.resendEndpoint)},
		{Path: "/keyway/v1/webhooks/rotate_secret",
			Summary: "Gives a webhook a new secret; for a day deliveries are signed with the old one too.", Allow: rpc.Backend,
			Role: rpc.Admin, Fresh: true, ByDevice: true, Returns: "webhook", Secret: true, Handle: rpc.Func(w.rotateEndpoint)},
		{Path: "/keyway/v1/webhooks/send_test", Summary: "Sends a webhook an event that has not happened.",
			Allow: rpc.Backend, Role: rpc.Admin, ByDevice: true, Returns: "webhook_delivery", Handle: rpc.Func(w.testEndpoint)},
	}
}

type createInput struct {
	URL        string            `json:"url" rule:"required" doc:"Where to send events; an address on the public internet, unless the operator allows others."`
	EventTypes rpc.Opt[[]string] `json:"event_types" rule:"max=500" doc:"Which types of events to send; all unless given, as with *."`
}

func (w *Webhooks) createEndpoint(ctx context.Context, in createInput) (Webhook, error) {
	p := credential.From(ctx)
	return w.Create(ctx, p.WorkspaceID, p.IsSandbox, in.URL, in.EventTypes.Or([]string{allTypes}), p.Actor())
}

type idInput struct {
	ID string `json:"webhook_id" rule:"required" doc:"ID of the webhook."`
}

func (w *Webhooks) deleteEndpoint(ctx context.Context, in idInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, w.Delete(ctx, p.WorkspaceID, in.ID, p.Actor())
}

func (w *Webhooks) getEndpoint(ctx context.Context, in idInput) (Webhook, error) {
	return w.Get(ctx, credential.From(ctx).WorkspaceID, in.ID)
}

func (w *Webhooks) listEndpoint(ctx context.Context, _ rpc.None) ([]Webhook, error) {
	return w.List(ctx, credential.From(ctx).WorkspaceID)
}

type updateInput struct {
	ID         string   `json:"webhook_id" rule:"required" doc:"ID of the webhook."`
	EventTypes []string `json:"event_types" rule:"required,max=500" doc:"Which types of events to send; * for all."`
}

func (w *Webhooks) updateEndpoint(ctx context.Context, in updateInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, w.Update(ctx, p.WorkspaceID, in.ID, in.EventTypes, p.Actor())
}

func (w *Webhooks) enableEndpoint(ctx context.Context, in idInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, w.Enable(ctx, p.WorkspaceID, in.ID, p.Actor())
}

func (w *Webhooks) statusEndpoint(ctx context.Context, in idInput) (Status, error) {
	return w.GetStatus(ctx, credential.From(ctx).WorkspaceID, in.ID)
}

type attemptsInput struct {
	rpc.PageInput
	ID      string `json:"webhook_id" rule:"required" doc:"Of which webhook."`
	EventID string `json:"event_id" doc:"Only those with this event."`
}

func (w *Webhooks) attemptsEndpoint(ctx context.Context, in attemptsInput) (p rpc.Page[Attempt], err error) {
	workspaceID := credential.From(ctx).WorkspaceID
	from, limit, err := in.Start(ctx)
	if err != nil {
		return p, err
	}
	if _, err := w.Get(ctx, workspaceID, in.ID); err != nil {
		return p, err
	}
	return w.Attempts(ctx, workspaceID, in.ID, in.EventID, from, limit)
}

type resendInput struct {
	ID string `json:"webhook_attempt_id" rule:"required" doc:"The event of which attempt."`
}

func (w *Webhooks) resendEndpoint(ctx context.Context, in resendInput) (Delivery, error) {
	return w.Resend(ctx, credential.From(ctx).WorkspaceID, in.ID)
}

func (w *Webhooks) rotateEndpoint(ctx context.Context, in idInput) (Webhook, error) {
	p := credential.From(ctx)
	return w.RotateSecret(ctx, p.WorkspaceID, in.ID, p.Actor())
}

type testInput struct {
	ID        string              `json:"webhook_id" rule:"required" doc:"ID of the webhook."`
	EventType rpc.Opt[event.Type] `json:"event_type" doc:"The event's type; webhook.test unless given."`
}

func (w *Webhooks) testEndpoint(ctx context.Context, in testInput) (Delivery, error) {
	return w.SendTest(ctx, credential.From(ctx).WorkspaceID, in.ID, in.EventType.Or(event.WebhookTest))
}
