package main

import (
	"context"
	"time"

	"keyway/internal/api/apikey"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

// operations lists everything that commands do to the data.
func operations() []operation {
	return []operation{opInit, opUserAdd, opUserList, opUserSetDisabled, opUserResetPassword, opWorkspaceCreate, opWorkspaceList,
		opAddMember, opRemoveMember, opPATCreate, opPATList, opPATShow, opPATUpdate, opPATDisable, opPATEnable, opPATRevoke, opAPIKeyCreate, opAPIKeyList, opAPIKeyRevoke,
		opPATRotate, opPATRotateUndo, opPATRotateComplete, opPATExplain, opPATAdvise, opPolicyGet, opPolicySet, opSandboxConnect, opSandboxFill, opAuditList, opAuditVerify, opCredentialsRevoke, opExamine, opKeyPrepare, opKeyRotate, opKeyRetire}
}

type initIn struct {
	Email, Password, Workspace, PAT string
	Sandbox                         bool
}

type initOut struct {
	UserID      string `json:"user_id"`
	WorkspaceID string `json:"workspace_id"`
	PATID       string `json:"personal_access_token_id,omitempty"`
	PAT         string `json:"personal_access_token,omitempty"`
}

var opInit = op("init", func(ctx context.Context, a *app, in initIn, by audit.Actor, _ func(int, int)) (any, error) {
	empty, err := a.People.Empty(ctx)
	if err != nil {
		return nil, err
	}
	if !empty {
		return nil, fault.New(fault.InvalidRequest, "This data has its first person already; add more with `keyway user add`")
	}
	n, err := a.People.Prepare(ctx, in.Email, "", in.Password)
	if err != nil {
		return nil, err
	}
	var out initOut
	err = a.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := a.People.Create(ctx, tx, n, by)
		if err != nil {
			return err
		}
		ws, err := a.Workspaces.Create(ctx, tx, workspace.New{Name: in.Workspace, IsSandbox: in.Sandbox}, u.ID, by)
		out.UserID, out.WorkspaceID = u.ID, ws.ID
		return err
	}, store.Instance)
	if err != nil || in.PAT == "" {
		return out, err
	}
	tok, secret, err := a.Tokens.Create(ctx, out.UserID, personalaccesstoken.New{Name: in.PAT, From: "command"}, by)
	out.PATID, out.PAT = tok.ID, secret.Reveal()
	return out, err
})

type userIn struct {
	Email, Name, Password string
	Disabled, Operator    bool
}

