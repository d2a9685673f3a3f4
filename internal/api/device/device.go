// Package device keeps the devices of a workspace and serves them.
package device

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"keyway/internal/api/event"
	"keyway/internal/platform/clock"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/label"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
)

// Device is a device as it is served (API contract §4.4).
type Device struct {
	ID                 string     `json:"device_id"`
	Type               Type       `json:"device_type"`
	DisplayName        string     `json:"display_name"`
	Nickname           string     `json:"nickname,omitempty" doc:"The name that was given through the API."`
	WorkspaceID        string     `json:"workspace_id"`
	ConnectedAccountID string     `json:"connected_account_id"`
	CreatedAt          rpc.Time   `json:"created_at"`
	IsManaged          bool       `json:"is_managed"`
	Capabilities       []string   `json:"capabilities_supported"`
	Errors             []Error    `json:"errors" union:"error_code"`
	Warnings           []Warning  `json:"warnings" union:"warning_code"`
	CustomMetadata     Metadata   `json:"custom_metadata"`
	CustomerKey        string     `json:"customer_key,omitempty"`
	SpaceIDs           []string   `json:"space_ids"`
	Location           *Location  `json:"location,omitempty"`
	Manufacturer       *Maker     `json:"device_manufacturer,omitempty"`
	Provider           *Brand     `json:"device_provider,omitempty"`
	Properties         Properties `json:"properties" secret:"false" doc:"What is known of the device; which properties there are depends on its type."`
	Flags

	zone *time.Location // of Location as it was decoded: looking one up reads a file
}

// Properties are kept as they came: only the few that Keyway itself sets are ever looked at.
type Properties map[string]json.RawMessage

// Metadata is custom_metadata: a string or a boolean for each key.
type Metadata map[string]any

// Location is where a device is.
type Location struct {
	Name     string `json:"location_name,omitempty"`
	TimeZone string `json:"time_zone,omitempty"`
	Timezone string `json:"timezone,omitempty" doc:"The older name of time_zone."`
	RoomName string `json:"room_name,omitempty"`
}

// Maker is who made a device.
type Maker struct {
	Manufacturer Manufacturer `json:"manufacturer"`
	DisplayName  string       `json:"display_name"`
	ImageURL     string       `json:"image_url,omitempty"`
}

// Brand is the brand through whose account a device was found.
type Brand struct {
	Name        string `json:"device_provider_name"`
	DisplayName string `json:"display_name"`
	Category    string `json:"provider_category"`
	ImageURL    string `json:"image_url,omitempty"`
}

// Error is an error on a device.
type Error struct {
	Code           string   `json:"error_code"`
	Message        string   `json:"message"`
	IsDeviceError  bool     `json:"is_device_error"`
	IsAccountError *bool    `json:"is_connected_account_error,omitempty"`
	IsBridgeError  *bool    `json:"is_bridge_error,omitempty"`
	CreatedAt      rpc.Time `json:"created_at"`
}

// Warning is a warning on a device.
type Warning struct {
	Code        string   `json:"warning_code"`
	Message     string   `json:"message"`
	CreatedAt   rpc.Time `json:"created_at"`
	ActiveCodes int      `json:"active_access_code_count,omitempty"`
	MaxCodes    int      `json:"max_active_access_code_count,omitempty"`
}

// accountErrors are the error codes that belong to the account as a whole, and are shown as such
// on each of its devices.
var accountErrors = []string{"account_disconnected", "salto_ks_subscription_limit_exceeded", "dormakaba_sites_disconnected",
	"insufficient_permissions", codeBridge}

// Devices implements the rules for devices.
type Devices struct {
	DB        *store.DB
	Events    *event.Log
	Providers *provider.Registry
	Sessions  Sessions
	Jobs      *job.Runner
	Clock     clock.Clock
	Now       func() time.Time
	Limits    Limits // nil: none
	// Subscribers are notified of changes, in order.
	Subscribers []Subscriber
	// Observers are notified of what sessions report, in order.
	Observers []Observer

	once    sync.Once
	decoded *otter.Cache[string, *decoded]
}

// Subscriber is notified of changes to devices, in the transaction that makes them: what it writes is
// committed exactly when the change is. An error rolls the change back.
type Subscriber interface {
	// DeviceChanged follows every write of more than a device's name and metadata.
	DeviceChanged(ctx context.Context, tx *store.Tx, dev *Device) error
	// DeviceDeleted precedes the deletion of a device, so that dependent rows can be deleted with it.
	DeviceDeleted(ctx context.Context, tx *store.Tx, r *Reached) error
}

