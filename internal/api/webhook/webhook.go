// Package webhook sends the events of a workspace to the addresses that its owners name: signed as
// Svix does, at least once each, in their order, with growing pauses between tries.
//
// A delivery is a row that is written in the transaction of its event and taken away when the
// receiver has answered with success. Each webhook is worked on by one worker at a time, which
// holds a lease on it: so deliveries of one webhook are in order, and a receiver that hangs delays
// no other webhook's.
package webhook

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/outbound"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// Webhook is a webhook as it is served (API contract §3.6).
type Webhook struct {
	ID         string   `json:"webhook_id"`
	URL        string   `json:"url"`
	EventTypes []string `json:"event_types"`
	Secret     string   `json:"secret,omitempty" doc:"What signatures are made with; shown to admins."`
}

// stored is a webhook's doc: all but its secret.
func (h Webhook) stored() ([]byte, error) {
	return json.Marshal(map[string]any{"webhook_id": h.ID, "url": h.URL, "event_types": h.EventTypes})
}

// Status is how a webhook is doing.
type Status struct {
	ID                  string   `json:"webhook_id"`
	Status              string   `json:"status" enum:"enabled disabled"`
	CreatedAt           rpc.Time `json:"created_at"`
	FailingSince        rpc.Time `json:"failing_since" rule:"nullable" doc:"The first failure since the latest success; null while all is well."`
	DisabledAt          rpc.Time `json:"disabled_at" rule:"nullable" doc:"When Keyway gave up; null while it is enabled."`
	PausedUntil         rpc.Time `json:"paused_until" rule:"nullable" doc:"The receiver asked for no deliveries before (Retry-After); null when it did not."`
	PendingDeliveries   int      `json:"pending_deliveries" doc:"Deliveries that wait for their first or next attempt."`
	OldSecretsExpireAt  rpc.Time `json:"old_secrets_expire_at" rule:"nullable" doc:"Until when a secret from before a rotation signs as well; null when none does."`
	LatestAttemptStatus string   `json:"latest_attempt_status" enum:"success error none"`
}

// Delivery is an event that is on its way to a webhook.
type Delivery struct {
	WebhookID string `json:"webhook_id"`
	EventID   string `json:"event_id"`
	EventType string `json:"event_type"`
}

// Webhooks implements the rules for webhooks and delivers.
type Webhooks struct {
	DB        *store.DB
	Vault     *vault.Vault
	Events    *event.Log
	Jobs      *job.Runner
	Guard     *outbound.Guard
	Audit     *audit.Log
	Log       *slog.Logger
	Mail      *mail.Outbox // nil: none
	Now       func() time.Time
	UserAgent string
	wake      chan struct{}
}

// New completes Webhooks and subscribes it to events.
func New(w Webhooks) *Webhooks {
	w.wake = make(chan struct{}, 1)
	w.Events.Subscribers = append(w.Events.Subscribers, &w)
	w.Jobs.Handle(purgeJob, w.runPurge, job.Recurring(time.Hour))
	return &w
}

// most bounds the webhooks of a workspace: each of its events is written once for each.
const most = 50

// allTypes stands for events of every type.
const allTypes = "*"

