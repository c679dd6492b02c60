package transcript

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// minKeyRows is the number of rows below which two honest documents may well agree.
const minKeyRows = 3

// RowsKey is a stable hash of the course rows of a reading (code, or name where there is no
// code, with grade and SKS), whatever their order: two documents with one key show the same
// results. It is "" when fewer than three rows are known.
func RowsKey(r Reading) string {
	var lines []string
	for _, row := range r.Rows {
		var id, grade, sks string
		switch {
		case row.Code != nil && row.Code.Value != "":
			id = NormaliseCode(row.Code.Value)
		case row.Name != nil:
			id = NormaliseCourse(row.Name.Value)
		}
		if row.Grade != nil {
			grade = NormaliseGrade(row.Grade.Value)
		}
		if row.SKS != nil {
			sks = row.SKS.Value.String()
		}
		if id == "" || grade == "" {
			continue
		}
		lines = append(lines, id+"\x1f"+grade+"\x1f"+sks)
	}
	if len(lines) < minKeyRows {
		return ""
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}
