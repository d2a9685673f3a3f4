package main

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// secretName is how values are called that must be compared in constant time.
var secretName = regexp.MustCompile(`(?i)^(secret|digest|sum|mac|proof|passw(or)?d|password_?hash|hash|token|bearer|cookie|nonce|verifier|signature|recoverycode)s?$`)

// compared are comparisons with such a name that reveal nothing to anyone, and why.
var compared = map[string]string{
	"internal/trust/credential/verify.go: other != s.token":      "both came with the same request",
	"internal/trust/credential/token.go: checksum(body) != sum":  "a checksum, which everybody can work out",
	"internal/console/frame/nonce.go: own[nonce]":                "a form's number, no secret to the person whose forms are looked up",
	"internal/trust/identity/password.go: normal != password":    "the same password in two forms",
	"internal/trust/identity/openid.go: id.Nonce != s.Nonce":     "the provider has signed the one, the server sealed the other",
	"internal/trust/identity/signin.go: mark != s.Password":      "both are the server's own; the one was sealed",
	"internal/trust/audit/head.go: bytes.Equal(kept.MAC, h.MAC)": "both are the server's own; nobody sends either",
	"internal/trust/audit/head.go: bytes.Equal(mac, kept.MAC)":   "both are the server's own; nobody sends either",
}

// TestIncidentTiming: secrets were compared so that the time revealed how much of them was right
// (keygen-api#406, kanboard#5792, hister#654, bytebase#17716). Here no secret is compared by ==, a
// switch, a map or what compares alike: credentials are looked up by their digests, and these compared
// by crypto/subtle. Of a vault.Secret the compiler refuses it (TestSecretsCannotBeCompared), of
// other values that are called like a secret this does. TestTiming of `make soak` measures what can be
// seen of it.
func TestIncidentTiming(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	files := 0
	for _, folder := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			files++
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			for _, text := range plainComparisons(set, f) {
				where := name + ": " + text
				if seen[where] = true; compared[where] == "" {
					t.Errorf("%s: compare secrets with crypto/subtle, or say here why this needs none", where)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for where := range compared {
		if !seen[where] {
			t.Errorf("%s is not there any more", where)
		}
	}
	if files < 100 {
		t.Errorf("only %d files were read", files)
	}
	for text, want := range map[string]int{
		"given.Secret == stored.Secret": 1, "string(digest) != x": 1, "bytes.Equal(sum[:], row.digest)": 1, "s.Reveal() == other": 1,
		"strings.EqualFold(token, x)": 1,
		"known[s.Reveal()]":           1, "codes[token]": 1, "slices.Contains(codes, secret)": 1, "func() { switch password { case x: } }": 1,
		"codes[0]": 0, "digests[i]": 0, `strings.Contains(token, "_")`: 0, "slices.Contains(kinds, kind)": 0,
		`token == ""`: 0, "digest == nil": 0, "len(secret) != n": 0, "kind == Token": 0, "subtle.ConstantTimeCompare(sum, digest) == 1": 0,
		"hmac.Equal(sum, mac)": 0,
	} {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, "x.go", "package x\nvar _ = "+text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := plainComparisons(set, f); len(got) != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// plainComparisons are a file's comparisons of secrets by == and the like.
func plainComparisons(set *token.FileSet, f *ast.File) (found []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		var sides []ast.Expr
		switch n := n.(type) {
		case *ast.SwitchStmt:
			if n.Tag != nil && isSecret(n.Tag) {
				found = append(found, "switch on a secret")
			}
		case *ast.IndexExpr: // a lookup in a map; what is a slice has numbers
			if isSecret(n.Index) {
				sides = []ast.Expr{n.Index, n.X}
			}
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				sides = []ast.Expr{n.X, n.Y}
			}
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			switch {
			case !ok || len(n.Args) != 2 || isNamed(s.X, "hmac"):
			case isNamed(s.X, "slices") && (s.Sel.Name == "Contains" || s.Sel.Name == "Index"):
				sides = []ast.Expr{n.Args[1], n.Args[1]}
			case slices.Contains([]string{"Equal", "EqualFold", "Compare", "DeepEqual"}, s.Sel.Name):
				sides = n.Args
			}
		}
		if len(sides) == 2 && (isSecret(sides[0]) || isSecret(sides[1])) && !isFixed(sides[0]) && !isFixed(sides[1]) {
			var text strings.Builder
			if err := printer.Fprint(&text, set, n); err != nil {
				found = append(found, err.Error())
			}
			found = append(found, text.String())
		}
		return true
	})
	return found
}

// isSecret reports whether an expression is called like a secret, or reveals one.
func isSecret(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return secretName.MatchString(e.Name)
	case *ast.SelectorExpr:
		return isSecret(e.Sel)
	case *ast.IndexExpr:
		return isSecret(e.X)
	case *ast.SliceExpr:
		return isSecret(e.X)
	case *ast.ParenExpr:
		return isSecret(e.X)
	case *ast.CallExpr:
		if s, ok := e.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Reveal" {
			return true
		}
		return len(e.Args) == 1 && conversion(e.Fun) && isSecret(e.Args[0])
	}
	return false
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func conversion(fun ast.Expr) bool {
	_, bytes := fun.(*ast.ArrayType)
	return bytes || isNamed(fun, "string")
}

// isFixed reports whether an expression is a literal, nil, or a constant judging by its name.
func isFixed(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || ast.IsExported(e.Name)
	}
	return false
}
