package resolve

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
)

// maxParallel is how many exchanges Ask has under way at the same time.
const maxParallel = 64

// Ask asks every server every question, all at the same time but for a bound of 64, and yields each exchange
// when it ends. One that cannot be made, as its server has no address, is yielded with LocalError as its
// status. The error of the sequence is ctx's. Breaking out of the loop ends what is under way; ranging once
// more asks again.
func (c *Client) Ask(ctx context.Context, servers []Server, questions []Question) iter.Seq2[*Exchange, error] {
	return func(yield func(*Exchange, error) bool) {
		pairs := len(servers) * len(questions)
		limited, cancel := context.WithCancel(ctx)
		results := make(chan *Exchange)
		var workers sync.WaitGroup
		var next atomic.Int64
		for range min(pairs, maxParallel) {
			workers.Go(func() {
				for i := int(next.Add(1)) - 1; i < pairs; i = int(next.Add(1)) - 1 {
					x := c.exchange(limited, servers[i%len(servers)], questions[i/len(servers)])
					if x == nil {
						return
					}
					select {
					case results <- x:
					case <-limited.Done():
						return
					}
				}
			})
		}
		defer workers.Wait()
		defer cancel()
		for range pairs {
			select {
			case x := <-results:
				if !yield(x, nil) {
					return
				}
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// exchange is Exchange with an error of the arguments in its value; nil: ctx has ended.
func (c *Client) exchange(ctx context.Context, s Server, q Question) *Exchange {
	x, err := c.Exchange(ctx, s, q)
	if err != nil && ctx.Err() == nil {
		return &Exchange{Server: s, Question: q.normal(), Via: s.Transport, Status: LocalError, Err: err}
	}
	return x
}
