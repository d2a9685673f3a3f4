package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Scripts rely on it: with --json every command prints one object on stdout and nothing else
// there, and nothing on stderr when all is well.
func TestEveryCommandPrintsOneObject(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "--data", t.TempDir())
	var made struct {
		UserID      string `json:"user_id"`
		WorkspaceID string `json:"workspace_id"`
		PATID       string `json:"personal_access_token_id"`
		PAT         string `json:"personal_access_token"`
		APIKeyID    string `json:"api_key_id"`
	}
	tried := []string{"init", "serve", "demo", "help"} // newProcess has run the first; the others go on, or are for people
	for _, line := range []string{
		"user add --email anna@example.org --password-stdin",
		"user list", "user disable anna@example.org", "user enable anna@example.org", "user reset-password anna@example.org --password-stdin",
		"workspace create --name Hill --sandbox --owner me@example.org", "workspace list",
		"workspace add-member --workspace WORKSPACE --user anna@example.org",
		"workspace remove-member --workspace WORKSPACE --user anna@example.org",
		"pat create --user me@example.org --name more", "pat list --user me@example.org", "pat show PATID", "pat verify PAT",
		"pat scan testdata/script", "pat update PATID --scope devices:read", "pat disable PATID", "pat enable PATID", "pat advise PATID",
		"pat explain REQUEST", "pat rotate PATID --overlap 1h", "pat revoke PATID",
		"policy set inactive_days=300", "policy get",
		"api-key create --workspace WORKSPACE --name backend", "api-key list --workspace WORKSPACE", "api-key revoke KEYID",
		"sandbox connect --workspace WORKSPACE --provider august", "sandbox fill --workspace WORKSPACE --devices 3",
		"audit list", "audit verify", "api /workspaces/list", "doctor", "openapi", "access-table", "completion bash", "version",
	} {
		if before, after, ok := strings.Cut(line, "REQUEST"); ok {
			line = before + p.refused(t) + after
		}
		args := strings.Fields(strings.NewReplacer("WORKSPACE", made.WorkspaceID, "PATID", made.PATID, "KEYID", made.APIKeyID).Replace(line))
		if i := slices.Index(args, "PAT"); i > 0 {
			args[i] = made.PAT
		}
		tried = append(tried, strings.Join(args[:min(2, len(args))], " "), args[0])
		cmd := exec.CommandContext(t.Context(), "keyway", slices.Concat(args, p.args, []string{"--json"})...)
		cmd.Env = append(cmd.Environ(), "SEAM_ENDPOINT="+p.url, "SEAM_PERSONAL_ACCESS_TOKEN="+p.token)
		cmd.Stdin = strings.NewReader("correct horse battery\n")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil || stderr.Len() > 0 {
			t.Fatalf("keyway %s: %v\n%s", line, err, stderr.String())
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(stdout.Bytes(), &object); err != nil {
			t.Errorf("keyway %s --json does not print one object: %v", line, err)
		}
		if strings.Contains(line, " create") {
			if err := json.Unmarshal(stdout.Bytes(), &made); err != nil {
				t.Fatal(err)
			}
		}
	}
	var all func(c *cobra.Command, path string)
	all = func(c *cobra.Command, path string) {
		for _, sub := range c.Commands() {
			name := strings.TrimSpace(path + " " + sub.Name())
			if all(sub, name); !sub.HasSubCommands() && !slices.Contains(tried, name) {
				t.Errorf("keyway %s is not tried here", name)
			}
		}
	}
	all(rootCommand(), "")
}

// refused gives the id of a request that was refused for a reason which is kept.
func (p *process) refused(t *testing.T) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/devices/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.Header.Get("Seam-Request-Id")
}
