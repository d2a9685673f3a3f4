package things

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/action"
	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/api/lock"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/simulate"
)

// devicePath is the address of a device's page, or of something below it.
func (q *request) devicePath(elem ...string) string {
	return frame.WorkspacePath(q.Current.ID, append([]string{"devices", q.R.PathValue("device")}, elem...)...)
}

// deviceHead reads what all pages of a device begin with.
func (q *request) deviceHead(tab string) (h DeviceHead, served device.Device, err error) {
	r, err := q.Devices.Reach(q.R.Context(), q.DB, q.Current.ID, q.R.PathValue("device"))
	served = r.Device
	if err != nil {
		return h, served, err
	}
	doc, err := json.Marshal(served)
	if err != nil {
		return h, served, err
	}
	if h.Device, err = newDevice(doc); err != nil {
		return h, served, err
	}
	h.Zone = served.Zone()
	h.BackURL = frame.WorkspacePath(q.Current.ID, "devices")
	h.Rename = RenameForm{Action: q.devicePath("rename"), Name: h.Device.Name}
	h.Tabs = []Tab{{"Overview", q.devicePath(), tab == "overview"}}
	if served.CanProgramOnlineAccessCodes != nil || served.CanProgramOfflineAccessCodes != nil || served.CanUnlockWithCode != nil {
		h.Tabs = append(h.Tabs, Tab{"Access codes", q.devicePath("codes"), tab == "codes"})
	}
	h.Tabs = append(h.Tabs, Tab{"Events", q.devicePath("events"), tab == "events"})
	if !served.IsManaged {
		h.Manage = q.devicePath("manage")
	} else {
		q.deviceActions(&h, r)
	}
	if id := q.R.URL.Query().Get("attempt"); id != "" {
		if h.Attempt, err = q.attempt(id); err != nil {
			return h, served, err
		}
	}
	names, err := q.Accounts.Names(q.R.Context(), q.Current.ID, []string{h.Device.AccountID})
	h.Device.Account = frame.Link{Text: names[h.Device.AccountID], URL: q.accountsAt(h.Device.AccountID)}
	return h, served, err
}

// deviceActions fills in what can be asked of a device, and what a sandbox can play.
func (q *request) deviceActions(h *DeviceHead, r device.Reached) {
	served := r.Device
	locked := string(served.Properties["locked"])
	if served.CanRemotelyLock != nil {
		h.Turns = append(h.Turns, Turn{"Lock", "lock", q.devicePath("lock"), !*served.CanRemotelyLock, locked == "false"})
	}
	if served.CanRemotelyUnlock != nil {
		h.Turns = append(h.Turns, Turn{"Unlock", "unlock", q.devicePath("unlock"), !*served.CanRemotelyUnlock, locked == "true"})
	}
	if q.Current.IsSandbox {
		h.Simulate = SimulateMenu{Action: q.devicePath("simulate"), Keypad: served.CanUnlockWithCode != nil}
		possible := q.Simulate.Possible(r)
		for _, s := range simulations {
			if slices.Contains(possible, s.Name) {
				h.Simulate.Items = append(h.Simulate.Items, s)
			}
		}
	}
}

// manageDevice makes an unmanaged device managed.
func (q *request) manageDevice() error {
	manage := device.Update{IsManaged: rpc.Opt[bool]{Set: true, Value: true}}
	if err := q.Devices.Change(q.Context(), q.Current.ID, q.R.PathValue("device"), manage); err != nil {
		return err
	}
	return q.Done(q.devicePath(), "Keyway manages the device now.")
}

// simulations are what the Simulate menu offers, in its order.
var simulations = []Simulation{
	{simulate.Connect, "Bring online", "wifi"},
	{simulate.Disconnect, "Take offline", "ban"},
	{simulate.ConnectToHub, "Connect the hub", "wifi"},
	{simulate.DisconnectFromHub, "Disconnect the hub", "ban"},
	{simulate.RenewSubscription, "Renew the subscription", "check"},
	{simulate.ExpireSubscription, "Let the subscription end", "alert"},
	{simulate.DrainBattery, "Let the battery run low", "battery"},
	{simulate.ChargeBattery, "Put in a new battery", "battery"},
	{simulate.ConnectKeypad, "Connect the keypad", "key"},
	{simulate.DisconnectKeypad, "Disconnect the keypad", "ban"},
	{simulate.LoosenConnection, "Make the connection flaky", "alert"},
	{simulate.SteadyConnection, "Make the connection stable", "wifi"},
	{simulate.StartPrivacy, "Switch on privacy mode", "lock"},
	{simulate.EndPrivacy, "Switch off privacy mode", "unlock"},
	{simulate.AddIntegration, "Let another service manage it too", "link"},
	{simulate.RemoveIntegration, "Let the other service leave", "check"},
	{simulate.Tamper, "Tamper with it", "alert"},
	{simulate.RingDoorbell, "Ring the doorbell", "bell"},
	{simulate.Remove, "Remove from its account", "x"},
}

