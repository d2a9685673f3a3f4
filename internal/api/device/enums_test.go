package device

import (
	"reflect"
	"testing"
)

func TestFlagNamesAreThoseOfTheFields(t *testing.T) {
	t.Parallel()
	fields := reflect.TypeFor[Flags]()
	if fields.NumField() != len(flagNames) {
		t.Fatalf("%d fields, %d names", fields.NumField(), len(flagNames))
	}
	for i, name := range flagNames {
		if tag := fields.Field(i).Tag.Get("json"); tag != name+",omitempty" {
			t.Errorf("%s is %s", name, tag)
		}
	}
	var f Flags
	if err := f.set(map[string]bool{"can_remotely_lock": true, "can_hvac_heat": false}); err != nil || f.working() != 1<<10 ||
		len(f.Names()) != 2 {
		t.Errorf("%v: %d %v", err, f.working(), f.Names())
	}
	if f.set(map[string]bool{"can_fly": true}) == nil {
		t.Error("an unknown flag is taken")
	}
}
