// Package console is the pages in the browser: server-rendered, over the same rules as the API. Its frame
// has what all pages share; the other folders are areas of pages.
package console

import (
	"net/http"

	"keyway/internal/console/frame"
	"keyway/internal/console/people"
	"keyway/internal/console/settings"
	"keyway/internal/console/things"
	"keyway/internal/console/tokens"
)

// OpenIDPath is where an OpenID Connect provider sends people back to.
const OpenIDPath = frame.Root + "/sign-in/openid/back"

// Config is what the Console needs.
type Config = frame.Config

// Rules are what its pages work with.
type Rules = frame.Rules

// Sections are the areas, in the order of their items in the left navigation.
func Sections() []frame.Section {
	return []frame.Section{things.Section(), people.Section(), tokens.Section(), settings.Section()}
}

// New makes the handler of everything below /console.
func New(c Config) (http.Handler, error) { return frame.New(c, Sections()...) }
