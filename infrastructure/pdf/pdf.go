// Package pdf opens PDF files with pdfium compiled to WebAssembly: a hostile file meets a
// sandbox with bounded memory, without files, network or clock. It gives characters as
// words with boxes, the objects that hide them, and drawn pages. It knows no layout, no
// recogniser and no verdict.
package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"asprak/application"
	"asprak/domain/transcript"
)

// memoryPages bounds the sandbox's memory, in WebAssembly pages of 64 KiB: 256 MiB.
const memoryPages = 4096

const (
	maxSandboxes = 2 // files open at once
	startWait    = 30 * time.Second
)

// Library is pdfium, compiled and ready. It is safe for concurrent use, one file at a time.
type Library struct {
	pool     pdfium.Pool
	cache    wazero.CompilationCache
	arrivals *arrivals
	permits  chan struct{} // one for each sandbox that lives
	idle     chan *sandbox
}

var _ application.PDF = (*Library)(nil)

// Open compiles pdfium, or loads what an earlier process compiled into cacheDir, and starts a
// first sandbox. An empty cacheDir compiles anew each time, which takes seconds. Nothing on
// the disk is asked for later.
func Open(cacheDir string) (*Library, error) {
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(memoryPages).
		WithCloseOnContextDone(false)
	var cache wazero.CompilationCache
	if cacheDir != "" {
		if err := os.MkdirAll(cacheDir, 0o700); err != nil {
			return nil, fmt.Errorf("pdf: cache: %w", err)
		}
		var err error
		if cache, err = wazero.NewCompilationCacheWithDir(cacheDir); err != nil {
			return nil, fmt.Errorf("pdf: cache: %w", err)
		}
		config = config.WithCompilationCache(cache)
	}
	arrivals := &arrivals{}
	ctx := experimental.WithFunctionListenerFactory(context.Background(), arrivals)
	ctx = experimental.WithMemoryAllocator(ctx, arrivals)
	pool, err := webassembly.Init(webassembly.Config{
		Context:       ctx,
		MaxTotal:      maxSandboxes,
		RuntimeConfig: config,
		FSConfig:      wazero.NewFSConfig(),
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
	if err != nil {
		return nil, fmt.Errorf("pdf: start: %w", err)
	}
	l := &Library{pool: pool, cache: cache, arrivals: arrivals,
		permits: make(chan struct{}, maxSandboxes), idle: make(chan *sandbox, maxSandboxes)}
	first, err := l.take(ctx)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.idle <- first // so that the first file does not wait for it
	return l, nil
}

// Close frees the library.
func (l *Library) Close() error {
	err := l.pool.Close()
	if l.cache != nil {
		err = errors.Join(err, l.cache.Close(context.Background()))
	}
	return err
}

const module = "github.com/klippa-app/go-pdfium"

// Version names the binding's release, which carries its pdfium build.
func (l *Library) Version() string {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == module {
				version = dep.Version
			}
		}
	}
	return "go-pdfium/" + version
}

// File is an open PDF.
type File struct {
	*sandbox
	library   *Library
	document  uint64
	revisions []uint64 // the document before changes were appended, the first one first
	parsed    map[int]*page
	pages     int
	active    bool
}

var _ application.PDFFile = (*File)(nil)

// Open parses the file; see application.PDF.
func (l *Library) Open(ctx context.Context, content []byte, limits application.Limits) (application.PDFFile, error) {
	if i := bytes.Index(content, []byte("%PDF-")); i > 0 {
		content = content[i:]
	}
	if err := checkStreams(content); err != nil {
		return nil, err
	}
	sandbox, err := l.take(ctx)
	if err != nil {
		return nil, err
	}
	file := &File{sandbox: sandbox, library: l, parsed: map[int]*page{}}
	if err := file.open(content, limits); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// What FPDF_GetLastError says of a file that asks for a password, or that is locked in a
// way pdfium does not know.
const (
	errorPassword = 4
	errorSecurity = 5
)

func (f *File) open(content []byte, limits application.Limits) error {
	at := f.allocate(len(content))
	if f.err == nil && !f.guest.memory.Write(uint32(at), content) {
		return errors.New("pdf: the file does not fit into the memory")
	}
	f.document = f.call("FPDF_LoadMemDocument64", at, uint64(len(content)), 0)
	if f.err == nil && f.document == 0 {
		if code := f.call("FPDF_GetLastError"); code == errorPassword || code == errorSecurity {
			return &application.FileFault{Problem: transcript.Encrypted, Detail: "the file asks for a password"}
		}
	}
	if f.err != nil || f.document == 0 {
		return &application.FileFault{Problem: transcript.UnreadableFile, Detail: "the file is cut off or broken"}
	}
	f.pages = number(f.call("FPDF_GetPageCount", f.document))
	switch {
	case f.err != nil:
		return &application.FileFault{Problem: transcript.UnreadableFile, Detail: "the file's pages cannot be counted"}
	case f.pages < 1:
		return &application.FileFault{Problem: transcript.NoPages, Detail: "the file has no pages"}
	case f.pages > limits.MaxPages:
		return &application.FileFault{Problem: transcript.TooManyPages, Detail: fmt.Sprintf("the file has %d pages", f.pages)}
	}
	f.revisions = f.earlier(at, content)
	plain, err := f.plainText(content)
	if err != nil {
		return err
	}
	f.active = runsScripts(plain) || carriesMore(plain)
	unit := largestUserUnit(plain)
	for i := range f.pages {
		ok := f.call("FPDF_GetPageSizeByIndex", f.document, uint64(i), f.result(0), f.result(1))
		size := f.float64s(2)
		if ok == 0 || f.err != nil {
			return &application.FileFault{Problem: transcript.UnreadableFile, Detail: fmt.Sprintf("page %d is broken", i+1)}
		}
		if longest := max(size[0], size[1]) * unit; longest > limits.MaxPagePoints {
			return &application.FileFault{Problem: transcript.TooLargeUnpacked, Detail: fmt.Sprintf("page %d is %.0f points long", i+1, longest)}
		}
	}
	return nil
}

// plainText returns the file's objects with nothing packed or encrypted, streams left out.
func (f *File) plainText(content []byte) ([]byte, error) {
	plain := withoutStreams(content)
	if bytes.Contains(plain, []byte("/ObjStm")) || bytes.Contains(plain, []byte("/Encrypt")) {
		unpacked, err := f.unpacked(content)
		if err != nil {
			return nil, &application.FileFault{Problem: transcript.UnreadableFile, Detail: "the file's objects cannot be unpacked"}
		}
		plain = withoutStreams(unpacked)
	}
	return plain, nil
}

func (f *File) unpacked(content []byte) ([]byte, error) {
	opened, err := f.instance.OpenDocument(&requests.OpenDocument{File: &content})
	if err != nil {
		return nil, err
	}
	defer f.instance.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: opened.Document})
	saved, err := f.instance.FPDF_SaveAsCopy(&requests.FPDF_SaveAsCopy{Document: opened.Document, Flags: requests.SaveFlagRemoveSecurity})
	if err != nil || saved.FileBytes == nil {
		return nil, errors.Join(err, errors.New("pdf: nothing was saved"))
	}
	return *saved.FileBytes, nil
}

// Pages counts the pages.
func (f *File) Pages() int { return f.pages }

// Active tells that the file runs scripts on opening, or carries more than pages.
func (f *File) Active() bool { return f.active }

// Close frees the file.
func (f *File) Close() error { return f.library.giveBack(f.sandbox) }
