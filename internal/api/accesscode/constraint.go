package accesscode

import (
	"crypto/rand"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
)

// rules are what a device requires of a code.
type rules struct {
	lengths  []int // empty: from 4 to 12
	kinds    []string
	nameMin  int
	nameMax  int // 0: any
	existing []neighbour
	frame    span                               // when the code is to open the lock
	digests  func(part, digits string) [][]byte // as they stand in the prints of existing
}

// The shortest and longest PIN that the contract knows, and the length that is chosen when a device
// does not say.
const (
	shortest = 4
	longest  = 12
)

// rulesOf reads what a device requires of its codes.
func rulesOf(d device.Device) (r rules, err error) {
	var p struct {
		Lengths     []float64 `json:"supported_code_lengths"`
		Constraints []struct {
			Type string  `json:"constraint_type"`
			Min  float64 `json:"min_length"`
			Max  float64 `json:"max_length"`
		} `json:"code_constraints"`
	}
	for name, into := range map[string]any{"supported_code_lengths": &p.Lengths, "code_constraints": &p.Constraints} {
		if text := d.Properties[name]; text != nil {
			if err := json.Unmarshal(text, into); err != nil {
				return r, err
			}
		}
	}
	for _, n := range p.Lengths {
		r.lengths = append(r.lengths, int(n))
	}
	for _, c := range p.Constraints {
		if c.Type == "name_length" {
			r.nameMin, r.nameMax = int(c.Min), int(c.Max)
			continue
		}
		r.kinds = append(r.kinds, c.Type)
	}
	return r, nil
}

func (r rules) has(kind string) bool { return slices.Contains(r.kinds, kind) }

// lockChooses reports whether the lock generates PINs automatically.
func (r rules) lockChooses() bool { return r.has("cannot_specify_pin_code") }

// span is the time in which a code opens its lock, from its start until just before its end. A zero time
// is no limit.
type span struct{ starts, ends time.Time }

func (s span) overlaps(o span) bool {
	before := func(starts, ends time.Time) bool { return starts.IsZero() || ends.IsZero() || starts.Before(ends) }
	return before(s.starts, o.ends) && before(o.starts, s.ends)
}

// overlaps reports whether another code opens the lock in some of the same time.
func (r rules) overlaps(n neighbour) bool {
	frame, ok := n.frame()
	return ok && r.frame.overlaps(frame)
}

// checkFree returns duplicate_access_code when another code that is wanted on the device has the PIN in
// some of the same time.
func (r rules) checkFree(pin string) error {
	wanted := func(n neighbour) bool { return len(n.prints) > 0 && r.overlaps(n) }
	sums := r.digestsOf(wholePIN, pin)
	for _, n := range r.existing {
		if wanted(n) && among(sums, fingerprint(n.prints[0]).whole()) {
			return fault.New(fault.DuplicateAccessCode, "Another access code on the device has this PIN in some of the same time")
		}
	}
	return nil
}

// checkPIN returns invalid_input when the device does not take the PIN. The message never contains it.
func (r rules) checkPIN(pin string) error {
	if why := r.wrong(pin); why != "" {
		return fault.Invalid("code", "%s", why)
	}
	return nil
}

// wrong says what is wrong with a PIN; empty: nothing.
func (r rules) wrong(pin string) string {
	switch {
	case r.lockChooses():
		return "The device chooses its own codes: leave the code out"
	case strings.Trim(pin, "0123456789") != "":
		return "The code must consist of digits"
	case len(r.lengths) > 0 && !slices.Contains(r.lengths, len(pin)), len(r.lengths) == 0 && (len(pin) < shortest || len(pin) > longest):
		return "The device does not support codes of this length"
	}
	for _, k := range r.kinds {
		if broken, why := r.breaks(k, pin); broken {
			return why
		}
	}
	return ""
}

