package main

import (
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/serve"
)

// serveJSON is serve as JSON lines, by the schema netdiag.serve/1.
type serveJSON struct {
	out *render.JSON
	cfg *serve.Config
}

type serveStartJSON struct {
	Type       string   `json:"type"`
	Schema     string   `json:"schema"`
	Time       string   `json:"time"`
	Mode       string   `json:"mode"` // greet, echo, hold, reset
	Once       bool     `json:"once"`
	MaxClients int      `json:"max_clients"`
	Idle       *float64 `json:"idle_ms"` // null: never
}

type serveListeningJSON struct {
	Type        string   `json:"type"`
	Time        string   `json:"time"`
	Addr        string   `json:"addr"`
	ConnectTo   []string `json:"connect_to"`
	V6Only      bool     `json:"v6only"`
	Backlog     *int     `json:"backlog"`               // null: not known
	Fingerprint string   `json:"fingerprint,omitempty"` // SHA-256, with TLS
}

// serveArrivalJSON is an accepted or a refused client.
type serveArrivalJSON struct {
	Type    string   `json:"type"`
	Time    string   `json:"time"`
	ID      int64    `json:"id,omitempty"`
	Addr    string   `json:"addr"`
	Clients int      `json:"clients"`
	RTT     *float64 `json:"rtt_ms"`
}

type serveClientJSON struct {
	Type     string   `json:"type"`
	Time     string   `json:"time"`
	ID       int64    `json:"id"`
	Addr     string   `json:"addr"`
	Greeted  bool     `json:"greeted"`
	Sent     int64    `json:"sent"`
	Received int64    `json:"received"`
	Seconds  float64  `json:"seconds"`
	End      string   `json:"end"` // closed, left, timed_out, stopped, reset, handshake, vanished, error
	Reason   string   `json:"reason"`
	RTT      *float64 `json:"rtt_ms"`
	TLS      string   `json:"tls,omitempty"`
	Clients  int      `json:"clients"` // left
}

type serveWarningJSON struct {
	Type    string `json:"type"`
	Time    string `json:"time"`
	Kind    string `json:"kind"` // strained, left_out
	Message string `json:"message"`
}

type serveSummaryJSON struct {
	Type     string  `json:"type"`
	Time     string  `json:"time"`
	Clients  int64   `json:"clients"`
	Greeted  int64   `json:"greeted"`
	Closed   int64   `json:"closed"`
	Left     int64   `json:"left"`
	Hung     int64   `json:"hung"`
	Reset    int64   `json:"reset"`
	Stopped  int64   `json:"stopped"`
	Vanished int64   `json:"vanished"`
	Failed   int64   `json:"failed"`
	Refused  int64   `json:"refused"`
	Sent     int64   `json:"sent"`
	Received int64   `json:"received"`
	Seconds  float64 `json:"seconds"`
	Error    string  `json:"error,omitempty"`
}

func (v *serveJSON) start() error {
	return v.out.Encode(&serveStartJSON{
		Type: "start", Schema: "netdiag.serve/1", Time: render.Time(time.Now()),
		Mode: [...]string{"greet", "echo", "hold", "reset"}[v.cfg.Mode], Once: v.cfg.Once,
		MaxClients: v.cfg.MaxClients, Idle: millis(v.cfg.Idle),
	})
}

func (v *serveJSON) listening(s *serveStart) error {
	j := serveListeningJSON{Type: "listening", Time: render.Time(time.Now()), Addr: s.addr.String(), ConnectTo: []string{}, V6Only: s.v6only, Fingerprint: s.fingerprint}
	if s.backlog > 0 {
		j.Backlog = &s.backlog
	}
	for _, a := range s.connect {
		j.ConnectTo = append(j.ConnectTo, a.String())
	}
	return v.out.Encode(&j)
}

func (v *serveJSON) event(e serve.Event) error {
	at := render.Time(e.At)
	switch e.Kind {
	case serve.Accepted, serve.Refused:
		word := "accepted"
		if e.Kind == serve.Refused {
			word = "refused"
		}
		return v.out.Encode(&serveArrivalJSON{Type: word, Time: at, ID: e.ID, Addr: e.Client.String(), Clients: e.Clients, RTT: millis(e.RTT)})
	}
	return v.out.Encode(&serveClientJSON{
		Type: "client", Time: at, ID: e.ID, Addr: e.Client.String(), Greeted: e.Greeted, Sent: e.Sent, Received: e.Received,
		Seconds: e.Lasted.Seconds(), End: e.End.String(), Reason: endReason(e, v.cfg), RTT: millis(e.RTT), TLS: e.TLS, Clients: e.Clients,
	})
}

func (v *serveJSON) warning(at time.Time, kind, text string) error {
	return v.out.Encode(&serveWarningJSON{Type: "warning", Time: render.Time(at), Kind: kind, Message: text})
}

func (v *serveJSON) finish(n *serveCounts, err error) error {
	j := serveSummaryJSON{
		Type: "summary", Time: render.Time(time.Now()), Clients: n.clients, Greeted: n.greeted, Closed: n.closed, Left: n.left,
		Hung: n.hung, Reset: n.reset, Stopped: n.stopped, Vanished: n.vanished, Failed: n.failed, Refused: n.refused, Sent: n.sent, Received: n.received,
		Seconds: n.took.Seconds(),
	}
	if err != nil {
		j.Error = err.Error()
	}
	return v.out.Encode(&j)
}
