package sandbox

import "keyway/internal/provider"

// noiseSensor is the template of noise sensors.
type noiseSensor struct {
	deviceType string
	maker      provider.Manufacturer
	models     []string
	mains      bool // has no battery
	metadata   string
	detail     func(u *unit, decibels float64) props
}

func (n noiseSensor) rooms() [4]string {
	return [...]string{"Lounge", "Landing", "Dining Room", "Den"}
}

func (n noiseSensor) device(u *unit) provider.Device {
	u.model = n.models[u.draw("model", len(n.models))]
	decibels := u.between("noise", 28, 54, 0.1)
	p := props{
		"manufacturer":   n.maker.Name,
		"serial_number":  u.code("serial", 12),
		"image_url":      noiseDrawing,
		"image_alt_text": n.maker.DisplayName + " noise sensor",
		"model": props{
			"display_name":              u.model,
			"manufacturer_display_name": n.maker.DisplayName,
		},
		"has_direct_power":                         n.mains,
		"noise_level_decibels":                     decibels,
		"currently_triggering_noise_threshold_ids": []any{},
		n.metadata: n.detail(u, decibels),
	}
	d := provider.Device{Type: n.deviceType, Manufacturer: n.maker, Properties: p, Capabilities: []string{"noise_detection"},
		Flags: map[string]bool{}}
	if !n.mains {
		d.Capabilities = append(d.Capabilities, "battery")
		battery(p, u.batteryLevel())
	}
	return d
}
