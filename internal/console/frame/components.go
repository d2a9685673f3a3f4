package frame

import (
	"strconv"
)

// Link leads to a page about something.
type Link struct {
	Text string
	URL  string
}

// Plural is a number with the word for one or for several.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Badge is a short state: a word and a tone, with a dot before it.
type Badge struct {
	Tone Tone
	Text string
	Icon string // instead of the dot
}

// Tone colours a badge or a notice.
type Tone string

// The tones.
const (
	ToneNeutral Tone = "neutral"
	ToneGood    Tone = "good"
	ToneWarn    Tone = "warn"
	ToneBad     Tone = "bad"
)

// Secret is a credential that was just made and is shown this once.
type Secret struct {
	ID    string
	Name  string
	Value string
}
