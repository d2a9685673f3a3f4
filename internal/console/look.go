package console

import (
	"errors"
	"html/template"
	"io"
	"net/http"
	"net/url"

	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
)

// WebviewLook is how the Connect Webviews of a workspace look.
type WebviewLook struct {
	Logo        template.URL // empty: none
	Square      bool
	ButtonColor string
	TextColor   string
	Success     string
	Errors      FormErrors
	LogoError   string
}

// The colours that Connect Webviews have unless their workspace has its own.
const (
	defaultButtonColor = "#232426"
	defaultTextColor   = "#ffffff"
)

func (q *request) webviewLook() WebviewLook {
	c := q.current.Customization
	l := WebviewLook{Square: c.LogoShape == "square", ButtonColor: c.PrimaryButtonColor, TextColor: c.PrimaryButtonTextColor, Success: c.SuccessMessage}
	if u, err := url.Parse(c.InviterLogoURL); err == nil && u.Path == workspace.LogoPath {
		l.Logo = template.URL(u.RequestURI()) //nolint:gosec // a path of this server, and as an image
	}
	if l.ButtonColor == "" {
		l.ButtonColor = defaultButtonColor
	}
	if l.TextColor == "" {
		l.TextColor = defaultTextColor
	}
	return l
}

func (q *request) saveWebviewLook() error {
	button, text, message, shape := q.form("primary_button_color"), q.form("primary_button_text_color"), q.form("success_message"), "circle"
	if q.form("logo_shape") == "square" {
		shape = "square"
	}
	var err error
	if len([]rune(message)) > 500 {
		err = fault.Invalid("success_message", "String must contain at most 500 character(s)")
	} else {
		err = q.Workspaces.Update(q.context(), q.current.ID, workspace.Change{Customize: func(c *workspace.Customization) {
			c.PrimaryButtonColor, c.PrimaryButtonTextColor, c.SuccessMessage, c.LogoShape = button, text, message, shape
		}}, q.principal().Actor())
	}
	errs, wrong := formErrors(err)
	if err == nil {
		return q.done(workspacePath(q.current.ID, "settings"), "Saved. Connect Webviews look like this from now on.")
	} else if !wrong {
		return err
	}
	v, err := q.workspaceSettingsView()
	if err != nil {
		return err
	}
	v.Look.ButtonColor, v.Look.TextColor, v.Look.Success, v.Look.Square = button, text, message, shape == "square"
	v.Look.Errors, v.Location = errs.onlyFields("success_message"), workspacePath(q.current.ID, "settings")
	return q.show(v)
}

// saveLogo takes a picture, or the logo away when it is told to.
func (q *request) saveLogo() error {
	here := workspacePath(q.current.ID, "settings")
	if err := q.r.ParseMultipartForm(workspace.MostLogo); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return q.logoRefused(fault.Invalid("logo", "The picture is larger than 256 KB"))
	}
	var logo workspace.Logo
	if q.form("remove") != "true" {
		file, _, err := q.r.FormFile("logo")
		if err != nil {
			return q.logoRefused(fault.Invalid("logo", "Choose a PNG or a JPEG picture"))
		}
		defer func() { _ = file.Close() }()
		data, err := io.ReadAll(file)
		if err != nil {
			return err
		}
		if logo, err = workspace.ReadLogo(data); err != nil {
			return q.logoRefused(err)
		}
	}
	if err := q.Workspaces.Update(q.context(), q.current.ID, workspace.Change{Logo: &logo}, q.principal().Actor()); err != nil {
		return err
	}
	if len(logo.Data) == 0 {
		return q.done(here, "The logo was removed.")
	}
	return q.done(here, "The logo was saved.")
}

func (q *request) logoRefused(refusal error) error {
	errs, ok := formErrors(refusal)
	if !ok {
		return refusal
	}
	v, err := q.workspaceSettingsView()
	if err != nil {
		return err
	}
	v.Look.LogoError, v.Location = errs["logo"], workspacePath(q.current.ID, "settings")
	return q.show(v)
}
