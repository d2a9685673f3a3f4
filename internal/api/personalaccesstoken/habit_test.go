package personalaccesstoken_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/trust/credential"
	"keyway/internal/wiring/apitest"
)

// The advisor narrows a token to the hours and devices of its use, reports what other limits would have
// refused, and suggests neither where it cannot know.
func TestAdviseHabits(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		w.Connect(h.sandbox, "august")
		var listed struct {
			Devices []struct {
				ID string `json:"device_id"`
			}
		}
		made := h.make(h.session, in{})
		ask := func(token, path string, body in, out any) {
			t.Helper()
			w.Call(apitest.Request{Path: path, Token: token, Workspace: h.sandbox.ID, Body: body}, out)
		}
		ask(h.session, "/devices/list", nil, &listed)
		first, second := listed.Devices[0].ID, listed.Devices[1].ID
		advise := func(body in) (a personalaccesstoken.Advice) {
			t.Helper()
			out := struct {
				Advice *personalaccesstoken.Advice `json:"advice"`
			}{&a}
			body["personal_access_token_id"] = made.ID
			w.Call(apitest.Request{Path: path + "advise", Token: h.session, Body: body}, &out)
			return a
		}
		ask(made.Secret, "/devices/get", in{"device_id": first}, nil)
		ask(made.Secret, "/locks/lock_door", in{"device_id": second}, nil)
		ask(made.Secret, "/events/list", in{"since": "2020-01-01T00:00:00Z", "device_id": first}, nil)
		ask(h.session, "/devices/get", in{"device_id": listed.Devices[2].ID}, nil) // not the token's
		w.Refused(apitest.Request{Path: "/devices/get", Token: made.Secret, Workspace: h.sandbox.ID, Body: in{"device_id": "nowhere"}}, 404,
			"device_not_found")
		both := []string{first, second}
		slices.Sort(both)
		a := advise(in{})
		if !slices.Equal(a.DeviceIDs, both) || !slices.Equal(a.Suggestion.DeviceIDs, both) || a.DryRun.Refused != 0 ||
			len(a.DryRun.Devices) != 0 {
			t.Errorf("devices: %+v %+v %+v", a.DeviceIDs, a.Suggestion, a.DryRun)
		}
		if a.Suggestion.AllowedHours != nil {
			t.Errorf("hours after a handful of requests: %+v", a.Suggestion.AllowedHours)
		}
		if a = advise(in{"device_ids": []string{first}}); !slices.Equal(a.DryRun.Devices, []string{second}) {
			t.Errorf("a device that it uses would be gone: %+v", a.DryRun)
		}

		// On working days from seven to three in the last weeks.
		now := w.Now().UTC()
		day := now.AddDate(0, 0, -1)
		for n := 0; n < 15; day = day.AddDate(0, 0, -1) {
			if wd := day.Weekday(); wd == time.Saturday || wd == time.Sunday {
				continue
			}
			n++
			for _, hour := range []int{7, 11, 14} {
				w.Tokens.Used(made.ID, made.ID, h.sandbox.ID, "/devices/get", "127.0.0.1",
					time.Date(day.Year(), day.Month(), day.Day(), hour, 30, 0, 0, time.UTC))
			}
			w.Must(w.Tokens.FlushUse(w.Context()))
		}
		// What was asked just now may be at any hour, so it is taken out again.
		w.Must(h.exec(`DELETE FROM token_habits WHERE kind = 'hour' AND value = $1`, fmt.Sprintf("%03d", (int(now.Weekday())+6)%7*24+now.Hour())))
		for _, wd := range []int{0, 1, 2, 3, 4} {
			for _, hour := range []int{7, 11, 14} {
				w.Must(h.exec(`INSERT INTO token_habits (family_id, kind, value, last_used_at) VALUES ($1, 'hour', $2, $3) ON CONFLICT DO NOTHING`,
					made.ID, fmt.Sprintf("%03d", wd*24+hour), now.UnixMicro()))
			}
		}
		a = advise(in{})
		hours := a.Suggestion.AllowedHours
		if hours == nil || hours.From != "06:00" || hours.To != "16:00" || hours.TimeZone != "UTC" ||
			!slices.Equal(hours.Weekdays, []string{"mon", "tue", "wed", "thu", "fri"}) || len(a.DryRun.Hours) != 0 {
			t.Fatalf("hours: %+v, %+v", hours, a.DryRun)
		}
		if a = advise(in{"allowed_hours": credential.Hours{Weekdays: hours.Weekdays, From: "08:00", To: "16:00",
			TimeZone: "UTC"}}); len(a.DryRun.Hours) != 5 || a.DryRun.Hours[0] != "mon 07:00 UTC" {
			t.Errorf("other hours: %+v", a.DryRun)
		}
		w.Refused(apitest.Request{Path: path + "advise", Token: h.session, Body: in{"personal_access_token_id": made.ID,
			"allowed_hours": in{"weekdays": []string{"mon"}, "from": "08:00", "to": "08:00", "time_zone": "UTC"}}}, 400, "invalid_input")
		// It takes what was suggested, and is advised nothing further.
		call(w, h.session, "update", in{"personal_access_token_id": made.ID, "device_ids": a.DeviceIDs, "allowed_hours": hours})
		if a = advise(in{}); a.Suggestion.AllowedHours != nil {
			t.Errorf("hours twice: %+v", a.Suggestion)
		}

		// Who does what tokens of devices may not is no matter of devices.
		wide := h.make(h.session, in{})
		ask(wide.Secret, "/devices/get", in{"device_id": first}, nil)
		w.Tokens.Used(wide.ID, wide.ID, h.sandbox.ID, "/workspaces/update", "127.0.0.1", w.Now())
		made = wide
		if a = advise(in{}); a.Suggestion.DeviceIDs != nil || len(a.DeviceIDs) != 1 {
			t.Errorf("%+v", a.Suggestion)
		}
		if a = advise(in{"device_ids": []string{first}}); a.DryRun.Refused != 1 || a.DryRun.Uses[0].Endpoint != "/workspaces/update" {
			t.Errorf("%+v", a.DryRun)
		}
	})
}

