package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// awkward are words of docs/style.md that no text for people needs.
var awkward = regexp.MustCompile(`(?i)\b(whoever|somebody|nobody|anybody|everybody|told|for ever|at the most|any more|by itself|` +
	`by themselves|anew|mends?|mended|e-mails?)\b`)

// code is what people do not read: tags, template actions and, in documentation, code.
var code = regexp.MustCompile("(?s)\\{\\{.*?\\}\\}|<[^>]*>|```.*?```|`[^`]*`")

// plainly fails for each awkward word of a text.
func plainly(t *testing.T, where, text string) {
	t.Helper()
	for _, found := range awkward.FindAllString(code.ReplaceAllString(text, " "), -1) {
		t.Errorf("%s: %q: docs/style.md has a plainer word", where, found)
	}
}

// eachFile calls f with each file below a folder of the repository whose name ends in one of the extensions.
func eachFile(t *testing.T, folder string, extensions []string, f func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join("..", "..", folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains(extensions, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		f(path, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Guards the language of all that people read: pages, mails, the documentation, what commands say of themselves, and the
// API's own description. The words that a machine can find are not written again.
func TestTextsForPeople(t *testing.T) {
	t.Parallel()
	read := 0
	eachFile(t, "internal", []string{".html", ".txt", ".tmpl"}, func(path, text string) {
		read++
		plainly(t, path, text)
	})
	eachFile(t, "docs", []string{".md"}, func(path, text string) {
		if filepath.Base(path) != "style.md" { // it names the words
			read++
			plainly(t, path, text)
		}
	})
	if read < 45 {
		t.Errorf("only %d files were read", read)
	}

	commands := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		commands++
		plainly(t, c.CommandPath(), strings.Join([]string{c.Short, c.Long, c.Example}, "\n"))
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { plainly(t, c.CommandPath()+" --"+f.Name, f.Usage) })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(rootCommand())
	if commands < 30 {
		t.Errorf("only %d commands were read", commands)
	}
}

// Guards the description of the API in the same way: summaries, parameters and fields.
func TestTextsOfTheAPI(t *testing.T) {
	t.Parallel()
	s, err := detachedRPC()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(s.OpenAPI(version))
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(doc, &document); err != nil {
		t.Fatal(err)
	}
	read := 0
	var walk func(at string, value any)
	walk = func(at string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for name, member := range v {
				if text, ok := member.(string); ok && (name == "description" || name == "summary") {
					read++
					plainly(t, at, text)
				}
				walk(at+"/"+name, member)
			}
		case []any:
			for _, member := range v {
				walk(at, member)
			}
		}
	}
	walk("", document)
	if read < 500 {
		t.Errorf("only %d texts were read", read)
	}
}

// Guards templates, stylesheets and scripts against lines that do not fit on a screen, as the linter does for Go.
func TestLongLines(t *testing.T) {
	t.Parallel()
	const maxLine = 140
	read := 0
	eachFile(t, "internal", []string{".html", ".css", ".js", ".svg"}, func(path, text string) {
		read++
		lines := bufio.NewScanner(bytes.NewReader([]byte(text)))
		for n := 1; lines.Scan(); n++ {
			if width := utf8.RuneCountInString(lines.Text()); width > maxLine {
				t.Errorf("%s:%d has %d characters", path, n, width)
			}
		}
		if err := lines.Err(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	})
	if read < 40 {
		t.Errorf("only %d files were read", read)
	}
}
