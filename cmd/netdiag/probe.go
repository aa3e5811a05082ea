package main

import (
	"context"
	"errors"
)

// probeCommand is the table's entry of probe.
func probeCommand() command {
	return command{
		name:    "probe",
		summary: "",
		run:     func(context.Context, *call) (status, error) { return unable, errors.ErrUnsupported },
	}
}
