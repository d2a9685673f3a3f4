package device

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyway/internal/provider"
)

// anyJSON draws values whose text is full of what a scanner could stumble over.
func anyJSON(depth int) *rapid.Generator[any] {
	text := rapid.StringOf(rapid.SampledFrom([]rune(`"\{}[],: <é` + "\n\x00\u2028a")))
	leaves := []*rapid.Generator[any]{text.AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil)}
	if depth > 0 {
		leaves = append(leaves, rapid.SliceOfN(anyJSON(depth-1), 0, 3).AsAny(), rapid.MapOfN(text, anyJSON(depth-1), 0, 3).AsAny())
	}
	return rapid.OneOf(leaves...)
}

func TestAnObjectIsPutTogetherAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, err := json.Marshal(rapid.MapOfN(rapid.String(), anyJSON(3), 0, 6).Draw(t, "object"))
		if err != nil {
			t.Fatal(err)
		}
		o := takeApart(want)
		if got := o.join(); !bytes.Equal(got, want) {
			t.Fatalf("%s became %s", want, got)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(want, &members); err != nil || len(members) != len(o) {
			t.Fatalf("%d members of %d (%v)", len(o), len(members), err)
		}
	})
}

// A patched document says what the whole device would, written anew.
func TestPatchedIsAsGoodAsWrittenAnew(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune(`"\{}<ä b`)))
		maker := provider.Manufacturer{Name: "august", DisplayName: text.Draw(t, "maker"), ImageURL: text.Draw(t, "image")}
		account := Account{ID: "account", CustomerKey: text.Draw(t, "customer")}
		whole, err := build("workspace", account, provider.Device{
			Type: "august_lock", Name: text.Draw(t, "own name"), TimeZone: text.Draw(t, "zone"), Manufacturer: maker,
			Properties: rapid.MapOfN(text, anyJSON(2), 0, 5).Draw(t, "properties"), Flags: map[string]bool{"can_remotely_lock": true, "can_remotely_unlock": false},
		}, time.UnixMilli(1e12))
		if err != nil {
			t.Fatal(err)
		}
		whole.Nickname = text.Draw(t, "old nickname")
		whole.name()
		stored, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		part, all, properties, err := partly(stored)
		if err != nil {
			t.Fatal(err)
		}
		nickname, metadata, managed := text.Draw(t, "nickname"), Metadata(rapid.MapOfN(text, text.AsAny(), 0, 3).Draw(t, "metadata")), rapid.Bool().Draw(t, "managed")
		for _, d := range []*Device{&whole, &part} {
			d.Nickname, d.CustomMetadata, d.IsManaged = nickname, maps.Clone(metadata), managed
			d.name()
			if err := d.Properties.set("backup_access_code_pool_enabled", managed); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := whole.searchText(), part.searchText(); a != b {
			t.Fatalf("%q is searched for instead of %q", b, a)
		}
		if a, b := whole.event("device.connected", time.Time{}), part.event("device.connected", time.Time{}); !reflect.DeepEqual(a, b) {
			t.Fatalf("the event is %v instead of %v", b, a)
		}
		got, err := part.patched(all, properties)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(want, &a) != nil || json.Unmarshal(got, &b) != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("patched:\n%s\nwritten anew:\n%s", got, want)
		}
	})
}
