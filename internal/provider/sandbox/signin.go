package sandbox

import (
	"slices"
	"strings"
	"time"

	"keyway/internal/provider"
)

// Names of answers that mean more than a field to fill.
const (
	fieldEmail      = "email"
	fieldUsername   = "username"
	fieldTimeZone   = "time_zone"
	answerRegion    = "region"
	answerTwoFactor = "two_factor_code"
)

const (
	domain        = "@example.com"
	standardCode  = "123456"
	standardPIN   = "1234"
	standardKey   = "ABC123ABC"
	standardOwner = "jane"
	standardZone  = "America/Los_Angeles"
)

// form is what a brand asks at sign-in and what it takes for right.
type form struct {
	fields    []question
	regions   []string
	twoFactor bool
}

// question is one field of a form. An email address, a user name and a time zone are free within
// their shape; every other question has one right answer.
type question struct {
	name, label string
	right       string
	secret      bool
}

// identity is who signed in.
type identity struct {
	field string // fieldEmail or fieldUsername
	login string // without the domain
	zone  string // IANA name, where the form asks for it
}

func (id identity) externalID() string {
	if id.field == fieldEmail {
		return id.login + domain
	}
	return id.login
}

// byEmail is the form of most brands.
func byEmail(more ...question) form {
	return form{fields: append([]question{
		{name: fieldEmail, label: "Email address"},
		{name: "password", label: "Password", right: standardPIN, secret: true},
	}, more...)}
}

// byUsername is the form of brands whose accounts have no email address.
func byUsername(more ...question) form {
	return form{fields: append([]question{{name: fieldUsername, label: "Username"}}, more...)}
}

func (f form) in(regions ...string) form { f.regions = regions; return f }

func (f form) withTwoFactor() form { f.twoFactor = true; return f }

func (f form) public() provider.SignIn {
	s := provider.SignIn{Regions: slices.Clone(f.regions), TwoFactor: f.twoFactor, Example: f.standard(LoginTroubled)}
	for _, q := range f.fields {
		s.Fields = append(s.Fields, provider.Field{Name: q.name, Label: q.label, Secret: q.secret})
	}
	return s
}

// standard returns the right answers for a login, which may be given with or without the domain.
func (f form) standard(login string) map[string]string {
	login = strings.TrimSuffix(normal(login), domain)
	answers := map[string]string{}
	for _, q := range f.fields {
		switch q.name {
		case fieldEmail:
			answers[q.name] = login + domain
		case fieldUsername:
			answers[q.name] = login
		case fieldTimeZone:
			answers[q.name] = standardZone
		default:
			answers[q.name] = q.right
		}
	}
	if len(f.regions) > 0 {
		answers[answerRegion] = f.regions[0]
	}
	if f.twoFactor {
		answers[answerTwoFactor] = standardCode
	}
	return answers
}

// check returns who signed in, or a *provider.SignInError for the first answer to correct, in the
// order in which a person is asked.
func (f form) check(answers map[string]string) (identity, error) {
	if len(f.regions) > 0 && !slices.Contains(f.regions, strings.TrimSpace(answers[answerRegion])) {
		return identity{}, &provider.SignInError{Kind: provider.RegionRequired, Field: answerRegion,
			Message: "Choose the region that the account belongs to."}
	}
	var missing, labels []string
	for _, q := range f.fields {
		if strings.TrimSpace(answers[q.name]) == "" {
			missing, labels = append(missing, q.name), append(labels, q.label)
		}
	}
	if len(missing) > 0 {
		return identity{}, &provider.SignInError{Kind: provider.MissingAnswer, Field: missing[0], Missing: missing,
			Message: "Please fill in: " + strings.Join(labels, ", ") + "."}
	}
	var id identity
	for _, q := range f.fields {
		given := strings.TrimSpace(answers[q.name])
		ok := given == q.right
		switch q.name {
		case fieldEmail:
			id.field = q.name
			id.login, ok = strings.CutSuffix(normal(given), domain)
			ok = ok && plain(id.login)
		case fieldUsername:
			id.field, id.login = q.name, normal(given)
			ok = plain(id.login)
		case fieldTimeZone:
			_, err := time.LoadLocation(given)
			id.zone, ok = given, err == nil && given != "Local"
		}
		if !ok {
			return identity{}, &provider.SignInError{Kind: provider.WrongCredentials, Field: q.name,
				Message: q.label + " is not right. Check it and try again."}
		}
		if id.login == LoginLocked {
			return identity{}, &provider.SignInError{Kind: provider.AccountLocked,
				Message: "This account is locked after too many attempts. Unlock it in the brand's app, then try again."}
		}
	}
	if !f.twoFactor {
		return id, nil
	}
	switch strings.TrimSpace(answers[answerTwoFactor]) {
	case standardCode:
		return id, nil
	case "":
		return identity{}, &provider.SignInError{Kind: provider.TwoFactorRequired, Field: answerTwoFactor,
			Message: "Enter the code that was sent to you."}
	default:
		return identity{}, &provider.SignInError{Kind: provider.WrongTwoFactor, Field: answerTwoFactor,
			Message: "This is not the code that was sent to you."}
	}
}

func normal(login string) string { return strings.ToLower(strings.TrimSpace(login)) }

// plain reports whether a login is one word that can stand in an address.
func plain(login string) bool {
	return login != "" && len(login) <= 64 && strings.Trim(login, "abcdefghijklmnopqrstuvwxyz0123456789._+-") == ""
}
