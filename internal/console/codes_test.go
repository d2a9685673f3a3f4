package console_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/workspace"
	"keyway/internal/console/frame"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// until asks for a page until it says a text.
func (b *browser) until(path, text string) *browser {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if b.get(path); strings.Contains(b.page, text) {
			return b
		} else if time.Now().After(deadline) {
			return b.has(text)
		}
	}
}

// lockOf connects an account of a brand and gives the address of its first lock, which is well and, since it
// is the oldest, stands last.
func (b *browser) lockOf(w workspace.Workspace, brand string) string {
	b.t.Helper()
	list := frame.WorkspacePath(w.ID, "devices")
	b.get(list).post(frame.WorkspacePath(w.ID, "sandbox-devices"), "brand", brand).at(list)
	all := regexp.MustCompile(`href="(`+list+`/[^"]*)"`).FindAllStringSubmatch(b.get(list+"?q="+brand).page, -1)
	return all[len(all)-1][1]
}

func TestLocking(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	b := s.browser(t).signIn("jane")
	lock := b.lockOf(w, "schlage")
	b.get(lock).has("Overview", "Access codes", "Events", "Simulate").post(lock+"/unlock", "tab", lock+"/codes").at(lock + "/codes")
	attempt := b.address.RequestURI()
	if !strings.Contains(attempt, "attempt=") {
		t.Fatalf("unlocking leads to %s", attempt)
	}
	b.until(attempt, "<strong>Unlocked.").post(lock + "/lock")
	b.until(b.address.RequestURI(), "<strong>Locked.")
	// A result is shown while nothing newer was asked: it would contradict the state.
	b.get(attempt).lacks("<strong>Unlocked.")
	if !regexp.MustCompile(`button-primary[^>]*>(<svg.*?</svg>)?Unlock`).MatchString(b.get(lock).page) {
		t.Error("a locked door does not offer Unlock first")
	}
	b.until(lock+"/events", "lock.unlocked").has("lock.locked", "Remote")

	// A device that is offline is asked all the same, and says why it did nothing.
	b.get(lock).post(lock+"/simulate", "what", "disconnect").at(lock).has("Simulated: take offline.", "Offline", "device_disconnected")
	b.post(lock + "/unlock")
	b.until(b.address.RequestURI(), `notice-bad" id="attempt"`)
	b.get(lock).post(lock+"/simulate", "what", "connect").lacks("device_disconnected")
	b.has("Let the battery run low").lacks("Connect the keypad", "Switch on privacy mode", "Ring the doorbell")
	b.post(lock+"/simulate", "what", "drain_battery").has("Simulated: let the battery run low.", "15%",
		"Put in a new battery").lacks("Let the battery run low<")
	b.post(lock+"/simulate", "what", "loosen_connection").has("device_has_flaky_connection").post(lock+"/simulate", "what",
		"steady_connection").lacks("device_has_flaky_connection")
	b.post(lock+"/simulate", "what", "renew_subscription").has("This device does not support that")
	b.post(lock+"/simulate", "what", "nothing").has("There is nothing of that name to simulate")

	// Roles and tenants: a stranger finds nothing, and an unauthorized form changes nothing.
	s.person(t, "eve")
	eve := s.browser(t).signIn("eve")
	for _, path := range []string{lock, lock + "/codes", lock + "/events", lock + "/codes/x"} {
		if eve.get(path); eve.status != http.StatusNotFound {
			t.Errorf("a stranger at %s: %d", path, eve.status)
		}
	}
	if eve.do(eve.request(lock+"/unlock", url.Values{})); eve.status != http.StatusNotFound {
		t.Errorf("a stranger unlocks: %d", eve.status)
	}
	if at := s.browser(t).do(b.request(lock+"/unlock", url.Values{})).address; at.Path != "/console/sign-in" ||
		at.Query().Get("next") != lock {
		t.Errorf("nobody unlocks: %s", at)
	}
	r := b.request(lock+"/unlock", url.Values{})
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if b.do(r); b.status != http.StatusForbidden {
		t.Errorf("another site unlocks: %d", b.status)
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	b := s.browser(t).signIn("jane")
	lock := b.lockOf(w, "schlage")
	codes := lock + "/codes"
	b.get(codes).has("No access codes", "Add access code")
	b.post(codes, "name", "Cleaner", "code", "12", "kind", "ongoing").has("From 4 to 8 digits.</p>", "data-open", `value="Cleaner"`)
	// All that is wrong is said at once.
	b.get(codes).post(codes, "code", "12", "kind", "time_bound", "starts_at", "2100-01-02T00:00", "ends_at",
		"2100-01-01T00:00").has("From 4 to 8 digits.</p>", "The end must be after the start.")
	b.get(codes).post(codes, "name", "Cleaner", "kind", "time_bound", "starts_at", "tomorrow").has("This isn’t a date with a time.",
		"Choose when the code ends.")
	b.get(codes).post(codes, "name", "Cleaner", "kind", "time_bound", "ends_at", "2020-01-01T00:00").has("The time must be in the future")
	b.get(codes).post(codes, "name", "Cleaner", "kind", "time_bound", "starts_at", "2100-01-02T00:00", "ends_at",
		"2100-01-01T00:00").has("The end must be after the start.")
	b.get(codes).post(codes+"/generate", "name", "Cleaner", "kind", "ongoing").has("data-open", `value="Cleaner"`)
	pin := regexp.MustCompile(`id="add-code-code" name="code" type="text" value="(\d+)"`).FindStringSubmatch(b.page)
	if pin == nil {
		t.Fatalf("no PIN was generated:\n%s", plainText(b.page))
	}
	if !regexp.MustCompile(`id="add-code-code"[^>]* autofocus`).MatchString(b.page) ||
		regexp.MustCompile(`id="add-code-name"[^>]* autofocus`).MatchString(b.page) {
		t.Error("the PIN that was asked for is not where one is")
	}
	b.post(codes, "name", "Cleaner", "code", pin[1], "kind", "ongoing").at(codes).has("Access code created.", "Cleaner", pin[1])
	b.until(codes, "Set</span>")
	at := regexp.MustCompile(`href="(` + codes + `/[^"]*)">Cleaner<`).FindStringSubmatch(b.page)[1]
	zone, err := time.LoadLocation(regexp.MustCompile(`Starts \(([^)]+)\)`).FindStringSubmatch(b.page)[1])
	if err != nil || zone == time.UTC {
		t.Fatal(zone, err)
	}
	b.get(at).has("Timeline", "Set on device", "by a person", pin[1], time.Now().In(zone).Format(" MST · ")).lacks("Change requested")
	b.get(lock + "/events").has(`<a href="` + at + `">Cleaner</a>`)

	ends := time.Now().AddDate(0, 0, 3).UTC().Format(frame.InputTime)
	b.get(codes).post(at+"/edit", "name", "Crew", "kind", "time_bound", "ends_at", "x").has("This isn’t a date with a time.", "data-open")
	b.get(codes).post(at+"/generate", "name", "Crew", "kind", "ongoing").has("data-open", `value="Crew"`)
	b.get(codes).post(at+"/edit", "name", "Crew", "kind", "time_bound", "ends_at", ends, "external",
		"yes").at(codes).has("Access code changed.", "Crew", "Time-bound", ">in 3 days</time>", pin[1])
	b.until(codes, "Set</span>").post(at+"/edit", "name", "Crew", "kind", "ongoing").has("Ongoing")
	// As a word: its digits may well stand in an id or a duration.
	if found := regexp.MustCompile(`[^\w:.-]` + pin[1] + `[^\w.-]`).FindString(s.log.String()); found != "" {
		t.Errorf("the PIN is in the log: %q", found)
	}

	// A person at the lock puts a code on it, and it becomes managed.
	b.get(codes).post(lock+"/simulate", "what", "code_at_lock", "name", "Neighbor", "code",
		"5724").at(codes).has("The code was added at the lock.", "Neighbor", "5724", "Manage")
	other := regexp.MustCompile(`href="(` + codes + `/[^"]*)" data-dialog-from="convert-`).FindStringSubmatch(b.page)[1]
	ctx := credential.With(t.Context(), credential.Principal{WorkspaceID: w.ID, IsSandbox: true, Role: rpc.Member})
	if err := s.config.Simulate.ManageCodeElsewhere(ctx, other[strings.LastIndexByte(other, '/')+1:], true); err != nil {
		t.Fatal(err)
	}
	b.post(other + "/convert").has("Another workspace manages this access code")
	b.post(other+"/convert", "force", "yes").has("The code is now managed.").lacks(`data-dialog-from="convert-`).has(`href="` + other +
		`" data-dialog-from="edit-`)
	b.post(lock+"/simulate", "what", "keypad", "code", "5724")
	b.has("The code opened the lock")
	b.post(lock+"/simulate", "what", "keypad", "code", "0000").has("No code with this PIN is valid on the lock now")
	b.post(lock+"/simulate", "what", "manual_lock").has("Locked by hand")

	b.get(codes).post(at + "/delete").at(codes).has("being removed")
	for deadline := time.Now().Add(time.Minute); strings.Contains(b.get(codes).page, "Crew"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the code stays")
		}
	}
	b.get(at).has("Deleted code", "Removed from device")
	for _, path := range []string{codes + "/nothing", lock + "x/codes"} {
		if b.get(path); b.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, b.status)
		}
	}
	// The code of one device is not found below another.
	elsewhere := b.lockOf(w, "august")
	if b.get(elsewhere + "/codes/" + other[strings.LastIndexByte(other, '/')+1:]); b.status != http.StatusNotFound {
		t.Errorf("a code below another device: %d", b.status)
	}
}

