package personalaccesstoken

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// Explanation says why a request with a token was refused, and how to fix it.
type Explanation struct {
	RequestID   string         `json:"request_id"`
	TokenID     string         `json:"personal_access_token_id"`
	KeyID       *string        `json:"workspace_key_id" doc:"Where the request came with a workspace key of the token."`
	OccurredAt  rpc.Time       `json:"occurred_at"`
	Endpoint    string         `json:"endpoint"`
	WorkspaceID *string        `json:"workspace_id"`
	Address     string         `json:"address"`
	Status      int            `json:"status"`
	Code        string         `json:"code"`
	Reason      string         `json:"reason" doc:"As in error.data.reason; empty where the answer was the uniform one."`
	Message     string         `json:"message"`
	Data        map[string]any `json:"data" rule:"nullable" secret:"false" doc:"What the answer said beside the reason."`
	Summary     string         `json:"summary" doc:"What happened, in plain words."`
	Remedy      string         `json:"remedy" doc:"What to do."`
}

// refusal is an Explanation as it is stored, with the credential that the request came with.
type refusal struct {
	credentialID string
	Explanation
}

// Bounds of refusals: a broken client must not fill the database.
const (
	mostHeldRefusals = 20   // of a credential, between two writes
	mostRefusals     = 1000 // of a credential, stored
)

// Refused remembers why a request was refused whose credential had proved possession of its secret.
// It does not wait for anything.
func (t *Tokens) Refused(r rpc.Refusal) {
	x := refusal{r.CredentialID, Explanation{RequestID: r.RequestID, OccurredAt: rpc.Time{Time: t.Now()}, Endpoint: r.Endpoint,
		Address: r.Address,
		Status:  r.Error.Status(), Code: r.Error.Code.String(), Reason: fault.ReasonOf(r.Error), Message: r.Error.Message, Data: r.Error.Data}}
	if r.WorkspaceID != "" {
		x.WorkspaceID = &r.WorkspaceID
	}
	m := &t.watch
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deny(r, x.OccurredAt.Time)
	if m.held == nil {
		m.held = map[string]int{}
	}
	if m.held[r.CredentialID] < mostHeldRefusals && len(m.refusals) < mostHeld {
		m.held[r.CredentialID]++
		m.refusals = append(m.refusals, x)
	}
}

