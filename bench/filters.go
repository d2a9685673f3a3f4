package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"keyway/bench/fill"
)

const (
	// copied is how many devices the API adds before the others are copied from them.
	copied = 250
	// What a filter, and a search, may take in a large workspace, as a multiple of what it takes in the smallest.
	maxFilterGrowth, maxSearchGrowth = 3, 15
	// Up to so many devices the goal for searches holds.
	maxSearchSize = 100_000
)

// listFilter is one list with one filter, or several.
type listFilter struct {
	path, body string
	group      string // what its goal is: filter, search, or nothing
}

// atSizes compares workspaces of different sizes: each filter of each list, searches, the start and the memory of the server.
// Every request differs, so that every answer comes from the database.
func (b *bench) atSizes(ctx context.Context) error {
	first := map[string]float64{}
	for n := min(1000, b.most); n <= b.most; n *= 10 {
		if err := b.atSize(ctx, n, first); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) atSize(ctx context.Context, n int, first map[string]float64) error {
	f, filters, err := b.largeFolder(ctx, n)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(f.path) }() // it may be large
	if err := b.bytesADevice(f, n); err != nil {
		return err
	}
	if n == b.most {
		if err := b.startOf(ctx, f, n); err != nil {
			return err
		}
	}
	s, err := f.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // after an error, which is reported instead
	if err := f.someIDs(ctx, s.address); err != nil {
		return err
	}
	for _, w := range []*work{f.get(), f.list(20)} {
		l, err := b.measure(ctx, w.fromDatabase(n), s)
		if err != nil {
			return err
		}
		b.grown(w.path+" from the database, CPU", n, l.Micros, 1.5, first)
	}
	for _, lf := range filters {
		p50, err := b.timeOf(ctx, f, lf, s)
		if err != nil {
			return fmt.Errorf("%s %s: %w", lf.path, lf.body, err)
		}
		goal := 0.0
		switch {
		case lf.group == "filter":
			goal = maxFilterGrowth
		case lf.group == "search" && n <= maxSearchSize:
			goal = maxSearchGrowth
		}
		b.grown(lf.path+" "+general(lf.body)+", p50", n, p50, goal, first)
	}
	if n == b.most {
		if err := b.memory(fmt.Sprintf("Memory after all filters of %d devices", n), s, 150); err != nil {
			return err
		}
	}
	return s.stop()
}

// general is the body of a request without the values that differ between runs.
func general(body string) string {
	parts := strings.Split(body, `"`)
	for i, p := range parts {
		if len(p) == 36 && p[8] == '-' {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, `"`)
}

// grown adds a figure: how much more something takes than in the smallest workspace.
func (b *bench) grown(name string, n int, v, goal float64, first map[string]float64) {
	if first[name] == 0 {
		first[name] = v
		return
	}
	b.atMost(fmt.Sprintf("%s, %d devices / %d", name, n, min(1000, b.most)), v/first[name], "times", goal)
}

// timeOf is the median time of a request over one connection, in milliseconds.
func (b *bench) timeOf(ctx context.Context, f *folder, lf listFilter, s *process) (float64, error) {
	w := &work{name: lf.path + " " + lf.body, path: lf.path, differ: true, alone: true}
	w.request = func(*rand.Rand) []byte { return f.request(w.path, lf.body+w.unlike()) }
	c, err := dial(ctx, s.address)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }() // every answer was read
	for range 3 {
		if err := c.one(w); err != nil {
			return 0, err
		}
	}
	until := time.Now().Add(b.round / 4)
	err = c.load(w, until)
	var ms []float64
	for _, took := range c.took {
		ms = append(ms, float64(took.Microseconds())/1000)
	}
	return median(ms), err
}

// startOf takes how long a server takes to its first answer beside many devices.
func (b *bench) startOf(ctx context.Context, f *folder, n int) error {
	var took []float64
	for range b.rounds + 2 {
		s, err := f.serve(ctx)
		if err != nil {
			return err
		}
		took = append(took, float64(s.firstAnswer.Microseconds())/1000)
		if err := s.stop(); err != nil {
			return err
		}
	}
	b.atMost(fmt.Sprintf("Start to first answer with %d devices", n), median(took), "ms", 50)
	return nil
}

func (b *bench) bytesADevice(f *folder, n int) error {
	info, err := os.Stat(filepath.Join(f.path, "keyway.db"))
	if err == nil {
		b.atMost(fmt.Sprintf("Database, %d devices with an event each", n), float64(info.Size())/float64(n), "bytes a device", 0)
	}
	return err
}

// largeFolder makes a workspace with n devices, most of them copied, and gives the filters to try in it.
func (b *bench) largeFolder(ctx context.Context, n int) (*folder, []listFilter, error) {
	f, err := b.newFolder(ctx, min(n, copied))
	if err != nil {
		return nil, nil, err
	}
	s, err := f.serve(ctx)
	if err != nil {
		return nil, nil, err
	}
	filters, err := f.prepare(ctx, s)
	if err = errors.Join(err, s.settle(ctx), s.stop()); err != nil || n <= copied {
		return f, filters, err
	}
	progress("copying %d devices to %d", copied, n)
	began := time.Now()
	last := began
	err = fill.Workspace(ctx, f.path, f.workspace, n, func(done int) {
		if time.Since(last) > 10*time.Second {
			last = time.Now()
			progress("%d of %d devices", done, n)
		}
	})
	progress("%d devices in %.0f s", n, time.Since(began).Seconds())
	f.devices = n
	return f, filters, err
}

