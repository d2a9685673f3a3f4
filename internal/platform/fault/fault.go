// Package fault holds the error kinds that a caller of the API can meet: one list of codes, each
// with its HTTP status. Everything else that goes wrong is an ordinary error and becomes a 500.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code is error.type of an error answer (API contract §3.2).
type Code string

// The codes that Keyway answers with.
const (
	InvalidInput             Code = "invalid_input"
	InvalidRequest           Code = "invalid_request"
	MismatchedPageParameters Code = "mismatched_page_parameters"
	WorkspaceNotSandbox      Code = "workspace_not_sandbox"
	DeviceManaged            Code = "device_managed"
	DeviceUnmanaged          Code = "device_unmanaged"
	SessionAlreadyExists     Code = "client_session_token_already_exists" // create with POST for a user who has one; PUT gives it
	InvalidClientSession     Code = "invalid_client_session_token"        // a client session header that holds something else
	NotSupported             Code = "not_supported"                       // the device, brand or account cannot do this
	CustomerConflict         Code = "customer_key_conflict"               // the account is another customer's already
	Unauthorized             Code = "unauthorized"
	ClientSessionRevoked     Code = "client_session_revoked"
	ClientSessionExpired     Code = "client_session_expired"
	InvalidPublishableKey    Code = "invalid_publishable_key" // unknown, or its workspace takes none
	UserIdentifierKeyMissing Code = "publishable_key_requires_user_identifier_key"
	SessionMustBeEmpty       Code = "publishable_keys_must_create_empty_client_sessions"
	Forbidden                Code = "forbidden"
	NotFound                 Code = "not_found"
	WorkspaceNotFound        Code = "workspace_not_found"
	DeviceNotFound           Code = "device_not_found"
	AccessCodeNotFound       Code = "access_code_not_found"
	AccessCodeNotTimeBound   Code = "access_code_not_time_bound"
	DuplicateAccessCode      Code = "duplicate_access_code" // another code on the lock has the PIN in some of the same time
	NoBackupAccessCode       Code = "no_backup_access_code_available"
	ManagedElsewhere         Code = "access_code_managed_by_another_workspace" // it is taken over with force
	DeviceOffline            Code = "device_offline"
	ConnectedAccountNotFound Code = "connected_account_not_found"
	ConnectWebviewNotFound   Code = "connect_webview_not_found"
	ClientSessionNotFound    Code = "client_session_not_found" // 401 where it is the credential: see Unknown
	ActionAttemptNotFound    Code = "action_attempt_not_found"
	EventNotFound            Code = "event_not_found"
	WebhookNotFound          Code = "webhook_not_found"
	WebhookAttemptNotFound   Code = "webhook_attempt_not_found"
	WebhookDisabled          Code = "webhook_disabled"
	InvalidEventTypes        Code = "invalid_event_types"
	TokenNotFound            Code = "personal_access_token_not_found"
	APIKeyNotFound           Code = "api_key_not_found"
	WorkspaceKeyNotFound     Code = "workspace_key_not_found"
	UserNotFound             Code = "user_not_found"
	UserIdentityNotFound     Code = "user_identity_not_found"
	MemberNotFound           Code = "member_not_found"
	InvitationNotFound       Code = "invitation_not_found"
	ConsoleSessionNotFound   Code = "console_session_not_found"
	MethodNotAllowed         Code = "method_not_allowed"
	PayloadTooLarge          Code = "payload_too_large"
	TooManyRequests          Code = "too_many_requests"
	OutcomeUnknown           Code = "outcome_unknown" // the change was stored, or may have been, and its answer could not be made
	Internal                 Code = "internal_error"
	Unavailable              Code = "service_unavailable"
)

// statuses is the one place where a code gets its HTTP status.
var statuses = map[Code]int{
	InvalidInput:             400,
	InvalidRequest:           400,
	MismatchedPageParameters: 400,
	WorkspaceNotSandbox:      400,
	DeviceManaged:            400,
	DeviceUnmanaged:          400,
	SessionAlreadyExists:     400,
	InvalidClientSession:     400,
	NotSupported:             400,
	CustomerConflict:         400,
	Unauthorized:             401,
	ClientSessionRevoked:     401,
	ClientSessionExpired:     401,
	InvalidPublishableKey:    401,
	UserIdentifierKeyMissing: 401,
	SessionMustBeEmpty:       403,
	Forbidden:                403,
	NotFound:                 404,
	WorkspaceNotFound:        404,
	DeviceNotFound:           404,
	AccessCodeNotFound:       404,
	AccessCodeNotTimeBound:   400,
	DuplicateAccessCode:      400, // not 409, which some clients send again
	NoBackupAccessCode:       400,
	ManagedElsewhere:         400,
	DeviceOffline:            400,
	ConnectedAccountNotFound: 404,
	ConnectWebviewNotFound:   404,
	ClientSessionNotFound:    404,
	ActionAttemptNotFound:    404,
	EventNotFound:            404,
	WebhookNotFound:          404,
	WebhookAttemptNotFound:   404,
	WebhookDisabled:          400,
	InvalidEventTypes:        400,
	TokenNotFound:            404,
	APIKeyNotFound:           404,
	WorkspaceKeyNotFound:     404,
	UserNotFound:             404,
	UserIdentityNotFound:     404,
	MemberNotFound:           404,
	InvitationNotFound:       404,
	ConsoleSessionNotFound:   404,
	MethodNotAllowed:         405,
	PayloadTooLarge:          413,
	TooManyRequests:          429,
	OutcomeUnknown:           424, // not 408, 409, 429 or 5xx: clients repeat those
	Internal:                 500,
	Unavailable:              503,
}

// Status is the HTTP status of the code; 500 for a code that is not in the list.
func (c Code) Status() int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return 500
}

// Error is a failure that the caller is told of, word for word. It never holds a secret, nor an
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

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// New makes an Error with a formatted message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Reason makes an Error whose error.data.reason tells a program why, beside the message for people.
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
// does not repeat the id, so that a foreign id and a random one answer alike.
func Missing(code Code) *Error {
	name := strings.ReplaceAll(strings.TrimSuffix(string(code), "_not_found"), "_", " ")
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

// InvalidAll is an InvalidInput that tells all that is wrong with a request at once, with the
// message in the contract's form.
func InvalidAll(issues []Issue) *Error {
	texts := make([]string, len(issues))
	for i, is := range issues {
		texts[i] = is.text()
	}
	msg := strings.Join(texts, ", ")
	if len(issues) > 1 {
		msg = fmt.Sprintf("%d Input Errors: %s", len(issues), msg)
	}
	return &Error{Code: InvalidInput, Message: msg, Issues: issues}
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
