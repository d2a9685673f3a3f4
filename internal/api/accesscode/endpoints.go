package accesscode

import (
	"context"
	"strings"
	"time"

	"keyway/internal/api/action"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// The most codes that a page contains.
const (
	maxCodes     = 55_000
	maxUnmanaged = 300_000
)

// Endpoints are the rows of /access_codes.
func (c *Codes) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/access_codes/create", Summary: "Makes an access code.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Physical: true,
			Attempt: "CREATE_ACCESS_CODE", Secret: true, Handle: rpc.Func(c.createOne)},
		{Path: "/access_codes/create_multiple", Summary: "Makes access codes on several devices, which share one PIN where they can.",
			Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Physical: true, Verbs: "PUT", Returns: "access_codes", Secret: true,
			Handle: rpc.Func(c.createMultiple)},
		{Path: "/access_codes/delete", Summary: "Takes an access code off its lock.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true,
			Physical: true, Verbs: "DELETE", Returns: "action_attempt", Attempt: "DELETE_ACCESS_CODE", Secret: true, Handle: rpc.Func(c.deleteOne)},
		{Path: "/access_codes/generate_code", Summary: "Generates a PIN that a device accepts and that is not in use on it.", Allow: rpc.Frontend,
			Role: rpc.Member, ByDevice: true, Read: true, Returns: "generated_code", Secret: true, Handle: rpc.Func(c.generate)},
		{Path: "/access_codes/get", Summary: "Gets an access code, by its id, or by its device and PIN.", Allow: rpc.Anyone, Role: rpc.Member,
			ByDevice: true, Read: true, Returns: "access_code", Secret: true, Handle: rpc.Func(c.getOne)},
		{Path: "/access_codes/get_timeline", Summary: "Lists what happened to an access code, oldest first.", Allow: rpc.Anyone, Role: rpc.Member,
			ByDevice: true, Read: true, Secret: true, Handle: rpc.Func(c.getTimeline)},
		{Path: "/access_codes/list", Summary: "Lists access codes.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Read: true,
			Returns: "access_codes", PageSize: maxCodes, Secret: true, Handle: rpc.Func(c.list)},
		{Path: "/access_codes/pull_backup_access_code", Summary: "Gets the backup that stands in for an access code.", Allow: rpc.Anyone,
			Role: rpc.Member, ByDevice: true, Physical: true, Returns: "access_code", Twin: "backup_access_code", Secret: true,
			Handle: rpc.Func(c.pullBackup)},
		{Path: "/access_codes/report_device_constraints", Summary: "Reports which lengths of codes a device takes.", Allow: rpc.Frontend,
			Role: rpc.Member, ByDevice: true, Handle: rpc.Func(c.reportConstraints)},
		{Path: "/access_codes/unmanaged/convert_to_managed", Summary: "Makes a code that others put on a lock a managed one.", Allow: rpc.Anyone,
			Role: rpc.Member, ByDevice: true, Physical: true, Verbs: "PATCH", Handle: rpc.Func(c.convert)},
		{Path: "/access_codes/unmanaged/delete", Summary: "Takes a code that others put on a lock off it.", Allow: rpc.Anyone, Role: rpc.Member,
			ByDevice: true, Physical: true, Verbs: "DELETE", Returns: "action_attempt", Attempt: "DELETE_ACCESS_CODE", Secret: true,
			Handle: rpc.Func(c.deleteUnmanaged)},
		{Path: "/access_codes/unmanaged/get", Summary: "Gets a code that others put on a lock.", Allow: rpc.Anyone, Role: rpc.Member,
			ByDevice: true, Read: true, Returns: "access_code", Secret: true, Handle: rpc.Func(c.getUnmanaged)},
		{Path: "/access_codes/unmanaged/list", Summary: "Lists the codes that others put on a lock.", Allow: rpc.Anyone, Role: rpc.Member,
			ByDevice: true, Read: true, Returns: "access_codes", PageSize: maxUnmanaged, Secret: true, Handle: rpc.Func(c.listUnmanaged)},
		{Path: "/access_codes/unmanaged/update", Summary: "Makes a code that others put on a lock a managed one.", Allow: rpc.Anyone,
			Role: rpc.Member, ByDevice: true, Physical: true, Verbs: "PATCH", Handle: rpc.Func(c.updateUnmanaged)},
		{Path: "/access_codes/update", Summary: "Changes an access code.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Physical: true,
			Verbs: "PUT PATCH", Returns: "action_attempt", Attempt: "UPDATE_ACCESS_CODE", Secret: true, Handle: rpc.Func(c.update)},
		{Path: "/access_codes/update_multiple", Summary: "Changes the access codes that share a PIN.", Allow: rpc.Anyone, Role: rpc.Member,
			ByDevice: true, Physical: true, Verbs: "PATCH", Handle: rpc.Func(c.updateMultiple)},
	}
}

