//go:build race

package trace

// raceEnabled tells that the race detector slows the tests down by a factor of ten.
const raceEnabled = true