func checkTypes(list []string) ([]string, error) {
	if len(list) == 0 {
		return nil, fault.New(fault.InvalidEventTypes, `Name at least one event type, or "*" for all`)
	}
	var out []string
	for _, t := range list {
		if t != allTypes && !slices.Contains(event.Type("").Enum(), t) {
			return nil, fault.New(fault.InvalidEventTypes, "There is an event type that does not exist; see the event types in the reference")
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, nil
}

// column is how the types are stored for matching.
func column(types []string) string {
	if slices.Contains(types, allTypes) {
		return allTypes
	}
	return "," + strings.Join(types, ",") + ","
}

func wants(column, eventType string) bool {
	return column == allTypes || strings.Contains(column, ","+eventType+",")
}

// Create makes a webhook. It returns invalid_input for an address that is not delivered to,
// invalid_event_types, and invalid_request when the workspace has too many.
func (w *Webhooks) Create(ctx context.Context, workspaceID string, sandbox bool, address string, types []string, by audit.Actor) (Webhook,
	error) {
	u, err := w.Guard.Check(address, sandbox)
	if err != nil {
		return Webhook{}, fault.Invalid("url", "%s", err.Error())
	}
	if types, err = checkTypes(types); err != nil {
		return Webhook{}, err
	}
	h := Webhook{ID: store.NewID(), URL: address, EventTypes: types}
	doc, err := h.stored()
	if err != nil {
		return h, err
	}
	secrets := []secret{newSecret()}
	sealed, err := w.seal(workspaceID, h.ID, secrets)
	if err != nil {
		return h, err
	}
	h.Secret = secrets[0].Text
	return h, w.DB.Update(ctx, func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM webhooks WHERE workspace_id = $1`, workspaceID).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return fault.New(fault.InvalidRequest, "A workspace has at most %d webhooks", most)
		}
		family := familyOf(credential.From(ctx))
		if err := w.admit(ctx, tx, workspaceID, family); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx,
			`INSERT INTO webhooks (workspace_id, webhook_id, doc, event_types, secrets, created_at, family_id) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			workspaceID, h.ID, string(doc), column(types), sealed, store.Micros(w.Now()), store.TextOrNull(family)); err != nil {
			return err
		}
		// The host alone: the rest of an address may be a secret.
		return w.audit(ctx, tx, by, "webhook.created", workspaceID, h.ID, map[string]any{"host": u.Host, "event_types": types})
	}, store.Workspace(workspaceID))
}

func (w *Webhooks) audit(ctx context.Context, tx *store.Tx, by audit.Actor, action, workspaceID, id string, detail map[string]any) error {
	return w.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: action, WorkspaceID: workspaceID, SubjectID: id, Detail: detail})
}

// row is a webhook with what is stored beside it.
type row struct {
	Webhook
	secrets      []secret
	familyID     string // of the tokens that it is of; empty: the workspace's
	failingSince time.Time
	disabledAt   time.Time
	pausedUntil  time.Time // as the receiver asked for; may be past
	createdAt    time.Time
}

const columns = `SELECT webhook_id, doc, secrets, failing_since, disabled_at, paused_until, created_at, family_id FROM webhooks
	WHERE workspace_id = $1`

func (w *Webhooks) scan(workspaceID string, scan func(...any) error) (r row, err error) {
	var doc, sealed []byte
	var failing, disabled, paused sql.NullInt64
	var created int64
	var family sql.NullString
	if err := scan(&r.ID, &doc, &sealed, &failing, &disabled, &paused, &created, &family); err != nil {
		return r, err
	}
	r.familyID = family.String
	if err := json.Unmarshal(doc, &r.Webhook); err != nil {
		return r, err
	}
	r.pausedUntil = store.TimeOrZero(paused)
	r.failingSince, r.disabledAt, r.createdAt = store.TimeOrZero(failing), store.TimeOrZero(disabled), store.Time(created)
	if r.secrets, err = w.open(workspaceID, r.ID, sealed); err == nil {
		r.Secret = r.secrets[0].Text
	}
	return r, err
}

func (w *Webhooks) get(ctx context.Context, q store.Querier, workspaceID, id string) (row, error) {
	r, err := w.scan(workspaceID, q.QueryRow(ctx, columns+` AND webhook_id = $2`, workspaceID, id).Scan)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !mine(ctx, r) {
		err = fault.Missing(fault.WebhookNotFound)
	}
	return r, err
}

// served is a webhook as the caller may see it.
func (w *Webhooks) served(ctx context.Context, r row) Webhook {
	if !w.shows(credential.From(ctx), r) {
		r.Secret = ""
	}
	return r.Webhook
}

// Get reads a webhook, with its secret for a caller who could make it; webhook_not_found when the
// workspace has none with the id.
func (w *Webhooks) Get(ctx context.Context, workspaceID, id string) (Webhook, error) {
	r, err := w.get(ctx, w.DB, workspaceID, id)
	return w.served(ctx, r), err
}

// List reads the webhooks of a workspace, oldest first, with their secrets for a caller who could make
// them.
func (w *Webhooks) List(ctx context.Context, workspaceID string) ([]Webhook, error) {
	rows, err := w.DB.Query(ctx, columns+` ORDER BY created_at, webhook_id`, workspaceID)
	found, err := store.All(rows, err, func(rows *sql.Rows) (row, error) { return w.scan(workspaceID, rows.Scan) })
	all := []Webhook{}
	for _, r := range found {
		if mine(ctx, r) {
			all = append(all, w.served(ctx, r))
		}
	}
	return all, err
}

