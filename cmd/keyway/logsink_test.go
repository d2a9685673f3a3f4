package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func newTestLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// brokenWriter blocks or fails until it is repaired.
type brokenWriter struct {
	mu       sync.Mutex
	repaired chan struct{}
	fails    bool
	text     strings.Builder
}

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.fails {
		select {
		case <-b.repaired:
		default:
			return 0, errors.New("nobody reads")
		}
	} else {
		<-b.repaired
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *brokenWriter) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func droppedBy(t *testing.T, s *logSink) int {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(s.dropped)
	found, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return int(found[0].GetMetric()[0].GetCounter().GetValue())
}

// Losing the log never stops the work: whatever becomes of its reader, writing a line neither waits nor fails;
// what is lost is counted, and said when there is a reader again.
func TestLogOutlivesItsReader(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]bool{"reads nothing": false, "is gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := &brokenWriter{repaired: make(chan struct{}), fails: fails}
			s := newLogSink(to)
			log := s.logger(false)
			line := strings.Repeat("x", 1000)
			start := time.Now()
			for range 3 * maxLogBuffer / len(line) {
				log.Info(line)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("logging without a reader took %v", took)
			}
			waitFor(t, "lines to be dropped", func() bool { return droppedBy(t, s) > 0 })
			close(to.repaired)
			waitFor(t, "the loss to be reported", func() bool {
				log.Info("again")
				return strings.Contains(to.String(), "log lines were dropped")
			})
			log.Info("the last line")
			s.close()
			if !strings.Contains(to.String(), "the last line") {
				t.Error("what was logged before the end is not written")
			}
			for text := range strings.Lines(to.String()) {
				if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}\n") {
					t.Fatalf("a line was cut: %.80q", text)
				}
			}
		})
	}
}

// The same with a process: its standard error is a pipe that is full, and then one that is closed.
func TestServerOutlivesItsLogReader(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "--data", t.TempDir())
	p.kill()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stderr = writer
	p.start()
	_ = writer.Close()
	ask := func(times int) {
		t.Helper()
		for range times {
			if status, _, err := p.call("/workspaces/list", "{}"); err != nil || status != http.StatusOK {
				t.Fatalf("with a log that nobody reads: %d %v", status, err)
			}
		}
	}
	ask(400) // more than a pipe can hold
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	ask(400)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.cmd.Wait(); errors.As(err, &exit) {
		t.Errorf("the server ends with %v", err)
	}
}
