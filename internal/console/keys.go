package console

import "keyway/internal/platform/fault"

func (q *request) apiKeysView() (*APIKeysView, error) {
	ctx := q.r.Context()
	v := &APIKeysView{Page: q.base(AreaWorkspace, NavAPIKeys, "API Keys"), CanManage: q.may("/keyway/v1/api_keys/create"), Add: AddAPIKeyForm{Nonce: newNonce()}}
	keys, err := q.Keys.List(ctx, q.current.ID)
	if err != nil {
		return nil, err
	}
	canRevoke := q.may("/keyway/v1/api_keys/revoke")
	names := map[string]string{}
	for _, k := range keys {
		name, ok := names[k.CreatedBy]
		if !ok && k.CreatedBy != "" {
			u, err := q.People.Get(ctx, q.DB, k.CreatedBy)
			if err != nil && !fault.Is(err, fault.UserNotFound) {
				return nil, err
			}
			name = User{Name: u.Name, Email: u.Email}.DisplayName()
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
	return q.show(v)
}

func (q *request) createAPIKey() error {
	here := workspacePath(q.current.ID, "developer", "api-keys")
	if !q.spent.spend(q.user.ID, q.form("nonce"), q.Now()) {
		return q.sentAgain(here)
	}
	name := q.form("name")
	key, secret, err := q.Keys.Create(q.context(), q.current.ID, q.current.IsSandbox, name, q.user.ID, "console", q.principal().Actor())
	errs, wrong := formErrors(err)
	if err != nil && !wrong {
		return err
	}
	v, err := q.apiKeysView()
	if err != nil {
		return err
	}
	v.Location = here
	if wrong {
		v.Add.Open, v.Add.Name, v.Add.Errors = true, name, errs.onlyFields("name")
	} else {
		v.Created = &Secret{ID: key.ID, Name: key.Name, Value: secret.Reveal()}
	}
	return q.show(v)
}

func (q *request) revokeAPIKey() error {
	here := workspacePath(q.current.ID, "developer", "api-keys")
	if err := q.Keys.Revoke(q.context(), q.current.ID, q.r.PathValue("key"), q.principal().Actor()); err != nil {
		return q.refused(here, err)
	}
	return q.done(here, "The key was revoked.")
}
