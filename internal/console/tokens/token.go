package tokens

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// How much a token's page shows.
const (
	useDays      = 30
	mostUses     = 12
	mostRefusals = 20
	auditPerPage = 30
	mostDenials  = 10
)

func (q *request) token() error {
	v, err := q.tokenView(q.R.PathValue("token"))
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) tokenView(id string) (*TokenView, error) {
	ctx := q.R.Context()
	t, err := q.Tokens.Get(ctx, q.owner(), id)
	if err != nil {
		return nil, err
	}
	v := &TokenView{Page: q.tokensPage(t.Name), Base: q.tokensAt(), Token: q.viewToken(t), Mine: t.UserID == q.User.ID && !q.OnInstance()}
	if v.Limits, err = q.limitFacts(t); err != nil {
		return nil, err
	}
	all, err := q.Tokens.List(ctx, t.UserID)
	if err != nil {
		return nil, err
	}
	v.Token.Children = len(descendants(all, t.ID))
	made, err := q.Tokens.Made(ctx, t.UserID)
	if err != nil {
		return nil, err
	}
	v.Token.Sessions, v.Token.Webhooks = made[t.ID].ClientSessions, made[t.ID].Webhooks
	v.Family = q.family(all, t)
	if !v.Mine {
		owner, err := q.People.Get(ctx, q.DB, t.UserID)
		if err != nil {
			return nil, err
		}
		v.Token.Owner = owner.Email
	}
	if err := q.tokenKeys(v); err != nil {
		return nil, err
	}
	if err := q.tokenUse(v); err != nil {
		return nil, err
	}
	if err := q.tokenRecord(v); err != nil {
		return nil, err
	}
	if v.Mine && v.Token.Live() {
		return v, q.tokenForms(v, t, all)
	}
	v.Keys = nil // they ended with it
	return v, nil
}

func (q *request) tokenKeys(v *TokenView) error {
	keys, err := q.Tokens.WorkspaceKeys(q.R.Context(), q.owner(), v.Token.ID)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if !k.RevokedAt.IsZero() {
			continue
		}
		key := WorkspaceKey{ID: k.ID, Hint: hint(k.Hint), Workspace: frame.Workspace{ID: k.WorkspaceID, Name: k.WorkspaceID},
			CreatedAt: k.CreatedAt.Time, LastUsed: q.viewUse(k.LastUsed).At}
		if m := q.membership(k.WorkspaceID); m != nil {
			key.Workspace = frame.ViewWorkspace(*m)
		}
		v.Keys = append(v.Keys, key)
	}
	v.Token.WorkspaceKeys = len(v.Keys)
	return nil
}

// family is where a token comes from and what came from it; nothing where it stands alone.
func (q *request) family(all []personalaccesstoken.Token, t personalaccesstoken.Token) (line []Relative) {
	add := func(relation string, id *string) {
		for _, other := range all {
			if id != nil && other.ID == *id {
				line = append(line, Relative{Relation: relation, Token: q.viewToken(other)})
			}
		}
	}
	add("Made with", t.ParentID)
	add("Replaces", t.PredecessorID)
	line = append(line, Relative{Relation: "This token", Token: q.viewToken(t), This: true})
	add("Replaced by", t.SuccessorID)
	for _, child := range all {
		if child.ParentID != nil && *child.ParentID == t.ID {
			line = append(line, Relative{Relation: "Made with this token", Token: q.viewToken(child)})
		}
	}
	if len(line) == 1 {
		return nil
	}
	return line
}

// The grid of the chart.
const (
	chartWidth  = 600
	chartHeight = 80
)

