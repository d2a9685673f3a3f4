package conformance

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const mailPassword = "correct horse postbox"

// postbox is a real SMTP server, which lets no one in without TLS and a password.
type postbox struct {
	mode string // starttls or tls
	port string
	dir  string // its certificate, and the password for Keyway

	mu    sync.Mutex
	mails []letter
}

// letter is a mail as the server took it.
type letter struct {
	From string   `json:"from"`
	To   []string `json:"to"`
	TLS  bool     `json:"tls"`
	User string   `json:"user"`
	Data []byte   `json:"data"`

	header mail.Header
	text   string
}

// newPostbox makes one that is not up yet.
func newPostbox(t *testing.T, mode string) *postbox {
	t.Helper()
	b := &postbox{mode: mode, port: freePort(t), dir: t.TempDir()}
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	own := web.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"cert":     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}),
		"key":      pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"password": []byte(mailPassword + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(b.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// flags have Keyway send mails here.
func (b *postbox) flags() []string {
	scheme := map[string]string{"starttls": "smtp", "tls": "smtps"}[b.mode]
	return []string{"--smtp-url", scheme + "://keyway@localhost:" + b.port, "--smtp-password-file", filepath.Join(b.dir, "password"),
		"--mail-from", "Keyway am Hafen — Tür 1 <keyway@example.org>"}
}

// up starts the server until the test ends. With "drop" it hangs up on the first mail that it has taken.
func (b *postbox) up(t *testing.T, args ...string) {
	t.Helper()
	python := filepath.Join(peer(t, "KEYWAY_TEST_SMTP"), "bin", "python")
	cmd := exec.Command(python, append([]string{"python/smtp.py", b.port, b.mode, filepath.Join(b.dir, "cert"), filepath.Join(b.dir, "key"),
		"keyway", mailPassword}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the SMTP server did not start: %v\n%s", err, stderr.String())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			l, err := read(line)
			if err != nil {
				t.Errorf("not a mail: %v\n%s", err, line)
			}
			b.mu.Lock()
			b.mails = append(b.mails, l)
			b.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
}

func read(line []byte) (l letter, err error) {
	if err := json.Unmarshal(line, &l); err != nil {
		return l, err
	}
	m, err := mail.ReadMessage(bytes.NewReader(l.Data))
	if err != nil {
		return l, err
	}
	l.header = m.Header
	body := m.Body
	switch m.Header.Get("Content-Transfer-Encoding") {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	l.text = strings.ReplaceAll(string(text), "\r\n", "\n")
	return l, err
}

func (l letter) subject(t *testing.T) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(l.header.Get("Subject"))
	if err != nil {
		t.Error(err)
	}
	return s
}

// taken waits for so many mails.
func (b *postbox) taken(t *testing.T, n int, w *world) []letter {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		b.mu.Lock()
		got := slices.Clone(b.mails)
		b.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d mails came, want %d\n%s", len(got), n, lastLines(w.logPath))
		}
	}
}

// A token that is about to expire causes one mail: also when the SMTP server is down at first, when
// Keyway is killed meanwhile, and when the SMTP server takes the mail and does not say so. Names in it
// cannot become a header, and there is no secret in it.
func TestExpiryIsMailed(t *testing.T) {
	t.Parallel()
	b := newPostbox(t, "starttls")
	w := mortal(t, "--data", t.TempDir())
	w.logPath = filepath.Join(t.TempDir(), "server.log")
	metrics := freePort(t)
	w.flags = append(b.flags(), "--metrics-listen", "127.0.0.1:"+metrics)
	name := "Büro \u202e מפתח 🔑\r\nBcc: mallory@example.org\r\n\r\n<b>Pay here</b>"
	made := w.command(t, "", "pat", "create", "--user", ownerEmail, "--name", name, "--expires", "2592003s") // thirty days and a little
	time.Sleep(3 * time.Second)

	kill := w.run(t)
	for deadline := time.Now().Add(time.Minute); !strings.Contains(w.log(t), `"kind":"mail"`); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it was not tried to mail\n%s", w.log(t))
		}
	}
	w.ok(t, w.PAT, w.Harbour.WorkspaceID, "/devices/list", fields{}) // and the server serves
	kill()
	b.up(t, "drop")
	kill = w.run(t)
	b.taken(t, 2, w)
	sent := func() bool { // as Keyway sees it: until then it would rightly send it again
		res, err := http.Get("http://127.0.0.1:" + metrics + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		counted, err := io.ReadAll(res.Body)
		return err == nil && strings.Contains(string(counted), `keyway_mails_total{result="sent"} 1`)
	}
	for deadline := time.Now().Add(time.Minute); !sent(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no mail is counted as sent\n%s", lastLines(w.logPath))
		}
	}
	kill()
	w.run(t)
	time.Sleep(3 * time.Second)
	got := b.taken(t, 2, w)
	if len(got) != 2 {
		t.Errorf("%d mails", len(got))
	}
	for _, l := range got {
		if id := l.header.Get("Message-Id"); id == "" || id != got[0].header.Get("Message-Id") || !strings.HasSuffix(id, "@example.org>") ||
			!bytes.Equal(l.Data, got[0].Data) {
			t.Errorf("the same mail comes as another: %s", l.Data)
		}
		if !l.TLS || l.User != "keyway" || l.From != "keyway@example.org" || !slices.Equal(l.To, []string{ownerEmail}) {
			t.Errorf("%+v", l)
		}
		if s := l.subject(t); s != "Personal access token “Büro מפתח 🔑 Bcc: mallory@example.org <b>Pay here</b>” expires in 30 days" {
			t.Errorf("subject %q", s)
		}
		from, err := l.header.AddressList("From")
		if err != nil || len(from) != 1 || *from[0] != (mail.Address{Name: "Keyway am Hafen — Tür 1", Address: "keyway@example.org"}) ||
			l.header.Get("Bcc") != "" || l.header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("%v %v", l.header, err)
		}
		link := w.URL + "/console/settings/personal-access-tokens/" + text(t, made, "personal_access_token_id")
		for _, part := range []string{"\nToken:      “Büro מפתח 🔑 Bcc: mallory@example.org <b>Pay here</b>” (seam_at1", "\nWorkspaces: Harbour\n",
			"\nExpires:    20", "\n" + link + "\n"} {
			if !strings.Contains(l.text, part) {
				t.Errorf("%q is not in:\n%s", part, l.text)
			}
		}
		for _, secret := range []string{w.PAT, text(t, made, "personal_access_token"), ownerPassword, mailPassword} {
			if bytes.Contains(l.Data, []byte(secret)) || strings.Contains(l.text, secret) {
				t.Errorf("a secret is in:\n%s", l.text)
			}
		}
	}
	if strings.Contains(w.log(t), mailPassword) {
		t.Error("the password is in the log")
	}
}

