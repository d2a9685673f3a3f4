package main

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"strconv"
)

// atTokens takes what the limits of a token cost, and what it costs to remember its last use.
func (b *bench) atTokens(ctx context.Context) error {
	f, err := b.newFolder(ctx, 100)
	if err != nil {
		return err
	}
	s, err := f.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // after an error, which is reported instead
	if err := f.readIDs(ctx, s.address); err != nil {
		return err
	}
	limited, err := f.newToken(ctx, "limited", "--expires", "90d", "--scope", "devices:read", "--scope", "locks:read", "--workspace",
		f.workspace, "--cidr", "10.0.0.0/8", "--cidr", "127.0.0.0/8",
		"--device", f.ids[0], "--device", f.ids[1], "--sandbox-only", "--daily-actions", "100", "--hours", "mon-sun 00:00-24:00 Europe/Oslo")
	if err != nil {
		return err
	}
	counted, err := f.newToken(ctx, "counted", "--max-uses", strconv.Itoa(math.MaxInt32))
	if err != nil {
		return err
	}
	plain := f.getWith("no limits, last use in batches", f.token)
	loads, err := b.inTurns(ctx, b.round, turn{plain, s}, turn{f.getWith("all limits but max_uses", limited), s})
	if err != nil {
		return err
	}
	b.atMost("A token with all limits but max_uses / without", loads[1].Micros/loads[0].Micros, "times", 1.3)
	// A use that is counted is on disk before the answer: what the last use would cost if it were, too.
	if loads, err = b.inTurns(ctx, b.round, turn{plain, s}, turn{f.getWith("a use written for each request", counted), s}); err != nil {
		return err
	}
	b.atMost("A use written for each request / last use in batches", loads[1].Micros/loads[0].Micros, "times", 0)
	return nil
}

func (f *folder) newToken(ctx context.Context, name string, limits ...string) (token string, err error) {
	var made struct {
		Token string `json:"personal_access_token"`
	}
	err = f.command(ctx, &made, append([]string{"pat", "create", "--user", "bench@example.com", "--name", name}, limits...)...)
	return made.Token, err
}

// getWith asks for one device with a token.
func (f *folder) getWith(name, token string) *work {
	request := bytes.ReplaceAll(f.request("/devices/get", `{"device_id":"`+f.ids[0]+`"}`), []byte(f.token), []byte(token))
	return &work{name: "/devices/get, " + name, path: "/devices/get", request: func(*rand.Rand) []byte { return request }}
}
