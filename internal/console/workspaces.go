package console

import (
	"keyway/internal/api/workspace"
	"keyway/internal/platform/store"
)

func (q *request) openWorkspace() error { return q.forward(workspacePath(q.current.ID, "devices")) }

func (q *request) createWorkspace() error {
	form := NewWorkspaceForm{Open: true, Name: q.form("name"), CompanyName: q.form("company_name"), Sandbox: q.form("is_sandbox") == "true"}
	var made workspace.Workspace
	ctx, by := q.context(), q.principal()
	err := q.DB.Update(ctx, func(tx *store.Tx) (err error) {
		made, err = q.Workspaces.Create(ctx, tx, workspace.New{Name: form.Name, CompanyName: form.CompanyName, IsSandbox: form.Sandbox}, by.UserID, by.Actor())
		return err
	}, store.Instance)
	if errs, ok := formErrors(err); ok {
		form.Errors = errs.onlyFields("name", "company_name")
		if q.current == nil {
			v := &NoWorkspaceView{Page: q.base(AreaWorkspace, "", "No workspace")}
			v.NewWorkspace, v.Location = form, Root
			return q.show(v)
		}
		v, err := q.devicesView()
		if err != nil {
			return err
		}
		v.NewWorkspace, v.Location = form, workspacePath(q.current.ID, "devices")
		return q.show(v)
	} else if err != nil {
		return err
	}
	return q.done(workspacePath(made.ID, "devices"), "Workspace %s created.", made.Name)
}

func (q *request) workspaceSettingsView() (*WorkspaceSettingsView, error) {
	v := &WorkspaceSettingsView{
		Page: q.base(AreaWorkspace, NavWorkspace, "Workspace settings"), Name: q.current.Name, CompanyName: q.current.CompanyName,
		CanManage: q.may("/workspaces/update"), CanDelete: q.may("/keyway/v1/workspaces/delete"),
	}
	v.Look = q.webviewLook()
	var err error
	v.Devices, err = q.Devices.Count(q.r.Context(), q.current.ID)
	return v, err
}

func (q *request) workspaceSettings() error {
	v, err := q.workspaceSettingsView()
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) saveWorkspace() error {
	name, company := q.form("name"), q.form("company_name")
	here := workspacePath(q.current.ID, "settings")
	err := q.Workspaces.Update(q.context(), q.current.ID, workspace.Change{Name: &name, CompanyName: &company}, q.principal().Actor())
	if errs, ok := formErrors(err); ok {
		v, err := q.workspaceSettingsView()
		if err != nil {
			return err
		}
		v.Name, v.CompanyName, v.Errors = name, company, errs.onlyFields("name", "company_name")
		return q.show(v)
	} else if err != nil {
		return err
	}
	return q.done(here, "Saved.")
}

func (q *request) suspendWorkspace() error {
	return q.setSuspended(true, "The workspace is suspended.")
}

func (q *request) resumeWorkspace() error { return q.setSuspended(false, "The workspace works again.") }

func (q *request) setSuspended(suspended bool, message string) error {
	if err := q.Workspaces.Update(q.context(), q.current.ID, workspace.Change{IsSuspended: &suspended}, q.principal().Actor()); err != nil {
		return err
	}
	return q.done(workspacePath(q.current.ID, "settings"), "%s", message)
}

func (q *request) resetSandbox() error {
	here := workspacePath(q.current.ID, "settings")
	if _, err := q.Workspaces.ResetSandbox(q.context(), q.current.ID, q.principal().Actor()); err != nil {
		return q.refused(here, err)
	}
	return q.done(here, "The sandbox is being reset.")
}

func (q *request) deleteWorkspace() error {
	err := q.Workspaces.Delete(q.context(), q.current.ID, q.form("confirm_name"), q.principal().Actor())
	if errs, ok := formErrors(err); ok {
		v, err := q.workspaceSettingsView()
		if err != nil {
			return err
		}
		v.Delete = DeleteForm{Open: true, Errors: FormErrors{"confirm_name": errs["name"] + errs.Form()}}
		v.Location = workspacePath(q.current.ID, "settings")
		return q.show(v)
	} else if err != nil {
		return err
	}
	return q.done(Root, "Workspace %s deleted.", q.current.Name)
}

// may tells whether the person may use an endpoint in the current workspace, so that pages offer
// only what works.
func (q *request) may(endpoint string) bool {
	e, ok := q.rows[endpoint]
	return ok && q.current != nil && q.current.Role >= e.Role
}
