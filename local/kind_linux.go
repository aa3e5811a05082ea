package local

import (
	"encoding/binary"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// kindOfLink returns what kind of interface a link is, but for Wi-Fi, which its driver only tells nl80211.
func kindOfLink(link netlink.Link) string {
	encap := link.Attrs().EncapType
	switch l := link.(type) {
	case *netlink.Tuntap:
		if l.Mode == netlink.TUNTAP_MODE_TAP {
			return "tap"
		}
		return "tun"
	case *netlink.Device: // no kind of software: what is spoken on it says what it is
		switch {
		case encap == "ether":
			return "ethernet"
		case strings.HasPrefix(encap, "ieee802.11"):
			return "wifi"
		}
		return encap
	}
	return link.Type()
}

// tunnel reports whether what the kernel has as the hardware address of interfaces that speak encap is an IP address.
func tunnel(encap string) bool {
	switch encap {
	case "ipip", "tunnel6", "sit", "gre", "ip6gre":
		return true
	}
	return false
}

// What linux/nl80211.h has for listing Wi-Fi interfaces.
const (
	nl80211GetInterface = 5
	nl80211Ifindex      = 3
)

// wirelessLinks returns the indexes of the Wi-Fi interfaces. Without nl80211, or when it does not tell, there are none.
func wirelessLinks() map[int]bool {
	family, err := netlink.GenlFamilyGet("nl80211")
	if err != nil {
		return nil
	}
	messages, err := dump("Wi-Fi interfaces", func() ([][]byte, error) {
		request := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_DUMP)
		request.AddData(&nl.Genlmsg{Command: nl80211GetInterface, Version: 0})
		return request.Execute(unix.NETLINK_GENERIC, 0)
	})
	if err != nil {
		return nil
	}
	wifi := make(map[int]bool, len(messages))
	for _, m := range messages {
		if index := parseWireless(m); index != 0 {
			wifi[index] = true
		}
	}
	return wifi
}

// parseWireless returns the index of the interface in a message of nl80211; 0: it has none.
func parseWireless(b []byte) int {
	if len(b) < nl.SizeofGenlmsg {
		return 0
	}
	a, err := parseAttributes(b[nl.SizeofGenlmsg:])
	if err != nil || len(a[nl80211Ifindex]) < 4 {
		return 0
	}
	return int(binary.NativeEndian.Uint32(a[nl80211Ifindex]))
}
