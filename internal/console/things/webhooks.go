package things

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/api/webhook"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
)

// WebhooksView is the list of a workspace's webhooks.
type WebhooksView struct {
	frame.Page
	Rows      []WebhookRow
	Add       WebhookForm
	CanManage bool // false for members, who see the list only
}

// WebhookRow is one webhook in the list.
type WebhookRow struct {
	ID         string
	URL        string // of its page
	Address    string // where it sends to
	Types      []string
	Badge      frame.Badge
	Since      time.Time // when it began to fail or was disabled; zero: neither
	CreatedAt  time.Time
	IsDisabled bool
}

// AllTypes reports whether it is sent events of every type.
func (r WebhookRow) AllTypes() bool { return slices.Contains(r.Types, "*") }

// WebhookForm is the dialog that makes or changes a webhook.
type WebhookForm struct {
	Open    bool
	Action  string
	Address string
	Fixed   bool // the address cannot be changed
	All     bool
	Groups  []TypeGroup
	Errors  frame.FormErrors
}

// TypeGroup is the event types about one kind of thing.
type TypeGroup struct {
	Title string
	Types []TypeOption
}

// TypeOption is an event type that can be chosen.
type TypeOption struct {
	Type   string
	Chosen bool
}

// WebhookView is the page of one webhook.
type WebhookView struct {
	frame.Page
	Webhook    WebhookRow
	BackURL    string
	Secret     string // only when it was asked for
	OldUntil   time.Time
	Pending    int
	Attempts   []AttemptRow
	Pagination frame.Pagination
	Edit       WebhookForm
	TestTypes  []string
	CanManage  bool
	Nonce      string // of the forms whose answer shows the secret
}

// AttemptRow is one attempt to deliver an event.
type AttemptRow struct {
	ID        string
	EventID   string
	EventType string
	EventURL  string
	Number    int
	Badge     frame.Badge
	Code      int    // what the receiver answered; 0: it did not
	Problem   string // what Code does not say already; empty after a success
	Response  string // the beginning of the answer
	Took      time.Duration
	At        time.Time
	Next      time.Time // zero: not tried again, or it was
}

// attemptsPerPage is how many attempts a webhook's page shows at once.
const attemptsPerPage = 25

func (q *request) webhooksAt(elem ...string) string {
	return frame.WorkspacePath(q.Current.ID, append([]string{"developer", "webhooks"}, elem...)...)
}

func (q *request) webhookRow(h webhook.Webhook, created, failing, disabled time.Time) WebhookRow {
	row := WebhookRow{ID: h.ID, URL: q.webhooksAt(h.ID), Address: h.URL, Types: h.EventTypes, CreatedAt: created,
		Badge: frame.Badge{Tone: frame.ToneGood, Text: "Enabled"}}
	switch {
	case !disabled.IsZero():
		row.Badge, row.Since, row.IsDisabled = frame.Badge{Tone: frame.ToneBad, Text: "Disabled"}, disabled, true
	case !failing.IsZero():
		row.Badge, row.Since = frame.Badge{Tone: frame.ToneWarn, Text: "Failing"}, failing
	}
	return row
}

func webhookForm(action string, chosen []string) WebhookForm {
	f := WebhookForm{Action: action, All: slices.Contains(chosen, "*"), Groups: typeGroups()}
	for i := range f.Groups {
		for j := range f.Groups[i].Types {
			o := &f.Groups[i].Types[j]
			o.Chosen = slices.Contains(chosen, o.Type)
		}
	}
	return f
}

// typeGroups are the event types by what they are about.
func typeGroups() []TypeGroup {
	var groups []TypeGroup
	for _, t := range event.Type("").Enum() {
		if t == string(event.WebhookTest) {
			continue // sent to whom it is meant for, whatever types were chosen
		}
		title, _, _ := strings.Cut(t, ".")
		i := slices.IndexFunc(groups, func(g TypeGroup) bool { return g.Title == title })
		if i < 0 {
			i, groups = len(groups), append(groups, TypeGroup{Title: title})
		}
		groups[i].Types = append(groups[i].Types, TypeOption{Type: t})
	}
	slices.SortFunc(groups, func(a, b TypeGroup) int { return strings.Compare(a.Title, b.Title) })
	return groups
}

func (q *request) webhooksView() (*WebhooksView, error) {
	v := &WebhooksView{Page: q.Base(frame.AreaWorkspace, frame.NavWebhooks, "Webhooks"), CanManage: q.May("/webhooks/create"),
		Add: webhookForm(q.webhooksAt(), []string{"*"})}
	all, err := q.Webhooks.Overviews(q.Context(), q.Current.ID)
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		v.Rows = append(v.Rows, q.webhookRow(o.Webhook, o.CreatedAt, o.FailingSince, o.DisabledAt))
	}
	return v, nil
}

