package webhook

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/outbound"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
)

// schedule is how long after the attempt before each attempt is made.
var schedule = []time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	10 * time.Hour}

const (
	timeout  = 15 * time.Second // of one attempt
	lease    = 30 * time.Second // after which another worker takes over
	giveUp   = 5 * 24 * time.Hour
	turn     = 50              // deliveries of one webhook before others have their turn
	turnTime = time.Second     // after which a receiver that is slow has had its turn
	slots    = 64              // workers of each of the two kinds at once
	farewell = 5 * time.Second // for attempts that are under way when the server stops
	maxPause = 24 * time.Hour  // that a receiver can ask for
)

// Wake has the deliverer look for due deliveries now.
func (w *Webhooks) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// A pool is the workers for one kind of webhooks. Those that fail have workers of their own: many
// receivers that hang take none from those that answer.
type pool struct {
	condition string // on a webhook's row
	free      chan struct{}
}

// deliverer is what a running Run needs.
type deliverer struct {
	*Webhooks
	pools   []*pool
	clients map[bool]*http.Client // by whether the workspace is a sandbox
	stop    context.Context       // ends when no further attempt should begin
	running sync.WaitGroup
}

// Run delivers until ctx ends, and then finishes the attempts that are under way.
func (w *Webhooks) Run(ctx context.Context) {
	// An answer's body is closed unread after its beginning, so it needs no bound of its own here.
	client := func(sandbox bool) *http.Client {
		return w.Guard.Client(outbound.Options{Sandbox: sandbox, Timeout: timeout, MaxBody: 64 << 10, PerHost: 4})
	}
	d := &deliverer{Webhooks: w, clients: map[bool]*http.Client{false: client(false), true: client(true)}, stop: ctx}
	for _, condition := range []string{"failing_since IS NULL", "failing_since IS NOT NULL"} {
		p := &pool{condition, make(chan struct{}, slots)}
		for range slots {
			p.free <- struct{}{}
		}
		d.pools = append(d.pools, p)
	}
	attempts, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if err := w.takeOver(ctx); err != nil && ctx.Err() == nil {
		w.Log.Error("webhooks: taking over from the process before failed; its leases will run out", "error", err)
	}
	for ctx.Err() == nil {
		more := false
		for _, p := range d.pools {
			n, err := d.start(attempts, p)
			if err != nil && ctx.Err() == nil {
				w.Log.Error("webhooks: looking for due deliveries failed", "error", err)
			}
			more = more || n > 0
		}
		if more {
			continue
		}
		t := time.NewTimer(d.untilNext(ctx))
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-t.C:
		}
		t.Stop()
	}
	t := time.AfterFunc(farewell, cancel)
	defer t.Stop()
	d.running.Wait()
}

