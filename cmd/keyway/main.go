// Command keyway is a self-hosted server that speaks the Seam API, and the commands to manage
// it. This package is the only place that knows all packages of the program.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyway/internal/platform/fault"
)

// version is set when a release is built.
var version = "0.1.0-dev"

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the first signal asks, a second one ends the process at once
	cmd := rootCommand()
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	complain(message(err))
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
	tokens      string // how many live ones a person may have, as given; empty: as many as usual
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
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // ours knows --json and bad usage
		Args:              cobra.NoArgs,
		RunE:              g.help,
	}
	f := root.PersistentFlags()
	f.StringVar(&g.data, "data", env("KEYWAY_DATA", "./keyway-data"), "data folder [KEYWAY_DATA]")
	f.StringVar(&g.databaseURL, "database-url", "", "postgres://… instead of SQLite in the data folder [KEYWAY_DATABASE_URL]")
	f.StringVar(&g.keyFile, "key-file", "", "file with the server key; best kept outside the data folder [KEYWAY_KEY_FILE]")
	f.BoolVar(&g.json, "json", false, "print one JSON object on stdout and nothing else")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	// The URL can contain a password, so it is never shown as a flag's default.
	root.PersistentPreRun = func(*cobra.Command, []string) {
		if !f.Changed("database-url") {
			g.databaseURL = os.Getenv("KEYWAY_DATABASE_URL")
		}
		if g.keyFile == "" {
			g.keyFile = os.Getenv("KEYWAY_KEY_FILE")
		}
	}
	root.AddCommand(serveCommand(g), demoCommand(g), initCommand(g), patCommand(g), apiKeyCommand(g), userCommand(g),
		workspaceCommand(g), policyCommand(g), sandboxCommand(g), apiCommand(g), auditCommand(g), doctorCommand(g), openAPICommand(g),
		accessTableCommand(g),
		completionCommand(g), versionCommand(g))
	root.SetHelpCommand(helpCommand()) // the usual one takes an unknown command for a known one
	wrapArgs(root)
	return root
}

// mayBeEmpty are the flags for which the empty text stands for something: SQLite, and a file in the data folder.
var mayBeEmpty = []string{"database-url", "key-file"}

// checkFlags refuses flags that were given an empty text, as by a script whose variable is not set: it never means
// what leaving the flag out means. The settings of a server are apart: a container passes them on from its environment.
func checkFlags(cmd *cobra.Command) (err error) {
	if cmd.Name() == "serve" {
		return nil
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		text := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			text = strings.Join(list.GetSlice(), "")
		}
		if strings.TrimSpace(text) == "" && !slices.Contains(mayBeEmpty, f.Name) {
			err = badUsage("--%s is empty; leave it out or give it a value", f.Name)
		}
	})
	return err
}

// wrapArgs makes wrong arguments, and flags without a value, bad usage everywhere.
func wrapArgs(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.NoArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())}
		}
		for _, a := range args {
			if strings.TrimSpace(a) == "" {
				return badUsage("an argument is empty; see `%s --help`", cmd.CommandPath())
			}
		}
		return checkFlags(cmd)
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// group is a command that only contains others.
func (g *globals) group(use, short string, sub ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: g.help}
	cmd.AddCommand(sub...)
	return cmd
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about a command", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return badUsage("there is no command `%s`; see `%s --help`", strings.Join(args, " "), cmd.Root().Name())
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// help is what a group of commands does when none of them is named: a person gets the list of commands,
// and a script, which expects an object, gets an error because it named no command.
func (g *globals) help(cmd *cobra.Command, _ []string) error {
	if g.json {
		return badUsage("name one of the commands of `%s`; see `%[1]s --help`", cmd.CommandPath())
	}
	return cmd.Help()
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
