package console

import (
	"strconv"
	"strings"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/trust/identity"
)

// peoplePerPage is how many people the list shows at once.
const peoplePerPage = 50

func (q *request) people() error {
	ctx := q.r.Context()
	query := q.r.URL.Query()
	v := &PeopleView{Page: q.base(AreaInstance, NavPeople, "People"), Query: strings.TrimSpace(query.Get("q"))}
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
	number, _ := strconv.Atoi(query.Get("page")) // anything else is the first page
	number = max(number, 1)
	v.Pagination = numbered{instancePath("people"), v.Query}.pagination(number, peoplePerPage, len(found))
	start := min((number-1)*peoplePerPage, len(found))
	for _, u := range found[start:min(start+peoplePerPage, len(found))] {
		p := Person{ID: u.ID, Name: u.Name, Email: u.Email, Operator: u.IsOperator, Disabled: !u.DisabledAt.IsZero(), You: u.ID == q.user.ID, CreatedAt: u.CreatedAt}
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
	return q.show(v)
}

func (q *request) disablePerson() error {
	id := q.r.PathValue("user")
	if id == q.user.ID {
		return q.refusal("You cannot disable yourself here.")
	}
	if _, err := q.People.SetDisabled(q.context(), id, true, q.principal().Actor()); err != nil {
		return q.refused(instancePath("people"), err)
	}
	return q.done(instancePath("people"), "The person is disabled.")
}

func (q *request) enablePerson() error {
	if _, err := q.People.SetDisabled(q.context(), q.r.PathValue("user"), false, q.principal().Actor()); err != nil {
		return q.refused(instancePath("people"), err)
	}
	return q.done(instancePath("people"), "The person is enabled.")
}

func (q *request) refusal(text string) error {
	q.setFlash(Flash{Kind: FlashError, Text: text})
	return q.redirect(instancePath("people"))
}
