package resolve

import "context"

func openTLS(ctx context.Context, c *Client, s Server) (carrier, error) { return nil, errNotYet }
