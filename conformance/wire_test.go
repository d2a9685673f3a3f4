package conformance

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A sdk is a client that no registry here has: its requests are replayed as they were recorded.
type sdk struct {
	name string
	// read is the verb of get and list, and update that of update. Poll is for action attempts.
	read, poll, update string
	// header is sent with every request, empty values too.
	header http.Header
	// readType and writeType are the content types sent without and with a body.
	readType, writeType string
	// workspace says that the client can name a workspace; without that it needs a workspace key.
	workspace string
	// none is the body of a POST without parameters.
	none string
}

var sdks = []sdk{
	{
		name: "ruby 2.146", read: "GET", poll: "GET", update: "PATCH",
		readType: "application/json", writeType: "application/json", workspace: "Seam-Workspace",
		header: http.Header{
			"Seam-Sdk-Name": {"seamapi/ruby"}, "Seam-Sdk-Version": {"2.146.0"}, "User-Agent": {"Faraday v2.14.2"},
			"Accept": {"*/*"},
		},
	},
	{
		name: "php 3.5", read: "POST", poll: "POST", update: "POST", writeType: "application/json", none: "{}",
		header: http.Header{
			"seam-sdk-name": {"seamapi/php"}, "seam-sdk-version": {"3.5.1"}, "seam-lts-version": {"1.0.0"},
			"User-Agent": {"Seam PHP Client 3.5.1"},
		},
	},
	{
		name: "php 3.5 with its client replaced", read: "POST", poll: "POST", update: "POST", writeType: "application/json",
		none: "{}", workspace: "seam-workspace", header: http.Header{"User-Agent": {"GuzzleHttp/7"}},
	},
	{
		name: "c# 1.4", read: "GET", poll: "GET", update: "PATCH", writeType: "application/json; charset=utf-8",
		workspace: "seam-workspace", header: http.Header{"Accept": {"application/json"}},
	},
	{
		name: "java 0.3", read: "POST", poll: "POST", update: "POST", writeType: "application/json", none: "{}",
		workspace: "seam-workspace",
		header: http.Header{
			"X-Fern-Language": {"JAVA"}, "X-Fern-Sdk-Name": {"com.seam.fern:api-sdk"}, "X-Fern-Sdk-Version": {"0.3.0"},
			"User-Agent": {"okhttp/4.12.0"},
		},
	},
	{
		name: "go 0.3.4", read: "POST", poll: "POST", update: "POST", writeType: "application/json", none: "null",
		workspace: "Seam-Workspace",
		header: http.Header{
			"Client-Session-Token": {""}, "Seam-Client-Session-Token": {""},
			"X-Fern-Language": {"Go"}, "X-Fern-Sdk-Name": {"github.com/seamapi/go"}, "X-Fern-Sdk-Version": {"v0.3.4"},
			"User-Agent": {"Go-http-client/1.1"},
		},
	},
	{
		name: "go 0.3.4 with a workspace key", read: "POST", poll: "POST", update: "POST", writeType: "application/json",
		none: "{}",
		header: http.Header{
			"Seam-Workspace": {""}, "Client-Session-Token": {""}, "Seam-Client-Session-Token": {""},
			"X-Fern-Language": {"Go"},
		},
	},
	{
		name: "javascript 1.102", read: "POST", poll: "POST", update: "PATCH", writeType: "application/json",
		readType: "application/x-www-form-urlencoded", workspace: "seam-workspace",
		header: http.Header{
			"seam-sdk-name": {"seamapi/javascript-http"}, "seam-sdk-version": {"1.102.0"}, "seam-lts-version": {"1.0.0"},
			"User-Agent": {"axios/1.7.9"},
		},
	},
	{
		name: "python 3.8", read: "GET", poll: "POST", update: "PATCH", writeType: "application/json",
		workspace: "seam-workspace",
		header: http.Header{
			"seam-sdk-name": {"seamapi/python"}, "seam-sdk-version": {"3.8.0"}, "User-Agent": {"python-httpx/0.23.3"},
		},
	},
}

func TestWire(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, s := range sdks {
		// One after another: they rename the same device.
		t.Run(s.name, func(t *testing.T) { s.replay(t, w) })
	}
}

// request sends a call the way the client does. Parameters are given in both forms: as the query
// of a GET and as JSON.
func (s sdk) request(t *testing.T, w *world, verb, path, query, body string) answer {
	t.Helper()
	header := http.Header{}
	for name, values := range s.header {
		// Spelled as the client does, which is not Go's canonical form.
		header[name] = values
	}
	token := w.WorkspaceKey
	if s.workspace != "" {
		token = w.PAT
		header[s.workspace] = []string{w.Harbour.WorkspaceID}
	}
	header["Authorization"] = []string{"Bearer " + token}
	if verb == http.MethodGet {
		if body = ""; query != "" {
			// The newer clients end every query with this word.
			path += "?" + query + "&_strict=true"
		}
	} else if body == "" {
		body = s.none
	}
	switch {
	case body != "":
		header["Content-Type"] = []string{s.writeType}
	case s.readType != "":
		header["Content-Type"] = []string{s.readType}
	}
	return w.send(t, verb, path, header, body)
}

