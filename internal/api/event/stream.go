package event

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

const (
	streamBatch = 100                   // events read at once: an open stream keeps at most this many
	streamPause = 20 * time.Millisecond // between reads, so that many writes cost a stream few of them
	streamLook  = 20 * time.Second      // how long a quiet stream asks the database nothing
)

type streamInput struct {
	filter
	LastEventID string `json:"last_event_id" doc:"Begin behind this event, as the Last-Event-ID header does; without either the stream begins with what happens from now on."`
}

// stream sends the events of the caller's workspace in the order of their commits. It returns
// event_not_found when the event to begin after is not, or no longer, in the log, or when the next ones
// are deleted before they were sent: what was missed cannot be known, so it is not skipped silently.
func (l *Log) stream(ctx context.Context, in streamInput, s *rpc.Stream) error {
	p := credential.From(ctx)
	if s.LastEventID != "" {
		in.LastEventID = s.LastEventID
	}
	changed, stop := l.DB.Watch(store.Instance, store.Workspace(p.WorkspaceID))
	defer stop()
	at, err := l.position(ctx, p, in.LastEventID)
	if err != nil {
		return err
	}
	for {
		events, next, err := l.after(ctx, p, &in.filter, at)
		if err == nil && next != at {
			err = l.unbroken(ctx, p.WorkspaceID, at)
		}
		if err != nil {
			return err
		}
		// Asked between reading and sending: what was written after the credential's end, or
		// after a part of its reach was taken away, is never sent.
		again, err := s.Check()
		if err != nil {
			return err
		}
		if now := credential.From(again); !reflect.DeepEqual(now.Reach, p.Reach) {
			p = now
			continue
		}
		for _, e := range events {
			if err := s.Send(e.id, e.doc); err != nil {
				return err
			}
		}
		at = next
		if len(events) == streamBatch {
			continue
		}
		if err := l.quiet(ctx, s, changed, p); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(streamPause):
		}
	}
}

// quiet waits until there may be something to read, or the caller's credential may have ended. A commit anywhere wakes
// it, for all streams by one question of the process; what ends by time alone is known without a question. To be sure
// it looks from time to time all the same.
func (l *Log) quiet(ctx context.Context, s *rpc.Stream, changed <-chan struct{}, p credential.Principal) error {
	for began := l.Now(); ; {
		woken, err := s.WaitChanged(ctx, changed)
		if err != nil || woken {
			return err
		}
		now := l.Now()
		if now.Sub(began) >= streamLook || !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt) || p.AllowNow(now) != nil {
			return nil //nolint:nilerr // the next look at the credential refuses it
		}
	}
}

// position is the place of an event in the order; without one, that of the latest.
func (l *Log) position(ctx context.Context, p credential.Principal, eventID string) (seq int64, err error) {
	if eventID == "" {
		return l.Head(ctx, p.WorkspaceID)
	}
	w := l.DB.Where()
	w.Add("workspace_id = ?", p.WorkspaceID)
	w.Add("event_id = ?", eventID)
	p.Limit(w, "device_id", "connected_account_id", "customer_key")
	err = l.DB.QueryRow(ctx, `SELECT seq FROM events`+w.String(), w.Args...).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.EventNotFound)
	}
	return seq, err
}

// Head is the place of the workspace's latest event in the order of their commits; 0 before the
// first.
func (l *Log) Head(ctx context.Context, workspaceID string) (seq int64, err error) {
	err = l.DB.QueryRow(ctx, `SELECT seq FROM event_heads WHERE workspace_id = $1`, workspaceID).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, err
}

// unbroken returns event_not_found when events behind a place were taken away: asked after reading on
// from there, since the oldest go first.
func (l *Log) unbroken(ctx context.Context, workspaceID string, at int64) error {
	var oldest sql.NullInt64
	err := l.DB.QueryRow(ctx, `SELECT min(seq) FROM events WHERE workspace_id = $1`, workspaceID).Scan(&oldest)
	if err == nil && (!oldest.Valid || oldest.Int64 > at+1) {
		return fault.Missing(fault.EventNotFound)
	}
	return err
}

type streamed struct {
	id  string
	doc []byte
	seq int64
}

// after reads the next events behind a place, and the place up to which there are no others.
func (l *Log) after(ctx context.Context, p credential.Principal, f *filter, at int64) (events []streamed, next int64, err error) {
	// First how far to look: an event below that number is visible by now.
	head, err := l.Head(ctx, p.WorkspaceID)
	if err != nil || head == at {
		return nil, at, err
	}
	w := l.DB.Where()
	w.Add("workspace_id = ?", p.WorkspaceID)
	w.Add("seq > ?", at)
	w.Add("seq <= ?", head)
	p.Limit(w, "device_id", "connected_account_id", "customer_key")
	f.columns(w)
	for _, c := range f.refs() {
		// Looked up for each of the few new events, not for all that the resource ever had.
		about := l.DB.Where()
		about.Add("r.workspace_id = events.workspace_id")
		about.Add("r.name = ?", c.name)
		about.AddIn("r.resource_id", c.ids)
		about.Add("r.occurred_at = events.occurred_at")
		about.Add("r.event_id = events.event_id")
		w.AddSubquery("event_id", "SELECT r.event_id FROM event_refs r", about)
	}
	w.Args = append(w.Args, streamBatch)
	rows, err := l.DB.Query(ctx, `SELECT event_id, doc, secret, seq FROM events`+w.String()+` ORDER BY seq LIMIT `+store.Mark(len(w.Args)),
		w.Args...)
	events, err = store.All(rows, err, func(rows *sql.Rows) (e streamed, err error) {
		var doc, secret []byte
		if err := rows.Scan(&e.id, &doc, &secret, &e.seq); err != nil {
			return e, err
		}
		e.doc, err = l.Serve(p.WorkspaceID, e.id, doc, secret)
		return e, err
	})
	if next = head; len(events) == streamBatch {
		next = events[len(events)-1].seq
	}
	return events, next, err
}

// Subjects are what the next events behind a place are about, "device:<id>" for a device_id and so
// on, and the place to go on from: the one given when there are none.
func (l *Log) Subjects(ctx context.Context, workspaceID string, at int64) (subjects []string, next int64, err error) {
	for next = at; ; {
		events, behind, err := l.after(ctx, credential.Principal{WorkspaceID: workspaceID}, &filter{}, next)
		if err != nil {
			return nil, at, err
		}
		next = behind
		for _, e := range events {
			found, err := e.subjects()
			if err != nil {
				return nil, at, err
			}
			subjects = append(subjects, found...)
		}
		if len(events) < streamBatch {
			slices.Sort(subjects)
			return slices.Compact(subjects), next, nil
		}
	}
}

func (e streamed) subjects() (out []string, err error) {
	var doc map[string]any
	if err := json.Unmarshal(e.doc, &doc); err != nil {
		return nil, err
	}
	for field, value := range doc {
		kind, ok := strings.CutSuffix(field, "_id")
		if id, isText := value.(string); ok && isText && id != "" && kind != "workspace" {
			out = append(out, kind+":"+id)
		}
	}
	for _, r := range refsOf(doc) {
		out = append(out, strings.TrimSuffix(r.name, "_id")+":"+r.id)
	}
	return out, nil
}
