package sandbox

import (
	"slices"

	"keyway/internal/provider"
)

// Warning is the warning that a virtual device has while a condition lasts; false for a condition that
// it cannot have.
func (p *Provider) Warning(r provider.Ref, c provider.Condition) (provider.Problem, bool) {
	t := healthy
	switch c {
	case provider.FlakyConnection:
		t = flakyConnection
	case provider.ThirdPartyIntegration:
		t = thirdPartyIntegration
	case provider.PrivacyMode:
		for _, known := range p.byName[r.Brand].troubles {
			if known == privacyMode || known == saltoPrivacyMode {
				t = known
			}
		}
	}
	e := t.effect()
	return provider.Problem{Code: e.code, Message: e.message}, t != healthy
}

// Rings tells whether a virtual device has a doorbell.
func (p *Provider) Rings(r provider.Ref) bool {
	l := p.lockOf(r)
	return l != nil && l.has(doorbell)
}

// Working tells which of a virtual device's flags work, and whether it is online, while it has
// problems with these codes: simulations give and take problems, and all else follows from them.
func (p *Provider) Working(flags, problems []string, keypadMissing bool) (works map[string]bool, online bool) {
	disabled, online := []string(nil), !slices.Contains(problems, "device_removed") && !slices.Contains(problems, "account_disconnected")
	for t := healthy; t <= thresholdExceeded; t++ {
		if e := t.effect(); e.code != "" && slices.Contains(problems, e.code) {
			disabled = append(disabled, e.disables...)
			online = online && !e.offline
		}
	}
	if keypadMissing {
		disabled = append(disabled, codeFlags()...)
	}
	works = map[string]bool{}
	for _, f := range flags {
		// Offline codes are computed, so they go on working; simulations act on the sandbox.
		works[f] = isSimulation(f) || !slices.Contains(disabled, f) && (online || f == "can_program_offline_access_codes")
	}
	return works, online
}
