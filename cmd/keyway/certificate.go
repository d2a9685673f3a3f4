package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// certificate is the server's certificate, reread when its files change, so that a renewed one is used
// without a restart. Its methods may be called from any goroutine.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	pair   atomic.Pointer[tls.Certificate]
	looked atomic.Int64 // when the files were last looked at, in nanoseconds

	mu     sync.Mutex // held while the files are read
	loaded [2]fileStamp
	failed [2]fileStamp // could not be used; reported once
}

// certificateLook is how often handshakes look for changed files.
const certificateLook = time.Second

// fileStamp distinguishes one content of a file from another without reading it.
type fileStamp struct {
	modified time.Time
	size     int64
	inode    uint64
}

func stampOf(path string) (s fileStamp, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return s, err
	}
	s.modified, s.size = info.ModTime(), info.Size()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = st.Ino
	}
	return s, nil
}

// loadCertificate reads the two files.
func loadCertificate(certFile, keyFile string) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: slog.New(slog.DiscardHandler)}
	if err := c.reload(true); err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	return c, nil
}

// reload reads the files if they changed, or always. What cannot be used, like a certificate whose key is
// not written yet, leaves the present one in use.
func (c *certificate) reload(always bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked.Store(time.Now().UnixNano())
	var now [2]fileStamp
	var err error
	for i, path := range []string{c.certFile, c.keyFile} {
		var e error
		now[i], e = stampOf(path) // before reading, so that a change meanwhile is seen the next time
		err = errors.Join(err, e)
	}
	if err == nil && now == c.loaded && !always {
		return nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile); err == nil {
			c.pair.Store(&pair)
			c.loaded, c.failed = now, [2]fileStamp{}
			c.log.Info("certificate loaded", "file", c.certFile, "not_after", pair.Leaf.NotAfter)
			return nil
		}
	}
	if always || now != c.failed {
		c.failed = now
		c.log.Warn("the changed certificate files cannot be used; the certificate loaded before stays in use", "file", c.certFile, "error", err)
	}
	return err
}

// get is for tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if now, last := time.Now().UnixNano(), c.looked.Load(); now-last > int64(certificateLook) && c.looked.CompareAndSwap(last, now) {
		_ = c.reload(false) // logged there
	}
	return c.pair.Load(), nil
}

// watch reads the files at each SIGHUP until ctx ends.
func (c *certificate) watch(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if c != nil {
				_ = c.reload(true)
			}
		}
	}
}
