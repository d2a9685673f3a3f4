package rpc

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"keyway/internal/platform/fault"
)

// writeError answers with an error in the envelope. Anything that is not a *fault.Error is a bug or a
// failing database: it is logged here, once, and the caller learns only the request id.
func (s *Server) writeError(c *callState, err error) (status, size int) {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
	case errors.Is(err, context.Canceled):
		f = fault.New(fault.Unavailable, "The request was given up")
	case s.Unavailable != nil && s.Unavailable(err):
		s.Log.Error("the database is out of reach", "request_id", c.id, "error", err)
		f = fault.New(fault.Unavailable, "The server cannot read or write its data at the moment; try again (request id %s)", c.id)
	default:
		s.Log.Error("request failed", "request_id", c.id, "error", err)
		f = fault.New(fault.Internal, "Something went wrong on the server (request id %s)", c.id)
	}
	if c.changed != nil && isRepeated(f.Status()) && c.changed() {
		s.Log.Error("request failed after its change was stored, or may have been", "request_id", c.id, "error", err)
		f = fault.New(fault.OutcomeUnknown,
			"The change was stored, or may have been, but the answer could not be made: look before repeating it (request id %s)", c.id)
	}
	if status := f.Status(); s.Refused != nil && c.caller.CredentialID != "" &&
		(status == http.StatusUnauthorized || status == http.StatusForbidden) {
		s.Refused(Refusal{c.id, c.caller.CredentialID, c.caller.WorkspaceID, c.endpoint.Path, c.client.Address, f})
	}
	return WriteError(&c.w, f)
}

// isRepeated reports whether some clients automatically retry a request that is answered with this status.
func isRepeated(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}

// retryUnavailable is Retry-After of a 503, in seconds.
const retryUnavailable = 2

// WriteError writes the error envelope, for endpoints and for handlers beside them.
func WriteError(w http.ResponseWriter, f *fault.Error) (status, size int) {
	e := map[string]any{"type": f.Code, "message": f.Message}
	if f.Data != nil {
		e["data"] = f.Data
	}
	if f.Issues != nil {
		e["validation_errors"] = validationErrors(f.Issues)
	}
	body, err := marshal(map[string]any{"error": e, "ok": false})
	if err != nil {
		panic(err) // strings and maps of strings
	}
	if seconds, ok := f.Data["retry_after"].(int); ok {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	} else if f.Status() == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryUnavailable))
	}
	return f.Status(), writeBody(w, f.Status(), jsonType, hideCredentials(body))
}

// looksSecret is what looks like a token, a cookie, a webhook's secret, a JWT or a one-time link.
var looksSecret = regexp.MustCompile(`(?:seam_[0-9A-Za-z]{4,}|session)_[0-9A-Za-z]{20,}|whsec_[0-9A-Za-z+/=]{16,}|ey[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|[0-9a-f]{8}-[0-9a-f-]{27}_[0-9A-Za-z]{32}`)

// hideCredentials reduces credentials to their visible part: what a client sent in a wrong place is repeated
// in the answer, and from there gets into the client's logs.
func hideCredentials(body []byte) []byte {
	return looksSecret.ReplaceAllFunc(body, func(found []byte) []byte {
		end := bytes.LastIndexAny(found, "_.")
		if bytes.HasPrefix(found, []byte("ey")) {
			end = 1
		}
		return append(bytes.Clone(found[:end+1]), "…"...)
	})
}

// issueNode is what is wrong with one parameter and with what is inside it.
type issueNode struct {
	errors  []string
	members map[string]*issueNode
}

// errorsKey is where the contract lists what is wrong with a parameter itself, beside the names of its members.
const errorsKey = "_errors"

// validationErrors nests issues by parameter, as the contract has it. What is wrong with a member that has the list's
// own name is listed one level above.
func validationErrors(issues []fault.Issue) *issueNode {
	root := &issueNode{}
	for _, is := range issues {
		at := root
		for _, name := range is.Path {
			if name == errorsKey {
				break
			}
			next := at.members[name]
			if next == nil {
				next = &issueNode{}
				if at.members == nil {
					at.members = map[string]*issueNode{}
				}
				at.members[name] = next
			}
			at = next
		}
		at.errors = append(at.errors, is.Message)
	}
	return root
}

// MarshalJSON writes the node as the contract has it.
func (n *issueNode) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(n.members)+1)
	for name, m := range n.members {
		out[name] = m
	}
	out[errorsKey] = append([]string{}, n.errors...)
	return marshal(out)
}
