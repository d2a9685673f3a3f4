package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"keyway/internal/accesscode"
	"keyway/internal/account"
	"keyway/internal/action"
	"keyway/internal/apikey"
	"keyway/internal/audit"
	"keyway/internal/clientsession"
	"keyway/internal/clock"
	"keyway/internal/connectwebview"
	"keyway/internal/credential"
	"keyway/internal/device"
	"keyway/internal/event"
	"keyway/internal/identity"
	"keyway/internal/job"
	"keyway/internal/keyring"
	"keyway/internal/lock"
	"keyway/internal/mail"
	"keyway/internal/member"
	"keyway/internal/memory"
	"keyway/internal/outbound"
	"keyway/internal/personalaccesstoken"
	"keyway/internal/policy"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
	"keyway/internal/rpc"
	"keyway/internal/store"
	"keyway/internal/vault"
	"keyway/internal/webhook"
	"keyway/internal/workspace"
)

// app is the program without its listeners: the database, the keys and the rules of every room.
type app struct {
	db         *store.DB
	vault      *vault.Vault
	audit      *audit.Log
	log        *slog.Logger
	now        func() time.Time
	publicURL  string
	people     *identity.People
	usage      *credential.Usage
	leaks      *credential.Leaks
	keyring    *keyring.Keyring
	events     *event.Log
	attempts   *action.Attempts
	jobs       *job.Runner
	mail       *mail.Outbox
	providers  *provider.Registry
	virtual    *sandbox.Provider
	workspaces *workspace.Workspaces
	devices    *device.Devices
	accounts   *account.Accounts
	codes      *accesscode.Codes
	locks      *lock.Locks
	webviews   *connectwebview.Webviews
	sessions   *clientsession.Sessions
	webhooks   *webhook.Webhooks
	keys       *apikey.Keys
	tokens     *personalaccesstoken.Tokens
	policies   *policy.Policies
	members    *member.Members
}

// appOptions say what to open.
type appOptions struct {
	globals
	server    string // the address it will serve on; empty for a command
	publicURL string
	mustExist bool // do not make new data where there is none
	log       *slog.Logger
	guard     *outbound.Guard  // nil: only the public internet
	retention time.Duration    // of events; 0: for ever
	readEvery time.Duration    // locks whose provider does not notify; 0: never
	smtp      *mail.Server     // nil: nothing is mailed
	now       func() time.Time // nil: the machine's clock
}

// openApp opens the database and the keys and wires the rooms.
func openApp(ctx context.Context, o appOptions) (*app, error) {
	if o.log == nil {
		o.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	most := personalaccesstoken.DefaultMaxLive
	if o.tokens != "" {
		var err error
		if most, err = strconv.Atoi(o.tokens); err != nil || most < 1 {
			return nil, badUsage("--tokens-per-person %q is not a number from 1 up", o.tokens)
		}
	}
	if o.mustExist && o.databaseURL == "" {
		if _, err := os.Stat(filepath.Join(o.data, store.FileName)); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no Keyway data in %s: name the right folder with --data, or begin with `keyway init` or `keyway serve`", o.data)
		}
	}
	db, err := store.Open(ctx, store.Options{Folder: o.data, DatabaseURL: o.databaseURL, Server: o.server})
	if err != nil {
		return nil, err
	}
	v, err := openVault(ctx, db, o)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	a := wire(db, v, o)
	a.tokens.MaxLive = most
	return a, nil
}

