// Package workspace keeps the workspaces: what belongs to one customer or site, and who is a
// member of it.
package workspace

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"

	"keyway/internal/api/action"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/label"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
)

// Workspace is a workspace as it is served (API contract §1.7).
type Workspace struct {
	ID                          string        `json:"workspace_id"`
	Name                        string        `json:"name"`
	CompanyName                 string        `json:"company_name"`
	ConnectPartnerName          *string       `json:"connect_partner_name"`
	IsSandbox                   bool          `json:"is_sandbox"`
	IsSuspended                 bool          `json:"is_suspended"`
	PublishableKey              string        `json:"publishable_key"`
	IsPublishableKeyAuthEnabled bool          `json:"is_publishable_key_auth_enabled"`
	Customization               Customization `json:"connect_webview_customization"`
	OrganizationID              *string       `json:"organization_id"`
}

// Customization is how the Connect Webview of a workspace looks.
type Customization struct {
	InviterLogoURL         string `json:"inviter_logo_url,omitempty"`
	LogoShape              string `json:"logo_shape,omitempty" enum:"circle square"`
	PrimaryButtonColor     string `json:"primary_button_color,omitempty"`
	PrimaryButtonTextColor string `json:"primary_button_text_color,omitempty"`
	SuccessMessage         string `json:"success_message,omitempty"`
}

var colour = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// check refuses what is no colour: the Connect Webview puts both into its style sheet.
func (c Customization) check() error {
	var issues []fault.Issue
	for _, f := range []struct{ name, value string }{{"primary_button_color", c.PrimaryButtonColor},
		{"primary_button_text_color", c.PrimaryButtonTextColor}} {
		if f.value != "" && !colour.MatchString(f.value) {
			issues = append(issues, fault.Issue{Path: []string{"connect_webview_customization", f.name}, Message: "Expected a colour like #1a2b3c"})
		}
	}
	if issues != nil {
		return fault.InvalidAll(issues)
	}
	return nil
}

// Workspaces implements the rules for workspaces.
type Workspaces struct {
	DB       *store.DB
	Attempts *action.Attempts
	Jobs     *job.Runner
	Audit    *audit.Log
	Now      func() time.Time
	// PublicURL is where people reach the server, without a slash at the end; logos are served there.
	PublicURL string
	// Subscribers are notified of resets and deletions, in order.
	Subscribers []Subscriber
	// RemoveRows removes the rows of a deleted workspace from all tables.
	RemoveRows func(ctx context.Context, workspaceID string) error
	// Finders are what a search looks in.
	Finders []Finder
}

// Subscriber is notified of what happens to workspaces.
type Subscriber interface {
	// WorkspaceReset puts what belongs to a sandbox workspace back to its initial state. It may be called
	// again after it has failed half-way, and may return workspace_not_found.
	WorkspaceReset(ctx context.Context, workspaceID string) error
	// WorkspaceDeleted follows the commit that deletes a workspace.
	WorkspaceDeleted(workspaceID string)
}

// Finder finds resources of one kind.
type Finder struct {
	Kind string // the key of the list in the answer, for example "devices"
	Of   any    // a resource of the kind, which says what is in the list
	// Find gives a list of the resources of a workspace that match a text, as they are served.
	Find func(ctx context.Context, workspaceID, text string) (any, error)
}

// The kinds of jobs that Workspaces has.
const (
	resetJob = "workspace.reset_sandbox"
	purgeJob = "workspace.purge"
)

// RegisterJobs registers the handlers of this package's jobs.
func (w *Workspaces) RegisterJobs() {
	w.Jobs.Handle(resetJob, w.runReset)
	w.Jobs.Handle(purgeJob, w.runPurge, job.Recurring(time.Hour))
}

// New is what a new workspace is made of.
type New struct {
	Name          string
	CompanyName   string
	IsSandbox     bool
	Customization Customization
}

// Create makes a workspace with its owner. It returns invalid_input for a name or colour that will
// not do.
func (w *Workspaces) Create(ctx context.Context, tx *store.Tx, n New, ownerID string, by audit.Actor) (Workspace, error) {
	n.Name = label.Clean(n.Name)
	if err := checkName(n.Name); err != nil {
		return Workspace{}, err
	}
	if err := n.Customization.check(); err != nil {
		return Workspace{}, err
	}
	n.CompanyName = companyName(n.CompanyName, n.Name)
	ws := Workspace{
		ID: store.NewID(), Name: n.Name, CompanyName: n.CompanyName, ConnectPartnerName: &n.CompanyName, IsSandbox: n.IsSandbox,
		PublishableKey: credential.MintPublishable(), IsPublishableKeyAuthEnabled: n.IsSandbox, Customization: n.Customization,
	}
	doc, err := json.Marshal(ws)
	if err != nil {
		return ws, err
	}
	now := w.Now()
	if err := grant.Workspaces.Insert(ctx, tx, signed.Set{"workspace_id": ws.ID, "name": ws.Name, "is_sandbox": ws.IsSandbox,
		"is_suspended": false, "publishable_key": ws.PublishableKey, "doc": string(doc), "created_at": store.Micros(now)}); err != nil {
		return ws, err
	}
	if err := grant.AddOwner(ctx, tx, now, ws.ID, ownerID); err != nil {
		return ws, err
	}
	return ws, w.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "workspace.created", WorkspaceID: ws.ID, SubjectID: ws.ID,
		Detail: map[string]any{"name": ws.Name, "is_sandbox": ws.IsSandbox, "owner_id": ownerID}})
}

