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
	Unauthorized             Code = "unauthorized"
	Forbidden                Code = "forbidden"
	NotFound                 Code = "not_found"
	WorkspaceNotFound        Code = "workspace_not_found"
	DeviceNotFound           Code = "device_not_found"
	ConnectedAccountNotFound Code = "connected_account_not_found"
	ActionAttemptNotFound    Code = "action_attempt_not_found"
	EventNotFound            Code = "event_not_found"
	TokenNotFound            Code = "personal_access_token_not_found"
	APIKeyNotFound           Code = "api_key_not_found"
	WorkspaceKeyNotFound     Code = "workspace_key_not_found"
	UserNotFound             Code = "user_not_found"
	MemberNotFound           Code = "member_not_found"
	InvitationNotFound       Code = "invitation_not_found"
	MethodNotAllowed         Code = "method_not_allowed"
	PayloadTooLarge          Code = "payload_too_large"
	TooManyRequests          Code = "too_many_requests"
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
	Unauthorized:             401,
	Forbidden:                403,
	NotFound:                 404,
	WorkspaceNotFound:        404,
	DeviceNotFound:           404,
	ConnectedAccountNotFound: 404,
	ActionAttemptNotFound:    404,
	EventNotFound:            404,
	TokenNotFound:            404,
	APIKeyNotFound:           404,
	WorkspaceKeyNotFound:     404,
	UserNotFound:             404,
	MemberNotFound:           404,
	InvitationNotFound:       404,
	MethodNotAllowed:         405,
	PayloadTooLarge:          413,
	TooManyRequests:          429,
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

// Missing is the answer for a resource that does not exist or that the caller must not see. It
// does not repeat the id, so that a foreign id and a random one answer alike.
func Missing(code Code) *Error {
	name := strings.ReplaceAll(strings.TrimSuffix(string(code), "_not_found"), "_", " ")
	return &Error{Code: code, Message: strings.ToUpper(name[:1]) + name[1:] + " not found"}
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