// takeOver makes the deliveries due that a killed process had leased. On a shared database another process may have them.
func (w *Webhooks) takeOver(ctx context.Context) error {
	if w.DB.Shared() {
		return nil
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE webhooks SET lease_by = NULL, due_at = $1 WHERE lease_by IS NOT NULL`, store.Micros(w.Now()))
		return err
	})
}

// work is one webhook in a worker's hands.
type work struct {
	workspaceID, webhookID, leaseBy string
	until                           time.Time
	restsUntil                      time.Time // nothing is delivered before
}

// start leases due webhooks for the free workers of a pool and sets those to work.
func (d *deliverer) start(attempts context.Context, p *pool) (started int, err error) {
	n := len(p.free)
	if n == 0 {
		return 0, nil
	}
	now := d.Now()
	due := `due_at <= $1 AND disabled_at IS NULL AND ` + p.condition
	var found bool
	if err := d.DB.QueryRow(d.stop, `SELECT EXISTS (SELECT 1 FROM webhooks WHERE `+due+`)`, store.Micros(now)).Scan(&found); err != nil ||
		!found {
		return 0, err
	}
	by := store.NewID()
	var claimed []work
	err = d.DB.Update(d.stop, func(tx *store.Tx) error {
		// A leased webhook is due when its lease ends: one index finds both what is due and what
		// was left behind.
		rows, err := tx.Query(d.stop, `UPDATE webhooks SET lease_by = $2, due_at = $3 WHERE (workspace_id, webhook_id) IN
			(SELECT workspace_id, webhook_id FROM webhooks WHERE `+due+` ORDER BY due_at LIMIT $4 `+d.DB.SkipLocked()+`)
			RETURNING workspace_id, webhook_id`, store.Micros(now), by, store.Micros(now.Add(lease)), n)
		claimed, err = store.All(rows, err, func(rows *sql.Rows) (k work, err error) {
			k.leaseBy, k.until = by, now.Add(lease)
			err = rows.Scan(&k.workspaceID, &k.webhookID)
			return k, err
		})
		return err
	})
	for _, k := range claimed {
		<-p.free
		d.running.Go(func() {
			defer func() {
				p.free <- struct{}{}
				d.Wake()
			}()
			d.run(attempts, k)
		})
	}
	return len(claimed), err
}

// untilNext is how long nothing will be due that a free worker could do.
func (d *deliverer) untilNext(ctx context.Context) time.Duration {
	most := time.Second
	if !d.DB.Shared() {
		most = time.Minute
	}
	for _, p := range d.pools {
		if len(p.free) == 0 {
			continue // a worker that has finished wakes Run
		}
		var at sql.NullInt64
		err := d.DB.QueryRow(ctx, `SELECT min(due_at) FROM webhooks WHERE disabled_at IS NULL AND `+p.condition).Scan(&at)
		if err != nil {
			return time.Second
		}
		if at.Valid {
			most = min(most, store.Time(at.Int64).Sub(d.Now()))
		}
	}
	return max(most, time.Millisecond)
}

// run delivers what is due of one webhook, in order, until nothing is, something fails, or others
// should have their turn.
func (d *deliverer) run(ctx context.Context, k work) {
	defer func() {
		if v := recover(); v != nil {
			d.Log.Error("webhooks: a worker ended in a bug", "webhook_id", k.webhookID, "error", fmt.Sprintf("%v\n%s", v, debug.Stack()))
		}
	}()
	gone := false
	began := d.Now()
	for range turn {
		if d.stop.Err() != nil || d.Now().Sub(began) > turnTime {
			break
		}
		on, err := d.once(ctx, &k)
		gone = errors.Is(err, errGone)
		if err != nil && !gone {
			d.Log.Error("webhooks: delivering failed; it is tried again when the lease runs out", "workspace_id", k.workspaceID, "webhook_id",
				k.webhookID, "error", err)
			return
		}
		if !on {
			break
		}
	}
	if err := d.release(context.WithoutCancel(ctx), k, gone); err != nil {
		d.Log.Error("webhooks: giving a lease back failed; it will run out", "webhook_id", k.webhookID, "error", err)
	}
}

// errGone says that the webhook's workspace was deleted.
var errGone = errors.New("the workspace is deleted")

// message is a delivery with what it needs.
type message struct {
	deliveryID string
	eventID    string
	eventType  string
	deviceID   string
	payload    sql.NullString
	attempts   int
	body       []byte // nil: the event is no longer kept
	sandbox    bool
	hook       row
}

// once makes one attempt; on is false when this webhook should rest.
func (d *deliverer) once(ctx context.Context, k *work) (on bool, err error) {
	if k.until.Sub(d.Now()) < timeout+5*time.Second {
		if held, err := d.renew(ctx, k); err != nil || !held {
			return false, err
		}
	}
	m, ok, err := d.next(ctx, k)
	if err != nil || !ok {
		return false, err
	}
	if m.hook.pausedUntil.After(d.Now()) {
		k.restsUntil = m.hook.pausedUntil
		return false, nil
	}
	if m.body == nil {
		return true, d.drop(ctx, k, m)
	}
	switch v, err := d.judge(ctx, k, m); {
	case err != nil:
		return false, err
	case v == skip:
		return true, d.drop(ctx, k, m)
	case v == rest:
		k.restsUntil = d.Now().Add(nap)
		return false, nil
	case v == end:
		return false, d.change(ctx, k.workspaceID, k.webhookID, func(tx *store.Tx, r row) error { return d.end(ctx, tx, k.workspaceID, r.ID) })
	}
	a, pausedUntil, ok := d.attempt(ctx, k, m)
	if !ok {
		return false, nil // the server stops: that is no failure of the receiver
	}
	k.restsUntil = pausedUntil
	if err := d.record(context.WithoutCancel(ctx), k, m, a, pausedUntil); err != nil {
		return false, err
	}
	return a.Status == "success", nil
}

func (d *deliverer) renew(ctx context.Context, k *work) (held bool, err error) {
	until := d.Now().Add(lease)
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE webhooks SET due_at = $4 WHERE workspace_id = $1 AND webhook_id = $2 AND lease_by = $3`,
			k.workspaceID, k.webhookID, k.leaseBy, store.Micros(until))
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		held = n > 0
		return err
	})
	k.until = until
	return held, err
}

