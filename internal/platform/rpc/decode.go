package rpc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/label"
)

const (
	maxDepth  = 64              // of nested objects and arrays in a body
	maxIssues = fault.MaxIssues // listed in a refusal
	maxQuoted = 100             // characters of a value that a refusal repeats
)

// decoding collects what is wrong with a request, as far as it is listed, and counts unknown parameters.
type decoding struct {
	issues  []fault.Issue
	unknown int
	texts   bool // single values are strings, as in a query
	// listed are the schemas whose values a refusal lists already: a list of values is named once, not for each element.
	listed map[*schema]bool
}

func (d *decoding) fail(path []string, format string, args ...any) {
	if !d.full() {
		d.issues = append(d.issues, fault.Issue{Path: slices.Clone(path), Message: fmt.Sprintf(format, args...)})
	}
}

// full reports that no more issues need to be found: there is one more than are listed.
func (d *decoding) full() bool { return len(d.issues) > maxIssues }

// refusal is the error for what was found, nil for nothing.
func (d *decoding) refusal() error {
	if len(d.issues) == 0 {
		return nil
	}
	return fault.InvalidAll(d.issues)
}

// newReader reads a body that is known to be valid.
func newReader(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// fromJSON decodes a body. An empty body and null are an empty object: SDKs send all three. It returns
// invalid_request for a body that is not JSON in UTF-8 or is nested too deeply.
func (s *schema) fromJSON(body []byte, d *decoding) (reflect.Value, error) {
	v := reflect.New(s.goType).Elem()
	body = bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark))
	if len(body) == 0 || string(body) == "null" {
		body = []byte("{}")
	}
	if err := checkJSON(body, d); err != nil {
		return v, err
	}
	if len(d.issues) == 0 {
		s.set(v, newReader(body), nil, d)
	}
	return v, nil
}

// checkJSON checks the body as a whole, in one pass and without keeping any of it.
func checkJSON(body []byte, d *decoding) error {
	if depth(body) > maxDepth {
		return fault.New(fault.InvalidRequest, "The body is nested more than %d levels deep", maxDepth)
	}
	if jsontext.Value(body).IsValid() {
		return nil
	}
	if !utf8.Valid(body) || jsontext.Value(body).IsValid(jsontext.AllowInvalidUTF8(true)) {
		return fault.New(fault.InvalidRequest, "The body is not UTF-8")
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	_, err := dec.ReadValue()
	var wrong *jsontext.SyntacticError
	if errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &wrong) &&
		jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) {
		var path []string
		for name := range wrong.JSONPointer.Tokens() {
			path = append(path, name)
		}
		d.fail(path, "Sent more than once")
		return nil
	}
	return fault.New(fault.InvalidRequest, "The body is not valid JSON")
}

