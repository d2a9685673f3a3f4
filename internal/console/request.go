package console

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

// request is one request while it is answered, with who asks.
type request struct {
	*console
	w  http.ResponseWriter
	r  *http.Request
	id string

	session    identity.Session
	user       *identity.User // nil: nobody is signed in
	workspaces []workspace.Membership
	current    *workspace.Membership // the workspace of the address, or else the last one that was open
	live       string                // where the page hears of changes
	status     int
	flash      *Flash
}

// page answers one request. An error becomes an error page.
type page func(*request) error

// handler makes a page of the Console that is open to everybody.
func (s *console) handler(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		q := &request{console: s, w: w, r: r, id: rpc.NewRequestID()}
		w.Header().Set("Seam-Request-Id", q.id)
		defer func() {
			v := recover()
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			if v != nil {
				q.wrong(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			}
			_, pattern, _ := strings.Cut(r.Pattern, "/") // the method before it is told by itself
			q.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("method", r.Method), slog.String("path", "/"+pattern), slog.Int("status", q.status),
				slog.Duration("took", time.Since(start)), slog.String("request_id", q.id),
				slog.String("credential_id", q.session.ID), slog.String("address", s.Client(r)))
		}()
		if err := r.ParseForm(); err != nil {
			var tooLarge *http.MaxBytesError
			if !errors.As(err, &tooLarge) {
				err = fault.New(fault.InvalidRequest, "The form could not be read")
			}
			q.wrong(err)
			return
		}
		if err := q.identify(); err != nil {
			q.wrong(err)
			return
		}
		if err := q.serve(p); err != nil {
			q.wrong(err)
		}
	})
}

// serve answers with the page, and where it wants to know again who asks, with that question. The
// answer to it comes to the same address, with all that the form held.
func (q *request) serve(p page) error {
	sealed := q.form(sealedForm)
	if sealed == "" && q.r.PostForm.Has(openIDProof) {
		return q.refused(q.pageBehind(q.r.URL.Path), fault.New(fault.InvalidRequest, "What you typed was lost on the way, and nothing was done; try again"))
	}
	if sealed != "" && q.user != nil {
		if proved, err := q.prove(sealed); err != nil || !proved {
			return err
		}
	}
	err := p(q)
	if notFresh(err) && q.user != nil && q.r.Method == http.MethodPost {
		return q.askAgain()
	}
	return err
}

// fresh makes a page that needs a person who proved a short while ago who they are.
func (s *console) fresh(p page) page {
	return func(q *request) error {
		if err := credential.RequireFresh(q.context(), q.Now()); err != nil {
			return err
		}
		return p(q)
	}
}

// freshUnlessPreview is fresh, but for a form that is only looked at.
func (s *console) freshUnlessPreview(p page) page {
	fresh := s.fresh(p)
	return func(q *request) error {
		if q.form("preview") != "" {
			return p(q)
		}
		return fresh(q)
	}
}

// signedIn makes a page that needs somebody signed in.
func (s *console) signedIn(p page) http.Handler {
	return s.handler(func(q *request) error {
		if q.user == nil {
			return q.askToSignIn()
		}
		return p(q)
	})
}

// within makes a page of a workspace, for members who may use the endpoint that does the same.
func (s *console) within(endpoint string, p page) (http.Handler, error) {
	e, ok := s.rows[endpoint]
	if !ok {
		return nil, fmt.Errorf("console: there is no endpoint %s", endpoint)
	}
	role := e.Role
	if e.Fresh {
		p = s.fresh(p)
	}
	return s.signedIn(func(q *request) error {
		if q.current == nil || q.current.ID != q.r.PathValue("workspace") {
			return fault.Missing(fault.WorkspaceNotFound)
		}
		if role == rpc.Operator && !q.user.IsOperator || role < rpc.Operator && q.current.Role < role {
			return fault.New(fault.Forbidden, "This needs the role %s in the workspace", role)
		}
		return p(q)
	}), nil
}

// operators makes a page for operators of the instance.
func (s *console) operators(p page) http.Handler {
	return s.signedIn(func(q *request) error {
		if !q.user.IsOperator {
			return fault.New(fault.Forbidden, "Only operators of this server may see this")
		}
		return p(q)
	})
}

