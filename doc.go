// Package netdiag is the root of a suite of network diagnostics: one program,
// cmd/netdiag, and the packages that it is made of, which other programs can import.
//
// It has no code of its own. A measurement is a single loop over a connection, driven by a pure
// session and yielded as an iterator of plain values; see packages ping, trace,
// resolve and hosts.
package netdiag
