package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// outboundOptions are the flags about what leaves the server and what is kept of it.
type outboundOptions struct {
	allow     []string
	retention string
}

func (o *outboundOptions) flags(f *pflag.FlagSet) {
	var allow []string
	if text := os.Getenv("KEYWAY_ALLOW_OUTBOUND"); text != "" {
		allow = strings.Split(text, ",")
	}
	f.StringSliceVar(&o.allow, "allow-outbound", allow,
		"host name (*.lan as well) or network (CIDR) outside the public internet that webhooks may be sent to; may be repeated "+
			"[KEYWAY_ALLOW_OUTBOUND]")
	f.StringVar(&o.retention, "event-retention", env("KEYWAY_EVENT_RETENTION", "90d"),
		"how long events are kept, like 90d or 36h; 0 keeps all [KEYWAY_EVENT_RETENTION]")
}

// keep reads how long events are kept; 0 keeps all.
func (o *outboundOptions) keep() (time.Duration, error) {
	text := o.retention
	if text == "" || text == "0" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if days, found := strings.CutSuffix(text, "d"); found {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
		if n > 36500 {
			return 0, badUsage("--event-retention %q is more than a hundred years: give 0 to keep all", text)
		}
	}
	if err != nil || d < time.Hour {
		return 0, badUsage("--event-retention %q is not a time of at least an hour, like 90d or 36h, or 0 to keep all", text)
	}
	return d, nil
}