func TestManyCodes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	b := s.browser(t).signIn("jane")
	lock := b.lockOf(w, "kwikset")
	codes := lock + "/codes"
	ctx := credential.With(t.Context(), credential.Principal{WorkspaceID: w.ID, IsSandbox: true, Role: rpc.Member})
	starts := time.Now().AddDate(0, 1, 0).UTC()
	for i := range 50 + 1 {
		n := accesscode.New{DeviceID: path.Base(lock), Name: fmt.Sprintf("Guest %d.", i), StartsAt: starts, EndsAt: starts.AddDate(0, 0, 1)}
		if _, err := s.config.Codes.Create(ctx, n, false); err != nil {
			t.Fatal(err)
		}
	}
	last := fmt.Sprintf("Guest %d.", 50)
	b.get(codes).has("51 access codes, 50 on this page", "Guest 0.").lacks(last)
	b.get(codes+"?page=2").has("51 access codes, 1 on this page", last, "First page").lacks("Guest 0.")
	b.get(codes + "?page=9").has(last).get(codes + "?page=x").has("Guest 0.")
	b.get(codes+"?q=gUEST+50").has(last, "1 access code<").lacks("Guest 0.", "First page")
	b.get(codes+"?q=nobody").has("No access code matches “nobody”", "Show all")

	// A dialog with errors comes back, also one of a code that is not on the first page.
	at := regexp.MustCompile(`href="(` + codes + `/[^"]*)">Guest 50`).FindStringSubmatch(b.get(codes + "?page=2").page)[1]
	b.post(at+"/edit", "name", last, "kind", "time_bound", "ends_at", "x").has("This isn’t a date with a time.", "data-open", last,
		`data-location="`+codes+`?page=2"`)

	// A person who has made or changed a code sees it, wherever it is in the list.
	b.post(at+"/edit", "name", "Guest 50. and friend", "kind", "ongoing").has("Access code changed.", "and friend").lacks("Guest 0.")
	b.post(codes, "name", "The latest", "kind", "ongoing").has("Access code created.", "The latest").lacks("Guest 0.")

	// A lock that cannot be notified keeps accepting the code.
	b.get(at).lacks("it keeps working until")
	b.get(codes).post(lock+"/simulate", "what", "disconnect")
	b.get(at).has("it keeps working until the lock is back")
}

