package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxLogBuffer bounds the log lines, in bytes, that wait for a reader.
const maxLogBuffer = 1 << 20

// logSink writes log lines without ever making their writer wait: a reader that is slow, has stopped
// reading or is gone costs lines, never requests. Lost lines are counted.
type logSink struct {
	to      io.Writer
	dropped prometheus.Counter
	wake    chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	waiting []byte
	lines   int // in waiting
	lost    int // since the last line that was written
	closed  bool
	onLoss  func(lines int) // after lines were lost and writing works again; may be nil
}

func newLogSink(to io.Writer) *logSink {
	s := &logSink{to: to, wake: make(chan struct{}, 1), done: make(chan struct{}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "keyway_log_lines_dropped_total",
			Help: "Log lines that could not be written."})}
	go s.run()
	return s
}

// Write takes one line, or drops it when too many wait. It never fails and never blocks.
func (s *logSink) Write(line []byte) (int, error) {
	s.mu.Lock()
	if s.closed || len(s.waiting)+len(line) > maxLogBuffer {
		s.lose(1)
	} else {
		s.waiting = append(s.waiting, line...)
		s.lines++
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// lose counts lines; s.mu is held.
func (s *logSink) lose(lines int) {
	s.lost += lines
	s.dropped.Add(float64(lines))
}

func (s *logSink) run() {
	defer close(s.done)
	var spare []byte
	for range s.wake {
		s.mu.Lock()
		text, lines, closed := s.waiting, s.lines, s.closed
		s.waiting, s.lines = spare[:0], 0
		s.mu.Unlock()
		if len(text) > 0 {
			_, err := s.to.Write(text)
			s.written(lines, err)
		}
		spare = text
		if closed {
			return
		}
	}
}

// written notes how writing some lines went, and reports a loss as soon as there is a reader again.
func (s *logSink) written(lines int, err error) {
	s.mu.Lock()
	if err != nil {
		s.lose(lines)
	}
	lost, report := s.lost, s.onLoss
	if err != nil || lost == 0 || report == nil {
		s.mu.Unlock()
		return
	}
	s.lost = 0
	s.mu.Unlock()
	report(lost)
}

// close writes what waits, if that is possible within a second.
func (s *logSink) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	select {
	case <-s.done:
	case <-time.After(time.Second):
	}
}

// logger logs to the sink: as text on a terminal and as JSON elsewhere.
func (s *logSink) logger(terminal bool) *slog.Logger {
	var h slog.Handler = slog.NewJSONHandler(s, nil)
	if terminal {
		h = slog.NewTextHandler(s, nil)
	}
	log := slog.New(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onLoss = func(lines int) { log.Warn("log lines were dropped because nothing read them", "lines", lines) }
	return log
}

// outliveReaders keeps a server running when whatever reads its output ends. Without it the first write to a
// closed pipe ends the process.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }

// complain prints why a command failed, waiting at most a second in case nothing reads it.
func complain(text string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fmt.Fprintln(os.Stderr, "keyway:", text)
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}
