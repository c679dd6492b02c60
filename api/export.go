package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"asprak/projections"
)

// exportPatience is how long a client may leave a full buffer standing; the whole of an export
// takes as long as it takes.
const exportPatience = time.Minute

const (
	typeNDJSON = "application/x-ndjson"
	typeCSV    = "text/csv"
)

// exportAudit streams every row that the filters select, each with the cursor behind it: what
// breaks off goes on there.
func (a *api) exportAudit(c *call) error {
	p, err := c.parameters(append(auditFilters[:len(auditFilters):len(auditFilters)], "format")...)
	if err != nil {
		return err
	}
	query, err := c.auditQuery(p)
	if err != nil {
		return err
	}
	format, err := p.choice("format", "ndjson", "csv")
	if err != nil {
		return err
	}
	if format == "" && c.NegotiateFormat(typeNDJSON, typeCSV) == typeCSV {
		format = "csv"
	}
	if err := a.look(c); err != nil {
		return err
	}
	out := &exporter{call: c, buffer: bufio.NewWriterSize(nil, 64<<10), csv: format == "csv"}
	out.buffer.Reset(out)
	if err = a.views.EachAudit(c.ctx(), query, out.row); err == nil {
		err = out.end()
	}
	if errors.Is(err, errUnsent) {
		c.code = "client_gone"
		return nil // nothing gets through to tell it, not even the end
	}
	return err
}

// exporter writes rows to the client. Nothing is sent before the first row is there, so
// that what is wrong with the query is still told as a problem.
type exporter struct {
	call   *call
	buffer *bufio.Writer
	csv    bool
	begun  bool
}

// Write gives the client time anew for each bufferful.
func (e *exporter) Write(p []byte) (int, error) {
	control, now := http.NewResponseController(e.call.Writer), time.Now()
	// A writer without deadlines has none to extend.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(now.Add(exportPatience))
	n, err := e.call.Writer.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", errUnsent, err)
	}
	return n, err
}

func (e *exporter) begin() error {
	e.begun = true
	h, name := e.call.Writer.Header(), "audit.ndjson"
	h.Set("Content-Type", typeNDJSON)
	if e.csv {
		h.Set("Content-Type", typeCSV+"; charset=utf-8; header=present")
		name = "audit.csv"
	}
	h.Set("Content-Disposition", "attachment; filename="+name)
	h.Set("Vary", "Accept")
	e.call.Status(http.StatusOK)
	if e.csv {
		return writeRecord(e.buffer, exportColumns)
	}
	return nil
}

func (e *exporter) end() error {
	if !e.begun {
		if err := e.begin(); err != nil {
			return err
		}
	}
	return e.buffer.Flush()
}

type exportedRow struct {
	projections.AuditRow
	Cursor string `json:"cursor"`
}

func (e *exporter) row(row projections.AuditRow, cursor string) error {
	if !e.begun {
		if err := e.begin(); err != nil {
			return err
		}
	}
	if e.csv {
		return writeRecord(e.buffer, exportRecord(row, cursor))
	}
	line, err := json.Marshal(exportedRow{row, cursor})
	if err != nil {
		return err
	}
	_, err = e.buffer.Write(append(line, '\n'))
	return err
}

var exportColumns = []string{"position", "stream", "revision", "event_id", "type", "known", "occurred_at", "recorded_at", "actor_id", "actor_role",
	"correlation_id", "causation_id", "engine", "layout", "policy", "sentence", "reason", "before", "after", "data", "cursor"}

func exportRecord(r projections.AuditRow, cursor string) []string {
	record := []string{r.Position.String(), r.Stream, fmt.Sprint(r.Revision), r.EventID.String(), r.Type, fmt.Sprint(r.Known),
		r.OccurredAt.Format(time.RFC3339Nano), r.RecordedAt.Format(time.RFC3339Nano), r.Actor.ID, string(r.Actor.Role), r.CorrelationID, r.CausationID}
	if r.Versions != nil {
		record = append(record, r.Versions.Engine, r.Versions.Layout, r.Versions.Policy)
	} else {
		record = append(record, "", "", "")
	}
	return append(record, r.Sentence, r.Reason, string(r.Before), string(r.After), string(r.Data), cursor)
}

// writeRecord writes a line of RFC 4180. encoding/csv would turn the line ends inside of
// texts into others.
func writeRecord(w io.StringWriter, cells []string) error {
	for i, cell := range cells {
		separator := ","
		if i == 0 {
			separator = ""
		}
		if _, err := w.WriteString(separator + `"` + strings.ReplaceAll(harmless(cell), `"`, `""`) + `"`); err != nil {
			return err
		}
	}
	_, err := w.WriteString("\r\n")
	return err
}

// harmless keeps a spreadsheet from taking a text for a formula: one that begins like one,
// be it behind blanks or in full width, gets an apostrophe before it, as OWASP recommends.
func harmless(cell string) string {
	seen := strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf) })
	first, _ := utf8.DecodeRuneInString(seen)
	if strings.ContainsRune("=+-@＝＋－＠", first) || cell != "" && strings.ContainsRune("\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
