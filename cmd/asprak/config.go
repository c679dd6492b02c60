package main

import "path/filepath"

// folder is where the embedded default keeps everything.
type folder struct {
	Data string `env:"ASPRAK_DATA" default:"data" help:"Folder of the log, the read models, the documents and the local key."`
}

func (f folder) log() string       { return filepath.Join(f.Data, "log.db") }
func (f folder) views() string     { return filepath.Join(f.Data, "views.db") }
func (f folder) documents() string { return filepath.Join(f.Data, "documents") }
func (f folder) key() string       { return filepath.Join(f.Data, "token.key") }
