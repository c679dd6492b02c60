package verification

import (
	"fmt"

	"asprak/domain/transcript"
)

var (
	hasna = Applicant{Name: "Hasna Nur'aini Maharani", NIM: "20/461438/SV/19779"}
	asked = Requirement{Course: Course{Codes: []string{"SVPL214308"}, Name: "Jaringan Komputer"}, MinGrade: "B+", MinIPK: decimal("3.5")}
)

func decimal(s string) *transcript.Decimal {
	d := transcript.MustDecimal(s)
	return &d
}

// page builds readings whose fields each have a box of their own.
type page struct {
	source     transcript.Source
	confidence float64
	line       float64
}

func field[T any](p *page, value T) *transcript.Field[T] {
	p.line += 10
	return &transcript.Field[T]{Value: value, Confidence: p.confidence, Source: p.source, Page: 1, Box: transcript.Box{X0: 10, Y0: p.line, X1: 60, Y1: p.line + 8}}
}

func number(p *page, s string) *transcript.Field[transcript.Decimal] {
	return field(p, transcript.MustDecimal(s))
}

func (p *page) row(code, name, sks, grade string) transcript.Row {
	r := transcript.Row{Page: 1, Code: field(p, code), Name: field(p, name), SKS: number(p, sks), Grade: field(p, grade)}
	r.Box = r.Code.Box
	ugm, _ := transcript.ScaleByID("ugm")
	if l, ok := ugm.Letter(grade); ok && !l.Pending {
		r.Weight = field(p, l.Weight)
		r.Points = field(p, r.SKS.Value.Mul(l.Weight))
	}
	return r
}

func (p *page) reading(kind transcript.Kind) transcript.Reading {
	return transcript.Reading{
		Type: "application/pdf", Kind: kind, Scale: "ugm", Confidence: p.confidence, Layout: transcript.LayoutVersion,
		Pages:      []transcript.PageInfo{{Number: 1, Width: 595, Height: 842, Source: p.source}},
		University: field(p, "Universitas Gadjah Mada"),
		Name:       field(p, hasna.Name),
		NIM:        field(p, hasna.NIM),
		Semester:   field(p, 3),
		Rows: []transcript.Row{
			p.row("SVPL214301", "Metode Pengembangan", "2", "B"),
			p.row("SVPL214302", "Rekayasa Kebutuhan", "2", "A/B"),
			p.row("SVPL214308", "Jaringan Komputer", "2", "B+"),
			p.row("SVPL214309", "Manajemen Proyek", "3", "A-"),
			p.row("SVPL214310", "Praktikum Basis Data", "1", "A"),
		},
	}
}

// khs is a consistent card: 10 SKS, 34.75 points, IPS 3.48; 54 SKS and 194.5 points so far, IPK 3.60.
func khs(source transcript.Source, confidence float64) transcript.Reading {
	p := &page{source: source, confidence: confidence}
	r := p.reading(transcript.KHS)
	r.TotalSKS, r.TotalPoints, r.IPS = number(p, "10"), number(p, "34.75"), number(p, "3.48")
	r.CumSKS, r.CumPoints, r.IPK = number(p, "54"), number(p, "194.5"), number(p, "3.60")
	return r
}

func card() transcript.Reading { return khs(transcript.TextLayer, 1) }

// courses is a consistent transcript of the same rows.
func courses(source transcript.Source, confidence float64) transcript.Reading {
	p := &page{source: source, confidence: confidence}
	r := p.reading(transcript.Transcript)
	r.TotalSKS, r.TotalPoints, r.IPK = number(p, "10"), number(p, "34.75"), number(p, "3.48")
	return r
}

// unweighted drops weights and points, as some universities print neither.
func unweighted(r transcript.Reading) transcript.Reading {
	for i := range r.Rows {
		r.Rows[i].Weight, r.Rows[i].Points = nil, nil
	}
	r.TotalPoints = nil
	return r
}

func changed(r transcript.Reading, f func(*transcript.Reading)) transcript.Reading {
	f(&r)
	return r
}

func judged(r transcript.Reading) Verdict { return Judge(r, hasna, asked, nil, DefaultPolicy()) }

func find(v Verdict, name string) Check {
	for _, c := range v.Checks {
		if c.Name == name {
			return c
		}
	}
	return Check{Detail: fmt.Sprintf("no check %q", name)}
}
