package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
	"keyway/internal/trust/policy"
)

// AllTokensView is everybody's tokens, for operators, with the choice of those to revoke together.
type AllTokensView struct {
	Page
	Base       string
	Person     string // e-mail address, or part of it or of the name
	PersonID   string // when the words mean one person
	Unused     string // days
	Before     string // yyyy-mm-dd
	Hint       string
	Status     string
	Statuses   []Choice
	Tokens     []Token
	Found      int // of all pages
	Chosen     int // not revoked, that the bulk revocation means
	Examples   []Token
	Bulk       bool // there is something to revoke together, and it was said what
	Pagination Pagination
	Errors     FormErrors
}

func (*AllTokensView) template() string { return "alltokens" }

// Filtered tells whether something may be left out.
func (v *AllTokensView) Filtered() bool {
	return v.Person+v.Unused+v.Before+v.Hint+v.Status != ""
}

// tokensPerPage is how many of everybody's tokens a page shows.
const tokensPerPage = 100

// bulk reads which tokens are meant. none is true where the words mean nobody.
func (q *request) bulk(v *AllTokensView, people []identity.User, values url.Values) (b personalaccesstoken.Bulk, none bool) {
	value := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	v.Person, v.Unused, v.Before, v.Hint, v.Status, v.Errors = value("person"), value("unused_days"), value("created_before"), value("hint"), value("status"), FormErrors{}
	if v.Person != "" {
		var found []identity.User
		for _, u := range people {
			if strings.EqualFold(u.Email, v.Person) {
				found = []identity.User{u}
				break
			}
			if strings.Contains(strings.ToLower(u.Name+"\n"+u.Email), strings.ToLower(v.Person)) {
				found = append(found, u)
			}
		}
		switch len(found) {
		case 0:
			none = true
		case 1:
			b.UserID, v.PersonID = found[0].ID, found[0].ID
		default:
			v.Errors["person"] = "More than one person has this in the name or address; give one’s e-mail address."
			none = true
		}
	}
	if v.Unused != "" {
		n, err := strconv.Atoi(v.Unused)
		if err != nil || n < 1 || n > 3650 {
			v.Errors["unused_days"], none = "Use a number from 1 to 3650.", true
		}
		b.UnusedDays = n
	}
	if v.Before != "" {
		day, err := time.Parse(time.DateOnly, v.Before)
		if err != nil {
			v.Errors["created_before"], none = "Choose a day.", true
		}
		b.CreatedBefore = day
	}
	b.HintPrefix = strings.TrimSuffix(v.Hint, "_…")
	return b, none
}

func (q *request) allTokens() error {
	v, err := q.allTokensView(q.r.URL.Query())
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) allTokensView(values url.Values) (*AllTokensView, error) {
	ctx := q.r.Context()
	v := &AllTokensView{Page: q.base(AreaInstance, NavTokens, "Personal Access Tokens"), Base: q.tokensAt()}
	people, err := q.People.List(ctx)
	if err != nil {
		return nil, err
	}
	b, none := q.bulk(v, people, values)
	if none {
		v.Statuses = statusChoices(nil, v.Status)
		return v, nil
	}
	chosen, err := q.Tokens.Find(ctx, b)
	if err != nil {
		return nil, err
	}
	owners := map[string]string{}
	for _, u := range people {
		owners[u.ID] = u.Email
	}
	shown := make([]Token, len(chosen))
	for i, t := range chosen {
		shown[i] = q.viewToken(t)
		shown[i].Owner, shown[i].OwnerID = owners[t.UserID], t.UserID
	}
	v.Statuses = statusChoices(shown, v.Status)
	v.Chosen, v.Bulk = len(shown), b != personalaccesstoken.Bulk{} && v.Status == "" && len(shown) > 0
	v.Examples = shown[:min(5, len(shown))]
	all := filterTokens(shown, "", v.Status)
	v.Found = len(all)
	number, _ := strconv.Atoi(values.Get("page")) // anything else is the first page
	number = max(number, 1)
	link := func(n int) string {
		next := url.Values{}
		for _, name := range []string{"person", "unused_days", "created_before", "hint", "status"} {
			if s := values.Get(name); s != "" {
				next.Set(name, s)
			}
		}
		if n > 1 {
			next.Set("page", strconv.Itoa(n))
		}
		return strings.TrimSuffix(v.Base+"?"+next.Encode(), "?")
	}
	if number > 1 {
		v.Pagination.First = link(1)
	}
	if number*tokensPerPage < len(all) {
		v.Pagination.Next = link(number + 1)
	}
	start := min((number-1)*tokensPerPage, len(all))
	v.Tokens = all[start:min(start+tokensPerPage, len(all))]
	return v, nil
}

