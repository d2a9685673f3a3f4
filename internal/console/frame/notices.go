package frame

import (
	"errors"
	"net/url"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/clock"
	"keyway/internal/trust/credential"
)

// DisabledWebhook is a webhook that was disabled after days of failure, which every page of its
// workspace says.
type DisabledWebhook struct {
	URL       string // of its page
	Host      string // where it sends to
	At        time.Time
	CanEnable bool
}

// ClockView is the clock of a sandbox workspace, with the dialog that moves it.
type ClockView struct {
	Action string
	Here   string    // the page that it is on
	Now    time.Time // what it shows
	By     time.Duration
	Min    string // as a datetime-local input has it
	Max    string
}

// Moved reports whether it shows another time than clocks on the wall.
func (c *ClockView) Moved() bool { return c != nil && c.By > 0 }

// Ahead says how far it was moved.
func (c *ClockView) Ahead() string { return span(c.By) }

// furthestAhead is how far a clock may be moved in total; the rules enforce it.
const furthestAhead = 400 * 24 * time.Hour

// notices fills in what every page of a workspace shows beside its own things.
func (q *Request) notices(p *Page) error {
	if err := errors.Join(q.expiring(p), q.leaked(p)); err != nil {
		return err
	}
	if p.Area != AreaWorkspace || p.Workspace == nil {
		return nil
	}
	ctx, id := q.Context(), p.Workspace.ID
	all, err := q.Webhooks.Overviews(ctx, id)
	if err != nil {
		return err
	}
	for _, o := range all {
		if !o.DisabledAt.IsZero() {
			p.DisabledWebhooks = append(p.DisabledWebhooks, DisabledWebhook{URL: WorkspacePath(id, "developer", "webhooks", o.ID),
				Host: HostOf(o.URL), At: o.DisabledAt, CanEnable: q.May("/keyway/v1/webhooks/enable")})
		}
	}
	if !p.Workspace.Sandbox || !q.May("/keyway/v1/sandbox/advance_time") {
		return nil
	}
	ahead, err := clock.Offset(ctx, q.DB, id)
	if err != nil {
		return err
	}
	now := q.Now().Add(ahead)
	p.Clock = &ClockView{Action: WorkspacePath(id, "clock"), Here: q.R.URL.Path, Now: now, By: ahead,
		Min: now.UTC().Add(time.Minute).Format(InputTime), Max: q.Now().Add(furthestAhead).UTC().Format(InputTime)}
	return nil
}

// expiring fills in which of the person's own tokens end soon: within a month on the pages of
// tokens, elsewhere within a week.
func (q *Request) expiring(p *Page) error {
	if q.User == nil || p.Area == AreaNone {
		return nil
	}
	within := Soon
	if p.Current == NavTokens && p.Area != AreaInstance {
		within = 30 * 24 * time.Hour
	}
	tokens, err := q.Tokens.Expiring(q.Context(), q.User.ID, within)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.SuccessorID == nil && !t.IsDecoy && q.endsSoon(t) {
			p.Expiring = append(p.Expiring, ExpiringToken{Name: t.Name, URL: SettingsPath("personal-access-tokens", t.ID),
				ExpiresAt: t.ExpiresAt.Time, Urgent: t.ExpiresAt.Sub(q.Now()) <= 24*time.Hour, Expired: !q.Now().Before(t.ExpiresAt.Time)})
		}
	}
	return nil
}

// leakedFor is how long pages show what was found exposed.
const leakedFor = 7 * 24 * time.Hour

// leaked fills in what was found of the person's own tokens and, for who manages them, of the
// workspace's API keys.
func (q *Request) leaked(p *Page) error {
	if q.User == nil || p.Area == AreaNone {
		return nil
	}
	workspaceID := ""
	if p.Area == AreaWorkspace && p.Workspace != nil && q.May("/keyway/v1/api_keys/revoke") {
		workspaceID = p.Workspace.ID
	}
	found, err := credential.LeakedSince(q.Context(), q.DB, q.User.ID, workspaceID, q.Now().Add(-leakedFor))
	for _, c := range found {
		l := LeakedCredential{What: "Your token", Name: c.Name, URL: SettingsPath("personal-access-tokens", c.ID), At: c.RevokedAt}
		switch c.Kind {
		case credential.WorkspaceKey:
			l.What, l.URL = "A workspace key of your token", SettingsPath("personal-access-tokens", c.ParentID)
		case credential.APIKey:
			l.What, l.URL = "The API key", WorkspacePath(workspaceID, "developer", "api-keys")
		}
		p.Leaked = append(p.Leaked, l)
	}
	return err
}

// endsSoon reports whether a token is near its expiry in proportion to its lifetime: one that was made for a
// week is not shown before its last day.
func (q *Request) endsSoon(t personalaccesstoken.Token) bool {
	life, left := t.ExpiresAt.Sub(t.CreatedAt.Time), t.ExpiresAt.Sub(q.Now())
	for _, near := range []time.Duration{24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour} {
		if left <= near {
			return life > near
		}
	}
	return false
}

// span says how long something is, in the largest unit that fits.
func span(d time.Duration) string {
	switch {
	case d < 90*time.Minute:
		return Plural(int(d.Round(time.Minute).Minutes()), "minute", "minutes")
	case d < 36*time.Hour:
		return Plural(int(d.Round(time.Hour).Hours()), "hour", "hours")
	default:
		return Plural(int(d.Round(24*time.Hour).Hours()/24), "day", "days")
	}
}

// Soon is how long before its end a token is said to expire soon.
const Soon = 7 * 24 * time.Hour

// LeakedCredential is a token or key that was found where it does not belong, a few days ago.
type LeakedCredential struct {
	What string // "Your token", …
	Name string
	URL  string
	At   time.Time
}

// ExpiringToken is a token of the viewer's that expires soon.
type ExpiringToken struct {
	Name      string
	URL       string
	ExpiresAt time.Time
	Urgent    bool // within a day
	Expired   bool
}

// HostOf is where a webhook leads without the rest of the address, which may contain a secret.
func HostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return "Webhook"
}
