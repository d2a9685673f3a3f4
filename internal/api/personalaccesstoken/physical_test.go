package personalaccesstoken_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyway/internal/wiring/apitest"
)

// locks connects devices and gives the ids of locks among them that can be turned and take codes.
func (h home) locks() []string {
	h.Connect(h.sandbox, "august")
	var out struct {
		Devices []struct {
			ID     string `json:"device_id"`
			Online bool   `json:"can_program_online_access_codes"`
			Unlock bool   `json:"can_remotely_unlock"`
		}
	}
	h.Call(apitest.Request{Path: "/locks/list", Token: h.session, Workspace: h.sandbox.ID}, &out)
	var ids []string
	for _, d := range out.Devices {
		if d.Online && d.Unlock {
			ids = append(ids, d.ID)
		}
	}
	if len(ids) < 2 {
		panic("no two locks")
	}
	return ids
}

// Every row that says it is physical spends from the daily limit, and changes nothing once it is spent.
func TestPhysicalActionsSpend(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		lock := h.locks()[0]
		code := func(name, pin string) string {
			var out struct {
				Code struct {
					ID string `json:"access_code_id"`
				} `json:"access_code"`
			}
			w.Call(apitest.Request{Path: "/access_codes/create", Token: h.session, Workspace: h.sandbox.ID,
				Body: in{"device_id": lock, "name": name, "code": pin}}, &out)
			return out.Code.ID
		}
		unmanaged := func(pin string) string {
			var out struct {
				Code struct {
					ID string `json:"access_code_id"`
				} `json:"access_code"`
			}
			w.Call(apitest.Request{Path: "/access_codes/simulate/create_unmanaged_access_code", Token: h.session, Workspace: h.sandbox.ID,
				Body: in{"device_id": lock, "name": "by hand", "code": pin}}, &out)
			return out.Code.ID
		}
		inputs := map[string]in{
			"/locks/lock_door":                           {"device_id": lock},
			"/locks/unlock_door":                         {"device_id": lock},
			"/access_codes/create":                       {"device_id": lock, "name": "new", "code": "482915"},
			"/access_codes/create_multiple":              {"device_ids": []string{lock}, "name": "more"},
			"/access_codes/update":                       {"access_code_id": code("a", "593026"), "code": "604137"},
			"/access_codes/delete":                       {"access_code_id": code("b", "715248")},
			"/access_codes/unmanaged/convert_to_managed": {"access_code_id": unmanaged("826359")},
			"/access_codes/unmanaged/update":             {"access_code_id": unmanaged("937461"), "is_managed": true},
			"/access_codes/unmanaged/delete":             {"access_code_id": unmanaged("148572")},
		}
		none, one := h.make(h.session, in{"daily_action_limit": 0}).Secret, h.make(h.session, in{"daily_action_limit": 1}).Secret
		for _, e := range w.RPC.Endpoints() {
			// Both begin with what needs a pool or a group of codes; they end like the others.
			if !e.Physical || slices.Contains([]string{"/access_codes/pull_backup_access_code", "/access_codes/update_multiple"}, e.Path) {
				continue
			}
			body, known := inputs[e.Path]
			if !known {
				t.Errorf("%s is physical, and nobody knows how to try it", e.Path)
				continue
			}
			f := h.refused(none, e.Path, h.sandbox.ID, body, 403, "daily_limit")
			if f.Data["resets_at"] == nil {
				t.Errorf("%v", f.Data)
			}
			token := h.make(h.session, in{"daily_action_limit": 1}).Secret
			w.Call(apitest.Request{Path: e.Path, Token: token, Workspace: h.sandbox.ID, Body: body}, nil)
			h.refused(token, "/locks/lock_door", h.sandbox.ID, in{"device_id": lock}, 403, "daily_limit")
		}
		w.Call(apitest.Request{Path: "/locks/lock_door", Token: one, Workspace: h.sandbox.ID, Body: in{"device_id": lock}}, nil)
		h.refused(one, "/locks/lock_door", h.sandbox.ID, in{"device_id": lock}, 403, "daily_limit")
		w.Pass(24 * time.Hour)
		w.Call(apitest.Request{Path: "/locks/lock_door", Token: one, Workspace: h.sandbox.ID, Body: in{"device_id": lock}}, nil)
	})
}

