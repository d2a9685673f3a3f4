package account

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
)

// sessions are the open sessions of this process.
type sessions struct {
	mu     sync.RWMutex
	open   map[sessionKey]*link
	closed bool // the server is shutting down: no more are opened
}

type sessionKey struct{ workspaceID, accountID string }

var _ device.Sessions = (*Accounts)(nil)

// errClosed is returned for sessions after Close.
var errClosed = errors.New("the server is shutting down")

// Session gives the open session of an account, and opens it where none is open yet. It returns nil for an
// account whose driver this build does not have, and connected_account_not_found.
func (a *Accounts) Session(ctx context.Context, q store.Querier, workspaceID, id string) (provider.Session, error) {
	key := sessionKey{workspaceID, id}
	a.sessions.mu.RLock()
	l := a.sessions.open[key]
	a.sessions.mu.RUnlock()
	if l != nil {
		return l.session, nil
	}
	l, err := a.openSession(ctx, q, key)
	if err != nil || l == nil {
		return nil, err
	}
	return l.session, nil
}

func (a *Accounts) openSession(ctx context.Context, q store.Querier, key sessionKey) (*link, error) {
	name, acc, err := a.Opening(ctx, q, key.workspaceID, key.accountID)
	if err != nil {
		return nil, err
	}
	driver, ok := a.Providers.Driver(name)
	if !ok {
		return nil, nil
	}
	a.sessions.mu.Lock()
	defer a.sessions.mu.Unlock()
	if a.sessions.closed {
		return nil, errClosed
	}
	if l := a.sessions.open[key]; l != nil {
		return l, nil
	}
	l := newLink(a, key, acc)
	if l.session, err = driver.Open(l.life, acc, l); err != nil {
		a.Log.Error("an account cannot be opened", "workspace_id", key.workspaceID, "connected_account_id", key.accountID, "driver", name,
			"error", err)
		l.State(provider.AccountState{Status: provider.Refused, Since: a.Now(),
			Message: "The stored sign-in can no longer be used. Connect the account again."})
	}
	if a.sessions.open == nil {
		a.sessions.open = map[sessionKey]*link{}
	}
	a.sessions.open[key] = l
	return l, nil
}

// reopen reopens the session of an account with what was stored last.
func (a *Accounts) reopen(ctx context.Context, workspaceID, id string) error {
	a.closeSession(workspaceID, id)
	_, err := a.Session(ctx, a.DB, workspaceID, id)
	return err
}

// closeSession ends the session of an account, if one is open. What it has reported and is not written yet
// is dropped.
func (a *Accounts) closeSession(workspaceID, id string) {
	key := sessionKey{workspaceID, id}
	a.sessions.mu.Lock()
	l := a.sessions.open[key]
	delete(a.sessions.open, key)
	a.sessions.mu.Unlock()
	if l != nil {
		l.drop()
		a.closeLink(l)
	}
}

func (a *Accounts) closeLink(l *link) {
	l.end()
	if l.session == nil {
		return
	}
	if err := l.session.Close(); err != nil {
		a.Log.Warn("a session did not close", "workspace_id", l.key.workspaceID, "connected_account_id", l.key.accountID, "error", err)
	}
}

// WorkspaceReset does nothing: sessions outlive it.
func (a *Accounts) WorkspaceReset(context.Context, string) error { return nil }

// WorkspaceDeleted ends the sessions of a workspace that was deleted.
func (a *Accounts) WorkspaceDeleted(workspaceID string) {
	a.sessions.mu.RLock()
	var ids []string
	for key := range a.sessions.open {
		if key.workspaceID == workspaceID {
			ids = append(ids, key.accountID)
		}
	}
	a.sessions.mu.RUnlock()
	for _, id := range ids {
		a.closeSession(workspaceID, id)
	}
}

// openedAtOnce is how many accounts are read with one query at the start.
const openedAtOnce = 500

// OpenAll opens the sessions of all accounts, until ctx ends. It returns how many accounts have a driver that
// this build does not have.
func (a *Accounts) OpenAll(ctx context.Context) (orphans int, err error) {
	for last := (Peer{}); ; {
		peers, err := peersAfter(ctx, a.DB, last, openedAtOnce)
		if err != nil {
			return orphans, err
		}
		for _, p := range peers {
			switch s, err := a.Session(ctx, a.DB, p.WorkspaceID, p.AccountID); {
			case fault.Is(err, fault.ConnectedAccountNotFound): // deleted meanwhile
			case errors.Is(err, errClosed):
				return orphans, nil
			case err != nil:
				return orphans, err
			case s == nil:
				orphans++
			}
		}
		if len(peers) < openedAtOnce {
			return orphans, nil
		}
		last = peers[len(peers)-1]
	}
}

// Close ends all sessions and returns when what they have reported is written, or when ctx ends.
func (a *Accounts) Close(ctx context.Context) error {
	a.sessions.mu.Lock()
	a.sessions.closed = true
	links := make([]*link, 0, len(a.sessions.open))
	for _, l := range a.sessions.open {
		links = append(links, l)
	}
	clear(a.sessions.open)
	a.sessions.mu.Unlock()
	var closing sync.WaitGroup
	for batch := range slices.Chunk(links, max(1, len(links)/closers+1)) {
		closing.Go(func() {
			for _, l := range batch {
				a.closeLink(l)
			}
		})
	}
	closing.Wait()
	var errs []error
	for _, l := range links {
		errs = append(errs, l.wait(ctx))
	}
	return errors.Join(errs...)
}

// closers is how many sessions are closed at once.
const closers = 16

// Flush returns when everything that the session of an account has reported so far is written.
func (a *Accounts) Flush(ctx context.Context, workspaceID, id string) error {
	a.sessions.mu.RLock()
	l := a.sessions.open[sessionKey{workspaceID, id}]
	a.sessions.mu.RUnlock()
	if l == nil {
		return nil
	}
	return l.wait(ctx)
}

// Overflows is how many times a session was reopened because it reported faster than could be written.
func (a *Accounts) Overflows() int64 { return a.overflows.Load() }

// overflow reopens a session that has reported more than is kept: what it then reports is the whole.
func (a *Accounts) overflow(l *link) {
	a.overflows.Add(1)
	a.Log.Error("a session reports faster than can be written; it is opened anew", "workspace_id", l.key.workspaceID, "connected_account_id",
		l.key.accountID)
	a.sessions.mu.Lock()
	current := a.sessions.open[l.key] == l
	if current {
		delete(a.sessions.open, l.key)
	}
	a.sessions.mu.Unlock()
	a.closeLink(l)
	if !current {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := a.Session(ctx, a.DB, l.key.workspaceID, l.key.accountID); err != nil && !errors.Is(err, errClosed) {
		a.Log.Error("a session could not be opened anew", "workspace_id", l.key.workspaceID, "connected_account_id", l.key.accountID,
			"error", err)
	}
}
