package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testCertificate writes a new certificate for 127.0.0.1 and its key into a folder.
func testCertificate(t *testing.T, dir string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	model := &x509.Certificate{SerialNumber: serial, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, model, model, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, cert, "CERTIFICATE", der)
	writePEM(t, key, "PRIVATE KEY", keyDER)
	return cert, key, roots
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serialOf is the number of the certificate that a server presents.
func serialOf(t *testing.T, address string) string {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// A renewed certificate is used as soon as its files are complete, without a restart; a half-written pair
// leaves the one before in use; SIGHUP reads the files and never ends the process.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, _ := testCertificate(t, dir)
	s, err := startServer(t.Context(), globals{data: t.TempDir()},
		serveOptions{listen: "127.0.0.1:0", tlsCert: cert, tlsKey: key, quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	address := strings.TrimPrefix(s.url, "https://")
	first := serialOf(t, address)
	newCert, newKey, _ := testCertificate(t, t.TempDir())
	move := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(newCert, cert)
	time.Sleep(certificateLook + 100*time.Millisecond)
	if serialOf(t, address) != first {
		t.Error("a certificate without its key is presented")
	}
	move(newKey, key)
	waitFor(t, "the renewed certificate", func() bool { return serialOf(t, address) != first })

	// At once with SIGHUP.
	second := serialOf(t, address)
	testCertificate(t, dir)
	s.cert.looked.Store(time.Now().Add(time.Hour).UnixNano()) // no handshake looks
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the certificate to be read at SIGHUP", func() bool { return serialOf(t, address) != second })
}

// SIGHUP leaves a server without a certificate running, too.
func TestHangupWithoutCertificate(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "--data", t.TempDir())
	for range 3 {
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if status, _, err := p.call("/workspaces/list", "{}"); err != nil || status != http.StatusOK {
		t.Errorf("after SIGHUP: %d %v", status, err)
	}
}
