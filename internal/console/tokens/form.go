package tokens

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// weekdayNames are the days as limits name them, and as people do.
var weekdayNames = []Choice{{Value: "mon", Label: "Mon"}, {Value: "tue", Label: "Tue"}, {Value: "wed", Label: "Wed"},
	{Value: "thu", Label: "Thu"}, {Value: "fri", Label: "Fri"}, {Value: "sat", Label: "Sat"}, {Value: "sun", Label: "Sun"}}

// expiryForm offers what the server's policy lets a token live. selected is an option's value;
// empty: the default.
func (q *request) expiryForm(id, selected string, p credential.Policy) ExpiryForm {
	now := q.Now()
	most := 3650
	f := ExpiryForm{ID: id, MinDate: now.AddDate(0, 0, 1).Format(time.DateOnly)}
	if p.MaximumAgeDays != nil {
		most = min(most, int(*p.MaximumAgeDays))
		f.Policy = "This server lets tokens live for " + frame.Plural(int(*p.MaximumAgeDays), "day", "days") + " at most."
	} else if p.NeverForbidden {
		f.Policy = "This server asks for an expiry."
	}
	f.MaxDate = now.AddDate(0, 0, most).Format(time.DateOnly)
	preset := int(p.Expiry(now, personalaccesstoken.DefaultDays).Sub(now).Round(24*time.Hour) / (24 * time.Hour))
	choices := []int{7, 30, 90, 365}
	if !slices.Contains(choices, preset) {
		choices = append(choices, preset)
		slices.Sort(choices)
	}
	if selected == "" {
		selected = strconv.Itoa(preset)
	}
	add := func(value, label string, expires time.Time) {
		f.Options = append(f.Options, ExpiryOption{Value: value, Label: label, Expires: expires, Selected: value == selected})
	}
	for _, days := range choices {
		if days <= most {
			add(strconv.Itoa(days), frame.Plural(days, "day", "days"), now.AddDate(0, 0, days))
		}
	}
	add(ExpiryDate, "On a date…", time.Time{})
	if p.MaximumAgeDays == nil && !p.NeverForbidden {
		add(ExpiryNever, "Never", time.Time{})
	}
	return f
}

// keep adds the choice to leave the expiry of a token as it is.
func (f *ExpiryForm) keep(expires time.Time, selected string) {
	label := "As it is: never"
	if !expires.IsZero() {
		label = "As it is: " + frame.Date(expires)
	}
	f.Options = append([]ExpiryOption{{Value: ExpiryKeep, Label: label, Expires: expires, Selected: selected == "" ||
		selected == ExpiryKeep}}, f.Options...)
	for i := range f.Options[1:] {
		f.Options[i+1].Selected = f.Options[i+1].Value == selected
	}
}

// expiry reads what was chosen; nil: as it is, the zero time: never.
func (f *ExpiryForm) expiry(choice string, now time.Time) *time.Time {
	if choice == ExpiryDate {
		day, err := time.Parse(time.DateOnly, f.Date)
		at := day.Add(24*time.Hour - time.Second) // to the end of the day
		if err != nil || !at.After(now) || f.Date > f.MaxDate {
			f.Errors = frame.FormErrors{"expires_on": "Choose a day from tomorrow on, until " + f.MaxDate + "."}
		}
		return &at
	}
	for _, option := range f.Options {
		if option.Value != choice {
			continue
		}
		if choice == ExpiryKeep {
			return nil
		}
		return &option.Expires
	}
	f.Errors = frame.FormErrors{"expires_in": "Choose when the token expires."}
	return nil
}

