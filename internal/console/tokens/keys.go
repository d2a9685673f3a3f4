package tokens

import (
	"time"

	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
)

func (q *request) apiKeysView() (*APIKeysView, error) {
	ctx := q.R.Context()
	v := &APIKeysView{Page: q.Base(frame.AreaWorkspace, frame.NavAPIKeys, "API Keys"), CanManage: q.May("/keyway/v1/api_keys/create"),
		Add: AddAPIKeyForm{Nonce: frame.NewNonce()}}
	keys, err := q.Keys.List(ctx, q.Current.ID)
	if err != nil {
		return nil, err
	}
	canRevoke := q.May("/keyway/v1/api_keys/revoke")
	names := map[string]string{}
	for _, k := range keys {
		name, ok := names[k.CreatedBy]
		if !ok && k.CreatedBy != "" {
			u, err := q.People.Get(ctx, q.DB, k.CreatedBy)
			if err != nil && !fault.Is(err, fault.UserNotFound) {
				return nil, err
			}
			name = frame.User{Name: u.Name, Email: u.Email}.DisplayName()
			names[k.CreatedBy] = name
		}
		row := APIKey{ID: k.ID, Name: k.Name, Hint: hint(k.Hint), CreatedAt: k.CreatedAt.Time, CreatedBy: name, CanRevoke: canRevoke}
		if k.LastUsed != nil {
			row.LastUsed = k.LastUsed.At.Time
		}
		v.Keys = append(v.Keys, row)
	}
	return v, nil
}

// hint shows that more follows the visible part.
func hint(visible string) string { return visible + "_…" }

func (q *request) apiKeys() error {
	v, err := q.apiKeysView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) createAPIKey() error {
	here := frame.WorkspacePath(q.Current.ID, "developer", "api-keys")
	if !q.FirstSent() {
		return q.SentAgain(here)
	}
	name := q.Form("name")
	key, secret, err := q.Keys.Create(q.Context(), q.Current.ID, q.Current.IsSandbox, name, q.User.ID, "console", q.Principal().Actor())
	errs, wrong := frame.FieldErrors(err)
	if err != nil && !wrong {
		return err
	}
	v, err := q.apiKeysView()
	if err != nil {
		return err
	}
	v.Location = here
	if wrong {
		v.Add.Open, v.Add.Name, v.Add.Errors = true, name, errs.OnlyFields("name")
	} else {
		v.Created = &frame.Secret{ID: key.ID, Name: key.Name, Value: secret.Reveal()}
	}
	return q.Show(v)
}

func (q *request) revokeAPIKey() error {
	here := frame.WorkspacePath(q.Current.ID, "developer", "api-keys")
	if err := q.Keys.Revoke(q.Context(), q.Current.ID, q.R.PathValue("key"), q.Principal().Actor()); err != nil {
		return q.Refused(here, err)
	}
	return q.Done(here, "The key was revoked.")
}

// APIKeysView is the API keys of a workspace.
type APIKeysView struct {
	frame.Page
	Keys    []APIKey
	Add     AddAPIKeyForm
	Created *frame.Secret
	// CanManage is false for members, who see the list only.
	CanManage bool
}

// APIKey is one row of the list.
type APIKey struct {
	ID        string
	Name      string
	Hint      string
	CreatedAt time.Time
	CreatedBy string
	LastUsed  time.Time
	CanRevoke bool
}

// AddAPIKeyForm is the dialog that makes an API key.
type AddAPIKeyForm struct {
	Open   bool
	Name   string
	Nonce  string
	Errors frame.FormErrors
}
