package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/trust/audit"
)

type auditIn struct {
	audit.Filter
	Limit int
}

// maxAuditList is how many entries one command lists at most.
const maxAuditList = 100_000

type auditOut struct {
	Entries []audit.Record `json:"audit_entries"`
	HasMore bool           `json:"has_more"`
}

func (a *app) doAuditList(ctx context.Context, in auditIn, _ audit.Actor, _ func(int, int)) (any, error) {
	if in.Limit < 1 || in.Limit > maxAuditList {
		return nil, fault.Invalid("limit", "Expected 1 to %d", maxAuditList)
	}
	page, err := a.Audit.List(ctx, in.Filter, rpc.Position{}, in.Limit)
	return map[string]any{"audit_entries": page.Items, "has_more": page.HasNext}, err
}

func (a *app) doAuditVerify(ctx context.Context, _ struct{}, _ audit.Actor, _ func(int, int)) (any, error) {
	return a.Audit.Verify(ctx)
}

func auditCommand(g *globals) *cobra.Command {
	var in auditIn
	var since, before string
	var on remote
	list := &cobra.Command{
		Use: "list", Short: "List what was done, newest first",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if in.Since, err = parseMoment("since", since, time.Now()); err != nil {
				return err
			}
			if in.Before, err = parseMoment("before", before, time.Now()); err != nil {
				return err
			}
			if in.Limit < 1 || in.Limit > maxAuditList {
				return badUsage("--limit takes 1 to %d", maxAuditList)
			}
			var out auditOut
			if on.server == "" {
				err = g.perform(cmd.Context(), opAuditList, in, &out, false)
			} else {
				out, err = on.auditList(cmd.Context(), in)
			}
			if err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintln(w, "WHEN\tACTION\tBY\tSUBJECT\tDETAIL")
				for _, e := range out.Entries {
					by := []string{e.Actor.Kind}
					for _, s := range []string{e.Actor.OSUser, e.Actor.UserID, e.Actor.Address} {
						if s != "" {
							by = append(by, s)
						}
					}
					subject := ""
					if e.SubjectID != nil {
						subject = *e.SubjectID
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.OccurredAt.Format(time.DateTime), e.Action, strings.Join(by, " "), subject, e.Detail)
				}
			})
		},
	}
	f := list.Flags()
	f.StringVar(&in.WorkspaceID, "workspace", "", "only what was done in the workspace with this id")
	f.StringVar(&in.Action, "action", "", "only this action, for example personal_access_token.created")
	f.StringVar(&in.SubjectID, "subject", "", "only what was done to the thing with this id")
	f.StringVar(&in.CredentialID, "credential", "", "only what was done with the credential with this id, or to it")
	f.StringVar(&in.UserID, "user-id", "", "only what was done by the person with this id, or to them")
	f.StringVar(&since, "since", "", "only since 7d or 12h ago, or since a date")
	f.StringVar(&before, "before", "", "only before 7d or 12h ago, or before a date")
	f.IntVar(&in.Limit, "limit", 100, "at most so many")
	verify := &cobra.Command{
		Use: "verify", Short: "Find out whether the audit log, or a row that grants something, was changed; exit 1 when one was",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out audit.Verification
			var err error
			if on.server == "" {
				err = g.perform(cmd.Context(), opAuditVerify, struct{}{}, &out, false)
			} else {
				err = on.call(cmd.Context(), "/keyway/v1/audit/verify", struct{}{}, "audit_verification", &out)
			}
			if err != nil {
				return err
			}
			err = g.print(cmd, out, func(w io.Writer) {
				if out.Intact {
					fmt.Fprintf(w, "Intact: %d entries, and nothing was changed, put in or taken out\n", out.Entries)
				}
			})
			if !out.Intact {
				err = errors.Join(err, fmt.Errorf("the audit log is not intact at entry %d: %s", *out.FirstBad, *out.Problem))
			}
			for _, f := range out.RefusedRows {
				err = errors.Join(err, errors.New(refusedRows(f)))
			}
			return err
		},
	}
	group := g.group("audit", "Read and check the log of who did what", list, verify)
	on.flags(group.PersistentFlags())
	return group
}

// refusedRows says which rows of a table are refused.
func refusedRows(f signed.Forged) string {
	return fmt.Sprintf("%d rows of %s were not written with the server key and are refused: %s", f.Count, f.Table, strings.Join(f.IDs, ", "))
}

// auditList reads entries over HTTP: of one workspace as one of its admins, or of all as an operator.
func (r *remote) auditList(ctx context.Context, in auditIn) (out auditOut, err error) {
	out.Entries = []audit.Record{}
	body := map[string]any{"action": in.Action, "subject_id": in.SubjectID, "credential_id": in.CredentialID, "user_id": in.UserID,
		"limit": min(in.Limit, 500)}
	for name, at := range map[string]time.Time{"since": in.Since, "before": in.Before} {
		if !at.IsZero() {
			body[name] = at
		}
	}
	if in.WorkspaceID != "" {
		body["workspace_id"] = in.WorkspaceID
	}
	for {
		answer, err := r.ask(ctx, "/keyway/v1/audit/list", body)
		if fault.Is(err, fault.Forbidden) && r.workspace != in.WorkspaceID { // no operator
			r.workspace = in.WorkspaceID
			continue
		} else if err != nil {
			return out, err
		}
		var page struct {
			HasNext bool    `json:"has_next_page"`
			Cursor  *string `json:"next_page_cursor"`
		}
		var entries []audit.Record
		if err := errors.Join(json.Unmarshal(answer["audit_entries"], &entries), json.Unmarshal(answer["pagination"], &page)); err != nil {
			return out, err
		}
		left := in.Limit - len(out.Entries)
		out.Entries = append(out.Entries, entries[:min(left, len(entries))]...)
		if out.HasMore = page.HasNext || len(entries) > left; !page.HasNext || len(out.Entries) >= in.Limit {
			return out, nil
		}
		body["page_cursor"] = page.Cursor
	}
}

// parseMoment reads a time that is past: 7d, 12h, or a date, whose start in UTC it is; empty is no time.
func parseMoment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, never, err := parseTime(text, now)
	if err != nil || never {
		return at, badUsage("--%s %q: give 7d, 12h or a date like 2027-12-31", flag, text)
	}
	if at.After(now) { // a duration: so long ago
		at = now.Add(now.Sub(at))
	}
	return at, nil
}
