package frame

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
)

// Section is an area's share of the Console: its pages, and the templates that show them.
type Section struct {
	Rows []Row
	// Templates contains templates/*.html: a file for each template that a row names, and files of parts
	// that these share.
	Templates fs.FS
}

// Row is a page, or what a form on a page does. Routes, roles, navigation and the set of templates
// follow from the rows, and the tests render each of their pages.
type Row struct {
	// Pattern is the method and the path below Root, as http.ServeMux reads them. Empty: any address may
	// answer with this page.
	Pattern string
	// Access says who is let in. Pages of a workspace leave it out and name an endpoint instead.
	Access Access
	// Endpoint is the endpoint that does the same. Members of {workspace} who have its role are let in,
	// recently authenticated if the endpoint asks for that.
	Endpoint string
	// Template shows the views of View's type. Empty: the row answers with no page of its own.
	Template string
	View     View // nil pointer of the type
	Nav      *Nav // nil: the left navigation does not lead here
	Handle   Handler
}

// Access says who may open a page that belongs to no workspace.
type Access int

// Who may open a page.
const (
	Members   Access = iota // of the workspace, with the role of the row's endpoint
	Anyone                  // signed in or not
	SignedIn                // everyone who is signed in
	Operators               // operators of the instance
)

// Nav is a row's place in the left navigation.
type Nav struct {
	Area  Area
	Group string // title of the group; groups and their items stand in the order of the rows
	Key   string // what Page.Current is on the page
	Label string
	Icon  string
}

// mount makes the routes of the rows.
func (s *Console) mount(rows []Row) error {
	for _, row := range rows {
		if row.Pattern == "" {
			continue
		}
		method, path, ok := strings.Cut(row.Pattern, " ")
		if !ok || row.Handle == nil {
			return fmt.Errorf("console: the row %q is not complete", row.Pattern)
		}
		h, err := s.guarded(row)
		if err != nil {
			return err
		}
		s.mux.Handle(method+" "+Root+path, h)
	}
	return nil
}

func (s *Console) guarded(row Row) (http.Handler, error) {
	inWorkspace := strings.Contains(row.Pattern, "{workspace}")
	if row.Access == Members && (!inWorkspace || row.Endpoint == "") || row.Access != Members && row.Endpoint != "" {
		return nil, fmt.Errorf("console: the row %q names either who may open it or, in a workspace, an endpoint", row.Pattern)
	}
	switch row.Access {
	case Anyone:
		return s.handler(row.Handle), nil
	case SignedIn:
		return s.signedIn(row.Handle), nil
	case Operators:
		return s.operators(row.Handle), nil
	}
	return s.within(row.Endpoint, row.Handle)
}

// navigation are the groups of each area, in the order of the rows.
func navigation(sections []Section) map[Area][]NavGroup {
	areas := map[Area][]NavGroup{}
	for _, section := range sections {
		for _, row := range section.Rows {
			if row.Nav == nil {
				continue
			}
			_, path, _ := strings.Cut(row.Pattern, " ")
			item := NavItem{row.Nav.Key, row.Nav.Label, Root + path, row.Nav.Icon}
			groups := areas[row.Nav.Area]
			at := 0
			for at < len(groups) && groups[at].Title != row.Nav.Group {
				at++
			}
			if at == len(groups) {
				groups = append(groups, NavGroup{Title: row.Nav.Group})
			}
			groups[at].Items = append(groups[at].Items, item)
			areas[row.Nav.Area] = groups
		}
	}
	return areas
}

// nav is the left navigation of a page.
func (r *Renderer) nav(p Page) (groups []NavGroup) {
	if p.Area == AreaWorkspace && p.Workspace == nil {
		return nil
	}
	for _, g := range r.areas[p.Area] {
		shown := NavGroup{Title: g.Title}
		for _, item := range g.Items {
			if p.Workspace != nil {
				item.URL = strings.ReplaceAll(item.URL, "{workspace}", url.PathEscape(p.Workspace.ID))
			}
			shown.Items = append(shown.Items, item)
		}
		groups = append(groups, shown)
	}
	return groups
}

// Own are the pages that belong to no area.
func Own() Section {
	return Section{Templates: templateFiles, Rows: []Row{
		{Template: "error", View: (*ErrorView)(nil)},
		{Template: "confirm", View: (*ConfirmView)(nil)},
		{Pattern: "GET " + changesPath, Access: Anyone, Handle: (*Request).changes},
		{Pattern: "GET /workspaces/{workspace}" + changesPath, Access: Anyone, Handle: (*Request).changes},
	}}
}