// identify finds out who asks, and in which workspace they are.
func (q *request) identify() error {
	q.takeFlash()
	if err := q.readSession(); err != nil || q.user == nil {
		return err
	}
	var err error
	if q.workspaces, err = q.Workspaces.OfUser(q.r.Context(), q.user.ID); err != nil {
		return err
	}
	of := q.r.PathValue("workspace")
	id, named := of, of != ""
	if !named {
		if last, err := q.r.Cookie(lastWorkspaceCookie); err == nil {
			id = last.Value
		}
	}
	for i := range q.workspaces {
		if q.workspaces[i].ID == id {
			q.current = &q.workspaces[i]
		}
	}
	if q.current == nil && !named && len(q.workspaces) > 0 {
		q.current = &q.workspaces[0]
	}
	if !named || q.current != nil {
		made, err := q.position(q.r.Context(), of) // before the page reads what it shows
		if err != nil {
			return err
		}
		q.live = liveURL(of, made)
	}
	if named && q.current != nil && q.r.Method == http.MethodGet && !q.byItself() {
		http.SetCookie(q.w, &http.Cookie{Name: lastWorkspaceCookie, Value: id, Path: Root, MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: q.secure(q.r), SameSite: http.SameSiteLaxMode})
	}
	return nil
}

// lastWorkspaceCookie remembers which workspace was open, for the pages that are about none.
const lastWorkspaceCookie = "keyway-workspace"

// context acts for the person, in the workspace of the page.
func (q *request) context() context.Context { return credential.With(q.r.Context(), q.principal()) }

func (q *request) principal() credential.Principal {
	p := credential.Principal{Kind: rpc.ConsoleSession, CredentialID: q.session.ID, Address: q.Client(q.r), AuthenticatedAt: q.session.AuthenticatedAt}
	if q.user != nil {
		p.UserID, p.IsOperator = q.user.ID, q.user.IsOperator
	}
	if q.current != nil && q.r.PathValue("workspace") != "" {
		p.WorkspaceID, p.Role, p.IsSandbox = q.current.ID, q.current.Role, q.current.IsSandbox
	}
	return p
}

// form is a value of the form that was sent, without the space around it.
func (q *request) form(name string) string { return strings.TrimSpace(q.r.PostForm.Get(name)) }

// base is the Page of a view.
func (q *request) base(area Area, current, title string) Page {
	p := Page{Title: title, Area: area, Current: current, Flash: q.flash, NewWorkspace: NewWorkspaceForm{Sandbox: true}, Live: q.live}
	if q.user == nil {
		return p
	}
	p.User = &User{ID: q.user.ID, Name: q.user.Name, Email: q.user.Email, Operator: q.user.IsOperator}
	for _, m := range q.workspaces {
		p.Workspaces = append(p.Workspaces, viewWorkspace(m))
	}
	if q.current != nil {
		w := viewWorkspace(*q.current)
		p.Workspace = &w
	}
	return p
}

func viewWorkspace(m workspace.Membership) Workspace {
	return Workspace{ID: m.ID, Name: m.Name, Sandbox: m.IsSandbox, Suspended: m.IsSuspended, Role: Role(m.Role.String())}
}

// show answers with a page; also with one whose form has to be mended, which browsers would
// otherwise log as an error.
func (q *request) show(v view) error {
	if err := q.notices(v.page()); err != nil {
		return err
	}
	return q.showStatus(http.StatusOK, v)
}

func (q *request) showStatus(status int, v view) error {
	q.status = status
	return q.pages.render(q.w, status, v)
}

// redirect answers with the address to go to after a change.
func (q *request) redirect(to string) error {
	q.status = http.StatusSeeOther
	http.Redirect(q.w, q.r, to, http.StatusSeeOther)
	return nil
}

// done goes to a page that says what was done.
func (q *request) done(to, format string, args ...any) error {
	q.setFlash(Flash{Kind: FlashSuccess, Text: fmt.Sprintf(format, args...)})
	return q.redirect(to)
}

// refused goes to a page that says why nothing was done; other errors are passed on.
func (q *request) refused(to string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Status() >= 500 || f.Code == fault.Forbidden {
		return err
	}
	text := f.Message
	if len(f.Issues) > 0 {
		text = plainly(f.Issues[0].Message)
	}
	q.setFlash(Flash{Kind: FlashError, Text: sentence(text)})
	return q.redirect(to)
}

// wrong answers with the page of an error.
func (q *request) wrong(err error) {
	var f *fault.Error
	var tooLarge *http.MaxBytesError
	var failed error
	switch {
	case errors.As(err, &tooLarge):
		failed = q.fail(http.StatusRequestEntityTooLarge, "Too large", "The form holds more than the server takes.")
	case errors.As(err, &f) && f.Status() == http.StatusNotFound:
		failed = q.fail(http.StatusNotFound, "Page not found", "There is nothing at this address, or you may not see it.")
	case errors.As(err, &f) && f.Status() == http.StatusForbidden:
		failed = q.fail(http.StatusForbidden, "You may not do this", sentence(f.Message))
	case errors.As(err, &f) && f.Status() < 500:
		failed = q.fail(f.Status(), "This did not work", sentence(f.Message))
	case q.r.Context().Err() != nil:
		q.status = 499 // the browser went away; nobody reads an answer
	case q.Unavailable(err):
		q.Log.Error("console", "request_id", q.id, "err", err)
		failed = q.fail(http.StatusServiceUnavailable, "The database cannot be written now", "Nothing was changed. Try again in a moment.")
	default:
		q.Log.Error("console", "request_id", q.id, "err", err)
		failed = q.fail(http.StatusInternalServerError, "Something went wrong", "The server could not answer. If it happens again, look for this request in the server’s log.")
	}
	if failed != nil {
		q.Log.Error("console error page", "request_id", q.id, "err", failed)
		http.Error(q.w, "Something went wrong", http.StatusInternalServerError)
	}
}

