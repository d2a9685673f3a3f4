// Package sandbox is the driver of virtual devices. It has every brand of locks, thermostats
// and noise sensors that a sandbox workspace can show, as the rows of one table (brands.go), and
// derives all devices from the brand and the login alone, so that the same sign-in always finds
// the same devices.
//
// Any email address at example.com signs in with the standard answers (StandardAnswers). The
// login "jane" has the troubles that are typical of the brand, "empty" has no devices, "locked"
// is refused, and the devices of all others are well. The first device of a login is always well.
package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the zones that people may name must not depend on the machine

	"keyway/internal/provider"
)

// Logins that behave unlike others.
const (
	LoginTroubled = "jane"   // has devices with the troubles that are typical of the brand
	LoginEmpty    = "empty"  // has no devices
	LoginLocked   = "locked" // is refused whatever its password
	loginFleet    = "fleet"  // has the devices of Varied
)

// Driver makes virtual devices. It is safe for concurrent use.
type Driver struct {
	table  []brand
	byName map[string]*brand
	brands []provider.Brand
	memory Memory
	now    func() time.Time

	mu    sync.Mutex
	sinks map[accountKey]provider.Sink // of open sessions
}

type accountKey struct{ workspaceID, brand, externalID string }

var _ provider.Driver = (*Driver)(nil)

// New returns the driver of virtual devices, which remember in memory; now is the clock that
// readings are dated by. Without memory, devices can be found but not changed.
func New(memory Memory, now func() time.Time) *Driver {
	d := &Driver{table: table(), byName: map[string]*brand{}, memory: memory, now: now, sinks: map[accountKey]provider.Sink{}}
	slices.SortFunc(d.table, func(a, b brand) int {
		return strings.Compare(strings.ToLower(a.displayName), strings.ToLower(b.displayName))
	})
	for i := range d.table {
		b := &d.table[i]
		b.tile = tile(b.displayName)
		d.byName[b.name] = b
		d.brands = append(d.brands, provider.Brand{
			Name:         b.name,
			DisplayName:  b.displayName,
			Categories:   b.categories,
			Capabilities: b.capabilities(),
			ImageURL:     b.tile,
			SignIn:       b.signIn.public(),
		})
	}
	return d
}

// Name is "sandbox".
func (d *Driver) Name() string { return "sandbox" }

// Brands lists all brands in alphabetical order of their names for people.
func (d *Driver) Brands() []provider.Brand { return d.brands }

func (d *Driver) brand(name string) (*brand, error) {
	b, ok := d.byName[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q", provider.ErrUnknownBrand, name)
	}
	return b, nil
}

// Connect signs in to the account of a login. It returns provider.ErrUnknownBrand or a
// *provider.SignInError.
func (d *Driver) Connect(ctx context.Context, workspaceID, brand string, answers map[string]string) (provider.Account, error) {
	if err := ctx.Err(); err != nil {
		return provider.Account{}, err
	}
	b, err := d.brand(brand)
	if err != nil {
		return provider.Account{}, err
	}
	id, err := b.signIn.check(answers)
	if err != nil {
		return provider.Account{}, err
	}
	a := b.account(id)
	if a.Options, err = json.Marshal(options{Zone: id.zone}); err != nil {
		return provider.Account{}, err
	}
	a.WorkspaceID = workspaceID
	a.Devices, err = d.present(ctx, a, b.devices(id, d.now()))
	return a, err
}

// present leaves out the devices that were removed from an account; it is never nil.
func (d *Driver) present(ctx context.Context, a provider.Account, all []provider.Device) ([]provider.Device, error) {
	there := make([]provider.Device, 0, len(all))
	for _, dev := range all {
		m, err := d.load(ctx, provider.Ref{WorkspaceID: a.WorkspaceID, Brand: a.Brand, Account: a.ExternalID, Device: dev.ExternalID,
			Type: dev.Type})
		if err != nil {
			return nil, err
		}
		if !m.Removed {
			there = append(there, dev)
		}
	}
	return there, nil
}

// options are what an account's identity does not say.
type options struct {
	Zone string `json:"time_zone,omitempty"` // where the form asks for it
}

// StandardAnswers returns the answers that sign a login such as "jane" in to a brand. It returns
// provider.ErrUnknownBrand.
func (d *Driver) StandardAnswers(brand, login string) (map[string]string, error) {
	b, err := d.brand(brand)
	if err != nil {
		return nil, err
	}
	return b.signIn.standard(login), nil
}

// VariedAccount returns the account, without devices, that the devices of a brand in Varied
// belong to. It returns provider.ErrUnknownBrand.
func (d *Driver) VariedAccount(brand string) (provider.Account, error) {
	b, err := d.brand(brand)
	if err != nil {
		return provider.Account{}, err
	}
	a := b.account(fleet)
	a.Devices = []provider.Device{} // the account is complete; its devices are added one by one
	return a, nil
}

// fleet is who the accounts of Varied belong to.
var fleet = identity{field: fieldEmail, login: loginFleet}

// Varied yields n devices with the name of their brand, going round the brands; from is how many
// to skip, so that a workspace can be filled further. Ids and names differ between all of them,
// and about one in ten has a trouble.
func (d *Driver) Varied(from, n int) iter.Seq2[string, provider.Device] {
	return func(yield func(string, provider.Device) bool) {
		now := d.now()
		for i := from; i < from+n; i++ {
			b := &d.table[i%len(d.table)]
			if !yield(b.name, b.fleetDevice(i, i/len(d.table), now)) {
				return
			}
		}
	}
}

// Found returns the devices that an account of a login has, as they are found at sign-in: without what
// was done to them since. Of an account of Varied it returns nil.
func (d *Driver) Found(a provider.Account) ([]provider.Device, error) {
	b, err := d.brand(a.Brand)
	if err != nil || a.ExternalID == fleet.externalID() {
		return nil, err
	}
	id := identity{login: strings.TrimSuffix(a.ExternalID, domain)}
	for _, q := range b.signIn.fields {
		switch q.name {
		case fieldEmail, fieldUsername:
			id.field = q.name
		case fieldTimeZone:
			id.zone = standardZone
		}
	}
	if len(a.Options) > 0 {
		var o options
		if err := json.Unmarshal(a.Options, &o); err != nil {
			return nil, fmt.Errorf("options of a virtual account: %w", err)
		}
		if o.Zone != "" {
			id.zone = o.Zone
		}
	}
	return b.devices(id, d.now()), nil
}
