package device

import (
	"context"
	"encoding/json"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// Unmanaged is a device that is seen and not controlled, as it is served: with less than a managed
// one has.
type Unmanaged struct {
	ID                 string     `json:"device_id"`
	Type               Type       `json:"device_type"`
	DisplayName        string     `json:"display_name"`
	WorkspaceID        string     `json:"workspace_id"`
	ConnectedAccountID string     `json:"connected_account_id"`
	CreatedAt          rpc.Time   `json:"created_at"`
	IsManaged          bool       `json:"is_managed"`
	Capabilities       []string   `json:"capabilities_supported"`
	Errors             []Error    `json:"errors" union:"error_code"`
	Warnings           []Warning  `json:"warnings" union:"warning_code"`
	CustomMetadata     Metadata   `json:"custom_metadata"`
	Location           *Location  `json:"location,omitempty"`
	Properties         Properties `json:"properties" secret:"false" doc:"The few that say which device it is and how it is."`
	Flags
}

// unmanagedProperties are the properties that an unmanaged device shows.
var unmanagedProperties = []string{"accessory_keypad", "battery", "battery_level", "image_alt_text", "image_url", "manufacturer",
	"model", "name", "offline_access_codes_enabled", "online", "online_access_codes_enabled"}

// unmanaged is the part of a stored device that an unmanaged one shows.
func unmanaged(doc []byte) (rpc.Doc[Unmanaged], error) {
	var u Unmanaged
	if err := json.Unmarshal(doc, &u); err != nil {
		return nil, err
	}
	all := u.Properties
	u.Properties = Properties{}
	for _, name := range unmanagedProperties {
		if v, ok := all[name]; ok {
			u.Properties[name] = v
		}
	}
	return json.Marshal(u)
}

// maxUnmanaged is how many unmanaged devices a page contains unless fewer are requested.
const maxUnmanaged = 22_900

func (d *Devices) unmanagedEndpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/devices/unmanaged/get", Summary: "Gets an unmanaged device, by its id or its name.", Allow: rpc.Frontend, Role: rpc.Member,
			ByDevice: true, Read: true, Cache: true, Returns: "device", Handle: rpc.Func(d.getUnmanaged)},
		{Path: "/devices/unmanaged/list", Summary: "Lists unmanaged devices.", Allow: rpc.Customer, Role: rpc.Member, ByDevice: true, Read: true,
			Cache: true, Returns: "devices", PageSize: maxUnmanaged, Handle: rpc.Func(d.listUnmanaged)},
		{Path: "/devices/unmanaged/update", Summary: "Makes an unmanaged device managed, or changes its metadata.", Allow: rpc.Backend,
			Role: rpc.Member, ByDevice: true, Verbs: "PATCH", Handle: rpc.Func(d.updateUnmanaged)},
	}
}

func (d *Devices) getUnmanaged(ctx context.Context, in getInput) (rpc.Doc[Unmanaged], error) {
	doc, err := d.find(ctx, in, false)
	if err != nil {
		return nil, err
	}
	return unmanaged(doc)
}

func (d *Devices) listUnmanaged(ctx context.Context, in listInput) (out rpc.Page[Unmanaged], err error) {
	p, err := d.listed(ctx, in, true)
	if err != nil {
		return out, err
	}
	out = rpc.Page[Unmanaged]{Items: make([]rpc.Doc[Unmanaged], len(p.Items)), HasNext: p.HasNext, Next: p.Next}
	for i, doc := range p.Items {
		if out.Items[i], err = unmanaged(doc); err != nil {
			return out, err
		}
	}
	return out, nil
}

type updateUnmanagedInput struct {
	ID             string         `json:"device_id" rule:"required" doc:"ID of the device."`
	IsManaged      rpc.Opt[bool]  `json:"is_managed" doc:"true begins to manage it."`
	CustomMetadata map[string]any `json:"custom_metadata" rule:"default={}" doc:"Values to set; null or an empty string takes one away."`
}

func (d *Devices) updateUnmanaged(ctx context.Context, in updateUnmanagedInput) (rpc.OK, error) {
	if in.IsManaged.Set && !in.IsManaged.Value {
		return rpc.OK{}, fault.Invalid("is_managed", "Invalid literal value, expected true")
	}
	return rpc.OK{}, d.change(ctx, credential.From(ctx).WorkspaceID, in.ID,
		Update{IsManaged: in.IsManaged, CustomMetadataChanges: in.CustomMetadata}, func(dev *Device) error {
			if dev.IsManaged {
				return fault.New(fault.DeviceManaged, "The device is managed: use /devices/update")
			}
			return nil
		})
}
