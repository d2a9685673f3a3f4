package mail_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"keyway/internal/platform/job"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/platform/vault"
	"keyway/internal/wiring/apitest"
)

// script is an SMTP server that answers as a test wants; the conformance tests have a real one.
type script struct {
	mu       sync.Mutex
	lines    []string
	certs    []tls.Certificate // empty: no STARTTLS
	answer   func(line string) string
	listener net.Listener
}

func play(t *testing.T, s *script) *mail.Server {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listener = l
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return &mail.Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Local: true,
		From: netmail.Address{Name: "Keyway", Address: "keyway@example.com"}}
}

func (s *script) serve(c net.Conn) {
	defer func() { c.Close() }()
	fmt.Fprint(c, "220 test ESMTP\r\n")
	in := bufio.NewReader(c)
	for data := false; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); {
		case data && line != ".":
		case data:
			data = false
			fmt.Fprint(c, "250 taken\r\n")
		case s.answer != nil && s.answer(line) == "hang up":
			return
		case s.answer != nil && s.answer(line) != "":
			fmt.Fprint(c, s.answer(line)+"\r\n")
		case verb == "EHLO":
			if s.certs != nil {
				fmt.Fprint(c, "250-STARTTLS\r\n")
			}
			fmt.Fprint(c, "250 AUTH PLAIN\r\n")
		case verb == "STARTTLS":
			fmt.Fprint(c, "220 go\r\n")
			secure := tls.Server(c, &tls.Config{Certificates: s.certs, MinVersion: tls.VersionTLS12})
			c, in = secure, bufio.NewReader(secure)
		case verb == "DATA":
			data = true
			fmt.Fprint(c, "354 go\r\n")
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// heard are the lines that the server was sent.
func (s *script) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// To another machine nothing is said without TLS and a certificate that is good for it: neither the
// password nor a mail.
func TestNothingIsSaidInTheClear(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate, which no one trusts
	t.Cleanup(web.Close)
	for name, s := range map[string]*script{"no STARTTLS": {}, "unknown certificate": {certs: web.TLS.Certificates}} {
		server := play(t, s)
		server.Local, server.User, server.Password = false, "keyway", vault.Hide("open sesame")
		if err := server.Check(t.Context(), "anna@example.com", apitest.PublicURL); err == nil {
			t.Errorf("%s: it was sent", name)
		}
		if heard := s.heard(); strings.Contains(heard, "AUTH") || strings.Contains(heard, "MAIL") || !strings.HasPrefix(heard, "EHLO") {
			t.Errorf("%s: the server heard %q", name, heard)
		}
	}
	// On this machine both do.
	for name, s := range map[string]*script{"no STARTTLS": {}, "unknown certificate": {certs: web.TLS.Certificates}} {
		server := play(t, s)
		if err := server.Check(t.Context(), "anna@example.com", apitest.PublicURL); err != nil || !strings.Contains(s.heard(), "Test mail") {
			t.Errorf("%s: %v\n%s", name, err, s.heard())
		}
	}
}

func post(w *apitest.World, to ...string) {
	w.Must(w.DB.Update(context.Background(), func(tx *store.Tx) error {
		for _, to := range to {
			if err := w.Mail.Post(context.Background(), tx, to, mail.Test, nil); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Each mail has its own outcome: accepted, deferred, or given up, because there is no recipient or it is too old.
// One that cannot be sent delays no other.
func TestWhatBecomesOfMails(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := &script{answer: func(line string) string {
			switch {
			case strings.HasPrefix(line, "RCPT") && strings.Contains(line, "nobody@"):
				return "550 5.1.1 nobody here"
			case strings.HasPrefix(line, "RCPT") && strings.Contains(line, "later@"):
				return "451 4.7.1 come back later"
			case strings.HasPrefix(line, "RCPT") && strings.Contains(line, "poison@"):
				return "hang up"
			}
			return ""
		}}
		w.Mail.Server = play(t, s)
		w.Metrics.MustRegister(w.Mail.Count)
		w.RunJobs()
		counts := func(want string) {
			t.Helper()
			var got string
			for range 600 {
				families, err := w.Metrics.Gather()
				w.Must(err)
				got = ""
				for _, f := range families {
					if f.GetName() == "keyway_mails_total" {
						for _, m := range f.GetMetric() { // by label
							got += fmt.Sprint(m.GetCounter().GetValue(), " ")
						}
					}
				}
				if got = strings.TrimSpace(got); got == want {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
			t.Fatalf("deferred, given up, sent: %s, want %s\n%s", got, want, w.Log)
		}
		post(w, "later@example.com", "nobody@example.com", "no address\r\nBcc: x@example.com", "anna@example.com")
		counts("1 2 1")
		if left := w.Mails(); len(left) != 1 || left[0].To != "later@example.com" {
			t.Errorf("%+v", left)
		}
		post(w, "bert@example.com")
		counts("1 2 2")
		w.Pass(2 * time.Minute)
		w.Jobs.Wake()
		counts("2 2 2")
		w.Pass(4 * 24 * time.Hour)
		w.Jobs.Wake()
		counts("2 3 2")
		if left := w.Mails(); len(left) != 0 {
			t.Errorf("%+v", left)
		}
		if strings.Contains(s.heard(), "Bcc") {
			t.Error("an address became a header")
		}
		// One for which the server hangs up lets others pass.
		post(w, "poison@example.com")
		post(w, "carl@example.com")
		for deadline := time.Now().Add(time.Minute); !strings.Contains(s.heard(), "carl@example.com"); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("one mail holds up another\n%s", w.Log)
			}
		}
	})
}

// A server that never answers delays mails and nothing else, and what it did not accept stays pending.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, storetest.SQLite(t))
	end := make(chan struct{})
	s := &script{answer: func(string) string { <-end; return "" }}
	w.Mail.Server = play(t, s)
	done := make(chan struct{})
	w.Jobs.Handle("other", func(context.Context, job.Job) error { close(done); return nil })
	post(w, strings.Fields(strings.Repeat("anna@example.com ", 40))...)
	w.RunJobs()
	t.Cleanup(func() { close(end) })
	for s.heard() == "" {
		time.Sleep(10 * time.Millisecond)
	}
	w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
		_, err := w.Jobs.Enqueue(t.Context(), tx, "other", "", nil, w.Now())
		return err
	}))
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("another job waits for a mail")
	}
	if n := len(w.Mails()); n != 40 {
		t.Errorf("%d mails wait", n)
	}
}
