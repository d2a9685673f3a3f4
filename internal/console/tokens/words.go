package tokens

import (
	"fmt"
	"slices"
	"strings"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/console/frame"
	"keyway/internal/trust/credential"
)

// groupTitle is an API group for people: access_codes becomes Access codes.
func groupTitle(group string) string {
	words := strings.ReplaceAll(group, "_", " ")
	if words == "" {
		return words
	}
	words = strings.ToUpper(words[:1]) + words[1:]
	return strings.NewReplacer("Api", "API", "Acs", "ACS").Replace(words)
}

// scopeWords says what scopes allow, naming at most so many groups.
func scopeWords(scopes []string, most int) string {
	kinds := map[string][]string{}
	var order, parts []string
	for _, scope := range scopes {
		switch scope {
		case credential.All:
			parts = append(parts, "Everything")
			continue
		case credential.AllReads:
			parts = append(parts, "Read only")
			continue
		}
		group, _, kind := cutScope(scope)
		if kinds[group] == nil {
			order = append(order, group)
		}
		kinds[group] = append(kinds[group], kind)
	}
	if slices.Contains(parts, "Read only") && len(order) > 0 {
		parts[slices.Index(parts, "Read only")] = "Read everything"
	}
	slices.Sort(order)
	for _, group := range order {
		slices.Sort(kinds[group])
		parts = append(parts, groupTitle(group)+": "+strings.Join(kinds[group], " and "))
	}
	if len(parts) == 0 {
		return "Nothing"
	}
	if len(parts) > most {
		return fmt.Sprintf("%s + %d", strings.Join(parts[:most], ", "), len(parts)-most)
	}
	return strings.Join(parts, ", ")
}

// workspaceWords says which workspaces limits leave open.
func (q *request) workspaceWords(l credential.Limits) string {
	switch {
	case l.WorkspaceIDs == nil && l.SandboxOnly:
		return "All sandbox workspaces"
	case l.WorkspaceIDs == nil:
		return "All workspaces"
	case len(l.WorkspaceIDs) > 2:
		return frame.Plural(len(l.WorkspaceIDs), "workspace", "workspaces")
	}
	var names []string
	for _, id := range l.WorkspaceIDs {
		names = append(names, q.workspaceName(id))
	}
	words := strings.Join(names, ", ")
	if l.SandboxOnly {
		words += ", sandbox only"
	}
	return words
}

func (q *request) workspaceName(id string) string {
	if m := q.membership(id); m != nil {
		return m.Name
	}
	return "A workspace you aren’t in"
}

func hourWords(h *credential.Hours) string {
	var days []string
	for _, day := range weekdayNames {
		if slices.Contains(h.Weekdays, day.Value) {
			days = append(days, day.Label)
		}
	}
	words := strings.Join(days, ", ")
	switch words {
	case "Mon, Tue, Wed, Thu, Fri":
		words = "Mon to Fri"
	case "Mon, Tue, Wed, Thu, Fri, Sat, Sun":
		words = "Every day"
	}
	return fmt.Sprintf("%s, %s to %s, %s", words, h.From, h.To, h.TimeZone)
}

