package resolve

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// openTCP connects to a server by TCP.
func openTCP(ctx context.Context, c *Client, s Server) (carrier, error) {
	conn, err := dialTCP(ctx, c, s)
	if err != nil {
		return nil, err
	}
	return newStream(conn), nil
}

// dialTCP returns a connection from the client's source address.
func dialTCP(ctx context.Context, c *Client, s Server) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialTCP(ctx, "tcp", c.local(), s.Addr)
	if err != nil {
		return nil, err
	}
	return prompt(conn), nil
}

// local returns where queries are sent from, with a port of the system's choice.
func (c *Client) local() netip.AddrPort {
	if !c.Source.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(c.Source, 0)
}

// stream carries messages over a connection of bytes, each behind its length (RFC 1035 section 4.2.2). Many
// queries may be under way, and answered in any order (RFC 7766 sections 6.2.1.1 and 7).
type stream struct {
	conn net.Conn
	// writing holds a token while nobody writes; a mutex would not let go of who is no longer interested.
	writing chan struct{}

	mu sync.Mutex
	// waiting are the queries by their identifiers on the wire. One that was given up stays, as nil, until its
	// answer comes: the identifier must not mean another query before.
	waiting map[uint16]*waiter
	served  bool  // it has carried an answer
	err     error // why nothing can be asked any more
	ended   chan struct{}
}

// waiter is a query that waits for its answer.
type waiter struct {
	query   []byte // as it was sent, without its length
	many    bool   // it is answered by several messages
	begun   bool   // one of them came
	answers chan []byte
	gone    chan struct{} // closed when no answer is waited for any more
	ignored Ignored
}

// newStream returns a carrier over a connection, which it closes in the end.
func newStream(conn net.Conn) carrier {
	s := &stream{
		conn:    conn,
		writing: make(chan struct{}, 1),
		waiting: make(map[uint16]*waiter),
		ended:   make(chan struct{}),
	}
	s.writing <- struct{}{}
	go s.read()
	return s
}

// ask sends a query and returns its answer.
func (s *stream) ask(ctx context.Context, query []byte) ([]byte, error) {
	var ignored Ignored
	return s.askCounting(ctx, query, &ignored)
}

// askCounting is ask, and counts what came meanwhile and was no answer.
func (s *stream) askCounting(ctx context.Context, query []byte, ignored *Ignored) ([]byte, error) {
	var answer []byte
	err := s.collect(ctx, query, false, ignored, func(b []byte) (bool, error) {
		answer = b
		return true, nil
	})
	return answer, err
}

// collect sends a query and hands its answer to take, or if there are many each of them until take says
// that it was the last.
func (s *stream) collect(ctx context.Context, query []byte, many bool, ignored *Ignored, take func([]byte) (bool, error)) error {
	w := &waiter{many: many, answers: make(chan []byte, 1), gone: make(chan struct{})}
	id, err := s.enter(w, query)
	if err != nil {
		return err
	}
	defer func() { s.leave(id, w); ignored.add(w.ignored) }()
	if err := s.write(ctx, w.query); err != nil {
		return err
	}
	for {
		b, err := s.next(ctx, w)
		if err != nil {
			return err
		}
		copy(b, query[:2])
		if last, err := take(b); last || err != nil {
			return err
		}
	}
}

// next waits for a message to w.
func (s *stream) next(ctx context.Context, w *waiter) ([]byte, error) {
	select {
	case b := <-w.answers:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.ended:
	}
	select { // what came before the end counts
	case b := <-w.answers:
		return b, nil
	default:
		return nil, s.failure()
	}
}

// enter gives a query an identifier that no other on this connection has: its own if it is free.
func (s *stream) enter(w *waiter, query []byte) (uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if len(s.waiting) > 1<<15 {
		return 0, errors.New("too many queries on one connection wait for an answer")
	}
	id := binary.BigEndian.Uint16(query)
	for {
		if _, taken := s.waiting[id]; !taken {
			break
		}
		id++
	}
	w.query = append([]byte(nil), query...)
	binary.BigEndian.PutUint16(w.query, id)
	s.waiting[id] = w
	return id, nil
}

