package account

import "keyway/internal/platform/rpc"

// saltoSites are the sites of a Salto account that a problem is about.
type saltoSites struct {
	Salto struct {
		Sites []struct {
			ID    string  `json:"site_id"`
			Name  string  `json:"site_name"`
			Users float64 `json:"site_user_subscription_limit"`
			Used  float64 `json:"subscribed_site_user_count"`
		} `json:"sites"`
	} `json:"salto_ks_metadata,omitzero"`
}

// Variants are the errors that a connected account can have.
func (Error) Variants() []rpc.Variant {
	return rpc.VariantsBy("error_code", "connected_account", []rpc.Variant{
		{Is: "account_disconnected", Says: "The account is disconnected: it has to be connected again."},
		{Is: "bridge_disconnected", Says: "The hub or service through which the account is reached does not answer."},
		{Is: "salto_ks_subscription_limit_exceeded", Fields: saltoSites{}, Says: "The subscription of the Salto site takes no more users."},
		{Is: "dormakaba_sites_disconnected", Says: "Some sites of the dormakaba account are disconnected."},
	}...)
}

// Variants are the warnings that a connected account can have.
func (Warning) Variants() []rpc.Variant {
	return rpc.VariantsBy("warning_code", "", []rpc.Variant{
		{Is: "scheduled_maintenance_window", Says: "Its brand has announced maintenance."},
		{Is: "unknown_issue_with_connected_account", Says: "Something is wrong with the account."},
		{Is: "salto_ks_subscription_limit_almost_reached", Fields: saltoSites{},
			Says: "The subscription of the Salto site takes few more users."},
		{Is: "account_reauthorization_requested", Says: "The account should be connected again before long."},
		{Is: "being_deleted", Says: "The account is being deleted."},
		{Is: "provider_service_unavailable", Says: "The service of its brand does not answer."},
		{Is: "setup_required", Says: "Something has to be set up in the account first."},
		{Is: "dormakaba_sites_unapproved", Says: "Some sites of the dormakaba account are not approved."},
	}...)
}
