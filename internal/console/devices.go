package console

import (
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"keyway/internal/api/account"
	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/provider"
)

// devicesPerPage is how many devices the list shows at once.
const devicesPerPage = 50

func (q *request) devices() error {
	v, err := q.devicesView()
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) devicesView() (*DevicesView, error) {
	ctx := q.r.Context()
	here := workspacePath(q.current.ID, "devices")
	query := q.r.URL.Query()
	v := &DevicesView{Page: q.base(AreaWorkspace, NavDevices, "Devices"), Query: strings.TrimSpace(query.Get("q")), Total: -1, Connect: q.connectDialog()}
	from := readPosition(query.Get("after"))
	page, err := q.Devices.List(ctx, q.current.ID, device.Filter{Search: v.Query, NewestFirst: true, From: from, Limit: devicesPerPage})
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
	names, err := q.Accounts.Names(ctx, q.current.ID, accounts)
	if err != nil {
		return nil, err
	}
	for i, id := range accounts {
		v.Rows[i].Account = Link{names[id], q.accountsAt(id)}
	}
	if v.Query == "" {
		if v.Total, err = q.Devices.Count(ctx, q.current.ID); err != nil {
			return nil, err
		}
	}
	link := func(after string) string {
		values := url.Values{}
		if v.Query != "" {
			values.Set("q", v.Query)
		}
		if after != "" {
			values.Set("after", after)
		}
		return here + "?" + values.Encode()
	}
	if from.ID != "" {
		v.Pagination.First = strings.TrimSuffix(link(""), "?")
	}
	if page.HasNext {
		v.Pagination.Next = link(writePosition(page.Next))
	}
	if q.current.IsSandbox {
		if v.AddSandbox, err = q.sandboxForm(); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// The address of a page of the list holds the row that it begins behind.
func writePosition(p rpc.Position) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.CreatedAt, 36) + " " + p.ID))
}

// readPosition reads what writePosition wrote; anything else is the beginning.
func readPosition(text string) (p rpc.Position) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	at, id, ok := strings.Cut(string(raw), " ")
	n, atErr := strconv.ParseInt(at, 36, 64)
	if err != nil || atErr != nil || !ok {
		return p
	}
	return rpc.Position{CreatedAt: n, ID: id}
}

func (q *request) renameDevice() error {
	id, name := q.r.PathValue("device"), q.form("name")
	here := workspacePath(q.current.ID, "devices", id)
	err := q.Devices.Change(q.context(), q.current.ID, id, device.Update{Name: rpc.Opt[string]{Set: true, Value: name}})
	if errs, ok := formErrors(err); ok {
		v, err := q.deviceView()
		if err != nil {
			return err
		}
		v.Rename.Open, v.Rename.Name, v.Rename.Errors, v.Location = true, name, errs.onlyFields("name"), here
		return q.show(v)
	} else if err != nil {
		return err
	}
	return q.done(here, "Renamed.")
}

// standardLogin is whose accounts the sandbox's brands are connected with.
const standardLogin = "jane"

// popularBrands stand first in the dialog.
var popularBrands = []string{"august", "yale", "schlage", "kwikset", "nuki", "ttlock", "ecobee", "nest", "minut"}

func (q *request) sandboxForm() (*AddSandboxForm, error) {
	connected := map[string]bool{}
	accounts, err := q.Accounts.List(q.r.Context(), q.current.ID)
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
	groups := []BrandGroup{{Title: "Popular", Icon: "device"}, {Title: "Locks and doors", Icon: "lock"}, {Title: "Thermostats", Icon: "thermostat"}, {Title: "Noise sensors", Icon: "noise"}}
	for _, b := range q.Providers.Brands(true) {
		option := BrandOption{Name: b.Name, DisplayName: b.DisplayName, Image: dataImage(b.ImageURL), Connected: connected[b.Name]}
		g := &groups[brandGroup(b)]
		g.Brands = append(g.Brands, option)
	}
	slices.SortFunc(groups[0].Brands, func(a, b BrandOption) int {
		return slices.Index(popularBrands, a.Name) - slices.Index(popularBrands, b.Name)
	})
	groups = slices.DeleteFunc(groups, func(g BrandGroup) bool { return len(g.Brands) == 0 })
	return &AddSandboxForm{Action: workspacePath(q.current.ID, "sandbox-devices"), Groups: groups}, nil
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
	here := workspacePath(q.current.ID, "devices")
	if !q.current.IsSandbox {
		return fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has virtual devices")
	}
	chosen := q.r.PostForm["brand"]
	if len(chosen) == 0 {
		return q.sandboxErrors(chosen, FormErrors{"brand": "Choose at least one brand."})
	}
	ctx := q.context()
	before, err := q.Devices.Count(ctx, q.current.ID)
	if err != nil {
		return err
	}
	for _, brand := range chosen {
		if _, err := q.Webviews.ConnectStandard(ctx, q.current.ID, q.current.IsSandbox, brand, standardLogin); err != nil {
			if errs, ok := formErrors(err); ok {
				return q.sandboxErrors(chosen, errs.onlyFields("brand"))
			}
			return err
		}
	}
	after, err := q.Devices.Count(ctx, q.current.ID)
	if err != nil {
		return err
	}
	if after == before {
		return q.done(here, "Connected again: no new devices.")
	}
	return q.done(here, "%s added.", plural(after-before, "device", "devices"))
}

func (q *request) sandboxErrors(chosen []string, errs FormErrors) error {
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
	v.AddSandbox.Open, v.AddSandbox.Errors, v.Location = true, errs, workspacePath(q.current.ID, "devices")
	return q.show(v)
}
