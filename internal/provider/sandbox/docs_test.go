package sandbox

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the tests make into the files that they compare with")

const docsPath = "../../../docs/sandbox.md"

// TestDocs keeps the tables of docs/sandbox.md as the brands are.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	p := New(nil, func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) })
	want := string(text)
	for name, table := range map[string]string{"brands": p.brandTable(t), "troubles": p.troubleTable(t)} {
		begin, end := "<!-- "+name+": made by go test ./internal/provider/sandbox -run TestDocs -update -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(want, begin)
		_, after, found := strings.Cut(rest, end)
		if !ok || !found {
			t.Fatalf("%s has no place for %s", docsPath, name)
		}
		want = before + begin + table + end + after
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is not as the brands are; run the test with -update", docsPath)
	}
	if err := os.WriteFile(docsPath, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// brandTable has a row for each brand: what it asks, what a login finds, what can be simulated.
func (d *Driver) brandTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| Brand | `device_provider_name` | Standard sign-in | Device types | Simulate, beside connect and disconnect " +
		"|\n|---|---|---|---|---|\n")
	for _, br := range d.Brands() {
		answers, err := d.StandardAnswers(br.Name, LoginTroubled)
		if err != nil {
			t.Fatal(err)
		}
		account, err := d.Connect(t.Context(), "", br.Name, answers)
		if err != nil {
			t.Fatal(err)
		}
		var asks, types, simulate []string
		for _, f := range br.SignIn.Fields {
			asks = append(asks, f.Label+" `"+answers[f.Name]+"`")
		}
		if len(br.SignIn.Regions) > 0 {
			asks = append(asks, "Region `"+strings.Join(br.SignIn.Regions, "` or `")+"`")
		}
		if br.SignIn.TwoFactor {
			asks = append(asks, "Two factor code `"+answers[answerTwoFactor]+"`")
		}
		for _, d := range account.Devices {
			if !slices.Contains(types, "`"+d.Type+"`") {
				types = append(types, "`"+d.Type+"`")
			}
		}
		for flag := range br.Capabilities {
			if name, ok := strings.CutPrefix(flag, "can_simulate_"); ok && name != "connection" && name != "disconnection" {
				simulate = append(simulate, strings.ReplaceAll(name, "_", " "))
			}
		}
		slices.Sort(simulate)
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", br.DisplayName, br.Name, strings.Join(asks, ", "), strings.Join(types, ", "),
			strings.Join(simulate, ", "))
	}
	return b.String()
}

// troubleTable lists the devices of jane that are not well.
func (d *Driver) troubleTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| Brand | Device | What is wrong |\n|---|---|---|\n")
	for _, br := range d.Brands() {
		answers, err := d.StandardAnswers(br.Name, LoginTroubled)
		if err != nil {
			t.Fatal(err)
		}
		account, err := d.Connect(t.Context(), "", br.Name, answers)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range account.Devices {
			var wrong []string
			for _, e := range d.Errors {
				wrong = append(wrong, "error `"+e.Code+"`")
			}
			for _, w := range d.Warnings {
				wrong = append(wrong, "warning `"+w.Code+"`")
			}
			if battery, ok := d.Properties["battery"].(props); ok && (battery["status"] == "low" || battery["status"] == "critical") {
				wrong = append(wrong, fmt.Sprintf("battery `%v`", battery["status"]))
			}
			if keypad, ok := d.Properties["accessory_keypad"].(props); ok && keypad["is_connected"] == false {
				wrong = append(wrong, "no keypad")
			}
			if len(wrong) > 0 {
				fmt.Fprintf(&b, "| %s | %s | %s |\n", br.DisplayName, d.Name, strings.Join(wrong, ", "))
			}
		}
	}
	return b.String()
}
