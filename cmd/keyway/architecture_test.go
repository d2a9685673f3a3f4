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

// floors are the folders of internal, lowest first. A package imports its own floor and the ones its row names.
var floors = map[string][]string{
	"internal/platform": {"internal/platform"},
	"internal/trust":    {"internal/platform", "internal/trust"},
	"internal/provider": {"internal/platform/fault", "internal/platform/vault", "internal/platform/store", "internal/provider"},
	"internal/api":      {"internal/platform", "internal/trust", "internal/provider"},
	"internal/simulate": {"internal/platform", "internal/trust", "internal/provider", "internal/api", "internal/simulate"},
	"internal/console":  {"internal/platform", "internal/trust", "internal/provider", "internal/api", "internal/simulate", "internal/console"},
	"internal/wiring":   {"internal"},
	"cmd/keyway":        {"internal"},
	// Clients from outside, which know nothing of the program.
	"conformance": {},
	"scripts":     {},
	"bench":       {"internal", "bench"}, // it fills databases itself
}

// apiOrder is the order of the API groups: each may import the ones before it.
var apiOrder = []string{
	"event", "action", "device", "account", "accesscode", "lock", "workspace", "clientsession", "connectwebview", "webhook", "apikey",
	"personalaccesstoken", "member", "user", "health", "auditlog", "telemetry", "reference",
}

// only names the packages that alone may import a module of others.
var only = map[string][]string{
	"modernc.org/sqlite":          {"internal/platform/store"},
	"github.com/jackc/pgx":        {"internal/platform/store", "internal/platform/store/storetest"},
	"database/sql/driver":         {"internal/platform/store"},
	"github.com/pressly/goose":    {"internal/platform/store"},
	"github.com/spf13/cobra":      {"cmd/keyway"},
	"github.com/golang-jwt/jwt":   {"internal/trust/identity"},
	"github.com/wneessen/go-mail": {"internal/platform/mail"},
	"testing": {"internal/provider/providertest", "internal/platform/store/storetest", "internal/wiring/apitest",
		"internal/console/frame/frametest"},
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
		seen[name] = true
		allowed, ok := allowedImports(name)
		if !ok {
			t.Errorf("%s is on no floor, or has no place in the order of API groups", name)
			continue
		}
		for _, imported := range p.Imports {
			if room, ours := strings.CutPrefix(imported, module); ours && !slices.ContainsFunc(allowed, func(a string) bool {
				return inFolder(a, room)
			}) {
				t.Errorf("%s may not import %s", name, room)
			}
			for prefix, users := range only {
				if inFolder(prefix, imported) && !slices.Contains(users, name) {
					t.Errorf("%s may not import %s: only %s may", name, imported, strings.Join(users, ", "))
				}
			}
		}
	}
	for _, group := range apiOrder {
		if !seen["internal/api/"+group] {
			t.Errorf("the order of API groups has %s, which does not exist", group)
		}
	}
}

// allowedImports are the packages, or folders of packages, that a package may import.
func allowedImports(name string) ([]string, bool) {
	for floor, allowed := range floors {
		if !inFolder(floor, name) {
			continue
		}
		if area, ok := strings.CutPrefix(name, "internal/console/"); ok {
			// An area of the Console knows the frame, and no other area.
			allowed = append(slices.DeleteFunc(slices.Clone(allowed), func(a string) bool {
				return a == "internal/console"
			}), "internal/console/frame", name)
			if strings.HasPrefix(area, "frame") {
				return allowed, true
			}
		}
		group, isAPI := strings.CutPrefix(name, "internal/api/")
		if !isAPI {
			return allowed, true
		}
		place := slices.Index(apiOrder, group)
		if place < 0 {
			return nil, false
		}
		allowed = slices.Clone(allowed)
		for _, lower := range apiOrder[:place] {
			allowed = append(allowed, "internal/api/"+lower)
		}
		return allowed, true
	}
	return nil, false
}

// inFolder reports whether a package is the folder itself or below it.
func inFolder(folder, name string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

var update = flag.Bool("update", false, "write the golden files anew")

// The whole policy is one readable file: anyone who widens it changes a line that others read.
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