func (q *request) tokenUse(v *TokenView) error {
	_, uses, err := q.Tokens.Usages(q.R.Context(), q.manager(), v.Token.ID, useDays)
	if err != nil {
		return err
	}
	byDay, rows := map[string]int{}, map[[2]string]*UseRow{}
	for _, u := range uses {
		byDay[u.Day] += int(u.Count)
		key := [2]string{u.Endpoint}
		if u.WorkspaceID != nil {
			key[1] = *u.WorkspaceID
		}
		row := rows[key]
		if row == nil {
			row = &UseRow{Endpoint: u.Endpoint}
			if key[1] != "" {
				row.Workspace = q.workspaceName(key[1])
			}
			rows[key] = row
		}
		row.Count += u.Count
		row.LastDay = max(row.LastDay, u.Day)
	}
	for _, row := range rows {
		v.Uses = append(v.Uses, *row)
	}
	slices.SortFunc(v.Uses, func(a, b UseRow) int {
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return strings.Compare(a.Endpoint+a.Workspace, b.Endpoint+b.Workspace)
	})
	v.Uses = v.Uses[:min(len(v.Uses), mostUses)]
	v.Chart = newChart(byDay, q.Now())
	return nil
}

func newChart(byDay map[string]int, now time.Time) Chart {
	first := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-useDays)
	c := Chart{Days: useDays}
	for _, n := range byDay {
		c.Total += n
		c.Most = max(c.Most, n)
	}
	c.Top = roundUp(c.Most)
	const step, marks = chartWidth / useDays, 4
	for i := range marks {
		c.Marks = append(c.Marks, first.AddDate(0, 0, i*(useDays-1)/(marks-1)))
	}
	for i := range useDays {
		day := first.AddDate(0, 0, i)
		n := byDay[day.Format(time.DateOnly)]
		if n == 0 {
			continue
		}
		height := max(2, int(int64(n)*chartHeight/int64(c.Top)))
		c.Bars = append(c.Bars, Bar{X: i*step + 2, Y: chartHeight - height, Width: step - 4, Height: height,
			Label: fmt.Sprintf("%s: %s", frame.Date(day), frame.Plural(n, "request", "requests"))})
	}
	return c
}

// roundUp is the end of a scale that has room for n: 1, 2, 4 or 10 times a power of ten, so that its half is round too.
func roundUp(n int) int {
	for power := 1; ; power *= 10 {
		for _, top := range []int{2, 4, 10} {
			if n <= top*power {
				return top * power
			}
		}
	}
}

// tokenRecord reads what was refused and what was done.
func (q *request) tokenRecord(v *TokenView) error {
	ctx := q.R.Context()
	refusals, err := q.Tokens.Refusals(ctx, q.manager(), v.Token.ID, mostRefusals)
	if err != nil {
		return err
	}
	for _, x := range refusals {
		v.Refusals = append(v.Refusals, q.viewRefusal(x))
	}
	trail := frame.ReadTrail(q.R.URL.Query())
	page, err := q.Audit.List(ctx, audit.Filter{CredentialID: v.Token.ID, Denials: audit.NoDenials}, trail.From(), auditPerPage)
	if err != nil {
		return err
	}
	v.Activity = trail.Pagination(v.Base+"/"+v.Token.ID, page.HasNext, page.Next).To("token-record")
	var denials rpc.Page[audit.Record]
	if trail.IsFirst() { // they are many, so only the latest are shown, and only here
		denials, err = q.Audit.List(ctx, audit.Filter{CredentialID: v.Token.ID, Denials: audit.OnlyDenials}, rpc.Position{}, mostDenials)
		if err != nil {
			return err
		}
	}
	names := map[string]string{q.User.ID: "You"}
	for _, doc := range slices.Concat(page.Items, denials.Items) {
		var r audit.Record
		if err := json.Unmarshal(doc, &r); err != nil {
			return err
		}
		line := AuditLine{At: r.OccurredAt.Time, What: r.Action, Address: r.Actor.Address}
		if words, ok := auditWords[r.Action]; ok {
			line.What = words
		} else if strings.HasSuffix(r.Action, ".denied") {
			line.What = denialWords(r.Detail)
		} else {
			line.What = plainAction(r.Action)
		}
		if line.Who, err = q.actorName(r.Actor, v.Token.ID, names); err != nil {
			return err
		}
		v.Audit = append(v.Audit, line)
		if n, ok := tokenNotice(r); ok && q.Now().Sub(n.At) < useDays*24*time.Hour {
			v.Notices = append(v.Notices, n)
		}
	}
	slices.SortStableFunc(v.Audit, func(a, b AuditLine) int { return b.At.Compare(a.At) })
	v.Audit = grouped(v.Audit)
	return nil
}