// wantedInput has the parameters that creating one and several codes share.
type wantedInput struct {
	Name                rpc.Opt[string]    `json:"name" rule:"nullable,max=200" doc:"What to call it."`
	Code                rpc.Opt[string]    `json:"code" rule:"nullable,min=4,max=12" doc:"Its PIN; one is made up unless given."`
	PreferredLength     rpc.Opt[float64]   `json:"preferred_code_length" rule:"min=1,max=20" doc:"How many digits a PIN that is made up should have."`
	StartsAt            rpc.Opt[time.Time] `json:"starts_at" rule:"nullable" doc:"From when it opens the lock; with ends_at."`
	EndsAt              rpc.Opt[time.Time] `json:"ends_at" rule:"nullable" doc:"Until when it opens the lock."`
	AllowExternal       rpc.Opt[bool]      `json:"allow_external_modification" doc:"Whether what someone does to it at the lock holds."`
	ExternalAllowed     rpc.Opt[bool]      `json:"is_external_modification_allowed" doc:"Another name of allow_external_modification."`
	AttemptForOffline   rpc.Opt[bool]      `json:"attempt_for_offline_device" doc:"false: refuse it when the device is not online."`
	PreferNative        rpc.Opt[bool]      `json:"prefer_native_scheduling" doc:"false: put it on the lock when it begins, not before."`
	UseBackupAccessPool bool               `json:"use_backup_access_code_pool" rule:"default=false" doc:"Whether to keep spare codes on the device from now on."`
}

func (in wantedInput) new() New {
	return New{
		Name: in.Name.Or(""), PIN: in.Code.Or(""), Length: int(in.PreferredLength.Or(0)), StartsAt: at(in.StartsAt), EndsAt: at(in.EndsAt),
		AllowExternal: in.AllowExternal.Or(in.ExternalAllowed.Or(false)), Unscheduled: !in.PreferNative.Or(true),
		EnablePool: in.UseBackupAccessPool, OnlyWhenOnline: !in.AttemptForOffline.Or(true),
	}
}

// at is a time as precise as it is served.
func at(t rpc.Opt[time.Time]) time.Time { return t.Or(time.Time{}).UTC().Truncate(time.Millisecond) }

type createInput struct {
	wantedInput
	DeviceID    string          `json:"device_id" rule:"required" doc:"On which device."`
	CommonKey   rpc.Opt[string] `json:"common_code_key" rule:"nullable,max=200" doc:"Names the codes that share its PIN."`
	IsOffline   bool            `json:"is_offline_access_code" rule:"default=false" doc:"Whether the PIN is computed, without changeset the lock."`
	UseOffline  bool            `json:"use_offline_access_code" rule:"default=false" doc:"Another name of is_offline_access_code."`
	IsOneTime   bool            `json:"is_one_time_use" rule:"default=false" doc:"Whether it opens the lock once."`
	MaxRounding string          `json:"max_time_rounding" enum:"1hour 1day 1h 1d" doc:"How far the times of an offline code may be rounded; 1h unless given. A code for more than 28 days needs 1d where the device computes such codes by the day."`
	Sync        bool            `json:"sync" rule:"default=false" doc:"Whether to answer only when the lock was asked."`
}

// madeCode is the answer to a request for a code.
type madeCode struct {
	rpc.Fields
	Code    rpc.Doc[Code]           `json:"access_code" main:"true"`
	Attempt rpc.Doc[action.Attempt] `json:"action_attempt"`
}

