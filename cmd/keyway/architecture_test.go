package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// importRules is the table of docs/architecture.md: what each package may import of this module.
// "ground" stands for fault, rpc, store and vault.
var importRules = map[string]string{
	"internal/fault":               "",
	"internal/rpc":                 "fault",
	"internal/store":               "",
	"internal/store/storetest":     "store",
	"internal/vault":               "",
	"internal/outbound":            "",
	"internal/audit":               "ground",
	"internal/clock":               "store",
	"internal/job":                 "store clock",
	"internal/keyring":             "ground audit job",
	"internal/credential":          "ground audit",
	"internal/identity":            "ground audit credential",
	"internal/event":               "ground credential job",
	"internal/mail":                "ground credential job",
	"internal/action":              "ground credential",
	"internal/provider":            "",
	"internal/provider/sandbox":    "provider",
	"internal/memory":              "ground provider",
	"internal/device":              "ground credential event provider",
	"internal/account":             "ground credential event provider device",
	"internal/accesscode":          "ground credential event provider device action clock job",
	"internal/lock":                "ground credential event provider device action clock job",
	"internal/workspace":           "ground audit credential job action",
	"internal/clientsession":       "ground credential event",
	"internal/connectwebview":      "ground credential event provider device account clientsession workspace",
	"internal/webhook":             "ground audit credential event job mail outbound",
	"internal/apikey":              "ground audit credential",
	"internal/personalaccesstoken": "ground audit credential event job mail",
	"internal/policy":              "ground audit credential",
	"internal/member":              "ground audit credential identity mail apikey workspace",
	"internal/user":                "ground credential identity",
	"internal/health":              "ground",
	"internal/auditlog":            "ground audit credential",
	"internal/telemetry":           "rpc",
	"internal/reference":           "rpc",
	"internal/console": "ground audit credential identity event job action provider " +
		"device account lock accesscode workspace apikey personalaccesstoken policy member connectwebview clientsession webhook clock",
	"internal/rooms":   "anything", // and wires it up
	"internal/apitest": "anything",
	"cmd/keyway":       "anything",
	// From outside, as a client: nothing of the program.
	"conformance":    "",
	"scripts/gotest": "",
	"bench":          "",
}

// only names the packages that alone may import a module of others.
var only = map[string][]string{
	"modernc.org/sqlite":          {"internal/store"},
	"github.com/jackc/pgx":        {"internal/store", "internal/store/storetest"},
	"database/sql/driver":         {"internal/store"},
	"github.com/pressly/goose":    {"internal/store"},
	"github.com/spf13/cobra":      {"cmd/keyway"},
	"github.com/golang-jwt/jwt":   {"internal/identity"},
	"github.com/wneessen/go-mail": {"internal/mail"},
	"testing":                     {"internal/store/storetest", "internal/apitest"},
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	const module = "keyway/"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		row, ok := importRules[name]
		if !ok {
			t.Errorf("%s has no row in the table of rooms", name)
			continue
		}
		seen[name] = true
		allowed := strings.Fields(strings.ReplaceAll(row, "ground", "fault rpc store vault"))
		for _, imported := range p.Imports {
			room, ours := strings.CutPrefix(imported, module)
			if ours && row != "anything" && !slices.Contains(allowed, strings.TrimPrefix(room, "internal/")) {
				t.Errorf("%s may not import %s", name, room)
			}
			for prefix, who := range only {
				if (imported == prefix || strings.HasPrefix(imported, prefix+"/")) && !slices.Contains(who, name) {
					t.Errorf("%s may not import %s: only %s may", name, imported, strings.Join(who, ", "))
				}
			}
		}
	}
	for name := range importRules {
		if !seen[name] {
			t.Errorf("the table of rooms has %s, which is not there", name)
		}
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// The whole policy is one readable file: whoever widens it changes a line that others read.
func TestAccessTable(t *testing.T) {
	t.Parallel()
	s, err := detachedRPC()
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "access.golden")
	got := s.AccessTable()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the access table has changed; look at the change, then run go test ./cmd/keyway -run AccessTable -update\n%s", got)
	}
}
