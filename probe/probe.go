package probe

import (
	"context"
	"errors"
	"iter"
)

// Run probes cfg.Targets and yields what is found, in the order in which it becomes known. Each pair is an event and
// nil, or the zero Event and an error, which is last: a *ConfigError, or ctx.Err() when ctx ends. Breaking
// out of the loop releases everything. Ranging again is a new run, as far as cfg.Targets can be ranged again.
func Run(ctx context.Context, cfg Config) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { yield(Event{}, errors.ErrUnsupported) }
}