// next reads the delivery that is due first; ok is false when there is none.
func (d *deliverer) next(ctx context.Context, k *work) (m message, ok bool, err error) {
	var sandbox sql.NullBool
	var device sql.NullString
	var doc, sealed []byte
	err = d.DB.QueryRow(ctx, `SELECT l.delivery_id, l.event_id, l.event_type, l.payload, l.attempts, e.doc, e.secret, e.device_id, s.is_sandbox
		FROM webhook_deliveries l
		LEFT JOIN events e ON e.workspace_id = l.workspace_id AND e.event_id = l.event_id
		LEFT JOIN workspaces s ON s.workspace_id = l.workspace_id AND s.deleted_at IS NULL
		WHERE l.workspace_id = $1 AND l.webhook_id = $2 AND l.next_at <= $3 ORDER BY l.next_at, l.seq, l.delivery_id LIMIT 1`,
		k.workspaceID, k.webhookID, store.Micros(d.Now())).Scan(&m.deliveryID, &m.eventID, &m.eventType, &m.payload, &m.attempts, &doc, &sealed,
		&device, &sandbox)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	} else if err != nil {
		return m, false, err
	}
	if !sandbox.Valid {
		return m, false, errGone
	}
	m.sandbox, m.deviceID = sandbox.Bool, device.String
	switch {
	case m.payload.Valid:
		m.body = []byte(m.payload.String)
	case doc != nil:
		if m.body, err = d.Events.Serve(k.workspaceID, m.eventID, doc, sealed); err != nil {
			return m, false, err
		}
	}
	m.hook, err = d.scan(k.workspaceID, d.DB.QueryRow(ctx, columns+` AND webhook_id = $2 AND disabled_at IS NULL AND lease_by = $3`,
		k.workspaceID, k.webhookID, k.leaseBy).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil // deleted, disabled, or leased by another worker by now
	}
	return m, err == nil, err
}

func (d *deliverer) drop(ctx context.Context, k *work, m message) error {
	return d.DB.Update(ctx, func(tx *store.Tx) error { return forget(ctx, tx, k, m) })
}

func forget(ctx context.Context, tx *store.Tx, k *work, m message) error {
	_, err := tx.Exec(ctx, `DELETE FROM webhook_deliveries WHERE workspace_id = $1 AND webhook_id = $2 AND delivery_id = $3`, k.workspaceID,
		k.webhookID, m.deliveryID)
	return err
}

