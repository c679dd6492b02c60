package workers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"

	"golang.org/x/sys/unix"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
)

// maxFrame bounds a frame in both directions.
const maxFrame = 256 << 20

// request is the first of the two frames of a question; the second is the content as it is.
type request struct {
	Name string `json:"name"`
}

// reply is the one frame of an answer, and, with Versions, the child's greeting.
type reply struct {
	Versions *domain.Versions    `json:"versions,omitempty"`
	Reading  *transcript.Reading `json:"reading,omitempty"`
	Code     string              `json:"code,omitempty"`
	Error    string              `json:"error,omitempty"`
}

// Pipes takes the standard input and output of this process for the talk with the parent.
// From then on whatever a library prints goes to standard error. Call it before anything
// else can print.
func Pipes() (in, out *os.File, err error) {
	fd, err := unix.FcntlInt(os.Stdout.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, nil, fmt.Errorf("workers: %w", err)
	}
	if err := unix.Dup3(int(os.Stderr.Fd()), int(os.Stdout.Fd()), 0); err != nil {
		return nil, nil, fmt.Errorf("workers: %w", err)
	}
	return os.Stdin, os.NewFile(uintptr(fd), "answers"), nil
}

// Serve is the child's side: it greets, then answers one document after the other until in
// ends or ctx is done. See Pipes for in and out.
func Serve(ctx context.Context, in io.Reader, out io.Writer, reader application.Reader) error {
	versions := reader.Versions()
	if err := writeJSON(out, reply{Versions: &versions}); err != nil {
		return err
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	for ctx.Err() == nil {
		var question request
		err := readJSON(buffered, &question)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := readFrame(buffered)
		if err != nil {
			return err
		}
		if err := writeJSON(out, answer(ctx, reader, application.Document{Name: question.Name, Content: content})); err != nil {
			return err
		}
		giveBack()
	}
	return ctx.Err()
}

// spare is how much memory Go may keep between documents: what a page of text needs is used
// again, what a large picture needed is given back.
const spare = 64 << 20

func giveBack() {
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(held)
	if held[0].Value.Uint64()-held[1].Value.Uint64() > spare {
		debug.FreeOSMemory()
	}
}

func answer(ctx context.Context, reader application.Reader, document application.Document) reply {
	reading, err := reader.Read(ctx, document)
	var own *application.ReaderError
	switch {
	case errors.As(err, &own):
		return reply{Code: own.Code, Error: own.Err.Error()}
	case err != nil:
		return reply{Code: "crashed", Error: err.Error()}
	}
	return reply{Reading: &reading}
}

// A frame is its length in four bytes, most significant first, and then its bytes.

func writeFrame(w io.Writer, b []byte) error {
	if len(b) > maxFrame {
		return fmt.Errorf("workers: a frame of %d bytes", len(b))
	}
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(b)))
	if _, err := w.Write(length[:]); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

func readFrame(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxFrame {
		return nil, fmt.Errorf("workers: a frame of %d bytes", n)
	}
	// The buffer grows with what comes, not with what the length claims.
	var b bytes.Buffer
	b.Grow(int(min(n, 64<<10)))
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return b.Bytes(), nil
}

func writeJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFrame(w, b)
}

func readJSON(r io.Reader, v any) error {
	b, err := readFrame(r)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
