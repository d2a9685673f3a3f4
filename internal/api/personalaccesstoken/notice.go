package personalaccesstoken

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/job"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// The jobs of this room, which are also their keys: there is one of each.
const (
	expiryJob = "personal_access_token.expiry"
	jobsEvery = time.Hour
)

// How long things are kept.
const (
	keepRefusals = 7 * 24 * time.Hour
	keepUses     = 90 * 24 * time.Hour
	keepNetworks = 400 * 24 * time.Hour
)

// thresholds are the days before its expiry at which a token's owner is notified.
var thresholds = []int{0, 1, 7, 30}

// tell appends an event about a token to the logs of the workspaces that its owner is a member of
// and that it may open, and mails it to the owner.
type tell func(what event.Type, fields map[string]any) error

// notify runs fn in a transaction that may notify about a token.
func (t *Tokens) notify(ctx context.Context, c credential.Credential, fn func(tx *store.Tx, tell tell) error) error {
	workspaces, err := t.opens(ctx, t.DB, c)
	if err != nil {
		return err
	}
	scopes := []store.Scope{store.Instance}
	for _, w := range workspaces {
		scopes = append(scopes, store.Workspace(w.id))
	}
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		return fn(tx, func(what event.Type, fields map[string]any) error {
			about := map[string]any{"personal_access_token_id": c.ID, "personal_access_token_name": c.Name, "hint": c.Hint(), "user_id": c.UserID}
			maps.Copy(about, fields)
			for _, w := range workspaces {
				if err := t.Events.Append(ctx, tx, w.id, event.Event{Type: string(what), Fields: about}); err != nil {
					return err
				}
			}
			return t.post(ctx, tx, c, what, about, workspaces)
		})
	}, scopes...)
}

// post mails what happened to a token's owner: once an hour for each token, or key of it, and kind of notice,
// wherever it is used from, so that no one who has an expired or revoked token can fill a mailbox.
func (t *Tokens) post(ctx context.Context, tx *store.Tx, c credential.Credential, what event.Type, about map[string]any,
	workspaces []opened) error {
	if !t.Mail.On() {
		return nil
	}
	now := t.Now()
	first, err := tellOnce(ctx, tx, c.ID, fmt.Sprint("told by mail ", what, " ", about["hint"]), now)
	if err != nil || !first {
		return err
	}
	var to string
	err = tx.QueryRow(ctx, `SELECT email FROM users WHERE user_id = $1 AND disabled_at IS NULL`, c.UserID).Scan(&to)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	} else if err != nil {
		return err
	}
	names := make([]string, 0, len(workspaces))
	for _, w := range workspaces {
		names = append(names, w.name)
	}
	facts := mail.Facts{"at": now, "workspaces": names, "path": mail.Link("/console/settings/personal-access-tokens/" + c.ID)}
	maps.Copy(facts, about)
	return t.Mail.Post(ctx, tx, to, string(what), facts)
}

// tellOnce reports whether this is the first notice of its kind about a token in this clock hour, counting
// those by another process or before a restart.
func tellOnce(ctx context.Context, tx *store.Tx, id, what string, now time.Time) (bool, error) {
	r, err := tx.Exec(ctx,
		`INSERT INTO token_counters (credential_id, counter, value) VALUES ($1, $2, $3) ON CONFLICT (credential_id, counter) DO NOTHING`,
		id, what+" "+now.UTC().Format("2006-01-02T15"), store.Micros(now))
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// alarm runs fn, which notifies of something about a token, once for each network and hour. A workspace
// key raises none.
func (t *Tokens) alarm(ctx context.Context, id, what string, by audit.Actor,
	fn func(tx *store.Tx, c credential.Credential, tell tell) error) error {
	now := t.Now()
	network := networkOf(by.Address)
	if !t.watch.firstAlarm(id+" "+what, network, now) {
		return nil
	}
	c, err := credential.Get(ctx, t.DB, credential.PersonalAccessToken, id)
	if errors.Is(err, credential.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return t.notify(ctx, c, func(tx *store.Tx, tell tell) error {
		if first, err := tellOnce(ctx, tx, c.ID, "told "+what+" "+network, now); err != nil || !first {
			return err
		}
		return fn(tx, c, tell)
	})
}

// opened is a workspace that a token opens.
type opened struct {
	id, name string
	sandbox  bool
}

// opens lists the workspaces that a token's owner is a member of and that the token may open.
func (t *Tokens) opens(ctx context.Context, q store.Querier, c credential.Credential) ([]opened, error) {
	rows, err := q.Query(ctx,
		`SELECT w.workspace_id, w.name, w.is_sandbox FROM memberships m JOIN workspaces w ON w.workspace_id = m.workspace_id
		WHERE m.user_id = $1 AND w.deleted_at IS NULL ORDER BY w.workspace_id`, c.UserID)
	all, err := store.All(rows, err, func(rows *sql.Rows) (w opened, err error) {
		err = rows.Scan(&w.id, &w.name, &w.sandbox)
		return w, err
	})
	var out []opened
	for _, w := range all {
		if (w.sandbox || !c.Limits.SandboxOnly) && (c.Limits.WorkspaceIDs == nil || slices.Contains(c.Limits.WorkspaceIDs, w.id)) {
			out = append(out, w)
		}
	}
	return out, err
}

// RegisterJobs registers this package's jobs with the runner.
func (t *Tokens) RegisterJobs() {
	t.Jobs.Handle(expiryJob, func(ctx context.Context, j job.Job) error {
		return t.again(ctx, j, t.TellExpiring(ctx))
	}, job.Recurring(time.Hour))
	t.Jobs.Handle(leakJob, t.tellLeaked)
}

// StartJobs schedules the notices of expiring tokens.
func (t *Tokens) StartJobs(ctx context.Context) error {
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		return t.Jobs.Schedule(ctx, tx, expiryJob, expiryJob, "", struct{}{}, t.Now())
	})
}

