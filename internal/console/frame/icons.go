package frame

import (
	"fmt"
	"html/template"
)

// icons are drawn on a 16×16 grid with a line of 1.5 and the colour of the text around them.
var icons = map[string]template.HTML{
	"account":    `<circle cx="8" cy="8" r="5.75"/><circle cx="8" cy="6.5" r="2"/><path d="M4.25 12.25c.6-1.75 2-2.5 3.75-2.5s3.15.75 3.75 2.5"/>`,
	"alert":      `<path d="M8 2.25 14.25 13H1.75z"/><path d="M8 6.5v3M8 11.25h.01"/>`,
	"arrow-left": `<path d="M13 8H3M7 4 3 8l4 4"/>`,
	"ban":        `<circle cx="8" cy="8" r="5.75"/><path d="m4 12 8-8"/>`,
	"battery":    `<rect x="1.75" y="5" width="11" height="6" rx="1.5"/><path d="M14.25 7.25v1.5M4.25 7.25v1.5"/>`,
	"bell":       `<path d="M3.25 11.25c1-1 1.25-2.250 1.250-4a3.500 3.500 0 0 1 7 0c0 1.750.25 3 1.250 4zM6.750 13.500c.7.5 1.800.5 2.500 0"/>`,
	"building":   `<rect x="3" y="2.25" width="10" height="11.5" rx="1"/><path d="M6 5.25h.01M10 5.25h.01M6 8h.01M10 8h.01M6.75 13.5v-2.25h2.5v2.25"/>`,
	"camera":     `<rect x="1.75" y="4.25" width="8.5" height="7.5" rx="1.5"/><path d="m10.25 7.25 4-2v5.5l-4-2"/>`,
	"check":      `<path d="m3 8.5 3.25 3.25L13 5"/>`,
	"help":       `<circle cx="8" cy="8" r="6"/><path d="M6.3 6.2a1.8 1.8 0 1 1 2.5 1.7c-.5.2-.8.6-.8 1.1M8 11.3v.01"/>`,
	"more":       `<circle cx="4" cy="8" r="1"/><circle cx="8" cy="8" r="1"/><circle cx="12" cy="8" r="1"/>`,
	"chevron":    `<path d="m4 6 4 4 4-4"/>`,
	"chevrons":   `<path d="m5 6 3-3 3 3M5 10l3 3 3-3"/>`,
	"clock":      `<circle cx="8" cy="8" r="5.750"/><path d="M8 4.750V8l2.250 1.500"/>`,
	"code":       `<path d="m5.5 4.5-3.5 3.5 3.5 3.5M10.5 4.5 14 8l-3.5 3.5"/>`,
	"copy":       `<rect x="5.25" y="5.25" width="8.5" height="8.5" rx="1.5"/><path d="M10.75 5.25v-1.5a1.5 1.5 0 0 0-1.5-1.5h-5.5a1.5 1.5 0 0 0-1.5 1.5v5.5a1.5 1.5 0 0 0 1.5 1.5h1.5"/>`,
	"device":     `<rect x="3.75" y="1.75" width="8.5" height="12.5" rx="2"/><circle cx="8" cy="6.25" r="1.75"/><path d="M8 8v2.75"/>`,
	"event":      `<path d="M1.750 8h2.750l1.750-4.750 3.500 9.500L11.500 8h2.750"/>`,
	"eye":        `<path d="M1.5 8S4 3.75 8 3.75 14.5 8 14.5 8 12 12.25 8 12.25 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="2"/>`,
	"flask":      `<path d="M6.25 2v4L2.9 12.1A1.2 1.2 0 0 0 3.95 13.9h8.1a1.2 1.2 0 0 0 1.05-1.8L9.75 6V2M5.25 2h5.5M4.6 9.5h6.8"/>`,
	"globe":      `<circle cx="8" cy="8" r="5.75"/><path d="M2.25 8h11.5M8 2.25c2 2 2 9.5 0 11.5-2-2-2-9.5 0-11.5"/>`,
	"key":        `<circle cx="5.25" cy="10.75" r="3"/><path d="m7.5 8.5 6-6M11 5l2 2M9.25 6.75l1.5 1.5"/>`,
	"link":       `<path d="M6.5 9.5a2.75 2.75 0 0 0 4 0l2-2a2.83 2.83 0 0 0-4-4l-.75.75M9.500 6.500a2.75 2.75 0 0 0-4 0l-2 2a2.83 2.83 0 0 0 4 4l.75-.75"/>`,
	"lock":       `<rect x="3" y="7" width="10" height="6.75" rx="1.5"/><path d="M5.25 7V5a2.75 2.75 0 0 1 5.5 0v2"/>`,
	"menu":       `<path d="M2.25 4.25h11.5M2.25 8h11.5M2.25 11.75h11.5"/>`,
	"noise":      `<path d="M2.25 6.75v2.5M5.1 4.75v6.5M8 2.5v11M10.9 4.75v6.5M13.75 6.75v2.5"/>`,
	"pencil":     `<path d="m10.5 3 2.5 2.5-7.75 7.75-3 .5.5-3zM9 4.5 11.5 7"/>`,
	"phone":      `<rect x="4.25" y="1.75" width="7.5" height="12.5" rx="1.5"/><path d="M7.25 11.75h1.5"/>`,
	"plus":       `<path d="M8 3v10M3 8h10"/>`,
	"refresh":    `<path d="M13.25 7a5.4 5.4 0 0 0-9.500-2.600L2.500 5.900M2.500 2.750v3.150h3.150M2.750 9a5.4 5.4 0 0 0 9.500 2.600l1.250-1.500M13.500 13.250v-3.150h-3.150"/>`,
	"search":     `<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.25 3.25"/>`,
	"settings":   `<path d="M2.25 4.75h4M10.25 4.75h3.5M2.25 11.25h3.5M9.75 11.25h4"/><circle cx="8.25" cy="4.75" r="2"/><circle cx="7.75" cy="11.25" r="2"/>`,
	"server":     `<rect x="2.25" y="2.5" width="11.5" height="4.5" rx="1.25"/><rect x="2.25" y="9" width="11.5" height="4.5" rx="1.25"/><path d="M4.75 4.75h.01M4.75 11.25h.01"/>`,
	"send":       `<path d="M13.750 2.250 7.250 8.750M13.750 2.250 9.500 13.750 7.250 8.750 2.250 6.500z"/>`,
	"session":    `<rect x="1.750" y="3" width="12.500" height="10" rx="1.500"/><path d="M1.750 6h12.500M8 8.250a1.250 1.250 0 1 0 0 .010M5.750 11.500c.4-.9 1.200-1.250 2.250-1.250s1.850.35 2.250 1.250"/>`,
	"shield":     `<path d="M8 1.75 13 3.5v4c0 3-2 5.25-5 6.75-3-1.5-5-3.75-5-6.75v-4z"/>`,
	"sign-out":   `<path d="M6.25 2.25h-2.5a1.5 1.5 0 0 0-1.5 1.5v8.5a1.5 1.5 0 0 0 1.5 1.5h2.5M6.25 8h7.5M10.75 5l3 3-3 3"/>`,
	"team":       `<circle cx="6" cy="5.25" r="2.5"/><path d="M1.75 13.5c0-2.5 1.75-4 4.25-4s4.25 1.5 4.25 4M10.5 3a2.5 2.5 0 0 1 0 4.5M11.75 9.75c1.6.5 2.5 1.85 2.5 3.75"/>`,
	"thermostat": `<circle cx="8" cy="8" r="5.75"/><path d="M8 8 10.25 4.75M8 11.25h.01"/>`,
	"token":      `<path d="M2 5.25V4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v1.25a2.75 2.75 0 0 0 0 5.5V12a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1v-1.25a2.75 2.75 0 0 0 0-5.5z"/><path d="M6.75 6.5 9.25 8l-2.5 1.5"/>`,
	"unlock":     `<rect x="3" y="7" width="10" height="6.75" rx="1.5"/><path d="M5.25 7V5a2.75 2.75 0 0 1 5.3-1"/>`,
	"user":       `<circle cx="8" cy="5.25" r="2.75"/><path d="M2.75 13.75c0-2.75 2.25-4.25 5.25-4.25s5.25 1.5 5.25 4.25"/>`,
	"webhook":    `<circle cx="4" cy="11" r="2.250"/><circle cx="12" cy="11" r="2.250"/><circle cx="8" cy="4.250" r="2.250"/><path d="M6.250 11h3.500M7 6.250 5 9M9 6.250 11 9"/>`,
	"webview":    `<rect x="1.750" y="2.500" width="12.500" height="11" rx="1.500"/><path d="M1.750 5.500h12.500M6 9.500h4M8.250 7.750 10 9.500l-1.750 1.750"/>`,
	"wifi":       `<path d="M2 6.75c3.5-3.25 8.5-3.25 12 0M4.4 9.4c2-1.9 5.2-1.9 7.2 0M8 12.25h.01"/>`,
	"x":          `<path d="m4 4 8 8M12 4l-8 8"/>`,
}

// icon draws an icon that stands beside words; screen readers skip it.
func icon(name string) (template.HTML, error) {
	paths, ok := icons[name]
	if !ok {
		return "", fmt.Errorf("no icon %q", name)
	}
	return `<svg class="icon" width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" ` +
		`stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">` + paths + `</svg>`, nil
}

// HasIcon reports whether there is an icon of a name.
func HasIcon(name string) bool { _, ok := icons[name]; return ok }
