package providertest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"keyway/internal/provider"
)

// discovery: the same account gives the same ids at every sign-in and after every start.
func discovery(c *check) {
	first := c.connect(0)
	ids := func(o *open) []string {
		var out []string
		for _, d := range o.sink.snapshot() {
			if d.ExternalID == "" || d.Type == "" || d.Name == "" {
				c.errorf("a device lacks its id, type or name: %q %q %q", d.ExternalID, d.Type, d.Name)
			}
			var problems []string
			for _, p := range slices.Concat(d.Errors, d.Warnings) {
				problems = append(problems, p.Code)
			}
			for flag, works := range d.Flags {
				if all, _ := provider.Works([]string{flag}, problems, false); !works && all[flag] && d.Properties["accessory_keypad"] == nil {
					c.errorf("%s: %s does not work, and no problem says why", d.Name, flag)
				}
			}
			out = append(out, d.ExternalID)
		}
		slices.Sort(out)
		if len(slices.Compact(slices.Clone(out))) != len(out) {
			c.errorf("two devices have one id: %v", out)
		}
		return out
	}
	before := ids(first)
	c.must(first.session.Close())
	again := c.connect(0)
	if again.account.ExternalID != first.account.ExternalID || again.account.ExternalID == "" {
		c.errorf("the account is called %q first and %q then", first.account.ExternalID, again.account.ExternalID)
	}
	if after := ids(again); !slices.Equal(before, after) {
		c.errorf("the devices are %v first and %v then", before, after)
	}
}

// bolt: a command is confirmed by its device, and what is reported is what the bolt is.
func bolt(c *check) {
	o := c.connect(0)
	for _, locked := range []bool{true, false, false, true} {
		move, id := c.locker(o).Unlock, c.command()
		if locked {
			move = c.locker(o).Lock
		}
		asked, err := move(c.ctx, o.lock, id)
		if err := c.outcome(o, id, asked, err); err != nil {
			c.fatalf("the bolt was to be locked: %t: %v", locked, err)
		}
		is, err := c.Hand.Locked(o.lock)
		c.must(err)
		if is != locked {
			c.errorf("confirmed that the bolt is locked: %t, and it is not so", locked)
		}
		if claims := o.sink.claims(o.lock.Device); len(claims) > 0 && claims[len(claims)-1] != is {
			c.errorf("reported locked: %t, and the bolt is not", claims[len(claims)-1])
		}
	}
}

// failing: a command that fails is not confirmed, and its error is the one that the device has.
func (c *check) failing(how error) {
	o := c.connect(0)
	before, err := c.Hand.Locked(o.lock)
	c.must(err)
	c.must(c.Hand.FailNext(o.lock, how))
	move, id := c.locker(o).Lock, c.command()
	if before {
		move = c.locker(o).Unlock
	}
	asked, err := move(c.ctx, o.lock, id)
	if got := c.outcome(o, id, asked, err); !errors.Is(got, how) && !errors.Is(got, errNoEvidence) {
		c.errorf("the device fails with %v, and the command with %v", how, got)
	}
	c.unmoved(o, before)
}

// unmoved makes sure that there is no claim that the bolt has moved, because it has not.
func (c *check) unmoved(o *open, before bool) {
	now, err := c.Hand.Locked(o.lock)
	c.must(err)
	if now != before {
		c.fatalf("the hand at the device has not kept the bolt from moving")
	}
	c.never("a bolt that has not moved was reported as moved by the device", func() bool {
		return slices.Contains(o.sink.claims(o.lock.Device), !before)
	})
}

// silence: what a device says yes to and does not do is never confirmed.
func silence(c *check) {
	o := c.connect(0)
	before, err := c.Hand.Locked(o.lock)
	c.must(err)
	c.must(c.Hand.FailNext(o.lock, nil))
	move, id := c.locker(o).Lock, c.command()
	if before {
		move = c.locker(o).Unlock
	}
	asked, err := move(c.ctx, o.lock, id)
	if c.outcome(o, id, asked, err) == nil {
		c.errorf("a bolt that has not moved was confirmed")
	}
	c.unmoved(o, before)

	c.must(c.Hand.FailNext(o.lock, nil))
	id = c.command()
	digits := "2580"
	asked, err = c.programmer(o).PutCode(c.ctx, o.lock, provider.Code{PIN: &digits, Name: "silent"}, id)
	if c.outcome(o, id, asked, err) == nil {
		c.errorf("a code that is not on the lock was confirmed")
	}
	if slices.Contains(c.pins(o), digits) {
		c.errorf("a code that is not on the lock was read from it")
	}
}

