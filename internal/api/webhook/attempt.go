package webhook

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"keyway/internal/platform/job"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
)

// Attempt is one try to deliver an event.
type Attempt struct {
	ID            string   `json:"webhook_attempt_id"`
	WebhookID     string   `json:"webhook_id"`
	EventID       string   `json:"event_id"`
	EventType     string   `json:"event_type"`
	Number        int      `json:"attempt_number" doc:"Number of this attempt at the delivery, from 1."`
	CreatedAt     rpc.Time `json:"created_at"`
	Status        string   `json:"status" enum:"success error"`
	StatusCode    *int     `json:"response_status_code" doc:"What the receiver answered with; null without an answer."`
	Error         *string  `json:"error_message" doc:"What went wrong; null after a success."`
	Duration      int64    `json:"duration_ms"`
	NextAttemptAt rpc.Time `json:"next_attempt_at" rule:"nullable" doc:"When it is tried again; null when it is not."`
	Response      string   `json:"response_body,omitempty" doc:"The beginning of the answer."`
}

// most of an answer that is kept.
const mostResponse = 1024

// tidy makes text of what a receiver answered.
func tidy(body []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(string(body), string(utf8.RuneError)))
}

func attemptPlace(workspaceID, id string) string {
	return "webhook_attempts/" + workspaceID + "/" + id + "/response"
}

// insertAttempt writes an attempt. The answer is sealed: a receiver that repeats what it was sent
// repeats PINs.
func (w *Webhooks) insertAttempt(ctx context.Context, tx *store.Tx, workspaceID string, a Attempt, payload sql.NullString) error {
	var sealed []byte
	if a.Response != "" {
		text, err := json.Marshal(map[string]any{"response_body": a.Response})
		if err != nil {
			return err
		}
		sealed = w.Vault.Seal(attemptPlace(workspaceID, a.ID), text)
	}
	a.Response = ""
	doc, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx,
		`INSERT INTO webhook_attempts (workspace_id, webhook_id, webhook_attempt_id, event_id, payload, doc, response, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, workspaceID, a.WebhookID, a.ID, a.EventID, payload, string(doc), sealed,
		store.Micros(a.CreatedAt.Time))
	return err
}

// Attempts lists what was tried with a webhook, newest first, beginning behind a position.
func (w *Webhooks) Attempts(ctx context.Context, workspaceID, webhookID, eventID string, from rpc.Position, limit int) (p rpc.Page[Attempt],
	err error) {
	where := w.DB.Where()
	where.Add("workspace_id = ?", workspaceID)
	where.Add("webhook_id = ?", webhookID)
	if eventID != "" {
		where.Add("event_id = ?", eventID)
	}
	where.NewestFirst = true
	all, short, err := store.ReadPage(ctx, w.DB, where, store.Paging{Table: "webhook_attempts", ID: "webhook_attempt_id",
		Columns: "doc, response, created_at, webhook_attempt_id", After: from, Limit: limit},
		func(rows *sql.Rows) (r store.Row, err error) {
			var sealed []byte
			if err := rows.Scan(&r.Doc, &sealed, &r.CreatedAt, &r.ID); err != nil || len(sealed) == 0 {
				return r, err
			}
			fields, err := w.Vault.Open(attemptPlace(workspaceID, r.ID), sealed)
			if err == nil {
				r.Doc = rpc.Splice[Attempt](r.Doc, fields)
			}
			return r, err
		})
	return rpc.PageOf[Attempt](all, limit, short), err
}

const (
	purgeJob = "webhook.purge"
	batch    = 500 // rows with one commit, so that other writers need not wait long
)

// runPurge takes away what is left of a deleted webhook.
func (w *Webhooks) runPurge(ctx context.Context, j job.Job) error {
	var id string
	if err := json.Unmarshal(j.Payload, &id); err != nil {
		return err
	}
	if err := w.inBatches(ctx, `DELETE FROM webhook_deliveries WHERE workspace_id = $1 AND webhook_id = $2 AND delivery_id IN
		(SELECT delivery_id FROM webhook_deliveries WHERE workspace_id = $1
		AND webhook_id = $2 LIMIT $3)`, j.WorkspaceID, id, batch); err != nil {
		return err
	}
	return w.purgeAttempts(ctx, j.WorkspaceID, id, w.Now())
}

func (w *Webhooks) purgeAttempts(ctx context.Context, workspaceID, id string, before time.Time) error {
	return w.inBatches(ctx, `DELETE FROM webhook_attempts WHERE workspace_id = $1 AND webhook_attempt_id IN
		(SELECT webhook_attempt_id FROM webhook_attempts WHERE workspace_id = $1 AND webhook_id = $2 AND created_at <= $4 LIMIT $3)`,
		workspaceID, id, batch, store.Micros(before))
}

func (w *Webhooks) inBatches(ctx context.Context, query string, args ...any) error {
	for more := true; more; {
		err := w.DB.Update(ctx, func(tx *store.Tx) error {
			r, err := tx.Exec(ctx, query, args...)
			if err != nil {
				return err
			}
			n, err := r.RowsAffected()
			more = n == batch
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
