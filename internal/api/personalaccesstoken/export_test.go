package personalaccesstoken

// For tests of what only advice shows.
var (
	HoursOf = hoursOf
	Outside = outside
)
