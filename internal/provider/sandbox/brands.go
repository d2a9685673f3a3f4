package sandbox

import (
	"strings"

	"keyway/internal/provider"
)

// table returns all brands, one row each. A new brand is a new row.
func table() []brand {
	const (
		consumer   = "stable consumer_smartlocks"
		stable     = "stable"
		control    = "stable access_control_systems"
		climate    = "stable thermostats"
		noise      = "stable noise_sensors"
		removal    = "can_simulate_removal"
		hubOn      = "can_simulate_hub_connection"
		hubOff     = "can_simulate_hub_disconnection"
		paid       = "can_simulate_paid_subscription"
		everyDay   = "different_each_day"
		sameDay    = "same_each_day"
		weekend    = "weekday_weekend"
		codeLock   = onlineCodes | backupPool
		keypadLock = remote | builtInKeypad | codeLock
	)
	var (
		america = []zone{zoneNamed("America/New_York"), zoneNamed("America/Chicago"), zoneNamed("America/Denver"),
			zoneNamed("America/Los_Angeles")}
		europe = []zone{zoneNamed("Europe/London"), zoneNamed("Europe/Vienna"), zoneNamed("Europe/Madrid"), zoneNamed("Europe/Warsaw")}
		world  = append(append([]zone{zoneNamed("Asia/Singapore"), zoneNamed("Australia/Sydney")}, america...), europe...)

		homes   = []string{"Front Door", "Back Door", "Garage", "Side Gate", "Guest House", "Basement", "Patio Door", "Studio", "Pool House"}
		rentals = []string{"Unit 3B", "Unit 12A", "Unit 7C", "Lobby Door", "Loft", "Garden Flat", "Unit 21", "Attic Suite", "Bike Room"}
		offices = []string{"Main Entrance", "Meeting Room", "Server Room", "Loading Dock", "Reception", "Stairwell", "Workshop", "Car Park"}
		garages = []string{"Left Bay", "Right Bay", "Boat Shed", "Carport", "Barn"}
		rooms   = []string{"Living Room", "Hallway", "Upstairs", "Bedroom", "Kitchen", "Den", "Sunroom"}
		quiet   = []string{"Lounge", "Terrace", "Dining Room", "Balcony", "Landing"}
		areas   = []string{"Main Zone", "Quiet Zone", "North Zone", "South Zone", "Shared Zone"}
		keys    = []string{"Spare Key", "Cleaner Key", "Guest Key", "Cellar Key", "Master Key"}

		ttlock    = made("ttlock", "TTLock")
		resideo   = made("honeywell_resideo", "Honeywell Home")
		salto     = made("salto", "Salto")
		things    = made("smartthings", "SmartThings")
		ttCodes   = codes{lengths: span(4, 9), most: 250, rules: []string{"no_all_same_digits"}, longestName: 50}
		ttModels  = []string{"Smart Lever", "Deadbolt G3", "Slim Mortise"}
		ttTrouble = []trouble{weakGatewaySignal, hubDisconnected, lowBattery, gatewayUnlockOff}
	)

	// gateway is a lock of the TTLock family, which several brands sell under their own names.
	gateway := lock{deviceType: "ttlock_lock", maker: ttlock, models: ttModels, can: keypadLock | offlineCodes | autoLock | entryEvents,
		codes: ttCodes, offline: algorithmic, metadata: "ttlock_metadata", detail: ttlockDetail}
	saltoLock := lock{deviceType: "salto_lock", maker: salto, models: []string{"XS4 One", "Neo Cylinder"},
		can: remoteUnlock | onlineCodes | builtInKeypad | entryEvents, noun: "door lock",
		codes: codes{lengths: span(6, 6), most: 1000, rules: []string{"cannot_specify_pin_code"}}}
	saltoKS, saltoOld := saltoLock, saltoLock
	saltoKS.metadata, saltoKS.detail = "salto_ks_metadata", saltoDetail(true)
	saltoOld.metadata, saltoOld.detail = "salto_metadata", saltoDetail(false)
	saltoTrouble := []trouble{officeMode, deviceDisconnected, subscriptionNearlyFull, saltoPrivacyMode, lowBattery}
	cycle := thermostat{deviceType: "honeywell_resideo_thermostat", maker: resideo,
		models: []string{"T6 Pro Smart", "T9 Smart", "T10 Pro Smart"},
		modes:  []string{"off", "heat", "cool", "heat_cool"}, fans: []string{"auto", "on", "circulate"},
		presets:    []string{"home", "away", "sleep"},
		presetMode: true, delta: 3, programs: []string{everyDay}, periods: 4, precision: 15,
		metadata: "honeywell_resideo_metadata", detail: named("device_name", "honeywell_resideo_device_id")}

	return []brand{
		{name: "four_suites", displayName: "4SUITES", categories: nil, signIn: byEmail(), zones: europe, names: offices,
			troubles: []trouble{deviceDisconnected, flakyConnection},
			kinds: []template{lock{deviceType: "four_suites_door", maker: made("four_suites", "4SUITES"), models: []string{"4SUITES Box"},
				can: remoteUnlock | mains | noBolt | entryEvents, image: doorDrawing, noun: "door controller",
				metadata: "four_suites_metadata", detail: func(u *unit, _ bool) props {
					return props{"device_id": u.number("number", 6), "device_name": u.name, "reclose_delay_in_seconds": u.between("reclose", 3, 10, 1)}
				}}}},

		{name: "akiles", displayName: "Akiles", categories: fields(consumer), signIn: byEmail(), zones: europe, names: rentals,
			troubles: []trouble{deviceDisconnected, healthy, lowBattery},
			kinds: []template{lock{deviceType: "akiles_lock", maker: made("akiles", "Akiles"),
				models:   []string{"Akiles Cylinder", "Akiles Controller"},
				can:      remoteUnlock | codeLock | builtInKeypad | noBolt | entryEvents,
				codes:    codes{lengths: span(6, 6), most: 500, rules: []string{"no_ascending_or_descending_sequence"}},
				metadata: "akiles_metadata", detail: func(u *unit, _ bool) props {
					return props{"gadget_id": "gad_" + u.externalID[:13], "gadget_name": u.name, "product_name": u.model,
						"_member_group_id": "mg_" + u.externalID[24:]}
				}}}},

		{name: "akuvox", displayName: "Akuvox", categories: nil, signIn: byEmail(), zones: world, names: rentals,
			troubles: []trouble{deviceOffline},
			kinds: []template{lock{deviceType: "akuvox_lock", maker: made("akuvox", "Akuvox"), models: []string{"Door Phone E16", "Door Phone R29"},
				can: remoteUnlock | onlineCodes | builtInKeypad | mains | noBolt | doorbell, codes: codes{lengths: span(4, 8), most: 500},
				image: doorDrawing, noun: "door phone"}}},

		{name: "august", displayName: "August", categories: fields(consumer), signIn: byEmail().in("North America", "Others").withTwoFactor(),
			simulate: []string{removal, hubOn, hubOff}, zones: america, names: homes,
			troubles: []trouble{deviceOffline, lowBattery, keypadMissing, hubDisconnected},
			kinds: []template{lock{deviceType: "august_lock", maker: made("august", "August"),
				models:   []string{"Wi-Fi Smart Lock (4th Gen)", "Smart Lock Pro (3rd Gen)"},
				can:      remote | accessoryKeypad | codeLock | autoLock | doorSensor | entryEvents,
				codes:    codes{lengths: span(4, 6), most: 250, uniqueNames: true},
				metadata: "august_metadata", detail: func(u *unit, _ bool) props {
					keypad := u.trouble != keypadMissing
					detail := props{"lock_id": u.externalID, "lock_name": u.name, "house_id": uuid(u.home, "house id"), "house_name": u.place(),
						"has_keypad": keypad, "model": u.code("product", 6)}
					if keypad {
						detail["keypad_battery_level"] = keypadWords(u.keypadLevel())
					}
					return detail
				}}}},

		{name: "avigilon_alta", displayName: "Avigilon Alta", categories: fields(stable), signIn: byEmail(), zones: america, names: offices,
			troubles: []trouble{deviceDisconnected},
			kinds: []template{lock{deviceType: "avigilon_alta_entry", maker: made("avigilon_alta", "Avigilon Alta"),
				models: []string{"Smart Reader v2"},
				can:    remoteUnlock | mains | noBolt, image: doorDrawing, noun: "entry",
				metadata: "avigilon_alta_metadata", detail: func(u *unit, _ bool) props {
					return props{"entry_name": u.name, "entry_relays_total_count": 1.0, "org_name": u.owner + " Properties",
						"site_id":   number(u.home, "site", 5),
						"site_name": u.place(), "zone_id": number(u.home, "zone id", 5), "zone_name": "Ground Floor"}
				}}}},

		{name: "brivo", displayName: "Brivo", categories: fields(control),
			signIn: byEmail(question{name: "api_key", label: "API Key", right: standardPIN, secret: true}),
			zones:  america, names: offices, troubles: []trouble{deviceDisconnected},
			kinds: []template{lock{deviceType: "brivo_access_point", maker: made("brivo", "Brivo"),
				models: []string{"ACS100 Controller", "ACS300 Controller"},
				can:    remoteUnlock | mains | noBolt, image: doorDrawing, noun: "access point",
				metadata: "brivo_metadata", detail: func(u *unit, _ bool) props { return props{"activation_enabled": true, "device_name": u.name} }}}},

		{name: "butterflymx", displayName: "ButterflyMX", categories: nil, signIn: byEmail(), zones: america, names: rentals,
			troubles: []trouble{deviceOffline},
			kinds: []template{lock{deviceType: "butterflymx_panel", maker: made("butterflymx", "ButterflyMX"),
				models: []string{"Smart Intercom 8\"", "Smart Intercom 12\""},
				can:    remoteUnlock | mains | noBolt | doorbell, image: doorDrawing, noun: "intercom"}}},

		{name: "controlbyweb", displayName: "ControlByWeb", categories: nil, signIn: byUsername(password()), zones: america, names: offices,
			troubles: []trouble{deviceDisconnected, onlineStatusUnreliable},
			kinds: []template{lock{deviceType: "controlbyweb_device", maker: made("controlbyweb", "ControlByWeb"),
				models: []string{"X-401", "X-410"},
				can:    remote | mains, image: doorDrawing, noun: "relay",
				metadata: "controlbyweb_metadata", detail: func(u *unit, _ bool) props {
					return props{"device_id": u.externalID, "device_name": u.name, "relay_name": "Relay 1"}
				}}}},

		{name: "doorking", displayName: "DoorKing", categories: nil, signIn: byEmail(), zones: america, names: rentals,
			troubles: []trouble{deviceOffline},
			kinds: []template{lock{deviceType: "doorking_lock", maker: made("doorking", "DoorKing"),
				models: []string{"1834 Entry System", "1837 Entry System"},
				can:    remoteUnlock | mains | noBolt | doorbell, image: doorDrawing, noun: "entry system"}}},

		{name: "dormakaba_oracode", displayName: "dormakaba Oracode", justInTime: true, categories: fields(consumer),
			signIn: byUsername(question{name: "site_name", label: "Site name", right: "Ocean Beach Vacations"},
				question{name: fieldTimeZone, label: "Time zone"}),
			zones: america, names: rentals, troubles: []trouble{deviceDisconnected, lowBattery},
			kinds: []template{lock{deviceType: "dormakaba_oracode_door", maker: made("dormakaba_oracode", "dormakaba"),
				models: []string{"Oracode 660", "Oracode 480"},
				can:    onlineCodes | offlineCodes | builtInKeypad | noBolt,
				codes:  codes{lengths: span(6, 8), most: 100, rules: []string{"cannot_specify_pin_code", "start_date_in_future"}},
				online: checkInTimes, offline: checkInTimes, metadata: "dormakaba_oracode_metadata", detail: oracodeDetail}}},

		{name: "dusaw", displayName: "Dusaw", categories: fields(consumer), signIn: byEmail(), simulate: []string{hubOn, hubOff}, zones: world,
			names:    rentals,
			troubles: ttTrouble, kinds: []template{gateway}},

		{name: "ecobee", displayName: "ecobee", categories: fields(climate), signIn: byEmail(), zones: america, names: rooms,
			troubles: []trouble{deviceDisconnected, thresholdExceeded, auxiliaryHeat},
			kinds: []template{thermostat{deviceType: "ecobee_thermostat", maker: made("ecobee", "ecobee"),
				models: []string{"Smart Thermostat Premium", "ecobee3 lite", "Smart Thermostat Essential"},
				modes:  []string{"off", "heat", "cool", "heat_cool"}, fans: []string{"auto", "on"}, presets: []string{"home", "away", "sleep"},
				presetMode: true,
				delta:      5, programs: []string{everyDay}, periods: 48, precision: 30,
				metadata: "ecobee_metadata", detail: named("device_name", "ecobee_device_id"),
				ownPreset: func(key string) props {
					return props{"climate_ref": key, "is_optimized": false, "owner": "system"}
				}}}},

		{name: "first_alert", displayName: "First Alert", categories: fields(climate), signIn: byEmail(), zones: america, names: rooms,
			troubles: []trouble{deviceDisconnected, thresholdExceeded}, kinds: []template{cycle}},

		{name: "genie", displayName: "Genie", categories: nil, signIn: byEmail(), zones: america, names: garages,
			troubles: []trouble{deviceOffline},
			kinds: []template{lock{deviceType: "genie_door", maker: made("genie", "Genie"), models: []string{"Aladdin Connect"},
				can: remote | mains | doorSensor, image: garageDrawing, noun: "garage door opener",
				metadata: "genie_metadata", detail: func(u *unit, _ bool) props {
					return props{"device_name": "Aladdin Connect", "door_name": u.name}
				}}}},

		{name: "nest", displayName: "Google Nest", categories: fields(climate), signIn: byEmail(), zones: america, names: rooms,
			troubles: []trouble{deviceDisconnected, thresholdExceeded},
			kinds: []template{thermostat{deviceType: "nest_thermostat", maker: made("nest", "Google Nest"),
				models: []string{"Nest Learning Thermostat", "Nest Thermostat E"},
				modes:  []string{"off", "heat", "cool", "heat_cool", "eco"}, fans: []string{"auto", "on"}, presets: []string{"home", "eco"},
				celsius: true, delta: 1.5,
				metadata: "nest_metadata", detail: func(u *unit) props {
					return props{"nest_device_id": "AVPHwE" + u.code("nest", 12), "device_name": u.name, "device_custom_name": u.name,
						"display_name": u.name}
				}}}},

		{name: "honeywell_resideo", displayName: "Honeywell Home (Resideo)", categories: fields(climate), signIn: byEmail(), zones: america,
			names:    rooms,
			troubles: []trouble{deviceOffline, thresholdExceeded}, kinds: []template{cycle}},

		{name: "igloo", displayName: "igloo", categories: nil, signIn: byEmail(), zones: world, names: rentals,
			troubles: []trouble{lowBattery, hubRequired, deviceDisconnected},
			kinds: []template{lock{deviceType: "igloo_lock", maker: made("igloo", "igloo"), models: []string{"Deadbolt 2E", "Padlock 2"},
				can:     remote | onlineCodes | offlineCodes | builtInKeypad,
				codes:   codes{lengths: span(6, 9), most: 100, rules: []string{"no_triple_consecutive_ints"}},
				offline: algorithmic, metadata: "igloo_metadata", detail: func(u *unit, _ bool) props {
					return props{"device_id": "IGB3" + u.code("igloo", 8), "bridge_id": "EB1X" + u.code("bridge", 8), "model": "IGB3"}
				}}}},

		{name: "igloohome", displayName: "igloohome", fixedCodes: true, categories: fields(consumer), signIn: byEmail(),
			simulate: []string{hubOff}, zones: world, names: homes,
			troubles: []trouble{hubRequired, lowBattery, keypadNotLinked, deviceDisconnected},
			kinds: []template{lock{deviceType: "igloohome_lock", maker: made("igloohome", "igloohome"),
				models:  []string{"Deadbolt 2S", "Mortise 2+", "Rim Lock Metal+"},
				can:     keypadLock | offlineCodes | accessoryKeypad,
				codes:   codes{lengths: span(4, 9), most: 100, rules: []string{"no_triple_consecutive_ints"}, longestName: 40},
				offline: algorithmic, metadata: "igloohome_metadata", detail: func(u *unit, _ bool) props {
					detail := props{"device_id": "IGM4" + u.code("igloo", 8), "device_name": u.name, "keypad_id": "IGK1" + u.code("keypad", 8),
						"is_accessory_keypad_linked_to_bridge": u.trouble != keypadNotLinked && u.trouble != hubRequired}
					if u.trouble != hubRequired {
						detail["bridge_id"], detail["bridge_name"] = "EB1X"+u.code("bridge", 8), u.name+" Bridge"
					}
					return detail
				}}}},

		{name: "keyincode", displayName: "KeyInCode", categories: fields(consumer), signIn: byEmail(), zones: america,
			names: []string{"Front Door Lock", "Back Door Lock"}, count: 2, troubles: []trouble{lowBattery},
			kinds: []template{lock{deviceType: "keyincode_lock", maker: made("keyincode", "KeyInCode"), models: []string{"5100 Smart Deadbolt"},
				can:     onlineCodes | offlineCodes | builtInKeypad | noBolt,
				codes:   codes{lengths: span(6, 6), most: 200, rules: []string{"cannot_specify_pin_code"}},
				offline: algorithmic}}},

		{name: "keynest", displayName: "KeyNest", categories: fields(stable), signIn: byEmail(), zones: europe, names: keys,
			troubles: []trouble{unsupportedLocker},
			kinds: []template{lock{deviceType: "keynest_key", maker: made("keynest", "KeyNest"), models: []string{"KeyNest Fob"},
				can: onlineCodes | mains | noBolt, codes: codes{lengths: span(6, 6), most: 10, rules: []string{"cannot_specify_pin_code"}},
				image: keyDrawing, noun: "key",
				metadata: "keynest_metadata", detail: keynestDetail}}},

		{name: "kisi", displayName: "Kisi", categories: fields(stable), signIn: byEmail(), zones: europe, names: offices,
			troubles: []trouble{deviceDisconnected},
			kinds: []template{lock{deviceType: "kisi_lock", maker: made("kisi", "Kisi"), models: []string{"Controller Pro 2"},
				can: remoteUnlock | mains | noBolt, image: doorDrawing, noun: "door controller",
				metadata: "kisi_metadata", detail: func(u *unit, _ bool) props {
					return props{"lock_id": u.number("number", 6), "lock_name": u.name, "place_name": u.place(), "description": nil}
				}}}},

		{name: "kwikset", displayName: "Kwikset", fixedCodes: true, categories: fields(consumer), signIn: byEmail().withTwoFactor(),
			zones: america, names: homes,
			troubles: []trouble{deviceOffline, lowBattery, permissionsMissing},
			kinds: []template{lock{deviceType: "kwikset_lock", maker: made("kwikset", "Kwikset"),
				models: []string{"Halo Touchscreen", "Halo Keypad", "Aura Reach"},
				can:    keypadLock | autoLock, codes: codes{lengths: span(4, 8), most: 250, rules: []string{"unique_first_four_digits"},
					longestName: 32},
				metadata: "kwikset_metadata", detail: func(u *unit, _ bool) props {
					return props{"device_id": u.externalID, "device_name": u.name, "model_number": "938WIFI"}
				}}}},

		{name: "linear", displayName: "Linear", categories: nil, signIn: byEmail(), zones: america, names: rentals,
			troubles: []trouble{deviceOffline},
			kinds: []template{lock{deviceType: "linear_lock", maker: made("linear", "Linear"), models: []string{"e3 Elite", "AE-1000 Entry"},
				can: remoteUnlock | onlineCodes | builtInKeypad | mains | noBolt | doorbell, codes: codes{lengths: span(4, 6), most: 1000},
				image: keypadDrawing, noun: "entry system"}}},

		{name: "lockly", displayName: "Lockly", justInTime: true, categories: fields(consumer), signIn: form{fields: []question{
			{name: fieldEmail, label: "Email address"},
			{name: "team_id", label: "Team ID", right: standardPIN},
			{name: "access_key_id", label: "Access Key ID", right: standardPIN},
			{name: "access_key_secret", label: "Access Key Secret", right: standardPIN, secret: true},
			{name: "token_id", label: "Token ID", right: standardPIN},
			{name: "token_secret", label: "Token Secret", right: standardPIN, secret: true}}},
			zones: america, names: homes, troubles: []trouble{locklyZoneMissing, lowBattery, deviceDisconnected},
			kinds: []template{lock{deviceType: "lockly_lock", maker: made("lockly", "Lockly"),
				models:   []string{"Secure Pro", "Vision Elite", "Flex Touch"},
				can:      remote | onlineCodes | builtInKeypad | autoLock | doorSensor,
				codes:    codes{lengths: span(6, 8), most: 100, rules: []string{"cannot_contain_089"}, longestName: 30},
				metadata: "lockly_metadata", detail: func(u *unit, _ bool) props {
					return props{"device_id": u.externalID, "device_name": u.name, "model": "PGD728WMB"}
				}}}},

		{name: "minut", displayName: "Minut", categories: fields(noise), signIn: byEmail(), zones: europe, names: quiet,
			troubles: []trouble{deviceDisconnected, lowBattery},
			kinds: []template{noiseSensor{deviceType: "minut_sensor", maker: made("minut", "Minut"), models: []string{"Minut Gen 3", "Minut Gen 2"},
				metadata: "minut_metadata", detail: minutDetail}}},

		{name: "my_2n", displayName: "My2N", categories: fields(stable), signIn: byEmail(
			question{name: "device_username", label: "Device username", right: standardOwner},
			question{name: "device_password", label: "Device password", right: standardPIN, secret: true}),
			zones: europe, names: offices, count: 3, troubles: []trouble{twoNZoneMissing, credentialsMissing},
			kinds: []template{lock{deviceType: "two_n_intercom", maker: made("two_n", "2N"), models: []string{"IP Verso 2.0", "IP Style"},
				can:   remoteUnlock | codeLock | builtInKeypad | mains | noBolt | doorbell | entryEvents,
				codes: codes{lengths: span(4, 8), most: 1000, rules: []string{"no_all_same_digits"}},
				image: doorDrawing, noun: "intercom", metadata: "two_n_metadata", detail: func(u *unit, _ bool) props {
					return props{"device_id": u.number("number", 6), "device_name": u.name}
				}}}},

		{name: "noiseaware", displayName: "NoiseAware", categories: fields(noise), signIn: byEmail(), zones: america, names: areas,
			troubles: []trouble{deviceOffline},
			kinds: []template{noiseSensor{deviceType: "noiseaware_activity_zone", maker: made("noiseaware", "NoiseAware"),
				models: []string{"Indoor Sensor", "Outdoor Sensor"}, mains: true,
				metadata: "noiseaware_metadata", detail: func(u *unit, decibels float64) props {
					place, _, _ := strings.Cut(strings.ToLower(u.model), " ")
					return props{"device_id": u.externalID, "device_name": u.name, "device_model": place,
						"noise_level_decibel": decibels, "noise_level_nrs": round((decibels - 25) * 1.5)}
				}}}},

		{name: "nuki", displayName: "Nuki", categories: fields(consumer), signIn: byEmail(), simulate: []string{paid}, zones: europe,
			names:    rentals,
			troubles: []trouble{subscriptionRequired, criticalBattery, keypadMissing, deviceOffline},
			kinds: []template{lock{deviceType: "nuki_lock", maker: made("nuki", "Nuki"), models: []string{"Smart Lock 4.0 Pro", "Smart Lock 3.0"},
				can:      remote | accessoryKeypad | codeLock | autoLock | doorSensor | entryEvents,
				codes:    codes{lengths: span(6, 6), most: 100, rules: []string{"no_zeros", "cannot_start_with_12"}, longestName: 20},
				metadata: "nuki_metadata", detail: func(u *unit, _ bool) props {
					newer, paired := u.chance("keypad 2", 50), u.trouble != keypadMissing
					return props{"device_id": u.externalID, "device_name": u.name, "keypad_paired": paired && !newer, "keypad_2_paired": paired && newer,
						"keypad_battery_critical": false}
				}}}},

		{name: "omnitec", displayName: "Omnitec", categories: fields(stable), signIn: byEmail(question{name: fieldTimeZone, label: "Time zone"}),
			zones: europe, names: rentals,
			troubles: []trouble{lowBattery, hubDisconnected},
			kinds: []template{lock{deviceType: "omnitec_lock", maker: made("omnitec", "Omnitec"),
				models: []string{"Rent&Pass Cylinder", "Evo Handle"},
				can:    keypadLock | offlineCodes, codes: ttCodes, offline: algorithmic, metadata: "omnitec_metadata",
				detail: func(u *unit, _ bool) props {
					return props{"lock_id": u.number("number", 7), "lock_name": "OMN_" + u.code("short", 6), "lock_alias": u.name,
						"lock_mac":    u.mac("mac"),
						"has_gateway": u.trouble != hubDisconnected, "time_zone": u.zone.name,
						"timezone_raw_offset_ms": float64(u.zone.offset.Milliseconds())}
				}}}},

		{name: "salto", displayName: "Salto", categories: nil, signIn: byEmail(), zones: europe, names: offices, troubles: saltoTrouble,
			kinds: []template{saltoOld}},

		{name: "salto_ks", displayName: "Salto KS", categories: fields(control), signIn: byEmail(), zones: europe, names: offices,
			troubles: saltoTrouble, kinds: []template{saltoKS}},

		{name: "salto_ks_accept", displayName: "Salto KS (Acceptance)", categories: fields("beta"), signIn: byEmail(), zones: europe,
			names: offices, troubles: saltoTrouble, kinds: []template{saltoKS}},

		{name: "schlage", displayName: "Schlage", categories: fields(consumer), signIn: byEmail(), zones: america, names: homes,
			troubles: []trouble{deviceDisconnected, lowBattery, flakyConnection},
			kinds: []template{lock{deviceType: "schlage_lock", maker: made("schlage", "Schlage"),
				models: []string{"Encode Smart WiFi Deadbolt", "Encode Plus", "Encode Lever"},
				can:    keypadLock | autoLock | entryEvents, codes: codes{lengths: span(4, 8), most: 100,
					rules: []string{"pin_code_matches_existing_set", "unique_first_four_digits"}, longestName: 12, uniqueNames: true},
				metadata: "schlage_metadata", detail: func(u *unit, _ bool) props {
					return props{"device_id": u.externalID, "device_name": u.name, "model": "be489WB2"}
				}}}},

		{name: "sensi", displayName: "Sensi", categories: fields(climate), signIn: byEmail(), zones: america, names: rooms,
			troubles: []trouble{deviceDisconnected, auxiliaryHeat, lowBattery},
			kinds: []template{thermostat{deviceType: "sensi_thermostat", maker: made("sensi", "Sensi"),
				models: []string{"Sensi Touch 2", "Sensi Classic"},
				modes:  []string{"off", "heat", "cool", "heat_cool"}, fans: []string{"auto", "on", "circulate"}, presets: []string{"home", "away"},
				battery: true,
				delta:   2, programs: []string{weekend, everyDay, sameDay}, periods: 8, precision: 15,
				metadata: "sensi_metadata", detail: func(u *unit) props {
					return props{"device_id": u.externalID, "device_name": u.name, "product_type": u.model, "dual_setpoints_not_supported": false}
				}}}},

		{name: "sifely", displayName: "Sifely", categories: fields(consumer), signIn: byEmail(), simulate: []string{hubOn, hubOff},
			zones: america, names: homes,
			troubles: ttTrouble, kinds: []template{gateway}},

		{name: "smartthings", displayName: "SmartThings", fixedCodes: true, justInTime: true, categories: fields(consumer), signIn: byEmail(),
			zones: america,
			// Fit for a lock and for a thermostat.
			names:    []string{"Main House", "Guest House", "Studio", "Garage", "Basement", "Cottage"},
			troubles: []trouble{healthy, hubDisconnected, deviceDisconnected, lowBattery},
			kinds: []template{
				lock{deviceType: "smartthings_lock", maker: things, models: []string{"Z-Wave Deadbolt", "Zigbee Lever Lock"},
					can: remote | onlineCodes | builtInKeypad, codes: codes{lengths: span(4, 8), most: 30, rules: []string{"no_all_same_digits"}},
					metadata: "smartthings_metadata", detail: func(u *unit, _ bool) props { return smartthingsDetail(u) }},
				thermostat{deviceType: "smartthings_thermostat", maker: things, models: []string{"Z-Wave Thermostat"},
					modes: []string{"off", "heat", "cool", "heat_cool"}, fans: []string{"auto", "on", "circulate"}, presets: []string{"home", "away"},
					delta: 3, battery: true,
					metadata: "smartthings_metadata", detail: smartthingsDetail},
			}},

		{name: "tado", displayName: "tado°", categories: nil, signIn: byEmail(), zones: europe, names: rooms,
			troubles: []trouble{deviceOffline, lowBattery},
			kinds: []template{thermostat{deviceType: "tado_thermostat", maker: made("tado", "tado°"),
				models: []string{"Smart Thermostat V3+", "Smart Radiator Thermostat X"},
				modes:  []string{"off", "heat"}, presets: []string{"home", "away"}, presetMode: true, celsius: true, battery: true,
				metadata: "tado_metadata", detail: func(u *unit) props {
					return props{"device_type": "RU02", "serial_no": "RU" + u.code("tado", 10)}
				}}}},

		{name: "tedee", displayName: "Tedee", categories: fields(consumer), signIn: byEmail(), zones: europe, names: homes,
			troubles: []trouble{deviceDisconnected, lowBattery, keypadMissing},
			kinds: []template{lock{deviceType: "tedee_lock", maker: made("tedee", "Tedee"), models: []string{"Tedee PRO", "Tedee GO"},
				can: remote | accessoryKeypad | codeLock | autoLock | doorSensor,
				codes: codes{lengths: span(5, 8), most: 100, rules: []string{"no_ascending_or_descending_sequence", "at_least_three_unique_digits"},
					longestName: 50},
				metadata: "tedee_metadata", detail: func(u *unit, _ bool) props {
					detail := props{"device_id": u.number("number", 5), "device_name": u.name, "device_model": u.model,
						"serial_number": u.code("serial", 10),
						"bridge_id":     number(u.home, "bridge", 5), "bridge_name": "Bridge"}
					if u.trouble != keypadMissing {
						detail["keypad_id"] = u.number("keypad", 5)
					}
					return detail
				}}}},

		{name: "thirty_three_lock", displayName: "33 Lock", categories: fields(consumer), signIn: byEmail(), simulate: []string{hubOn, hubOff},
			zones: world, names: rentals,
			troubles: ttTrouble, kinds: []template{gateway}},

		{name: "ttlock", displayName: "TTLock", categories: fields(consumer), signIn: byEmail(), simulate: []string{hubOn, hubOff}, zones: world,
			names:    rentals,
			troubles: ttTrouble, kinds: []template{gateway}},

		{name: "ultraloq", displayName: "Ultraloq", categories: fields(consumer), signIn: byEmail(), zones: america, names: homes,
			troubles: []trouble{ultraloqZoneUnknown, lowBattery, deviceOffline},
			kinds: []template{lock{deviceType: "ultraloq_lock", maker: made("ultraloq", "Ultraloq"), models: []string{"U-Bolt Pro WiFi", "Latch 5"},
				can: keypadLock | autoLock | doorSensor, codes: codes{lengths: span(4, 8), most: 100, rules: []string{"at_least_three_unique_digits"},
					longestName: 20},
				metadata: "ultraloq_metadata", detail: func(u *unit, _ bool) props {
					detail := props{"device_id": u.externalID, "device_name": u.name, "device_type": "SmartLock", "time_zone": u.zone.name}
					if u.trouble == ultraloqZoneUnknown {
						detail["time_zone"] = nil
					}
					return detail
				}}}},

		{name: "wyze", displayName: "Wyze", categories: fields(consumer), signIn: byEmail(
			question{name: "api_key_id", label: "API Key ID", right: standardKey},
			question{name: "api_key", label: "API Key", right: standardKey, secret: true}),
			zones: america, names: homes, troubles: []trouble{powerSaving, deviceOffline, thirdPartyIntegration, lowBattery},
			kinds: []template{lock{deviceType: "wyze_lock", maker: made("wyze", "Wyze"), models: []string{"Wyze Lock", "Wyze Lock Bolt v2"},
				can:      remote | accessoryKeypad | codeLock | autoLock | doorSensor,
				codes:    codes{lengths: span(4, 8), most: 40, rules: []string{"no_triple_consecutive_ints"}, longestName: 30},
				metadata: "wyze_metadata", detail: func(u *unit, locked bool) props {
					hardlock := 1.0
					if !locked {
						hardlock = 2
					}
					return props{"device_id": u.externalID, "device_name": u.name, "device_info_model": "YD.LO1.F", "keypad_uuid": u.uuid("keypad"),
						"locker_status_hardlock": hardlock, "product_model": "YD.LO1", "product_name": u.model, "product_type": "Lock"}
				}}}},

		{name: "yale", displayName: "Yale", categories: fields(consumer), signIn: byEmail().in("North America", "Others").withTwoFactor(),
			simulate: []string{removal}, zones: america, names: homes,
			troubles: []trouble{lowBattery, deviceDisconnected, degradedConnection, privacyMode},
			kinds: []template{lock{deviceType: "yale_lock", maker: made("yale", "Yale"),
				models: []string{"Assure Lock 2 Touch", "Assure Lever", "Assure Lock SL"},
				can:    keypadLock | autoLock | doorSensor | entryEvents, codes: codes{lengths: span(4, 6), most: 250, uniqueNames: true},
				metadata: "august_metadata", detail: func(u *unit, _ bool) props {
					return props{"lock_id": u.externalID, "lock_name": u.name, "house_id": uuid(u.home, "house id"), "house_name": u.place(),
						"has_keypad": true, "model": "Yale " + u.code("product", 6)}
				}}}},
	}
}