// Hours are found across midnight and the week's end, and not where there are none.
func TestHoursOfUse(t *testing.T) {
	t.Parallel()
	const mon, tue, sun = 0, 24, 6 * 24
	every := func(hours ...int) (out []int) {
		for d := range 7 {
			for _, h := range hours {
				out = append(out, d*24+h)
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		used []int
		want string
	}{
		"office":              {[]int{mon + 9, tue + 16}, "[mon tue] 08:00-18:00"},
		"nights":              {[]int{mon + 22, tue + 3}, "[mon] 21:00-05:00"},
		"over the week's end": {[]int{sun + 23, mon + 1}, "[sun] 22:00-03:00"},
		"at midnight":         {[]int{mon, tue}, "[mon sun] 23:00-02:00"},
		"until midnight":      {[]int{mon + 20, mon + 22}, "[mon] 19:00-24:00"},
		"once a day":          {every(12), "[mon tue wed thu fri sat sun] 11:00-14:00"},
		"around the clock":    {every(0, 4, 8, 12, 16, 20), "none"},
		"around a day":        {[]int{mon, mon + 4, mon + 8, mon + 12, mon + 16, mon + 20}, "[mon] 00:00-24:00"},
		"never":               {nil, "none"},
	} {
		var used []string
		for _, n := range c.used {
			used = append(used, fmt.Sprintf("%03d", n))
		}
		got := "none"
		h := personalaccesstoken.HoursOf(used)
		if h != nil {
			got = fmt.Sprintf("%v %s-%s", h.Weekdays, h.From, h.To)
			if away := personalaccesstoken.Outside(used, h, time.Now()); len(away) > 0 {
				t.Errorf("%s: %s leaves out %v", name, got, away)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Hours of a zone are laid on the week that has just been, not on one with another summer time.
func TestOutsideInSummer(t *testing.T) {
	t.Parallel()
	oslo := &credential.Hours{Weekdays: []string{"mon"}, From: "08:00", To: "18:00", TimeZone: "Europe/Oslo"}
	for _, c := range []struct {
		month time.Month
		want  string
	}{{time.July, "[mon 05:00 UTC mon 16:00 UTC]"}, {time.January, "[mon 05:00 UTC mon 06:00 UTC]"}} {
		now := time.Date(2026, c.month, 22, 12, 0, 0, 0, time.UTC)
		if got := fmt.Sprint(personalaccesstoken.Outside([]string{"005", "006", "016"}, oslo, now)); got != c.want {
			t.Errorf("%v: %s, want %s", c.month, got, c.want)
		}
	}
}

// What the advisor promises holds when its advice is taken: a request that its limits would not have refused is
// not refused afterwards, also one about no workspace.
func TestAdviceHolds(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		made := h.make(h.session, in{})
		use := func() {
			t.Helper()
			w.Call(apitest.Request{Path: "/devices/list", Token: made.Secret, Workspace: h.sandbox.ID}, nil)
			w.Call(apitest.Request{Path: "/workspaces/list", Token: made.Secret}, nil)
			w.Call(apitest.Request{Path: "/workspaces/create", Token: made.Secret, Body: in{"name": "Harbour House", "is_sandbox": true}}, nil)
		}
		use()
		advise := func(body in) (a personalaccesstoken.Advice) {
			t.Helper()
			out := struct {
				Advice *personalaccesstoken.Advice `json:"advice"`
			}{&a}
			body["personal_access_token_id"] = made.ID
			w.Call(apitest.Request{Path: path + "advise", Token: h.session, Body: body}, &out)
			return a
		}
		if a := advise(in{"workspace_ids": []string{h.sandbox.ID}}); a.DryRun.Refused != 1 || a.DryRun.Uses[0].Endpoint != "/workspaces/create" {
			t.Errorf("limited to workspaces: %+v", a.DryRun)
		}
		a := advise(in{})
		if a.Suggestion == nil || a.Suggestion.WorkspaceIDs != nil || a.DryRun.Refused != 0 {
			t.Fatalf("suggested %+v, %+v", a.Suggestion, a.DryRun)
		}
		w.Call(apitest.Request{Path: path + "update", Token: h.session,
			Body: in{"personal_access_token_id": made.ID, "scopes": a.Suggestion.Scopes}}, nil)
		use()
	})
}