// scopeForm offers the scopes that tokens can have.
func (q *request) scopeForm(chosen []string, legend, every string) ScopeForm {
	f := ScopeForm{Legend: legend, Every: every, Mode: ScopesChosen}
	plain := slices.DeleteFunc(slices.Clone(chosen), func(s string) bool { return !credential.Unlimited().Allows(s) })
	switch {
	case len(chosen) == 0 || slices.Contains(plain, credential.All):
		f.Mode = ScopesAll
	case slices.Equal(chosen, []string{credential.AllReads}):
		f.Mode = ScopesRead
	}
	granted := credential.Limits{Scopes: chosen}
	if f.Mode == ScopesAll { // who goes on to choose begins with none
		granted.Scopes = nil
	}
	groups := map[string][2]bool{}
	for _, scope := range q.Tokens.Scopes {
		group, write, _ := cutScope(scope)
		if !credential.Unlimited().Allows(scope) {
			f.Extras = append(f.Extras, Choice{Value: scope, Label: "Write " + groupTitle(group), Chosen: slices.Contains(chosen, scope)})
		}
		kinds := groups[group]
		if write {
			kinds[1] = true
		} else {
			kinds[0] = true
		}
		groups[group] = kinds
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		read, write := granted.Allows(group+":read"), slices.Contains(chosen, group+":write")
		row := ScopeRow{Group: group, Title: groupTitle(group), Choices: []Choice{{Label: "None", Chosen: !read && !write}}}
		if groups[group][0] {
			row.Choices = append(row.Choices, Choice{Value: "read", Label: "Read", Chosen: read && !write})
		}
		switch has := groups[group]; {
		case has[0] && has[1]:
			row.Choices = append(row.Choices, Choice{Value: "read write", Label: "Read and write", Chosen: read && write})
			if write && !read {
				row.Choices = append(row.Choices, Choice{Value: "write", Label: "Write only", Chosen: true})
			}
		case has[1]:
			row.Choices = append(row.Choices, Choice{Value: "write", Label: "Write", Chosen: write})
		}
		f.Rows = append(f.Rows, row)
	}
	return f
}

// scopes reads the choice of scopes; without one it is everything.
func (q *request) scopes() []string {
	var out []string
	switch q.Form("scope_mode") {
	case ScopesRead:
		return []string{credential.AllReads}
	case ScopesChosen:
		for _, scope := range q.Tokens.Scopes {
			group, _, kind := cutScope(scope)
			if slices.Contains(strings.Fields(q.Form("scope_"+group)), kind) {
				out = append(out, scope)
			}
		}
		return out
	}
	out = []string{credential.All}
	for _, scope := range q.R.PostForm["scope_extra"] {
		if slices.Contains(q.Tokens.Scopes, scope) {
			out = append(out, scope)
		}
	}
	return out
}

func cutScope(scope string) (group string, write bool, kind string) {
	group, kind, _ = strings.Cut(scope, ":")
	return group, kind == "write", kind
}

// limitsForm is the form that shows limits.
func (q *request) limitsForm(l credential.Limits, p credential.Policy) (LimitsForm, error) {
	f := LimitsForm{Scopes: q.scopeForm(l.Scopes, "What it may do", "Everything"), AllWorkspaces: l.WorkspaceIDs == nil,
		SandboxOnly: l.SandboxOnly,
		Networks:    strings.Join(l.AllowedCIDRs, "\n"), Address: q.Client(q.R), FindDevices: q.tokensAt() + "/devices",
		AnyTime: l.AllowedHours == nil, From: "08:00", To: "18:00", TimeZone: "UTC"}
	if len(p.AllowedScopes) > 0 {
		f.Scopes.Policy = "This server allows only: " + scopeWords(p.AllowedScopes, 20) + "."
	}
	for _, m := range q.Memberships {
		f.Workspaces = append(f.Workspaces, Choice{Value: m.ID, Label: m.Name, Note: environment(m.IsSandbox),
			Chosen: slices.Contains(l.WorkspaceIDs, m.ID)})
	}
	for _, id := range l.WorkspaceIDs {
		if q.membership(id) == nil {
			f.Workspaces = append(f.Workspaces, Choice{Value: id, Label: id, Note: "no longer a member", Chosen: true})
		}
	}
	hours := credential.Hours{Weekdays: []string{"mon", "tue", "wed", "thu", "fri"}}
	if l.AllowedHours != nil {
		hours = *l.AllowedHours
		f.From, f.To, f.TimeZone = hours.From, hours.To, hours.TimeZone
		if f.To == wholeDay {
			f.To = "00:00"
		}
	}
	for _, day := range weekdayNames {
		day.Chosen = slices.Contains(hours.Weekdays, day.Value)
		f.Weekdays = append(f.Weekdays, day)
	}
	f.DailyActions, f.MaxUses = optional(l.DailyActionLimit), optional(l.MaxUses)
	var err error
	f.Devices, err = q.deviceChoices(l.DeviceIDs)
	return f, err
}

