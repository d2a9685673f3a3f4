package accesscode

import (
	"crypto/hmac"
	"slices"
	"strings"
	"time"

	json "github.com/go-json-experiment/json/v1" // encoding/json as Go 1.27 has it: the same, and much faster
)

// A fingerprint, a print for short, is what is known of a PIN that is not opened: keyed digests of it
// and of its first four digits, which mean nothing on another device, and its length.
type fingerprint []byte

// The parts of a print, and what stands in front of all of a code.
const (
	printForm  = 1
	digestSize = 16
	printSize  = 2*digestSize + 1
)

func (p fingerprint) whole() []byte { return p[:digestSize] }

func (p fingerprint) first4() []byte { return p[digestSize : 2*digestSize] }

func (p fingerprint) length() int { return int(p[printSize-1]) }

// printed is the text whose digest stands in a print.
func printed(deviceID, part, digits string) string {
	return strings.Join([]string{"access_codes", deviceID, part, digits}, "/")
}

// The parts of a PIN whose digests are in its print.
const (
	wholePIN   = "pin"
	first4Only = "first four"
)

// prints are those of the PINs that a code has and that its lock stores for it.
func (c *Codes) prints(r *row) (out [][]byte) {
	pins := []string{r.PIN}
	if r.Held != nil && r.Held.PIN != r.PIN {
		pins = append(pins, r.Held.PIN)
	}
	for _, pin := range pins {
		if pin != "" {
			_, whole := c.Vault.NewDigest(printed(r.deviceID, wholePIN, pin))
			_, begin := c.Vault.NewDigest(printed(r.deviceID, first4Only, first4(pin)))
			out = append(out, append(slices.Concat(whole[:digestSize], begin[:digestSize]), byte(len(pin))))
		}
	}
	return out
}

// printColumn is a code's prints as they are stored: never NULL, also where there are none.
func (c *Codes) printColumn(r *row) []byte {
	return slices.Concat(append([][]byte{{printForm}}, c.prints(r)...)...)
}

// digestsOn makes the digests that a part of a PIN may have in prints of a device: one for each key.
func (c *Codes) digestsOn(deviceID string) func(part, digits string) [][]byte {
	return func(part, digits string) [][]byte {
		sums := c.Vault.Digests(printed(deviceID, part, digits))
		for i := range sums {
			sums[i] = sums[i][:digestSize]
		}
		return sums
	}
}

// neighbour is another code on the same device.
type neighbour struct {
	name   string   // in lower case; only where the device wants names to differ
	prints [][]byte // of the PIN that is wanted first, then of the one that the lock contains if that is another
	doc    []byte   // as it is served; nil: its times are known
	span
	leaving bool // it is being deleted
}

// frame is when the code opens its lock; ok is false for one that is being deleted.
func (n neighbour) frame() (s span, ok bool) {
	if n.doc == nil {
		return n.span, !n.leaving
	}
	var of struct {
		Status   string     `json:"status"`
		StartsAt *time.Time `json:"starts_at"`
		EndsAt   *time.Time `json:"ends_at"`
	}
	if err := json.Unmarshal(n.doc, &of); err != nil {
		return s, true // it is ours, so this does not happen; then it counts as always valid
	}
	if of.StartsAt != nil {
		s.starts = *of.StartsAt
	}
	if of.EndsAt != nil {
		s.ends = *of.EndsAt
	}
	return s, of.Status != "removing"
}

// neighbours are the codes of a device, but for one.
func (c *Codes) neighbours(rows []*row, but string) []neighbour {
	var out []neighbour
	for _, r := range rows {
		if r.id != but {
			out = append(out, neighbour{name: strings.ToLower(r.Name), prints: c.prints(r), span: span{r.StartsAt, r.EndsAt}, leaving: r.Deleting})
		}
	}
	return out
}

// taken reports whether another code on the device has the PIN.
func (r rules) taken(pin string) bool {
	return r.meets(wholePIN, pin, fingerprint.whole, func(neighbour) bool { return true })
}

// meets reports whether a part of a PIN is that of another code on the device that counts.
func (r rules) meets(part, digits string, of func(fingerprint) []byte, counts func(neighbour) bool) bool {
	sums := r.digestsOf(part, digits)
	return slices.ContainsFunc(r.existing, func(n neighbour) bool {
		return slices.ContainsFunc(n.prints, func(p []byte) bool { return among(sums, of(p)) }) && counts(n)
	})
}

// digestsOf are the digests that a part of a PIN may have in the prints of the other codes.
func (r rules) digestsOf(part, digits string) [][]byte {
	if len(r.existing) == 0 {
		return nil
	}
	return r.digests(part, digits)
}

func among(sums [][]byte, digest []byte) bool {
	return slices.ContainsFunc(sums, func(sum []byte) bool { return hmac.Equal(sum, digest) })
}

func (r rules) anyPrint(is func(fingerprint) bool) bool {
	return slices.ContainsFunc(r.existing, func(n neighbour) bool {
		return slices.ContainsFunc(n.prints, func(p []byte) bool { return is(p) })
	})
}
