package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The documented build gives a static binary even where a C compiler is available, with which Go links the system's
// libraries by default.
func TestDocumentedBuildIsStatic(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^(.*)go build -o keyway ./cmd/keyway`).FindSubmatch(text)
	if found == nil {
		t.Fatal("no build is documented")
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // what holds unless the documented command says otherwise
	cmd.Env = append(cmd.Env, strings.Fields(string(found[1]))...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if with := strings.TrimSpace(string(out)); with != "" {
		t.Errorf("built with C: %s", with)
	}
}
