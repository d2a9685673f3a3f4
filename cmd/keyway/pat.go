package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// patFlags are the flags that say what a token is, as they are written.
type patFlags struct {
	name, description, expires, notBefore string
	scopes, workspaces, cidrs, devices    []string
	sandboxOnly, isStrict, isDecoy        bool
	dailyActions, hours, maxUses          string
}

func (p *patFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&p.name, "name", "", "what the token is for")
	f.StringVar(&p.description, "description", "", "more about it")
	f.StringVar(&p.expires, "expires", "", "90d, 12h, 30s, never or a date, whose end (UTC) it is; default for a new token: a year")
	f.StringVar(&p.notBefore, "not-before", "", "date from whose start (UTC) on it works, or a time from now like 12h")
	f.StringSliceVar(&p.scopes, "scope", nil, "what it may call, like devices:read, *:read or *; may be repeated")
	f.StringSliceVar(&p.workspaces, "workspace", nil, "id of a workspace that it opens, or all; may be repeated")
	f.StringSliceVar(&p.cidrs, "cidr", nil, "network from which it may be used, or any; may be repeated")
	f.StringSliceVar(&p.devices, "device", nil, "id of a device that exists for it, or all; may be repeated")
	f.BoolVar(&p.sandboxOnly, "sandbox-only", false, "let it open sandbox workspaces only")
	f.StringVar(&p.dailyActions, "daily-actions", "", "how many physical actions a day it may cause, or any")
	f.StringVar(&p.hours, "hours", "", `when it may be used, like "mon-fri 08:00-18:00 Europe/Oslo", or any`)
	f.StringVar(&p.maxUses, "max-uses", "", "how many requests it is good for, or any")
	f.BoolVar(&p.isStrict, "strict", false, "revoke it too when a token that it replaced is used late")
}

// change reads the flags that were given.
func (p *patFlags) change(f *pflag.FlagSet, now time.Time) (ch personalaccesstoken.Change, err error) {
	if f.Changed("name") {
		ch.Name = &p.name
	}
	if f.Changed("description") {
		ch.Description = &p.description
	}
	if f.Changed("strict") {
		ch.IsStrict = &p.isStrict
	}
	if ch.Scopes.Set = f.Changed("scope"); ch.Scopes.Set {
		ch.Scopes.Value = p.scopes
	}
	list := func(flag, all string, values []string) (o rpc.Opt[[]string]) {
		o.Set = f.Changed(flag)
		if o.Null = o.Set && len(values) == 1 && values[0] == all; !o.Null {
			o.Value = values
		}
		return o
	}
	ch.WorkspaceIDs, ch.DeviceIDs = list("workspace", "all", p.workspaces), list("device", "all", p.devices)
	if ch.AllowedCIDRs = list("cidr", "any", p.cidrs); ch.AllowedCIDRs.Null {
		ch.AllowedCIDRs = rpc.Opt[[]string]{Set: true, Value: []string{}}
	}
	ch.SandboxOnly = rpc.Opt[bool]{Set: f.Changed("sandbox-only"), Value: p.sandboxOnly}
	number := func(flag, text string) (o rpc.Opt[int64], err error) {
		o.Set = f.Changed(flag)
		if o.Null = o.Set && text == "any"; o.Set && !o.Null {
			if o.Value, err = strconv.ParseInt(text, 10, 64); err != nil {
				err = badUsage("--%s %q: give a number, or any", flag, text)
			}
		}
		return o, err
	}
	if ch.DailyActionLimit, err = number("daily-actions", p.dailyActions); err != nil {
		return ch, err
	}
	if ch.MaxUses, err = number("max-uses", p.maxUses); err != nil {
		return ch, err
	}
	if ch.AllowedHours.Set = f.Changed("hours"); ch.AllowedHours.Set {
		if ch.AllowedHours.Null = p.hours == "any"; !ch.AllowedHours.Null {
			if ch.AllowedHours.Value, err = parseHours(p.hours); err != nil {
				return ch, err
			}
		}
	}
	if f.Changed("not-before") {
		at, _, err := parseTime(p.notBefore, now)
		if err != nil || at.IsZero() {
			return ch, badUsage("--not-before %q: give a date like 2027-12-31, or a time from now like 12h", p.notBefore)
		}
		ch.NotBefore = rpc.Opt[time.Time]{Set: true, Value: at}
	}
	if f.Changed("expires") {
		ch.ExpiresAt.Set = true
		ch.ExpiresAt.Value, ch.ExpiresAt.Null, err = parseExpiry(p.expires, now)
	}
	return ch, err
}