func (c *Codes) createOne(ctx context.Context, in createInput) (out madeCode, err error) {
	n := in.new()
	n.DeviceID, n.CommonKey, n.Offline, n.OneTime = in.DeviceID, in.CommonKey.Or(""), in.IsOffline || in.UseOffline, in.IsOneTime
	n.Rounding = map[string]time.Duration{"1hour": time.Hour, "1h": time.Hour, "1day": 24 * time.Hour, "1d": 24 * time.Hour}[in.MaxRounding]
	made, err := c.Create(ctx, n, in.Sync)
	if err != nil {
		return out, err
	}
	if out.Code, out.Attempt = made.code, made.attempt; !in.Sync {
		return out, nil
	}
	ws := credential.From(ctx).WorkspaceID
	if out.Code, err = c.get(ctx, c.DB, ws, made.CodeID); err != nil {
		return out, err
	}
	out.Attempt, err = c.Attempts.Get(ctx, c.DB, ws, made.attemptID)
	return out, err
}

type createMultipleInput struct {
	wantedInput
	DeviceIDs []string `json:"device_ids" rule:"required,min=1,max=500" doc:"On which devices."`
	Otherwise string   `json:"behavior_when_code_cannot_be_shared" enum:"throw create_random_code" doc:"What to do when the devices have no PIN in common; throw unless given."`
}

func (c *Codes) createMultiple(ctx context.Context, in createMultipleInput) ([]rpc.Doc[Code], error) {
	return c.CreateMultiple(ctx, in.DeviceIDs, in.new(), in.Otherwise == "create_random_code")
}

type updateInput struct {
	ID                string             `json:"access_code_id" rule:"required" doc:"ID of the access code."`
	DeviceID          string             `json:"device_id" doc:"The device that it is on."`
	Name              rpc.Opt[string]    `json:"name" rule:"nullable,max=200" doc:"What to call it."`
	Code              rpc.Opt[string]    `json:"code" rule:"nullable,min=4,max=12" doc:"Its new PIN."`
	StartsAt          rpc.Opt[time.Time] `json:"starts_at" rule:"nullable" doc:"From when it opens the lock."`
	EndsAt            rpc.Opt[time.Time] `json:"ends_at" rule:"nullable" doc:"Until when it opens the lock."`
	Type              string             `json:"type" enum:"ongoing time_bound" doc:"ongoing takes its times away."`
	AllowExternal     rpc.Opt[bool]      `json:"allow_external_modification" doc:"Whether what someone does to it at the lock holds."`
	ExternalAllowed   rpc.Opt[bool]      `json:"is_external_modification_allowed" doc:"Another name of allow_external_modification."`
	AttemptForOffline rpc.Opt[bool]      `json:"attempt_for_offline_device" doc:"false: refuse it when the device is not online."`
	IsManaged         rpc.Opt[bool]      `json:"is_managed" doc:"false leaves it on the lock, to others."`
	UsePool           bool               `json:"use_backup_access_code_pool" rule:"default=false" doc:"Whether to keep spare codes on the device from now on."`
	PreferNative      rpc.Opt[bool]      `json:"prefer_native_scheduling" doc:"false: put it on the lock when it begins, not before."`
	Sync              bool               `json:"sync" rule:"default=false" doc:"Whether to answer only when the lock was asked."`

	IsOffline       bool             `json:"is_offline_access_code" rule:"default=false" doc:"Cannot become true."`
	UseOffline      bool             `json:"use_offline_access_code" rule:"default=false" doc:"Another name of is_offline_access_code."`
	IsOneTime       bool             `json:"is_one_time_use" rule:"default=false" doc:"Cannot become true."`
	MaxRounding     string           `json:"max_time_rounding" enum:"1hour 1day 1h 1d" doc:"Only for offline codes, which cannot change."`
	PreferredLength rpc.Opt[float64] `json:"preferred_code_length" rule:"min=1,max=20" doc:"Only where a PIN is made up, which is when a code is made."`
}

