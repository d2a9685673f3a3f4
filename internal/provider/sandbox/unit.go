package sandbox

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"keyway/internal/provider"
)

// props is a JSON object. All values are of the types that encoding/json decodes to, so that a
// device reads the same before and after it was stored.
type props = map[string]any

// brand is a row of the table.
type brand struct {
	name, displayName string
	categories        []string
	signIn            form
	simulate          []string // can_simulate_* flags beside connection and disconnection
	zones             []zone   // where its customers live
	names             []string // what they call their devices; must be as many as a login has devices
	count             int      // devices of every login; 0: it varies, and the troubles decide for jane
	troubles          []trouble
	justInTime        bool       // its locks keep no schedules: a code goes onto them shortly before its time
	fixedCodes        bool       // codes that others made cannot become managed
	kinds             []template // hardware, in turn
	tile              string
}

// template makes devices of one kind.
type template interface {
	device(u *unit) provider.Device
	rooms() [4]string // what the fleet calls devices of the kind; no name is in two kinds
}

// zone is a time zone, with its standard offset because some brands report that beside the name.
type zone struct {
	name   string
	offset time.Duration
}

// unit is one virtual device before its brand's template fills it in.
type unit struct {
	brand      *brand
	seed       uint64 // decides everything that is not given
	home       uint64 // seed that all devices of one place share
	externalID string
	name       string
	model      string // drawn by the template
	owner      string // for people, for example "Jane"
	zone       zone
	trouble    trouble
	now        time.Time // start of the day: readings change once a day at most
}

func (b *brand) account(id identity) provider.Account {
	external := id.externalID()
	return provider.Account{
		ExternalID:     external,
		Brand:          b.name,
		DisplayName:    external,
		UserIdentifier: map[string]string{id.field: external},
	}
}

// devices returns what a login finds.
func (b *brand) devices(id identity, now time.Time) []provider.Device {
	if id.login == LoginEmpty {
		return nil
	}
	seed := mix(mix(offsetBasis, b.name), id.externalID())
	here := b.zones[draw(seed, "zone", len(b.zones))]
	if id.zone != "" {
		here = zoneNamed(id.zone)
	}
	count := b.count
	if count == 0 && id.login == LoginTroubled {
		count = 1 + len(b.troubles)
	} else if count == 0 {
		count = 2 + draw(seed, "count", 3)
	}
	devices := make([]provider.Device, count)
	// The first name stays first: every home has a front door. Among the others, a step without a
	// common divisor visits each once, in an order of the login's own.
	others := len(b.names) - 1
	first, step := draw(seed, "first name", others), coprime(draw(seed, "step", others), others)
	for i := range devices {
		u := unit{
			brand: b,
			seed:  mix(seed, "device "+strconv.Itoa(i)),
			home:  seed,
			name:  b.names[0],
			owner: strings.ToUpper(id.login[:1]) + id.login[1:],
			zone:  here,
			now:   startOfDay(now),
		}
		if i > 0 {
			u.name = b.names[1+(first+i*step)%others]
		}
		if id.login == LoginTroubled && i > 0 && i <= len(b.troubles) {
			u.trouble = b.troubles[i-1]
		}
		devices[i] = u.build(i)
	}
	return devices
}

// fleetDevice returns the k-th device of the brand, which is the i-th of all.
func (b *brand) fleetDevice(i, k int, now time.Time) provider.Device {
	const doors, floors, rooms = 20, 40, 4
	home := i / rooms
	building, floor, door := home/(doors*floors), home/doors%floors+1, home%doors+1
	name := "Unit " + strconv.Itoa(floor*100+door) + " " + b.kinds[k%len(b.kinds)].rooms()[i%rooms]
	if building > 0 {
		name = "Building " + strconv.Itoa(building+1) + " " + name
	}
	u := unit{
		brand: b,
		seed:  mix(mix(offsetBasis, b.name), "fleet "+strconv.Itoa(i)),
		home:  mix(offsetBasis, "building "+strconv.Itoa(building)),
		name:  name,
		owner: "Fleet",
		now:   startOfDay(now),
	}
	u.zone = b.zones[draw(u.home, "zone", len(b.zones))]
	if len(b.troubles) > 0 && draw(u.seed, "trouble", 10) == 0 {
		u.trouble = b.troubles[k%len(b.troubles)]
	}
	return u.build(k)
}

// build makes the i-th device of its login or fleet and lays its trouble over it.
func (u *unit) build(i int) provider.Device {
	u.externalID = u.uuid("id")
	d := u.brand.kinds[i%len(u.brand.kinds)].device(u)
	d.ExternalID, d.Name, d.TimeZone, d.Online = u.externalID, u.name, u.zone.name, true
	d.Flags["can_simulate_connection"], d.Flags["can_simulate_disconnection"] = true, true
	for _, flag := range u.brand.simulate {
		d.Flags[flag] = true
	}
	d.Properties["appearance"] = props{"name": u.name}
	u.trouble.apply(u, &d)
	return d
}

