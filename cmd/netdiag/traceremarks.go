package main

import (
	"fmt"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

// remarks returns what is to be said about a trace that is over, beside its hops.
func remarks(t *traceTarget, cfg trace.Config) []string {
	r := t.result
	all := ending(t, cfg)
	if hops := limited(t.hops); hops != "" {
		all = append(all, hops+" only so many probes a second: what is left out is not lost on the path")
	}
	for _, n := range []struct {
		n          int64
		one, other string
	}{
		{r.Late, "answer came after its probe was given up (-w)", "answers came after their probes were given up (-w)"},
		{r.Duplicates, "answer came more often than once", "answers came more often than once"},
		{r.Foreign, "packet looked like an answer and was none: another process's, misaddressed or forged",
			"packets looked like answers and were none: another process's, misaddressed or forged"},
	} {
		if n.n > 0 {
			all = append(all, counted(n.n, n.one, n.other))
		}
	}
	if r.SendErrors > 0 {
		remark := counted(r.SendErrors, "probe was not sent by this machine", "probes were not sent by this machine")
		if t.failure != nil {
			remark += ": " + t.failure.Error()
		}
		all = append(all, remark)
	}
	return append(all, r.Caveats...)
}

// ending says why a trace did not reach its destination; nothing if it did.
func ending(t *traceTarget, cfg trace.Config) []string {
	r := t.result
	if r.Reached {
		return nil
	}
	var all []string
	switch r.Stop {
	case trace.StopUnreachable:
		all = ends(t.hops)
	case trace.StopMaxTTL:
		all = append(all, fmt.Sprintf("not reached within %d hops (-m)", cfg.MaxTTL))
	case trace.StopDeadline:
		all = append(all, "the deadline ended the trace")
	case trace.StopGap:
		if !r.Alive {
			all = append(all, counted(int64(cfg.Gap), "silent hop", "silent hops in a row")+": given up (--gap)")
		}
	}
	if r.Alive {
		all = append(all, fmt.Sprintf("%s is alive (answers %s) behind silent hops", render.Harmless(t.addr.String()), r.AliveBy))
	}
	return all
}

// ends returns who says that the way ends, each once.
func ends(hops []*trace.Hop) []string {
	var all []string
	said := make(map[string]bool)
	for _, h := range hops {
		for i := range h.Probes {
			p := &h.Probes[i]
			if !p.Stopped || p.Reached {
				continue
			}
			remark := fmt.Sprintf("the way ends at hop %d: %v says %s", h.TTL, p.From, p.Message)
			if !said[remark] {
				said[remark] = true
				all = append(all, remark)
			}
		}
	}
	return all
}

// limited begins a sentence with the hops that limit their answers; it is "" if there are none.
func limited(hops []*trace.Hop) string {
	var which []string
	for _, h := range hops {
		if h.RateLimited {
			which = append(which, count(int64(h.TTL)))
		}
	}
	switch len(which) {
	case 0:
		return ""
	case 1:
		return "hop " + which[0] + " answers"
	}
	return "hops " + strings.Join(which, ", ") + " answer"
}

// counted returns "1 probe" or "2 probes".
func counted(n int64, one, other string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + other
}