// attempt reports the progress of an action attempt on the device; nil for an unknown one.
func (q *request) attempt(id string) (*AttemptNote, error) {
	doc, err := q.Attempts.Get(q.R.Context(), q.DB, q.Current.ID, id)
	if fault.Is(err, fault.ActionAttemptNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	// An older result contradicts what the device is by now.
	latest, err := q.Attempts.Latest(q.R.Context(), q.DB, q.Current.ID, q.R.PathValue("device"))
	if err != nil || latest != id {
		return nil, err
	}
	var a action.Attempt
	if err := json.Unmarshal(doc, &a); err != nil {
		return nil, err
	}
	n := &AttemptNote{ID: a.ID, CloseURL: q.R.URL.Path}
	doing, done := "Working", "Done"
	switch a.Type {
	case "LOCK_DOOR":
		doing, done = "Locking", "Locked"
	case "UNLOCK_DOOR":
		doing, done = "Unlocking", "Unlocked"
	case lock.EnterCode:
		done = "The code opened the lock"
	case lock.ManualLock:
		done = "Locked by hand"
	}
	switch {
	case a.Status == "pending":
		n.Tone, n.Text = frame.ToneNeutral, doing+"…"
	case a.Error != nil:
		n.Tone, n.Text, n.Code = frame.ToneBad, a.Error.Message, a.Error.Type
	default:
		n.Tone, n.Text = frame.ToneGood, done+"."
	}
	return n, nil
}

func (q *request) deviceView() (*DeviceView, error) {
	h, _, err := q.deviceHead("overview")
	v := &DeviceView{Page: q.Base(frame.AreaWorkspace, frame.NavDevices, h.Device.Name), DeviceHead: h}
	v.Metadata = MetadataForm{Action: q.devicePath("metadata"),
		Rows: append(slices.Clone(h.Device.Metadata), make([]MetadataRow, emptyRows)...)}
	v.DeleteURL = q.devicePath("delete")
	return v, err
}

func (q *request) device() error {
	v, err := q.deviceView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) lockDoor() error { return q.turn(true) }

func (q *request) unlockDoor() error { return q.turn(false) }

func (q *request) turn(locked bool) error {
	doc, err := q.Locks.Turn(q.Context(), q.R.PathValue("device"), locked)
	if err != nil {
		return q.refusedHere(err)
	}
	return q.follow(doc)
}

// follow goes back to where the person was, to watch an attempt.
func (q *request) follow(doc []byte) error {
	var a action.Attempt
	if err := json.Unmarshal(doc, &a); err != nil {
		return err
	}
	return q.Redirect(q.back() + "?" + url.Values{"attempt": {a.ID}}.Encode())
}

// back is the tab of the device that a form was sent from.
func (q *request) back() string {
	tab := q.Form("tab")
	for _, t := range []string{q.devicePath("codes"), q.devicePath("events")} {
		if tab == t {
			return t
		}
	}
	return q.devicePath()
}

// refusedHere says on the tab that a form was sent from why nothing was done.
func (q *request) refusedHere(err error) error {
	if fault.Is(err, fault.DeviceNotFound) || fault.Is(err, fault.AccessCodeNotFound) {
		return err
	}
	return q.Refused(q.back(), err)
}

func (q *request) simulate() error {
	ctx, id := q.Context(), q.R.PathValue("device")
	switch what := q.Form("what"); what {
	case "keypad":
		doc, err := q.Simulate.EnterCode(ctx, id, q.Form("code"))
		if err != nil {
			return q.refusedHere(err)
		}
		return q.follow(doc)
	case "manual_lock":
		doc, err := q.Simulate.ManualLock(ctx, id)
		if err != nil {
			return q.refusedHere(err)
		}
		return q.follow(doc)
	case "code_at_lock":
		if _, err := q.Simulate.PutCode(ctx, id, q.Form("name"), q.Form("code")); err != nil {
			return q.refusedHere(err)
		}
		return q.Done(q.devicePath("codes"), "The code was added at the lock.")
	default:
		if err := q.Simulate.Device(ctx, id, what); err != nil {
			return q.refusedHere(err)
		}
		i := slices.IndexFunc(simulations, func(s Simulation) bool { return s.Name == what })
		return q.Done(q.back(), "Simulated: %s.", strings.ToLower(simulations[i].Label[:1])+simulations[i].Label[1:])
	}
}

// eventsShown is how many events the tab of a device shows.
const eventsShown = 100

func (q *request) deviceEvents() error {
	h, _, err := q.deviceHead("events")
	if err != nil {
		return err
	}
	v := &DeviceEventsView{Page: q.Base(frame.AreaWorkspace, frame.NavDevices, h.Device.Name), DeviceHead: h}
	page, err := q.Events.Find(q.Context(), q.Current.ID, event.Filter{DeviceID: h.Device.ID, Limit: eventsShown})
	if err != nil {
		return err
	}
	v.More = page.HasNext
	codes := make([]string, len(page.Items))
	for i, doc := range page.Items {
		var e struct {
			event.Record
			AttemptError string `json:"error_code"`
			Method       string `json:"method"`
			CodeID       string `json:"access_code_id"`
		}
		if err := json.Unmarshal(doc, &e); err != nil {
			return err
		}
		row := DeviceEvent{ID: e.EventID, Type: e.EventType, Text: eventWords(e.EventType), At: e.OccurredAt.Time}
		if e.Method != "" {
			row.Detail = words(e.Method)
		} else if e.AttemptError != "" {
			row.Detail = words(e.AttemptError)
		}
		if codes[i] = e.CodeID; e.CodeID != "" {
			row.Code = frame.Link{Text: "Access code", URL: q.devicePath("codes", e.CodeID)}
		}
		v.Events = append(v.Events, row)
	}
	names, err := q.Codes.Names(q.Context(), codes)
	if err != nil {
		return err
	}
	for i, id := range codes {
		if name := names[id]; name != "" {
			v.Events[i].Code.Text = name
		}
	}
	return q.Show(v)
}

// eventWords makes "Access code set on device" of "access_code.set_on_device".
func eventWords(kind string) string {
	return words(strings.ReplaceAll(kind, ".", "_"))
}

// DeviceHead is what every page of a device begins with.
type DeviceHead struct {
	Device   Device
	Zone     *time.Location // of the device; UTC where it is not known
	BackURL  string
	Manage   string // where an unmanaged device is made managed; empty: it is managed
	Tabs     []Tab
	Turns    []Turn
	Simulate SimulateMenu
	Attempt  *AttemptNote // what was just asked of the device
	Rename   RenameForm
}

// Here is the address of the tab that is shown.
func (h DeviceHead) Here() string {
	for _, t := range h.Tabs {
		if t.Current {
			return t.URL
		}
	}
	return ""
}

// Tab is one of the pages of a device.
type Tab struct {
	Label   string
	URL     string
	Current bool
}

// Turn is a button that turns the bolt.
type Turn struct {
	Label  string
	Icon   string
	Action string
	Fails  bool // the device cannot do it now
	Fits   bool // it changes the state that the bolt is in
}

// SimulateMenu is what can be made to happen to a virtual device.
type SimulateMenu struct {
	Action string
	Items  []Simulation
	Keypad bool // a person can stand in front of it
}

// Simulation is one line of the menu.
type Simulation struct {
	Name  string
	Label string
	Icon  string
}

// AttemptNote says how an action attempt goes.
type AttemptNote struct {
	ID       string
	Tone     frame.Tone // neutral while it is pending
	Text     string
	Code     string // why it failed
	CloseURL string
}

// DeviceView is the overview of one device.
type DeviceView struct {
	frame.Page
	DeviceHead
	Metadata  MetadataForm
	DeleteURL string // where the form that deletes the device goes
}

// DeviceEventsView is what happened to a device lately, the latest first.
type DeviceEventsView struct {
	frame.Page
	DeviceHead
	Events []DeviceEvent
	More   bool // there are older ones
}

// DeviceEvent is one line of the list.
type DeviceEvent struct {
	ID     string
	Type   string
	Text   string
	Detail string
	Code   frame.Link // the access code that it is about; without an address: about none
	At     time.Time
}

// RenameForm is the dialog that renames a device.
type RenameForm struct {
	Open   bool
	Action string
	Name   string
	Errors frame.FormErrors
}
