// Package bench measures netdiag beside the tools that people use today, on the same
// network: whole processes, in pairs run one after the other, medians reported. Its benchmarks
// need root, and the peers installed.
package bench
