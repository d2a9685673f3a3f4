package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a PostgreSQL of one test's own, which may be stopped, frozen and restarted.
type Server struct {
	URL string

	t       testing.TB
	bin     string // folder of its programs
	folder  string
	owner   *syscall.Credential // root may not run PostgreSQL
	process *exec.Cmd
}

// OwnServer starts a PostgreSQL on a Unix socket. The test is skipped where its programs are not installed.
func OwnServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, bin: programs(t)}
	var err error
	if s.folder, err = os.MkdirTemp("", "kwpg"); err != nil { //nolint:usetesting // a socket's path must be short
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.folder) })
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("PostgreSQL does not run as root, and there is no user postgres")
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := errors.Join(os.Chown(s.folder, uid, gid), os.Chmod(s.folder, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := s.command("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
		"--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.URL = "postgres://postgres@/postgres?host=" + url.QueryEscape(s.folder)
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// programs finds the newest installed PostgreSQL.
func programs(t testing.TB) string {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		t.Fatal(err)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		t.Skip("the programs of PostgreSQL are not installed")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Setpgid: true}
	return cmd
}

// Start starts the server and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.process = s.command("postgres", "-D", s.data(), "-c", "listen_addresses=", "-c", "unix_socket_directories="+s.folder,
		"-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=32MB")
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	db, err := sql.Open("pgx", s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := db.PingContext(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
	}
}

// Stop stops the server at once, as a crash does.
func (s *Server) Stop() {
	s.Thaw()
	_ = s.process.Process.Signal(syscall.SIGQUIT)
	_ = s.process.Wait() // it ends with a signal's status
}

// Freeze stops every process of the server without ending it: connections stay open and get no answer.
func (s *Server) Freeze() {
	for deadline := time.Now().Add(10 * time.Second); !s.signal(syscall.SIGSTOP, "T"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatal("the server does not stop")
		}
	}
}

// Thaw ends Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT, "") }

// signal sends a signal to all processes of the server, and reports whether all were in a state before.
func (s *Server) signal(sig syscall.Signal, state string) (all bool) {
	main := s.process.Process.Pid
	_ = syscall.Kill(main, sig) // first: so that it starts no more
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		s.t.Error(err)
	}
	all = true
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid
		_, after, _ := strings.Cut(string(text), ") ")
		var is string
		var parent int
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if _, err := fmt.Sscan(after, &is, &parent); err == nil && (parent == main || pid == main) {
			// A zombie no longer does anything; its parent, which is stopped first, does not reap it.
			all = all && (is == state || is == "Z")
			_ = syscall.Kill(pid, sig)
		}
	}
	return all
}
