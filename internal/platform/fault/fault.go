// Package fault contains the error kinds that a caller of the API can meet: one list of codes, each
// with its HTTP status. Everything else that goes wrong is an ordinary error and becomes a 500.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code is error.type of an error answer (API contract §3.2), with the HTTP status that goes with it.
type Code struct {
	name   string
	status int
}

func (c Code) String() string { return c.name }

// Status is the HTTP status of the code; 500 for a code that is not in the list.
func (c Code) Status() int {
	if c.status == 0 {
		return 500
	}
	return c.status
}

// MarshalText writes the code's name.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.name), nil }

// UnmarshalText reads the code of another server's answer, which may be none of ours: so it has no status of its own.
func (c *Code) UnmarshalText(name []byte) error {
	*c = Code{name: string(name)}
	return nil
}

// The codes that Keyway answers with.
var (
	InvalidInput             = Code{"invalid_input", 400}
	InvalidRequest           = Code{"invalid_request", 400}
	MismatchedPageParameters = Code{"mismatched_page_parameters", 400}
	WorkspaceNotSandbox      = Code{"workspace_not_sandbox", 400}
	DeviceManaged            = Code{"device_managed", 400}
	DeviceUnmanaged          = Code{"device_unmanaged", 400}
	SessionAlreadyExists     = Code{"client_session_token_already_exists", 400} // create with POST for a user who has one; PUT gives it
	InvalidClientSession     = Code{"invalid_client_session_token", 400}        // a client session header that contains something else
	// another code on the lock has the PIN in some of the same time; not 409, which some clients send again
	DuplicateAccessCode      = Code{"duplicate_access_code", 400}
	NotSupported             = Code{"not_supported", 400}         // the device, brand or account cannot do this
	CustomerConflict         = Code{"customer_key_conflict", 400} // the account is another customer's already
	Unauthorized             = Code{"unauthorized", 401}
	ClientSessionRevoked     = Code{"client_session_revoked", 401}
	ClientSessionExpired     = Code{"client_session_expired", 401}
	InvalidPublishableKey    = Code{"invalid_publishable_key", 401} // unknown, or its workspace takes none
	UserIdentifierKeyMissing = Code{"publishable_key_requires_user_identifier_key", 401}
	SessionMustBeEmpty       = Code{"publishable_keys_must_create_empty_client_sessions", 403}
	Forbidden                = Code{"forbidden", 403}
	NotFound                 = Code{"not_found", 404}
	WorkspaceNotFound        = Code{"workspace_not_found", 404}
	DeviceNotFound           = Code{"device_not_found", 404}
	AccessCodeNotFound       = Code{"access_code_not_found", 404}
	AccessCodeNotTimeBound   = Code{"access_code_not_time_bound", 400}
	NoBackupAccessCode       = Code{"no_backup_access_code_available", 400}
	ManagedElsewhere         = Code{"access_code_managed_by_another_workspace", 400} // it is taken over with force
	DeviceOffline            = Code{"device_offline", 400}
	ConnectedAccountNotFound = Code{"connected_account_not_found", 404}
	ConnectWebviewNotFound   = Code{"connect_webview_not_found", 404}
	ClientSessionNotFound    = Code{"client_session_not_found", 404} // 401 where it is the credential: see Unknown
	ActionAttemptNotFound    = Code{"action_attempt_not_found", 404}
	EventNotFound            = Code{"event_not_found", 404}
	WebhookNotFound          = Code{"webhook_not_found", 404}
	WebhookAttemptNotFound   = Code{"webhook_attempt_not_found", 404}
	WebhookDisabled          = Code{"webhook_disabled", 400}
	InvalidEventTypes        = Code{"invalid_event_types", 400}
	TokenNotFound            = Code{"personal_access_token_not_found", 404}
	APIKeyNotFound           = Code{"api_key_not_found", 404}
	WorkspaceKeyNotFound     = Code{"workspace_key_not_found", 404}
	UserNotFound             = Code{"user_not_found", 404}
	UserIdentityNotFound     = Code{"user_identity_not_found", 404}
	MemberNotFound           = Code{"member_not_found", 404}
	InvitationNotFound       = Code{"invitation_not_found", 404}
	ConsoleSessionNotFound   = Code{"console_session_not_found", 404}
	MethodNotAllowed         = Code{"method_not_allowed", 405}
	PayloadTooLarge          = Code{"payload_too_large", 413}
	TooManyRequests          = Code{"too_many_requests", 429}
	// the change was stored, or may have been, and its answer could not be made; clients repeat 408, 409, 429 and 5xx
	OutcomeUnknown = Code{"outcome_unknown", 424}
	Internal       = Code{"internal_error", 500}
	Unavailable    = Code{"service_unavailable", 503}
)

