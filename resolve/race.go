package resolve

import (
	"context"
	"sync"
)

// runRace asks all servers at the same time, each question on its own, and takes the first answer that counts.
func (st *stub) runRace(ctx context.Context, o outcome) (outcome, error) {
	winners := make([]*Exchange, len(o.lookups))
	errs := make([]error, len(o.lookups))
	var wg sync.WaitGroup
	for i := range o.lookups {
		wg.Go(func() { winners[i], errs[i] = st.raceOne(ctx, &o.lookups[i]) })
	}
	wg.Wait()
	won := 0
	for i, x := range winners {
		if errs[i] != nil {
			return o, errs[i]
		}
		if x != nil {
			won++
		}
		for _, x := range o.lookups[i].Exchanges {
			if x.standing(st.conf.Options.UseVC) != lost {
				o.unreached = false
			}
			if x.Message != nil {
				o.servFail = x.Message.Rcode == ServFail
			}
		}
	}
	o.giveUp()
	if won > 0 {
		o.settle(winners, st.conf.Options.UseVC)
	}
	return o, nil
}

// raceOne asks all servers one question, and returns the first exchange with an answer that counts; nil: there
// was none. The others are called off.
func (st *stub) raceOne(ctx context.Context, l *Lookup) (*Exchange, error) {
	race, stop := context.WithCancel(ctx)
	defer stop()
	type ended struct {
		x   *Exchange
		err error
	}
	results := make(chan ended)
	for i := range st.conf.Servers {
		go func() {
			x, err := st.exchange(race, i, l.Question, st.conf.Options.Timeout, max(1, st.conf.Options.Attempts))
			results <- ended{x, err}
		}()
	}
	var winner *Exchange
	for range st.conf.Servers {
		r := <-results
		if winner != nil || r.err != nil {
			continue // called off
		}
		l.Exchanges = append(l.Exchanges, r.x)
		if r.x.standing(st.conf.Options.UseVC) == usable {
			winner = r.x
			stop()
		}
	}
	if winner != nil {
		return winner, nil
	}
	return nil, ctx.Err()
}
