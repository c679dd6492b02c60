package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// healthTimeout bounds the whole question; who asks has a time-out of its own.
const healthTimeout = 5 * time.Second

type healthCmd struct {
	remote `embed:""`
}

// Run fails unless the process at the URL is ready, whatever its roles, and says why.
func (c *healthCmd) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.URL, "/")+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var body struct {
		Problems []string `json:"problems"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return fmt.Errorf("%s: no answer of asprak: %w", response.Status, err)
	}
	return fmt.Errorf("not ready: %s", strings.Join(body.Problems, "; "))
}
