// Package action keeps action attempts: what was asked of a device or a workspace, and how it
// went. An attempt is pending until its job has settled it, exactly once.
package action

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
)

// Attempt is an action attempt as it is served (API contract §3.4).
type Attempt struct {
	ID     string          `json:"action_attempt_id"`
	Type   string          `json:"action_type"`
	Status string          `json:"status" enum:"pending success error"`
	Result json.RawMessage `json:"result"`
	Error  *Failure        `json:"error"`
}

// Failure says why an attempt did not succeed.
type Failure struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// Attempts starts, settles and reads action attempts.
type Attempts struct {
	DB    *store.DB
	Vault *vault.Vault
	Now   func() time.Time
}

// Sealed are the columns of this package that contain secrets.
func Sealed() []vault.Column {
	return []vault.Column{{What: "results of action attempts", Table: "action_attempts", Name: "result",
		Key:   []string{"workspace_id", "action_attempt_id"},
		Place: func(key []string) string { return vaultContext(key[0], key[1]) }}}
}

func vaultContext(workspaceID, id string) string {
	return "action_attempts/" + workspaceID + "/" + id + "/result"
}

// SealResult gives a pending or settled attempt a result with secrets in it: it is stored sealed, and served
// instead of the result in the attempt's document to who may read the access codes that it is about.
func (a *Attempts) SealResult(ctx context.Context, tx *store.Tx, workspaceID, id string, result any) error {
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE action_attempts SET result = $3 WHERE workspace_id = $1 AND action_attempt_id = $2`,
		workspaceID, id, a.Vault.Seal(vaultContext(workspaceID, id), text))
	return err
}

// withResult puts the sealed result of a successful attempt into its document, for who may read it.
func (a *Attempts) withResult(ctx context.Context, workspaceID, id, doc string, sealed []byte) (rpc.Doc[Attempt], error) {
	if len(sealed) == 0 || !credential.From(ctx).MayRead("access_codes") {
		return rpc.Doc[Attempt](doc), nil
	}
	var at Attempt
	if err := json.Unmarshal([]byte(doc), &at); err != nil || at.Status != "success" {
		return rpc.Doc[Attempt](doc), err
	}
	result, err := a.Vault.Open(vaultContext(workspaceID, id), sealed)
	if err != nil {
		return nil, err
	}
	at.Result = result
	return json.Marshal(at)
}

// Start writes a pending attempt.
func (a *Attempts) Start(ctx context.Context, tx *store.Tx, workspaceID, actionType, deviceID string) (Attempt, rpc.Doc[Attempt], error) {
	return a.add(ctx, tx, workspaceID, deviceID, Attempt{Type: actionType, Status: "pending", Result: json.RawMessage("null")})
}

// Succeed writes an attempt that has succeeded, with an empty result, because nothing has to be asked.
func (a *Attempts) Succeed(ctx context.Context, tx *store.Tx, workspaceID, actionType, deviceID string) (Attempt, rpc.Doc[Attempt], error) {
	return a.add(ctx, tx, workspaceID, deviceID, Attempt{Type: actionType, Status: "success", Result: json.RawMessage("{}")})
}

func (a *Attempts) add(ctx context.Context, tx *store.Tx, workspaceID, deviceID string, at Attempt) (Attempt, rpc.Doc[Attempt], error) {
	at.ID = store.NewID()
	doc, err := json.Marshal(at)
	if err != nil {
		return at, nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO action_attempts (workspace_id, action_attempt_id, device_id, status, doc, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, workspaceID, at.ID, store.TextOrNull(deviceID), at.Status, string(doc), store.Micros(a.Now()))
	return at, doc, err
}

// Settle ends a pending attempt with a result, or with a failure. settled is false when it has
// been settled before: then nothing is changed.
func (a *Attempts) Settle(ctx context.Context, tx *store.Tx, workspaceID, id string, result any, failure *Failure) (settled bool,
	err error) {
	at, err := a.read(ctx, tx, workspaceID, id)
	if err != nil || at.Status != "pending" {
		return false, err
	}
	at.Status = "success"
	if at.Result, err = json.Marshal(result); err != nil {
		return false, err
	}
	if failure != nil {
		at.Status, at.Result, at.Error = "error", json.RawMessage("null"), failure
	}
	doc, err := json.Marshal(at)
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `UPDATE action_attempts SET status = $3, doc = $4 WHERE workspace_id = $1 AND action_attempt_id = $2`, workspaceID,
		id, at.Status, string(doc))
	return err == nil, err
}

func (a *Attempts) read(ctx context.Context, q store.Querier, workspaceID, id string) (at Attempt, err error) {
	doc, err := a.Get(ctx, q, workspaceID, id)
	if err != nil {
		return at, err
	}
	return at, json.Unmarshal(doc, &at)
}

// Get reads an attempt as it is served; action_attempt_not_found when the workspace has none with
// the id.
func (a *Attempts) Get(ctx context.Context, q store.Querier, workspaceID, id string) (rpc.Doc[Attempt], error) {
	doc, _, err := a.Settled(ctx, q, workspaceID, id)
	return doc, err
}

// Settled reads an attempt as it is served, and whether it is pending no more. It returns
// action_attempt_not_found.
func (a *Attempts) Settled(ctx context.Context, q store.Querier, workspaceID, id string) (doc rpc.Doc[Attempt], settled bool, err error) {
	return a.scan(ctx, workspaceID, id, q.QueryRow(ctx,
		`SELECT doc, status, result FROM action_attempts WHERE workspace_id = $1 AND action_attempt_id = $2`, workspaceID, id))
}

func (a *Attempts) scan(ctx context.Context, workspaceID, id string, row *sql.Row) (doc rpc.Doc[Attempt], settled bool, err error) {
	var text, status string
	var result []byte
	err = row.Scan(&text, &status, &result)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.ActionAttemptNotFound)
	}
	if err != nil {
		return nil, false, err
	}
	doc, err = a.withResult(ctx, workspaceID, id, text, result)
	return doc, status != "pending", err
}

// Progress is how far an attempt has come.
type Progress struct {
	Settled  bool
	SentAt   time.Time // when the device was asked, or was about to be; zero: it was not
	Deadline time.Time // until when the outcome is expected; zero: it was not asked
}

// Progress reports how far an attempt has come. It returns action_attempt_not_found.
func (a *Attempts) Progress(ctx context.Context, q store.Querier, workspaceID, id string) (p Progress, err error) {
	var status string
	var sent, deadline sql.NullInt64
	err = q.QueryRow(ctx, `SELECT status, sent_at, deadline FROM action_attempts WHERE workspace_id = $1 AND action_attempt_id = $2`,
		workspaceID, id).Scan(&status, &sent, &deadline)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.ActionAttemptNotFound)
	}
	return Progress{status != "pending", store.TimeOrZero(sent), store.TimeOrZero(deadline)}, err
}

// Send writes down that the device of a pending attempt is about to be asked, and until when its outcome is
// expected: what was committed with it is never asked again. first is false when it was written before.
func (a *Attempts) Send(ctx context.Context, tx *store.Tx, workspaceID, id string, deadline time.Time) (first bool, err error) {
	r, err := tx.Exec(ctx, `UPDATE action_attempts SET sent_at = $3, deadline = $4
		WHERE workspace_id = $1 AND action_attempt_id = $2 AND status = 'pending'
		AND sent_at IS NULL`, workspaceID, id, store.Micros(a.Now()), store.Micros(deadline))
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// Expect changes until when the outcome of an attempt that was sent is expected.
func (a *Attempts) Expect(ctx context.Context, tx *store.Tx, workspaceID, id string, deadline time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE action_attempts SET deadline = $3 WHERE workspace_id = $1 AND action_attempt_id = $2`, workspaceID, id,
		store.Micros(deadline))
	return err
}

