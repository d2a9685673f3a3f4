package account

import (
	"context"
	"maps"
	"slices"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
)

const (
	writtenAtOnce = 32 // reports about devices that are written with one commit
	foundAtOnce   = 50 // devices that are added with one commit
	recordTries   = 5  // how often a report is tried that cannot be written
	firstRetry    = 200 * time.Millisecond
	recordTimeout = time.Minute
)

// work writes down what is queued, in order, until nothing is.
func (l *link) work() {
	for {
		items := l.take(writtenAtOnce)
		if items == nil {
			return
		}
		if err := l.record(items); err == nil || len(items) == 1 && l.retry(items, err) {
			continue
		}
		for i := range items { // one of them may be what cannot be written
			if err := l.record(items[i : i+1]); err != nil {
				l.retry(items[i:i+1], err)
			}
		}
	}
}

// retry tries an item again that could not be written, a few times with growing pauses, and gives it up
// then. It always returns true.
func (l *link) retry(items []*item, err error) bool {
	pause := firstRetry
	for range recordTries {
		if permanent(err) {
			return true
		}
		select {
		case <-time.After(pause):
		case <-l.life.Done():
		}
		pause *= 2
		if err = l.record(items); err == nil {
			return true
		}
	}
	l.accounts.Log.Error("a report of a session cannot be written and is given up", "workspace_id", l.key.workspaceID, "connected_account_id",
		l.key.accountID,
		"device", items[0].device, "error", err)
	return true
}

// permanent reports whether an error says that what a report is about is gone.
func permanent(err error) bool {
	return fault.Is(err, fault.ConnectedAccountNotFound) || fault.Is(err, fault.WorkspaceNotFound) || fault.Is(err, fault.DeviceNotFound)
}

// record writes items down that are of one kind.
func (l *link) record(items []*item) error {
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	it := items[0]
	switch {
	case it.list != nil:
		return l.recordList(ctx, *it.list)
	case it.state != nil:
		return l.recordState(ctx, *it.state)
	case it.found != nil:
		return l.add(ctx, []provider.Device{*it.found})
	case it.gone:
		return l.recordGone(ctx, []string{it.device})
	}
	return l.recordStates(ctx, items)
}

