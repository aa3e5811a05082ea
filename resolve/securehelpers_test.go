package resolve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// secured are the transports that are secure, each with servers for it.
var secured = []struct {
	transport Transport
	protocol  string // ALPN
	// join connects over a link in memory to a server that answers each query by answer, unless that returns nil.
	join joining
	// listen serves such a server at an address of this machine until the test ends.
	listen func(t *testing.T, ip netip.Addr, config *tls.Config, answer func(peer net.Addr, query []byte) []byte) Server
}{
	{TLS, "dot", joinTLS, listenTLS}, {HTTPS, "h2", joinHTTPS, listenHTTPS}, {QUIC, "doq", joinQUIC, listenQUIC},
}

type joining func(ctx context.Context, t *testing.T, c *Client, s Server, config *tls.Config, answer func([]byte) []byte) (carrier, error)

// bubble runs test for each of the transports in a bubble.
func bubble(t *testing.T, test func(t *testing.T, transport Transport, protocol string, join joining)) {
	for _, lane := range secured {
		t.Run(lane.transport.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, lane.transport, lane.protocol, lane.join) })
		})
	}
}

// signer signs certificates.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	a := &signer{pool: x509.NewCertPool()}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert, a.key = signed(t, &template, nil)
	a.pool.AddCert(a.cert)
	return a
}

// signed returns the certificate of a template, signed by a, or by itself.
func signed(t *testing.T, template *x509.Certificate, a *signer) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, by := template, key
	if a != nil {
		parent, by = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// config returns that of a server with a certificate for dns.example, 127.0.0.1 and ::1, which change may spoil.
func (a *signer) config(t *testing.T, protocol string, change func(*x509.Certificate)) *tls.Config {
	t.Helper()
	template := x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames:    []string{"dns.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if change != nil {
		change(&template)
	}
	cert, key := signed(t, &template, a)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		NextProtos:   []string{protocol},
	}
}

// localhost is the server as a user would name it.
func localhost(transport Transport, host string) Server {
	return Server{Transport: transport, Addr: loopbackPort(853), Host: host}
}

func loopbackPort(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

// packed returns a query for name.
func packed(t *testing.T, id uint16, name string) []byte {
	t.Helper()
	query := new(dns.Msg).SetQuestion(name, dns.TypeA)
	query.Id = id
	wire, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// echo answers a query by itself.
func echo(query []byte) []byte {
	answer := bytes.Clone(query)
	answer[2] |= bitQR
	return answer
}

// closing closes what came of a connection, if anything did.
func closing(t *testing.T, c carrier) {
	t.Helper()
	if c == nil {
		return
	}
	if err := c.close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// wire is one end of a link in memory. It keeps writes apart, so it carries datagrams as well as a stream, and
// takes them at once, as a socket does.
type wire struct {
	net.Conn
	out    chan []byte
	closed chan struct{}
	gone   chan struct{} // closed when nothing leaves any more
	once   sync.Once
	peer   *wire
}

// link returns the ends of a link.
func link() (a, b net.Conn) {
	left, right := net.Pipe()
	l, r := newWire(left), newWire(right)
	l.peer, r.peer = r, l
	go l.pump()
	go r.pump()
	return l, r
}

func newWire(conn net.Conn) *wire {
	return &wire{Conn: conn, out: make(chan []byte, 1000), closed: make(chan struct{}), gone: make(chan struct{})}
}

func (w *wire) pump() {
	defer close(w.gone)
	defer w.Conn.Close()
	for {
		select {
		case b := <-w.out:
			if _, err := w.Conn.Write(b); err != nil {
				return
			}
		case <-w.closed:
			if len(w.out) == 0 {
				return
			}
		}
	}
}

func (w *wire) Write(b []byte) (int, error) {
	select {
	case <-w.closed:
		return 0, net.ErrClosed
	default:
	}
	select {
	case w.out <- bytes.Clone(b):
		return len(b), nil
	case <-w.gone:
		return 0, net.ErrClosed
	}
}

// Writing takes no time, so nothing of it has to end.
func (w *wire) SetWriteDeadline(time.Time) error     { return nil }
func (w *wire) SetDeadline(deadline time.Time) error { return w.SetReadDeadline(deadline) }

// Close lets what was written reach the other end, while there is one.
func (w *wire) Close() error {
	w.once.Do(func() {
		close(w.closed)
		_ = w.SetReadDeadline(time.Unix(1, 0))
		select {
		case <-w.peer.closed:
			_ = w.Conn.Close()
		default:
		}
	})
	return nil
}
