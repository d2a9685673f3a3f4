package vault

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// Guards against a look at the key file for each secret: however much is sealed, it is checked ten times a second.
func TestTheFileIsLookedAtSeldom(t *testing.T) {
	t.Parallel()
	v, err := Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	var looks atomic.Int64
	v.stat = func(path string) (fs.FileInfo, error) { looks.Add(1); return os.Stat(path) }
	began := time.Now()
	for range 20_000 {
		v.Seal("here", nil)
		v.NewDigest("secret")
	}
	if most := 2 + int64(time.Since(began)/lookEvery); looks.Load() > most {
		t.Errorf("%d looks at the file, want at most %d", looks.Load(), most)
	}
}

// Guards the time in which a process may not have seen another's rotation: what is made with the new key is good in every
// process at once, and when the rotation has ended, no process makes anything with the old one.
func TestEveryProcessKnowsAKeyBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	a, err := Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(a.File())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ended := make(chan string)
		go func() {
			id, err := a.Rotate()
			if err != nil {
				t.Error(err)
			}
			ended <- id
		}()
		for done := false; !done; {
			select {
			case id := <-ended:
				if sealed := b.Seal("here", nil); !bytes.HasPrefix(sealed, Mark(id)) {
					t.Error("the rotation has ended, and another process seals with the old key")
				}
				done = true
			default:
				_, sum := a.NewDigest("secret")
				found := false
				for _, d := range b.Digests("secret") {
					found = found || bytes.Equal(d, sum[:])
				}
				if !found {
					t.Fatal("a digest of one process is not found by another")
				}
			}
		}
	}
}
