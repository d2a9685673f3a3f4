//go:build !soak

package main

// How often the tests repeat that look for races: enough to meet each case here, and far more often in the long run of
// `make soak` (rounds_soak_test.go).
const (
	borrowedRounds = 120 // of each of six callers in TestIncidentBorrowedIdentity

	// Tokens that TestIncidentStaleCache ends by revoking, and in each other way.
	staleRevoked, staleOthers             = 300, 12
	staleRevokedAcross, staleOthersAcross = 40, 5 // between two processes
)
