package pdf

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tetratelabs/wazero/api"
)

// guest calls an instance's exported functions and reads its memory. The binding's own
// methods allocate, zero and free each result inside the sandbox and name each object by a
// random id, which at several calls a character costs more than pdfium itself.
//
// The first call that fails, for want of memory or a trap, stays in err and makes every later one
// return 0: who made the calls asks once, at the end.
type guest struct {
	ctx       context.Context
	module    api.Module
	memory    api.Memory
	functions map[string]api.Function
	results   uint64 // address of 64 bytes for what functions return through pointers
	stack     [12]uint64
	err       error
}

const resultBytes = 64

func newGuest(ctx context.Context, module api.Module) *guest {
	g := &guest{ctx: ctx, module: module, memory: module.Memory(), functions: map[string]api.Function{}}
	g.results = g.allocate(resultBytes)
	return g
}

// function looks an exported function up, once per name.
func (g *guest) function(name string) api.Function {
	f, ok := g.functions[name]
	if !ok {
		f = g.module.ExportedFunction(name)
		g.functions[name] = f
	}
	return f
}

func (g *guest) call(name string, args ...uint64) uint64 {
	return g.invoke(g.function(name), args...)
}

func (g *guest) invoke(f api.Function, args ...uint64) uint64 {
	if g.err != nil {
		return 0
	}
	if f == nil {
		g.err = fmt.Errorf("pdf: a function is missing")
		return 0
	}
	copy(g.stack[:], args)
	if err := f.CallWithStack(g.ctx, g.stack[:]); err != nil {
		g.err = fmt.Errorf("pdf: %s: %w", f.Definition().DebugName(), err)
		return 0
	}
	return g.stack[0]
}

// number is an int result.
func number(result uint64) int { return int(int32(uint32(result))) }

func (g *guest) allocate(size int) uint64 {
	at := g.call("malloc", uint64(size))
	if at == 0 && g.err == nil {
		g.err = fmt.Errorf("pdf: no memory for %d bytes", size)
	}
	return at
}

func (g *guest) free(at uint64) { g.call("free", at) }

// bytes is a view of the memory, valid until the next call.
func (g *guest) bytes(at uint64, size int) []byte {
	view, ok := g.memory.Read(uint32(at), uint32(size))
	if !ok && g.err == nil {
		g.err = fmt.Errorf("pdf: %d bytes at %d lie outside the memory", size, at)
	}
	if !ok {
		return make([]byte, size)
	}
	return view
}

// result is the place of the i-th 8 bytes of the results.
func (g *guest) result(i int) uint64 { return g.results + 8*uint64(i) }

func (g *guest) float64s(n int) (out [4]float64) {
	view := g.bytes(g.results, 8*n)
	for i := range n {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(view[8*i:]))
	}
	return out
}

func (g *guest) float32s(n int) (out [6]float64) {
	view := g.bytes(g.results, 4*n)
	for i := range n {
		out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(view[4*i:])))
	}
	return out
}

// uint32At is the i-th 8-byte result, of which the lower half counts.
func (g *guest) uint32At(i int) int {
	return number(uint64(binary.LittleEndian.Uint32(g.bytes(g.result(i), 4))))
}

// give puts floats into the memory for a function to read, and returns their address.
func (g *guest) give(values ...float64) uint64 {
	view := g.bytes(g.results, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(view[4*i:], math.Float32bits(float32(v)))
	}
	return g.results
}