// parseHours reads "mon-fri 08:00-18:00 Europe/Oslo": one weekday or a range, which may run past Sunday.
func parseHours(text string) (h credential.Hours, err error) {
	bad := badUsage(`--hours %q: give hours like "mon-fri 08:00-18:00 Europe/Oslo"`, text)
	parts := strings.Fields(text)
	if len(parts) != 3 {
		return h, bad
	}
	first, last, isRange := strings.Cut(strings.ToLower(parts[0]), "-")
	if !isRange {
		last = first
	}
	at, end := -1, -1
	for i, d := range credential.Weekdays {
		if d == first {
			at = i
		}
		if d == last {
			end = i
		}
	}
	from, to, ok := strings.Cut(parts[1], "-")
	if at < 0 || end < 0 || !ok {
		return h, bad
	}
	for h.Weekdays = []string{credential.Weekdays[at]}; at != end; {
		at = (at + 1) % len(credential.Weekdays)
		h.Weekdays = append(h.Weekdays, credential.Weekdays[at])
	}
	h.From, h.To, h.TimeZone = from, to, parts[2]
	return h, nil
}

// remote is a server that commands reach over HTTP, with a credential that may do what they ask.
type remote struct {
	server    string
	workspace string // the seam-workspace header; empty: none
}

func (r *remote) flags(f *pflag.FlagSet) {
	f.StringVar(&r.server, "server", "", "address of a server to ask over HTTP, as the bearer of SEAM_PERSONAL_ACCESS_TOKEN or "+
		"KEYWAY_CONSOLE_SESSION")
}

// call asks an endpoint of the server and reads what stands under a key of its answer.
func (r *remote) call(ctx context.Context, path string, in any, key string, out any) error {
	answer, err := r.ask(ctx, path, in)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer[key], out)
}

// givenFields is the input of an endpoint without the texts that were not given: flags are never empty, and the API
// refuses empty texts.
func givenFields(in any) ([]byte, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == "" })
	return json.Marshal(fields)
}

// ask asks an endpoint of the server for its whole answer.
func (r *remote) ask(ctx context.Context, path string, in any) (map[string]json.RawMessage, error) {
	token := strings.TrimSpace(os.Getenv("KEYWAY_CONSOLE_SESSION"))
	if pat := strings.TrimSpace(os.Getenv("SEAM_PERSONAL_ACCESS_TOKEN")); token != "" && pat != "" {
		return nil, badUsage("SEAM_PERSONAL_ACCESS_TOKEN and KEYWAY_CONSOLE_SESSION are both set: which of them is meant?")
	} else if token = cmp.Or(token, pat); token == "" {
		return nil, badUsage("--server needs a credential in SEAM_PERSONAL_ACCESS_TOKEN or KEYWAY_CONSOLE_SESSION")
	}
	body, err := givenFields(in)
	if err != nil {
		return nil, err
	}
	server, err := serverAddress("--server", r.server)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server+path, bytes.NewReader(body))
	if err != nil {
		return nil, badUsage("--server %q is not an address", r.server)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "keyway/"+version)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Seam-Workspace", r.workspace)
	res, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("no answer from %s: %w", r.server, errors.Unwrap(err))
	}
	defer func() { _ = res.Body.Close() }()
	var answer map[string]json.RawMessage
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<20)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s answered %s with something that is not JSON; is that a Keyway server?", r.server, res.Status)
	}
	if res.StatusCode != http.StatusOK {
		var failure struct {
			Type    fault.Code `json:"type"`
			Message string     `json:"message"`
		}
		if err := json.Unmarshal(answer["error"], &failure); err != nil {
			return nil, fmt.Errorf("%s answered %s", r.server, res.Status)
		}
		return nil, fmt.Errorf("%w (request id %s)", fault.New(failure.Type, "%s", failure.Message), res.Header.Get("Seam-Request-Id"))
	}
	return answer, nil
}

// sent is a struct of optional parameters as a request carries them.
func sent(v any) map[string]any {
	out := map[string]any{}
	value := reflect.ValueOf(v)
	for i := range value.NumField() {
		f, field := value.Type().Field(i), value.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			for k, v := range sent(field.Interface()) {
				out[k] = v
			}
		case field.Kind() == reflect.Pointer && !field.IsNil():
			out[name] = field.Interface()
		case field.Kind() == reflect.Struct && field.FieldByName("Null").Bool():
			out[name] = nil
		case field.Kind() == reflect.Struct && field.FieldByName("Set").Bool():
			out[name] = field.FieldByName("Value").Interface()
		}
	}
	return out
}

const patPath = "/keyway/v1/personal_access_tokens/"

