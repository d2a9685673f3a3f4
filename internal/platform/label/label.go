// Package label is for names that people give to things: what a name is, and which are refused.
package label

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"keyway/internal/platform/fault"
)

// invisible reports whether a character shows nothing: spaces, controls, marks of direction, joiners and fillers.
func invisible(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800': // fillers, which Unicode counts among the letters, and the blank of Braille
		return true
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.C, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
		unicode.Is(unicode.Variation_Selector, r)
}

// Visible reports whether a name has a visible character. Accents alone do not count.
func Visible(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool { return !invisible(r) && !unicode.Is(unicode.M, r) }) >= 0
}

// Clean is a name without what does not show at its ends, in Unicode NFC; empty for a name of invisible
// characters only.
func Clean(name string) string {
	if !Visible(name) {
		return ""
	}
	name = strings.TrimLeftFunc(name, invisible)
	// An emoji may end with a joiner or selector that belongs to it.
	return norm.NFC.String(strings.TrimRightFunc(name, func(r rune) bool {
		return invisible(r) && !unicode.Is(unicode.Variation_Selector, r)
	}))
}

// Check returns invalid_input, naming the parameter, for a name without a visible character, and for one of more
// than most characters.
func Check(parameter, name string, most int) error {
	if name == "" {
		return fault.Invalid(parameter, "String must contain at least 1 character(s)")
	}
	if Clean(name) == "" {
		return fault.Invalid(parameter, "String must contain at least 1 visible character(s)")
	}
	if utf8.RuneCountInString(name) > most {
		return fault.Invalid(parameter, "String must contain at most %d character(s)", most)
	}
	return nil
}
