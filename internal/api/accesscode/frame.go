package accesscode

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
)

// frames are the time frames for which a device computes codes.
type frames struct {
	options []frameOption
	zone    *time.Location
}

// frameOption is one of them. Durations are of ISO 8601, in hours (PT672H) or days (P29D).
type frameOption struct {
	Min        isoDuration       `json:"min_duration"`
	Max        isoDuration       `json:"max_duration"`
	ByDay      bool              `json:"matching_start_end_time"` // it ends at the time of day at which it starts
	FixedTimes []json.RawMessage `json:"time_pairs"`
}

type isoDuration time.Duration

// UnmarshalText reads a duration in hours or days.
func (d *isoDuration) UnmarshalText(text []byte) error {
	number, unit := strings.TrimPrefix(string(text), "P"), 24*time.Hour
	if hours, found := strings.CutPrefix(number, "T"); found {
		number, unit = hours, time.Hour
	}
	n, err := strconv.Atoi(strings.TrimRight(number, "HD"))
	*d = isoDuration(time.Duration(n) * unit)
	return err
}

// framesOf reads for which time frames a device computes codes.
func framesOf(d device.Device) (f frames, err error) {
	if text := d.Properties["offline_time_frame_options"]; text != nil {
		if err := json.Unmarshal(text, &f.options); err != nil {
			return f, err
		}
	}
	f.zone = d.Zone()
	return f, nil
}

// fit widens a time frame to one for which the device computes codes, by no more than most at either
// end. It returns invalid_input where there is none.
func (f frames) fit(starts, ends time.Time, most time.Duration) (from, to time.Time, err error) {
	if len(f.options) == 0 {
		return starts, ends, nil
	}
	for _, o := range f.options {
		if from, to, ok := o.fit(starts.In(f.zone), ends, most); ok {
			return from.UTC(), to.UTC(), nil
		}
	}
	for _, o := range f.options {
		if _, _, ok := o.fit(starts.In(f.zone), ends, day); ok {
			return from, to, fault.Invalid("max_time_rounding", "The device computes codes for so long a time only by the day: send 1d")
		}
	}
	return from, to, fault.Invalid("ends_at", "The device computes no code for so long a time")
}

const (
	day      = 24 * time.Hour
	lifelong = 36500 * day // no lock computes codes for longer
)

func (o frameOption) fit(starts, ends time.Time, most time.Duration) (from, to time.Time, ok bool) {
	if len(o.FixedTimes) > 0 {
		return starts, ends, o.Max == 0 || ends.Sub(starts) <= time.Duration(o.Max)
	}
	if ends.Sub(starts) > lifelong {
		return from, to, false
	}
	var shift time.Duration // by which days in a row may differ from 24 hours each
	if o.ByDay {
		shift = time.Hour
	}
	intoTheHour := time.Duration(starts.Minute())*time.Minute + time.Duration(starts.Second())*time.Second
	from = starts.Add(-intoTheHour - time.Duration(starts.Nanosecond()))
	for hours := int(ends.Sub(from) / time.Hour); to.Before(ends) || to.Sub(from) < time.Duration(o.Min)-shift; hours++ {
		to = from.Add(time.Duration(hours) * time.Hour)
		if o.ByDay {
			to = from.AddDate(0, 0, hours/24)
		}
	}
	return from, to, (o.Max == 0 || to.Sub(from) <= time.Duration(o.Max)+shift) && to.Sub(ends) <= most
}
