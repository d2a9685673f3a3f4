package settings

import (
	"errors"
	"html/template"
	"io"
	"net/http"
	"net/url"

	"keyway/internal/api/workspace"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
)

// WebviewLook is how the Connect Webviews of a workspace look.
type WebviewLook struct {
	Logo        template.URL // empty: none
	Square      bool
	ButtonColor string
	TextColor   string
	Success     string
	Errors      frame.FormErrors
	LogoError   string
}

// The colours that Connect Webviews have unless their workspace has its own.
const (
	defaultButtonColor = "#232426"
	defaultTextColor   = "#ffffff"
)

func (q *request) webviewLook() WebviewLook {
	c := q.Current.Customization
	l := WebviewLook{Square: c.LogoShape == "square", ButtonColor: c.PrimaryButtonColor, TextColor: c.PrimaryButtonTextColor,
		Success: c.SuccessMessage}
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
	button, text, message, shape := q.Form("primary_button_color"), q.Form("primary_button_text_color"), q.Form("success_message"), "circle"
	if q.Form("logo_shape") == "square" {
		shape = "square"
	}
	var err error
	if len([]rune(message)) > 500 {
		err = fault.Invalid("success_message", "String must contain at most 500 character(s)")
	} else {
		err = q.Workspaces.Update(q.Context(), q.Current.ID, workspace.Change{Customize: func(c *workspace.Customization) {
			c.PrimaryButtonColor, c.PrimaryButtonTextColor, c.SuccessMessage, c.LogoShape = button, text, message, shape
		}}, q.Principal().Actor())
	}
	errs, wrong := frame.FieldErrors(err)
	if err == nil {
		return q.Done(frame.WorkspacePath(q.Current.ID, "settings"), "Saved. New Connect Webviews use this appearance.")
	} else if !wrong {
		return err
	}
	v, err := q.workspaceSettingsView()
	if err != nil {
		return err
	}
	v.Look.ButtonColor, v.Look.TextColor, v.Look.Success, v.Look.Square = button, text, message, shape == "square"
	v.Look.Errors, v.Location = errs.OnlyFields("success_message"), frame.WorkspacePath(q.Current.ID, "settings")
	return q.Show(v)
}

// saveLogo stores a picture, or removes the logo if the form says so.
func (q *request) saveLogo() error {
	here := frame.WorkspacePath(q.Current.ID, "settings")
	if err := q.R.ParseMultipartForm(workspace.MostLogo); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return q.logoRefused(fault.Invalid("logo", "The picture is larger than 256 KB"))
	}
	var logo workspace.Logo
	if q.Form("remove") != "true" {
		file, _, err := q.R.FormFile("logo")
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
	if err := q.Workspaces.Update(q.Context(), q.Current.ID, workspace.Change{Logo: &logo}, q.Principal().Actor()); err != nil {
		return err
	}
	if len(logo.Data) == 0 {
		return q.Done(here, "The logo was removed.")
	}
	return q.Done(here, "The logo was saved.")
}

func (q *request) logoRefused(refusal error) error {
	errs, ok := frame.FieldErrors(refusal)
	if !ok {
		return refusal
	}
	v, err := q.workspaceSettingsView()
	if err != nil {
		return err
	}
	v.Look.LogoError, v.Location = errs["logo"], frame.WorkspacePath(q.Current.ID, "settings")
	return q.Show(v)
}