// Observer is notified of what the sessions of accounts report about devices, in the transaction that
// writes it down and after the device itself was updated. The calls about one device come in the order in
// which its session reported; an error rolls the transaction back and has it tried again.
type Observer interface {
	// DeviceReported follows a report of states, also one that changed nothing if it is the outcome of a
	// command (Report.For).
	DeviceReported(ctx context.Context, tx *store.Tx, r *Reached, is provider.Report) error
	// DeviceOccurred follows something that happened at the device. eventID is the same for the same
	// occurrence however often it is reported; it has not been written yet.
	DeviceOccurred(ctx context.Context, tx *store.Tx, r *Reached, what provider.Occurrence, eventID string) error
	// CodesChanged says that codes in these slots of a lock may have changed; no slots: any of them.
	CodesChanged(ctx context.Context, tx *store.Tx, r *Reached, slots []string) error
}

// Sessions gives the open session of a connected account.
type Sessions interface {
	// Session returns nil for an account whose driver this build does not have.
	Session(ctx context.Context, q store.Querier, workspaceID, accountID string) (provider.Session, error)
}

// Zone is the time zone of the place where a device is; UTC where that is not known.
func (d Device) Zone() *time.Location {
	if d.Location == nil {
		return time.UTC
	}
	if d.zone != nil && d.zone.String() == d.Location.TimeZone {
		return d.zone
	}
	if zone, err := time.LoadLocation(d.Location.TimeZone); err == nil {
		return zone
	}
	return time.UTC
}

// Account is what a device takes over from the connected account it is found in.
type Account struct {
	ID                string
	Brand             provider.Brand
	CustomerKey       string
	UserIdentifierKey string
	Metadata          Metadata
	LeaveUnmanaged    bool     // new devices do not become managed
	Accepted          []string // accepted_capabilities; empty: all
}

// accepts reports whether a device is of a kind that the account takes.
func (a Account) accepts(found provider.Device) bool {
	return len(a.Accepted) == 0 || slices.Contains(a.Accepted, kindOf(found))
}

// kindOf is the accepted_capabilities value that a device falls under.
func kindOf(found provider.Device) string {
	switch {
	case slices.Contains(found.Capabilities, "thermostat"):
		return "thermostat"
	case slices.Contains(found.Capabilities, "noise_detection"):
		return "noise_sensor"
	}
	return "lock"
}

// Add stores a device that was found in an account, or renews the description of one that is known. It
// writes device.added and device.connected for a new one.
func (d *Devices) Add(ctx context.Context, tx *store.Tx, workspaceID string, a Account, found provider.Device) error {
	if !a.accepts(found) {
		return nil
	}
	known, err := d.ReachFound(ctx, tx, workspaceID, a.ID, found.ExternalID)
	if err == nil {
		return d.renew(ctx, tx, &known, a, found)
	} else if !fault.Is(err, fault.DeviceNotFound) {
		return err
	}
	now := d.Now()
	dev, err := build(workspaceID, a, found, now)
	if err != nil {
		return err
	}
	dev.IsManaged = !a.LeaveUnmanaged
	if err := d.insert(ctx, tx, &dev, a, found.ExternalID); err != nil {
		return err
	}
	r := Reached{Device: dev, AccountMetadata: a.Metadata}
	events := []event.Event{r.Event("device.added", now, nil)}
	switch {
	case !dev.isOnline():
	case dev.IsManaged:
		events = append(events, r.Event("device.connected", now, nil))
	default:
		events = append(events, r.Event("device.unmanaged.connected", now, nil))
	}
	return d.Events.Append(ctx, tx, workspaceID, events...)
}

// renew brings the description of a known device up to date. What Keyway or a person knows of it stays:
// its id, name, metadata, managed state, problems, and all properties that it has; states change by
// reports only. A device that was removed is there again.
func (d *Devices) renew(ctx context.Context, tx *store.Tx, r *Reached, a Account, found provider.Device) error {
	was := r.look()
	if err := r.describe(a, found, d.Now()); err != nil {
		return err
	}
	return d.follow(ctx, tx, r, was)
}

// describe changes the description of a device to what its driver found.
func (r *Reached) describe(a Account, found provider.Device, now time.Time) error {
	is, err := build(r.WorkspaceID, a, found, now)
	if err != nil {
		return err
	}
	r.CustomerKey, r.Capabilities, r.Manufacturer, r.Provider.ImageURL = a.CustomerKey, is.Capabilities, is.Manufacturer, is.Provider.ImageURL
	if r.Location == nil || is.Location != nil && r.Location.TimeZone != is.Location.TimeZone {
		r.Location = is.Location
	}
	for name, v := range is.Properties {
		if _, has := r.Properties[name]; !has || name == "appearance" {
			r.Properties[name] = v
		}
	}
	r.name()
	r.Flags = is.Flags
	r.clear(codeRemoved)
	return r.settle() // which flags work follows from the problems that it has
}

