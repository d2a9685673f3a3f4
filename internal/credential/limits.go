package credential

// Limits narrow what a personal access token may do. They are stored, served and compared as they
// are here; what a request needs of them is prepared once, when a token's facts are read.
type Limits struct {
	Scopes           []string `json:"scopes" doc:"What it may call, per group and read or write: devices:read, access_codes:write, *:read, or * for everything but writing tokens, API keys, members and policies."`
	WorkspaceIDs     []string `json:"workspace_ids" doc:"The workspaces that it opens; null: all of its person's, now and in future."`
	SandboxOnly      bool     `json:"sandbox_only" doc:"Whether it opens sandbox workspaces only."`
	AllowedCIDRs     []string `json:"allowed_cidrs" doc:"From which networks it may be used; empty: from everywhere."`
	DeviceIDs        []string `json:"device_ids" doc:"The devices that exist for it; null: all."`
	DailyActionLimit *int64   `json:"daily_action_limit" doc:"How many physical actions a day it may cause (a day of UTC, or of the hours' time zone); null: any number."`
	AllowedHours     *Hours   `json:"allowed_hours" doc:"When it may be used; null: at any time."`
	MaxUses          *int64   `json:"max_uses" doc:"How many requests it is good for; null: any number."`
}

// Hours are the times of the week at which a token may be used.
type Hours struct {
	Weekdays []string `json:"weekdays" doc:"mon, tue, wed, thu, fri, sat, sun."`
	From     string   `json:"from" doc:"08:00, on the clock of the time zone."`
	To       string   `json:"to" doc:"18:00, not included; before from, it is the next day's and belongs to the day it began."`
	TimeZone string   `json:"time_zone" doc:"An IANA name: Europe/Oslo."`
}
