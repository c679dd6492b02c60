package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"asprak/application"
	"asprak/domain/transcript"
	"asprak/domain/verification"
	"asprak/infrastructure/ocr"
	"asprak/infrastructure/pdf"
	"asprak/infrastructure/workers"
)

// readerSettings configure how documents are read, by a server or without one.
type readerSettings struct {
	Readers      int   `env:"ASPRAK_READERS" default:"0" help:"Reader processes; 0: one for each core."`
	ReadMemory   int64 `env:"ASPRAK_READ_MEMORY" default:"400" help:"Memory limit of a reader process in MiB."`
	ReadRecycle  int   `env:"ASPRAK_READ_RECYCLE" default:"1000" help:"Documents after which a reader process is replaced."`
	readerLimits `embed:""`
}

// readerLimits bound one document; the reader processes get them from their parent.
type readerLimits struct {
	ReadTimeout   time.Duration `env:"ASPRAK_READ_TIMEOUT" default:"30s" help:"Longest time for one document; the reader process is killed then."`
	MaxPages      int           `env:"ASPRAK_MAX_PAGES" default:"10" help:"Most pages of a document."`
	MaxMegapixels int           `env:"ASPRAK_MAX_MEGAPIXELS" default:"100" help:"Most megapixels of a page."`
	Scales        string        `env:"ASPRAK_SCALES" type:"existingfile" help:"File with grade scales of the university's own, beside the built-in ones."`
	Forms         string        `env:"ASPRAK_FORMS" type:"existingfile" help:"File with captions and student numbers as the university's own documents write them, beside the built-in ones."`
	Cache         string        `env:"ASPRAK_CACHE" help:"Folder of the compiled PDF engine (default: the user's cache folder)."`
}

func (l readerLimits) limits() application.Limits {
	limits := application.DefaultLimits()
	limits.MaxPages, limits.MaxPixels, limits.Timeout = l.MaxPages, l.MaxMegapixels*1_000_000, l.ReadTimeout
	return limits
}

// addOwn makes the university's own scales and forms known to this process.
func (l readerLimits) addOwn() error {
	return errors.Join(addFrom(l.Scales, transcript.LoadScales, transcript.AddScales), addFrom(l.Forms, transcript.LoadForms, transcript.AddForms))
}

// addFrom adds what a file holds; no name, nothing.
func addFrom[T any](name string, load func(io.Reader) (T, error), add func(T)) error {
	if name == "" {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	own, err := load(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	add(own)
	return nil
}

func (l readerLimits) cache() string {
	if l.Cache != "" {
		return l.Cache
	}
	base, err := os.UserCacheDir()
	if err != nil { // no home folder
		base = os.TempDir()
	}
	return filepath.Join(base, "asprak")
}

// judging configures how documents are judged.
type judging struct {
	Policy string `env:"ASPRAK_POLICY" type:"existingfile" help:"File with the university's own policy of judging; what it leaves out stays as it is."`
}

func (j judging) policy() (verification.Policy, error) {
	if j.Policy == "" {
		return verification.DefaultPolicy(), nil
	}
	file, err := os.Open(j.Policy)
	if err != nil {
		return verification.Policy{}, err
	}
	defer file.Close()
	policy, err := verification.LoadPolicy(file)
	if err != nil {
		return verification.Policy{}, fmt.Errorf("%s: %w", j.Policy, err)
	}
	return policy, nil
}

// openPool starts the reader processes: this program again, as ocr-worker.
func openPool(s readerSettings, logger *slog.Logger) (*workers.Pool, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := []string{self, "ocr-worker",
		"--read-timeout", s.ReadTimeout.String(),
		"--max-pages", fmt.Sprint(s.MaxPages),
		"--max-megapixels", fmt.Sprint(s.MaxMegapixels),
		"--cache", s.cache(),
	}
	if s.Scales != "" {
		command = append(command, "--scales", s.Scales)
	}
	if s.Forms != "" {
		command = append(command, "--forms", s.Forms)
	}
	return workers.New(workers.Options{
		Command:      command,
		Size:         cmp.Or(s.Readers, runtime.NumCPU()),
		Deadline:     s.ReadTimeout,
		MaxMemory:    s.ReadMemory << 20,
		RecycleAfter: s.ReadRecycle,
		Logger:       logger,
	})
}

type ocrWorkerCmd struct {
	readerLimits `embed:""`
}

// Run is the child's side of the pool.
func (c *ocrWorkerCmd) Run(ctx context.Context) error {
	if err := c.addOwn(); err != nil {
		return err
	}
	in, out, err := workers.Pipes()
	if err != nil {
		return err
	}
	library, err := pdf.Open(c.cache())
	if err != nil {
		return err
	}
	defer library.Close()
	engine, err := ocr.New(ocr.Options{})
	if err != nil {
		return err
	}
	defer engine.Close()
	if err := workers.Confine(languageFolders()...); err != nil {
		fmt.Fprintln(os.Stderr, err) // the parent logs it
	}
	return workers.Serve(ctx, in, out, application.NewDocumentReader(library, engine, c.limits()))
}

// languageFolders is what a warm reader still reads: Tesseract's data, when the engine is made
// anew.
func languageFolders() []string {
	folders := []string{"/usr/share", "/usr/local/share"}
	if own := os.Getenv("TESSDATA_PREFIX"); own != "" {
		folders = append(folders, own)
	}
	return folders
}