func wire(db *store.DB, v *vault.Vault, o appOptions) *app {
	if o.now == nil {
		o.now = time.Now
	}
	a := &app{db: db, vault: v, log: o.log, now: o.now, publicURL: o.publicURL}
	a.virtual = sandbox.New(&memory.Memory{DB: db, Vault: v}, a.now)
	a.audit = &audit.Log{DB: db, Vault: v, Now: a.now}
	a.people = &identity.People{DB: db, Vault: v, Audit: a.audit, Now: a.now}
	a.usage = credential.NewUsage(db)
	a.leaks = &credential.Leaks{DB: db, Vault: v, Audit: a.audit, Limit: credential.NewLimiter(credential.LeaksPerMinute, a.now), Now: a.now}
	a.jobs = job.NewRunner(db, o.log, a.now)
	a.keyring = &keyring.Keyring{DB: db, Vault: v, Audit: a.audit, Jobs: a.jobs, Now: a.now, Sealed: slices.Concat(accesscode.Sealed(), event.Sealed(), identity.Sealed(),
		webhook.Sealed(), clientsession.Sealed(), connectwebview.Sealed(), memory.Sealed(), mail.Sealed())}
	a.keyring.RegisterJobs()
	a.mail = mail.New(mail.Outbox{DB: db, Vault: v, Jobs: a.jobs, Log: o.log, Now: a.now, PublicURL: o.publicURL, Server: o.smtp})
	a.events = &event.Log{DB: db, Vault: v, Jobs: a.jobs, Retention: o.retention, Now: a.now}
	a.events.RegisterJobs()
	if o.guard == nil {
		o.guard = &outbound.Guard{}
	}
	a.webhooks = webhook.New(webhook.Webhooks{DB: db, Vault: v, Events: a.events, Jobs: a.jobs, Guard: o.guard, Audit: a.audit, Log: o.log, Mail: a.mail, Now: a.now, UserAgent: "Keyway-Webhooks/" + version})
	a.attempts = &action.Attempts{DB: db, Now: a.now}
	a.providers = provider.NewRegistry(a.virtual)
	a.devices = &device.Devices{DB: db, Events: a.events, Providers: a.providers, Now: a.now}
	a.accounts = &account.Accounts{DB: db, Events: a.events, Devices: a.devices, Providers: a.providers, Sandbox: a.virtual, Now: a.now}
	a.workspaces = &workspace.Workspaces{DB: db, PublicURL: o.publicURL, Attempts: a.attempts, Jobs: a.jobs, Audit: a.audit, Now: a.now, Reset: a.resetSandbox}
	a.workspaces.Finders = a.finders()
	a.workspaces.RegisterJobs()
	a.codes = &accesscode.Codes{DB: db, Vault: v, Devices: a.devices, Attempts: a.attempts, Jobs: a.jobs, Events: a.events, Clock: clock.Clock{Real: a.now}, Log: o.log, ReadEvery: o.readEvery}
	a.codes.RegisterJobs()
	a.devices.Changed, a.devices.Deleted, a.devices.Simulated = a.codes.DeviceChanged, a.codes.DeviceDeleted, a.codes.DeviceSimulated
	a.locks = &lock.Locks{DB: db, Devices: a.devices, Attempts: a.attempts, Jobs: a.jobs, Events: a.events, Clock: clock.Clock{Real: a.now}, Codes: a.codes, Log: o.log}
	a.locks.RegisterJobs()
	a.sessions = &clientsession.Sessions{DB: db, Vault: v, Events: a.events, Limit: credential.NewLimiter(clientsession.PerMinute, a.now), Now: a.now}
	a.webviews = &connectwebview.Webviews{DB: db, Vault: v, Events: a.events, Accounts: a.accounts, Devices: a.devices, Workspaces: a.workspaces,
		Providers: a.providers, PublicURL: o.publicURL, Log: o.log, Now: a.now}
	a.accounts.Webview = a.webviews.ForAccount
	a.keys = &apikey.Keys{DB: db, Vault: v, Usage: a.usage, Audit: a.audit, Now: a.now}
	a.tokens = &personalaccesstoken.Tokens{DB: db, Vault: v, Usage: a.usage, Audit: a.audit, Events: a.events, Jobs: a.jobs, Mail: a.mail, Now: a.now, Table: a.table}
	a.tokens.RegisterJobs()
	a.leaks.Told = a.tokens.LeakFound
	a.policies = &policy.Policies{DB: db, Audit: a.audit, Now: a.now, Table: a.table}
	a.members = &member.Members{DB: db, People: a.people, Workspaces: a.workspaces, Keys: a.keys, Audit: a.audit, Mail: a.mail, Now: a.now, PublicURL: o.publicURL}
	a.tokens.Scopes = rpc.Scopes(a.endpoints()...)
	return a
}