// answer asks for something and reads the answer.
func (f *folder) answer(ctx context.Context, s *process, path, body string) (out map[string]any, err error) {
	status, text, err := ask(ctx, s.address, f.request(path, body))
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: status %d: %.300s", path, status, text)
	}
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(text, &out)
}

// prepare gives what is copied customers, users, metadata, codes and attempts, so that each filter finds something, and gives
// the filters.
func (f *folder) prepare(ctx context.Context, s *process) ([]listFilter, error) {
	if err := f.readIDs(ctx, s.address); err != nil {
		return nil, err
	}
	out, err := f.answer(ctx, s, "/connected_accounts/list", `{}`)
	if err != nil {
		return nil, err
	}
	account, _ := out["connected_accounts"].([]any)[0].(map[string]any)["connected_account_id"].(string)
	if out, err = f.answer(ctx, s, "/devices/list", `{"connected_account_id":"`+account+`"}`); err != nil {
		return nil, err
	}
	device, _ := out["devices"].([]any)[0].(map[string]any)["device_id"].(string)
	asks := []struct{ path, body string }{
		{"/connected_accounts/update", `{"connected_account_id":"` + account + `","customer_key":"cust-1","custom_metadata":{"site":"room-1"}}`},
		{"/client_sessions/create", `{"user_identifier_key":"user-1","connected_account_ids":["` + account + `"]}`},
		{"/devices/update", `{"device_id":"` + device + `","custom_metadata":{"room":"room-1","north":true}}`},
		{"/devices/update", `{"device_id":"` + f.ids[len(f.ids)-1] + `","is_managed":false}`},
	}
	for i := range min(10, len(f.locks)) {
		asks = append(asks, struct{ path, body string }{"/access_codes/create",
			`{"device_id":"` + f.locks[i] + `","name":"Guest ` + strconv.Itoa(i) + `"` + f.stay(90*24*time.Hour) + `}`})
	}
	for _, a := range asks {
		if _, err := f.answer(ctx, s, a.path, a.body); err != nil {
			return nil, err
		}
	}
	return f.filters(account, device, f.locks[0]), nil
}

func (f *folder) filters(account, device, lock string) (out []listFilter) {
	add := func(group, path string, filters ...string) {
		for _, filter := range filters {
			if path == "/events/list" {
				filter += `,"since":"2000-01-01T00:00:00Z"`
			}
			out = append(out, listFilter{path, `{"limit":20,` + filter + `}`, group})
		}
	}
	for _, path := range []string{"/devices/list", "/devices/unmanaged/list", "/locks/list"} {
		add("filter", path, `"connected_account_id":"`+account+`"`, `"connected_account_ids":["`+account+`"]`, `"customer_key":"cust-1"`,
			`"device_ids":["`+device+`"]`, `"device_type":"august_lock"`, `"device_types":["august_lock","yale_lock"]`,
			`"manufacturer":"august"`, `"user_identifier_key":"user-1"`, `"custom_metadata_has":{"room":"room-1"}`,
			`"custom_metadata_has":{"north":true}`, `"created_before":"2100-01-01T00:00:00Z"`)
		add("search", path, `"search":"garage"`, `"search":"Unit 101 Front"`, `"search":"building 2 unit 205"`, `"search":"ttlock"`,
			`"search":"zzzz"`, `"search":"101"`)
	}
	add("filter", "/devices/list", `"include_if":["can_remotely_unlock"]`)
	add("", "/devices/list", `"include_if":["can_stream_live_video"]`, `"exclude_if":["can_remotely_unlock"]`,
		`"exclude_if":["can_simulate_connection"]`, `"device_type":"august_lock","manufacturer":"august"`,
		`"customer_key":"cust-1","exclude_if":["can_remotely_unlock"]`, `"manufacturer":"august","include_if":["can_stream_live_video"]`)
	add("filter", "/connected_accounts/list", `"customer_key":"cust-1"`, `"user_identifier_key":"user-1"`,
		`"custom_metadata_has":{"site":"room-1"}`)
	add("search", "/connected_accounts/list", `"search":"august"`, `"search":"cust-1"`)
	add("search", "/connect_webviews/list", `"search":"august"`)
	add("filter", "/access_codes/list", `"device_id":"`+lock+`"`, `"customer_key":"cust-1"`, `"user_identifier_key":"user-1"`)
	add("search", "/access_codes/list", `"search":"Guest 3"`)
	add("filter", "/action_attempts/list", `"device_id":"`+lock+`"`)
	add("filter", "/events/list", `"event_type":"access_code.created"`, `"event_types":["access_code.created"]`, `"device_id":"`+device+`"`,
		`"device_ids":["`+device+`"]`, `"connected_account_id":"`+account+`"`, `"customer_key":"cust-1"`)
	return out
}

// someIDs are the ids of some devices.
func (f *folder) someIDs(ctx context.Context, address string) error {
	_, text, err := ask(ctx, address, f.request("/devices/list", `{"limit":500}`))
	if err != nil {
		return err
	}
	var page struct {
		Devices []struct {
			ID string `json:"device_id"`
		} `json:"devices"`
	}
	f.ids = nil
	err = json.Unmarshal(text, &page)
	for _, d := range page.Devices {
		f.ids = append(f.ids, d.ID)
	}
	return err
}
