// Package rpc is the endpoint machine: a table of typed rows defines routes and verbs, credential
// policy, decoding and validation, the envelope, the OpenAPI document and the access table.
package rpc

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// Endpoint is one row of the table.
type Endpoint struct {
	Path    string // "/devices/list"
	Summary string // one sentence for the reference
	Allow   Allow  // which credentials may call it; never empty
	Role    Role   // the least role of a person in the workspace; API keys count as Admin

	// Workspace says what the seam-workspace header means for credentials that belong to a
	// person and not to a workspace.
	Workspace WorkspaceHeader

	Read  bool   // changes nothing: GET beside POST
	Verbs string // the semantic verbs of a write beside POST, for example "PATCH" or "PUT PATCH"

	// Fresh requires of a console session that its person recently proved who they are, so that
	// someone else who obtains a session cannot make something lasting of it. Other
	// credentials are not affected.
	Fresh bool

	// Self is for what a token may ask about itself and do to itself, whatever its scopes and
	// workspaces.
	Self bool
	// ByDevice says that the endpoint shows and touches only the devices of a token that is limited to
	// some. Others refuse such a token.
	ByDevice bool
	// Physical says that something happens at a door or in a house: it counts toward a token's daily
	// limit.
	Physical bool

	Returns string // key of the result in the answer; empty where the answer is only ok
	Twin    string // a second, older key for the same result
	Handle  Handler

	// Attempt is the type of the action attempt that the endpoint answers with; of those that answer with an attempt only
	// the ones that read attempts have none.
	Attempt string
	// Batch says what is in a result that is lists of several kinds: the type of each by its key.
	Batch map[string]reflect.Type
	// PageSize is how many results a list whose input is a PageInput has unless fewer are asked for.
	PageSize int

	// Secret says that an answer can contain a secret: a token, a PIN, a one-time address. It is never compressed, since the
	// length of a compressed answer reveals what is in it.
	Secret bool
	// Pace bounds how often an address may call a public endpoint, before anything of the request is read. It returns
	// too_many_requests; nil: not bounded.
	Pace func(address string) error

	// Cache lets equal requests of a workspace share one answer until that workspace is next
	// written to. Only for reads that depend on nothing but the workspace's rows and the input.
	Cache bool
}

// Allow is a set of credential kinds.
type Allow uint16

// The kinds of credentials. A workspace key is allowed wherever an API key is.
const (
	Public Allow = 1 << iota // no credential is required, and none is checked
	APIKey
	PersonalAccessToken
	ConsoleSession
	ClientSession
	CustomerSession // a client session bound to a customer
	PublishableKey
	WorkspaceKey
)

// Sets of credentials that recur in the contract (API contract §2.2).
const (
	Backend  = APIKey | WorkspaceKey | PersonalAccessToken | ConsoleSession
	Customer = Backend | CustomerSession
	Frontend = Backend | ClientSession
	Anyone   = Backend | ClientSession | CustomerSession
	Person   = PersonalAccessToken | ConsoleSession
)

var allowNames = []string{"public", "api_key", "personal_access_token", "console_session",
	"client_session", "client_session_with_customer", "publishable_key", "workspace_key"}

func (a Allow) String() string {
	var names []string
	for i, n := range allowNames {
		if a&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, " ")
}

// WorkspaceHeader is how an endpoint takes the seam-workspace header.
type WorkspaceHeader uint8

// What the header means.
const (
	Required  WorkspaceHeader = iota // it names the workspace that the request is about
	Optional                         // with it one workspace, without it all of the person's
	Forbidden                        // the endpoint is about no workspace yet; sending it is an error
	Ignored                          // the endpoint is about the caller, not about a workspace
)

func (h WorkspaceHeader) String() string {
	return [...]string{"required", "optional", "forbidden", "ignored"}[h]
}

// Role is what a person may do in a workspace; each role includes those before it.
type Role uint8

// The roles. Operator is not a role in a workspace but in the instance.
const (
	NoRole Role = iota
	Member
	Admin
	Owner
	Operator
)

var roleNames = [...]string{"", "member", "admin", "owner", "operator"}

func (r Role) String() string { return roleNames[r] }

// ParseRole reads a role's name; ok is false for an unknown one. Operator cannot be given in a
// workspace and is unknown here.
func ParseRole(name string) (r Role, ok bool) {
	i := slices.Index(roleNames[:Operator], name)
	return Role(max(i, 0)), i > 0
}

// Group is the endpoint's API group: "/devices/list" belongs to devices, "/keyway/v1/members/list"
// to members.
func (e *Endpoint) Group() string {
	group, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(e.Path, "/keyway/v1"), "/"), "/")
	return group
}

// Streams reports whether the endpoint answers with events as they occur, and never ends the answer itself.
func (e *Endpoint) Streams() bool { return e.Handle.stream != nil }

// Scope is the permission that the endpoint needs: its group, and read or write.
func (e *Endpoint) Scope() string {
	if e.Read {
		return e.Group() + ":read"
	}
	return e.Group() + ":write"
}

