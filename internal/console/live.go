package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyway/internal/rpc"
	"keyway/internal/store"
)

// A page of a workspace stays true while it is open, without more than its template has:
//
//	<section id="codes" data-live="device:{{.Device.ID}}">…</section>
//
// What is marked is fetched again from the page's own address, and put into place, when an event
// tells of what data-live names: "device:<id>", "access_code:<id>" and so on for the id of one (each
// field of an event that ends in _id), "device" for any, "event" for every event, or "workspace" for
// every change in the workspace, also one that no event tells of. Several stand with spaces between.
// The element needs an id. What a person is doing in it (focus, scroll, an open dialog, menu or
// details, typed text) stays; dialogs are best kept outside. Without a script pages are as they
// were loaded.

// liveHeader marks what a page's script asks for by itself. It takes no message away from the page
// that it is for, and does not keep the session of a person who has left from being idle.
const liveHeader = "Keyway-Live"

func (q *request) byItself() bool {
	return q.r.Header.Get(liveHeader) != "" || strings.HasSuffix(q.r.URL.Path, changesPath)
}

const changesPath = "/changes"

// everything is the subject sent to a page that may have missed some.
const everything = "*"

// liveURL is where the page that is being made hears of changes since now.
func (q *request) liveURL(at string) string {
	return workspacePath(q.current.ID) + changesPath + "?since=" + at
}

// position is how far a workspace has changed. It says which run of the server counted, for a count
// that starts anew with it.
func (s *console) position(ctx context.Context, workspaceID string) (string, error) {
	n, err := s.DB.Latest(ctx, store.Workspace(workspaceID))
	return s.run + "-" + strconv.FormatUint(n, 10), err
}

// errGone ends a stream whose session, membership or workspace is no more.
var errGone = errors.New("nobody may listen any more")

// changes tells a page what changes in its workspace, as server-sent events with lists of subjects,
// until the session ends. Nobody to tell is no error but no content: a browser then asks no more.
func (q *request) changes() error {
	if q.current == nil || q.current.ID != q.r.PathValue("workspace") {
		q.status = http.StatusNoContent
		q.w.WriteHeader(q.status)
		return nil
	}
	q.status = http.StatusOK
	err := q.Streams.Serve(q.w, q.r, q.current.ID, q.tellChanges)
	if errors.Is(err, errGone) || errors.Is(err, context.Canceled) || q.r.Context().Err() != nil {
		err = nil
	}
	return err
}

func (q *request) tellChanges(ctx context.Context, s *rpc.Stream) error {
	id := q.current.ID
	changed, stop := q.DB.Watch(store.Instance, store.Workspace(id))
	defer stop()
	seen := q.r.URL.Query().Get("since")
	if s.LastEventID != "" {
		seen = s.LastEventID
	}
	at, err := q.Events.Head(ctx, id)
	if err != nil {
		return err
	}
	var people uint64
	for first, checked := true, time.Now(); ; first = false {
		now, err := q.position(ctx, id)
		if err != nil {
			return err
		}
		instance, err := q.DB.Latest(ctx, store.Instance)
		if err != nil {
			return err
		}
		if now != seen || instance != people || time.Since(checked) > sessionLook {
			people, checked = instance, time.Now()
			if err := q.still(); errors.Is(err, errGone) {
				return errors.Join(err, s.Send(seen, []byte(`["gone"]`))) // the page finds out what is left
			} else if err != nil {
				return err
			}
		}
		if now != seen {
			subjects := []string{everything}
			if !first {
				if subjects, at, err = q.Events.Subjects(ctx, id, at); err != nil {
					return err
				}
			}
			text, err := json.Marshal(append(subjects, "workspace"))
			if err != nil {
				return err
			}
			if err := s.Send(now, text); err != nil {
				return err
			}
			seen = now
		}
		if err := s.Wait(ctx, changed); err != nil {
			return err
		}
	}
}

// sessionLook is how long a session that ends by time alone is believed to be there.
const sessionLook = 15 * time.Second

// still returns errGone unless the person is still signed in and a member.
func (q *request) still() error {
	again := &request{console: q.console, r: q.r}
	if err := again.readSession(); err != nil {
		return err
	}
	if again.user == nil {
		return errGone
	}
	all, err := q.Workspaces.OfUser(q.r.Context(), again.user.ID)
	for _, m := range all {
		if m.ID == q.current.ID {
			return err
		}
	}
	return errors.Join(err, errGone)
}