// unreachable: a device that is gone from the network is offline and answers nothing, until it is back.
func unreachable(c *check) {
	o := c.connect(0)
	c.must(c.Hand.SetOffline(o.lock, true))
	id := c.command()
	asked, err := c.locker(o).Unlock(c.ctx, o.lock, id)
	if got := c.outcome(o, id, asked, err); !errors.Is(got, provider.ErrOffline) {
		c.errorf("a device that is off the network answered %v", got)
	}
	prober, ok := o.session.(provider.Prober)
	if ok && !errors.Is(prober.Probe(c.ctx, o.lock), provider.ErrOffline) {
		c.errorf("a device that is off the network gave a sign of life")
	}
	if _, err := c.programmer(o).ReadCodes(c.ctx, o.lock); !errors.Is(err, provider.ErrOffline) {
		c.errorf("a lock that is off the network was read: %v", err)
	}
	c.eventually("the device is reported offline", func() bool { return o.sink.offline(o.lock.Device) })
	c.must(c.Hand.SetOffline(o.lock, false))
	c.eventually("the device is reported online", func() bool { return !o.sink.offline(o.lock.Device) })
	if ok && prober.Probe(c.ctx, o.lock) != nil {
		c.errorf("a device that is back gives no sign of life")
	}
}

// put writes a code and waits for the outcome.
func (c *check) put(o *open, code provider.Code) (slot string, err error) {
	id := c.command()
	asked, err := c.programmer(o).PutCode(c.ctx, o.lock, code, id)
	return asked.Slot, c.outcome(o, id, asked, err)
}

// codesWritten: a code is on the lock with all its digits, can be changed in its slot, and is gone when deleted.
func codesWritten(c *check) {
	o := c.connect(0)
	for _, step := range []string{"0042", "0815"} {
		digits := step
		slots := c.truth(o)
		code := provider.Code{PIN: &digits, Name: "Guest"}
		slot, err := c.put(o, code)
		c.must(err)
		held := c.truth(o)
		if held[slot] != digits {
			c.fatalf("the code %s was put into slot %q, and the lock holds %v", digits, slot, held)
		}
		if len(held) != len(slots)+1 {
			c.errorf("one code was put on a lock that held %d, and it holds %d", len(slots), len(held))
		}
		if got := c.pins(o, slot); len(got) != 1 || got[0] != digits && got[0] != "?" {
			c.errorf("slot %s holds %s, and %v was read", slot, digits, got)
		}
		changed := "9" + digits[1:]
		code.Slot, code.PIN = slot, &changed
		if _, err := c.put(o, code); err != nil {
			c.errorf("a code could not be changed: %v", err)
		} else if held := c.truth(o); held[slot] != changed {
			c.errorf("a code was changed to %s, and the lock holds %v", changed, held)
		}
		id := c.command()
		asked, err := c.programmer(o).DeleteCode(c.ctx, o.lock, slot, id)
		c.must(c.outcome(o, id, asked, err))
		if _, still := c.truth(o)[slot]; still || len(c.pins(o, slot)) != 0 {
			c.errorf("a code that was deleted is still on the lock")
		}
		if asked, err = c.programmer(o).DeleteCode(c.ctx, o.lock, slot, c.command()); err != nil {
			c.errorf("deleting from an empty slot: %v", err)
		}
		_ = asked
	}
}

func (c *check) truth(o *open) map[string]string {
	held, err := c.Hand.Codes(o.lock)
	c.must(err)
	return held
}

// full: a lock without space says so.
func full(c *check) {
	o := c.connect(0)
	for n := range c.Hand.Capacity(o.lock) {
		if _, err := c.Hand.PutCode(o.lock, fmt.Sprintf("%06d", 100_000+n*37)); err != nil {
			break // the lock had codes before
		}
	}
	digits := "777001"
	if _, err := c.put(o, provider.Code{PIN: &digits, Name: "one too many"}); !errors.Is(err, provider.ErrFull) {
		c.errorf("a lock that is full took another code, or said %v", err)
	}
}

// duplicate: a lock has each PIN once.
func duplicate(c *check) {
	o := c.connect(0)
	digits := "864209"
	_, err := c.put(o, provider.Code{PIN: &digits, Name: "first"})
	c.must(err)
	if _, err := c.put(o, provider.Code{PIN: &digits, Name: "second"}); !errors.Is(err, provider.ErrDuplicate) {
		c.errorf("a lock took a PIN twice, or said %v", err)
	}
	same := 0
	for _, pin := range c.truth(o) {
		if pin == digits {
			same++
		}
	}
	if same != 1 {
		c.errorf("the lock holds the PIN %d times", same)
	}
}

// keypadUse: who opens the lock with a code is reported once, with the slot.
func keypadUse(c *check) {
	o := c.connect(0)
	slot, err := c.Hand.PutCode(o.lock, "135724")
	c.must(err)
	c.must(c.Hand.UseCode(o.lock, slot))
	entries := func() (n int) {
		return read(o.sink, func() (n int) {
			for _, e := range o.sink.occurrences[o.lock.Device] {
				if e.Kind == provider.Unlocked && e.Method == provider.ByKeycode && e.Slot == slot {
					n++
				}
			}
			return n
		})
	}
	c.eventually("an entry by the code in the slot", func() bool { return entries() > 0 })
	c.never("one entry was reported twice under different ids", func() bool {
		return read(o.sink, func() bool {
			ids := map[string]bool{}
			for _, e := range o.sink.occurrences[o.lock.Device] {
				ids[e.ID+e.At.String()] = true
			}
			return len(ids) > 1
		})
	})
}

