package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport says, for each room, which other rooms its code may name; a room may always
// name itself and what lies below it. Tests may also name the adapters they are run on.
var mayImport = map[string][]string{
	"domain/transcript":                   {},
	"domain/verification":                 {"domain/transcript"},
	"domain":                              {"domain/transcript", "domain/verification"},
	"application":                         {"domain"},
	"projections":                         {"domain", "application"},
	"infrastructure/blobs":                {"domain", "application"},
	"infrastructure/embedded":             {"domain", "application"},
	"infrastructure/eventstoredb":         {"domain", "application"},
	"infrastructure/eventstoredb/standin": {"domain", "application", "infrastructure/embedded"}, // a test double, not an adapter
	"infrastructure/identity":             {"domain", "application", "infrastructure/sqlitefile"},
	"infrastructure/keys":                 {"domain", "application", "infrastructure/sqlitefile"},
	"infrastructure/messaging":            {"domain", "application"},
	"infrastructure/ocr":                  {"domain", "application"},
	"infrastructure/pdf":                  {"domain", "application"},
	"infrastructure/sqlitefile":           {}, // what two adapters have in common
	"infrastructure/tracing":              {"domain", "application"},
	"infrastructure/workers":              {"domain", "application"},
	"api":                                 {"domain", "application", "projections"},
	"cmd":                                 {"domain", "application", "projections", "infrastructure", "api"},
}

// forTests are packages that only tests may name, and the stand-in's own program.
var forTests = []string{"application/logtest", "domain/transcript/transcripttest", "infrastructure/eventstoredb/standin", "projections/postgrestest"}

// pureOnly are the libraries that the domain may name beside the standard library.
var pureOnly = []string{"github.com/google/uuid", "golang.org/x/text/"}

// impure are packages of the standard library that no room of the domain may name.
var impure = []string{"os", "net", "net/http", "database/sql", "math/rand", "math/rand/v2", "crypto/rand", "context", "log", "log/slog", "os/exec"}

func TestHouse_Imports_RunDownOnly(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "data" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		dir, _ := filepath.Rel(root, filepath.Dir(path))
		dir = filepath.ToSlash(dir)
		room := roomOf(dir)
		if room == "" {
			t.Errorf("%s stands in no room: name it in mayImport", path)
			return nil
		}
		seen[room] = true
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		isTest := strings.HasSuffix(path, "_test.go")
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			inner, ours := strings.CutPrefix(name, "asprak/")
			switch {
			case slices.Contains(forTests, inner) && !isTest && !(room == "cmd" && strings.HasPrefix(dir, "cmd/esdb-standin")):
				t.Errorf("%s: %s is for tests", path, inner)
			case ours && !isTest && !allowed(room, inner):
				t.Errorf("%s: %s may not name %s", path, room, inner)
			case !ours && strings.HasPrefix(room, "domain") && !isTest && !slices.Contains(forTests, dir):
				if slices.Contains(impure, name) {
					t.Errorf("%s: the domain is pure, it may not name %s", path, name)
				}
				if strings.Contains(name, ".") && !slices.ContainsFunc(pureOnly, func(p string) bool { return strings.HasPrefix(name, p) }) {
					t.Errorf("%s: the domain may not name the library %s", path, name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range mayImport {
		if !seen[room] {
			t.Errorf("no code stands in %s: the table names a room that is not there", room)
		}
	}
}

// roomOf is the longest room of the table that holds the folder.
func roomOf(dir string) string {
	best := ""
	for room := range mayImport {
		if (dir == room || strings.HasPrefix(dir, room+"/")) && len(room) > len(best) {
			best = room
		}
	}
	return best
}

func allowed(room, inner string) bool {
	for _, r := range append(mayImport[room], room) {
		if inner == r || strings.HasPrefix(inner, r+"/") {
			return true
		}
	}
	return false
}

func TestHouse_TopLevel_HoldsOnlyWhatWasAgreed(t *testing.T) {
	agreed := []string{"cmd", "domain", "application", "infrastructure", "projections", "api", "docs",
		"go.mod", "go.sum", "docker-compose.yml", "README.md", "Makefile", "Dockerfile", "LICENSE",
		"bin", "data"} // the last two are made by the make targets and ignored by git
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(agreed, e.Name()) {
			t.Errorf("%s stands at the top level; it belongs into a room", e.Name())
		}
	}
}
