package tokens

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/console/frame"
	"keyway/internal/trust/identity"
)

// AllTokensView is everyone's tokens, for operators, with the choice of those to revoke together.
type AllTokensView struct {
	frame.Page
	Base       string
	Person     string // email address, or part of it or of the name
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
	Pagination frame.Pagination
	Errors     frame.FormErrors
}

// Filtered reports whether something may be left out.
func (v *AllTokensView) Filtered() bool {
	return v.Person+v.Unused+v.Before+v.Hint+v.Status != ""
}

// tokensPerPage is how many of everyone's tokens a page shows.
const tokensPerPage = 100

// bulk reads which tokens are meant. none is true if the words match no one.
func (q *request) bulk(v *AllTokensView, people []identity.User, values url.Values) (b personalaccesstoken.Bulk, none bool) {
	value := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	v.Person, v.Unused, v.Before, v.Hint, v.Status, v.Errors = value("person"), value("unused_days"), value("created_before"), value("hint"),
		value("status"), frame.FormErrors{}
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
			v.Errors["person"] = "More than one person has this in the name or address; give one’s email address."
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
	v, err := q.allTokensView(q.R.URL.Query())
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) allTokensView(values url.Values) (*AllTokensView, error) {
	ctx := q.R.Context()
	v := &AllTokensView{Page: q.Base(frame.AreaInstance, frame.NavTokens, "Personal Access Tokens"), Base: q.tokensAt()}
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
	list := frame.Numbered{At: v.Base, Filters: url.Values{}}
	for _, name := range []string{"person", "unused_days", "created_before", "hint", "status"} {
		list.Filters.Set(name, values.Get(name))
	}
	number := list.Number(values, tokensPerPage, len(all))
	v.Pagination = list.Pagination(number, tokensPerPage, len(all))
	v.Tokens = all[(number-1)*tokensPerPage : min(number*tokensPerPage, len(all))]
	return v, nil
}

// revokeTokens ends the tokens that the filter means. It does so only if they are as many as the page
// said.
func (q *request) revokeTokens() error {
	v, err := q.allTokensView(q.R.PostForm)
	if err != nil {
		return err
	}
	if !v.Bulk || strconv.Itoa(v.Chosen) != q.Form("count") {
		q.SetFlash(frame.Flash{Kind: frame.FlashError, Text: "The list changed, so nothing was revoked. Review it and try again."})
		return q.Redirect(v.Base)
	}
	people, err := q.People.List(q.R.Context())
	if err != nil {
		return err
	}
	b, _ := q.bulk(v, people, q.R.PostForm)
	ended, err := q.Tokens.RevokeAll(q.Context(), b, q.Principal().Actor())
	if err != nil {
		return err
	}
	return q.Done(v.Base, "%s revoked.", frame.Plural(len(ended), "token", "tokens"))
}

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
	Errors         frame.FormErrors
}