// Latest is the id of a device's newest attempt; empty when there is none.
func (a *Attempts) Latest(ctx context.Context, q store.Querier, workspaceID, deviceID string) (id string, err error) {
	err = q.QueryRow(ctx, `SELECT action_attempt_id FROM action_attempts WHERE workspace_id = $1 AND device_id = $2
		ORDER BY created_at DESC, action_attempt_id DESC LIMIT 1`, workspaceID, deviceID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, err
}

// Endpoints are the rows of /action_attempts.
func (a *Attempts) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/action_attempts/get", Summary: "Gets an action attempt: whether it is pending, and how it went.", Allow: rpc.Anyone,
			Role: rpc.Member, ByDevice: true, Read: true, Returns: "action_attempt", Secret: true, Handle: rpc.Func(a.get)},
		{Path: "/action_attempts/list", Summary: "Lists action attempts, of a device or by their ids.", Allow: rpc.Backend, Role: rpc.Member,
			ByDevice: true, Read: true, Returns: "action_attempts", PageSize: 500, Secret: true, Handle: rpc.Func(a.list)},
	}
}

type getInput struct {
	ID string `json:"action_attempt_id" rule:"required" doc:"ID of the action attempt."`
}

func (a *Attempts) get(ctx context.Context, in getInput) (rpc.Doc[Attempt], error) {
	return a.Reached(ctx, in.ID)
}

