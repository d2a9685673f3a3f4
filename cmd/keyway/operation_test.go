package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"keyway/internal/trust/audit"
)

func controlled(t *testing.T) *app {
	t.Helper()
	a, err := openApp(t.Context(), appOptions{globals: globals{data: t.TempDir()}, log: slog.New(slog.DiscardHandler),
		publicURL: "http://keyway.test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// Whatever is sent to the control socket, and whatever bug it meets, one command fails and the server goes on. Each
// operation answers each of these in its own words: with a result or an error, on one line.
func TestControlSocketOutlivesEveryCommand(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(controlled(t).controlHandler())
	t.Cleanup(s.Close)
	for o := range operations() {
		if o == opKeyRotate || o == opKeyPrepare || o == opInit || o == opExamine {
			continue // they take nothing that could be wrong, or make something
		}
		for _, args := range []string{``, `null`, `{}`, `[]`, `5`, `{"ID":5}`, `{"Limit":-5,"Devices":-5}`, `{"Limit":9223372036854775807}`,
			`{"ID":"x","WorkspaceID":"x","Email":"x","Role":"x","Limit":0}`,
			strings.Repeat("[", 20_000)} {
			res, err := http.Post(s.URL+"/"+string(o), "application/json", strings.NewReader(args))
			if err != nil {
				t.Fatalf("%s %.40s: %v", o, args, err)
			}
			last := reply{}
			for lines := bufio.NewScanner(res.Body); lines.Scan(); {
				last = reply{}
				if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
					t.Errorf("%s %.40s: %v", o, args, err)
				}
			}
			_ = res.Body.Close()
			if last.Error == nil && last.Failure == "" && last.Result == nil {
				t.Errorf("%s %.40s: no answer", o, args)
			}
			if strings.Contains(last.Failure, "went wrong") {
				t.Errorf("%s %.40s: a bug: %s", o, args, last.Failure)
			}
		}
	}
}

func TestOperationPanics(t *testing.T) {
	t.Parallel()
	a := controlled(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/broken", strings.NewReader("{}"))
	broken := func(context.Context, *app, json.RawMessage, audit.Actor, func(int, int)) (any, error) { panic("a bug") }
	if got := a.operate(r, "broken", broken, func(int, int) {}); !strings.Contains(got.Failure, "went wrong") ||
		strings.Contains(fmt.Sprint(got), "a bug") {
		t.Errorf("%+v", got)
	}
}

// Every operation that a command names has its row in the table: a name without one would fail only when used.
func TestOperationsAreComplete(t *testing.T) {
	t.Parallel()
	for name, o := range constantsOf(t, "operation") {
		if operations()[operation(o)] == nil {
			t.Errorf("%s (%s) has no row", name, o)
		}
	}
}

// constantsOf finds the text constants of a type in this package's source.
func constantsOf(t *testing.T, typeName string) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if of, ok := v.Type.(*ast.Ident); ok && of.Name == typeName && len(v.Values) == 1 {
				value, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out[v.Names[0].Name] = value
			}
			return true
		})
	}
	if len(out) == 0 {
		t.Fatalf("no constants of type %s", typeName)
	}
	return out
}
