package identity

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"keyway/internal/platform/fault"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// fail tries once and fails; refused is for how long the address must wait, in seconds.
func fail(t *testing.T, th *throttle, now time.Time, account, address string) (delay time.Duration, refused int) {
	t.Helper()
	delay, err := th.admit(now, account, address)
	var f *fault.Error
	if errors.As(err, &f) && f.Code == fault.TooManyRequests {
		return 0, f.Data["retry_after"].(int)
	} else if err != nil {
		t.Fatal(err)
	}
	th.failed(now, account, address)
	th.done(address)
	return delay, 0
}

func TestAnAddressThatGuessesMustWait(t *testing.T) {
	t.Parallel()
	var th throttle
	for i := range perAddress { // at as many accounts: it is the address that counts
		if _, refused := fail(t, &th, noon, fmt.Sprint("account", i), "192.0.2.1"); refused != 0 {
			t.Fatalf("refused at failure %d", i)
		}
	}
	if _, refused := fail(t, &th, noon.Add(time.Second), "jane", "192.0.2.1"); refused != 9 {
		t.Errorf("retry after %d", refused)
	}
	if _, refused := fail(t, &th, noon.Add(time.Second), "jane", "192.0.2.2"); refused != 0 {
		t.Error("another address has to wait with it")
	}
	// Once it has waited it has one try, and waits longer after it.
	now := noon.Add(10 * time.Second)
	if _, refused := fail(t, &th, now, "jane", "192.0.2.1"); refused != 0 {
		t.Errorf("after its wait: %d", refused)
	}
	if _, refused := fail(t, &th, now, "jane", "192.0.2.1"); refused != 20 {
		t.Errorf("retry after %d", refused)
	}
	if _, refused := fail(t, &th, now.Add(forgotten+time.Second), "jane", "192.0.2.1"); refused != 0 {
		t.Error("failures are never forgotten")
	}
}

func TestNoStrangerLocksAPersonOut(t *testing.T) {
	t.Parallel()
	var th throttle
	th.succeeded(noon, "jane", "192.0.2.1")
	var slowest time.Duration
	for i := range 300 {
		delay, refused := fail(t, &th, noon, "jane", fmt.Sprintf("198.51.%d.%d", i/250, i%250))
		if refused != 0 {
			t.Fatalf("stranger %d is refused", i)
		}
		slowest = max(slowest, delay)
	}
	if slowest < time.Second || slowest > 3*time.Second {
		t.Errorf("strangers wait up to %s", slowest)
	}
	if delay, err := th.admit(noon, "jane", "192.0.2.1"); err != nil || delay != 0 {
		t.Errorf("where she has signed in before: %s %v", delay, err)
	}
	if delay, err := th.admit(noon, "jane", "203.0.113.1"); err != nil || delay > 3*time.Second {
		t.Errorf("from a new place: %s %v", delay, err)
	}
}

// Guesses that are sent at once come no further than one after another.
func TestTriesAtOnce(t *testing.T) {
	t.Parallel()
	var th throttle
	for range perAddress {
		if _, err := th.admit(noon, "jane", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := th.admit(noon, "jane", "192.0.2.1"); !fault.Is(err, fault.TooManyRequests) {
		t.Errorf("one more: %v", err)
	}
	th.done("192.0.2.1")
	if _, err := th.admit(noon, "jane", "192.0.2.1"); err != nil {
		t.Error("when one has ended:", err)
	}
	for range perAddress {
		th.done("192.0.2.1")
	}
	if len(th.trying) != 0 {
		t.Errorf("left behind: %v", th.trying)
	}
	// After its wait, an address has one try, not as many as it sends at once.
	for range perAddress {
		th.failed(noon, "jane", "192.0.2.1")
	}
	later := noon.Add(time.Minute)
	if _, err := th.admit(later, "jane", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := th.admit(later, "jane", "192.0.2.1"); !fault.Is(err, fault.TooManyRequests) {
		t.Errorf("a second try beside it: %v", err)
	}
}

// A kind of fault: what is counted against an address is forgiven by something that its owner can bring about alone.
// Guesses at other accounts are not forgiven by one's own sign-in.
func TestOnesOwnSignInForgivesNoGuessesAtOthers(t *testing.T) {
	t.Parallel()
	var th throttle
	tried := 0
	for i := range 1000 {
		if _, refused := fail(t, &th, noon, fmt.Sprint("account", i%676), "192.0.2.1"); refused != 0 {
			break
		}
		if tried++; tried%(perAddress-1) == 0 {
			th.succeeded(noon, "mallory", "192.0.2.1")
		}
	}
	if tried != perAddress {
		t.Errorf("%d guesses were let through", tried)
	}
	// A typo at one's own account is forgiven.
	for range perAddress - 1 {
		fail(t, &th, noon, "jane", "192.0.2.9")
	}
	th.succeeded(noon, "jane", "192.0.2.9")
	if n := len(th.address["192.0.2.9"]); n != 0 {
		t.Errorf("%d accounts' failures are left", n)
	}
}

// A kind of fault: a full table of failures is emptied, and with it everything that is counted.
func TestManyAddressesDoNotWipeTheTable(t *testing.T) {
	t.Parallel()
	var th throttle
	for i := range maxThrottled + 1000 {
		th.failed(noon, fmt.Sprint("account", i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	if n := len(th.address); n < maxThrottled/2 || n > maxThrottled {
		t.Errorf("%d addresses are remembered", n)
	}
	if n := len(th.account); n < maxThrottled/2 || n > maxThrottled {
		t.Errorf("%d accounts are remembered", n)
	}
}