// Scopes lists the scopes that tokens can be given: those of the rows that take a personal access
// token, but for what a token may do without any.
func Scopes(tables ...[]Endpoint) []string {
	var out []string
	for _, table := range tables {
		for i := range table {
			if e := &table[i]; e.Allow&PersonalAccessToken != 0 && !e.Self {
				out = append(out, e.Scope())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// notes are the row's marks, for the access table.
func (e *Endpoint) notes() string {
	var out []string
	for _, n := range []struct {
		name string
		is   bool
	}{{"fresh", e.Fresh}, {"self", e.Self}, {"by_device", e.ByDevice}, {"physical", e.Physical}} {
		if n.is {
			out = append(out, n.name)
		}
	}
	if out == nil {
		return "-"
	}
	return strings.Join(out, ",")
}

// semanticVerbs are those that a write may answer to beside POST.
var semanticVerbs = []string{http.MethodPut, http.MethodPatch, http.MethodDelete}

// methods lists the verbs that the endpoint answers to.
func (e *Endpoint) methods() []string {
	if e.Read {
		return []string{http.MethodGet, http.MethodPost}
	}
	return append([]string{http.MethodPost}, strings.Fields(e.Verbs)...)
}

// check refuses rows that could not be served as they say.
func (e *Endpoint) check() error {
	switch {
	case !strings.HasPrefix(e.Path, "/") || strings.HasSuffix(e.Path, "/"):
		return fmt.Errorf("%q is not a path", e.Path)
	case e.Allow == 0:
		return fmt.Errorf("%s: nobody may call it", e.Path)
	case e.Allow&Public != 0 && e.Allow != Public:
		return fmt.Errorf("%s: public, so no credential is looked at", e.Path)
	case e.Summary == "":
		return fmt.Errorf("%s: no summary", e.Path)
	case e.Handle.call == nil && e.Handle.stream == nil:
		return fmt.Errorf("%s: no handler", e.Path)
	case e.Read && e.Verbs != "":
		return fmt.Errorf("%s: a read has GET and POST", e.Path)
	case slices.ContainsFunc(strings.Fields(e.Verbs), func(v string) bool { return !slices.Contains(semanticVerbs, v) }):
		return fmt.Errorf("%s: %q are not semantic verbs", e.Path, e.Verbs)
	case e.Cache && !e.Read:
		return fmt.Errorf("%s: only a read can be cached", e.Path)
	case e.Allow != Public && e.Group() == "":
		return fmt.Errorf("%s: no group, so no scope", e.Path)
	case e.Allow&Person != 0 && e.Workspace == Required && e.Role == NoRole:
		return fmt.Errorf("%s: no role", e.Path)
	case e.Self && e.Allow&(PersonalAccessToken|WorkspaceKey) == 0:
		return fmt.Errorf("%s: about the token itself, but it takes none", e.Path)
	case e.Physical && (e.Read || !e.ByDevice):
		return fmt.Errorf("%s: physical, but a read or not about devices", e.Path)
	case !e.Secret && (mayHoldSecret(e.Handle.out, map[reflect.Type]bool{}) || slices.Contains(secretNames, e.Returns)):
		return fmt.Errorf("%s: its answer can hold a secret, and the row does not say so", e.Path)
	case e.Returns == "action_attempt" && e.Attempt == "" && e.Group() != "action_attempts":
		return fmt.Errorf("%s: no type of its action attempt", e.Path)
	case e.PageSize == 0 && e.Handle.out != nil && e.Handle.out.Implements(reflect.TypeFor[page]()):
		return fmt.Errorf("%s: a paged list without the size of its pages", e.Path)
	case e.Pace != nil && e.Allow != Public:
		return fmt.Errorf("%s: the pace of a credential is its own", e.Path)
	case e.Fresh && e.Allow&ConsoleSession == 0:
		return fmt.Errorf("%s: fresh, but it takes no console session", e.Path)
	case e.Returns == "" && e.Handle.out != reflect.TypeFor[OK]() && e.Handle.out != noContentType && e.Handle.out != acceptedType &&
		!isFields(e.Handle.out):
		return fmt.Errorf("%s: the result has no key", e.Path)
	}
	if e.Read || slices.Contains(e.methods(), http.MethodDelete) {
		if err := e.Handle.in.readableFromQuery(); err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	if err := e.Handle.in.zeroIsAbsent(); err != nil {
		return fmt.Errorf("%s: %w", e.Path, err)
	}
	return nil
}

// Handler is an endpoint's function with what is known of its input and result types.
type Handler struct {
	in   *schema
	out  reflect.Type
	call func(ctx context.Context, in reflect.Value) (any, error)
	// stream replaces call for an endpoint that answers with events as they occur.
	stream func(ctx context.Context, in reflect.Value, s *Stream) error
}

// Func makes a Handler from a function. In is a struct whose fields carry json and rule tags (see
// schema); Out is what stands under the row's key, OK, a Page, or Fields.
func Func[In, Out any](f func(context.Context, In) (Out, error)) Handler {
	return Handler{
		in:  schemaOf(reflect.TypeFor[In]()),
		out: reflect.TypeFor[Out](),
		call: func(ctx context.Context, in reflect.Value) (any, error) {
			return f(ctx, in.Interface().(In))
		},
	}
}

// OK is the result of an endpoint that only says that it worked.
type OK struct{}

// Accepted is the result of an endpoint that answers with 202, and reports no more than that the
// request was accepted.
type Accepted struct{}

// NoContent is the result of an endpoint that answers with 204 and nothing else.
type NoContent struct{}

// None is the input of an endpoint without parameters.
type None struct{}

// Fields marks a result struct whose fields are themselves keys of the answer: embed it.
type Fields struct{}

func (Fields) fields() {}

func isFields(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[interface{ fields() }]())
}

// Doc is the stored JSON of a resource of type T, served as it stands.
type Doc[T any] []byte

// MarshalJSON returns the stored bytes.
func (d Doc[T]) MarshalJSON() ([]byte, error) { return d, nil }

func (Doc[T]) docType() reflect.Type { return reflect.TypeFor[T]() }

// Splice puts more fields, themselves a JSON object, into a stored doc: what is sealed of it.
func Splice[T any](doc, fields []byte) Doc[T] {
	out := make([]byte, 0, len(doc)+len(fields))
	out = append(append(out, doc[:len(doc)-1]...), ',')
	return append(out, fields[1:]...)
}
