package things

import (
	"encoding/json"
	"net/http"
	"net/url"

	"keyway/internal/api/connectwebview"
	"keyway/internal/console/frame"
)

// ConnectDialog is the dialog that shows a new Connect Webview in a frame.
type ConnectDialog struct {
	ID     string
	Title  string
	Action string // makes the webview
}

func (q *request) connectDialog() ConnectDialog {
	return ConnectDialog{ID: "connect", Title: "Add Devices", Action: frame.WorkspacePath(q.Current.ID, "connect")}
}

// connect creates a Connect Webview for the person using the Console.
func (q *request) connect() error {
	return q.openWebview(connectwebview.New{ManageNewDevices: true, DeviceSelectionMode: "none"})
}

// openWebview makes a Connect Webview and leads to its page: a script of the Console frames it,
// and without one the browser goes there.
func (q *request) openWebview(n connectwebview.New) error {
	doc, err := q.Webviews.Create(q.Context(), q.Current.ID, q.Current.IsSandbox, n)
	if err != nil {
		return err
	}
	var made struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(doc, &made); err != nil {
		return err
	}
	u, err := url.Parse(made.URL)
	if err != nil {
		return err
	}
	// Without scheme and host, so that it is the same origin under each name of this server.
	if q.R.Header.Get("Accept") == "application/json" {
		return q.JSON(http.StatusOK, map[string]string{"url": u.RequestURI()})
	}
	return q.Redirect(u.RequestURI())
}
