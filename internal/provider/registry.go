package provider

import "fmt"

// Registry knows the drivers. Sandbox workspaces connect accounts of one driver, production workspaces of
// all others; what an account is reached by afterwards is decided by the driver's name in its row alone.
type Registry struct {
	sandbox    Driver
	production []Driver
	byName     map[string]Driver
	// by brand, for sandbox and production: making the list of brands is expensive
	virtual, real map[string]Driver
	brands        []Brand // of production
}

// NewRegistry makes a registry of an explicit list. It panics when two drivers have one name, or two of
// production one brand.
func NewRegistry(sandbox Driver, production ...Driver) *Registry {
	r := &Registry{sandbox: sandbox, production: production, byName: map[string]Driver{}, virtual: byBrand(sandbox),
		real: byBrand(production...)}
	for _, d := range append([]Driver{sandbox}, production...) {
		if _, ok := r.byName[d.Name()]; ok {
			panic("two drivers are called " + d.Name())
		}
		r.byName[d.Name()] = d
	}
	for _, d := range production {
		r.brands = append(r.brands, d.Brands()...)
	}
	return r
}

func byBrand(drivers ...Driver) map[string]Driver {
	out := map[string]Driver{}
	for _, d := range drivers {
		for _, b := range d.Brands() {
			if other, ok := out[b.Name]; ok {
				panic(fmt.Sprintf("the drivers %s and %s both connect %s", other.Name(), d.Name(), b.Name))
			}
			out[b.Name] = d
		}
	}
	return out
}

// Brands lists what can be connected in a workspace of the kind.
func (r *Registry) Brands(sandbox bool) []Brand {
	if sandbox {
		return r.sandbox.Brands()
	}
	return r.brands
}

// ForBrand returns the driver that connects a brand in a workspace of the kind; ErrUnknownBrand when there
// is none.
func (r *Registry) ForBrand(brand string, sandbox bool) (Driver, error) {
	drivers := r.real
	if sandbox {
		drivers = r.virtual
	}
	if d, ok := drivers[brand]; ok {
		return d, nil
	}
	return nil, ErrUnknownBrand
}

// Driver returns the driver of a name; false when this build has none.
func (r *Registry) Driver(name string) (Driver, bool) {
	d, ok := r.byName[name]
	return d, ok
}