// pat does something to one token: in the data, or on a server.
func (g *globals) pat(ctx context.Context, r *remote, o operation, in patIn, what string, body map[string]any) (out patOut, err error) {
	if r.server == "" {
		return out, g.perform(ctx, o, in, &out, false)
	}
	if in.ID != "" {
		body["personal_access_token_id"] = in.ID
	}
	if what == "revoke" { // a token that ended itself cannot ask afterwards
		read := map[string]any{}
		if in.ID != "" {
			read["personal_access_token_id"] = in.ID
		}
		if err := r.call(ctx, patPath+"get", read, "personal_access_token", &out.Token); err != nil {
			return out, err
		}
		out.Status = personalaccesstoken.Revoked
		return out, r.call(ctx, patPath+what, body, "revocation", &out.Revocation)
	}
	err = r.call(ctx, patPath+what, body, "personal_access_token", &out.Token)
	out.PAT, out.Secret = out.Secret, ""
	return out, err
}

func patCommand(g *globals) *cobra.Command {
	var r remote
	cmd := g.group("pat", "Manage personal access tokens", patCreateCommand(g, &r), patListCommand(g, &r), patUpdateCommand(g, &r),
		patByIDCommand(g, &r, "show", "Show a token", "get", opPATShow),
		patRevokeCommand(g, &r),
		patByIDCommand(g, &r, "disable", "Disable a token and everything made with it, until it is enabled", "disable", opPATDisable),
		patByIDCommand(g, &r, "enable", "Enable a disabled token", "enable", opPATEnable),
		patVerifyCommand(g), scanCommand(g), rotateCommand(g, &r), explainCommand(g, &r), adviseCommand(g, &r))
	r.flags(cmd.PersistentFlags())
	return cmd
}

func patCreateCommand(g *globals, r *remote) *cobra.Command {
	var in patIn
	var p patFlags
	create := &cobra.Command{
		Use: "create", Short: "Create a personal access token; it is shown only once",
		Example: "  keyway pat create --user me@example.com --name ci --expires 90d --scope devices:read --cidr 10.0.0.0/8\n" +
			"  keyway pat create --server https://keyway.example.com --name agent --max-uses 100 --hours \"mon-fri 08:00-18:00 Europe/Oslo\"",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			need := []string{"user", "name"}
			if r.server != "" {
				need = need[1:]
			}
			if err := required(cmd, need...); err != nil {
				return err
			}
			if in.Change, err = p.change(cmd.Flags(), time.Now()); err != nil {
				return err
			}
			in.IsDecoy = p.isDecoy
			body := sent(in.Change)
			body["is_decoy"] = p.isDecoy
			out, err := g.pat(cmd.Context(), r, opPATCreate, in, "create", body)
			if err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintf(w, "%s\n\n", out.PAT)
				fmt.Fprintf(w, "Id\t%s\nExpires\t%s\n%s\nThe token is shown only now.\n", out.ID, expiry(out.Token), limits(out.Token))
			})
		},
	}
	create.Flags().StringVar(&in.Email, "user", "", "email address of the person whose token it is")
	p.flags(create.Flags())
	create.Flags().BoolVar(&p.isDecoy, "decoy", false, "create a bait token that grants nothing and alerts you when it is used")
	return create
}

func patUpdateCommand(g *globals, r *remote) *cobra.Command {
	var changed patFlags
	update := &cobra.Command{
		Use: "update PERSONAL_ACCESS_TOKEN_ID", Short: "Change a token's name, limits or expiry", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ch, err := changed.change(cmd.Flags(), time.Now())
			if err != nil {
				return err
			}
			body := sent(ch)
			if len(body) == 0 {
				return badUsage("say what to change, for example --scope devices:read")
			}
			out, err := g.pat(cmd.Context(), r, opPATUpdate, patIn{ID: args[0], Change: ch}, "update", body)
			if err != nil {
				return err
			}
			return g.showPAT(cmd, out)
		},
	}
	changed.flags(update.Flags())
	return update
}

func patListCommand(g *globals, r *remote) *cobra.Command {
	var email string
	list := &cobra.Command{
		Use: "list", Short: "List a person's tokens",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out patListOut
			if r.server != "" {
				if err := r.call(cmd.Context(), patPath+"list", map[string]any{}, "personal_access_tokens", &out.Tokens); err != nil {
					return err
				}
			} else {
				if err := required(cmd, "user"); err != nil {
					return err
				}
				if err := g.perform(cmd.Context(), opPATList, patIn{Email: email}, &out, false); err != nil {
					return err
				}
			}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tTOKEN\tSTATUS\tEXPIRES\tLAST USED\tID")
				for _, t := range out.Tokens {
					fmt.Fprintf(w, "%s\t%s…\t%s\t%s\t%s\t%s\n", t.Name, t.Hint, t.Status, expiry(t), lastUsed(t.LastUsed), t.ID)
				}
			})
		},
	}
	list.Flags().StringVar(&email, "user", "", "email address of the person; with --server, the tokens are those of the credential's person")
	return list
}

