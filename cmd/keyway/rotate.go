package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/policy"
)

// anyone manages every token, as anyone who can run commands on the data does.
var anyone = personalaccesstoken.Manager{Anyone: true}

type rotateIn struct {
	ID      string
	Overlap time.Duration
	Begin   bool
}

func (a *app) doPATRotate(ctx context.Context, in rotateIn, by audit.Actor, _ func(int, int)) (any, error) {
	tok, secret, err := a.Tokens.Rotate(ctx, anyone, in.ID,
		personalaccesstoken.Rotation{Overlap: in.Overlap, Begin: in.Begin, From: "command"}, by)
	return patOut{Token: tok, PAT: secret.Reveal()}, err
}

func (a *app) doPATRotateUndo(ctx context.Context, in rotateIn, by audit.Actor, _ func(int, int)) (any, error) {
	tok, err := a.Tokens.UndoRotation(ctx, anyone, in.ID, by)
	return patOut{Token: tok}, err
}

func (a *app) doPATRotateComplete(ctx context.Context, in rotateIn, by audit.Actor, _ func(int, int)) (any, error) {
	tok, err := a.Tokens.CompleteRotation(ctx, anyone, in.ID, by)
	return patOut{Token: tok}, err
}

type explainIn struct{ RequestID string }

type explainOut struct {
	Explanation personalaccesstoken.Explanation `json:"explanation"`
}

func (a *app) doPATExplain(ctx context.Context, in explainIn, _ audit.Actor, _ func(int, int)) (any, error) {
	x, err := a.Tokens.Explain(ctx, anyone, in.RequestID)
	return explainOut{x}, err
}

type adviseIn struct {
	ID   string
	Days int
}

type adviseOut struct {
	Advice personalaccesstoken.Advice `json:"advice"`
}

func (a *app) doPATAdvise(ctx context.Context, in adviseIn, _ audit.Actor, _ func(int, int)) (any, error) {
	advice, err := a.Tokens.Advise(ctx, anyone, in.ID, in.Days, nil)
	return adviseOut{advice}, err
}

type policyIn struct {
	WorkspaceID string
	Rules       map[string]json.RawMessage
}

type policyOut struct {
	Policy policy.Served `json:"policy"`
}

func (a *app) doPolicyGet(ctx context.Context, in policyIn, _ audit.Actor, _ func(int, int)) (any, error) {
	p, err := a.Policies.Get(ctx, in.WorkspaceID)
	return policyOut{p}, err
}

func (a *app) doPolicySet(ctx context.Context, in policyIn, by audit.Actor, _ func(int, int)) (any, error) {
	c, err := policy.ParseChange(in.Rules)
	if err != nil {
		return nil, err
	}
	p, err := a.Policies.Update(ctx, in.WorkspaceID, c, by)
	return policyOut{p}, err
}

// rotation is what rotates one token, in the data or on a server.
type rotation struct {
	g  *globals
	on *remote
	id string
}

func (r rotation) do(ctx context.Context, o operation, args rotateIn, what string, in map[string]any) (out patOut, err error) {
	args.ID = r.id
	if r.on.server == "" {
		return out, r.g.perform(ctx, o, args, &out, false)
	}
	in["personal_access_token_id"] = r.id
	err = r.on.call(ctx, patPath+what, in, "personal_access_token", &out.Token)
	out.PAT, out.Secret = out.Secret, ""
	return out, err
}

// undo puts the token back that was being replaced, also when the command is being stopped.
func (r rotation) undo(ctx context.Context) (patOut, error) {
	return r.do(context.WithoutCancel(ctx), opPATRotateUndo, rotateIn{}, "rotate_undo", map[string]any{})
}

// mostExec is how long a token lives beside its successor at most while a command stores that.
const mostExec = 24 * time.Hour