func made(name, displayName string) provider.Manufacturer {
	return provider.Manufacturer{Name: name, DisplayName: displayName, ImageURL: tile(displayName)}
}

func fields(categories string) []string { return strings.Fields(categories) }

func password() question {
	return question{name: "password", label: "Password", right: standardPIN, secret: true}
}

// named returns the metadata of brands that have no more than a name and an id.
func named(name, id string) func(*unit) props {
	return func(u *unit) props { return props{name: u.name, id: u.externalID} }
}

func keypadWords(level float64) string {
	if level < 0.3 {
		return "Low"
	}
	return "Full"
}

func ttlockDetail(u *unit, _ bool) props {
	linked := u.trouble != hubDisconnected
	return props{
		"lock_id": u.number("number", 7), "lock_alias": u.name, "has_gateway": linked, "feature_value": "F44354CD5F3",
		"timezone_raw_offset_ms": float64(u.zone.offset.Milliseconds()),
		"features": props{"auto_lock_time_config": true, "incomplete_keyboard_passcode": false, "lock_command": true, "passcode": true,
			"passcode_management": true, "unlock_via_gateway": u.trouble != gatewayUnlockOff, "wifi": false},
		"wireless_keypads": []any{},
	}
}

func saltoDetail(ks bool) func(*unit, bool) props {
	return func(u *unit, locked bool) props {
		state := "locked"
		if !locked {
			state = "unlocked"
		}
		level := "fresh"
		if u.trouble == lowBattery {
			level = "low"
		}
		detail := props{"lock_id": u.externalID, "customer_reference": u.name, "lock_type": "electronic_lock", "model": u.model,
			"site_id": uuid(u.home, "site"), "site_name": u.place(), "locked_state": state, "battery_level": level}
		if ks {
			detail["has_custom_pin_subscription"] = false
		}
		return detail
	}
}