func (c *Codes) update(ctx context.Context, in updateInput) (rpc.Doc[action.Attempt], error) {
	switch {
	case in.IsOffline || in.UseOffline:
		return nil, fault.Invalid("is_offline_access_code", "An access code cannot become an offline one, and an offline one cannot be changed")
	case in.IsOneTime:
		return nil, fault.Invalid("is_one_time_use", "Only an offline access code can be for one use, and it cannot be changed")
	}
	ch := Change{DeviceID: in.DeviceID, Name: in.Name, PIN: in.Code.Or(""), StartsAt: precise(in.StartsAt), EndsAt: precise(in.EndsAt),
		Type:          in.Type,
		AllowExternal: in.AllowExternal, Native: in.PreferNative, IsManaged: in.IsManaged, OnlyOnline: !in.AttemptForOffline.Or(true),
		EnablePool: in.UsePool}
	if !ch.AllowExternal.Set {
		ch.AllowExternal = in.ExternalAllowed
	}
	id, err := c.Update(ctx, in.ID, ch, in.Sync)
	if err != nil {
		return nil, err
	}
	return c.Attempts.Get(ctx, c.DB, credential.From(ctx).WorkspaceID, id)
}

func precise(t rpc.Opt[time.Time]) rpc.Opt[time.Time] {
	t.Value = t.Value.UTC().Truncate(time.Millisecond)
	return t
}

type updateMultipleInput struct {
	CommonKey string             `json:"common_code_key" rule:"required,min=1" doc:"Only codes with this key."`
	Name      rpc.Opt[string]    `json:"name" rule:"nullable,max=200" doc:"What to call them."`
	StartsAt  rpc.Opt[time.Time] `json:"starts_at" rule:"nullable" doc:"From when they open their locks."`
	EndsAt    rpc.Opt[time.Time] `json:"ends_at" rule:"nullable" doc:"Until when they open their locks."`
}

func (c *Codes) updateMultiple(ctx context.Context, in updateMultipleInput) (rpc.OK, error) {
	return rpc.OK{}, c.UpdateMultiple(ctx, in.CommonKey, Change{Name: in.Name, StartsAt: precise(in.StartsAt), EndsAt: precise(in.EndsAt)})
}

type deleteInput struct {
	ID       string `json:"access_code_id" rule:"required" doc:"ID of the access code."`
	DeviceID string `json:"device_id" doc:"The device that it is on."`
	Sync     bool   `json:"sync" rule:"default=false" doc:"Whether to answer only when the lock was asked."`
}

func (c *Codes) deleteOne(ctx context.Context, in deleteInput) (rpc.Doc[action.Attempt], error) {
	return c.remove(ctx, in, true)
}

func (c *Codes) remove(ctx context.Context, in deleteInput, managed bool) (rpc.Doc[action.Attempt], error) {
	id, err := c.Delete(ctx, in.ID, in.DeviceID, managed, in.Sync)
	if err != nil {
		return nil, err
	}
	return c.Attempts.Get(ctx, c.DB, credential.From(ctx).WorkspaceID, id)
}

type deleteUnmanagedInput struct {
	ID   string `json:"access_code_id" rule:"required" doc:"ID of the access code."`
	Sync bool   `json:"sync" rule:"default=false" doc:"Whether to answer only when the lock was asked."`
}

func (c *Codes) deleteUnmanaged(ctx context.Context, in deleteUnmanagedInput) (rpc.Doc[action.Attempt], error) {
	return c.remove(ctx, deleteInput{ID: in.ID, Sync: in.Sync}, false)
}

type getInput struct {
	ID       string `json:"access_code_id" doc:"ID of the access code."`
	DeviceID string `json:"device_id" doc:"Or on which device, with code."`
	Code     string `json:"code" doc:"Its PIN, with device_id."`
}

func (c *Codes) getOne(ctx context.Context, in getInput) (rpc.Doc[Code], error) {
	return c.lookUp(ctx, in, true)
}

func (c *Codes) getUnmanaged(ctx context.Context, in getInput) (rpc.Doc[Unmanaged], error) {
	return c.lookUp(ctx, in, false)
}

// lookUp finds a code by its id, or by its device and PIN; it returns access_code_not_found.
func (c *Codes) lookUp(ctx context.Context, in getInput, managed bool) ([]byte, error) {
	p := credential.From(ctx)
	if in.ID == "" {
		if in.DeviceID == "" || in.Code == "" {
			return nil, fault.Invalid("access_code_id", "Required")
		}
		ids, err := c.withPIN(ctx, c.DB, p.WorkspaceID, in.DeviceID, in.Code, managed)
		if err != nil {
			return nil, err
		}
		if len(ids) == 0 {
			return nil, fault.Missing(fault.AccessCodeNotFound)
		}
		in.ID = ids[len(ids)-1]
	}
	w := c.DB.Where()
	w.Add("workspace_id = ?", p.WorkspaceID)
	w.Add("access_code_id = ?", in.ID)
	w.Add("is_managed = ?", managed)
	w.Add("is_spare = ?", false)
	p.Limit(w, "device_id", "connected_account_id", "")
	rows, err := c.served(ctx, c.DB, w)
	if err == nil && len(rows) == 0 {
		err = fault.Missing(fault.AccessCodeNotFound)
	}
	if err != nil {
		return nil, err
	}
	return rows[0].Doc, nil
}

