package main

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

func readRoot(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", name))
	require.NoError(t, err)
	return b
}

// recipe is what the Dockerfile says of the program's image.
type recipe struct {
	stages []instructions.Stage
	last   instructions.Stage
	env    map[string]string
}

func readRecipe(t *testing.T) recipe {
	t.Helper()
	file, err := parser.Parse(bytes.NewReader(readRoot(t, "Dockerfile")))
	require.NoError(t, err)
	require.Empty(t, file.Warnings)
	stages, _, err := instructions.Parse(file.AST, nil)
	require.NoError(t, err)
	require.NotEmpty(t, stages)
	image := recipe{stages: stages, last: stages[len(stages)-1], env: map[string]string{}}
	for _, env := range commands[*instructions.EnvCommand](image.last) {
		for _, pair := range env.Env {
			image.env[pair.Key] = pair.Value
		}
	}
	return image
}

func commands[C instructions.Command](stage instructions.Stage) (found []C) {
	for _, c := range stage.Commands {
		if c, ok := c.(C); ok {
			found = append(found, c)
		}
	}
	return found
}

// packages are those that the stage installs.
func packages(stage instructions.Stage) (names []string) {
	for _, run := range commands[*instructions.RunCommand](stage) {
		for _, m := range regexp.MustCompile(`apt-get install ([^&]*)`).FindAllStringSubmatch(strings.Join(run.CmdLine, " "), -1) {
			for _, word := range strings.Fields(m[1]) {
				if !strings.HasPrefix(word, "-") {
					names = append(names, word)
				}
			}
		}
	}
	return names
}