// FlushRefusals writes down the refusals of personal access tokens and workspace keys.
func (t *Tokens) FlushRefusals(ctx context.Context) error {
	m := &t.watch
	m.mu.Lock()
	all := m.refusals
	m.refusals, m.held = nil, nil
	m.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	// No scope: no cache depends on it.
	err := t.DB.Update(ctx, func(tx *store.Tx) error {
		for _, x := range all {
			if err := insertRefusal(ctx, tx, x); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		m.mu.Lock()
		m.refusals = append(all, m.refusals...)[:min(len(all)+len(m.refusals), mostHeld)]
		m.mu.Unlock()
	}
	return err
}

func insertRefusal(ctx context.Context, tx *store.Tx, x refusal) error {
	var kind credential.Kind
	var user, parent sql.NullString
	var stored int
	err := tx.QueryRow(ctx,
		`SELECT c.kind, COALESCE(c.user_id, p.user_id), c.parent_id, (SELECT count(*) FROM refusals r WHERE r.credential_id = $1)
		FROM credentials c LEFT JOIN credentials p ON p.credential_id = c.parent_id
		WHERE c.credential_id = $1`, x.credentialID).Scan(&kind, &user, &parent, &stored)
	if errors.Is(err, sql.ErrNoRows) || err == nil && kind == credential.APIKey || stored >= mostRefusals {
		return nil // a session, or a key that belongs to no one
	} else if err != nil {
		return err
	}
	x.TokenID = x.credentialID
	if kind == credential.WorkspaceKey {
		x.TokenID, x.KeyID = parent.String, &x.credentialID
	}
	doc, err := json.Marshal(x.Explanation)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO refusals (request_id, credential_id, user_id, occurred_at, doc) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (request_id) DO NOTHING`, x.RequestID, x.TokenID, user.String, store.Micros(x.OccurredAt.Time), string(doc))
	return err
}

// Explain says why a request was refused: to the owner of the token that it came with, to that
// token, and to operators. It returns not_found for every other request, as for one that never was.
func (t *Tokens) Explain(ctx context.Context, m Manager, requestID string) (Explanation, error) {
	var x Explanation
	if err := t.FlushRefusals(ctx); err != nil { // the request may have been a moment ago
		return x, err
	}
	unknown := fault.New(fault.NotFound, "No refusal is known of a request with this id; refusals are kept for seven days")
	var userID, doc string
	err := t.DB.QueryRow(ctx, `SELECT user_id, doc FROM refusals WHERE request_id = $1 AND occurred_at >= $2`,
		requestID, store.Micros(t.Now().Add(-keepRefusals))).Scan(&userID, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return x, unknown
	} else if err != nil {
		return x, err
	}
	if err := json.Unmarshal([]byte(doc), &x); err != nil {
		return x, err
	}
	if !m.Anyone && (m.TokenID == "" && userID != m.UserID || m.TokenID != "" && x.TokenID != m.TokenID) {
		return Explanation{}, unknown
	}
	x.Summary, x.Remedy = x.words()
	return x, nil
}

// Refusals lists the newest refusals of a token, for its page.
func (t *Tokens) Refusals(ctx context.Context, m Manager, tokenID string, most int) ([]Explanation, error) {
	if _, err := t.managed(ctx, t.DB, m, tokenID); err != nil {
		return nil, err
	}
	if err := t.FlushRefusals(ctx); err != nil {
		return nil, err
	}
	rows, err := t.DB.Query(ctx, `SELECT doc FROM refusals WHERE credential_id = $1 AND occurred_at >= $2 ORDER BY occurred_at DESC LIMIT $3`,
		tokenID, store.Micros(t.Now().Add(-keepRefusals)), most)
	return store.All(rows, err, func(rows *sql.Rows) (x Explanation, err error) {
		var doc []byte
		if err = rows.Scan(&doc); err == nil {
			err = json.Unmarshal(doc, &x)
		}
		x.Summary, x.Remedy = x.words()
		return x, err
	})
}

// words says in plain language what happened and how to fix it.
func (x *Explanation) words() (summary, remedy string) {
	from := ""
	if x.Address != "" {
		from = " from " + x.Address
	}
	summary = fmt.Sprintf("On %s, %s was called%s and refused: %s.", x.OccurredAt.Format("2006-01-02 15:04:05 MST"), x.Endpoint, from,
		strings.TrimSuffix(x.Message, "."))
	fact := func(name string) string {
		if v, ok := x.Data[name]; ok && v != nil {
			return fmt.Sprint(v)
		}
		return ""
	}
	switch x.Reason {
	case "expired":
		remedy = "The token has reached the end of its life and cannot be revived. Make a new one in the Console, or rotate the next one " +
			"before it expires."
	case "revoked":
		remedy = "This token was revoked; its page shows by whom and why. Create a new one and replace it where it is used."
	case "superseded":
		remedy = "The token was rotated: use its successor's secret. If nobody has it, rotate that one. If you did not expect this use, " +
			"someone holds the old secret: look at the address."
	case "disabled":
		remedy = "Enable the token again on its page."
	case "user_disabled":
		remedy = "The token's person is disabled. An operator can enable them; their tokens stay dead, so make new ones then."
	case "not_yet_valid":
		remedy = "Wait until the token begins to be valid, or change not_before on its page."
	case "uses":
		remedy = "The token has done all the requests that it was made for. Make a new one, or one without max_uses."
	case "scope":
		remedy = "Add the scope " + fact("scope") + " to the token on its page if it should be able to do this, or use another token."
	case "workspace_not_allowed":
		remedy = "Add the workspace to the token on its page, or send the seam-workspace header of one that it opens."
		if fact("sandbox_only") == "true" {
			remedy = "The token opens sandbox workspaces only: use another one for this workspace, or lift that limit on its page."
		}
	case "address":
		remedy = "Send the request from an address that the token may be used from, or add " + x.Address + " to its networks."
	case "hours":
		remedy = "Try again at a time when the token may be used, or widen its hours on its page."
	case "daily_limit":
		remedy = "The token has done all the physical actions that it may in a day. Wait until the day ends, or raise the limit on its page."
	case "policy":
		remedy = "A policy asks more of tokens than this one gives. " + policyRemedies[fact("rule")]
	case "browser":
		remedy = "A web page sent the token. Keep it on a server, and use a client session in the page."
	case "role":
		remedy = "The token's person may not do this. An owner of the workspace can give them a role that may."
	case "workspace_suspended":
		remedy = "Lift the suspension of the workspace, then try again."
	default:
		remedy = "See what the endpoint takes in the reference at /docs."
		if x.Status == 401 {
			remedy = "Check the seam-workspace header: it must name a workspace that exists and that the token's person is a member of. Also " +
				"check that the endpoint accepts this kind of credential."
		}
	}
	return summary, remedy
}

var policyRemedies = map[string]string{
	"maximum_age_days": "Rotate the token in the Console and give it an expiry that is soon enough.",
	"never_forbidden":  "Rotate the token in the Console and give it an expiry.",
	"allowed_scopes":   "Take the scopes away from the token that are not allowed.",
	"allowed_cidrs":    "Send the request from a network that the policy allows.",
	"inactive_days":    "The token lay unused for too long: rotate it.",
}

func (t *Tokens) explainEndpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/keyway/v1/personal_access_tokens/explain",
			Summary: "Says why a request was refused that was made with a token of one's own, by its request id.", Allow: rpc.Person,
			Workspace: rpc.Ignored, Self: true, Read: true, Returns: "explanation", Secret: true, Handle: rpc.Func(t.explain)},
		{Path: "/keyway/v1/personal_access_tokens/list_refusals", Summary: "Lists the newest refusals of a token, kept for seven days.",
			Allow: rpc.Person, Workspace: rpc.Ignored, Self: true, Read: true, Returns: "refusals", Secret: true, Handle: rpc.Func(t.listRefusals)},
	}
}

type explainInput struct {
	RequestID string `json:"request_id" rule:"required" doc:"From the seam-request-id header of the answer."`
}

func (t *Tokens) explain(ctx context.Context, in explainInput) (Explanation, error) {
	return t.Explain(ctx, manager(credential.From(ctx)), in.RequestID)
}

func (t *Tokens) listRefusals(ctx context.Context, in idInput) ([]Explanation, error) {
	p := credential.From(ctx)
	id, err := subject(p, in.ID)
	if err != nil {
		return nil, err
	}
	return t.Refusals(ctx, manager(p), id, 100)
}