func TestDailyLimitIsNeverExceeded(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		lock := h.locks()[0]
		parent := h.make(h.session, in{"daily_action_limit": 6, "scopes": []string{"*", "personal_access_tokens:write"}})
		child := h.make(parent.Secret, in{"daily_action_limit": 4})
		var done atomic.Int64
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				token := parent.Secret
				if i%2 == 0 {
					token = child.Secret
				}
				a, err := w.Send(apitest.Request{Path: "/locks/unlock_door", Token: token, Workspace: h.sandbox.ID, Body: in{"device_id": lock}})
				switch {
				case err != nil:
					t.Error(err)
				case a.Status == 200:
					done.Add(1)
				case a.Status != 403 || !strings.Contains(a.Body, `"reason":"daily_limit"`):
					t.Errorf("%d %s", a.Status, a.Body)
				}
			})
		}
		wg.Wait()
		if done.Load() != 6 {
			t.Errorf("%d actions, want 6", done.Load())
		}
		var out struct {
			Attempts []struct{} `json:"action_attempts"`
		}
		if w.Call(apitest.Request{Path: "/action_attempts/list", Token: h.session, Workspace: h.sandbox.ID}, &out); len(out.Attempts) != 6 {
			t.Errorf("%d attempts", len(out.Attempts))
		}
	})
}

// A token limited to a device sees that one only, in everything; the others are not there.
func TestDevicesOutsideTheListAreNotThere(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		locks := h.locks()
		mine, other := locks[0], locks[1]
		w.Connect(h.sandbox, "schlage")
		limited := h.make(h.session, in{"device_ids": []string{mine}}).Secret
		for _, id := range locks[:2] {
			w.Call(apitest.Request{Path: "/access_codes/create", Token: h.session, Workspace: h.sandbox.ID,
				Body: in{"device_id": id, "name": "guest", "code": "482915"}}, nil)
			w.Call(apitest.Request{Path: "/locks/lock_door", Token: h.session, Workspace: h.sandbox.ID, Body: in{"device_id": id}}, nil)
		}
		since := w.Now().Add(-time.Hour)
		for path, body := range map[string]in{
			"/devices/list": nil, "/locks/list": nil, "/access_codes/list": nil, "/action_attempts/list": nil, "/events/list": {"since": since},
			"/connected_accounts/list": nil, "/devices/unmanaged/list": nil, "/workspaces/find_anything": {"search": "a"},
		} {
			a := w.Do(apitest.Request{Path: path, Token: limited, Workspace: h.sandbox.ID, Body: body})
			all := w.Do(apitest.Request{Path: path, Token: h.session, Workspace: h.sandbox.ID, Body: body})
			if a.Status != 200 || strings.Contains(a.Body, other) || len(a.Body) >= len(all.Body) && strings.Contains(all.Body, other) {
				t.Errorf("%s: %d %s", path, a.Status, a.Body)
			}
		}
		for path, body := range map[string]in{
			"/devices/get": {}, "/locks/get": {}, "/devices/update": {"name": "x"}, "/locks/unlock_door": {}, "/locks/lock_door": {},
			"/access_codes/create": {"name": "x"}, "/devices/delete": {}, "/devices/simulate/disconnect": {},
		} {
			body["device_id"] = other
			w.Refused(apitest.Request{Path: path, Token: limited, Workspace: h.sandbox.ID, Body: body}, 404, "device_not_found")
		}
		w.Call(apitest.Request{Path: "/locks/unlock_door", Token: limited, Workspace: h.sandbox.ID, Body: in{"device_id": mine}}, nil)
		// Whatever does not know of devices refuses such a token.
		for _, e := range w.RPC.Endpoints() {
			if e.ByDevice || e.Self || e.Streams() || !strings.Contains(" "+e.Allow.String()+" ", " personal_access_token ") || e.Role > 1 {
				continue
			}
			ws := h.sandbox.ID
			if e.Workspace.String() == "forbidden" {
				ws = ""
			}
			if a := w.Do(apitest.Request{Path: e.Path, Token: limited, Workspace: ws}); a.Status != 403 || a.Failure(t).Data["reason"] != "scope" {
				t.Errorf("%s: %d %s", e.Path, a.Status, a.Body)
			}
		}
	})
}