// breaks reports whether a PIN breaks one kind of constraint, and how to say so.
func (r rules) breaks(kind, pin string) (bool, string) {
	switch kind {
	case "no_zeros":
		return strings.Contains(pin, "0"), "The code must not contain zeros"
	case "cannot_contain_089":
		return strings.ContainsAny(pin, "089"), "The code must not contain 0, 8 or 9"
	case "cannot_contain_0789":
		return strings.ContainsAny(pin, "0789"), "The code must not contain 0, 7, 8 or 9"
	case "cannot_start_with_12":
		return strings.HasPrefix(pin, "12"), "The code must not begin with 12"
	case "no_triple_consecutive_ints":
		return longestRun(pin, 1) >= 3 || longestRun(pin, -1) >= 3, "The code must not contain three consecutive digits in a row"
	case "no_ascending_or_descending_sequence":
		return longestRun(pin, 1) == len(pin) || longestRun(pin, -1) == len(pin), "The code must not be an ascending or descending sequence"
	case "no_all_same_digits":
		return longestRun(pin, 0) == len(pin), "The digits of the code must not all be the same"
	case "at_least_three_unique_digits":
		return unique(pin) < 3, "The code must have at least three different digits"
	case "unique_first_four_digits":
		return r.meets(first4Only, first4(pin), fingerprint.first4, r.overlaps),
			"The first four digits of the code must differ from those of all other codes on the device at the same time"
	case "pin_code_matches_existing_set":
		return r.anyPrint(func(p fingerprint) bool { return p.length() != len(pin) }),
			"The code must be as long as the other codes on the device"
	}
	return false, ""
}

// nameOnLock is a name as the device takes it: without what is too much of it, and with the end of the
// code's id where it is too short or another code on the device has it.
func (r rules) nameOnLock(name, id string) string {
	begin := func(text string, most int) string {
		if letters := []rune(text); len(letters) > most {
			return strings.TrimRight(string(letters[:max(0, most)]), " ")
		}
		return text
	}
	most := math.MaxInt
	if r.nameMax > 0 {
		most = r.nameMax
	}
	fits := begin(name, most)
	taken := r.has("name_must_be_unique") && slices.ContainsFunc(r.existing, func(o neighbour) bool {
		return begin(o.name, most) == strings.ToLower(fits)
	})
	if !taken && len([]rune(fits)) >= r.nameMin {
		return fits
	}
	mark := " " + idEnd(id)
	return begin(name, most-len(mark)) + mark
}

// takes reports whether PINs of a length can be chosen for the device.
func (r rules) takes(length int) bool {
	const sameLength = "pin_code_matches_existing_set"
	differs, _ := r.breaks(sameLength, strings.Repeat("0", length))
	return !r.lockChooses() && (len(r.lengths) == 0 || slices.Contains(r.lengths, length)) && (!r.has(sameLength) || !differs)
}

// share makes a PIN for as many devices as can have the same one, of the preferred length where that
// leaves out none, and returns which these are.
func share(preferred int, all []rules) (pin string, sharing []bool) {
	sharing = make([]bool, len(all))
	var group []rules
	var length int
	for _, n := range commonLengths(preferred, nil) {
		if these := slices.DeleteFunc(slices.Clone(all), func(r rules) bool { return !r.takes(n) }); len(these) > len(group) {
			group, length = these, n
		}
	}
	if len(group) < min(2, len(all)) {
		return "", sharing
	}
	pin, ok := generate(length, group...)
	for i := range all {
		sharing[i] = ok && all[i].takes(length)
	}
	return pin, sharing
}

// generate makes a PIN that all devices take and none has; of the preferred length where that is
// possible. ok is false when none was found.
func generate(preferred int, all ...rules) (pin string, ok bool) {
	for _, length := range commonLengths(preferred, all) {
		for range 200 {
			pin := randomDigits(length)
			if !slices.ContainsFunc(all, func(r rules) bool { return r.taken(pin) || r.wrong(pin) != "" }) {
				return pin, true
			}
		}
	}
	return "", false
}

// commonLengths are the lengths that all devices support, the preferred one first.
func commonLengths(preferred int, all []rules) []int {
	var out []int
	for n := shortest; n <= longest; n++ {
		if !slices.ContainsFunc(all, func(r rules) bool { return len(r.lengths) > 0 && !slices.Contains(r.lengths, n) }) {
			out = append(out, n)
		}
	}
	if i := slices.Index(out, preferred); i > 0 {
		out = slices.Insert(slices.Delete(out, i, i+1), 0, preferred)
	}
	return out
}

func randomDigits(length int) string {
	out := make([]byte, length)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(10))
		if err != nil {
			panic(err) // the operating system gives no randomness
		}
		out[i] = '0' + byte(n.Int64())
	}
	return string(out)
}

// longestRun is the length of the longest part in which each digit differs from the one before by
// step.
func longestRun(pin string, step int) int {
	longest, run := 0, 0
	for i := range len(pin) {
		if i > 0 && int(pin[i])-int(pin[i-1]) == step {
			run++
		} else {
			run = 1
		}
		longest = max(longest, run)
	}
	return longest
}

func unique(pin string) int {
	seen := map[rune]bool{}
	for _, d := range pin {
		seen[d] = true
	}
	return len(seen)
}

func first4(pin string) string { return pin[:min(4, len(pin))] }
