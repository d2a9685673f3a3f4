package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityDocument: docs/security.md names a test for each promise. Each is there, each row of its
// tables that promises something has one, and each incident's test is named.
func TestSecurityDocument(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			tests[string(m[1])] = true
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		tests["TestScripts/"+strings.TrimSuffix(filepath.Base(s), ".txtar")] = true
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	name := regexp.MustCompile("`(Test[\\w/]+)`")
	for _, m := range name.FindAllSubmatch(text, -1) {
		if named[string(m[1])] = true; !tests[string(m[1])] {
			t.Errorf("%s is no test", m[1])
		}
	}
	inTests, rows := false, 0
	for line := range strings.Lines(string(text)) {
		switch {
		case !strings.HasPrefix(line, "|"):
			inTests = false
		case strings.HasSuffix(line, "| Test |\n"):
			inTests = true
		case inTests && !strings.HasPrefix(line, "|--"):
			if rows++; !name.MatchString(line) {
				t.Errorf("no test holds this: %s", line)
			}
		}
	}
	for test := range tests {
		if strings.HasPrefix(test, "TestIncident") && !named[test] {
			t.Errorf("docs/security.md does not name %s", test)
		}
	}
	if rows < 50 {
		t.Errorf("only %d rows were read", rows)
	}
}