// fail answers with an error page, in the layout when somebody is signed in.
func (q *request) fail(status int, heading, message string) error {
	if q.current == nil && len(q.workspaces) > 0 {
		q.current = &q.workspaces[0]
	}
	v := &ErrorView{Page: q.base(AreaWorkspace, "", heading), Status: status, Heading: heading, Message: message, BackURL: Root, BackLabel: "Go to the Console"}
	v.Flash, v.Live = nil, "" // nothing on it changes, and to fetch it again could send a form again
	if q.user == nil {
		v.Area = AreaNone
	} else if v.Workspace != nil {
		v.BackURL, v.BackLabel = v.Workspace.Path(), "Go to Devices"
	}
	if status >= 500 {
		v.RequestID = q.id
	}
	return q.showStatus(status, v)
}

// formErrors turns what the rules refuse into messages beside the fields. ok is false for an error
// that no field can mend.
func formErrors(err error) (errs FormErrors, ok bool) {
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.InvalidInput && f.Code != fault.InvalidRequest {
		return nil, false
	}
	errs = FormErrors{}
	for _, issue := range f.Issues {
		name := ""
		if len(issue.Path) > 0 {
			name = issue.Path[0]
		}
		if _, twice := errs[name]; !twice {
			errs[name] = plainly(issue.Message)
		}
	}
	if len(f.Issues) == 0 {
		errs[""] = sentence(f.Message)
	}
	return errs, true
}

// onlyFields moves messages for what the form does not show to the form as a whole.
func (e FormErrors) onlyFields(names ...string) FormErrors {
	shown := map[string]bool{"": true}
	for _, name := range names {
		shown[name] = true
	}
	for name, message := range e {
		if !shown[name] {
			delete(e, name)
			e[""] = message
		}
	}
	return e
}

var lengthMessage = regexp.MustCompile(`^String must contain at (least|most) (\d+) character\(s\)$`)

// plainly says for people what the contract's messages say for programs.
func plainly(message string) string {
	if m := lengthMessage.FindStringSubmatch(message); m != nil {
		switch {
		case m[1] == "least" && m[2] == "1":
			return "This is needed."
		case m[1] == "least":
			return "Use at least " + m[2] + " characters."
		default:
			return "Use at most " + m[2] + " characters."
		}
	}
	switch message {
	case "Required":
		return "This is needed."
	case "Invalid email":
		return "That is not an e-mail address."
	case "Invalid url":
		return "That is not an address, such as https://app.example.com/."
	case "The time must be after starts_at":
		return "It must end after it starts."
	}
	return sentence(message)
}

func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") || strings.HasSuffix(text, "!") {
		return text
	}
	return text + "."
}

// flashCookie carries a message over a redirect. It holds no secret and is shown as plain text.
const flashCookie = "keyway-flash"

func (q *request) setFlash(f Flash) {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // two strings
	}
	http.SetCookie(q.w, &http.Cookie{Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString(text), Path: Root, MaxAge: 60, HttpOnly: true, Secure: q.secure(q.r), SameSite: http.SameSiteLaxMode}) // lax: also on the way back from a provider
}

func (q *request) takeFlash() {
	c, err := q.r.Cookie(flashCookie)
	if err != nil || q.r.Method != http.MethodGet || q.byItself() {
		return
	}
	http.SetCookie(q.w, &http.Cookie{Name: flashCookie, Path: Root, MaxAge: -1, HttpOnly: true, Secure: q.secure(q.r), SameSite: http.SameSiteLaxMode})
	var f Flash
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || len(text) > 1000 || json.Unmarshal(text, &f) != nil || f.Kind != FlashSuccess && f.Kind != FlashError {
		return
	}
	q.flash = &f
}

// askToSignIn leads to sign-in and back again. What was typed into a form is not kept.
func (q *request) askToSignIn() error {
	next := q.r.URL.RequestURI()
	if q.r.Method != http.MethodGet && q.r.Method != http.MethodHead {
		q.setFlash(Flash{Kind: FlashError, Text: "Your session has ended, and nothing was done. Sign in and try again."})
		next = q.pageBehind(q.r.URL.Path)
	}
	to := consolePath("sign-in")
	if next != Root && next != Root+"/" {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	return q.redirect(to)
}

// localPath takes an address to go to only if it is a page of the Console.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, Root+"/") || strings.ContainsAny(to, "\\\r\n") {
		return Root
	}
	return to
}
