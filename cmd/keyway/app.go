package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/outbound"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/keyring"
	"keyway/internal/wiring"
)

// app is the program without its listeners.
type app struct{ *wiring.Rooms }

// appOptions say what to open.
type appOptions struct {
	globals
	server    string // the address it will serve on; empty for a command
	publicURL string
	mustExist bool // do not make new data where there is none
	log       *slog.Logger
	guard     *outbound.Guard  // nil: only the public internet
	retention time.Duration    // of events; 0: all are kept
	readEvery time.Duration    // locks whose provider does not notify; 0: never
	smtp      *mail.Server     // nil: nothing is mailed
	now       func() time.Time // nil: the machine's clock
}

// opened is the data that a program works on, not wired to anything yet.
type opened struct {
	db    *store.DB
	vault *vault.Vault
}

// openApp opens the database and the keys and wires the packages to them.
func openApp(ctx context.Context, o appOptions) (*app, error) {
	data, err := openData(ctx, o)
	if err != nil {
		return nil, err
	}
	a, err := data.app(o)
	if err != nil {
		return nil, errors.Join(err, data.db.Close())
	}
	return a, nil
}

// openData opens the database and the keys.
func openData(ctx context.Context, o appOptions) (opened, error) {
	if o.mustExist && o.databaseURL == "" {
		if _, err := os.Stat(filepath.Join(o.data, store.FileName)); errors.Is(err, fs.ErrNotExist) {
			return opened{}, fmt.Errorf("there is no Keyway data in %s: name the right folder with --data, or begin with `keyway init` or `keyway "+
				"serve`", o.data)
		}
	}
	db, err := store.Open(ctx, store.Options{Folder: o.data, DatabaseURL: o.databaseURL, Server: o.server})
	if err != nil {
		return opened{}, diskTrouble(err, o)
	}
	v, err := openVault(ctx, db, o)
	if err != nil {
		return opened{}, errors.Join(diskTrouble(err, o), db.Close())
	}
	if err := signOnce(ctx, db, v, o); err != nil {
		return opened{}, errors.Join(diskTrouble(err, o), db.Close())
	}
	return opened{db, v}, nil
}

// signOnce signs the rows of a database that a version without MACs wrote.
func signOnce(ctx context.Context, db *store.DB, v *vault.Vault, o appOptions) error {
	log := o.log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db.SetSigner(&signed.Signer{Vault: v, Log: log, Now: time.Now})
	return grant.SignOnce(ctx, db, v, &audit.Log{DB: db, Vault: v, Now: time.Now}, log)
}

// diskTrouble says so in an error of opening the data when the reason may be that the disk is full, which the
// database reports in several ways.
func diskTrouble(err error, o appOptions) error {
	if o.databaseURL != "" || strings.Contains(err.Error(), store.DiskFull) {
		return err
	}
	if free, freeErr := store.FreeDisk(o.data); errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrCannotWrite) && freeErr == nil &&
		free < store.LowDisk {
		return fmt.Errorf("%s (%d KiB are free at %s): %w", store.DiskFull, free>>10, o.data, err)
	}
	return err
}

// app wires the packages to the data.
func (d opened) app(o appOptions) (a *app, err error) {
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	a = wire(d.db, d.vault, o)
	a.Tokens.MaxLive, err = maxTokens(o.tokens)
	return a, err
}

// maxTokens reads how many live tokens a person may have; empty: as many as usual.
func maxTokens(text string) (int, error) {
	if text == "" {
		return personalaccesstoken.DefaultMaxLive, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, badUsage("--tokens-per-person %q is not a number from 1 up", text)
	}
	return n, nil
}

func wire(db *store.DB, v *vault.Vault, o appOptions) *app {
	return &app{wiring.Wire(wiring.Outside{DB: db, Vault: v, Log: o.log, Now: o.now, PublicURL: o.publicURL,
		UserAgent: "Keyway-Webhooks/" + version,
		Guard:     o.guard, KeepEvents: o.retention, ReadEvery: o.readEvery, SMTP: o.smtp})}
}

// close keeps where the audit log ends, and closes the sessions with devices and the database.
func (a *app) close() error {
	if _, err := a.Audit.Keep(context.Background()); err != nil {
		a.Log.Error("keeping the head of the audit log failed", "file", a.Audit.HeadFile(), "error", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), sessionsClose)
	defer cancel()
	if err := a.Accounts.Close(ctx); err != nil {
		a.Log.Error("what sessions with devices reported last was not written", "error", err)
	}
	return a.DB.Close()
}

// sessionsClose is how long the end of the program waits for what sessions with devices have reported.
const sessionsClose = 10 * time.Second

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
			return nil, fmt.Errorf("the key file %s is missing, and the data that is there was written with it: put it back, or name its place "+
				"with --key-file or KEYWAY_KEY_FILE. Without it no credential can be verified, so Keyway does not make a new one", path)
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
	if err := holds(v, needed); err != nil {
		return nil, err
	}
	if len(needed) > 0 && needed[v.KeyID()] == nil { // a rotation was cut off between the file and the database
		err = db.Update(ctx, func(tx *store.Tx) error { return keyring.Record(ctx, tx, v, v.KeyID(), time.Now()) }, store.Instance)
	}
	return v, err
}

// holds refuses keys that are not those of the data.
func holds(v *vault.Vault, needed map[string][]byte) error {
	for id, proof := range needed {
		if subtle.ConstantTimeCompare(v.Proof(id), proof) != 1 {
			return fmt.Errorf("the key file %s is not the one that the data was written with (it lacks key %s): name the right one with "+
				"--key-file or KEYWAY_KEY_FILE", v.File(), id)
		}
	}
	return nil
}

// keyFileFits reports whether the key file, as it is now, would do for the next start.
func (a *app) keyFileFits(ctx context.Context) error {
	v, err := vault.Open(a.Vault.File())
	if err != nil {
		return err
	}
	needed, err := serverKeys(ctx, a.DB)
	if err != nil {
		return err
	}
	return holds(v, needed)
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
