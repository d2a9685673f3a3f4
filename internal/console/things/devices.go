package things

import (
	"encoding/json"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"keyway/internal/api/account"
	"keyway/internal/api/device"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/provider"
)

const (
	devicesPerPage = 50
	maxCounted     = 1000 // devices that a search finds; more are shown as more than these
)

func (q *request) devices() error {
	v, err := q.devicesView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) devicesView() (*DevicesView, error) {
	ctx := q.R.Context()
	here := frame.WorkspacePath(q.Current.ID, "devices")
	query := q.R.URL.Query()
	v := &DevicesView{Page: q.Base(frame.AreaWorkspace, frame.NavDevices, "Devices"), Query: strings.TrimSpace(query.Get("q")),
		Connect: q.connectDialog()}
	trail := frame.ReadTrail(query)
	page, err := q.Devices.List(ctx, q.Current.ID,
		device.Filter{Search: v.Query, NewestFirst: true, From: trail.From(), Limit: devicesPerPage})
	if err != nil {
		return nil, err
	}
	accounts := make([]string, len(page.Items))
	for i, doc := range page.Items {
		served, err := readDevice(doc)
		if err != nil {
			return nil, err
		}
		row := served.row()
		row.URL = here + "/" + url.PathEscape(row.ID)
		accounts[i], v.Rows = served.AccountID, append(v.Rows, row)
	}
	names, err := q.Accounts.Names(ctx, q.Current.ID, accounts)
	if err != nil {
		return nil, err
	}
	for i, id := range accounts {
		v.Rows[i].Account = frame.Link{Text: names[id], URL: q.accountsAt(id)}
	}
	switch {
	case v.Query == "":
		v.Total, err = q.Devices.Count(ctx, q.Current.ID)
	case trail.IsFirst() && !page.HasNext:
		v.Total = len(v.Rows)
	default: // a search is counted as far as a person would page
		v.Total, err = q.Devices.CountUpTo(ctx, q.Current.ID, device.Filter{Search: v.Query}, maxCounted+1)
	}
	if err != nil {
		return nil, err
	}
	v.Pagination = trail.Pagination(here, page.HasNext, page.Next, "q", v.Query)
	if v.Pagination.Number > 0 && v.Counted() {
		v.Pagination.Pages = max(v.Pagination.Number, (v.Total+devicesPerPage-1)/devicesPerPage)
	}
	if q.Current.IsSandbox {
		if v.AddSandbox, err = q.sandboxForm(); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (q *request) renameDevice() error {
	id, name := q.R.PathValue("device"), q.Form("name")
	here := frame.WorkspacePath(q.Current.ID, "devices", id)
	err := q.Devices.Change(q.Context(), q.Current.ID, id, device.Update{Name: rpc.Opt[string]{Set: true, Value: name}})
	if errs, ok := frame.FieldErrors(err); ok {
		v, err := q.deviceView()
		if err != nil {
			return err
		}
		v.Rename.Open, v.Rename.Name, v.Rename.Errors, v.Location = true, name, errs.OnlyFields("name"), here
		return q.Show(v)
	} else if err != nil {
		return err
	}
	return q.Done(here, "Renamed.")
}

// standardLogin is whose accounts the sandbox's brands are connected with.
const standardLogin = "jane"

// popularBrands stand first in the dialog.
var popularBrands = []string{"august", "yale", "schlage", "kwikset", "nuki", "ttlock", "ecobee", "nest", "minut"}

func (q *request) sandboxForm() (*AddSandboxForm, error) {
	connected := map[string]bool{}
	accounts, err := q.Accounts.List(q.R.Context(), q.Current.ID)
	if err != nil {
		return nil, err
	}
	for _, doc := range accounts.Items {
		var a account.Account
		if err := json.Unmarshal(doc, &a); err != nil {
			return nil, err
		}
		connected[a.AccountType] = true
	}
	groups := []BrandGroup{{Title: "Popular", Icon: "device"}, {Title: "Locks and doors", Icon: "lock"},
		{Title: "Thermostats", Icon: "thermostat"}, {Title: "Noise sensors", Icon: "noise"}}
	for _, b := range q.Providers.Brands(true) {
		option := BrandOption{Name: b.Name, DisplayName: b.DisplayName, Image: dataImage(b.ImageURL), Connected: connected[b.Name]}
		g := &groups[brandGroup(b)]
		g.Brands = append(g.Brands, option)
	}
	slices.SortFunc(groups[0].Brands, func(a, b BrandOption) int {
		return slices.Index(popularBrands, a.Name) - slices.Index(popularBrands, b.Name)
	})
	groups = slices.DeleteFunc(groups, func(g BrandGroup) bool { return len(g.Brands) == 0 })
	return &AddSandboxForm{Action: frame.WorkspacePath(q.Current.ID, "sandbox-devices"), Groups: groups}, nil
}

func brandGroup(b provider.Brand) int {
	switch {
	case slices.Contains(popularBrands, b.Name):
		return 0
	case slices.Contains(b.Categories, "noise_sensors"):
		return 3
	case slices.Contains(b.Categories, "thermostats"), b.Capabilities["can_hvac_heat"], b.Capabilities["can_hvac_cool"]:
		if !b.Capabilities["can_remotely_lock"] && !b.Capabilities["can_remotely_unlock"] {
			return 2
		}
	}
	return 1
}

// dataImage lets only pictures through that need no other server, as the content security policy
// does.
func dataImage(address string) template.URL {
	if !strings.HasPrefix(address, "data:image/") {
		return ""
	}
	return template.URL(address) //nolint:gosec // it is a picture: in src of an image nothing in it runs
}

func (q *request) addSandboxDevices() error {
	here := frame.WorkspacePath(q.Current.ID, "devices")
	if !q.Current.IsSandbox {
		return fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has virtual devices")
	}
	chosen := q.R.PostForm["brand"]
	if len(chosen) == 0 {
		return q.sandboxErrors(chosen, frame.FormErrors{"brand": "Choose at least one brand."})
	}
	ctx := q.Context()
	before, err := q.Devices.Count(ctx, q.Current.ID)
	if err != nil {
		return err
	}
	for _, brand := range chosen {
		if _, err := q.Simulate.ConnectStandard(ctx, q.Current.ID, q.Current.IsSandbox, brand, standardLogin); err != nil {
			if errs, ok := frame.FieldErrors(err); ok {
				return q.sandboxErrors(chosen, errs.OnlyFields("brand"))
			}
			return err
		}
	}
	after, err := q.Devices.Count(ctx, q.Current.ID)
	if err != nil {
		return err
	}
	if after == before {
		return q.Done(here, "Connected again: no new devices.")
	}
	return q.Done(here, "%s added.", frame.Plural(after-before, "device", "devices"))
}

func (q *request) sandboxErrors(chosen []string, errs frame.FormErrors) error {
	v, err := q.devicesView()
	if err != nil {
		return err
	}
	for i := range v.AddSandbox.Groups {
		for j := range v.AddSandbox.Groups[i].Brands {
			b := &v.AddSandbox.Groups[i].Brands[j]
			b.Chosen = slices.Contains(chosen, b.Name)
		}
	}
	v.AddSandbox.Open, v.AddSandbox.Errors, v.Location = true, errs, frame.WorkspacePath(q.Current.ID, "devices")
	return q.Show(v)
}

// DevicesView is the list of a workspace's devices.
type DevicesView struct {
	frame.Page
	Query      string
	Rows       []DeviceRow
	Total      int // all that match, or maxCounted+1 for more
	Pagination frame.Pagination
	Connect    ConnectDialog
	AddSandbox *AddSandboxForm // nil in production workspaces
}

// Counted reports whether Total is exact.
func (v DevicesView) Counted() bool { return v.Query == "" || v.Total <= maxCounted }

// DeviceRow is one device in the list.
type DeviceRow struct {
	ID      string
	URL     string
	Name    string
	Icon    string
	Brand   string
	Type    string
	Badges  []frame.Badge
	Battery *Battery
	Account frame.Link // no text: it has none
}

// Battery is how full a battery is.
type Battery struct {
	Percent int
	Low     bool
}

// Step is the fill of the battery picture, from 0 to 4.
func (b Battery) Step() int { return min(4, max(min(1, b.Percent), (b.Percent+12)/25)) }

// AddSandboxForm is the dialog that connects the standard account of brands.
type AddSandboxForm struct {
	Open   bool
	Action string
	Groups []BrandGroup
	Errors frame.FormErrors
}

// BrandGroup is the brands of one kind of device.
type BrandGroup struct {
	Title  string
	Icon   string
	Brands []BrandOption
}

// BrandOption is a brand that can be chosen.
type BrandOption struct {
	Name        string
	DisplayName string
	Image       template.URL // of the form data:image/…; empty: none
	Chosen      bool
	Connected   bool // its standard account is there already
}
