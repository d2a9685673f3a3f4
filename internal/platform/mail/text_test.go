package mail

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

// Names are what others choose: none of them can begin a line or a header of a mail, turn the direction
// of its text, or hide what follows.
func TestNamesCannotChangeAMail(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Evil\r\nBcc: mallory@example.org\r\n\r\nPay here", "a\nb", "a\rb", "a\u0085Bcc: x", "a\u2028b\u2029c", "a\vb\fc\x00d",
		"\u202egpj.exe", "\u2066a\u2069\u200f\u200e\u061c", "\u200b\ufeff\u00adx", "\xff\xfex", strings.Repeat("long ", 1000),
		"\r\n.\r\nQUIT\r\n",
		"=?utf-8?q?=0D=0ABcc:_mallory@example.org?=", "{{.link}}", "<b>bold</b>",
	} {
		facts := Facts{"days": 7, "at": time.Now(), "expires_at": time.Now(), "failing_since": time.Now(), "path": Link("/console"),
			"link":       Link("https://keyway.test/x"),
			"workspaces": []string{name, name}, "revoked_personal_access_token_ids": []string{name}}
		for _, fact := range []string{"personal_access_token_id", "personal_access_token_name", "hint", "address", "network", "host", "workspace",
			"inviter", "role", "name"} {
			facts[fact] = name
		}
		for _, kind := range Kinds() {
			subject, text, err := render(kind, "https://keyway.test", facts)
			if err != nil {
				t.Fatal(err)
			}
			plainer, plainText, err := render(kind, "https://keyway.test", with(facts, "name"))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Count(text, "\n") != strings.Count(plainText, "\n") {
				t.Errorf("%s: %q changes the lines:\n%s", kind, name, text)
			}
			for _, r := range subject + strings.ReplaceAll(text, "\n", "") {
				if !unicode.IsPrint(r) {
					t.Errorf("%s: %q brings %U", kind, name, r)
				}
			}
			if len([]rune(subject)) > mostSubject || len(text) > 6000 || subject == "" || strings.Contains(plainer+plainText, "<no value>") {
				t.Errorf("%s: %q: %s\n%s", kind, name, subject, text)
			}
		}
	}
}

// with are the facts with another name in them.
func with(f Facts, name string) Facts {
	out := Facts{}
	for k, v := range f {
		switch v.(type) {
		case string:
			v = name
		case []string:
			v = []string{name, name}
		}
		out[k] = v
	}
	return out
}

func TestListsAreShort(t *testing.T) {
	t.Parallel()
	names := strings.Fields(strings.Repeat("n ", 25))
	if got := plain(names); got != strings.Repeat("n, ", 10)+"and 15 more" {
		t.Error(got)
	}
	if got := plain([]string{"Harbour", "Hill"}); got != "Harbour, Hill" {
		t.Error(got)
	}
}
