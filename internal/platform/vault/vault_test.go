package vault_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"keyway/internal/platform/vault"
)

func create(t *testing.T) (*vault.Vault, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deep", "keys")
	v, err := vault.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return v, path
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	v, path := create(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Create(path); err == nil {
		t.Error("a key file was made anew over another")
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Error("the key file has changed")
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("left behind: %v %v", names, err)
	}
	again, err := vault.Open(path)
	if err != nil || again.KeyID() != v.KeyID() || !bytes.Equal(again.Proof(v.KeyID()), v.Proof(v.KeyID())) {
		t.Errorf("opened again it is another: %v", err)
	}
	if _, err := vault.Open(path + "x"); !errors.Is(err, vault.ErrNoKeyFile) {
		t.Error(err)
	}
	for _, text := range []string{"", "{}", "[", `{"active":"k","keys":[]}`, `{"active":"k","keys":[{"id":"k","secret":"c2hvcnQ="}]}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Open(path); err == nil || strings.Contains(err.Error(), "c2hv") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A key file is refused when someone else than the server can read or change it, and only then: containers mount
// secrets with mode 0440 and a group of the process. What is advised can be done by whom it is said to.
func TestKeyFileMode(t *testing.T) {
	t.Parallel()
	_, path := create(t)
	const foreign = 54321
	for _, c := range []struct {
		mode     os.FileMode
		uid, gid int
		want     string // in the error; empty: it is fine
	}{
		{0o600, os.Geteuid(), os.Getegid(), ""}, {0o400, os.Geteuid(), os.Getegid(), ""},
		{0o440, os.Geteuid(), os.Getegid(), ""}, {0o640, os.Geteuid(), os.Getegid(), ""},
		{0o440, foreign, os.Getegid(), ""},
		{0o640, os.Geteuid(), foreign, "a group that this process is not in (mode 0640): run chmod 600"},
		{0o440, foreign, foreign, "a group that this process is not in (mode 0440): it belongs to another user"},
		{0o660, os.Geteuid(), os.Getegid(), "changed by its group"}, {0o644, os.Geteuid(), os.Getegid(), "every user"},
		{0o602, os.Geteuid(), os.Getegid(), "every user"}, {0o444, foreign, os.Getegid(), "another user"},
	} {
		if (c.uid != os.Geteuid() || c.gid != os.Getegid()) && os.Geteuid() != 0 {
			continue // only root gives files away
		}
		if err := errors.Join(os.Chown(path, c.uid, c.gid), os.Chmod(path, c.mode)); err != nil {
			t.Fatal(err)
		}
		_, err := vault.Open(path)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%04o of %d:%d: %v, not %q", c.mode, c.uid, c.gid, err, c.want)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	v, path := create(t)
	other, _ := create(t)
	again, err := vault.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	sum, ok := v.Digest(v.KeyID(), "secret")
	if !ok || !again.Matches(v.KeyID(), "secret", sum[:]) {
		t.Error("a digest does not outlive the process")
	}
	for name, matches := range map[string]bool{
		"another secret": v.Matches(v.KeyID(), "Secret", sum[:]), "no digest": v.Matches(v.KeyID(), "secret", nil),
		"shorter":     v.Matches(v.KeyID(), "secret", sum[:31]),
		"unknown key": v.Matches("k", "secret", sum[:]), "another vault": other.Matches(other.KeyID(), "secret", sum[:]),
	} {
		if matches {
			t.Errorf("%s: taken", name)
		}
	}
	if bytes.Contains(v.Proof(v.KeyID()), sum[:]) || v.Proof("k") != nil || v.Derive("k", "x") != nil ||
		bytes.Equal(v.Derive(v.KeyID(), "x"), v.Derive(v.KeyID(), "y")) {
		t.Error("derived keys")
	}
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for range 200 {
				if !v.Matches(v.KeyID(), "secret", sum[:]) {
					t.Error("another digest beside others")
					return
				}
			}
		})
	}
	running.Wait()
}

func TestSeal(t *testing.T) {
	t.Parallel()
	v, path := create(t)
	other, _ := create(t)
	again, err := vault.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := v.Seal("locks/1/pin", []byte("1234"))
	if got, err := again.Open("locks/1/pin", sealed); err != nil || string(got) != "1234" {
		t.Errorf("%q %v", got, err)
	}
	if bytes.Contains(sealed, []byte("1234")) || bytes.Equal(sealed, v.Seal("locks/1/pin", []byte("1234"))) {
		t.Error("what is sealed shows")
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := v.Open("locks/1/pin", changed); err == nil {
			t.Errorf("changed at %d, and opened", i)
		}
		if _, err := v.Open("locks/1/pin", sealed[:i]); err == nil {
			t.Errorf("cut at %d, and opened", i)
		}
	}
	if _, err := v.Open("locks/2/pin", sealed); err == nil {
		t.Error("opened at another place")
	}
	if _, err := other.Open("locks/1/pin", sealed); err == nil {
		t.Error("opened with another key")
	}
}
