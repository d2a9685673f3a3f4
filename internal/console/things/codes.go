package things

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/device"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
)

// codesView reads the access codes of a device.
func (q *request) codesView() (*CodesView, error) {
	h, served, err := q.deviceHead("codes")
	if err != nil {
		return nil, err
	}
	v := &CodesView{Page: q.Base(frame.AreaWorkspace, frame.NavDevices, h.Device.Name), DeviceHead: h}
	form, err := q.codeForm(served, h.Zone)
	if err != nil {
		return nil, err
	}
	now, err := q.Codes.Now(q.Context())
	if err != nil {
		return nil, err
	}
	managed, others, err := q.Codes.OnDevice(q.Context(), h.Device.ID)
	if err != nil {
		return nil, err
	}
	for _, doc := range managed {
		c, err := q.code(doc, form, now)
		if err != nil {
			return nil, err
		}
		v.Codes = append(v.Codes, c)
	}
	for _, doc := range others {
		c, err := q.code(doc, form, now)
		if err != nil {
			return nil, err
		}
		v.Others = append(v.Others, c)
	}
	v.Pool, v.PoolOn = accesscode.HasPool(served)
	form.CanPool = v.Pool && !v.PoolOn
	if served.IsManaged && (form.Online || form.Offline) {
		v.Add = &form
	}
	v.Simulated = h.Simulate.Keypad
	return v, nil
}

// codeForm is an empty dialog for a code of a device in a time zone.
func (q *request) codeForm(d device.Device, zone *time.Location) (CodeForm, error) {
	wants, err := accesscode.ConstraintsOf(d)
	if err != nil {
		return CodeForm{}, err
	}
	f := CodeForm{
		ID: "add-code", New: true, Action: q.devicePath("codes"), Generate: q.devicePath("codes", "generate"), Kind: "ongoing",
		Rules: wants.Rules, LockChooses: wants.LockChooses,
		Online: d.CanProgramOnlineAccessCodes != nil, Offline: d.CanProgramOfflineAccessCodes != nil, Zone: zone,
	}
	f.PINMin, f.PINMax, f.PINHint = 4, 12, "From 4 to 12 digits."
	if n := wants.Lengths; len(n) > 0 {
		f.PINMin, f.PINMax, f.lengths = n[0], n[len(n)-1], n
		f.PINHint = frame.Plural(n[0], "digit", "digits") + "."
		if len(n) > 1 {
			f.PINHint = lengthWords(n) + " digits."
		}
	}
	if wants.NameMax > 0 {
		f.NameHint = fmt.Sprintf("The lock itself shows up to %d characters.", wants.NameMax)
	}
	if !f.Online {
		f.Kind = "offline"
	}
	if e, blocked := d.Blocking(); blocked {
		f.Blocked = e.Message
	}
	return f, nil
}

func lengthWords(n []int) string {
	if n[len(n)-1]-n[0] == len(n)-1 {
		return fmt.Sprintf("From %d to %d", n[0], n[len(n)-1])
	}
	var texts []string
	for _, length := range n {
		texts = append(texts, strconv.Itoa(length))
	}
	return strings.Join(texts[:len(texts)-1], ", ") + " or " + texts[len(texts)-1]
}

// servedCode is what the API serves for a code, managed or not, as far as the Console looks at it.
type servedCode struct {
	accesscode.Public
	CannotBeManaged bool `json:"cannot_be_managed"`
	accesscode.Private
}

