package settings

import (
	"keyway/internal/api/workspace"
	"keyway/internal/console/frame"
	"keyway/internal/platform/store"
)

func (q *request) home() error {
	if q.Current == nil {
		return q.Show(&NoWorkspaceView{Page: q.Base(frame.AreaWorkspace, "", "No workspace")})
	}
	return q.Forward(frame.WorkspacePath(q.Current.ID, "devices"))
}

// NoWorkspaceView is shown to a person who is a member of no workspace.
type NoWorkspaceView struct {
	frame.Page
}

// WorkspaceSettingsView is the settings of a workspace.
type WorkspaceSettingsView struct {
	frame.Page
	CompanyName string
	Errors      frame.FormErrors // of the name form
	Name        string           // as typed
	CanManage   bool
	CanDelete   bool
	Devices     int // negative: not counted
	Delete      DeleteForm
	Look        WebviewLook
}

// DeleteForm is the dialog that deletes a workspace when its name is typed.
type DeleteForm struct {
	Open   bool
	Errors frame.FormErrors
}

func (q *request) openWorkspace() error {
	return q.Forward(frame.WorkspacePath(q.Current.ID, "devices"))
}

func (q *request) createWorkspace() error {
	form := frame.NewWorkspaceForm{Open: true, Name: q.Form("name"), CompanyName: q.Form("company_name"),
		Sandbox: q.Form("is_sandbox") == "true"}
	var made workspace.Workspace
	ctx, by := q.Context(), q.Principal()
	err := q.DB.Update(ctx, func(tx *store.Tx) (err error) {
		made, err = q.Workspaces.Create(ctx, tx, workspace.New{Name: form.Name, CompanyName: form.CompanyName, IsSandbox: form.Sandbox},
			by.UserID, by.Actor())
		return err
	}, store.Instance)
	if errs, ok := frame.FieldErrors(err); ok {
		form.Errors = errs.OnlyFields("name", "company_name")
		if q.Current == nil {
			v := &NoWorkspaceView{Page: q.Base(frame.AreaWorkspace, "", "No workspace")}
			v.NewWorkspace, v.Location = form, frame.Root
			return q.Show(v)
		}
		v, err := q.workspaceSettingsView()
		if err != nil {
			return err
		}
		v.NewWorkspace, v.Location = form, frame.WorkspacePath(q.Current.ID, "settings")
		return q.Show(v)
	} else if err != nil {
		return err
	}
	return q.Done(frame.WorkspacePath(made.ID, "devices"), "Workspace %s created.", made.Name)
}

func (q *request) workspaceSettingsView() (*WorkspaceSettingsView, error) {
	v := &WorkspaceSettingsView{
		Page: q.Base(frame.AreaWorkspace, frame.NavWorkspace, "Workspace settings"), Name: q.Current.Name, CompanyName: q.Current.CompanyName,
		CanManage: q.May("/workspaces/update"), CanDelete: q.May("/keyway/v1/workspaces/delete"),
	}
	v.Look = q.webviewLook()
	var err error
	v.Devices, err = q.Devices.Count(q.R.Context(), q.Current.ID)
	return v, err
}

func (q *request) workspaceSettings() error {
	v, err := q.workspaceSettingsView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) saveWorkspace() error {
	name, company := q.Form("name"), q.Form("company_name")
	here := frame.WorkspacePath(q.Current.ID, "settings")
	err := q.Workspaces.Update(q.Context(), q.Current.ID, workspace.Change{Name: &name, CompanyName: &company}, q.Principal().Actor())
	if errs, ok := frame.FieldErrors(err); ok {
		v, err := q.workspaceSettingsView()
		if err != nil {
			return err
		}
		v.Name, v.CompanyName, v.Errors = name, company, errs.OnlyFields("name", "company_name")
		return q.Show(v)
	} else if err != nil {
		return err
	}
	return q.Done(here, "Saved.")
}

func (q *request) suspendWorkspace() error {
	return q.setSuspended(true, "The workspace is suspended.")
}

func (q *request) resumeWorkspace() error {
	return q.setSuspended(false, "The workspace is active again.")
}

func (q *request) setSuspended(suspended bool, message string) error {
	if err := q.Workspaces.Update(q.Context(), q.Current.ID, workspace.Change{IsSuspended: &suspended}, q.Principal().Actor()); err != nil {
		return err
	}
	return q.Done(frame.WorkspacePath(q.Current.ID, "settings"), "%s", message)
}

func (q *request) resetSandbox() error {
	here := frame.WorkspacePath(q.Current.ID, "settings")
	if _, err := q.Workspaces.ResetSandbox(q.Context(), q.Current.ID, q.Principal().Actor()); err != nil {
		return q.Refused(here, err)
	}
	return q.Done(here, "The sandbox is being reset.")
}

func (q *request) deleteWorkspace() error {
	err := q.Workspaces.Delete(q.Context(), q.Current.ID, q.Form("confirm_name"), q.Principal().Actor())
	if errs, ok := frame.FieldErrors(err); ok {
		v, err := q.workspaceSettingsView()
		if err != nil {
			return err
		}
		v.Delete = DeleteForm{Open: true, Errors: frame.FormErrors{"confirm_name": errs["name"] + errs.Form()}}
		v.Location = frame.WorkspacePath(q.Current.ID, "settings")
		return q.Show(v)
	} else if err != nil {
		return err
	}
	return q.Done(frame.Root, "Workspace %s deleted.", q.Current.Name)
}
