package things

import (
	"slices"
	"time"

	"keyway/internal/api/clientsession"
	"keyway/internal/api/connectwebview"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
)

// SessionsView is the client sessions of a workspace.
type SessionsView struct {
	frame.Page
	Rows       []SessionRow
	Pagination frame.Pagination
	Add        SessionForm
	Shown      *frame.Secret // the token that was just made or asked for
}

// SessionRow is one client session in the list.
type SessionRow struct {
	ID          string
	User        string // user_identifier_key; empty: no one's
	CustomerKey string
	Badge       frame.Badge
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
	Errors      frame.FormErrors
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
	return frame.WorkspacePath(q.Current.ID, append([]string{"developer", "client-sessions"}, elem...)...)
}

func (q *request) sessionRow(s clientsession.Session) SessionRow {
	row := SessionRow{ID: s.ID, CustomerKey: s.CustomerKey, Accounts: len(s.AccountIDs), Webviews: len(s.WebviewIDs), Devices: s.DeviceCount,
		CreatedAt: s.CreatedAt.Time, ExpiresAt: s.ExpiresAt.Time}
	if s.UserIdentifierKey != nil {
		row.User = *s.UserIdentifierKey
	}
	switch {
	case !s.RevokedAt.IsZero():
		row.Badge = frame.Badge{Tone: frame.ToneNeutral, Text: "Revoked"}
	case !q.Now().Before(s.ExpiresAt.Time):
		row.Badge = frame.Badge{Tone: frame.ToneNeutral, Text: "Expired"}
	default:
		row.Badge, row.Live = frame.Badge{Tone: frame.ToneGood, Text: "Active"}, true
	}
	return row
}

func (q *request) sessionForm() (f SessionForm, err error) {
	f = SessionForm{Nonce: frame.NewNonce(), MinDate: q.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)}
	accounts, err := q.Accounts.Find(q.Context(), q.Current.ID, "", rpc.Position{}, sessionOptions)
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
	webviews, err := q.Webviews.List(q.Context(), q.Current.ID, connectwebview.Filter{NewestFirst: true, Limit: sessionOptions})
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
	v := &SessionsView{Page: q.Base(frame.AreaWorkspace, frame.NavSessions, "Client Sessions")}
	var err error
	if v.Add, err = q.sessionForm(); err != nil {
		return nil, err
	}
	trail := frame.ReadTrail(q.R.URL.Query())
	all, err := q.Sessions.Newest(q.Context(), q.Current.ID, trail.From(), sessionsPerPage)
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
	v.Pagination = trail.Pagination(q.sessionsAt(), hasNext, next)
	return v, nil
}

func (q *request) sessions() error {
	v, err := q.sessionsView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) createSession() error {
	if !q.FirstSent() {
		return q.SentAgain(q.sessionsAt())
	}
	user, customer, day := q.Form("user_identifier_key"), q.Form("customer_key"), q.Form("expires_on")
	n := clientsession.New{UserIdentifierKey: user, CustomerKey: customer,
		Grants: clientsession.Grants{AccountIDs: q.R.PostForm["connected_account_id"], WebviewIDs: q.R.PostForm["connect_webview_id"]}}
	errs := frame.FormErrors{}
	if day != "" {
		end, err := time.Parse(time.DateOnly, day)
		if err != nil || !end.AddDate(0, 0, 1).After(q.Now()) {
			errs["expires_on"] = "Choose a future day."
		}
		n.ExpiresAt = end.AddDate(0, 0, 1).Add(-time.Second) // the end of the day
	}
	var made clientsession.Session
	if len(errs) == 0 {
		var err error
		made, err = q.Sessions.Create(q.Context(), q.Current.ID, n)
		switch {
		case fault.Is(err, fault.SessionAlreadyExists):
			errs["user_identifier_key"] = "This user has a client session already. Show its token, or revoke it first."
		case fault.Is(err, fault.ConnectedAccountNotFound), fault.Is(err, fault.ConnectWebviewNotFound):
			errs[""] = "What you selected no longer exists."
		case err != nil:
			refused, ok := frame.FieldErrors(err)
			if !ok {
				return err
			}
			errs = refused.OnlyFields()
		}
	}
	v, err := q.sessionsView()
	if err != nil {
		return err
	}
	v.Location = q.sessionsAt()
	if len(errs) == 0 {
		v.Shown = &frame.Secret{ID: made.ID, Name: "Client session created", Value: made.Secret()}
		return q.Show(v)
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
	return q.Show(v)
}

// showSessionToken shows a requested token, and never in an address.
func (q *request) showSessionToken() error {
	s, err := q.Sessions.Get(q.Context(), q.Current.ID, q.R.PathValue("session"))
	if err != nil {
		return err
	}
	v, err := q.sessionsView()
	if err != nil {
		return err
	}
	v.Shown, v.Location = &frame.Secret{ID: s.ID, Name: "Client session token", Value: s.Secret()}, q.sessionsAt()
	return q.Show(v)
}

func (q *request) revokeSession() error {
	if err := q.Sessions.Revoke(q.Context(), q.Current.ID, q.R.PathValue("session")); err != nil {
		return err
	}
	return q.Done(q.sessionsAt(), "The client session was revoked.")
}
