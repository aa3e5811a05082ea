package main

import (
	"github.com/netdiag/netdiag/internal/render"
)

// resolveShort is values alone, as dig +short has them: of an answer every record with where aliases lead. What
// several servers say alike stands once.
type resolveShort struct{ out *render.Writer }

func (v *resolveShort) start() error { return nil }

func (v *resolveShort) reply(*inquiry, *response) error { return nil }

func (v *resolveShort) settled(q *inquiry) error {
	if q.ofMachine() {
		return v.found(q.replies[0])
	}
	said, _ := opinions(q)
	for _, o := range said {
		for _, r := range o.replies[0].message().Answer {
			_ = v.out.Printf("%s\n", render.Harmless(r.Value)) // an error sticks and comes back below
		}
	}
	return v.out.Printf("")
}

// found writes what this machine found.
func (v *resolveShort) found(r *response) error {
	if r.found == nil {
		return nil
	}
	for _, name := range r.found.Names {
		_ = v.out.Printf("%s\n", render.Harmless(relative(name)))
	}
	if r.found.Addr.IsValid() {
		return v.out.Printf("")
	}
	for _, a := range r.found.Addrs {
		_ = v.out.Printf("%s\n", render.Harmless(a.Addr.String()))
	}
	return v.out.Printf("")
}
