package mail

import (
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	smtp "github.com/wneessen/go-mail"

	"keyway/internal/platform/job"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
)

// Server is the SMTP server that takes mails, and how to speak to it.
type Server struct {
	Host  string
	Port  int
	TLS   bool // from the first byte; otherwise by STARTTLS
	Local bool // on this machine: it may do without TLS, and its certificate proves nothing more
	// User and Password sign in; an empty User does not.
	User     string
	Password vault.Secret
	From     mail.Address
	dial     smtp.DialContextFunc // of tests
}

// timeout is how long the server may take to be reached, and then for each mail.
const timeout = 15 * time.Second

// connect dials, greets, begins TLS and signs in. Without Local there is no mail without TLS.
func (s *Server) connect(ctx context.Context) (*smtp.Client, error) {
	config := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	policy, auth := smtp.TLSMandatory, []smtp.SMTPAuthType{smtp.SMTPAuthPlain, smtp.SMTPAuthLogin}
	if s.Local {
		config.InsecureSkipVerify = true // there is no network in between, and local servers sign for themselves
		policy, auth = smtp.TLSOpportunistic, []smtp.SMTPAuthType{smtp.SMTPAuthPlainNoEnc, smtp.SMTPAuthLoginNoEnc}
	}
	options := []smtp.Option{smtp.WithPort(s.Port), smtp.WithTimeout(timeout), smtp.WithTLSConfig(config), smtp.WithTLSPolicy(policy)}
	if s.TLS {
		options = append(options, smtp.WithSSL())
	}
	if s.User != "" {
		options = append(options, smtp.WithOpportunisticSMTPAuth(auth...), smtp.WithUsername(s.User), smtp.WithPassword(s.Password.Reveal()))
	}
	if s.dial != nil {
		options = append(options, smtp.WithDialContextFunc(s.dial))
	}
	c, err := smtp.NewClient(s.Host, options...)
	if err != nil {
		return nil, err
	}
	if err := c.DialWithContext(ctx); err != nil {
		return nil, fmt.Errorf("the SMTP server %s: %w", c.ServerAddr(), err)
	}
	return c, nil
}

// Check connects and signs in, and with an address sends a test mail there.
func (s *Server) Check(ctx context.Context, testTo, publicURL string) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if testTo == "" {
		return nil
	}
	subject, text, err := render(Test, publicURL, nil)
	if err != nil {
		return err
	}
	m, err := s.message(store.NewID(), time.Now(), letter{testTo, subject, text})
	if err != nil {
		return err
	}
	return c.Send(m)
}

// message is a mail as it goes over the wire. A mail that is sent twice has the same Message-ID both
// times, by which mailboxes recognise it.
func (s *Server) message(id string, at time.Time, l letter) (*smtp.Msg, error) {
	m := smtp.NewMsg(smtp.WithNoDefaultUserAgent())
	m.FromMailAddress(&s.From)
	if err := m.To(l.To); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(s.From.Address, "@")
	m.SetMessageIDWithValue(id + "@" + domain)
	m.SetDateWithValue(at)
	m.Subject(l.Subject)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // no answers from who is away
	m.SetBodyString(smtp.TypeTextPlain, l.Text)
	return m, nil
}

const (
	jobKind = "mail" // and its key: there is one
	batch   = 20     // mails on one connection
	// mostBusy is how long a batch continues, so that a server that is to stop need not wait long.
	mostBusy = 10 * time.Second
)

// The outcomes of a mail.
const (
	sent     = "sent"
	deferred = "deferred"
	givenUp  = "given_up"
)

// row is a mail that is due.
type row struct {
	id, kind  string
	sealed    []byte
	attempts  int
	createdAt time.Time
}

// work sends what is due to the server. A server that does not answer fails the job, which is retried
// like any job; a mail that it does not accept now waits on its own.
func (o *Outbox) work(ctx context.Context, j job.Job) error {
	due, err := o.due(ctx)
	if err != nil {
		return err
	}
	if len(due) > 0 {
		if err := o.send(ctx, due); err != nil {
			return err
		}
	}
	return o.DB.Update(ctx, func(tx *store.Tx) error {
		var next sql.NullInt64
		if err := tx.QueryRow(ctx, `SELECT min(next_at) FROM mails`).Scan(&next); err != nil {
			return err
		}
		if !next.Valid {
			return j.Finish(ctx, tx)
		}
		return j.Again(ctx, tx, store.Time(next.Int64))
	})
}

