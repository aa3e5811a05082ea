//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package local

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// bestRoute asks the kernel by RTM_GET of route(4) for the route to dst by the interface of an index, unless that is 0;
// false: there is none. The kernel chooses the source; what it does with packets from another it cannot be asked.
func bestRoute(dst, source netip.Addr, scope int) (Route, bool, error) {
	m, err := getRoute(dst, scope)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENETUNREACH) {
		return Route{}, false, nil
	}
	if err != nil {
		return Route{}, false, fmt.Errorf("local: asking the kernel for the way to %v: %w", dst, err)
	}
	names, err := linkNames()
	if err != nil {
		return Route{}, false, err
	}
	r, ok := routeOf(m, names)
	switch {
	case !ok:
		return Route{}, false, fmt.Errorf("local: the kernel names no route to %v", dst)
	case scope != 0 && r.Interface != names[scope]:
		return Route{}, false, nil // by that interface there is none
	case source.IsValid() && source != r.Source && !source.IsLoopback():
		return Route{}, false, unsupported(fmt.Sprintf("the source %v, where it takes %v,", source, r.Source))
	}
	return r, true, nil
}

// getRoute asks for the route to dst, by the interface of an index unless that is 0.
func getRoute(dst netip.Addr, scope int) (*route.RouteMessage, error) {
	const seq = 1
	request := &route.RouteMessage{
		Version: unix.RTM_VERSION, Type: unix.RTM_GET, Flags: unix.RTF_UP | unix.RTF_HOST | scopedFlag(scope), Index: scope,
		ID: uintptr(os.Getpid()), Seq: seq, Addrs: make([]route.Addr, unix.RTAX_MAX),
	}
	if dst.Is4() {
		request.Addrs[unix.RTAX_DST] = &route.Inet4Addr{IP: dst.As4()}
	} else {
		to := &route.Inet6Addr{IP: dst.As16()}
		if dst.IsLinkLocalUnicast() || dst.IsLinkLocalMulticast() {
			to.ZoneID = scope
		}
		request.Addrs[unix.RTAX_DST] = to
	}
	request.Addrs[unix.RTAX_IFP] = &route.LinkAddr{}
	b, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_ROUTE, unix.SOCK_RAW, unix.AF_UNSPEC)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	unix.CloseOnExec(fd)
	// The answer is there when write returns; what else happens to routes comes as well.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if _, err := unix.Write(fd, b); err != nil {
		return nil, err
	}
	for answer := make([]byte, 4096); ; {
		n, err := unix.Read(fd, answer)
		if err != nil {
			return nil, os.NewSyscallError("read", err)
		}
		messages, err := route.ParseRIB(route.RIBTypeRoute, answer[:n])
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			if r, ok := m.(*route.RouteMessage); ok && r.Type == unix.RTM_GET && r.ID == request.ID && r.Seq == seq {
				return r, r.Err
			}
		}
	}
}
