// Package mail writes to people by the SMTP server that the operator names: durably and at least once.
//
// A mail is a row that is written in the transaction of what it is about. One job at a time takes what
// is due to the SMTP server: so a server that hangs delays only mails.
package mail

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/platform/job"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
)

// Outbox contains the rules about mails. A nil Outbox mails nothing.
type Outbox struct {
	DB        *store.DB
	Vault     *vault.Vault
	Jobs      *job.Runner
	Log       *slog.Logger
	Now       func() time.Time
	PublicURL string
	Server    *Server // nil: none is set up, and nothing is mailed
	// Count says what became of mails: see New.
	Count *prometheus.CounterVec
}

// New completes an Outbox and registers its job with the runner.
func New(o Outbox) *Outbox {
	o.Count = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_mails_total",
		Help: "Mails that the SMTP server took (sent), put off (deferred), and that will not be sent any more (given_up)."}, []string{"result"})
	for _, result := range []string{sent, deferred, givenUp} {
		o.Count.WithLabelValues(result) // there from the first: an alert on a rate needs the zero
	}
	o.Jobs.Handle(jobKind, o.work, job.In(job.Deliveries), job.Recurring(10*time.Minute))
	return &o
}

// On reports whether mails are sent.
func (o *Outbox) On() bool { return o != nil && o.Server != nil }

// keepTrying is how long a mail is tried before it is given up.
const keepTrying = 3 * 24 * time.Hour

// letter is what is sealed of a mail.
type letter struct{ To, Subject, Text string }

// Sealed are the columns of this room that contain secrets.
func Sealed() []vault.Column {
	return []vault.Column{{What: "mails that wait", Table: "mails", Name: "sealed", Key: []string{"mail_id"},
		Place: func(key []string) string {
			return place(key[0])
		}}}
}

func place(id string) string { return "mails/" + id }

// Post has a mail sent to a person's address when the transaction is on disk, unless no server is set
// up. The kind is one of Kinds; facts are what its template speaks of.
func (o *Outbox) Post(ctx context.Context, tx *store.Tx, to, kind string, facts Facts) error {
	if !o.On() {
		return nil
	}
	subject, text, err := render(kind, o.PublicURL, facts)
	if err != nil {
		return err
	}
	l, err := json.Marshal(letter{to, subject, text})
	if err != nil {
		return err
	}
	id, now := store.NewID(), o.Now()
	if _, err := tx.Exec(ctx,
		`INSERT INTO mails (mail_id, kind, sealed, attempts, next_at, created_at, expires_at) VALUES ($1, $2, $3, 0, $4, $4, $5)`,
		id, kind, o.Vault.Seal(place(id), l), store.Micros(now), store.Micros(now.Add(keepTrying))); err != nil {
		return err
	}
	return o.Jobs.Schedule(ctx, tx, jobKind, jobKind, "", struct{}{}, now)
}

// PostToOwners posts a mail to each owner of a workspace, whose name becomes a fact.
func (o *Outbox) PostToOwners(ctx context.Context, tx *store.Tx, workspaceID, kind string, facts Facts) error {
	if !o.On() {
		return nil
	}
	rows, err := tx.Query(ctx,
		`SELECT u.email, w.name FROM memberships m JOIN users u ON u.user_id = m.user_id JOIN workspaces w ON w.workspace_id = m.workspace_id
		WHERE m.workspace_id = $1 AND m.role = 'owner' AND u.disabled_at IS NULL ORDER BY u.email`, workspaceID)
	type owner struct{ email, workspace string }
	owners, err := store.All(rows, err, func(r *sql.Rows) (w owner, err error) {
		err = r.Scan(&w.email, &w.workspace)
		return w, err
	})
	for _, w := range owners {
		facts["workspace"] = w.workspace
		err = errors.Join(err, o.Post(ctx, tx, w.email, kind, facts))
	}
	return err
}