// Overview is a webhook and how it is doing, for lists.
type Overview struct {
	Webhook
	CreatedAt    time.Time
	FailingSince time.Time // zero while all is well
	DisabledAt   time.Time // zero while it is enabled
}

// Overviews reads the webhooks of a workspace without their secrets, oldest first.
func (w *Webhooks) Overviews(ctx context.Context, workspaceID string) ([]Overview, error) {
	rows, err := w.DB.Query(ctx,
		`SELECT doc, created_at, failing_since, disabled_at FROM webhooks WHERE workspace_id = $1 ORDER BY created_at, webhook_id`, workspaceID)
	return store.All(rows, err, func(rows *sql.Rows) (o Overview, err error) {
		var doc []byte
		var created int64
		var failing, disabled sql.NullInt64
		if err := rows.Scan(&doc, &created, &failing, &disabled); err != nil {
			return o, err
		}
		o.CreatedAt, o.FailingSince, o.DisabledAt = store.Time(created), store.TimeOrZero(failing), store.TimeOrZero(disabled)
		return o, json.Unmarshal(doc, &o.Webhook)
	})
}

// GetStatus returns the status of a webhook; webhook_not_found when the workspace has none with the id.
func (w *Webhooks) GetStatus(ctx context.Context, workspaceID, id string) (s Status, err error) {
	err = w.DB.View(ctx, func(q store.Querier) error {
		r, err := w.get(ctx, q, workspaceID, id)
		if err != nil {
			return err
		}
		s = Status{ID: id, Status: "enabled", CreatedAt: rpc.Time{Time: r.createdAt}, FailingSince: rpc.Time{Time: r.failingSince},
			DisabledAt: rpc.Time{Time: r.disabledAt}}
		if !r.disabledAt.IsZero() {
			s.Status = "disabled"
		}
		if r.pausedUntil.After(w.Now()) {
			s.PausedUntil = rpc.Time{Time: r.pausedUntil}
		}
		for _, old := range r.secrets[1:] {
			if until := store.Time(old.Until); until.After(w.Now()) && until.After(s.OldSecretsExpireAt.Time) {
				s.OldSecretsExpireAt = rpc.Time{Time: until}
			}
		}
		if err := q.QueryRow(ctx, `SELECT count(*) FROM webhook_deliveries WHERE workspace_id = $1 AND webhook_id = $2`, workspaceID,
			id).Scan(&s.PendingDeliveries); err != nil {
			return err
		}
		var doc []byte
		err = q.QueryRow(ctx,
			`SELECT doc FROM webhook_attempts WHERE workspace_id = $1 AND webhook_id = $2 ORDER BY created_at DESC, webhook_attempt_id DESC LIMIT 1`,
			workspaceID, id).Scan(&doc)
		if errors.Is(err, sql.ErrNoRows) {
			s.LatestAttemptStatus = "none"
			return nil
		} else if err != nil {
			return err
		}
		var a Attempt
		err = json.Unmarshal(doc, &a)
		s.LatestAttemptStatus = a.Status
		return err
	})
	return s, err
}

// change reads a webhook and changes it in one transaction; webhook_not_found when the workspace
// has none with the id.
func (w *Webhooks) change(ctx context.Context, workspaceID, id string, fn func(tx *store.Tx, r row) error) error {
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := w.get(ctx, tx, workspaceID, id)
		if err != nil {
			return err
		}
		return fn(tx, r)
	}, store.Workspace(workspaceID))
}

