package frametest

import (
	"time"

	"keyway/internal/console/frame"
)

// Sample is a page that the tests render; its name is the preview's file.
type Sample struct {
	Name string
	View frame.View
}

// MinutesAgo is a time before Now.
func MinutesAgo(n int) time.Time { return Now.Add(-time.Duration(n) * time.Minute) }

// Days is so many days from Now.
func Days(n int) time.Time { return Now.AddDate(0, 0, n) }

// What the samples are about.
var (
	sampleUser   = &frame.User{ID: "u1", Name: "Jane Doe", Email: "jane@example.com", Operator: true}
	Sandbox      = frame.Workspace{ID: "0199b2f4-7c1e-7d04-9a51-0e6a3f0c5d11", Name: "Jane’s Sandbox", Sandbox: true, Role: frame.RoleOwner}
	Production   = frame.Workspace{ID: "0199b2f4-7c1e-7d04-9a51-0e6a3f0c5d22", Name: "Harbour Hotels", Role: frame.RoleAdmin}
	NewWorkspace = frame.NewWorkspaceForm{Sandbox: true}
)

// Page is the base of a view for a person who is signed in.
func Page(area frame.Area, current, title string) frame.Page {
	w := Sandbox
	return frame.Page{
		Title: title, Area: area, Current: current, User: sampleUser, Workspace: &w,
		Workspaces:   []frame.Workspace{Sandbox, Production},
		NewWorkspace: NewWorkspace,
	}
}
