package packet

import (
	"bytes"
	"testing"
)

// What Linux 6.18 put into the error queues of ping sockets (the echo request, its
// padding to 128 bytes of quote and the extensions) when a router sent, with and without
// the length attribute, one MPLS label and one incoming interface.
const (
	queuedEcho4 = "0800493494e40001 6e65746469616721 6e65746469616721 6e65746469616721"
	queuedEcho6 = "8000000094e60001 6e65746469616721 6e65746469616721 6e65746469616721"
	queuedExt   = `200001ea 00080101 03e81101
		001c020e 00000007 00010000 c00002fe 0c67652d302f302f31000000`
)

func queuedExtensions() Extensions {
	return Extensions{
		MPLS:       []Label{{Label: 16001, Bottom: true, TTL: 1}},
		Interfaces: []Interface{{Index: 7, Addr: gateway4, Name: "ge-0/0/1"}},
	}
}

func TestQueuedErrorExtensions(t *testing.T) {
	padded := func(digits string, to int) []byte { return appendPadded(nil, unhex(t, digits), to) }
	ext := unhex(t, queuedExt)
	noSum := bytes.Clone(ext)
	noSum[2], noSum[3] = 0, 0
	broken := bytes.Clone(ext)
	broken[7]++
	for _, tt := range []struct {
		name   string
		family Family
		proto  uint8
		quote  []byte
		ext    []byte
		at     int
		found  bool
	}{
		{"IPv4 with length attribute", IPv4, ProtoICMP, padded(queuedEcho4, 108), ext, 108, true},
		{"IPv4 of old", IPv4, ProtoICMP, padded(queuedEcho4, 108), ext, 0, true},
		{"IPv4 UDP of old", IPv4, ProtoUDP, padded(queuedEcho4, 100), ext, 0, true},
		{"IPv6 with length attribute", IPv6, ProtoICMPv6, padded(queuedEcho6, 88), ext, 88, true},
		{"IPv6 of old", IPv6, ProtoICMPv6, padded(queuedEcho6, 88), ext, 0, true},
		{"IPv6 UDP of old", IPv6, ProtoUDP, padded(queuedEcho6, 80), ext, -1, true},
		{"attribute wrong, old place right", IPv4, ProtoICMP, padded(queuedEcho4, 108), ext, 100, true},
		{"elsewhere by attribute", IPv4, ProtoICMP, padded(queuedEcho4, 200), ext, 200, true},
		{"elsewhere without", IPv4, ProtoICMP, padded(queuedEcho4, 200), ext, 0, false},
		{"no checksum, by attribute", IPv4, ProtoICMP, padded(queuedEcho4, 108), noSum, 108, true},
		{"no checksum, guessed", IPv4, ProtoICMP, padded(queuedEcho4, 108), noSum, 0, false},
		{"wrong checksum", IPv4, ProtoICMP, padded(queuedEcho4, 108), broken, 108, false},
		{"beyond the end", IPv4, ProtoICMP, padded(queuedEcho4, 32), nil, 65535, false},
		{"nothing there", IPv4, ProtoICMP, nil, nil, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			typ, dst := uint8(11), far4
			if tt.family == IPv6 {
				typ, dst = 3, far6
			}
			payload := append(bytes.Clone(tt.quote), tt.ext...)
			want := Error{Family: tt.family, Type: typ, Class: TimeExceeded, Quote: Quote{
				Header:  Header{Family: tt.family, Dst: dst, Proto: tt.proto},
				Payload: payload,
			}}
			if tt.found {
				want.Extensions, want.Quote.Payload = queuedExtensions(), tt.quote
			}
			equal(t, "error", *QueuedError(tt.family, typ, 0, 0, dst, tt.proto, payload, tt.at), want)
		})
	}
}

func TestQueuedErrorInfo(t *testing.T) {
	for _, tt := range []struct {
		family    Family
		typ, code uint8
		info      uint32
		want      Error
	}{
		{IPv4, 3, 4, 1400, Error{Class: TooBig, MTU: 1400}},
		{IPv4, 3, 1, 1400, Error{Class: Unreachable}},
		{IPv4, 12, 0, 20, Error{Class: Parameter, Pointer: 20}},
		{IPv4, 5, 1, 0xc00002fe, Error{Class: Redirect, Gateway: gateway4}},
		{IPv4, 5, 1, 0, Error{Class: Redirect}},
		{IPv6, 2, 0, 1280, Error{Class: TooBig, MTU: 1280}},
		{IPv6, 2, 0, 0xffffffff, Error{Class: TooBig, MTU: 0x7fffffff}},
		{IPv6, 4, 1, 6, Error{Class: Parameter, Pointer: 6}},
		{IPv6, 137, 0, 6, Error{Class: Redirect}},
		{IPv4, 99, 7, 6, Error{}},
	} {
		tt.want.Family, tt.want.Type, tt.want.Code = tt.family, tt.typ, tt.code
		tt.want.Quote = Quote{Header: Header{Family: tt.family, Dst: far4, Proto: 200}, Payload: []byte("ab")}
		equal(t, "error", *QueuedError(tt.family, tt.typ, tt.code, tt.info, far4, 200, []byte("ab"), 0), tt.want)
	}
}
