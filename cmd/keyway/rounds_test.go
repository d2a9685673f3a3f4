//go:build !soak

package main

// borrowedRounds is how often each of six callers asks in TestIncidentBorrowedIdentity.
const borrowedRounds = 400
