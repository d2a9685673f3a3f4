package sandbox

import (
	"maps"
	"slices"
	"testing"
	"time"

	"keyway/internal/provider"
)

// What a device can do is recomputed whenever its problems change, so for a device that nothing was
// done to it must come to what was found.
func TestWorksAgreesWithWhatIsFound(t *testing.T) {
	t.Parallel()
	p := New(nil, time.Now)
	check := func(brand string, d provider.Device) {
		var problems []string
		for _, x := range slices.Concat(d.Errors, d.Warnings) {
			problems = append(problems, x.Code)
		}
		keypad, _ := d.Properties["accessory_keypad"].(props)
		works, online := provider.Works(slices.Sorted(maps.Keys(d.Flags)), problems, keypad["is_connected"] == false)
		if !maps.Equal(works, d.Flags) || online != d.Online {
			t.Errorf("%s %s with %v: works %v %v, found %v %v", brand, d.Name, problems, works, online, d.Flags, d.Online)
		}
	}
	for _, b := range p.Brands() {
		answers, err := p.StandardAnswers(b.Name, LoginTroubled)
		if err != nil {
			t.Fatal(err)
		}
		a, err := p.Connect(t.Context(), "", b.Name, answers)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range a.Devices {
			check(b.Name, d)
		}
	}
	for brand, d := range p.Varied(0, 2000) {
		check(brand, d)
	}
}