func (s sdk) replay(t *testing.T, w *world) {
	want := w.Harbour.Devices
	first := want[0]
	list := func(query, body string) []string {
		t.Helper()
		a := s.request(t, w, s.read, "/devices/list", query, body)
		if a.status != http.StatusOK {
			t.Fatalf("/devices/list %s%s: %v", query, body, a)
		}
		var ids []string
		for _, d := range a.objects(t, "devices") {
			if d["workspace_id"] != w.Harbour.WorkspaceID {
				t.Errorf("/devices/list: a device of workspace %v", d["workspace_id"])
			}
			ids = append(ids, text(t, d, "device_id"))
		}
		return ids
	}
	expect := func(what string, got []string, want ...device) {
		t.Helper()
		if !slices.EqualFunc(got, want, func(id string, d device) bool { return id == d.DeviceID }) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	expect("everything", list("", ""), want...)
	expect("two ids", list("device_ids="+want[1].DeviceID+"&device_ids="+first.DeviceID,
		`{"device_ids":["`+want[1].DeviceID+`","`+first.DeviceID+`"]}`), inOrder(want, first, want[1])...)
	expect("one id", list("device_ids="+first.DeviceID, `{"device_ids":["`+first.DeviceID+`"]}`), first)
	expect("an empty list of ids", list("device_ids=", `{"device_ids":[]}`))
	expect("nothing at all", list("limit=20&page_cursor=", `{"limit":20,"page_cursor":null}`), want...)

	a := s.request(t, w, s.read, "/devices/get", "device_id="+first.DeviceID, `{"device_id":"`+first.DeviceID+`"}`)
	if a.status != http.StatusOK {
		t.Fatalf("/devices/get: %v", a)
	}
	if got := a.object(t, "device"); got["device_id"] != first.DeviceID || got["device_type"] != first.DeviceType {
		t.Errorf("/devices/get: got %v %v, want %v", got["device_id"], got["device_type"], first)
	}

	a = s.request(t, w, s.update, "/devices/update", "",
		`{"device_id":"`+first.DeviceID+`","custom_metadata":{"sdk":"`+s.name+`"}}`)
	if a.status != http.StatusOK || a.body["ok"] != true {
		t.Errorf("/devices/update: %v", a)
	}
	// Dots nest in a query.
	expect("by metadata", list("custom_metadata_has.sdk="+strings.ReplaceAll(strings.ReplaceAll(s.name, " ", "+"), "#", "%23"),
		`{"custom_metadata_has":{"sdk":"`+s.name+`"}}`), first)

	a = s.request(t, w, s.poll, "/action_attempts/get", "action_attempt_id=no-such-attempt", `{"action_attempt_id":"no-such-attempt"}`)
	if a.status != http.StatusNotFound || a.errorType() != "action_attempt_not_found" {
		t.Errorf("/action_attempts/get of an unknown one: %v", a)
	}
	a = s.request(t, w, s.read, "/devices/list", "limit=many", `{"limit":"many"}`)
	if a.status != http.StatusBadRequest || a.errorType() != "invalid_input" {
		t.Errorf("/devices/list with a limit that is no number: %v", a)
	}
	a = s.request(t, w, s.read, "/devices/get", "device_id=nope", `{"device_id":"nope"}`)
	if a.status != http.StatusNotFound || a.errorType() != "device_not_found" {
		t.Errorf("/devices/get of an unknown one: %v", a)
	}
	workspaces := s.request(t, w, s.read, "/workspaces/list", "", "")
	if got := workspaces.objects(t, "workspaces"); len(got) != 1 || got[0]["workspace_id"] != w.Harbour.WorkspaceID {
		t.Errorf("/workspaces/list: %v", workspaces)
	}
}

// inOrder sorts devices as they stand in a list.
func inOrder(list []device, devices ...device) []device {
	slices.SortFunc(devices, func(a, b device) int { return slices.Index(list, a) - slices.Index(list, b) })
	return devices
}

// What each client may send and what no proxy or server library may lose on the way.
func TestWireOddities(t *testing.T) {
	t.Parallel()
	w := start(t)
	authorized := func(more ...string) http.Header {
		h := http.Header{"Authorization": {"Bearer " + w.PAT}, "Seam-Workspace": {w.Harbour.WorkspaceID}}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = append(h[more[i]], more[i+1])
		}
		return h
	}
	first := w.Harbour.Devices[0].DeviceID
	for _, c := range []struct {
		name, method, path, body string
		header                   http.Header
		status                   int
		errorType                string
	}{
		{"empty body, no content type", "POST", "/devices/list", "", authorized(), 200, ""},
		{"empty body, form content type", "POST", "/devices/list", "", authorized("Content-Type", "application/x-www-form-urlencoded"), 200, ""},
		{"null body", "POST", "/devices/list", "null", authorized("Content-Type", "application/json"), 200, ""},
		{"GET with a content type", "GET", "/devices/list", "", authorized("Content-Type", "application/json"), 200, ""},
		{"GET with a comma list", "GET", "/devices/list?device_ids=" + first + "," + first, "", authorized(), 200, ""},
		{"a word nobody knows", "GET", "/devices/list?colour=red&_strict=true", "", authorized(), 200, ""},
		{"a header nobody knows", "POST", "/devices/list", "{}", authorized("Content-Type", "application/json", "Seam-Colour", "red"), 200, ""},
		{"DELETE of a read", "DELETE", "/devices/list", "", authorized(), 405, "method_not_allowed"},
		{"no such path", "POST", "/devices/paint", "{}", authorized(), 404, ""},
		{"broken JSON", "POST", "/devices/list", `{"limit":`, authorized("Content-Type", "application/json"), 400, ""},
		{"JSON that is no object", "POST", "/devices/list", `[1]`, authorized("Content-Type", "application/json"), 400, ""},
		{"an empty workspace", "POST", "/devices/list", "{}", http.Header{"Authorization": {"Bearer " + w.PAT}, "Seam-Workspace": {""}}, 401,
			"unauthorized"},
		{"no credential before a wrong parameter", "POST", "/devices/list", `{"limit":"x"}`, http.Header{}, 401, "unauthorized"},
		{"two credentials", "POST", "/devices/list", "{}", authorized("Authorization", "Bearer "+w.StrangerPAT), 400, ""},
		{"two workspaces", "POST", "/devices/list", "{}", authorized("Seam-Workspace", w.Hill.WorkspaceID), 400, ""},
		{"a token in the query", "GET", "/devices/list?access_token=" + w.PAT, "", http.Header{"Seam-Workspace": {w.Harbour.WorkspaceID}}, 401,
			"unauthorized"},
		{"create with a workspace", "POST", "/workspaces/create", `{"name":"No"}`, authorized("Content-Type", "application/json"), 400, ""},
	} {
		a := w.send(t, c.method, c.path, c.header, c.body)
		if a.status != c.status || c.errorType != "" && a.errorType() != c.errorType {
			t.Errorf("%s: got %v, want %d %s", c.name, a, c.status, c.errorType)
		}
		if c.status == http.StatusMethodNotAllowed && a.header.Get("Allow") == "" {
			t.Errorf("%s: no Allow header", c.name)
		}
	}
	// A body over one mebibyte.
	a := w.call(t, w.PAT, w.Harbour.WorkspaceID, "/devices/list", fields{"search": strings.Repeat("x", 1<<20)})
	if a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of over 1 MiB: %v", a)
	}
}