// IsNews reports whether Add would write anything.
func (d *Devices) IsNews(ctx context.Context, q store.Querier, workspaceID string, a Account, found provider.Device) (bool, error) {
	if !a.accepts(found) {
		return false, nil
	}
	r, err := d.ReachFound(ctx, q, workspaceID, a.ID, found.ExternalID)
	if fault.Is(err, fault.DeviceNotFound) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	was := r.Device.clone()
	if err := r.describe(a, found, d.Now()); err != nil {
		return false, err
	}
	return !r.same(&was), nil
}

// Restore is Add for an account that is being reset: nothing that was done to the device stays.
func (d *Devices) Restore(ctx context.Context, tx *store.Tx, workspaceID string, a Account, found provider.Device) error {
	known, err := d.ReachFound(ctx, tx, workspaceID, a.ID, found.ExternalID)
	if fault.Is(err, fault.DeviceNotFound) {
		return d.Add(ctx, tx, workspaceID, a, found)
	} else if err != nil {
		return err
	}
	dev, err := build(workspaceID, a, found, d.Now())
	if err != nil {
		return err
	}
	dev.ID, dev.CreatedAt = known.ID, known.CreatedAt
	if err := store.SetMetadata(ctx, tx, workspaceID, dev.ID, time.Time{}, nil); err != nil {
		return err
	}
	return d.save(ctx, tx, &dev)
}

// build makes the served form of what a provider found.
func build(workspaceID string, a Account, found provider.Device, now time.Time) (Device, error) {
	dev := Device{
		ID: store.NewID(), Type: Type(found.Type), WorkspaceID: workspaceID, ConnectedAccountID: a.ID,
		CreatedAt: rpc.Time{Time: now.Truncate(time.Millisecond)}, IsManaged: true, Capabilities: found.Capabilities,
		Errors: []Error{}, Warnings: []Warning{}, CustomMetadata: Metadata{}, CustomerKey: a.CustomerKey, SpaceIDs: []string{},
		Manufacturer: &Maker{Manufacturer(found.Manufacturer.Name), found.Manufacturer.DisplayName, found.Manufacturer.ImageURL},
		Provider:     &Brand{a.Brand.Name, a.Brand.DisplayName, "", a.Brand.ImageURL},
		Properties:   Properties{},
	}
	if len(a.Brand.Categories) > 0 {
		dev.Provider.Category = a.Brand.Categories[0]
	}
	if found.TimeZone != "" {
		dev.Location = &Location{TimeZone: found.TimeZone, Timezone: found.TimeZone}
	}
	for _, p := range found.Errors {
		dev.Errors = append(dev.Errors, deviceError(p.Code, p.Message, p.Since))
	}
	for _, p := range found.Warnings {
		dev.Warnings = append(dev.Warnings, Warning{Code: p.Code, Message: p.Message, CreatedAt: rpc.Time{Time: p.Since}})
	}
	if err := dev.Flags.set(found.Flags); err != nil {
		return dev, err
	}
	for name, v := range found.Properties {
		if err := dev.Properties.set(name, v); err != nil {
			return dev, err
		}
	}
	if _, ok := dev.Properties["appearance"]; !ok {
		if err := dev.Properties.set("appearance", map[string]string{"name": found.Name}); err != nil {
			return dev, err
		}
	}
	if err := dev.Properties.set("online", found.Online); err != nil {
		return dev, err
	}
	dev.name()
	if problems := dev.problems(); !found.Online && !slices.ContainsFunc(problems, isOfflineCode) {
		dev.Errors = append(dev.Errors, deviceError(codeOffline, messageUnreachable, now))
		return dev, dev.settle()
	}
	return dev, nil
}

func (p Properties) set(name string, v any) error {
	text, err := json.Marshal(v)
	p[name] = text
	return err
}

// name settles what the device is called: what a person named it, or else its own name.
func (d *Device) name() {
	d.DisplayName = d.Nickname
	if d.DisplayName == "" {
		d.DisplayName = d.ownName()
	}
	_ = d.Properties.set("name", d.DisplayName) // a string always marshals
}

// ownName is what the device is called where it comes from.
func (d *Device) ownName() string {
	var own struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(d.Properties["appearance"], &own) // written by build; without a name it stays empty
	return own.Name
}