// limitFacts are a token's limits in words; what is not limited is left out but for the first two.
func (q *request) limitFacts(t personalaccesstoken.Token) ([]Fact, error) {
	facts := []Fact{{Label: "Permissions", Text: scopeWords(t.Scopes, 1000)}, {Label: "Workspaces", Text: q.workspaceWords(t.Limits)}}
	if len(t.WorkspaceIDs) > 2 {
		for _, id := range t.WorkspaceIDs {
			facts[1].Lines = append(facts[1].Lines, q.workspaceName(id))
		}
	}
	add := func(is bool, label, format string, args ...any) {
		if is {
			facts = append(facts, Fact{Label: label, Text: fmt.Sprintf(format, args...)})
		}
	}
	if t.DeviceIDs != nil {
		choices, err := q.deviceChoices(t.DeviceIDs)
		if err != nil {
			return nil, err
		}
		f := Fact{Label: "Devices", Text: frame.Plural(len(t.DeviceIDs), "device", "devices")}
		for _, c := range choices {
			f.Lines = append(f.Lines, c.Label)
		}
		facts = append(facts, f)
	}
	add(len(t.AllowedCIDRs) > 0, "Networks", "%s", strings.Join(t.AllowedCIDRs, ", "))
	if t.AllowedHours != nil {
		add(true, "Hours", "%s", hourWords(t.AllowedHours))
	}
	if t.DailyActionLimit != nil {
		add(true, "Physical actions", "At most %d a day", *t.DailyActionLimit)
	}
	if t.MaxUses != nil {
		add(true, "Requests", "%d total, %d used so far", *t.MaxUses, t.UseCount)
	}
	add(t.NotBefore.After(q.Now()), "Not before", "%s", frame.Exact(t.NotBefore.Time))
	add(t.IsStrict, "Strict rotation", "Late use of a replaced token revokes this one too")
	add(t.IsDecoy, "Decoy", "Grants nothing, and alerts you if anyone uses it")
	return facts, nil
}

// tokenStatus is a token's state, and why it has it.
func (q *request) tokenStatus(t personalaccesstoken.Token) (TokenStatus, string) {
	now := q.Now()
	switch status := TokenStatus(t.Status); status {
	case TokenActive:
		switch {
		case t.SuccessorID != nil && !t.GraceEndsAt.IsZero():
			return TokenReplaced, "works until " + frame.ExactMinute(t.GraceEndsAt.Time)
		case !t.ExpiresAt.IsZero() && t.ExpiresAt.Sub(now) < frame.Soon:
			return TokenExpiring, ""
		}
		return status, ""
	case TokenNotYetValid:
		return status, "from " + frame.ExactMinute(t.NotBefore.Time)
	case TokenExpired:
		if t.ExpiresAt.IsZero() || t.ExpiresAt.After(now) {
			return TokenUsedUp, "all its requests are made"
		}
		return status, "on " + frame.Date(t.ExpiresAt.Time)
	case TokenSuperseded:
		return status, "on " + frame.Date(t.GraceEndsAt.Time)
	case TokenRevoked:
		return status, q.revokeReason(t)
	default:
		return status, ""
	}
}

// revokeReasons say why a token was revoked, if no person simply revoked it.
var revokeReasons = map[string]string{
	credential.ReasonLeaked: "it was found exposed",
	"rotation_undone":       "its rotation was undone",
	"reused":                "the token that it replaced was used",
	"user_disabled":         "its person was disabled",
	"password_changed":      "its person changed the password",
}

func (q *request) revokeReason(t personalaccesstoken.Token) string {
	on := "on " + frame.Date(t.RevokedAt.Time)
	if t.RevokeReason != nil {
		if why, ok := revokeReasons[*t.RevokeReason]; ok {
			return why + ", " + on
		}
	}
	if t.RevokedBy != nil && *t.RevokedBy == q.User.ID {
		return "by you, " + on
	}
	return on
}

// auditWords say what was done to a token or with it. What is not here is shown as it is named.
var auditWords = map[string]string{
	"personal_access_token.created":            "Created",
	"personal_access_token.updated":            "Changed",
	"personal_access_token.disabled":           "Disabled",
	"personal_access_token.enabled":            "Enabled",
	"personal_access_token.revoked":            "Revoked",
	"personal_access_token.rotated":            "Rotated",
	"personal_access_token.rotation_undone":    "Rotation undone",
	"personal_access_token.rotation_completed": "Rotation finished",
	"personal_access_token.expiring":           "Owner notified of its expiry",
	"personal_access_token.reused":             "Used after it was replaced",
	"personal_access_token.new_network":        "Used from a new network, after a long silence",
	"personal_access_token.new_address":        "First used from this network",
	"personal_access_token.decoy_used":         "The decoy was used",
	"personal_access_token.refused":            "Blocked by a workspace owner",
	"personal_access_token.admitted":           "Allowed again by a workspace owner",
	"workspace_key.created":                    "Workspace key created",
	"workspace_key.revoked":                    "Workspace key revoked",
}
