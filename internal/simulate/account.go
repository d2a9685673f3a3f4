package simulate

import (
	"context"
	"encoding/json"
	"errors"

	"keyway/internal/api/account"
	"keyway/internal/api/connectwebview"
	"keyway/internal/platform/fault"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// StandardAnswers are the answers that sign a login of the sandbox in to a brand. It returns
// workspace_not_sandbox in a production workspace, and invalid_input for an unknown brand.
func (s *Simulator) StandardAnswers(isSandbox bool, brand, login string) (map[string]string, error) {
	if !isSandbox {
		return nil, fault.New(fault.WorkspaceNotSandbox, "Virtual devices can be connected in sandbox workspaces only")
	}
	answers, err := s.Virtual.StandardAnswers(brand, login)
	if errors.Is(err, provider.ErrUnknownBrand) {
		return nil, fault.Invalid("provider", "There is no such brand to connect in this workspace")
	}
	return answers, err
}

// ConnectStandard is what a person does in a Connect Webview, for commands and the Console: it makes one and
// completes it with a login of the sandbox, with the answers that every login has. It returns
// workspace_not_sandbox in a production workspace, and invalid_input for an unknown brand or a login
// that is refused.
func (s *Simulator) ConnectStandard(ctx context.Context, workspaceID string, isSandbox bool, brand, login string) (account.Account, error) {
	answers, err := s.StandardAnswers(isSandbox, brand, login)
	if err != nil {
		return account.Account{}, err
	}
	doc, err := s.Webviews.Create(ctx, workspaceID, isSandbox, connectwebview.Standard(brand))
	if err != nil {
		return account.Account{}, err
	}
	var made connectwebview.Webview
	if err := json.Unmarshal(doc, &made); err != nil {
		return account.Account{}, err
	}
	acc, err := s.Webviews.Complete(ctx, made.ID, brand, answers)
	if err == nil {
		return acc, nil
	}
	var refused *provider.SignInError
	if errors.As(err, &refused) {
		err = fault.Invalid("login", "%s", refused.Message)
	}
	return acc, errors.Join(err, s.Webviews.Delete(ctx, workspaceID, made.ID))
}

// DisconnectAccount lets a virtual account be as if its password had been changed, until it is connected
// again. It returns workspace_not_sandbox, connected_account_not_found, or not_supported for an account that
// is not virtual.
func (s *Simulator) DisconnectAccount(ctx context.Context, id string) error {
	a, err := s.virtualAccount(ctx, id)
	if err != nil {
		return err
	}
	s.Virtual.SetState(a, provider.AccountState{Status: provider.Refused, Since: s.Now()})
	if err := s.Accounts.Flush(ctx, a.WorkspaceID, id); err != nil {
		return err
	}
	devices, err := s.Devices.OfAccount(ctx, s.DB, a.WorkspaceID, id)
	if err != nil {
		return err
	}
	for _, deviceID := range devices {
		if err := s.Codes.Settle(ctx, a.WorkspaceID, deviceID); err != nil {
			return err
		}
	}
	return nil
}

// RequestReauthorization lets a virtual account ask to be connected again, as a brand does before it
// closes an older way to it: everything keeps working meanwhile. It returns what DisconnectAccount returns, and
// not_supported for an account that is disconnected.
func (s *Simulator) RequestReauthorization(ctx context.Context, id string) error {
	a, err := s.virtualAccount(ctx, id)
	if err != nil {
		return err
	}
	acc, err := s.Accounts.Get(ctx, s.DB, a.WorkspaceID, id)
	if err != nil {
		return err
	}
	if acc.IsDisconnected() {
		return fault.New(fault.NotSupported, "The account is disconnected: it has to be connected again in any case")
	}
	s.Virtual.SetState(a, provider.AccountState{Status: provider.Connected, Since: s.Now(), SignInSoon: true})
	return s.Accounts.Flush(ctx, a.WorkspaceID, id)
}

// virtualAccount reads an account that something is to be simulated at, and opens its session.
func (s *Simulator) virtualAccount(ctx context.Context, id string) (a provider.Account, err error) {
	p := credential.From(ctx)
	if !p.IsSandbox {
		return a, notSandbox("accounts")
	}
	if _, err := s.Accounts.Get(ctx, s.DB, p.WorkspaceID, id); err != nil {
		return a, err
	}
	driver, a, err := s.Accounts.Opening(ctx, s.DB, p.WorkspaceID, id)
	if err != nil {
		return a, err
	}
	if driver != s.Virtual.Name() {
		return a, fault.New(fault.NotSupported, "Nothing can be simulated with an account that is not virtual")
	}
	_, err = s.Accounts.Session(ctx, s.DB, p.WorkspaceID, id)
	return a, err
}
