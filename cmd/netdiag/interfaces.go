package main

import (
	"context"
	"errors"
)

// interfacesCommand is the table's entry of interfaces.
func interfacesCommand() command {
	return command{
		name:    "interfaces",
		summary: "",
		run:     func(context.Context, *call) (status, error) { return unable, errors.ErrUnsupported },
	}
}