// keepSince lets a problem that was there before keep the time it began.
func (d *Device) keepSince(old Device) {
	for i, e := range d.Errors {
		for _, o := range old.Errors {
			if o.Code == e.Code {
				d.Errors[i].CreatedAt = o.CreatedAt
			}
		}
	}
	for i, w := range d.Warnings {
		for _, o := range old.Warnings {
			if o.Code == w.Code {
				d.Warnings[i].CreatedAt = o.CreatedAt
			}
		}
	}
}

func (d *Device) event(kind string, at time.Time) event.Event {
	e := event.Event{Type: kind, OccurredAt: at, DeviceID: d.ID, ConnectedAccountID: d.ConnectedAccountID, CustomerKey: d.CustomerKey}
	if len(d.CustomMetadata) > 0 {
		e.Fields = map[string]any{"device_custom_metadata": d.CustomMetadata}
	}
	return e
}

// Update is a change to a device; fields that are not set stay as they are.
type Update struct {
	Name                  rpc.Opt[string]
	IsManaged             rpc.Opt[bool]
	BackupAccessCodePool  rpc.Opt[bool]
	CustomMetadataChanges map[string]any // null or "" takes a key away
}

// maxNameLength bounds a device's name in characters.
const maxNameLength = 200

// Change applies an update. It returns device_not_found, device_unmanaged unless the update makes the
// device managed, and invalid_input for a name or metadata that will not do, or a backup pool that the
// device does not support.
func (d *Devices) Change(ctx context.Context, workspaceID, id string, u Update) error {
	return d.change(ctx, workspaceID, id, u, func(dev *Device) error {
		if !dev.IsManaged && !u.IsManaged.Value {
			return fault.New(fault.DeviceUnmanaged, "The device is unmanaged: use /devices/unmanaged/update")
		}
		return nil
	})
}

// change applies an update to a device that check lets pass.
func (d *Devices) change(ctx context.Context, workspaceID, id string, u Update, check func(*Device) error) error {
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		dev, err := d.Reach(ctx, tx, workspaceID, id)
		if err != nil {
			return err
		}
		if err := check(&dev.Device); err != nil {
			return err
		}
		if u.CustomMetadataChanges != nil { // first: events have the metadata
			if dev.CustomMetadata, err = dev.CustomMetadata.Merge(u.CustomMetadataChanges); err != nil {
				return err
			}
			if err := store.SetMetadata(ctx, tx, workspaceID, id, dev.CreatedAt.Time, dev.CustomMetadata); err != nil {
				return err
			}
		}
		now := d.Now()
		var events []event.Event
		if u.Name.Set {
			name := label.Clean(u.Name.Or("")) // empty: its own
			if len([]rune(name)) > maxNameLength {
				return fault.Invalid("name", "String must contain at most %d character(s)", maxNameLength)
			}
			before := dev.DisplayName
			dev.Nickname = name
			if dev.name(); dev.DisplayName != before {
				events = append(events, dev.Event("device.name_changed", now, map[string]any{"device_name": dev.DisplayName}))
			}
		}
		if u.IsManaged.Set && u.IsManaged.Value != dev.IsManaged {
			dev.IsManaged = u.IsManaged.Value
			kind := "device.unmanaged.converted_to_managed"
			if !dev.IsManaged {
				kind = "device.converted_to_unmanaged"
			}
			events = append(events, dev.Event(kind, now, nil))
		}
		if u.BackupAccessCodePool.Set {
			if string(dev.Properties["supports_backup_access_code_pool"]) != "true" {
				return fault.Invalid("backup_access_code_pool_enabled", "This device does not support a backup access code pool")
			}
			if err := dev.Properties.set("backup_access_code_pool_enabled", u.BackupAccessCodePool.Value); err != nil {
				return err
			}
		}
		write := d.write
		if u.IsManaged.Set || u.BackupAccessCodePool.Set {
			write = d.save
		}
		if err := write(ctx, tx, &dev.Device); err != nil {
			return err
		}
		return d.Events.Append(ctx, tx, workspaceID, events...)
	}, store.Workspace(workspaceID))
}

// Delete forgets a device; it comes back when its account is next read. It returns device_not_found.
func (d *Devices) Delete(ctx context.Context, workspaceID, id string) error {
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := d.Reach(ctx, tx, workspaceID, id)
		if err != nil {
			return err
		}
		return d.delete(ctx, tx, r)
	}, store.Workspace(workspaceID))
}