// table is the rows of all rooms.
func (a *app) table() (rows []*rpc.Endpoint) {
	for _, t := range a.endpoints() {
		for i := range t {
			rows = append(rows, &t[i])
		}
	}
	return rows
}

// resetSandbox puts a sandbox workspace's devices back to how they were found, with what they
// remember and the codes on them, and its clock to the real time.
func (a *app) resetSandbox(ctx context.Context, workspaceID string) error {
	err := a.db.Update(ctx, func(tx *store.Tx) error {
		return errors.Join(memory.Forget(ctx, tx, workspaceID), a.codes.Reset(ctx, tx, workspaceID), a.jobs.Rewind(ctx, tx, workspaceID))
	}, store.Workspace(workspaceID))
	if err != nil {
		return err
	}
	return a.accounts.Reset(ctx, workspaceID)
}

// close keeps where the audit log ends, and closes the database.
func (a *app) close() error {
	if _, err := a.audit.Keep(context.Background()); err != nil {
		a.log.Error("keeping the head of the audit log failed", "file", a.audit.HeadFile(), "error", err)
	}
	return a.db.Close()
}

// openVault opens the key file that belongs to the database. With a new database it takes the
// file that is there, or makes one; beside existing data it never does.
func openVault(ctx context.Context, db *store.DB, o appOptions) (*vault.Vault, error) {
	path := o.keyFile
	if path == "" {
		path = filepath.Join(o.data, "keys")
	}
	needed, err := serverKeys(ctx, db)
	if err != nil {
		return nil, err
	}
	v, err := vault.Open(path)
	if errors.Is(err, vault.ErrNoKeyFile) {
		if len(needed) > 0 {
			return nil, fmt.Errorf("the key file %s is missing, and the data that is there was written with it: put it back, or name its place with --key-file or KEYWAY_KEY_FILE. Without it no credential can be verified, so Keyway does not make a new one", path)
		}
		v, err = vault.Create(path)
	}
	if err != nil {
		return nil, err
	}
	if len(needed) == 0 {
		// Of two servers that begin on one new database at once, the later finds the other's row.
		err = db.Update(ctx, func(tx *store.Tx) error {
			if needed, err = serverKeys(ctx, tx); err != nil || len(needed) > 0 {
				return err
			}
			return keyring.Record(ctx, tx, v, v.KeyID(), time.Now())
		}, store.Instance)
		if err != nil {
			return nil, err
		}
	}
	for id, proof := range needed {
		if subtle.ConstantTimeCompare(v.Proof(id), proof) != 1 {
			return nil, fmt.Errorf("the key file %s is not the one that the data was written with (it lacks key %s): name the right one with --key-file or KEYWAY_KEY_FILE", path, id)
		}
	}
	if len(needed) > 0 && needed[v.KeyID()] == nil { // a rotation was cut off between the file and the database
		err = db.Update(ctx, func(tx *store.Tx) error { return keyring.Record(ctx, tx, v, v.KeyID(), time.Now()) }, store.Instance)
	}
	return v, err
}

func serverKeys(ctx context.Context, q store.Querier) (map[string][]byte, error) {
	rows, err := q.Query(ctx, `SELECT key_id, proof FROM server_keys`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]byte{}
	for rows.Next() {
		var id string
		var proof []byte
		if err := rows.Scan(&id, &proof); err != nil {
			return nil, err
		}
		out[id] = proof
	}
	return out, rows.Err()
}
