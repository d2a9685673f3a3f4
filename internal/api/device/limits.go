package device

import (
	"fmt"
	"time"

	"keyway/internal/trust/credential"
)

// Ask is something that each device may be asked for only so often.
type Ask string

// What is limited; everything else is not.
const (
	CreateCode Ask = "make an access code"
	UpdateCode Ask = "change an access code"
	DeleteCode Ask = "delete an access code"
	LockDoor   Ask = "lock"
	UnlockDoor Ask = "unlock"
)

// perMinute is how often Seam lets a device be asked.
var perMinute = map[Ask]int{CreateCode: 10, UpdateCode: 10, DeleteCode: 20, LockDoor: 15, UnlockDoor: 15}

// Limits are how often in a minute each device may be asked. Without any, everything is let through.
type Limits map[Ask]*credential.Limiter

// NewLimits makes those of Seam.
func NewLimits(now func() time.Time) Limits {
	l := Limits{}
	for ask, n := range perMinute {
		l[ask] = credential.NewLimiter(n, now)
	}
	return l
}

// Count makes what counts the devices of one request: each of them once, also when its transaction has
// to run again. What it makes returns too_many_requests for a device that has been asked too often.
func (l Limits) Count(ask Ask) func(deviceID string) error {
	if l == nil {
		return func(string) error { return nil }
	}
	counted := map[string]error{}
	return func(deviceID string) error {
		err, again := counted[deviceID]
		if !again {
			err = l[ask].Admit(deviceID, fmt.Sprintf("This device may be asked to %s %d times a minute", ask, perMinute[ask]))
			counted[deviceID] = err
		}
		return err
	}
}