// plainAction writes an action of the audit log as words: webhook.created is Webhook created.
func plainAction(action string) string {
	words := strings.NewReplacer(".", " ", "_", " ").Replace(action)
	return strings.ToUpper(words[:min(1, len(words))]) + words[min(1, len(words)):]
}

// grouped makes one line of equal lines that follow each other.
func grouped(lines []AuditLine) (out []AuditLine) {
	for _, line := range lines {
		line.Count = 1
		if n := len(out); n > 0 && out[n-1].What == line.What && out[n-1].Who == line.Who && out[n-1].Address == line.Address {
			out[n-1].Count++
			continue
		}
		out = append(out, line)
	}
	return out
}

// denialWords say what a credential was denied.
func denialWords(detail json.RawMessage) string {
	var d struct {
		Reason, Endpoint string
		Count            int
	}
	_ = json.Unmarshal(detail, &d) // it was made here
	return fmt.Sprintf("Denied %s (%s), %s", d.Endpoint, d.Reason, frame.Plural(d.Count, "time", "times"))
}

func (q *request) actorName(a audit.Actor, tokenID string, names map[string]string) (string, error) {
	switch {
	case a.Kind == "server":
		return "Keyway", nil
	case a.OSUser != "":
		return "Command by " + a.OSUser, nil
	case a.CredentialID == tokenID:
		return "This token", nil
	case a.UserID == "":
		return groupTitle(a.Kind), nil
	}
	if name, ok := names[a.UserID]; ok {
		return name, nil
	}
	u, err := q.People.Get(q.R.Context(), q.DB, a.UserID)
	if fault.Is(err, fault.UserNotFound) {
		return "A former user", nil
	} else if err != nil {
		return "", err
	}
	names[a.UserID] = frame.User{Name: u.Name, Email: u.Email}.DisplayName()
	return names[a.UserID], nil
}

// tokenNotice is what an entry of the audit log warns of.
func tokenNotice(r audit.Record) (n TokenNotice, ok bool) {
	var detail struct {
		Reason  string `json:"reason"`
		Address string `json:"address"`
		Network string `json:"network"`
	}
	if json.Unmarshal(r.Detail, &detail) != nil {
		return n, false
	}
	from := ""
	if detail.Address != "" {
		from = " from " + detail.Address
	}
	n = TokenNotice{Tone: frame.ToneBad, At: r.OccurredAt.Time}
	switch {
	case r.Action == "personal_access_token.revoked" && detail.Reason == credential.ReasonLeaked:
		n.Text = "This token was found exposed and has been revoked, with everything made from it. Find and remove the exposed copy, and check " +
			"what it did before."
	case r.Action == "personal_access_token.reused":
		n.Text = "This token was used" + from + " after it was replaced. If you don’t recognize this, someone has the old secret."
	case r.Action == "personal_access_token.decoy_used":
		n.Text = "Someone used this decoy" + from + ", so they have been where you planted it."
	case r.Action == "personal_access_token.new_network":
		n.Tone, n.Text = frame.ToneWarn, "First used from the network "+detail.Network+
			", after a long silence. If you do not know it, rotate or revoke the token."
	default:
		return n, false
	}
	return n, true
}

func (q *request) viewRefusal(x personalaccesstoken.Explanation) Refusal {
	r := Refusal{RequestID: x.RequestID, At: x.OccurredAt.Time, Endpoint: x.Endpoint, Address: x.Address, Status: x.Status, Reason: x.Reason,
		Summary: x.Summary, Remedy: x.Remedy}
	if r.Reason == "" {
		r.Reason = x.Code
	}
	if x.WorkspaceID != nil {
		r.Workspace = q.workspaceName(*x.WorkspaceID)
	}
	return r
}

