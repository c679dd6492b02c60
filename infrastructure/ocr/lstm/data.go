package lstm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Entries of a *.traineddata file that a line recogniser needs: TessdataManager in
// Tesseract's ccutil/tessdatamanager.h numbers them.
const (
	networkEntry    = 17
	charactersEntry = 21
	recoderEntry    = 22
)

var errForeign = errors.New("not the data of a line recogniser with weights of 8 bits (tessdata_fast)")

// trained is what a language's file holds.
type trained struct {
	layers  []layer
	classes []string // what each output of the network stands for
	blank   int      // the output that stands for nothing
}

// layer is one layer's weights: rows of width inputs and one bias.
type layer struct {
	kind            string
	inputs, outputs int
	rows, width     int
	weights         []int8
	scale           []float64
}

// parse reads a *.traineddata file.
func parse(content []byte) (*trained, error) {
	entries, err := entriesOf(content)
	if err != nil {
		return nil, err
	}
	t := &trained{}
	r := &reader{in: bytes.NewReader(entries[networkEntry])}
	t.network(r, 0)
	r.string() // the network's description
	r.skip(3 * 4)
	t.blank = int(r.int())
	if r.err != nil {
		return nil, r.err
	}
	t.classes, err = classesOf(entries[charactersEntry], entries[recoderEntry])
	return t, err
}

func entriesOf(content []byte) (map[int][]byte, error) {
	r := &reader{in: bytes.NewReader(content)}
	offsets := make([]int64, min(uint32(r.int()), 64))
	r.read(offsets)
	if r.err != nil {
		return nil, r.err
	}
	entries := map[int][]byte{}
	for i, from := range offsets {
		to := int64(len(content))
		for _, o := range offsets {
			if o > from {
				to = min(to, o)
			}
		}
		if from >= 0 && from <= to {
			entries[i] = content[from:to]
		}
	}
	return entries, nil
}

// reader reads little-endian values; the first error stays.
type reader struct {
	in  *bytes.Reader
	err error
}

func (r *reader) read(to any) {
	if r.err == nil {
		r.err = binary.Read(r.in, binary.LittleEndian, to)
	}
	if errors.Is(r.err, io.EOF) || errors.Is(r.err, io.ErrUnexpectedEOF) {
		r.err = errForeign
	}
}

func (r *reader) int() (v int32) { r.read(&v); return v }
func (r *reader) byte() (v byte) { r.read(&v); return v }

func (r *reader) skip(n int) { r.read(make([]byte, n)) }

// bounded reads a count that memory is set aside for.
func (r *reader) bounded(limit int) int {
	n := int(r.int())
	if r.err == nil && (n < 0 || n > limit) {
		r.err = errForeign
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *reader) string() string {
	b := make([]byte, r.bounded(1<<16))
	r.read(b)
	return string(b)
}

const perLayerRates = 64 // flag: learning rates follow the layers

// network reads one network and those within it: Network::CreateFromFile in Tesseract's
// lstm/network.cpp.
func (t *trained) network(r *reader, depth int) {
	if depth > 4 || r.byte() != 0 {
		r.err = errors.Join(r.err, errForeign)
		return
	}
	l := layer{kind: r.string()}
	r.skip(2) // training, backward pass
	flags := r.int()
	l.inputs, l.outputs = r.bounded(1<<12), r.bounded(1<<12)
	r.int()
	r.string()
	switch l.kind {
	case "Input":
		r.skip(5 * 4)
	case "Convolve", "Maxpool":
		r.skip(2 * 4)
	case "Series", "RTLReversed", "XYTranspose":
		for range r.bounded(16) {
			t.network(r, depth+1)
		}
		if flags&perLayerRates != 0 {
			r.skip(4 * r.bounded(16))
		}
	case "LSTM", "SummLSTM":
		r.int()
		for range 4 {
			l.matrix(r)
		}
		t.layers = append(t.layers, l)
	case "Tanh", "Softmax":
		l.matrix(r)
		t.layers = append(t.layers, l)
	default:
		r.err = errors.Join(r.err, errForeign)
	}
}

// matrix appends a matrix of 8-bit weights: WeightMatrix::DeSerialize in Tesseract's
// lstm/weightmatrix.cpp.
func (l *layer) matrix(r *reader) {
	const eightBit, double = 1, 128
	if mode := r.byte(); r.err == nil && mode&(eightBit|double) != eightBit|double {
		r.err = errForeign
	}
	rows, columns := r.bounded(1<<12), r.bounded(1<<12)
	r.byte() // what empty cells hold
	weights := make([]int8, rows*columns)
	r.read(weights)
	scale := make([]float64, r.bounded(1<<13))
	r.read(scale)
	if r.err != nil || rows == 0 || columns == 0 || len(scale) < rows {
		r.err = errors.Join(r.err, errForeign)
		return
	}
	l.rows, l.width = l.rows+rows, columns-1
	l.weights = append(l.weights, weights...)
	l.scale = append(l.scale, scale[:rows]...)
}

// classesOf tells what each output of the network stands for: the character set names the
// characters in order, the recoder gives the output of each.
func classesOf(characters, recoder []byte) ([]string, error) {
	lines := strings.Split(string(characters), "\n")
	var classes []string
	r := &reader{in: bytes.NewReader(recoder)}
	for i := range r.bounded(1 << 14) {
		r.byte()
		codes := make([]int32, r.bounded(16))
		r.read(codes)
		if r.err != nil || i+1 >= len(lines) {
			return nil, errForeign
		}
		name, _, _ := strings.Cut(lines[i+1], " ")
		switch {
		case i == 0:
			name = " "
		case i < 3: // joined and broken pieces of characters
			continue
		}
		if len(codes) != 1 || codes[0] < 0 || codes[0] > 1<<12 {
			return nil, fmt.Errorf("character %q: %w", name, errForeign)
		}
		for len(classes) <= int(codes[0]) {
			classes = append(classes, "")
		}
		classes[codes[0]] = name
	}
	return classes, r.err
}