// recordStates writes reports, occurrences and changes of codes down. Where all are known already it
// writes nothing.
func (l *link) recordStates(ctx context.Context, items []*item) error {
	news := false
	err := l.accounts.DB.View(ctx, func(q store.Querier) error {
		for _, it := range items {
			r, err := l.reach(ctx, q, it.device)
			if fault.Is(err, fault.DeviceNotFound) {
				continue
			} else if err != nil {
				return err
			}
			if it.report == nil || r.IsNews(*it.report) {
				news = true
				return nil
			}
		}
		return nil
	})
	if err != nil || !news {
		return err
	}
	return l.update(ctx, func(tx *store.Tx) error {
		for _, it := range items {
			r, err := l.reach(ctx, tx, it.device)
			if fault.Is(err, fault.DeviceNotFound) {
				continue // of a device that this workspace does not take in, or that was deleted
			} else if err != nil {
				return err
			}
			switch {
			case it.occurrence != nil:
				err = l.accounts.Devices.Occur(ctx, tx, &r, *it.occurrence)
			case it.codes != nil:
				err = l.accounts.Devices.CodesChanged(ctx, tx, &r, it.codes.slots)
			case r.IsNews(*it.report):
				err = l.accounts.Devices.Observe(ctx, tx, &r, *it.report)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (l *link) reach(ctx context.Context, q store.Querier, externalID string) (device.Reached, error) {
	return l.accounts.Devices.ReachFound(ctx, q, l.key.workspaceID, l.key.accountID, externalID)
}

func (l *link) update(ctx context.Context, fn func(*store.Tx) error) error {
	return l.accounts.DB.Update(ctx, fn, store.Workspace(l.key.workspaceID))
}

// add adds devices, or renews the description of those that are known. Where nothing is new it writes
// nothing.
func (l *link) add(ctx context.Context, devices []provider.Device) error {
	var acc Account
	var of device.Account
	read := func(q store.Querier) (err error) {
		acc, err = one(q.QueryRow(ctx, accountByID, l.key.workspaceID, l.key.accountID))
		if err != nil {
			return err
		}
		name, opening, err := l.accounts.Opening(ctx, q, l.key.workspaceID, l.key.accountID)
		driver, _ := l.accounts.Providers.Driver(name)
		of = acc.Of(BrandOf(driver, opening.Brand))
		return err
	}
	var news []provider.Device
	err := l.accounts.DB.View(ctx, func(q store.Querier) error {
		news = nil
		if err := read(q); err != nil {
			return err
		}
		for _, dev := range devices {
			isNews, err := l.accounts.Devices.IsNews(ctx, q, l.key.workspaceID, of, dev)
			if err != nil {
				return err
			}
			if isNews {
				news = append(news, dev)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(news, foundAtOnce) {
		err := l.update(ctx, func(tx *store.Tx) error {
			if err := read(tx); err != nil {
				return err
			}
			for _, dev := range chunk {
				if err := l.accounts.Devices.Add(ctx, tx, l.key.workspaceID, of, dev); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// recordList records a complete list of the account's devices.
func (l *link) recordList(ctx context.Context, list []provider.Device) error {
	if err := l.add(ctx, list); err != nil {
		return err
	}
	known, err := l.accounts.Devices.OfAccount(ctx, l.accounts.DB, l.key.workspaceID, l.key.accountID)
	if err != nil {
		return err
	}
	if gone := l.lacking(list, known); len(gone) > 0 {
		if err := l.recordGone(ctx, gone); err != nil {
			return err
		}
	}
	at, err := syncedAt(ctx, l.accounts.DB, l.key.workspaceID, l.key.accountID)
	if err != nil || at > 0 {
		return err
	}
	return l.update(ctx, func(tx *store.Tx) error {
		acc, err := one(tx.QueryRow(ctx, accountByID, l.key.workspaceID, l.key.accountID))
		if err != nil {
			return err
		}
		return l.accounts.synced(ctx, tx, l.key.workspaceID, acc)
	})
}

// lacking notes which known devices a complete list lacks, and gives those that lists have lacked for long
// enough. For those that it lacks for the first time, it has another list asked for.
func (l *link) lacking(list []provider.Device, known map[string]string) (gone []string) {
	if len(list) == 0 {
		return nil // a hub that has just started knows nothing yet
	}
	now := l.accounts.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, dev := range list {
		delete(l.missing, dev.ExternalID)
		delete(known, dev.ExternalID)
	}
	again := false
	for id := range known {
		switch since, noted := l.missing[id]; {
		case !noted:
			l.missing[id], again = now, true
		case now.Sub(since) >= provider.GoneAfter:
			gone = append(gone, id)
		default:
			again = true
		}
	}
	for id := range l.missing {
		if _, still := known[id]; !still {
			delete(l.missing, id)
		}
	}
	if again && !l.dropped {
		if l.relisted != nil {
			l.relisted.Stop()
		}
		l.relisted = time.AfterFunc(provider.GoneAfter+time.Second, l.listAgain)
	}
	return gone
}

// listAgain asks for another list, if the peer is there.
func (l *link) listAgain() {
	l.mu.Lock()
	ask := !l.dropped && l.status != provider.Reconnecting && l.status != provider.Refused
	l.mu.Unlock()
	if !ask || l.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(l.life, syncTimeout)
	defer cancel()
	if err := l.session.Refresh(ctx); err != nil {
		l.accounts.Log.Warn("the devices of an account could not be listed again", "workspace_id", l.key.workspaceID, "connected_account_id",
			l.key.accountID, "error", err)
	}
}

// recordGone records that devices were removed at the peer.
func (l *link) recordGone(ctx context.Context, ids []string) error {
	for chunk := range slices.Chunk(ids, foundAtOnce) {
		err := l.update(ctx, func(tx *store.Tx) error {
			return l.eachOf(ctx, tx, chunk, func(r *device.Reached) error { return l.accounts.Devices.Removed(ctx, tx, r) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// recordState shows how the connection is on the account and on each of its devices. Where it shows already
// it writes nothing.
func (l *link) recordState(ctx context.Context, s provider.AccountState) error {
	acc, err := one(l.accounts.DB.QueryRow(ctx, accountByID, l.key.workspaceID, l.key.accountID))
	if err != nil {
		return err
	}
	wasDown := acc.has(disconnected) || acc.has(bridgeDown)
	account := func() error {
		if !acc.take(s) {
			return nil
		}
		return l.update(ctx, func(tx *store.Tx) error { return l.recordAccountState(ctx, tx, s) })
	}
	switch {
	case s.Status != provider.Connected:
		if err := account(); err != nil {
			return err
		}
		return l.recordDevicesState(ctx, s.Status)
	case wasDown:
		// The account last: while it shows that it is down, the devices are still to be looked at.
		if err := l.recordDevicesState(ctx, s.Status); err != nil {
			return err
		}
	}
	return account()
}

// recordDevicesState shows how the connection is on the devices of the account.
func (l *link) recordDevicesState(ctx context.Context, s provider.Status) error {
	known, err := l.accounts.Devices.OfAccount(ctx, l.accounts.DB, l.key.workspaceID, l.key.accountID)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(known)), foundAtOnce) {
		news, err := l.lackState(ctx, chunk, s)
		if err != nil {
			return err
		}
		if len(news) == 0 {
			continue
		}
		err = l.update(ctx, func(tx *store.Tx) error {
			return l.eachOf(ctx, tx, news, func(r *device.Reached) error { return l.accounts.Devices.SetAccountState(ctx, tx, r, s) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// recordAccountState shows how the connection is on the account.
func (l *link) recordAccountState(ctx context.Context, tx *store.Tx, s provider.AccountState) error {
	acc, err := one(tx.QueryRow(ctx, accountByID, l.key.workspaceID, l.key.accountID))
	if err != nil {
		return err
	}
	wasDisconnected, wasDown, wasAsked := acc.has(disconnected), acc.has(bridgeDown), acc.hasWarning(reauthorize)
	if !acc.take(s) {
		return nil
	}
	if err := l.accounts.save(ctx, tx, l.key.workspaceID, acc); err != nil {
		return err
	}
	now := l.accounts.Now()
	switch {
	case !wasDisconnected && acc.has(disconnected):
		return l.accounts.Events.Append(ctx, tx, l.key.workspaceID, acc.withProblems("connected_account.disconnected", now))
	case (wasDisconnected || wasDown) && s.Status == provider.Connected:
		return l.accounts.Events.Append(ctx, tx, l.key.workspaceID, acc.event("connected_account.connected", now))
	case !wasAsked && acc.hasWarning(reauthorize):
		return l.accounts.Events.Append(ctx, tx, l.key.workspaceID, acc.withProblems("connected_account.reauthorization_requested", now))
	}
	return nil
}

// lackState gives the devices among some that do not show a state of the connection yet.
func (l *link) lackState(ctx context.Context, ids []string, s provider.Status) (lack []string, err error) {
	err = l.accounts.DB.View(ctx, func(q store.Querier) error {
		lack = nil
		return l.eachOf(ctx, q, ids, func(r *device.Reached) error {
			if !r.Shows(s) {
				lack = append(lack, r.Ref.Device)
			}
			return nil
		})
	})
	return lack, err
}

// eachOf reaches devices by the ids that the driver knows them by, but for those that are gone.
func (l *link) eachOf(ctx context.Context, q store.Querier, ids []string, do func(*device.Reached) error) error {
	for _, id := range ids {
		r, err := l.reach(ctx, q, id)
		if fault.Is(err, fault.DeviceNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if err := do(&r); err != nil {
			return err
		}
	}
	return nil
}

// take changes the account's errors and warnings to what the state of its connection is, and reports whether
// they are others now.
func (a *Account) take(s provider.AccountState) (changed bool) {
	codes := func() (out []string) {
		for _, e := range a.Errors {
			out = append(out, e.Code, e.Message)
		}
		for _, w := range a.Warnings {
			out = append(out, w.Code)
		}
		return out
	}
	was := codes()
	since := rpc.Time{Time: s.Since.Truncate(time.Millisecond)}
	old := a.Errors
	a.Errors = slices.DeleteFunc(slices.Clone(a.Errors), func(e Error) bool { return e.Code == disconnected || e.Code == bridgeDown })
	e := Error{Code: disconnected, Message: "The account was disconnected. Connect it again.", IsAccountError: true, CreatedAt: since}
	switch s.Status {
	case provider.Refused:
		if s.Message != "" {
			e.Message = s.Message
		}
	case provider.Reconnecting:
		e = Error{Code: bridgeDown, Message: "The account's hub or service does not answer. Keyway keeps trying.", IsBridgeError: true,
			CreatedAt: since}
	default:
		e = Error{}
	}
	if e.Code != "" {
		for _, o := range old {
			if o.Code == e.Code {
				e.CreatedAt = o.CreatedAt
			}
		}
		a.Errors = append(a.Errors, e)
	}
	switch {
	case !s.SignInSoon:
		a.clear(reauthorize)
	case !a.hasWarning(reauthorize):
		a.Warnings = append(a.Warnings, Warning{reauthorize,
			"The brand asks for a new sign-in. Connect the account again before it is disconnected.", since})
	}
	return !slices.Equal(was, codes())
}

func (a *Account) hasWarning(code string) bool {
	return slices.ContainsFunc(a.Warnings, func(w Warning) bool { return w.Code == code })
}
