package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keyway/internal/platform/mail"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/grant"
)

// finding is one thing that doctor looked at.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warning, failed
	Detail string `json:"detail"`
}

func doctorCommand(g *globals) *cobra.Command {
	var keys keyFlags
	var o mailOptions
	var testTo string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Find out what is wrong with the data folder, the keys, the database or the SMTP server; change the server key",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if did, err := keys.run(cmd, g); did {
				return err
			}
			server, err := o.server()
			if err != nil {
				return err
			}
			if server == nil && testTo != "" {
				return badUsage("--send-test-mail needs --smtp-url")
			}
			found := append(g.examine(cmd.Context()), examineMail(cmd.Context(), server, testTo))
			failed := 0
			for _, f := range found {
				if f.Status == "failed" {
					failed++
				}
			}
			err = g.print(cmd, map[string]any{"findings": found, "failed": failed}, func(w io.Writer) {
				for _, f := range found {
					fmt.Fprintf(w, "%s\t%s\t%s\n", f.Status, f.Check, f.Detail)
				}
			})
			if failed > 0 {
				err = errors.Join(err, fmt.Errorf("%d of %d checks failed", failed, len(found)))
			}
			return err
		},
	}
	keys.add(cmd)
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&testTo, "send-test-mail", "", "address to send a test mail to")
	return cmd
}

// examineMail signs in at the SMTP server, and sends a test mail where that is asked for.
func examineMail(ctx context.Context, s *mail.Server, testTo string) finding {
	if s == nil {
		return finding{"mail", "ok", "no --smtp-url: notices are in the Console and the event log, and links are handed over by hand"}
	}
	if err := s.Check(ctx, testTo, env("KEYWAY_PUBLIC_URL", "http://localhost:8420")); err != nil {
		return finding{"mail", "failed", err.Error()}
	}
	if testTo != "" {
		return finding{"mail", "ok", fmt.Sprintf("%s took a test mail to %s", s.Host, testTo)}
	}
	return finding{"mail", "ok", s.Host + " answers; try it with --send-test-mail"}
}

func (g *globals) examine(ctx context.Context) []finding {
	var out []finding
	add := func(check, status, format string, args ...any) {
		out = append(out, finding{check, status, fmt.Sprintf(format, args...)})
	}
	if g.databaseURL == "" {
		g.examineFolder(add)
	}
	keys := g.keyFile
	if keys == "" {
		keys = filepath.Join(g.data, "keys")
	}
	switch v, err := vault.Open(keys); {
	case err != nil:
		add("key file", "failed", "%v", err)
	case filepath.Dir(keys) == filepath.Clean(g.data):
		add("key file", "warning",
			"%s (key %s) is in the data folder: a copy of the folder contains both; keep it elsewhere with KEYWAY_KEY_FILE", keys, v.KeyID())
	default:
		add("key file", "ok", "%s (key %s)", keys, v.KeyID())
	}
	a, err := openApp(ctx, appOptions{globals: *g, mustExist: true})
	var held *store.HeldError
	switch {
	case errors.As(err, &held):
		ctx, cancel := context.WithTimeout(ctx, serverTimeout)
		defer cancel()
		var found []finding
		if err := g.perform(ctx, opExamine, struct{}{}, &found, false); err != nil {
			add("database", "failed", "%v, which does not answer: %v", held, err)
			return out
		}
		add("database", "ok", "%v, which looked at what follows", held)
		return append(out, found...)
	case err != nil:
		add("database", "failed", "%v", err)
		return out
	}
	defer func() { _ = a.close() }()
	return append(out, a.examine(ctx)...)
}

// serverTimeout is how long a running server may take to look at its database: longer than a write
// waits for another program that has the file locked.
const serverTimeout = time.Minute

// opExamine is what only the process that has the database open can look at.
func (a *app) doExamine(ctx context.Context, _ struct{}, _ audit.Actor, _ func(int, int)) (any, error) {
	return a.examine(ctx), nil
}

// examineSigned names the rows that grant something and were not written with the server key.
func (a *app) examineSigned(ctx context.Context, add func(check, status, format string, args ...any)) {
	forged, err := signed.CheckAll(ctx, a.DB, grant.Tables())
	switch {
	case err != nil:
		add("signed rows", "failed", "%v", err)
	case len(forged) == 0:
		add("signed rows", "ok", "every row that grants something was written with the server key")
	}
	for _, f := range forged {
		add("signed rows", "failed", "%s. If you put back a backup of a version that signed no rows, run `keyway doctor --sign-rows`; "+
			"otherwise somebody wrote to the database", refusedRows(f))
	}
	if a.Vault.SignedVersion() < grant.Version {
		add("signed rows", "warning", "the key file %s cannot be written, so that only the database says that its rows are signed: "+
			"let the server's user write it once", a.Vault.File())
	}
}

