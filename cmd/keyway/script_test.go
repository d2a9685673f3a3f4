package main

import (
	"database/sql"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"keyway/internal/platform/store/storetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"keyway": func() { os.Exit(run()) }})
}

// The commands as a person types them, each script in a folder of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	postgres := storetest.PostgresURL(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			port, err := freePort()
			e.Vars = append(e.Vars, "PORT="+port, "URL=http://127.0.0.1:"+port, "POSTGRES="+postgres, "HOME="+e.WorkDir, "TMPDIR="+os.TempDir())
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// exits CODE COMMAND… runs a command and looks at its exit code.
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				got := 0
				var exit *exec.ExitError
				if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
					got = exit.ExitCode()
				} else {
					ts.Check(err)
				}
				if want, err := strconv.Atoi(args[0]); err != nil || got != want {
					ts.Fatalf("%s exits with %d, not %s", strings.Join(args[1:], " "), got, args[0])
				}
			},
			// healthy URL waits until a server answers.
			"healthy": func(ts *testscript.TestScript, _ bool, args []string) {
				for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
					if res, err := http.Get(args[0] + "/health"); err == nil {
						_ = res.Body.Close()
						if res.StatusCode == http.StatusOK {
							return
						}
					}
				}
				ts.Fatalf("nothing answers at %s", args[0])
			},
			// keep NAME PATTERN puts what the pattern's group finds in stdout into a variable.
			"keep": func(ts *testscript.TestScript, _ bool, args []string) {
				_, after, ok := strings.Cut(ts.ReadFile("stdout"), args[1])
				value, _, closed := strings.Cut(after, `"`)
				if !ok || !closed {
					ts.Fatalf("stdout has no %s", args[1])
				}
				ts.Setenv(args[0], value)
			},
			// sql FILE STATEMENT changes a database that no server has open.
			"sql": func(ts *testscript.TestScript, _ bool, args []string) {
				db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
				ts.Check(err)
				_, err = db.Exec(args[1])
				ts.Check(errors.Join(err, db.Close()))
			},
			// lines N NAME counts the lines of a file or of stdout.
			"lines": func(ts *testscript.TestScript, _ bool, args []string) {
				if got := strings.Count(ts.ReadFile(args[1]), "\n"); strconv.Itoa(got) != args[0] {
					ts.Fatalf("%s has %d lines, not %s", args[1], got, args[0])
				}
			},
		},
	})
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
