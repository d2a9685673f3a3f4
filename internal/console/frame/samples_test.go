package frame_test

import (
	"testing"

	"keyway/internal/console/frame"
	"keyway/internal/console/frame/frametest"
)

// frameSamples are the pages of this area, empty and filled, and with the errors that a person can make.
func frameSamples() []frametest.Sample {
	plain := func(title string) frame.Page { return frame.Page{Title: title} }
	ws := func(current, title string) frame.Page { return frametest.Page(frame.AreaWorkspace, current, title) }
	me := func(current, title string) frame.Page { return frametest.Page(frame.AreaSettings, current, title) }
	failed := ws(frame.NavDevices, "Not found")
	return []frametest.Sample{
		{Name: "error-plain", View: &frame.ErrorView{Page: plain("Not found"), Status: 404, Heading: "Page not found",
			Message: "There is nothing at this address.", BackURL: "/console", BackLabel: "Go to the Console"}},
		{Name: "error-app", View: &frame.ErrorView{Page: failed, Status: 500, Heading: "Something went wrong",
			Message:   "The server could not answer. Nothing was changed. If it happens again, look in the server’s log for this request.",
			RequestID: "request_0199b2f6", BackURL: frametest.Sandbox.Path(), BackLabel: "Back to Devices"}},
		{Name: "confirm", View: &frame.ConfirmView{Page: me("", "Confirm it’s you"), Action: "/console/t", Sealed: "x", Back: "/console/t"}},
		{Name: "confirm-wrong", View: &frame.ConfirmView{Page: me("", "Confirm it’s you"), Action: "/console/t", Sealed: "x", Back: "/console/t",
			Errors: frame.FormErrors{"confirm_password": "The password is wrong."}}},
		{Name: "confirm-all", View: &frame.ConfirmView{Page: me("", "Confirm it’s you"), Action: "/console/t", Sealed: "x", Back: "/console/t",
			Offer: frame.PasskeyOffer{Works: true}, Password: true, Authenticator: true, Passkey: true}},
		{Name: "confirm-provider", View: &frame.ConfirmView{Page: me("", "Confirm it’s you"), Action: "/console/t", Sealed: "x",
			Back: "/console/t", Provider: "Example"}},
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	frametest.Pages(t, frame.Own(), frameSamples())
}
