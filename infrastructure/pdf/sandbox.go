package pdf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"asprak/application"
	"asprak/domain/transcript"
)

// sandbox is an instance of pdfium with nothing open. It serves one file after the other and
// forgets each: its memory is put back to what it was before the first, so that no
// file sees or changes what another leaves behind.
type sandbox struct {
	*guest
	instance pdfium.Pdfium
	memory   *mapped
	top      uint64 // of the stack
	letters  letters
	known    map[string]look // by the pixels of a character
}

func (l *Library) newSandbox(wait time.Duration) (*sandbox, error) {
	l.arrivals.mu.Lock()
	defer l.arrivals.mu.Unlock()
	instance, err := l.pool.GetInstance(wait)
	if err != nil {
		return nil, fmt.Errorf("pdf: instance: %w", err)
	}
	s := &sandbox{guest: newGuest(context.Background(), l.arrivals.module), instance: instance, memory: l.arrivals.memory}
	s.top = s.call("emscripten_stack_get_current")
	s.err = errors.Join(s.err, s.learn())
	if s.err == nil {
		s.err = s.memory.remember(int(s.guest.memory.Size()))
	}
	if s.err != nil {
		return nil, errors.Join(s.err, instance.Close())
	}
	return s, nil
}

// learn reads the specimen, which also warms up what pdfium keeps of the standard fonts.
func (s *sandbox) learn() error {
	f := &File{sandbox: s, parsed: map[int]*page{}}
	if err := f.open(specimen(), application.DefaultLimits()); err != nil {
		return err
	}
	if _, err := f.Text(s.ctx, 0); err != nil {
		return err
	}
	p := f.parsed[0]
	s.letters, s.known = letters{}, map[string]look{}
	s.letters.add(f.draw(p, transcript.Box{X1: p.frame.width, Y1: p.frame.height}, specimenScale), runs(p.chars))
	f.unload(0)
	s.call("FPDF_CloseDocument", f.document)
	return nil
}

// forget makes the sandbox as new. After an error it is of no further use.
func (s *sandbox) forget() error {
	s.call("_emscripten_stack_restore", s.top)
	if s.err != nil {
		return s.err
	}
	return s.memory.restore()
}

// take hands out an idle sandbox, or a new one while there are fewer than maxSandboxes.
func (l *Library) take(ctx context.Context) (*sandbox, error) {
	select {
	case s := <-l.idle:
		return s, nil
	default:
	}
	select {
	case s := <-l.idle:
		return s, nil
	case l.permits <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s, err := l.newSandbox(startWait)
	if err != nil {
		<-l.permits
		return nil, err
	}
	return s, nil
}

// giveBack keeps the sandbox for the next file, or ends it when it cannot forget this one.
func (l *Library) giveBack(s *sandbox) error {
	if s.forget() == nil {
		l.idle <- s
		return nil
	}
	<-l.permits
	return s.instance.Close()
}

// arrivals catches the module and the memory of a new instance, which the binding keeps to
// itself: the memory as its allocator, the module as a listener on the function that every
// instance calls first.
type arrivals struct {
	mu     sync.Mutex
	module api.Module
	memory *mapped
}

const firstFunction = "FPDF_InitLibrary"

// NewFunctionListener implements experimental.FunctionListenerFactory.
func (a *arrivals) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	if !slices.Contains(f.ExportNames(), firstFunction) {
		return nil
	}
	return experimental.FunctionListenerFunc(func(_ context.Context, module api.Module, _ api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
		a.module = module
	})
}

// Allocate implements experimental.MemoryAllocator, which has no way to fail.
func (a *arrivals) Allocate(_, size uint64) experimental.LinearMemory {
	memory, err := mapMemory(int(size))
	if err != nil {
		panic(err)
	}
	a.memory = memory
	return memory
}