// Update changes which events a webhook gets, from the next event on. It returns webhook_not_found
// and invalid_event_types.
func (w *Webhooks) Update(ctx context.Context, workspaceID, id string, types []string, by audit.Actor) error {
	types, err := checkTypes(types)
	if err != nil {
		return err
	}
	return w.change(ctx, workspaceID, id, func(tx *store.Tx, r row) error {
		r.EventTypes = types
		doc, err := r.stored()
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE webhooks SET doc = $3, event_types = $4 WHERE workspace_id = $1 AND webhook_id = $2`, workspaceID, id,
			string(doc), column(types)); err != nil {
			return err
		}
		return w.audit(ctx, tx, by, "webhook.updated", workspaceID, id, map[string]any{"event_types": types})
	})
}

// Delete deletes a webhook; nothing more is sent. It returns webhook_not_found.
func (w *Webhooks) Delete(ctx context.Context, workspaceID, id string, by audit.Actor) error {
	return w.change(ctx, workspaceID, id, func(tx *store.Tx, _ row) error { return w.delete(ctx, tx, workspaceID, id, by, nil) })
}

func (w *Webhooks) delete(ctx context.Context, tx *store.Tx, workspaceID, id string, by audit.Actor, detail map[string]any) error {
	if _, err := tx.Exec(ctx, `DELETE FROM webhooks WHERE workspace_id = $1 AND webhook_id = $2`, workspaceID, id); err != nil {
		return err
	}
	// There may be more deliveries and attempts than one transaction should take away.
	if _, err := w.Jobs.Enqueue(ctx, tx, purgeJob, workspaceID, id, w.Now()); err != nil {
		return err
	}
	return w.audit(ctx, tx, by, "webhook.deleted", workspaceID, id, detail)
}

// RotateSecret gives a webhook a new secret. For a day the old one signs as well, so that receivers
// can change theirs when it suits them. It returns webhook_not_found, and forbidden with the reason
// webhook where the caller could not make the webhook.
func (w *Webhooks) RotateSecret(ctx context.Context, workspaceID, id string, by audit.Actor) (h Webhook, err error) {
	err = w.change(ctx, workspaceID, id, func(tx *store.Tx, r row) error {
		if !w.shows(credential.From(ctx), r) {
			return fault.Reason(fault.Forbidden, "webhook",
				"Another credential made this webhook, and the token has limits that it has not: so it is not given its secret")
		}
		secrets := rotate(r.secrets, w.Now())
		sealed, err := w.seal(workspaceID, id, secrets)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE webhooks SET secrets = $3 WHERE workspace_id = $1 AND webhook_id = $2`, workspaceID, id,
			sealed); err != nil {
			return err
		}
		h = r.Webhook
		h.Secret = secrets[0].Text
		return w.audit(ctx, tx, by, "webhook.secret_rotated", workspaceID, id, nil)
	})
	return h, err
}

// Enable lets a webhook that Keyway disabled be delivered to again, beginning with what was still
// pending. It returns webhook_not_found.
func (w *Webhooks) Enable(ctx context.Context, workspaceID, id string, by audit.Actor) error {
	return w.change(ctx, workspaceID, id, func(tx *store.Tx, r row) error {
		if r.disabledAt.IsZero() {
			return nil
		}
		if _, err := tx.Exec(ctx,
			`UPDATE webhooks SET disabled_at = NULL, failing_since = NULL, paused_until = NULL, lease_by = NULL, due_at = $3 WHERE workspace_id = $1
				AND webhook_id = $2`,
			workspaceID, id, store.Micros(w.Now())); err != nil {
			return err
		}
		tx.AfterCommit(w.Wake)
		return w.audit(ctx, tx, by, "webhook.enabled", workspaceID, id, nil)
	})
}

// SendTest sends an event that is not in the log, of a type that receivers can distinguish from others or
// of one that they are to be tested with. It returns webhook_not_found and webhook_disabled.
func (w *Webhooks) SendTest(ctx context.Context, workspaceID, id string, t event.Type) (d Delivery, err error) {
	now := rpc.Time{Time: w.Now()}
	d = Delivery{id, store.NewID(), string(t)}
	payload, err := json.Marshal(map[string]any{"event_id": d.EventID, "event_type": t, "workspace_id": workspaceID, "created_at": now,
		"occurred_at":       now,
		"event_description": "A requested test; nothing has happened."})
	if err != nil {
		return d, err
	}
	return d, w.change(ctx, workspaceID, id, func(tx *store.Tx, r row) error {
		return w.send(ctx, tx, workspaceID, r, d, 0, string(payload))
	})
}

