package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// maxWait bounds how long an operation waits for the database: for a connection or its turn, and for the
// answer to each statement. Once the database has missed that, operations wait for maxWaitSilent only until
// it answers one again. So a request that meets a database which does not answer fails within ten seconds.
const (
	maxWait       = 7 * time.Second
	maxWaitSilent = 2 * time.Second
)

var (
	// errNoAnswer ends an operation that the database did not answer in time.
	errNoAnswer = fmt.Errorf("%w: it does not answer", errUnavailable)

	// ErrOutcomeUnknown is returned by Update when the connection or the disk failed during the commit and
	// the database could not be asked since: the change is stored, or is not. A caller must not be invited
	// to repeat what it asked for.
	ErrOutcomeUnknown = errors.New("the change may have been stored")
)

// deadlines is how long operations wait at the moment.
type deadlines struct{ silent atomic.Bool }

func (p *deadlines) limit() time.Duration {
	if p.silent.Load() {
		return maxWaitSilent
	}
	return maxWait
}

// note remembers whether the database answered: anything but errNoAnswer and the caller's own end is an answer.
func (p *deadlines) note(err error) {
	switch {
	case errors.Is(err, errNoAnswer):
		p.silent.Store(true)
	case p.silent.Load() && (err == nil || !Unavailable(err) && !errors.Is(err, context.Canceled)):
		p.silent.Store(false)
	}
}

// bounded is a context that ends when the database does not answer in time, with an error that says so. It
// hides the context that it is made from: contexts derived from it get its error and no other.
type bounded struct {
	context.Context // for its values
	limited         context.Context
}

func (b bounded) Deadline() (time.Time, bool) { return b.limited.Deadline() }
func (b bounded) Done() <-chan struct{}       { return b.limited.Done() }

func (b bounded) Err() error {
	if errors.Is(context.Cause(b.limited), errNoAnswer) {
		return errNoAnswer
	}
	return b.limited.Err()
}

// AfterFunc lets package context derive from it without a goroutine that waits.
func (b bounded) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(b.limited, f) }

// bound bounds one query with its rows. What it takes is released with the parent, or after the limit:
// only the reader of the rows knows when they end.
func (p *deadlines) bound(ctx context.Context) context.Context {
	limited, cancel := context.WithTimeoutCause(ctx, p.limit(), errNoAnswer)
	_ = cancel
	return bounded{ctx, limited}
}

// watchdog bounds a transaction: it ends the transaction's context unless each statement begins within
// the limit after the one before.
type watchdog struct {
	ctx    bounded
	limit  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
	detach func() bool
}

func (p *deadlines) watch(parent context.Context) *watchdog {
	values := context.WithoutCancel(parent)
	ctx, cancel := context.WithCancelCause(values)
	w := &watchdog{ctx: bounded{values, ctx}, limit: p.limit(), cancel: cancel}
	w.timer = time.AfterFunc(w.limit, func() { cancel(errNoAnswer) })
	w.detach = context.AfterFunc(parent, func() { cancel(context.Cause(parent)) })
	return w
}

// touch restarts the limit.
func (w *watchdog) touch() { w.timer.Reset(w.limit) }

// commit restarts the limit for a commit, which the end of the caller's context no longer interrupts.
// It returns false when the transaction has ended already.
func (w *watchdog) commit() bool {
	w.detach()
	w.touch()
	return w.ctx.Err() == nil
}

// stop releases the context.
func (w *watchdog) stop() {
	w.detach()
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// explain replaces what a driver says of its ended context by why it ended.
func (w *watchdog) explain(err error) error {
	if err != nil && errors.Is(context.Cause(w.ctx.limited), errNoAnswer) && !errors.Is(err, errNoAnswer) {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return err
}