// attempt sends a message; ok is false if it was canceled because the server stops. pausedUntil is the time before
// which the receiver asked for nothing to be sent; zero: it did not.
func (d *deliverer) attempt(ctx context.Context, k *work, m message) (a Attempt, pausedUntil time.Time, ok bool) {
	start := time.Now()
	a = Attempt{ID: store.NewID(), WebhookID: k.webhookID, EventID: m.eventID, EventType: m.eventType, Number: m.attempts + 1,
		CreatedAt: rpc.Time{Time: d.Now()}, Status: "success"}
	got, err := d.post(ctx, m)
	if ctx.Err() != nil {
		return a, pausedUntil, false
	}
	a.Duration, a.Response = time.Since(start).Milliseconds(), tidy(got.beginning)
	if got.status != 0 {
		a.StatusCode = &got.status
	}
	text := ""
	switch {
	case err != nil:
		text = outbound.Explain(err)
	case got.status >= 300 && got.status < 400:
		text = "The answer was a redirect, which is not followed"
	case got.status < 200 || got.status >= 300:
		text = fmt.Sprintf("The answer was %d", got.status)
	default:
		return a, pausedUntil, true
	}
	a.Status, a.Error = "error", &text
	if got.retryAfter > 0 {
		pausedUntil = a.CreatedAt.Add(got.retryAfter)
	}
	if a.Number < len(schedule) {
		wait := schedule[a.Number]
		// A tenth at random, so that what failed together does not come back together.
		a.NextAttemptAt = rpc.Time{Time: a.CreatedAt.Add(wait + rand.N(wait/10+1))}
		if pausedUntil.After(a.NextAttemptAt.Time) {
			a.NextAttemptAt.Time = pausedUntil
		}
	}
	return a, pausedUntil, true
}

// answer is what a receiver answered; its status is 0 when there was no answer.
type answer struct {
	status     int
	beginning  []byte        // of the body
	retryAfter time.Duration // asked for by the receiver; 0: not
}

// retryAfter reads a Retry-After header: seconds, or a date. What cannot be read is no pause.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		wait = maxPause
	} else if at, err := http.ParseTime(text); err == nil {
		// From the receiver's clock, where it sends one.
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		wait = at.Sub(now)
	}
	return max(0, min(wait, maxPause))
}

func (d *deliverer) post(ctx context.Context, m message) (got answer, err error) {
	// The address is looked at again: it may have been allowed when it was given, and not now.
	if _, err := d.Guard.Check(m.hook.URL, m.sandbox); err != nil {
		return got, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.hook.URL, bytes.NewReader(m.body))
	if err != nil {
		return got, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", d.UserAgent)
	// A name without a value is not sent; it makes the transport retry if the receiver closed a connection
	// that it had kept open while the message was on its way.
	r.Header["Idempotency-Key"] = nil
	if err := sign(r.Header, m.hook.secrets, m.eventID, d.Now(), m.body); err != nil {
		return got, err
	}
	res, err := d.clients[m.sandbox].Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) && u.Timeout() {
			return got, context.DeadlineExceeded
		}
		return got, err
	}
	defer func() { _ = res.Body.Close() }()
	got = answer{status: res.StatusCode, retryAfter: retryAfter(res.Header, d.Now())}
	got.beginning, err = io.ReadAll(io.LimitReader(res.Body, mostResponse))
	if err != nil && res.StatusCode < 300 {
		err = nil // it was received: the rest of the response is not needed
	}
	return got, err
}

// record writes down how an attempt went, and what comes of it.
func (d *deliverer) record(ctx context.Context, k *work, m message, a Attempt, pausedUntil time.Time) error {
	err := d.DB.Update(ctx, func(tx *store.Tx) error {
		// Written even if nothing changes, and so locked until the commit: a webhook that is deleted
		// takes its attempts along, and none may come behind.
		held, args := `UPDATE webhooks SET failing_since = NULL, paused_until = NULL WHERE workspace_id = $1 AND webhook_id = $2`,
			[]any{k.workspaceID, k.webhookID}
		if a.Status == "error" {
			held = `UPDATE webhooks SET failing_since = COALESCE(failing_since, $3), paused_until = $4 WHERE workspace_id = $1 AND webhook_id = $2`
			args = append(args, store.Micros(a.CreatedAt.Time), store.MicrosOrNull(pausedUntil))
		}
		r, err := tx.Exec(ctx, held, args...)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if err := d.insertAttempt(ctx, tx, k.workspaceID, a, m.payload); err != nil {
			return err
		}
		if a.NextAttemptAt.IsZero() {
			return forget(ctx, tx, k, m)
		}
		_, err = tx.Exec(ctx,
			`UPDATE webhook_deliveries SET attempts = $4, next_at = $5 WHERE workspace_id = $1 AND webhook_id = $2 AND delivery_id = $3`,
			k.workspaceID, k.webhookID, m.deliveryID, a.Number, store.Micros(a.NextAttemptAt.Time))
		return err
	})
	if err != nil || a.Status == "success" {
		return err
	}
	since := m.hook.failingSince
	if since.IsZero() {
		since = a.CreatedAt.Time
	}
	if gone := a.StatusCode != nil && *a.StatusCode == http.StatusGone; gone || a.CreatedAt.Sub(since) >= giveUp {
		return d.disable(ctx, k, m.hook.URL, since, gone)
	}
	return nil
}

