package tokens

import (
	"slices"
	"strconv"
	"strings"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/policy"
)

// PolicyView is what tokens must satisfy: in the instance, or in a workspace, there with the tokens
// that open it.
type PolicyView struct {
	frame.Page
	Instance bool
	CanEdit  bool
	Form     PolicyForm
	Refused  []Token // by the policy as the form has it
	Count    int     // of live tokens
	Preview  bool    // the form was not saved
	Owner    bool    // of the workspace: sees the tokens
	Tokens   []Token
}

// policyOf is the workspace whose policy the page is about; empty: the instance.
func (q *request) policyOf() string { return q.R.PathValue("workspace") }

func (q *request) policyAt() string {
	if id := q.policyOf(); id != "" {
		return frame.WorkspacePath(id, "token-access")
	}
	return frame.InstancePath("policy")
}

func (q *request) policyPage() error {
	p, err := credential.ReadPolicy(q.R.Context(), q.DB, q.policyOf())
	if err != nil {
		return err
	}
	v, err := q.policyView(p)
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) policyView(p credential.Policy) (*PolicyView, error) {
	v := &PolicyView{Instance: q.policyOf() == "", CanEdit: true}
	if v.Instance {
		v.Page = q.Base(frame.AreaInstance, frame.NavPolicy, "Token policy")
	} else {
		v.Page = q.Base(frame.AreaWorkspace, frame.NavAccess, "Token access")
		v.CanEdit, v.Owner = v.Workspace.Role.Manages() || q.User.IsOperator, v.Workspace.Role == frame.RoleOwner
	}
	v.Form = PolicyForm{Action: q.policyAt(), MaximumAge: optional(p.MaximumAgeDays), DefaultAge: optional(p.DefaultAgeDays),
		NeverForbidden: p.NeverForbidden,
		Scopes:         q.scopeForm(p.AllowedScopes, "What tokens may be allowed to do", "Anything"),
		Networks:       strings.Join(p.AllowedCIDRs, "\n"), Address: q.Client(q.R), Inactive: optional(p.InactiveDays)}
	v.Form.Scopes.Extras = nil // any scope leaves out none
	if !v.CanEdit {
		return v, nil
	}
	people, err := q.People.List(q.R.Context())
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
	refused, live, err := q.Tokens.RefusedBy(q.R.Context(), q.policyOf(), p)
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
	tokens, refusedHere, err := q.Tokens.InWorkspace(q.R.Context(), q.User.ID, q.policyOf())
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
	if q.policyOf() != "" && !frame.ViewWorkspace(*q.Current).Role.Manages() && !q.User.IsOperator {
		return fault.New(fault.Forbidden, "This needs the role admin in the workspace")
	}
	p, errs := q.readPolicy()
	preview := q.Form("preview") != ""
	if len(errs) == 0 && !preview {
		_, err := q.Policies.Update(q.Context(), q.policyOf(), policyChange(p), q.Principal().Actor())
		refused, ok := frame.FieldErrors(err)
		if err == nil {
			return q.Done(q.policyAt(), "The policy is saved and holds from now on.")
		} else if !ok {
			return err
		}
		errs = refused.OnlyFields("maximum_age_days", "default_age_days", "inactive_days", "allowed_scopes", "allowed_cidrs")
	}
	v, err := q.policyView(p)
	if err != nil {
		return err
	}
	v.Location, v.Preview, v.Form.Errors = q.policyAt(), len(errs) == 0, errs
	v.Form.Scopes.Error = errs["allowed_scopes"]
	v.Form.MaximumAge, v.Form.DefaultAge, v.Form.Inactive = q.Form("maximum_age_days"), q.Form("default_age_days"), q.Form("inactive_days")
	return q.Show(v)
}

func (q *request) readPolicy() (p credential.Policy, errs frame.FormErrors) {
	errs = frame.FormErrors{}
	number := func(name string, to **int64) {
		if text := q.Form(name); text != "" {
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
	p.NeverForbidden = q.Form("never_forbidden") != ""
	if mode := q.Form("scope_mode"); mode != "" && mode != ScopesAll {
		if p.AllowedScopes = q.scopes(); len(p.AllowedScopes) == 0 {
			errs["allowed_scopes"] = "Choose at least one, or any scope."
		}
	}
	p.AllowedCIDRs = strings.FieldsFunc(q.Form("allowed_cidrs"), betweenNetworks)
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
	return q.setRefused(true, "The token is blocked in this workspace.")
}

func (q *request) admitToken() error {
	return q.setRefused(false, "The token is allowed in this workspace again.")
}

func (q *request) setRefused(refused bool, done string) error {
	if err := q.Tokens.SetRefused(q.Context(), q.User.ID, q.Current.ID, q.R.PathValue("token"), refused, q.Principal().Actor()); err != nil {
		return q.Refused(q.policyAt(), err)
	}
	return q.Done(q.policyAt(), "%s", done)
}

// Others are the tokens of other people.
func (v *PolicyView) Others() []Token {
	return slices.DeleteFunc(slices.Clone(v.Tokens), func(t Token) bool { return t.OwnerID == v.User.ID })
}