// makePackages are those that the Makefile installs for make run.
func makePackages(t *testing.T) []string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^PACKAGES := (.*)$`).FindSubmatch(readRoot(t, "Makefile"))
	require.NotNil(t, m)
	return strings.Fields(string(m[1]))
}

// understood is nil when the program takes the arguments in the environment.
func understood(t *testing.T, args []string, env map[string]string) error {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "ASPRAK_") {
			t.Setenv(name, "")
			require.NoError(t, os.Unsetenv(name))
		}
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	var c cli
	k, err := kong.New(&c, kong.Vars{"version": "test"}, kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
	require.NoError(t, err)
	known := map[string]bool{}
	err = kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
		return next(nil)
	})
	require.NoError(t, err)
	for name := range env {
		if strings.HasPrefix(name, "ASPRAK_") && !known[name] {
			return fmt.Errorf("there is no variable %s", name)
		}
	}
	_, err = k.Parse(args)
	return err
}

func TestUnderstood_UnknownVariableAndValue_AreFound(t *testing.T) {
	require.NoError(t, understood(t, []string{"serve"}, map[string]string{"ASPRAK_MAX_PAGES": "3"}))
	require.Error(t, understood(t, []string{"serve"}, map[string]string{"ASPRAK_MAX_PAPES": "3"}))
	require.Error(t, understood(t, []string{"serve"}, map[string]string{"ASPRAK_MAX_PAGES": "three"}))
	require.Error(t, understood(t, []string{"survive"}, nil))
}

func TestDockerfile_LastStage_RunsTheProgramAsNobodyInParticular(t *testing.T) {
	image := readRecipe(t)
	require.Greater(t, len(image.stages), 1, "what builds the program is not shipped")
	require.NotContains(t, image.last.BaseName, "golang")
	users := commands[*instructions.UserCommand](image.last)
	require.NotEmpty(t, users)
	require.Regexp(t, `^[1-9]\d*$`, users[len(users)-1].User, "a number, so that a cluster can tell that it is not root")

	copies := commands[*instructions.CopyCommand](image.last)
	require.Len(t, copies, 1)
	require.Equal(t, image.stages[0].Name, copies[0].From)
	binary := copies[0].DestPath
	entry := commands[*instructions.EntrypointCommand](image.last)
	require.Len(t, entry, 1)
	require.Equal(t, []string{path.Base(binary)}, []string(entry[0].CmdLine))
	require.Equal(t, "/usr/local/bin", path.Dir(binary))
	cmd := commands[*instructions.CmdCommand](image.last)
	require.Len(t, cmd, 1)
	require.NoError(t, understood(t, cmd[0].CmdLine, image.env))
	check := commands[*instructions.HealthCheckCommand](image.last)
	require.Len(t, check, 1)
	require.Equal(t, []string{"CMD", path.Base(binary)}, check[0].Health.Test[:2])
	require.NoError(t, understood(t, check[0].Health.Test[2:], image.env))
	require.Greater(t, check[0].Health.Timeout, healthTimeout)

	var volumes []string
	for _, v := range commands[*instructions.VolumeCommand](image.last) {
		volumes = append(volumes, v.Volumes...)
	}
	require.Equal(t, []string{image.env["ASPRAK_DATA"]}, volumes)
	require.Equal(t, image.env["ASPRAK_DATA"], image.env["HOME"], "the compiled PDF engine is kept there")
	exposed := commands[*instructions.ExposeCommand](image.last)
	require.Len(t, exposed, 1)
	require.Equal(t, []string{port(image.env["ASPRAK_LISTEN"])}, exposed[0].Ports)
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

func TestDockerfile_Versions_AreThoseOfTheProject(t *testing.T) {
	image := readRecipe(t)
	mod, err := modfile.Parse("go.mod", readRoot(t, "go.mod"), nil)
	require.NoError(t, err)
	version := strings.Split(mod.Go.Version, ".")
	release := "bookworm"
	require.Equal(t, "golang:"+version[0]+"."+version[1]+"-"+release, image.stages[0].BaseName)
	require.Equal(t, "debian:"+release+"-slim", image.last.BaseName, "what is linked in one is found in the other")
}

func TestDockerfile_Packages_AreThoseOfTheMakefile(t *testing.T) {
	image := readRecipe(t)
	var build, languages []string
	for _, name := range makePackages(t) {
		switch {
		case slices.Contains([]string{"gcc", "g++", "libc6-dev"}, name): // the build image has them
		case strings.HasPrefix(name, "tesseract-ocr-"):
			languages = append(languages, name)
		default:
			build = append(build, name)
		}
	}
	require.ElementsMatch(t, build, packages(image.stages[0]))
	require.Subset(t, packages(image.last), languages)
}

// What the program is linked with belongs to a package that the image installs, or to one
// that such a package needs.
func TestDockerfile_LinkedLibraries_AreInstalled(t *testing.T) {
	binary, err := program()
	require.NoError(t, err)
	file, err := elf.Open(binary)
	require.NoError(t, err)
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	require.NoError(t, err)
	require.Contains(t, strings.Join(libraries, " "), "libtesseract")
	installed := needed(t, packages(readRecipe(t).last))
	for _, library := range libraries {
		out, err := exec.Command("dpkg-query", "--search", "*/"+library).Output()
		require.NoError(t, err, library)
		owned := false
		for line := range strings.Lines(string(out)) {
			owner, _, _ := strings.Cut(line, ":")
			owned = owned || installed[owner]
		}
		require.True(t, owned, "%s belongs to none of the installed packages: %s", library, out)
	}
}

// needed are the packages with all that they depend on.
func needed(t *testing.T, names []string) map[string]bool {
	t.Helper()
	out, err := exec.Command("dpkg-query", "--show", "--showformat", "${Package}\t${Pre-Depends}, ${Depends}\n").Output()
	require.NoError(t, err)
	depends := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, on, _ := strings.Cut(strings.TrimSpace(line), "\t")
		depends[name] = on
	}
	all := map[string]bool{}
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if all[name] {
			continue
		}
		all[name] = true
		for _, on := range strings.FieldsFunc(depends[name], func(r rune) bool { return r == ',' || r == '|' }) {
			if words := strings.Fields(on); len(words) > 0 {
				names = append(names, strings.Split(words[0], ":")[0])
			}
		}
	}
	return all
}

func TestDockerignore_WhatTheProgramIsBuiltFrom_IsSent(t *testing.T) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(readRoot(t, ".dockerignore")))
	require.NoError(t, err)
	ignored, err := patternmatcher.New(patterns)
	require.NoError(t, err)
	left := func(name string) bool {
		t.Helper()
		match, err := ignored.MatchesOrParentMatches(name)
		require.NoError(t, err)
		return match
	}
	out, err := exec.Command("go", "list", "-deps", "-json=Dir,Module,GoFiles,CgoFiles,EmbedFiles", ".").Output()
	require.NoError(t, err)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	sent := 0
	for list := json.NewDecoder(bytes.NewReader(out)); list.More(); {
		var p struct {
			Dir                           string
			Module                        *struct{ Main bool }
			GoFiles, CgoFiles, EmbedFiles []string
		}
		require.NoError(t, list.Decode(&p))
		if p.Module == nil || !p.Module.Main {
			continue
		}
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.EmbedFiles) {
			name, err := filepath.Rel(root, filepath.Join(p.Dir, name))
			require.NoError(t, err)
			require.False(t, left(name), "%s is not sent to the build", name)
			sent++
		}
	}
	require.Positive(t, sent)
	for _, stage := range readRecipe(t).stages {
		for _, c := range commands[*instructions.CopyCommand](stage) {
			for _, source := range c.SourcePaths {
				if c.From != "" {
					continue
				}
				_, err := os.Stat(filepath.Join(root, source))
				require.NoError(t, err)
				require.False(t, source != "." && left(source), "%s is copied and not sent", source)
			}
		}
	}
	for _, name := range []string{".git/config", "data/log.db", "data/token.key", "bin/asprak", "cmd/asprak/image_test.go"} {
		require.True(t, left(name), "%s is no part of the build", name)
	}
}
