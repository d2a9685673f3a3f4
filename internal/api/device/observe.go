package device

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
)

const (
	codeOffline      = "device_offline"
	codeDisconnected = "device_disconnected"
	codeHub          = "hub_disconnected"
	codeSubscription = "subscription_required"
	codeRemoved      = "device_removed"
	codeNoAccount    = "account_disconnected"
	codeBridge       = "bridge_disconnected"
	saltoPrivacyMode = "salto_ks_privacy_mode"

	messageNoAccount   = "The account that the device is reached through is disconnected. Connect it again."
	messageUnreachable = "The device does not answer. Check its power and its network."
	messageNoHub       = "The hub that the device is reached through does not answer."
	messageRemoved     = "The device was removed from its account."
)

// look is what shows of a device; what differs between two looks becomes events.
type look struct {
	device   Device
	problems []string // codes of its errors and warnings
	online   bool
	battery  string // status; empty: it has none, or it is unknown
	keypadIs string // status of its keypad's battery, likewise
	keypad   string // whether an accessory keypad is connected: true, false, or empty
}

func (r *Reached) look() look {
	_, status := r.battery()
	_, ofKeypad := r.keypadBattery()
	return look{r.Device.clone(), r.problems(), r.isOnline(), status, ofKeypad, string(r.keypad())}
}

func (d *Device) isOnline() bool { return string(d.Properties["online"]) == "true" }

func (d *Device) battery() (level float64, status string) {
	var b struct {
		Level  float64 `json:"level"`
		Status string  `json:"status"`
	}
	_ = json.Unmarshal(d.Properties["battery"], &b) // absent: it has none
	return b.Level, b.Status
}

// keypadBattery is battery for the accessory keypad.
func (d *Device) keypadBattery() (level float64, status string) {
	var b struct {
		Level *float64 `json:"level"`
	}
	if json.Unmarshal(d.Properties["keypad_battery"], &b) != nil || b.Level == nil {
		return 0, "" // absent: it has none
	}
	return *b.Level, provider.BatteryStatus(*b.Level)
}

// problems are the codes of the device's errors and warnings.
func (d *Device) problems() []string {
	var out []string
	for _, e := range d.Errors {
		out = append(out, e.Code)
	}
	for _, w := range d.Warnings {
		out = append(out, w.Code)
	}
	return out
}

// keypad is whether an accessory keypad is connected; nil for a device that takes none.
func (d *Device) keypad() json.RawMessage {
	var k struct {
		IsConnected json.RawMessage `json:"is_connected"`
	}
	_ = json.Unmarshal(d.Properties["accessory_keypad"], &k) // absent: there is none
	return k.IsConnected
}

func isOfflineCode(code string) bool {
	offline, _ := provider.Impact(code)
	return offline
}

// deviceError is an error on a device, which may be its account's.
func deviceError(code, message string, since time.Time) Error {
	ofAccount := slices.Contains(accountErrors, code)
	e := Error{Code: code, Message: message, IsDeviceError: !ofAccount, CreatedAt: rpc.Time{Time: since}}
	if ofAccount {
		e.IsAccountError = &ofAccount
	}
	if code == codeBridge {
		e.IsBridgeError = &ofAccount
	}
	return e
}

// put gives the device an error that it does not have yet.
func (d *Device) put(e Error) {
	if !slices.ContainsFunc(d.Errors, func(has Error) bool { return has.Code == e.Code }) {
		d.Errors = append(d.Errors, e)
	}
}

// clear takes errors and warnings with these codes off the device.
func (d *Device) clear(codes ...string) {
	d.Errors = slices.DeleteFunc(d.Errors, func(e Error) bool { return slices.Contains(codes, e.Code) })
	d.Warnings = slices.DeleteFunc(d.Warnings, func(w Warning) bool { return slices.Contains(codes, w.Code) })
}

// Observe records the states that a session reports of a device, with all that follows from them, and
// notifies the observers.
func (d *Devices) Observe(ctx context.Context, tx *store.Tx, r *Reached, is provider.Report) error {
	was := r.look()
	if err := r.take(is, d.Now()); err != nil {
		return err
	}
	if err := d.follow(ctx, tx, r, was); err != nil {
		return err
	}
	for _, o := range d.Observers {
		if err := o.DeviceReported(ctx, tx, r, is); err != nil {
			return err
		}
	}
	return nil
}

