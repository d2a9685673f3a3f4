package frame

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
)

// Request is one request while it is answered, with who asks.
type Request struct {
	*Console
	W  http.ResponseWriter
	R  *http.Request
	ID string

	Session     identity.Session
	User        *identity.User // nil: no one is signed in
	Memberships []workspace.Membership
	Current     *workspace.Membership // the workspace of the address, or else the last one that was open
	live        string                // where the page hears of changes
	status      int
	flash       *Flash
}

// Handler answers one request. An error becomes an error page.
type Handler func(*Request) error

// handler makes a page of the Console that is open to everyone.
func (s *Console) handler(p Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		q := &Request{Console: s, W: w, R: r, ID: rpc.NewRequestID()}
		w.Header().Set("Seam-Request-Id", q.ID)
		defer func() {
			v := recover()
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			if v != nil {
				q.wrong(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			}
			_, pattern, _ := strings.Cut(r.Pattern, "/") // the method before it is logged separately
			q.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("method", r.Method), slog.String("path", "/"+pattern), slog.Int("status", q.status),
				slog.Duration("took", time.Since(start)), slog.String("request_id", q.ID),
				slog.String("credential_id", q.Session.ID), slog.String("address", s.Client(r)))
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

// serve answers with the page, or, if the person must confirm who they are, with that question. The
// answer to it comes to the same address, with all that the form contained.
func (q *Request) serve(p Handler) error {
	sealed := q.Form(SealedForm)
	if sealed == "" && q.R.PostForm.Has(openIDProof) {
		return q.Refused(q.PageBehind(q.R.URL.Path), fault.New(fault.InvalidRequest,
			"What you typed was lost on the way, and nothing was done; try again"))
	}
	if sealed != "" && q.User != nil {
		if proved, err := q.prove(sealed); err != nil || !proved {
			return err
		}
	}
	err := p(q)
	if notFresh(err) && q.User != nil && q.R.Method == http.MethodPost {
		return q.askAgain()
	}
	return err
}

// Fresh makes a page that needs a person who authenticated a short while ago.
func Fresh(p Handler) Handler {
	return func(q *Request) error {
		if err := credential.RequireFresh(q.Context(), q.Now()); err != nil {
			return err
		}
		return p(q)
	}
}

// FreshUnlessPreview is Fresh, except for a form that only asks for a preview.
func FreshUnlessPreview(p Handler) Handler {
	fresh := Fresh(p)
	return func(q *Request) error {
		if q.Form("preview") != "" {
			return p(q)
		}
		return fresh(q)
	}
}

// signedIn makes a page that requires a signed-in person.
func (s *Console) signedIn(p Handler) http.Handler {
	return s.handler(func(q *Request) error {
		if q.User == nil {
			return q.askToSignIn()
		}
		return p(q)
	})
}

// within makes a page of a workspace, for members who may use the endpoint that does the same.
func (s *Console) within(endpoint string, p Handler) (http.Handler, error) {
	e, ok := s.rows[endpoint]
	if !ok {
		return nil, fmt.Errorf("console: there is no endpoint %s", endpoint)
	}
	role := e.Role
	if e.Fresh {
		p = Fresh(p)
	}
	return s.signedIn(func(q *Request) error {
		if q.Current == nil || q.Current.ID != q.R.PathValue("workspace") {
			return fault.Missing(fault.WorkspaceNotFound)
		}
		if role == rpc.Operator && !q.User.IsOperator || role < rpc.Operator && q.Current.Role < role {
			return fault.New(fault.Forbidden, "This needs the role %s in the workspace", role)
		}
		return p(q)
	}), nil
}

// operators makes a page for operators of the instance.
func (s *Console) operators(p Handler) http.Handler {
	return s.signedIn(func(q *Request) error {
		if !q.User.IsOperator {
			return fault.New(fault.Forbidden, "Only operators of this server may see this")
		}
		return p(q)
	})
}

// identify finds out who asks, and in which workspace they are.
func (q *Request) identify() error {
	q.takeFlash()
	if err := q.readSession(); err != nil || q.User == nil {
		return err
	}
	var err error
	if q.Memberships, err = q.Workspaces.OfUser(q.R.Context(), q.User.ID); err != nil {
		return err
	}
	of := q.R.PathValue("workspace")
	id, named := of, of != ""
	if !named {
		if last, err := q.R.Cookie(lastWorkspaceCookie); err == nil {
			id = last.Value
		}
	}
	for i := range q.Memberships {
		if q.Memberships[i].ID == id {
			q.Current = &q.Memberships[i]
		}
	}
	if q.Current == nil && !named && len(q.Memberships) > 0 {
		q.Current = &q.Memberships[0]
	}
	if !named || q.Current != nil {
		made, err := q.position(q.R.Context(), of) // before the page reads what it shows
		if err != nil {
			return err
		}
		q.live = liveURL(of, made)
	}
	if named && q.Current != nil && q.R.Method == http.MethodGet && !q.byItself() {
		http.SetCookie(q.W, &http.Cookie{Name: lastWorkspaceCookie, Value: id, Path: Root, MaxAge: 365 * 24 * 3600, HttpOnly: true,
			Secure: q.Secure(q.R), SameSite: http.SameSiteLaxMode})
	}
	return nil
}

// lastWorkspaceCookie remembers which workspace was open, for the pages that are about none.
const lastWorkspaceCookie = "keyway-workspace"

// Context acts for the person, in the workspace of the page.
func (q *Request) Context() context.Context { return credential.With(q.R.Context(), q.Principal()) }

// Principal is whom the request's calls of rules act for.
func (q *Request) Principal() credential.Principal {
	p := credential.Principal{Kind: rpc.ConsoleSession, CredentialID: q.Session.ID, Address: q.Client(q.R),
		AuthenticatedAt: q.Session.AuthenticatedAt}
	if q.User != nil {
		p.UserID, p.IsOperator = q.User.ID, q.User.IsOperator
	}
	if q.Current != nil && q.R.PathValue("workspace") != "" {
		p.WorkspaceID, p.Role, p.IsSandbox = q.Current.ID, q.Current.Role, q.Current.IsSandbox
	}
	return p
}

// Form is a value of the form that was sent, without the space around it.
func (q *Request) Form(name string) string { return strings.TrimSpace(q.R.PostForm.Get(name)) }

// Base is the Page of a view.
func (q *Request) Base(area Area, current, title string) Page {
	p := Page{Title: title, Area: area, Current: current, Flash: q.flash, NewWorkspace: NewWorkspaceForm{Sandbox: true}, Live: q.live}
	if q.User == nil {
		return p
	}
	p.User = &User{ID: q.User.ID, Name: q.User.Name, Email: q.User.Email, Operator: q.User.IsOperator}
	for _, m := range q.Memberships {
		p.Workspaces = append(p.Workspaces, ViewWorkspace(m))
	}
	if q.Current != nil {
		w := ViewWorkspace(*q.Current)
		p.Workspace = &w
	}
	return p
}

// ViewWorkspace is what pages show of a membership's workspace.
func ViewWorkspace(m workspace.Membership) Workspace {
	return Workspace{ID: m.ID, Name: m.Name, Sandbox: m.IsSandbox, Suspended: m.IsSuspended, Role: Role(m.Role.String())}
}

// Show answers with a page; also with one whose form must be corrected, which browsers would
// otherwise log as an error.
func (q *Request) Show(v View) error {
	if err := q.notices(v.page()); err != nil {
		return err
	}
	return q.showStatus(http.StatusOK, v)
}

func (q *Request) showStatus(status int, v View) error {
	q.status = status
	if !q.mayCompress() {
		rpc.KeepPlain(q.W.Header())
	}
	return q.pages.render(q.W, status, v)
}

// Redirect answers with the address to go to after a change.
func (q *Request) Redirect(to string) error {
	q.status = http.StatusSeeOther
	http.Redirect(q.W, q.R, to, http.StatusSeeOther)
	return nil
}

// Done goes to a page that says what was done.
func (q *Request) Done(to, format string, args ...any) error {
	q.SetFlash(Flash{Kind: FlashSuccess, Text: fmt.Sprintf(format, args...)})
	return q.Redirect(to)
}

// Refused goes to a page that says why nothing was done; other errors are passed on.
func (q *Request) Refused(to string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Status() >= 500 || f.Code == fault.Forbidden {
		return err
	}
	text := f.Message
	if len(f.Issues) > 0 {
		text = Plainly(f.Issues[0].Message)
	}
	q.SetFlash(Flash{Kind: FlashError, Text: Sentence(text)})
	return q.Redirect(to)
}

// wrong answers with the page of an error.
func (q *Request) wrong(err error) {
	var f *fault.Error
	var tooLarge *http.MaxBytesError
	var failed error
	switch {
	case errors.As(err, &tooLarge):
		failed = q.fail(http.StatusRequestEntityTooLarge, "Too large", "The form is larger than the server accepts.")
	case errors.As(err, &f) && f.Status() == http.StatusNotFound:
		failed = q.fail(http.StatusNotFound, "Page not found", "This page doesn’t exist, or you don’t have access.")
	case errors.As(err, &f) && f.Status() == http.StatusForbidden:
		failed = q.fail(http.StatusForbidden, "You don’t have permission", Sentence(f.Message))
	case errors.As(err, &f) && f.Status() < 500:
		failed = q.fail(f.Status(), "That didn’t work", Sentence(f.Message))
	case q.R.Context().Err() != nil:
		q.status = 499 // the browser went away; no one reads an answer
	case q.Unavailable(err):
		q.Log.Error("console", "request_id", q.ID, "err", err)
		failed = q.fail(http.StatusServiceUnavailable, "The database is read-only right now", "Nothing was changed. Try again in a moment.")
	default:
		q.Log.Error("console", "request_id", q.ID, "err", err)
		failed = q.fail(http.StatusInternalServerError, "Something went wrong",
			"The server could not answer. If it happens again, look for this request in the server’s log.")
	}
	if failed != nil {
		q.Log.Error("console error page", "request_id", q.ID, "err", failed)
		http.Error(q.W, "Something went wrong", http.StatusInternalServerError)
	}
}

// fail answers with an error page, in the layout if a person is signed in.
func (q *Request) fail(status int, heading, message string) error {
	if q.Current == nil && len(q.Memberships) > 0 {
		q.Current = &q.Memberships[0]
	}
	v := &ErrorView{Page: q.Base(AreaWorkspace, "", heading), Status: status, Heading: heading, Message: message, BackURL: Root,
		BackLabel: "Go to the Console"}
	v.Flash, v.Live = nil, "" // nothing on it changes, and to fetch it again could send a form again
	if q.User == nil {
		v.Area = AreaNone
	} else if v.Workspace != nil {
		v.BackURL, v.BackLabel = v.Workspace.Path(), "Go to Devices"
	}
	if status >= 500 {
		v.RequestID = q.ID
	}
	return q.showStatus(status, v)
}

// flashCookie carries a message over a redirect. It contains no secret and is shown as plain text.
const flashCookie = "keyway-flash"

// SetFlash keeps a notice for the next page.
func (q *Request) SetFlash(f Flash) {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // two strings
	}
	http.SetCookie(q.W, &http.Cookie{Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString(text), Path: Root, MaxAge: 60,
		HttpOnly: true, Secure: q.Secure(q.R), SameSite: http.SameSiteLaxMode}) // lax: also on the way back from a provider
}

func (q *Request) takeFlash() {
	c, err := q.R.Cookie(flashCookie)
	if err != nil || q.R.Method != http.MethodGet || q.byItself() {
		return
	}
	http.SetCookie(q.W, &http.Cookie{Name: flashCookie, Path: Root, MaxAge: -1, HttpOnly: true, Secure: q.Secure(q.R),
		SameSite: http.SameSiteLaxMode})
	var f Flash
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || len(text) > 1000 || json.Unmarshal(text, &f) != nil || f.Kind != FlashSuccess && f.Kind != FlashError {
		return
	}
	q.flash = &f
}

// askToSignIn leads to sign-in and back again. What was typed into a form is not kept.
func (q *Request) askToSignIn() error {
	next := q.R.URL.RequestURI()
	if q.R.Method != http.MethodGet && q.R.Method != http.MethodHead {
		q.SetFlash(Flash{Kind: FlashError, Text: "Your session ended, so nothing was changed. Sign in and try again."})
		next = q.PageBehind(q.R.URL.Path)
	}
	to := ConsolePath("sign-in")
	if next != Root && next != Root+"/" {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	return q.Redirect(to)
}

// LocalPath takes an address to go to only if it is a page of the Console.
func LocalPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, Root+"/") || strings.ContainsAny(to, "\\\r\n") {
		return Root
	}
	return to
}