// disable gives up on a webhook that nothing has reached for days, or whose receiver says that it is gone, and
// reports it in the event log, the audit log, the server's log and in mails to the workspace's owners.
func (d *deliverer) disable(ctx context.Context, k *work, address string, since time.Time, gone bool) error {
	description, reason := "Nothing could be delivered to the webhook for five days, so it was disabled.", "failing"
	if gone {
		description, reason = "The webhook's receiver answered that it is gone (410), so the webhook was disabled.", "gone"
	}
	now, disabled := d.Now(), false
	err := d.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx,
			`UPDATE webhooks SET disabled_at = $3 WHERE workspace_id = $1 AND webhook_id = $2 AND disabled_at IS NULL AND failing_since IS NOT NULL`,
			k.workspaceID, k.webhookID, store.Micros(now))
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if disabled = n > 0; err != nil || !disabled {
			return err
		}
		err = d.Events.Append(ctx, tx, k.workspaceID, event.Event{Type: string(event.WebhookDisabled), OccurredAt: now, Fields: map[string]any{
			"webhook_id": k.webhookID, "failing_since": rpc.Time{Time: since}, "event_description": description,
		}})
		if err != nil {
			return err
		}
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		// Of its address the host: the rest may contain a secret.
		err = d.Mail.PostToOwners(ctx, tx, k.workspaceID, string(event.WebhookDisabled),
			mail.Facts{"host": u.Host, "failing_since": since, "gone": gone,
				"path": mail.Link("/console/workspaces/" + k.workspaceID + "/developer/webhooks/" + k.webhookID)})
		if err != nil {
			return err
		}
		return d.audit(ctx, tx, audit.Server, "webhook.disabled", k.workspaceID, k.webhookID,
			map[string]any{"failing_since": rpc.Time{Time: since}, "reason": reason})
	}, store.Workspace(k.workspaceID))
	if disabled && err == nil {
		d.Log.Warn("webhook disabled", "reason", reason, "workspace_id", k.workspaceID, "webhook_id", k.webhookID)
	}
	return err
}

// release gives a lease back and notes when the webhook is due next; never, when its workspace is
// gone.
func (d *deliverer) release(ctx context.Context, k work, gone bool) error {
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE webhooks SET lease_by = NULL, due_at = NULL WHERE workspace_id = $1 AND webhook_id = $2 AND lease_by = $3`,
			k.workspaceID, k.webhookID, k.leaseBy)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 || gone {
			return err
		}
		// A statement of its own, which begins when the row is locked: so it sees the deliveries of
		// everyone who locked the row before.
		// What is due goes behind all that waits for its turn, however long it has been due itself.
		from := d.Now()
		if k.restsUntil.After(from) {
			from = k.restsUntil
		}
		_, err = tx.Exec(ctx, `UPDATE webhooks SET due_at = (SELECT CASE WHEN min(next_at) < $3 THEN $3 ELSE min(next_at) END
			FROM webhook_deliveries WHERE workspace_id = $1 AND webhook_id = $2) WHERE workspace_id = $1
			AND webhook_id = $2`, k.workspaceID, k.webhookID, store.Micros(from))
		return err
	})
}