// again runs a job again later, unless it failed, which the runner handles.
func (t *Tokens) again(ctx context.Context, j job.Job, err error) error {
	if err != nil {
		return err
	}
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		if err := t.Jobs.Schedule(ctx, tx, j.Kind, j.Kind, "", struct{}{}, t.Now().Add(jobsEvery)); err != nil {
			return err
		}
		return j.Finish(ctx, tx)
	})
}

// toldAfter is for how long it is said that a token has expired.
const toldAfter = 3 * 24 * time.Hour

// Expiring lists a person's tokens that expire within some days or have just expired, the soonest first.
func (t *Tokens) Expiring(ctx context.Context, userID string, within time.Duration) ([]Token, error) {
	// Every page of the Console asks; with no such date, which is the rule, an index answers.
	last := t.Now().Add(within)
	var n int
	err := t.DB.QueryRow(ctx,
		`SELECT count(*) FROM credentials WHERE kind = $1 AND expires_at > $2 AND expires_at < $3 AND user_id = $4 AND revoked_at IS NULL`,
		string(credential.PersonalAccessToken), store.Micros(t.Now().Add(-toldAfter)), store.Micros(last), userID).Scan(&n)
	if err != nil || n == 0 {
		return nil, err
	}
	all, err := t.List(ctx, userID)
	if err != nil {
		return nil, err
	}
	var out []Token
	for _, tok := range all {
		if (tok.Status == Active || tok.Status == Expired && tok.ExpiresAt.After(t.Now().Add(-toldAfter))) && !tok.ExpiresAt.IsZero() &&
			tok.ExpiresAt.Before(last) {
			out = append(out, tok)
		}
	}
	slices.SortFunc(out, func(a, b Token) int { return a.ExpiresAt.Compare(b.ExpiresAt.Time) })
	return out, nil
}

// TellExpiring notifies owners of tokens that expire in 30, 7, 1 and 0 days: once for each. There is no notice for a
// threshold that is longer than the token's lifetime.
func (t *Tokens) TellExpiring(ctx context.Context) error {
	now := t.Now()
	rows, err := t.DB.Query(ctx, `SELECT credential_id, COALESCE(expiry_notice, -1) FROM credentials
		WHERE kind = $1 AND expires_at > $2 AND expires_at <= $3 AND revoked_at IS NULL AND successor_id IS NULL AND (expiry_notice IS NULL
		OR expiry_notice > 0)`,
		string(credential.PersonalAccessToken), store.Micros(now.AddDate(0, 0, -1)),
		store.Micros(now.AddDate(0, 0, thresholds[len(thresholds)-1])))
	type found struct {
		id   string
		told int
	}
	all, err := store.All(rows, err, func(rows *sql.Rows) (f found, err error) {
		err = rows.Scan(&f.id, &f.told)
		return f, err
	})
	if err != nil {
		return err
	}
	for _, f := range all {
		c, err := credential.Get(ctx, t.DB, credential.PersonalAccessToken, f.id)
		if err != nil {
			return err
		}
		days := dueNotice(c, now)
		if days < 0 || f.told >= 0 && f.told <= days {
			continue
		}
		if err := t.tellExpiring(ctx, c, days); err != nil {
			return err
		}
	}
	return nil
}

// dueNotice is how many days before its expiry a token's owner should know of it now; -1: not yet.
func dueNotice(c credential.Credential, now time.Time) int {
	for _, days := range thresholds {
		lives := c.ExpiresAt.Sub(c.CreatedAt)
		if !now.AddDate(0, 0, days).Before(c.ExpiresAt) {
			if lives <= time.Duration(max(days, 1))*24*time.Hour {
				return -1
			}
			return days
		}
	}
	return -1
}

func (t *Tokens) tellExpiring(ctx context.Context, c credential.Credential, days int) error {
	return t.notify(ctx, c, func(tx *store.Tx, tell tell) error {
		r, err := tx.Exec(ctx,
			`UPDATE credentials SET expiry_notice = $2 WHERE credential_id = $1 AND (expiry_notice IS NULL OR expiry_notice > $2)`, c.ID, days)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err // another process was first
		}
		if err := t.Audit.Add(ctx, tx, audit.Entry{Actor: audit.Server, Action: "personal_access_token.expiring", SubjectID: c.ID,
			Detail: map[string]any{"days": days}}); err != nil {
			return err
		}
		return tell(event.TokenExpiring, map[string]any{"expires_at": rpc.Time{Time: c.ExpiresAt}, "days": days})
	})
}