// code reads a code for its row and its page.
func (q *request) code(doc []byte, form CodeForm, now time.Time) (Code, error) {
	var s servedCode
	if err := json.Unmarshal(doc, &s); err != nil {
		return Code{}, fmt.Errorf("access code: %w", err)
	}
	c := Code{
		ID: s.ID, URL: q.devicePath("codes", s.ID), Managed: s.IsManaged, Status: codeBadge(s), Kind: codeKind(s),
		CreatedAt: s.CreatedAt.Time, Fixed: s.CannotBeManaged, Backup: s.IsBackup, WaitsForPIN: s.IsWaitingForCode,
		Blocked: form.Blocked, CanPull: s.IsBackupAvailable && s.PulledBackupID == nil,
	}
	if s.Name != nil {
		c.Name = *s.Name
	}
	if s.PIN != nil {
		c.PIN = *s.PIN
	}
	if s.PulledBackupID != nil {
		c.PulledURL = q.devicePath("codes", *s.PulledBackupID)
	}
	if !s.StartsAt.IsZero() {
		c.Starts = frame.When(s.StartsAt.Time, form.Zone)
	}
	if !s.EndsAt.IsZero() {
		c.Ends = frame.When(s.EndsAt.Time, form.Zone)
	}
	c.Opens, c.Next = codeFrame(s, now)
	for _, e := range s.Errors {
		c.Problems = append(c.Problems, Problem{Code: e.ErrorCode, Message: e.Message, Explanation: codeExplanations[e.ErrorCode],
			Since: e.CreatedAt.Time, Bad: true})
	}
	for _, w := range s.Warnings {
		c.Problems = append(c.Problems, Problem{Code: w.WarningCode, Message: w.Message, Explanation: codeExplanations[w.WarningCode],
			Since: w.CreatedAt.Time})
	}
	for _, m := range s.Mutations {
		c.Pending = append(c.Pending, m.Message)
	}
	c.CanDelete = !s.IsOffline && s.Status != "removing"
	if s.IsManaged && c.CanDelete {
		f := form
		f.ID, f.New, f.Action, f.Generate = "edit-"+s.ID, false, c.URL+"/edit", c.URL+"/generate"
		f.Name, f.External = c.Name, s.IsExternalAllowed
		if s.Type == "time_bound" {
			f.Kind = "time_bound"
			f.Ends = s.EndsAt.In(form.Zone).Format(frame.InputTime)
			if !s.StartsAt.IsZero() {
				f.Starts = s.StartsAt.In(form.Zone).Format(frame.InputTime)
			}
		}
		f.Shown = ShownCode{Name: f.Name, Kind: f.Kind, Starts: f.Starts, Ends: f.Ends, External: f.External}
		c.Edit = &f
	}
	return c, nil
}

// codeExplanations say what an error or a warning of a code means for the people at the door.
var codeExplanations = map[string]string{
	"failed_to_set_on_device":            "The PIN doesn’t work on the lock yet. Keyway keeps retrying, less often each time.",
	"failed_to_remove_from_device":       "The PIN may still open the lock. Keyway keeps retrying; if it’s urgent, go to the door.",
	"delay_in_setting_on_device":         "The PIN may not work on the lock yet. Keyway keeps trying.",
	"delay_in_removing_from_device":      "The PIN may still open the lock. Keyway keeps trying.",
	"duplicate_code_on_device":           "Another code on the lock has the same PIN. Choose another PIN, or delete that code.",
	"no_space_for_access_code_on_device": "Delete a code you no longer need, and this one will be added.",
	"device_offline":                     "Your changes are saved and will be applied when the lock is back online.",
	"device_disconnected":                "Your changes are saved and will be applied when the lock is back online.",
	"account_disconnected":               "Reconnect the account to see what’s on the lock.",
	"conflicting_external_modification":  "The code was changed at the lock, and Keyway restored it.",
	"external_modification_in_effect":    "The code was changed at the lock, and the change applies.",
	"using_backup_access_code":           "Give the guest the PIN of the backup code.",
}

func codeKind(s servedCode) string {
	switch {
	case s.IsOneTime:
		return "One-time, offline"
	case s.IsOffline:
		return "Offline"
	case s.Type == "time_bound":
		return "Time-bound"
	}
	return "Ongoing"
}