// wholeDay is the end of a day as limits write it; a time input has no such time.
const wholeDay = "24:00"

func environment(sandbox bool) string {
	if sandbox {
		return "Sandbox"
	}
	return "Production"
}

func optional(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// namedDevice is what the API serves of a device, as far as a list of names needs it.
type namedDevice struct {
	ID           string `json:"device_id"`
	Name         string `json:"display_name"`
	Manufacturer struct {
		DisplayName string `json:"display_name"`
	} `json:"device_manufacturer"`
	Provider struct {
		DisplayName string `json:"display_name"`
	} `json:"device_provider"`
}

func readNamed(doc []byte) (d namedDevice, err error) {
	err = json.Unmarshal(doc, &d)
	return d, err
}

// deviceChoices names devices as far as the person sees them.
func (q *request) deviceChoices(ids []string) ([]Choice, error) {
	names := map[string]string{}
	for _, m := range q.Memberships {
		if len(names) == len(ids) {
			break
		}
		page, err := q.Devices.List(q.R.Context(), m.ID, device.Filter{IDs: rpc.Opt[[]string]{Set: true, Value: ids}, Limit: len(ids)})
		if err != nil {
			return nil, err
		}
		for _, doc := range page.Items {
			d, err := readNamed(doc)
			if err != nil {
				return nil, err
			}
			names[d.ID] = d.Name
		}
	}
	var out []Choice
	for _, id := range ids {
		c := Choice{Value: id, Label: names[id], Chosen: true}
		if c.Label == "" {
			c.Label = id
		}
		out = append(out, c)
	}
	return out, nil
}

// mostFound bounds the devices that a search in the dialog shows.
const mostFound = 30

// findDevices answers the search of the dialog.
func (q *request) findDevices() error {
	query := q.R.URL.Query()
	m := q.membership(query.Get("workspace_id"))
	if m == nil {
		return fault.Missing(fault.WorkspaceNotFound)
	}
	page, err := q.Devices.List(q.R.Context(), m.ID, device.Filter{Search: strings.TrimSpace(query.Get("q")), Limit: mostFound})
	if err != nil {
		return err
	}
	found := []map[string]string{}
	for _, doc := range page.Items {
		d, err := readNamed(doc)
		if err != nil {
			return err
		}
		about := d.Manufacturer.DisplayName
		if about == "" {
			about = d.Provider.DisplayName
		}
		found = append(found, map[string]string{"device_id": d.ID, "name": d.Name, "about": about})
	}
	return q.JSON(http.StatusOK, map[string]any{"devices": found})
}

// limits reads the form into limits, and back into the form what was typed.
func (q *request) limits(f *LimitsForm) (l credential.Limits, notBefore time.Time) {
	form := q.R.PostForm
	f.Errors = frame.FormErrors{}
	f.Description = q.Form("description")
	l.Scopes = q.scopes()
	policy := f.Scopes.Policy
	f.Scopes = q.scopeForm(l.Scopes, f.Scopes.Legend, f.Scopes.Every)
	f.Scopes.Policy = policy
	if mode := q.Form("scope_mode"); mode != "" {
		f.Scopes.Mode = mode
	}
	if len(l.Scopes) == 0 {
		f.Errors["scopes"] = "Choose at least one."
	}
	f.AllWorkspaces = q.Form("workspace_mode") != "chosen"
	for i, w := range f.Workspaces {
		f.Workspaces[i].Chosen = slices.Contains(form["workspace_id"], w.Value)
	}
	if !f.AllWorkspaces {
		l.WorkspaceIDs = form["workspace_id"]
		if len(l.WorkspaceIDs) == 0 {
			f.Errors["workspace_ids"] = "Choose at least one."
		}
	}
	l.SandboxOnly = q.Form("sandbox_only") != ""
	f.SandboxOnly = l.SandboxOnly
	if l.DeviceIDs = form["device_id"]; len(l.DeviceIDs) > 0 {
		// The names stay those that are known; an unknown device is refused by the rules.
		if choices, err := q.deviceChoices(l.DeviceIDs); err == nil {
			f.Devices = choices
		}
	} else {
		l.DeviceIDs, f.Devices = nil, nil
	}
	f.Networks = q.Form("allowed_cidrs")
	l.AllowedCIDRs = strings.FieldsFunc(f.Networks, betweenNetworks)
	if f.AnyTime = q.Form("hours_mode") != "chosen"; !f.AnyTime {
		f.From, f.To, f.TimeZone = q.Form("hours_from"), q.Form("hours_to"), q.Form("time_zone")
		l.AllowedHours = &credential.Hours{Weekdays: form["weekday"], From: f.From, To: f.To, TimeZone: f.TimeZone}
		if l.AllowedHours.To == "00:00" {
			l.AllowedHours.To = wholeDay
		}
		for i, day := range f.Weekdays {
			f.Weekdays[i].Chosen = slices.Contains(form["weekday"], day.Value)
		}
	}
	number := func(name string, text *string, to **int64) {
		if *text = q.Form(name); *text == "" {
			return
		}
		n, err := strconv.ParseInt(*text, 10, 64)
		if err != nil {
			f.Errors[name] = "Enter a number."
		}
		*to = &n
	}
	number("daily_action_limit", &f.DailyActions, &l.DailyActionLimit)
	number("max_uses", &f.MaxUses, &l.MaxUses)
	if f.NotBefore = q.Form("not_before"); f.NotBefore != "" {
		at, err := time.Parse(frame.InputTime, f.NotBefore)
		if err != nil {
			f.Errors["not_before"] = "Enter a date and time."
		}
		notBefore = at
	}
	f.Strict, f.Decoy = q.Form("is_strict") != "", q.Form("is_decoy") != ""
	if err := l.Check(q.Tokens.Scopes); err != nil && len(f.Errors) == 0 {
		f.Errors, _ = frame.FieldErrors(err)
	}
	f.Scopes.Error = f.Errors["scopes"]
	return l, notBefore
}

// betweenNetworks reports whether a character separates the networks in a form.
func betweenNetworks(r rune) bool { return strings.ContainsRune(" ,;\r\n\t", r) }

// limitFields are the errors that the form shows beside a field.
var limitFields = []string{"description", "scopes", "workspace_ids", "device_ids", "allowed_cidrs", "allowed_hours", "daily_action_limit",
	"max_uses", "not_before"}

// narrow is all limits, given.
func narrow(l credential.Limits) personalaccesstoken.Narrow {
	return personalaccesstoken.Narrow{
		Scopes:           rpc.Opt[[]string]{Set: true, Value: l.Scopes},
		WorkspaceIDs:     rpc.Opt[[]string]{Set: true, Null: l.WorkspaceIDs == nil, Value: l.WorkspaceIDs},
		SandboxOnly:      rpc.Opt[bool]{Set: true, Value: l.SandboxOnly},
		AllowedCIDRs:     rpc.Opt[[]string]{Set: true, Value: l.AllowedCIDRs},
		DeviceIDs:        rpc.Opt[[]string]{Set: true, Null: l.DeviceIDs == nil, Value: l.DeviceIDs},
		DailyActionLimit: given(l.DailyActionLimit),
		AllowedHours:     given(l.AllowedHours),
		MaxUses:          given(l.MaxUses),
	}
}

func given[T any](v *T) rpc.Opt[T] {
	if v == nil {
		return rpc.Opt[T]{Set: true, Null: true}
	}
	return rpc.Opt[T]{Set: true, Value: *v}
}

// The states of a token that the API does not have: one that ends within a week, one that lives on
// beside its successor, and one that has no uses left.
const (
	TokenExpiring TokenStatus = "expiring"
	TokenReplaced TokenStatus = "replaced"
	TokenUsedUp   TokenStatus = "used_up"
)

// statusBadges are the states in the order of the filter.
var statusBadges = []struct {
	Status TokenStatus
	frame.Badge
}{
	{TokenActive, frame.Badge{Tone: frame.ToneGood, Text: "Active"}},
	{TokenExpiring, frame.Badge{Tone: frame.ToneWarn, Text: "Expires soon"}},
	{TokenReplaced, frame.Badge{Tone: frame.ToneWarn, Text: "Being replaced"}},
	{TokenNotYetValid, frame.Badge{Tone: frame.ToneNeutral, Text: "Not valid yet"}},
	{TokenDisabled, frame.Badge{Tone: frame.ToneNeutral, Text: "Disabled", Icon: "ban"}},
	{TokenUserDisabled, frame.Badge{Tone: frame.ToneNeutral, Text: "Person disabled", Icon: "ban"}},
	{TokenUsedUp, frame.Badge{Tone: frame.ToneNeutral, Text: "Used up"}},
	{TokenExpired, frame.Badge{Tone: frame.ToneNeutral, Text: "Expired"}},
	{TokenSuperseded, frame.Badge{Tone: frame.ToneNeutral, Text: "Replaced"}},
	{TokenRevoked, frame.Badge{Tone: frame.ToneNeutral, Text: "Revoked"}},
}

// ExpiryForm is the choice of when a token expires.
type ExpiryForm struct {
	ID      string // of the dialog, before those of the fields
	Options []ExpiryOption
	Date    string // yyyy-mm-dd, with the option ExpiryDate
	MinDate string
	MaxDate string
	Policy  string // what the server's policy asks; empty: nothing
	Errors  frame.FormErrors
}

// Values of ExpiryOption.Value besides a number of days.
const (
	ExpiryDate  = "date"
	ExpiryNever = "never"
	ExpiryKeep  = "keep" // of a token that is there
)

// ExpiryOption is one choice of the expiry select.
type ExpiryOption struct {
	Value    string // number of days, ExpiryDate, ExpiryNever or ExpiryKeep
	Label    string
	Expires  time.Time // what the choice comes to; zero for ExpiryDate and ExpiryNever
	Selected bool
}

// Expires is what the selected option comes to; zero: never or not known yet.
func (f ExpiryForm) Expires() time.Time {
	for _, option := range f.Options {
		if option.Selected {
			return option.Expires
		}
	}
	return time.Time{}
}

// LimitsForm is what narrows a token.
type LimitsForm struct {
	Open          bool // the details
	New           bool // the token is being made
	Description   string
	Scopes        ScopeForm
	AllWorkspaces bool
	Workspaces    []Choice
	SandboxOnly   bool
	Devices       []Choice // those that were chosen; none: all
	FindDevices   string   // where the page's script finds more
	Networks      string   // one a line
	Address       string   // of the person who fills in the form
	AnyTime       bool
	Weekdays      []Choice
	From, To      string
	TimeZone      string
	DailyActions  string
	MaxUses       string
	NotBefore     string // as a datetime-local input has it, in UTC
	Strict        bool
	Decoy         bool
	Errors        frame.FormErrors
}

// ScopeForm is the choice of scopes.
type ScopeForm struct {
	Legend string
	Mode   string
	Every  string // what ScopesAll is called
	Rows   []ScopeRow
	Extras []Choice // scopes that Everything leaves out
	Policy string   // what the server's policy allows, in words; empty: anything
	Error  string
}

// Values of ScopeForm.Mode.
const (
	ScopesAll    = "all"
	ScopesRead   = "read"
	ScopesChosen = "chosen"
)

// ScopeRow is what a token may do with one API group.
type ScopeRow struct {
	Group   string
	Title   string
	Choices []Choice
}
