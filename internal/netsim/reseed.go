package netsim

// Reseed makes n what New makes of the same topology with that seed: all chance begins anew,
// and nothing that was sent before is remembered. It costs a small part of what New does.
// Conns and what Notify was called for stay; what is on its way to a Conn arrives.
func (n *Network) Reseed(seed uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seed, n.epoch, n.started, n.resets = seed, n.givenEpoch, false, nil
	for _, nd := range n.nodes {
		nd.reseed(seed)
	}
	// The lines' seeds are made of the nodes'.
	for _, nd := range n.nodes {
		for _, e := range nd.edges {
			// Parallel lines differ in their number.
			e.pcg.Seed(seed, newHash(nd.seed).word(e.to.seed).word(e.number).sum())
			e.last = 0
		}
	}
}

// reseed makes nd as it was before the first packet, with its chance from the network's seed.
func (nd *node) reseed(seed uint64) {
	nd.seed = newHash(seed).text(nd.name).sum()
	nd.pcg.Seed(seed, nd.seed)
	nd.salt = nd.seed
	if nd.saltText != "" {
		nd.salt = newHash(seed).text(nd.saltText).sum()
	}
	nd.probes, nd.ipID = 0, 0
	nd.partial, nd.connections = nil, nil
	nd.limit.reset()
	resetFaults(nd.faults)
	if r := nd.router; r != nil {
		r.nat.reset(nd.seed)
		resetFaults(r.faults)
		clear(r.reported)
	}
}

func resetFaults(faults []fault) {
	for i := range faults {
		faults[i].hits = 0
	}
}

// reset fills every bucket of l, which may be nil.
func (l *limiter) reset() {
	if l != nil {
		l.shared = 0
		clear(l.each)
	}
}

// reset makes t, which may be nil, forget its mappings.
func (t *nat) reset(seed uint64) {
	if t != nil {
		clear(t.out)
		clear(t.in)
		t.next = uint16(newHash(seed).sum())
	}
}