func codeBadge(s servedCode) frame.Badge {
	switch {
	case s.Status == "set":
		return frame.Badge{Tone: frame.ToneGood, Text: "Set"}
	case s.IsScheduledOnDevice:
		return frame.Badge{Tone: frame.ToneGood, Text: "Scheduled on device"}
	case s.Status == "setting":
		return frame.Badge{Tone: frame.ToneWarn, Text: "Setting"}
	case s.Status == "removing":
		return frame.Badge{Tone: frame.ToneWarn, Text: "Removing"}
	case s.Status == "unknown":
		return frame.Badge{Tone: frame.ToneBad, Text: "Unknown"}
	}
	return frame.Badge{Tone: frame.ToneNeutral, Text: "Not set yet"}
}

// codeFrame says what comes next for a code, by the workspace's own clock, and when.
func codeFrame(s servedCode, now time.Time) (what string, at time.Time) {
	switch {
	case s.EndsAt.IsZero():
		return "Always", time.Time{}
	case now.Before(s.StartsAt.Time):
		return "Starts", s.StartsAt.Time
	case now.Before(s.EndsAt.Time):
		return "Ends", s.EndsAt.Time
	}
	return "Ended", s.EndsAt.Time
}

func (q *request) codes() error {
	v, err := q.codesView()
	if err != nil {
		return err
	}
	return q.listCodes(v)
}

// codesPerPage is how many codes the list shows at once: each brings its dialogs.
const codesPerPage = 50

// codeListed is the page of the list that has a code, and the place of the code on it.
func (q *request) codeListed(id string) string {
	return q.devicePath("codes") + "?" + url.Values{"code": {id}}.Encode() + "#code-" + id
}

// listCodes shows the codes whose names are looked for, and of these the page that is asked for, or that has
// the code that is asked for or whose dialog is open.
func (q *request) listCodes(v *CodesView) error {
	query := q.R.URL.Query()
	v.Query, v.CodesURL = strings.TrimSpace(query.Get("q")), q.devicePath("codes")
	if v.Query != "" {
		other := func(c Code) bool { return !strings.Contains(strings.ToLower(c.Title()), strings.ToLower(v.Query)) }
		v.Codes, v.Others = slices.DeleteFunc(v.Codes, other), slices.DeleteFunc(v.Others, other)
	}
	v.Total = len(v.Codes)
	list := frame.Numbered{At: v.CodesURL, Filters: url.Values{"q": {v.Query}}}
	page := list.Number(query, codesPerPage, v.Total)
	if i := slices.IndexFunc(v.Codes, func(c Code) bool { return c.ID == query.Get("code") || c.Edit != nil && c.Edit.Open }); i >= 0 {
		page = i/codesPerPage + 1
	}
	v.Pagination = list.Pagination(page, codesPerPage, v.Total)
	if q.R.Method == http.MethodPost {
		v.Location = list.Page(page) // where the dialog stays when something changes
	}
	v.Codes = v.Codes[(page-1)*codesPerPage : min(page*codesPerPage, v.Total)]
	return q.Show(v)
}

// readCode takes what was typed into a dialog; errs is empty when all of it can be read.
func (q *request) readCode(f *CodeForm) (starts, ends time.Time, errs frame.FormErrors) {
	f.Open, f.Name, f.PIN, f.Kind = true, q.Form("name"), q.Form("code"), q.Form("kind")
	f.Starts, f.Ends = q.Form("starts_at"), q.Form("ends_at")
	f.External, f.OneTime, f.UsePool = q.Form("external") != "", q.Form("one_time") != "", q.Form("pool") != ""
	errs = frame.FormErrors{}
	if f.PIN != "" && !f.LockChooses {
		switch {
		case strings.Trim(f.PIN, "0123456789") != "":
			errs["code"] = "Use digits only."
		case len(f.lengths) > 0 && !slices.Contains(f.lengths, len(f.PIN)) || len(f.PIN) < f.PINMin || len(f.PIN) > f.PINMax:
			errs["code"] = f.PINHint
		}
	}
	if f.Kind == "ongoing" {
		return starts, ends, errs
	}
	for _, in := range []struct {
		name, text string
		into       *time.Time
	}{{"starts_at", f.Starts, &starts}, {"ends_at", f.Ends, &ends}} {
		if in.text == "" {
			continue
		}
		t, problem := frame.LocalTime(in.text, f.Zone)
		if problem != "" {
			errs[in.name] = problem
		}
		*in.into = t
	}
	if f.Ends == "" {
		errs["ends_at"] = "Choose when the code ends."
	} else if errs["starts_at"] == "" && errs["ends_at"] == "" && !ends.After(starts) {
		errs["ends_at"] = "The end must be after the start."
	}
	return starts, ends, errs
}