// Alone is the Page of a view outside the layout, regardless of who is signed in.
func (q *Request) Alone(title string) Page { return Page{Title: title, Flash: q.flash} }

// Forward leads on from an address that has no page, with the message that was to be shown there.
func (q *Request) Forward(to string) error {
	if q.flash != nil {
		q.SetFlash(*q.flash)
	}
	return q.Redirect(to)
}

// SentAgain answers a form that was sent already and whose answer showed a secret.
func (q *Request) SentAgain(to string) error {
	q.SetFlash(Flash{Kind: FlashError, Text: "Already submitted. The result is shown only once."})
	return q.Redirect(to)
}

// OnInstance reports whether this is one of the operators' pages, which show everyone's tokens.
func (q *Request) OnInstance() bool { return strings.HasPrefix(q.R.URL.Path, InstancePath()+"/") }

// JSON answers a script of a page.
func (q *Request) JSON(status int, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	q.status = status
	q.W.Header().Set("Content-Type", "application/json; charset=utf-8")
	q.W.WriteHeader(status)
	_, err = q.W.Write(text)
	return err
}

// ErrorView says what went wrong, inside the layout if a person is signed in.
type ErrorView struct {
	Page
	Status    int
	Heading   string
	Message   string
	RequestID string
	BackURL   string
	BackLabel string
}

// May reports whether the person may use an endpoint in the current workspace, so that pages offer
// only what works.
func (q *Request) May(endpoint string) bool {
	e, ok := q.rows[endpoint]
	return ok && q.Current != nil && q.Current.Role >= e.Role
}
