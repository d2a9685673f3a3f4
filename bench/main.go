// Command bench measures the built server beside a bare net/http handler that gives answers of
// the same size to the same requests, in the same run, and says which figures reach their aim.
//
// The figure is server CPU per request, read from /proc, because the load comes from the same
// machine and takes its share of the cores: requests per second would measure the two together.
// Even so, read every ratio as give or take a quarter on a machine that does other things too.
package main

import (
	"context"
	"encoding/json"
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
	flag.IntVar(&b.most, "most", 100_000, "devices in the largest workspace; filling it takes a third of the run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := b.run(ctx)
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
	most        int
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
	Short       int       `json:"short"` // figures that do not reach their aim
}

// Figure is a number with an aim, or one that is only told.
type Figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Aim    string  `json:"aim,omitempty"`
	Passes *bool   `json:"passes,omitempty"`
}

func (b *bench) run(ctx context.Context) (*Report, error) {
	b.report = Report{Go: runtime.Version(), Cores: runtime.NumCPU(), Connections: b.connections, StartedAt: time.Now().UTC()}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return nil, fmt.Errorf("the CPU time of a process is read from /proc, which is not here: %w", err)
	}
	var err error
	if b.folder, err = os.MkdirTemp("", "keyway-bench-"); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(b.folder) }() // a temporary folder
	for _, step := range []func(context.Context) error{b.build, b.atWork, b.atSizes} {
		if err := step(ctx); err != nil {
			return nil, err
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

// devicesAtWork is how many devices the workspace has that the main figures are taken in.
const devicesAtWork = 10_000

// atWork takes the main figures: reads, writes, start and memory.
func (b *bench) atWork(ctx context.Context) error {
	f, err := b.newFolder(ctx, devicesAtWork)
	if err != nil {
		return err
	}
	if err := b.start(ctx, f); err != nil {
		return err
	}
	s, err := f.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // after an error, which is told instead
	if err := f.readIDs(ctx, s.address); err != nil {
		return err
	}
	get, list, update := f.get(), f.list(), f.update()
	sizes := map[string]int{}
	for _, w := range []*work{get, list, update} {
		if sizes[w.path], err = w.answerSize(ctx, s.address); err != nil {
			return err
		}
	}
	bare, err := b.startBare(ctx, sizes)
	if err != nil {
		return err
	}
	defer func() { _ = bare.stop() }()
	progress("asking for every device once, as a server at work has been")
	if err := f.all().once(ctx, s.address, b.connections); err != nil {
		return err
	}
	for _, m := range []struct {
		*work
		aim float64
	}{{get, 0.45}, {list, 0.45}, {update, 0.15}} {
		ours, theirs, err := b.compare(ctx, m.work, s, bare)
		if err != nil {
			return err
		}
		b.atLeast(m.name+", bare / ours", theirs.Micros/ours.Micros, "of bare", m.aim)
	}
	one := f.update()
	one.alone, one.name = true, one.name+", one connection"
	if _, err := b.measure(ctx, one, s); err != nil {
		return err
	}
	if err := b.besideWrites(ctx, f, s); err != nil {
		return err
	}
	for _, w := range []*work{f.get(), f.list()} {
		if _, err := b.measure(ctx, w.fromDatabase(f.devices), s); err != nil {
			return err
		}
	}
	return b.memory("Memory after all this", s, 0)
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
	for _, w := range []*work{f.get(), f.list()} {
		w.name += ", beside 100 writes a second"
		if _, err := b.measure(ctx, w, s); err != nil {
			return err
		}
	}
	cancel()
	return <-failed
}

// atSizes compares a small workspace with a large one. Every request differs, so that every
// answer comes from the database.
func (b *bench) atSizes(ctx context.Context) error {
	sizes := []int{100, b.most}
	cost := map[string]float64{}
	for _, n := range sizes {
		f, err := b.newFolder(ctx, n)
		if err != nil {
			return err
		}
		s, err := f.serve(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = s.stop() }() // after an error, which is told instead
		if err := f.readIDs(ctx, s.address); err != nil {
			return err
		}
		for _, w := range []*work{f.get(), f.list()} {
			l, err := b.measure(ctx, w.fromDatabase(n), s)
			if err != nil {
				return err
			}
			cost[fmt.Sprint(w.path, n)] = l.Micros
		}
		if err := s.stop(); err != nil {
			return err
		}
	}
	for _, path := range []string{"/devices/get", "/devices/list"} {
		ratio := cost[fmt.Sprint(path, b.most)] / cost[fmt.Sprint(path, sizes[0])]
		b.atMost(fmt.Sprintf("%s, cost with %d devices / %d", path, b.most, sizes[0]), ratio, "times", 1.5)
	}
	return nil
}

func (b *bench) atLeast(name string, v float64, unit string, aim float64) {
	passes := v >= aim
	b.report.Figures = append(b.report.Figures, Figure{name, v, unit, fmt.Sprintf("≥ %v", aim), &passes})
}

// atMost adds a figure; aim 0: for information.
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
	fmt.Fprintf(out, "\n%s, %d cores shared with the load, %d connections; medians [least - most] of the rounds; took %.0f s\n\n", r.Go, r.Cores, r.Connections, r.Seconds)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "load\tserver\tCPU µs/request\t\trequests/s\tp50 ms\tp99 ms\tbytes\t")
	for _, l := range r.Loads {
		fmt.Fprintf(w, "%s\t%s\t%.1f\t[%.1f - %.1f]\t%.0f\t%.2f\t%.2f\t%d\t\n", l.Name, l.Server, l.Micros, l.Least, l.Most, l.PerSecond, l.P50, l.P99, l.Bytes)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tvalue\taim\t")
	for _, f := range r.Figures {
		verdict := "information"
		if f.Passes != nil {
			verdict = map[bool]string{true: "pass", false: "SHORT"}[*f.Passes]
		}
		fmt.Fprintf(w, "%s\t%.2f %s\t%s\t%s\n", f.Name, f.Value, f.Unit, f.Aim, verdict)
	}
	return w.Flush()
}