// revokeTokens ends the tokens that the filter means. It does so only if they are as many as the page
// said.
func (q *request) revokeTokens() error {
	v, err := q.allTokensView(q.r.PostForm)
	if err != nil {
		return err
	}
	if !v.Bulk || strconv.Itoa(v.Chosen) != q.form("count") {
		q.setFlash(Flash{Kind: FlashError, Text: "Meanwhile these are other tokens than the page said, so nothing was revoked. Look again."})
		return q.redirect(v.Base)
	}
	people, err := q.People.List(q.r.Context())
	if err != nil {
		return err
	}
	b, _ := q.bulk(v, people, q.r.PostForm)
	ended, err := q.Tokens.RevokeAll(q.context(), b, q.principal().Actor())
	if err != nil {
		return err
	}
	return q.done(v.Base, "%s revoked.", plural(len(ended), "token", "tokens"))
}

// PolicyView is what tokens must satisfy: in the instance, or in a workspace, there with the tokens
// that open it.
type PolicyView struct {
	Page
	Instance bool
	CanEdit  bool
	Form     PolicyForm
	Refused  []Token // by the policy as the form has it
	Count    int     // of live tokens
	Preview  bool    // the form was not saved
	Owner    bool    // of the workspace: sees the tokens
	Tokens   []Token
}

func (*PolicyView) template() string { return "policy" }

// PolicyForm is the rules of a policy.
type PolicyForm struct {
	Action         string
	MaximumAge     string
	DefaultAge     string
	NeverForbidden bool
	Scopes         ScopeForm
	Networks       string
	Address        string
	Inactive       string
	Errors         FormErrors
}

// policyOf is the workspace whose policy the page is about; empty: the instance.
func (q *request) policyOf() string { return q.r.PathValue("workspace") }

func (q *request) policyAt() string {
	if id := q.policyOf(); id != "" {
		return workspacePath(id, "token-access")
	}
	return instancePath("policy")
}

func (q *request) policyPage() error {
	p, err := credential.ReadPolicy(q.r.Context(), q.DB, q.policyOf())
	if err != nil {
		return err
	}
	v, err := q.policyView(p)
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) policyView(p credential.Policy) (*PolicyView, error) {
	v := &PolicyView{Instance: q.policyOf() == "", CanEdit: true}
	if v.Instance {
		v.Page = q.base(AreaInstance, NavPolicy, "Token policy")
	} else {
		v.Page = q.base(AreaWorkspace, NavAccess, "Token access")
		v.CanEdit, v.Owner = v.Workspace.Role.Manages() || q.user.IsOperator, v.Workspace.Role == RoleOwner
	}
	v.Form = PolicyForm{Action: q.policyAt(), MaximumAge: optional(p.MaximumAgeDays), DefaultAge: optional(p.DefaultAgeDays), NeverForbidden: p.NeverForbidden,
		Scopes: q.scopeForm(p.AllowedScopes, "What tokens may be allowed to do", "Anything"), Networks: strings.Join(p.AllowedCIDRs, "\n"), Address: q.Client(q.r), Inactive: optional(p.InactiveDays)}
	v.Form.Scopes.Extras = nil // any scope leaves out none
	if !v.CanEdit {
		return v, nil
	}
	people, err := q.People.List(q.r.Context())
	if err != nil {
		return nil, err
	}
	owners := map[string]string{}
	for _, u := range people {
		owners[u.ID] = u.Email
	}
	view := func(t personalaccesstoken.Token) Token {
		shown := q.viewToken(t)
		shown.Owner, shown.OwnerID, shown.URL = owners[t.UserID], t.UserID, ""
		return shown
	}
	refused, live, err := q.Tokens.RefusedBy(q.r.Context(), q.policyOf(), p)
	if err != nil {
		return nil, err
	}
	v.Count = live
	for _, t := range refused {
		v.Refused = append(v.Refused, view(t))
	}
	if !v.Owner {
		return v, nil
	}
	tokens, refusedHere, err := q.Tokens.InWorkspace(q.r.Context(), q.user.ID, q.policyOf())
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		shown := view(t)
		shown.Refused = refusedHere[t.ID]
		if shown.Live() {
			v.Tokens = append(v.Tokens, shown)
		}
	}
	return v, nil
}

