// Package wiring wires the rooms to each other: once, for the program and for the tests that need them
// all.
package wiring

import (
	"log/slog"
	"slices"
	"time"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/account"
	"keyway/internal/api/action"
	"keyway/internal/api/apikey"
	"keyway/internal/api/auditlog"
	"keyway/internal/api/clientsession"
	"keyway/internal/api/connectwebview"
	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/api/health"
	"keyway/internal/api/lock"
	"keyway/internal/api/member"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/telemetry"
	"keyway/internal/api/user"
	"keyway/internal/api/webhook"
	"keyway/internal/api/workspace"
	"keyway/internal/console"
	"keyway/internal/platform/clock"
	"keyway/internal/platform/job"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/outbound"
	"keyway/internal/platform/retention"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
	"keyway/internal/provider/sandbox/memory"
	"keyway/internal/simulate"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
	"keyway/internal/trust/keyring"
	"keyway/internal/trust/policy"
)

// Rooms are the rules of every room over one database.
type Rooms struct {
	Outside
	Audit      *audit.Log
	People     *identity.People
	Usage      *credential.Usage
	Leaks      *credential.Leaks
	Keyring    *keyring.Keyring
	Retention  *retention.Purger
	Events     *event.Log
	Attempts   *action.Attempts
	Jobs       *job.Runner
	Mail       *mail.Outbox
	Providers  *provider.Registry
	Virtual    *sandbox.Driver
	Simulate   *simulate.Simulator
	Workspaces *workspace.Workspaces
	Devices    *device.Devices
	Accounts   *account.Accounts
	Codes      *accesscode.Codes
	Locks      *lock.Locks
	Webviews   *connectwebview.Webviews
	Sessions   *clientsession.Sessions
	Webhooks   *webhook.Webhooks
	Keys       *apikey.Keys
	Tokens     *personalaccesstoken.Tokens
	Policies   *policy.Policies
	Members    *member.Members
}

// Outside is what the rooms get from outside. Only DB, Vault and Log are needed.
type Outside struct {
	DB         *store.DB
	Vault      *vault.Vault
	Log        *slog.Logger
	Now        func() time.Time // nil: the machine's clock
	PublicURL  string
	UserAgent  string            // of webhooks
	Guard      *outbound.Guard   // nil: only the public internet
	KeepEvents time.Duration     // 0: events are never removed
	ReadEvery  time.Duration     // locks whose provider does not notify; 0: never
	SMTP       *mail.Server      // nil: nothing is mailed
	Drivers    []provider.Driver // of production workspaces
}