// depth is how deeply the objects and arrays of a text are nested, counted without a stack.
func depth(text []byte) (deepest int) {
	level, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// kindsByToken are the names of what a JSON value begins with.
var kindsByToken = map[jsontext.Kind]string{'n': "null", 't': "boolean", 'f': "boolean", '"': "string", '0': "number", '[': "array",
	'{': "object"}

// set reads the next JSON value into v. Once the refusal is full it reads no further.
func (s *schema) set(v reflect.Value, dec *jsontext.Decoder, path []string, d *decoding) {
	received := dec.PeekKind()
	if s.opt {
		v.Field(0).SetBool(true)
		if received == 'n' && s.null {
			v.Field(1).SetBool(true)
			skip(dec)
			return
		}
		v = v.Field(2)
	}
	if received == 'n' && s.null {
		skip(dec)
		return
	}
	if s.ptr {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if !s.accepts(received, d.texts) {
		d.fail(path, "Expected %s, received %s", kindNames[s.kind], kindsByToken[received])
		skip(dec)
		return
	}
	switch s.kind {
	case anyKind:
		setAny(v, read(dec), path, d)
	case arrayKind:
		s.setArray(v, dec, path, d)
	case mapKind:
		s.setMap(v, dec, path, d)
	case objectKind:
		s.setObject(v, dec, path, d)
	default:
		s.setScalar(v, read(dec), path, d)
	}
}

// accepts reports whether a value of this kind of JSON may be read; inQuery, single values are strings.
func (s *schema) accepts(k jsontext.Kind, inQuery bool) bool {
	switch s.kind {
	case anyKind:
		return true
	case stringKind, timeKind:
		return k == '"'
	case boolKind:
		return k == 't' || k == 'f' || inQuery && k == '"'
	case numberKind, integerKind:
		return k == '0' || inQuery && k == '"'
	case arrayKind:
		return k == '['
	}
	return k == '{'
}

func (s *schema) setScalar(v reflect.Value, raw jsontext.Value, path []string, d *decoding) {
	text := string(raw)
	if raw.Kind() == '"' {
		text = unquote(raw)
	}
	switch s.kind {
	case stringKind:
		s.setString(v, text, path, d)
	case timeKind:
		s.setTime(v, text, d.texts, path, d)
	case boolKind:
		if text != "true" && text != "false" {
			d.fail(path, "Expected boolean, received string")
		}
		v.SetBool(text == "true")
	default:
		s.setNumber(v, text, path, d)
	}
}

func (s *schema) setArray(v reflect.Value, dec *jsontext.Decoder, path []string, d *decoding) {
	skipToken(dec)
	out := reflect.MakeSlice(v.Type(), 0, 0)
	most := s.most()
	for n := 0; dec.PeekKind() != ']'; n++ {
		if n == most {
			d.fail(path, "Array must contain at most %d element(s)", most)
			finish(dec)
			return
		}
		e := reflect.New(v.Type().Elem()).Elem()
		s.elem.set(e, dec, append(path, strconv.Itoa(n)), d)
		if d.full() {
			return
		}
		out = reflect.Append(out, e)
	}
	skipToken(dec)
	if least := s.least(); out.Len() < least {
		d.fail(path, "Array must contain at least %d element(s)", least)
	}
	v.Set(out)
}

func (s *schema) setMap(v reflect.Value, dec *jsontext.Decoder, path []string, d *decoding) {
	skipToken(dec)
	out := reflect.MakeMap(v.Type())
	most := s.most()
	for n := 0; dec.PeekKind() != '}'; n++ {
		if n == most {
			d.fail(path, "Object must contain at most %d key(s)", most)
			finish(dec)
			return
		}
		key := unquote(read(dec))
		if utf8.RuneCountInString(key) > maxKey {
			d.fail(path, "A key must contain at most %d character(s)", maxKey)
			skip(dec)
		} else {
			e := reflect.New(v.Type().Elem()).Elem()
			s.elem.set(e, dec, append(path, key), d)
			out.SetMapIndex(reflect.ValueOf(key), e)
		}
		if d.full() {
			return
		}
	}
	skipToken(dec)
	v.Set(out)
}

func (s *schema) setObject(v reflect.Value, dec *jsontext.Decoder, path []string, d *decoding) {
	skipToken(dec)
	before := len(d.issues)
	seen := make([]bool, len(s.fields))
	for dec.PeekKind() != '}' {
		name := unquote(read(dec))
		i := s.position(name)
		if i < 0 {
			d.unknown++
			skip(dec)
			continue
		}
		seen[i] = true
		f := &s.fields[i]
		f.schema.set(v.FieldByIndex(f.index), dec, append(path, name), d)
		if d.full() {
			return
		}
	}
	skipToken(dec)
	for i, f := range s.fields {
		if f.required && !seen[i] {
			d.fail(append(path, f.name), "Required")
		}
	}
	// In the order of the parameters, whatever that of the body is.
	slices.SortStableFunc(d.issues[before:], func(a, b fault.Issue) int {
		return cmp.Compare(s.position(a.Path[len(path)]), s.position(b.Path[len(path)]))
	})
}

// position is the place of a parameter among the fields, -1 for an unknown one.
func (s *schema) position(name string) int {
	return slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
}

// The body was found to be valid before it is read.

func read(dec *jsontext.Decoder) jsontext.Value {
	v, err := dec.ReadValue()
	if err != nil {
		panic(err)
	}
	return v
}

func skip(dec *jsontext.Decoder) {
	if err := dec.SkipValue(); err != nil {
		panic(err)
	}
}

func skipToken(dec *jsontext.Decoder) {
	if _, err := dec.ReadToken(); err != nil && !errors.Is(err, io.EOF) {
		panic(err)
	}
}

// finish leaves the array or object that the decoder is in, looking at no more of it.
func finish(dec *jsontext.Decoder) {
	for outer := dec.StackDepth() - 1; dec.StackDepth() > outer; {
		if k := dec.PeekKind(); k == ']' || k == '}' {
			skipToken(dec)
		} else {
			skip(dec)
		}
	}
}

func unquote(raw jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// setAny reads a value whose type the machine does not know, in the forms of encoding/json.
func setAny(v reflect.Value, raw jsontext.Value, path []string, d *decoding) {
	if len(path) > 0 { // the body as a whole has a bound of its own
		switch {
		case raw.Kind() == '"' && utf8.RuneCount(raw) > maxText:
			if n := utf8.RuneCountInString(unquote(raw)); n > maxText {
				d.fail(path, "String must contain at most %d character(s)", maxText)
				return
			}
		case len(raw) > maxFree:
			d.fail(path, "The value must have at most %d bytes", maxFree)
			return
		}
	}
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		v.SetBytes(bytes.Clone(raw))
		return
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		panic(err)
	}
	if value != nil {
		v.Set(reflect.ValueOf(value))
	}
}

func (s *schema) setString(v reflect.Value, in string, path []string, d *decoding) {
	n := utf8.RuneCountInString(in)
	if s.bounds&1 == 0 && strings.TrimSpace(in) == "" {
		n = 0 // blanks alone stand for nothing
	}
	switch least, most := s.least(), s.most(); {
	case s.enum != nil && !slices.Contains(s.enum, in):
		s.failEnum(in, path, d)
	case n < least:
		d.fail(path, "String must contain at least %d character(s)", least)
	case n > most:
		d.fail(path, "String must contain at most %d character(s)", most)
	case s.name && in != "" && !label.Visible(in):
		d.fail(path, "String must contain at least 1 visible character(s)")
	case s.id:
		v.SetString(CanonicalID(in))
	default:
		v.SetString(in)
	}
}

// failEnum names the values once in a refusal, however many elements have none of them.
func (s *schema) failEnum(in string, path []string, d *decoding) {
	in = shorten(in)
	if d.listed[s] {
		d.fail(path, "Invalid enum value, received '%s'", in)
		return
	}
	if d.listed == nil {
		d.listed = map[*schema]bool{}
	}
	d.listed[s] = true
	d.fail(path, "Invalid enum value. Expected '%s', received '%s'", strings.Join(s.enum, "' | '"), in)
}

// shorten keeps of a text as much as a refusal repeats.
func shorten(text string) string {
	if utf8.RuneCountInString(text) > maxQuoted {
		return string([]rune(text)[:maxQuoted]) + "…"
	}
	return text
}

func (s *schema) setNumber(v reflect.Value, in string, path []string, d *decoding) {
	n, err := strconv.ParseFloat(in, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		d.fail(path, "Expected number, received nan")
		return
	}
	if s.bounds&1 != 0 && n < s.min {
		d.fail(path, "Number must be greater than or equal to %v", s.min)
	}
	if s.bounds&2 != 0 && n > s.max {
		d.fail(path, "Number must be less than or equal to %v", s.max)
	}
	if s.kind == numberKind {
		v.SetFloat(n)
		return
	}
	if n != math.Trunc(n) {
		d.fail(path, "Expected integer, received float")
		return
	}
	if math.Abs(n) > 1<<53 {
		d.fail(path, "Number must be less than or equal to %d", int64(1)<<53)
		return
	}
	v.SetInt(int64(n))
}

// CanonicalID writes a UUID in small letters, since it is a number whose case means nothing. Other ids stay as they are.
func CanonicalID(id string) string {
	if len(id) != 36 {
		return id
	}
	for i := range len(id) {
		switch c := id[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return id
			}
		case !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'):
			return id
		}
	}
	return strings.ToLower(id)
}

// The years that a time may be in. Zero dates, which some languages send for a date that was never set, are before.
const (
	firstYear = 1900
	lastYear  = 9999
)

func (s *schema) setTime(v reflect.Value, in string, inQuery bool, path []string, d *decoding) {
	t, ok := ParseTime(in)
	if !ok && inQuery { // an unescaped + arrives as a space
		if i := strings.LastIndexByte(in, ' '); i > 0 {
			t, ok = ParseTime(in[:i] + "+" + in[i+1:])
		}
	}
	switch {
	case !ok:
		d.fail(path, "Invalid datetime. Expected ISO 8601: %s", TimeForms)
	case t.Year() < firstYear || t.Year() > lastYear:
		d.fail(path, "Date must be between the years %d and %d", firstYear, lastYear)
	default:
		if s.end && isDate(in) {
			t = t.AddDate(0, 0, 1).Add(-time.Second)
		}
		v.Set(reflect.ValueOf(t))
	}
}

// isDate reports whether the text of a time is a date alone.
func isDate(text string) bool {
	text = strings.TrimSpace(text)
	return len(text) == len("2006-01-02") && text[4] == '-' || len(text) == len("20060102")
}

// TimeForms names forms of a time that ParseTime reads, for refusals.
const TimeForms = "2027-01-01T10:00:00Z, 2027-01-01T10:00:00+01:00, 2027-01-01 10:00:00 +0100, or 2027-01-01 for that day in UTC"

// timeForms are the layouts that are read after the space or t between date and time was made a T and the space before
// an offset was taken away; without an offset the time is in UTC. Fractions of a second are read in all of them.
var timeForms = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700", "2006-01-02T15:04",
	"20060102T150405Z0700", "20060102T150405Z07:00", "20060102T150405", "2006-01-02", "20060102",
}

