package local

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

func TestParseSocketTable(t *testing.T) {
	tcp := socketTables(false)
	row := make([]byte, 24)
	row[0] = stateListen
	copy(row[4:], []byte{127, 0, 0, 1, 0x1e, 0x61})
	row[20] = 42
	wait := slices.Clone(row)
	wait[0] = stateTimeWait
	copy(wait[12:], []byte{10, 0, 0, 1, 0, 9})
	b := binary.LittleEndian.AppendUint32(nil, 3)
	b = slices.Concat(b, row, wait, row[:10])
	want := []Socket{
		{Addr: netip.MustParseAddrPort("127.0.0.1:7777"), PID: 42, UID: -1},
		{Addr: netip.MustParseAddrPort("127.0.0.1:7777"), Remote: netip.MustParseAddrPort("10.0.0.1:9"), State: SocketTimeWait, TimeWait: true, UID: -1},
	}
	if got := tcp[0].parse(b); !slices.Equal(got, want) {
		t.Errorf("sockets %+v, want %+v", got, want)
	}
	six := make([]byte, 56)
	six[15], six[20], six[21], six[48], six[52] = 1, 0x1e, 0x61, stateListen, 7
	b = append(binary.LittleEndian.AppendUint32(nil, 1), six...)
	want = []Socket{{Addr: netip.MustParseAddrPort("[::1]:7777"), PID: 7, UID: -1}}
	if got := tcp[1].parse(b); !slices.Equal(got, want) {
		t.Errorf("sockets %+v, want %+v", got, want)
	}
	if got := tcp[0].parse(nil); got != nil {
		t.Errorf("sockets of nothing: %+v", got)
	}
}