// leave ends the wait for an answer.
func (s *stream) leave(id uint16, w *waiter) {
	close(w.gone)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[id] == w {
		s.waiting[id] = nil
	}
}

// write sends a message behind its length, in one piece. If it cannot be written whole the connection is of
// no use any more.
func (s *stream) write(ctx context.Context, message []byte) error {
	select {
	case <-s.writing:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ended:
		return s.failure()
	}
	defer func() { s.writing <- struct{}{} }()
	s.conn.SetWriteDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { s.conn.SetWriteDeadline(time.Unix(1, 0)) })
	frame := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(message)), uint16(len(message)))
	_, err := s.conn.Write(append(frame, message...))
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		s.fail(err)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return nil
}

// read takes messages from the connection to its end.
func (s *stream) read() {
	r := bufio.NewReader(s.conn)
	var length [2]byte
	for {
		if _, err := io.ReadFull(r, length[:]); err != nil {
			s.fail(cut(err))
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(r, b); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			s.fail(cut(err))
			return
		}
		s.deliver(b)
	}
}

// cut returns the error of a connection that ends where it must not.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &malformedError{"the connection was closed in the middle of a message"}
	}
	return err
}

// errUnasked is the error of a connection over which comes what nobody asked for.
var errUnasked = &malformedError{"the server sent a message that nothing asked for"}

// deliver hands a message to the query that it answers. What answers none may be meant for any of those that
// wait, and is counted with each; where none waits it ends the connection.
func (s *stream) deliver(b []byte) {
	s.mu.Lock()
	w, why := s.find(b)
	waiting := false
	if why != accepted {
		for _, other := range s.waiting {
			waiting = waiting || other != nil
			if other != nil && (w == nil || other == w) {
				other.ignored.count(why)
			}
		}
		w = nil
	}
	s.mu.Unlock()
	if why != accepted && !waiting {
		s.fail(errUnasked)
	}
	if w == nil {
		return
	}
	select {
	case w.answers <- b:
	case <-w.gone:
	}
}

// find returns the query that b answers. With any other reason than accepted it is the one that b has the
// identifier of, or nil; accepted and nil is the answer to a query that was given up.
func (s *stream) find(b []byte) (*waiter, reason) {
	if len(b) < headerSize {
		return nil, garbage
	}
	id := binary.BigEndian.Uint16(b)
	w, known := s.waiting[id]
	switch {
	case !known && !framed(b):
		return nil, garbage
	case !known:
		return nil, otherID
	case w == nil:
		delete(s.waiting, id)
		return nil, accepted
	}
	if why := w.judge(b); why != accepted {
		return w, why
	}
	s.served = true
	if w.begun = true; !w.many {
		delete(s.waiting, id)
	}
	return w, accepted
}

// judge says whether b answers the query. The messages of a zone transfer after its first may go without
// the question (RFC 5936 section 2.2.1).
func (w *waiter) judge(b []byte) reason {
	if w.begun && w.many && b[4] == 0 && b[5] == 0 {
		if b[2]&bitQR == 0 || b[2]&bitsOp != 0 {
			return noResponse
		}
		return accepted
	}
	end, _ := skipName(w.query, headerSize)
	q := query{bytes: w.query, question: end + 4}
	return q.judge(b)
}

// fail ends the stream for the first reason that it is called with.
func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		s.conn.Close()
		close(s.ended)
	}
}

// failure returns why the stream ended.
func (s *stream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// answered reports whether the stream has carried an answer.
func (s *stream) answered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

// over reports whether the stream has ended.
func (s *stream) over() bool { return s.failure() != nil }

// close ends the connection, and all that wait for an answer.
func (s *stream) close() error {
	s.fail(net.ErrClosed)
	return nil
}
