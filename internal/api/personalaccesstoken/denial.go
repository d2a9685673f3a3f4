package personalaccesstoken

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// A denial is a refusal of a credential that had proved possession of its secret, as the audit log
// records it: a stale client in a loop makes two entries an hour, not one for each request.
type denial struct {
	credentialID, workspaceID, reason, address string
	hour                                       int64 // since 1970
}

// denied is what happened of a denial and is not in the audit log yet.
type denied struct {
	count    int64
	endpoint string // of the first
	told     bool   // there is an entry; later refusals are recorded when the hour is over
}

// mostDenials is how many workspaces, reasons and addresses of a credential are distinguished in an hour.
const mostDenials = 20

const hour = int64(time.Hour / time.Second)

// deny counts a refusal. The caller holds mu.
func (m *memory) deny(r rpc.Refusal, now time.Time) {
	reason := fault.ReasonOf(r.Error)
	if reason == "" { // the answer was one that everyone gets
		return
	}
	if m.denials == nil {
		m.denials, m.deniedTo = map[denial]*denied{}, map[denial]int{}
	}
	all := denial{credentialID: r.CredentialID, hour: now.Unix() / hour}
	d := denial{r.CredentialID, r.WorkspaceID, reason, r.Address, all.hour}
	x := m.denials[d]
	if x == nil && m.deniedTo[all] >= mostDenials {
		d = denial{r.CredentialID, r.WorkspaceID, reason, "", all.hour} // from more addresses than are distinguished
		x = m.denials[d]
	}
	if x == nil {
		if len(m.denials) >= mostHeld {
			return
		}
		x = &denied{endpoint: r.Endpoint}
		m.denials[d] = x
		m.deniedTo[all]++
	}
	x.count++
}

// FlushDenials writes to the audit log who was refused what: the first of a kind soon, and how many
// more there were when the hour is over, or the server ends.
func (t *Tokens) FlushDenials(ctx context.Context, ends bool) error {
	m, now := &t.watch, t.Now().Unix()/hour
	due := map[denial]denied{}
	m.mu.Lock()
	for d, x := range m.denials {
		switch {
		case x.count > 0 && (!x.told || ends || d.hour < now):
			due[d] = *x
		case d.hour < now:
			delete(m.denials, d)
			delete(m.deniedTo, denial{credentialID: d.credentialID, hour: d.hour})
		}
	}
	m.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	// No scope: no cache depends on it.
	if err := t.DB.Update(ctx, func(tx *store.Tx) error {
		for d, x := range due {
			if err := t.auditDenial(ctx, tx, d, x); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for d, x := range due {
		m.denials[d].count -= x.count
		m.denials[d].told = true
	}
	return nil
}

func (t *Tokens) auditDenial(ctx context.Context, tx *store.Tx, d denial, x denied) error {
	var kind credential.Kind
	var user, parent sql.NullString
	err := tx.QueryRow(ctx,
		`SELECT c.kind, COALESCE(c.user_id, p.user_id), c.parent_id FROM credentials c LEFT JOIN credentials p ON p.credential_id = c.parent_id
		WHERE c.credential_id = $1`, d.credentialID).Scan(&kind, &user, &parent)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // a session
	} else if err != nil {
		return err
	}
	by := audit.Actor{Kind: string(kind), UserID: user.String, CredentialID: d.credentialID, Address: d.address}
	subject := d.credentialID
	switch kind {
	case credential.APIKey:
		by.UserID = "" // it belongs to its workspace
	case credential.WorkspaceKey:
		subject = parent.String
	}
	return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: string(kind) + ".denied", WorkspaceID: d.workspaceID, SubjectID: subject,
		Detail: map[string]any{"reason": d.reason, "endpoint": x.endpoint, "count": x.count, "since": rpc.Time{Time: time.Unix(d.hour*hour, 0)}}})
}