// companyName is whose name the customers see: the workspace's where there is no other.
func companyName(company, name string) string {
	return cmp.Or(label.Clean(company), name)
}

func checkName(name string) error { return label.Check("name", name, 200) }

// Get reads a workspace that is not deleted; workspace_not_found when there is none.
func (w *Workspaces) Get(ctx context.Context, q store.Querier, id string) (ws Workspace, err error) {
	doc, err := raw(ctx, q, id)
	if err != nil {
		return ws, err
	}
	return ws, json.Unmarshal(doc, &ws)
}

func raw(ctx context.Context, q store.Querier, id string) (rpc.Doc[Workspace], error) {
	v, err := grant.Workspaces.One(ctx, q, `workspace_id = $1 AND deleted_at IS NULL`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.Missing(fault.WorkspaceNotFound)
	} else if err != nil {
		return nil, err
	}
	return rpc.Doc[Workspace](v.Text("doc")), nil
}

// update changes the row of a workspace.
func update(ctx context.Context, tx *store.Tx, id string, set signed.Set) error {
	w := &store.Where{}
	w.Add("workspace_id = ?", id)
	_, err := grant.Workspaces.Update(ctx, tx, set, w)
	return err
}

// Membership is a workspace that a person is a member of.
type Membership struct {
	Workspace
	Role rpc.Role
}

// OfUser lists the workspaces that a person is a member of, oldest first.
func (w *Workspaces) OfUser(ctx context.Context, userID string) ([]Membership, error) {
	rows, err := w.DB.Query(ctx, `SELECT `+grant.Workspaces.Columns("w")+`, `+grant.Memberships.Columns("m")+` FROM memberships m
		JOIN workspaces w ON w.workspace_id = m.workspace_id WHERE m.user_id = $1 AND w.deleted_at IS NULL
		ORDER BY w.created_at, w.workspace_id`, userID)
	all, err := store.All(rows, err, func(r *sql.Rows) (m Membership, err error) {
		ws, row := grant.Workspaces.Row(), grant.Memberships.Row()
		if err := r.Scan(append(ws.Into(), row.Into()...)...); err != nil {
			return m, err
		}
		v, isMember := row.Open(w.DB)
		there, isThere := ws.Open(w.DB)
		if !isMember || !isThere {
			return m, nil
		}
		m.Role, _ = rpc.ParseRole(v.Text("role"))
		return m, json.Unmarshal([]byte(there.Text("doc")), &m.Workspace)
	})
	return slices.DeleteFunc(all, func(m Membership) bool { return m.Role == rpc.NoRole }), err
}

// All lists every workspace of the instance, for operators' commands.
func (w *Workspaces) All(ctx context.Context) ([]Workspace, error) {
	rows, err := grant.Workspaces.Select(ctx, w.DB, `deleted_at IS NULL ORDER BY created_at, workspace_id`)
	if err != nil {
		return nil, err
	}
	all := make([]Workspace, len(rows))
	for i, v := range rows {
		if err := json.Unmarshal([]byte(v.Text("doc")), &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Change is what Update changes; nil leaves a thing as it is.
type Change struct {
	Name                        *string
	CompanyName                 *string
	IsPublishableKeyAuthEnabled *bool
	IsSuspended                 *bool
	Customize                   func(*Customization)
	Logo                        *Logo
}

// Update changes a workspace. It returns workspace_not_found, or invalid_input for a name or
// colour that will not do.
func (w *Workspaces) Update(ctx context.Context, id string, c Change, by audit.Actor) error {
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		ws, err := w.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if c.Name != nil {
			ws.Name = label.Clean(*c.Name)
			if err := checkName(ws.Name); err != nil {
				return err
			}
		}
		if c.CompanyName != nil {
			ws.CompanyName = companyName(*c.CompanyName, ws.Name)
			ws.ConnectPartnerName = &ws.CompanyName
		}
		if c.IsPublishableKeyAuthEnabled != nil {
			ws.IsPublishableKeyAuthEnabled = *c.IsPublishableKeyAuthEnabled
		}
		if c.IsSuspended != nil {
			ws.IsSuspended = *c.IsSuspended
		}
		if c.Customize != nil {
			c.Customize(&ws.Customization)
			if err := ws.Customization.check(); err != nil {
				return err
			}
		}
		if c.Logo != nil {
			if ws.Customization.InviterLogoURL, err = w.setLogo(ctx, tx, id, *c.Logo); err != nil {
				return err
			}
		}
		doc, err := json.Marshal(ws)
		if err != nil {
			return err
		}
		if err := update(ctx, tx, id, signed.Set{"name": ws.Name, "is_suspended": ws.IsSuspended, "doc": string(doc)}); err != nil {
			return err
		}
		return w.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "workspace.updated", WorkspaceID: id, SubjectID: id,
			Detail: map[string]any{"name": ws.Name, "is_suspended": ws.IsSuspended}})
	}, store.Instance, store.Workspace(id))
}

