package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMailOptions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const from = "Keyway <keyway@example.com>"
	for _, c := range []struct {
		mailOptions
		port       int
		tls, local bool
	}{
		{mailOptions{"smtp://keyway@mail.example.com", file, from}, 587, false, false},
		{mailOptions{"smtps://keyway@mail.example.com", file, from}, 465, true, false},
		{mailOptions{"smtp://127.0.0.1:25", "", "keyway@example.com"}, 25, false, true},
		{mailOptions{"smtp://[::1]:2525/", "", from}, 2525, false, true},
		{mailOptions{"smtp://localhost", "", from}, 587, false, true},
		{mailOptions{"smtp://127.0.0.1.example.com", "", from}, 587, false, false},
	} {
		s, err := c.server()
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if s.Port != c.port || s.TLS != c.tls || s.Local != c.local || s.From.Address != "keyway@example.com" ||
			(s.User == "keyway") != (s.Password.Reveal() == "open sesame") {
			t.Errorf("%s: %+v", c.url, s)
		}
	}
	for _, o := range []mailOptions{
		{"mail.example.com", "", from}, {"https://mail.example.com", "", from}, {"smtp://", "", from}, {"smtp://mail.example.com/x", "", from},
		{"smtp://mail.example.com?tls=no", "", from},
		{"smtp://keyway:opensesame@mail.example.com", "", from}, {"smtp://keyway:open%zzsesame@mail.example.com", "", from},
		{"smtp://keyway@mail.example.com", "", from},
		{"smtp://mail.example.com", file, from}, {"smtp://keyway@mail.example.com", file + "x", from}, {"smtp://mail.example.com:0", "", from},
		{"smtp://mail.example.com:99999", "", from},
		{"smtp://mail.example.com", "", ""}, {"smtp://mail.example.com", "", "Keyway"},
		{"smtp://mail.example.com", "", "a@example.com\r\nBcc: b@example.com"},
	} {
		if s, err := o.server(); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %+v %v", o.url, s, err)
		}
	}
	if s, err := new(mailOptions).server(); s != nil || err != nil {
		t.Error(s, err)
	}
}
