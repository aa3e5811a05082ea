package resolve

import (
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// datagram is a query by UDP with a socket of its own, so that its port is as hard to guess as its
// identifier (RFC 5452 section 9.2). The socket is connected: the kernel lets nothing in but what comes
// from the server, and hands over the ICMP errors for it.
type datagram struct {
	*query
	conn    *net.UDPConn
	sent    time.Time
	ignored Ignored
}

// arrival is what came back to a datagram.
type arrival struct {
	to       *datagram
	message  *Message
	trailing int
	broken   error // why the message is not all there is
	at       time.Time
	err      error // of the socket
}

// receive waits for the answer and passes over all else, until the socket's deadline.
func (d *datagram) receive(buf []byte) arrival {
	for {
		n, err := d.conn.Read(buf)
		if err != nil {
			return arrival{to: d, err: err}
		}
		at := time.Now()
		b := buf[:n]
		why := d.judge(b)
		if why == accepted {
			m, trailing, err := unpack(b)
			if why = d.checkCookie(m); why == accepted {
				return arrival{to: d, message: m, trailing: trailing, broken: err, at: at}
			}
		}
		d.ignored.count(why)
	}
}

// maxQueries bounds the datagrams of a question: all tries, and the ways of asking that a course has.
const maxQueries = maxTries + 16

// flight is all datagrams of a question that may still be answered: also a late answer is one.
type flight struct {
	client *Client
	open   []*datagram
	// arrivals has what the sockets receive, each by a goroutine; nil as long as there is but one, which
	// is then read without any.
	arrivals chan arrival
	readers  sync.WaitGroup
	ignored  Ignored
}

// send sends a query from a new socket.
func (f *flight) send(ctx context.Context, s Server, q *query) error {
	var dialer net.Dialer
	conn, err := dialer.DialUDP(ctx, "udp", f.client.local(), s.Addr)
	if err != nil {
		return err
	}
	d := &datagram{query: q, conn: conn, sent: time.Now()}
	f.open = append(f.open, d)
	if _, err := conn.Write(q.bytes); err != nil {
		return err
	}
	if len(f.open) > 1 || f.arrivals != nil {
		f.listen()
	}
	return nil
}

// listen has all sockets read at the same time.
func (f *flight) listen() {
	unread := f.open[len(f.open)-1:]
	if f.arrivals == nil {
		f.arrivals = make(chan arrival, maxQueries)
		unread = f.open
	}
	for _, d := range unread {
		d.conn.SetReadDeadline(time.Time{})
		f.readers.Go(func() { f.read(d) })
	}
}

// read hands over the answer to a datagram, or the error of its socket. It never waits to be heard, as there
// is room for all.
func (f *flight) read(d *datagram) {
	buf := f.client.kept().buffer()
	defer f.client.kept().buffers.Put(buf)
	f.arrivals <- d.receive(buf[:])
}

// wait returns the next arrival, os.ErrDeadlineExceeded as its error if there is none until then.
func (f *flight) wait(ctx context.Context, until time.Time) arrival {
	if f.arrivals == nil {
		return f.waitOne(ctx, until)
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case a := <-f.arrivals:
		return a
	case <-timer.C:
		return arrival{err: os.ErrDeadlineExceeded}
	case <-ctx.Done():
		return arrival{err: ctx.Err()}
	}
}

// waitOne reads the only socket there is.
func (f *flight) waitOne(ctx context.Context, until time.Time) arrival {
	d := f.open[0]
	d.conn.SetReadDeadline(until)
	if ctx.Done() != nil {
		past := time.Unix(1, 0)
		defer context.AfterFunc(ctx, func() { d.conn.SetReadDeadline(past) })()
	}
	buf := f.client.kept().buffer()
	defer f.client.kept().buffers.Put(buf)
	a := d.receive(buf[:])
	if err := ctx.Err(); err != nil && a.err != nil {
		a.err = err
	}
	return a
}

// forget closes the socket of a datagram that was answered.
func (f *flight) forget(d *datagram) {
	d.conn.Close()
	f.ignored.add(d.ignored)
	for i := range f.open {
		if f.open[i] == d {
			f.open = append(f.open[:i], f.open[i+1:]...)
			return
		}
	}
}

// close closes all sockets, and returns what came to them and was ignored.
func (f *flight) close() Ignored {
	for _, d := range f.open {
		d.conn.Close()
	}
	f.readers.Wait()
	for _, d := range f.open {
		f.ignored.add(d.ignored)
	}
	return f.ignored
}