// IsNews reports whether Observe would do anything about a report.
func (r *Reached) IsNews(is provider.Report) bool {
	if is.For != "" {
		return true
	}
	next := *r
	next.Device = r.Device.clone()
	err := next.take(is, time.Time{})
	if err == nil {
		err = next.settle()
	}
	return err != nil || !next.same(&r.Device)
}

// same reports whether two states of a device are served alike, apart from the times of problems.
func (d *Device) same(o *Device) bool {
	a, b := *d, *o
	a.zone, b.zone = nil, nil
	timeless := func(d *Device) {
		d.Errors, d.Warnings = slices.Clone(d.Errors), slices.Clone(d.Warnings)
		for i := range d.Errors {
			d.Errors[i].CreatedAt = rpc.Time{}
		}
		for i := range d.Warnings {
			d.Warnings[i].CreatedAt = rpc.Time{}
		}
	}
	timeless(&a)
	timeless(&b)
	return reflect.DeepEqual(a, b)
}

// take changes the device to what a report says.
func (r *Reached) take(is provider.Report, now time.Time) error {
	values := map[string]any{}
	for name, v := range is.Properties {
		values[name] = v
	}
	if is.Battery != nil {
		values["battery"] = map[string]any{"level": *is.Battery, "status": provider.BatteryStatus(*is.Battery)}
		values["battery_level"] = *is.Battery
	}
	if is.Keypad != nil {
		keypad := map[string]any{"is_connected": *is.Keypad}
		delete(r.Properties, "keypad_battery")
		if *is.Keypad && is.KeypadBattery != nil {
			level := map[string]any{"level": *is.KeypadBattery}
			keypad["battery"], values["keypad_battery"] = level, level
		}
		values["accessory_keypad"] = keypad
	}
	if is.Evidence != provider.Optimistic {
		if is.Locked != nil {
			values["locked"] = *is.Locked
		}
		if is.Jammed != nil && *is.Jammed {
			values["locked"] = false // whatever the peer makes of it, the door is not
		}
		if is.DoorOpen != nil {
			values["door_open"] = *is.DoorOpen
		}
	}
	for name, v := range values {
		if err := r.Properties.set(name, v); err != nil {
			return err
		}
	}
	since := now.Truncate(time.Millisecond)
	if is.Evidence.FromDevice() {
		r.clear(codeOffline) // it was heard
	}
	r.clear(is.Over...)
	switch {
	case is.Online == nil:
	case *is.Online:
		r.clear(codeOffline, codeDisconnected, codeHub, codeRemoved)
	case !slices.ContainsFunc(slices.Concat(r.problems(), codesOf(is.Errors)), isOfflineCode):
		r.put(deviceError(codeOffline, messageUnreachable, since))
	}
	for _, p := range is.Errors {
		r.put(deviceError(p.Code, p.Message, since))
	}
	had := r.problems()
	for _, w := range is.Warnings {
		if !slices.Contains(had, w.Code) {
			r.Warnings = append(r.Warnings, Warning{Code: w.Code, Message: w.Message, CreatedAt: rpc.Time{Time: since}})
		}
	}
	return nil
}

func codesOf(problems []provider.Problem) (codes []string) {
	for _, p := range problems {
		codes = append(codes, p.Code)
	}
	return codes
}

// settle lets what works, and whether the device is online, follow from its problems.
func (d *Device) settle() error {
	works, online := provider.Works(store.Strings(d.Flags.Names()), d.problems(), d.KeypadMissing())
	if err := d.Flags.set(works); err != nil {
		return err
	}
	if _, has := d.Properties["online_access_codes_enabled"]; has {
		if err := d.Properties.set("online_access_codes_enabled", works["can_program_online_access_codes"]); err != nil {
			return err
		}
	}
	return d.Properties.set("online", online)
}

// follow lets everything follow from what has changed about a device since a look at it: whether it is
// online, what works, the events. Where nothing has changed it writes nothing.
func (d *Devices) follow(ctx context.Context, tx *store.Tx, r *Reached, was look) error {
	if err := r.settle(); err != nil || r.same(&was.device) {
		return err
	}
	if err := d.save(ctx, tx, &r.Device); err != nil {
		return err
	}
	return d.Events.Append(ctx, tx, r.WorkspaceID, r.changes(d.Now(), was)...)
}

