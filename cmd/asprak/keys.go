package main

import (
	"context"
	"fmt"

	"asprak/infrastructure/keys"
)

type keysCmd struct {
	Rotate rotateCmd `cmd:"" help:"Give the keys of personal values a new master key. Every process of the server has to be stopped."`
}

type rotateCmd struct {
	storage `embed:""`
}

// Run wraps all keys anew; the log and the documents stay as they are.
func (c *rotateCmd) Run(ctx context.Context, env environment) error {
	n, err := keys.Rotate(ctx, c.keyRing(), c.master())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.stdout, "%d keys are wrapped by a new master key in %s; copies of the keys from before open with the old one only, so make a new copy of both\n", n, c.master().File)
	return err
}
