package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// print writes a command's result: one JSON object, or text for people.
func (g *globals) print(cmd *cobra.Command, result any, human func(w io.Writer)) error {
	if !g.json {
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		human(w)
		return w.Flush()
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetEscapeHTML(false)
	return enc.Encode(result)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// readPassword takes a password from stdin, or asks for it where a person sits.
func readPassword(fromStdin bool) (string, error) {
	if !fromStdin {
		if !isTerminal(os.Stdin) {
			return "", badUsage("give the password on stdin with --password-stdin")
		}
		fmt.Fprint(os.Stderr, "Password (12 characters or more): ")
		b, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(os.Stderr)
		return string(b), err
	}
	b, err := io.ReadAll(io.LimitReader(os.Stdin, 4096))
	return strings.TrimRight(string(b), "\r\n"), err
}

func initCommand(g *globals) *cobra.Command {
	var in initIn
	var stdin bool
	cmd := &cobra.Command{
		Use: "init", Short: "Create the first person, their workspace and a personal access token, without a running server",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := required(cmd, "email", "workspace"); err != nil {
				return err
			}
			if in.Password, err = readPassword(stdin); err != nil {
				return err
			}
			warnForeignFolder(os.Stderr, g.data, os.Geteuid())
			var out initOut
			if err := g.perform(cmd.Context(), opInit, in, &out, true); err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintf(w, "Person\t%s\nWorkspace\t%s\n", out.UserID, out.WorkspaceID)
				if out.PAT != "" {
					fmt.Fprintf(w, "Personal access token\t%s\n\nThe token is shown only now. Next: keyway serve --data %s\n", out.PAT, g.data)
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Email, "email", "", "the person's email address")
	f.BoolVar(&stdin, "password-stdin", false, "read the password from stdin")
	f.StringVar(&in.Workspace, "workspace", "", "name of the first workspace")
	f.BoolVar(&in.Sandbox, "sandbox", false, "make it a sandbox workspace, with virtual devices")
	f.StringVar(&in.PAT, "pat", "", "make a personal access token with this name")
	return cmd
}

// warnForeignFolder says so when files are about to be made in a folder of another user: a server that runs as that
// user could not open them. uid is who makes them.
func warnForeignFolder(w io.Writer, folder string, uid int) {
	info, err := os.Stat(folder)
	if err != nil {
		return // it will be made, for this user
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == uid {
		return
	}
	owner := strconv.Itoa(int(st.Uid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	fmt.Fprintf(w, "keyway: warning: the folder %s belongs to %s, and what is made in it now belongs to this user: a server that runs as %s "+
		"cannot open it. "+
		"Run the command as %s, or change the owner of the files afterwards.\n", folder, owner, owner, owner)
}

func userCommand(g *globals) *cobra.Command {
	var in userIn
	var stdin bool
	add := &cobra.Command{
		Use: "add", Short: "Add a person",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := required(cmd, "email"); err != nil {
				return err
			}
			if in.Password, err = readPassword(stdin); err != nil {
				return err
			}
			return g.user(cmd, opUserAdd, in, "Added")
		},
	}
	add.Flags().StringVar(&in.Email, "email", "", "email address")
	add.Flags().StringVar(&in.Name, "name", "", "name")
	add.Flags().BoolVar(&in.Operator, "operator", false, "make them an administrator of the whole server")
	add.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from stdin")
	list := &cobra.Command{
		Use: "list", Short: "List the people",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out struct {
				Users []userOut `json:"users"`
			}
			if err := g.perform(cmd.Context(), opUserList, struct{}{}, &out, false); err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintln(w, "EMAIL\tNAME\tOPERATOR\tDISABLED\tID")
				for _, u := range out.Users {
					fmt.Fprintf(w, "%s\t%s\t%t\t%t\t%s\n", u.Email, u.Name, u.IsOperator, u.IsDisabled, u.UserID)
				}
			})
		},
	}
	set := func(use, short string, disabled bool, done string) *cobra.Command {
		return &cobra.Command{
			Use: use + " EMAIL", Short: short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return g.user(cmd, opUserSetDisabled, userIn{Email: args[0], Disabled: disabled}, done)
			},
		}
	}
	var resetStdin bool
	reset := &cobra.Command{
		Use: "reset-password EMAIL", Short: "Give a person a new password; their sessions, passkeys, authenticator app and recovery codes end",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := readPassword(resetStdin)
			if err != nil {
				return err
			}
			return g.user(cmd, opUserResetPassword, userIn{Email: args[0], Password: password},
				"New password (passkeys, authenticator app and recovery codes are removed) for")
		},
	}
	reset.Flags().BoolVar(&resetStdin, "password-stdin", false, "read the password from stdin")
	return g.group("user", "Manage people", add, list,
		set("disable", "Disable a person with all their tokens and sessions", true, "Disabled"),
		set("enable", "Enable a disabled person", false, "Enabled"), reset)
}