// Reached reads an attempt that the caller reaches; action_attempt_not_found when there is none.
func (a *Attempts) Reached(ctx context.Context, id string) (rpc.Doc[Attempt], error) {
	p := credential.From(ctx)
	w := a.DB.Where()
	w.Add("workspace_id = ?", p.WorkspaceID)
	w.Add("action_attempt_id = ?", id)
	p.LimitDevices(w, "device_id") // what is about no device is the workspace's own
	doc, _, err := a.scan(ctx, p.WorkspaceID, id, a.DB.QueryRow(ctx, `SELECT doc, status, result FROM action_attempts`+w.String(), w.Args...))
	return doc, err
}

type listInput struct {
	rpc.PageInput
	IDs      rpc.Opt[[]string] `json:"action_attempt_ids" rule:"max=10000" doc:"Only these."`
	DeviceID string            `json:"device_id" doc:"Only those of this device."`
}

func (a *Attempts) list(ctx context.Context, in listInput) (p rpc.Page[Attempt], err error) {
	from, limit, err := in.Start(ctx)
	if err != nil {
		return p, err
	}
	w := a.DB.Where()
	caller := credential.From(ctx)
	w.Add("workspace_id = ?", caller.WorkspaceID)
	caller.LimitDevices(w, "device_id")
	if in.IDs.Set {
		w.AddIn("action_attempt_id", in.IDs.Value)
	}
	if in.DeviceID != "" {
		w.AddEqual("device_id", in.DeviceID)
	}
	rows, short, err := w.Page(ctx, a.DB, "action_attempts", "action_attempt_id", from, limit)
	if err == nil {
		err = a.addResults(ctx, caller.WorkspaceID, rows)
	}
	return rpc.PageOf[Attempt](rows, limit, short), err
}

// addResults puts the sealed results of attempts into their documents.
func (a *Attempts) addResults(ctx context.Context, workspaceID string, rows []store.Row) error {
	at := map[string]int{}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i], at[r.ID] = r.ID, i
	}
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.Add("result IS NOT NULL")
	w.AddIn("action_attempt_id", ids)
	found, err := a.DB.Query(ctx, `SELECT action_attempt_id, result FROM action_attempts`+w.String(), w.Args...)
	_, err = store.All(found, err, func(found *sql.Rows) (struct{}, error) {
		var id string
		var result []byte
		if err := found.Scan(&id, &result); err != nil {
			return struct{}{}, err
		}
		r := &rows[at[id]]
		doc, err := a.withResult(ctx, workspaceID, id, string(r.Doc), result)
		r.Doc = doc
		return struct{}{}, err
	})
	return err
}
