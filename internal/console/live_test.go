package console_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/console/frame"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/audit"
)

// listener reads what a page hears of changes.
type listener struct {
	t     *testing.T
	lines chan string
}

func (b *browser) listen(from string) *listener {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.s.URL+from, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(got, "text/event-stream") {
		b.t.Fatalf("%d %s", resp.StatusCode, got)
	}
	l := &listener{b.t, make(chan string, 100)}
	go func() {
		defer resp.Body.Close()
		defer close(l.lines)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			l.lines <- lines.Text()
		}
	}()
	return l
}

// hears gives the next subjects; none when the stream has ended.
func (l *listener) hears() (subjects []string) {
	l.t.Helper()
	for {
		select {
		case line, ok := <-l.lines:
			if !ok {
				return nil
			}
			if data, is := strings.CutPrefix(line, "data: "); is {
				if err := json.Unmarshal([]byte(data), &subjects); err != nil {
					l.t.Fatal(err)
				}
				return subjects
			}
		case <-time.After(time.Minute):
			l.t.Fatal("nothing is heard")
		}
	}
}

var livePattern = regexp.MustCompile(`data-live-from="([^"]*)"`)

func (b *browser) liveFrom() string {
	b.t.Helper()
	m := livePattern.FindStringSubmatch(b.page)
	if m == nil {
		b.t.Fatalf("%s does not say where it hears of changes", b.address)
	}
	return html.UnescapeString(m[1])
}

func TestChanges(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	list := frame.WorkspacePath(w.ID, "devices")
	b := s.browser(t).signIn("jane").at(list)
	b.post(frame.WorkspacePath(w.ID, "sandbox-devices"), "brand", "august").at(list)
	stale := b.liveFrom()
	id := regexp.MustCompile(`href="` + list + `/([^"]*)"`).FindStringSubmatch(b.page)[1]
	rename := func(name string) {
		t.Helper()
		b.get(list+"/"+id).post(list+"/"+id+"/rename", "name", name)
	}

	l := b.listen(b.get(list).liveFrom())
	var got []string
	for i := 0; !slices.Contains(got, "device:"+id); i++ { // other work goes on in the workspace meanwhile
		if i > 20 {
			t.Fatalf("a new name is told as %v", got)
		}
		rename(fmt.Sprint("Harbour Gate ", i))
		got = l.hears()
	}
	if !slices.Contains(got, "workspace") {
		t.Errorf("a new name is told as %v", got)
	}
	if got := b.listen(stale).hears(); !slices.Contains(got, "*") {
		t.Errorf("a page that missed a change hears %v", got)
	}
	// A fragment that is fetched leaves the message of a change to the page that it is for.
	r := b.request(list+"/"+id+"/rename", map[string][]string{"name": {"North Gate"}})
	noFollow := *b.Client
	noFollow.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := noFollow.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	r, _ = http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+list+"/"+id, nil)
	r.Header.Set(frame.LiveHeader, "yes")
	b.do(r).has("North Gate").lacks("Renamed.")
	b.get(list + "/" + id).has("Renamed.")
	l.hears()

	// Another workspace hears nothing of it.
	_, other := s.person(t, "eve")
	eve := s.browser(t).signIn("eve")
	quiet := eve.listen(eve.get(frame.WorkspacePath(other.ID, "devices")).liveFrom())
	rename("South Gate")
	l.hears()
	select {
	case line := <-quiet.lines:
		if strings.HasPrefix(line, "data") {
			t.Errorf("another workspace hears %s", line)
		}
	case <-time.After(100 * time.Millisecond):
	}
	if eve.get(b.get(list).liveFrom()); eve.status != http.StatusNoContent {
		t.Errorf("a stranger listening: %d", eve.status)
	}

	// A person whose role changes is notified, and stays signed in.
	mary, _ := s.person(t, "mary")
	if err := s.config.Members.Add(t.Context(), w.ID, mary.ID, rpc.Member, audit.Server); err != nil {
		t.Fatal(err)
	}
	m := s.browser(t).signIn("mary")
	l = m.listen(m.get(list).liveFrom())
	if err := s.config.Members.SetRole(t.Context(), w.ID, mary.ID, rpc.Admin, rpc.Owner, "", audit.Server); err != nil {
		t.Fatal(err)
	}
	rename("West Gate")
	if l.hears() == nil {
		t.Error("a member whose role has changed hears nothing any more")
	}
	m.get(list).at(list)

	// It ends with the session, and with the server.
	open := b.get(list).liveFrom()
	away := s.browser(t).signIn("jane")
	l = away.listen(away.get(list).liveFrom())
	away.post("/console/sign-out")
	for l.hears() != nil {
	}
	if away.get(open); away.status != http.StatusNoContent {
		t.Errorf("signed out: %d", away.status)
	}
	l = b.listen(b.get(list).liveFrom())
	s.config.Streams.End()
	if got := l.hears(); got != nil {
		t.Errorf("after the end: %v", got)
	}
}

