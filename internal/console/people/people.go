package people

import (
	"net/url"
	"strings"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/console/frame"
	"keyway/internal/trust/identity"
)

// peoplePerPage is how many people the list shows at once.
const peoplePerPage = 50

func (q *request) people() error {
	ctx := q.R.Context()
	query := q.R.URL.Query()
	v := &ListView{Page: q.Base(frame.AreaInstance, frame.NavPeople, "People"), Query: strings.TrimSpace(query.Get("q"))}
	all, err := q.People.List(ctx)
	if err != nil {
		return err
	}
	words := strings.ToLower(v.Query)
	var found []identity.User
	for _, u := range all {
		if strings.Contains(strings.ToLower(u.Name+"\n"+u.Email), words) {
			found = append(found, u)
		}
	}
	list := frame.Numbered{At: frame.InstancePath("people"), Filters: url.Values{"q": {v.Query}}}
	number := list.Number(query, peoplePerPage, len(found))
	v.Pagination = list.Pagination(number, peoplePerPage, len(found))
	for _, u := range found[(number-1)*peoplePerPage : min(number*peoplePerPage, len(found))] {
		p := Person{ID: u.ID, Name: u.Name, Email: u.Email, Operator: u.IsOperator, Disabled: !u.DisabledAt.IsZero(), You: u.ID == q.User.ID,
			CreatedAt: u.CreatedAt}
		workspaces, err := q.Workspaces.OfUser(ctx, u.ID)
		if err != nil {
			return err
		}
		p.Workspaces = len(workspaces)
		tokens, err := q.Tokens.List(ctx, u.ID)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			if t.Status == personalaccesstoken.Active {
				p.Tokens++
			}
		}
		v.People = append(v.People, p)
	}
	return q.Show(v)
}

func (q *request) disablePerson() error {
	id := q.R.PathValue("user")
	if id == q.User.ID {
		return q.refusal("You can’t disable yourself.")
	}
	if _, err := q.People.SetDisabled(q.Context(), id, true, q.Principal().Actor()); err != nil {
		return q.Refused(frame.InstancePath("people"), err)
	}
	return q.Done(frame.InstancePath("people"), "The person is disabled.")
}

func (q *request) enablePerson() error {
	if _, err := q.People.SetDisabled(q.Context(), q.R.PathValue("user"), false, q.Principal().Actor()); err != nil {
		return q.Refused(frame.InstancePath("people"), err)
	}
	return q.Done(frame.InstancePath("people"), "The person is enabled.")
}

func (q *request) refusal(text string) error {
	q.SetFlash(frame.Flash{Kind: frame.FlashError, Text: text})
	return q.Redirect(frame.InstancePath("people"))
}

// ListView is all people of the instance, for operators.
type ListView struct {
	frame.Page
	Query      string
	People     []Person
	Pagination frame.Pagination
}

// Person is one row of the list.
type Person struct {
	ID         string
	Name       string
	Email      string
	Operator   bool
	Disabled   bool
	You        bool
	Workspaces int
	Tokens     int // live personal access tokens
	CreatedAt  time.Time
}

// Initials are one or two letters for the round picture.
func (p Person) Initials() string { return frame.User{Name: p.Name, Email: p.Email}.Initials() }