// Error is a failure that the caller gets, word for word. It never contains a secret, nor an
// id that the caller sent.
type Error struct {
	Code    Code
	Message string
	Data    map[string]any // error.data; nil leaves it out
	Issues  []Issue        // validation_errors; only with InvalidInput
	status  int            // where it is not the code's own
}

// Status is the HTTP status that the error is answered with.
func (e *Error) Status() int {
	if e.status != 0 {
		return e.status
	}
	return e.Code.Status()
}

// Issue is what is wrong with one parameter.
type Issue struct {
	Path    []string // from the outermost parameter inwards; empty for the body as a whole
	Message string
}

func (e *Error) Error() string { return e.Code.name + ": " + e.Message }

// New makes an Error with a formatted message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: cut(fmt.Sprintf(format, args...), maxMessage)}
}

// Reason makes an Error whose error.data.reason says to a program why, beside the message for people.
func Reason(code Code, reason, format string, args ...any) *Error {
	e := New(code, format, args...)
	e.Data = map[string]any{"reason": reason}
	return e
}

// ReasonOf is the error.data.reason of an Error; empty for one without, and for other errors.
func ReasonOf(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	reason, _ := e.Data["reason"].(string)
	return reason
}

// Missing is the answer for a resource that does not exist or that the caller must not see. It
// does not repeat the id, so that a foreign id and a random one get the same answer.
func Missing(code Code) *Error {
	name := strings.ReplaceAll(strings.TrimSuffix(code.name, "_not_found"), "_", " ")
	return &Error{Code: code, Message: strings.ToUpper(name[:1]) + name[1:] + " not found"}
}

// Unknown is the answer to a credential that does not exist: a _not_found code with status 401, as
// the contract has it for client sessions.
func Unknown(code Code) *Error {
	e := Missing(code)
	e.status = 401
	return e
}

// Invalid is an InvalidInput about one parameter.
func Invalid(param, format string, args ...any) *Error {
	return InvalidAll([]Issue{{Path: strings.Split(param, "."), Message: fmt.Sprintf(format, args...)}})
}

// The bounds of a refusal, whatever was sent.
const (
	MaxIssues  = 20      // issues that are listed
	maxMessage = 6 << 10 // bytes of one issue's message
	maxListed  = 16 << 10
	maxName    = 200 // bytes of a name in an issue's path
	maxNames   = 16  // names in an issue's path
)

// InvalidAll is an InvalidInput that lists what is wrong with a request, with the message in the contract's form. It
// lists at most MaxIssues, and as many as fit, and then says that there is more.
func InvalidAll(issues []Issue) *Error {
	var texts []string
	var listed []Issue
	size := 0
	for _, is := range issues {
		is = is.bounded()
		text := is.text()
		if size += len(text); len(listed) == MaxIssues || len(listed) > 0 && size > maxListed {
			break
		}
		texts, listed = append(texts, text), append(listed, is)
	}
	msg := strings.Join(texts, ", ")
	if len(listed) < len(issues) {
		msg += ", and more"
	}
	if len(issues) > 1 {
		msg = fmt.Sprintf("%d Input Errors: %s", len(listed), msg)
	}
	return &Error{Code: InvalidInput, Message: msg, Issues: listed}
}

// bounded is the issue with as much of its texts as a refusal repeats.
func (i Issue) bounded() Issue {
	out := Issue{Message: cut(i.Message, maxMessage)}
	for n, name := range i.Path {
		if n == maxNames {
			out.Path = append(out.Path, "…")
			break
		}
		out.Path = append(out.Path, cut(name, maxName))
	}
	return out
}

// cut shortens a text to at most so many bytes, at the end of a character.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xc0 == 0x80 {
		most--
	}
	return text[:most] + "…"
}

func (i Issue) text() string {
	path := strings.Join(i.Path, ".")
	switch {
	case path == "":
		return i.Message
	case i.Message == "Required":
		return path + " is required"
	}
	return fmt.Sprintf("%s for %q", i.Message, path)
}

// Is reports whether err is, or wraps, an Error with the code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
