package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
	"keyway/internal/trust/policy"
)

const settingsTokensPath = "/console/settings/personal-access-tokens"

// made makes a token of a person that may do everything.
func (s *server) made(t *testing.T, u identity.User, name string) personalaccesstoken.Token {
	t.Helper()
	tok, _, err := s.config.Tokens.Create(t.Context(), u.ID, personalaccesstoken.New{Name: name, From: "console"}, audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func (s *server) read(t *testing.T, id string) personalaccesstoken.Token {
	t.Helper()
	tok, err := s.config.Tokens.Get(t.Context(), "", id)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// Guards lists that only grow: a person's own tokens, most of which ended long ago, are shown page by page with their number,
// and so is what was done with one token.
func TestTokenPaging(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, _ := s.person(t, "jane")
	seen := map[string]bool{}
	for i := range 55 {
		tok := s.made(t, jane, fmt.Sprintf("Job %d", i))
		if err := s.config.Tokens.Revoke(t.Context(), jane.ID, tok.ID, audit.Server); err != nil {
			t.Fatal(err)
		}
	}
	tok := s.made(t, jane, "Kept one")
	b := s.browser(t).signIn("jane")
	for at, page := settingsTokensPath, 1; at != ""; page++ {
		b.get(at).has("56 tokens", fmt.Sprintf("Page %d of 2", page))
		for _, m := range regexp.MustCompile(`<tr id="token-([^"]*)"`).FindAllStringSubmatch(b.page, -1) {
			seen[m[1]] = true
		}
		at = b.link("next")
	}
	if len(seen) != 56 {
		t.Errorf("%d tokens stand on the pages", len(seen))
	}
	b.get(settingsTokensPath+"?q=job&status=revoked").has("55 tokens of 56", "Page 1 of 2").get(b.link("next")).
		has("Page 2 of 2", `value="job"`, "Previous page").lacks("Kept one")

	for i := range 40 {
		name := fmt.Sprintf("Sync %d", i)
		err := s.config.Tokens.Update(t.Context(), jane.ID, tok.ID, personalaccesstoken.Change{Name: &name}, func() error {
			return nil
		}, audit.Server)
		if err != nil {
			t.Fatal(err)
		}
	}
	here := settingsTokensPath + "/" + tok.ID
	b.get(here).has("Changed", "Page 1").get(b.link("next")).has("Created", "Page 2")
}

// Limits go from the form into the token and back; what is wrong is said beside the field, and what
// was typed stays.
func TestTokenLimits(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, w := s.person(t, "jane")
	s.connected(t, w.ID, "august")
	b := s.browser(t).signIn("jane")
	var found struct {
		Devices []struct {
			ID   string `json:"device_id"`
			Name string `json:"name"`
		} `json:"devices"`
	}
	b.get(settingsTokensPath + "/devices?workspace_id=" + w.ID + "&q=front")
	if err := json.Unmarshal([]byte(b.page), &found); err != nil || len(found.Devices) == 0 {
		t.Fatalf("no device is found by its name: %v, %s", err, b.page)
	}
	if b.get(settingsTokensPath + "/devices?workspace_id=0199b2f4-7c1e-7d04-9a51-0e6a3f0c5d99"); b.status != http.StatusNotFound {
		t.Errorf("devices of an unknown workspace: %d", b.status)
	}
	fields := []string{"name", "Contractor", "expires_in", "7", "description", "Paints the hall", "scope_mode", "chosen", "scope_devices",
		"read", "scope_locks", "read write",
		"workspace_mode", "chosen", "workspace_id", w.ID, "sandbox_only", "true", "device_id", found.Devices[0].ID, "hours_mode", "chosen",
		"weekday", "mon", "weekday", "tue",
		"hours_from", "08:00", "hours_to", "00:00", "time_zone", "Europe/Oslo", "daily_action_limit", "5", "max_uses", "100", "is_strict", "true"}
	for field, want := range map[string]string{"allowed_cidrs=house": "is not a network", "time_zone=Mars/Base": "There is no such time zone",
		"max_uses=many":     "Enter a number.",
		"scope_mode=chosen": "Choose at least one.", "workspace_id=0199b2f4-7c1e-7d04-9a51-0e6a3f0c5d99": "not there for the token",
		"not_before=soon": "Enter a date and time."} {
		name, value, _ := strings.Cut(field, "=")
		wrong := slices.Clone(fields)
		if name == "scope_mode" {
			wrong = []string{"name", "Contractor", "expires_in", "7"}
		} else if i := slices.Index(wrong, name); i >= 0 {
			wrong = slices.Delete(wrong, i, i+2)
		}
		b.get(settingsTokensPath).post(settingsTokensPath, append(wrong, name, value)...).has(want, "data-open", `value="Contractor"`,
			`<details class="limits" open>`).lacks("secret-value")
	}
	b.get(settingsTokensPath).post(settingsTokensPath, append(fields, "allowed_cidrs", "10.0.0.0/8\n192.0.2.1")...).secret()
	all, err := s.config.Tokens.List(t.Context(), jane.ID)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	tok := all[0]
	if !slices.Equal(tok.Scopes, []string{"devices:read", "locks:read", "locks:write"}) &&
		!slices.Equal(tok.Scopes, []string{"devices:read", "locks:write"}) || !slices.Equal(tok.WorkspaceIDs, []string{w.ID}) ||
		!tok.SandboxOnly || !tok.IsStrict ||
		!slices.Equal(tok.AllowedCIDRs, []string{"10.0.0.0/8", "192.0.2.1"}) || !slices.Equal(tok.DeviceIDs, []string{found.Devices[0].ID}) ||
		*tok.DailyActionLimit != 5 || *tok.MaxUses != 100 ||
		tok.AllowedHours.To != "24:00" || tok.AllowedHours.TimeZone != "Europe/Oslo" ||
		!slices.Equal(tok.AllowedHours.Weekdays, []string{"mon", "tue"}) {
		t.Errorf("the token is %+v", tok)
	}
	b.has("Devices: read, Locks:", "sandbox only")
	here := settingsTokensPath + "/" + tok.ID
	b.get(here).has("Paints the hall", found.Devices[0].Name, "Mon, Tue, 08:00 to 24:00, Europe/Oslo", "At most 5 a day",
		"10.0.0.0/8, 192.0.2.1", "Created")

	// Narrower at any time; wider asks who it is.
	s.ahead.Store(int64(credential.FreshFor + time.Minute))
	edit := []string{"name", "Painter", "expires_in", "keep", "scope_mode", "chosen", "scope_devices", "read", "workspace_mode", "chosen",
		"workspace_id", w.ID, "sandbox_only", "true",
		"device_id", found.Devices[0].ID, "hours_mode", "chosen", "weekday", "mon", "hours_from", "08:00", "hours_to", "00:00", "time_zone",
		"Europe/Oslo", "daily_action_limit", "5", "max_uses", "50",
		"allowed_cidrs", "10.0.0.0/8", "is_strict", "true"}
	b.get(here).post(here+"/update", edit...).at(here).has("Saved.", "Painter")
	if tok = s.read(t, tok.ID); !slices.Equal(tok.Scopes, []string{"devices:read"}) || *tok.MaxUses != 50 {
		t.Errorf("narrowed, it is %+v", tok)
	}
	b.post(here+"/update", slices.Concat(edit[:4], []string{"scope_mode", "all"})...).has("Confirm it’s you")
	if tok = s.read(t, tok.ID); !slices.Equal(tok.Scopes, []string{"devices:read"}) {
		t.Error("it is wider before anybody has confirmed")
	}
	b.post(here+"/update", frame.SealedForm, b.hidden(frame.SealedForm), "confirm_password", testPassword).at(here).has("Saved.", "Everything")
	if tok = s.read(t, tok.ID); !slices.Equal(tok.Scopes, []string{"*"}) || tok.WorkspaceIDs != nil || tok.AllowedHours != nil {
		t.Errorf("widened, it is %+v", tok)
	}

	// What the server's policy asks is offered, and said.
	if _, err := s.config.Policies.Update(t.Context(), "",
		policy.Change{MaximumAgeDays: rpc.Opt[int64]{Set: true, Value: 60},
			AllowedScopes: rpc.Opt[[]string]{Set: true, Value: []string{"*:read"}}}, audit.Server); err != nil {
		t.Fatal(err)
	}
	b.get(settingsTokensPath).has("60 days at most", "This server allows only: Read only.",
		`<option value="60" data-expires=`).lacks(`<option value="365"`, `<option value="never"`)
	b.post(settingsTokensPath, "name", "x", "expires_in", "60").has("does not allow the scope *", `<details class="limits" open>`)
	b.get(settingsTokensPath).post(settingsTokensPath, "name", "x", "expires_in", "60", "scope_mode", "read").secret()
}

// From its first use to its end: what it did, narrowing, rotation and its undoing, sleep, and what was
// refused. No one else sees any of it.
func TestTokenPage(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, w := s.person(t, "jane")
	s.person(t, "eve")
	tok := s.made(t, jane, "Nightly sync")
	here := settingsTokensPath + "/" + tok.ID
	now := time.Now()
	for range 3 {
		s.config.Tokens.Used(tok.ID, tok.ID, w.ID, "/devices/list", "203.0.113.7", now)
	}
	const request = "0199b2f6-42d1-7c55-b0aa-1f6a09c3e4aa"
	s.config.Tokens.Refused(rpc.Refusal{RequestID: request, CredentialID: tok.ID, WorkspaceID: w.ID, Endpoint: "/locks/unlock_door",
		Address: "203.0.113.7",
		Error:   fault.Reason(fault.Forbidden, "scope", "The token lacks the scope locks:write")})
	if err := s.config.Tokens.FlushDenials(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	b, eve := s.browser(t).signIn("jane"), s.browser(t).signIn("eve")
	b.get(here).has("Denied /locks/unlock_door (scope), 1 time", "3 requests, at most 3 a day", "1 of ", "permissions used", "/devices/list",
		`class="chart-bar"`, "403 scope", request, "none of its 3 requests")
	b.get(settingsTokensPath+"/refusal?request_id="+request).has("403 scope", "Nightly sync", "Add the scope")
	b.get(settingsTokensPath + "/refusal?request_id=unknown").has("No refusal is known")
	eve.get(settingsTokensPath + "/refusal?request_id=" + request).has("No refusal is known").lacks("Nightly sync")
	eve.notFound(http.MethodGet, here, "/console/workspaces/"+w.ID+"/developer/personal-access-tokens/"+tok.ID)
	eve.notFound(http.MethodPost, here+"/rotate", "/console/workspaces/"+w.ID+"/token-access")
	for _, what := range []string{"revoke", "disable", "enable", "narrow", "undo-rotation", "finish-rotation"} {
		eve.do(eve.request(here+"/"+what, url.Values{"scope": {"devices:read"}}))
	}
	if after := s.read(t, tok.ID); after.Status != personalaccesstoken.Active || !slices.Equal(after.Scopes, []string{"*"}) {
		t.Fatalf("somebody else has made it %+v", after)
	}

	hours := []string{"device_id", "unknown", "weekday", "mon", "hours_from", "06:00", "hours_to", "16:00", "time_zone", "UTC"}
	if b.get(here).post(here+"/narrow", hours...).at(here); s.read(t, tok.ID).AllowedHours != nil || s.read(t, tok.ID).DeviceIDs != nil {
		t.Error("hours and devices were taken over unasked")
	}
	b.post(here+"/narrow", append(hours, "with_hours", "true")...).at(here).has("Mon, 06:00 to 16:00, UTC")
	b.post(here+"/narrow", "scope", "devices:read", "workspace_id", w.ID, "network",
		"203.0.113.0/24").at(here).has("has only the permissions it uses", "Devices: read")
	if got := s.read(t, tok.ID); !slices.Equal(got.Scopes, []string{"devices:read"}) || !slices.Equal(got.WorkspaceIDs, []string{w.ID}) ||
		len(got.AllowedCIDRs) != 0 {
		t.Errorf("narrowed to %+v", got.Limits)
	}

	b.get(here).post(here+"/rotate", "overlap", "never", "expires_in", "keep").has("Choose how long the old token works.")
	b.get(here).post(here+"/rotate", "overlap", "begin", "expires_in", "keep")
	secret := b.secret()
	next := *s.read(t, tok.ID).SuccessorID
	b.has("The new secret of Nightly sync", "Rotation in progress", `data-location="`+settingsTokensPath+"/"+next+`"`)
	b.get(here).has("Being replaced", "Replaced by", "Undo rotation").lacks(secret, `id="rotate"`)
	b.post(here+"/undo-rotation").at(here).has("The rotation was undone", "Rotation undone").lacks("Being replaced")
	if s.read(t, next).Status != personalaccesstoken.Revoked || s.read(t, tok.ID).Status != personalaccesstoken.Active {
		t.Error("the rotation is not undone")
	}
	b.post(here+"/rotate", "overlap", "86400", "expires_in", "never").secret()
	next = *s.read(t, tok.ID).SuccessorID
	if got := s.read(t, next); !got.ExpiresAt.IsZero() {
		t.Errorf("it expires %s", got.ExpiresAt)
	}
	b.get(here).post(here+"/finish-rotation").at(settingsTokensPath+"/"+next).has("The rotation is finished", "Replaces")
	if s.read(t, tok.ID).Status != personalaccesstoken.Superseded {
		t.Error("the old token lives")
	}

	here = settingsTokensPath + "/" + next
	b.post(here+"/disable").at(here).has("The token is disabled.", "Disabled")
	b.post(here + "/enable").has("The token is enabled.")
	if strings.Contains(s.log.String(), secret) {
		t.Error("a secret is in the log")
	}
	b.get(settingsTokensPath+"?status=superseded").has("Nightly sync", "1 token of 3").lacks("revoke-" + next)
	b.get(settingsTokensPath + "?q=gollum").has("No token matches")
	b.get(settingsTokensPath + "?q=" + strings.ToUpper("nightly")).has("3 tokens of 3")
}

// A token that ends soon is said on every page within a week, and on those of tokens within a month.
func TestExpiringTokens(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, w := s.person(t, "jane")
	_, _, err := s.config.Tokens.Create(t.Context(), jane.ID,
		personalaccesstoken.New{Name: "Old script", ExpiresAt: time.Now().AddDate(0, 0, 60)}, audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser(t).signIn("jane")
	b.get(settingsTokensPath).lacks("Rotate it")
	s.ahead.Store(int64(40 * 24 * time.Hour))
	b = s.browser(t).signIn("jane")
	b.get(settingsTokensPath).has("Rotate it", "Old script")
	b.get(frame.WorkspacePath(w.ID, "team")).lacks("Rotate it")
	if _, _, err := s.config.Tokens.Create(t.Context(), jane.ID,
		personalaccesstoken.New{Name: "For a week", ExpiresAt: time.Now().AddDate(0, 0, 47)}, audit.Server); err != nil {
		t.Fatal(err)
	}
	b.get(frame.WorkspacePath(w.ID, "team")).lacks("Rotate it") // it was made for so long
	s.ahead.Store(int64(54 * 24 * time.Hour))
	b = s.browser(t).signIn("jane")
	b.get(frame.WorkspacePath(w.ID, "team")).has("Rotate it", "Old script").lacks("For a week").get(settingsTokensPath).has("Expires soon",
		"warn-text")
	s.ahead.Store(int64(61 * 24 * time.Hour))
	s.browser(t).signIn("jane").get(frame.WorkspacePath(w.ID, "team")).has("Old script", "has stopped working").lacks("For a week",
		"Rotate it")
	s.ahead.Store(int64(64 * 24 * time.Hour))
	s.browser(t).signIn("jane").get(frame.WorkspacePath(w.ID, "team")).lacks("Old script")
}

// What was found exposed is said on every page for a week: to the token's person, and of an API key
// to those who manage them.
func TestLeakedCredentials(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, w := s.person(t, "jane")
	frodo, _ := s.person(t, "frodo")
	if err := s.config.Members.Add(t.Context(), w.ID, frodo.ID, rpc.Member, audit.Server); err != nil {
		t.Fatal(err)
	}
	_, token, err := s.config.Tokens.Create(t.Context(), jane.ID, personalaccesstoken.New{Name: "Old script"}, audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := s.config.Keys.Create(t.Context(), w.ID, true, "Booking server", jane.ID, "console", audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	leaks := credential.Leaks{DB: s.config.DB, Vault: s.config.People.Vault, Audit: s.config.Audit, Now: s.config.Now}
	if n, err := leaks.Revoke(t.Context(), []string{token.Reveal(), key.Reveal()}, audit.Server); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	b, member := s.browser(t).signIn("jane"), s.browser(t).signIn("frodo")
	b.get(frame.WorkspacePath(w.ID, "team")).has("Old script", "Booking server", "found exposed")
	b.get(settingsTokensPath).has("Old script", "found exposed").lacks("The API key")
	member.get(frame.WorkspacePath(w.ID, "team")).lacks("found exposed")
	s.ahead.Store(int64(8 * 24 * time.Hour))
	s.browser(t).signIn("jane").get(frame.WorkspacePath(w.ID, "team")).lacks("found exposed")
}

// Owners refuse the tokens of others where they rule; members do not see them.
func TestTokenAccess(t *testing.T) {
	t.Parallel()
	s := serve(t)
	owner, w := s.person(t, "jane")
	frodo, own := s.person(t, "frodo")
	if err := s.config.Members.Add(t.Context(), w.ID, frodo.ID, rpc.Member, audit.Server); err != nil {
		t.Fatal(err)
	}
	tok := s.made(t, frodo, "Garden robot")
	here := frame.WorkspacePath(w.ID, "token-access")
	jane, member := s.browser(t).signIn("jane"), s.browser(t).signIn("frodo")
	jane.get(here).has("Garden robot", "frodo@example.com", "Other people’s tokens", "Save policy")
	member.get(here).has("Only owners and admins can change this.").lacks("Garden robot", "Save policy", "jane@example.com")
	for _, what := range []string{"", "/" + tok.ID + "/refuse", "/" + tok.ID + "/admit"} {
		member.do(member.request(here+what, url.Values{"maximum_age_days": {"1"}}))
	}
	if p, err := s.config.Policies.Get(t.Context(), w.ID); err != nil || p.MaximumAgeDays != nil {
		t.Errorf("a member has made the policy %+v, %v", p, err)
	}
	jane.get(here).has(`id="refuse-` + tok.ID + `"`)
	jane.post(here+"/"+tok.ID+"/refuse").at(here).has("Blocked here", "Allow")
	if _, refused, err := s.config.Tokens.InWorkspace(t.Context(), owner.ID, w.ID); err != nil || !refused[tok.ID] {
		t.Errorf("refused: %v, %v", refused, err)
	}
	jane.post(here + "/" + tok.ID + "/admit").lacks("Blocked here")

	// The preview says what would be refused, and changes nothing.
	jane.post(here, "maximum_age_days", "30", "preview", "true").has("Would be blocked once saved: 1 of 1 active token.",
		"Garden robot of frodo@example.com", `value="30"`)
	if p, err := s.config.Policies.Get(t.Context(), w.ID); err != nil || p.MaximumAgeDays != nil {
		t.Errorf("looking has made the policy %+v, %v", p, err)
	}
	jane.post(here, "maximum_age_days", "many").has("Use a number of days.", `value="many"`)
	jane.post(here, "allowed_cidrs", "house").has("is not a network")
	jane.post(here, "maximum_age_days", "30", "scope_mode", "chosen", "scope_devices", "read", "allowed_cidrs", "10.0.0.0/8",
		"never_forbidden", "true").at(here).has("Blocked now: 1 of 1 active token.")
	p, err := s.config.Policies.Get(t.Context(), w.ID)
	if err != nil || *p.MaximumAgeDays != 30 || !p.NeverForbidden || !slices.Equal(p.AllowedScopes, []string{"devices:read"}) ||
		!slices.Equal(p.AllowedCIDRs, []string{"10.0.0.0/8"}) {
		t.Errorf("the policy is %+v, %v", p, err)
	}
	jane.notFound(http.MethodGet, frame.WorkspacePath(own.ID, "token-access"))
}

// Operators see everyone's tokens, and end those together that a filter means: as many as the page
// said, or none.
func TestAllTokens(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, _ := s.person(t, "jane")
	frodo, _ := s.person(t, "frodo")
	if err := s.config.People.SetOperator(t.Context(), jane.ID, true, audit.Server); err != nil {
		t.Fatal(err)
	}
	first, mine := s.made(t, frodo, "Garden robot"), s.made(t, jane, "Laptop")
	const here = "/console/instance/personal-access-tokens"
	b, other := s.browser(t).signIn("jane"), s.browser(t).signIn("frodo")
	b.get(here).has("Garden robot", "frodo@example.com", "Laptop", "2 tokens").lacks("Revoke all")
	if other.get(here); other.status != http.StatusForbidden {
		t.Errorf("who is no operator gets %d", other.status)
	}
	other.do(other.request(here+"/revoke", url.Values{"person": {"jane@example.com"}, "count": {"1"}}))
	if s.read(t, mine.ID).Status != personalaccesstoken.Active {
		t.Fatal("who is no operator has ended a token of another")
	}
	b.get(here+"/"+first.ID).has("Garden robot", "of frodo@example.com").lacks("Edit limits", "Workspace keys", `id="rotate"`)
	b.post(here + "/" + first.ID + "/disable").has("The token is disabled.")
	b.get(here + "?unused_days=x").has("Use a number from 1 to 3650.")
	b.get(here + "?person=example.com").has("More than one person")
	b.get(here + "?person=gollum").has("No token matches")
	b.get(here+"?hint="+first.Hint[:12]).has("1 token matches", "Garden robot").lacks("Laptop")

	b.get(here+"?person=frodo").has("1 token matches", "Revoke 1 token?", "It was never used.")
	s.made(t, frodo, "One more")
	b.post(here+"/revoke", "person", "frodo", "count", "1").has("nothing was revoked")
	if s.read(t, first.ID).Status == personalaccesstoken.Revoked {
		t.Fatal("it was revoked all the same")
	}
	b.get(here+"?person=frodo").post(here+"/revoke", "person", "frodo", "count",
		regexp.MustCompile(`name="count" value="(\d+)"`).FindStringSubmatch(b.page)[1]).has("2 tokens revoked.")
	if s.read(t, first.ID).Status != personalaccesstoken.Revoked || s.read(t, mine.ID).Status != personalaccesstoken.Active {
		t.Error("others were revoked than were meant")
	}
	// Without a filter nothing is meant, whatever the form says.
	b.get(here)
	b.do(b.request(here+"/revoke", url.Values{"count": {"1"}}))
	if s.read(t, mine.ID).Status != personalaccesstoken.Active {
		t.Error("an empty filter has ended everything")
	}
	b.get("/console/instance/policy").post("/console/instance/policy", "inactive_days", "90").has("Blocked now: 0 of 1 active token.")
	if p, err := s.config.Policies.Get(t.Context(), ""); err != nil || *p.InactiveDays != 90 {
		t.Errorf("the policy is %+v, %v", p, err)
	}
}
