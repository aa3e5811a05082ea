package main

import (
	"context"
	"errors"
)

// routesCommand is the table's entry of routes.
func routesCommand() command {
	return command{
		name:    "routes",
		summary: "",
		run:     func(context.Context, *call) (status, error) { return unable, errors.ErrUnsupported },
	}
}
