package device

import (
	"context"
	"slices"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// maxLocks bounds a list that has no pages.
const maxLocks = 100_000

// IsLock reports whether devices of the type are listed among the locks.
func (t Type) IsLock() bool {
	return !strings.HasSuffix(string(t), "_thermostat") && !strings.HasSuffix(string(t), "_phone") &&
		!slices.Contains([]Type{"keynest_key", "noiseaware_activity_zone", "minut_sensor", "ring_camera"}, t)
}

// lockTypes are the types of locks among those that are asked for.
func lockTypes(asked rpc.Opt[[]Type]) rpc.Opt[[]Type] {
	types := asked.Value
	if !asked.Set {
		for _, t := range deviceTypes {
			types = append(types, Type(t))
		}
	}
	return rpc.Opt[[]Type]{Set: true, Value: slices.DeleteFunc(slices.Clone(types), func(t Type) bool { return !t.IsLock() })}
}

// LockEndpoints are the rows of /locks that only read.
func (d *Devices) LockEndpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/locks/get", Summary: "Gets a lock, by its id or its name.", Allow: rpc.Frontend, Role: rpc.Member, ByDevice: true, Read: true,
			Cache: true, Returns: "device", Twin: "lock", Handle: rpc.Func(d.getLock)},
		{Path: "/locks/list", Summary: "Lists locks.", Allow: rpc.Frontend, Role: rpc.Member, ByDevice: true, Read: true, Cache: true,
			Returns: "devices", Twin: "locks", PageSize: maxLocks, Handle: rpc.Func(d.listLocks)},
	}
}

func (d *Devices) getLock(ctx context.Context, in getInput) (rpc.Doc[Device], error) {
	doc, err := d.find(ctx, in, true)
	if err != nil {
		return nil, err
	}
	dev, err := parse(doc)
	if err == nil && !dev.Type.IsLock() {
		err = fault.Missing(fault.DeviceNotFound)
	}
	return doc, err
}

func (d *Devices) listLocks(ctx context.Context, in listInput) ([]rpc.Doc[Device], error) {
	f := in.filter()
	from, limit, err := in.Start(ctx)
	if err != nil {
		return nil, err
	}
	f.Types, f.From, f.Limit = lockTypes(f.Types), from, limit
	p, err := d.List(ctx, credential.From(ctx).WorkspaceID, f)
	return p.Items, err
}

// filter is what the parameters of a list ask for, apart from where its page begins.
func (in listInput) filter() Filter {
	f := Filter{
		IDs: in.DeviceIDs, AccountIDs: in.ConnectedAccountIDs, Types: in.DeviceTypes, Manufacturer: in.Manufacturer,
		IncludeIf: in.IncludeIf.Value, ExcludeIf: in.ExcludeIf, CustomerKey: in.CustomerKey, UserIdentifierKey: in.UserIdentifierKey,
		Search: in.Search, CustomMetadataHas: in.CustomMetadataHas, WebviewID: in.ConnectWebviewID,
		// There are no spaces yet, so no device is in one; and nothing is in an empty list.
		NothingCanBeMatched: in.SpaceID != "" || in.UnstableLocationID.Or("") != "" || in.IncludeIf.Set && len(in.IncludeIf.Value) == 0,
	}
	if in.CreatedBefore.Set {
		f.CreatedBefore = store.Micros(in.CreatedBefore.Value)
	}
	if in.ConnectedAccountID != "" {
		f.AccountIDs = both(f.AccountIDs, in.ConnectedAccountID)
	}
	if in.DeviceType.Set {
		f.Types = both(f.Types, in.DeviceType.Value)
	}
	return f
}
