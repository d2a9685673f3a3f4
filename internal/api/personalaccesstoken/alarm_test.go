package personalaccesstoken

import (
	"fmt"
	"testing"
	"time"
)

// Guards against alarms as a way to write without limit, and against a flood of them that silences the others: a network
// counts once an hour however many addresses it has, a token has a bounded number of networks, and a full memory forgets
// rather than stays silent.
func TestAlarmsAreBounded(t *testing.T) {
	t.Parallel()
	var m memory
	now := time.Date(2026, 3, 1, 12, 10, 0, 0, time.UTC)
	count := func(about string, n int, address func(i int) string, at time.Time) (alarms int) {
		for i := range n {
			if m.firstAlarm(about, networkOf(address(i)), at) {
				alarms++
			}
		}
		return alarms
	}
	one := func(i int) string { return fmt.Sprintf("2001:db8:1:%x::%x", i%16, i) }
	many := func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i) }
	if n := count("a", 1000, one, now); n != 1 {
		t.Errorf("one network raised %d alarms", n)
	}
	if n := count("a", 1000, many, now); n != maxAlarms-1 {
		t.Errorf("a thousand networks raised %d further alarms, want %d", n, maxAlarms-1)
	}
	if n := count("a", 1000, one, now.Add(time.Hour)); n != 1 {
		t.Errorf("the next hour raised %d alarms", n)
	}
	for i := range mostHeld + 10 {
		if !m.firstAlarm(fmt.Sprint("token ", i), "203.0.113.0/24", now) {
			t.Fatalf("the alarm of token %d was silenced", i)
		}
	}
	if len(m.alarms) > mostHeld {
		t.Errorf("%d alarms are in memory", len(m.alarms))
	}
}