// otherForms are the layouts of HTTP dates and of JavaScript's Date when it is converted to text implicitly.
var otherForms = []string{"Mon, 02 Jan 2006 15:04:05 GMT", time.RFC1123Z, "Mon Jan 02 2006 15:04:05 GMT-0700"}

// ParseTime reads a time in the forms in which languages write theirs, and returns it in UTC.
func ParseTime(text string) (time.Time, bool) {
	if len(text) > maxQuoted {
		return time.Time{}, false
	}
	text = strings.TrimSpace(text)
	if before, _, ok := strings.Cut(text, "["); ok && strings.HasSuffix(text, "]") { // Java: …+01:00[Europe/Berlin]
		text = before
	}
	for _, form := range otherForms {
		words := text
		if before, _, ok := strings.Cut(text, " ("); ok { // JavaScript: … (Central European Time)
			words = before
		}
		if t, err := time.Parse(form, words); err == nil {
			return t.UTC(), true
		}
	}
	text = strings.ToUpper(text)
	if day := len(time.DateOnly); len(text) > day && text[day] == ' ' {
		text = text[:day] + "T" + text[day+1:]
	}
	if offset, zone, ok := strings.Cut(text, " "); ok { // Ruby: … +0000 or UTC; Go: … +0000 UTC
		zone = strings.TrimSuffix(strings.TrimSuffix(zone, " UTC"), " GMT")
		switch zone {
		case "UTC", "GMT", "Z":
			zone = "Z"
		}
		text = offset + zone
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
