package transcripttest

import (
	"fmt"
	"strings"

	"asprak/domain/transcript"
)

// Measures in points.
const (
	height = 9.0 // of the type
	margin = 40.0
)

// width is how wide a text is set.
func (l *Layout) width(text string) float64 {
	n := 0.0
	for _, r := range text {
		switch {
		case l.Even:
			n++
		case strings.ContainsRune("iljtfI1.,:;|!'()/- ", r):
			n += 0.6
		case strings.ContainsRune("mwMWOQGD", r):
			n += 1.4
		default:
			n++
		}
	}
	return l.Letter * n
}

type page struct {
	layout *Layout
	words  []transcript.Word
	y      float64
}

func (p *page) put(x, y float64, text string) {
	for _, w := range strings.Fields(text) {
		width := p.layout.width(w)
		p.words = append(p.words, transcript.Word{Text: w, Confidence: 1, Source: transcript.TextLayer,
			Box: transcript.Box{X0: x, Y0: y, X1: x + width, Y1: y + height}})
		x += width + p.layout.width(" ")
	}
}

// Print sets the study on pages.
func (l Layout) Print(s Study) transcript.File {
	var pages []*page
	rest := l.cells(s)
	widths := l.widths(rest)
	per := len(rest)
	if l.PerPage > 0 {
		per = l.PerPage
	}
	for first := true; first || len(rest) > 0; first = false {
		p := &page{layout: &l, y: 30}
		if first {
			l.head(p, s)
		}
		n := min(per, len(rest))
		l.tables(p, rest[:n], widths, first || l.Heading, s, n == len(rest))
		rest = rest[n:]
		if len(rest) == 0 {
			l.foot(p, s)
		}
		pages = append(pages, p)
	}
	wide := 2 * margin
	for _, w := range widths {
		wide += w
	}
	if l.Side {
		wide += wide - margin
	}
	file := transcript.File{Type: "application/pdf"}
	for i, p := range pages {
		for _, w := range p.words {
			wide = max(wide, w.Box.X1+margin)
		}
		file.Pages = append(file.Pages, transcript.Page{Number: i + 1, Width: max(595, wide), Height: max(842, p.y+60), Words: p.words})
	}
	return file
}

func (l Layout) head(p *page, s Study) {
	p.put(180, p.y, strings.ToUpper(s.University))
	title := l.Fields["khs"]
	if s.Kind == transcript.Transcript {
		title = l.Fields["all"]
	}
	p.put(210, p.y+20, title)
	p.put(160, p.y+36, map[transcript.Kind]string{transcript.KHS: "Semester Genap Tahun Akademik 2024/2025"}[s.Kind])
	y := p.y + 62
	name := s.Name
	if l.Upper {
		name = strings.ToUpper(name)
	}
	x := margin + 15 + max(l.width(l.Fields["name"]), l.width(l.Fields["nim"]), l.width("Program Studi"))
	if l.Pair {
		p.put(margin, y, "NIM / Nama")
		p.put(x, y, ": "+s.NIM+" / "+name)
	} else {
		p.put(margin, y, l.Fields["name"])
		p.put(x, y, ": "+name)
		y += 15
		p.put(margin, y, l.Fields["nim"])
		p.put(x, y, ": "+s.NIM)
	}
	p.put(margin, y+15, "Program Studi")
	p.put(x, y+15, ": "+s.Programme)
	p.y = y + 40
	if l.Above {
		l.averages(p, s)
	}
}

// cells are the printed texts of the rows, by column.
func (l Layout) cells(s Study) []map[Column]string {
	out := make([]map[Column]string, len(s.Courses))
	for i, c := range s.Courses {
		name := c.Name
		if l.Upper {
			name = strings.ToUpper(name)
		}
		out[i] = map[Column]string{Index: fmt.Sprint(i + 1), Code: c.Code, Name: name, Class: c.Class, SKS: c.SKS, Grade: c.Grade, Weight: l.mark(c.Weight), Points: l.mark(c.Points)}
	}
	return out
}

func (l Layout) widths(rows []map[Column]string) map[Column]float64 {
	widths := map[Column]float64{}
	for _, k := range l.Columns {
		n := max(l.width(l.Captions[k]), l.width(l.Second[k]), 4*l.Letter)
		for _, r := range rows {
			text := r[k]
			if k == Name && l.Wrap > 0 {
				text = text[:min(len(text), l.Wrap+8)]
			}
			n = max(n, l.width(text))
		}
		widths[k] = n + 14
	}
	return widths
}

