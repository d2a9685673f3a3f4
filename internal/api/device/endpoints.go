package device

import (
	"context"
	"fmt"
	"slices"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// maxDevices is how many devices a page contains unless fewer are requested.
const maxDevices = 500

// Endpoints are the rows of /devices.
func (d *Devices) Endpoints() []rpc.Endpoint {
	return slices.Concat(d.managedEndpoints(), d.unmanagedEndpoints())
}

func (d *Devices) managedEndpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/devices/delete", Summary: "Forgets a device until its account is next read.", Allow: rpc.Backend, Role: rpc.Member,
			ByDevice: true, Verbs: "DELETE", Handle: rpc.Func(d.deleteOne)},
		{Path: "/devices/get", Summary: "Gets a device, by its id or its name.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Read: true,
			Cache: true, Returns: "device", Handle: rpc.Func(d.get)},
		{Path: "/devices/list", Summary: "Lists devices.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Read: true, Cache: true,
			Returns: "devices", PageSize: maxDevices, Handle: rpc.Func(d.list)},
		{Path: "/devices/list_device_providers", Summary: "Lists the brands whose accounts can be connected.", Allow: rpc.Frontend,
			Role: rpc.Member, ByDevice: true, Read: true, Returns: "device_providers", Handle: rpc.Func(d.listProviders)},
		{Path: "/devices/report_provider_metadata", Summary: "Reports the time zones of devices whose brands do not.", Allow: rpc.Backend,
			Role: rpc.Member, ByDevice: true, Handle: rpc.Func(d.reportMetadata)},
		{Path: "/devices/update", Summary: "Changes a device's name, metadata, or whether it is managed.", Allow: rpc.Anyone, Role: rpc.Member,
			ByDevice: true, Verbs: "PATCH", Handle: rpc.Func(d.update)},
	}
}

type getInput struct {
	ID   string `json:"device_id" doc:"ID of the device."`
	Name string `json:"name" doc:"Or the device's name."`
}

func (d *Devices) get(ctx context.Context, in getInput) (rpc.Doc[Device], error) {
	return d.find(ctx, in, true)
}

type deleteInput struct {
	ID string `json:"device_id" rule:"required" doc:"ID of the device."`
}

func (d *Devices) deleteOne(ctx context.Context, in deleteInput) (rpc.OK, error) {
	return rpc.OK{}, d.Delete(ctx, credential.From(ctx).WorkspaceID, in.ID)
}

type zoneInput struct {
	TimeZone string `json:"time_zone" rule:"required" doc:"The device's time zone, by its IANA name."`
}

type reportInput struct {
	Devices []struct {
		ID       string     `json:"device_id" rule:"required" doc:"ID of the device."`
		Omnitec  *zoneInput `json:"omnitec_metadata" doc:"What is known of an Omnitec device."`
		Schlage  *zoneInput `json:"schlage_metadata" doc:"What is known of a Schlage device."`
		Ultraloq *zoneInput `json:"ultraloq_metadata" doc:"What is known of an Ultraloq device."`
	} `json:"devices" rule:"required,max=1000" doc:"The devices."`
}

// reportMetadata writes all or nothing.
func (d *Devices) reportMetadata(ctx context.Context, in reportInput) (rpc.OK, error) {
	ws := credential.From(ctx).WorkspaceID
	return rpc.OK{}, d.DB.Update(ctx, func(tx *store.Tx) error {
		for i, dev := range in.Devices {
			if _, err := d.Get(ctx, tx, ws, dev.ID); err != nil {
				return err
			}
			for name, zone := range map[string]*zoneInput{"omnitec_metadata": dev.Omnitec, "schlage_metadata": dev.Schlage,
				"ultraloq_metadata": dev.Ultraloq} {
				if zone == nil {
					continue
				}
				if _, err := time.LoadLocation(zone.TimeZone); err != nil || zone.TimeZone == "Local" || zone.TimeZone == "" {
					return fault.Invalid(fmt.Sprintf("devices.%d.%s.time_zone", i, name), "Expected an IANA time zone")
				}
				if err := d.SetTimeZone(ctx, tx, ws, dev.ID, name, zone.TimeZone); err != nil {
					return err
				}
			}
		}
		return nil
	}, store.Workspace(ws))
}

