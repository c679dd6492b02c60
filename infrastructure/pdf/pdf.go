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
	pdferrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
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

// Library is pdfium, compiled and ready. It is safe for concurrent use, one file at a time.
type Library struct {
	pool  pdfium.Pool
	cache wazero.CompilationCache
}

var _ application.PDF = (*Library)(nil)

// Open compiles pdfium, or loads what an earlier process compiled into cacheDir. An empty
// cacheDir compiles anew each time, which takes seconds.
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
	pool, err := webassembly.Init(webassembly.Config{
		MinIdle: 1, MaxIdle: 1, MaxTotal: 2,
		RuntimeConfig: config,
		FSConfig:      wazero.NewFSConfig(),
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
	if err != nil {
		return nil, fmt.Errorf("pdf: start: %w", err)
	}
	return &Library{pool: pool, cache: cache}, nil
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
	instance pdfium.Pdfium
	document references.FPDF_DOCUMENT
	pages    int
	active   bool
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
	wait := 30 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		wait = time.Until(deadline)
	}
	instance, err := l.pool.GetInstance(wait)
	if err != nil {
		return nil, fmt.Errorf("pdf: instance: %w", err)
	}
	file := &File{instance: instance}
	if err := file.open(content, limits); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func (f *File) open(content []byte, limits application.Limits) error {
	opened, err := f.instance.OpenDocument(&requests.OpenDocument{File: &content})
	switch {
	case errors.Is(err, pdferrors.ErrPassword), errors.Is(err, pdferrors.ErrSecurity):
		return &application.FileFault{Problem: transcript.Encrypted, Detail: "the file asks for a password"}
	case err != nil:
		return &application.FileFault{Problem: transcript.UnreadableFile, Detail: "the file is cut off or broken"}
	}
	f.document = opened.Document
	count, err := f.instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: f.document})
	if err != nil {
		return &application.FileFault{Problem: transcript.UnreadableFile, Detail: "the file's pages cannot be counted"}
	}
	f.pages = count.PageCount
	switch {
	case f.pages < 1:
		return &application.FileFault{Problem: transcript.NoPages, Detail: "the file has no pages"}
	case f.pages > limits.MaxPages:
		return &application.FileFault{Problem: transcript.TooManyPages, Detail: fmt.Sprintf("the file has %d pages", f.pages)}
	}
	plain, err := f.plainText(content)
	if err != nil {
		return err
	}
	f.active = runsScripts(plain)
	unit := largestUserUnit(plain)
	for i := range f.pages {
		size, err := f.instance.FPDF_GetPageSizeByIndex(&requests.FPDF_GetPageSizeByIndex{Document: f.document, Index: i})
		if err != nil {
			return &application.FileFault{Problem: transcript.UnreadableFile, Detail: fmt.Sprintf("page %d is broken", i+1)}
		}
		if longest := max(size.Width, size.Height) * unit; longest > limits.MaxPagePoints {
			return &application.FileFault{Problem: transcript.TooLargeUnpacked, Detail: fmt.Sprintf("page %d is %.0f points long", i+1, longest)}
		}
	}
	return nil
}

// plainText returns the file's objects with nothing packed or encrypted, streams left out.
func (f *File) plainText(content []byte) ([]byte, error) {
	if bytes.Contains(content, []byte("/ObjStm")) || bytes.Contains(content, []byte("/Encrypt")) {
		saved, err := f.instance.FPDF_SaveAsCopy(&requests.FPDF_SaveAsCopy{Document: f.document, Flags: requests.SaveFlagRemoveSecurity})
		if err != nil || saved.FileBytes == nil {
			return nil, &application.FileFault{Problem: transcript.UnreadableFile, Detail: "the file's objects cannot be unpacked"}
		}
		content = *saved.FileBytes
	}
	return withoutStreams(content), nil
}

// Pages counts the pages.
func (f *File) Pages() int { return f.pages }

// Active tells that the file runs scripts on opening.
func (f *File) Active() bool { return f.active }

// Close frees the file and the sandbox's memory with it.
func (f *File) Close() error { return f.instance.Close() }
