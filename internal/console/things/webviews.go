package things

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"keyway/internal/api/connectwebview"
	"keyway/internal/console/frame"
	"keyway/internal/provider"
)

// WebviewsView is the list of a workspace's Connect Webviews.
type WebviewsView struct {
	frame.Page
	Rows       []WebviewRow
	Pagination frame.Pagination
	Add        WebviewForm
	Made       *WebviewRow // just made
}

// WebviewRow is one Connect Webview in the list.
type WebviewRow struct {
	ID          string
	Address     string // of its page, which opens once; empty: the person has to confirm who they are first
	Badge       frame.Badge
	Brands      string
	CustomerKey string
	AccountID   string     // that it connected; empty: none yet
	Account     frame.Link // without an address when it is gone
	CreatedAt   time.Time
	Open        bool // its address may still be used
}

// WebviewForm is the dialog that makes a Connect Webview.
type WebviewForm struct {
	Open        bool
	Action      string
	Category    string
	Categories  []CategoryOption
	Brands      []BrandOption
	Redirect    string
	Failure     string
	CustomerKey string
	Manages     bool
	Errors      frame.FormErrors
}

// CategoryOption is a choice of which brands a Connect Webview shows.
type CategoryOption struct{ Value, Label string }

// chosenBrands is the option to name brands one by one.
const chosenBrands = "chosen"

const webviewsPerPage = 50

func (q *request) webviewsAt(elem ...string) string {
	return frame.WorkspacePath(q.Current.ID, append([]string{"developer", "connect-webviews"}, elem...)...)
}

func (q *request) webviewForm() WebviewForm {
	f := WebviewForm{Action: q.webviewsAt(), Manages: true, Categories: []CategoryOption{
		{"", "All brands"}, {"consumer_smartlocks", "Consumer smart locks"}, {"access_control_systems", "Access control systems"},
		{"thermostats", "Thermostats"}, {"noise_sensors", "Noise sensors"}, {chosenBrands, "Brands that I choose…"},
	}}
	brands := q.Providers.Brands(q.Current.IsSandbox)
	f.Categories = slices.DeleteFunc(f.Categories, func(c CategoryOption) bool {
		return c.Value != "" && c.Value != chosenBrands && !slices.ContainsFunc(brands, func(b provider.Brand) bool {
			return slices.Contains(b.Categories, c.Value)
		})
	})
	for _, b := range brands {
		f.Brands = append(f.Brands, BrandOption{Name: b.Name, DisplayName: b.DisplayName, Image: dataImage(b.ImageURL)})
	}
	return f
}

func (q *request) webviewRow(doc []byte) (WebviewRow, error) {
	var w struct {
		ID                 string    `json:"connect_webview_id"`
		URL                string    `json:"url"`
		Status             string    `json:"status"`
		CreatedAt          time.Time `json:"created_at"`
		AccountID          string    `json:"connected_account_id"`
		Selected           string    `json:"selected_provider"`
		AcceptedProviders  []string  `json:"accepted_providers"`
		AnyProviderAllowed bool      `json:"any_provider_allowed"`
		CustomerKey        string    `json:"customer_key"`
	}
	if err := json.Unmarshal(doc, &w); err != nil {
		return WebviewRow{}, err
	}
	if u, err := url.Parse(w.URL); err != nil || !u.Query().Has("auth_token") {
		w.URL = "" // it opens nothing
	}
	row := WebviewRow{ID: w.ID, Address: w.URL, CustomerKey: w.CustomerKey, AccountID: w.AccountID, CreatedAt: w.CreatedAt,
		Badge: frame.Badge{Tone: frame.ToneNeutral, Text: "Pending"}}
	switch w.Status {
	case "authorized":
		row.Badge = frame.Badge{Tone: frame.ToneGood, Text: "Authorized"}
	case "failed":
		row.Badge = frame.Badge{Tone: frame.ToneBad, Text: "Failed"}
	default:
		row.Open = q.Now().Before(w.CreatedAt.Add(connectwebview.AddressLifetime))
		if !row.Open {
			row.Badge.Text = "Expired"
		}
	}
	switch {
	case w.Selected != "":
		row.Brands = q.brandName(w.Selected)
	case w.AnyProviderAllowed:
		row.Brands = "All brands"
	case len(w.AcceptedProviders) == 1:
		row.Brands = q.brandName(w.AcceptedProviders[0])
	default:
		row.Brands = frame.Plural(len(w.AcceptedProviders), "brand", "brands")
	}
	return row, nil
}