func (a *app) examine(ctx context.Context) []finding {
	var out []finding
	add := func(check, status, format string, args ...any) {
		out = append(out, finding{check, status, fmt.Sprintf(format, args...)})
	}
	if err := a.keyFileFits(ctx); err != nil { // it may be another one since a server was started
		add("key file", "failed", "%v", err)
	}
	if err := a.DB.Update(ctx, func(tx *store.Tx) error { // what stays as it is would not be written at all
		if _, err := tx.Exec(ctx, `INSERT INTO settings (name, value) VALUES ('doctor', 'null')`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM settings WHERE name = 'doctor'`)
		return err
	}); err != nil {
		add("writing", "failed", "%v", err)
	} else {
		add("writing", "ok", "a transaction went through")
	}
	if !a.DB.Shared() {
		var verdict string
		if err := a.DB.QueryRow(ctx, `PRAGMA quick_check`).Scan(&verdict); err != nil || verdict != "ok" {
			add("integrity", "failed", "SQLite's quick check says %q (%v): restore a backup", verdict, err)
		} else {
			add("integrity", "ok", "SQLite's quick check finds nothing")
		}
	}
	underKeys, err := a.Keyring.List(ctx)
	examineKeys(underKeys, err, add)
	a.examineSigned(ctx, add)
	var people, workspaces, devices, waiting, mails int
	err = a.DB.QueryRow(ctx, `SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM workspaces WHERE deleted_at IS NULL),
		(SELECT count(*) FROM devices), (SELECT count(*) FROM jobs WHERE run_at < $1), (SELECT count(*) FROM mails WHERE created_at < $1)`,
		store.Micros(time.Now().Add(-time.Minute))).Scan(&people, &workspaces, &devices, &waiting, &mails)
	switch {
	case err != nil:
		add("contents", "failed", "%v", err)
	case people == 0:
		add("contents", "warning", "no one is set up yet: `keyway serve` prints a link, or use `keyway init`")
	default:
		add("contents", "ok", "%d people, %d workspaces, %d devices", people, workspaces, devices)
	}
	if waiting > 0 {
		add("jobs", "warning", "%d jobs are more than a minute late; they run while a server does", waiting)
	}
	failed, err := a.Jobs.Failed(ctx, 100)
	if err != nil {
		add("failed jobs", "failed", "%v", err)
	} else if len(failed) > 0 {
		kinds := map[string]int{}
		for _, f := range failed {
			kinds[f.Kind]++
		}
		text := make([]string, 0, len(kinds))
		for _, k := range slices.Sorted(maps.Keys(kinds)) {
			text = append(text, fmt.Sprintf("%d of kind %s", kinds[k], k))
		}
		why, _, _ := strings.Cut(failed[0].LastError, "\n") // a panic has its stack behind it
		add("failed jobs", "warning", "jobs failed too often and were kept aside (%s); the latest, in workspace %q at %s: %s",
			strings.Join(text, ", "),
			failed[0].WorkspaceID, failed[0].At.Format(time.RFC3339), why)
	}
	if mails > 0 {
		add("mails", "warning", "%d mails have waited for more than a minute; a server with a working --smtp-url sends them, for three days",
			mails)
	}
	return out
}

// lowDisk is how many free bytes are too few to go on long.
const lowDisk = 100 << 20

func (g *globals) examineFolder(add func(check, status, format string, args ...any)) {
	info, err := os.Stat(g.data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		add("data folder", "failed", "%s does not exist: name the right one with --data", g.data)
		return
	case err != nil:
		add("data folder", "failed", "%v", err)
		return
	case info.Mode().Perm()&0o077 != 0:
		add("data folder", "warning", "%s can be looked into by other users (mode %04o): run chmod 700 on it", g.data, info.Mode().Perm())
	default:
		add("data folder", "ok", "%s", g.data)
	}
	probe, err := os.CreateTemp(g.data, ".doctor-*")
	if err != nil {
		add("data folder", "failed", "no file can be made in it (%v): make it writable for this user", err)
	} else {
		_ = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(g.data, &st); err != nil {
		add("disk", "warning", "%v", err)
	} else if free := int64(st.Bavail) * st.Bsize; free < lowDisk {
		add("disk", "failed", "only %d MiB are free: nothing can be stored when it is full", free>>20)
	} else {
		add("disk", "ok", "%d MiB free", free>>20)
	}
}