// savePolicy shows what a policy would refuse, or saves it.
func (q *request) savePolicy() error {
	if q.policyOf() != "" && !viewWorkspace(*q.current).Role.Manages() && !q.user.IsOperator {
		return fault.New(fault.Forbidden, "This needs the role admin in the workspace")
	}
	p, errs := q.readPolicy()
	preview := q.form("preview") != ""
	if len(errs) == 0 && !preview {
		_, err := q.Policies.Update(q.context(), q.policyOf(), policyChange(p), q.principal().Actor())
		refused, ok := formErrors(err)
		if err == nil {
			return q.done(q.policyAt(), "The policy is saved and holds from now on.")
		} else if !ok {
			return err
		}
		errs = refused.onlyFields("maximum_age_days", "default_age_days", "inactive_days", "allowed_scopes", "allowed_cidrs")
	}
	v, err := q.policyView(p)
	if err != nil {
		return err
	}
	v.Location, v.Preview, v.Form.Errors = q.policyAt(), len(errs) == 0, errs
	v.Form.Scopes.Error = errs["allowed_scopes"]
	v.Form.MaximumAge, v.Form.DefaultAge, v.Form.Inactive = q.form("maximum_age_days"), q.form("default_age_days"), q.form("inactive_days")
	return q.show(v)
}

func (q *request) readPolicy() (p credential.Policy, errs FormErrors) {
	errs = FormErrors{}
	number := func(name string, to **int64) {
		if text := q.form(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 1 {
				errs[name] = "Use a number of days."
			}
			*to = &n
		}
	}
	number("maximum_age_days", &p.MaximumAgeDays)
	number("default_age_days", &p.DefaultAgeDays)
	number("inactive_days", &p.InactiveDays)
	p.NeverForbidden = q.form("never_forbidden") != ""
	if mode := q.form("scope_mode"); mode != "" && mode != ScopesAll {
		if p.AllowedScopes = q.scopes(); len(p.AllowedScopes) == 0 {
			errs["allowed_scopes"] = "Choose at least one, or any scope."
		}
	}
	p.AllowedCIDRs = strings.FieldsFunc(q.form("allowed_cidrs"), betweenNetworks)
	for i, text := range p.AllowedCIDRs {
		if network, err := credential.ParseCIDR(text); err == nil {
			p.AllowedCIDRs[i] = network.String()
		}
	}
	return p, errs
}

func policyChange(p credential.Policy) policy.Change {
	return policy.Change{MaximumAgeDays: given(p.MaximumAgeDays), DefaultAgeDays: given(p.DefaultAgeDays), InactiveDays: given(p.InactiveDays),
		NeverForbidden: rpc.Opt[bool]{Set: true, Value: p.NeverForbidden},
		AllowedScopes:  rpc.Opt[[]string]{Set: true, Value: p.AllowedScopes}, AllowedCIDRs: rpc.Opt[[]string]{Set: true, Value: p.AllowedCIDRs}}
}

func (q *request) refuseToken() error {
	return q.setRefused(true, "The token is refused in this workspace.")
}

func (q *request) admitToken() error {
	return q.setRefused(false, "The token is admitted in this workspace again.")
}

func (q *request) setRefused(refused bool, done string) error {
	if err := q.Tokens.SetRefused(q.context(), q.user.ID, q.current.ID, q.r.PathValue("token"), refused, q.principal().Actor()); err != nil {
		return q.refused(q.policyAt(), err)
	}
	return q.done(q.policyAt(), "%s", done)
}

// Others are the tokens of other people.
func (v *PolicyView) Others() []Token {
	return slices.DeleteFunc(slices.Clone(v.Tokens), func(t Token) bool { return t.OwnerID == v.User.ID })
}