type listInput struct {
	rpc.PageInput
	ConnectedAccountID  string             `json:"connected_account_id" doc:"Only devices of this connected account."`
	ConnectedAccountIDs rpc.Opt[[]string]  `json:"connected_account_ids" rule:"max=10000" doc:"Only devices of these connected accounts."`
	ConnectWebviewID    string             `json:"connect_webview_id" doc:"Only devices of the account that this Connect Webview connected."`
	CreatedBefore       rpc.Opt[time.Time] `json:"created_before" doc:"Only devices added before this time."`
	CustomMetadataHas   map[string]any     `json:"custom_metadata_has" rule:"default={}" doc:"Only devices whose custom_metadata has all of these values."`
	CustomerKey         string             `json:"customer_key" doc:"Only devices of this customer."`
	DeviceIDs           rpc.Opt[[]string]  `json:"device_ids" rule:"max=10000" doc:"Only these devices."`
	DeviceType          rpc.Opt[Type]      `json:"device_type" doc:"Only devices of this type."`
	DeviceTypes         rpc.Opt[[]Type]    `json:"device_types" rule:"max=100" doc:"Only devices of these types."`
	ExcludeIf           []Flag             `json:"exclude_if" rule:"default=[],max=100" doc:"No devices with one of these capabilities."`
	IncludeIf           rpc.Opt[[]Flag]    `json:"include_if" rule:"max=100" doc:"Only devices with all of these capabilities."`
	Manufacturer        Manufacturer       `json:"manufacturer" doc:"Only devices of this manufacturer."`
	Search              string             `json:"search" rule:"min=1" doc:"Only devices whose name, manufacturer, place or metadata contains this, or whose id or account's id begins with it (four characters at least)."`
	SpaceID             string             `json:"space_id" doc:"Only devices in this space."`
	UnstableLocationID  rpc.Opt[string]    `json:"unstable_location_id" rule:"nullable" doc:"The older name of space_id."`
	UserIdentifierKey   string             `json:"user_identifier_key" doc:"Only devices of this user."`
}

func (d *Devices) list(ctx context.Context, in listInput) (rpc.Page[Device], error) {
	return d.listed(ctx, in, false)
}

func (d *Devices) listed(ctx context.Context, in listInput, unmanaged bool) (p rpc.Page[Device], err error) {
	f := in.filter()
	f.Unmanaged = unmanaged
	if f.From, f.Limit, err = in.Start(ctx); err != nil {
		return p, err
	}
	return d.List(ctx, credential.From(ctx).WorkspaceID, f)
}

// both narrows a list parameter by its singular twin: a device must satisfy the two.
func both[T comparable](list rpc.Opt[[]T], one T) rpc.Opt[[]T] {
	if list.Set && !slices.Contains(list.Value, one) {
		return rpc.Opt[[]T]{Set: true}
	}
	return rpc.Opt[[]T]{Set: true, Value: []T{one}}
}

type updateInput struct {
	ID                   string          `json:"device_id" rule:"required" doc:"ID of the device."`
	Name                 rpc.Opt[string] `json:"name" rule:"nullable" doc:"What to call it; null gives it its own name back."`
	IsManaged            rpc.Opt[bool]   `json:"is_managed" doc:"false stops managing it."`
	BackupAccessCodePool rpc.Opt[bool]   `json:"backup_access_code_pool_enabled" doc:"Whether a pool of backup access codes is kept on it."`
	CustomMetadata       map[string]any  `json:"custom_metadata" rule:"default={}" doc:"Values to set; null or an empty string takes one away."`
	Properties           *struct {
		Name rpc.Opt[string] `json:"name" rule:"nullable" doc:"The older place of name."`
	} `json:"properties" doc:"The older place of name."`
}

func (d *Devices) update(ctx context.Context, in updateInput) (rpc.OK, error) {
	u := Update{Name: in.Name, IsManaged: in.IsManaged, BackupAccessCodePool: in.BackupAccessCodePool,
		CustomMetadataChanges: in.CustomMetadata}
	if !u.Name.Set && in.Properties != nil {
		u.Name = in.Properties.Name
	}
	return rpc.OK{}, d.Change(ctx, credential.From(ctx).WorkspaceID, in.ID, u)
}

// Category is a kind of brands.
type Category string

// Enum lists the categories of the contract.
func (Category) Enum() []string {
	return []string{"stable", "consumer_smartlocks", "beta", "thermostats", "noise_sensors", "access_control_systems", "cameras", "connectors"}
}

type listProvidersInput struct {
	Category Category `json:"provider_category" doc:"Only brands of this category."`
}

// ListedBrand is a brand as /devices/list_device_providers serves it.
type ListedBrand struct {
	Name        string   `json:"device_provider_name"`
	DisplayName string   `json:"display_name"`
	ImageURL    string   `json:"image_url"`
	Categories  []string `json:"provider_categories"`
	Flags
}

func (d *Devices) listProviders(ctx context.Context, in listProvidersInput) ([]ListedBrand, error) {
	out := []ListedBrand{}
	for _, b := range d.Providers.Brands(credential.From(ctx).IsSandbox) {
		if in.Category != "" && !slices.Contains(b.Categories, string(in.Category)) {
			continue
		}
		l, err := listedBrand(b)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func listedBrand(b provider.Brand) (ListedBrand, error) {
	l := ListedBrand{Name: b.Name, DisplayName: b.DisplayName, ImageURL: b.ImageURL, Categories: append([]string{}, b.Categories...)}
	return l, l.Flags.set(b.Capabilities)
}
