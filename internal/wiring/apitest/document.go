package apitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"keyway/internal/platform/rpc"
)

// Document checks answers against the OpenAPI document that their server publishes.
type Document struct{ read func() (*openapi3.T, error) }

// NewDocument makes the Document of a server.
func NewDocument(s *rpc.Server) *Document {
	return &Document{sync.OnceValues(func() (*openapi3.T, error) {
		text, err := json.Marshal(s.OpenAPI("test"))
		if err != nil {
			return nil, err
		}
		return openapi3.NewLoader().LoadFromData(text)
	})}
}

// Check says how an answer departs from the document.
func (d *Document) Check(path string, status int, body []byte) error {
	doc, err := d.read()
	if err != nil {
		return err
	}
	path, _, _ = strings.Cut(path, "?")
	item := doc.Paths.Value(path)
	if item == nil || status == http.StatusNoContent {
		return nil
	}
	answer := item.Post.Responses.Value(strconv.Itoa(status))
	if answer == nil {
		answer = item.Post.Responses.Value("400") // all errors have the same form
	}
	media := answer.Value.Content["application/json"]
	if media == nil {
		return nil // a stream
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("%s: %w: %s", path, err, body)
	}
	if err := media.Schema.Value.VisitJSON(value, openapi3.MultiErrors()); err != nil {
		return fmt.Errorf("%s answers %d against its own document: %w", path, status, err)
	}
	return nil
}
