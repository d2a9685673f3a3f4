// Package providertest is one suite for all drivers: it asks a driver's sessions for everything that the
// rules ask them for, while it plays a hand at the devices, and compares what is reported with what the
// devices themselves contain.
package providertest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"keyway/internal/provider"
)

// Setup is a driver with a peer, real or simulated, whose devices the suite may do anything to. It is recreated
// for each scenario.
type Setup struct {
	Driver  provider.Driver
	Brand   string
	Answers []map[string]string // that sign in to two accounts, each with a lock that takes codes
	Hand    Hand
	// Wait is how long a report may take; for a peer in the same process a second is enough.
	Wait time.Duration
}

// Hand is what the suite does at devices, past the driver. What a peer cannot do is nil, and named in
// Cannot.
type Hand struct {
	Locked     func(r provider.Ref) (bool, error)              // what the bolt really is
	Codes      func(r provider.Ref) (map[string]string, error) // the PINs that the lock really stores, by slot
	Capacity   func(r provider.Ref) int                        // how many codes it can store
	SetOffline func(r provider.Ref, offline bool) error        // takes the device off the network, or back
	// the next command: ErrJammed, ErrRefused; nil: it is taken and not done
	FailNext   func(r provider.Ref, how error) error
	PutCode    func(r provider.Ref, pin string) (slot string, err error) // at the keypad
	UseCode    func(r provider.Ref, slot string) error                   // opens the lock with the code in a slot
	SetBattery func(r provider.Ref, level float64) error
	Remove     func(r provider.Ref, removed bool) error // takes the device out of the account, or puts it back
	Restart    func() error                             // restarts the peer
}

// Scenario is one part of the suite.
type Scenario string

// The scenarios.
const (
	Discovery   Scenario = "discovery"
	Bolt        Scenario = "bolt"
	Jam         Scenario = "jam"
	Refusal     Scenario = "refusal"
	Silence     Scenario = "silence"
	Unreachable Scenario = "unreachable"
	Codes       Scenario = "codes"
	Full        Scenario = "full"
	Duplicate   Scenario = "duplicate"
	KeypadUse   Scenario = "keypad use"
	KeypadCode  Scenario = "change at the keypad"
	Battery     Scenario = "battery"
	Restart     Scenario = "restart of the peer"
	Closed      Scenario = "closed session"
	TwoAccounts Scenario = "two accounts"
	Removal     Scenario = "removal"
)

type scenario struct {
	name  Scenario
	needs func(h Hand) bool
	run   func(c *check)
}

func scenarios() []scenario {
	truth := func(h Hand) bool { return h.Locked != nil }
	fails := func(h Hand) bool { return h.Locked != nil && h.FailNext != nil }
	codes := func(h Hand) bool { return h.Codes != nil }
	return []scenario{
		{Discovery, func(Hand) bool { return true }, discovery},
		{Bolt, truth, bolt},
		{Jam, fails, func(c *check) { c.failing(provider.ErrJammed) }},
		{Refusal, fails, func(c *check) { c.failing(provider.ErrRefused) }},
		{Silence, func(h Hand) bool { return fails(h) && codes(h) }, silence},
		{Unreachable, func(h Hand) bool { return h.SetOffline != nil }, unreachable},
		{Codes, codes, codesWritten},
		{Full, func(h Hand) bool { return h.Capacity != nil && h.PutCode != nil }, full},
		{Duplicate, codes, duplicate},
		{KeypadUse, func(h Hand) bool { return h.UseCode != nil && h.PutCode != nil }, keypadUse},
		{KeypadCode, func(h Hand) bool { return h.PutCode != nil && codes(h) }, keypadCode},
		{Battery, func(h Hand) bool { return h.SetBattery != nil }, battery},
		{Restart, func(h Hand) bool { return h.Restart != nil && truth(h) }, restart},
		{Closed, func(h Hand) bool { return h.SetBattery != nil }, closed},
		{TwoAccounts, func(h Hand) bool { return h.SetBattery != nil }, twoAccounts},
		{Removal, func(h Hand) bool { return h.Remove != nil }, removal},
	}
}

// Run tries a driver in all scenarios. cannot says, for each scenario that its peer cannot be put through,
// why; a scenario that lacks what it needs and is not named there fails, as does one that is named there and
// lacks nothing.
func Run(t *testing.T, setup func(t testing.TB) Setup, cannot map[Scenario]string) {
	t.Helper()
	for _, sc := range scenarios() {
		t.Run(string(sc.name), func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			why, excused := cannot[sc.name]
			switch able := sc.needs(s.Hand); {
			case !able && !excused:
				t.Fatal("the peer cannot be put through this, and nothing says why")
			case able && excused:
				t.Fatalf("the peer can be put through this, although it says: %s", why)
			case excused:
				t.Skip(why)
			}
			for _, problem := range try(s, sc) {
				t.Error(problem)
			}
		})
	}
}