// due gives up what is too old, and lists what is due.
func (o *Outbox) due(ctx context.Context) ([]row, error) {
	now := store.Micros(o.Now())
	var old []string
	err := o.DB.Update(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `DELETE FROM mails WHERE expires_at <= $1 RETURNING mail_id`, now)
		old, err = store.All(rows, err, store.One[string])
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, id := range old {
		o.Log.Error("a mail was given up: the SMTP server has not taken it for days", "mail_id", id)
		o.Count.WithLabelValues(givenUp).Inc()
	}
	rows, err := o.DB.Query(ctx,
		`SELECT mail_id, kind, sealed, attempts, created_at FROM mails WHERE next_at <= $1 ORDER BY next_at, mail_id LIMIT $2`, now, batch)
	return store.All(rows, err, func(r *sql.Rows) (m row, err error) {
		var created int64
		err = r.Scan(&m.id, &m.kind, &m.sealed, &m.attempts, &created)
		m.createdAt = store.Time(created)
		return m, err
	})
}

func (o *Outbox) send(ctx context.Context, due []row) error {
	if !o.On() {
		return errors.New("mails wait, and this server has no --smtp-url")
	}
	c, err := o.Server.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for began, i := time.Now(), 0; i < len(due) && time.Since(began) < mostBusy; i++ {
		if err := o.sendOne(ctx, c, due[i]); err != nil {
			return err
		}
	}
	return nil
}

// sendOne sends a mail and records its outcome. An error is about the connection or the
// database, not about the mail.
func (o *Outbox) sendOne(ctx context.Context, c *smtp.Client, r row) error {
	text, err := o.Vault.Open(place(r.id), r.sealed)
	var l letter
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	var m *smtp.Msg
	if err == nil {
		m, err = o.Server.message(r.id, r.createdAt, l)
	}
	if err != nil {
		return o.end(ctx, r, givenUp, err) // it will be no better later
	}
	err = c.Send(m)
	var failure *smtp.SendError
	switch {
	case err == nil || m.IsDelivered():
		return o.end(ctx, r, sent, nil)
	case !errors.As(err, &failure) || failure.ErrorCode() == 0:
		// Others go first the next time: it may be for this mail that the server hung up.
		return errors.Join(err, o.putOff(ctx, r, 5*time.Second, err))
	case failure.Reason == smtp.ErrSMTPRcptTo && failure.ErrorCode() >= 500:
		err = o.end(ctx, r, givenUp, err) // the address does not exist
	default:
		err = o.putOff(ctx, r, time.Minute, err)
	}
	return errors.Join(err, c.Reset()) // what went wrong with this mail is nothing to the next
}

// end removes a mail.
func (o *Outbox) end(ctx context.Context, r row, result string, why error) error {
	return o.record(ctx, r, result, why, `DELETE FROM mails WHERE mail_id = $1`)
}

// putOff has a mail retried after a time that doubles with each attempt.
func (o *Outbox) putOff(ctx context.Context, r row, first time.Duration, why error) error {
	next := o.Now().Add(min(first<<min(r.attempts, 10), time.Hour))
	return o.record(ctx, r, deferred, why, `UPDATE mails SET attempts = attempts + 1, next_at = $2 WHERE mail_id = $1`, store.Micros(next))
}

// record stores the outcome of a mail.
func (o *Outbox) record(ctx context.Context, r row, result string, why error, statement string, args ...any) error {
	err := o.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, statement, append([]any{r.id}, args...)...)
		return err
	})
	if err != nil {
		return err
	}
	o.Count.WithLabelValues(result).Inc()
	if why != nil {
		o.Log.Warn("a mail was not taken", "mail_id", r.id, "kind", r.kind, "attempt", r.attempts+1, "result", result, "error", why)
	}
	return nil
}
