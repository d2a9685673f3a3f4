package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Guards the kind "empty is absent" in commands: a flag that a script's unset variable made empty is bad usage, everywhere.
func TestEmptyFlagsAreBadUsage(t *testing.T) {
	t.Parallel()
	tried := 0
	var walk func(path []string, cmd *cobra.Command)
	walk = func(path []string, cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(append(slices.Clone(path), sub.Name()), sub)
		}
		if !cmd.Runnable() || cmd.HasSubCommands() || cmd.Name() == "serve" {
			return
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); !strings.HasPrefix(kind, "string") || slices.Contains(mayBeEmpty, f.Name) {
				return
			}
			root := rootCommand()
			root.SetArgs(append(slices.Clone(path), "--"+f.Name, ""))
			root.SetOut(io.Discard)
			root.SetErr(io.Discard)
			var usage *usageError
			if err := root.ExecuteContext(t.Context()); !errors.As(err, &usage) {
				t.Errorf("%v --%s: %v", path, f.Name, err)
			}
			tried++
		})
	}
	walk(nil, rootCommand())
	if tried < 20 {
		t.Errorf("only %d flags were tried", tried)
	}
}