// Wire makes the rooms.
func Wire(o Outside) *Rooms {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Guard == nil {
		o.Guard = &outbound.Guard{}
	}
	db, v, now, clocks := o.DB, o.Vault, o.Now, clock.Clock{Real: o.Now}
	if db != nil { // nil: only the table of endpoints is needed
		db.SetSigner(&signed.Signer{Vault: v, Log: o.Log, Now: now})
	}
	r := &Rooms{Outside: o}
	memories := &memory.Memory{DB: db, Vault: v}
	r.Virtual = sandbox.New(memories, now)
	r.Audit = &audit.Log{DB: db, Vault: v, Now: now, Signed: grant.Tables()}
	r.People = &identity.People{DB: db, Vault: v, Audit: r.Audit, Now: now}
	r.Usage = credential.NewUsage(db)
	r.Leaks = &credential.Leaks{DB: db, Vault: v, Audit: r.Audit, Limit: credential.NewLimiter(credential.LeaksPerMinute, now), Now: now}
	r.Jobs = job.NewRunner(db, o.Log, now)
	r.Keyring = &keyring.Keyring{DB: db, Vault: v, Audit: r.Audit, Jobs: r.Jobs, Now: now, Signed: grant.Tables(),
		Sealed: slices.Concat(accesscode.Sealed(), action.Sealed(),
			event.Sealed(), identity.Sealed(), webhook.Sealed(), clientsession.Sealed(), connectwebview.Sealed(), memory.Sealed(), mail.Sealed(),
			account.Sealed())}
	r.Keyring.RegisterJobs()
	r.Mail = mail.New(mail.Outbox{DB: db, Vault: v, Jobs: r.Jobs, Log: o.Log, Now: now, PublicURL: o.PublicURL, Server: o.SMTP})
	r.Events = &event.Log{DB: db, Vault: v, Retention: o.KeepEvents, Now: now}
	r.Retention = &retention.Purger{DB: db, Jobs: r.Jobs, Log: o.Log, Now: now, Tables: r.Tables()}
	r.Retention.RegisterJobs()
	r.Webhooks = webhook.New(webhook.Webhooks{DB: db, Vault: v, Events: r.Events, Jobs: r.Jobs, Guard: o.Guard, Audit: r.Audit, Log: o.Log,
		Mail: r.Mail, Now: now, UserAgent: o.UserAgent})
	r.Attempts = &action.Attempts{DB: db, Vault: v, Now: now}
	r.Providers = provider.NewRegistry(r.Virtual, o.Drivers...)
	r.Devices = &device.Devices{DB: db, Events: r.Events, Providers: r.Providers, Jobs: r.Jobs, Clock: clocks, Now: now}
	r.Accounts = &account.Accounts{DB: db, Vault: v, Events: r.Events, Devices: r.Devices, Providers: r.Providers, Log: o.Log, Now: now}
	r.Devices.Sessions = r.Accounts
	r.Devices.RegisterJobs()
	r.Workspaces = &workspace.Workspaces{DB: db, PublicURL: o.PublicURL, Attempts: r.Attempts, Jobs: r.Jobs, Audit: r.Audit, Now: now,
		RemoveRows: r.Retention.RemoveWorkspace}
	r.Workspaces.Finders = r.finders()
	r.Workspaces.RegisterJobs()
	r.Codes = &accesscode.Codes{DB: db, Vault: v, Devices: r.Devices, Attempts: r.Attempts, Jobs: r.Jobs, Events: r.Events, Clock: clocks,
		Log: o.Log, ReadEvery: o.ReadEvery}
	r.Codes.RegisterJobs()
	r.Locks = &lock.Locks{DB: db, Devices: r.Devices, Attempts: r.Attempts, Jobs: r.Jobs, Events: r.Events, Clock: clocks, Codes: r.Codes,
		Log: o.Log}
	r.Locks.RegisterJobs()
	r.Devices.Observers = append(r.Devices.Observers, r.Locks, r.Codes)
	r.Sessions = &clientsession.Sessions{DB: db, Vault: v, Events: r.Events, Limit: credential.NewLimiter(clientsession.PerMinute, now),
		Now: now}
	r.Webviews = &connectwebview.Webviews{DB: db, Vault: v, Events: r.Events, Accounts: r.Accounts, Devices: r.Devices,
		Workspaces: r.Workspaces,
		Providers:  r.Providers, PublicURL: o.PublicURL, Log: o.Log, Now: now}
	r.Simulate = &simulate.Simulator{DB: db, Virtual: r.Virtual, Memory: memories, Devices: r.Devices, Accounts: r.Accounts, Codes: r.Codes,
		Locks:    r.Locks,
		Webviews: r.Webviews, Workspaces: r.Workspaces, Jobs: r.Jobs, Audit: r.Audit, Clock: clocks, Now: now}
	r.Devices.Subscribers = append(r.Devices.Subscribers, r.Codes, r.Simulate)
	r.Workspaces.Subscribers = append(r.Workspaces.Subscribers, r.Accounts, r.Simulate)
	r.Keys = &apikey.Keys{DB: db, Vault: v, Usage: r.Usage, Audit: r.Audit, Now: now}
	r.Tokens = &personalaccesstoken.Tokens{DB: db, Vault: v, Usage: r.Usage, Audit: r.Audit, Events: r.Events, Jobs: r.Jobs, Mail: r.Mail,
		Now: now, Table: r.Table}
	r.Tokens.RegisterJobs()
	r.Leaks.Subscribers = append(r.Leaks.Subscribers, r.Tokens)
	r.Policies = &policy.Policies{DB: db, Audit: r.Audit, Now: now, Table: r.Table}
	r.Members = &member.Members{DB: db, People: r.People, Workspaces: r.Workspaces, Keys: r.Keys, Audit: r.Audit, Mail: r.Mail, Now: now,
		PublicURL: o.PublicURL}
	r.Tokens.Scopes = rpc.Scopes(r.Endpoints()...)
	return r
}

// Endpoints are the rows of all rooms, room by room.
func (r *Rooms) Endpoints() [][]rpc.Endpoint {
	return [][]rpc.Endpoint{
		r.Webviews.Endpoints(), r.Sessions.Endpoints(), r.Webhooks.Endpoints(), telemetry.Endpoints(), r.Locks.Endpoints(), r.Codes.Endpoints(),
		(&health.Checker{DB: r.DB, Now: r.Now}).Endpoints(), r.Workspaces.Endpoints(), r.Devices.Endpoints(), r.Accounts.Endpoints(),
		r.Attempts.Endpoints(), r.Events.Endpoints(), r.Tokens.Endpoints(), r.Policies.Endpoints(), r.Keys.Endpoints(), r.Members.Endpoints(),
		(&user.Users{People: r.People}).Endpoints(), (&auditlog.Reader{Log: r.Audit}).Endpoints(), r.Leaks.Endpoints(), r.Simulate.Endpoints(),
	}
}

// Table is the rows of all rooms in one.
func (r *Rooms) Table() (rows []*rpc.Endpoint) {
	for _, t := range r.Endpoints() {
		for i := range t {
			rows = append(rows, &t[i])
		}
	}
	return rows
}

// Console are the rules that the Console's pages work with.
func (r *Rooms) Console() console.Rules {
	return console.Rules{
		DB: r.DB, People: r.People, Workspaces: r.Workspaces, Members: r.Members, Keys: r.Keys, Tokens: r.Tokens, Policies: r.Policies,
		Audit:   r.Audit,
		Devices: r.Devices, Accounts: r.Accounts, Webviews: r.Webviews, Sessions: r.Sessions, Webhooks: r.Webhooks, Providers: r.Providers,
		Events: r.Events, Attempts: r.Attempts, Locks: r.Locks, Codes: r.Codes, Simulate: r.Simulate, Log: r.Log, Now: r.Now,
	}
}

// Tables are the tables of all packages.
func (r *Rooms) Tables() []store.Table {
	return slices.Concat(store.Tables(), job.Tables(), mail.Tables(), audit.Tables(), keyring.Tables(), credential.Tables(), identity.Tables(),
		policy.Tables(), memory.Tables(), r.Events.Tables(), action.Tables(), device.Tables(), account.Tables(), accesscode.Tables(),
		workspace.Tables(), clientsession.Tables(), connectwebview.Tables(), webhook.Tables(), personalaccesstoken.Tables())
}