func smartthingsDetail(u *unit) props {
	return props{"device_id": u.externalID, "device_name": u.name, "location_id": uuid(u.home, "location"),
		"model": "base-" + u.code("product", 4)}
}

func oracodeDetail(u *unit, _ bool) props {
	level := props{"name": "Guest", "prefix": 1.0, "check_in_time": "15:00:00", "check_out_time": "11:00:00",
		"dormakaba_oracode_user_level_id": uuid(u.home, "level"), "dormakaba_oracode_user_level_prefix": 1.0,
		"is_24_hour": false, "is_biweekly_mode": false, "is_master": false, "is_one_shot": false}
	return props{"device_id": u.number("number", 6), "door_id": u.number("door", 5), "door_name": u.name, "door_is_wireless": true,
		"iana_timezone": u.zone.name, "site_id": number(u.home, "site", 4), "site_name": "Ocean Beach Vacations",
		"predefined_time_slots": []any{level}}
}

func keynestDetail(u *unit, _ bool) props {
	return props{
		"device_name": u.name, "key_id": u.code("key", 8), "fob_id": u.number("fob", 6), "property_id": uuid(u.home, "property"),
		"address": u.place(), "property_postcode": "SW1A 1AA", "current_or_last_store_id": number(u.home, "store", 4),
		"default_office_id": number(u.home, "office", 3),
		"current_status":    "In Store", "status_type": "in_store", "subscription_plan": "Monthly", "last_movement": u.ago("movement"),
		"has_photo":          false,
		"is_quadient_locker": u.trouble == unsupportedLocker, "handover_method": nil, "key_notes": nil, "keynest_app_user": nil,
		"current_user_company": nil, "current_user_email": nil, "current_user_name": nil, "current_user_phone_number": nil,
	}
}

func minutDetail(u *unit, decibels float64) props {
	at := u.ago("reading")
	reading := func(value float64) props { return props{"time": at, "value": value} }
	return props{"device_id": u.externalID, "device_name": u.name, "latest_sensor_values": props{
		"sound":           reading(decibels),
		"temperature":     reading(u.between("temperature", 18, 25, 0.1)),
		"humidity":        reading(u.between("humidity", 30, 60, 1)),
		"pressure":        reading(u.between("pressure", 985, 1030, 0.5)),
		"accelerometer_z": reading(u.between("accelerometer", 0.96, 1.02, 0.01)),
	}}
}