// A form contains less than a code does: without touching its times they keep their seconds, and a field that was
// changed meanwhile by another is not put back.
func TestEditSendsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	b := s.browser(t).signIn("jane")
	lock := b.lockOf(w, "schlage")
	codes := lock + "/codes"
	ctx := credential.With(t.Context(), credential.Principal{WorkspaceID: w.ID, IsSandbox: true, Role: rpc.Owner})
	starts := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Minute).Add(17 * time.Second)
	ends := starts.Add(48 * time.Hour)
	made, err := s.config.Codes.Create(ctx, accesscode.New{DeviceID: lock[strings.LastIndexByte(lock, '/')+1:], Name: "Guest", PIN: "2486",
		StartsAt: starts, EndsAt: ends}, false)
	if err != nil {
		t.Fatal(err)
	}
	at := codes + "/" + made.CodeID
	hidden := func(name string) string {
		m := regexp.MustCompile(`name="shown_` + name + `" value="([^"]*)"`).FindStringSubmatch(b.page)
		if m == nil {
			t.Fatalf("the form does not say what it showed of %s", name)
		}
		return html.UnescapeString(m[1])
	}
	b.get(at)
	fields := []string{"shown_name", hidden("name"), "shown_kind", hidden("kind"), "shown_starts_at", hidden("starts_at"), "shown_ends_at",
		hidden("ends_at"), "shown_external", hidden("external"),
		"kind", "time_bound", "starts_at", hidden("starts_at"), "ends_at", hidden("ends_at")}
	// Meanwhile another person allows changes at the lock.
	if _, err := s.config.Codes.Update(ctx, made.CodeID, accesscode.Change{AllowExternal: rpc.Opt[bool]{Set: true, Value: true}},
		false); err != nil {
		t.Fatal(err)
	}
	b.post(at+"/edit", append(fields, "name", "Crew")...).has("Access code changed.", "Crew")
	managed, _, err := s.config.Codes.OnDevice(ctx, lock[strings.LastIndexByte(lock, '/')+1:])
	if err != nil || len(managed) != 1 {
		t.Fatal(len(managed), err)
	}
	var got struct {
		Name     string    `json:"name"`
		Starts   time.Time `json:"starts_at"`
		Ends     time.Time `json:"ends_at"`
		External bool      `json:"is_external_modification_allowed"`
	}
	if err := json.Unmarshal(managed[0], &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "Crew" || !got.Starts.Equal(starts) || !got.Ends.Equal(ends) || !got.External {
		t.Errorf("%+v, want Crew, %v, %v, true", got, starts, ends)
	}
}
