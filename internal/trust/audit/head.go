package audit

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Head is the end of the chain at some time: the number of the newest entry and its MAC.
type Head struct {
	Seq int64  `json:"seq"`
	MAC []byte `json:"mac"`
}

// HeadFile is where the head is kept, beside the key file: anyone who removes entries from the end of
// the log must change this file too, and then no log that went elsewhere agrees with it.
func (l *Log) HeadFile() string { return l.Vault.File() + ".audit" }

// readHead reads the head file; the zero Head where there is none.
func (l *Log) readHead() (h Head, err error) {
	text, err := os.ReadFile(l.HeadFile())
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		return h, fmt.Errorf("the audit head file %s cannot be read: %w", l.HeadFile(), err)
	}
	return h, nil
}

// ErrTruncated is returned by Keep when the log in the database does not continue from the head file.
var ErrTruncated = errors.New("the audit log does not go on from where it was: entries are missing or were replaced, or an older " +
	"database was put back; look with `keyway audit verify`")

// Keep writes the head to its file and returns it. It leaves the file as it is, and returns
// ErrTruncated, when the database lacks the entry that the file names.
func (l *Log) Keep(ctx context.Context) (h Head, err error) {
	kept, err := l.readHead() // before the database: another process may be keeping it as well
	if err != nil {
		return h, err
	}
	err = l.DB.QueryRow(ctx, `SELECT seq, mac FROM audit_head WHERE name = 'chain'`).Scan(&h.Seq, &h.MAC)
	if err != nil || kept.Seq == h.Seq && bytes.Equal(kept.MAC, h.MAC) {
		return h, err
	}
	if kept.Seq > 0 {
		var mac []byte
		err := l.DB.QueryRow(ctx, `SELECT mac FROM audit_entries WHERE seq = $1`, kept.Seq).Scan(&mac)
		if errors.Is(err, sql.ErrNoRows) || err == nil && (kept.Seq > h.Seq || !bytes.Equal(mac, kept.MAC)) {
			return h, ErrTruncated
		} else if err != nil {
			return h, err
		}
	}
	return h, l.writeHead(h)
}

// writeHead puts the whole file in its place or leaves the old one.
func (l *Log) writeHead(h Head) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(l.HeadFile()), ".audit-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(text, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil { // CreateTemp made it 0600
		err = os.Rename(tmp.Name(), l.HeadFile())
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// Run keeps the head and logs it, each minute until ctx ends. A copy of the log stored elsewhere
// reveals a truncated database and a rewritten head file.
func (l *Log) Run(ctx context.Context, log *slog.Logger) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		h, err := l.Keep(ctx)
		if err != nil {
			log.Error("keeping the head of the audit log failed", "file", l.HeadFile(), "error", err)
		}
		log.Info("audit head", "seq", h.Seq, "mac", hex.EncodeToString(h.MAC))
	}
}
