package console

import (
	"slices"
	"time"

	"keyway/internal/api/clientsession"
	"keyway/internal/api/connectwebview"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
)

// SessionsView is the client sessions of a workspace.
type SessionsView struct {
	Page
	Rows       []SessionRow
	Pagination Pagination
	Add        SessionForm
	Shown      *Secret // the token that was just made or asked for
}

func (*SessionsView) template() string { return "sessions" }

// SessionRow is one client session in the list.
type SessionRow struct {
	ID          string
	User        string // user_identifier_key; empty: nobody's
	CustomerKey string
	Badge       Badge
	Accounts    int
	Webviews    int
	Devices     int
	CreatedAt   time.Time
	ExpiresAt   time.Time
	Live        bool
}

// SessionForm is the dialog that makes a client session.
type SessionForm struct {
	Open        bool
	User        string
	CustomerKey string
	Date        string // yyyy-mm-dd; empty: after a year
	MinDate     string
	Accounts    []SessionOption
	Webviews    []SessionOption
	Nonce       string
	Errors      FormErrors
}

// SessionOption is something that a session may reach.
type SessionOption struct {
	ID     string
	Label  string
	Note   string
	Chosen bool
}

const (
	sessionsPerPage = 50
	sessionOptions  = 100 // accounts, and webviews, that the dialog offers
)

func (q *request) sessionsAt(elem ...string) string {
	return workspacePath(q.current.ID, append([]string{"developer", "client-sessions"}, elem...)...)
}

func (q *request) sessionRow(s clientsession.Session) SessionRow {
	row := SessionRow{ID: s.ID, CustomerKey: s.CustomerKey, Accounts: len(s.AccountIDs), Webviews: len(s.WebviewIDs), Devices: s.DeviceCount, CreatedAt: s.CreatedAt.Time, ExpiresAt: s.ExpiresAt.Time}
	if s.UserIdentifierKey != nil {
		row.User = *s.UserIdentifierKey
	}
	switch {
	case !s.RevokedAt.IsZero():
		row.Badge = Badge{Tone: ToneNeutral, Text: "Revoked"}
	case !q.Now().Before(s.ExpiresAt.Time):
		row.Badge = Badge{Tone: ToneNeutral, Text: "Expired"}
	default:
		row.Badge, row.Live = Badge{Tone: ToneGood, Text: "Active"}, true
	}
	return row
}

func (q *request) sessionForm() (f SessionForm, err error) {
	f = SessionForm{Nonce: newNonce(), MinDate: q.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)}
	accounts, err := q.Accounts.Find(q.context(), q.current.ID, "", rpc.Position{}, sessionOptions)
	if err != nil {
		return f, err
	}
	for _, doc := range accounts.Items {
		a, err := readAccount(doc)
		if err != nil {
			return f, err
		}
		f.Accounts = append(f.Accounts, SessionOption{ID: a.ID, Label: a.DisplayName, Note: a.AccountTypeDisplayName})
	}
	webviews, err := q.Webviews.List(q.context(), q.current.ID, connectwebview.Filter{NewestFirst: true, Limit: sessionOptions})
	if err != nil {
		return f, err
	}
	for _, doc := range webviews.Items {
		w, err := q.webviewRow(doc)
		if err != nil {
			return f, err
		}
		if w.Open { // what a completed one led to is chosen as an account
			f.Webviews = append(f.Webviews, SessionOption{ID: w.ID, Label: w.Brands, Note: w.ID})
		}
	}
	return f, nil
}

func (q *request) sessionsView() (*SessionsView, error) {
	v := &SessionsView{Page: q.base(AreaWorkspace, NavSessions, "Client Sessions")}
	var err error
	if v.Add, err = q.sessionForm(); err != nil {
		return nil, err
	}
	from := readPosition(q.r.URL.Query().Get("after"))
	all, err := q.Sessions.Newest(q.context(), q.current.ID, from, sessionsPerPage+1)
	if err != nil {
		return nil, err
	}
	var next rpc.Position
	hasNext := len(all) > sessionsPerPage
	if hasNext {
		all = all[:sessionsPerPage]
		last := all[len(all)-1]
		next = rpc.Position{CreatedAt: store.Micros(last.CreatedAt.Time), ID: last.ID}
	}
	for _, s := range all {
		v.Rows = append(v.Rows, q.sessionRow(s))
	}
	v.Pagination = pagination(q.sessionsAt(), from, hasNext, next)
	return v, nil
}

func (q *request) sessions() error {
	v, err := q.sessionsView()
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) createSession() error {
	if !q.spent.spend(q.user.ID, q.form("nonce"), q.Now()) {
		return q.sentAgain(q.sessionsAt())
	}
	user, customer, day := q.form("user_identifier_key"), q.form("customer_key"), q.form("expires_on")
	n := clientsession.New{UserIdentifierKey: user, CustomerKey: customer, Grants: clientsession.Grants{AccountIDs: q.r.PostForm["connected_account_id"], WebviewIDs: q.r.PostForm["connect_webview_id"]}}
	errs := FormErrors{}
	if day != "" {
		end, err := time.Parse(time.DateOnly, day)
		if err != nil || !end.AddDate(0, 0, 1).After(q.Now()) {
			errs["expires_on"] = "Choose a day that has not passed."
		}
		n.ExpiresAt = end.AddDate(0, 0, 1) // the end of the day
	}
	var made clientsession.Session
	if len(errs) == 0 {
		var err error
		made, err = q.Sessions.Create(q.context(), q.current.ID, n)
		switch {
		case fault.Is(err, fault.SessionAlreadyExists):
			errs["user_identifier_key"] = "This user has a client session already. Show its token, or revoke it first."
		case fault.Is(err, fault.ConnectedAccountNotFound), fault.Is(err, fault.ConnectWebviewNotFound):
			errs[""] = "What was chosen is not there any more."
		case err != nil:
			refused, ok := formErrors(err)
			if !ok {
				return err
			}
			errs = refused.onlyFields()
		}
	}
	v, err := q.sessionsView()
	if err != nil {
		return err
	}
	v.Location = q.sessionsAt()
	if len(errs) == 0 {
		v.Shown = &Secret{ID: made.ID, Name: "Client session created", Value: made.Token}
		return q.show(v)
	}
	v.Add.Open, v.Add.User, v.Add.CustomerKey, v.Add.Date, v.Add.Errors = true, user, customer, day, errs
	for _, options := range []struct {
		of  []SessionOption
		ids []string
	}{{v.Add.Accounts, n.AccountIDs}, {v.Add.Webviews, n.WebviewIDs}} {
		for i := range options.of {
			options.of[i].Chosen = slices.Contains(options.ids, options.of[i].ID)
		}
	}
	return q.show(v)
}

// showSessionToken shows a token that somebody asked for, and never in an address.
func (q *request) showSessionToken() error {
	s, err := q.Sessions.Get(q.context(), q.current.ID, q.r.PathValue("session"))
	if err != nil {
		return err
	}
	v, err := q.sessionsView()
	if err != nil {
		return err
	}
	v.Shown, v.Location = &Secret{ID: s.ID, Name: "Client session token", Value: s.Token}, q.sessionsAt()
	return q.show(v)
}

func (q *request) revokeSession() error {
	if err := q.Sessions.Revoke(q.context(), q.current.ID, q.r.PathValue("session")); err != nil {
		return err
	}
	return q.done(q.sessionsAt(), "The client session was revoked.")
}
