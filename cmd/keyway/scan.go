package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// leak is a token that a scan has found.
type leak struct {
	Path   string `json:"path"` // empty for what no commit contains any longer
	Line   int    `json:"line"`
	Hint   string `json:"hint"`
	Kind   string `json:"kind"`
	Commit string `json:"commit,omitempty"`
	secret vault.Secret
	object string // git's name of what it is in
}

type scanOut struct {
	Found   []leak `json:"found"`
	Scanned int    `json:"scanned"` // files and objects
	Revoked *int   `json:"revoked,omitempty"`
}

type leakedIn struct{ Credentials []string }

type leakedOut struct {
	Revoked int `json:"revoked"`
}

func (a *app) doCredentialsRevoke(ctx context.Context, in leakedIn, by audit.Actor, _ func(int, int)) (any, error) {
	n, err := a.Leaks.Revoke(ctx, in.Credentials, by)
	return leakedOut{n}, err
}

func scanCommand(g *globals) *cobra.Command {
	var git, revoke bool
	var server string
	cmd := &cobra.Command{
		Use: "scan [PATH]", Short: "Find tokens in files and git history, offline; exit 1 when there are any", Args: cobra.MaximumNArgs(1),
		Long: `Find personal access tokens, API keys, workspace keys and client sessions in files, by their form
and checksum. Nothing leaves this machine unless --revoke asks for it, and only the visible part of
a token is printed.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "."
			if len(args) > 0 {
				path = args[0]
			}
			s := &scan{}
			if err := s.files(path); err != nil {
				return err
			}
			if git {
				if err := s.history(cmd.Context(), path); err != nil {
					return err
				}
			}
			slices.SortFunc(s.out.Found, func(a, b leak) int {
				return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Commit, b.Commit), cmp.Compare(a.Line, b.Line))
			})
			if revoke {
				n, err := g.revokeFound(cmd.Context(), server, s.out.Found)
				if err != nil {
					return fmt.Errorf("tokens were found, and ending them failed: %w", err)
				}
				s.out.Revoked = n
			}
			err := g.print(cmd, s.out, func(w io.Writer) {
				for _, l := range s.out.Found {
					where := l.Path
					if l.Commit != "" {
						where = l.Commit[:12] + ":" + l.Path
					}
					fmt.Fprintf(w, "%s:%d: %s_…\n", where, l.Line, l.Hint)
				}
			})
			if n := len(s.out.Found); n > 0 {
				err = errors.Join(err, fmt.Errorf("found tokens in %d places%s", n, s.out.next()))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&git, "git", false, "also all that git has, of all branches and of none")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "end what was found, at --server or in the data folder")
	cmd.Flags().StringVar(&server, "server", "", "with --revoke: address of the server that the tokens belong to")
	return cmd
}

// next says what is to be done about what was found.
func (o *scanOut) next() string {
	switch {
	case o.Revoked == nil:
		return "; end them with --revoke"
	case *o.Revoked < 0:
		return "; they were reported to the server, and those that were valid are revoked"
	}
	return fmt.Sprintf("; %d of them were alive and are dead now", *o.Revoked)
}

// scan looks for tokens.
type scan struct {
	mu  sync.Mutex
	out scanOut
}

func (s *scan) look(r io.Reader, at leak) error {
	err := credential.Scan(r, func(f credential.Found) {
		at.Line, at.Hint, at.Kind, at.secret = f.Line, f.Secret.Hint(), credential.KindOf(f.Secret), f.Secret
		s.mu.Lock()
		s.out.Found = append(s.out.Found, at)
		s.mu.Unlock()
	})
	s.mu.Lock()
	s.out.Scanned++
	s.mu.Unlock()
	return err
}

// files looks through a file, or all files of a folder, binary ones too. What git packs is left to
// history; symbolic links are not followed.
func (s *scan) files(root string) error {
	s.out.Found = []leak{} // JSON has a list, never null
	paths := make(chan string)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for path := range paths {
				f, err := os.Open(path)
				if err == nil {
					err = errors.Join(s.look(f, leak{Path: path}), f.Close())
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, "keyway: not looked through:", err)
				}
			}
		})
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil:
			fmt.Fprintln(os.Stderr, "keyway: not looked through:", err)
			return nil
		case d.IsDir() && d.Name() == "objects" && filepath.Base(filepath.Dir(path)) == ".git":
			return fs.SkipDir
		case d.Type().IsRegular():
			paths <- path
		}
		return nil
	})
	close(paths)
	workers.Wait()
	return err
}

// history looks through every object of a git repository once: files of all times, and the messages
// of commits and tags.
func (s *scan) history(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		path = filepath.Dir(path)
	}
	git := func(args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "git", append([]string{"-C", path, "--no-replace-objects"}, args...)...) //nolint:gosec // no shell, and the folder that its user has typed
	}
	if out, err := git("rev-parse", "--git-dir").CombinedOutput(); err != nil {
		return fmt.Errorf("--git: %s is not in a git repository that can be read: %s", path, bytes.TrimSpace(out))
	}
	names, err := git("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objecttype) %(objectname)").Output()
	if err != nil {
		return fmt.Errorf("listing git's objects: %w", err)
	}
	var wanted bytes.Buffer
	for line := range strings.Lines(string(names)) {
		if kind, name, _ := strings.Cut(line, " "); kind != "tree" {
			wanted.WriteString(name)
		}
	}
	before := len(s.out.Found)
	batch := git("cat-file", "--batch", "--buffer")
	batch.Stdin = &wanted
	pipe, err := batch.StdoutPipe()
	if err != nil {
		return err
	}
	if err := batch.Start(); err != nil {
		return err
	}
	err = s.objects(bufio.NewReaderSize(pipe, 1<<20))
	if err != nil {
		_, _ = io.Copy(io.Discard, pipe) // it then ends on its own
	}
	if err := errors.Join(err, batch.Wait()); err != nil {
		return fmt.Errorf("reading git's objects: %w", err)
	}
	for i := range s.out.Found[before:] {
		l := &s.out.Found[before+i]
		if l.Commit != "" {
			l.Path = "(message)"
			continue
		}
		// The oldest commit that has it, which is where it came in.
		out, err := git("log", "--all", "--reflog", "--reverse", "--root", "-m", "--raw", "--no-abbrev", "--no-renames", "--format=%H",
			"--find-object="+l.object).Output()
		if err != nil {
			return fmt.Errorf("finding the commit of what was found: %w", err)
		}
		if l.Commit, l.Path = whereIn(string(out), l.object); l.Commit == "" {
			l.Commit, l.Path = l.object, "(in no commit)"
		}
	}
	return nil
}

// objects looks through the answer of git cat-file --batch.
func (s *scan) objects(r *bufio.Reader) error {
	for {
		head, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var name, kind string
		var size int64
		if _, err := fmt.Sscan(head, &name, &kind, &size); err != nil {
			return fmt.Errorf("git said %q", head)
		}
		at := leak{object: name}
		if kind != "blob" {
			at.Commit = name
		}
		content := io.LimitReader(r, size)
		if err := s.look(content, at); err != nil {
			return err
		}
		if _, err := r.Discard(1); err != nil { // the line's end behind each object
			return err
		}
	}
}

// whereIn reads the first commit and path of git log --raw.
func whereIn(log, object string) (commit, path string) {
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, ":") {
			if line != "" {
				commit = line
			}
			continue
		}
		if fields, name, ok := strings.Cut(line, "\t"); ok && strings.Contains(fields, object) {
			return commit, name
		}
	}
	return "", ""
}

// revokeFound revokes what was found, and returns how many of them were active: -1 if the server does
// not report it.
func (g *globals) revokeFound(ctx context.Context, server string, found []leak) (*int, error) {
	n := 0
	var secrets []string
	for _, l := range found {
		secrets = append(secrets, l.secret.Reveal())
	}
	slices.Sort(secrets)
	for some := range slices.Chunk(slices.Compact(secrets), credential.MaxLeaked) {
		if server == "" {
			var out leakedOut
			if err := g.perform(ctx, opCredentialsRevoke, leakedIn{some}, &out, false); err != nil {
				return nil, err
			}
			n += out.Revoked
			continue
		}
		n = -1
		body, err := json.Marshal(map[string]any{"credentials": some})
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(server, "/")+"/keyway/v1/credentials/revoke",
			bytes.NewReader(body))
		if err != nil {
			return nil, badUsage("--server %q is not an address", server)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := (&http.Client{Timeout: time.Minute}).Do(req)
		if err != nil {
			return nil, err
		}
		if err := res.Body.Close(); err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusAccepted {
			return nil, fmt.Errorf("the server answered %s", res.Status)
		}
	}
	return &n, nil
}
