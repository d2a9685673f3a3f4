package frame

import (
	"testing"
	"time"
)

// A kind of fault: a table that all people share is filled, or emptied, by one of them.
func TestNoncesAreBoundedForEachPerson(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var n nonces
	janes := NewNonce()
	if !n.spend("jane", janes, now) || n.spend("jane", janes, now) {
		t.Fatal("a form is not sent exactly once")
	}
	for i := range 20 * maxNonces {
		nonce := NewNonce()
		if !n.spend("mallory", nonce, now.Add(time.Duration(i)*time.Millisecond)) {
			t.Fatal("a new form counts as sent")
		}
		if n.spend("mallory", nonce, now.Add(time.Duration(i)*time.Millisecond)) {
			t.Fatal("a form is sent twice")
		}
	}
	if size := len(n.spent["mallory"]); size > maxNonces {
		t.Errorf("%d of one person are remembered", size)
	}
	if n.spend("jane", janes, now.Add(time.Hour)) {
		t.Error("another person's forms made hers count as new")
	}
	for range maxNonces { // at one instant
		n.spend("sam", NewNonce(), now)
	}
	if n.spend("sam", NewNonce(), now); len(n.spent["sam"]) > maxNonces/2+1 {
		t.Errorf("%d are remembered", len(n.spent["sam"]))
	}
}
