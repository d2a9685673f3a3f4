// Command bench measures the built server beside a bare net/http handler that gives answers of
// the same size to the same requests, in the same run, and says which figures reach their goal.
//
// The figure is server CPU per request, read from /proc, because the load comes from the same
// machine and takes its share of the cores: requests per second would measure the two together.
// Even so, read every ratio as give or take a quarter on a machine that does other things too.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == bareMode {
		exit(serveBare(os.Args[2:]))
	}
	b := &bench{}
	asJSON := flag.Bool("json", false, "print JSON on stdout, and the table on stderr")
	file := flag.String("o", "", "also write the JSON to this file")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds of each measurement; the median counts")
	flag.DurationVar(&b.round, "round", time.Second, "length of a round")
	flag.IntVar(&b.connections, "connections", 64, "keep-alive connections")
	flag.IntVar(&b.devices, "devices", 10_000, "devices in the workspace that the main figures are taken in")
	flag.IntVar(&b.codes, "codes", 100_000, "scheduled access codes beside which lateness is taken")
	only := flag.String("only", "", "only one part of the run: devices, locks, lateness, tokens or sizes")
	flag.IntVar(&b.most, "most", 1_000_000, "devices in the largest workspace: 1000, or ten, a hundred or a thousand times as many")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := b.run(ctx, *only)
	if err == nil {
		err = publish(report, *asJSON, *file)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bench is one run.
type bench struct {
	rounds      int
	round       time.Duration
	connections int
	devices     int
	most        int
	codes       int
	binary      string // the built server
	folder      string // everything that the run makes
	report      Report
}

// Report is everything that a run found out.
type Report struct {
	Go          string    `json:"go"`
	Cores       int       `json:"cores"`
	Connections int       `json:"connections"`
	StartedAt   time.Time `json:"started_at"`
	Seconds     float64   `json:"seconds"`
	Loads       []Load    `json:"loads"`
	Figures     []Figure  `json:"figures"`
	Short       int       `json:"missed"` // figures that miss their goal
}

// Figure is a number with a goal, or one for information.
type Figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Aim    string  `json:"goal,omitempty"`
	Passes *bool   `json:"passes,omitempty"`
}

