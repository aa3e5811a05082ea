package resolve

import "context"

func openHTTPS(ctx context.Context, c *Client, s Server) (carrier, error) { return nil, errNotYet }
