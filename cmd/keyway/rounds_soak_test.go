//go:build soak

package main

const borrowedRounds = 17_000