func (b *bench) run(ctx context.Context, only string) (*Report, error) {
	b.report = Report{Go: runtime.Version(), Cores: runtime.NumCPU(), Connections: b.connections, StartedAt: time.Now().UTC()}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return nil, fmt.Errorf("the CPU time of a process is read from /proc, which is not here: %w", err)
	}
	var err error
	if b.folder, err = os.MkdirTemp("", "keyway-bench-"); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(b.folder) }() // a temporary folder
	if err := b.build(ctx); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"devices", b.atWork}, {"locks", b.atLocks}, {"lateness", b.lateness}, {"tokens", b.atTokens}, {"sizes", b.atSizes}} {
		if only == "" || only == part.name {
			if err := part.run(ctx); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range b.report.Figures {
		if f.Passes != nil && !*f.Passes {
			b.report.Short++
		}
	}
	b.report.Seconds = time.Since(b.report.StartedAt).Seconds()
	return &b.report, nil
}

func (b *bench) build(ctx context.Context) error {
	progress("building the server")
	b.binary = filepath.Join(b.folder, "keyway")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.binary, "keyway/cmd/keyway")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// atWork takes the main figures: reads, writes, start and memory.
func (b *bench) atWork(ctx context.Context) error {
	f, s, err := b.serveDevices(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // after an error, which is reported instead
	if err := s.stop(); err != nil {
		return err
	}
	if err := b.start(ctx, f); err != nil {
		return err
	}
	if s, err = f.serve(ctx); err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	get, list, page, update := f.get(), f.list(20), f.list(500), f.update()
	progress("asking for every device once, as a server at work has been")
	if err := f.all().once(ctx, s.address, b.connections); err != nil {
		return err
	}
	for _, a := range []aim{{get, 0.55}, {list, 0.68}, {page, 0}, {update, 0}} {
		if err := b.beside(ctx, a, s); err != nil {
			return err
		}
	}
	one := f.update()
	one.alone, one.name = true, one.name+", one connection"
	if _, err := b.measure(ctx, one, s); err != nil {
		return err
	}
	if err := b.besideWrites(ctx, f, s); err != nil {
		return err
	}
	for _, w := range []*work{f.get(), f.list(20)} {
		if _, err := b.measure(ctx, w.fromDatabase(f.devices), s); err != nil {
			return err
		}
	}
	return b.memory("Memory after all this", s, 0)
}

// serveDevices makes a workspace with devices, serves it, and waits until the server has seen to all
// that follows from them.
func (b *bench) serveDevices(ctx context.Context) (*folder, *process, error) {
	f, err := b.newFolder(ctx, b.devices)
	if err != nil {
		return nil, nil, err
	}
	s, err := f.serve(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(f.readIDs(ctx, s.address), s.settle(ctx)); err != nil {
		return nil, nil, errors.Join(err, s.stop())
	}
	return f, s, nil
}

// aim is a kind of request, and how it should compare with the bare handler; 0: for information.
type aim struct {
	*work
	ratio float64
}

// beside measures our server and the bare one by turns, so that whatever else the machine does meets
// them alike.
func (b *bench) beside(ctx context.Context, a aim, s *process) error {
	size, err := a.answerSize(ctx, s.address)
	if err != nil {
		return err
	}
	bare, err := b.startBare(ctx, a.path, size)
	if err != nil {
		return err
	}
	loads, err := b.inTurns(ctx, b.round, turn{a.work, s}, turn{a.work, bare})
	if err == nil {
		b.atLeast(a.name+", bare / ours", loads[1].Micros/loads[0].Micros, "of bare", a.ratio)
	}
	return errors.Join(err, bare.stop())
}

// start takes what a server costs before it has done anything.
func (b *bench) start(ctx context.Context, f *folder) error {
	progress("starting the server %d times", b.rounds+2)
	var took []float64
	for i := range b.rounds + 2 {
		s, err := f.serve(ctx)
		if err != nil {
			return err
		}
		took = append(took, float64(s.firstAnswer.Microseconds())/1000)
		if i == b.rounds+1 {
			sleep(ctx, 3*time.Second)
			err = b.memory("Memory when idle", s, 40)
		}
		if err := s.stop(); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
	b.atMost("Start to first answer", median(took), "ms", 50)
	return nil
}

func (b *bench) memory(name string, s *process, aim float64) error {
	kib, err := s.residentKiB()
	if err == nil {
		b.atMost(name, float64(kib)/1024, "MiB", aim)
	}
	return err
}

// besideWrites takes what reads cost while the workspace changes a hundred times a second, so
// that no answer can be used for long: for information.
func (b *bench) besideWrites(ctx context.Context, f *folder, s *process) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	writes := f.update()
	failed := make(chan error, 1)
	go func() { failed <- writes.pace(ctx, s.address, 10*time.Millisecond) }()
	for _, w := range []*work{f.get(), f.list(20)} {
		w.name, w.beside = w.name+", beside 100 writes a second", true
		if _, err := b.measure(ctx, w, s); err != nil {
			return err
		}
	}
	cancel()
	return <-failed
}

// atLeast and atMost add a figure; goal 0: for information.
func (b *bench) atLeast(name string, v float64, unit string, aim float64) {
	f := Figure{Name: name, Value: v, Unit: unit}
	if aim > 0 {
		passes := v >= aim
		f.Aim, f.Passes = fmt.Sprintf("≥ %v", aim), &passes
	}
	b.report.Figures = append(b.report.Figures, f)
}

func (b *bench) atMost(name string, v float64, unit string, aim float64) {
	f := Figure{Name: name, Value: v, Unit: unit}
	if aim > 0 {
		passes := v <= aim
		f.Aim, f.Passes = fmt.Sprintf("≤ %v", aim), &passes
	}
	b.report.Figures = append(b.report.Figures, f)
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "· "+format+"\n", args...) }

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func publish(r *Report, asJSON bool, file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if file != "" {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
	}
	if !asJSON {
		return r.table(os.Stdout)
	}
	if err := r.table(os.Stderr); err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func (r *Report) table(out io.Writer) error {
	fmt.Fprintf(out, "\n%s, %d cores shared with the load, %d connections; medians [least - most] of the rounds; took %.0f s\n\n", r.Go,
		r.Cores, r.Connections, r.Seconds)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "load\tserver\tCPU µs/request\t\trequests/s\tp50 ms\tp99 ms\tbytes\t")
	for _, l := range r.Loads {
		fmt.Fprintf(w, "%s\t%s\t%.1f\t[%.1f - %.1f]\t%.0f\t%.2f\t%.2f\t%d\t\n", l.Name, l.Server, l.Micros, l.Least, l.Most, l.PerSecond, l.P50,
			l.P99, l.Bytes)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tvalue\tgoal\t")
	for _, f := range r.Figures {
		verdict := "information"
		if f.Passes != nil {
			verdict = map[bool]string{true: "pass", false: "missed"}[*f.Passes]
		}
		fmt.Fprintf(w, "%s\t%.2f %s\t%s\t%s\n", f.Name, f.Value, f.Unit, f.Aim, verdict)
	}
	return w.Flush()
}
