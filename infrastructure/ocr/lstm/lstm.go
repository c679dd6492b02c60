// Package lstm reads lines of type with the neural networks that Tesseract's language data
// holds (tessdata_fast: weights of 8 bits). It computes what Tesseract's own code does, many
// lines at a time, and knows no pages.
package lstm

// #cgo CFLAGS: -std=c11 -O3
// #include <stdlib.h>
// #include "kernel.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"
)

// Height of a strip in pixels. Step is how many columns of it make one step of the output.
const (
	Height = C.HEIGHT
	Step   = C.POOL
)

// Network is a language's line recogniser. It is safe for concurrent use.
type Network struct {
	classes []string
	class   map[string]int // of each text
	blank   int
	net     *C.struct_network
}

// New makes a recogniser of the content of a *.traineddata file.
func New(content []byte) (*Network, error) {
	t, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("lstm: %w", err)
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("lstm: %w", err)
	}
	n := &Network{classes: t.classes, class: make(map[string]int), blank: t.blank}
	for i, text := range t.classes {
		if _, ok := n.class[text]; !ok && i != t.blank {
			n.class[text] = i
		}
	}
	n.net = (*C.struct_network)(C.calloc(1, C.sizeof_struct_network))
	if n.net == nil {
		return nil, errors.New("lstm: no memory")
	}
	n.net.instructions = C.best_instructions()
	runtime.AddCleanup(n, func(net *C.struct_network) {
		C.free_layers(net)
		C.free(unsafe.Pointer(net))
	}, n.net)
	for i, l := range t.layers {
		if C.set_layer(n.net, C.int(i), C.int(l.inputs), C.int(l.outputs), C.int(l.rows), C.int(l.width),
			(*C.int8_t)(&l.weights[0]), (*C.double)(&l.scale[0])) == 0 {
			return nil, errors.New("lstm: no memory")
		}
	}
	return n, nil
}

// check refuses networks of another build than the kernel computes.
func (t *trained) check() error {
	kinds := []string{C.CONVOLUTION: "Tanh", C.COLUMN: "SummLSTM", C.FORTH: "LSTM", C.BACK: "LSTM", C.DEEP: "LSTM", C.OUTPUT: "Softmax"}
	if len(t.layers) != len(kinds) {
		return errForeign
	}
	inputs := 9 // pixels around one
	for i, l := range t.layers {
		memory := kinds[i] == "LSTM" || kinds[i] == "SummLSTM"
		switch {
		case l.kind != kinds[i] || l.inputs != inputs || l.outputs == 0 || l.outputs > 256,
			i == C.CONVOLUTION && l.outputs != 16,
			memory && (l.rows != 4*l.outputs || l.width != l.inputs+l.outputs || l.outputs%16 != 0),
			!memory && (l.rows != l.outputs || l.width != l.inputs):
			return errForeign
		}
		inputs = l.outputs
	}
	if inputs < len(t.classes) || t.blank < 0 || t.blank >= inputs || slices.Index(t.classes, " ") < 0 {
		return errForeign
	}
	return nil
}

// outputs is the number of classes.
func (n *Network) outputs() int { return int(n.net.layers[C.OUTPUT].outputs) }

// Strip is a line of type, dark on light, Height pixels high, stored column by column:
// -127 is ink, 127 paper. Its width is a multiple of Step.
type Strip struct {
	Pixels []int8
	Width  int
}

// Read recognises strips. It allocates what one batch needs; strips of like width belong
// together.
func (n *Network) Read(strips []Strip) []Output {
	order := make([]int, len(strips))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strips[b].Width - strips[a].Width })
	out := make([]Output, len(strips))
	var pixels []int8
	for batch := range slices.Chunk(order, C.LANES) {
		pixels = pixels[:0]
		widths := make([]C.int, len(batch))
		steps := 0
		for i, at := range batch {
			pixels = append(pixels, strips[at].Pixels...)
			widths[i] = C.int(strips[at].Width)
			steps += strips[at].Width / Step
		}
		for _, at := range batch {
			out[at].network = n
		}
		if steps == 0 {
			continue
		}
		probabilities := make([]float32, steps*n.outputs())
		if C.forward(n.net, C.int(len(batch)), &widths[0], (*C.int8_t)(&pixels[0]), (*C.float)(&probabilities[0])) == 0 {
			panic("lstm: no memory")
		}
		rest := probabilities
		for _, at := range batch {
			size := strips[at].Width / Step * n.outputs()
			out[at].probabilities = rest[:size:size]
			rest = rest[size:]
		}
	}
	runtime.KeepAlive(n)
	return out
}
