package credential

import (
	"bytes"
	"io"
	"keyway/internal/platform/vault"
	"strings"
)

// Found is a token in a text, with the number of its line, counted from one.
type Found struct {
	Secret vault.Secret
	Line   int
}

const (
	prefix = "seam_"
	// longest is the length of the longest token that Parse knows.
	longest = len(prefix) + len("cst1") + shortLength + 1 + secretLength + sumLength
	// chunk is how much of a text is looked through at once.
	chunk = 1 << 20
)

// wide is the prefix in UTF-16, as some shells on Windows write files.
var wide = []byte("s\x00e\x00a\x00m\x00_\x00")

// Scan finds all tokens in r, whatever else is in it, by form and checksum. It needs memory for a
// part of r only.
func Scan(r io.Reader, found func(Found)) error {
	const overlap = 2*longest + 1 // in UTF-16
	buf := make([]byte, 0, chunk+overlap)
	line := 1
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		done := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !done {
			return err
		}
		end := len(buf) // tokens that begin behind it are looked for with what follows
		if !done {
			end -= overlap
		}
		at := 0
		scanBytes(buf, end, func(offset int, s vault.Secret) {
			line += bytes.Count(buf[at:offset], []byte{'\n'})
			at = offset
			found(Found{s, line})
		})
		if done {
			return nil
		}
		line += bytes.Count(buf[at:end], []byte{'\n'})
		buf = buf[:copy(buf, buf[end:])]
	}
}

// scanBytes finds the tokens that begin before end, in their order.
func scanBytes(b []byte, end int, found func(offset int, s vault.Secret)) {
	next := func(sep []byte, from int) int {
		if i := bytes.Index(b[from:], sep); i >= 0 {
			return from + i
		}
		return len(b)
	}
	narrow, broad := next([]byte(prefix), 0), next(wide, 0)
	for {
		at := min(narrow, broad)
		if at >= end {
			return
		}
		if at == narrow {
			if s, ok := tokenAt(b[at:min(len(b), at+longest)]); ok {
				found(at, s)
			}
			narrow = next([]byte(prefix), at+1)
			continue
		}
		text := make([]byte, 0, longest)
		for i := at; i+1 < len(b) && len(text) < longest && b[i+1] == 0; i += 2 {
			text = append(text, b[i])
		}
		if s, ok := tokenAt(text); ok {
			found(at, s)
		}
		broad = next(wide, at+1)
	}
}

// tokenAt reads the token that a text begins with.
func tokenAt(text []byte) (vault.Secret, bool) {
	i := bytes.IndexByte(text[len(prefix):], '_')
	n := len(prefix) + i + 1 + secretLength + sumLength
	if i < shortLength || n > len(text) { // most text that begins like a token is not one
		return vault.Secret{}, false
	}
	p, err := Parse(string(text[:n]))
	return p.Secret, err == nil
}

// KindOf returns what kind of credential a token is, as far as it shows: an API key and a workspace
// key look the same.
func KindOf(s vault.Secret) string {
	switch {
	case strings.HasPrefix(s.Reveal(), prefix+"at1"):
		return string(PersonalAccessToken)
	case strings.HasPrefix(s.Reveal(), prefix+"cst1"):
		return string(ClientSession)
	}
	return "api_key or workspace_key"
}
