package device

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	fastjson "github.com/go-json-experiment/json/v1" // encoding/json as Go 1.27 has it: the same, and much faster
	"github.com/maypok86/otter/v2"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// Reached is a device with the way to it.
type Reached struct {
	Device
	Ref               provider.Ref
	Session           provider.Session // nil: this build has no driver for it
	UserIdentifierKey string
	AccountMetadata   Metadata
	AccountProblems   AccountProblems
	Ahead             time.Duration // how far the clock of its workspace is ahead
}

// AccountProblems are the errors and warnings of a device's account, as they are served.
type AccountProblems struct {
	Errors   []json.RawMessage `json:"errors"`
	Warnings []json.RawMessage `json:"warnings"`
}

// Reach reads a device together with the way to it, managed or not. It returns device_not_found
// when the workspace has none with the id, or none that the caller reaches.
func (d *Devices) Reach(ctx context.Context, q store.Querier, workspaceID, id string) (Reached, error) {
	w := d.DB.Where()
	w.Add("d.workspace_id = ?", workspaceID)
	w.Add("d.device_id = ?", id)
	credential.From(ctx).Limit(w, "d.device_id", "d.connected_account_id", "d.customer_key")
	r, err := d.reach(ctx, q, w)
	if !fault.Is(err, fault.DeviceNotFound) {
		credential.NoteDevice(ctx, id)
	}
	return r, err
}

// ReachFound is Reach for a device that a driver names, without regard to what the caller may reach.
func (d *Devices) ReachFound(ctx context.Context, q store.Querier, workspaceID, accountID, externalID string) (Reached, error) {
	w := d.DB.Where()
	w.Add("d.workspace_id = ?", workspaceID)
	w.Add("d.connected_account_id = ?", accountID)
	w.Add("d.external_id = ?", externalID)
	return d.reach(ctx, q, w)
}

// decoded is a device with its account as they were read from these texts.
type decoded struct {
	doc, account string
	device       Device
	Metadata     Metadata `json:"custom_metadata"`
	AccountProblems
}

// maxDecoded bounds the texts of devices that are remembered as they were decoded, in bytes: what is
// asked of a device mostly comes in groups.
const maxDecoded = 2 << 20

// decode reads a device and what its account adds. It remembers what came of the same texts before,
// which callers must not change.
func (d *Devices) decode(workspaceID, id, doc, account string) (*decoded, error) {
	d.once.Do(func() {
		d.decoded = otter.Must(&otter.Options[string, *decoded]{MaximumWeight: maxDecoded,
			Weigher: func(_ string, v *decoded) uint32 { return uint32(len(v.doc)) }})
	})
	key := workspaceID + "/" + id
	if v, ok := d.decoded.GetIfPresent(key); ok && v.doc == doc && v.account == account {
		return v, nil
	}
	v := &decoded{doc: doc, account: account}
	if err := fastjson.Unmarshal([]byte(doc), &v.device); err != nil {
		return nil, err
	}
	if err := fastjson.Unmarshal([]byte(account), v); err != nil {
		return nil, err
	}
	if v.device.Location != nil {
		v.device.zone = v.device.Zone()
	}
	d.decoded.Set(key, v)
	return v, nil
}

// clone is a device of which everything may be changed that rules change.
func (d Device) clone() Device {
	d.Properties, d.CustomMetadata = maps.Clone(d.Properties), maps.Clone(d.CustomMetadata)
	d.Errors, d.Warnings = slices.Clone(d.Errors), slices.Clone(d.Warnings)
	return d
}

// Blocking is the first problem that keeps the device from being asked for anything; ok is false
// when it can be asked.
func (d *Device) Blocking() (e Error, ok bool) {
	for _, e := range d.Errors {
		if !slices.Contains(notBlocking, e.Code) {
			return e, true
		}
	}
	return e, false
}

// notBlocking are the errors with which a device still does something: what it does not do, its flags say.
var notBlocking = []string{"auxiliary_heat_running", "empty_backup_access_code_pool", "insufficient_permissions"}

// Failure is what a failed action shows of an error of a provider: a type for programs and a message
// for people.
func Failure(err error) (kind, message string) {
	switch {
	case errors.Is(err, provider.ErrOffline):
		return "device_offline", "The device cannot be reached. Check its power and its network."
	case errors.Is(err, provider.ErrJammed):
		return "lock_jammed", "The bolt is jammed. Someone has to look at the door."
	case errors.Is(err, provider.ErrRefused):
		return "device_refused", "The device refused."
	case errors.Is(err, provider.ErrFull):
		return "no_space_for_access_code_on_device", "The device has no space for another code."
	case errors.Is(err, provider.ErrDuplicate):
		return "duplicate_code_on_device", "The device has a code with this PIN already."
	case errors.Is(err, provider.ErrUnsupported):
		return "not_supported", "The device cannot do this."
	case errors.Is(err, context.DeadlineExceeded):
		return "device_timeout", "The device did not answer in time; what was asked may have happened all the same."
	}
	return "provider_issue", "The device's provider reported a problem."
}

// SetProblems gives a device these errors and warnings, in place of those that it has of the same
// kinds; one that it has already keeps the time it began. Subscribers are not notified, and nothing is written
// where nothing is different.
func (d *Devices) SetProblems(ctx context.Context, tx *store.Tx, r *Reached, kinds []string, errs []Error, warnings []Warning) error {
	is := Device{
		Errors: append(slices.DeleteFunc(slices.Clone(r.Errors), func(e Error) bool { return slices.Contains(kinds, e.Code) }), errs...),
		Warnings: append(slices.DeleteFunc(slices.Clone(r.Warnings), func(w Warning) bool {
			return slices.Contains(kinds, w.Code)
		}), warnings...),
	}
	is.keepSince(r.Device)
	if reflect.DeepEqual(is.Errors, r.Errors) && reflect.DeepEqual(is.Warnings, r.Warnings) {
		return nil
	}
	r.Errors, r.Warnings = is.Errors, is.Warnings
	return d.write(ctx, tx, &r.Device)
}

// SetProperties changes properties of a device; it returns device_not_found. Subscribers are not notified: a
// bolt that turned changes nothing for anyone else.
func (d *Devices) SetProperties(ctx context.Context, tx *store.Tx, workspaceID, id string, values map[string]any) error {
	dev, err := d.Get(ctx, tx, workspaceID, id)
	if err != nil {
		return err
	}
	return d.SetPropertiesOf(ctx, tx, &dev, values)
}

// SetPropertiesOf is SetProperties for a device that has just been read.
func (d *Devices) SetPropertiesOf(ctx context.Context, tx *store.Tx, dev *Device, values map[string]any) error {
	for name, v := range values {
		if err := dev.Properties.set(name, v); err != nil {
			return err
		}
	}
	return d.write(ctx, tx, dev)
}
