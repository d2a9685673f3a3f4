package conformance

import (
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const base58 = `[1-9A-HJ-NP-Za-km-z]`

// shaped is what every secret looks like that Keyway makes: tokens and keys, webhooks' secrets, JWTs,
// cookies and one-time links.
var shaped = regexp.MustCompile(`seam_(?:at1|cst1)?` + base58 + `{8}_` + base58 +
	`{36}|whsec_[0-9A-Za-z+/=]{24,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}|session_` +
	base58 + `{40}|[0-9a-f]{8}-[0-9a-f-]{27}_` + base58 + `{32}`)

// told is where an answer contains a secret: also one without a fixed format, a PIN long enough not to
// occur by chance.
var told = regexp.MustCompile(`"(?:token|secret)":"([^"]+)"|"code":"(\d{8,})"`)

var setupLink = regexp.MustCompile(`(?m)^ +http\S+/console/setup#\S+$`)

// secrets are those that were sent to a world's clients, and its people's passwords.
type secrets struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (s *secrets) listen(answer []byte) {
	if s == nil {
		return
	}
	for _, m := range told.FindAllStringSubmatch(string(answer), -1) {
		s.add(m[1] + m[2])
	}
}

func (s *secrets) add(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]bool{ownerPassword: true}
	}
	s.seen[secret[strings.LastIndexAny(secret, "_.")+1:]] = true
}

// in lists the secrets that a text contains.
func (s *secrets) in(text string) (found []string) {
	found = shaped.FindAllString(text, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret := range s.seen {
		if len(secret) >= 8 && (strings.Contains(text, secret) || strings.Contains(text, hex.EncodeToString([]byte(secret)))) {
			found = append(found, secret)
		}
	}
	return found
}

// A search that finds nothing must be able to find.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	var s secrets
	s.listen([]byte(`{"ok":true,"webhook":{"secret":"abc_unshaped1"},"access_code":{"code":"83051746"}}`))
	for text, want := range map[string]int{
		`"name":"seam_at1ABCDEFGH_123456789ABCDEFGH123456789ABCDEFGH12"`: 1, "unshaped1": 1, "x" + hex.EncodeToString([]byte("83051746")): 1,
		ownerPassword: 1,
		"eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiIwMWEyMTM0OSJ9.c2lnbmF0dXJlc2lnbmF0": 1, "seam_at1ABCDEFGH": 0,
		"seam_pk13gRbtjVK_wMMQ2mCgWpRWGBh7BfALdeEiBYHxo9": 0, "4821": 0,
	} {
		if got := s.in(text); len(got) != want {
			t.Errorf("%q in %s", got, text)
		}
	}
}

// searchSecrets checks that no secret appears in what a server printed, nor in any byte of its data:
// when it has stopped, and so after everything that was done to it.
func (w *world) searchSecrets(t *testing.T, logPath string) {
	t.Helper()
	places := map[string]string{}
	read := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("searching for secrets: %v", err)
		}
		places[path] = string(text)
	}
	read(logPath)
	// The link of a first start is meant for anyone who sees the server's output.
	places[logPath] = setupLink.ReplaceAllString(places[logPath], "")
	option := func(name string) string {
		if i := slices.Index(w.folder, name); i >= 0 {
			return w.folder[i+1]
		}
		return ""
	}
	if err := filepath.WalkDir(option("--data"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), "keys") { // which contain the server's key
			read(path)
		}
		return err
	}); err != nil {
		t.Errorf("searching for secrets: %v", err)
	}
	if address := option("--database-url"); address != "" {
		out, err := exec.Command("pg_dump", "--data-only", "--dbname", address).Output()
		if err != nil || len(out) < 1000 {
			t.Errorf("pg_dump: %v: %d bytes", err, len(out))
		}
		places["the database"] = string(out)
	}
	for place, text := range places {
		for _, secret := range w.secrets.in(text) {
			at := strings.Index(text, secret)
			t.Errorf("%s holds a secret behind %q", filepath.Base(place), text[max(0, at-200):max(0, at)])
		}
	}
}