// refusalPage finds a refused request by its id.
func (q *request) refusalPage() error {
	id := strings.TrimSpace(q.R.URL.Query().Get("request_id"))
	v := &RefusalView{Page: q.tokensPage("Why a request was refused"), Base: q.tokensAt(), RequestID: id}
	if id == "" {
		return q.Show(v)
	}
	x, err := q.Tokens.Explain(q.R.Context(), q.manager(), id)
	if fault.Is(err, fault.NotFound) {
		return q.Show(v)
	} else if err != nil {
		return err
	}
	t, err := q.Tokens.Get(q.R.Context(), q.owner(), x.TokenID)
	if err != nil {
		return err
	}
	found := q.viewRefusal(x)
	v.Refusal, v.Token = &found, q.viewToken(t)
	return q.Show(v)
}

// tokenForms fills in what its owner can do with a live token.
func (q *request) tokenForms(v *TokenView, t personalaccesstoken.Token, all []personalaccesstoken.Token) error {
	policy, err := credential.ReadPolicy(q.R.Context(), q.DB, "")
	if err != nil {
		return err
	}
	if !t.IsDecoy && v.Token.Status != TokenDisabled {
		v.Snippets = q.snippets(t.ID)
	}
	inOverlap := func(id *string) bool {
		i := slices.IndexFunc(all, func(other personalaccesstoken.Token) bool { return id != nil && other.ID == *id })
		return i >= 0 && all[i].Status == personalaccesstoken.Active
	}
	v.Undo = v.Token.Status == TokenReplaced || inOverlap(t.PredecessorID)
	if t.SuccessorID == nil && v.Token.Status != TokenDisabled && v.Token.Status != TokenUserDisabled {
		v.Rotate = &RotateForm{Nonce: frame.NewNonce(), Overlaps: overlaps(overlapBegin), Expiry: q.expiryForm("rotate", "", policy)}
		v.Rotate.Expiry.keep(t.ExpiresAt.Time, "")
	}
	v.Edit = &EditTokenForm{Name: t.Name, Expiry: q.expiryForm("edit", "", policy)}
	v.Edit.Expiry.keep(t.ExpiresAt.Time, "")
	if v.Edit.Limits, err = q.limitsForm(t.Limits, policy); err != nil {
		return err
	}
	v.Edit.Limits.Description, v.Edit.Limits.Strict, v.Edit.Limits.Open = t.Description, t.IsStrict, true
	if !t.NotBefore.IsZero() {
		v.Edit.Limits.NotBefore = t.NotBefore.UTC().Format(frame.InputTime)
	}
	a, err := q.Tokens.Advise(q.R.Context(), q.manager(), t.ID, useDays, nil)
	if err != nil {
		return err
	}
	v.Advice = q.viewAdvice(a, t)
	return nil
}

// viewAdvice leaves out of a suggestion what the token has already.
func (q *request) viewAdvice(a personalaccesstoken.Advice, t personalaccesstoken.Token) *AdviceView {
	v := &AdviceView{Days: a.Days, Permissions: a.Permissions, Used: a.Used, Requests: int(a.Requests)}
	s := a.Suggestion
	if s == nil {
		return v
	}
	sameScopes := a.Used == a.Permissions && t.Scopes != nil && !slices.Contains(t.Scopes, credential.All) &&
		!slices.Contains(t.Scopes, credential.AllReads)
	sameWorkspaces := s.WorkspaceIDs == nil || slices.Equal(s.WorkspaceIDs, slices.Sorted(slices.Values(t.WorkspaceIDs)))
	if t.AllowedHours == nil && s.AllowedHours != nil {
		v.Hours, v.HoursWords = s.AllowedHours, hourWords(s.AllowedHours)
	}
	if t.DeviceIDs == nil || len(s.DeviceIDs) < len(t.DeviceIDs) {
		v.DeviceIDs = s.DeviceIDs
	}
	if sameScopes && sameWorkspaces && v.Hours == nil && v.DeviceIDs == nil {
		return v
	}
	v.Scopes = s.Scopes
	for _, scope := range s.Scopes {
		v.ScopeWords = append(v.ScopeWords, scopeWords([]string{scope}, 1))
	}
	v.WorkspaceIDs = s.WorkspaceIDs
	if s.WorkspaceIDs != nil {
		v.Workspaces = q.workspaceWords(credential.Limits{WorkspaceIDs: s.WorkspaceIDs})
	}
	if len(t.AllowedCIDRs) == 0 {
		v.Networks = s.AllowedCIDRs
	}
	if a.DryRun != nil {
		v.Refused = a.DryRun.Refused
	}
	return v
}

