package vault_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"keyway/internal/platform/vault"
)

// Everything made with a key is good until that key is retired; then only its audit key is left.
func TestRotate(t *testing.T) {
	t.Parallel()
	v, path := create(t)
	old := v.KeyID()
	sum, _ := v.Digest(old, "secret")
	sealed, chain := v.Seal("here", []byte("pin")), v.Derive(old, vault.AuditPurpose)
	prepared, err := v.Prepare()
	if err != nil || v.KeyID() != old {
		t.Fatalf("a prepared key is used: %v", err)
	}
	if again, err := v.Prepare(); err != nil || again != prepared {
		t.Errorf("another key was prepared: %v", err)
	}
	if id, err := v.Rotate(); err != nil || id != prepared || v.KeyID() != id {
		t.Fatalf("not the prepared key is used: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("left behind: %v %v", names, err)
	}
	reopened, err := vault.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []*vault.Vault{v, reopened} {
		if keyID, now := v.NewDigest("secret"); keyID != prepared || now == sum || !v.Matches(old, "secret", sum[:]) ||
			len(v.Digests("secret")) != 2 {
			t.Error("a digest under the old key is not good any more")
		}
		if pin, err := v.Open("here", sealed); err != nil || string(pin) != "pin" {
			t.Errorf("%q %v", pin, err)
		}
	}
	if err := v.Retire(prepared, 0); err == nil {
		t.Error("the key in use was retired")
	}
	if err := v.Retire(old, 7); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*vault.Vault{v, reopened} { // the other reads the file again
		if len(v.Digests("secret")) != 1 || v.Matches(old, "secret", sum[:]) {
			t.Error("a digest under a retired key is good")
		}
		if _, err := v.Open("here", sealed); err == nil {
			t.Error("what was sealed under a retired key opens")
		}
		if string(v.Derive(old, vault.AuditPurpose)) != string(chain) || v.Derive(old, "console session") != nil {
			t.Error("a retired key gives another key than that of the audit log")
		}
		if keys := v.Keys(); len(keys) != 2 || keys[0].RetiredAt == nil || keys[0].AuditUntil != 7 || !keys[1].IsActive {
			t.Errorf("%+v", keys)
		}
	}
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), `"secret"`) != 1 {
		t.Errorf("the retired key's secret is still in the file: %v", err)
	}
}

// A file that lacks a key is not taken for a later state of the one that was read.
func TestReplacedKeyFile(t *testing.T) {
	t.Parallel()
	v, path := create(t)
	other, _ := create(t)
	for _, from := range []string{other.File(), ""} {
		text := []byte("{")
		if from != "" {
			var err error
			if text, err = os.ReadFile(from); err != nil {
				t.Fatal(err)
			}
		}
		id, sum := v.NewDigest("secret")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if len(v.Digests("secret")) != 1 || !v.Matches(id, "secret", sum[:]) || v.KeyID() != id {
			t.Error("the keys were lost with the file")
		}
		if _, err := v.Rotate(); err == nil {
			t.Error("the other file was written over")
		}
	}
}

// Processes that share a key file lose no key of each other's, use a new one at once, and leave the file
// to whom it belongs.
func TestRotateInSeveralProcesses(t *testing.T) {
	t.Parallel()
	a, path := create(t)
	if os.Getuid() == 0 {
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	owner := func() [2]uint32 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		is := info.Sys().(*syscall.Stat_t)
		return [2]uint32{is.Uid, is.Gid}
	}
	was := owner()
	b, err := vault.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var rotating sync.WaitGroup
	for _, v := range []*vault.Vault{a, b} {
		rotating.Go(func() {
			for range 5 {
				if _, err := v.Rotate(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	rotating.Wait()
	again, err := vault.Open(path)
	if err != nil || len(again.Keys()) != 11 {
		t.Fatalf("%d keys after 10 rotations: %v", len(again.Keys()), err)
	}
	if is := owner(); is != was {
		t.Errorf("the file was %v's and is %v's", was, is)
	}
	next, err := a.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b.Seal("here", []byte("pin")), vault.Mark(next)) {
		t.Error("another process goes on with the old key")
	}
}