func (d *Devices) delete(ctx context.Context, tx *store.Tx, r Reached) error {
	for _, s := range d.Subscribers {
		if err := s.DeviceDeleted(ctx, tx, &r); err != nil {
			return err
		}
	}
	if err := store.SetMetadata(ctx, tx, r.WorkspaceID, r.ID, time.Time{}, nil); err != nil {
		return err
	}
	if err := tx.RemoveSearchText(ctx, store.SearchDevices, r.WorkspaceID, r.ID); err != nil {
		return err
	}
	if err := remove(ctx, tx, r.WorkspaceID, r.ID); err != nil {
		return err
	}
	return d.Events.Append(ctx, tx, r.WorkspaceID, r.Event("device.deleted", d.Now(), map[string]any{"device_name": r.DisplayName}))
}

// DeleteOfAccount forgets some of the devices of an account, a bounded number so that other writers are not
// delayed, and returns how many are left.
func (d *Devices) DeleteOfAccount(ctx context.Context, tx *store.Tx, workspaceID, accountID string) (left int, err error) {
	ids, err := d.idsOfAccount(ctx, tx, workspaceID, accountID)
	if err != nil {
		return 0, err
	}
	n := min(len(ids), deletedAtOnce)
	for _, id := range ids[:n] {
		r, err := d.Reach(ctx, tx, workspaceID, id)
		if err != nil {
			return 0, err
		}
		if err := d.delete(ctx, tx, r); err != nil {
			return 0, err
		}
	}
	return len(ids) - n, nil
}

// deletedAtOnce is how many devices are deleted with one commit: each may have many codes.
const deletedAtOnce = 10

// SetCustomer moves all devices of an account to a customer.
func (d *Devices) SetCustomer(ctx context.Context, tx *store.Tx, workspaceID, accountID, customerKey string) error {
	return d.EachOfAccount(ctx, tx, workspaceID, accountID, func(r *Reached) error {
		r.CustomerKey = customerKey
		return d.save(ctx, tx, &r.Device)
	})
}

// EachOfAccount reaches the devices of an account one after another.
func (d *Devices) EachOfAccount(ctx context.Context, q store.Querier, workspaceID, accountID string, do func(*Reached) error) error {
	ids, err := d.idsOfAccount(ctx, q, workspaceID, accountID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := d.Reach(ctx, q, workspaceID, id)
		if err != nil {
			return err
		}
		if err := do(&r); err != nil {
			return err
		}
	}
	return nil
}

// SetTimeZone notes the time zone that was reported for a device of a brand that does not report it. It
// returns device_not_found, and not_supported for a device of another brand.
func (d *Devices) SetTimeZone(ctx context.Context, tx *store.Tx, workspaceID, id, metadata, zone string) error {
	dev, err := d.Get(ctx, tx, workspaceID, id)
	if err != nil {
		return err
	}
	var own map[string]any
	if text, ok := dev.Properties[metadata]; !ok || json.Unmarshal(text, &own) != nil {
		return fault.New(fault.NotSupported, "The device has no %s", metadata)
	}
	own["time_zone"] = zone
	if err := dev.Properties.set(metadata, own); err != nil {
		return err
	}
	if dev.Location == nil {
		dev.Location = &Location{}
	}
	dev.Location.TimeZone, dev.Location.Timezone = zone, zone
	dev.Warnings = slices.DeleteFunc(dev.Warnings, func(w Warning) bool { return strings.HasSuffix(w.Code, "time_zone_unknown") })
	return d.save(ctx, tx, &dev)
}

// Limits of custom_metadata (API contract §3.8).
const (
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// Texts are the values that a search can find.
func (m Metadata) Texts() (out []string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if text, ok := m[key].(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// Merge gives the metadata with changes applied. It returns invalid_input naming every key that
// will not do.
func (m Metadata) Merge(changes map[string]any) (Metadata, error) {
	out := maps.Clone(m)
	if out == nil {
		out = Metadata{}
	}
	var issues []fault.Issue
	refuse := func(key, message string) {
		issues = append(issues, fault.Issue{Path: []string{"custom_metadata", key}, Message: message})
	}
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		if len([]rune(key)) > maxMetadataKey || strings.Contains(key, ".") {
			refuse(key, "A key has at most 40 characters, without a dot")
			continue
		}
		switch v := changes[key].(type) {
		case nil:
			delete(out, key)
		case bool:
			out[key] = v
		case string:
			if len([]rune(v)) > maxMetadataValue {
				refuse(key, "String must contain at most 500 character(s)")
			} else if v == "" {
				delete(out, key)
			} else {
				out[key] = v
			}
		default:
			refuse(key, "Expected string, boolean or null")
		}
	}
	if len(out) > store.MaxMetadata {
		issues = append(issues, fault.Issue{Path: []string{"custom_metadata"}, Message: "At most 50 keys"})
	}
	if issues != nil {
		return nil, fault.InvalidAll(issues)
	}
	return out, nil
}
