package mail

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode"
)

// The kinds of mails besides those that are called as the event they are about.
const (
	Invitation = "invitation"
	Test       = "test"
)

// Facts are what a mail speaks of: texts, lists of texts, numbers and times.
type Facts map[string]any

//go:embed templates
var files embed.FS

var templates = template.Must(template.ParseFS(files, "templates/*"))

// Kinds are all kinds of mails.
func Kinds() (out []string) {
	for _, t := range templates.Templates() {
		if kind, ok := strings.CutSuffix(t.Name(), ".txt"); ok {
			out = append(out, kind)
		}
	}
	slices.Sort(out)
	return out
}

// render gives a mail its subject, which is its template's first line, and its text.
func render(kind, publicURL string, facts Facts) (subject, text string, err error) {
	about := map[string]any{"public_url": publicURL}
	for k, v := range facts {
		about[k] = plain(v)
	}
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, kind+".txt", about); err != nil {
		return "", "", fmt.Errorf("writing a mail: %w", err)
	}
	subject, text, _ = strings.Cut(b.String(), "\n")
	return clip(subject, mostSubject), strings.TrimSpace(text) + "\n\n-- \nKeyway at " + publicURL + "\n", nil
}

// Bounds of what others have named, and of the lists of it.
const (
	mostName    = 120
	mostSubject = 150
	mostListed  = 10
)

// plain makes a fact what a mail can say: names that others chose cannot begin a line or a header,
// turn the direction of what follows, or fill the page.
func plain(v any) any {
	switch v := v.(type) {
	case string:
		return clip(tidy(v), mostName)
	case []string:
		out := make([]string, 0, mostListed)
		for _, s := range v[:min(len(v), mostListed)] {
			out = append(out, clip(tidy(s), mostName))
		}
		if more := len(v) - mostListed; more > 0 {
			out = append(out, fmt.Sprintf("and %d more", more))
		}
		return strings.Join(out, ", ")
	case interface{ UTC() time.Time }:
		return v.UTC().Format("2006-01-02 15:04 UTC")
	}
	return v
}

// tidy makes one line of a text, without signs that show nothing themselves.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// Link is a part of an address that Keyway itself has made, which a mail says as it is.
type Link string