// Delete ends a workspace: its credentials are dead when this returns, and a job purges its data.
// It returns workspace_not_found, or invalid_input when the name typed is not the workspace's.
func (w *Workspaces) Delete(ctx context.Context, id, typedName string, by audit.Actor) error {
	err := w.DB.Update(ctx, func(tx *store.Tx) error {
		ws, err := w.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if typedName != ws.Name {
			return fault.Invalid("name", "Type the workspace's name to delete it")
		}
		now := w.Now()
		if err := update(ctx, tx, id, signed.Set{"deleted_at": store.Micros(now)}); err != nil {
			return err
		}
		if err := credential.RevokeWorkspace(ctx, tx, now, id, by.UserID, "workspace_deleted"); err != nil {
			return err
		}
		if _, err := w.Jobs.Enqueue(ctx, tx, purgeJob, "", id, now); err != nil {
			return err
		}
		return w.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "workspace.deleted", WorkspaceID: id, SubjectID: id,
			Detail: map[string]any{"name": ws.Name}})
	}, store.Instance, store.Workspace(id))
	if err != nil {
		return err
	}
	for _, s := range w.Subscribers {
		s.WorkspaceDeleted(id)
	}
	return nil
}

// runPurge removes the rows of a deleted workspace. The job belongs to the instance, since it removes the workspace's jobs too.
func (w *Workspaces) runPurge(ctx context.Context, j job.Job) error {
	var id string
	if err := json.Unmarshal(j.Payload, &id); err != nil {
		return w.renewPurge(ctx, j)
	}
	if err := w.RemoveRows(ctx, id); err != nil {
		return err
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM workspaces WHERE workspace_id = $1 AND deleted_at IS NOT NULL`, id); err != nil {
			return err
		}
		return j.Finish(ctx, tx)
	}, store.Instance)
}

// renewPurge puts the present form of the job in the place of one written by an earlier version, which was the workspace's.
func (w *Workspaces) renewPurge(ctx context.Context, j job.Job) error {
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := w.Jobs.Enqueue(ctx, tx, purgeJob, "", j.WorkspaceID, w.Now()); err != nil {
			return err
		}
		return j.Finish(ctx, tx)
	})
}

// ResetSandbox starts putting a sandbox workspace's devices back to how they were found. People
// and credentials stay. It returns workspace_not_sandbox for a production workspace.
func (w *Workspaces) ResetSandbox(ctx context.Context, id string, by audit.Actor) (doc rpc.Doc[action.Attempt], err error) {
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		ws, err := w.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if !ws.IsSandbox {
			return fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace can be reset")
		}
		var at action.Attempt
		if at, doc, err = w.Attempts.Start(ctx, tx, id, "RESET_SANDBOX_WORKSPACE", ""); err != nil {
			return err
		}
		if _, err := w.Jobs.Enqueue(ctx, tx, resetJob, id, at.ID, w.Now()); err != nil {
			return err
		}
		return w.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "workspace.reset", WorkspaceID: id, SubjectID: id})
	}, store.Workspace(id))
	return doc, err
}

func (w *Workspaces) runReset(ctx context.Context, j job.Job) error {
	var attempt string
	if err := json.Unmarshal(j.Payload, &attempt); err != nil {
		return err
	}
	for _, s := range w.Subscribers {
		if err := s.WorkspaceReset(ctx, j.WorkspaceID); err != nil && !fault.Is(err, fault.WorkspaceNotFound) {
			return err
		}
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := w.Attempts.Settle(ctx, tx, j.WorkspaceID, attempt, struct{}{}, nil); err != nil &&
			!fault.Is(err, fault.ActionAttemptNotFound) {
			return err // attempt and workspace may have been deleted meanwhile
		}
		return j.Finish(ctx, tx)
	}, store.Workspace(j.WorkspaceID))
}
