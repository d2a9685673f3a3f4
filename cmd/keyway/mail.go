package main

import (
	netmail "net/mail"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"keyway/internal/platform/mail"
	"keyway/internal/platform/vault"
)

// mailOptions say which SMTP server takes mails.
type mailOptions struct {
	url, passwordFile, from string
}

func (o *mailOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.url, "smtp-url", "", "SMTP server that takes mails to people, like smtp://user@mail.example.com:587 or smtps://…:465; "+
		"without it nothing is mailed [KEYWAY_SMTP_URL]")
	f.StringVar(&o.passwordFile, "smtp-password-file", os.Getenv("KEYWAY_SMTP_PASSWORD_FILE"),
		"file with the password for the SMTP server [KEYWAY_SMTP_PASSWORD_FILE; or the password itself in KEYWAY_SMTP_PASSWORD]")
	f.StringVar(&o.from, "mail-from", os.Getenv("KEYWAY_MAIL_FROM"), "sender of mails, like 'Keyway <keyway@example.com>' [KEYWAY_MAIL_FROM]")
	o.url = os.Getenv("KEYWAY_SMTP_URL") // no default that help shows: it may contain a password
}

// server is what the options name; nil for none.
func (o *mailOptions) server() (*mail.Server, error) {
	if o.url == "" {
		return nil, nil
	}
	u, err := url.Parse(o.url)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" ||
		u.Fragment != "" {
		// It is not repeated: there may be a password in it.
		return nil, badUsage("--smtp-url is not an address like smtp://user@mail.example.com:587 or smtps://user@mail.example.com:465")
	}
	if _, ok := u.User.Password(); ok {
		return nil, badUsage("--smtp-url holds a password, which others on this machine can read there: put it into KEYWAY_SMTP_PASSWORD or " +
			"--smtp-password-file")
	}
	s := &mail.Server{Host: u.Hostname(), TLS: u.Scheme == "smtps", Local: isLoopback(u.Hostname()), User: u.User.Username(),
		Password: vault.Hide(os.Getenv("KEYWAY_SMTP_PASSWORD"))}
	if o.passwordFile != "" {
		text, err := os.ReadFile(o.passwordFile)
		if err != nil {
			return nil, badUsage("--smtp-password-file: %v", err)
		}
		s.Password = vault.Hide(strings.TrimSpace(string(text)))
	}
	if (s.User == "") != s.Password.IsZero() {
		return nil, badUsage("the user in --smtp-url and a password (KEYWAY_SMTP_PASSWORD or --smtp-password-file) go together")
	}
	if s.Port = 587; s.TLS {
		s.Port = 465
	}
	if u.Port() != "" {
		if s.Port, err = strconv.Atoi(u.Port()); err != nil || s.Port < 1 || s.Port > 65535 {
			return nil, badUsage("--smtp-url: %s is no port", u.Port())
		}
	}
	from, err := netmail.ParseAddress(o.from)
	if err != nil {
		return nil, badUsage("--smtp-url needs --mail-from, an address like 'Keyway <keyway@example.com>'")
	}
	s.From = *from
	return s, nil
}
