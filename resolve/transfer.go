package resolve

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// What a zone transfer may be at most.
const (
	maxTransferRecords  = 1_000_000
	maxTransferBytes    = 256 << 20
	maxTransferPatience = 100 // times that of one message
)

// collector is a carrier that takes an answer of many messages.
type collector interface {
	collect(ctx context.Context, query []byte, many bool, ignored *Ignored, take func([]byte) (bool, error)) error
}

// transfer asks for a whole zone, or for what changed in it (RFC 5936, RFC 1995), over a connection of its
// own: it may be busy for long.
func (a *asking) transfer(ctx context.Context) error {
	s := a.server
	if s.Transport == UDP {
		s.Transport = TCP
	}
	a.stream = true
	a.out.Via = s.Transport
	for {
		again, err := a.transferOnce(ctx, s)
		if err != nil {
			return a.failed(ctx, err)
		}
		if !again {
			return nil
		}
	}
}

// transferOnce asks once, and reports whether the answer says that the server must be asked in another way.
func (a *asking) transferOnce(ctx context.Context, s Server) (bool, error) {
	sent := time.Now()
	c, err := a.client.open(ctx, s)
	if err != nil {
		return false, err
	}
	defer c.close()
	way, ok := c.(collector)
	if !ok {
		return false, fmt.Errorf("zone transfers go by TCP and TLS, not by %v", s.Transport)
	}
	q, err := pack(a.question, a.form)
	if err != nil {
		return false, err
	}
	a.out.Tries++
	t := transferring{incremental: a.question.Type == TypeIXFR}
	var trailing int
	var first time.Time
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(a.client.patience(), func() { cancel(&silentError{fmt.Sprintf("nothing more in %v", a.client.patience())}) })
	defer idle.Stop()
	longest := maxTransferPatience * a.client.patience()
	whole := time.AfterFunc(longest, func() { cancel(&silentError{fmt.Sprintf("no end in %v", longest)}) })
	defer whole.Stop()
	err = way.collect(limited, q.bytes, true, &a.out.Ignored, func(b []byte) (bool, error) {
		if first.IsZero() {
			first = time.Now()
		}
		idle.Reset(a.client.patience())
		m, more, err := unpack(b)
		if err != nil {
			return false, err
		}
		if q.checkCookie(m) != accepted {
			a.out.Ignored.Cookie++
			return false, errForeign
		}
		trailing += more
		return t.add(m)
	})
	if err != nil {
		return false, t.failure(limited, err)
	}
	a.learn(q, t.whole)
	if a.answered(q, t.whole) == again {
		return true, nil
	}
	a.take(t.whole, trailing, first.Sub(sent))
	return false, nil
}

// failure returns the error of a transfer that did not come to its end.
func (t *transferring) failure(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	status, short := classify(err)
	if t.whole == nil || status != Unreachable {
		return err
	}
	// The server began well, and so is no more unreachable than silent.
	return &malformedError{fmt.Sprintf("the transfer ended after %s, before it was complete: %v",
		plural(len(t.whole.Answer), "record", "records"), short)}
}

// transferring is a zone transfer so far.
type transferring struct {
	incremental bool     // IXFR was asked for
	whole       *Message // the first message, with the records of all; nil: none came
	text        int      // bytes of text in them
	serial      string   // of the zone
	soas        int
}

// add takes the next message, and reports whether it was the last.
func (t *transferring) add(m *Message) (bool, error) {
	records := m.Answer
	if t.whole == nil {
		t.whole = m
		if m.Rcode != NoError || len(records) == 0 || records[0].Type != TypeSOA {
			return true, nil // no transfer, which is an answer, too
		}
	} else {
		if m.Rcode != NoError {
			return false, &malformedError{fmt.Sprintf("the transfer was ended by %v after %s", m.Rcode,
				plural(len(t.whole.Answer), "record", "records"))}
		}
		if t.whole.Size += m.Size; t.whole.Size > maxTransferBytes || len(t.whole.Answer)+len(records) > maxTransferRecords {
			return false, errTooMuch
		}
		t.whole.Answer = append(t.whole.Answer, records...)
	}
	for i, r := range records {
		if t.text += len(r.Name) + len(r.Value); t.text > 2*maxTransferBytes {
			return false, errTooMuch
		}
		if r.Type == TypeSOA && t.soa(r) {
			t.whole.Answer = t.whole.Answer[:len(t.whole.Answer)-len(records)+i+1]
			return true, nil
		}
	}
	// A server that has nothing newer than the asker sends its SOA alone (RFC 1995 section 4).
	return t.incremental && len(t.whole.Answer) == 1, nil
}

// errTooMuch is the error of a zone that is larger than a transfer may be.
var errTooMuch = &malformedError{"the zone is larger than a transfer may be"}

// soa takes a SOA record and reports whether it closes the transfer. Of all records behind the first that is
// the next one. Of changes it stands before what is taken away, with an old serial, then before what is
// added, in turn; the one that closes stands where records to take away would follow, and has the zone's serial.
func (t *transferring) soa(r Record) bool {
	serial := ""
	if fields := strings.Fields(r.Value); len(fields) == 7 {
		serial = fields[2]
	}
	t.soas++
	if t.soas == 1 {
		t.serial = serial
		return false
	}
	return t.soas%2 == 0 && (serial == t.serial || !t.incremental)
}
