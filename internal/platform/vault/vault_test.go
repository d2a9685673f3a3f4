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
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Open(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
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
		"another secret": v.Matches(v.KeyID(), "Secret", sum[:]), "no digest": v.Matches(v.KeyID(), "secret", nil), "shorter": v.Matches(v.KeyID(), "secret", sum[:31]),
		"unknown key": v.Matches("k", "secret", sum[:]), "another vault": other.Matches(other.KeyID(), "secret", sum[:]),
	} {
		if matches {
			t.Errorf("%s: taken", name)
		}
	}
	if bytes.Contains(v.Proof(v.KeyID()), sum[:]) || v.Proof("k") != nil || v.Derive("k", "x") != nil || bytes.Equal(v.Derive(v.KeyID(), "x"), v.Derive(v.KeyID(), "y")) {
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
