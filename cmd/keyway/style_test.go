package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// awkward are words of docs/style.md that no text for people needs.
var awkward = regexp.MustCompile(`(?i)\b(whoever|somebody|nobody|told|for ever|at the most|any more|by itself|by themselves)\b`)

// code is what people do not read: tags, template actions and scripts' names.
var code = regexp.MustCompile(`(?s)\{\{.*?\}\}|<[^>]*>`)

// Guards the language of the pages and mails: the words that a machine can find are not written again.
func TestTextsForPeople(t *testing.T) {
	t.Parallel()
	read := 0
	err := filepath.WalkDir(filepath.Join("..", "..", "internal"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "templates") ||
			!slices.Contains([]string{".html", ".txt", ".tmpl"}, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read++
		for _, found := range awkward.FindAllString(code.ReplaceAllString(string(text), " "), -1) {
			t.Errorf("%s: %q: docs/style.md has a plainer word", path, found)
		}
		return nil
	})
	if err != nil || read < 30 {
		t.Errorf("%d templates were read (%v)", read, err)
	}
}
