package main

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"keyway/internal/platform/vault"
	"keyway/internal/trust/identity"
)

// openIDOptions say at which provider people may sign in.
type openIDOptions struct {
	issuer, clientID, secretFile, label string
}

func (o *openIDOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.issuer, "oidc-issuer", os.Getenv("KEYWAY_OIDC_ISSUER"),
		"address of an OpenID Connect provider where people may sign in [KEYWAY_OIDC_ISSUER]")
	f.StringVar(&o.clientID, "oidc-client-id", os.Getenv("KEYWAY_OIDC_CLIENT_ID"),
		"what the provider calls this server [KEYWAY_OIDC_CLIENT_ID]")
	f.StringVar(&o.secretFile, "oidc-client-secret-file", os.Getenv("KEYWAY_OIDC_CLIENT_SECRET_FILE"),
		"file with the client's secret [KEYWAY_OIDC_CLIENT_SECRET_FILE; or the secret itself in KEYWAY_OIDC_CLIENT_SECRET]")
	f.StringVar(&o.label, "oidc-label", os.Getenv("KEYWAY_OIDC_LABEL"),
		"what people call the provider; its host name unless given [KEYWAY_OIDC_LABEL]")
}

// provider is what the options name, without the address it leads back to; nil for none.
func (o *openIDOptions) provider() (*identity.OpenID, error) {
	if o.issuer == "" {
		return nil, nil
	}
	u, err := url.Parse(o.issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, badUsage("--oidc-issuer %q is not an address like https://id.example.com", o.issuer)
	}
	if o.clientID == "" {
		return nil, badUsage("--oidc-issuer needs --oidc-client-id")
	}
	secret := os.Getenv("KEYWAY_OIDC_CLIENT_SECRET")
	if o.secretFile != "" {
		text, err := os.ReadFile(o.secretFile)
		if err != nil {
			return nil, badUsage("--oidc-client-secret-file: %v", err)
		}
		secret = strings.TrimSpace(string(text))
	}
	label := o.label
	if label == "" {
		label = u.Hostname()
	}
	// The operator chose where it leads, so it is not one of the addresses that outbound guards.
	return &identity.OpenID{Issuer: o.issuer, ClientID: o.clientID, ClientSecret: vault.Hide(secret), Label: label,
		Client: &http.Client{Timeout: 10 * time.Second}}, nil
}
