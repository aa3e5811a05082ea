package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// talks are the conversations of a run, each on a goroutine of its own. As they are attempts under way, Concurrency bounds them.
type talks struct {
	ctx    context.Context // of all
	cancel context.CancelCauseFunc
	cfg    Config
	talk   talker
	wake   func()
	going  sync.WaitGroup
	ends   chan talkEnd
	cut    map[int64]context.CancelFunc // by id of the attempt
}

// talker has a conversation and closes the connection.
type talker func(context.Context, net.Conn, *Talk, *Target, netip.AddrPort) *Said

// talkEnd is what one of them came to.
type talkEnd struct {
	a    *attempt
	said *Said
}

// newTalks makes those of a run that has at most so many attempts under way; wake tells its loop that one has ended.
func newTalks(ctx context.Context, cfg Config, talk talker, wake func(), most int) *talks {
	t := &talks{cfg: cfg, talk: talk, wake: wake, cut: map[int64]context.CancelFunc{}}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	if cfg.Talk != nil {
		t.ends = make(chan talkEnd, most) // so that an end never waits for the loop
	}
	return t
}

// begin has a conversation over conn, which is closed in the end.
func (t *talks) begin(a *attempt, conn net.Conn) {
	ctx, cancel := context.WithCancel(t.ctx)
	t.cut[a.id] = cancel
	t.going.Go(func() {
		said := t.talk(ctx, conn, t.cfg.Talk, a.target, a.to)
		if said.Err != nil && errors.Is(said.Err, ctx.Err()) && context.Cause(ctx) == errTimeUp {
			said.Err = errTimeUp
		}
		t.ends <- talkEnd{a, said}
		t.wake()
	})
}

// ended returns those that have ended since it was called last.
func (t *talks) ended() (ends []talkEnd) {
	for {
		select {
		case e := <-t.ends:
			t.hangUp(e.a)
			delete(t.cut, e.a.id)
			ends = append(ends, e)
		default:
			return ends
		}
	}
}

// hangUp ends the conversation of a, if there is one.
func (t *talks) hangUp(a *attempt) {
	if cancel := t.cut[a.id]; cancel != nil {
		cancel()
	}
}

// errTimeUp ends a conversation as Config.Deadline ends the run.
var errTimeUp = fmt.Errorf("probe: the time of the run was up: %w", context.DeadlineExceeded)

// close ends all and waits until they have.
func (t *talks) close(why ending) {
	if why == late {
		t.cancel(errTimeUp)
	} else {
		t.cancel(nil)
	}
	t.going.Wait()
}