// A browser's preflight, with every header that the browser clients name.
func TestWirePreflight(t *testing.T) {
	t.Parallel()
	w := start(t)
	asked := "authorization,content-type,client-session-token,seam-publishable-key,seam-sdk-name,seam-sdk-version," +
		"seam-lts-version,seam-workspace,seam-client-session-token,seam-api-key,seam-user-identifier-key"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, w.URL+"/devices/list", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{
		"Origin": {"https://app.example.org"}, "Access-Control-Request-Method": {"POST"},
		"Access-Control-Request-Headers": {asked},
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode/100 != 2 || res.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("preflight: %s %v", res.Status, res.Header)
	}
	allowed := strings.ToLower(res.Header.Get("Access-Control-Allow-Headers"))
	for name := range strings.SplitSeq(asked, ",") {
		if !strings.Contains(allowed, name) {
			t.Errorf("preflight does not allow %s: %q", name, allowed)
		}
	}
	// A personal access token is never taken from a page of another origin, and the page can read why.
	header := http.Header{
		"Authorization": {"Bearer " + w.PAT}, "Seam-Workspace": {w.Harbour.WorkspaceID},
		"Origin": {"https://app.example.org"}, "Content-Type": {"application/json"},
	}
	a := w.send(t, http.MethodPost, "/devices/list", header, "{}")
	if a.status != http.StatusForbidden || a.errorType() != "forbidden" || a.reason() != "browser" {
		t.Errorf("a token from another page: %v", a)
	}
	if a.header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("a page cannot read the refusal: %v", a.header)
	}
}
