package console

import (
	"encoding/json"
	"slices"
	"time"

	"keyway/internal/api/connectwebview"
	"keyway/internal/provider"
)

// WebviewsView is the list of a workspace's Connect Webviews.
type WebviewsView struct {
	Page
	Rows       []WebviewRow
	Pagination Pagination
	Add        WebviewForm
	Made       *WebviewRow // just made
}

func (*WebviewsView) template() string { return "webviews" }

// WebviewRow is one Connect Webview in the list.
type WebviewRow struct {
	ID          string
	Address     string // of its page; it opens once
	Badge       Badge
	Brands      string
	CustomerKey string
	AccountID   string // that it connected; empty: none yet
	Account     Link   // without an address when it is gone
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
	Errors      FormErrors
}

// CategoryOption is a choice of which brands a Connect Webview shows.
type CategoryOption struct{ Value, Label string }

// chosenBrands is the option to name brands one by one.
const chosenBrands = "chosen"

const webviewsPerPage = 50

func (q *request) webviewsAt(elem ...string) string {
	return workspacePath(q.current.ID, append([]string{"developer", "connect-webviews"}, elem...)...)
}

func (q *request) webviewForm() WebviewForm {
	f := WebviewForm{Action: q.webviewsAt(), Manages: true, Categories: []CategoryOption{
		{"", "All brands"}, {"consumer_smartlocks", "Consumer smart locks"}, {"access_control_systems", "Access control systems"}, {"thermostats", "Thermostats"}, {"noise_sensors", "Noise sensors"}, {chosenBrands, "Brands that I choose…"},
	}}
	brands := q.Providers.Brands(q.current.IsSandbox)
	f.Categories = slices.DeleteFunc(f.Categories, func(c CategoryOption) bool {
		return c.Value != "" && c.Value != chosenBrands && !slices.ContainsFunc(brands, func(b provider.Brand) bool { return slices.Contains(b.Categories, c.Value) })
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
	row := WebviewRow{ID: w.ID, Address: w.URL, CustomerKey: w.CustomerKey, AccountID: w.AccountID, CreatedAt: w.CreatedAt, Badge: Badge{Tone: ToneNeutral, Text: "Pending"}}
	switch w.Status {
	case "authorized":
		row.Badge = Badge{Tone: ToneGood, Text: "Authorized"}
	case "failed":
		row.Badge = Badge{Tone: ToneBad, Text: "Failed"}
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
		row.Brands = plural(len(w.AcceptedProviders), "brand", "brands")
	}
	return row, nil
}

func (q *request) brandName(name string) string {
	for _, b := range q.Providers.Brands(q.current.IsSandbox) {
		if b.Name == name {
			return b.DisplayName
		}
	}
	return name
}

func (q *request) webviewsView() (*WebviewsView, error) {
	v := &WebviewsView{Page: q.base(AreaWorkspace, NavWebviews, "Connect Webviews"), Add: q.webviewForm()}
	from := readPosition(q.r.URL.Query().Get("after"))
	page, err := q.Webviews.List(q.context(), q.current.ID, connectwebview.Filter{NewestFirst: true, From: from, Limit: webviewsPerPage})
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
	names, err := q.Accounts.Names(q.context(), q.current.ID, accounts)
	if err != nil {
		return nil, err
	}
	for i, id := range accounts {
		if name, ok := names[id]; ok {
			v.Rows[i].Account = Link{name, q.accountsAt(id)}
		} else if id != "" {
			v.Rows[i].Account = Link{Text: "Deleted account"}
		}
	}
	v.Pagination = pagination(q.webviewsAt(), from, page.HasNext, page.Next)
	return v, nil
}

func (q *request) webviews() error {
	v, err := q.webviewsView()
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) createWebview() error {
	form := q.webviewForm()
	form.Open, form.Category, form.Redirect, form.Failure, form.CustomerKey = true, q.form("category"), q.form("custom_redirect_url"), q.form("custom_redirect_failure_url"), q.form("customer_key")
	form.Manages = q.form("automatically_manage_new_devices") == "true"
	n := connectwebview.New{ManageNewDevices: form.Manages, DeviceSelectionMode: "none", RedirectURL: form.Redirect, RedirectFailureURL: form.Failure, CustomerKey: form.CustomerKey}
	if form.Category == chosenBrands {
		for i := range form.Brands {
			if b := &form.Brands[i]; slices.Contains(q.r.PostForm["brand"], b.Name) {
				b.Chosen, n.AcceptedProviders = true, append(n.AcceptedProviders, b.Name)
			}
		}
		if len(n.AcceptedProviders) == 0 {
			form.Errors = FormErrors{"brand": "Choose at least one brand."}
		}
	} else if n.Category = form.Category; !slices.ContainsFunc(form.Categories, func(c CategoryOption) bool { return c.Value == form.Category }) {
		form.Errors = FormErrors{"category": "Choose one of these."}
	}
	var row WebviewRow
	if len(form.Errors) == 0 {
		doc, err := q.Webviews.Create(q.context(), q.current.ID, q.current.IsSandbox, n)
		if errs, ok := formErrors(err); ok {
			form.Errors = errs.onlyFields("custom_redirect_url", "custom_redirect_failure_url")
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
	return q.show(v)
}

func (q *request) deleteWebview() error {
	if err := q.Webviews.Delete(q.context(), q.current.ID, q.r.PathValue("webview")); err != nil {
		return err
	}
	return q.done(q.webviewsAt(), "The Connect Webview was deleted.")
}
