// Package probe connects to ports and says what really happened.
package probe