// capabilities returns every flag that a device of the brand may have.
func (b *brand) capabilities() map[string]bool {
	flags := map[string]bool{}
	for i := range b.kinds {
		u := unit{brand: b, name: b.names[0], owner: "Sample", zone: b.zones[0]}
		for flag := range u.build(i).Flags {
			flags[flag] = true
		}
	}
	return flags
}

// The hash is FNV-1a, finished so that close labels are far apart. It must never change: ids of
// devices in existing workspaces come from it.
const (
	offsetBasis = 14695981039346656037
	prime       = 1099511628211
)

func mix(seed uint64, label string) uint64 {
	for i := range len(label) {
		seed = (seed ^ uint64(label[i])) * prime
	}
	seed = (seed ^ seed>>30) * 0xbf58476d1ce4e5b9
	seed = (seed ^ seed>>27) * 0x94d049bb133111eb
	return seed ^ seed>>31
}

// draw returns a number in [0, n) that the seed and the label decide, so that a new draw in a
// template leaves all others as they were.
func draw(seed uint64, label string, n int) int { return int(mix(seed, label) % uint64(n)) }

func (u *unit) draw(label string, n int) int { return draw(u.seed, label, n) }

// chance is true in so many of a hundred devices.
func (u *unit) chance(label string, percent int) bool { return u.draw(label, 100) < percent }

// between returns a number from low to high in the given steps.
func (u *unit) between(label string, low, high, step float64) float64 {
	steps := int(math.Round((high-low)/step)) + 1
	return round(low + float64(u.draw(label, steps))*step)
}

// number returns a number with so many digits, as vendors number their devices.
func (u *unit) number(label string, digits int) float64 { return number(u.seed, label, digits) }

func number(seed uint64, label string, digits int) float64 {
	low := math.Pow10(digits - 1)
	return low + float64(mix(seed, label)%uint64(9*low))
}

func (u *unit) uuid(label string) string { return uuid(u.seed, label) }

// uuid returns a UUID of version 8, the version for ids made in a way of one's own.
func uuid(seed uint64, label string) string {
	var b [16]byte
	high := mix(seed, label)
	low := mix(high, label)
	for i := range 8 {
		b[i], b[8+i] = byte(high>>(8*i)), byte(low>>(8*i))
	}
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// code returns so many upper-case letters and digits, as on a label at the back of a device.
func (u *unit) code(label string, length int) string {
	const letters = "0123456789ABCDEFGHJKLMNPQRSTVWXY"
	h := mix(u.seed, label)
	text := make([]byte, length)
	for i := range text {
		text[i] = letters[h>>(i*5%60)&31]
	}
	return string(text)
}

// mac returns a locally administered hardware address.
func (u *unit) mac(label string) string {
	h := mix(u.seed, label)
	const digits = "0123456789ABCDEF"
	text := []byte("02:00:00:00:00:00")
	for i := 3; i < len(text); i += 3 {
		text[i], text[i+1] = digits[h&15], digits[h>>4&15]
		h >>= 8
	}
	return string(text)
}

// place returns the name of the building that a home's devices are in.
func (u *unit) place() string {
	streets := [...]string{"Harbour Street", "Mill Lane", "Orchard Road", "Station Square", "Hill View", "Linden Avenue"}
	return strconv.Itoa(1+draw(u.home, "house", 180)) + " " + streets[draw(u.home, "street", len(streets))]
}

// ago returns a moment of the day before, on the wire's form.
func (u *unit) ago(label string) string {
	return u.now.Add(-time.Duration(u.draw(label, 24*60)) * time.Minute).Format("2006-01-02T15:04:05.000Z")
}

// battery lays a battery with the given level over properties.
func battery(p props, level float64) {
	p["battery"] = props{"level": level, "status": provider.BatteryStatus(level)}
	p["battery_level"] = level
	p["has_direct_power"] = false
}

func (u *unit) batteryLevel() float64 { return u.between("battery", 0.42, 1, 0.01) }

func round(x float64) float64 { return math.Round(x*100) / 100 }

func startOfDay(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// coprime returns the first number from n on that has no divisor in common with size.
func coprime(n, size int) int {
	for n++; ; n++ {
		a, b := n, size
		for b != 0 {
			a, b = b, a%b
		}
		if a == 1 {
			return n
		}
	}
}

// zoneNamed returns a zone that is known to exist.
func zoneNamed(name string) zone {
	location, err := time.LoadLocation(name)
	if err != nil {
		return zone{name: "UTC"}
	}
	// The standard offset is the smaller one of the year.
	_, january := time.Date(2025, 1, 1, 0, 0, 0, 0, location).Zone()
	_, july := time.Date(2025, 7, 1, 0, 0, 0, 0, location).Zone()
	return zone{name: name, offset: time.Duration(min(january, july)) * time.Second}
}