func (q *request) webhooks() error {
	v, err := q.webhooksView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

// chosenTypes reads the event types of a form.
func (q *request) chosenTypes() []string {
	if q.Form("all") == "true" {
		return []string{"*"}
	}
	return q.R.PostForm["event_type"]
}

// typeErrors puts what is wrong with the types beside them.
func typeErrors(err error, types []string) (frame.FormErrors, bool) {
	if err != nil && len(types) == 0 {
		return frame.FormErrors{"event_type": "Choose at least one event type, or all."}, true
	}
	return frame.FieldErrors(err)
}

func (q *request) createWebhook() error {
	address, types := q.Form("url"), q.chosenTypes()
	p := q.Principal()
	h, err := q.Webhooks.Create(q.Context(), q.Current.ID, q.Current.IsSandbox, address, types, p.Actor())
	if err == nil {
		return q.Done(q.webhooksAt(h.ID), "Webhook created. Verify what it sends with its secret.")
	}
	errs, wrong := typeErrors(err, types)
	if !wrong {
		return q.Refused(q.webhooksAt(), err)
	}
	if address == "" {
		errs["url"] = "Required."
	}
	v, err := q.webhooksView()
	if err != nil {
		return err
	}
	v.Add = webhookForm(q.webhooksAt(), types)
	v.Add.Open, v.Add.Address, v.Add.Errors, v.Location = true, address, errs.OnlyFields("url", "event_type"), q.webhooksAt()
	return q.Show(v)
}

func (q *request) webhookView() (*WebhookView, error) {
	ctx := q.Context()
	id := q.R.PathValue("webhook")
	h, err := q.Webhooks.Get(ctx, q.Current.ID, id)
	if err != nil {
		return nil, err
	}
	status, err := q.Webhooks.GetStatus(ctx, q.Current.ID, id)
	if err != nil {
		return nil, err
	}
	v := &WebhookView{
		Page: q.Base(frame.AreaWorkspace, frame.NavWebhooks, frame.HostOf(h.URL)), BackURL: q.webhooksAt(),
		OldUntil: status.OldSecretsExpireAt.Time, Pending: status.PendingDeliveries,
		Webhook: q.webhookRow(h, status.CreatedAt.Time, status.FailingSince.Time, status.DisabledAt.Time), CanManage: q.May("/webhooks/update"),
		Edit: webhookForm(q.webhooksAt(id, "update"), h.EventTypes), TestTypes: append([]string{string(event.WebhookTest)}, h.EventTypes...),
		Nonce: frame.NewNonce(),
	}
	if v.Webhook.AllTypes() {
		v.TestTypes = []string{string(event.WebhookTest), "device.connected", "device.disconnected", "lock.locked", "lock.unlocked",
			"access_code.set_on_device", "access_code.removed_from_device", "connected_account.disconnected"}
	}
	v.Edit.Address, v.Edit.Fixed = h.URL, true
	trail := frame.ReadTrail(q.R.URL.Query())
	page, err := q.Webhooks.Attempts(ctx, q.Current.ID, id, "", trail.From(), attemptsPerPage)
	if err != nil {
		return nil, err
	}
	for _, doc := range page.Items {
		var a webhook.Attempt
		if err := json.Unmarshal(doc, &a); err != nil {
			return nil, err
		}
		row := AttemptRow{ID: a.ID, EventID: a.EventID, EventType: a.EventType,
			EventURL: frame.WorkspacePath(q.Current.ID, "events", a.EventID), Number: a.Number,
			Badge:    frame.Badge{Tone: frame.ToneGood, Text: "Delivered"},
			Response: a.Response, Took: time.Duration(a.Duration) * time.Millisecond, At: a.CreatedAt.Time}
		if !v.Webhook.IsDisabled && q.Now().Before(a.NextAttemptAt.Time) {
			row.Next = a.NextAttemptAt.Time
		}
		if a.EventType == string(event.WebhookTest) {
			row.EventURL = "" // it is not in the log
		}
		if a.StatusCode != nil {
			row.Code = *a.StatusCode
		}
		if a.Error != nil {
			row.Badge = frame.Badge{Tone: frame.ToneBad, Text: "Failed"}
			if row.Code < 400 {
				row.Problem = *a.Error
			}
		}
		v.Attempts = append(v.Attempts, row)
	}
	v.Pagination = trail.Pagination(q.webhooksAt(id), page.HasNext, page.Next)
	return v, nil
}

func (q *request) webhook() error {
	v, err := q.webhookView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

// showWebhookSecret shows a requested secret, and never in an address.
func (q *request) showWebhookSecret() error {
	if !q.FirstSent() {
		return q.SentAgain(q.webhooksAt(q.R.PathValue("webhook")))
	}
	h, err := q.Webhooks.Get(q.Context(), q.Current.ID, q.R.PathValue("webhook"))
	if err != nil {
		return err
	}
	return q.webhookWithSecret(h)
}

func (q *request) rotateWebhookSecret() error {
	if !q.FirstSent() {
		return q.SentAgain(q.webhooksAt(q.R.PathValue("webhook")))
	}
	h, err := q.Webhooks.RotateSecret(q.Context(), q.Current.ID, q.R.PathValue("webhook"), q.Principal().Actor())
	if err != nil {
		return err
	}
	return q.webhookWithSecret(h)
}

func (q *request) webhookWithSecret(h webhook.Webhook) error {
	v, err := q.webhookView()
	if err != nil {
		return err
	}
	v.Secret, v.Location = h.Secret, q.webhooksAt(h.ID)
	return q.Show(v)
}

func (q *request) updateWebhook() error {
	id, types := q.R.PathValue("webhook"), q.chosenTypes()
	err := q.Webhooks.Update(q.Context(), q.Current.ID, id, types, q.Principal().Actor())
	if err == nil {
		return q.Done(q.webhooksAt(id), "Saved. Applies to new events.")
	}
	v, missing := q.webhookView()
	if missing != nil {
		return missing
	}
	errs, wrong := typeErrors(err, types)
	if !wrong {
		return q.Refused(q.webhooksAt(id), err)
	}
	edit := webhookForm(v.Edit.Action, types)
	edit.Open, edit.Address, edit.Fixed, edit.Errors = true, v.Edit.Address, true, errs.OnlyFields("event_type")
	v.Edit, v.Location = edit, q.webhooksAt(id)
	return q.Show(v)
}

func (q *request) deleteWebhook() error {
	if err := q.Webhooks.Delete(q.Context(), q.Current.ID, q.R.PathValue("webhook"), q.Principal().Actor()); err != nil {
		return err
	}
	return q.Done(q.webhooksAt(), "The webhook was deleted.")
}

func (q *request) enableWebhook() error {
	id := q.R.PathValue("webhook")
	if err := q.Webhooks.Enable(q.Context(), q.Current.ID, id, q.Principal().Actor()); err != nil {
		return err
	}
	return q.Done(q.webhooksAt(id), "The webhook is enabled; it goes on with what was waiting.")
}

// attemptWait is how long a page waits for a requested attempt, so that it can show how it went.
const attemptWait = 2 * time.Second

// awaitAttempt waits for an attempt to make a delivery that began at a time or later.
func (q *request) awaitAttempt(d webhook.Delivery, since time.Time) (*webhook.Attempt, error) {
	for until := time.Now().Add(attemptWait); time.Now().Before(until) && q.R.Context().Err() == nil; time.Sleep(20 * time.Millisecond) {
		page, err := q.Webhooks.Attempts(q.Context(), q.Current.ID, d.WebhookID, d.EventID, rpc.Position{}, 1)
		if err != nil {
			return nil, err
		}
		if len(page.Items) == 0 {
			continue
		}
		var latest webhook.Attempt
		if err := json.Unmarshal(page.Items[0], &latest); err != nil {
			return nil, err
		}
		if !latest.CreatedAt.Before(since.Truncate(time.Millisecond)) {
			return &latest, nil
		}
	}
	return nil, nil
}

func (q *request) testWebhook() error {
	id, kind := q.R.PathValue("webhook"), q.Form("event_type")
	if !slices.Contains(event.Type("").Enum(), kind) {
		return fault.Invalid("event_type", "Choose an event type")
	}
	since := q.Now()
	d, err := q.Webhooks.SendTest(q.Context(), q.Current.ID, id, event.Type(kind))
	return q.sent(id, d, since, err, "The test event")
}

func (q *request) resendAttempt() error {
	since := q.Now()
	d, err := q.Webhooks.Resend(q.Context(), q.Current.ID, q.R.PathValue("attempt"))
	return q.sent(q.R.PathValue("webhook"), d, since, err, "The event")
}

// sent leads to the page of a webhook that was just made to send something.
func (q *request) sent(id string, d webhook.Delivery, since time.Time, err error, what string) error {
	switch {
	case fault.Is(err, fault.WebhookDisabled), fault.Is(err, fault.EventNotFound):
		return q.Refused(q.webhooksAt(id), err)
	case err != nil:
		return err
	}
	attempt, err := q.awaitAttempt(d, since)
	if err != nil {
		return err
	}
	here := q.webhooksAt(d.WebhookID)
	switch {
	case attempt == nil:
		return q.Done(here, "%s is on its way. Its result will appear below.", what)
	case attempt.Status == "success":
		return q.Done(here, "%s was delivered.", what)
	}
	q.SetFlash(frame.Flash{Kind: frame.FlashError, Text: what + " wasn’t delivered. " + frame.Sentence(*cmp.Or(attempt.Error, new(string)))})
	return q.Redirect(here)
}
