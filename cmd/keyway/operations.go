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

// The operations: everything that commands do to the data. The table below says how.
const (
	opInit              operation = "init"
	opUserAdd           operation = "user.add"
	opUserList          operation = "user.list"
	opUserSetDisabled   operation = "user.set_disabled"
	opUserResetPassword operation = "user.reset_password"
	opWorkspaceCreate   operation = "workspace.create"
	opWorkspaceList     operation = "workspace.list"
	opAddMember         operation = "workspace.add_member"
	opRemoveMember      operation = "workspace.remove_member"
	opPATCreate         operation = "pat.create"
	opPATList           operation = "pat.list"
	opPATShow           operation = "pat.show"
	opPATUpdate         operation = "pat.update"
	opPATDisable        operation = "pat.disable"
	opPATEnable         operation = "pat.enable"
	opPATRevoke         operation = "pat.revoke"
	opAPIKeyCreate      operation = "api_key.create"
	opAPIKeyList        operation = "api_key.list"
	opAPIKeyRevoke      operation = "api_key.revoke"
	opPATRotate         operation = "pat.rotate"
	opPATRotateUndo     operation = "pat.rotate_undo"
	opPATRotateComplete operation = "pat.rotate_complete"
	opPATExplain        operation = "pat.explain"
	opPATAdvise         operation = "pat.advise"
	opPolicyGet         operation = "policy.get"
	opPolicySet         operation = "policy.set"
	opSandboxConnect    operation = "sandbox.connect"
	opSandboxFill       operation = "sandbox.fill"
	opAuditList         operation = "audit.list"
	opAuditVerify       operation = "audit.verify"
	opCredentialsRevoke operation = "credentials.revoke"
	opExamine           operation = "examine"
	opKeyPrepare        operation = "key.prepare"
	opKeyRotate         operation = "key.rotate"
	opKeyRetire         operation = "key.retire"
	opSignRows          operation = "rows.sign"
)

// operations is the table of all operations, for commands and for the server's control socket.
func operations() map[operation]handler {
	return map[operation]handler{
		opInit:              handle((*app).doInit),
		opUserAdd:           handle((*app).doUserAdd),
		opUserList:          handle((*app).doUserList),
		opUserSetDisabled:   handle((*app).doUserSetDisabled),
		opUserResetPassword: handle((*app).doUserResetPassword),
		opWorkspaceCreate:   handle((*app).doWorkspaceCreate),
		opWorkspaceList:     handle((*app).doWorkspaceList),
		opAddMember:         handle((*app).doAddMember),
		opRemoveMember:      handle((*app).doRemoveMember),
		opPATCreate:         handle((*app).doPATCreate),
		opPATList:           handle((*app).doPATList),
		opPATShow:           handle((*app).doPATShow),
		opPATUpdate:         handle((*app).doPATUpdate),
		opPATDisable:        handle((*app).doPATDisable),
		opPATEnable:         handle((*app).doPATEnable),
		opPATRevoke:         handle((*app).doPATRevoke),
		opAPIKeyCreate:      handle((*app).doAPIKeyCreate),
		opAPIKeyList:        handle((*app).doAPIKeyList),
		opAPIKeyRevoke:      handle((*app).doAPIKeyRevoke),
		opPATRotate:         handle((*app).doPATRotate),
		opPATRotateUndo:     handle((*app).doPATRotateUndo),
		opPATRotateComplete: handle((*app).doPATRotateComplete),
		opPATExplain:        handle((*app).doPATExplain),
		opPATAdvise:         handle((*app).doPATAdvise),
		opPolicyGet:         handle((*app).doPolicyGet),
		opPolicySet:         handle((*app).doPolicySet),
		opSandboxConnect:    handle((*app).doSandboxConnect),
		opSandboxFill:       handle((*app).doSandboxFill),
		opAuditList:         handle((*app).doAuditList),
		opAuditVerify:       handle((*app).doAuditVerify),
		opCredentialsRevoke: handle((*app).doCredentialsRevoke),
		opExamine:           handle((*app).doExamine),
		opKeyPrepare:        handle((*app).doKeyPrepare),
		opKeyRotate:         handle((*app).doKeyRotate),
		opKeyRetire:         handle((*app).doKeyRetire),
		opSignRows:          handle((*app).doSignRows),
	}
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

func (a *app) doInit(ctx context.Context, in initIn, by audit.Actor, _ func(int, int)) (any, error) {
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
}

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
	return userOut{UserID: u.ID, Email: u.Email, Name: u.Name, IsOperator: u.IsOperator, IsDisabled: !u.DisabledAt.IsZero(),
		CreatedAt: u.CreatedAt}
}

