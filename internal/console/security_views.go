package console

import (
	"html/template"
	"time"
)

// PasskeyOffer says whether the browser can use passkeys at this address.
type PasskeyOffer struct {
	Works     bool
	Elsewhere string // the same page where they work; empty: nowhere
}

// SecurityView is with what a person signs in.
type SecurityView struct {
	Page
	HasPassword   bool
	Offer         PasskeyOffer
	Passkeys      []PasskeyRow
	PasskeyErrors FormErrors
	Since         time.Time // of the authenticator app; zero: there is none
	CodesLeft     int
	SetUp         *SetUpAuthenticator // while an authenticator app is being set up
	Codes         []string            // recovery codes, shown once
	Provider      string              // the label of the OpenID Connect provider; empty: there is none
	Accounts      []ProviderAccount
	Nonce         string // of the form whose answer shows recovery codes
}

// PasskeyRow is a passkey in the list.
type PasskeyRow struct {
	ID         string
	Name       string
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// SetUpAuthenticator is the dialog that sets an authenticator app up.
type SetUpAuthenticator struct {
	Secret string
	QR     template.URL
	Sealed string
	Errors FormErrors
}

// ProviderAccount is an account at the provider.
type ProviderAccount struct {
	Issuer    string
	Subject   string
	Email     string
	CreatedAt time.Time
}

// SignInsView lists where a person is signed in.
type SignInsView struct {
	Page
	Sessions []SignInRow
}

// Others tells whether there is more than the session that looks.
func (v *SignInsView) Others() bool { return len(v.Sessions) > 1 }

// SignInRow is a session in the list.
type SignInRow struct {
	ID        string
	What      string // browser and system, in words
	How       string // how it was begun, in words
	Address   string
	CreatedAt time.Time
	SeenAt    time.Time
	Current   bool
}

// ResumeView goes on with a form that waited while its person was at the provider.
type ResumeView struct {
	Page
	Action string // where the form goes
	Proof  string // that its person is who they are
	Back   string // the page behind
}

// LeaveView leads to another site, where a form cannot lead.
type LeaveView struct {
	Page
	To    string
	Label string
}
