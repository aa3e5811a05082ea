package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// The statuses of nsswitch.conf(5), and that of a source that was not asked.
const (
	nssSuccess  = "success"
	nssNotFound = "notfound"
	nssUnavail  = "unavail"
	skipped     = "skipped"
)

// result is what a source came to.
type result struct {
	step      Step
	addrs     []Address
	names     []string
	origin    Origin // of names, but for its source
	canonical string
	verdict   Verdict
	reason    string
}

// nameOrigin says where the names come from, if there are any.
func (r *result) nameOrigin() Origin {
	if len(r.names) == 0 {
		return Origin{}
	}
	o := r.origin
	o.Source = r.step.Source
	return o
}

// source is a way to find addresses of names and names of addresses.
type source struct {
	addrs func(s *System, ctx context.Context, name string, family Family) (result, error)
	names func(s *System, ctx context.Context, addr netip.Addr) (result, error)
}

// sources are those of nsswitch.conf(5) that this program can ask.
func sources() map[string]source {
	return map[string]source{
		"files":      {(*System).filesAddrs, (*System).filesNames},
		"dns":        {(*System).dnsAddrs, (*System).dnsNames},
		"myhostname": {(*System).ownAddrs, (*System).ownNames},
	}
}

// others says of sources that this program cannot ask what they are, by the beginning of their names.
func others() []struct{ prefix, words string } {
	return []struct{ prefix, words string }{
		{"resolve", "systemd-resolved, which has name servers of its own for each interface"},
		{"mdns", "multicast DNS, by Avahi (RFC 6762)"},
		{"mymachines", "containers of systemd-machined"},
		{"libvirt", "virtual machines of libvirt"},
		{"sss", "the System Security Services Daemon"},
		{"nis", "the Network Information Service"},
		{"wins", "NetBIOS names, by Samba"},
		{"ldap", "a directory"},
		{"hesiod", "Hesiod"},
		{"db", "a Berkeley database of the hosts file"},
		{"docker", "containers of Docker"},
	}
}

// skip is the result of a source that cannot be asked, about what f is for. The C library goes on after one that is
// not there, and so is done here.
func (s *System) skip(name string, f *Found) result {
	if why := s.spare(name, f); why != "" {
		return result{step: Step{Source: name, Status: nssUnavail, Detail: why}}
	}
	what := "a source that is not known here"
	for _, o := range others() {
		if strings.HasPrefix(name, o.prefix) {
			what = o.words
			break
		}
	}
	return result{step: Step{Source: name, Status: skipped,
		Detail: fmt.Sprintf("not asked: %s; a program that can ask it may find something else", what)}}
}

// spare says why it does not matter that a source cannot be asked; "" if it may matter.
func (s *System) spare(name string, f *Found) string {
	switch {
	case strings.HasPrefix(name, "mdns") && !f.Addr.IsValid() && !Within(absolute(f.Name), "local."):
		return "answers for names under local alone (RFC 6762 section 3)"
	case strings.HasPrefix(name, "mdns") && strings.HasSuffix(name, "_minimal") && f.Addr.IsValid() && !f.Addr.IsLinkLocalUnicast():
		return "answers for link-local addresses alone (RFC 6762 section 4)"
	case name == "resolve" && slices.ContainsFunc(s.Sources, func(o Source) bool { return o.Name == "dns" }):
		for _, server := range s.Resolv.Servers {
			if a := server.Addr(); a == netip.AddrFrom4([4]byte{127, 0, 0, 53}) || a == netip.AddrFrom4([4]byte{127, 0, 0, 54}) {
				return fmt.Sprintf("systemd-resolved is asked as the name server %v, by the source dns", a)
			}
		}
	}
	return ""
}

// has reports whether addr is of the family.
func (f Family) has(addr netip.Addr) bool {
	return f == AnyFamily || (f == IPv4) == addr.Is4()
}

// String returns the family as a word before "address": "IPv4", "IPv6", or nothing for any.
func (f Family) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	}
	return ""
}

// addresses counts addresses of the family in words.
func (f Family) addresses(n int) string {
	words := "address"
	if f != AnyFamily {
		words = f.String() + " " + words
	}
	switch n {
	case 0:
		return "no " + words
	case 1:
		return "1 " + words
	}
	return fmt.Sprintf("%d %ses", n, words)
}

// walk goes through the sources in their order until one of their actions says to return. Only what the last one
// that was asked found counts, as in the C library. Where that is nothing the verdict is the weightiest of all sources.
func (s *System) walk(f *Found, ask func(source) (result, error)) error {
	known := sources()
	last := result{verdict: VerdictError, reason: "nsswitch.conf has no source for hosts that could be asked"}
	var worst *result
	for i, named := range s.Sources {
		r := s.skip(named.Name, f)
		status := nssUnavail
		if source, ok := known[named.Name]; ok {
			var err error
			if r, err = ask(source); err != nil {
				return err
			}
			if status = r.step.Status; status == skipped {
				status = nssUnavail
			}
			if last = r; r.weight() > worst.weight() {
				worst = &r
			}
		}
		f.Steps = append(f.Steps, r.step)
		do := named.after(status)
		if do == "return" {
			if status != nssSuccess {
				f.Steps[i].Detail += fmt.Sprintf("; nsswitch.conf says to stop here ([%s=return])", strings.ToUpper(status))
			}
			break
		}
		if do == "merge" {
			last = result{verdict: VerdictError, reason: "nsswitch.conf says to merge, which the C library cannot do for hosts"}
			worst = &last
			break
		}
		if status == nssSuccess && i+1 < len(s.Sources) {
			f.Steps[i].Detail += "; nsswitch.conf says to go on, and what was found is lost"
		}
	}
	f.Addrs, f.Names, f.Canonical = last.addrs, last.names, last.canonical
	f.Origin = last.nameOrigin()
	if last.verdict != VerdictAnswer && worst != nil {
		last = *worst
	}
	f.Verdict, f.Reason = last.verdict, last.reason
	return nil
}

// weight says how much a result without an answer tells beside those of other sources: that one could not find out
// leaves it open whether there is an answer, and that the name exists, or that DNS denies it, says more than that it
// is not in a file.
func (r *result) weight() int {
	switch {
	case r == nil || r.verdict == VerdictAnswer:
		return 0
	case r.verdict > VerdictNXDomain:
		return 4
	case r.verdict == VerdictNoData:
		return 3
	case r.step.Source == "files" || r.step.Source == "myhostname":
		return 1
	}
	return 2
}
