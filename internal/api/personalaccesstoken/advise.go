package personalaccesstoken

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// UseCount is how often a token called an endpoint on a day.
type UseCount struct {
	Day         string  `json:"day" doc:"In UTC."`
	WorkspaceID *string `json:"workspace_id" doc:"null: about no workspace."`
	Endpoint    string  `json:"endpoint"`
	Count       int64   `json:"count"`
}

// Advice compares what a token may do with what it did.
type Advice struct {
	TokenID     string           `json:"personal_access_token_id"`
	Days        int              `json:"days"`
	Permissions int              `json:"permission_count" doc:"How many scopes of endpoints the token has."`
	Used        int              `json:"used_permission_count" doc:"How many of them it used."`
	Requests    int64            `json:"request_count"`
	Suggestion  *Suggestion      `json:"suggestion" doc:"Limits as narrow as its use; null: it was not used."`
	DryRun      *DryRun          `json:"dry_run" doc:"What the given limits would have refused; of the suggestion unless limits were given."`
	Networks    []NetworkOfToken `json:"networks" doc:"From where it was used."`
	DeviceIDs   []string         `json:"used_device_ids" doc:"The devices that its requests named; lists of all devices name none."`
}

// Suggestion is what /keyway/v1/personal_access_tokens/update takes to narrow a token to its use.
type Suggestion struct {
	Scopes       []string `json:"scopes"`
	WorkspaceIDs []string `json:"workspace_ids" rule:"nullable" doc:"null: it was used in no workspace, or it created some, which a token that is limited to workspaces may not."`
	AllowedCIDRs []string `json:"allowed_cidrs"`
	// What its requests named and when they came: before narrowing a token to these, make sure that it
	// does nothing else at other times.
	DeviceIDs    []string          `json:"device_ids" rule:"nullable" doc:"null: it named none, or did what tokens that are limited to devices may not."`
	AllowedHours *credential.Hours `json:"allowed_hours" doc:"null: it was used at nearly all hours, or too seldom for a suggestion, or has hours already."`
}

// DryRun is what limits would have refused of the recorded use.
type DryRun struct {
	Refused  int64      `json:"refused_request_count"`
	Uses     []UseCount `json:"refused"`
	Networks []string   `json:"refused_networks" doc:"Networks that it was used from and that the limits would not let in, wholly or in part."`
	Devices  []string   `json:"refused_device_ids" doc:"Devices that its requests named and that would not exist for it."`
	Hours    []string   `json:"refused_hours" doc:"Hours of the week at which it was used and would no longer work."`
}

// NetworkOfToken is where a token was used from.
type NetworkOfToken struct {
	Network     string   `json:"network"`
	FirstUsedAt rpc.Time `json:"first_used_at" rule:"nullable"`
	LastUsedAt  rpc.Time `json:"last_used_at" rule:"nullable"`
}

// Usages returns how often a token, or its predecessors, called each endpoint in the last number of days.
func (t *Tokens) Usages(ctx context.Context, m Manager, id string, days int) (credential.Credential, []UseCount, error) {
	c, err := t.managed(ctx, t.DB, m, id)
	if err != nil {
		return c, nil, err
	}
	if err := t.FlushUse(ctx); err != nil {
		return c, nil, err
	}
	rows, err := t.DB.Query(ctx, `SELECT day, workspace_id, endpoint, sum(count) FROM token_uses
		WHERE credential_id IN (SELECT credential_id FROM credentials WHERE family_id = $1) AND day > $2
		GROUP BY day, workspace_id, endpoint ORDER BY day, workspace_id,
		endpoint`, c.FamilyID, t.Now().UTC().AddDate(0, 0, -days).Format(time.DateOnly))
	uses, err := store.All(rows, err, func(rows *sql.Rows) (u UseCount, err error) {
		var workspace string
		if err = rows.Scan(&u.Day, &workspace, &u.Endpoint, &u.Count); workspace != "" {
			u.WorkspaceID = &workspace
		}
		return u, err
	})
	return c, uses, err
}