func (a *app) doUserAdd(ctx context.Context, in userIn, by audit.Actor, _ func(int, int)) (any, error) {
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
}

func (a *app) doUserList(ctx context.Context, _ struct{}, _ audit.Actor, _ func(int, int)) (any, error) {
	all, err := a.People.List(ctx)
	out := struct {
		Users []userOut `json:"users"`
	}{[]userOut{}}
	for _, u := range all {
		out.Users = append(out.Users, userOf(u))
	}
	return out, err
}

func (a *app) doUserSetDisabled(ctx context.Context, in userIn, by audit.Actor, _ func(int, int)) (any, error) {
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
		out.Warning = "this was the only operator: no one can administer the server in the Console until `keyway user enable`"
	}
	return out, nil
}

func (a *app) doUserResetPassword(ctx context.Context, in userIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	if err := a.People.SetPassword(ctx, u.ID, in.Password, "", false, by); err != nil {
		return nil, err
	}
	return userOf(u), a.People.ResetFactors(ctx, u.ID, by)
}

type workspaceIn struct {
	Name, Owner string
	Sandbox     bool
}

type workspaceOut struct {
	WorkspaceID string `json:"workspace_id"`
	Name        string `json:"name"`
	IsSandbox   bool   `json:"is_sandbox"`
}

func (a *app) doWorkspaceCreate(ctx context.Context, in workspaceIn, by audit.Actor, _ func(int, int)) (any, error) {
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
}

func (a *app) doWorkspaceList(ctx context.Context, _ struct{}, _ audit.Actor, _ func(int, int)) (any, error) {
	all, err := a.Workspaces.All(ctx)
	out := struct {
		Workspaces []workspaceOut `json:"workspaces"`
	}{[]workspaceOut{}}
	for _, ws := range all {
		out.Workspaces = append(out.Workspaces, workspaceOut{ws.ID, ws.Name, ws.IsSandbox})
	}
	return out, err
}

type memberIn struct{ WorkspaceID, Email, Role string }

type memberOut struct {
	WorkspaceID string `json:"workspace_id"`
	UserID      string `json:"user_id"`
	Role        string `json:"role,omitempty"`
}

func (a *app) doAddMember(ctx context.Context, in memberIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	role, ok := rpc.ParseRole(in.Role)
	if !ok {
		return nil, fault.Invalid("role", "Expected owner, admin or member")
	}
	return memberOut{in.WorkspaceID, u.ID, role.String()}, a.Members.Add(ctx, in.WorkspaceID, u.ID, role, by)
}

func (a *app) doRemoveMember(ctx context.Context, in memberIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	return memberOut{WorkspaceID: in.WorkspaceID, UserID: u.ID}, a.Members.Remove(ctx, in.WorkspaceID, u.ID, rpc.Owner, "", by)
}

type patIn struct {
	ID, Email string
	IsDecoy   bool
	Keep      bool // with a revocation: what the token made
	Change    personalaccesstoken.Change
}

type patOut struct {
	personalaccesstoken.Token
	PAT        string                          `json:"personal_access_token,omitempty"`
	Revocation *personalaccesstoken.Revocation `json:"revocation,omitempty"`
}

func (a *app) doPATCreate(ctx context.Context, in patIn, by audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	ch := in.Change
	n := personalaccesstoken.New{From: "command", ExpiresAt: ch.ExpiresAt.Value, Never: ch.ExpiresAt.Null, NotBefore: ch.NotBefore.Value,
		IsDecoy: in.IsDecoy, Narrow: ch.Narrow}
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
	return patOut{Token: tok, PAT: secret.Reveal()}, err
}

type patListOut struct {
	Tokens []personalaccesstoken.Token `json:"personal_access_tokens"`
}

func (a *app) doPATList(ctx context.Context, in patIn, _ audit.Actor, _ func(int, int)) (any, error) {
	u, err := a.People.ByEmail(ctx, a.DB, in.Email)
	if err != nil {
		return nil, err
	}
	all, err := a.Tokens.List(ctx, u.ID)
	return patListOut{all}, err
}

func (a *app) doPATShow(ctx context.Context, in patIn, _ audit.Actor, _ func(int, int)) (any, error) {
	tok, err := a.Tokens.Get(ctx, "", in.ID)
	return patOut{Token: tok}, err
}