// Resend delivers the event of an attempt again, under the same id. It returns
// webhook_attempt_not_found, event_not_found for an event that is no longer kept, and
// webhook_disabled.
func (w *Webhooks) Resend(ctx context.Context, workspaceID, attemptID string) (d Delivery, err error) {
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		var payload sql.NullString
		var doc []byte
		err := tx.QueryRow(ctx,
			`SELECT webhook_id, event_id, payload, doc FROM webhook_attempts WHERE workspace_id = $1 AND webhook_attempt_id = $2`,
			workspaceID, attemptID).Scan(&d.WebhookID, &d.EventID, &payload, &doc)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing(fault.WebhookAttemptNotFound)
		} else if err != nil {
			return err
		}
		var a Attempt
		if err := json.Unmarshal(doc, &a); err != nil {
			return err
		}
		d.EventType = a.EventType
		r, err := w.get(ctx, tx, workspaceID, d.WebhookID)
		if fault.Is(err, fault.WebhookNotFound) {
			return fault.Missing(fault.WebhookAttemptNotFound) // its job to take attempts away has not run yet
		} else if err != nil {
			return err
		}
		var seq int64
		if !payload.Valid {
			err := tx.QueryRow(ctx, `SELECT seq FROM events WHERE workspace_id = $1 AND event_id = $2`, workspaceID, d.EventID).Scan(&seq)
			if errors.Is(err, sql.ErrNoRows) {
				return fault.Missing(fault.EventNotFound)
			} else if err != nil {
				return err
			}
		}
		return w.send(ctx, tx, workspaceID, r, d, seq, payload.String)
	}, store.Workspace(workspaceID))
	return d, err
}

// send writes a delivery that was requested explicitly.
func (w *Webhooks) send(ctx context.Context, tx *store.Tx, workspaceID string, r row, d Delivery, seq int64, payload string) error {
	if !r.disabledAt.IsZero() {
		return fault.New(fault.WebhookDisabled, "The webhook is disabled, because its receiver is gone or deliveries failed for days: enable "+
			"it first")
	}
	return w.enqueue(ctx, tx, workspaceID, d.WebhookID, event.Appended{ID: d.EventID, Type: d.EventType, Seq: seq}, payload, w.Now())
}

var _ event.Subscriber = (*Webhooks)(nil)

// Appended writes a delivery for each webhook that wants the event.
func (w *Webhooks) Appended(ctx context.Context, tx *store.Tx, workspaceID string, now time.Time, events []event.Appended) error {
	type target struct {
		id, types string
		family    sql.NullString
	}
	rows, err := tx.Query(ctx,
		`SELECT webhook_id, event_types, family_id FROM webhooks WHERE workspace_id = $1 AND disabled_at IS NULL ORDER BY webhook_id`,
		workspaceID)
	targets, err := store.All(rows, err, func(rows *sql.Rows) (t target, err error) {
		err = rows.Scan(&t.id, &t.types, &t.family)
		return t, err
	})
	if err != nil {
		return err
	}
	for _, t := range targets {
		sees := everything
		if t.family.Valid {
			// It is judged again when it is sent; what is not to be seen does not even wait.
			switch sees, err = w.sees(ctx, tx, workspaceID, t.family.String); {
			case errors.Is(err, credential.ErrEnded):
				if err := w.end(ctx, tx, workspaceID, t.id); err != nil {
					return err
				}
				continue
			case err != nil && !isRefused(err):
				return err
			case err != nil && !credential.IsOutOfHours(err):
				continue
			}
		}
		for _, e := range events {
			if !wants(t.types, e.Type) || !sees(e.DeviceID) {
				continue
			}
			if err := w.enqueue(ctx, tx, workspaceID, t.id, e, "", now); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Webhooks) enqueue(ctx context.Context, tx *store.Tx, workspaceID, id string, e event.Appended, payload string,
	now time.Time) error {
	if _, err := tx.Exec(ctx,
		`INSERT INTO webhook_deliveries (workspace_id, webhook_id, delivery_id, event_id, event_type, seq, payload, attempts, next_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)`, workspaceID, id, store.NewID(), e.ID, e.Type, e.Seq, store.TextOrNull(payload),
		store.Micros(now)); err != nil {
		return err
	}
	tx.AfterCommit(w.Wake)
	// The row is written even if nothing changes, and so locked until the commit: a worker that
	// ends its lease meanwhile waits, and then finds this delivery.
	_, err := tx.Exec(ctx, `UPDATE webhooks SET due_at = CASE WHEN lease_by IS NOT NULL THEN due_at
		WHEN paused_until > $3 AND (due_at IS NULL OR due_at > paused_until) THEN paused_until
		WHEN paused_until > $3 THEN due_at
		WHEN due_at IS NULL OR due_at > $3 THEN $3 ELSE due_at END
		WHERE workspace_id = $1 AND webhook_id = $2`, workspaceID, id, store.Micros(now))
	return err
}
