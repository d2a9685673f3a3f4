package clientsession_test

import (
	"slices"
	"testing"

	"keyway/internal/wiring/apitest"
)

// null asks for the sessions that are without what a filter names, which is another thing than no filter and than an empty id.
func TestListWithNullFilters(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		ws := w.Workspace(jane, "Home", true)
		pat, _ := w.PAT(jane)
		type in = map[string]any
		made := func(path, key string, body in) (id string) {
			var answer struct {
				Session map[string]any `json:"client_session"`
				Webview map[string]any `json:"connect_webview"`
			}
			w.Call(apitest.Request{Path: path, Token: pat, Workspace: ws.ID, Body: body}, &answer)
			id, _ = map[string]map[string]any{"client_session_id": answer.Session, "connect_webview_id": answer.Webview}[key][key].(string)
			return id
		}
		webview := made("/connect_webviews/create", "connect_webview_id", in{})
		with := made("/client_sessions/create", "client_session_id", in{"connect_webview_ids": []string{webview}})
		without := made("/client_sessions/create", "client_session_id", in{})
		for name, c := range map[string]struct {
			in   in
			want []string
		}{
			"no filter":                {in{}, []string{with, without}},
			"this webview":             {in{"connect_webview_id": webview}, []string{with}},
			"no webview":               {in{"connect_webview_id": nil}, []string{without}},
			"no user identity":         {in{"user_identity_id": nil}, []string{with, without}},
			"a user identity":          {in{"user_identity_id": with}, nil},
			"neither":                  {in{"user_identity_id": nil, "connect_webview_id": nil}, []string{without}},
			"no webview, of one given": {in{"client_session_id": with, "connect_webview_id": nil}, nil},
		} {
			var out struct {
				Sessions []struct {
					ID string `json:"client_session_id"`
				} `json:"client_sessions"`
			}
			w.Call(apitest.Request{Path: "/client_sessions/list", Token: pat, Workspace: ws.ID, Body: c.in}, &out)
			var got []string
			for _, s := range out.Sessions {
				got = append(got, s.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		w.Refused(apitest.Request{Path: "/client_sessions/list", Token: pat, Workspace: ws.ID, Body: in{"connect_webview_id": ""}}, 400,
			"invalid_input")
	})
}
