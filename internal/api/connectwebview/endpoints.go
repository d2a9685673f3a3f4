package connectwebview

import (
	"context"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// mostWebviews is how many webviews a page contains unless fewer are requested.
const mostWebviews = 500

// Endpoints are the rows of /connect_webviews.
func (v *Webviews) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/connect_webviews/create", Summary: "Makes a page where a person connects an account.", Allow: rpc.Anyone, Role: rpc.Member,
			Returns: "connect_webview", Handle: rpc.Func(v.create)},
		{Path: "/connect_webviews/delete", Summary: "Forgets a Connect Webview; the account that it connected stays.", Allow: rpc.Backend,
			Role: rpc.Member, Verbs: "DELETE", Handle: rpc.Func(v.delete)},
		{Path: "/connect_webviews/get", Summary: "Gets a Connect Webview.", Allow: rpc.Anyone, Role: rpc.Member, Read: true,
			Returns: "connect_webview", Handle: rpc.Func(v.getOne)},
		{Path: "/connect_webviews/list", Summary: "Lists Connect Webviews.", Allow: rpc.Anyone, Role: rpc.Member, Read: true,
			Returns: "connect_webviews", PageSize: mostWebviews, Handle: rpc.Func(v.list)},
	}
}

// Provider is a name of a brand.
type Provider string

// Enum lists the brands of the contract, those that Keyway does not connect included.
func (Provider) Enum() []string { return providers }

var providers = strings.Fields(`
	hotek dormakaba_community legic_connect akuvox august avigilon_alta brivo butterflymx schlage smartthings yale genie
	doorking salto salto_ks salto_ks_accept lockly ttlock linear noiseaware nuki igloo kwikset minut my_2n controlbyweb
	nest igloohome ecobee four_suites dormakaba_oracode pti wyze seam_passport visionline assa_abloy_credential_service
	tedee honeywell_resideo first_alert latch akiles assa_abloy_vostio assa_abloy_vostio_credential_service tado
	salto_space sensi keynest korelock keyincode dormakaba_ambiance ultraloq dusaw sifely thirty_three_lock ring ical
	lodgify hostaway guesty acuity_scheduling omnitec kisi yale_access hid_cm google_nest slack
	dormakaba_oracode_iho yacan tapo arlo reolink aqara sonos`)

type createInput struct {
	AcceptedCapabilities  []string            `json:"accepted_capabilities" rule:"default=[]" enum:"lock thermostat noise_sensor access_control camera speaker" doc:"The kinds of devices to take in; all unless given."`
	AcceptedProviders     rpc.Opt[[]Provider] `json:"accepted_providers" rule:"min=1" doc:"The brands to show; all unless given."`
	ExcludedProviders     []string            `json:"excluded_providers" rule:"default=[]" doc:"Brands not to show."`
	Category              string              `json:"provider_category" enum:"stable consumer_smartlocks beta thermostats noise_sensors access_control_systems cameras connectors internal_beta" doc:"Without accepted_providers: the category of brands to show."`
	ManageNewDevices      rpc.Opt[bool]       `json:"automatically_manage_new_devices" doc:"Whether new devices of the account become managed; they do unless this is false."`
	CustomMetadata        map[string]any      `json:"custom_metadata" rule:"default={}" doc:"Values that the connected account takes over."`
	RedirectURL           string              `json:"custom_redirect_url" rule:"max=2000" doc:"Where to send the person when done."`
	RedirectFailureURL    string              `json:"custom_redirect_failure_url" rule:"max=2000" doc:"Where to send the person when it failed; custom_redirect_url unless given."`
	CustomerKey           rpc.Opt[string]     `json:"customer_key" rule:"min=1,max=500" doc:"The customer whom the account and its devices will belong to."`
	DeviceSelectionMode   rpc.Opt[string]     `json:"device_selection_mode" enum:"none single multiple" doc:"Kept and served; all devices are taken in."`
	WaitForDeviceCreation bool                `json:"wait_for_device_creation" rule:"default=false" doc:"Not needed: the devices are there when the page says so."`
}

// create returns invalid_input where a client session asks for a customer that is not its own.
func (v *Webviews) create(ctx context.Context, in createInput) (rpc.Doc[Webview], error) {
	p := credential.From(ctx)
	n := New{
		ExcludedProviders: in.ExcludedProviders, Category: in.Category, AcceptedCapabilities: in.AcceptedCapabilities,
		ManageNewDevices:      in.ManageNewDevices.Or(true),
		WaitForDeviceCreation: in.WaitForDeviceCreation, DeviceSelectionMode: in.DeviceSelectionMode.Or("none"), RedirectURL: in.RedirectURL,
		RedirectFailureURL: in.RedirectFailureURL, CustomMetadata: in.CustomMetadata, CustomerKey: in.CustomerKey.Value,
	}
	for _, name := range in.AcceptedProviders.Value {
		n.AcceptedProviders = append(n.AcceptedProviders, string(name))
	}
	if p.Reach != nil && p.Reach.IsSession {
		if n.CustomerKey != "" && n.CustomerKey != p.Reach.CustomerKey {
			return nil, fault.Invalid("customer_key", "A client session cannot choose another customer than its own")
		}
		n.CustomerKey, n.UserIdentifierKey = p.Reach.CustomerKey, p.Reach.UserIdentifierKey
	}
	return v.Create(ctx, p.WorkspaceID, p.IsSandbox, n)
}

type idInput struct {
	ID string `json:"connect_webview_id" rule:"required" doc:"ID of the Connect Webview."`
}

func (v *Webviews) getOne(ctx context.Context, in idInput) (rpc.Doc[Webview], error) {
	return v.get(ctx, v.DB, credential.From(ctx).WorkspaceID, in.ID)
}

func (v *Webviews) delete(ctx context.Context, in idInput) (rpc.OK, error) {
	return rpc.OK{}, v.Delete(ctx, credential.From(ctx).WorkspaceID, in.ID)
}

type listInput struct {
	rpc.PageInput
	CustomMetadataHas map[string]any `json:"custom_metadata_has" rule:"default={}" doc:"Only webviews whose custom_metadata has all of these values."`
	CustomerKey       string         `json:"customer_key" doc:"Only webviews of this customer."`
	Search            string         `json:"search" doc:"Only webviews whose id, brands, metadata or customer contains this."`
	UserIdentifierKey string         `json:"user_identifier_key" doc:"Only webviews of this user."`
}

func (v *Webviews) list(ctx context.Context, in listInput) (p rpc.Page[Webview], err error) {
	f := Filter{CustomMetadataHas: in.CustomMetadataHas, CustomerKey: in.CustomerKey, Search: in.Search,
		UserIdentifierKey: in.UserIdentifierKey}
	if f.From, f.Limit, err = in.Start(ctx); err != nil {
		return p, err
	}
	return v.List(ctx, credential.From(ctx).WorkspaceID, f)
}