// codeRefused shows a dialog again with what must be corrected.
func (q *request) codeRefused(v *CodesView, f *CodeForm, err error) error {
	errs, ok := frame.FieldErrors(err)
	if !ok {
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Status() >= 500 || refused.Code == fault.AccessCodeNotFound {
			return err
		}
		errs = frame.FormErrors{"": frame.Sentence(refused.Message)}
	}
	f.Errors = errs.OnlyFields("name", "code", "starts_at", "ends_at")
	return q.listCodes(v)
}

func (q *request) createCode() error {
	v, err := q.codesView()
	if err != nil {
		return err
	}
	f := v.Add
	if f == nil {
		return q.refusedHere(fault.New(fault.NotSupported, "This device does not support access codes"))
	}
	starts, ends, errs := q.readCode(f)
	if len(errs) > 0 {
		f.Errors = errs
		return q.listCodes(v)
	}
	n := accesscode.New{
		DeviceID: v.Device.ID, Name: f.Name, PIN: f.PIN, StartsAt: starts.UTC(), EndsAt: ends.UTC(), AllowExternal: f.External,
		Offline: f.Kind == "offline", OneTime: f.OneTime && f.Kind == "offline", EnablePool: f.UsePool,
	}
	made, err := q.Codes.Create(q.Context(), n, false)
	if err != nil {
		return q.codeRefused(v, f, err)
	}
	return q.Done(q.codeListed(made.CodeID), "Access code created.")
}

// find gives the code of the address among those of the page.
func (q *request) find(list []Code) (*Code, error) {
	i := slices.IndexFunc(list, func(c Code) bool { return c.ID == q.R.PathValue("code") })
	if i < 0 {
		return nil, fault.Missing(fault.AccessCodeNotFound)
	}
	return &list[i], nil
}

func (q *request) editCode() error {
	v, err := q.codesView()
	if err != nil {
		return err
	}
	c, err := q.find(v.Codes)
	if err != nil {
		return err
	}
	if c.Edit == nil {
		return q.Refused(q.devicePath("codes"), fault.New(fault.NotSupported, "This access code can’t be changed"))
	}
	f, shown := c.Edit, c.Edit.Shown
	if q.R.PostForm.Has("shown_kind") {
		shown = ShownCode{Name: q.Form("shown_name"), Kind: q.Form("shown_kind"), Starts: q.Form("shown_starts_at"),
			Ends: q.Form("shown_ends_at"), External: q.Form("shown_external") == "yes"}
	}
	starts, ends, errs := q.readCode(f)
	f.Shown = shown
	if len(errs) > 0 {
		f.Errors = errs
		return q.listCodes(v)
	}
	ch := accesscode.Change{PIN: f.PIN}
	if f.Name != shown.Name {
		ch.Name = rpc.Opt[string]{Set: true, Value: f.Name}
	}
	if f.External != shown.External {
		ch.AllowExternal = rpc.Opt[bool]{Set: true, Value: f.External}
	}
	if f.Kind != shown.Kind {
		ch.Type = f.Kind
	}
	if f.Kind == "time_bound" && (f.Ends != shown.Ends || ch.Type != "") {
		ch.EndsAt = rpc.Opt[time.Time]{Set: true, Value: ends.UTC()}
	}
	if f.Kind == "time_bound" && (f.Starts != shown.Starts || ch.Type != "") {
		ch.StartsAt = rpc.Opt[time.Time]{Set: true, Null: starts.IsZero(), Value: starts.UTC()}
	}
	if _, err := q.Codes.Update(q.Context(), c.ID, ch, false); err != nil {
		return q.codeRefused(v, c.Edit, err)
	}
	return q.Done(q.codeListed(c.ID), "Access code changed.")
}

