package pdf

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapped is a sandbox's memory as a mapping of its own. The kernel hands out pages as they
// are touched and takes them all back at once; what the memory held at one moment can be
// brought back at the cost of the pages touched since.
type mapped struct {
	reserved []byte
	image    int // file with the remembered content, -1 when there is none
	length   int // of the remembered content, in whole pages
}

// mapMemory reserves address space for size bytes, so that growing moves nothing.
func mapMemory(size int) (*mapped, error) {
	reserved, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("pdf: memory of %d bytes: %w", size, err)
	}
	return &mapped{reserved: reserved, image: -1}, nil
}

// Reallocate implements experimental.LinearMemory: nil when size is more than was reserved.
func (m *mapped) Reallocate(size uint64) []byte {
	if size > uint64(len(m.reserved)) {
		return nil
	}
	return m.reserved[:size:size]
}

// Free implements experimental.LinearMemory.
func (m *mapped) Free() {
	if m.reserved != nil {
		_ = unix.Munmap(m.reserved)
		m.reserved = nil
	}
	if m.image >= 0 {
		_ = unix.Close(m.image)
		m.image = -1
	}
}

// remember keeps the first size bytes, behind which nothing but zeros may lie.
func (m *mapped) remember(size int) error {
	for size > 0 && m.reserved[size-1] == 0 {
		size--
	}
	page := unix.Getpagesize()
	m.length = (size + page - 1) / page * page
	var err error
	if m.image, err = unix.MemfdCreate("pdfium", unix.MFD_CLOEXEC); err != nil {
		return fmt.Errorf("pdf: remember: %w", err)
	}
	for at := 0; at < m.length; {
		n, err := unix.Write(m.image, m.reserved[at:m.length])
		if err != nil {
			return fmt.Errorf("pdf: remember: %w", err)
		}
		at += n
	}
	return m.restore()
}

// restore brings back what was remembered: a private view of it, and zeros behind.
func (m *mapped) restore() error {
	if err := m.remap(0, m.length, unix.MAP_PRIVATE, m.image); err != nil {
		return err
	}
	return m.remap(m.length, len(m.reserved), unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE, -1)
}

func (m *mapped) remap(from, to, flags, file int) error {
	_, err := unix.MmapPtr(file, 0, unsafe.Pointer(unsafe.SliceData(m.reserved[from:])), uintptr(to-from), unix.PROT_READ|unix.PROT_WRITE, flags|unix.MAP_FIXED)
	if err != nil {
		return fmt.Errorf("pdf: restore: %w", err)
	}
	return nil
}
