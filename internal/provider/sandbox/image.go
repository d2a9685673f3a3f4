package sandbox

import (
	"strings"
	"unicode"
)

// Pictures of kinds of devices, as data: URIs that need no other server. Each is a path on a
// canvas of 24 by 24.
const (
	lockDrawing       = drawingHead + "M6,11h12v10H6zM9,11V7a3,3,0,0,1,6,0v4" + drawingTail
	keypadDrawing     = drawingHead + "M6,3h12v18H6zM10,8h0M14,8h0M10,12h0M14,12h0M10,16h0M14,16h0" + drawingTail
	doorDrawing       = drawingHead + "M4,21h16M7,21V3h10v18M14,12h0" + drawingTail
	garageDrawing     = drawingHead + "M3,21V9l9-6,9,6v12M7,21v-9h10v9M7,16h10" + drawingTail
	keyDrawing        = drawingHead + "M10.8,9.8L20,19M17,16l-2.5,2.5M12,7a4,4,0,1,0-8,0a4,4,0,0,0,8,0" + drawingTail
	thermostatDrawing = drawingHead + "M10,14V5a2,2,0,0,1,4,0v9a4,4,0,1,1-4,0z" + drawingTail
	noiseDrawing      = drawingHead + "M4,11v2M8,7v10M12,9v6M16,4v16M20,10v4" + drawingTail

	drawingHead = "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0,0,24,24'" +
		"%20fill='none'%20stroke='%23567'%20stroke-width='2'%20stroke-linecap='round'%3E%3Cpath%20d='"
	drawingTail = "'/%3E%3C/svg%3E"
)

// tile returns the picture of a brand: its first letter on a colour, since logos are not ours.
func tile(name string) string {
	colours := [...]string{"#1f4e79", "#2f5d50", "#6b3e75", "#7a3b2e", "#3d4a8a", "#5a5320", "#245a6b", "#7a2f55"}
	colour := colours[draw(offsetBasis, name, len(colours))]
	letter := string(unicode.ToUpper([]rune(name)[0]))
	svg := "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0,0,24,24'><rect width='24' height='24' rx='5' " +
		"fill='" + colour + "'/><text x='12' y='17' font-size='14' font-family='sans-serif' text-anchor='middle' fill='#fff'>" + letter +
		"</text></svg>"
	return "data:image/svg+xml," + strings.NewReplacer(" ", "%20", "<", "%3C", ">", "%3E", "#", "%23").Replace(svg)
}