func (g *globals) user(cmd *cobra.Command, o operation, in userIn, done string) error {
	var out userOut
	if err := g.perform(cmd.Context(), o, in, &out, false); err != nil {
		return err
	}
	if out.Warning != "" {
		fmt.Fprintln(os.Stderr, "keyway: warning:", out.Warning)
	}
	return g.print(cmd, out, func(w io.Writer) { fmt.Fprintf(w, "%s %s (%s)\n", done, out.Email, out.UserID) })
}

func workspaceCommand(g *globals) *cobra.Command {
	var in workspaceIn
	create := &cobra.Command{
		Use: "create", Short: "Create a workspace",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "name", "owner"); err != nil {
				return err
			}
			var out workspaceOut
			if err := g.perform(cmd.Context(), opWorkspaceCreate, in, &out, false); err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) { fmt.Fprintf(w, "Workspace %s (%s)\n", out.Name, out.WorkspaceID) })
		},
	}
	create.Flags().StringVar(&in.Name, "name", "", "name of the workspace")
	create.Flags().BoolVar(&in.Sandbox, "sandbox", false, "with virtual devices")
	create.Flags().StringVar(&in.Owner, "owner", "", "email address of its owner")
	list := &cobra.Command{
		Use: "list", Short: "List all workspaces",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out struct {
				Workspaces []workspaceOut `json:"workspaces"`
			}
			if err := g.perform(cmd.Context(), opWorkspaceList, struct{}{}, &out, false); err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tSANDBOX\tID")
				for _, ws := range out.Workspaces {
					fmt.Fprintf(w, "%s\t%t\t%s\n", ws.Name, ws.IsSandbox, ws.WorkspaceID)
				}
			})
		},
	}
	var m memberIn
	change := func(use, short string, o operation, done string) *cobra.Command {
		cmd := &cobra.Command{
			Use: use, Short: short,
			RunE: func(cmd *cobra.Command, _ []string) error {
				if err := required(cmd, "workspace", "user"); err != nil {
					return err
				}
				var out memberOut
				if err := g.perform(cmd.Context(), o, m, &out, false); err != nil {
					return err
				}
				return g.print(cmd, out, func(w io.Writer) { fmt.Fprintf(w, "%s %s\n", done, m.Email) })
			},
		}
		cmd.Flags().StringVar(&m.WorkspaceID, "workspace", "", "ID of the workspace")
		cmd.Flags().StringVar(&m.Email, "user", "", "email address of the person")
		return cmd
	}
	add := change("add-member", "Add a person to a workspace", opAddMember, "Added")
	add.Flags().StringVar(&m.Role, "role", "member", "owner, admin or member")
	return g.group("workspace", "Manage workspaces", create, list, add,
		change("remove-member", "Remove a person from a workspace", opRemoveMember, "Removed"))
}