// overlapBegin is the overlap that the first use of the successor ends.
const overlapBegin = "begin"

func overlaps(chosen string) []Choice {
	out := []Choice{
		{Value: overlapBegin, Label: "When the new one is first used", Note: "After a day at the latest. Nothing breaks while you replace it."},
		{Value: "86400", Label: "In 24 hours", Note: "Both work until then."},
		{Value: "604800", Label: "In 7 days", Note: "Both work until then."},
		{Value: "0", Label: "Immediately", Note: "Choose this if it may have leaked."},
	}
	for i := range out {
		out[i].Chosen = out[i].Value == chosen
	}
	return out
}

func (q *request) rotateToken() error {
	here := q.tokensAt() + "/" + q.R.PathValue("token")
	if !q.FirstSent() {
		return q.SentAgain(here)
	}
	v, err := q.tokenView(q.R.PathValue("token"))
	if err != nil {
		return err
	}
	v.Location = here
	if v.Rotate == nil {
		return q.Refused(here, fault.Invalid("personal_access_token_id", "It can’t be rotated now"))
	}
	form := v.Rotate
	form.Open, form.Overlaps, form.Expiry.Date = true, overlaps(q.Form("overlap")), q.Form("expires_on")
	for i := range form.Expiry.Options {
		form.Expiry.Options[i].Selected = form.Expiry.Options[i].Value == q.Form("expires_in")
	}
	r := personalaccesstoken.Rotation{From: "console", ExpiresAt: form.Expiry.expiry(q.Form("expires_in"), q.Now())}
	seconds, err := strconv.Atoi(q.Form("overlap"))
	switch {
	case q.Form("overlap") == overlapBegin:
		r.Begin, r.Overlap = true, 24*time.Hour
	case err != nil || !slices.ContainsFunc(form.Overlaps, func(c Choice) bool { return c.Chosen }):
		form.Errors = frame.FormErrors{"overlap": "Choose how long the old token works."}
	default:
		r.Overlap = time.Duration(seconds) * time.Second
	}
	if len(form.Errors)+len(form.Expiry.Errors) > 0 {
		return q.Show(v)
	}
	next, secret, err := q.Tokens.Rotate(q.Context(), q.manager(), v.Token.ID, r, q.Principal().Actor())
	if errs, ok := frame.FieldErrors(err); ok {
		form.Errors, form.Expiry.Errors, _ = placeErrors(errs)
		return q.Show(v)
	} else if err != nil {
		return err
	}
	if v, err = q.tokenView(next.ID); err != nil {
		return err
	}
	v.Location = q.tokensAt() + "/" + next.ID
	v.Created = &frame.Secret{ID: next.ID, Name: next.Name, Value: secret.Reveal()}
	if v.Snippets != nil {
		v.Snippets.Token = secret.Reveal()
	}
	return q.Show(v)
}

func (q *request) undoRotation() error {
	t, err := q.Tokens.UndoRotation(q.Context(), q.manager(), q.R.PathValue("token"), q.Principal().Actor())
	if err != nil {
		return q.Refused(q.tokensAt()+"/"+q.R.PathValue("token"), err)
	}
	return q.Done(q.tokensAt()+"/"+t.ID, "The rotation was undone: the old token lives on, the new one is revoked.")
}

func (q *request) finishRotation() error {
	t, err := q.Tokens.CompleteRotation(q.Context(), q.manager(), q.R.PathValue("token"), q.Principal().Actor())
	if err != nil {
		return q.Refused(q.tokensAt()+"/"+q.R.PathValue("token"), err)
	}
	return q.Done(q.tokensAt()+"/"+t.ID, "The rotation is finished: the old token has stopped.")
}

