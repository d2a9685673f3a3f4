package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"keyway/internal/trust/audit"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/keyring"
)

type keyIn struct{ ID string }

type keyOut struct {
	KeyID string `json:"key_id"`
}

func (a *app) doKeyPrepare(ctx context.Context, _ struct{}, by audit.Actor, _ func(int, int)) (any, error) {
	id, err := a.Keyring.Prepare(ctx, by)
	return keyOut{id}, err
}

func (a *app) doKeyRotate(ctx context.Context, _ struct{}, by audit.Actor, progress func(int, int)) (any, error) {
	id, err := a.Keyring.Rotate(ctx, by, progress)
	return keyOut{id}, err
}

func (a *app) doKeyRetire(ctx context.Context, in keyIn, by audit.Actor, _ func(int, int)) (any, error) {
	return keyOut{in.ID}, a.Keyring.Retire(ctx, in.ID, by)
}

func (a *app) doSignRows(ctx context.Context, _ struct{}, by audit.Actor, _ func(int, int)) (any, error) {
	return keyOut{a.Vault.KeyID()}, grant.Sign(ctx, a.DB, a.Vault, a.Audit, by)
}

// keyFlags are what doctor can do to the server's keys, one at a time.
type keyFlags struct {
	prepare, rotate, sign bool
	retire                string
}

func (k *keyFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&k.rotate, "rotate-key", false, "switch to a new server key and re-encrypt sealed data; nothing stops working")
	f.BoolVar(&k.prepare, "prepare-key", false, "add a key to the key file without using it, to copy the file to other servers before "+
		"--rotate-key")
	f.BoolVar(&k.sign, "sign-rows", false, "sign rows without a signature, once after restoring a backup of a version that signed none")
	f.StringVar(&k.retire, "retire-key", "", "retire the server key with this ID, once nothing needs it")
}

// given counts the flags that were given.
func given(flags ...bool) (n int) {
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

// run does what a flag asks; did is false when none does.
func (k *keyFlags) run(cmd *cobra.Command, g *globals) (did bool, err error) {
	var o operation
	var say string
	switch {
	case given(k.rotate, k.prepare, k.sign, k.retire != "") > 1:
		return true, badUsage("give one of --rotate-key, --prepare-key, --sign-rows and --retire-key")
	case k.sign:
		o, say = opSignRows, "The rows that grant something are signed, with the server key %s. Rows that were changed stay refused.\n"
	case k.rotate:
		o, say = opKeyRotate, "The server key %s is now in use. What was made with earlier keys keeps working; `keyway doctor` counts it.\n"
	case k.prepare:
		o, say = opKeyPrepare, "The server key %s is in the key file but not used yet. Copy the file to all servers, then run `keyway doctor "+
			"--rotate-key`.\n"
	case k.retire != "":
		o, say = opKeyRetire, "The server key %s is retired. It is kept only to verify the audit log.\n"
	default:
		return false, nil
	}
	var out keyOut
	if err := g.perform(cmd.Context(), o, keyIn{k.retire}, &out, false); err != nil {
		return true, err
	}
	return true, g.print(cmd, out, func(w io.Writer) { fmt.Fprintf(w, say, out.KeyID) })
}

// examineKeys reports what is under each server key.
func examineKeys(keys []keyring.Key, err error, add func(check, status, format string, args ...any)) {
	if err != nil {
		add("server key", "failed", "%v", err)
		return
	}
	for i, k := range keys {
		name := fmt.Sprintf("%s, made %s", k.ID, k.CreatedAt.Format(time.DateOnly))
		holds := keyring.Words(k.Holds)
		if holds == "" {
			holds = "nothing"
		}
		switch {
		case k.RetiredAt != nil:
			add("server key", "ok", "%s: retired %s; it only proves the audit log", name, k.RetiredAt.Format(time.DateOnly))
		case k.IsActive:
			add("server key", "ok", "%s: in use for what is new; under it: %s", name, holds)
		case i == len(keys)-1:
			add("server key", "ok", "%s: prepared; --rotate-key takes it into use", name)
		case len(k.Holds) == 0:
			add("server key", "ok", "%s: no longer needed: --retire-key %s retires it", name, k.ID)
		default:
			add("server key", "ok", "%s: an earlier one; still under it: %s", name, holds)
		}
	}
}
