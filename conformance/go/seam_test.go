// Package seam runs the Go client github.com/seamapi/go against a running server. It is a module
// of its own so that the server's stays free of the client, and so that Go's loader fetches the
// client exactly as a user's build does.
package seam

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	seamgo "github.com/seamapi/go"
	seam "github.com/seamapi/go/client"
	"github.com/seamapi/go/core"
)

type device struct {
	DeviceID   string `json:"device_id"`
	DeviceType string `json:"device_type"`
	Name       string `json:"name"`
}

type workspace struct {
	WorkspaceID string   `json:"workspace_id"`
	Name        string   `json:"name"`
	Devices     []device `json:"devices"`
}

// world is what the harness has made: see conformance/harness_test.go.
type world struct {
	URL          string    `json:"url"`
	PAT          string    `json:"personal_access_token"`
	Harbour      workspace `json:"harbour"`
	Hill         workspace `json:"hill"`
	Abroad       string    `json:"abroad_workspace_id"`
	WorkspaceKey string    `json:"harbour_workspace_key"`
	APIKey       string    `json:"harbour_api_key"`
}

func setup(t *testing.T) world {
	t.Helper()
	var w world
	if err := json.Unmarshal([]byte(os.Getenv("KEYWAY_WORLD")), &w); err != nil {
		t.Fatalf("KEYWAY_WORLD: %v (the tests of the folder above run these)", err)
	}
	return w
}

func (w world) client(workspaceID string) *seam.Client {
	return seam.NewClient(seam.WithApiKey(w.PAT), seam.WithBaseURL(w.URL), seam.WithSeamWorkspace(&workspaceID))
}

func comparable(devices []*seamgo.Device) []device {
	var list []device
	for _, d := range devices {
		list = append(list, device{d.DeviceId, string(d.DeviceType), d.Properties.Name})
	}
	return list
}

func TestEachWorkspaceByItsID(t *testing.T) {
	w := setup(t)
	for _, ws := range []workspace{w.Harbour, w.Hill} {
		client := w.client(ws.WorkspaceID)
		// The client sends the body null for a request that is nil.
		for _, request := range []*seamgo.DevicesListRequest{nil, {}} {
			devices, err := client.Devices.List(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if got := comparable(devices); !slices.Equal(got, ws.Devices) {
				t.Errorf("%s: got %v, want %v", ws.Name, got, ws.Devices)
			}
		}
		got, err := client.Workspaces.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.WorkspaceId != ws.WorkspaceID || got.Name != ws.Name || !got.IsSandbox {
			t.Errorf("got workspace %v, want %s", got, ws.Name)
		}
	}
}

func TestWorkspaceKey(t *testing.T) {
	w := setup(t)
	client := seam.NewClient(seam.WithApiKey(w.WorkspaceKey), seam.WithBaseURL(w.URL))
	devices, err := client.Devices.List(t.Context(), &seamgo.DevicesListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got := comparable(devices); !slices.Equal(got, w.Harbour.Devices) {
		t.Errorf("got %v, want %v", got, w.Harbour.Devices)
	}
}

func TestListWorkspaces(t *testing.T) {
	w := setup(t)
	// An empty header counts as absent.
	for _, client := range []*seam.Client{seam.NewClient(seam.WithApiKey(w.PAT), seam.WithBaseURL(w.URL)), w.client("")} {
		workspaces, err := client.Workspaces.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, ws := range workspaces {
			ids = append(ids, ws.WorkspaceId)
		}
		if !slices.Contains(ids, w.Harbour.WorkspaceID) || !slices.Contains(ids, w.Hill.WorkspaceID) || len(ids) != 2 {
			t.Errorf("got %v, want exactly %s and %s", ids, w.Harbour.WorkspaceID, w.Hill.WorkspaceID)
		}
	}
}

func TestGetAndUpdate(t *testing.T) {
	w := setup(t)
	client, want := w.client(w.Harbour.WorkspaceID), w.Harbour.Devices[0]
	got, err := client.Devices.Get(t.Context(), &seamgo.DevicesGetRequest{DeviceId: &want.DeviceID})
	if err != nil {
		t.Fatal(err)
	}
	if list := comparable([]*seamgo.Device{got}); list[0] != want {
		t.Errorf("got %v, want %v", list[0], want)
	}
	if got.WorkspaceId != w.Harbour.WorkspaceID || got.CreatedAt.IsZero() || !got.IsManaged {
		t.Errorf("got %v", got)
	}
	name := "Boat house"
	if _, err := client.Devices.Update(t.Context(), &seamgo.DevicesUpdateRequest{DeviceId: want.DeviceID, Name: &name}); err != nil {
		t.Fatal(err)
	}
	got, err = client.Devices.Get(t.Context(), &seamgo.DevicesGetRequest{Name: &name})
	if err != nil || got.DeviceId != want.DeviceID {
		t.Errorf("by its new name: %v, %v", got, err)
	}
	if _, err := client.Devices.Update(t.Context(), &seamgo.DevicesUpdateRequest{DeviceId: want.DeviceID, Name: &want.Name}); err != nil {
		t.Fatal(err)
	}
}

func TestOtherReads(t *testing.T) {
	w := setup(t)
	client := w.client(w.Harbour.WorkspaceID)
	accounts, err := client.ConnectedAccounts.List(t.Context())
	if err != nil || len(accounts) == 0 {
		t.Fatalf("%d accounts, %v", len(accounts), err)
	}
	if _, err := client.Devices.ListDeviceProviders(t.Context(), &seamgo.DevicesListDeviceProvidersRequest{}); err != nil {
		t.Error(err)
	}
	since := "2020-01-01T00:00:00.000Z"
	events, err := client.Events.List(t.Context(), &seamgo.EventsListRequest{Since: &since})
	if err != nil || len(events) == 0 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestErrors(t *testing.T) {
	w := setup(t)
	client := w.client(w.Harbour.WorkspaceID)
	_, err := w.client(w.Abroad).Devices.List(t.Context(), nil)
	var unauthorized *seamgo.UnauthorizedError
	if !errors.As(err, &unauthorized) {
		t.Errorf("a workspace of somebody else: %v", err)
	}
	_, err = client.Devices.Get(t.Context(), &seamgo.DevicesGetRequest{DeviceId: &w.Hill.Devices[0].DeviceID})
	var api *core.APIError
	if !errors.As(err, &api) || api.StatusCode != 404 {
		t.Errorf("a device of another workspace: %v", err)
	}
	_, err = client.Devices.Get(t.Context(), &seamgo.DevicesGetRequest{})
	var bad *seamgo.BadRequestError
	if !errors.As(err, &bad) {
		t.Errorf("neither id nor name: %v", err)
	}
}