// Advise compares what a token may do with what it did in a number of days, and tries limits on
// that; nil tries the suggestion.
func (t *Tokens) Advise(ctx context.Context, m Manager, id string, days int, try *Suggestion) (a Advice, err error) {
	c, uses, err := t.Usages(ctx, m, id, days)
	if err != nil {
		return a, err
	}
	a = Advice{TokenID: c.ID, Days: days, Networks: []NetworkOfToken{}}
	if a.Networks, err = t.networks(ctx, c.FamilyID, days); err != nil {
		return a, err
	}
	if a.DeviceIDs, err = t.habits(ctx, c.FamilyID, deviceHabit, t.Now().Add(-keepUses)); err != nil {
		return a, err
	}
	hours, err := t.habits(ctx, c.FamilyID, hourHabit, t.Now().AddDate(0, 0, -days))
	if err != nil {
		return a, err
	}
	scopeOf, granted, byDevice, beyond := map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range t.Table() {
		scopeOf[e.Path], byDevice[e.Path] = e.Scope(), e.ByDevice || e.Self
		beyond[e.Path] = e.Workspace == rpc.Forbidden
		if c.Limits.Allows(e.Scope()) {
			granted[e.Scope()] = true
		}
	}
	s := &Suggestion{}
	add := func(list *[]string, v string) {
		if v != "" && !slices.Contains(*list, v) {
			*list = append(*list, v)
		}
	}
	for _, u := range uses {
		a.Requests += u.Count
		// What a token may always do about itself needs no scope, unless it has it.
		if scope := scopeOf[u.Endpoint]; granted[scope] {
			add(&s.Scopes, scope)
		}
		if u.WorkspaceID != nil {
			add(&s.WorkspaceIDs, *u.WorkspaceID)
		}
	}
	for _, n := range a.Networks {
		add(&s.AllowedCIDRs, n.Network)
	}
	slices.Sort(s.Scopes)
	slices.Sort(s.WorkspaceIDs)
	// A token that is limited to workspaces makes none: the chain refuses endpoints that are about no workspace.
	if slices.ContainsFunc(uses, func(u UseCount) bool { return beyond[u.Endpoint] }) {
		s.WorkspaceIDs = nil
	}
	if n := len(a.DeviceIDs); n > 0 && n <= mostDevices && !slices.ContainsFunc(uses, func(u UseCount) bool { return !byDevice[u.Endpoint] }) {
		s.DeviceIDs = a.DeviceIDs
	}
	if c.Limits.AllowedHours == nil && a.Requests >= fewRequests && daysOf(uses) >= fewDays {
		s.AllowedHours = hoursOf(hours)
	}
	a.Permissions, a.Used = len(granted), len(s.Scopes)
	if len(s.Scopes) > 0 {
		a.Suggestion = s
		if try == nil {
			try = s
		}
	}
	if try == nil {
		return a, nil
	}
	a.DryRun = &DryRun{Uses: []UseCount{}, Networks: []string{}, Devices: []string{}, Hours: []string{}}
	if try.AllowedHours != nil {
		a.DryRun.Hours = outside(hours, try.AllowedHours, t.Now())
	}
	for _, id := range a.DeviceIDs {
		if try.DeviceIDs != nil && !slices.Contains(try.DeviceIDs, id) {
			a.DryRun.Devices = append(a.DryRun.Devices, id)
		}
	}
	for _, u := range uses {
		scope := scopeOf[u.Endpoint]
		if (!granted[scope] || try.Scopes == nil || credential.Limits{Scopes: try.Scopes}.Allows(scope)) &&
			(try.WorkspaceIDs == nil || !beyond[u.Endpoint] && (u.WorkspaceID == nil || slices.Contains(try.WorkspaceIDs, *u.WorkspaceID))) &&
			(try.DeviceIDs == nil || byDevice[u.Endpoint]) {
			continue
		}
		a.DryRun.Uses = append(a.DryRun.Uses, u)
		a.DryRun.Refused += u.Count
	}
	for _, n := range a.Networks {
		if len(try.AllowedCIDRs) > 0 && !credential.NetworkWithin(n.Network, try.AllowedCIDRs) {
			a.DryRun.Networks = append(a.DryRun.Networks, n.Network)
		}
	}
	return a, nil
}

// daysOf is on how many days there were uses.
func daysOf(uses []UseCount) int {
	days := map[string]bool{}
	for _, u := range uses {
		days[u.Day] = true
	}
	return len(days)
}

