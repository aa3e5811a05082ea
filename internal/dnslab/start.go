package dnslab

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
)

// patience is how long servers may take to start on a machine that has much else to do.
const patience = 30 * time.Second

// bogusAnchor is a key of bogus.test that does not exist.
const bogusAnchor = "bogus.test. DS 12345 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"

// starter starts the servers of a lab.
type starter struct {
	*Lab
	t        TB
	programs map[string]string
}

// prepare makes the addresses, the files and the keys.
func (s *starter) prepare() error {
	var batch strings.Builder
	for _, h := range s.hosts() {
		// BIND listens on the addresses of interfaces only.
		fmt.Fprintf(&batch, "addr add %s/32 dev lo\naddr add %s/128 dev lo nodad\n", h.V4, h.V6)
	}
	ip := s.Command(s.t.Context(), s.programs["ip"], "-batch", "-")
	ip.Stdin = strings.NewReader(batch.String())
	if out, err := ip.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", ip, err, out)
	}
	return errors.Join(os.Mkdir(s.path("knot"), 0o700), s.certify(), s.writeFiles())
}

// start starts the servers and returns when all of them answer.
func (s *starter) start() error {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if err := s.listenSilently(); err != nil {
		return err
	}
	daemons := []*daemon{s.daemon("named", " running\n", s.Root, "-g", "-n", "1", "-c", s.path("named.conf"))}
	if err := s.makeAnchors(); err != nil {
		return err
	}
	daemons = append(daemons,
		s.daemon("knotd", "server started", s.Knot, "-c", s.path("knot.conf")),
		s.daemon("unbound", "start of service", s.Recursor, "-d", "-c", s.path("unbound.conf")))
	for _, d := range daemons {
		if err := d.await(ctx); err != nil {
			return fmt.Errorf("%s: %w; it says\n%s", d.name, err, d.log.text())
		}
	}
	return nil
}

// makeAnchors makes the key of signed.test and writes the file of the keys that the recursor knows.
func (s *starter) makeAnchors() error {
	keymgr := func(args ...string) ([]byte, error) {
		cmd := s.Command(s.t.Context(), s.programs["keymgr"], append([]string{"-c", s.path("knot.conf"), "signed.test"}, args...)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", cmd, err, errs.Bytes())
		}
		return out, nil
	}
	if _, err := keymgr("generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes"); err != nil {
		return err
	}
	ds, err := keymgr("ds")
	if err != nil {
		return err
	}
	_, err = s.WriteFile("anchor", string(ds), bogusAnchor)
	return err
}

// listenSilently takes queries to the silent server, by UDP and TCP, and leaves them unanswered.
func (s *starter) listenSilently() error {
	keep := func(c io.Closer, err error) error {
		if err != nil {
			return err
		}
		s.t.Cleanup(func() { _ = c.Close() }) // nothing was written: nothing can be lost
		return nil
	}
	return s.Do(func() error {
		var errs []error
		for _, a := range []netip.Addr{s.Silent.V4, s.Silent.V6} {
			udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 53)))
			errs = append(errs, keep(udp, err))
			for _, port := range []uint16{53, 443, 853} {
				tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, port)))
				errs = append(errs, keep(tcp, err))
			}
		}
		return errors.Join(errs...)
	})
}

// daemon is a server that was started.
type daemon struct {
	name string
	ns   *lab.Namespace
	at   Host
	log  *watch
	done chan struct{} // closed when it has ended
	err  error         // why; valid when done is closed
}

// daemon starts a server that says ready in its log when it is. It is killed when the test ends.
func (s *starter) daemon(name, ready string, at Host, args ...string) *daemon {
	d := &daemon{name: name, ns: s.Namespace, at: at, log: &watch{want: ready, seen: make(chan struct{})}, done: make(chan struct{})}
	cmd := s.Command(s.t.Context(), s.programs[name], args...)
	cmd.Stdout, cmd.Stderr = d.log, d.log
	dieWithTest(cmd.Cmd)
	if d.err = cmd.Start(); d.err != nil {
		close(d.done)
		return d
	}
	go func() {
		defer close(d.done)
		d.err = cmd.Wait()
	}()
	s.t.Cleanup(func() { <-d.done }) // the test's context has ended, and so it was killed
	return d
}

// await returns when the server has said that it is ready, and has answered a question.
func (d *daemon) await(ctx context.Context) error {
	select {
	case <-d.log.seen:
	case <-d.done:
		return fmt.Errorf("ended: %v", d.err)
	case <-ctx.Done():
		return ctx.Err()
	}
	if log := d.log.text(); strings.Contains(log, "not loaded due to errors") || strings.Contains(log, "failed to load zone") {
		return errors.New("a zone is wrong")
	}
	for _, a := range []netip.Addr{d.at.V4, d.at.V6} {
		if err := d.ns.Do(func() error { return ask(ctx, netip.AddrPortFrom(a, 53)) }); err != nil {
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
	return nil
}

// ask asks a server by TCP, which needs no repeating, for the servers of the root, and takes any answer.
func ask(ctx context.Context, server netip.AddrPort) error {
	conn, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(server))
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	query := []byte{0, 17, 0x4e, 0x44, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}
	if _, err := conn.Write(query); err != nil {
		return err
	}
	answer := make([]byte, 2+12)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if id := binary.BigEndian.Uint16(answer[2:]); id != 0x4e44 {
		return fmt.Errorf("the answer has identifier %#x", id)
	}
	return nil
}

// watch is a log that tells when something stands in it.
type watch struct {
	want string
	seen chan struct{} // closed when want has been written

	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := strings.Contains(w.all.String(), w.want)
	w.all.Write(p)
	if !before && strings.Contains(w.all.String(), w.want) {
		close(w.seen)
	}
	return len(p), nil
}

// text returns all that was written.
func (w *watch) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}