type userOut struct {
	UserID     string    `json:"user_id"`
	Email      string    `json:"email"`
	Name       string    `json:"name"`
	IsOperator bool      `json:"is_operator"`
	IsDisabled bool      `json:"is_disabled"`
	Warning    string    `json:"warning,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
}

func userOf(u identity.User) userOut {
	return userOut{UserID: u.ID, Email: u.Email, Name: u.Name, IsOperator: u.IsOperator, IsDisabled: !u.DisabledAt.IsZero(), CreatedAt: u.CreatedAt}
}

var opUserAdd = op("user.add", func(ctx context.Context, a *app, in userIn, by audit.Actor, _ func(int, int)) (any, error) {
	n, err := a.People.Prepare(ctx, in.Email, in.Name, in.Password)
	if err != nil {
		return nil, err
	}
	var u identity.User
	if err := a.DB.Update(ctx, func(tx *store.Tx) error {
		u, err = a.People.Create(ctx, tx, n, by)
		return err
	}, store.Instance); err != nil {
		return nil, err
	}
	if in.Operator && !u.IsOperator {
		u.IsOperator = true
		err = a.People.SetOperator(ctx, u.ID, true, by)
	}
	return userOf(u), err
})

var opUserList = op("user.list", func(ctx context.Context, a *app, _ struct{}, _ audit.Actor, _ func(int, int)) (any, error) {
	all, err := a.People.List(ctx)
	out := struct {
		Users []userOut `json:"users"`
	}{[]userOut{}}
	for _, u := range all {
		out.Users = append(out.Users, userOf(u))
	}
	return out, err
})

var opUserSetDisabled = op("user.set_disabled", func(ctx context.Context, a *app, in userIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	noneLeft, err := a.People.SetDisabled(ctx, u.ID, in.Disabled, by)
	if err != nil {
		return nil, err
	}
	if u, err = a.People.Get(ctx, a.DB, u.ID); err != nil {
		return nil, err
	}
	out := userOf(u)
	if noneLeft {
		out.Warning = "this was the only operator: nobody can look after the instance in the Console until `keyway user enable`"
	}
	return out, nil
})

var opUserResetPassword = op("user.reset_password", func(ctx context.Context, a *app, in userIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	if err := a.People.SetPassword(ctx, u.ID, in.Password, "", false, by); err != nil {
		return nil, err
	}
	return userOf(u), a.People.ResetFactors(ctx, u.ID, by)
})

type workspaceIn struct {
	Name, Owner string
	Sandbox     bool
}

type workspaceOut struct {
	WorkspaceID string `json:"workspace_id"`
	Name        string `json:"name"`
	IsSandbox   bool   `json:"is_sandbox"`
}

var opWorkspaceCreate = op("workspace.create", func(ctx context.Context, a *app, in workspaceIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Owner)
	if err != nil {
		return nil, err
	}
	var ws workspace.Workspace
	err = a.DB.Update(ctx, func(tx *store.Tx) error {
		ws, err = a.Workspaces.Create(ctx, tx, workspace.New{Name: in.Name, IsSandbox: in.Sandbox}, u.ID, by)
		return err
	}, store.Instance)
	return workspaceOut{ws.ID, ws.Name, ws.IsSandbox}, err
})

var opWorkspaceList = op("workspace.list", func(ctx context.Context, a *app, _ struct{}, _ audit.Actor, _ func(int, int)) (any, error) {
	all, err := a.Workspaces.All(ctx)
	out := struct {
		Workspaces []workspaceOut `json:"workspaces"`
	}{[]workspaceOut{}}
	for _, ws := range all {
		out.Workspaces = append(out.Workspaces, workspaceOut{ws.ID, ws.Name, ws.IsSandbox})
	}
	return out, err
})

type memberIn struct{ WorkspaceID, Email, Role string }

type memberOut struct {
	WorkspaceID string `json:"workspace_id"`
	UserID      string `json:"user_id"`
	Role        string `json:"role,omitempty"`
}

var opAddMember = op("workspace.add_member", func(ctx context.Context, a *app, in memberIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	role, ok := rpc.ParseRole(in.Role)
	if !ok {
		return nil, fault.Invalid("role", "Expected owner, admin or member")
	}
	return memberOut{in.WorkspaceID, u.ID, role.String()}, a.Members.Add(ctx, in.WorkspaceID, u.ID, role, by)
})

var opRemoveMember = op("workspace.remove_member", func(ctx context.Context, a *app, in memberIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	return memberOut{WorkspaceID: in.WorkspaceID, UserID: u.ID}, a.Members.Remove(ctx, in.WorkspaceID, u.ID, rpc.Owner, "", by)
})

type patIn struct {
	ID, Email string
	IsDecoy   bool
	Change    personalaccesstoken.Change
}

type patOut struct {
	personalaccesstoken.Token
	PAT string `json:"personal_access_token,omitempty"`
}

var opPATCreate = op("pat.create", func(ctx context.Context, a *app, in patIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	ch := in.Change
	n := personalaccesstoken.New{From: "command", ExpiresAt: ch.ExpiresAt.Value, Never: ch.ExpiresAt.Null, NotBefore: ch.NotBefore.Value, IsDecoy: in.IsDecoy, Narrow: ch.Narrow}
	if ch.Name != nil {
		n.Name = *ch.Name
	}
	if ch.Description != nil {
		n.Description = *ch.Description
	}
	if ch.IsStrict != nil {
		n.IsStrict = *ch.IsStrict
	}
	tok, secret, err := a.Tokens.Create(ctx, u.ID, n, by)
	return patOut{tok, secret.Reveal()}, err
})

type patListOut struct {
	Tokens []personalaccesstoken.Token `json:"personal_access_tokens"`
}

var opPATList = op("pat.list", func(ctx context.Context, a *app, in patIn, _ audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	all, err := a.Tokens.List(ctx, u.ID)
	return patListOut{all}, err
})

var opPATShow = op("pat.show", func(ctx context.Context, a *app, in patIn, _ audit.Actor, _ func(int, int)) (any, error) {
	tok, err := a.Tokens.Get(ctx, "", in.ID)
	return patOut{Token: tok}, err
})

var opPATUpdate = op("pat.update", func(ctx context.Context, a *app, in patIn, by audit.Actor, _ func(int, int)) (any, error) {
	if err := a.Tokens.Update(ctx, "", in.ID, in.Change, nil, by); err != nil {
		return nil, err
	}
	tok, err := a.Tokens.Get(ctx, "", in.ID)
	return patOut{Token: tok}, err
})

var opPATDisable, opPATEnable = opPATSetDisabled("pat.disable", true), opPATSetDisabled("pat.enable", false)

func opPATSetDisabled(name string, disabled bool) operation {
	return op(name, func(ctx context.Context, a *app, in patIn, by audit.Actor, _ func(int, int)) (any, error) {
		if err := a.Tokens.SetDisabled(ctx, "", in.ID, disabled, by); err != nil {
			return nil, err
		}
		tok, err := a.Tokens.Get(ctx, "", in.ID)
		return patOut{Token: tok}, err
	})
}

var opPATRevoke = op("pat.revoke", func(ctx context.Context, a *app, in patIn, by audit.Actor, _ func(int, int)) (any, error) {
	if err := a.Tokens.Revoke(ctx, "", in.ID, by); err != nil {
		return nil, err
	}
	tok, err := a.Tokens.Get(ctx, "", in.ID)
	return patOut{Token: tok}, err
})

type apiKeyIn struct{ ID, WorkspaceID, Name, Email string }

type apiKeyOut struct {
	apikey.APIKey
	Key string `json:"api_key,omitempty"`
}

var opAPIKeyCreate = op("api_key.create", func(ctx context.Context, a *app, in apiKeyIn, by audit.Actor, _ func(int, int)) (any, error) {
	ws, err := a.Workspaces.Get(ctx, a.DB, in.WorkspaceID)
	if err != nil {
		return nil, err
	}
	madeBy := ""
	if in.Email != "" {
		u, err := a.People.ByEmail(ctx, a.DB, in.Email)
		if err != nil {
			return nil, err
		}
		madeBy = u.ID
	}
	key, secret, err := a.Keys.Create(ctx, ws.ID, ws.IsSandbox, in.Name, madeBy, "command", by)
	return apiKeyOut{key, secret.Reveal()}, err
})

type apiKeyListOut struct {
	Keys []apikey.APIKey `json:"api_keys"`
}

var opAPIKeyList = op("api_key.list", func(ctx context.Context, a *app, in apiKeyIn, _ audit.Actor, _ func(int, int)) (any, error) {
	if _, err := a.Workspaces.Get(ctx, a.DB, in.WorkspaceID); err != nil {
		return nil, err
	}
	all, err := a.Keys.List(ctx, in.WorkspaceID)
	return apiKeyListOut{all}, err
})

var opAPIKeyRevoke = op("api_key.revoke", func(ctx context.Context, a *app, in apiKeyIn, by audit.Actor, _ func(int, int)) (any, error) {
	c, err := credential.Get(ctx, a.DB, credential.APIKey, in.ID)
	if err != nil {
		return nil, fault.Missing(fault.APIKeyNotFound)
	}
	return apiKeyIn{ID: in.ID, WorkspaceID: c.WorkspaceID}, a.Keys.Revoke(ctx, c.WorkspaceID, in.ID, by)
})

type sandboxIn struct {
	WorkspaceID, Provider, Login string
	Devices                      int
}

type sandboxOut struct {
	WorkspaceID        string `json:"workspace_id"`
	ConnectedAccountID string `json:"connected_account_id,omitempty"`
	Devices            int    `json:"devices"`
}

var opSandboxConnect = op("sandbox.connect", func(ctx context.Context, a *app, in sandboxIn, _ audit.Actor, _ func(int, int)) (any, error) {
	ws, err := a.Workspaces.Get(ctx, a.DB, in.WorkspaceID)
	if err != nil {
		return nil, err
	}
	acc, err := a.Webviews.ConnectStandard(ctx, ws.ID, ws.IsSandbox, in.Provider, in.Login)
	if err != nil {
		return nil, err
	}
	n, err := a.Devices.Count(ctx, ws.ID)
	return sandboxOut{ws.ID, acc.ID, n}, err
})

var opSandboxFill = op("sandbox.fill", func(ctx context.Context, a *app, in sandboxIn, _ audit.Actor, progress func(int, int)) (any, error) {
	ws, err := a.Workspaces.Get(ctx, a.DB, in.WorkspaceID)
	if err != nil {
		return nil, err
	}
	if err := a.Accounts.Fill(ctx, ws.ID, ws.IsSandbox, in.Devices, func(done int) { progress(done, in.Devices) }); err != nil {
		return nil, err
	}
	n, err := a.Devices.Count(ctx, ws.ID)
	return sandboxOut{WorkspaceID: ws.ID, Devices: n}, err
})