// keypadCode: a code that someone makes at the keypad is noticed and read.
func keypadCode(c *check) {
	o := c.connect(0)
	before := read(o.sink, func() int { return o.sink.changed[o.lock.Device] })
	slot, err := c.Hand.PutCode(o.lock, "0246")
	c.must(err)
	if c.programmer(o).CodeTraits(o.lock).Notifies {
		c.eventually("the lock reports that codes have changed", func() bool {
			return read(o.sink, func() int { return o.sink.changed[o.lock.Device] }) > before
		})
	}
	if got := c.pins(o, slot); len(got) != 1 || got[0] != "0246" && got[0] != "?" {
		c.errorf("0246 was put into slot %s at the keypad, and %v was read", slot, got)
	}
}

// battery: the level is reported as a share of one.
func battery(c *check) {
	o := c.connect(0)
	c.must(c.Hand.SetBattery(o.lock, 0.5))
	c.eventually("the level of the battery", func() bool { return o.sink.battery(o.lock.Device) == 0.5 })
}

func (r *recorder) battery(device string) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	level := -1.0
	for _, is := range r.reports[device] {
		if is.Battery != nil {
			level = *is.Battery
		}
	}
	return level
}

// restart: a command during which the peer restarts is either done and confirmed, or not confirmed; then
// the session works again automatically.
func restart(c *check) {
	o := c.connect(0)
	before, err := c.Hand.Locked(o.lock)
	c.must(err)
	move, id := c.locker(o).Lock, c.command()
	if before {
		move = c.locker(o).Unlock
	}
	restarted := make(chan error, 1)
	go func() { restarted <- c.Hand.Restart() }()
	asked, err := move(c.ctx, o.lock, id)
	got := c.outcome(o, id, asked, err)
	c.must(<-restarted)
	now, err := c.Hand.Locked(o.lock)
	c.must(err)
	if got == nil && now == before {
		c.errorf("a command during a restart was confirmed, and the bolt has not moved")
	}
	c.eventually("the session works again", func() bool { return o.session.Refresh(c.ctx) == nil })
}

// closed: a session that is closed reports nothing more.
func closed(c *check) {
	o := c.connect(0)
	c.must(o.session.Close())
	calls := read(o.sink, func() int { return o.sink.calls })
	c.must(c.Hand.SetBattery(o.lock, 0.3))
	c.never("a closed session has reported something", func() bool { return read(o.sink, func() int { return o.sink.calls }) != calls })
	if err := o.session.Close(); err != nil {
		c.errorf("closing twice: %v", err)
	}
}

// twoAccounts: sessions of two accounts know nothing of each other's devices.
func twoAccounts(c *check) {
	one, two := c.connect(0), c.connect(1)
	if one.account.ExternalID == two.account.ExternalID {
		c.fatalf("two accounts have one id")
	}
	c.must(c.Hand.SetBattery(one.lock, 0.4))
	c.eventually("the level of the battery", func() bool { return one.sink.battery(one.lock.Device) == 0.4 })
	of := func(o *open) map[string]bool {
		ids := map[string]bool{}
		for _, d := range o.sink.snapshot() {
			ids[d.ExternalID] = true
		}
		return ids
	}
	ones, twos := of(one), of(two)
	for id := range maps.Keys(ones) {
		if twos[id] {
			c.errorf("both accounts have the device %s", id)
		}
	}
	c.never("a session has reported a device of another account", func() bool {
		return read(two.sink, func() bool { return len(two.sink.reports[one.lock.Device]) > 0 })
	})
}

// removal: a device that is taken out of the account is gone, also from the list, until it is back.
func removal(c *check) {
	o := c.connect(0)
	listed := func() bool {
		c.must(o.session.Refresh(c.ctx))
		time.Sleep(time.Millisecond)
		return slices.ContainsFunc(o.sink.snapshot(), func(d provider.Device) bool { return d.ExternalID == o.lock.Device })
	}
	if !listed() {
		c.fatalf("the device is not listed")
	}
	c.must(c.Hand.Remove(o.lock, true))
	c.eventually("the device is reported gone, or missing from the list", func() bool {
		return read(o.sink, func() bool { return o.sink.gone[o.lock.Device] }) || !listed()
	})
	c.eventually("the device is missing from the list", func() bool { return !listed() })
	c.must(c.Hand.Remove(o.lock, false))
	c.eventually("the device is listed again", listed)
}
