// Package sandbox is the provider of virtual devices. It has every brand of locks, thermostats
// and noise sensors that a sandbox workspace can show, as the rows of one table (brands.go), and
// derives all devices from the brand and the login alone, so that the same sign-in always finds
// the same devices.
//
// Any e-mail address at example.com signs in with the standard answers (StandardAnswers). The
// login "jane" has the troubles that are typical of the brand, "empty" has no devices, "locked"
// is refused, and the devices of all others are well. The first device of a login is always well.
package sandbox

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the zones that people may name must not depend on the machine

	"keyway/internal/provider"
)

// Logins that behave unlike others.
const (
	LoginTroubled = "jane"   // has devices with the troubles that are typical of the brand
	LoginEmpty    = "empty"  // has no devices
	LoginLocked   = "locked" // is refused whatever its password
)

// Provider makes virtual devices. It is safe for concurrent use.
type Provider struct {
	table  []brand
	byName map[string]*brand
	brands []provider.Brand
	memory provider.Memory
	now    func() time.Time
}

var _ provider.Provider = (*Provider)(nil)

// New returns the provider of virtual devices, which remember in memory; now is the clock that
// readings are dated by.
func New(memory provider.Memory, now func() time.Time) *Provider {
	p := &Provider{table: table(), byName: map[string]*brand{}, memory: memory, now: now}
	slices.SortFunc(p.table, func(a, b brand) int {
		return strings.Compare(strings.ToLower(a.displayName), strings.ToLower(b.displayName))
	})
	for i := range p.table {
		b := &p.table[i]
		b.tile = tile(b.displayName)
		p.byName[b.name] = b
		p.brands = append(p.brands, provider.Brand{
			Name:         b.name,
			DisplayName:  b.displayName,
			Categories:   b.categories,
			Capabilities: b.capabilities(),
			ImageURL:     b.tile,
			SignIn:       b.signIn.public(),
		})
	}
	return p
}

// Brands lists all brands in alphabetical order of their names for people.
func (p *Provider) Brands() []provider.Brand { return p.brands }

// Connect signs in to the account of a login. It returns provider.ErrUnknownBrand or a
// *provider.SignInError.
func (p *Provider) Connect(ctx context.Context, brand string, answers map[string]string) (provider.Account, error) {
	if err := ctx.Err(); err != nil {
		return provider.Account{}, err
	}
	b, ok := p.byName[brand]
	if !ok {
		return provider.Account{}, fmt.Errorf("%w: %q", provider.ErrUnknownBrand, brand)
	}
	id, err := b.signIn.check(answers)
	if err != nil {
		return provider.Account{}, err
	}
	a := b.account(id)
	a.Devices = b.devices(id, p.now())
	return a, nil
}

// StandardAnswers returns the answers that sign a login such as "jane" in to a brand. It returns
// provider.ErrUnknownBrand.
func (p *Provider) StandardAnswers(brand, login string) (map[string]string, error) {
	b, ok := p.byName[brand]
	if !ok {
		return nil, fmt.Errorf("%w: %q", provider.ErrUnknownBrand, brand)
	}
	return b.signIn.standard(login), nil
}

// VariedAccount returns the account, without devices, that the devices of a brand in Varied
// belong to. It returns provider.ErrUnknownBrand.
func (p *Provider) VariedAccount(brand string) (provider.Account, error) {
	b, ok := p.byName[brand]
	if !ok {
		return provider.Account{}, fmt.Errorf("%w: %q", provider.ErrUnknownBrand, brand)
	}
	return b.account(identity{field: fieldEmail, login: "fleet"}), nil
}

// Varied yields n devices with the name of their brand, going round the brands; from is how many
// to skip, so that a workspace can be filled further. Ids and names differ between all of them,
// and about one in ten has a trouble.
func (p *Provider) Varied(from, n int) iter.Seq2[string, provider.Device] {
	return func(yield func(string, provider.Device) bool) {
		now := p.now()
		for i := from; i < from+n; i++ {
			b := &p.table[i%len(p.table)]
			if !yield(b.name, b.fleetDevice(i, i/len(p.table), now)) {
				return
			}
		}
	}
}

// Close does nothing: nothing is open.
func (p *Provider) Close() error { return nil }
