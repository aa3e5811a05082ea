package rawsock

import "errors"

func connect(ConnectConfig) (Connector, error) { return nil, errors.ErrUnsupported }