// trouble gives a device an error and takes others away, with all that follows from that.
func (d *Devices) trouble(ctx context.Context, tx *store.Tx, r *Reached, adds *Error, clears ...string) error {
	was := r.look()
	r.clear(clears...)
	if adds != nil {
		r.put(*adds)
	}
	return d.follow(ctx, tx, r, was)
}

// Removed records that the driver of a device no longer knows it. It is still listed, with an error,
// until a person deletes it or it is found again.
func (d *Devices) Removed(ctx context.Context, tx *store.Tx, r *Reached) error {
	e := deviceError(codeRemoved, messageRemoved, d.Now().Truncate(time.Millisecond))
	return d.trouble(ctx, tx, r, &e)
}

// SetAccountState gives all devices of an account the error that its connection causes, in place of
// another: account_disconnected when a person has to sign in again, hub_disconnected while the peer does
// not answer.
func (d *Devices) SetAccountState(ctx context.Context, tx *store.Tx, r *Reached, s provider.Status) error {
	since := d.Now().Truncate(time.Millisecond)
	var e Error
	switch s {
	case provider.Refused:
		e = deviceError(codeNoAccount, messageNoAccount, since)
		return d.trouble(ctx, tx, r, &e, codeHub)
	case provider.Reconnecting:
		e = deviceError(codeHub, messageNoHub, since)
		return d.trouble(ctx, tx, r, &e, codeNoAccount)
	}
	return d.trouble(ctx, tx, r, nil, codeNoAccount, codeHub)
}

// Shows reports whether the device shows a state of its account's connection already.
func (d *Device) Shows(s provider.Status) bool {
	has := func(code string) bool {
		return slices.ContainsFunc(d.Errors, func(e Error) bool { return e.Code == code })
	}
	return has(codeNoAccount) == (s == provider.Refused) && has(codeHub) == (s == provider.Reconnecting)
}

// changes are the events of what is different from a look at the device before.
func (r *Reached) changes(now time.Time, was look) (out []event.Event) {
	is := r.look()
	add := func(kind string, fields map[string]any) { out = append(out, r.Event(kind, now, fields)) }
	came := func(code string) bool {
		return slices.Contains(is.problems, code) && !slices.Contains(was.problems, code)
	}
	went := func(code string) bool {
		return slices.Contains(was.problems, code) && !slices.Contains(is.problems, code)
	}
	connected, disconnected := "device.connected", "device.disconnected"
	if !r.IsManaged {
		connected, disconnected = "device.unmanaged.connected", "device.unmanaged.disconnected"
	}
	switch {
	case came(codeRemoved):
		add("device.removed", nil)
	case was.online && !is.online:
		add(disconnected, r.withProblems(map[string]any{"error_code": disconnection(is.problems, was.problems)}))
	case !was.online && is.online:
		add(connected, nil)
	}
	for _, c := range []struct {
		code, came, went string
		problems         bool // the first event lists what is wrong besides
	}{
		{codeSubscription, "device.error.subscription_required", "device.error.subscription_required.resolved", true},
		{"device_has_flaky_connection", "device.connection_became_flaky", "device.connection_stabilized", true},
		{"third_party_integration_detected", "device.third_party_integration_detected",
			"device.third_party_integration_no_longer_detected", false},
		{saltoPrivacyMode, "device.salto.privacy_mode_activated", "device.salto.privacy_mode_deactivated", false},
	} {
		switch {
		case came(c.code) && c.problems:
			add(c.came, r.withProblems(map[string]any{}))
		case came(c.code):
			add(c.came, nil)
		case went(c.code):
			add(c.went, nil)
		}
	}
	switch {
	case is.keypad == was.keypad:
	case is.keypad == "true":
		add("device.accessory_keypad_connected", nil)
	case is.keypad == "false":
		add("device.accessory_keypad_disconnected", r.withProblems(map[string]any{}))
	}
	if level, status := r.battery(); status != was.battery && status != "" {
		add("device.battery_status_changed", map[string]any{"battery_status": status, "battery_level": level})
		if isLow(status) && !isLow(was.battery) {
			add("device.low_battery", r.lowBattery(level))
		}
	}
	if level, status := r.keypadBattery(); isLow(status) && !isLow(was.keypadIs) {
		add("device.low_battery", r.lowBattery(level))
	}
	return out
}

