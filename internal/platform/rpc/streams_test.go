package rpc

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"keyway/internal/platform/fault"
)

// A pool that all share always has a place for a caller with few: the one with the most gives one up, be it one person
// with many workspaces, one workspace with many frontends, or one member among the others of a workspace.
func TestStreamsAreShared(t *testing.T) {
	t.Parallel()
	type opened struct {
		Caller
		ctx   context.Context
		place *openStream
	}
	open := func(o *Streams, by Caller) (s opened, err error) {
		ctx, end := context.WithCancelCause(t.Context())
		s = opened{Caller: by, ctx: ctx}
		s.place, err = o.enter(by, end)
		return s, err
	}
	fill := func(t *testing.T, o *Streams, n int, by func(i int) Caller) (all []opened) {
		t.Helper()
		for i := range n {
			s, err := open(o, by(i))
			if err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
			all = append(all, s)
		}
		return all
	}
	for name, c := range map[string]struct {
		fill   int
		greedy func(i int) Caller
		other  Caller
		share  int // that the other gets in the end
	}{
		"a person with twenty workspaces": {maxStreams, func(i int) Caller {
			return Caller{WorkspaceID: fmt.Sprint("w", i%20), PersonID: "greedy", CredentialID: "c"}
		},
			Caller{WorkspaceID: "other", PersonID: "other"}, maxWorkspaceStreams},
		"frontends of twenty workspaces": {maxStreams, func(i int) Caller {
			return Caller{WorkspaceID: fmt.Sprint("w", i%20), CredentialID: fmt.Sprint("c", i/5), View: "part"}
		}, Caller{WorkspaceID: "other"}, maxStreams / 21},
		"a member of the same workspace": {maxWorkspaceStreams, func(int) Caller { return Caller{WorkspaceID: "w", PersonID: "greedy"} },
			Caller{WorkspaceID: "w", PersonID: "other"}, maxWorkspaceStreams / 2},
		"a member, against the workspace's keys": {maxWorkspaceStreams, func(int) Caller { return Caller{WorkspaceID: "w", PersonID: "greedy"} },
			Caller{WorkspaceID: "w", CredentialID: "key"}, maxWorkspaceStreams / 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := NewStreams()
			all := fill(t, o, c.fill, c.greedy)
			var mine []opened
			var err error
			for err == nil {
				var s opened
				if s, err = open(o, c.other); err == nil {
					mine = append(mine, s)
				}
			}
			if !fault.Is(err, fault.TooManyRequests) || len(mine) != c.share {
				t.Errorf("%d streams, then %v; want %d", len(mine), err, c.share)
			}
			gone := 0
			for _, s := range all {
				if cause := context.Cause(s.ctx); cause != nil {
					gone++
					var f *fault.Error
					if !errors.As(cause, &f) || f.Data["retry_after"] == nil {
						t.Errorf("it gave way with %v", cause)
					}
				}
			}
			for _, s := range mine {
				if s.ctx.Err() != nil {
					t.Error("a stream of who has few gave way")
				}
			}
			if gone != len(mine) || len(o.open) != c.fill {
				t.Errorf("%d of %d gave way, %d are open", gone, len(mine), len(o.open))
			}
			for s := range o.open {
				o.leave(s)
			}
			if len(o.open)+len(o.of)+len(o.total) > 0 {
				t.Errorf("left over: %v %v", o.of, o.total)
			}
			if _, err := open(o, c.greedy(0)); err != nil {
				t.Errorf("after all have left: %v", err)
			}
		})
	}
	// One session of a frontend has its few, and takes none from itself.
	o := NewStreams()
	fill(t, o, maxPartStreams, func(int) Caller { return Caller{WorkspaceID: "w", CredentialID: "c", View: "part"} })
	if _, err := open(o, Caller{WorkspaceID: "w", CredentialID: "c", View: "part"}); err == nil {
		t.Error("a session has more streams than it may")
	}
}
