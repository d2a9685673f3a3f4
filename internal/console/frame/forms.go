package frame

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"keyway/internal/platform/fault"
)

// field reads pairs of a name and a value into a Field, so that a template can name what it sets.
func field(pairs ...any) (Field, error) {
	f := Field{Type: "text"}
	for i := 0; i+1 < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		value := pairs[i+1]
		var ok bool
		switch key {
		case "id":
			f.ID, ok = value.(string)
		case "name":
			f.Name, ok = value.(string)
		case "label":
			f.Label, ok = value.(string)
		case "type":
			f.Type, ok = value.(string)
		case "value":
			f.Value, ok = value.(string)
		case "hint":
			f.Hint, ok = value.(string)
		case "error":
			f.Error, ok = value.(string)
		case "placeholder":
			f.Placeholder, ok = value.(string)
		case "autocomplete":
			f.Autocomplete, ok = value.(string)
		case "required":
			f.Required, ok = value.(bool)
		case "autofocus":
			f.Autofocus, ok = value.(bool)
		case "minlength":
			f.MinLength, ok = value.(int)
		case "maxlength":
			f.MaxLength, ok = value.(int)
		case "min":
			f.Min, ok = value.(string)
		case "max":
			f.Max, ok = value.(string)
		case "match":
			f.Match, ok = value.(string)
		default:
			return f, fmt.Errorf("field: unknown name %q", key)
		}
		if !ok {
			return f, fmt.Errorf("field: %s cannot be %T", key, value)
		}
	}
	if f.ID == "" || f.Name == "" || f.Label == "" || len(pairs)%2 != 0 {
		return f, fmt.Errorf("field: id, name and label are needed, each with a value")
	}
	return f, nil
}

// FieldErrors turns what the rules refuse into messages beside the fields. ok is false for an error
// that no field can fix.
func FieldErrors(err error) (errs FormErrors, ok bool) {
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
			errs[name] = Plainly(issue.Message)
		}
	}
	if len(f.Issues) == 0 {
		errs[""] = Sentence(f.Message)
	}
	return errs, true
}

// OnlyFields moves messages for what the form does not show to the form as a whole.
func (e FormErrors) OnlyFields(names ...string) FormErrors {
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

// Plainly says for people what the contract's messages say for programs.
func Plainly(message string) string {
	if m := lengthMessage.FindStringSubmatch(message); m != nil {
		switch {
		case m[1] == "least" && m[2] == "1":
			return "Required."
		case m[1] == "least":
			return "Use at least " + m[2] + " characters."
		default:
			return "Use at most " + m[2] + " characters."
		}
	}
	switch message {
	case "Required":
		return "Required."
	case "Invalid email":
		return "Enter a valid email address."
	case "Invalid url":
		return "Enter a URL like https://app.example.com/."
	case "The time must be after starts_at":
		return "The end must be after the start."
	}
	return Sentence(message)
}

// Sentence ends a text of the API as a sentence, for people.
func Sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") || strings.HasSuffix(text, "!") {
		return text
	}
	return text + "."
}

// FormErrors contains a message for each field that must be corrected, by the field's name. The
// empty name is the form as a whole.
type FormErrors map[string]string

// Form returns the message for the form as a whole.
func (e FormErrors) Form() string { return e[""] }

// Field is one labelled input of a form.
type Field struct {
	ID           string
	Name         string
	Label        string
	Type         string
	Value        string
	Hint         string
	Error        string
	Placeholder  string
	Autocomplete string
	Required     bool
	Autofocus    bool
	MinLength    int
	MaxLength    int
	Min, Max     string
	Match        string // the submit button is off until the value is this
}

// Copyable is a value with a button that copies it.
type Copyable struct {
	What  string // what is copied, for screen readers
	Value string
}