// lowBattery is what the event about a battery that became low has in it: its level, and those of all that the device has.
func (r *Reached) lowBattery(level float64) map[string]any {
	fields := map[string]any{"battery_level": level}
	if own, status := r.battery(); status != "" {
		fields["device_battery_level"] = own
	}
	if keypad, status := r.keypadBattery(); status != "" {
		fields["accessory_keypad_battery_level"] = keypad
	}
	return fields
}

func isLow(status string) bool { return status == "low" || status == "critical" }

// Occur records something that happened at a device, once however often it is reported, and notifies the
// observers.
func (d *Devices) Occur(ctx context.Context, tx *store.Tx, r *Reached, what provider.Occurrence) error {
	if d.Events.Retention > 0 && d.Now().Sub(what.At) >= d.Events.Retention {
		return nil // its event may have been here, and is no longer kept
	}
	id := occurrenceID(r, what)
	known, err := d.Events.Has(ctx, tx, r.WorkspaceID, id)
	if err != nil || known {
		return err
	}
	if what.Kind == provider.Tampered || what.Kind == provider.DoorbellRang {
		e := r.Event("device."+string(what.Kind), what.At, nil)
		e.ID = id
		if err := d.Events.Append(ctx, tx, r.WorkspaceID, e); err != nil {
			return err
		}
	}
	for _, o := range d.Observers {
		if err := o.DeviceOccurred(ctx, tx, r, what, id); err != nil {
			return err
		}
	}
	return nil
}

// occurrenceID is the id of the event of an occurrence: a UUID of version 8 made from the device and what
// distinguishes the occurrence from others.
func occurrenceID(r *Reached, what provider.Occurrence) string {
	key := what.ID
	if key == "" {
		key = fmt.Sprintf("%s/%s/%d", what.Method, what.Slot, what.At.UnixNano())
	}
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%s", r.WorkspaceID, r.ID, what.Kind, key))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	text := hex.EncodeToString(h[:16])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// CodesChanged notifies the observers that codes in these slots of a lock may have changed; no slots: any.
func (d *Devices) CodesChanged(ctx context.Context, tx *store.Tx, r *Reached, slots []string) error {
	for _, o := range d.Observers {
		if err := o.CodesChanged(ctx, tx, r, slots); err != nil {
			return err
		}
	}
	return nil
}

// InPrivacyMode reports whether someone inside keeps all codes out.
func (d *Device) InPrivacyMode() bool {
	return slices.ContainsFunc(d.Warnings, func(w Warning) bool { return w.Code == "privacy_mode" || w.Code == saltoPrivacyMode })
}

// KeypadMissing reports whether the device has no keys to enter a code at: its accessory keypad is not
// connected, and it has none of its own.
func (d *Device) KeypadMissing() bool {
	var model struct {
		OwnKeys bool `json:"has_built_in_keypad"`
	}
	_ = json.Unmarshal(d.Properties["model"], &model) // absent: it is no lock
	return string(d.keypad()) == "false" && !model.OwnKeys
}

// Event is something that happened to the device, with what every event of a device has.
func (r *Reached) Event(kind string, at time.Time, fields map[string]any) event.Event {
	e := r.Device.event(kind, at)
	if e.Fields == nil {
		e.Fields = map[string]any{}
	}
	for name, v := range fields {
		e.Fields[name] = v
	}
	if len(r.AccountMetadata) > 0 {
		e.Fields["connected_account_custom_metadata"] = r.AccountMetadata
	}
	return e
}

// withProblems adds what events about trouble have besides.
func (r *Reached) withProblems(fields map[string]any) map[string]any {
	fields["device_errors"], fields["device_warnings"] = r.Errors, r.Warnings
	fields["connected_account_errors"], fields["connected_account_warnings"] = listOf(r.AccountProblems.Errors),
		listOf(r.AccountProblems.Warnings)
	return fields
}

// listOf is a list that is never null.
func listOf(problems []json.RawMessage) []json.RawMessage {
	if problems == nil {
		return []json.RawMessage{}
	}
	return problems
}

// disconnection is why a device is disconnected, as its event says it: by the account, a hub or the device itself. Of several
// reasons the new one counts.
func disconnection(is, was []string) string {
	code := ""
	for _, c := range is {
		if code == "" || !slices.Contains(was, c) {
			code = c
		}
	}
	if code == codeNoAccount || code == codeHub {
		return code
	}
	return codeDisconnected
}