// A server that is killed at random moments mails each invitation that it acknowledged, with the link
// that it answered.
func TestMailsSurviveKilling(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		mailsSurviveKilling(t, "--data", t.TempDir())
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		mailsSurviveKilling(t, postgresFolder(t)...)
	})
}

func mailsSurviveKilling(t *testing.T, folder ...string) {
	const kills, each = 4, 15
	b := newPostbox(t, "starttls")
	b.up(t)
	w := mortal(t, folder...)
	w.logPath, w.flags = filepath.Join(t.TempDir(), "server.log"), b.flags()
	kill := w.run(t)
	session := w.signIn(t)
	links := map[string]string{} // of those that were acknowledged, by address
	var mu sync.Mutex
	for round := range kills {
		var inviting sync.WaitGroup
		for n := range each {
			inviting.Go(func() {
				to := fmt.Sprintf("guest-%d-%d@example.org", round, n)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/keyway/v1/members/invite",
					strings.NewReader(`{"email":"`+to+`"}`))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + session},
					"Seam-Workspace": {w.Harbour.WorkspaceID}}
				time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
				res, err := w.http.Do(req)
				if err != nil {
					return // it was killed
				}
				defer func() { _ = res.Body.Close() }()
				var out struct {
					Invitation struct {
						URL      string `json:"url"`
						IsMailed bool   `json:"is_mailed"`
					} `json:"invitation"`
				}
				if json.NewDecoder(res.Body).Decode(&out) == nil && res.StatusCode == http.StatusOK {
					mu.Lock()
					links[to] = out.Invitation.URL
					mu.Unlock()
					if !out.Invitation.IsMailed {
						t.Errorf("%+v", out)
					}
				}
			})
		}
		time.Sleep(time.Duration(50+rand.IntN(300)) * time.Millisecond)
		kill()
		inviting.Wait()
		kill = w.run(t)
	}
	w.ok(t, session, w.Harbour.WorkspaceID, "/keyway/v1/members/invite", fields{"email": "last@example.org"})
	if len(links) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	ids := map[string]string{}
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		missing := 0
		got := b.taken(t, 0, w)
		for to := range links {
			if !slices.ContainsFunc(got, func(l letter) bool { return l.To[0] == to }) {
				missing++
			}
		}
		if missing == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d mails never came\n%s", missing, len(links), lastLines(w.logPath))
		}
	}
	got := b.taken(t, len(links), w)
	for _, l := range got {
		id := l.header.Get("Message-Id")
		if before, ok := ids[l.To[0]]; ok && before != id {
			t.Errorf("%s was mailed two different mails", l.To[0])
		}
		ids[l.To[0]] = id
		if link, ok := links[l.To[0]]; ok && !strings.Contains(l.text, "\n"+link+"\n") {
			t.Errorf("the link to %s is another one than was answered:\n%s", l.To[0], l.text)
		}
		if strings.Contains(l.text, session) || strings.Contains(l.text, w.PAT) {
			t.Errorf("a secret is in:\n%s", l.text)
		}
	}
	t.Logf("%d invitations acknowledged, %d mails", len(links), len(got))
}

// doctor signs in at the server, with TLS from the first byte here, and sends a test mail; it says what
// is wrong, and no password.
func TestDoctorMails(t *testing.T) {
	t.Parallel()
	b := newPostbox(t, "tls")
	data := t.TempDir()
	doctor := func(args ...string) (string, error) {
		cmd := exec.Command(binary, append(append([]string{"doctor", "--data", data, "--json"}, b.flags()...), args...)...)
		cmd.Env = environment()
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), mailPassword) || strings.Contains(string(out), "another horse") {
			t.Errorf("the password is in %s", out)
		}
		return string(out), err
	}
	w := &world{folder: []string{"--data", data}}
	w.command(t, ownerPassword, "init", "--email", ownerEmail, "--password-stdin", "--workspace", "Harbour")
	if out, err := doctor(); err == nil || !strings.Contains(out, "connection refused") {
		t.Errorf("with no server there: %v %s", err, out)
	}
	b.up(t)
	if out, err := doctor("--send-test-mail", "anna@example.org"); err != nil || !strings.Contains(out, "took a test mail") {
		t.Errorf("%v %s", err, out)
	}
	if got := b.taken(t, 1, w); len(got) != 1 || !got[0].TLS || got[0].subject(t) != "Test mail from Keyway" ||
		got[0].To[0] != "anna@example.org" {
		t.Errorf("%+v", got)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "password"), []byte("another horse"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := doctor(); err == nil || !strings.Contains(out, "AUTH") {
		t.Errorf("with a wrong password: %v %s", err, out)
	}
}
