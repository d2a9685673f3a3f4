package rpc

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// secretNames are the fields of answers that contain secrets: tokens, secrets of webhooks, PINs, second factors. Another
// field says so by the tag secret:"true".
var secretNames = []string{"token", "secret", "code", "pin", "password", "recovery_codes", "personal_access_token", "workspace_key"}

// mayHoldSecret reports whether a value of the type can contain a secret, as its fields' names and tags say. Values that
// can be anything can be one, except what users keep beside their things (tag secret:"false").
func mayHoldSecret(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	zero := reflect.Zero(t).Interface()
	if doc, ok := zero.(interface{ docType() reflect.Type }); ok {
		return mayHoldSecret(doc.docType(), seen)
	}
	if p, ok := zero.(page); ok {
		return mayHoldSecret(p.itemType(), seen)
	}
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[Time]():
		return false
	case reflect.TypeFor[json.RawMessage]():
		return true
	}
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return mayHoldSecret(t.Elem(), seen)
	case reflect.Struct:
		for _, v := range variantsOf(t, "") {
			if v.Fields != nil && mayHoldSecret(reflect.TypeOf(v.Fields), seen) {
				return true
			}
		}
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous || name == "" || name == "-" || name == "custom_metadata" || f.Tag.Get("secret") == "false" {
				continue
			}
			if f.Tag.Get("secret") == "true" || f.Type.Kind() != reflect.Bool && slices.Contains(secretNames, name) || mayHoldSecret(f.Type, seen) {
				return true
			}
		}
	}
	return false
}
