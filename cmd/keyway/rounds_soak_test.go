//go:build soak

package main

const (
	borrowedRounds = 17_000

	staleRevoked, staleOthers             = 1000, 25
	staleRevokedAcross, staleOthersAcross = 150, 15
)
