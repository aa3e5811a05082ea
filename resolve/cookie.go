package resolve

import (
	"bytes"
	"crypto/rand"
	"net/netip"
	"sync"
)

// Bytes of the parts of a cookie (RFC 7873 section 4).
const (
	clientCookie    = 8
	minServerCookie = 8
	maxServerCookie = 32
)

// maxCookies is how many servers' cookies are kept.
const maxCookies = 4096

// cookie is what a client and a server know each other by.
type cookie struct {
	client [clientCookie]byte
	server []byte // nil: the server's is not known yet
}

// cookies are those of a Client, by server. Each server has a client's part of its own, so that one does not
// learn what another is asked with (RFC 9018 section 3).
type cookies struct {
	mu sync.Mutex
	of map[netip.Addr]cookie
}

// find returns the cookie for a server, a new one where there is none.
func (c *cookies) find(server netip.Addr) cookie {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have, ok := c.of[server]; ok {
		return have
	}
	var made cookie
	rand.Read(made.client[:])
	if c.of == nil || len(c.of) >= maxCookies {
		c.of = make(map[netip.Addr]cookie)
	}
	c.of[server] = made
	return made
}

// learn keeps a server's part, if client is still what the server is asked with.
func (c *cookies) learn(server netip.Addr, client, part []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	have, ok := c.of[server]
	if ok && bytes.Equal(have.client[:], client) && !bytes.Equal(have.server, part) {
		have.server = bytes.Clone(part)
		c.of[server] = have
	}
}