func apiKeyCommand(g *globals) *cobra.Command {
	var in apiKeyIn
	create := &cobra.Command{
		Use: "create", Short: "Create an API key for a workspace; it is shown only once",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "workspace", "name"); err != nil {
				return err
			}
			var out apiKeyOut
			if err := g.perform(cmd.Context(), opAPIKeyCreate, in, &out, false); err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintf(w, "%s\n\nId\t%s\n\nThe key is shown only now. It opens the workspace %s.\n", out.Key, out.ID, in.WorkspaceID)
			})
		},
	}
	create.Flags().StringVar(&in.WorkspaceID, "workspace", "", "ID of the workspace")
	create.Flags().StringVar(&in.Name, "name", "", "what the key is for")
	create.Flags().StringVar(&in.Email, "user", "",
		"whose key it is: it may do no more than this person, and ends when they leave the workspace")
	var workspaceID string
	list := &cobra.Command{
		Use: "list", Short: "List a workspace's API keys",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "workspace"); err != nil {
				return err
			}
			var out apiKeyListOut
			if err := g.perform(cmd.Context(), opAPIKeyList, apiKeyIn{WorkspaceID: workspaceID}, &out, false); err != nil {
				return err
			}
			return g.print(cmd, out, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tKEY\tCREATED\tLAST USED\tID")
				for _, k := range out.Keys {
					fmt.Fprintf(w, "%s\t%s…\t%s\t%s\t%s\n", k.Name, k.Hint, k.CreatedAt.Format(time.DateOnly), lastUsed(k.LastUsed), k.ID)
				}
			})
		},
	}
	list.Flags().StringVar(&workspaceID, "workspace", "", "ID of the workspace")
	revoke := &cobra.Command{
		Use: "revoke API_KEY_ID", Short: "Revoke an API key immediately", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out apiKeyIn
			if err := g.perform(cmd.Context(), opAPIKeyRevoke, apiKeyIn{ID: args[0]}, &out, false); err != nil {
				return err
			}
			return g.print(cmd, map[string]string{"api_key_id": out.ID, "workspace_id": out.WorkspaceID}, func(w io.Writer) {
				fmt.Fprintln(w, "Revoked", out.ID)
			})
		},
	}
	return g.group("api-key", "Manage API keys", create, list, revoke)
}

func sandboxCommand(g *globals) *cobra.Command {
	var in sandboxIn
	connect := &cobra.Command{
		Use: "connect", Short: "Connect a brand's standard account, with its virtual devices",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "workspace", "provider"); err != nil {
				return err
			}
			return g.sandbox(cmd, opSandboxConnect, in)
		},
	}
	connect.Flags().StringVar(&in.WorkspaceID, "workspace", "", "ID of the sandbox workspace")
	connect.Flags().StringVar(&in.Provider, "provider", "", "brand, for example august")
	connect.Flags().StringVar(&in.Login, "login", "jane", "which login; each has devices of its own")
	var fillIn sandboxIn
	fill := &cobra.Command{
		Use: "fill", Short: "Add many varied virtual devices, for load tests",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "workspace"); err != nil {
				return err
			}
			if fillIn.Devices < 1 {
				return badUsage("--devices must be at least 1")
			}
			return g.sandbox(cmd, opSandboxFill, fillIn)
		},
	}
	fill.Flags().StringVar(&fillIn.WorkspaceID, "workspace", "", "ID of the sandbox workspace")
	fill.Flags().IntVar(&fillIn.Devices, "devices", 100, "how many")
	return g.group("sandbox", "Put virtual devices into sandbox workspaces", connect, fill)
}

func (g *globals) sandbox(cmd *cobra.Command, o operation, in sandboxIn) error {
	var out sandboxOut
	if err := g.perform(cmd.Context(), o, in, &out, false); err != nil {
		return err
	}
	return g.print(cmd, out, func(w io.Writer) { fmt.Fprintf(w, "The workspace has %d devices now\n", out.Devices) })
}

func completionCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print a script that completes commands and flags in your shell",
		Long: `Print a script that completes commands and flags in your shell. For bash, now and from now on:

  source <(keyway completion bash)
  keyway completion bash > ~/.local/share/bash-completion/completions/keyway`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			var script strings.Builder
			root := cmd.Root()
			var err error
			switch args[0] {
			case "bash":
				err = root.GenBashCompletionV2(&script, true)
			case "zsh":
				err = root.GenZshCompletion(&script)
			case "fish":
				err = root.GenFishCompletion(&script, true)
			case "powershell":
				err = root.GenPowerShellCompletionWithDesc(&script)
			}
			if err != nil {
				return err
			}
			if g.json {
				return g.print(cmd, map[string]string{"shell": args[0], "script": script.String()}, nil)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), script.String()) // not through print, which would move its tabs
			return err
		},
	}
	return cmd
}

func versionCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.print(cmd, map[string]string{"version": version}, func(w io.Writer) { fmt.Fprintln(w, "keyway", version) })
		},
	}
}
