// Package provider is the way to devices. A provider signs in to an account of a brand or to a
// local protocol and tells which devices it found there. What a device can do beyond being
// listed is asked for through small capability interfaces that are declared where they are used.
package provider

import (
	"context"
	"errors"
	"time"
)

// Provider reaches the devices of one or more brands.
type Provider interface {
	// Brands lists what can be connected through this provider, in the order in which a person
	// should see it. Callers do not change it.
	Brands() []Brand
	// Connect signs in to an account of the named brand with a person's answers (keyed by
	// Field.Name, and "region" and "two_factor_code" where the brand asks for them) and returns
	// it with all its devices. It returns ErrUnknownBrand, or a *SignInError that says which
	// answer to mend. It is idempotent: the same account yields the same external ids.
	Connect(ctx context.Context, brand string, answers map[string]string) (Account, error)
	// Close ends all connections.
	Close() error
}

// Brand is one row of what can be connected.
type Brand struct {
	Name         string          // device_provider_name of the API, for example "august"
	DisplayName  string          // for people, for example "August"
	Categories   []string        // provider_categories of the API, for example "stable"
	Capabilities map[string]bool // can_* flags that devices of the brand may have
	ImageURL     string
	SignIn       SignIn
}

// SignIn says what a brand asks of a person who connects an account.
type SignIn struct {
	Fields    []Field
	Regions   []string // empty: the brand does not ask
	TwoFactor bool
}

// Field is one thing that a brand asks for at sign-in.
type Field struct {
	Name   string // key in the answers
	Label  string
	Secret bool // never shown, logged or stored in the clear
}

// Account is what a successful sign-in gives.
type Account struct {
	ExternalID     string // stable for the account within its brand, for example the e-mail address
	Brand          string
	DisplayName    string
	UserIdentifier map[string]string // user_identifier of the API: email, username, phone, api_url, exclusive
	Devices        []Device
}

// Device is what a provider knows of one device.
type Device struct {
	ExternalID   string // stable for the device within its account
	Type         string // device_type of the API
	Name         string
	Capabilities []string        // capabilities_supported of the API
	Flags        map[string]bool // can_* flags: true works now, false has it but it does not work, absent does not have it
	Manufacturer Manufacturer
	TimeZone     string         // IANA name
	Properties   map[string]any // the API's properties, complete but for what Keyway itself adds (name, online)
	Online       bool
	Errors       []Problem
	Warnings     []Problem
}

// Manufacturer is who made a device.
type Manufacturer struct {
	Name        string // manufacturer of the API, for example "august"
	DisplayName string
	ImageURL    string
}

// Problem is an error or a warning on a device or an account.
type Problem struct {
	Code    string // error_code or warning_code of the API
	Message string
	Since   time.Time
}

// ErrUnknownBrand is returned for a brand that the provider does not have.
var ErrUnknownBrand = errors.New("unknown brand")

// SignInError tells which answer of a person was wrong or is still missing.
type SignInError struct {
	Kind    SignInErrorKind
	Field   string // name of the field to mend; empty for the account as a whole
	Message string // for the person who signs in; never holds an answer
}

func (e *SignInError) Error() string { return e.Message }

// SignInErrorKind tells apart why a sign-in did not succeed.
type SignInErrorKind string

// The kinds of sign-in errors.
const (
	MissingAnswer     SignInErrorKind = "missing_answer"
	WrongCredentials  SignInErrorKind = "wrong_credentials"
	AccountLocked     SignInErrorKind = "account_locked"
	RegionRequired    SignInErrorKind = "region_required"
	TwoFactorRequired SignInErrorKind = "two_factor_required"
	WrongTwoFactor    SignInErrorKind = "wrong_two_factor_code"
)

// Registry knows which provider connects which brand. Sandbox workspaces have virtual devices of
// every brand; production workspaces have what is real.
type Registry struct {
	sandbox    Provider
	production []Provider
	// by brand: every visit of a lock asks, and making the list of brands costs more than the visit
	virtual, real map[string]Provider
}

// NewRegistry makes a registry of an explicit list.
func NewRegistry(sandbox Provider, production ...Provider) *Registry {
	return &Registry{sandbox, production, byBrand(sandbox), byBrand(production...)}
}

// byBrand gives the first of the providers that has each brand.
func byBrand(providers ...Provider) map[string]Provider {
	out := map[string]Provider{}
	for _, p := range providers {
		for _, b := range p.Brands() {
			if _, ok := out[b.Name]; !ok {
				out[b.Name] = p
			}
		}
	}
	return out
}

// Brands lists what can be connected in a workspace of the kind.
func (r *Registry) Brands(sandbox bool) []Brand {
	if sandbox {
		return r.sandbox.Brands()
	}
	var out []Brand
	for _, p := range r.production {
		out = append(out, p.Brands()...)
	}
	return out
}

// Find gives the provider of a brand; ErrUnknownBrand when there is none.
func (r *Registry) Find(brand string, sandbox bool) (Provider, error) {
	brands := r.real
	if sandbox {
		brands = r.virtual
	}
	if p, ok := brands[brand]; ok {
		return p, nil
	}
	return nil, ErrUnknownBrand
}