func (q *request) brandName(name string) string {
	for _, b := range q.Providers.Brands(q.Current.IsSandbox) {
		if b.Name == name {
			return b.DisplayName
		}
	}
	return name
}

func (q *request) webviewsView() (*WebviewsView, error) {
	v := &WebviewsView{Page: q.Base(frame.AreaWorkspace, frame.NavWebviews, "Connect Webviews"), Add: q.webviewForm()}
	trail := frame.ReadTrail(q.R.URL.Query())
	page, err := q.Webviews.List(q.Context(), q.Current.ID,
		connectwebview.Filter{NewestFirst: true, From: trail.From(), Limit: webviewsPerPage})
	if err != nil {
		return nil, err
	}
	accounts := make([]string, len(page.Items))
	for i, doc := range page.Items {
		row, err := q.webviewRow(doc)
		if err != nil {
			return nil, err
		}
		accounts[i], v.Rows = row.AccountID, append(v.Rows, row)
	}
	names, err := q.Accounts.Names(q.Context(), q.Current.ID, accounts)
	if err != nil {
		return nil, err
	}
	for i, id := range accounts {
		if name, ok := names[id]; ok {
			v.Rows[i].Account = frame.Link{Text: name, URL: q.accountsAt(id)}
		} else if id != "" {
			v.Rows[i].Account = frame.Link{Text: "Deleted account"}
		}
	}
	v.Pagination = trail.Pagination(q.webviewsAt(), page.HasNext, page.Next)
	return v, nil
}

func (q *request) webviews() error {
	v, err := q.webviewsView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) createWebview() error {
	form := q.webviewForm()
	form.Open, form.Category, form.Redirect, form.Failure, form.CustomerKey = true, q.Form("category"), q.Form("custom_redirect_url"),
		q.Form("custom_redirect_failure_url"), q.Form("customer_key")
	form.Manages = q.Form("automatically_manage_new_devices") == "true"
	n := connectwebview.New{ManageNewDevices: form.Manages, DeviceSelectionMode: "none", RedirectURL: form.Redirect,
		RedirectFailureURL: form.Failure, CustomerKey: form.CustomerKey}
	if form.Category == chosenBrands {
		for i := range form.Brands {
			if b := &form.Brands[i]; slices.Contains(q.R.PostForm["brand"], b.Name) {
				b.Chosen, n.AcceptedProviders = true, append(n.AcceptedProviders, b.Name)
			}
		}
		if len(n.AcceptedProviders) == 0 {
			form.Errors = frame.FormErrors{"brand": "Choose at least one brand."}
		}
	} else if n.Category = form.Category; !slices.ContainsFunc(form.Categories, func(c CategoryOption) bool {
		return c.Value == form.Category
	}) {
		form.Errors = frame.FormErrors{"category": "Choose one of these."}
	}
	var row WebviewRow
	if len(form.Errors) == 0 {
		doc, err := q.Webviews.Create(q.Context(), q.Current.ID, q.Current.IsSandbox, n)
		if errs, ok := frame.FieldErrors(err); ok {
			form.Errors = errs.OnlyFields("custom_redirect_url", "custom_redirect_failure_url")
		} else if err != nil {
			return err
		} else if row, err = q.webviewRow(doc); err != nil {
			return err
		}
	}
	v, err := q.webviewsView()
	if err != nil {
		return err
	}
	v.Location = q.webviewsAt()
	if len(form.Errors) > 0 {
		v.Add = form
	} else {
		v.Made = &row
	}
	return q.Show(v)
}

// showWebviewLink shows the requested address of a webview.
func (q *request) showWebviewLink() error {
	doc, err := q.Webviews.Get(q.Context(), q.Current.ID, q.R.PathValue("webview"))
	if err != nil {
		return err
	}
	row, err := q.webviewRow(doc)
	if err != nil {
		return err
	}
	v, err := q.webviewsView()
	if err != nil {
		return err
	}
	v.Made, v.Location = &row, q.webviewsAt()
	return q.Show(v)
}

func (q *request) deleteWebview() error {
	if err := q.Webviews.Delete(q.Context(), q.Current.ID, q.R.PathValue("webview")); err != nil {
		return err
	}
	return q.Done(q.webviewsAt(), "The Connect Webview was deleted.")
}
