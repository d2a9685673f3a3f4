package provider

import (
	"maps"
	"slices"
	"time"
)

// Evidence is how a driver knows what it reports.
type Evidence int

// The kinds of evidence, weakest first.
const (
	Optimistic Evidence = iota // the peer assumes what was asked for
	Cached                     // retained, repeated or remembered
	Sent                       // sent by the device itself
	Read                       // read from the device itself
)

// FromDevice reports whether the device itself said so. Only this confirms a command.
func (e Evidence) FromDevice() bool { return e >= Sent }

// Report is what a session has learned about the state of a device. Of what is nil or empty it says
// nothing.
type Report struct {
	At       time.Time // when it was observed; zero: now
	Evidence Evidence
	// For is the id of the command that this is the outcome of; empty: of none.
	For string
	// Failed is why that command failed: ErrRefused, ErrJammed, …; nil: it did not.
	Failed error

	Online        *bool
	Locked        *bool
	Jammed        *bool // the bolt is stuck between locked and unlocked
	DoorOpen      *bool
	Battery       *float64 // level, from 0 to 1
	Keypad        *bool    // an accessory keypad is connected
	KeypadBattery *float64 // level, from 0 to 1, of the keypad that is
	// Properties are further properties of the API that have changed.
	Properties map[string]any
	Errors     []Problem
	Warnings   []Problem
	Over       []string // the codes of errors and warnings that have ended
}

// Merge lays a later report over an earlier one. ok is false when they cannot be one: each is the outcome
// of another command, or the later is and the earlier has another kind of evidence.
func (is Report) Merge(later Report) (merged Report, ok bool) {
	if is.For != later.For || is.Failed != nil || later.Failed != nil || is.Evidence != later.Evidence {
		return is, false
	}
	out := is
	out.At = later.At
	latest(&out.Online, later.Online)
	latest(&out.Locked, later.Locked)
	latest(&out.Jammed, later.Jammed)
	latest(&out.DoorOpen, later.DoorOpen)
	latest(&out.Battery, later.Battery)
	latest(&out.Keypad, later.Keypad)
	latest(&out.KeypadBattery, later.KeypadBattery)
	if len(later.Properties) > 0 {
		out.Properties = maps.Clone(is.Properties)
		if out.Properties == nil {
			out.Properties = map[string]any{}
		}
		maps.Copy(out.Properties, later.Properties)
	}
	out.Errors, out.Warnings = mergeProblems(is.Errors, later.Errors, later.Over), mergeProblems(is.Warnings, later.Warnings, later.Over)
	out.Over = slices.DeleteFunc(slices.Clone(is.Over), func(code string) bool {
		return hasProblem(later.Errors, code) || hasProblem(later.Warnings, code) || slices.Contains(later.Over, code)
	})
	out.Over = append(out.Over, later.Over...)
	return out, true
}

// LeaveLatest takes out of a report what is older than the latest report of the same, as known has it by what it is
// of, and notes the time of the rest in known. Nothing of a current report is older, whatever the clocks say. It
// returns false when nothing is left. What is only assumed makes nothing older.
func (is *Report) LeaveLatest(known map[string]time.Time, current bool) bool {
	left := is.For != ""
	newest := func(of string) bool {
		if !current && is.At.Before(known[of]) {
			return false
		}
		if is.Evidence != Optimistic {
			known[of] = is.At
		}
		left = true
		return true
	}
	keepLatest(&is.Online, "online", newest)
	keepLatest(&is.Locked, "locked", newest)
	keepLatest(&is.Jammed, "jammed", newest)
	keepLatest(&is.DoorOpen, "door", newest)
	keepLatest(&is.Battery, "battery", newest)
	keepLatest(&is.Keypad, "keypad", newest)
	keepLatest(&is.KeypadBattery, "keypad battery", newest)
	properties := map[string]any{}
	for name, v := range is.Properties {
		if newest("property " + name) {
			properties[name] = v
		}
	}
	is.Properties = properties
	older := func(code string) bool { return !newest("problem " + code) }
	is.Errors = slices.DeleteFunc(slices.Clone(is.Errors), func(p Problem) bool { return older(p.Code) })
	is.Warnings = slices.DeleteFunc(slices.Clone(is.Warnings), func(p Problem) bool { return older(p.Code) })
	is.Over = slices.DeleteFunc(slices.Clone(is.Over), older)
	return left
}

func keepLatest[T any](value **T, of string, newest func(of string) bool) {
	if *value != nil && !newest(of) {
		*value = nil
	}
}

func latest[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

func mergeProblems(earlier, later []Problem, over []string) []Problem {
	out := slices.DeleteFunc(slices.Clone(earlier), func(p Problem) bool { return slices.Contains(over, p.Code) || hasProblem(later, p.Code) })
	return append(out, later...)
}

func hasProblem(problems []Problem, code string) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Code == code })
}

// Occurrence is something that happened at a device and leaves no lasting state.
type Occurrence struct {
	Kind   Kind
	At     time.Time // zero: now
	ID     string    // the peer's own id of it; empty: it is distinguished by kind, method, slot and time
	Method Method    // of Locked and Unlocked
	Slot   string    // of the code that was used; empty: none, or unknown
	Reason Reason    // of Denied; empty: unknown
}

// Kind is what happened.
type Kind string

// The kinds of occurrences.
const (
	Locked       Kind = "locked"
	Unlocked     Kind = "unlocked"
	Denied       Kind = "access_denied"
	Jammed       Kind = "jammed"
	Tampered     Kind = "tampered"
	DoorbellRang Kind = "doorbell_rang"
)

// Locked is how the bolt is after what happened; moved is false where it did not move. A bolt that is jammed does
// not lock the door.
func (k Kind) Locked() (locked, moved bool) {
	return k == Locked, k == Locked || k == Unlocked || k == Jammed
}

// Reason is why a lock did not open, in the words of the API's events.
type Reason string

// The reasons.
const (
	UnknownCode     Reason = "unknown_code"
	ExpiredCode     Reason = "expired_code"
	BlockedCode     Reason = "blocklisted_code"
	TooManyAttempts Reason = "too_many_attempts"
	InPrivacyMode   Reason = "blocked_by_privacy_mode"
	BadCredential   Reason = "credential_error"
)

// Method is how a bolt came to move, in the words of the API's events.
type Method string

// The methods.
const (
	ByUnknown   Method = "unknown"
	ByKeycode   Method = "keycode"
	ByManual    Method = "manual"
	ByRemote    Method = "remote"
	ByAutomatic Method = "automatic"
)

// BatteryStatus is the API's word for the level of a battery, from 0 to 1.
func BatteryStatus(level float64) string {
	switch {
	case level < 0.1:
		return "critical"
	case level < 0.25:
		return "low"
	case level < 0.95:
		return "good"
	}
	return "full"
}