// Changes outside any workspace, such as a token that is made or an invitation that is accepted, are reported to
// pages with and without a workspace.
func TestChangesOfTheInstance(t *testing.T) {
	t.Parallel()
	s := serve(t)
	jane, w := s.person(t, "jane")
	b := s.browser(t).signIn("jane")
	settings := b.listen(b.get(settingsTokensPath).liveFrom())
	team := b.listen(b.get(frame.WorkspacePath(w.ID, "team")).liveFrom())
	told := func(what string) {
		t.Helper()
		for page, l := range map[string]*listener{"settings": settings, "team": team} {
			if got := l.hears(); !slices.Contains(got, "instance") || slices.Contains(got, "workspace") {
				t.Errorf("%s is told to %s as %v", what, page, got)
			}
		}
	}
	s.made(t, jane, "Laptop")
	told("a token")
	s.browser(t).signIn("jane")
	told("a sign-in")
	for _, page := range []string{settingsTokensPath, "/console/settings/sessions", "/console/settings/security",
		frame.WorkspacePath(w.ID, "team"), frame.WorkspacePath(w.ID, "token-access"), settingsTokensPath + "/" + s.made(t, jane, "Phone").ID} {
		if b.get(page); !regexp.MustCompile(`data-live="[^"]*\binstance\b`).MatchString(b.page) {
			t.Errorf("%s does not listen", page)
		}
	}
	told("a token")

	// A change in a workspace is nothing to pages of none.
	quiet := s.browser(t).signIn("jane")
	told("a sign-in")
	l := quiet.listen(quiet.get(settingsTokensPath).liveFrom())
	b.get(frame.WorkspacePath(w.ID, "devices")).post(frame.WorkspacePath(w.ID, "sandbox-devices"), "brand", "august")
	if got := team.hears(); !slices.Contains(got, "workspace") || slices.Contains(got, "instance") {
		t.Errorf("a device is told to the team as %v", got)
	}
	s.made(t, jane, "Tablet")
	if got := l.hears(); !slices.Equal(got, []string{"instance"}) {
		t.Errorf("settings hear %v", got)
	}
	if from := b.get(settingsTokensPath).liveFrom(); s.browser(t).get(from).status != http.StatusNoContent {
		t.Error("somebody who is not signed in may listen")
	}
}

// A move of a workspace's clock changes what pages say of times, also when nothing was due.
func TestChangesOfTheClock(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	b := s.browser(t).signIn("jane")
	l := b.listen(b.get(frame.WorkspacePath(w.ID, "devices")).liveFrom())
	b.post(frame.WorkspacePath(w.ID, "clock"), "by", "day")
	if got := l.hears(); !slices.Contains(got, "clock") {
		t.Errorf("a move of the clock is told as %v", got)
	}
	b.post(frame.WorkspacePath(w.ID, "sandbox-devices"), "brand", "august")
	if got := l.hears(); slices.Contains(got, "clock") {
		t.Errorf("something else is told as %v", got)
	}
}
