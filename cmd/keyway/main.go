// Command keyway is a self-hosted server that speaks the Seam API, and the commands to look after
// it. This package is the only place that knows all the rooms of the program.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"keyway/internal/fault"
)

// version is set when a release is built.
var version = "0.1.0-dev"

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := rootCommand()
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "keyway:", message(err))
	var usage *usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

// usageError is a command that was typed wrongly.
type usageError struct{ error }

func (u *usageError) Unwrap() error { return u.error }

func badUsage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// message is what a person should read of an error.
func message(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message
	}
	return err.Error()
}

// globals are the flags that every command has.
type globals struct {
	data        string
	databaseURL string
	keyFile     string
	json        bool
}

func rootCommand() *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:   "keyway",
		Short: "A self-hosted server that speaks the Seam API",
		Long: `Keyway is a self-hosted server that speaks the Seam API: one HTTP API for smart locks,
thermostats and sensors of every brand. Not affiliated with Seam.

Try it:            keyway demo
Run it for real:   keyway serve`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
		// A group of commands without one of them shows its help; a misspelt one is bad usage.
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := root.PersistentFlags()
	f.StringVar(&g.data, "data", env("KEYWAY_DATA", "./keyway-data"), "data folder [KEYWAY_DATA]")
	f.StringVar(&g.databaseURL, "database-url", "", "postgres://… instead of SQLite in the data folder [KEYWAY_DATABASE_URL]")
	f.StringVar(&g.keyFile, "key-file", "", "file with the server key; best kept outside the data folder [KEYWAY_KEY_FILE]")
	f.BoolVar(&g.json, "json", false, "print one JSON object on stdout and nothing else")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	// The URL can hold a password, so it is never shown as a flag's default.
	root.PersistentPreRun = func(*cobra.Command, []string) {
		if !f.Changed("database-url") {
			g.databaseURL = os.Getenv("KEYWAY_DATABASE_URL")
		}
		if g.keyFile == "" {
			g.keyFile = os.Getenv("KEYWAY_KEY_FILE")
		}
	}
	root.AddCommand(serveCommand(g), demoCommand(g), initCommand(g), patCommand(g), apiKeyCommand(g), userCommand(g),
		workspaceCommand(g), sandboxCommand(g), apiCommand(g), doctorCommand(g), openAPICommand(g), accessTableCommand(g), versionCommand(g))
	wrapArgs(root)
	return root
}

// wrapArgs makes wrong arguments bad usage everywhere.
func wrapArgs(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.NoArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// group is a command that only holds others.
func group(use, short string, sub ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(sub...)
	return cmd
}

func env(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

func required(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if f := cmd.Flag(name); f.Value.String() == "" {
			return badUsage("--%s is needed; see `%s --help`", name, cmd.CommandPath())
		}
	}
	return nil
}
