package transcript

// LayoutVersion names the layout rules. It changes whenever Read may answer differently
// for the same words.
const LayoutVersion = "1"

// Read turns words on pages into a reading. It never fails: what it does not find is nil,
// and a file with a Problem gives a reading with nothing but that.
func Read(file File) Reading {
	r := Reading{Problem: file.Problem, Detail: file.Detail, Type: file.Type, Active: file.Active,
		Traces: file.Traces, Kind: NotStudyResult, Layout: LayoutVersion}
	return r
}