// generateCode fills a free PIN into the dialog that asks for one.
func (q *request) generateCode() error {
	v, err := q.codesView()
	if err != nil {
		return err
	}
	f := v.Add
	if q.R.PathValue("code") != "" {
		c, err := q.find(v.Codes)
		if err != nil {
			return err
		}
		f = c.Edit
	}
	if f == nil {
		return q.Refused(q.devicePath("codes"), fault.New(fault.NotSupported, "PINs can’t be chosen on this device"))
	}
	q.readCode(f)
	if f.PIN, _, err = q.Codes.Generate(q.Context(), v.Device.ID); err != nil {
		return q.codeRefused(v, f, err)
	}
	f.Generated = true
	return q.listCodes(v)
}

func (q *request) deleteCode() error {
	v, err := q.codesView()
	if err != nil {
		return err
	}
	c, err := q.find(slices.Concat(v.Codes, v.Others))
	if err != nil {
		return err
	}
	if _, err := q.Codes.Delete(q.Context(), c.ID, v.Device.ID, c.Managed, false); err != nil {
		return q.Refused(q.devicePath("codes"), err)
	}
	return q.Done(q.codeListed(c.ID), "The code is being removed from the lock.")
}

func (q *request) convertCode() error {
	v, err := q.codesView()
	if err != nil {
		return err
	}
	c, err := q.find(v.Others)
	if err != nil {
		return err
	}
	if err := q.Codes.Convert(q.Context(), c.ID, q.Form("external") != "", q.Form("force") != ""); err != nil {
		return q.Refused(q.devicePath("codes"), err)
	}
	return q.Done(q.codeListed(c.ID), "The code is now managed.")
}

func (q *request) pullBackup() error {
	v, err := q.codesView()
	if err != nil {
		return err
	}
	c, err := q.find(v.Codes)
	if err != nil {
		return err
	}
	backup, err := q.Codes.PullBackup(q.Context(), c.ID)
	if err != nil {
		return q.Refused(q.devicePath("codes"), err)
	}
	return q.Done(q.codeListed(backup), "A backup code is now in use. Give its PIN to the guest.")
}

func (q *request) codePage() error {
	v, err := q.codesView()
	if err != nil {
		return err
	}
	events, err := q.Codes.Timeline(q.Context(), q.R.PathValue("code"))
	if err != nil && !fault.Is(err, fault.AccessCodeNotFound) {
		return err
	}
	page := &CodeView{Page: v.Page, DeviceHead: v.DeviceHead, CodesURL: q.devicePath("codes")}
	c, err := q.find(slices.Concat(v.Codes, v.Others))
	switch {
	case err == nil:
		page.Code = *c
	case len(events) == 0:
		return err
	default:
		page.Gone, page.Code = true, Code{ID: q.R.PathValue("code")}
	}
	created := ""
	for _, e := range events {
		if e.Type == "access_code.created" {
			created = string(e.OccurredAt)
		}
		of, related := page.Device.ID, ""
		if err := json.Unmarshal(e.Related["device_id"], &related); err != nil || related != of {
			return fault.Missing(fault.AccessCodeNotFound)
		}
		var at rpc.Time
		if err := json.Unmarshal(e.OccurredAt, &at); err != nil {
			return err
		}
		var by struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(e.Actor, &by); err != nil {
			return err
		}
		if e.Type == "access_code.mutations_requested" && created != "" && string(e.OccurredAt) == created {
			continue // what its creation asked for
		}
		name := words(strings.NewReplacer("access_code.", "", "mutations", "change", ".", "_").Replace(e.Type))
		page.Timeline = append(page.Timeline, TimelineRow{ID: e.ID, Type: e.Type, Text: name, At: at.Time,
			By: map[string]string{"console_user": "by a person", "api_key": "by the API", "system": "by the system"}[by.Type]})
	}
	slices.Reverse(page.Timeline)
	return q.Show(page)
}