func (a *app) doPATUpdate(ctx context.Context, in patIn, by audit.Actor, _ func(int, int)) (any, error) {
	if err := a.Tokens.Update(ctx, "", in.ID, in.Change, nil, by); err != nil {
		return nil, err
	}
	tok, err := a.Tokens.Get(ctx, "", in.ID)
	return patOut{Token: tok}, err
}

func (a *app) doPATDisable(ctx context.Context, in patIn, by audit.Actor, _ func(int, int)) (any, error) {
	return a.setPATDisabled(ctx, in.ID, true, by)
}

func (a *app) doPATEnable(ctx context.Context, in patIn, by audit.Actor, _ func(int, int)) (any, error) {
	return a.setPATDisabled(ctx, in.ID, false, by)
}

func (a *app) setPATDisabled(ctx context.Context, id string, disabled bool, by audit.Actor) (any, error) {
	if err := a.Tokens.SetDisabled(ctx, "", id, disabled, by); err != nil {
		return nil, err
	}
	tok, err := a.Tokens.Get(ctx, "", id)
	return patOut{Token: tok}, err
}

func (a *app) doPATRevoke(ctx context.Context, in patIn, by audit.Actor, _ func(int, int)) (any, error) {
	r, err := a.Tokens.RevokeKeeping(ctx, "", in.ID, in.Keep, by)
	if err != nil {
		return nil, err
	}
	tok, err := a.Tokens.Get(ctx, "", in.ID)
	return patOut{Token: tok, Revocation: &r}, err
}

type apiKeyIn struct{ ID, WorkspaceID, Name, Email string }

type apiKeyOut struct {
	apikey.APIKey
	Key string `json:"api_key,omitempty"`
}

func (a *app) doAPIKeyCreate(ctx context.Context, in apiKeyIn, by audit.Actor, _ func(int, int)) (any, error) {
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
}

type apiKeyListOut struct {
	Keys []apikey.APIKey `json:"api_keys"`
}

func (a *app) doAPIKeyList(ctx context.Context, in apiKeyIn, _ audit.Actor, _ func(int, int)) (any, error) {
	if _, err := a.Workspaces.Get(ctx, a.DB, in.WorkspaceID); err != nil {
		return nil, err
	}
	all, err := a.Keys.List(ctx, in.WorkspaceID)
	return apiKeyListOut{all}, err
}

func (a *app) doAPIKeyRevoke(ctx context.Context, in apiKeyIn, by audit.Actor, _ func(int, int)) (any, error) {
	c, err := credential.Get(ctx, a.DB, credential.APIKey, in.ID)
	if err != nil {
		return nil, fault.Missing(fault.APIKeyNotFound)
	}
	return apiKeyIn{ID: in.ID, WorkspaceID: c.WorkspaceID}, a.Keys.Revoke(ctx, c.WorkspaceID, in.ID, by)
}

type sandboxIn struct {
	WorkspaceID, Provider, Login string
	Devices                      int
}

type sandboxOut struct {
	WorkspaceID        string `json:"workspace_id"`
	ConnectedAccountID string `json:"connected_account_id,omitempty"`
	Devices            int    `json:"devices"`
}

func (a *app) doSandboxConnect(ctx context.Context, in sandboxIn, _ audit.Actor, _ func(int, int)) (any, error) {
	ws, err := a.Workspaces.Get(ctx, a.DB, in.WorkspaceID)
	if err != nil {
		return nil, err
	}
	acc, err := a.Simulate.ConnectStandard(ctx, ws.ID, ws.IsSandbox, in.Provider, in.Login)
	if err != nil {
		return nil, err
	}
	n, err := a.Devices.Count(ctx, ws.ID)
	return sandboxOut{ws.ID, acc.ID, n}, err
}

func (a *app) doSandboxFill(ctx context.Context, in sandboxIn, _ audit.Actor, progress func(int, int)) (any, error) {
	ws, err := a.Workspaces.Get(ctx, a.DB, in.WorkspaceID)
	if err != nil {
		return nil, err
	}
	if err := a.Simulate.Fill(ctx, ws.ID, ws.IsSandbox, in.Devices, func(done int) { progress(done, in.Devices) }); err != nil {
		return nil, err
	}
	n, err := a.Devices.Count(ctx, ws.ID)
	return sandboxOut{WorkspaceID: ws.ID, Devices: n}, err
}