// narrowToken applies what the advisor suggested, as it was shown.
func (q *request) narrowToken() error {
	here := q.tokensAt() + "/" + q.R.PathValue("token")
	form := q.R.PostForm
	var n personalaccesstoken.Narrow
	if scopes := form["scope"]; len(scopes) > 0 {
		n.Scopes = rpc.Opt[[]string]{Set: true, Value: scopes}
	}
	if ids := form["workspace_id"]; len(ids) > 0 {
		n.WorkspaceIDs = rpc.Opt[[]string]{Set: true, Value: ids}
	}
	if networks := form["network"]; len(networks) > 0 && q.Form("with_networks") != "" {
		n.AllowedCIDRs = rpc.Opt[[]string]{Set: true, Value: networks}
	}
	if ids := form["device_id"]; len(ids) > 0 && q.Form("with_devices") != "" {
		n.DeviceIDs = rpc.Opt[[]string]{Set: true, Value: ids}
	}
	if days := form["weekday"]; len(days) > 0 && q.Form("with_hours") != "" {
		n.AllowedHours = rpc.Opt[credential.Hours]{Set: true, Value: credential.Hours{Weekdays: days, From: q.Form("hours_from"),
			To: q.Form("hours_to"), TimeZone: q.Form("time_zone")}}
	}
	if err := q.Tokens.Update(q.Context(), q.owner(), q.R.PathValue("token"), personalaccesstoken.Change{Narrow: n}, q.mayWiden,
		q.Principal().Actor()); err != nil {
		return q.Refused(here, err)
	}
	return q.Done(here, "The token now has only the permissions it uses.")
}

// mayWiden asks again who it is before a token can do more.
func (q *request) mayWiden() error { return credential.RequireFresh(q.Context(), q.Now()) }

func (q *request) updateToken() error {
	here := q.tokensAt() + "/" + q.R.PathValue("token")
	v, err := q.tokenView(q.R.PathValue("token"))
	if err != nil {
		return err
	}
	if v.Edit == nil {
		return q.Refused(here, fault.Invalid("personal_access_token_id", "It can no longer be changed"))
	}
	v.Location = here
	form := v.Edit
	form.Open, form.Name, form.Expiry.Date = true, q.Form("name"), q.Form("expires_on")
	for i := range form.Expiry.Options {
		form.Expiry.Options[i].Selected = form.Expiry.Options[i].Value == q.Form("expires_in")
	}
	expires := form.Expiry.expiry(q.Form("expires_in"), q.Now())
	shown := form.Limits.NotBefore
	limits, notBefore := q.limits(&form.Limits)
	form.Limits.Open = true
	if len(form.Expiry.Errors)+len(form.Limits.Errors) > 0 {
		return q.Show(v)
	}
	ch := personalaccesstoken.Change{Name: &form.Name, Description: &form.Limits.Description, IsStrict: &form.Limits.Strict,
		Narrow: narrow(limits)}
	if form.Limits.NotBefore != shown { // the field has no seconds
		ch.NotBefore = rpc.Opt[time.Time]{Set: true, Null: notBefore.IsZero(), Value: notBefore}
	}
	if expires != nil {
		ch.ExpiresAt = rpc.Opt[time.Time]{Set: true, Null: expires.IsZero(), Value: *expires}
	}
	err = q.Tokens.Update(q.Context(), q.owner(), v.Token.ID, ch, q.mayWiden, q.Principal().Actor())
	if errs, ok := frame.FieldErrors(err); ok {
		form.Errors, form.Expiry.Errors, form.Limits.Errors = placeErrors(errs)
		form.Limits.Scopes.Error = form.Limits.Errors["scopes"]
		return q.Show(v)
	} else if err != nil {
		return err
	}
	return q.Done(here, "Saved.")
}

func (q *request) disableToken() error { return q.setTokenDisabled(true, "The token is disabled.") }

func (q *request) enableToken() error { return q.setTokenDisabled(false, "The token is enabled.") }

func (q *request) setTokenDisabled(disabled bool, done string) error {
	here := q.tokensAt() + "/" + q.R.PathValue("token")
	if err := q.Tokens.SetDisabled(q.Context(), q.owner(), q.R.PathValue("token"), disabled, q.Principal().Actor()); err != nil {
		return q.Refused(here, err)
	}
	return q.Done(here, "%s", done)
}

