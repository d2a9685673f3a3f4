// Command gotest reads `go test -json` and prints what a person waiting for it wants: one line a
// package and one for each slow test, the whole output of what failed, and a count at the end.
//
//	go test -json ./... | go run ./scripts/gotest
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// event is one line of `go test -json`.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

// name identifies a test across packages.
type name struct{ pkg, test string }

// report collects events until the tests end.
type report struct {
	out     io.Writer
	slow    time.Duration
	noSkip  bool
	passed  int
	failed  int
	skipped int
	// output holds what an unfinished test, package or build has printed.
	output map[name]*strings.Builder
	// open holds the tests that have started and not ended.
	open map[name]bool
	// failedIn counts the failed tests of a package, to tell a package that broke by itself.
	failedIn map[string]int
	passedIn map[string]int
}

func main() {
	slow := flag.Duration("slow", 2*time.Second, "name every top-level test that took at least this long")
	noSkip := flag.Bool("noskip", false, "count a skipped test as failed")
	counts := flag.String("counts", "", "append `passed failed skipped` to this file")
	flag.Parse()
	r := &report{
		out: os.Stdout, slow: *slow, noSkip: *noSkip,
		output: map[name]*strings.Builder{}, open: map[name]bool{},
		failedIn: map[string]int{}, passedIn: map[string]int{},
	}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(2)
	}
	if r.passed+r.failed == 0 {
		fmt.Fprintln(r.out, "FAIL  no test ran")
		r.failed++
	}
	if *counts != "" {
		if err := appendCounts(*counts, r); err != nil {
			fmt.Fprintln(os.Stderr, "gotest:", err)
			os.Exit(2)
		}
	}
	if r.failed > 0 {
		os.Exit(1)
	}
}

func appendCounts(path string, r *report) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, r.passed, r.failed, r.skipped); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				// The go command itself prints plain text when it cannot start.
				fmt.Fprintf(r.out, "%s", line)
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	if e.Package == "" {
		e.Package = e.ImportPath
	}
	id := name{e.Package, e.Test}
	elapsed := time.Duration(e.Elapsed * float64(time.Second)).Round(10 * time.Millisecond)
	switch e.Action {
	case "run":
		r.open[id] = true
	case "output", "build-output":
		b := r.output[id]
		if b == nil {
			b = &strings.Builder{}
			r.output[id] = b
		}
		b.WriteString(e.Output)
	case "build-fail":
		// Counted with the package that could not be tested because of it.
		fmt.Fprintln(r.out, "does not build: "+e.Package)
		r.print(id)
	case "pass", "skip", "fail":
		if e.Test == "" {
			r.endPackage(e, elapsed)
		} else {
			r.endTest(id, e.Action, elapsed)
		}
	}
}

func (r *report) endTest(id name, action string, elapsed time.Duration) {
	delete(r.open, id)
	switch {
	case action == "pass":
		r.passed++
		r.passedIn[id.pkg]++
		if elapsed >= r.slow && !strings.Contains(id.test, "/") {
			fmt.Fprintf(r.out, "    pass  %s (%v)\n", id.test, elapsed)
		}
	case action == "skip" && !r.noSkip:
		r.skipped++
		fmt.Fprintf(r.out, "    SKIP  %s %s\n", id.pkg, id.test)
	default:
		r.failedIn[id.pkg]++
		r.fail(id, fmt.Sprintf("FAIL  %s %s (%v, %s)", id.pkg, id.test, elapsed, action))
		return
	}
	delete(r.output, id)
}

func (r *report) endPackage(e event, elapsed time.Duration) {
	id := name{e.Package, ""}
	switch {
	case e.Action == "fail" && r.failedIn[e.Package] == 0:
		// A panic, a timeout or a failing TestMain ends the package, not a test: its output stands
		// with the tests that were still running.
		var running []name
		for n := range r.open {
			if n.pkg == e.Package {
				running = append(running, n)
			}
		}
		slices.SortFunc(running, func(a, b name) int { return strings.Compare(a.test, b.test) })
		for _, n := range running {
			r.print(n)
		}
		r.fail(id, fmt.Sprintf("FAIL  %s (%v)", e.Package, elapsed))
	case r.failedIn[e.Package] > 0:
		fmt.Fprintf(r.out, "FAIL  %s (%v, %d of %d tests failed)\n", e.Package, elapsed,
			r.failedIn[e.Package], r.failedIn[e.Package]+r.passedIn[e.Package])
	case e.Action == "pass" && r.passedIn[e.Package] > 0:
		fmt.Fprintf(r.out, "ok    %s (%v, %d tests)\n", e.Package, elapsed, r.passedIn[e.Package])
	}
	delete(r.output, id)
}

func (r *report) fail(id name, headline string) {
	r.failed++
	fmt.Fprintln(r.out, headline)
	r.print(id)
}

func (r *report) print(id name) {
	b := r.output[id]
	if b == nil {
		return
	}
	for line := range strings.Lines(b.String()) {
		// The go command's own framing says nothing that the headline does not.
		if strings.HasPrefix(line, "=== ") {
			continue
		}
		fmt.Fprint(r.out, "      ", line)
	}
	delete(r.output, id)
}
