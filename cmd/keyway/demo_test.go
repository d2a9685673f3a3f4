package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The demo is what people try their SDK on first. So its devices are of types that the oldest published SDKs know, which
// fail on any other.
func TestDemoDevices(t *testing.T) {
	t.Parallel()
	a := controlled(t)
	w, err := a.furnishDemo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"akuvox_lock", "august_lock", "brivo_access_point", "butterflymx_panel", "doorking_lock", "genie_door", "igloo_lock",
		"linear_lock", "lockly_lock", "kwikset_lock",
		"nuki_lock", "salto_lock", "schlage_lock", "seam_relay", "smartthings_lock", "yale_lock", "two_n_intercom", "controlbyweb_device",
		"ttlock_lock", "igloohome_lock",
		"hubitat_lock", "noiseaware_activity_zone", "minut_sensor", "ecobee_thermostat", "nest_thermostat"}
	total := 0
	for _, ws := range w.Workspaces {
		rows, err := a.DB.Query(t.Context(), `SELECT device_type FROM devices WHERE workspace_id = $1`, ws.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var kind string
			if err := rows.Scan(&kind); err != nil {
				t.Fatal(err)
			}
			if total++; !slices.Contains(known, kind) {
				t.Errorf("%s has a %s", ws.Name, kind)
			}
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	}
	if total == 0 {
		t.Error("the demo has no devices")
	}
}

// Files that root makes in the folder of the server's user would lock the server out.
func TestForeignFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for uid, want := range map[int]bool{os.Geteuid(): false, os.Geteuid() + 1: true} {
		var text strings.Builder
		warnForeignFolder(&text, dir, uid)
		if got := strings.Contains(text.String(), "belongs to"); got != want {
			t.Errorf("as %d: %q", uid, text.String())
		}
	}
	var text strings.Builder
	if warnForeignFolder(&text, filepath.Join(dir, "new"), 5); text.Len() > 0 {
		t.Errorf("a folder that is made: %s", text.String())
	}
}

func TestNoTemporaryFolder(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	if _, err := temporaryFolder("x"); err == nil || !strings.Contains(err.Error(), "TMPDIR") || !strings.Contains(err.Error(), "--data") {
		t.Error(err)
	}
}

// A date means one thing: as an end it is the end of that day, as a beginning its start, in UTC as in the Console.
func TestDatesOfCommands(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.FixedZone("elsewhere", 11*3600))
	end, _, err := parseExpiry("2027-12-31", now)
	if want := time.Date(2027, 12, 31, 23, 59, 59, 0, time.UTC); err != nil || !end.Equal(want) {
		t.Errorf("an expiry is %v %v, not %v", end, err, want)
	}
	start, _, err := parseTime("2027-12-31", now)
	if want := time.Date(2027, 12, 31, 0, 0, 0, 0, time.UTC); err != nil || !start.Equal(want) {
		t.Errorf("a beginning is %v %v, not %v", start, err, want)
	}
	since, err := parseMoment("since", "2027-01-31", now)
	if want := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC); err != nil || !since.Equal(want) {
		t.Errorf("since is %v %v, not %v", since, err, want)
	}
}
