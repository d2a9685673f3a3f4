package sandbox

import "slices"

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
