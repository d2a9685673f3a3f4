package personalaccesstoken

import (
	"context"
	"encoding/json"
	"errors"

	"keyway/internal/api/event"
	"keyway/internal/platform/job"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// leakJob notifies the owner of a credential that it was found: after the answer to the finder, who
// must not wait longer for it than for one that no one has.
const leakJob = "credential.leaked"

// LeakFound schedules a notice to the owner of a credential that it was found.
func (t *Tokens) LeakFound(ctx context.Context, tx *store.Tx, l credential.Leaked) error {
	_, err := t.Jobs.Enqueue(ctx, tx, leakJob, "", l, t.Now())
	return err
}

func (t *Tokens) tellLeaked(ctx context.Context, j job.Job) error {
	var l credential.Leaked
	if err := json.Unmarshal(j.Payload, &l); err != nil {
		return err
	}
	id, fields := l.ID, map[string]any{"hint": l.Hint, "address": l.Address}
	switch l.Kind {
	case credential.WorkspaceKey: // whose owner is its token's
		key, err := credential.Get(ctx, t.DB, l.Kind, id)
		if errors.Is(err, credential.ErrNotFound) {
			return nil // purged with its workspace
		} else if err != nil {
			return err
		}
		id, fields["workspace_key_id"] = key.ParentID, l.ID
	case credential.PersonalAccessToken:
	default:
		return t.DB.Update(ctx, func(tx *store.Tx) error {
			fields["credential_id"], fields["credential_kind"] = l.ID, l.Kind
			if err := t.Events.Append(ctx, tx, l.WorkspaceID, event.Event{Type: string(event.KeyLeaked), Fields: fields}); err != nil {
				return err
			}
			if err := t.mailLeakedKey(ctx, tx, l); err != nil {
				return err
			}
			return j.Finish(ctx, tx)
		}, store.Workspace(l.WorkspaceID))
	}
	c, err := credential.Get(ctx, t.DB, credential.PersonalAccessToken, id)
	if err != nil {
		return err
	}
	return t.notify(ctx, c, func(tx *store.Tx, tell tell) error {
		if err := tell(event.TokenLeaked, fields); err != nil {
			return err
		}
		return j.Finish(ctx, tx)
	})
}

// mailLeakedKey notifies the owners of an API key's workspace. Client sessions are not mailed: anyone who has
// a publishable key can make any number of them, and report them.
func (t *Tokens) mailLeakedKey(ctx context.Context, tx *store.Tx, l credential.Leaked) error {
	if l.Kind != credential.APIKey {
		return nil
	}
	key, err := credential.Get(ctx, tx, l.Kind, l.ID)
	if errors.Is(err, credential.ErrNotFound) {
		return nil // purged with its workspace
	} else if err != nil {
		return err
	}
	return t.Mail.PostToOwners(ctx, tx, l.WorkspaceID, string(event.KeyLeaked),
		mail.Facts{"name": key.Name, "hint": l.Hint, "address": l.Address, "at": t.Now(),
			"path": mail.Link("/console/workspaces/" + l.WorkspaceID + "/developer/api-keys")})
}