// exec rotates and hands the new secret to a command. When that fails, or cannot start, the rotation
// is undone; the command may use the new secret, so the first use ends nothing.
func (r rotation) exec(ctx context.Context, overlap time.Duration, command string) (patOut, error) {
	path, err := exec.LookPath("sh")
	if err != nil {
		return patOut{}, err // before anything is changed
	}
	lasts := max(overlap, mostExec)
	out, err := r.do(ctx, opPATRotate, rotateIn{Overlap: lasts}, "rotate", map[string]any{"overlap_seconds": int(lasts.Seconds())})
	if err != nil {
		return out, err
	}
	cmd := exec.CommandContext(ctx, path, "-c", command) //nolint:gosec // the command that its user has typed
	cmd.Stdin = strings.NewReader(out.PAT + "\n")
	cmd.Env = append(os.Environ(), "SEAM_PERSONAL_ACCESS_TOKEN="+out.PAT)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr // stdout is for the result
	if err := cmd.Run(); err != nil {
		if _, undoErr := r.undo(ctx); undoErr != nil {
			return out, fmt.Errorf("the command failed (%w), and the rotation could not be undone: %w", err, undoErr)
		}
		return out, fmt.Errorf("the command failed (%w): the rotation was undone, and the token works as before", err)
	}
	out.PAT = "" // the command has it
	if overlap > 0 {
		return out, nil
	}
	_, err = r.do(ctx, opPATRotateComplete, rotateIn{}, "rotate_complete", map[string]any{})
	return out, err
}

func rotateCommand(g *globals, on *remote) *cobra.Command {
	var command, overlap string
	var begin, undo bool
	cmd := &cobra.Command{
		Use: "rotate PERSONAL_ACCESS_TOKEN_ID", Short: "Replace a token's secret, with everything else as it was", Args: cobra.ExactArgs(1),
		Long: `Replace a token's secret. The successor has the same limits and expiry, and takes workspace keys and
children over. The old secret stops at once, unless --overlap says otherwise.

--exec gives the new secret to a command, on its standard input and in SEAM_PERSONAL_ACCESS_TOKEN. When the
command fails, the rotation is undone and the exit code is 1; when it succeeds, the old secret stops.`,
		Example: "  keyway pat rotate ID --overlap 24h\n  keyway pat rotate ID --exec 'gh secret set KEYWAY_TOKEN'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if begin && undo || undo && (command != "" || overlap != "") || begin && command != "" {
				return badUsage("--begin, --undo and --exec exclude one another, and --undo takes no --overlap")
			}
			var lasts time.Duration
			if overlap != "" {
				at, never, err := parseExpiry(overlap, time.Time{}.AddDate(1, 0, 0))
				if lasts = at.Sub(time.Time{}.AddDate(1, 0, 0)); err != nil || never || lasts > personalaccesstoken.MostOverlap {
					return badUsage("--overlap %q: give a time like 24h, at most seven days", overlap)
				}
			}
			r := rotation{g, on, args[0]}
			var out patOut
			var err error
			switch {
			case undo:
				out, err = r.undo(cmd.Context())
			case command != "":
				out, err = r.exec(cmd.Context(), lasts, command)
			default:
				what, in := "rotate", map[string]any{"overlap_seconds": int(lasts.Seconds())}
				if begin {
					if what = "rotate_begin"; overlap == "" {
						lasts = mostExec
						in = map[string]any{}
					}
				}
				out, err = r.do(cmd.Context(), opPATRotate, rotateIn{Overlap: lasts, Begin: begin}, what, in)
			}
			if err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) {
				if out.PAT != "" {
					fmt.Fprintf(w, "%s\n\n", out.PAT)
				}
				fmt.Fprintf(w, "Id\t%s\nToken\t%s…\nStatus\t%s\nExpires\t%s\n", out.ID, out.Hint, out.Status, expiry(out.Token))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&overlap, "overlap", "", "how long the old secret stays valid, like 24h; at most seven days")
	f.BoolVar(&begin, "begin", false, "let the old secret live until the new one is first used, or the overlap (a day) has passed")
	f.BoolVar(&undo, "undo", false, "end the new secret instead, while the old one lives")
	f.StringVar(&command, "exec", "", "a shell command that stores the new secret")
	return cmd
}

func explainCommand(g *globals, on *remote) *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain REQUEST_ID", Short: "Say why a request with a token was refused", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out explainOut
			var err error
			if on.server == "" {
				err = g.perform(cmd.Context(), opPATExplain, explainIn{args[0]}, &out, false)
			} else {
				err = on.call(cmd.Context(), patPath+"explain", map[string]any{"request_id": args[0]}, "explanation", &out.Explanation)
			}
			if err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) { fmt.Fprintf(w, "%s\n\n%s\n", out.Explanation.Summary, out.Explanation.Remedy) })
		},
	}
	return cmd
}

