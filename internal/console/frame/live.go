package frame

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyway/internal/platform/clock"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
)

// A page stays true while it is open, without more than its template has:
//
//	<section id="codes" data-live="device:{{.Device.ID}}">…</section>
//
// What is marked is fetched again from the page's own address, and put into place, when something
// happens to what data-live names: "device:<id>", "access_code:<id>" and so on for events about one
// (each field of an event that ends in _id), "device" for any, "event" for every event, "workspace" for every
// change in the workspace, also one that no event reports, "clock" for a move of its clock, or "instance" for
// people, memberships, tokens and sign-ins. Of these, pages of no workspace hear only the last. Several stand
// with spaces between. The element needs an id. What a person is doing in it (focus, scroll, an open dialog,
// menu or details, typed text) stays; dialogs are best kept outside. Without a script pages are as they
// were loaded.

// LiveHeader marks what a page's script requests automatically. It takes no message away from the page
// that it is for, and does not keep the session of a person who has left from being idle.
const LiveHeader = "Keyway-Live"

func (q *Request) byItself() bool {
	return q.R.Header.Get(LiveHeader) != "" || strings.HasSuffix(q.R.URL.Path, changesPath)
}

const changesPath = "/changes"

// everything is the subject sent to a page that may have missed some.
const everything = "*"

// position is how far what a page shows has changed.
type position struct {
	run       string // of the server, for counts that restart with it
	instance  uint64
	workspace uint64 // zero for a page of no workspace
}

func (p position) String() string {
	return p.run + "-" + strconv.FormatUint(p.instance, 10) + "-" + strconv.FormatUint(p.workspace, 10)
}

// liveURL is where a page of a workspace, or of none, hears of changes since it was made.
func liveURL(workspaceID string, made position) string {
	at := Root
	if workspaceID != "" {
		at = WorkspacePath(workspaceID)
	}
	return at + changesPath + "?since=" + made.String()
}

func (s *Console) position(ctx context.Context, workspaceID string) (p position, err error) {
	p.run = s.run
	if p.instance, err = s.DB.Latest(ctx, store.Instance); err == nil && workspaceID != "" {
		p.workspace, err = s.DB.Latest(ctx, store.Workspace(workspaceID))
	}
	return p, err
}

// errGone ends a stream whose session, membership or workspace is no more.
var errGone = errors.New("nobody may listen any more")

// changes notifies a page of changes, as server-sent events with lists of subjects, until the session
// ends. If there is no one to notify, it answers no content, not an error, so that the browser stops asking.
func (q *Request) changes() error {
	id := q.R.PathValue("workspace")
	if q.User == nil || id != "" && q.Current == nil {
		q.status = http.StatusNoContent
		q.W.WriteHeader(q.status)
		return nil
	}
	among := id // whose streams are bounded in number
	if among == "" {
		among = q.User.ID
	}
	q.status = http.StatusOK
	err := q.Streams.Serve(q.W, q.R, rpc.Caller{WorkspaceID: among, PersonID: q.User.ID},
		func(ctx context.Context, s *rpc.Stream) error { return q.tellChanges(ctx, s, id) })
	if errors.Is(err, errGone) || errors.Is(err, context.Canceled) || q.R.Context().Err() != nil {
		err = nil
	}
	return err
}

func (q *Request) tellChanges(ctx context.Context, s *rpc.Stream, workspaceID string) error {
	scopes := []store.Scope{store.Instance}
	if workspaceID != "" {
		scopes = append(scopes, store.Workspace(workspaceID))
	}
	changed, stop := q.DB.Watch(scopes...)
	defer stop()
	seen := q.R.URL.Query().Get("since")
	if s.LastEventID != "" {
		seen = s.LastEventID
	}
	t, err := q.told(ctx, workspaceID) // before the position: what comes between is reported twice rather than left out
	if err != nil {
		return err
	}
	var last position
	for checked := time.Now(); ; {
		now, err := q.position(ctx, workspaceID)
		if err != nil {
			return err
		}
		if now != last || time.Since(checked) > sessionLook {
			checked = time.Now()
			if err := q.still(workspaceID); errors.Is(err, errGone) {
				return errors.Join(err, s.Send(seen, []byte(`["gone"]`))) // the page finds out what is left
			} else if err != nil {
				return err
			}
		}
		if text := now.String(); text != seen {
			subjects := []string{everything}
			if last.run != "" {
				if subjects, err = t.since(ctx, last, now); err != nil {
					return err
				}
			}
			data, err := json.Marshal(subjects)
			if err != nil {
				return err
			}
			if err := s.Send(text, data); err != nil {
				return err
			}
			seen = text
		}
		last = now
		if err := s.Wait(ctx, changed); err != nil {
			return err
		}
	}
}

// told is what has been reported to a page about its workspace, if it has one.
type told struct {
	q           *Request
	workspaceID string
	head        int64         // of its event log
	ahead       time.Duration // how far its clock is
}

func (q *Request) told(ctx context.Context, workspaceID string) (t told, err error) {
	t = told{q: q, workspaceID: workspaceID}
	if t.head, err = q.Events.Head(ctx, workspaceID); err == nil {
		t.ahead, err = clock.Offset(ctx, q.DB, workspaceID)
	}
	return t, err
}

// since lists what changed from one position to another.
func (t *told) since(ctx context.Context, last, now position) (subjects []string, err error) {
	if now.workspace != last.workspace {
		if subjects, t.head, err = t.q.Events.Subjects(ctx, t.workspaceID, t.head); err != nil {
			return nil, err
		}
		ahead, err := clock.Offset(ctx, t.q.DB, t.workspaceID)
		if err != nil {
			return nil, err
		}
		if subjects = append(subjects, "workspace"); ahead != t.ahead {
			subjects = append(subjects, "clock")
		}
		t.ahead = ahead
	}
	if now.instance != last.instance {
		subjects = append(subjects, "instance")
	}
	return subjects, nil
}

// sessionLook is how long a session that ends by time alone is believed to be there.
const sessionLook = 15 * time.Second

// still returns errGone unless the person is still signed in and, of a workspace, a member.
func (q *Request) still(workspaceID string) error {
	again := &Request{Console: q.Console, R: q.R}
	if err := again.readSession(); err != nil {
		return err
	}
	if again.User == nil {
		return errGone
	}
	if workspaceID == "" {
		return nil
	}
	all, err := q.Workspaces.OfUser(q.R.Context(), again.User.ID)
	for _, m := range all {
		if m.ID == workspaceID {
			return err
		}
	}
	return errors.Join(err, errGone)
}