func (q *request) revokeToken() error {
	keep := q.Form("keep_client_sessions") == "true"
	if keep {
		if err := credential.RequireFresh(q.Context(), q.Now()); err != nil {
			return err
		}
	}
	r, err := q.Tokens.RevokeKeeping(q.Context(), q.owner(), q.R.PathValue("token"), keep, q.Principal().Actor())
	if err != nil {
		return q.Refused(q.tokensAt(), err)
	}
	text := "The token was revoked."
	switch sessions := frame.Plural(r.ClientSessions, "client session", "client sessions"); {
	case r.ClientSessions == 0:
	case r.IsKept:
		text += " Its " + sessions + " continue to work."
	default:
		text = "The token was revoked, and " + sessions + " with it."
	}
	return q.Done(q.tokensAt(), "%s", text)
}

// TokenView is the page of one personal access token.
type TokenView struct {
	frame.Page
	Base       string // address of the list
	Token      Token
	Mine       bool // an operator sees the tokens of others, and does not act with them
	Limits     []Fact
	Family     []Relative
	Undo       bool // its rotation can be undone or finished
	Keys       []WorkspaceKey
	Created    *frame.Secret
	CreatedKey *frame.Secret
	Snippets   *Snippets // nil when the token is not live
	Chart      Chart
	Uses       []UseRow
	Refusals   []Refusal
	Audit      []AuditLine
	Activity   frame.Pagination // of Audit
	Notices    []TokenNotice
	Advice     *AdviceView
	Rotate     *RotateForm // nil when it cannot be rotated
	Edit       *EditTokenForm
}

// Fact is a labelled line.
type Fact struct {
	Label string
	Text  string
	Lines []string // more of them, below
}

// Relative is a token that another came from, or that came from it.
type Relative struct {
	Relation string
	Token    Token
	This     bool
}

// WorkspaceKey is a key in API-key shape that acts as the token in one workspace.
type WorkspaceKey struct {
	ID        string
	Hint      string
	Workspace frame.Workspace
	CreatedAt time.Time
	LastUsed  time.Time
}

// Chart is a token's use by day.
type Chart struct {
	Days  int
	Total int
	Most  int // on one day
	Top   int // of the scale: a round number from Most up
	Bars  []Bar
	Marks []time.Time // days on the axis, the first and the last included
}

// Bar is a day of a chart, on a grid of chartWidth by chartHeight.
type Bar struct {
	X, Y, Width, Height int
	Label               string
}

// UseRow is how often a token called an endpoint in a workspace.
type UseRow struct {
	Endpoint  string
	Workspace string
	Count     int64
	LastDay   string
}

// Refusal is a request that was refused, and how to fix it.
type Refusal struct {
	RequestID string
	At        time.Time
	Endpoint  string
	Address   string
	Workspace string
	Status    int
	Reason    string
	Summary   string
	Remedy    string
}

// AuditLine is one line of the audit log.
type AuditLine struct {
	At      time.Time
	What    string
	Who     string
	Address string
	Count   int // how often in a row; 0 and 1: once
}

// TokenNotice is something that a token's owner should look at.
type TokenNotice struct {
	Tone frame.Tone
	Text string
	At   time.Time
}

// AdviceView is what a token may do beside what it did.
type AdviceView struct {
	Days         int
	Permissions  int
	Used         int
	Requests     int
	Refused      int64 // of them, with the suggestion
	Scopes       []string
	ScopeWords   []string
	WorkspaceIDs []string
	Workspaces   string
	Networks     []string
	DeviceIDs    []string
	Hours        *credential.Hours
	HoursWords   string
}

// Narrower reports whether there is something to suggest.
func (a AdviceView) Narrower() bool { return len(a.Scopes) > 0 }

// RotateForm is the dialog that gives a token a successor.
type RotateForm struct {
	Open     bool
	Overlaps []Choice
	Expiry   ExpiryForm
	Nonce    string
	Errors   frame.FormErrors
}

// EditTokenForm is the dialog that changes a token.
type EditTokenForm struct {
	Open   bool
	Name   string
	Expiry ExpiryForm
	Limits LimitsForm
	Errors frame.FormErrors
}

// RefusalView says why one request was refused.
type RefusalView struct {
	frame.Page
	Base      string
	RequestID string
	Refusal   *Refusal // nil: none is known
	Token     Token
}