func adviseCommand(g *globals, on *remote) *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use: "advise PERSONAL_ACCESS_TOKEN_ID", Short: "Compare what a token may do with what it did", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if days < 1 || days > 90 {
				return badUsage("--days %d: use is kept for 90 days", days)
			}
			var out adviseOut
			in := map[string]any{"personal_access_token_id": args[0], "days": days}
			var err error
			if on.server == "" {
				err = g.perform(cmd.Context(), opPATAdvise, adviseIn{args[0], days}, &out, false)
			} else {
				err = on.call(cmd.Context(), patPath+"advise", in, "advice", &out.Advice)
			}
			if err != nil {
				return err
			}
			a := out.Advice
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintf(w, "Used %d of %d permissions in %d days, in %d requests.\n", a.Used, a.Permissions, a.Days, a.Requests)
				s := a.Suggestion
				if s == nil {
					return
				}
				fmt.Fprintf(w, "\nNarrow it to\nScopes\t%s\nWorkspaces\t%s\nNetworks\t%s\n", strings.Join(s.Scopes, " "),
					strings.Join(s.WorkspaceIDs, " "), strings.Join(s.AllowedCIDRs, " "))
				if s.DeviceIDs != nil {
					fmt.Fprintf(w, "Devices\t%s\n", strings.Join(s.DeviceIDs, " "))
				}
				if h := s.AllowedHours; h != nil {
					fmt.Fprintf(w, "Hours\t%s %s-%s %s\n", strings.Join(h.Weekdays, ","), h.From, h.To, h.TimeZone)
				}
			})
		},
	}
	cmd.Flags().IntVar(&days, "days", 30, "how many days to look back")
	return cmd
}

func policyCommand(g *globals) *cobra.Command {
	var on remote
	var workspaceID string
	show := func(cmd *cobra.Command, out policyOut) error {
		return g.print(cmd, out, func(w io.Writer) {
			text, err := json.MarshalIndent(out.Policy, "", "  ")
			if err == nil {
				fmt.Fprintln(w, string(text))
			}
		})
	}
	about := func() map[string]any {
		if workspaceID == "" {
			return map[string]any{}
		}
		return map[string]any{"workspace_id": workspaceID}
	}
	get := &cobra.Command{
		Use: "get", Short: "Show what tokens must satisfy",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out policyOut
			var err error
			if on.server == "" {
				err = g.perform(cmd.Context(), opPolicyGet, policyIn{WorkspaceID: workspaceID}, &out, false)
			} else {
				err = on.call(cmd.Context(), "/keyway/v1/policies/get", about(), "policy", &out.Policy)
			}
			if err != nil {
				return err
			}
			return show(cmd, out)
		},
	}
	set := &cobra.Command{
		Use: "set key=value …", Short: "Change what tokens must satisfy", Args: cobra.MinimumNArgs(1),
		Example: "  keyway policy set maximum_age_days=90 never_forbidden=true\n  keyway policy set --workspace ID " +
			"'allowed_cidrs=[\"10.0.0.0/8\"]' inactive_days=null",
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := apiBody(args, nil)
			if err != nil {
				return err
			}
			in := about()
			change := policyIn{WorkspaceID: workspaceID}
			if err := errors.Join(json.Unmarshal(body, &change.Rules), json.Unmarshal(body, &in)); err != nil {
				return badUsage("give rules as key=value")
			}
			var out policyOut
			if on.server == "" {
				err = g.perform(cmd.Context(), opPolicySet, change, &out, false)
			} else {
				err = on.call(cmd.Context(), "/keyway/v1/policies/update", in, "policy", &out.Policy)
			}
			if err != nil {
				return err
			}
			return show(cmd, out)
		},
	}
	for _, cmd := range []*cobra.Command{get, set} {
		cmd.Flags().StringVar(&workspaceID, "workspace", "", "id of the workspace whose policy it is; the instance's unless given")
		on.flags(cmd.Flags())
	}
	return g.group("policy", "Manage rules for tokens", get, set)
}