// CodesView is the access codes of a device.
type CodesView struct {
	frame.Page
	DeviceHead
	Codes     []Code
	Others    []Code    // that others put on the lock
	Add       *CodeForm // nil: the device takes none
	Pool      bool      // spare codes can be kept on it
	PoolOn    bool      // and are
	Simulated bool      // a person can put codes on it by hand

	CodesURL   string
	Query      string // what is looked for in names
	Total      int    // codes that it leaves, on all pages
	Pagination frame.Pagination
}

// CodeView is the page of one access code.
type CodeView struct {
	frame.Page
	DeviceHead
	Code     Code
	CodesURL string
	Gone     bool // only its timeline is left
	Timeline []TimelineRow
}

// TimelineRow is something that happened to a code.
type TimelineRow struct {
	ID   string
	Type string
	Text string
	By   string
	At   time.Time
}

// Code is an access code in the list and on its page.
type Code struct {
	ID          string
	URL         string
	Name        string
	PIN         string // empty: not known yet
	WaitsForPIN bool   // the lock makes it up
	Managed     bool
	Backup      bool
	Fixed       bool // of others, and cannot become managed
	Kind        string
	Status      frame.Badge
	Starts      string
	Ends        string
	Opens       string    // what comes next: Starts, Ends, Ended, or Always
	Next        time.Time // when it comes; zero: never
	CreatedAt   time.Time
	Problems    []Problem
	Pending     []string
	Edit        *CodeForm // nil: it cannot be changed
	CanDelete   bool
	Blocked     string // why no changes can be sent to the lock now
	CanPull     bool   // a backup can stand in for it
	PulledURL   string // the backup that does
}

// Title is the code's name, or what stands for it.
func (c Code) Title() string {
	if c.Name == "" {
		return "Unnamed code"
	}
	return c.Name
}

// PINPlaceholder says what an empty PIN means.
func (f CodeForm) PINPlaceholder() string {
	if f.New {
		return "Leave blank to generate"
	}
	return "Unchanged"
}

// CodeForm is the dialog that makes or changes an access code.
type CodeForm struct {
	ID          string
	New         bool
	Open        bool
	Action      string
	Generate    string // where a free PIN is asked for
	Generated   bool   // and the PIN is one
	Name        string
	NameHint    string
	PIN         string
	PINMin      int
	PINMax      int
	PINHint     string
	lengths     []int // numbers of digits; empty: any from PINMin to PINMax
	LockChooses bool
	Rules       []string
	Kind        string // ongoing, time_bound or offline
	Online      bool   // the device takes codes that are programmed from afar
	Offline     bool   // and those that are computed
	Starts      string // as browsers write a time
	Ends        string
	Zone        *time.Location
	External    bool
	OneTime     bool
	UsePool     bool
	CanPool     bool
	Blocked     string // why the device cannot be asked now
	Shown       ShownCode
	Errors      frame.FormErrors
}

// ShownCode is what the fields of an edit dialog were filled with. The form sends it back, so that only fields
// that a person changed are updated: a field contains less than the code does (a time without seconds, in an hour
// that may come twice), and the code may have changed since.
type ShownCode struct {
	Name, Kind, Starts, Ends string
	External                 bool
}
