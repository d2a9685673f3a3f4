package accesscode

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"keyway/internal/platform/fault"
)

// testDigests stands in for those under the server's keys.
func testDigests(part, digits string) [][]byte {
	sum := sha256.Sum256([]byte(part + digits))
	return [][]byte{sum[:digestSize]}
}

func testPrint(pin string) fingerprint {
	return append(slices.Concat(testDigests(wholePIN, pin)[0], testDigests(first4Only, first4(pin))[0]), byte(len(pin)))
}

func TestEachKindOfConstraint(t *testing.T) {
	t.Parallel()
	others := []neighbour{{name: "cleaner", prints: [][]byte{testPrint("123456")}}}
	for _, c := range []struct{ kind, good, bad string }{
		{"no_zeros", "1357", "1057"},
		{"cannot_contain_089", "1357", "1397"},
		{"cannot_contain_0789", "1356", "1376"},
		{"cannot_start_with_12", "2134", "1234"},
		{"no_triple_consecutive_ints", "1242", "1236"},
		{"no_triple_consecutive_ints", "2421", "6543"},
		{"no_ascending_or_descending_sequence", "1235", "1234"},
		{"no_ascending_or_descending_sequence", "5321", "4321"},
		{"no_all_same_digits", "1112", "1111"},
		{"at_least_three_unique_digits", "1213", "1212"},
		{"unique_first_four_digits", "2234", "1234"},
		{"pin_code_matches_existing_set", "654321", "1357"},
		{"cannot_specify_pin_code", "", "1357"},
	} {
		r := rules{kinds: []string{c.kind}, existing: others, digests: testDigests}
		if c.good != "" && r.checkPIN(c.good) != nil {
			t.Errorf("%s refuses %s", c.kind, c.good)
		}
		if err := r.checkPIN(c.bad); !fault.Is(err, fault.InvalidInput) {
			t.Errorf("%s takes %s", c.kind, c.bad)
		}
		if c.good == "" {
			continue
		}
		for range 20 {
			pin, ok := generate(0, r)
			if !ok || r.wrong(pin) != "" || r.taken(pin) {
				t.Errorf("%s: generated %s", c.kind, pin)
			}
		}
	}
	r := rules{lengths: []int{5, 6}}
	if r.checkPIN("1234") == nil || r.checkPIN("12345") != nil || r.checkPIN("12a45") == nil {
		t.Error("lengths and digits")
	}
	if why := (rules{lengths: []int{6}, kinds: []string{"cannot_specify_pin_code"}}).wrong("1234"); !strings.Contains(why,
		"leave the code out") {
		t.Errorf("no PIN can be chosen, and that is told as: %s", why)
	}
	if pin, ok := generate(6, r); !ok || len(pin) != 6 {
		t.Error("the preferred length was not taken")
	}
	if _, ok := generate(0, rules{lengths: []int{4}}, rules{lengths: []int{6}}); ok {
		t.Error("locks without a common length share no code")
	}
	if got := commonLengths(0, []rules{{lengths: []int{4, 5, 6}}, {lengths: []int{6, 7}}}); !slices.Equal(got, []int{6}) {
		t.Error(got)
	}
}

func TestNameOnLock(t *testing.T) {
	t.Parallel()
	const id = "01a22423-d1f0-7a09-af97-5fcf438b2673"
	plain := rules{nameMin: 2, nameMax: 12}
	unique := rules{nameMax: 12, kinds: []string{"name_must_be_unique"}, existing: []neighbour{{name: "anna"}, {name: "reservation 1"}}}
	for _, c := range []struct {
		of         rules
		name, want string
	}{
		{rules{}, "Anna Smith, Reservation-12345", "Anna Smith, Reservation-12345"},
		{plain, "Anna", "Anna"},
		{plain, "Zoë Ångström-Ōe", "Zoë Ångström"},
		{plain, "x", "x 8b2673"},
		{unique, "Bob", "Bob"},
		{unique, "Anna", "Anna 8b2673"},
		{unique, "Reservation 2", "Reser 8b2673"},
	} {
		if got := c.of.nameOnLock(c.name, id); got != c.want {
			t.Errorf("%q is %q on the lock, not %q", c.name, got, c.want)
		}
	}
}