// Failures tries a driver in one scenario and returns what is wrong, so that a test can prove that the suite
// notices a mistake in a driver.
func Failures(s Setup, name Scenario) []string {
	for _, sc := range scenarios() {
		if sc.name == name {
			return try(s, sc)
		}
	}
	return []string{"there is no such scenario"}
}

// stop ends a scenario that cannot go on.
type stop struct{}

func try(s Setup, sc scenario) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	c := &check{Setup: s, ctx: ctx}
	func() {
		defer func() {
			if r := recover(); r != nil && r != (stop{}) {
				panic(r)
			}
		}()
		sc.run(c)
	}()
	for _, o := range c.opened {
		_ = o.session.Close() // what matters is what was reported
	}
	cancel()
	return c.problems
}

// check is one run of a scenario.
type check struct {
	Setup
	ctx      context.Context
	problems []string
	opened   []*open
	commands int
}

func (c *check) errorf(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *check) fatalf(format string, args ...any) {
	c.errorf(format, args...)
	panic(stop{})
}

func (c *check) must(err error) {
	if err != nil {
		c.fatalf("%v", err)
	}
}

// open is an open session with what it reports.
type open struct {
	account provider.Account
	session provider.Session
	sink    *recorder
	lock    provider.Ref // a lock that takes codes
}

// connect signs in to one of the accounts and opens a session.
func (c *check) connect(account int) *open {
	a, err := c.Driver.Connect(c.ctx, workspaceID, c.Brand, c.Answers[account])
	c.must(err)
	a.WorkspaceID, a.ID, a.Brand = workspaceID, fmt.Sprintf("account-%d", account), c.Brand
	o := &open{account: a, sink: newRecorder()}
	o.session, err = c.Driver.Open(c.ctx, a, o.sink)
	c.must(err)
	c.opened = append(c.opened, o)
	c.must(o.session.Refresh(c.ctx))
	c.eventually("a complete list of devices", func() bool { return len(o.sink.snapshot()) > 0 })
	for _, d := range o.sink.snapshot() {
		if d.Flags["can_program_online_access_codes"] && d.Flags["can_remotely_unlock"] && d.Flags["can_remotely_lock"] && d.Online {
			o.lock = provider.Ref{WorkspaceID: workspaceID, Brand: c.Brand, Account: a.ExternalID, Device: d.ExternalID, Type: d.Type}
			return o
		}
	}
	c.fatalf("the account has no lock that can be locked and unlocked and takes codes")
	return o
}

const workspaceID = "workspace-of-the-suite"

// command makes an id for a command.
func (c *check) command() string {
	c.commands++
	return fmt.Sprintf("command-%d", c.commands)
}

// eventually waits until something is so.
func (c *check) eventually(what string, is func() bool) {
	if !c.within(c.Wait, is) {
		c.fatalf("not seen in %s: %s", c.Wait, what)
	}
}

func (c *check) within(d time.Duration, is func() bool) bool {
	for end := time.Now().Add(d); ; time.Sleep(2 * time.Millisecond) {
		if is() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// never makes sure that something is not so for as long as a report may take.
func (c *check) never(what string, is func() bool) {
	if c.within(c.Wait/4, is) {
		c.errorf("%s", what)
	}
}

// outcome waits for what became of a command: the error that it returned, or that its device reported.
func (c *check) outcome(o *open, id string, asked provider.Asked, err error) error {
	if err != nil {
		return err
	}
	wait := max(c.Wait, time.Until(asked.Until))
	var is provider.Report
	if !c.within(wait, func() bool { is = o.sink.outcome(id); return is.For == id }) {
		return errNoEvidence
	}
	return is.Failed
}

// errNoEvidence says that a command had no evidence in time.
var errNoEvidence = fmt.Errorf("no evidence in time")

// pins are the PINs that a session reads from a lock, sorted; those that cannot be read are "?".
func (c *check) pins(o *open, slots ...string) []string {
	codes, err := c.programmer(o).ReadCodes(c.ctx, o.lock, slots...)
	c.must(err)
	out := []string{}
	for _, code := range codes {
		if len(slots) > 0 && !slices.Contains(slots, code.Slot) {
			continue
		}
		if code.PIN == nil {
			out = append(out, "?")
		} else {
			out = append(out, *code.PIN)
		}
	}
	slices.Sort(out)
	return out
}

func (c *check) programmer(o *open) provider.CodeProgrammer {
	p, ok := o.session.(provider.CodeProgrammer)
	if !ok {
		c.fatalf("a device says that codes can be put on it, but the session has no way to")
	}
	return p
}

func (c *check) locker(o *open) provider.Locker {
	l, ok := o.session.(provider.Locker)
	if !ok {
		c.fatalf("a device says that it can be unlocked, but the session has no way to")
	}
	return l
}