func patByIDCommand(g *globals, r *remote, use, short, what string, o operation) *cobra.Command {
	return &cobra.Command{
		Use: use + " PERSONAL_ACCESS_TOKEN_ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := g.pat(cmd.Context(), r, o, patIn{ID: args[0]}, what, map[string]any{})
			if err != nil {
				return err
			}
			return g.showPAT(cmd, out)
		},
	}
}

func patRevokeCommand(g *globals, r *remote) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use: "revoke PERSONAL_ACCESS_TOKEN_ID", Short: "Permanently revoke a token, immediately", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{}
			if keep {
				body["keep_client_sessions"] = true
			}
			out, err := g.pat(cmd.Context(), r, opPATRevoke, patIn{ID: args[0], Keep: keep}, "revoke", body)
			if err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintf(w, "Name\t%s\nToken\t%s…\nStatus\t%s\n", out.Name, out.Hint, out.Status)
				if m := out.Revocation; m != nil && m.ClientSessions+m.Webhooks > 0 {
					became := "Ended with it"
					if m.IsKept {
						became = "Kept"
					}
					fmt.Fprintf(w, "%s\t%d client sessions, %d webhooks\n", became, m.ClientSessions, m.Webhooks)
				}
			})
		},
	}
	cmd.Flags().BoolVar(&keep, "keep-client-sessions", false,
		"keep the client sessions, Connect Webviews and webhooks that a token without limits made")
	return cmd
}

func patVerifyCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "verify TOKEN", Short: "Check a token's form and checksum, offline", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := credential.Parse(args[0])
			if err != nil {
				return fmt.Errorf("not a token of Keyway's: %w", err)
			}
			out := struct {
				Hint  string `json:"hint"`
				Valid bool   `json:"valid"`
			}{p.Secret.Hint(), true}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintf(w, "%s… has the form and checksum of a token; whether it is alive, only the server knows\n", out.Hint)
			})
		},
	}
}

func (g *globals) showPAT(cmd *cobra.Command, out patOut) error {
	return g.print(cmd, out, func(w io.Writer) {
		fmt.Fprintf(w, "Name\t%s\nToken\t%s…\nStatus\t%s\nExpires\t%s\nLast used\t%s\n%s", out.Name, out.Hint, out.Status, expiry(out.Token),
			lastUsed(out.LastUsed), limits(out.Token))
	})
}

// limits describes a token's limits, one per line.
func limits(t personalaccesstoken.Token) string {
	var b strings.Builder
	line := func(name, format string, args ...any) { fmt.Fprintf(&b, name+"\t"+format+"\n", args...) }
	line("Scopes", "%s", strings.Join(t.Scopes, " "))
	if t.WorkspaceIDs != nil {
		line("Workspaces", "%s", strings.Join(t.WorkspaceIDs, " "))
	}
	if t.SandboxOnly {
		line("Workspaces", "sandboxes only")
	}
	if len(t.AllowedCIDRs) > 0 {
		line("Networks", "%s", strings.Join(t.AllowedCIDRs, " "))
	}
	if t.DeviceIDs != nil {
		line("Devices", "%s", strings.Join(t.DeviceIDs, " "))
	}
	if h := t.AllowedHours; h != nil {
		line("Hours", "%s %s-%s %s", strings.Join(h.Weekdays, " "), h.From, h.To, h.TimeZone)
	}
	if t.DailyActionLimit != nil {
		line("Actions a day", "%d", *t.DailyActionLimit)
	}
	if t.MaxUses != nil {
		line("Uses", "%d", *t.MaxUses)
	}
	return b.String()
}

func expiry(t personalaccesstoken.Token) string {
	if t.ExpiresAt.IsZero() {
		return "never"
	}
	return t.ExpiresAt.Format(time.DateOnly)
}

func lastUsed(u *credential.Use) string {
	if u == nil {
		return "never"
	}
	return u.At.Format("2006-01-02 15:04") + " " + u.Endpoint
}

// parseExpiry reads 90d, 12h, 30s, never, or a date; empty is the default. A date is the end of that day in UTC: what
// expires on a day is good on that day, as in the Console.
func parseExpiry(text string, now time.Time) (at time.Time, never bool, err error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Second), false, nil
	}
	return parseTime(text, now)
}

// parseTime reads what parseExpiry does; a date is the beginning of that day in UTC.
func parseTime(text string, now time.Time) (at time.Time, never bool, err error) {
	switch text {
	case "":
		return at, false, nil
	case "never":
		return at, true, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days+"!", "%d!", &n); err == nil && n > 0 {
			return now.AddDate(0, 0, n), false, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), false, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at, false, nil
		}
	}
	return at, false, badUsage("--expires %q: give 90d, 12h, 30s, never or a date like 2027-12-31", text)
}