type listInput struct {
	rpc.PageInput
	IDs               rpc.Opt[[]string] `json:"access_code_ids" rule:"max=10000" doc:"Only these."`
	DeviceID          string            `json:"device_id" doc:"Only those on this device."`
	CustomerKey       string            `json:"customer_key" doc:"Only those of this customer."`
	UserIdentifierKey string            `json:"user_identifier_key" doc:"Only those on devices of this user."`
	Search            string            `json:"search" doc:"Only those whose name, PIN or id contains this."`
	GrantID           string            `json:"access_grant_id" doc:"Only those of this access grant."`
	GrantKey          string            `json:"access_grant_key" doc:"Only those of the access grant with this key."`
	MethodID          string            `json:"access_method_id" doc:"Only those of this access method."`
}

func (c *Codes) list(ctx context.Context, in listInput) (rpc.Page[Code], error) {
	from, limit, err := in.Start(ctx)
	if err != nil {
		return rpc.Page[Code]{}, err
	}
	return page[Code](ctx, c, in, true, from, limit)
}

type listUnmanagedInput struct {
	rpc.PageInput
	DeviceID          string `json:"device_id" rule:"required" doc:"On which device."`
	UserIdentifierKey string `json:"user_identifier_key" doc:"Only those on devices of this user."`
	Search            string `json:"search" doc:"Only those whose name, PIN or id contains this."`
}

func (c *Codes) listUnmanaged(ctx context.Context, in listUnmanagedInput) (rpc.Page[Unmanaged], error) {
	from, limit, err := in.Start(ctx)
	if err != nil {
		return rpc.Page[Unmanaged]{}, err
	}
	return page[Unmanaged](ctx, c, listInput{DeviceID: in.DeviceID, UserIdentifierKey: in.UserIdentifierKey, Search: in.Search},
		false, from, limit)
}

// page reads one page of codes in the order in which they were made.
func page[T any](ctx context.Context, c *Codes, in listInput, managed bool, from rpc.Position, limit int) (p rpc.Page[T], err error) {
	w := in.where(ctx, c.DB, managed)
	switch {
	case in.Search == "":
	case strings.Trim(in.Search, "0123456789") == "":
		ids, err := c.withDigits(ctx, in.where(ctx, c.DB, managed), in.Search)
		if err != nil {
			return p, err
		}
		w.AddIn("access_code_id", ids)
	default:
		w.AddContains("search", in.Search)
	}
	if in.GrantID != "" || in.GrantKey != "" || in.MethodID != "" {
		w.AddIn("access_code_id", nil) // there are no access grants yet, so no code is of one
	}
	rows, short, err := store.ReadPage(ctx, c.DB, w, store.Paging{Table: "access_codes", Columns: servedColumns, ID: "access_code_id",
		After: from, Limit: limit}, c.scanServed)
	return rpc.PageOf[T](rows, limit, short), err
}

// listed is the condition of a list as its index has it. A spare does not belong to a caller yet.
func listed(managed bool) string {
	if managed {
		return "is_managed = TRUE AND is_spare = FALSE"
	}
	return "is_managed = FALSE AND is_spare = FALSE"
}

// where is what a list asks for but for its search.
func (in listInput) where(ctx context.Context, db *store.DB, managed bool) *store.Where {
	caller := credential.From(ctx)
	w := db.Where()
	w.Add("workspace_id = ?", caller.WorkspaceID)
	w.Add(listed(managed))
	caller.Limit(w, "device_id", "connected_account_id", "")
	if in.IDs.Set {
		w.AddIn("access_code_id", in.IDs.Value)
	}
	if in.DeviceID != "" {
		w.AddEqual("device_id", in.DeviceID)
	}
	if in.CustomerKey != "" {
		w.AddFound("connected_account_id", "SELECT connected_account_id FROM connected_accounts WHERE workspace_id = ? AND customer_key = ?",
			caller.WorkspaceID, in.CustomerKey)
	}
	if in.UserIdentifierKey != "" {
		credential.AccountsOfUser(w, "connected_account_id", caller.WorkspaceID, in.UserIdentifierKey)
	}
	return w
}

