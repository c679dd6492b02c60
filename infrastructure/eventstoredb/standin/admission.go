package standin

import (
	"context"
	"encoding/base64"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// isDiscovery tells the calls by which clients find a node; they carry no credentials.
func isDiscovery(method string) bool {
	return strings.Contains(method, "Gossip/") || strings.Contains(method, "ServerFeatures/")
}

// admit asks for the user, if there is one.
func (n *Server) admit(ctx context.Context, method string) error {
	o := n.cluster.options
	if o.User == "" || isDiscovery(method) {
		return nil
	}
	given := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(given) == 0 {
		return refuse(ctx, codes.PermissionDenied, "nobody may do this without credentials", "exception", "access-denied")
	}
	kind, text, _ := strings.Cut(given[0], " ")
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !strings.EqualFold(kind, "basic") || string(plain) != o.User+":"+o.Password {
		return refuse(ctx, codes.Unauthenticated, "the credentials are not known")
	}
	return nil
}