func (t *Tokens) networks(ctx context.Context, familyID string, days int) ([]NetworkOfToken, error) {
	rows, err := t.DB.Query(ctx,
		`SELECT network, first_used_at, last_used_at FROM token_networks WHERE family_id = $1 AND last_used_at >= $2 ORDER BY last_used_at DESC`,
		familyID, store.Micros(t.Now().AddDate(0, 0, -days)))
	out, err := store.All(rows, err, func(rows *sql.Rows) (n NetworkOfToken, err error) {
		var first, last int64
		err = rows.Scan(&n.Network, &first, &last)
		n.FirstUsedAt, n.LastUsedAt = rpc.Time{Time: store.Time(first)}, rpc.Time{Time: store.Time(last)}
		return n, err
	})
	if out == nil {
		out = []NetworkOfToken{}
	}
	return out, err
}

func (t *Tokens) adviseEndpoints() []rpc.Endpoint {
	const path = "/keyway/v1/personal_access_tokens/"
	return []rpc.Endpoint{
		{Path: path + "advise", Summary: "Compares what a token may do with what it did, suggests narrower limits, and tries limits on its " +
			"recorded use.", Allow: rpc.Person, Workspace: rpc.Ignored, Self: true, Read: true, Returns: "advice", Handle: rpc.Func(t.advise)},
		{Path: path + "get_usage", Summary: "Returns how often a token called each endpoint, by workspace and day; kept for 90 days.",
			Allow: rpc.Person, Workspace: rpc.Ignored, Self: true, Read: true, Returns: "usage", Handle: rpc.Func(t.getUsage)},
	}
}

// defaultAdviceDays is how far back advice looks by default.
const defaultAdviceDays = 30

type usageInput struct {
	ID   string `json:"personal_access_token_id" doc:"ID of the token; with a token, itself unless given."`
	Days *int   `json:"days" rule:"min=1,max=90" doc:"How many days to look back; 30 unless given."`
}

func (in usageInput) days() int {
	if in.Days != nil {
		return *in.Days
	}
	return defaultAdviceDays
}

type adviseInput struct {
	ID           string                    `json:"personal_access_token_id" doc:"ID of the token; with a token, itself unless given."`
	Days         *int                      `json:"days" rule:"min=1,max=90" doc:"How many days to look back; 30 unless given."`
	Scopes       rpc.Opt[[]string]         `json:"scopes" doc:"Scopes to try."`
	WorkspaceIDs rpc.Opt[[]string]         `json:"workspace_ids" doc:"Workspaces to try."`
	AllowedCIDRs rpc.Opt[[]string]         `json:"allowed_cidrs" doc:"Networks to try."`
	DeviceIDs    rpc.Opt[[]string]         `json:"device_ids" doc:"Devices to try."`
	AllowedHours rpc.Opt[credential.Hours] `json:"allowed_hours" rule:"nullable" doc:"Hours to try."`
}

func (t *Tokens) advise(ctx context.Context, in adviseInput) (Advice, error) {
	p := credential.From(ctx)
	id, err := subject(p, in.ID)
	if err != nil {
		return Advice{}, err
	}
	var try *Suggestion
	if in.Scopes.Set || in.WorkspaceIDs.Set || in.AllowedCIDRs.Set || in.DeviceIDs.Set || in.AllowedHours.Set {
		try = &Suggestion{Scopes: in.Scopes.Value, WorkspaceIDs: in.WorkspaceIDs.Value, AllowedCIDRs: in.AllowedCIDRs.Value,
			DeviceIDs: in.DeviceIDs.Value}
		if in.AllowedHours.Set && !in.AllowedHours.Null {
			if err := (credential.Limits{Scopes: []string{credential.All}, AllowedHours: &in.AllowedHours.Value}).Check(nil); err != nil {
				return Advice{}, err
			}
			try.AllowedHours = &in.AllowedHours.Value
		}
	}
	return t.Advise(ctx, manager(p), id, usageInput{Days: in.Days}.days(), try)
}

func (t *Tokens) getUsage(ctx context.Context, in usageInput) ([]UseCount, error) {
	p := credential.From(ctx)
	id, err := subject(p, in.ID)
	if err != nil {
		return nil, err
	}
	_, uses, err := t.Usages(ctx, manager(p), id, in.days())
	if uses == nil {
		uses = []UseCount{}
	}
	return uses, err
}