type deviceInput struct {
	DeviceID string `json:"device_id" rule:"required" doc:"For which device."`
}

// noCode is the id of what is no access code yet: the contract has an id in it, and none can be looked up.
const noCode = "00000000-0000-0000-0000-000000000000"

func (c *Codes) generate(ctx context.Context, in deviceInput) (rpc.Doc[Code], error) {
	pin, t, err := c.Generate(ctx, in.DeviceID)
	if err != nil {
		return nil, err
	}
	r := newRow(t.device, t.now, true)
	r.PIN, r.id, r.LetGo = pin, noCode, true
	doc, secret, err := r.serve(t.now, t.environment)
	if err != nil {
		return nil, err
	}
	return rpc.Splice[Code](doc, secret), nil
}

type codeInput struct {
	ID string `json:"access_code_id" rule:"required" doc:"ID of the access code."`
}

func (c *Codes) pullBackup(ctx context.Context, in codeInput) (rpc.Doc[Code], error) {
	id, err := c.PullBackup(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return c.get(ctx, c.DB, credential.From(ctx).WorkspaceID, id)
}

type constraintsInput struct {
	DeviceID string         `json:"device_id" rule:"required" doc:"ID of the device."`
	Lengths  rpc.Opt[[]int] `json:"supported_code_lengths" rule:"min=1,max=17" doc:"How many digits a code may have."`
	Min      rpc.Opt[int]   `json:"min_code_length" rule:"min=4,max=20" doc:"Or how many at the least."`
	Max      rpc.Opt[int]   `json:"max_code_length" rule:"min=4,max=20" doc:"And the maximum."`
}

func (c *Codes) reportConstraints(ctx context.Context, in constraintsInput) (rpc.OK, error) {
	for _, n := range in.Lengths.Value {
		if n < 4 || n > 20 {
			return rpc.OK{}, fault.Invalid("supported_code_lengths", "Each length is from 4 to 20")
		}
	}
	return rpc.OK{}, c.ReportConstraints(ctx, in.DeviceID, in.Lengths.Value, in.Min.Or(0), in.Max.Or(0))
}

type convertInput struct {
	ID              string `json:"access_code_id" rule:"required" doc:"ID of the access code."`
	AllowExternal   bool   `json:"allow_external_modification" rule:"default=false" doc:"Whether what someone does to it at the lock holds."`
	ExternalAllowed bool   `json:"is_external_modification_allowed" rule:"default=false" doc:"Another name of allow_external_modification."`
	Force           bool   `json:"force" rule:"default=false" doc:"Takes it over from another workspace that manages it."`
	Sync            bool   `json:"sync" rule:"default=false" doc:"It is converted when this answers in any case."`
}

func (c *Codes) convert(ctx context.Context, in convertInput) (rpc.OK, error) {
	return rpc.OK{}, c.Convert(ctx, in.ID, in.AllowExternal || in.ExternalAllowed, in.Force)
}

type updateUnmanagedInput struct {
	ID              string `json:"access_code_id" rule:"required" doc:"ID of the access code."`
	IsManaged       bool   `json:"is_managed" rule:"required" doc:"true makes it a managed one."`
	AllowExternal   bool   `json:"allow_external_modification" rule:"default=false" doc:"Whether what someone does to it at the lock holds."`
	ExternalAllowed bool   `json:"is_external_modification_allowed" rule:"default=false" doc:"Another name of allow_external_modification."`
	Force           bool   `json:"force" rule:"default=false" doc:"Takes it over from another workspace that manages it."`
}

func (c *Codes) updateUnmanaged(ctx context.Context, in updateUnmanagedInput) (rpc.OK, error) {
	if !in.IsManaged {
		_, err := c.find(ctx, c.DB, in.ID, false)
		return rpc.OK{}, err
	}
	return rpc.OK{}, c.Convert(ctx, in.ID, in.AllowExternal || in.ExternalAllowed, in.Force)
}