// tables prints the courses of one page in one table, or in two side by side.
func (l Layout) tables(p *page, rows []map[Column]string, widths map[Column]float64, heading bool, s Study, last bool) {
	parts := [][]map[Column]string{rows}
	if l.Side {
		half := (len(rows) + 1) / 2
		parts = [][]map[Column]string{rows[:half], rows[half:]}
	}
	top, bottom, left := p.y, p.y, margin
	for i, part := range parts {
		p.y = top
		if heading {
			l.heading(p, left, widths)
		}
		for _, r := range part {
			l.row(p, left, r, widths)
		}
		bottom = max(bottom, p.y)
		if last && i == len(parts)-1 && l.SumLine && !l.Side {
			p.y += 4
			l.sumLine(p, left, widths, s)
			bottom = p.y
		}
		for _, k := range l.Columns {
			left += widths[k]
		}
		left += margin / 2
	}
	p.y = bottom + 14
}

func (l Layout) heading(p *page, left float64, widths map[Column]float64) {
	storey := func(captions map[Column]string, only func(Column) bool) {
		x := left
		for _, k := range l.Columns {
			if text := captions[k]; text != "" && only(k) {
				p.put(l.place(x, k, text, widths), p.y, text)
			}
			x += widths[k]
		}
		p.y += 12
	}
	all := func(Column) bool { return true }
	if l.Joint != "" {
		split := func(k Column) bool { return k == Grade || k == Weight }
		x := left
		for _, k := range l.Columns {
			if k == Grade {
				p.put(x+(widths[Grade]+widths[Weight]-l.width(l.Joint))/2, p.y-6, l.Joint)
			}
			x += widths[k]
		}
		storey(l.Captions, func(k Column) bool { return !split(k) })
		p.y -= 6
		storey(l.Captions, split)
	} else {
		storey(l.Captions, all)
	}
	if l.Second != nil {
		storey(l.Second, all)
	}
	p.y += l.Pitch - 10
}

func (l Layout) row(p *page, left float64, cells map[Column]string, widths map[Column]float64) {
	x := left
	for _, k := range l.Columns {
		text := cells[k]
		if l.Rules {
			p.put(x-8, p.y, "|")
		}
		if k == Name && l.Wrap > 0 {
			first, rest := wrapped(text, l.Wrap)
			if rest != "" {
				p.put(x, p.y-5, first)
				p.put(x, p.y+6, rest)
				x += widths[k]
				continue
			}
		}
		p.put(l.place(x, k, text, widths), p.y, text)
		x += widths[k]
	}
	p.y += l.Pitch
}

// place is where a text of a column begins.
func (l Layout) place(x float64, k Column, text string, widths map[Column]float64) float64 {
	if l.Right && k >= SKS {
		return x + widths[k] - 14 - l.width(text)
	}
	return x
}

// wrapped breaks a name at the last space before the width.
func wrapped(text string, width int) (first, rest string) {
	if len(text) <= width+8 {
		return text, ""
	}
	at := strings.LastIndexByte(text[:width+1], ' ')
	if at < 0 {
		return text, ""
	}
	return text[:at], text[at+1:]
}

func (l Layout) sumLine(p *page, left float64, widths map[Column]float64, s Study) {
	x, named := left, false
	for _, k := range l.Columns {
		switch {
		case k == Name || k == Code && !l.Has(Name):
			p.put(x, p.y, "Jumlah")
			named = true
		case k == SKS:
			p.put(l.place(x, k, s.TotalSKS, widths), p.y, s.TotalSKS)
		case k == Points && s.TotalPoints != "":
			p.put(l.place(x, k, s.TotalPoints, widths), p.y, l.mark(s.TotalPoints))
		}
		x += widths[k]
	}
	if named {
		p.y += 14
	}
}

func (l Layout) foot(p *page, s Study) {
	if !l.Above {
		l.averages(p, s)
	}
	for _, note := range s.Notes {
		p.put(margin, p.y, note)
		p.y += 14
	}
	p.put(300, p.y+40, "Kota Contoh, 3 Maret 2025")
	p.put(300, p.y+95, "Dr. Ir. Satrio Contoh, M.T.")
	p.put(300, p.y+108, "NIP. 19700101 199501 1 001")
	p.y += 110
}

// averages prints the totals and averages with their captions, in lines or in tiles.
func (l Layout) averages(p *page, s Study) {
	type field struct{ caption, value string }
	var fields []field
	add := func(key, value string) {
		if value != "" {
			fields = append(fields, field{l.Fields[key], l.mark(value)})
		}
	}
	if !l.SumLine || l.Side {
		add("sks", s.TotalSKS)
	}
	add("ips", s.IPS)
	add("ipk", s.IPK)
	add("cum", s.CumSKS)
	add("cumP", s.CumPoints)
	x, values := margin, margin
	for _, f := range fields {
		values = max(values, margin+20+l.width(f.caption))
	}
	for _, f := range fields {
		if l.Tiles {
			p.put(x, p.y, f.caption)
			p.put(x, p.y+14, f.value)
			x += l.width(f.caption) + 40
			continue
		}
		p.put(margin, p.y, f.caption)
		p.put(values, p.y, ": "+f.value)
		p.y += 14
	}
	if l.Tiles {
		p.y += 28
	}
	p.y += 10
}
