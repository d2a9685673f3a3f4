package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// demoMark is a file in folders that demo made: it never touches any other.
const demoMark = ".keyway-demo"

const demoEmail = "demo@example.com"

// demoWorld is what demo prints.
type demoWorld struct {
	URL        string          `json:"url"`
	ConsoleURL string          `json:"console_url"`
	Email      string          `json:"email"`
	Password   string          `json:"password"`
	UserID     string          `json:"user_id"`
	PATID      string          `json:"personal_access_token_id"`
	PAT        string          `json:"personal_access_token"`
	Workspaces []demoWorkspace `json:"workspaces"`
	Data       string          `json:"data"`
}

type demoWorkspace struct {
	ID      string   `json:"workspace_id"`
	Name    string   `json:"name"`
	Brands  []string `json:"brands"`
	Devices int      `json:"devices"`
}

// demoPlan is what the demo's two workspaces contain. Every published SDK can read the devices of these brands; some fail
// on brands that are newer than they are.
var demoPlan = []struct {
	name   string
	brands []string
}{
	{"Harbour House", []string{"august", "schlage", "ecobee", "minut"}},
	{"Hill Cottages", []string{"yale", "nuki", "kwikset", "noiseaware"}},
}

func demoCommand(g *globals) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use: "demo", Short: "Run a complete server on a throw-away folder, ready to use",
		Long: `Run a complete server with one person, two sandbox workspaces with devices of several brands
and a personal access token, and print a curl line to paste. Without --data everything is in a
temporary folder and gone afterwards.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil || !isLoopback(host) {
				return badUsage("the demo listens on loopback only: --listen %q is not an address like localhost:8420", address)
			}
			demo := *g
			demo.databaseURL, demo.keyFile = "", ""
			if cmd.Flags().Changed("data") {
				err = claimDemoFolder(demo.data)
			} else {
				demo.data, err = temporaryFolder("keyway-demo-")
				defer func() { err = errors.Join(err, os.RemoveAll(demo.data)) }()
			}
			if err != nil {
				return err
			}
			outliveReaders()
			s, err := startServer(cmd.Context(), demo, serveOptions{listen: address, quiet: true})
			if err != nil {
				return err
			}
			w, err := s.app.furnishDemo(context.WithoutCancel(cmd.Context())) // half a world would be of no use the next time
			if err != nil {
				return errors.Join(err, s.stop())
			}
			w.URL, w.ConsoleURL, w.Data = s.url, s.url+"/console", demo.data
			if err := g.print(cmd, w, w.print); err != nil {
				return errors.Join(err, s.stop())
			}
			return s.wait(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&address, "listen", "localhost:8420", "loopback address to listen on; port 0 chooses a free one")
	return cmd
}

// temporaryFolder makes a folder in the system's folder for temporary files.
func temporaryFolder(prefix string) (string, error) {
	folder, err := os.MkdirTemp("", prefix)
	if err != nil {
		return "", fmt.Errorf("no temporary folder can be made in %s: name another place with the environment variable TMPDIR, or a folder "+
			"with --data (%w)", os.TempDir(), err)
	}
	return folder, nil
}

// claimDemoFolder takes a folder that is empty or that a demo made.
func claimDemoFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	mark := filepath.Join(path, demoMark)
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s was not made by `keyway demo`, which replaces its person's password and token at each start: name an empty "+
			"folder, or use `keyway serve`", path)
	}
	return os.WriteFile(mark, []byte("made by keyway demo\n"), 0o600)
}

// furnishDemo makes the demo's world, or finds it and gives it a new password and token: the old
// ones cannot be read again.
func (a *app) furnishDemo(ctx context.Context) (w demoWorld, err error) {
	by := audit.Actor{Kind: "command", OSUser: "demo"}
	w.Email, w.Password = demoEmail, credential.RandomText(16)
	n, err := a.People.Prepare(ctx, w.Email, "Demo", w.Password)
	if err != nil {
		return w, err
	}
	u, err := a.People.ByEmail(ctx, a.DB, w.Email)
	isNew := fault.Is(err, fault.UserNotFound)
	if isNew {
		err = a.DB.Update(ctx, func(tx *store.Tx) error {
			if u, err = a.People.Create(ctx, tx, n, by); err != nil {
				return err
			}
			for _, p := range demoPlan {
				ws, err := a.Workspaces.Create(ctx, tx, workspace.New{Name: p.name, IsSandbox: true}, u.ID, by)
				if err != nil {
					return err
				}
				w.Workspaces = append(w.Workspaces, demoWorkspace{ID: ws.ID, Name: ws.Name, Brands: p.brands})
			}
			return nil
		}, store.Instance)
	} else if err == nil {
		err = a.People.SetPassword(ctx, u.ID, w.Password, "", false, by)
	}
	if err != nil {
		return w, err
	}
	for _, ws := range w.Workspaces {
		for _, brand := range ws.Brands {
			if _, err := a.Simulate.ConnectStandard(ctx, ws.ID, true, brand, "jane"); err != nil {
				return w, err
			}
		}
	}
	if err := a.describeDemo(ctx, u.ID, &w); err != nil {
		return w, err
	}
	old, err := a.Tokens.List(ctx, u.ID)
	if err != nil {
		return w, err
	}
	for _, t := range old {
		if t.Name == "demo" && t.Status == personalaccesstoken.Active {
			if err := a.Tokens.Revoke(ctx, u.ID, t.ID, by); err != nil {
				return w, err
			}
		}
	}
	tok, secret, err := a.Tokens.Create(ctx, u.ID, personalaccesstoken.New{Name: "demo", From: "command"}, by)
	w.UserID, w.PATID, w.PAT = u.ID, tok.ID, secret.Reveal()
	return w, err
}

// describeDemo reads the workspaces as they are now.
func (a *app) describeDemo(ctx context.Context, userID string, w *demoWorld) error {
	all, err := a.Workspaces.OfUser(ctx, userID)
	if err != nil {
		return err
	}
	w.Workspaces = nil
	for _, m := range all {
		d := demoWorkspace{ID: m.ID, Name: m.Name, Brands: []string{}}
		page, err := a.Accounts.List(ctx, m.ID)
		if err != nil {
			return err
		}
		for _, doc := range page.Items {
			var acc struct {
				Brand string `json:"account_type_display_name"`
			}
			if err := json.Unmarshal(doc, &acc); err != nil {
				return err
			}
			d.Brands = append(d.Brands, acc.Brand)
		}
		if d.Devices, err = a.Devices.Count(ctx, m.ID); err != nil {
			return err
		}
		w.Workspaces = append(w.Workspaces, d)
	}
	return nil
}

func (w demoWorld) print(out io.Writer) {
	fmt.Fprintf(out, "\nKeyway is running. Stop it with Ctrl-C.\n\n")
	fmt.Fprintf(out, "Console\t%s\n", w.ConsoleURL)
	fmt.Fprintf(out, "Sign in\t%s\n", w.Email)
	fmt.Fprintf(out, "Password\t%s\n\n", w.Password)
	fmt.Fprintf(out, "Personal access token\t%s\n", w.PAT)
	for _, ws := range w.Workspaces {
		fmt.Fprintf(out, "Workspace\t%s  %s: %d devices\n", ws.ID, ws.Name, ws.Devices)
	}
	if len(w.Workspaces) == 0 {
		return
	}
	fmt.Fprintf(out, "\nList the devices of %s (change the workspace id for the other's):\n\n", w.Workspaces[0].Name)
	fmt.Fprintf(out, "curl -s %s/devices/list \\\n  -H 'Authorization: Bearer %s' \\\n  -H 'seam-workspace: %s' \\\n  -H 'Content-Type: "+
		"application/json' -d '{}'\n\n",
		w.URL, w.PAT, w.Workspaces[0].ID)
}
