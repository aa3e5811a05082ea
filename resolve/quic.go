package resolve

import "context"

func openQUIC(ctx context.Context, c *Client, s Server) (carrier, error) { return nil, errNotYet }
